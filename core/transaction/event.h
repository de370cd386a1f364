// event.h: every input of a transaction. One enumerator, one line; what an event carries is in its maker.
// An event brings the time with it (`now`); its message, if any, stays with the performer, who performs
// the actions of a step while the event's message is still at hand.
#pragma once

#include "core/transaction/ids.h"

namespace lockstep::transaction {

enum class EventKind : std::uint8_t {
  kCreate,                // A request begins the transaction; exactly once, first.
  kRequestRetransmitted,  // The caller's request came again.
  kAck,                   // The caller's ACK to a non-2xx final, which matches the INVITE's transaction.
  kAddBranch,             // The performer has made the next branch ready to be forwarded.
  kNoBranches,            // The script relayed, but no branch could be made: answer with `status`.
  kLocalProvisional,      // The script responds with a 1xx of its own (t_reply).
  kLocalFinal,            // The script responds with a final of its own (t_reply).
  kArmFailureRoute,       // The script asks for a failure route (t_on_failure), or no longer does.
  kVerdict,               // The failure route ended; what it added or answered came before as events.
  kRelease,               // The script gives the transaction up without a response (t_release).
  kResponse,              // A response to the forwarded request of a branch.
  kCancelResponse,        // A response to the CANCEL of a branch.
  kCancelBranch,          // The script cancels one branch (t_cancel_branches).
  kCancelPicked,          // Settings::cancels_apart: a branch that an earlier event wished to cancel.
  kByeResponse,           // A response to the BYE that ends the dialog of a late 2xx (O14).
  kByeTransportError,     // That BYE could not be sent.
  kCallerCancel,          // The caller's CANCEL for this transaction, first or again.
  kTransportError,        // The request of a branch could not be sent (16.9).
  kCancelTransportError,  // The CANCEL of a branch could not be sent.
  kServerTransportError,  // A response could not be sent to the caller.
  kTimer,                 // Time has passed: the earliest deadline that is due fires, and only that one.
};
inline constexpr std::size_t kEventKindCount = 21;

// What the performer saw when it looked ahead (O9, O10). All of it may be zero: then nothing was there.
struct LookAhead {
  BranchMask finals_in_hand = 0;   // Their final is in the inbox already, behind this event.
  BranchMask unsent_requests = 0;  // Their request was decided, but not yet handed to the kernel.
  BranchMask unsent_cancels = 0;   // So was their CANCEL, or its repetition.
  DurationMs until{};              // From now until the finals in hand will certainly have been worked.

  friend constexpr bool operator==(const LookAhead&, const LookAhead&) = default;
};

struct Event {
  EventKind kind = EventKind::kTimer;
  Method method = Method::kInvite;  // kCreate.
  bool reliable = false;            // kCreate, kAddBranch: over TCP, TLS or SCTP.
  bool armed = false;               // kArmFailureRoute; kCancelPicked: it had a 1xx when it was picked.
  bool has_room = true;             // kResponse: a further dialog of the branch can be stored.
  BranchIndex branch = kNoBranch;
  Status status = 0;
  AgeMs now{};
  std::uint32_t to_tag_hash = 0;  // kResponse: names the dialog within the branch (O13).
  LookAhead ahead;

  static constexpr Event create(AgeMs now, Method method, bool reliable = false) {
    Event event = make(EventKind::kCreate, now);
    event.method = method;
    event.reliable = reliable;
    return event;
  }
  static constexpr Event request_retransmitted(AgeMs now) {
    return make(EventKind::kRequestRetransmitted, now);
  }
  static constexpr Event ack(AgeMs now) { return make(EventKind::kAck, now); }
  // REQUIRES: `branch` is the next index, State::branches.size().
  static constexpr Event add_branch(AgeMs now, BranchIndex branch, bool reliable = false) {
    Event event = make(EventKind::kAddBranch, now, branch);
    event.reliable = reliable;
    return event;
  }
  static constexpr Event no_branches(AgeMs now, Status status) {
    return make(EventKind::kNoBranches, now, kNoBranch, status);
  }
  // `status` may be of any class: it decides between kLocalProvisional and kLocalFinal.
  static constexpr Event local_response(AgeMs now, Status status) {
    const EventKind kind = is_provisional(status) ? EventKind::kLocalProvisional : EventKind::kLocalFinal;
    return make(kind, now, kNoBranch, status);
  }
  static constexpr Event arm_failure_route(AgeMs now, bool armed) {
    Event event = make(EventKind::kArmFailureRoute, now);
    event.armed = armed;
    return event;
  }
  static constexpr Event verdict(AgeMs now) { return make(EventKind::kVerdict, now); }
  static constexpr Event release(AgeMs now) { return make(EventKind::kRelease, now); }
  static constexpr Event response(AgeMs now, BranchIndex branch, Status status,
                                  std::uint32_t to_tag_hash = 0) {
    Event event = make(EventKind::kResponse, now, branch, status);
    event.to_tag_hash = to_tag_hash;
    return event;
  }
  static constexpr Event cancel_response(AgeMs now, BranchIndex branch, Status status) {
    return make(EventKind::kCancelResponse, now, branch, status);
  }
  // `branch`: of the dialog, as in Action::bye_dialog.
  static constexpr Event bye_response(AgeMs now, BranchIndex branch, Status status) {
    return make(EventKind::kByeResponse, now, branch, status);
  }
  static constexpr Event bye_transport_error(AgeMs now, BranchIndex branch) {
    return make(EventKind::kByeTransportError, now, branch);
  }
  static constexpr Event cancel_branch(AgeMs now, BranchIndex branch) {
    return make(EventKind::kCancelBranch, now, branch);
  }
  static constexpr Event cancel_picked(AgeMs now, BranchIndex branch, bool had_provisional) {
    Event event = make(EventKind::kCancelPicked, now, branch);
    event.armed = had_provisional;
    return event;
  }
  static constexpr Event caller_cancel(AgeMs now) { return make(EventKind::kCallerCancel, now); }
  static constexpr Event transport_error(AgeMs now, BranchIndex branch) {
    return make(EventKind::kTransportError, now, branch);
  }
  static constexpr Event cancel_transport_error(AgeMs now, BranchIndex branch) {
    return make(EventKind::kCancelTransportError, now, branch);
  }
  static constexpr Event server_transport_error(AgeMs now) {
    return make(EventKind::kServerTransportError, now);
  }
  static constexpr Event timer(AgeMs now) { return make(EventKind::kTimer, now); }

 private:
  static constexpr Event make(EventKind kind, AgeMs now, BranchIndex branch = kNoBranch, Status status = 0) {
    Event event;
    event.kind = kind;
    event.now = now;
    event.branch = branch;
    event.status = status;
    return event;
  }
};

// "kCreate" and so on, for logs and tests. Never null.
const char* name_of(EventKind kind);

// Why an event led to no action. Counted by the performer; kNone is never counted.
enum class Why : std::uint8_t {
  kNone,               // It was not ignored: it led to actions, or changed the state alone.
  kEnded,              // The transaction has ended and waits to be freed.
  kNoSuchBranch,       // The branch index names no branch of this transaction.
  kBadStatus,          // No SIP status, or not one that the event may carry.
  kNotDue,             // A timer event before any deadline: the deadline had moved.
  kNotInvite,          // The event makes sense for INVITE only.
  kNothingToRepeat,    // A retransmitted request before any response to it.
  kRequestAbsorbed,    // A retransmitted request in Accepted, Confirmed or Terminated.
  kAckAbsorbed,        // An ACK again, or in a state in which nothing waits for one.
  kContextClosed,      // No new branch: cancelled by the caller, a 6xx came, or a final went up (O10).
  kBranchTableFull,    // No new branch: kBranchMax of them exist.
  kFinalCommitted,     // Nothing may follow the final that went up.
  kBranchesPending,    // The script's wish needs a transaction without branches.
  kNoRouteRunning,     // A verdict without a failure route: a final overtook it.
  kTryingAgain,        // A 100 of a branch after another 1xx.
  kAfterFinal,         // A 1xx after a final of the same branch.
  kResponseAbsorbed,   // A final again on a branch that has one and needs no ACK.
  kNotForwarding,      // A transport error of a request that is no longer being sent.
  kNoCancel,           // A CANCEL's response or error, but no CANCEL is waiting for one.
  kCancelNotNeeded,    // The branch is final or already being cancelled.
  kLateDropped,        // A 2xx after the one that was relayed, by policy `drop` (O13).
  kNoBye,              // A BYE's response or error, but no BYE is waiting for one.
  kServerUnreachable,  // A response was lost on the way up: RFC 6026 keeps the state.
};
inline constexpr std::size_t kWhyCount = 23;

const char* name_of(Why why);

}  // namespace lockstep::transaction
