// invite_client.cc: RFC 3261 figure 5 as amended by RFC 6026 (Accepted, Timer M), with
// Timer C of 16.6 and 16.8.
//
//   state       | event           | next       | actions, in order; to the TU
//   ------------+-----------------+------------+---------------------------------------------------
//   Initial     | start           | Calling    | forward; B, and A if unreliable
//   Calling     | 100             | Proceeding | C; trying
//   Calling     | 101-199         | Proceeding | C; provisional
//   Calling     | 2xx             | Accepted   | M; success
//   Calling     | 3xx-6xx         | Completed  | ACK; D, Terminated at once if reliable; failure
//   Calling     | Timer A         | Calling    | request again; A doubled
//   Calling     | Timer B         | Terminated | timeout
//   Calling     | transport error | Terminated | transport error
//   Proceeding  | 101-199         | Proceeding | C anew, unless a CANCEL was sent; provisional
//   Proceeding  | 2xx             | Accepted   | M; success
//   Proceeding  | 3xx-6xx         | Completed  | ACK; D, Terminated at once if reliable; failure
//   Proceeding  | Timer C         | Proceeding | timer C (the TU cancels; the CANCEL sets the wait)
//   Proceeding  | wait after CANCEL ends | Terminated | timeout
//   Completed   | 2xx             | Accepted   | M; success   (16.7 step 5; a timed-out branch likewise, W13)
//   Completed   | 3xx-6xx         | Completed  | ACK   (O17)
//   Completed   | Timer D, transport error | Terminated |
//   Accepted    | 2xx             | Accepted   | further success
//   Accepted    | 3xx-6xx         | Accepted   | ACK
//   Accepted    | Timer M         | Terminated |
//   Terminated  | 2xx             | Accepted   | M; success, unless Timer M has already ended one
//   Terminated  | 3xx-6xx         | Terminated | ACK
//   every other pair is ignored, with the reason in the code.
//
// A transport error in Proceeding is ignored: the request was received, and nothing is being sent.
#include "core/transaction/invite_client.h"
#include "core/base/assert.h"
#include "core/base/mutation.h"

namespace lockstep::transaction {

namespace {

constexpr ClientResult pass(Pass what) { return ClientResult{what, Why::kNone}; }
constexpr ClientResult ignore(Why why) { return ClientResult{Pass::kNothing, why}; }

void enter_terminated(Branch& branch) {
  branch.state = ClientState::kTerminated;
  branch.retransmit_at = kNever;
  branch.timeout_at = kNever;
}

ClientResult enter_proceeding(Branch& branch, const ClientInput& input, const Settings& settings, Pass what) {
  branch.provisional_status = input.status;
  if (mutated(Mutation::kInviteRepeatedWhileRinging)) return pass(what);
  branch.state = ClientState::kProceeding;
  branch.retransmit_at = kNever;
  branch.timeout_at = input.now + timer_c(settings);
  return pass(what);
}

ClientResult enter_accepted(Branch& branch, const ClientInput& input, const Settings& settings) {
  branch.state = ClientState::kAccepted;
  branch.retransmit_at = kNever;
  branch.timeout_at = input.now + timer_m(settings);
  return pass(Pass::kSuccess);
}

ClientResult enter_completed(Branch& branch, BranchIndex index, const ClientInput& input,
                             const Settings& settings, ActionList& actions) {
  if (!mutated(Mutation::kNoAckToFailure)) actions.push_back(Action::ack_branch(index));
  if (branch.reliable) {
    enter_terminated(branch);
  } else {
    branch.state = ClientState::kCompleted;
    branch.retransmit_at = kNever;
    branch.timeout_at = input.now + timer_d(settings);
  }
  return pass(Pass::kFailure);
}

ClientResult in_initial(Branch& branch, BranchIndex index, const ClientInput& input, const Settings& settings,
                        ActionList& actions) {
  LS_ASSERT(input.kind == ClientInputKind::kStart);
  branch.state = ClientState::kCalling;
  branch.timeout_at = input.now + timer_b(settings);
  if (!branch.reliable) {
    branch.retransmit_interval = settings.t1;
    branch.retransmit_at = input.now + settings.t1;
  }
  actions.push_back(Action::forward_request(index));
  return pass(Pass::kNothing);
}

ClientResult in_calling(Branch& branch, BranchIndex index, const ClientInput& input, const Settings& settings,
                        ActionList& actions) {
  switch (input.kind) {
    case ClientInputKind::kTrying: return enter_proceeding(branch, input, settings, Pass::kTrying);
    case ClientInputKind::kProvisional: return enter_proceeding(branch, input, settings, Pass::kProvisional);
    case ClientInputKind::kSuccess: return enter_accepted(branch, input, settings);
    case ClientInputKind::kFailure: return enter_completed(branch, index, input, settings, actions);
    case ClientInputKind::kTimerRetransmit:
      // Timer A has no upper limit but Timer B (17.1.1.2).
      branch.retransmit_interval = doubled(branch.retransmit_interval, DurationMs{kNever.value});
      branch.retransmit_at = input.now + branch.retransmit_interval;
      actions.push_back(Action::retransmit_request(index));
      return pass(Pass::kNothing);
    case ClientInputKind::kTimerTimeout: enter_terminated(branch); return pass(Pass::kTimeout);
    case ClientInputKind::kTransportError: enter_terminated(branch); return pass(Pass::kTransportError);
    case ClientInputKind::kStart: break;
  }
  LS_ASSERT(false);
}

// Whether the CANCEL's wait for a final (9.1) has taken Timer C's place.
bool was_cancel_sent(const Branch& branch) {
  return branch.cancel != CancelState::kNone && branch.cancel != CancelState::kOwed &&
         branch.cancel != CancelState::kHeld;
}

ClientResult in_proceeding(Branch& branch, BranchIndex index, const ClientInput& input,
                           const Settings& settings, ActionList& actions) {
  switch (input.kind) {
    case ClientInputKind::kTrying: return ignore(Why::kTryingAgain);
    case ClientInputKind::kProvisional:
      branch.provisional_status = input.status;
      if (!was_cancel_sent(branch) && !mutated(Mutation::kTimerCNotRearmed)) {
        branch.timeout_at = input.now + timer_c(settings);
      }
      return pass(Pass::kProvisional);
    case ClientInputKind::kSuccess: return enter_accepted(branch, input, settings);
    case ClientInputKind::kFailure: return enter_completed(branch, index, input, settings, actions);
    case ClientInputKind::kTimerTimeout:
      if (!was_cancel_sent(branch) && !mutated(Mutation::kTimerCWithoutCancel)) {
        branch.timeout_at = kNever;
        return pass(Pass::kTimerC);
      }
      enter_terminated(branch);
      return pass(Pass::kTimeout);
    case ClientInputKind::kTimerRetransmit: return ignore(Why::kNotDue);
    case ClientInputKind::kTransportError: return ignore(Why::kNotForwarding);
    case ClientInputKind::kStart: break;
  }
  LS_ASSERT(false);
}

ClientResult in_completed(Branch& branch, BranchIndex index, const ClientInput& input,
                          const Settings& settings, ActionList& actions) {
  switch (input.kind) {
    case ClientInputKind::kSuccess: return enter_accepted(branch, input, settings);
    case ClientInputKind::kFailure:
      if (!mutated(Mutation::kNoAckToRepetition)) actions.push_back(Action::ack_branch(index));
      return pass(Pass::kNothing);
    case ClientInputKind::kTimerTimeout:
    case ClientInputKind::kTransportError: enter_terminated(branch); return pass(Pass::kNothing);
    case ClientInputKind::kTrying:
    case ClientInputKind::kProvisional: return ignore(Why::kAfterFinal);
    case ClientInputKind::kTimerRetransmit: return ignore(Why::kNotDue);
    case ClientInputKind::kStart: break;
  }
  LS_ASSERT(false);
}

ClientResult in_accepted(Branch& branch, BranchIndex index, const ClientInput& input, ActionList& actions) {
  switch (input.kind) {
    case ClientInputKind::kSuccess: return pass(Pass::kSuccessRepeated);
    case ClientInputKind::kFailure: actions.push_back(Action::ack_branch(index)); return pass(Pass::kNothing);
    case ClientInputKind::kTimerTimeout: enter_terminated(branch); return pass(Pass::kNothing);
    case ClientInputKind::kTrying:
    case ClientInputKind::kProvisional: return ignore(Why::kAfterFinal);
    case ClientInputKind::kTimerRetransmit: return ignore(Why::kNotDue);
    case ClientInputKind::kTransportError: return ignore(Why::kNotForwarding);
    case ClientInputKind::kStart: break;
  }
  LS_ASSERT(false);
}

ClientResult in_terminated(Branch& branch, BranchIndex index, const ClientInput& input,
                           const Settings& settings, ActionList& actions) {
  switch (input.kind) {
    case ClientInputKind::kSuccess:
      // One that was ended against the caller's CANCEL counts as a 487 upstream, but it was a 2xx.
      if (is_success(branch.final_status) || branch.disposition != Disposition::kNone) {
        return ignore(Why::kResponseAbsorbed);
      }
      return enter_accepted(branch, input, settings);
    case ClientInputKind::kFailure: actions.push_back(Action::ack_branch(index)); return pass(Pass::kNothing);
    case ClientInputKind::kTrying:
    case ClientInputKind::kProvisional: return ignore(Why::kAfterFinal);
    case ClientInputKind::kTimerRetransmit:
    case ClientInputKind::kTimerTimeout: return ignore(Why::kNotDue);
    case ClientInputKind::kTransportError: return ignore(Why::kNotForwarding);
    case ClientInputKind::kStart: break;
  }
  LS_ASSERT(false);
}

}  // namespace

ClientResult step_invite_client(Branch& branch, BranchIndex index, const ClientInput& input,
                                const Settings& settings, ActionList& actions) {
  switch (branch.state) {
    case ClientState::kInitial: return in_initial(branch, index, input, settings, actions);
    case ClientState::kCalling: return in_calling(branch, index, input, settings, actions);
    case ClientState::kProceeding: return in_proceeding(branch, index, input, settings, actions);
    case ClientState::kCompleted: return in_completed(branch, index, input, settings, actions);
    case ClientState::kAccepted: return in_accepted(branch, index, input, actions);
    case ClientState::kTerminated: return in_terminated(branch, index, input, settings, actions);
    case ClientState::kTrying: break;  // Figure 6 only.
  }
  LS_ASSERT(false);
}

}  // namespace lockstep::transaction
