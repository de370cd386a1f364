// script_scenario_test.cc: whole transcripts of what scripts ask for: serial forks through the failure route,
// responses of their own, giving up; and of the plain timers of a request that nobody answers.
#include <cppunit/extensions/HelperMacros.h>

#include "test/unit/core/transaction/transcript.h"

namespace lockstep::transaction {

class ScriptScenarioTest : public CPPUNIT_NS::TestFixture {
  CPPUNIT_TEST_SUITE(ScriptScenarioTest);
  CPPUNIT_TEST(serial_fork_through_the_failure_route);
  CPPUNIT_TEST(verdict_without_new_branches_sends_the_best);
  CPPUNIT_TEST(failure_reply_mode_counts_the_last_leg_only);
  CPPUNIT_TEST(failure_reply_mode_keeps_the_only_leg);
  CPPUNIT_TEST(a_failure_route_may_respond_itself);
  CPPUNIT_TEST(no_new_branch_after_the_callers_cancel);
  CPPUNIT_TEST(cancel_while_the_failure_route_runs_waits_for_its_verdict);
  CPPUNIT_TEST(a_2xx_overtakes_the_failure_route);
  CPPUNIT_TEST(a_lost_verdict_does_not_hold_the_caller_for_ever);
  CPPUNIT_TEST(a_response_of_the_script_cancels_what_is_pending);
  CPPUNIT_TEST(request_without_branches_is_answered_as_the_script_failed);
  CPPUNIT_TEST(no_branches_is_refused_while_a_branch_is_pending);
  CPPUNIT_TEST(a_released_transaction_ends_without_a_response);
  CPPUNIT_TEST(a_request_that_nobody_takes_up_ends_408);
  CPPUNIT_TEST(invite_is_repeated_until_timer_b_then_408);
  CPPUNIT_TEST(retransmitted_invite_repeats_the_last_response);
  CPPUNIT_TEST(an_unreachable_caller_keeps_the_state);
  CPPUNIT_TEST(more_branches_than_the_bound_are_refused);
  CPPUNIT_TEST_SUITE_END();

 public:
  // O15: the failure route runs between decisions; its branches come back as events.
  void serial_fork_through_the_failure_route() {
    Transcript transcript;
    transcript.create().arm().fork(2).response(0, 486).response(1, 480);
    transcript.arm().fork(1).verdict().response(2, 180).response(2, 404).verdict();
    CPPUNIT_ASSERT_EQUAL(std::string(R"(
0 Create: RespondLocal 100
0 ArmFailureRoute:
0 AddBranch 0: ForwardRequest 0
0 AddBranch 1: ForwardRequest 1
0 Response 0 486: AckBranch 0; StoreFinal 0
0 Response 1 480: AckBranch 1; StoreFinal 1; RunFailureRoute 1 480
0 ArmFailureRoute:
0 AddBranch 2: ForwardRequest 2
0 Verdict: (NoRouteRunning)
0 Response 2 180: RelayResponse 2 180
0 Response 2 404: AckBranch 2; StoreFinal 2; RunFailureRoute 2 404
0 Verdict: RespondBest 2 404
)"),
                         transcript.text());
  }

  void verdict_without_new_branches_sends_the_best() {
    Transcript transcript;
    transcript.create().arm().fork(1).response(0, 503).verdict().verdict().until_end();
    CPPUNIT_ASSERT_EQUAL(std::string(R"(
0 Create: RespondLocal 100
0 ArmFailureRoute:
0 AddBranch 0: ForwardRequest 0
0 Response 0 503: AckBranch 0; StoreFinal 0; RunFailureRoute 0 503
0 Verdict: RespondBest 0 500
0 Verdict: (NoRouteRunning)
500 Timer: RetransmitResponse
1500 Timer: RetransmitResponse
3500 Timer: RetransmitResponse
7500 Timer: RetransmitResponse
11500 Timer: RetransmitResponse
15500 Timer: RetransmitResponse
19500 Timer: RetransmitResponse
23500 Timer: RetransmitResponse
27500 Timer: RetransmitResponse
31500 Timer: RetransmitResponse
32000 Timer:
32000 Timer: End
)"),
                         transcript.text());
  }

  // Kamailio's failure_reply_mode=3: 404 of the first leg does not hide 486 of the second.
  void failure_reply_mode_counts_the_last_leg_only() {
    Settings settings;
    settings.failure_reply_mode = 3;
    Transcript transcript(settings);
    transcript.create().arm().fork(1).response(0, 404).fork(1).verdict().response(1, 486);
    CPPUNIT_ASSERT_EQUAL(std::string(R"(
0 Create: RespondLocal 100
0 ArmFailureRoute:
0 AddBranch 0: ForwardRequest 0
0 Response 0 404: AckBranch 0; StoreFinal 0; RunFailureRoute 0 404
0 AddBranch 1: ForwardRequest 1
0 Verdict: (NoRouteRunning)
0 Response 1 486: AckBranch 1; StoreFinal 1; RespondBest 1 486
)"),
                         transcript.text());
  }

  void failure_reply_mode_keeps_the_only_leg() {
    Settings settings;
    settings.failure_reply_mode = 3;
    Transcript transcript(settings);
    transcript.create().arm().fork(1).response(0, 404).verdict();
    CPPUNIT_ASSERT_EQUAL(std::string(R"(
0 Create: RespondLocal 100
0 ArmFailureRoute:
0 AddBranch 0: ForwardRequest 0
0 Response 0 404: AckBranch 0; StoreFinal 0; RunFailureRoute 0 404
0 Verdict: RespondBest 0 404
)"),
                         transcript.text());
  }

  void a_failure_route_may_respond_itself() {
    Transcript transcript;
    transcript.create().arm().fork(1).response(0, 486).respond(404).verdict().again().ack();
    CPPUNIT_ASSERT_EQUAL(std::string(R"(
0 Create: RespondLocal 100
0 ArmFailureRoute:
0 AddBranch 0: ForwardRequest 0
0 Response 0 486: AckBranch 0; StoreFinal 0; RunFailureRoute 0 486
0 LocalFinal 404: RespondLocal 404
0 Verdict: (NoRouteRunning)
0 RequestRetransmitted: RetransmitResponse
0 Ack:
)"),
                         transcript.text());
  }

  // W14, O10: the failure route runs, but adds nothing.
  void no_new_branch_after_the_callers_cancel() {
    Transcript transcript;
    transcript.create().arm().fork(1).response(0, 180).cancel().response(0, 487).fork(1).verdict();
    CPPUNIT_ASSERT_EQUAL(std::string(R"(
0 Create: RespondLocal 100
0 ArmFailureRoute:
0 AddBranch 0: ForwardRequest 0
0 Response 0 180: RelayResponse 0 180
0 CallerCancel: AnswerCancel 200; CancelBranch 0 Caller
0 Response 0 487: AckBranch 0; StoreFinal 0; RunFailureRoute 0 487
0 AddBranch 1: (ContextClosed)
0 Verdict: RespondBest 0 487
)"),
                         transcript.text());
  }

  void cancel_while_the_failure_route_runs_waits_for_its_verdict() {
    Transcript transcript;
    transcript.create().arm().fork(1).response(0, 486).cancel().fork(1).verdict();
    CPPUNIT_ASSERT_EQUAL(std::string(R"(
0 Create: RespondLocal 100
0 ArmFailureRoute:
0 AddBranch 0: ForwardRequest 0
0 Response 0 486: AckBranch 0; StoreFinal 0; RunFailureRoute 0 486
0 CallerCancel: AnswerCancel 200
0 AddBranch 1: (ContextClosed)
0 Verdict: RespondBest 0 486
)"),
                         transcript.text());
  }

  // W13: the timed-out branch answers after all; the route's wishes come too late.
  void a_2xx_overtakes_the_failure_route() {
    Transcript transcript;
    transcript.create().arm().fork(1).until(31999).skip().until(32000).response(0, 200).fork(1);
    transcript.respond(404).verdict();
    CPPUNIT_ASSERT_EQUAL(std::string(R"(
32000 Timer: RunFailureRoute 0 408
32000 Response 0 200: RelayResponse 0 200
32000 AddBranch 1: (ContextClosed)
32000 LocalFinal 404: (FinalCommitted)
32000 Verdict: (NoRouteRunning)
)"),
                         transcript.text());
  }

  // I19: while the failure route runs a guard ends the wait.
  void a_lost_verdict_does_not_hold_the_caller_for_ever() {
    Transcript transcript;
    transcript.create().arm().fork(1).response(0, 486).until(31999).until(32000);
    CPPUNIT_ASSERT_EQUAL(std::string(R"(
0 Create: RespondLocal 100
0 ArmFailureRoute:
0 AddBranch 0: ForwardRequest 0
0 Response 0 486: AckBranch 0; StoreFinal 0; RunFailureRoute 0 486
32000 Timer: RespondBest 0 486
32000 Timer:
)"),
                         transcript.text());
  }

  void a_response_of_the_script_cancels_what_is_pending() {
    Transcript transcript;
    transcript.create().respond(183).fork(2).response(1, 180).respond(480).response(0, 180).response(1, 200);
    CPPUNIT_ASSERT_EQUAL(std::string(R"(
0 Create: RespondLocal 100
0 LocalProvisional 183: RespondLocal 183
0 AddBranch 0: ForwardRequest 0
0 AddBranch 1: ForwardRequest 1
0 Response 1 180: RelayResponse 1 180
0 LocalFinal 480: RespondLocal 480; CancelBranch 1 480 Script
0 Response 0 180: CancelBranch 0 480 Script
0 Response 1 200: RelayResponse 1 200
)"),
                         transcript.text());
  }

  void request_without_branches_is_answered_as_the_script_failed() {
    Transcript transcript;
    transcript.create().take(Event::no_branches(AgeMs{0}, 404)).take(Event::no_branches(AgeMs{0}, 404));
    CPPUNIT_ASSERT_EQUAL(std::string(R"(
0 Create: RespondLocal 100
0 NoBranches 404: RespondLocal 404
0 NoBranches 404: (FinalCommitted)
)"),
                         transcript.text());
  }

  void no_branches_is_refused_while_a_branch_is_pending() {
    Transcript transcript;
    transcript.create().fork(1).skip().take(Event::no_branches(AgeMs{0}, 404)).take(Event::release(AgeMs{0}));
    transcript.take(Event::no_branches(AgeMs{0}, 200)).take(Event::verdict(AgeMs{0}));
    CPPUNIT_ASSERT_EQUAL(std::string(R"(
0 NoBranches 404: (BranchesPending)
0 Release: (BranchesPending)
0 NoBranches 200: (BadStatus)
0 Verdict: (NoRouteRunning)
)"),
                         transcript.text());
  }

  void a_released_transaction_ends_without_a_response() {
    Transcript transcript;
    transcript.create().take(Event::release(AgeMs{0})).again().response(0, 200);
    CPPUNIT_ASSERT_EQUAL(std::string(R"(
0 Create: RespondLocal 100
0 Release: End
0 RequestRetransmitted: (Ended)
0 Response 0 200: (Ended)
)"),
                         transcript.text());
  }

  // I19: t_newtran without relay, response or release.
  void a_request_that_nobody_takes_up_ends_408() {
    Transcript transcript;
    transcript.create().until(180499).until(180500);
    CPPUNIT_ASSERT_EQUAL(std::string(R"(
0 Create: RespondLocal 100
180500 Timer: RespondLocal 408
)"),
                         transcript.text());
  }

  // Timers A, B; then G, H without an ACK.
  void invite_is_repeated_until_timer_b_then_408() {
    Transcript transcript;
    transcript.create().fork(1).until_end();
    CPPUNIT_ASSERT_EQUAL(std::string(R"(
0 Create: RespondLocal 100
0 AddBranch 0: ForwardRequest 0
500 Timer: RetransmitRequest 0
1500 Timer: RetransmitRequest 0
3500 Timer: RetransmitRequest 0
7500 Timer: RetransmitRequest 0
15500 Timer: RetransmitRequest 0
31500 Timer: RetransmitRequest 0
32000 Timer: RespondLocal 408
32500 Timer: RetransmitResponse
33500 Timer: RetransmitResponse
35500 Timer: RetransmitResponse
39500 Timer: RetransmitResponse
43500 Timer: RetransmitResponse
47500 Timer: RetransmitResponse
51500 Timer: RetransmitResponse
55500 Timer: RetransmitResponse
59500 Timer: RetransmitResponse
63500 Timer: RetransmitResponse
64000 Timer: End
)"),
                         transcript.text());
  }

  // I18: the last 1xx in Proceeding, the stored final in Completed, nothing in Confirmed.
  void retransmitted_invite_repeats_the_last_response() {
    Transcript transcript;
    transcript.create().again().fork(1).again().response(0, 180).again().response(0, 486).again().ack();
    transcript.again().ack();
    CPPUNIT_ASSERT_EQUAL(std::string(R"(
0 Create: RespondLocal 100
0 RequestRetransmitted: RetransmitResponse
0 AddBranch 0: ForwardRequest 0
0 RequestRetransmitted: RetransmitResponse
0 Response 0 180: RelayResponse 0 180
0 RequestRetransmitted: RetransmitResponse
0 Response 0 486: AckBranch 0; StoreFinal 0; RespondBest 0 486
0 RequestRetransmitted: RetransmitResponse
0 Ack:
0 RequestRetransmitted: (RequestAbsorbed)
0 Ack: (AckAbsorbed)
)"),
                         transcript.text());
  }

  // RFC 6026: a transport error of a response keeps the server transaction.
  void an_unreachable_caller_keeps_the_state() {
    Transcript transcript;
    transcript.create().fork(1).take(Event::server_transport_error(AgeMs{0})).response(0, 200);
    transcript.take(Event::server_transport_error(AgeMs{0}));
    CPPUNIT_ASSERT_EQUAL(std::string(R"(
0 Create: RespondLocal 100
0 AddBranch 0: ForwardRequest 0
0 ServerTransportError: (ServerUnreachable)
0 Response 0 200: RelayResponse 0 200
0 ServerTransportError: (ServerUnreachable)
)"),
                         transcript.text());
  }

  void more_branches_than_the_bound_are_refused() {
    Transcript transcript;
    transcript.create().fork(32).skip().fork(1).take(Event::timer(AgeMs{499}));
    CPPUNIT_ASSERT(!may_add_branch(transcript.state()));
    CPPUNIT_ASSERT_EQUAL(std::string(R"(
0 AddBranch 32: (BranchTableFull)
499 Timer: (NotDue)
)"),
                         transcript.text());
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ScriptScenarioTest);

}  // namespace lockstep::transaction
