// invite_server.cc: RFC 3261 figure 7 as amended by RFC 6026 (Accepted, Timer L; a transport
// error keeps the state).
//
//   state       | event             | next       | actions, in order
//   ------------+-------------------+------------+---------------------------------------------
//   Initial     | request           | Proceeding | respond 100 (unless switched off)
//   Proceeding  | request again     | Proceeding | last response again
//   Proceeding  | 1xx from TU       | Proceeding | response
//   Proceeding  | 2xx from TU       | Accepted   | response; L
//   Proceeding  | 3xx-6xx from TU   | Completed  | response; H, and G if unreliable
//   Proceeding  | abandon           | Terminated |
//   Completed   | request again     | Completed  | last response again
//   Completed   | ACK               | Confirmed  | I; Terminated at once if reliable
//   Completed   | Timer G           | Completed  | last response again; G doubled, at most T2
//   Completed   | Timer H           | Terminated |
//   Completed   | 2xx from TU       | Accepted   | response; L   (16.7 step 5: a 2xx always goes up)
//   Confirmed   | Timer I           | Terminated |
//   Confirmed   | 2xx from TU       | Accepted   | response; L
//   Accepted    | 2xx from TU       | Accepted   | response; L again if it is of another branch
//   Accepted    | further 2xx       | Accepted   | response
//   Accepted    | Timer L           | Terminated |
//   Terminated  | 2xx from TU       | Accepted   | response; L
//   every other pair is ignored, with the reason in the code.
//
// Timer L begins anew with the first 2xx of another branch, so that the way up lives as long as that branch's
// Timer M and the 2xx's retransmissions are still relayed (O12, O13).
#include "core/base/assert.h"
#include "core/base/mutation.h"
#include "core/transaction/invite_server.h"

namespace lockstep::transaction {

namespace {

void respond(Server& server, const ServerInput& input, ActionList& actions) {
  server.last_status = input.response.status;
  actions.push_back(input.response);
}

void enter_accepted(Server& server, const ServerInput& input, const Settings& settings, ActionList& actions) {
  if (mutated(Mutation::kSecondFinal)) return respond(server, input, actions);
  server.state = ServerState::kAccepted;
  server.retransmit_at = kNever;
  server.end_at = input.now + timer_l(settings);
  respond(server, input, actions);
}

void enter_terminated(Server& server) {
  server.state = ServerState::kTerminated;
  server.retransmit_at = kNever;
  server.end_at = kNever;
}

Why in_initial(Server& server, const ServerInput& input, const Settings& settings, ActionList& actions) {
  LS_ASSERT(input.kind == ServerInputKind::kRequest);
  server.state = ServerState::kProceeding;
  if (settings.respond_100) {
    server.last_status = 100;
    actions.push_back(Action::respond_local(100));
  }
  return Why::kNone;
}

Why in_proceeding(Server& server, const ServerInput& input, const Settings& settings, ActionList& actions) {
  switch (input.kind) {
    case ServerInputKind::kRequestRepeated:
      if (server.last_status == 0 || mutated(Mutation::kNothingRepeated)) return Why::kNothingToRepeat;
      actions.push_back(Action::retransmit_response());
      return Why::kNone;
    case ServerInputKind::kProvisional:
      respond(server, input, actions);
      return Why::kNone;
    case ServerInputKind::kSuccess:
    case ServerInputKind::kSuccessRepeated:
      enter_accepted(server, input, settings, actions);
      return Why::kNone;
    case ServerInputKind::kFailure:
      server.state = ServerState::kCompleted;
      server.end_at = input.now + timer_h(settings);
      if (!server.reliable) {
        server.retransmit_interval = settings.t1;
        server.retransmit_at = input.now + settings.t1;
      }
      respond(server, input, actions);
      return Why::kNone;
    case ServerInputKind::kAbandon:
      enter_terminated(server);
      return Why::kNone;
    case ServerInputKind::kTransportError: return Why::kServerUnreachable;
    case ServerInputKind::kAck: return Why::kAckAbsorbed;
    case ServerInputKind::kTimerRetransmit:
    case ServerInputKind::kTimerEnd: return Why::kNotDue;
    case ServerInputKind::kRequest: break;
  }
  LS_ASSERT(false);
}

Why in_completed(Server& server, const ServerInput& input, const Settings& settings, ActionList& actions) {
  switch (input.kind) {
    case ServerInputKind::kRequestRepeated:
      actions.push_back(Action::retransmit_response());
      return Why::kNone;
    case ServerInputKind::kAck:
      server.retransmit_at = kNever;
      if (server.reliable) {
        enter_terminated(server);
        return Why::kNone;
      }
      server.state = ServerState::kConfirmed;
      server.end_at = input.now + timer_i(settings);
      return Why::kNone;
    case ServerInputKind::kSuccess:
    case ServerInputKind::kSuccessRepeated:
      enter_accepted(server, input, settings, actions);
      return Why::kNone;
    case ServerInputKind::kTimerRetransmit:
      if (!mutated(Mutation::kTimerGNotDoubled)) {
        server.retransmit_interval = doubled(server.retransmit_interval, settings.t2);
      }
      server.retransmit_at = input.now + server.retransmit_interval;
      actions.push_back(Action::retransmit_response());
      return Why::kNone;
    case ServerInputKind::kTimerEnd:
      enter_terminated(server);
      return Why::kNone;
    case ServerInputKind::kProvisional:
    case ServerInputKind::kFailure:
    case ServerInputKind::kAbandon: return Why::kFinalCommitted;
    case ServerInputKind::kTransportError: return Why::kServerUnreachable;
    case ServerInputKind::kRequest: break;
  }
  LS_ASSERT(false);
}

Why in_confirmed(Server& server, const ServerInput& input, const Settings& settings, ActionList& actions) {
  switch (input.kind) {
    case ServerInputKind::kTimerEnd:
      enter_terminated(server);
      return Why::kNone;
    case ServerInputKind::kSuccess:
    case ServerInputKind::kSuccessRepeated:
      enter_accepted(server, input, settings, actions);
      return Why::kNone;
    case ServerInputKind::kRequestRepeated: return Why::kRequestAbsorbed;
    case ServerInputKind::kAck: return Why::kAckAbsorbed;
    case ServerInputKind::kTimerRetransmit: return Why::kNotDue;
    case ServerInputKind::kProvisional:
    case ServerInputKind::kFailure:
    case ServerInputKind::kAbandon: return Why::kFinalCommitted;
    case ServerInputKind::kTransportError: return Why::kServerUnreachable;
    case ServerInputKind::kRequest: break;
  }
  LS_ASSERT(false);
}

Why in_accepted(Server& server, const ServerInput& input, const Settings& settings, ActionList& actions) {
  switch (input.kind) {
    case ServerInputKind::kSuccess:
      enter_accepted(server, input, settings, actions);
      return Why::kNone;
    case ServerInputKind::kSuccessRepeated:
      respond(server, input, actions);
      return Why::kNone;
    case ServerInputKind::kTimerEnd:
      enter_terminated(server);
      return Why::kNone;
    case ServerInputKind::kRequestRepeated:
      if (!mutated(Mutation::kRepetitionInAccepted)) return Why::kRequestAbsorbed;
      actions.push_back(Action::retransmit_response());
      return Why::kNone;
    case ServerInputKind::kAck: return Why::kAckAbsorbed;
    case ServerInputKind::kTimerRetransmit: return Why::kNotDue;
    case ServerInputKind::kProvisional:
      if (!mutated(Mutation::kProvisionalAfterFinal)) return Why::kFinalCommitted;
      respond(server, input, actions);
      return Why::kNone;
    case ServerInputKind::kFailure:
    case ServerInputKind::kAbandon: return Why::kFinalCommitted;
    case ServerInputKind::kTransportError: return Why::kServerUnreachable;
    case ServerInputKind::kRequest: break;
  }
  LS_ASSERT(false);
}

Why in_terminated(Server& server, const ServerInput& input, const Settings& settings, ActionList& actions) {
  switch (input.kind) {
    case ServerInputKind::kSuccess:
      enter_accepted(server, input, settings, actions);
      return Why::kNone;
    case ServerInputKind::kRequestRepeated: return Why::kRequestAbsorbed;
    case ServerInputKind::kAck: return Why::kAckAbsorbed;
    case ServerInputKind::kTimerRetransmit:
    case ServerInputKind::kTimerEnd: return Why::kNotDue;
    case ServerInputKind::kProvisional:
    case ServerInputKind::kSuccessRepeated:
    case ServerInputKind::kFailure:
    case ServerInputKind::kAbandon: return Why::kFinalCommitted;
    case ServerInputKind::kTransportError: return Why::kServerUnreachable;
    case ServerInputKind::kRequest: break;
  }
  LS_ASSERT(false);
}

}  // namespace

Why step_invite_server(Server& server, const ServerInput& input, const Settings& settings,
                       ActionList& actions) {
  LS_ASSERT(server.is_invite());
  switch (server.state) {
    case ServerState::kInitial: return in_initial(server, input, settings, actions);
    case ServerState::kProceeding: return in_proceeding(server, input, settings, actions);
    case ServerState::kCompleted: return in_completed(server, input, settings, actions);
    case ServerState::kConfirmed: return in_confirmed(server, input, settings, actions);
    case ServerState::kAccepted: return in_accepted(server, input, settings, actions);
    case ServerState::kTerminated: return in_terminated(server, input, settings, actions);
    case ServerState::kTrying: break;  // Figure 8 only.
  }
  LS_ASSERT(false);
}

}  // namespace lockstep::transaction
