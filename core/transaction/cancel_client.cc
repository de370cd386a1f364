// cancel_client.cc: the CANCEL of a branch (O8, O16; RFC 3261 section 9.1, figure 6).
//
//   state     | event              | next     | actions, in order
//   ----------+--------------------+----------+------------------------------------------------
//   none      | wanted, no 1xx yet | owed     |
//   none      | wanted, after 1xx  | sent     | CANCEL; F, and E if unreliable; the wait of 9.1
//   none      | the same, to be held | held   | (the end of the hold is set)
//   owed      | 1xx of the branch  | sent     | CANCEL; F, and E if unreliable; the wait of 9.1
//   owed      | the same, to be held | held   | (the end of the hold is set)
//   owed      | final of the branch | none    |
//   held      | end of the hold, Timer F's place | sent | CANCEL; F, and E if unreliable; the wait of 9.1
//   held      | the same, the final in hand | held  | (the hold lasts until that is worked)
//   held      | final of the branch | none    | CANCEL withdrawn (O9)
//   sent      | 1xx to the CANCEL  | sent     | E at T2
//   sent      | final to the CANCEL | answered |
//   sent      | final of the branch | answered |
//   sent      | the same, CANCEL not handed over | none | CANCEL withdrawn (O9)
//   sent      | the same, its repetition not     | answered | the repetition withdrawn (O9)
//   answered, expired | the same                 | same | what was not handed over withdrawn (O9)
//   sent      | Timer E            | sent     | CANCEL again; E doubled, at most T2
//   sent      | the same, CANCEL not handed over, or the final in hand | sent | (E later)
//   sent      | Timer F, transport error | expired |
//   every other pair is ignored, with the reason in the code.
//
// The reason of the first wish is the one that is sent: a second cause does not undo the first.
// The final of the branch ends the repetition: a UAS that has answered its INVITE has nothing left to cancel,
// and I6 forbids a CANCEL after the final. Timer K of the CANCEL is not kept: `answered` absorbs what comes.
#include "core/transaction/cancel_client.h"

#include <algorithm>

#include "core/base/assert.h"
#include "core/base/mutation.h"
#include "core/transaction/own_request.h"

namespace lockstep::transaction {

namespace {

void stop(Branch& branch, CancelState next) {
  branch.cancel = next;
  stop_own_request(branch);
}

void send(Branch& branch, BranchIndex index, const CancelInput& input, const Settings& settings,
          ActionList& actions) {
  branch.cancel = CancelState::kSent;
  branch.cancel_has_left = false;
  start_own_request(branch, input.now, timer_cancel(settings), settings);
  branch.timeout_at = input.now + timer_cancel(settings);
  actions.push_back(Action::cancel_branch(index, branch.cancel_reason, branch.cancel_status));
}

// The CANCEL is due: now, or when the hold ends.
void become_due(Branch& branch, BranchIndex index, const CancelInput& input, const Settings& settings,
                ActionList& actions) {
  if (input.hold.value == 0) {
    send(branch, index, input, settings, actions);
    return;
  }
  branch.cancel = CancelState::kHeld;
  branch.cancel_timeout_at = input.now + input.hold;
}

void forget(Branch& branch) {
  stop(branch, CancelState::kNone);
  branch.cancel_reason = CancelReason::kNone;
  branch.cancel_status = 0;
}

Why in_none(Branch& branch, BranchIndex index, const CancelInput& input, const Settings& settings,
            ActionList& actions) {
  switch (input.kind) {
    case CancelInputKind::kWanted:
      if (!branch.is_pending() && !mutated(Mutation::kCancelAfterFinal)) return Why::kCancelNotNeeded;
      if (!branch.has_provisional() && mutated(Mutation::kOwedNotNoted)) return Why::kCancelNotNeeded;
      branch.cancel_reason = input.reason;
      branch.cancel_status = input.status;
      branch.cancel = CancelState::kOwed;
      if (branch.has_provisional() || mutated(Mutation::kCancelBeforeRinging)) {
        become_due(branch, index, input, settings, actions);
      }
      return Why::kNone;
    case CancelInputKind::kProvisional:
    case CancelInputKind::kFinal:
    case CancelInputKind::kAnswerProvisional:
    case CancelInputKind::kAnswerFinal:
    case CancelInputKind::kTransportError: return Why::kNoCancel;
    case CancelInputKind::kTimerRetransmit:
    case CancelInputKind::kTimerTimeout: return Why::kNotDue;
  }
  LS_ASSERT(false);
}

Why in_owed(Branch& branch, BranchIndex index, const CancelInput& input, const Settings& settings,
            ActionList& actions) {
  switch (input.kind) {
    case CancelInputKind::kProvisional:
      if (mutated(Mutation::kOwedForgotten)) {
        forget(branch);
      } else {
        become_due(branch, index, input, settings, actions);
      }
      return Why::kNone;
    case CancelInputKind::kFinal: forget(branch); return Why::kNone;
    case CancelInputKind::kWanted: return Why::kCancelNotNeeded;
    case CancelInputKind::kAnswerProvisional:
    case CancelInputKind::kAnswerFinal:
    case CancelInputKind::kTransportError: return Why::kNoCancel;
    case CancelInputKind::kTimerRetransmit:
    case CancelInputKind::kTimerTimeout: return Why::kNotDue;
  }
  LS_ASSERT(false);
}

Why in_held(Branch& branch, BranchIndex index, const CancelInput& input, const Settings& settings,
            ActionList& actions) {
  switch (input.kind) {
    case CancelInputKind::kTimerTimeout:
      if (input.in_hand_for.value != 0) {
        branch.cancel_timeout_at = input.now + input.in_hand_for;
      } else {
        send(branch, index, input, settings, actions);
      }
      return Why::kNone;
    case CancelInputKind::kFinal:
      forget(branch);
      actions.push_back(Action::withdraw_cancel(index));
      return Why::kNone;
    case CancelInputKind::kWanted: return Why::kCancelNotNeeded;
    case CancelInputKind::kProvisional:
    case CancelInputKind::kAnswerProvisional:
    case CancelInputKind::kAnswerFinal:
    case CancelInputKind::kTransportError: return Why::kNoCancel;
    case CancelInputKind::kTimerRetransmit: return Why::kNotDue;
  }
  LS_ASSERT(false);
}

Why in_sent(Branch& branch, BranchIndex index, const CancelInput& input, const Settings& settings,
            ActionList& actions) {
  switch (input.kind) {
    case CancelInputKind::kAnswerProvisional:
      branch.cancel_interval = settings.t2;
      branch.cancel_has_left = true;
      return Why::kNone;
    case CancelInputKind::kFinal:
      if (input.unsent && !mutated(Mutation::kNoWithdrawal)) {
        branch.cancel_has_left ? stop(branch, CancelState::kAnswered) : forget(branch);
        actions.push_back(Action::withdraw_cancel(index));
        return Why::kNone;
      }
      stop(branch, CancelState::kAnswered);
      return Why::kNone;
    case CancelInputKind::kAnswerFinal: stop(branch, CancelState::kAnswered); return Why::kNone;
    case CancelInputKind::kTimerRetransmit:
      if (input.unsent || input.in_hand_for.value != 0) {
        branch.cancel_retransmit_at =
            input.now + std::max(input.unsent ? settings.t1 : DurationMs{}, input.in_hand_for);
        return Why::kNone;
      }
      repeat_own_request(branch, input.now, settings);
      branch.cancel_has_left = true;
      actions.push_back(Action::retransmit_cancel(index));
      return Why::kNone;
    case CancelInputKind::kTimerTimeout:
    case CancelInputKind::kTransportError: stop(branch, CancelState::kExpired); return Why::kNone;
    case CancelInputKind::kWanted:
      if (!mutated(Mutation::kCancelTwice)) return Why::kCancelNotNeeded;
      send(branch, index, input, settings, actions);
      return Why::kNone;
    case CancelInputKind::kProvisional: return Why::kNoCancel;
  }
  LS_ASSERT(false);
}

Why in_answered_or_expired(BranchIndex index, const CancelInput& input, ActionList& actions) {
  switch (input.kind) {
    case CancelInputKind::kWanted: return Why::kCancelNotNeeded;
    case CancelInputKind::kFinal:
      if (!input.unsent) return Why::kNoCancel;
      actions.push_back(Action::withdraw_cancel(index));
      return Why::kNone;
    case CancelInputKind::kProvisional:
    case CancelInputKind::kAnswerProvisional:
    case CancelInputKind::kAnswerFinal:
    case CancelInputKind::kTransportError: return Why::kNoCancel;
    case CancelInputKind::kTimerRetransmit:
    case CancelInputKind::kTimerTimeout: return Why::kNotDue;
  }
  LS_ASSERT(false);
}

}  // namespace

Why step_cancel_client(Branch& branch, BranchIndex index, const CancelInput& input, const Settings& settings,
                       ActionList& actions) {
  switch (branch.cancel) {
    case CancelState::kNone: return in_none(branch, index, input, settings, actions);
    case CancelState::kOwed: return in_owed(branch, index, input, settings, actions);
    case CancelState::kHeld: return in_held(branch, index, input, settings, actions);
    case CancelState::kSent: return in_sent(branch, index, input, settings, actions);
    case CancelState::kAnswered:
    case CancelState::kExpired: return in_answered_or_expired(index, input, actions);
  }
  LS_ASSERT(false);
}

}  // namespace lockstep::transaction
