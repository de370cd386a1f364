// names.cc: the names of all enumerators, for logs, the ladder and tests: one table per type, no allocation.
#include "core/transaction/machine.h"

namespace lockstep::transaction {

const char* name_of(EventKind kind) {
  switch (kind) {
    case EventKind::kCreate: return "kCreate";
    case EventKind::kRequestRetransmitted: return "kRequestRetransmitted";
    case EventKind::kAck: return "kAck";
    case EventKind::kAddBranch: return "kAddBranch";
    case EventKind::kNoBranches: return "kNoBranches";
    case EventKind::kLocalProvisional: return "kLocalProvisional";
    case EventKind::kLocalFinal: return "kLocalFinal";
    case EventKind::kArmFailureRoute: return "kArmFailureRoute";
    case EventKind::kVerdict: return "kVerdict";
    case EventKind::kRelease: return "kRelease";
    case EventKind::kResponse: return "kResponse";
    case EventKind::kCancelResponse: return "kCancelResponse";
    case EventKind::kCancelBranch: return "kCancelBranch";
    case EventKind::kCancelPicked: return "kCancelPicked";
    case EventKind::kByeResponse: return "kByeResponse";
    case EventKind::kByeTransportError: return "kByeTransportError";
    case EventKind::kCallerCancel: return "kCallerCancel";
    case EventKind::kTransportError: return "kTransportError";
    case EventKind::kCancelTransportError: return "kCancelTransportError";
    case EventKind::kServerTransportError: return "kServerTransportError";
    case EventKind::kTimer: return "kTimer";
  }
  return "?";
}

const char* name_of(Why why) {
  switch (why) {
    case Why::kNone: return "kNone";
    case Why::kEnded: return "kEnded";
    case Why::kNoSuchBranch: return "kNoSuchBranch";
    case Why::kBadStatus: return "kBadStatus";
    case Why::kNotDue: return "kNotDue";
    case Why::kNotInvite: return "kNotInvite";
    case Why::kNothingToRepeat: return "kNothingToRepeat";
    case Why::kRequestAbsorbed: return "kRequestAbsorbed";
    case Why::kAckAbsorbed: return "kAckAbsorbed";
    case Why::kContextClosed: return "kContextClosed";
    case Why::kBranchTableFull: return "kBranchTableFull";
    case Why::kFinalCommitted: return "kFinalCommitted";
    case Why::kBranchesPending: return "kBranchesPending";
    case Why::kNoRouteRunning: return "kNoRouteRunning";
    case Why::kTryingAgain: return "kTryingAgain";
    case Why::kAfterFinal: return "kAfterFinal";
    case Why::kResponseAbsorbed: return "kResponseAbsorbed";
    case Why::kNotForwarding: return "kNotForwarding";
    case Why::kNoCancel: return "kNoCancel";
    case Why::kCancelNotNeeded: return "kCancelNotNeeded";
    case Why::kLateDropped: return "kLateDropped";
    case Why::kNoBye: return "kNoBye";
    case Why::kServerUnreachable: return "kServerUnreachable";
  }
  return "?";
}

const char* name_of(ActionKind kind) {
  switch (kind) {
    case ActionKind::kRespondLocal: return "kRespondLocal";
    case ActionKind::kRelayResponse: return "kRelayResponse";
    case ActionKind::kRespondBest: return "kRespondBest";
    case ActionKind::kRetransmitResponse: return "kRetransmitResponse";
    case ActionKind::kAnswerCancel: return "kAnswerCancel";
    case ActionKind::kForwardRequest: return "kForwardRequest";
    case ActionKind::kRetransmitRequest: return "kRetransmitRequest";
    case ActionKind::kCancelBranch: return "kCancelBranch";
    case ActionKind::kRetransmitCancel: return "kRetransmitCancel";
    case ActionKind::kWithdrawRequest: return "kWithdrawRequest";
    case ActionKind::kWithdrawCancel: return "kWithdrawCancel";
    case ActionKind::kAckDialog: return "kAckDialog";
    case ActionKind::kByeDialog: return "kByeDialog";
    case ActionKind::kRetransmitBye: return "kRetransmitBye";
    case ActionKind::kByeEnded: return "kByeEnded";
    case ActionKind::kAckBranch: return "kAckBranch";
    case ActionKind::kStoreFinal: return "kStoreFinal";
    case ActionKind::kRunFailureRoute: return "kRunFailureRoute";
    case ActionKind::kEnd: return "kEnd";
  }
  return "?";
}

const char* name_of(CancelReason reason) {
  switch (reason) {
    case CancelReason::kNone: return "kNone";
    case CancelReason::kCompletedElsewhere: return "kCompletedElsewhere";
    case CancelReason::kGlobalFailure: return "kGlobalFailure";
    case CancelReason::kCaller: return "kCaller";
    case CancelReason::kTimerC: return "kTimerC";
    case CancelReason::kScript: return "kScript";
  }
  return "?";
}

const char* name_of(ServerState state) {
  switch (state) {
    case ServerState::kInitial: return "kInitial";
    case ServerState::kTrying: return "kTrying";
    case ServerState::kProceeding: return "kProceeding";
    case ServerState::kCompleted: return "kCompleted";
    case ServerState::kConfirmed: return "kConfirmed";
    case ServerState::kAccepted: return "kAccepted";
    case ServerState::kTerminated: return "kTerminated";
  }
  return "?";
}

const char* name_of(ClientState state) {
  switch (state) {
    case ClientState::kInitial: return "kInitial";
    case ClientState::kCalling: return "kCalling";
    case ClientState::kTrying: return "kTrying";
    case ClientState::kProceeding: return "kProceeding";
    case ClientState::kCompleted: return "kCompleted";
    case ClientState::kAccepted: return "kAccepted";
    case ClientState::kTerminated: return "kTerminated";
  }
  return "?";
}

const char* name_of(CancelState state) {
  switch (state) {
    case CancelState::kNone: return "kNone";
    case CancelState::kOwed: return "kOwed";
    case CancelState::kHeld: return "kHeld";
    case CancelState::kSent: return "kSent";
    case CancelState::kAnswered: return "kAnswered";
    case CancelState::kExpired: return "kExpired";
  }
  return "?";
}

const char* name_of(ServerInputKind kind) {
  switch (kind) {
    case ServerInputKind::kRequest: return "kRequest";
    case ServerInputKind::kRequestRepeated: return "kRequestRepeated";
    case ServerInputKind::kAck: return "kAck";
    case ServerInputKind::kProvisional: return "kProvisional";
    case ServerInputKind::kSuccess: return "kSuccess";
    case ServerInputKind::kSuccessRepeated: return "kSuccessRepeated";
    case ServerInputKind::kFailure: return "kFailure";
    case ServerInputKind::kTimerRetransmit: return "kTimerRetransmit";
    case ServerInputKind::kTimerEnd: return "kTimerEnd";
    case ServerInputKind::kTransportError: return "kTransportError";
    case ServerInputKind::kAbandon: return "kAbandon";
  }
  return "?";
}

const char* name_of(ClientInputKind kind) {
  switch (kind) {
    case ClientInputKind::kStart: return "kStart";
    case ClientInputKind::kTrying: return "kTrying";
    case ClientInputKind::kProvisional: return "kProvisional";
    case ClientInputKind::kSuccess: return "kSuccess";
    case ClientInputKind::kFailure: return "kFailure";
    case ClientInputKind::kTimerRetransmit: return "kTimerRetransmit";
    case ClientInputKind::kTimerTimeout: return "kTimerTimeout";
    case ClientInputKind::kTransportError: return "kTransportError";
  }
  return "?";
}

const char* name_of(Pass pass) {
  switch (pass) {
    case Pass::kNothing: return "kNothing";
    case Pass::kTrying: return "kTrying";
    case Pass::kProvisional: return "kProvisional";
    case Pass::kSuccess: return "kSuccess";
    case Pass::kSuccessRepeated: return "kSuccessRepeated";
    case Pass::kFailure: return "kFailure";
    case Pass::kTimeout: return "kTimeout";
    case Pass::kTimerC: return "kTimerC";
    case Pass::kTransportError: return "kTransportError";
  }
  return "?";
}

const char* name_of(ByeInputKind kind) {
  switch (kind) {
    case ByeInputKind::kWanted: return "kWanted";
    case ByeInputKind::kAnswerProvisional: return "kAnswerProvisional";
    case ByeInputKind::kAnswerFinal: return "kAnswerFinal";
    case ByeInputKind::kTimerRetransmit: return "kTimerRetransmit";
    case ByeInputKind::kTimerTimeout: return "kTimerTimeout";
    case ByeInputKind::kTransportError: return "kTransportError";
  }
  return "?";
}

const char* name_of(Disposition disposition) {
  switch (disposition) {
    case Disposition::kNone: return "kNone";
    case Disposition::kRelay: return "kRelay";
    case Disposition::kTerminate: return "kTerminate";
    case Disposition::kDrop: return "kDrop";
  }
  return "?";
}

const char* name_of(ByeState state) {
  switch (state) {
    case ByeState::kNone: return "kNone";
    case ByeState::kSent: return "kSent";
    case ByeState::kAnswered: return "kAnswered";
    case ByeState::kExpired: return "kExpired";
  }
  return "?";
}

const char* name_of(CancelInputKind kind) {
  switch (kind) {
    case CancelInputKind::kWanted: return "kWanted";
    case CancelInputKind::kProvisional: return "kProvisional";
    case CancelInputKind::kFinal: return "kFinal";
    case CancelInputKind::kAnswerProvisional: return "kAnswerProvisional";
    case CancelInputKind::kAnswerFinal: return "kAnswerFinal";
    case CancelInputKind::kTimerRetransmit: return "kTimerRetransmit";
    case CancelInputKind::kTimerTimeout: return "kTimerTimeout";
    case CancelInputKind::kTransportError: return "kTransportError";
  }
  return "?";
}

}  // namespace lockstep::transaction
