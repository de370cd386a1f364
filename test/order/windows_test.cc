// windows_test.cc: W1 to W26 of ORDER.md section 3: who receives, works and sends what, and the whole
// transcript that must come of it. A phone is A, B or C; a response is named by its status and CSeq method.
#include <cppunit/extensions/HelperMacros.h>

#include "test/order/window.h"

namespace lockstep::test {
namespace {

using transaction::LatePolicy;

#define WIRE(expected, window) CPPUNIT_ASSERT_EQUAL(std::string(expected), (window).wire())

class WindowsTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(WindowsTest);
  CPPUNIT_TEST(w1_lost_cancel);
  CPPUNIT_TEST(w2_reversed_200s);
  CPPUNIT_TEST(w3_invite_after_the_decision);
  CPPUNIT_TEST(w4_cancel_after_the_final);
  CPPUNIT_TEST(w4_a_final_in_the_hands_of_another_worker);
  CPPUNIT_TEST(w5_cancel_before_the_200);
  CPPUNIT_TEST(w6_premature_487);
  CPPUNIT_TEST(w7_glare);
  CPPUNIT_TEST(w8_callers_cancel_against_the_first_1xx);
  CPPUNIT_TEST(w9_two_flags_by_two_workers);
  CPPUNIT_TEST(w10_two_causes_one_cancel);
  CPPUNIT_TEST(w11_responses_after_the_state_is_gone);
  CPPUNIT_TEST(w12_the_487_of_a_loser_is_acked);
  CPPUNIT_TEST(w13_timers_against_200);
  CPPUNIT_TEST(w14_failure_route_against_cancel);
  CPPUNIT_TEST(w15_memory_runs_out);
  CPPUNIT_TEST(w16_a_call_in_work_holds_up_no_other);
  CPPUNIT_TEST(w17_a_death_between_decision_and_wire);
  CPPUNIT_TEST(w18_two_tags_on_one_branch);
  CPPUNIT_TEST(w19_cancel_before_its_invite);
  CPPUNIT_TEST(w20_an_unanswered_cancel_lasts_until_timer_f);
  CPPUNIT_TEST(w21_one_phone_on_two_workers);
  CPPUNIT_TEST(w22_two_200s_in_one_batch);
  CPPUNIT_TEST(w23_both_fail_in_two_workers);
  CPPUNIT_TEST(w24_the_winners_200_again_elsewhere);
  CPPUNIT_TEST(w25_the_487_again);
  CPPUNIT_TEST(w26_the_losers_200_again_while_its_bye_is_pending);
  CPPUNIT_TEST_SUITE_END();

 public:
  void w1_lost_cancel() {
    Window window;
    window.take(1, window.invite());
    window.take(1, window.answer('A', "180 Ringing"));
    window.wire();
    window.receive(1, window.answer('A', "200 OK"));
    window.work(1);
    window.take(2, window.answer('B', "180 Ringing"));
    WIRE("\n", window);  // Not its call.
    window.run(1);
    WIRE("\n200 INVITE\nCANCEL B\n", window);
    window.take(2, window.answer('B', "180 Ringing"));
    WIRE("\n", window);
  }

  void w2_reversed_200s() {
    Window window;
    window.ring();
    window.receive(1, window.answer('A', "200 OK"));
    window.work(1);
    window.take(2, window.answer('B', "200 OK"));
    WIRE("\n", window);
    window.run(1);
    WIRE("\n200 INVITE\n200 INVITE\n", window);  // B's CANCEL was decided, and taken back unsent.
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, window.counter("tmx", "cancels_withdrawn"));
  }

  void w3_invite_after_the_decision() {
    Window window;
    window.receive(1, window.invite());
    window.work(1);
    window.take(2, window.cancel());
    window.run(1);
    WIRE("\n100 INVITE\n200 CANCEL\n487 INVITE\n", window);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, window.counter("tmx", "requests_withdrawn"));
  }

  void w4_cancel_after_the_final() {
    Window window;
    window.ring();
    window.receive(1, window.answer('A', "200 OK"));
    window.take(2, window.answer('B', "486 Busy Here"));
    window.run(1);
    WIRE("\n200 INVITE\nACK B\n", window);
  }

  // Taken from the kernel, and its worker was stopped before the admission.
  void w4_a_final_in_the_hands_of_another_worker() {
    for (const bool is_admitted_in_time : {true, false}) {
      Window window;
      window.ring();
      window.receive(1, window.answer('A', "200 OK"));
      window.take_from_kernel(2, window.answer('B', "200 OK"));
      window.run(1);
      WIRE("\n200 INVITE\n", window);
      if (!is_admitted_in_time) window.later(250);
      if (!is_admitted_in_time) WIRE("\n", window);  // Still in hand when the hold ends.
      window.admit(2);
      window.run(2);
      WIRE("\n200 INVITE\n", window);
      CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, window.counter("tmx", "cancels_withdrawn"));
    }
  }

  void w5_cancel_before_the_200() {
    Window window;
    window.take(1, window.invite());
    window.wire();
    window.receive(1, window.answer('A', "200 OK"));
    window.receive(2, window.answer('B', "180 Ringing"));
    window.run(2);
    WIRE("\n", window);
    window.run(1);
    WIRE("\n200 INVITE\nCANCEL B\n", window);
  }

  void w6_premature_487() {
    Window window;
    window.ring();
    window.take(1, window.answer('A', "603 Decline"));
    WIRE("\nACK A\nCANCEL B\n", window);
    window.take(2, window.cancel());
    WIRE("\n200 CANCEL\n", window);
    window.take(3, window.answer('B', "200 OK"));
    WIRE("\n200 INVITE\n", window);
  }

  void w7_glare() {
    for (const LatePolicy policy : {LatePolicy::kForward, LatePolicy::kTerminate}) {
      const bool ends = policy == LatePolicy::kTerminate;
      Window window;
      window.tm().timers.cancelled_2xx = policy;
      window.ring();
      window.receive(1, window.cancel());
      window.receive(2, window.answer('A', "200 OK"));
      window.run(1);
      WIRE(ends ? "\n200 CANCEL\nCANCEL B\nACK A\nBYE A\n" : "\n200 CANCEL\nCANCEL B\n200 INVITE\n", window);
      window.take(2, window.answer('B', "487 Request Terminated"));
      WIRE(ends ? "\nACK B\n487 INVITE\n" : "\nACK B\n", window);
      Window other;  // The 200 was first: then the CANCEL has nothing to do but its own answer.
      other.tm().timers.cancelled_2xx = policy;
      other.ring();
      other.receive(1, other.answer('A', "200 OK"));
      other.receive(2, other.cancel());
      other.run(1);
      WIRE("\n200 INVITE\nCANCEL B\n200 CANCEL\n", other);
    }
  }

  void w8_callers_cancel_against_the_first_1xx() {
    for (const bool cancel_first : {true, false}) {
      Window window;
      window.take(1, window.invite());
      window.take(1, window.answer('A', "180 Ringing"));
      window.wire();
      window.receive(1, cancel_first ? window.cancel() : window.answer('B', "180 Ringing"));
      window.receive(2, cancel_first ? window.answer('B', "180 Ringing") : window.cancel());
      window.run(1);
      WIRE(cancel_first ? "\n200 CANCEL\nCANCEL A\n180 INVITE\nCANCEL B\n"
                        : "\n180 INVITE\n200 CANCEL\nCANCEL A\nCANCEL B\n",
           window);
    }
  }

  void w9_two_flags_by_two_workers() {
    Window window;
    window.take(1, window.invite());
    window.wire();
    window.receive(1, window.answer('A', "180 Ringing"));
    window.receive(2, window.cancel());
    window.receive(3, window.answer('B', "180 Ringing"));
    window.run(3);
    window.run(2);
    WIRE("\n", window);
    window.run(1);
    WIRE("\n180 INVITE\n200 CANCEL\nCANCEL A\n180 INVITE\nCANCEL B\n", window);
  }

  void w10_two_causes_one_cancel() {
    Window window;
    window.ring();
    window.receive(1, window.cancel());
    window.receive(2, window.answer('A', "603 Decline"));
    window.run(1);
    WIRE("\n200 CANCEL\nCANCEL B\nACK A\n", window);
    window.take(2, window.cancel());
    WIRE("\n200 CANCEL\n", window);
  }

  void w11_responses_after_the_state_is_gone() {
    Window window;
    window.ring();
    window.take(1, window.answer('A', "200 OK"));
    window.take(1, window.answer('B', "487 Request Terminated"));
    window.later(70000);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, window.live_transactions());
    window.wire();
    for (const char* status : {"200 OK", "180 Ringing", "487 Request Terminated"}) {
      window.take(2, window.answer('A', status));
    }
    WIRE("\n", window);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{3}, window.counter("core", "stray_replies"));
  }

  void w12_the_487_of_a_loser_is_acked() {
    Window window;
    window.ring();
    window.take(1, window.answer('A', "200 OK"));
    window.take(2, window.answer('B', "200 OK", {}, "CANCEL"));
    window.take(3, window.answer('B', "487 Request Terminated"));
    WIRE("\n200 INVITE\nCANCEL B\nACK B\n", window);
  }

  void w13_timers_against_200() {
    Window window;
    window.tm().timers.fr_timer = transaction::DurationMs{2000};
    window.take(1, window.invite());
    window.later(2250);
    CPPUNIT_ASSERT(window.wire().ends_with("408 INVITE\n"));
    window.take(2, window.ack("x"));
    window.wire();
    window.take(1, window.answer('A', "200 OK"));
    WIRE("\n200 INVITE\n", window);
    Window rings;  // Timer C after a 1xx: CANCEL, then its 487.
    rings.tm().timers.fr_inv_timer = transaction::DurationMs{3000};
    rings.ring();
    rings.later(3250);
    WIRE("\nCANCEL A\nCANCEL B\n", rings);
    rings.take(1, rings.answer('A', "487 Request Terminated"));
    rings.take(1, rings.answer('B', "487 Request Terminated"));
    WIRE("\nACK A\nACK B\n408 INVITE\n", rings);
  }

  void w14_failure_route_against_cancel() {
    const std::string script = R"(
request_route {
  if (method == "CANCEL") {
    t_relay();
    exit;
  }
  t_on_failure("NEXT");
  t_relay();
}
failure_route[NEXT] {
  append_branch("sip:c@127.0.0.4:5063");
  t_relay();
}
)";
    for (const bool cancel_first : {true, false}) {
      Window window(script);
      window.take(1, window.invite());
      window.take(1, window.answer('A', "180 Ringing"));
      window.wire();
      window.receive(1, cancel_first ? window.cancel() : window.answer('A', "486 Busy Here"));
      window.receive(2, cancel_first ? window.answer('A', "486 Busy Here") : window.cancel());
      window.run(1);
      // 486 first: the next phone's INVITE was decided, and is taken back unsent.
      WIRE(cancel_first ? "\n200 CANCEL\nACK A\n486 INVITE\n" : "\nACK A\n200 CANCEL\n487 INVITE\n", window);
    }
  }

  void w15_memory_runs_out() {
    Window window;
    window.ring();
    for (const shm::SlabKind kind :
         {shm::SlabKind::kMessage512, shm::SlabKind::kMessage1K, shm::SlabKind::kMessage2K,
          shm::SlabKind::kMessage4K, shm::SlabKind::kMessage16K, shm::SlabKind::kMessage64K}) {
      while (window.slabs().try_take(kind)) {
      }
    }
    window.take(1, window.answer('A', "200 OK"));
    WIRE("\n200 INVITE\nCANCEL B\n", window);
  }

  void w16_a_call_in_work_holds_up_no_other() {
    Window window;
    window.take(1, window.invite());
    window.wire();
    window.receive(1, window.answer('A', "180 Ringing"));
    window.work(1);
    window.take(2, window.invite("call-2"));
    WIRE("\n100 INVITE\nINVITE A\nINVITE B\n", window);
    window.run(1);
    WIRE("\n180 INVITE\n", window);
  }

  void w17_a_death_between_decision_and_wire() {
    Window window;
    window.ring();
    window.receive(1, window.answer('A', "200 OK"));
    window.work(1);
    window.receive(2, window.answer('B', "487 Request Terminated"));
    window.replace(1);
    WIRE("\n200 INVITE\nCANCEL B\n", window);
    window.run(1);
    WIRE("\nACK B\n", window);
  }

  void w18_two_tags_on_one_branch() {
    Window window;
    window.ring();
    window.receive(1, window.answer('A', "200 OK", "a1"));
    window.receive(2, window.answer('A', "200 OK", "a2"));
    window.run(1);
    WIRE("\n200 INVITE\nCANCEL B\n200 INVITE\n", window);
    Window ends;
    ends.tm().timers.late_2xx = LatePolicy::kTerminate;
    ends.ring();
    ends.receive(1, ends.answer('A', "200 OK", "a1"));
    ends.receive(2, ends.answer('A', "200 OK", "a2"));
    ends.run(1);
    WIRE("\n200 INVITE\nCANCEL B\nACK A\nBYE A\n", ends);
  }

  void w19_cancel_before_its_invite() {
    Window window;
    window.receive(1, window.invite());
    window.receive(2, window.cancel());
    window.run(2);
    WIRE("\n", window);
    window.run(1);
    WIRE("\n100 INVITE\n200 CANCEL\n487 INVITE\n", window);
  }

  void w20_an_unanswered_cancel_lasts_until_timer_f() {
    Window window;
    window.ring();
    window.take(1, window.answer('A', "200 OK"));
    window.wire();
    window.later(31750);
    WIRE(
        "\nCANCEL B\nCANCEL B\nCANCEL B\nCANCEL B\nCANCEL B\nCANCEL B\nCANCEL B\nCANCEL B\nCANCEL B\nCANCEL "
        "B\n",
        window);
    window.later(40000);
    WIRE("\n", window);
  }

  void w21_one_phone_on_two_workers() {
    Window window;
    window.take(1, window.invite());
    window.wire();
    window.receive(1, window.answer('A', "180 Ringing"));
    window.receive(2, window.answer('A', "200 OK"));
    window.run(2);
    WIRE("\n", window);
    window.run(1);
    WIRE("\n180 INVITE\n200 INVITE\n", window);
    window.receive(3, window.ack("a"));
    window.receive(2, window.bye("a"));
    window.run(2);
    WIRE("\n", window);
    window.run(3);
    WIRE("\nACK A\nBYE A\n", window);
  }

  void w22_two_200s_in_one_batch() {
    for (const LatePolicy policy : {LatePolicy::kForward, LatePolicy::kTerminate, LatePolicy::kDrop}) {
      Window window;
      window.tm().timers.late_2xx = policy;
      window.ring();
      window.receive(1, window.answer('A', "200 OK"));
      window.receive(1, window.answer('B', "200 OK"));
      window.run(1);
      WIRE(policy == LatePolicy::kForward     ? "\n200 INVITE\n200 INVITE\n"
           : policy == LatePolicy::kTerminate ? "\n200 INVITE\nACK B\nBYE B\n"
                                              : "\n200 INVITE\n",
           window);
      CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, window.counter("tmx", "cancels_sent"));
    }
  }

  void w23_both_fail_in_two_workers() {
    Window window;
    window.ring();
    window.receive(1, window.answer('A', "486 Busy Here"));
    window.receive(2, window.answer('B', "404 Not Found"));
    window.run(2);
    window.run(1);
    WIRE("\nACK A\nACK B\n404 INVITE\n", window);
  }

  void w24_the_winners_200_again_elsewhere() {
    Window window;
    window.ring();
    window.receive(1, window.answer('A', "200 OK"));
    window.work(1);
    window.take(2, window.answer('A', "200 OK"));
    WIRE("\n", window);
    window.run(1);
    WIRE("\n200 INVITE\nCANCEL B\n200 INVITE\n", window);
  }

  void w25_the_487_again() {
    Window window;
    window.ring();
    window.take(1, window.answer('A', "200 OK"));
    window.wire();
    window.receive(1, window.answer('B', "487 Request Terminated"));
    window.receive(2, window.answer('B', "487 Request Terminated"));
    window.run(1);
    window.take(3, window.answer('B', "487 Request Terminated"));
    WIRE("\nACK B\nACK B\nACK B\n", window);
  }

  void w26_the_losers_200_again_while_its_bye_is_pending() {
    Window window;
    window.tm().timers.late_2xx = LatePolicy::kTerminate;
    window.ring();
    window.take(1, window.answer('A', "200 OK"));
    window.take(1, window.answer('B', "200 OK"));
    WIRE("\n200 INVITE\nCANCEL B\nACK B\nBYE B\n", window);
    window.take(2, window.answer('B', "200 OK"));
    WIRE("\nACK B\n", window);
    window.later(500);
    WIRE("\nBYE B\n", window);
    window.take(3, window.answer('B', "200 OK"));
    window.take(3, window.answer('B', "200 OK", {}, "BYE"));
    window.later(20000);
    WIRE("\nACK B\n", window);
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(WindowsTest);

}  // namespace
}  // namespace lockstep::test
