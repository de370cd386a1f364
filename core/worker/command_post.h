// command_post.h: how the control process reaches a call: like everything else, through the inbox of its
// entry (O1). It works no entry itself: one that nobody owns is queued for the workers, and one is woken.
#pragma once

#include <cstdint>
#include <vector>

#include "core/worker/process.h"

namespace lockstep::worker {

enum class CallCommandKind : std::uint16_t {
  kCancelBranch,  // Of `branch`.
  kCancelAll,     // Of every branch.
  kPicked,         // openser13: what a worker makes of its own wish (Event::cancel_picked); `branch` had no
  kPickedRinging,  // 1xx when it was picked, or had one.
};

struct CallCommand {
  CallCommandKind kind = CallCommandKind::kCancelAll;
  std::uint32_t entry = 0;
  std::uint32_t transaction = 0;
  std::uint32_t generation = 0;
  std::uint16_t branch = 0;
};

// One per server, made before the fork, used in the control process alone.
class CommandPost {
 public:
  // An eventfd of each worker, by WorkerId - 1.
  void set_wake_fds(std::vector<int> wake_fds) { wake_fds_ = std::move(wake_fds); }

  // True: it will be worked. False: no node is free; the caller may try again.
  bool post(Process& process, const CallCommand& command);
  // What a dead control process owned is queued; nodes that it never pushed are freed.
  void recover(Process& process);

 private:
  void queue(Process& process, std::uint32_t entry);

  std::vector<int> wake_fds_;
};

}  // namespace lockstep::worker
