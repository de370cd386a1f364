// baresip.h: Debian's baresip as a real phone without a sound device, registered at the server under test and
// commanded over its ctrl_tcp interface, whose events tell what became of its calls. Runs in a folder of its
// own with ports of its own on 127.0.0.1; ended with its object, or by itself after two minutes.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "test/harness/phone.h"
#include "test/harness/process.h"

namespace lockstep::harness {

class Baresip {
 public:
  // What became of one call, by its Call-ID.
  struct Call {
    bool established = false;  // Answered, and the ACK has come.
    bool closed = false;
    bool stands() const { return established && !closed; }
  };

  static bool is_installed();

  // Starts it; it registers user@server by itself. Throws if its control port does not open.
  Baresip(const std::string& user, const Address& server, bool answers);
  ~Baresip();
  Baresip(const Baresip&) = delete;
  Baresip& operator=(const Baresip&) = delete;

  bool is_registered() const;  // By its log.
  void dial(const std::string& uri) { command("dial", uri); }
  void hang_up() { command("hangup", ""); }
  const std::map<std::string, Call>& calls() const { return calls_; }
  Call call(const std::string& call_id) const;
  std::string log() const;
  std::string story() const;  // Its calls, a line each.

  // Reads the events of all until `condition` holds; false at the deadline.
  static bool run_until(const std::vector<Baresip*>& all, const std::function<bool()>& condition,
                        int deadline_ms);

 private:
  void write_configuration(const std::string& user, const Address& server, bool answers, int sip_port,
                           int control_port) const;
  void connect_to(int control_port);
  void command(const std::string& name, const std::string& parameters);
  void read_events();
  void on_event(const std::string& text);

  std::string folder_;
  std::unique_ptr<Background> process_;
  int control_ = -1;
  std::string unread_;
  std::map<std::string, Call> calls_;
};

}  // namespace lockstep::harness
