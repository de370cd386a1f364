// action.h: every output of a transaction. An action is one thing on the wire or in the store.
// The list of a step is performed in its order. Messages are named, not carried: "the response in this
// event", "the last response", "the stored final of branch i", "the request of branch i as it was sent".
#pragma once

#include "core/base/fixed_vector.h"
#include "core/transaction/ids.h"

namespace lockstep::transaction {

enum class ActionKind : std::uint8_t {
  kRespondLocal,        // Make a response of `status` from the request and send it; it is the last response.
  kRelayResponse,       // Send the response in this event up; the last response unless a 2xx to INVITE.
  kRespondBest,         // Send the stored final of `branch` up with `status`; it is the last response.
  kRetransmitResponse,  // Send the last response again.
  kAnswerCancel,        // Answer the caller's CANCEL in this event with 200.
  kForwardRequest,      // Send the request of `branch` for the first time.
  kRetransmitRequest,   // Send the request of `branch` again.
  kCancelBranch,        // Make the CANCEL of `branch` (Reason: `reason`, `status`) and send it.
  kRetransmitCancel,    // Send the CANCEL of `branch` again.
  kWithdrawRequest,     // Take back the request of `branch`, which the kernel has not seen yet (O10).
  kWithdrawCancel,      // The CANCEL of `branch` is not sent; take it back if it was made (O9).
  kAckDialog,           // Acknowledge the 2xx in this event in its own dialog, of `branch` (O14).
  kByeDialog,           // Make the BYE of that dialog and send it.
  kRetransmitBye,       // Send the BYE of `branch` again.
  kByeEnded,            // The BYE of `branch` got `status`, made up if no answer came: for the log.
  kAckBranch,           // Acknowledge the response in this event hop by hop to `branch` (O17).
  kStoreFinal,          // Keep the response in this event as the stored final of `branch`.
  kRunFailureRoute,     // Run the failure route on `branch`, whose final `status` is the best one.
  kEnd,                 // Nothing is left to wait for: free the transaction. Always the last action.
};
inline constexpr std::size_t kActionKindCount = 19;

// O16: what the Reason header of a CANCEL says (RFC 3326).
enum class CancelReason : std::uint8_t {
  kNone,                // No CANCEL.
  kCompletedElsewhere,  // A 2xx went up: SIP;cause=200;text="Call completed elsewhere".
  kGlobalFailure,       // Another branch answered 6xx: SIP;cause=`status`.
  kCaller,              // The caller's own Reason, if its CANCEL had one.
  kTimerC,              // No final in time after a 1xx.
  kScript,              // The script answered with `status`, or asked for it (`status` 0).
};

struct Action {
  ActionKind kind = ActionKind::kEnd;
  BranchIndex branch = kNoBranch;
  Status status = 0;
  CancelReason reason = CancelReason::kNone;
  // kRespondBest with 401 or 407: the other branches whose stored challenges are added (16.7 step 7).
  BranchMask challenges = 0;

  friend constexpr bool operator==(const Action&, const Action&) = default;

  static constexpr Action respond_local(Status status) {
    return make(ActionKind::kRespondLocal, kNoBranch, status);
  }
  static constexpr Action relay_response(BranchIndex branch, Status status) {
    return make(ActionKind::kRelayResponse, branch, status);
  }
  static constexpr Action respond_best(BranchIndex branch, Status status, BranchMask challenges = 0) {
    Action action = make(ActionKind::kRespondBest, branch, status);
    action.challenges = challenges;
    return action;
  }
  static constexpr Action retransmit_response() { return make(ActionKind::kRetransmitResponse); }
  static constexpr Action answer_cancel() { return make(ActionKind::kAnswerCancel, kNoBranch, 200); }
  static constexpr Action forward_request(BranchIndex branch) {
    return make(ActionKind::kForwardRequest, branch);
  }
  static constexpr Action retransmit_request(BranchIndex branch) {
    return make(ActionKind::kRetransmitRequest, branch);
  }
  static constexpr Action cancel_branch(BranchIndex branch, CancelReason reason, Status status = 0) {
    Action action = make(ActionKind::kCancelBranch, branch, status);
    action.reason = reason;
    return action;
  }
  static constexpr Action retransmit_cancel(BranchIndex branch) {
    return make(ActionKind::kRetransmitCancel, branch);
  }
  static constexpr Action withdraw_request(BranchIndex branch) {
    return make(ActionKind::kWithdrawRequest, branch);
  }
  static constexpr Action withdraw_cancel(BranchIndex branch) {
    return make(ActionKind::kWithdrawCancel, branch);
  }
  static constexpr Action ack_dialog(BranchIndex branch) { return make(ActionKind::kAckDialog, branch); }
  static constexpr Action bye_dialog(BranchIndex branch) { return make(ActionKind::kByeDialog, branch); }
  static constexpr Action retransmit_bye(BranchIndex branch) {
    return make(ActionKind::kRetransmitBye, branch);
  }
  static constexpr Action bye_ended(BranchIndex branch, Status status) {
    return make(ActionKind::kByeEnded, branch, status);
  }
  static constexpr Action ack_branch(BranchIndex branch) { return make(ActionKind::kAckBranch, branch); }
  static constexpr Action store_final(BranchIndex branch) { return make(ActionKind::kStoreFinal, branch); }
  static constexpr Action run_failure_route(BranchIndex branch, Status status) {
    return make(ActionKind::kRunFailureRoute, branch, status);
  }
  static constexpr Action end() { return make(ActionKind::kEnd); }

 private:
  static constexpr Action make(ActionKind kind, BranchIndex branch = kNoBranch, Status status = 0) {
    Action action;
    action.kind = kind;
    action.branch = branch;
    action.status = status;
    return action;
  }
};
static_assert(sizeof(Action) == 12);

// The longest list: a CANCEL or a withdrawal for every branch, and round them an ACK, a store, a response,
// an answer, the end.
inline constexpr std::size_t kActionMax = kBranchMax + 8;
using ActionList = FixedVector<Action, kActionMax>;

const char* name_of(ActionKind kind);
const char* name_of(CancelReason reason);

}  // namespace lockstep::transaction
