// withdrawn_test.cc: a worker dies at any instruction (deaths.h) while a CANCEL or an INVITE is decided but
// not yet handed to the kernel: taken back by the next decision, held, found needless ahead (ORDER.md O9,
// O10), or while ACK and BYE leave as one unit (O14).
#include <cppunit/extensions/HelperMacros.h>

#include "test/process/deaths.h"

namespace lockstep::test {
namespace {

constexpr const char* kAnsweredSlots = "transactions=1 ";

class WithdrawnTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(WithdrawnTest);
  CPPUNIT_TEST(cancel_withdrawn_by_the_next_decision);
  CPPUNIT_TEST(cancel_withdrawn_by_a_2xx_that_is_terminated);
  CPPUNIT_TEST(death_in_the_recovery_of_a_withdrawn_cancel);
  CPPUNIT_TEST(invites_withdrawn_by_the_callers_cancel);
  CPPUNIT_TEST(death_in_the_recovery_of_withdrawn_invites);
  CPPUNIT_TEST(cancel_held);
  CPPUNIT_TEST(held_cancel_withdrawn);
  CPPUNIT_TEST(held_cancel_sent_when_the_hold_ends);
  CPPUNIT_TEST(death_in_the_recovery_of_a_hold_that_ends);
  CPPUNIT_TEST(answer_found_behind_in_the_inbox);
  CPPUNIT_TEST(answer_found_in_the_socket);
  CPPUNIT_TEST(late_2xx_terminated);
  CPPUNIT_TEST(late_2xx_found_in_the_inbox_and_terminated);
  CPPUNIT_TEST(death_in_the_recovery_of_ack_and_bye);
  CPPUNIT_TEST_SUITE_END();

  static void receive(Call&, worker::Worker& worker) { worker.turn(); }

  static transaction::Settings terminating() {
    transaction::Settings timers = slow_timers();
    timers.late_2xx = transaction::LatePolicy::kTerminate;
    return timers;
  }
  // Longer than a stepped test takes, and over for one whose timers are aged.
  static transaction::Settings holding() {
    transaction::Settings timers = slow_timers();
    timers.cancel_holdoff.value = kLongAgoMs / 2;
    return timers;
  }

  // Both ring, A answers.
  static Scenario answer() {
    return {.prepare = ring_both,
            .event = [](Call& call) { call.deliver(call.answer_of('a')); },
            .work = receive,
            .right = {}};
  }
  static void answer_b(Call& call, worker::Worker& worker) {
    call.deliver(call.answer_of('b'));
    worker.turn();
  }

  // B's 200 is pushed by another worker when A's is committed and nothing has been sent: the look ahead could
  // not find it. Where the worker dies before it has decided on B's, the CANCEL leaves: A's decision holds
  // (O4), its replacement sends what is in force before it works on (O5), and nothing but a commit takes a
  // CANCEL back (ORDER.md 6, "decided, not yet handed to the kernel"). I6 and I9 permit it: B's final was not
  // in hand at A's commit.
  static Scenario withdrawn_cancel(const std::string& of_b) {
    Scenario scenario = answer();
    scenario.commits = 2;
    scenario.is_time = [](const shm::EntryRecord&, std::uint64_t commits) { return commits == 1; };
    scenario.meanwhile = [](Call& call) { call.push_from_another_worker(call.answer_of('b')); };
    scenario.later = [](Call& call, worker::Worker& worker, const Death& death) {
      if (!death.has_come) answer_b(call, worker);
    };
    scenario.right_after = [of_b](const Death& death) -> Right {
      const char* const cancel = death.commits < 2 ? "second: CANCEL\n" : "";
      return {"caller: 200 INVITE\n" + (cancel + of_b), kAnsweredSlots};
    };
    return scenario;
  }

  // The caller's CANCEL stands behind its INVITE. Where the worker dies between the two commits, the INVITEs
  // are in force and leave, as the replacement sends before it works on; then they are ones "already sent",
  // and get their CANCELs after their first 1xx (O10).
  static Scenario withdrawn_invites() {
    Scenario scenario{.prepare = [](Call&) {},
                      .event =
                          [](Call& call) {
                            call.deliver(call.request("INVITE", "i1"));
                            call.deliver(call.request("CANCEL", "i1"));
                          },
                      .work = receive,
                      .right = {}};
    scenario.commits = 2;
    scenario.later = [](Call& call, worker::Worker& worker, const Death& death) {
      if (death.commits != 1) return;
      call.hear(4);
      for (const char user : {'a', 'b'}) {
        call.deliver(call.answer_of(user, "180 Ringing"));
        worker.turn();
        call.deliver(call.answer_of(user, "487 Request Terminated"));
        worker.turn();
      }
    };
    scenario.right_after = [](const Death& death) -> Right {
      if (death.commits != 1) {
        return {"caller: 100 INVITE\ncaller: 200 CANCEL\ncaller: 487 INVITE\n",
                "transactions=1 messages_512=1 "};
      }
      return {
          "caller: 100 INVITE\nfirst: INVITE\nsecond: INVITE\ncaller: 200 CANCEL\n"
          "caller: 180 INVITE\nfirst: CANCEL\nfirst: ACK\n"
          "caller: 180 INVITE\nsecond: CANCEL\nsecond: ACK\ncaller: 487 INVITE\n",
          "transactions=1 messages_512=5 "};  // INVITEs and CANCELs are kept for Timer D.
    };
    return scenario;
  }

  // A's 200 holds B's CANCEL back.
  static Scenario held() {
    Scenario scenario = answer();
    scenario.timers = holding();
    scenario.later = [](Call& call, worker::Worker& worker, const Death&) { answer_b(call, worker); };
    scenario.right = {"caller: 200 INVITE\ncaller: 200 INVITE\n", kAnsweredSlots};
    return scenario;
  }

  static Scenario hold_that_ends() {
    Scenario scenario = held();
    scenario.prepare = [](Call& call) {
      ring_both(call);
      call.deliver(call.answer_of('a'));
      live_turn(call);
      call.age_timers();
    };
    scenario.event = [](Call&) {};
    scenario.work = turn_until_nothing_is_due;
    scenario.later = [](Call& call, worker::Worker& worker, const Death&) {
      call.deliver(call.response(call.request_to('b', "CANCEL"), "200 OK"));
      call.deliver(call.answer_of('b', "487 Request Terminated"));
      worker.turn();
    };
    // B's INVITE and CANCEL are kept for Timer D: a repeated 487 is acknowledged.
    scenario.right = {"second: CANCEL\nsecond: ACK\n", "transactions=1 messages_512=2 "};
    return scenario;
  }

  // B repeats its 200 before it answers the BYE.
  static void repeat_and_answer_bye(Call& call, worker::Worker& worker, const Death&) {
    const std::string bye = call.request_to('b', "BYE");
    answer_b(call, worker);
    call.deliver(call.response(bye, "200 OK"));
    answer_b(call, worker);
  }

  // A was connected, B was cancelled, and B's 200 has crossed the CANCEL.
  static Scenario late() {
    Scenario scenario = answer();
    scenario.timers = terminating();
    scenario.prepare = [](Call& call) {
      ring_both(call);
      call.deliver(call.answer_of('a'));
      live_turn(call);
      call.hear(7);
    };
    scenario.event = [](Call& call) { call.deliver(call.answer_of('b')); };
    scenario.later = repeat_and_answer_bye;
    scenario.right = {"second: ACK\nsecond: BYE\nsecond: ACK\nsecond: ACK\n", kAnsweredSlots};
    return scenario;
  }

 public:
  void cancel_withdrawn_by_the_next_decision() { kill_everywhere(withdrawn_cancel("caller: 200 INVITE\n")); }

  void cancel_withdrawn_by_a_2xx_that_is_terminated() {
    Scenario scenario = withdrawn_cancel("second: ACK\nsecond: BYE\nsecond: ACK\nsecond: ACK\n");
    scenario.timers = terminating();
    scenario.later = [](Call& call, worker::Worker& worker, const Death& death) {
      if (!death.has_come) answer_b(call, worker);
      repeat_and_answer_bye(call, worker, death);
    };
    kill_everywhere(scenario);
  }

  void invites_withdrawn_by_the_callers_cancel() { kill_everywhere(withdrawn_invites()); }
  void death_in_the_recovery_of_withdrawn_invites() {
    for (const std::uint64_t commits : {1, 2}) kill_the_replacement_as_it_sends(withdrawn_invites(), commits);
  }
  void death_in_the_recovery_of_a_withdrawn_cancel() {
    for (const std::uint64_t commits : {1, 2}) {
      kill_the_replacement_as_it_sends(withdrawn_cancel("caller: 200 INVITE\n"), commits);
    }
  }

  void cancel_held() { kill_everywhere(held()); }

  void held_cancel_withdrawn() {
    Scenario scenario = held();
    scenario.prepare = [](Call& call) {
      ring_both(call);
      call.deliver(call.answer_of('a'));
      live_turn(call);
    };
    scenario.event = [](Call& call) { call.deliver(call.answer_of('b')); };
    // The end of the hold comes all the same.
    scenario.later = [](Call& call, worker::Worker&, const Death&) {
      call.age_timers();
      live_turn(call);
    };
    scenario.right = {"caller: 200 INVITE\n", kAnsweredSlots};
    kill_everywhere(scenario);
  }

  void held_cancel_sent_when_the_hold_ends() {
    Scenario scenario = hold_that_ends();
    scenario.every_record_change = 12;
    kill_everywhere(scenario);
  }
  void death_in_the_recovery_of_a_hold_that_ends() { kill_the_replacement(hold_that_ends(), 1); }

  void answer_found_behind_in_the_inbox() {
    Scenario scenario = answer();
    scenario.commits = 2;
    scenario.event = [](Call& call) {
      call.deliver(call.answer_of('a'));
      call.deliver(call.answer_of('b'));
    };
    scenario.right = {"caller: 200 INVITE\ncaller: 200 INVITE\n", kAnsweredSlots};
    kill_everywhere(scenario);
  }

  // B's 200 comes when A's has been received and not been decided on. A death before it came is the one of
  // answer_that_cancels_the_other_branch.
  void answer_found_in_the_socket() {
    Scenario scenario = answer();
    scenario.commits = 2;
    scenario.is_time = [](const shm::EntryRecord& entry, std::uint64_t) { return entry.work_head != 0; };
    scenario.meanwhile = [](Call& call) { call.deliver(call.answer_of('b')); };
    scenario.later = [](Call& call, worker::Worker& worker, const Death& death) {
      if (!death.has_come) answer_b(call, worker);
    };
    scenario.right_after = [](const Death& death) -> Right {
      const std::string cancel = death.has_come ? "" : "second: CANCEL\n";
      return {"caller: 200 INVITE\n" + cancel + "caller: 200 INVITE\n", kAnsweredSlots};
    };
    kill_everywhere(scenario);
  }

  void late_2xx_terminated() { kill_everywhere(late()); }
  void death_in_the_recovery_of_ack_and_bye() { kill_the_replacement_as_it_sends(late(), 1); }

  void late_2xx_found_in_the_inbox_and_terminated() {
    Scenario scenario = late();
    scenario.commits = 2;
    scenario.prepare = ring_both;
    scenario.event = [](Call& call) {
      call.deliver(call.answer_of('a'));
      call.deliver(call.answer_of('b'));
    };
    scenario.right.wire = "caller: 200 INVITE\n" + scenario.right.wire;
    kill_everywhere(scenario);
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(WithdrawnTest);

}  // namespace
}  // namespace lockstep::test
