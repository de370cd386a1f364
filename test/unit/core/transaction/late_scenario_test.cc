// late_scenario_test.cc: whole transcripts of what ORDER.md is about: a second 2xx under each policy (O13,
// O14), a 2xx against the caller's CANCEL, CANCELs held and withdrawn (O9), requests withdrawn (O10).
#include <cppunit/extensions/HelperMacros.h>

#include "test/unit/core/transaction/transcript.h"

namespace lockstep::transaction {
namespace {

Settings with(LatePolicy late, LatePolicy cancelled = LatePolicy::kForward, std::uint32_t holdoff_ms = 0) {
  Settings settings;
  settings.late_2xx = late;
  settings.cancelled_2xx = cancelled;
  settings.cancel_holdoff = DurationMs{holdoff_ms};
  return settings;
}

Event success(std::uint8_t branch, std::uint32_t tag, AgeMs now = AgeMs{0}) {
  return Event::response(now, BranchIndex{branch}, 200, tag);
}

// Two phones ring, and A has answered.
Transcript answered_by_a(const Settings& settings) {
  Transcript transcript(settings);
  transcript.create().fork(2).response(0, 180).response(1, 180).take(success(0, 1)).skip();
  return transcript;
}

}  // namespace

class LateScenarioTest : public CPPUNIT_NS::TestFixture {
  CPPUNIT_TEST_SUITE(LateScenarioTest);
  CPPUNIT_TEST(terminate_acknowledges_and_ends_the_loser);
  CPPUNIT_TEST(an_unanswered_bye_is_repeated_and_its_end_is_told);
  CPPUNIT_TEST(drop_absorbs_the_loser);
  CPPUNIT_TEST(two_tags_on_one_branch_are_two_dialogs);
  CPPUNIT_TEST(a_dialog_without_room_is_dropped);
  CPPUNIT_TEST(cancelled_2xx_terminate_sends_487_up);
  CPPUNIT_TEST(a_cancelled_2xx_after_its_time_is_absorbed);
  CPPUNIT_TEST(a_held_cancel_is_withdrawn_by_the_final);
  CPPUNIT_TEST(a_held_cancel_leaves_when_nothing_comes);
  CPPUNIT_TEST(a_final_in_hand_holds_the_cancel);
  CPPUNIT_TEST(a_hold_does_not_end_before_a_final_in_hand);
  CPPUNIT_TEST(a_cancel_not_handed_over_is_withdrawn);
  CPPUNIT_TEST(a_request_not_handed_over_is_withdrawn);
  CPPUNIT_TEST(timer_c_and_holdoff_together_send_one_cancel);
  CPPUNIT_TEST_SUITE_END();

 public:
  void terminate_acknowledges_and_ends_the_loser() {
    Transcript transcript = answered_by_a(with(LatePolicy::kTerminate));
    transcript.take(success(1, 2)).take(success(1, 2)).take(success(0, 1));
    transcript.take(Event::bye_response(AgeMs{0}, BranchIndex{1}, 200));
    transcript.take(Event::bye_response(AgeMs{0}, BranchIndex{1}, 200)).take(success(1, 2)).until_end();
    CPPUNIT_ASSERT_EQUAL(std::string(R"(
0 Response 1 200: AckDialog 1; ByeDialog 1
0 Response 1 200: AckDialog 1
0 Response 0 200: RelayResponse 0 200
0 ByeResponse 1 200: ByeEnded 1 200
0 ByeResponse 1 200: (NoBye)
0 Response 1 200: AckDialog 1
32000 Timer:
32000 Timer:
32000 Timer: End
)"),
                         transcript.text());
  }

  // W26: the loser repeats its 200 while the BYE is pending.
  void an_unanswered_bye_is_repeated_and_its_end_is_told() {
    Transcript transcript = answered_by_a(with(LatePolicy::kTerminate));
    transcript.until(1000).take(success(1, 2, AgeMs{1000})).until(2000);
    transcript.take(Event::bye_response(AgeMs{2000}, BranchIndex{1}, 100)).until(8000).skip().until_end();
    const std::string text = transcript.text();
    CPPUNIT_ASSERT_MESSAGE(text, text.find("10500 Timer: RetransmitBye 1\n") != std::string::npos);
    CPPUNIT_ASSERT_MESSAGE(text, text.find("33000 Timer: ByeEnded 1 408\n33000 Timer: End\n") ==
                                     text.rfind("33000 Timer: ByeEnded"));
    CPPUNIT_ASSERT_MESSAGE(text, text.find("ByeEnded 1 408") != std::string::npos);
  }

  void drop_absorbs_the_loser() {
    Transcript transcript = answered_by_a(with(LatePolicy::kDrop));
    transcript.take(success(1, 2)).take(success(1, 2)).take(success(1, 3)).take(success(0, 1));
    CPPUNIT_ASSERT_EQUAL(std::string(R"(
0 Response 1 200: (LateDropped)
0 Response 1 200: (LateDropped)
0 Response 1 200: (LateDropped)
0 Response 0 200: RelayResponse 0 200
)"),
                         transcript.text());
  }

  // W18: a fork further down. Each dialog keeps what became of its first 200.
  void two_tags_on_one_branch_are_two_dialogs() {
    Transcript transcript = answered_by_a(with(LatePolicy::kTerminate));
    transcript.take(success(0, 7)).take(success(0, 1)).take(success(0, 7)).take(success(0, 8));
    transcript.take(Event::bye_response(AgeMs{0}, BranchIndex{2}, 200));
    transcript.take(Event::response(AgeMs{0}, BranchIndex{2}, 200, 7));
    CPPUNIT_ASSERT_EQUAL(std::string(R"(
0 Response 0 200: AckDialog 2; ByeDialog 2
0 Response 0 200: RelayResponse 0 200
0 Response 0 200: AckDialog 2
0 Response 0 200: AckDialog 3; ByeDialog 3
0 ByeResponse 2 200: ByeEnded 2 200
0 Response 2 200: (NoSuchBranch)
)"),
                         transcript.text());
    Transcript forward = answered_by_a(with(LatePolicy::kForward));
    forward.take(success(0, 7)).take(success(0, 1)).take(success(0, 7));
    CPPUNIT_ASSERT_EQUAL(std::string(R"(
0 Response 0 200: RelayResponse 0 200
0 Response 0 200: RelayResponse 0 200
0 Response 0 200: RelayResponse 0 200
)"),
                         forward.text());
  }

  void a_dialog_without_room_is_dropped() {
    Transcript transcript = answered_by_a(with(LatePolicy::kTerminate));
    Event event = success(0, 7);
    event.has_room = false;
    CPPUNIT_ASSERT(may_need_twin(transcript.state(), event));
    transcript.take(event);
    CPPUNIT_ASSERT_EQUAL(std::string("\n0 Response 0 200: (LateDropped)\n"), transcript.text());
  }

  // W7 with cancelled_2xx terminate: the phone that answered is ended, the caller gets its 487.
  void cancelled_2xx_terminate_sends_487_up() {
    Transcript transcript(with(LatePolicy::kForward, LatePolicy::kTerminate));
    transcript.create().fork(2).response(0, 180).response(1, 180).skip().cancel();
    transcript.take(success(0, 1)).response(1, 487).take(success(0, 1)).take(success(1, 2)).ack();
    CPPUNIT_ASSERT_EQUAL(std::string(R"(
0 CallerCancel: AnswerCancel 200; CancelBranch 0 Caller; CancelBranch 1 Caller
0 Response 0 200: AckDialog 0; ByeDialog 0
0 Response 1 487: AckBranch 1; StoreFinal 1; RespondBest 1 487
0 Response 0 200: AckDialog 0
0 Response 1 200: AckDialog 1; ByeDialog 1
0 Ack:
)"),
                         transcript.text());
  }

  // After Timer M the dialog is over for us: nothing is acknowledged, nothing ended again.
  void a_cancelled_2xx_after_its_time_is_absorbed() {
    Transcript transcript(with(LatePolicy::kForward, LatePolicy::kTerminate));
    transcript.create().fork(2).response(0, 180).cancel().take(success(0, 1));
    transcript.take(Event::bye_response(AgeMs{0}, BranchIndex{0}, 200)).until(20000).response(1, 180);
    transcript.until(33000).skip().take(success(0, 1, AgeMs{33000}));
    CPPUNIT_ASSERT_EQUAL(std::string("\n33000 Response 0 200: (ResponseAbsorbed)\n"), transcript.text());
  }

  void a_held_cancel_is_withdrawn_by_the_final() {
    Transcript transcript(with(LatePolicy::kTerminate, LatePolicy::kForward, 20));
    transcript.create().fork(3).response(0, 180).response(1, 180).skip().take(success(0, 1)).until(19);
    transcript.take(success(1, 2, AgeMs{19})).response(2, 180).until(38).response(2, 486);
    CPPUNIT_ASSERT_EQUAL(std::string(R"(
0 Response 0 200: RelayResponse 0 200
19 Response 1 200: WithdrawCancel 1; AckDialog 1; ByeDialog 1
19 Response 2 180: (FinalCommitted)
38 Response 2 486: AckBranch 2; WithdrawCancel 2
)"),
                         transcript.text());
  }

  void a_held_cancel_leaves_when_nothing_comes() {
    Transcript transcript(with(LatePolicy::kForward, LatePolicy::kForward, 20));
    transcript.create().fork(2).response(0, 180).response(1, 180).skip().take(success(0, 1)).until(30);
    transcript.response(1, 487);
    CPPUNIT_ASSERT_EQUAL(std::string(R"(
0 Response 0 200: RelayResponse 0 200
20 Timer: CancelBranch 1 200 CompletedElsewhere
30 Response 1 487: AckBranch 1
)"),
                         transcript.text());
  }

  // W22, W4: both 200s in the inbox; branch 2 has nothing there and is cancelled at once.
  void a_final_in_hand_holds_the_cancel() {
    Transcript transcript(with(LatePolicy::kTerminate));
    transcript.create().fork(3).response(0, 180).response(1, 180).response(2, 180).skip();
    Event first = success(0, 1);
    CPPUNIT_ASSERT(may_cancel(transcript.state(), first));
    first.ahead.finals_in_hand = mask_of(BranchIndex{1});
    first.ahead.until = DurationMs{5};
    transcript.take(first).take(success(1, 2)).until(100);
    CPPUNIT_ASSERT_EQUAL(std::string(R"(
0 Response 0 200: RelayResponse 0 200; CancelBranch 2 200 CompletedElsewhere
0 Response 1 200: WithdrawCancel 1; AckDialog 1; ByeDialog 1
)"),
                         transcript.text());
  }

  // The hold ends, and the look ahead finds the final that it was for.
  void a_hold_does_not_end_before_a_final_in_hand() {
    Transcript transcript(with(LatePolicy::kTerminate, LatePolicy::kForward, 20));
    transcript.create().fork(2).response(0, 180).response(1, 180).skip().take(success(0, 1));
    Event end = Event::timer(AgeMs{20});
    CPPUNIT_ASSERT(may_cancel(transcript.state(), end));
    end.ahead.finals_in_hand = mask_of(BranchIndex{1});
    end.ahead.until = DurationMs{50};
    transcript.take(end).until(30).take(success(1, 2, AgeMs{30})).until(2000);
    const std::string text = transcript.text();
    CPPUNIT_ASSERT_MESSAGE(text, text.find("CancelBranch") == std::string::npos);
    const std::string ended = "WithdrawCancel 1; AckDialog 1; ByeDialog 1";
    CPPUNIT_ASSERT_MESSAGE(text, text.find(ended) != std::string::npos);
  }

  void a_cancel_not_handed_over_is_withdrawn() {
    Transcript transcript = answered_by_a(with(LatePolicy::kForward));
    Event second = success(1, 2);
    second.ahead.unsent_cancels = mask_of(BranchIndex{1});
    transcript.take(second).until(2000);
    CPPUNIT_ASSERT_EQUAL(std::string("\n0 Response 1 200: WithdrawCancel 1; RelayResponse 1 200\n"),
                         transcript.text());
  }

  // W3: the caller gives up before the kernel has seen the INVITE of branch 1; branch 0 has it.
  void a_request_not_handed_over_is_withdrawn() {
    Transcript transcript;
    transcript.create().fork(2).skip();
    Event cancel = Event::caller_cancel(AgeMs{0});
    cancel.ahead.unsent_requests = mask_of(BranchIndex{1});
    transcript.take(cancel).response(0, 180).response(0, 487);
    CPPUNIT_ASSERT_EQUAL(std::string(R"(
0 CallerCancel: AnswerCancel 200; WithdrawRequest 1
0 Response 0 180: RelayResponse 0 180; CancelBranch 0 Caller
0 Response 0 487: AckBranch 0; StoreFinal 0; RespondBest 0 487
)"),
                         transcript.text());
    Transcript all;
    all.create().fork(2).skip();
    cancel.ahead.unsent_requests = 3;
    all.take(cancel);
    CPPUNIT_ASSERT_EQUAL(
        std::string("\n0 CallerCancel: AnswerCancel 200; WithdrawRequest 0; WithdrawRequest 1; "
                    "RespondLocal 487\n"),
        all.text());
  }

  void timer_c_and_holdoff_together_send_one_cancel() {
    Settings settings = with(LatePolicy::kForward, LatePolicy::kForward, 20);
    settings.fr_inv_timer = DurationMs{1000};
    Transcript transcript(settings);
    transcript.create().fork(1).response(0, 180).until(990).skip().cancel().until(1400);
    CPPUNIT_ASSERT_EQUAL(std::string(R"(
990 CallerCancel: AnswerCancel 200
1000 Timer:
1010 Timer: CancelBranch 0 Caller
)"),
                         transcript.text());
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(LateScenarioTest);

}  // namespace lockstep::transaction
