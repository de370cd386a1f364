// non_invite_client.cc: RFC 3261 figure 6.
//
//   state       | event           | next       | actions, in order; to the TU
//   ------------+-----------------+------------+--------------------------------------------
//   Initial     | start           | Trying     | forward; F, and E if unreliable
//   Trying      | 100             | Proceeding | trying
//   Trying      | 101-199         | Proceeding | provisional
//   Trying      | 2xx             | Completed  | K, Terminated at once if reliable; success
//   Trying      | 3xx-6xx         | Completed  | K, Terminated at once if reliable; failure
//   Trying      | Timer E         | Trying     | request again; E doubled, at most T2
//   Trying      | Timer F         | Terminated | timeout
//   Trying      | transport error | Terminated | transport error
//   Proceeding  | 101-199         | Proceeding | provisional
//   Proceeding  | Timer E         | Proceeding | request again; E at T2
//   Proceeding  | finals, Timer F, transport error: as in Trying
//   Completed   | Timer K         | Terminated |
//   every other pair is ignored, with the reason in the code.
#include "core/base/assert.h"
#include "core/transaction/non_invite_client.h"

namespace lockstep::transaction {

namespace {

constexpr ClientResult pass(Pass what) { return ClientResult{what, Why::kNone}; }
constexpr ClientResult ignore(Why why) { return ClientResult{Pass::kNothing, why}; }

void enter_terminated(Branch& branch) {
  branch.state = ClientState::kTerminated;
  branch.retransmit_at = kNever;
  branch.timeout_at = kNever;
}

ClientResult enter_completed(Branch& branch, const ClientInput& input, const Settings& settings, Pass what) {
  if (branch.reliable) {
    enter_terminated(branch);
  } else {
    branch.state = ClientState::kCompleted;
    branch.retransmit_at = kNever;
    branch.timeout_at = input.now + timer_k(settings);
  }
  return pass(what);
}

ClientResult in_initial(Branch& branch, BranchIndex index, const ClientInput& input, const Settings& settings,
                        ActionList& actions) {
  LS_ASSERT(input.kind == ClientInputKind::kStart);
  branch.state = ClientState::kTrying;
  branch.timeout_at = input.now + timer_f(settings);
  if (!branch.reliable) {
    branch.retransmit_interval = settings.t1;
    branch.retransmit_at = input.now + settings.t1;
  }
  actions.push_back(Action::forward_request(index));
  return pass(Pass::kNothing);
}

// What Trying and Proceeding have in common; they differ in Timer E and in a 100.
ClientResult in_trying_or_proceeding(Branch& branch, BranchIndex index, const ClientInput& input,
                                     const Settings& settings, ActionList& actions) {
  const bool proceeding = branch.state == ClientState::kProceeding;
  switch (input.kind) {
    case ClientInputKind::kTrying:
      if (proceeding) return ignore(Why::kTryingAgain);
      branch.state = ClientState::kProceeding;
      branch.provisional_status = input.status;
      return pass(Pass::kTrying);
    case ClientInputKind::kProvisional:
      branch.state = ClientState::kProceeding;
      branch.provisional_status = input.status;
      return pass(Pass::kProvisional);
    case ClientInputKind::kSuccess: return enter_completed(branch, input, settings, Pass::kSuccess);
    case ClientInputKind::kFailure: return enter_completed(branch, input, settings, Pass::kFailure);
    case ClientInputKind::kTimerRetransmit:
      branch.retransmit_interval =
          proceeding ? settings.t2 : doubled(branch.retransmit_interval, settings.t2);
      branch.retransmit_at = input.now + branch.retransmit_interval;
      actions.push_back(Action::retransmit_request(index));
      return pass(Pass::kNothing);
    case ClientInputKind::kTimerTimeout:
      enter_terminated(branch);
      return pass(Pass::kTimeout);
    case ClientInputKind::kTransportError:
      enter_terminated(branch);
      return pass(Pass::kTransportError);
    case ClientInputKind::kStart: break;
  }
  LS_ASSERT(false);
}

ClientResult in_completed_or_terminated(Branch& branch, const ClientInput& input) {
  switch (input.kind) {
    case ClientInputKind::kTimerTimeout:
      if (branch.state == ClientState::kTerminated) return ignore(Why::kNotDue);
      enter_terminated(branch);
      return pass(Pass::kNothing);
    case ClientInputKind::kTrying:
    case ClientInputKind::kProvisional: return ignore(Why::kAfterFinal);
    case ClientInputKind::kSuccess:
    case ClientInputKind::kFailure: return ignore(Why::kResponseAbsorbed);
    case ClientInputKind::kTimerRetransmit: return ignore(Why::kNotDue);
    case ClientInputKind::kTransportError: return ignore(Why::kNotForwarding);
    case ClientInputKind::kStart: break;
  }
  LS_ASSERT(false);
}

}  // namespace

ClientResult step_non_invite_client(Branch& branch, BranchIndex index, const ClientInput& input,
                                    const Settings& settings, ActionList& actions) {
  switch (branch.state) {
    case ClientState::kInitial: return in_initial(branch, index, input, settings, actions);
    case ClientState::kTrying:
    case ClientState::kProceeding: return in_trying_or_proceeding(branch, index, input, settings, actions);
    case ClientState::kCompleted:
    case ClientState::kTerminated: return in_completed_or_terminated(branch, input);
    case ClientState::kCalling:
    case ClientState::kAccepted: break;  // Figure 5 only.
  }
  LS_ASSERT(false);
}

}  // namespace lockstep::transaction
