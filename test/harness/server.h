// server.h: the server under test, started and stopped as an operator would: by scripts/lockstepctl, in a run
// folder of its own, listening on a loopback address of its own (127.x.y.z, port 5060), so that any number of
// tests can run side by side. With HARNESS_SERVER=kamailio in the environment Debian's kamailio is started
// instead with the same configuration: that is how the phones and the scenarios themselves are checked.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "test/harness/phone.h"
#include "test/harness/process.h"

namespace lockstep::harness {

struct ServerOptions {
  std::string config = "test/call/office.cfg";  // From the top of the checkout.
  int children = 2;
  std::vector<std::string> arguments = {};  // Further ones for the server, "-A", "NAME=1".
  std::string binary = {};                  // Empty: the one that was built.
  bool peer = false;                        // Start Debian's kamailio in any case.
};

class Server {
 public:
  explicit Server(ServerOptions options);
  // Stops it if it runs; whatever is left then is ended by process id.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  static bool is_peer();  // By the environment, Debian's kamailio stands in for lockstep.

  // Starts and waits until it answers an OPTIONS on its address. Throws with its output if it does not.
  void start();
  Outcome try_start();
  // Kills the supervisor, and with `all` every process of it at once. Returns its children; what is left is
  // for the test to look at, and for the next start.
  std::vector<pid_t> kill_supervisor(bool all = false);
  // What the next start takes instead.
  void set_children(int children) { options_.children = children; }
  void set_arguments(std::vector<std::string> arguments) { options_.arguments = std::move(arguments); }
  void set_binary(std::string binary) { options_.binary = std::move(binary); }
  std::string segment_file() const;  // "/dev/shm/...", of the running server.
  // Stops it and returns what it left behind, one line each: none is right.
  std::vector<std::string> stop();
  Outcome control(const std::vector<std::string>& arguments, int deadline_ms = 15000);
  // The text of the answer to an RPC.
  std::string rpc(const std::string& method, const std::vector<std::string>& parameters = {});

  Address address() const { return address_; }
  std::string host() const { return address_.ip; }
  std::string uri(const std::string& user) const { return "sip:" + user + "@" + address_.ip; }
  const std::string& run_folder() const { return run_folder_; }
  std::string pid_file() const;
  pid_t pid() const;                            // Of the supervisor; 0 if there is no PID file.
  std::vector<pid_t> worker_pids();             // SIP workers, by core.psx.
  std::string log() const;                      // What it wrote to stderr.
  std::vector<std::string> complaints() const;  // Lines of the log that tell of a bug: crashes, assertions.

 private:
  std::vector<std::string> server_arguments() const;

  ServerOptions options_;
  std::string top_;  // Of the checkout.
  std::string run_folder_;
  Address address_;
  bool started_ = false;
};

}  // namespace lockstep::harness
