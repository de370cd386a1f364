// server_golden_test.cc: every (state, input) pair of figures 7 and 8, on an unreliable transport in
// full, and what differs on a reliable one. A line: state input -> next [actions] G=deadline
// end=deadline, or (why ignored).
// Every record starts with G=2000 (interval 500) where the state knows it, end=9000; the input comes at 2000.
#include <cppunit/extensions/HelperMacros.h>

#include <initializer_list>

#include "core/transaction/invite_server.h"
#include "core/transaction/non_invite_server.h"
#include "test/unit/core/transaction/printing.h"

namespace lockstep::transaction {
namespace {

Action response_of(ServerInputKind kind) {
  switch (kind) {
    case ServerInputKind::kProvisional: return Action::relay_response(BranchIndex{0}, 180);
    case ServerInputKind::kSuccess:
    case ServerInputKind::kSuccessRepeated: return Action::relay_response(BranchIndex{0}, 200);
    case ServerInputKind::kFailure: return Action::respond_best(BranchIndex{0}, 486);
    case ServerInputKind::kRequest:
    case ServerInputKind::kRequestRepeated:
    case ServerInputKind::kAck:
    case ServerInputKind::kTimerRetransmit:
    case ServerInputKind::kTimerEnd:
    case ServerInputKind::kTransportError:
    case ServerInputKind::kAbandon: break;
  }
  return {};
}

Server server_in(ServerState state, Method method, bool reliable) {
  Server server;
  server.method = method;
  server.state = state;
  server.reliable = reliable;
  switch (state) {
    case ServerState::kInitial:
    case ServerState::kTrying: break;
    case ServerState::kProceeding: server.last_status = 180; break;
    case ServerState::kCompleted:
      server.last_status = 486;
      server.end_at = AgeMs{9000};
      if (method == Method::kInvite && !reliable) {
        server.retransmit_interval = DurationMs{500};
        server.retransmit_at = AgeMs{2000};
      }
      break;
    case ServerState::kConfirmed:
      server.last_status = 486;
      server.end_at = AgeMs{9000};
      break;
    case ServerState::kAccepted:
      server.last_status = 200;
      server.end_at = AgeMs{9000};
      break;
    case ServerState::kTerminated: server.last_status = 486; break;
  }
  return server;
}

std::string line_of(ServerState state, ServerInputKind kind, Method method, bool reliable) {
  Server server = server_in(state, method, reliable);
  const Server before = server;
  ActionList actions;
  const ServerInput input{kind, AgeMs{2000}, response_of(kind)};
  const Why why = method == Method::kInvite ? step_invite_server(server, input, Settings{}, actions)
                                            : step_non_invite_server(server, input, Settings{}, actions);
  std::string line = without_k(name_of(state)) + " " + without_k(name_of(kind)) + " -> ";
  if (why != Why::kNone) {
    CPPUNIT_ASSERT_MESSAGE(line + " is ignored, but changed the record", server == before && actions.empty());
    return line + "(" + without_k(name_of(why)) + ")\n";
  }
  return line + without_k(name_of(server.state)) + " [" + to_text(actions, "; ") + "] G=" +
         to_text(server.retransmit_at) + " end=" + to_text(server.end_at) + "\n";
}

std::string table_of(Method method, bool reliable, std::initializer_list<ServerState> states) {
  std::string table = "\n" + line_of(ServerState::kInitial, ServerInputKind::kRequest, method, reliable);
  for (const ServerState state : states) {
    for (std::size_t i = 1; i < kServerInputKindCount; ++i) {  // 0 is kRequest, which only Initial takes.
      table += line_of(state, static_cast<ServerInputKind>(i), method, reliable);
    }
  }
  return table;
}

const char* const kInviteGolden = R"(
Initial Request -> Proceeding [RespondLocal 100] G=- end=-
Proceeding RequestRepeated -> Proceeding [RetransmitResponse] G=- end=-
Proceeding Ack -> (AckAbsorbed)
Proceeding Provisional -> Proceeding [RelayResponse 0 180] G=- end=-
Proceeding Success -> Accepted [RelayResponse 0 200] G=- end=34000
Proceeding SuccessRepeated -> Accepted [RelayResponse 0 200] G=- end=34000
Proceeding Failure -> Completed [RespondBest 0 486] G=2500 end=34000
Proceeding TimerRetransmit -> (NotDue)
Proceeding TimerEnd -> (NotDue)
Proceeding TransportError -> (ServerUnreachable)
Proceeding Abandon -> Terminated [] G=- end=-
Completed RequestRepeated -> Completed [RetransmitResponse] G=2000 end=9000
Completed Ack -> Confirmed [] G=- end=7000
Completed Provisional -> (FinalCommitted)
Completed Success -> Accepted [RelayResponse 0 200] G=- end=34000
Completed SuccessRepeated -> Accepted [RelayResponse 0 200] G=- end=34000
Completed Failure -> (FinalCommitted)
Completed TimerRetransmit -> Completed [RetransmitResponse] G=3000 end=9000
Completed TimerEnd -> Terminated [] G=- end=-
Completed TransportError -> (ServerUnreachable)
Completed Abandon -> (FinalCommitted)
Confirmed RequestRepeated -> (RequestAbsorbed)
Confirmed Ack -> (AckAbsorbed)
Confirmed Provisional -> (FinalCommitted)
Confirmed Success -> Accepted [RelayResponse 0 200] G=- end=34000
Confirmed SuccessRepeated -> Accepted [RelayResponse 0 200] G=- end=34000
Confirmed Failure -> (FinalCommitted)
Confirmed TimerRetransmit -> (NotDue)
Confirmed TimerEnd -> Terminated [] G=- end=-
Confirmed TransportError -> (ServerUnreachable)
Confirmed Abandon -> (FinalCommitted)
Accepted RequestRepeated -> (RequestAbsorbed)
Accepted Ack -> (AckAbsorbed)
Accepted Provisional -> (FinalCommitted)
Accepted Success -> Accepted [RelayResponse 0 200] G=- end=34000
Accepted SuccessRepeated -> Accepted [RelayResponse 0 200] G=- end=9000
Accepted Failure -> (FinalCommitted)
Accepted TimerRetransmit -> (NotDue)
Accepted TimerEnd -> Terminated [] G=- end=-
Accepted TransportError -> (ServerUnreachable)
Accepted Abandon -> (FinalCommitted)
Terminated RequestRepeated -> (RequestAbsorbed)
Terminated Ack -> (AckAbsorbed)
Terminated Provisional -> (FinalCommitted)
Terminated Success -> Accepted [RelayResponse 0 200] G=- end=34000
Terminated SuccessRepeated -> (FinalCommitted)
Terminated Failure -> (FinalCommitted)
Terminated TimerRetransmit -> (NotDue)
Terminated TimerEnd -> (NotDue)
Terminated TransportError -> (ServerUnreachable)
Terminated Abandon -> (FinalCommitted)
)";

const char* const kNonInviteGolden = R"(
Initial Request -> Trying [] G=- end=-
Trying RequestRepeated -> (NothingToRepeat)
Trying Ack -> (AckAbsorbed)
Trying Provisional -> Proceeding [RelayResponse 0 180] G=- end=-
Trying Success -> Completed [RelayResponse 0 200] G=- end=34000
Trying SuccessRepeated -> Completed [RelayResponse 0 200] G=- end=34000
Trying Failure -> Completed [RespondBest 0 486] G=- end=34000
Trying TimerRetransmit -> (NotDue)
Trying TimerEnd -> (NotDue)
Trying TransportError -> (ServerUnreachable)
Trying Abandon -> Terminated [] G=- end=-
Proceeding RequestRepeated -> Proceeding [RetransmitResponse] G=- end=-
Proceeding Ack -> (AckAbsorbed)
Proceeding Provisional -> Proceeding [RelayResponse 0 180] G=- end=-
Proceeding Success -> Completed [RelayResponse 0 200] G=- end=34000
Proceeding SuccessRepeated -> Completed [RelayResponse 0 200] G=- end=34000
Proceeding Failure -> Completed [RespondBest 0 486] G=- end=34000
Proceeding TimerRetransmit -> (NotDue)
Proceeding TimerEnd -> (NotDue)
Proceeding TransportError -> (ServerUnreachable)
Proceeding Abandon -> Terminated [] G=- end=-
Completed RequestRepeated -> Completed [RetransmitResponse] G=- end=9000
Completed Ack -> (AckAbsorbed)
Completed Provisional -> (FinalCommitted)
Completed Success -> (FinalCommitted)
Completed SuccessRepeated -> (FinalCommitted)
Completed Failure -> (FinalCommitted)
Completed TimerRetransmit -> (NotDue)
Completed TimerEnd -> Terminated [] G=- end=-
Completed TransportError -> (ServerUnreachable)
Completed Abandon -> (FinalCommitted)
Terminated RequestRepeated -> (RequestAbsorbed)
Terminated Ack -> (AckAbsorbed)
Terminated Provisional -> (FinalCommitted)
Terminated Success -> (FinalCommitted)
Terminated SuccessRepeated -> (FinalCommitted)
Terminated Failure -> (FinalCommitted)
Terminated TimerRetransmit -> (NotDue)
Terminated TimerEnd -> (NotDue)
Terminated TransportError -> (ServerUnreachable)
Terminated Abandon -> (FinalCommitted)
)";

}  // namespace

class ServerGoldenTest : public CPPUNIT_NS::TestFixture {
  CPPUNIT_TEST_SUITE(ServerGoldenTest);
  CPPUNIT_TEST(invite_server_follows_figure_7);
  CPPUNIT_TEST(non_invite_server_follows_figure_8);
  CPPUNIT_TEST(timer_g_doubles_up_to_t2);
  CPPUNIT_TEST(reliable_transport_needs_no_timer_g_i_j);
  CPPUNIT_TEST(no_100_when_switched_off);
  CPPUNIT_TEST_SUITE_END();

 public:
  void invite_server_follows_figure_7() {
    CPPUNIT_ASSERT_EQUAL(std::string(kInviteGolden),
                         table_of(Method::kInvite, false,
                                  {ServerState::kProceeding, ServerState::kCompleted, ServerState::kConfirmed,
                                   ServerState::kAccepted, ServerState::kTerminated}));
  }

  void non_invite_server_follows_figure_8() {
    CPPUNIT_ASSERT_EQUAL(std::string(kNonInviteGolden),
                         table_of(Method::kNonInvite, false,
                                  {ServerState::kTrying, ServerState::kProceeding, ServerState::kCompleted,
                                   ServerState::kTerminated}));
  }

  // 17.2.1: "timer G is reset with the value of MIN(2*T1, T2)" and so on.
  void timer_g_doubles_up_to_t2() {
    Server server = server_in(ServerState::kProceeding, Method::kInvite, false);
    ActionList actions;
    const Action busy = Action::respond_local(486);
    const ServerInput failure{ServerInputKind::kFailure, AgeMs{0}, busy};
    CPPUNIT_ASSERT(step_invite_server(server, failure, Settings{}, actions) == Why::kNone);
    std::string fired;
    for (int i = 0; i < 6; ++i) {
      const AgeMs now = server.retransmit_at;
      fired += to_text(now) + " ";
      const ServerInput timer_g{ServerInputKind::kTimerRetransmit, now};
      CPPUNIT_ASSERT(step_invite_server(server, timer_g, Settings{}, actions) == Why::kNone);
    }
    CPPUNIT_ASSERT_EQUAL(std::string("500 1500 3500 7500 11500 15500 "), fired);
  }

  void reliable_transport_needs_no_timer_g_i_j() {
    const auto line = [](ServerState state, ServerInputKind kind, Method method) {
      return line_of(state, kind, method, true);
    };
    const std::string table =
        line(ServerState::kProceeding, ServerInputKind::kFailure, Method::kInvite) +
        line(ServerState::kCompleted, ServerInputKind::kAck, Method::kInvite) +
        line(ServerState::kTrying, ServerInputKind::kSuccess, Method::kNonInvite);
    CPPUNIT_ASSERT_EQUAL(std::string("Proceeding Failure -> Completed [RespondBest 0 486] G=- end=34000\n"
                                     "Completed Ack -> Terminated [] G=- end=-\n"
                                     "Trying Success -> Terminated [RelayResponse 0 200] G=- end=-\n"),
                         table);
  }

  void no_100_when_switched_off() {
    Settings settings;
    settings.respond_100 = false;
    Server server;
    ActionList actions;
    CPPUNIT_ASSERT(step_invite_server(server, {ServerInputKind::kRequest}, settings, actions) == Why::kNone);
    CPPUNIT_ASSERT(step_invite_server(server, {ServerInputKind::kRequestRepeated}, settings, actions) ==
                   Why::kNothingToRepeat);
    CPPUNIT_ASSERT_EQUAL(ActionList{}, actions);
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ServerGoldenTest);

}  // namespace lockstep::transaction
