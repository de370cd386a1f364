// client_golden_test.cc: every (state, input) pair of figures 5 and 6 on an unreliable transport in full, and
// what differs on a reliable one.
// A line: state input -> next [actions] pass A=deadline end=deadline, or (why ignored). "A" is Timer A or E;
// both deadlines start at 2000 where the state knows them (interval 500); the input comes at 2000.
#include <cppunit/extensions/HelperMacros.h>

#include <initializer_list>

#include "core/transaction/invite_client.h"
#include "core/transaction/non_invite_client.h"
#include "test/unit/core/transaction/printing.h"

namespace lockstep::transaction {
namespace {

Status status_of(ClientInputKind kind) {
  switch (kind) {
    case ClientInputKind::kTrying: return 100;
    case ClientInputKind::kProvisional: return 180;
    case ClientInputKind::kSuccess: return 200;
    case ClientInputKind::kFailure: return 486;
    case ClientInputKind::kStart:
    case ClientInputKind::kTimerRetransmit:
    case ClientInputKind::kTimerTimeout:
    case ClientInputKind::kTransportError: break;
  }
  return 0;
}

Branch branch_in(ClientState state, bool retransmits, bool reliable) {
  Branch branch;
  branch.state = state;
  branch.reliable = reliable;
  if (retransmits && !reliable) {
    branch.retransmit_at = AgeMs{2000};
    branch.retransmit_interval = DurationMs{500};
  }
  const bool waits = state != ClientState::kInitial && state != ClientState::kTerminated;
  if (waits) branch.timeout_at = AgeMs{2000};
  if (state == ClientState::kProceeding) branch.provisional_status = 100;
  if (state == ClientState::kCompleted || state == ClientState::kTerminated) branch.final_status = 404;
  if (state == ClientState::kAccepted) branch.final_status = 200;
  return branch;
}

std::string line_of(Branch branch, ClientInputKind kind, Method method, const char* remark = "") {
  const Branch before = branch;
  ActionList actions;
  const ClientInput input{kind, AgeMs{2000}, status_of(kind)};
  const BranchIndex index{3};
  const ClientResult result = method == Method::kInvite
                                  ? step_invite_client(branch, index, input, Settings{}, actions)
                                  : step_non_invite_client(branch, index, input, Settings{}, actions);
  std::string line = without_k(name_of(before.state)) + remark + " " + without_k(name_of(kind)) + " -> ";
  if (result.ignored != Why::kNone) {
    CPPUNIT_ASSERT_MESSAGE(line + " is ignored, but changed the record",
                           branch == before && actions.empty() && result.pass == Pass::kNothing);
    return line + "(" + without_k(name_of(result.ignored)) + ")\n";
  }
  return line + without_k(name_of(branch.state)) + " [" + to_text(actions, "; ") + "] " +
         without_k(name_of(result.pass)) + " A=" + to_text(branch.retransmit_at) +
         " end=" + to_text(branch.timeout_at) + "\n";
}

std::string table_of(Method method, std::initializer_list<ClientState> states) {
  const Branch unborn = branch_in(ClientState::kInitial, false, false);
  std::string table = "\n" + line_of(unborn, ClientInputKind::kStart, method);
  for (const ClientState state : states) {
    const bool retransmits = state == ClientState::kCalling || state == ClientState::kTrying ||
                             (state == ClientState::kProceeding && method == Method::kNonInvite);
    for (std::size_t i = 1; i < kClientInputKindCount; ++i) {  // 0 is kStart, which only Initial takes.
      table += line_of(branch_in(state, retransmits, false), static_cast<ClientInputKind>(i), method);
    }
  }
  return table;
}

const char* const kInviteGolden = R"(
Initial Start -> Calling [ForwardRequest 3] Nothing A=2500 end=34000
Calling Trying -> Proceeding [] Trying A=- end=182500
Calling Provisional -> Proceeding [] Provisional A=- end=182500
Calling Success -> Accepted [] Success A=- end=34000
Calling Failure -> Completed [AckBranch 3] Failure A=- end=34000
Calling TimerRetransmit -> Calling [RetransmitRequest 3] Nothing A=3000 end=2000
Calling TimerTimeout -> Terminated [] Timeout A=- end=-
Calling TransportError -> Terminated [] TransportError A=- end=-
Proceeding Trying -> (TryingAgain)
Proceeding Provisional -> Proceeding [] Provisional A=- end=182500
Proceeding Success -> Accepted [] Success A=- end=34000
Proceeding Failure -> Completed [AckBranch 3] Failure A=- end=34000
Proceeding TimerRetransmit -> (NotDue)
Proceeding TimerTimeout -> Proceeding [] TimerC A=- end=-
Proceeding TransportError -> (NotForwarding)
Completed Trying -> (AfterFinal)
Completed Provisional -> (AfterFinal)
Completed Success -> Accepted [] Success A=- end=34000
Completed Failure -> Completed [AckBranch 3] Nothing A=- end=2000
Completed TimerRetransmit -> (NotDue)
Completed TimerTimeout -> Terminated [] Nothing A=- end=-
Completed TransportError -> Terminated [] Nothing A=- end=-
Accepted Trying -> (AfterFinal)
Accepted Provisional -> (AfterFinal)
Accepted Success -> Accepted [] SuccessRepeated A=- end=2000
Accepted Failure -> Accepted [AckBranch 3] Nothing A=- end=2000
Accepted TimerRetransmit -> (NotDue)
Accepted TimerTimeout -> Terminated [] Nothing A=- end=-
Accepted TransportError -> (NotForwarding)
Terminated Trying -> (AfterFinal)
Terminated Provisional -> (AfterFinal)
Terminated Success -> Accepted [] Success A=- end=34000
Terminated Failure -> Terminated [AckBranch 3] Nothing A=- end=-
Terminated TimerRetransmit -> (NotDue)
Terminated TimerTimeout -> (NotDue)
Terminated TransportError -> (NotForwarding)
)";

const char* const kNonInviteGolden = R"(
Initial Start -> Trying [ForwardRequest 3] Nothing A=2500 end=34000
Trying Trying -> Proceeding [] Trying A=2000 end=2000
Trying Provisional -> Proceeding [] Provisional A=2000 end=2000
Trying Success -> Completed [] Success A=- end=7000
Trying Failure -> Completed [] Failure A=- end=7000
Trying TimerRetransmit -> Trying [RetransmitRequest 3] Nothing A=3000 end=2000
Trying TimerTimeout -> Terminated [] Timeout A=- end=-
Trying TransportError -> Terminated [] TransportError A=- end=-
Proceeding Trying -> (TryingAgain)
Proceeding Provisional -> Proceeding [] Provisional A=2000 end=2000
Proceeding Success -> Completed [] Success A=- end=7000
Proceeding Failure -> Completed [] Failure A=- end=7000
Proceeding TimerRetransmit -> Proceeding [RetransmitRequest 3] Nothing A=6000 end=2000
Proceeding TimerTimeout -> Terminated [] Timeout A=- end=-
Proceeding TransportError -> Terminated [] TransportError A=- end=-
Completed Trying -> (AfterFinal)
Completed Provisional -> (AfterFinal)
Completed Success -> (ResponseAbsorbed)
Completed Failure -> (ResponseAbsorbed)
Completed TimerRetransmit -> (NotDue)
Completed TimerTimeout -> Terminated [] Nothing A=- end=-
Completed TransportError -> (NotForwarding)
Terminated Trying -> (AfterFinal)
Terminated Provisional -> (AfterFinal)
Terminated Success -> (ResponseAbsorbed)
Terminated Failure -> (ResponseAbsorbed)
Terminated TimerRetransmit -> (NotDue)
Terminated TimerTimeout -> (NotDue)
Terminated TransportError -> (NotForwarding)
)";

}  // namespace

class ClientGoldenTest : public CPPUNIT_NS::TestFixture {
  CPPUNIT_TEST_SUITE(ClientGoldenTest);
  CPPUNIT_TEST(invite_client_follows_figure_5);
  CPPUNIT_TEST(non_invite_client_follows_figure_6);
  CPPUNIT_TEST(a_sent_cancel_takes_the_place_of_timer_c);
  CPPUNIT_TEST(a_branch_that_ended_with_2xx_takes_no_other);
  CPPUNIT_TEST(reliable_transport_needs_no_timer_a_d_e_k);
  CPPUNIT_TEST(timer_a_doubles_without_limit);
  CPPUNIT_TEST(timer_e_doubles_up_to_t2_and_stays_there_in_proceeding);
  CPPUNIT_TEST_SUITE_END();

 public:
  void invite_client_follows_figure_5() {
    CPPUNIT_ASSERT_EQUAL(std::string(kInviteGolden),
                         table_of(Method::kInvite,
                                  {ClientState::kCalling, ClientState::kProceeding, ClientState::kCompleted,
                                   ClientState::kAccepted, ClientState::kTerminated}));
  }

  void non_invite_client_follows_figure_6() {
    CPPUNIT_ASSERT_EQUAL(std::string(kNonInviteGolden),
                         table_of(Method::kNonInvite,
                                  {ClientState::kTrying, ClientState::kProceeding, ClientState::kCompleted,
                                   ClientState::kTerminated}));
  }

  // 9.1: after a CANCEL the final is waited for 64*T1, however often the phone still says 180.
  void a_sent_cancel_takes_the_place_of_timer_c() {
    std::string table;
    for (const CancelState cancel : {CancelState::kSent, CancelState::kAnswered, CancelState::kExpired}) {
      Branch branch = branch_in(ClientState::kProceeding, false, false);
      branch.cancel = cancel;
      branch.timeout_at = AgeMs{2000};
      table += line_of(branch, ClientInputKind::kProvisional, Method::kInvite);
      table += line_of(branch, ClientInputKind::kTimerTimeout, Method::kInvite);
    }
    const std::string once = "Proceeding Provisional -> Proceeding [] Provisional A=- end=2000\n"
                             "Proceeding TimerTimeout -> Terminated [] Timeout A=- end=-\n";
    CPPUNIT_ASSERT_EQUAL(once + once + once, table);
  }

  void a_branch_that_ended_with_2xx_takes_no_other() {
    Branch branch = branch_in(ClientState::kTerminated, false, false);
    branch.final_status = 200;
    CPPUNIT_ASSERT_EQUAL(std::string("Terminated Success -> (ResponseAbsorbed)\n"),
                         line_of(branch, ClientInputKind::kSuccess, Method::kInvite));
  }

  void reliable_transport_needs_no_timer_a_d_e_k() {
    const auto line = [](ClientState state, ClientInputKind kind, Method method) {
      return line_of(branch_in(state, false, true), kind, method);
    };
    CPPUNIT_ASSERT_EQUAL(
        std::string("Initial Start -> Calling [ForwardRequest 3] Nothing A=- end=34000\n"
                    "Proceeding Failure -> Terminated [AckBranch 3] Failure A=- end=-\n"
                    "Initial Start -> Trying [ForwardRequest 3] Nothing A=- end=34000\n"
                    "Trying Success -> Terminated [] Success A=- end=-\n"),
        line(ClientState::kInitial, ClientInputKind::kStart, Method::kInvite) +
            line(ClientState::kProceeding, ClientInputKind::kFailure, Method::kInvite) +
            line(ClientState::kInitial, ClientInputKind::kStart, Method::kNonInvite) +
            line(ClientState::kTrying, ClientInputKind::kSuccess, Method::kNonInvite));
  }

  // 17.1.1.2: "retransmissions at intervals that double".
  void timer_a_doubles_without_limit() {
    CPPUNIT_ASSERT_EQUAL(std::string("500 1500 3500 7500 15500 31500 "), repetitions(Method::kInvite, 0));
  }

  // 17.1.2.2: T1, 2*T1, ... T2 in Trying; T2 in Proceeding.
  void timer_e_doubles_up_to_t2_and_stays_there_in_proceeding() {
    CPPUNIT_ASSERT_EQUAL(std::string("500 1500 3500 7500 11500 15500 "), repetitions(Method::kNonInvite, 0));
    CPPUNIT_ASSERT_EQUAL(std::string("500 4500 8500 12500 16500 20500 "),
                         repetitions(Method::kNonInvite, 100));
  }

 private:
  // When the first six repetitions happen if a response of `status` comes at once (0: none).
  static std::string repetitions(Method method, Status status) {
    Branch branch;
    ActionList actions;
    const BranchIndex index{0};
    const auto step = [&](ClientInputKind kind, AgeMs now) {
      const ClientInput input{kind, now, status};
      actions.clear();
      return method == Method::kInvite ? step_invite_client(branch, index, input, Settings{}, actions)
                                       : step_non_invite_client(branch, index, input, Settings{}, actions);
    };
    CPPUNIT_ASSERT(step(ClientInputKind::kStart, AgeMs{0}).ignored == Why::kNone);
    if (status != 0) CPPUNIT_ASSERT(step(ClientInputKind::kTrying, AgeMs{0}).ignored == Why::kNone);
    std::string fired;
    for (int i = 0; i < 6; ++i) {
      const AgeMs now = branch.retransmit_at;
      fired += to_text(now) + " ";
      CPPUNIT_ASSERT(step(ClientInputKind::kTimerRetransmit, now).ignored == Why::kNone);
      CPPUNIT_ASSERT_EQUAL(std::string("RetransmitRequest 0"), to_text(actions));
    }
    return fired;
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ClientGoldenTest);

}  // namespace lockstep::transaction
