// cancel_scenario_test.cc: whole transcripts around CANCEL: the caller's, Timer C's, the script's,
// and their races.
#include <cppunit/extensions/HelperMacros.h>

#include "test/unit/core/transaction/transcript.h"

namespace lockstep::transaction {

class CancelScenarioTest : public CPPUNIT_NS::TestFixture {
  CPPUNIT_TEST_SUITE(CancelScenarioTest);
  CPPUNIT_TEST(cancel_after_ringing);
  CPPUNIT_TEST(cancel_before_any_1xx_is_owed);
  CPPUNIT_TEST(a_final_clears_an_owed_cancel);
  CPPUNIT_TEST(cancel_without_branches_is_answered_487_at_once);
  CPPUNIT_TEST(a_2xx_that_crosses_the_callers_cancel_is_relayed);
  CPPUNIT_TEST(no_final_goes_up_while_a_branch_lacks_one);
  CPPUNIT_TEST(an_unanswered_cancel_is_repeated_until_timer_f_and_the_branch_ends_487);
  CPPUNIT_TEST(a_dead_phone_of_a_cancelled_call_ends_487);
  CPPUNIT_TEST(timer_c_cancels_and_the_487_counts_as_408);
  CPPUNIT_TEST(timer_c_is_restarted_by_101_to_199_only);
  CPPUNIT_TEST(timer_c_without_an_answer_ends_the_branch_408);
  CPPUNIT_TEST(a_caller_who_cancels_after_timer_c_hears_487);
  CPPUNIT_TEST(a_cancel_that_cannot_be_sent_is_not_repeated);
  CPPUNIT_TEST(the_script_cancels_one_branch);
  CPPUNIT_TEST(openser13_picks_whom_to_cancel_apart);
  CPPUNIT_TEST(non_invite_is_never_cancelled);
  CPPUNIT_TEST_SUITE_END();

 public:
  // O11, 16.10: 200 at once, CANCEL downstream, 487 up when every branch is final.
  void cancel_after_ringing() {
    Transcript transcript;
    transcript.create().fork(2).response(0, 180).response(1, 180).until(300).cancel().cancel();
    transcript.cancel_response(0, 200).response(0, 487).until(900).response(1, 487).cancel().ack();
    CPPUNIT_ASSERT_EQUAL(std::string(R"(
0 Create: RespondLocal 100
0 AddBranch 0: ForwardRequest 0
0 AddBranch 1: ForwardRequest 1
0 Response 0 180: RelayResponse 0 180
0 Response 1 180: RelayResponse 1 180
300 CallerCancel: AnswerCancel 200; CancelBranch 0 Caller; CancelBranch 1 Caller
300 CallerCancel: AnswerCancel 200
300 CancelResponse 0 200:
300 Response 0 487: AckBranch 0; StoreFinal 0
800 Timer: RetransmitCancel 1
900 Response 1 487: AckBranch 1; StoreFinal 1; RespondBest 0 487
900 CallerCancel: AnswerCancel 200
900 Ack:
)"),
                         transcript.text());
  }

  // O8, 9.1, W8: the CANCEL waits for the first 1xx, 100 included; the request is still repeated.
  void cancel_before_any_1xx_is_owed() {
    Transcript transcript;
    transcript.create().fork(2).until(200).cancel().until(600).response(0, 100).response(1, 180);
    transcript.response(0, 487).response(1, 487);
    CPPUNIT_ASSERT_EQUAL(std::string(R"(
0 Create: RespondLocal 100
0 AddBranch 0: ForwardRequest 0
0 AddBranch 1: ForwardRequest 1
200 CallerCancel: AnswerCancel 200
500 Timer: RetransmitRequest 0
500 Timer: RetransmitRequest 1
600 Response 0 100: CancelBranch 0 Caller
600 Response 1 180: RelayResponse 1 180; CancelBranch 1 Caller
600 Response 0 487: AckBranch 0; StoreFinal 0
600 Response 1 487: AckBranch 1; StoreFinal 1; RespondBest 0 487
)"),
                         transcript.text());
  }

  // O8: what is final needs no CANCEL.
  void a_final_clears_an_owed_cancel() {
    Transcript transcript;
    transcript.create().fork(1).cancel().response(0, 486);
    CPPUNIT_ASSERT_EQUAL(std::string(R"(
0 Create: RespondLocal 100
0 AddBranch 0: ForwardRequest 0
0 CallerCancel: AnswerCancel 200
0 Response 0 486: AckBranch 0; StoreFinal 0; RespondBest 0 486
)"),
                         transcript.text());
  }

  void cancel_without_branches_is_answered_487_at_once() {
    Transcript transcript;
    transcript.create().cancel().take(Event::add_branch(AgeMs{0}, BranchIndex{0}));
    transcript.again().ack().until_end();
    CPPUNIT_ASSERT_EQUAL(std::string(R"(
0 Create: RespondLocal 100
0 CallerCancel: AnswerCancel 200; RespondLocal 487
0 AddBranch 0: (ContextClosed)
0 RequestRetransmitted: RetransmitResponse
0 Ack:
5000 Timer: End
)"),
                         transcript.text());
  }

  // W7: forward.
  void a_2xx_that_crosses_the_callers_cancel_is_relayed() {
    Transcript transcript;
    transcript.create().fork(1).response(0, 180).cancel().response(0, 200).cancel_response(0, 481).cancel();
    CPPUNIT_ASSERT_EQUAL(std::string(R"(
0 Create: RespondLocal 100
0 AddBranch 0: ForwardRequest 0
0 Response 0 180: RelayResponse 0 180
0 CallerCancel: AnswerCancel 200; CancelBranch 0 Caller
0 Response 0 200: RelayResponse 0 200
0 CancelResponse 0 481: (NoCancel)
0 CallerCancel: AnswerCancel 200
)"),
                         transcript.text());
  }

  // W6: 603, then the caller cancels: not 487 but the 603, when all are final.
  void no_final_goes_up_while_a_branch_lacks_one() {
    Transcript transcript;
    transcript.create().fork(2).response(0, 180).response(1, 180).response(0, 603).cancel().response(1, 487);
    CPPUNIT_ASSERT_EQUAL(std::string(R"(
0 Create: RespondLocal 100
0 AddBranch 0: ForwardRequest 0
0 AddBranch 1: ForwardRequest 1
0 Response 0 180: RelayResponse 0 180
0 Response 1 180: RelayResponse 1 180
0 Response 0 603: AckBranch 0; StoreFinal 0; CancelBranch 1 603 GlobalFailure
0 CallerCancel: AnswerCancel 200
0 Response 1 487: AckBranch 1; StoreFinal 1; RespondBest 0 603
)"),
                         transcript.text());
  }

  // W20, 9.1.
  void an_unanswered_cancel_is_repeated_until_timer_f_and_the_branch_ends_487() {
    Transcript transcript;
    transcript.create().fork(1).response(0, 180).cancel().until(32000).response(0, 487).response(0, 180);
    CPPUNIT_ASSERT_EQUAL(std::string(R"(
0 Create: RespondLocal 100
0 AddBranch 0: ForwardRequest 0
0 Response 0 180: RelayResponse 0 180
0 CallerCancel: AnswerCancel 200; CancelBranch 0 Caller
500 Timer: RetransmitCancel 0
1500 Timer: RetransmitCancel 0
3500 Timer: RetransmitCancel 0
7500 Timer: RetransmitCancel 0
11500 Timer: RetransmitCancel 0
15500 Timer: RetransmitCancel 0
19500 Timer: RetransmitCancel 0
23500 Timer: RetransmitCancel 0
27500 Timer: RetransmitCancel 0
31500 Timer: RetransmitCancel 0
32000 Timer:
32000 Timer: RespondLocal 487
32000 Response 0 487: AckBranch 0
32000 Response 0 180: (AfterFinal)
)"),
                         transcript.text());
  }

  // Timer B while the CANCEL is owed: the caller gave up before the phone did.
  void a_dead_phone_of_a_cancelled_call_ends_487() {
    Transcript transcript;
    transcript.create().fork(1).cancel().until(31999).skip().until(32000);
    CPPUNIT_ASSERT_EQUAL(std::string(R"(
32000 Timer: RespondLocal 487
)"),
                         transcript.text());
  }

  // 16.8, I17: CANCEL, then wait; the caller, who did not cancel, hears 408.
  void timer_c_cancels_and_the_487_counts_as_408() {
    Transcript transcript;
    transcript.create().fork(1).response(0, 100).until(1000).response(0, 180).until(181500);
    transcript.response(0, 487);
    CPPUNIT_ASSERT_EQUAL(std::string(R"(
0 Create: RespondLocal 100
0 AddBranch 0: ForwardRequest 0
0 Response 0 100:
1000 Response 0 180: RelayResponse 0 180
181500 Timer: CancelBranch 0 TimerC
181500 Response 0 487: AckBranch 0; RespondLocal 408
)"),
                         transcript.text());
  }

  // 16.7 step 2.
  void timer_c_is_restarted_by_101_to_199_only() {
    Transcript transcript;
    transcript.create().fork(1).response(0, 183).until(100000).response(0, 100).response(0, 180);
    transcript.until(200000);
    transcript.until(280499).until(280500);
    CPPUNIT_ASSERT_EQUAL(std::string(R"(
0 Create: RespondLocal 100
0 AddBranch 0: ForwardRequest 0
0 Response 0 183: RelayResponse 0 183
100000 Response 0 100: (TryingAgain)
100000 Response 0 180: RelayResponse 0 180
280500 Timer: CancelBranch 0 TimerC
)"),
                         transcript.text());
  }

  // 9.1: 64*T1 after the CANCEL; W13: a 2xx after that still goes up.
  void timer_c_without_an_answer_ends_the_branch_408() {
    Transcript transcript;
    transcript.create().fork(1).response(0, 180).until(212499).skip().until(212500).response(0, 200);
    transcript.response(0, 200);
    transcript.ack().again();
    CPPUNIT_ASSERT_EQUAL(std::string(R"(
212500 Timer:
212500 Timer: RespondLocal 408
212500 Response 0 200: RelayResponse 0 200
212500 Response 0 200: RelayResponse 0 200
212500 Ack: (AckAbsorbed)
212500 RequestRetransmitted: (RequestAbsorbed)
)"),
                         transcript.text());
  }

  void a_caller_who_cancels_after_timer_c_hears_487() {
    Transcript transcript;
    transcript.create().fork(1).response(0, 180).until(180500).skip().cancel().response(0, 487);
    CPPUNIT_ASSERT_EQUAL(std::string(R"(
180500 CallerCancel: AnswerCancel 200
180500 Response 0 487: AckBranch 0; StoreFinal 0; RespondBest 0 487
)"),
                         transcript.text());
  }

  void a_cancel_that_cannot_be_sent_is_not_repeated() {
    Transcript transcript;
    transcript.create().fork(1).response(0, 180).cancel();
    transcript.take(Event::cancel_transport_error(AgeMs{0}, BranchIndex{0})).until(31999).until(32000);
    CPPUNIT_ASSERT_EQUAL(std::string(R"(
0 Create: RespondLocal 100
0 AddBranch 0: ForwardRequest 0
0 Response 0 180: RelayResponse 0 180
0 CallerCancel: AnswerCancel 200; CancelBranch 0 Caller
0 CancelTransportError 0:
32000 Timer: RespondLocal 487
)"),
                         transcript.text());
  }

  // t_cancel_branches: once, owed before the first 1xx.
  void the_script_cancels_one_branch() {
    Transcript transcript;
    const Event wish = Event::cancel_branch(AgeMs{0}, BranchIndex{1});
    transcript.create().fork(2).response(0, 180).take(wish).response(1, 180).take(wish).response(1, 487);
    CPPUNIT_ASSERT_EQUAL(std::string(R"(
0 Create: RespondLocal 100
0 AddBranch 0: ForwardRequest 0
0 AddBranch 1: ForwardRequest 1
0 Response 0 180: RelayResponse 0 180
0 CancelBranch 1:
0 Response 1 180: RelayResponse 1 180; CancelBranch 1 Script
0 CancelBranch 1: (CancelNotNeeded)
0 Response 1 487: AckBranch 1; StoreFinal 1
)"),
                         transcript.text());
  }

  // W1, as it came about: B was picked as one without a 1xx, which came before that was marked.
  void openser13_picks_whom_to_cancel_apart() {
    Settings settings;
    settings.cancels_apart = true;
    Transcript transcript(settings);
    const auto picked = [](std::uint8_t branch, bool had) {
      return Event::cancel_picked(AgeMs{0}, BranchIndex{branch}, had);
    };
    transcript.create().fork(3).response(1, 180).response(0, 200).response(2, 180);
    transcript.take(picked(1, true)).take(picked(2, false)).response(1, 487).until(180500);
    CPPUNIT_ASSERT_EQUAL(std::string(R"(
0 Create: RespondLocal 100
0 AddBranch 0: ForwardRequest 0
0 AddBranch 1: ForwardRequest 1
0 AddBranch 2: ForwardRequest 2
0 Response 1 180: RelayResponse 1 180
0 Response 0 200: RelayResponse 0 200
0 Response 2 180: (FinalCommitted)
0 CancelPicked 1: CancelBranch 1 200 CompletedElsewhere
0 CancelPicked 2:
0 Response 1 487: AckBranch 1
32000 Timer:
32000 Timer:
32000 Timer:
180500 Timer: CancelBranch 2 200 CompletedElsewhere
)"),
                         transcript.text());
  }

  // 9.1: CANCEL is for INVITE; the caller's is answered and has no other effect.
  void non_invite_is_never_cancelled() {
    Transcript transcript;
    transcript.create(Method::kNonInvite).fork(1).response(0, 100).cancel();
    transcript.take(Event::cancel_branch(AgeMs{0}, BranchIndex{0})).response(0, 200);
    CPPUNIT_ASSERT_EQUAL(std::string(R"(
0 Create:
0 AddBranch 0: ForwardRequest 0
0 Response 0 100:
0 CallerCancel: AnswerCancel 200
0 CancelBranch 0: (NotInvite)
0 Response 0 200: RelayResponse 0 200
)"),
                         transcript.text());
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(CancelScenarioTest);

}  // namespace lockstep::transaction
