// scenario.h: what is to be explored, as a short file:
//
//   title     both phones answer at the same moment
//   branches  2            # A, B, C: where the INVITE is forked to
//   workers   2
//   setup                  # taken one after the other by worker 1, before the race
//     invite
//     180 A
//     180 B
//   race                   # WORKER DATAGRAM: lies in that worker's socket when the race begins
//     1  200 A
//     2  200 B
//     3  cancel
//   arrive                 # the same, but each arrives at any moment of the race, in this order
//     1  200 B
//   clock     500 1000     # so many ms pass at any moment of the race, and so many more at any later one
//   rpc       cancel [B]   # the operator's tm.cancel, or tm.cancel_branch, at any moment of the race
//   failure   C            # once the call has failed, failure_route calls C, who is none of the branches
//   memory    full         # no message can be stored any more when the race begins
//   route     location     # the INVITE goes to whom of A, B, C has registered, the newest first
//
// DATAGRAM: `invite`, `cancel` (the caller's), `STATUS BRANCH [TAG]`, `STATUS BRANCH cancel` (the answer to a
// CANCEL), `ack BRANCH`, `bye BRANCH` (the caller's, in the dialog with that phone). With `route location`
// also `register BRANCH` and `unregister BRANCH`: that phone's REGISTER, to be one that the INVITE is forked
// to, or not.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace lockstep::explore {

inline constexpr unsigned kWorkerMost = 4;

struct ScenarioDatagram {
  enum class What { kInvite, kCancel, kResponse, kCancelResponse, kAck, kBye, kRegister, kUnregister };
  What what = What::kInvite;
  int status = 0;
  char branch = 0;  // 'A' and so on; 0: the caller.
  std::string tag;  // To tag; empty: the phone's own.
  std::size_t line = 0;

  bool is_registration() const { return what == What::kRegister || what == What::kUnregister; }
  std::string text() const;    // As it is written.
  std::string to_tag() const;  // The tag, or the phone's own.
};

struct Arrival {
  unsigned worker = 1;
  ScenarioDatagram datagram;
};

struct Scenario {
  std::string name;  // Of the file, without folder and ending.
  std::string title;
  unsigned branches = 2;
  unsigned workers = 2;
  std::vector<ScenarioDatagram> setup;
  std::vector<Arrival> race;
  std::vector<Arrival> arrive;
  std::vector<std::uint64_t> clock_ms;  // Empty: time stands still.
  bool has_rpc = false;                 // The operator cancels: rpc_branch, or all (0).
  char rpc_branch = 0;
  char failure = 0;                     // Whom failure_route calls; 0: there is none.
  bool by_location = false;             // The INVITE is forked to whom is registered, not to all branches.
  bool is_memory_full = false;
};

// Error: "FILE:LINE: what was expected".
Result<Scenario, std::string> parse_scenario(std::string_view text, const std::string& file);
Result<Scenario, std::string> read_scenario(const std::string& file);

}  // namespace lockstep::explore
