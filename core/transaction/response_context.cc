// response_context.cc: RFC 3261 16.7 to 16.10 (O6 to O8, O10, O11, O13 `forward`, O16).
//
//   from a branch, or the script     | server open                            | a final went up already
//   ---------------------------------+----------------------------------------+-----------------------
//   first 100                        | owed CANCEL                            | owed CANCEL
//   101-199                          | relay; owed CANCEL                     | owed CANCEL
//   2xx to INVITE, the first         | relay; CANCEL all pending, ascending   | relay; the same
//   the same, after caller's CANCEL, cancelled_2xx terminate | ACK, BYE; 487; conclude | ACK, BYE
//   2xx to INVITE, after one relayed | -                                      | late_2xx: relay; ACK, BYE; or
//   nothing 2xx again                        | -                                      | as the first of its
//   dialog; ACK alone 2xx to non-INVITE                | relay                                  | nothing
//   3xx-5xx                          | store; conclude                        | nothing
//   6xx                              | store; CANCEL all pending; conclude    | nothing
//   timeout, transport error         | made-up 408 (487), 503; conclude       | the same, nothing goes up
//   Timer C                          | CANCEL the branch                      | never: it is being cancelled
//   caller's CANCEL                  | 200; CANCEL all pending; 487 if no branch | 200
//   script's final                   | respond; CANCEL all pending            | nothing
//
// Conclude: when every branch is final, run the failure route if one is armed, else the best final goes up.
// While the failure route runs no branch's response goes up but a 2xx; its verdict, new branches or the
// script's own final end that.
// The actions of one event stand in the order of the cells: O6 relay before CANCEL, O7 ascending.
// A CANCEL that is due is held where its branch's final is in hand, or as long as cancel_holdoff says (O9). A
// branch whose request the kernel has not seen is not cancelled: the request is withdrawn (O10).
#include "core/transaction/response_context.h"

#include <algorithm>

#include "core/base/assert.h"
#include "core/base/mutation.h"
#include "core/transaction/best_response.h"
#include "core/transaction/bye_client.h"
#include "core/transaction/cancel_client.h"
#include "core/transaction/invite_client.h"
#include "core/transaction/invite_server.h"
#include "core/transaction/non_invite_client.h"
#include "core/transaction/non_invite_server.h"
#include "core/transaction/transaction.h"

namespace lockstep::transaction {

namespace {

Why step_server(const Decision& d, ServerInputKind kind, const Action& response = {}) {
  const ServerInput input{kind, d.event.now, response};
  return d.state.server.is_invite() ? step_invite_server(d.state.server, input, d.settings, d.actions)
                                    : step_non_invite_server(d.state.server, input, d.settings, d.actions);
}

ClientResult step_client(const Decision& d, BranchIndex index, ClientInputKind kind) {
  Branch& branch = d.state.branches[index.value];
  const ClientInput input{kind, d.event.now, d.event.status};
  return d.state.server.is_invite() ? step_invite_client(branch, index, input, d.settings, d.actions)
                                    : step_non_invite_client(branch, index, input, d.settings, d.actions);
}

// O9: a CANCEL that is due now is held for cancel_holdoff, and as long as the branch's final is in hand.
Why step_cancel(const Decision& d, BranchIndex index, CancelInput input) {
  const bool in_hand = (d.event.ahead.finals_in_hand & mask_of(index)) != 0;
  if (in_hand) input.in_hand_for = d.event.ahead.until;
  input.hold = std::max(input.in_hand_for, d.settings.cancel_holdoff);
  if (input.kind == CancelInputKind::kTimerRetransmit) {
    input.unsent = (d.event.ahead.unsent_cancels & mask_of(index)) != 0;
  }
  return step_cancel_client(d.state.branches[index.value], index, input, d.settings, d.actions);
}

void record_final(const Decision& d, BranchIndex index, Status status, bool made_up) {
  Branch& branch = d.state.branches[index.value];
  branch.final_status = status;
  branch.final_made_up = made_up;
  // Clears an owed or held CANCEL and stops one that is being repeated; without either nothing happens. What
  // is still here is withdrawn from a phone that has answered itself, not from one that never did.
  CancelInput input{CancelInputKind::kFinal, d.event.now};
  const bool has_answered = d.event.kind == EventKind::kResponse;
  input.unsent = has_answered && (d.event.ahead.unsent_cancels & mask_of(index)) != 0;
  (void)step_cancel(d, index, input);
}

// O10: the phone never hears of the call; the branch ends as a cancelled one.
void withdraw_request(const Decision& d, BranchIndex index) {
  Branch& branch = d.state.branches[index.value];
  branch.state = ClientState::kTerminated;
  branch.retransmit_at = kNever;
  branch.timeout_at = kNever;
  d.actions.push_back(Action::withdraw_request(index));
  record_final(d, index, 487, true);
}

Why cancel_one(const Decision& d, BranchIndex index, CancelReason reason, Status status) {
  const Branch& branch = d.state.branches[index.value];
  const bool is_unsent = (d.event.ahead.unsent_requests & mask_of(index)) != 0;
  if (is_unsent && branch.state == ClientState::kCalling) {
    withdraw_request(d, index);
    return Why::kNone;
  }
  return step_cancel(d, index, CancelInput{CancelInputKind::kWanted, d.event.now, reason, status});
}

// openser13: the wish is noted, and nothing else. Who made the decision picks the targets when it has let the
// call go, by what it reads then; that the branches have moved on meanwhile is the fault that it shows (W1).
void wish_to_cancel(Branch& branch, CancelReason reason, Status status) {
  if (!branch.is_pending() || branch.cancel != CancelState::kNone) return;
  branch.cancel_reason = reason;
  branch.cancel_status = status;
}

// O7, O8. Non-INVITE requests are never cancelled (9.1).
void cancel_pending(const Decision& d, CancelReason reason, Status status) {
  if (!d.state.server.is_invite()) return;
  for (std::size_t i = 0; i < d.state.branches.size(); ++i) {
    if (d.settings.cancels_apart) {
      wish_to_cancel(d.state.branches[i], reason, status);
      continue;
    }
    // Branches that are final or being cancelled ignore the wish: idempotence is the machine's.
    (void)cancel_one(d, branch_index(i), reason, status);
  }
}

// A final goes up: through the server machine, which sends it or says why not.
Why respond_final(const Decision& d, const Action& response, BranchIndex branch) {
  const ServerInputKind kind =
      is_success(response.status) ? ServerInputKind::kSuccess : ServerInputKind::kFailure;
  const Why why = step_server(d, kind, response);
  if (why != Why::kNone) return why;
  Context& context = d.state.context;
  // A 2xx that follows a 2xx does not make the context final a second time (I2).
  if (!is_success(context.final_status)) {
    context.final_status = response.status;
    context.final_branch = branch;
  }
  context.failure_route_running = false;
  context.guard_at = kNever;
  return Why::kNone;
}

Why send_best(const Decision& d) {
  const BranchIndex best = find_best_final(d.state.context, d.state.branches);
  LS_ASSERT(best != kNoBranch);
  const Branch& branch = d.state.branches[best.value];
  const Status status =
      mutated(Mutation::kUnavailableRelayed) ? branch.final_status : status_upstream(branch.final_status);
  const BranchMask challenges =
      mutated(Mutation::kChallengesDropped) ? 0 : find_challenges(d.state.context, d.state.branches, best);
  return respond_final(
      d,
      branch.final_made_up ? Action::respond_local(status) : Action::respond_best(best, status, challenges),
      best);
}

// 16.7 step 6. REQUIRES: at least one branch.
void conclude(const Decision& d) {
  State& state = d.state;
  Context& context = state.context;
  if (!state.server.is_open()) return;
  if (pending_branch_count(state) != 0 && !mutated(Mutation::kBestTooEarly)) return;
  if (context.cancelled_by_caller && mutated(Mutation::kNoFinalAfterCancel)) return;
  // It runs only while every branch is final, and a branch is final only once.
  LS_ASSERT(!context.failure_route_running);
  if (!context.failure_route_armed) {
    const Why why = send_best(d);
    LS_ASSERT(why == Why::kNone);  // An open server takes a final.
    return;
  }
  const BranchIndex best = find_best_final(context, state.branches);
  LS_ASSERT(best != kNoBranch);
  context.failure_route_armed = false;
  context.failure_route_running = true;
  context.leg_ended = true;
  context.guard_at = d.event.now + d.settings.fr_timer;
  d.actions.push_back(Action::run_failure_route(best, state.branches[best.value].final_status));
}

// As conclude(), where the branches may have been final before: while the failure route runs, its verdict is
// waited for.
void conclude_if_idle(const Decision& d) {
  if (!d.state.context.failure_route_running) conclude(d);
}

void pay_owed_cancel(const Decision& d, BranchIndex index) {
  if (d.state.branches[index.value].cancel != CancelState::kOwed) return;
  const Why why = step_cancel(d, index, CancelInput{CancelInputKind::kProvisional, d.event.now});
  LS_ASSERT(why == Why::kNone);
}

// Reports `why` only if nothing was done.
Why unless_acted(const Decision& d, Why why) { return d.actions.empty() ? why : Why::kNone; }

Why on_provisional(const Decision& d, BranchIndex index) {
  const Why relayed =
      step_server(d, ServerInputKind::kProvisional, Action::relay_response(index, d.event.status));
  pay_owed_cancel(d, index);
  return unless_acted(d, relayed);
}

// O13: what becomes of the 2xx in this event.
Disposition dispose(const Decision& d) {
  const Context& context = d.state.context;
  if (!d.state.server.is_invite()) return Disposition::kRelay;
  if (!is_success(context.final_status)) {
    if (context.global_failure && mutated(Mutation::kNoSuccessAfterGlobalFailure)) return Disposition::kDrop;
    const bool ends = context.cancelled_by_caller && d.settings.cancelled_2xx == LatePolicy::kTerminate;
    return ends ? Disposition::kTerminate : Disposition::kRelay;
  }
  if (mutated(Mutation::kLatePolicyIgnored)) return Disposition::kRelay;
  switch (d.settings.late_2xx) {
    case LatePolicy::kForward: return Disposition::kRelay;
    case LatePolicy::kTerminate: return Disposition::kTerminate;
    case LatePolicy::kDrop: return Disposition::kDrop;
  }
  LS_ASSERT(false);
}

void end_dialog(const Decision& d, BranchIndex index) {
  const Why why = step_bye_client(d.state.branches[index.value], index,
                                  ByeInput{ByeInputKind::kWanted, d.event.now}, d.settings, d.actions);
  LS_ASSERT(why == Why::kNone);
}

Why on_success(const Decision& d, BranchIndex index) {
  Branch& branch = d.state.branches[index.value];
  branch.to_tag_hash = d.event.to_tag_hash;
  branch.disposition = dispose(d);
  if (branch.disposition == Disposition::kRelay) {
    record_final(d, index, d.event.status, false);
    const Why relayed = respond_final(d, Action::relay_response(index, d.event.status), index);
    if (mutated(Mutation::kSuccessAcked)) d.actions.push_back(Action::ack_branch(index));
    cancel_pending(d, CancelReason::kCompletedElsewhere, 200);
    return unless_acted(d, relayed);
  }
  // Upstream a branch that was answered against the caller's CANCEL counts as a cancelled one.
  const bool after_success = is_success(d.state.context.final_status);
  record_final(d, index, after_success ? d.event.status : Status{487}, !after_success);
  if (branch.disposition == Disposition::kDrop) return unless_acted(d, Why::kLateDropped);
  end_dialog(d, index);
  conclude_if_idle(d);
  return Why::kNone;
}

// A second dialog of the branch: a fork further down (W18).
Why on_twin(const Decision& d, BranchIndex index) {
  State& state = d.state;
  const Disposition disposition = dispose(d);
  if (disposition == Disposition::kRelay) {
    return step_server(d, ServerInputKind::kSuccessRepeated, Action::relay_response(index, d.event.status));
  }
  if (disposition == Disposition::kDrop) return Why::kLateDropped;
  if (state.branches.full() || !d.event.has_room) return Why::kLateDropped;
  const Branch& origin = state.branches[index.value];
  Branch twin;
  twin.state = ClientState::kAccepted;
  twin.timeout_at = d.event.now + timer_m(d.settings);
  twin.final_status = origin.final_status;
  twin.final_made_up = origin.final_made_up;
  twin.reliable = origin.reliable;
  twin.to_tag_hash = d.event.to_tag_hash;
  twin.twin_of = index;
  twin.disposition = disposition;
  state.branches.push_back(twin);
  end_dialog(d, branch_index(state.branches.size() - 1));
  return Why::kNone;
}

Why on_success_repeated(const Decision& d, BranchIndex index) {
  const BranchIndex dialog = find_dialog(d.state, index, d.event.to_tag_hash);
  if (dialog == kNoBranch || mutated(Mutation::kDispositionForgotten)) return on_twin(d, index);
  switch (d.state.branches[dialog.value].disposition) {
    case Disposition::kNone:  // A non-INVITE's, or none that a 2xx was booked for.
    case Disposition::kRelay:
      return step_server(d, ServerInputKind::kSuccessRepeated, Action::relay_response(index, d.event.status));
    case Disposition::kTerminate:
      if (!mutated(Mutation::kNoAckAgain)) d.actions.push_back(Action::ack_dialog(dialog));
      return Why::kNone;
    case Disposition::kDrop: return Why::kLateDropped;
  }
  LS_ASSERT(false);
}

Why on_failure(const Decision& d, BranchIndex index) {
  Branch& branch = d.state.branches[index.value];
  const Status status = d.event.status;
  // What a CANCEL by Timer C brings is the end of a time-out: it weighs as the 408 of 16.8 does.
  const bool ends_timer_c =
      status == 487 && branch.cancel_reason == CancelReason::kTimerC && !d.state.context.cancelled_by_caller;
  if (ends_timer_c) branch.timed_out = true;
  record_final(d, index, ends_timer_c ? Status{408} : status, ends_timer_c);
  if (!d.state.server.is_open()) return unless_acted(d, Why::kFinalCommitted);
  if (!ends_timer_c) d.actions.push_back(Action::store_final(index));
  if (is_global_failure(status)) {
    d.state.context.global_failure = !mutated(Mutation::kGlobalFailureForgotten);
    cancel_pending(d, CancelReason::kGlobalFailure, status);
  }
  conclude(d);
  return Why::kNone;
}

// 16.8: as if a 408 had come. A branch that somebody cancelled ends as a cancelled one.
Why on_timeout(const Decision& d, BranchIndex index) {
  Branch& branch = d.state.branches[index.value];
  const bool by_timer_c =
      branch.cancel_reason == CancelReason::kTimerC && !d.state.context.cancelled_by_caller;
  const bool was_cancelled = branch.cancel_reason != CancelReason::kNone && !by_timer_c;
  branch.timed_out = !was_cancelled;
  record_final(d, index, was_cancelled ? Status{487} : Status{408}, true);
  conclude(d);
  return Why::kNone;
}

}  // namespace

Why on_create(const Decision& d) {
  Server& server = d.state.server;
  LS_ASSERT(server.state == ServerState::kInitial);
  server.method = d.event.method;
  server.reliable = d.event.reliable;
  d.state.context.guard_at =
      d.event.now + (server.is_invite() ? d.settings.fr_inv_timer : d.settings.fr_timer);
  return step_server(d, ServerInputKind::kRequest);
}

Why on_add_branch(const Decision& d) {
  State& state = d.state;
  Context& context = state.context;
  LS_ASSERT(d.event.branch.value == state.branches.size());
  if (!state.server.is_open() || context.is_closed()) return Why::kContextClosed;
  if (state.branches.full()) return Why::kBranchTableFull;
  Branch branch;
  branch.reliable = d.event.reliable;
  state.branches.push_back(branch);
  if (context.leg_ended && d.settings.failure_reply_mode != 0) context.first_counted = d.event.branch.value;
  context.leg_ended = false;
  context.failure_route_running = false;
  context.guard_at = kNever;
  return step_client(d, d.event.branch, ClientInputKind::kStart).ignored;
}

Why on_no_branches(const Decision& d) {
  if (pending_branch_count(d.state) != 0) return Why::kBranchesPending;
  return on_local_final(d);
}

Why on_local_provisional(const Decision& d) {
  return step_server(d, ServerInputKind::kProvisional, Action::respond_local(d.event.status));
}

Why on_local_final(const Decision& d) {
  if (!d.state.server.is_open()) return Why::kFinalCommitted;
  const Why responded = respond_final(d, Action::respond_local(d.event.status), kNoBranch);
  if (responded == Why::kNone) cancel_pending(d, CancelReason::kScript, d.event.status);
  return responded;
}

Why on_arm_failure_route(const Decision& d) {
  if (!d.state.server.is_open()) return Why::kFinalCommitted;
  d.state.context.failure_route_armed = d.event.armed;
  return Why::kNone;
}

Why on_verdict(const Decision& d) {
  Context& context = d.state.context;
  if (!context.failure_route_running) return Why::kNoRouteRunning;
  return send_best(d);
}

Why on_release(const Decision& d) {
  if (!d.state.branches.empty()) return Why::kBranchesPending;
  const Why abandoned = step_server(d, ServerInputKind::kAbandon);
  if (abandoned == Why::kNone) d.state.context.guard_at = kNever;
  return abandoned;
}

Why on_caller_cancel(const Decision& d) {
  State& state = d.state;
  if (!mutated(Mutation::kCancelUnanswered)) d.actions.push_back(Action::answer_cancel());
  if (!state.server.is_open() && mutated(Mutation::kCancelAnsweredTwice)) {
    d.actions.push_back(Action::answer_cancel());
  }
  if (!state.server.is_invite() || !state.server.is_open()) return Why::kNone;
  state.context.cancelled_by_caller = true;
  if (!state.branches.empty()) {
    cancel_pending(d, CancelReason::kCaller, 0);
    conclude_if_idle(d);
    return Why::kNone;
  }
  return respond_final(d, Action::respond_local(487), kNoBranch);
}

Why on_cancel_wanted(const Decision& d, BranchIndex index) {
  if (!d.state.server.is_invite()) return Why::kNotInvite;
  const Why why = cancel_one(d, index, CancelReason::kScript, 0);
  if (why == Why::kNone) conclude_if_idle(d);
  return why;
}

Why on_cancel_picked(const Decision& d, BranchIndex index) {
  Branch& branch = d.state.branches[index.value];
  if (branch.is_pending() && branch.cancel == CancelState::kOwed && d.event.armed) {
    pay_owed_cancel(d, index);  // Another wish was marked meanwhile, by what was read before the 1xx.
    return Why::kNone;
  }
  if (!branch.is_pending() || branch.cancel != CancelState::kNone) return Why::kCancelNotNeeded;
  if (d.event.armed) {
    return step_cancel(d, index,
                       CancelInput{CancelInputKind::kWanted, d.event.now, branch.cancel_reason,
                                   branch.cancel_status});
  }
  branch.cancel = CancelState::kOwed;  // Even if its 1xx has come since, which then pays nothing.
  return Why::kNone;
}

Why on_guard(const Decision& d) {
  if (d.state.context.failure_route_running) return send_best(d);
  return respond_final(d, Action::respond_local(408), kNoBranch);
}

Why on_server_input(const Decision& d, ServerInputKind kind) { return step_server(d, kind); }

Why on_client_input(const Decision& d, BranchIndex index, ClientInputKind kind) {
  const ClientResult result = step_client(d, index, kind);
  if (result.ignored != Why::kNone) return result.ignored;
  switch (result.pass) {
    case Pass::kNothing: return Why::kNone;
    case Pass::kTrying:
      if (mutated(Mutation::kTryingRelayed)) return on_provisional(d, index);
      pay_owed_cancel(d, index);
      return Why::kNone;
    case Pass::kProvisional: return on_provisional(d, index);
    case Pass::kSuccess: return on_success(d, index);
    case Pass::kSuccessRepeated: return on_success_repeated(d, index);
    case Pass::kFailure: return on_failure(d, index);
    case Pass::kTimeout: return on_timeout(d, index);
    case Pass::kTransportError:
      record_final(d, index, 503, true);
      conclude(d);
      return Why::kNone;
    case Pass::kTimerC:
      // One that is held leaves when its hold ends.
      if (d.state.branches[index.value].cancel == CancelState::kHeld) return Why::kNone;
      // Owed though it rings: openser13 alone gets there (W1). Timer C makes up for it, minutes later.
      pay_owed_cancel(d, index);
      if (!d.actions.empty()) return Why::kNone;
      return step_cancel(d, index,
                         CancelInput{CancelInputKind::kWanted, d.event.now, CancelReason::kTimerC, 0});
  }
  LS_ASSERT(false);
}

Why on_cancel_input(const Decision& d, BranchIndex index, CancelInputKind kind) {
  return step_cancel(d, index, CancelInput{kind, d.event.now});
}

Why on_bye_input(const Decision& d, BranchIndex index, ByeInputKind kind) {
  return step_bye_client(d.state.branches[index.value], index, ByeInput{kind, d.event.now, d.event.status},
                         d.settings, d.actions);
}

}  // namespace lockstep::transaction
