// timers.h: which deadline of a transaction is the next to fire.
#pragma once

#include "core/transaction/state.h"

namespace lockstep::transaction {

enum class TimerKind : std::uint8_t {
  kNone,
  kServerEnd,         // H, I, J, L.
  kServerRetransmit,  // G.
  kGuard,             // Context::guard_at.
  kCancelTimeout,     // F of a CANCEL.
  kBranchTimeout,     // B, C, D, F, K, M, or the wait after a CANCEL.
  kCancelRetransmit,  // E of a CANCEL.
  kBranchRetransmit,  // A, E.
};

struct DueTimer {
  TimerKind kind = TimerKind::kNone;
  BranchIndex branch = kNoBranch;
  AgeMs at = kNever;
};

// The earliest deadline. Of equal ones the server's precede the context's, those the branches' in ascending
// index, and within each the order is that of TimerKind: an end before a repetition that it makes useless.
DueTimer earliest_timer(const State& state);

}  // namespace lockstep::transaction
