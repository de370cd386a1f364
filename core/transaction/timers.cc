// timers.cc: a scan over at most 2 + 1 + 4 * kBranchMax deadlines. A later one never hides an earlier one,
// because only a strictly earlier deadline replaces what was found.
#include "core/transaction/timers.h"

namespace lockstep::transaction {

static void consider(DueTimer& best, TimerKind kind, BranchIndex branch, AgeMs at) {
  if (at < best.at) best = DueTimer{kind, branch, at};
}

DueTimer earliest_timer(const State& state) {
  DueTimer best;
  consider(best, TimerKind::kServerEnd, kNoBranch, state.server.end_at);
  consider(best, TimerKind::kServerRetransmit, kNoBranch, state.server.retransmit_at);
  consider(best, TimerKind::kGuard, kNoBranch, state.context.guard_at);
  for (std::size_t i = 0; i < state.branches.size(); ++i) {
    const Branch& branch = state.branches[i];
    consider(best, TimerKind::kCancelTimeout, branch_index(i), branch.cancel_timeout_at);
    consider(best, TimerKind::kBranchTimeout, branch_index(i), branch.timeout_at);
    consider(best, TimerKind::kCancelRetransmit, branch_index(i), branch.cancel_retransmit_at);
    consider(best, TimerKind::kBranchRetransmit, branch_index(i), branch.retransmit_at);
  }
  return best;
}

}  // namespace lockstep::transaction
