// sipp.h: Debian's SIPp as a load of plain calls, run in the background; its result is read from the
// statistics file it writes. Scenarios are in test/call/sipp and test/bench.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "test/harness/phone.h"
#include "test/harness/process.h"

namespace lockstep::harness {

struct SippResult {
  int exit_status = -1;  // 0: all calls were successful; -1: still running at the deadline.
  long successful = 0;
  long failed = 0;
  long retransmissions = 0;
  std::string errors;  // The beginning of its error file.
  std::string text() const;
};

class Sipp {
 public:
  // `port` is its local port, on 127.0.0.1; `arguments` are SIPp's own ("-r", "500", "-m", "4000").
  Sipp(const std::string& scenario, const Address& server, int port, std::vector<std::string> arguments);
  ~Sipp();

  bool is_running() { return process_->is_running(); }
  SippResult wait(int deadline_ms);
  // Calls finished so far, from the statistics written each second.
  SippResult so_far() const;

 private:
  std::string folder_;
  std::unique_ptr<Background> process_;
};

// A UDP port of 127.0.0.1 that was free a moment ago.
int free_port();

}  // namespace lockstep::harness
