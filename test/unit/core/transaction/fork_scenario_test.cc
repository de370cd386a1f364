// fork_scenario_test.cc: whole transcripts of parallel forks: who wins, who is cancelled, what goes up.
#include <cppunit/extensions/HelperMacros.h>

#include "test/unit/core/transaction/transcript.h"

namespace lockstep::transaction {

class ForkScenarioTest : public CPPUNIT_NS::TestFixture {
  CPPUNIT_TEST_SUITE(ForkScenarioTest);
  CPPUNIT_TEST(first_2xx_wins_and_the_others_are_cancelled);
  CPPUNIT_TEST(late_2xx_of_a_loser_is_relayed_and_not_cancelled);
  CPPUNIT_TEST(a_2xx_renews_the_way_up_for_its_retransmissions);
  CPPUNIT_TEST(all_busy_sends_the_best_when_the_last_is_final);
  CPPUNIT_TEST(six_hundred_cancels_and_waits_for_the_others);
  CPPUNIT_TEST(a_2xx_after_a_6xx_still_goes_up);
  CPPUNIT_TEST(challenges_are_aggregated);
  CPPUNIT_TEST(a_lone_503_goes_up_as_500);
  CPPUNIT_TEST(a_branch_that_cannot_be_sent_counts_as_503);
  CPPUNIT_TEST(one_hundred_is_never_relayed_and_1xx_not_after_a_final);
  CPPUNIT_TEST(every_repeated_non_2xx_final_is_acked_in_every_state);
  CPPUNIT_TEST(a_response_of_an_unknown_branch_or_status_is_ignored);
  CPPUNIT_TEST(non_invite_relays_the_first_2xx_and_drops_the_rest);
  CPPUNIT_TEST(non_invite_times_out_with_408);
  CPPUNIT_TEST_SUITE_END();

 public:
  // 16.7 steps 9, 10; O6, O7: the 2xx goes up before the CANCELs, which leave in ascending order.
  void first_2xx_wins_and_the_others_are_cancelled() {
    Transcript transcript;
    transcript.create().fork(3).response(2, 180).response(0, 183).until(100);
    transcript.response(0, 200).response(1, 180).cancel_response(1, 200).cancel_response(2, 200);
    transcript.response(1, 487).response(1, 487).response(2, 487).response(0, 200).again().until_end();
    CPPUNIT_ASSERT_EQUAL(std::string(R"(
0 Create: RespondLocal 100
0 AddBranch 0: ForwardRequest 0
0 AddBranch 1: ForwardRequest 1
0 AddBranch 2: ForwardRequest 2
0 Response 2 180: RelayResponse 2 180
0 Response 0 183: RelayResponse 0 183
100 Response 0 200: RelayResponse 0 200; CancelBranch 2 200 CompletedElsewhere
100 Response 1 180: CancelBranch 1 200 CompletedElsewhere
100 CancelResponse 1 200:
100 CancelResponse 2 200:
100 Response 1 487: AckBranch 1
100 Response 1 487: AckBranch 1
100 Response 2 487: AckBranch 2
100 Response 0 200: RelayResponse 0 200
100 RequestRetransmitted: (RequestAbsorbed)
32100 Timer:
32100 Timer:
32100 Timer:
32100 Timer: End
)"),
                         transcript.text());
  }

  // O13 forward: a 2xx that crosses its CANCEL goes up; its retransmissions share that.
  void late_2xx_of_a_loser_is_relayed_and_not_cancelled() {
    Transcript transcript;
    transcript.create().fork(2).response(0, 180).response(1, 180).response(0, 200);
    transcript.until(400).response(1, 200).until(900).response(1, 200).response(0, 200);
    CPPUNIT_ASSERT_EQUAL(std::string(R"(
0 Create: RespondLocal 100
0 AddBranch 0: ForwardRequest 0
0 AddBranch 1: ForwardRequest 1
0 Response 0 180: RelayResponse 0 180
0 Response 1 180: RelayResponse 1 180
0 Response 0 200: RelayResponse 0 200; CancelBranch 1 200 CompletedElsewhere
400 Response 1 200: RelayResponse 1 200
900 Response 1 200: RelayResponse 1 200
900 Response 0 200: RelayResponse 0 200
)"),
                         transcript.text());
  }

  // O12: the way up lives as long as the last branch's Accepted.
  void a_2xx_renews_the_way_up_for_its_retransmissions() {
    Transcript transcript;
    transcript.create().fork(2).response(0, 100).response(1, 200).until(31000).skip();
    transcript.response(0, 200).until(62900).response(0, 200).until_end();
    CPPUNIT_ASSERT_EQUAL(std::string(R"(
31000 Response 0 200: RelayResponse 0 200
32000 Timer:
62900 Response 0 200: RelayResponse 0 200
63000 Timer:
63000 Timer: End
)"),
                         transcript.text());
  }

  // 16.7 step 6; O17.
  void all_busy_sends_the_best_when_the_last_is_final() {
    Transcript transcript;
    transcript.create().fork(3).response(0, 486).response(1, 503).response(0, 486).response(2, 302);
    transcript.response(2, 302).ack().until(600).again().until_end();
    CPPUNIT_ASSERT_EQUAL(std::string(R"(
0 Create: RespondLocal 100
0 AddBranch 0: ForwardRequest 0
0 AddBranch 1: ForwardRequest 1
0 AddBranch 2: ForwardRequest 2
0 Response 0 486: AckBranch 0; StoreFinal 0
0 Response 1 503: AckBranch 1; StoreFinal 1
0 Response 0 486: AckBranch 0
0 Response 2 302: AckBranch 2; StoreFinal 2; RespondBest 2 302
0 Response 2 302: AckBranch 2
0 Ack:
600 RequestRetransmitted: (RequestAbsorbed)
5000 Timer:
32000 Timer:
32000 Timer:
32000 Timer: End
)"),
                         transcript.text());
  }

  // 16.7 step 5, I14: no new branch; the 6xx goes up when every branch is final.
  void six_hundred_cancels_and_waits_for_the_others() {
    Transcript transcript;
    transcript.create().fork(3).response(0, 100).response(1, 603);
    transcript.take(Event::add_branch(AgeMs{0}, BranchIndex{3}));
    transcript.response(2, 180).response(2, 487).response(0, 487);
    CPPUNIT_ASSERT_EQUAL(std::string(R"(
0 Create: RespondLocal 100
0 AddBranch 0: ForwardRequest 0
0 AddBranch 1: ForwardRequest 1
0 AddBranch 2: ForwardRequest 2
0 Response 0 100:
0 Response 1 603: AckBranch 1; StoreFinal 1; CancelBranch 0 603 GlobalFailure
0 AddBranch 3: (ContextClosed)
0 Response 2 180: RelayResponse 2 180; CancelBranch 2 603 GlobalFailure
0 Response 2 487: AckBranch 2; StoreFinal 2
0 Response 0 487: AckBranch 0; StoreFinal 0; RespondBest 1 603
)"),
                         transcript.text());
  }

  // I14: "a later 2xx is still relayed if no final went out".
  void a_2xx_after_a_6xx_still_goes_up() {
    Transcript transcript;
    transcript.create().fork(2).response(0, 180).response(1, 600).response(0, 200).response(1, 600);
    transcript.until_end();
    CPPUNIT_ASSERT_EQUAL(std::string(R"(
0 Create: RespondLocal 100
0 AddBranch 0: ForwardRequest 0
0 AddBranch 1: ForwardRequest 1
0 Response 0 180: RelayResponse 0 180
0 Response 1 600: AckBranch 1; StoreFinal 1; CancelBranch 0 600 GlobalFailure
0 Response 0 200: RelayResponse 0 200
0 Response 1 600: AckBranch 1
32000 Timer:
32000 Timer:
32000 Timer: End
)"),
                         transcript.text());
  }

  // 16.7 step 7: the stored challenges of the other branches are added to the best one.
  void challenges_are_aggregated() {
    Transcript transcript;
    transcript.create().fork(4).response(3, 407).response(1, 404).response(2, 401).response(0, 401);
    CPPUNIT_ASSERT_EQUAL(std::string(R"(
0 Create: RespondLocal 100
0 AddBranch 0: ForwardRequest 0
0 AddBranch 1: ForwardRequest 1
0 AddBranch 2: ForwardRequest 2
0 AddBranch 3: ForwardRequest 3
0 Response 3 407: AckBranch 3; StoreFinal 3
0 Response 1 404: AckBranch 1; StoreFinal 1
0 Response 2 401: AckBranch 2; StoreFinal 2
0 Response 0 401: AckBranch 0; StoreFinal 0; RespondBest 0 401 +2 +3
)"),
                         transcript.text());
  }

  // 16.7 step 6.
  void a_lone_503_goes_up_as_500() {
    Transcript transcript;
    transcript.create().fork(2).response(0, 503).transport_error(1);
    CPPUNIT_ASSERT_EQUAL(std::string(R"(
0 Create: RespondLocal 100
0 AddBranch 0: ForwardRequest 0
0 AddBranch 1: ForwardRequest 1
0 Response 0 503: AckBranch 0; StoreFinal 0
0 TransportError 1: RespondBest 0 500
)"),
                         transcript.text());
  }

  // 16.9: a transport error is treated as a 503.
  void a_branch_that_cannot_be_sent_counts_as_503() {
    Transcript transcript;
    transcript.create().fork(2).transport_error(0).response(0, 180).response(1, 180).response(1, 480);
    CPPUNIT_ASSERT_EQUAL(std::string(R"(
0 Create: RespondLocal 100
0 AddBranch 0: ForwardRequest 0
0 AddBranch 1: ForwardRequest 1
0 TransportError 0:
0 Response 0 180: (AfterFinal)
0 Response 1 180: RelayResponse 1 180
0 Response 1 480: AckBranch 1; StoreFinal 1; RespondBest 1 480
)"),
                         transcript.text());
  }

  // I3.
  void one_hundred_is_never_relayed_and_1xx_not_after_a_final() {
    Transcript transcript;
    transcript.create().fork(2).response(0, 100).response(0, 100).response(0, 180).response(1, 183);
    transcript.response(0, 200);
    transcript.response(1, 180).response(0, 180);
    CPPUNIT_ASSERT_EQUAL(std::string(R"(
0 Create: RespondLocal 100
0 AddBranch 0: ForwardRequest 0
0 AddBranch 1: ForwardRequest 1
0 Response 0 100:
0 Response 0 100: (TryingAgain)
0 Response 0 180: RelayResponse 0 180
0 Response 1 183: RelayResponse 1 183
0 Response 0 200: RelayResponse 0 200; CancelBranch 1 200 CompletedElsewhere
0 Response 1 180: (FinalCommitted)
0 Response 0 180: (AfterFinal)
)"),
                         transcript.text());
  }

  // O17: also after Timer D, and after a made-up final (W12).
  void every_repeated_non_2xx_final_is_acked_in_every_state() {
    Transcript transcript;
    transcript.create().fork(3).response(0, 404).until(32000).skip();
    transcript.response(0, 404).response(1, 486).response(2, 200).response(2, 200);
    CPPUNIT_ASSERT_EQUAL(std::string(R"(
32000 Response 0 404: AckBranch 0
32000 Response 1 486: AckBranch 1
32000 Response 2 200: RelayResponse 2 200
32000 Response 2 200: RelayResponse 2 200
)"),
                         transcript.text());
  }

  void a_response_of_an_unknown_branch_or_status_is_ignored() {
    Transcript transcript;
    transcript.create().fork(1).skip().response(1, 200).response(0, 99).response(0, 700);
    transcript.cancel_response(0, 0);
    CPPUNIT_ASSERT_EQUAL(std::string(R"(
0 Response 1 200: (NoSuchBranch)
0 Response 0 99: (BadStatus)
0 Response 0 700: (BadStatus)
0 CancelResponse 0: (BadStatus)
)"),
                         transcript.text());
  }

  // RFC 3261 figure 8: one final response; no CANCEL for non-INVITE.
  void non_invite_relays_the_first_2xx_and_drops_the_rest() {
    Transcript transcript;
    transcript.create(Method::kNonInvite).fork(2).again().response(0, 183).again().until(500);
    transcript.response(0, 200);
    transcript.response(1, 200).again().cancel().until_end();
    CPPUNIT_ASSERT_EQUAL(std::string(R"(
0 Create:
0 AddBranch 0: ForwardRequest 0
0 AddBranch 1: ForwardRequest 1
0 RequestRetransmitted: (NothingToRepeat)
0 Response 0 183: RelayResponse 0 183
0 RequestRetransmitted: RetransmitResponse
500 Timer: RetransmitRequest 0
500 Timer: RetransmitRequest 1
500 Response 0 200: RelayResponse 0 200
500 Response 1 200: (FinalCommitted)
500 RequestRetransmitted: RetransmitResponse
500 CallerCancel: AnswerCancel 200
5500 Timer:
5500 Timer:
32500 Timer: End
)"),
                         transcript.text());
  }

  // Timer F; 16.8.
  void non_invite_times_out_with_408() {
    Transcript transcript;
    transcript.create(Method::kNonInvite).fork(1).response(0, 100).until(32000);
    CPPUNIT_ASSERT_EQUAL(std::string(R"(
0 Create:
0 AddBranch 0: ForwardRequest 0
0 Response 0 100:
500 Timer: RetransmitRequest 0
4500 Timer: RetransmitRequest 0
8500 Timer: RetransmitRequest 0
12500 Timer: RetransmitRequest 0
16500 Timer: RetransmitRequest 0
20500 Timer: RetransmitRequest 0
24500 Timer: RetransmitRequest 0
28500 Timer: RetransmitRequest 0
32000 Timer: RespondLocal 408
)"),
                         transcript.text());
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ForkScenarioTest);

}  // namespace lockstep::transaction
