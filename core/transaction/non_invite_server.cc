// non_invite_server.cc: RFC 3261 figure 8; a transport error keeps the state, as RFC 6026 has it
// for responses.
//
//   state       | event           | next       | actions, in order
//   ------------+-----------------+------------+----------------------------------
//   Initial     | request         | Trying     |
//   Trying      | 1xx from TU     | Proceeding | response
//   Trying      | final from TU   | Completed  | response; J, Terminated at once if reliable
//   Trying      | abandon         | Terminated |
//   Proceeding  | request again   | Proceeding | last response again
//   Proceeding  | 1xx from TU     | Proceeding | response
//   Proceeding  | final from TU   | Completed  | response; J, Terminated at once if reliable
//   Proceeding  | abandon         | Terminated |
//   Completed   | request again   | Completed  | last response again
//   Completed   | Timer J         | Terminated |
//   every other pair is ignored, with the reason in the code.
#include "core/base/assert.h"
#include "core/transaction/non_invite_server.h"

namespace lockstep::transaction {

namespace {

void respond(Server& server, const ServerInput& input, ActionList& actions) {
  server.last_status = input.response.status;
  actions.push_back(input.response);
}

void enter_completed(Server& server, const ServerInput& input, const Settings& settings,
                     ActionList& actions) {
  server.state = server.reliable ? ServerState::kTerminated : ServerState::kCompleted;
  if (!server.reliable) server.end_at = input.now + timer_j(settings);
  respond(server, input, actions);
}

Why in_initial(Server& server, const ServerInput& input) {
  LS_ASSERT(input.kind == ServerInputKind::kRequest);
  server.state = ServerState::kTrying;
  return Why::kNone;
}

// Trying and Proceeding differ only in whether there is a response to repeat.
Why in_trying_or_proceeding(Server& server, const ServerInput& input, const Settings& settings,
                            ActionList& actions) {
  switch (input.kind) {
    case ServerInputKind::kRequestRepeated:
      if (server.state == ServerState::kTrying) return Why::kNothingToRepeat;
      actions.push_back(Action::retransmit_response());
      return Why::kNone;
    case ServerInputKind::kProvisional:
      server.state = ServerState::kProceeding;
      respond(server, input, actions);
      return Why::kNone;
    case ServerInputKind::kSuccess:
    case ServerInputKind::kSuccessRepeated:
    case ServerInputKind::kFailure:
      enter_completed(server, input, settings, actions);
      return Why::kNone;
    case ServerInputKind::kAbandon:
      server.state = ServerState::kTerminated;
      return Why::kNone;
    case ServerInputKind::kAck: return Why::kAckAbsorbed;
    case ServerInputKind::kTimerRetransmit:
    case ServerInputKind::kTimerEnd: return Why::kNotDue;
    case ServerInputKind::kTransportError: return Why::kServerUnreachable;
    case ServerInputKind::kRequest: break;
  }
  LS_ASSERT(false);
}

Why in_completed(Server& server, const ServerInput& input, ActionList& actions) {
  switch (input.kind) {
    case ServerInputKind::kRequestRepeated:
      actions.push_back(Action::retransmit_response());
      return Why::kNone;
    case ServerInputKind::kTimerEnd:
      server.state = ServerState::kTerminated;
      server.end_at = kNever;
      return Why::kNone;
    case ServerInputKind::kProvisional:
    case ServerInputKind::kSuccess:
    case ServerInputKind::kSuccessRepeated:
    case ServerInputKind::kFailure:
    case ServerInputKind::kAbandon: return Why::kFinalCommitted;
    case ServerInputKind::kAck: return Why::kAckAbsorbed;
    case ServerInputKind::kTimerRetransmit: return Why::kNotDue;
    case ServerInputKind::kTransportError: return Why::kServerUnreachable;
    case ServerInputKind::kRequest: break;
  }
  LS_ASSERT(false);
}

Why in_terminated(const ServerInput& input) {
  switch (input.kind) {
    case ServerInputKind::kRequestRepeated: return Why::kRequestAbsorbed;
    case ServerInputKind::kProvisional:
    case ServerInputKind::kSuccess:
    case ServerInputKind::kSuccessRepeated:
    case ServerInputKind::kFailure:
    case ServerInputKind::kAbandon: return Why::kFinalCommitted;
    case ServerInputKind::kAck: return Why::kAckAbsorbed;
    case ServerInputKind::kTimerRetransmit:
    case ServerInputKind::kTimerEnd: return Why::kNotDue;
    case ServerInputKind::kTransportError: return Why::kServerUnreachable;
    case ServerInputKind::kRequest: break;
  }
  LS_ASSERT(false);
}

}  // namespace

Why step_non_invite_server(Server& server, const ServerInput& input, const Settings& settings,
                           ActionList& actions) {
  LS_ASSERT(!server.is_invite());
  switch (server.state) {
    case ServerState::kInitial: return in_initial(server, input);
    case ServerState::kTrying:
    case ServerState::kProceeding: return in_trying_or_proceeding(server, input, settings, actions);
    case ServerState::kCompleted: return in_completed(server, input, actions);
    case ServerState::kTerminated: return in_terminated(input);
    case ServerState::kConfirmed:
    case ServerState::kAccepted: break;  // Figure 7 only.
  }
  LS_ASSERT(false);
}

}  // namespace lockstep::transaction
