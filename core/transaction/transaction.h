// transaction.h: the one door to the machines: an event goes in, ordered actions come out.
// Pure: no clock, lock, allocation, random, log; equal arguments give equal results. Called by whoever owns
// the entry (O2), with the state of one transaction.
// Commit before performing: the caller steps a copy, commits copy and actions together, then performs
// (O3 to O5).
#pragma once

#include "core/transaction/action.h"
#include "core/transaction/event.h"
#include "core/transaction/ids.h"
#include "core/transaction/settings.h"
#include "core/transaction/state.h"

namespace lockstep::transaction {

struct Step {
  ActionList actions;
  Why ignored = Why::kNone;  // Set only if `actions` is empty.
};

// Changes `state` in place. A new transaction is a default State given Event::create.
// After an action kEnd the state takes no more events (they are ignored with Why::kEnded).
// REQUIRES: kCreate first and once; kAddBranch names the next index.
Step step(State& state, const Event& event, const Settings& settings);

// The earliest deadline, kNever if none is set. While next_deadline(state) <= now, the performer gives
// Event::timer(now); each fires one deadline. Every living state has a deadline (I19).
AgeMs next_deadline(const State& state);

// Whether kAddBranch would be taken now: ask before building a request (O10, I14).
bool may_add_branch(const State& state);

// Whether the event may make a CANCEL due: look ahead before it (O9). Never false where it does; may be true
// in vain.
bool may_cancel(const State& state, const Event& event);

// Settings::cancels_apart: the branches that an event wished to cancel, and nobody has picked yet.
BranchMask wished_cancels(const State& state);

// Whether the event may add a branch of its own, a twin for a further dialog: make room before it, and say so
// in Event::has_room.
bool may_need_twin(const State& state, const Event& event);

// The branch or twin that stands for the dialog of a 2xx on `branch`; kNoBranch if there is none yet.
BranchIndex find_dialog(const State& state, BranchIndex branch, std::uint32_t to_tag_hash);

// The branch whose final is the best by 16.7 step 6; kNoBranch if none that counts is final.
BranchIndex best_final(const State& state);

// What goes up for a best final of `status`: a 503 is ours to translate into 500.
constexpr Status status_upstream(Status status) { return status == 503 ? Status{500} : status; }

// For t_check_status, t_is_canceled, t_branch_timeout and the like.
bool is_cancelled_by_caller(const State& state);
bool is_ended(const State& state);
bool is_failure_route_running(const State& state);
Status final_status_sent(const State& state);  // 0 before a final went up.
Status last_status_sent(const State& state);   // 0 before any response went up.
std::size_t branch_count(const State& state);
std::size_t pending_branch_count(const State& state);
bool has_any_provisional(const State& state);   // Some branch sent a 1xx, 100 included.
bool has_timed_out_branch(const State& state);  // Some branch of the current leg timed out.

}  // namespace lockstep::transaction
