// transaction.cc: gives each event to its part of the composition, splits a timer event into the deadline
// that is due, and ends the transaction when every part has ended.
#include "core/transaction/transaction.h"

#include "core/base/assert.h"
#include "core/transaction/best_response.h"
#include "core/transaction/response_context.h"
#include "core/transaction/timers.h"

namespace lockstep::transaction {

namespace {

ClientInputKind response_input(Status status) {
  if (status == 100) return ClientInputKind::kTrying;
  if (is_provisional(status)) return ClientInputKind::kProvisional;
  return is_success(status) ? ClientInputKind::kSuccess : ClientInputKind::kFailure;
}

// The BYE's timers stand where the CANCEL's stood.
bool has_bye(const Decision& d, BranchIndex index) {
  return d.state.branches[index.value].bye != ByeState::kNone;
}

Why fire(const Decision& d, const DueTimer& due) {
  const BranchIndex index = due.branch;
  switch (due.kind) {
    case TimerKind::kServerEnd: return on_server_input(d, ServerInputKind::kTimerEnd);
    case TimerKind::kServerRetransmit: return on_server_input(d, ServerInputKind::kTimerRetransmit);
    case TimerKind::kGuard: return on_guard(d);
    case TimerKind::kCancelTimeout:
      return has_bye(d, index) ? on_bye_input(d, index, ByeInputKind::kTimerTimeout)
                               : on_cancel_input(d, index, CancelInputKind::kTimerTimeout);
    case TimerKind::kCancelRetransmit:
      return has_bye(d, index) ? on_bye_input(d, index, ByeInputKind::kTimerRetransmit)
                               : on_cancel_input(d, index, CancelInputKind::kTimerRetransmit);
    case TimerKind::kBranchTimeout: return on_client_input(d, index, ClientInputKind::kTimerTimeout);
    case TimerKind::kBranchRetransmit: return on_client_input(d, index, ClientInputKind::kTimerRetransmit);
    case TimerKind::kNone: break;
  }
  LS_ASSERT(false);
}

// A machine that did not know its own deadline would be fired for ever: that is our fault, not the event's.
Why fire_timer(const Decision& d) {
  const DueTimer due = earliest_timer(d.state);
  if (d.event.now < due.at || due.kind == TimerKind::kNone) return Why::kNotDue;
  const Why why = fire(d, due);
  LS_ASSERT(why == Why::kNone);
  return why;
}

Why on_branch_event(const Decision& d) {
  const BranchIndex index = d.event.branch;
  if (index.value >= d.state.branches.size()) return Why::kNoSuchBranch;
  const bool provisional = is_provisional(d.event.status);
  switch (d.event.kind) {
    case EventKind::kResponse:
      if (!is_status(d.event.status)) return Why::kBadStatus;
      if (d.state.branches[index.value].is_twin()) return Why::kNoSuchBranch;
      return on_client_input(d, index, response_input(d.event.status));
    case EventKind::kByeResponse:
      if (!is_status(d.event.status)) return Why::kBadStatus;
      return on_bye_input(d, index,
                          provisional ? ByeInputKind::kAnswerProvisional : ByeInputKind::kAnswerFinal);
    case EventKind::kByeTransportError: return on_bye_input(d, index, ByeInputKind::kTransportError);
    case EventKind::kCancelResponse:
      if (!is_status(d.event.status)) return Why::kBadStatus;
      return on_cancel_input(
          d, index, provisional ? CancelInputKind::kAnswerProvisional : CancelInputKind::kAnswerFinal);
    case EventKind::kCancelBranch: return on_cancel_wanted(d, index);
    case EventKind::kCancelPicked: return on_cancel_picked(d, index);
    case EventKind::kTransportError: return on_client_input(d, index, ClientInputKind::kTransportError);
    case EventKind::kCancelTransportError: return on_cancel_input(d, index, CancelInputKind::kTransportError);
    case EventKind::kCreate:
    case EventKind::kRequestRetransmitted:
    case EventKind::kAck:
    case EventKind::kAddBranch:
    case EventKind::kNoBranches:
    case EventKind::kLocalProvisional:
    case EventKind::kLocalFinal:
    case EventKind::kArmFailureRoute:
    case EventKind::kVerdict:
    case EventKind::kRelease:
    case EventKind::kCallerCancel:
    case EventKind::kServerTransportError:
    case EventKind::kTimer: break;
  }
  LS_ASSERT(false);
}

Why dispatch(const Decision& d) {
  const Status status = d.event.status;
  switch (d.event.kind) {
    case EventKind::kCreate: return on_create(d);
    case EventKind::kRequestRetransmitted: return on_server_input(d, ServerInputKind::kRequestRepeated);
    case EventKind::kAck: return on_server_input(d, ServerInputKind::kAck);
    case EventKind::kAddBranch: return on_add_branch(d);
    case EventKind::kNoBranches: return is_failure(status) ? on_no_branches(d) : Why::kBadStatus;
    case EventKind::kLocalProvisional:
      return is_provisional(status) ? on_local_provisional(d) : Why::kBadStatus;
    case EventKind::kLocalFinal:
      return is_success(status) || is_failure(status) ? on_local_final(d) : Why::kBadStatus;
    case EventKind::kArmFailureRoute: return on_arm_failure_route(d);
    case EventKind::kVerdict: return on_verdict(d);
    case EventKind::kRelease: return on_release(d);
    case EventKind::kCallerCancel: return on_caller_cancel(d);
    case EventKind::kServerTransportError: return on_server_input(d, ServerInputKind::kTransportError);
    case EventKind::kTimer: return fire_timer(d);
    case EventKind::kResponse:
    case EventKind::kCancelResponse:
    case EventKind::kCancelBranch:
    case EventKind::kCancelPicked:
    case EventKind::kByeResponse:
    case EventKind::kByeTransportError:
    case EventKind::kTransportError:
    case EventKind::kCancelTransportError: return on_branch_event(d);
  }
  LS_ASSERT(false);
}

// CANCELs need no look: the final of a branch ends its CANCEL, and a branch terminates only with a final. A
// BYE may outlive the Timer M of its branch.
bool has_ended(const State& state) {
  if (state.server.state != ServerState::kTerminated) return false;
  for (const Branch& branch : state.branches) {
    if (branch.state != ClientState::kTerminated || branch.bye == ByeState::kSent) return false;
  }
  return true;
}

}  // namespace

Step step(State& state, const Event& event, const Settings& settings) {
  Step result;
  LS_ASSERT((event.kind == EventKind::kCreate) == (state.server.state == ServerState::kInitial));
  if (state.context.ended) {
    result.ignored = Why::kEnded;
    return result;
  }
  result.ignored = dispatch(Decision{state, event, settings, result.actions});
  if (has_ended(state)) {
    result.ignored = Why::kNone;
    state.context.ended = true;
    result.actions.push_back(Action::end());
  }
  LS_ASSERT(result.ignored == Why::kNone || result.actions.empty());
  return result;
}

AgeMs next_deadline(const State& state) { return earliest_timer(state).at; }

bool may_add_branch(const State& state) {
  return state.server.is_open() && !state.context.is_closed() && !state.branches.full();
}

bool may_cancel(const State& state, const Event& event) {
  if (!state.server.is_invite() || state.branches.empty()) return false;
  const bool is_other = event.kind == EventKind::kResponse && !is_provisional(event.status);
  if (is_other && is_failure(event.status) && !is_global_failure(event.status)) return false;
  const bool may = event.kind == EventKind::kResponse || event.kind == EventKind::kCallerCancel ||
                   event.kind == EventKind::kCancelBranch || event.kind == EventKind::kLocalFinal ||
                   event.kind == EventKind::kTimer;
  if (!may) return false;
  for (std::size_t i = 0; i < state.branches.size(); ++i) {
    const Branch& branch = state.branches[i];
    if (!branch.is_pending() || (is_other && branch_index(i) == event.branch)) continue;
    const bool is_timer = event.kind == EventKind::kTimer;
    const bool hold_may_end = is_timer && branch.cancel == CancelState::kHeld;
    const bool is_repeated =
        is_timer && branch.cancel == CancelState::kSent && branch.cancel_retransmit_at <= event.now;
    const bool becomes_due = hold_may_end || is_repeated || branch.cancel == CancelState::kOwed ||
                             (branch.cancel == CancelState::kNone && branch.has_provisional());
    if (becomes_due) return true;
  }
  return false;
}

BranchMask wished_cancels(const State& state) {
  BranchMask wished = 0;
  for (std::size_t i = 0; i < state.branches.size(); ++i) {
    const Branch& branch = state.branches[i];
    if (!branch.is_pending() || branch.cancel != CancelState::kNone) continue;
    if (branch.cancel_reason != CancelReason::kNone) wished |= mask_of(branch_index(i));
  }
  return wished;
}

BranchIndex find_dialog(const State& state, BranchIndex branch, std::uint32_t to_tag_hash) {
  for (std::size_t i = 0; i < state.branches.size(); ++i) {
    const Branch& other = state.branches[i];
    const bool is_of_branch = branch_index(i) == branch || other.twin_of == branch;
    const bool has_dialog = other.disposition != Disposition::kNone;
    if (is_of_branch && has_dialog && other.to_tag_hash == to_tag_hash) return branch_index(i);
  }
  return kNoBranch;
}

bool may_need_twin(const State& state, const Event& event) {
  if (event.kind != EventKind::kResponse || !is_success(event.status) || !state.server.is_invite())
    return false;
  if (event.branch.value >= state.branches.size()) return false;
  const bool has_first = state.branches[event.branch.value].disposition != Disposition::kNone;
  return has_first && find_dialog(state, event.branch, event.to_tag_hash) == kNoBranch;
}

BranchIndex best_final(const State& state) { return find_best_final(state.context, state.branches); }

bool is_cancelled_by_caller(const State& state) { return state.context.cancelled_by_caller; }
bool is_ended(const State& state) { return state.context.ended; }
bool is_failure_route_running(const State& state) { return state.context.failure_route_running; }
Status final_status_sent(const State& state) { return state.context.final_status; }
Status last_status_sent(const State& state) { return state.server.last_status; }
std::size_t branch_count(const State& state) { return state.branches.size(); }

std::size_t pending_branch_count(const State& state) {
  std::size_t count = 0;
  for (const Branch& branch : state.branches) count += branch.is_pending() ? 1 : 0;
  return count;
}

bool has_any_provisional(const State& state) {
  for (const Branch& branch : state.branches) {
    if (branch.has_provisional()) return true;
  }
  return false;
}

bool has_timed_out_branch(const State& state) {
  for (std::size_t i = state.context.first_counted; i < state.branches.size(); ++i) {
    if (state.branches[i].timed_out) return true;
  }
  return false;
}

}  // namespace lockstep::transaction
