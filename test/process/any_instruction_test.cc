// any_instruction_test.cc: a worker dies at any instruction (deaths.h) while it works an event or takes over.
#include <cppunit/extensions/HelperMacros.h>

#include "test/process/deaths.h"

namespace lockstep::test {
namespace {

class AnyInstructionTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(AnyInstructionTest);
  CPPUNIT_TEST(stateless_answer);
  CPPUNIT_TEST(long_datagram);
  CPPUNIT_TEST(request_that_makes_a_transaction);
  CPPUNIT_TEST(fork_of_an_invite);
  CPPUNIT_TEST(fork_to_more_branches_than_a_record_holds);
  CPPUNIT_TEST(answer_that_cancels_the_other_branch);
  CPPUNIT_TEST(two_answers_in_one_batch);
  CPPUNIT_TEST(timer_that_ends_a_transaction);
  CPPUNIT_TEST(death_in_the_recovery_before_the_commit);
  CPPUNIT_TEST(death_in_the_recovery_after_the_commit);
  CPPUNIT_TEST(death_in_the_recovery_of_an_ended_transaction);
  CPPUNIT_TEST_SUITE_END();

  static void receive(Call&, worker::Worker& worker) { worker.turn(); }

  static Scenario options() {
    return {.prepare = [](Call&) {},
            .event = [](Call& call) { call.deliver(call.request("OPTIONS", "o1")); },
            .work = receive,
            .right = {"caller: 200 OPTIONS\n", ""}};
  }

  static Scenario message() {
    return {.prepare = [](Call&) {},
            .event = [](Call& call) { call.deliver(call.request("MESSAGE", "m1")); },
            .work = receive,
            .right = {"first: MESSAGE\n", "transactions=1 messages_512=2 "}};
  }

  // Both phones ring; then one answers.
  static Scenario answer() {
    return {.prepare = ring_both,
            .event = [](Call& call) { call.deliver(call.answer_of('a')); },
            .work = receive,
            .right = {"caller: 200 INVITE\nsecond: CANCEL\n", "transactions=1 messages_512=3 "}};
  }

  // A request that was answered long ago, by all phones: only the timers of its transaction are left to fire.
  static Scenario last_timer() {
    return {.prepare =
                [](Call& call) {
                  call.deliver(call.request("MESSAGE", "m1"));
                  live_turn(call);
                  call.hear(1);
                  call.deliver(call.response(call.request_to('a', "MESSAGE"), "200 OK"));
                  live_turn(call);
                  CPPUNIT_ASSERT_EQUAL(std::string("first: MESSAGE\ncaller: 200 MESSAGE\n"),
                                       call.heard_text(2));
                  call.age_timers();
                },
            .event = [](Call&) {},
            .work = turn_until_nothing_is_due,
            .right = {"", ""},
            .timers = {.t1 = transaction::DurationMs{2500}}};
  }

 public:
  void stateless_answer() { kill_everywhere(options()); }

  void long_datagram() {
    Scenario scenario = options();
    scenario.event = [](Call& call) { call.deliver(call.request("OPTIONS", "o1", 3000)); };
    kill_everywhere(scenario);
  }

  void request_that_makes_a_transaction() { kill_everywhere(message()); }

  void fork_of_an_invite() {
    Scenario scenario = message();
    scenario.event = [](Call& call) { call.deliver(call.request("INVITE", "i1")); };
    scenario.right.wire = "caller: 100 INVITE\nfirst: INVITE\nsecond: INVITE\n";
    scenario.right.slots = "transactions=1 messages_512=4 ";
    kill_everywhere(scenario);
  }

  void fork_to_more_branches_than_a_record_holds() {
    Scenario scenario = message();
    scenario.event = [](Call& call) { call.deliver(call.request("SUBSCRIBE", "s1")); };
    scenario.right.wire = "first: SUBSCRIBE\nsecond: SUBSCRIBE\nsecond: SUBSCRIBE\nsecond: SUBSCRIBE\n";
    scenario.right.slots = "transactions=1 branches=1 messages_512=5 ";
    kill_everywhere(scenario);
  }

  void answer_that_cancels_the_other_branch() { kill_everywhere(answer()); }

  // The first death falls on either of two events of one work list.
  void two_answers_in_one_batch() {
    Scenario scenario = options();
    scenario.event = [](Call& call) {
      call.deliver(call.request("OPTIONS", "o1"));
      call.deliver(call.request("MESSAGE", "m1"));
    };
    scenario.commits = 2;
    scenario.right.wire = "caller: 200 OPTIONS\nfirst: MESSAGE\n";
    scenario.right.slots = "transactions=1 messages_512=2 ";
    kill_everywhere(scenario);
  }

  void timer_that_ends_a_transaction() {
    Scenario scenario = last_timer();
    scenario.every_record_change = 12;
    kill_everywhere(scenario);
  }

  void death_in_the_recovery_before_the_commit() { kill_the_replacement(answer(), 0); }
  void death_in_the_recovery_after_the_commit() { kill_the_replacement(answer(), 1); }
  void death_in_the_recovery_of_an_ended_transaction() { kill_the_replacement(last_timer(), 1); }
};

CPPUNIT_TEST_SUITE_REGISTRATION(AnyInstructionTest);

}  // namespace
}  // namespace lockstep::test
