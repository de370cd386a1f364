// bye_client.cc: the ACK and BYE of a terminated 2xx (O14; RFC 3261 sections 13.2.2.4 and 15, figure 6).
//
//   state     | event              | next     | actions, in order
//   ----------+--------------------+----------+------------------------------------------------
//   none      | wanted             | sent     | ACK, BYE; F, and E if unreliable
//   sent      | 1xx to the BYE     | sent     | E at T2
//   sent      | final to the BYE   | answered | the end, for the log
//   sent      | Timer E            | sent     | BYE again; E doubled, at most T2
//   sent      | Timer F            | expired  | the end, as 408
//   sent      | transport error    | expired  | the end, as 503
//   every other pair is ignored, with the reason in the code.
//
// ACK and BYE stand side by side, so they leave as one unit. The 2xx's repetitions are acknowledged by the
// response context, whatever has become of the BYE.
#include "core/transaction/bye_client.h"

#include "core/base/assert.h"
#include "core/base/mutation.h"
#include "core/transaction/own_request.h"

namespace lockstep::transaction {

namespace {

void stop(Branch& branch, ByeState next) {
  branch.bye = next;
  stop_own_request(branch);
}

Why in_none(Branch& branch, BranchIndex index, const ByeInput& input, const Settings& settings,
            ActionList& actions) {
  switch (input.kind) {
    case ByeInputKind::kWanted:
      if (!mutated(Mutation::kByeBeforeAck)) actions.push_back(Action::ack_dialog(index));
      actions.push_back(Action::bye_dialog(index));
      if (mutated(Mutation::kByeBeforeAck)) actions.push_back(Action::ack_dialog(index));
      branch.bye = ByeState::kSent;
      start_own_request(branch, input.now, timer_bye(settings), settings);
      return Why::kNone;
    case ByeInputKind::kAnswerProvisional:
    case ByeInputKind::kAnswerFinal:
    case ByeInputKind::kTransportError: return Why::kNoBye;
    case ByeInputKind::kTimerRetransmit:
    case ByeInputKind::kTimerTimeout: return Why::kNotDue;
  }
  LS_ASSERT(false);
}

Why in_sent(Branch& branch, BranchIndex index, const ByeInput& input, const Settings& settings,
            ActionList& actions) {
  switch (input.kind) {
    case ByeInputKind::kAnswerProvisional: branch.cancel_interval = settings.t2; return Why::kNone;
    case ByeInputKind::kAnswerFinal:
      stop(branch, ByeState::kAnswered);
      actions.push_back(Action::bye_ended(index, input.status));
      return Why::kNone;
    case ByeInputKind::kTimerRetransmit:
      repeat_own_request(branch, input.now, settings);
      actions.push_back(Action::retransmit_bye(index));
      return Why::kNone;
    case ByeInputKind::kTimerTimeout:
      stop(branch, ByeState::kExpired);
      actions.push_back(Action::bye_ended(index, 408));
      return Why::kNone;
    case ByeInputKind::kTransportError:
      stop(branch, ByeState::kExpired);
      actions.push_back(Action::bye_ended(index, 503));
      return Why::kNone;
    case ByeInputKind::kWanted: break;  // The response context asks once a dialog.
  }
  LS_ASSERT(false);
}

Why in_answered_or_expired(const ByeInput& input) {
  switch (input.kind) {
    case ByeInputKind::kAnswerProvisional:
    case ByeInputKind::kAnswerFinal:
    case ByeInputKind::kTransportError: return Why::kNoBye;
    case ByeInputKind::kTimerRetransmit:
    case ByeInputKind::kTimerTimeout: return Why::kNotDue;
    case ByeInputKind::kWanted: break;
  }
  LS_ASSERT(false);
}

}  // namespace

Why step_bye_client(Branch& branch, BranchIndex index, const ByeInput& input, const Settings& settings,
                    ActionList& actions) {
  switch (branch.bye) {
    case ByeState::kNone: return in_none(branch, index, input, settings, actions);
    case ByeState::kSent: return in_sent(branch, index, input, settings, actions);
    case ByeState::kAnswered:
    case ByeState::kExpired: return in_answered_or_expired(input);
  }
  LS_ASSERT(false);
}

}  // namespace lockstep::transaction
