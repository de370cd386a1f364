// own_request.h: Timers E and F (figure 6) of a request that this proxy makes itself on a branch: its CANCEL,
// and later its BYE, in the same place.
#pragma once

#include "core/transaction/settings.h"
#include "core/transaction/state.h"

namespace lockstep::transaction {

inline void start_own_request(Branch& branch, AgeMs now, DurationMs timer_f_of_it, const Settings& settings) {
  branch.cancel_timeout_at = now + timer_f_of_it;
  if (branch.reliable) return;
  branch.cancel_interval = settings.t1;
  branch.cancel_retransmit_at = now + settings.t1;
}

// Timer E has fired.
inline void repeat_own_request(Branch& branch, AgeMs now, const Settings& settings) {
  branch.cancel_interval = doubled(branch.cancel_interval, settings.t2);
  branch.cancel_retransmit_at = now + branch.cancel_interval;
}

inline void stop_own_request(Branch& branch) {
  branch.cancel_retransmit_at = kNever;
  branch.cancel_timeout_at = kNever;
}

}  // namespace lockstep::transaction
