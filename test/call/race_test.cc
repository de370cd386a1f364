// race_test.cc: the windows of ORDER.md that real timing can reach, end to end: 1,000 calls each through four
// workers, forked to two phones that do the wrong thing at the worst moment. What must hold is told by the
// kernel's time stamps at the caller and the phones (test/harness/race_log.h).
#include <fmt/core.h>

#include <algorithm>
#include <random>

#include "test/call/call_test.h"
#include "test/harness/race.h"

namespace lockstep::harness {
namespace {

constexpr int kCalls = 1000;
constexpr int kPerSecond = 250;
constexpr int kLines = 4;
constexpr int kSome = kCalls / 50;  // How often a race comes about is the machine's affair, but it must.

class RaceTest : public CallTest {
  CPPUNIT_TEST_SUITE(RaceTest);
  CPPUNIT_TEST(both_answer_at_once_forward);
  CPPUNIT_TEST(both_answer_at_once_terminate);
  CPPUNIT_TEST(both_answer_at_once_drop);
  CPPUNIT_TEST(holdoff_spares_phones_that_have_answered);
  CPPUNIT_TEST(the_loser_rings_right_after_the_200);
  CPPUNIT_TEST(cancel_crosses_the_200_forward);
  CPPUNIT_TEST(cancel_crosses_the_200_terminate);
  CPPUNIT_TEST(losers_answer_after_11_seconds);
  CPPUNIT_TEST(invite_repeated_right_after_the_200);
  CPPUNIT_TEST(cancel_unanswered_for_10_seconds);
  CPPUNIT_TEST(two_tags_on_one_branch_forward);
  CPPUNIT_TEST(two_tags_on_one_branch_terminate);
  CPPUNIT_TEST(two_tags_on_one_branch_drop);
  CPPUNIT_TEST_SUITE_END();

 public:
  static const char* name_of(Late policy) {
    switch (policy) {
      case Late::kForward:
        return "\"forward\"";
      case Late::kTerminate:
        return "\"terminate\"";
      case Late::kDrop:
        return "\"drop\"";
    }
    return "";
  }

  // Places the calls and requires that nothing is wrong with any.
  std::vector<CallLog> race(const RaceRules& rules, const std::function<RacePlan(int)>& plan_of) {
    serve(4,
          {"-A", std::string("LATE_2XX=") + name_of(rules.late_2xx), "-A",
           std::string("CANCELLED_2XX=") + name_of(rules.cancelled_2xx), "-A",
           "CANCEL_HOLDOFF=" + std::to_string(rules.cancel_holdoff_ms), "-A",
           "PAUSE=" + std::to_string(pause_us_)},
          "test/call/race.cfg");
    RaceTrack track(server().address(), kLines);
    for (int line = 0; line < kLines; ++line) {
      Phone& registrar_client = phone("registrar", RaceTrack::user_of(line));
      const Transaction& registration = registrar_client.send_register(track.contacts_of(line), 3600);
      LS_WAIT(registration.final_status == 200);
    }
    track.place(kCalls, kPerSecond, plan_of);
    const bool is_quiet = track.run(60000);
    std::vector<CallLog> logs = track.logs();
    report_faults(logs, rules);
    CPPUNIT_ASSERT_MESSAGE("the calls did not come to rest\n" + log_text(), is_quiet);
    return logs;
  }

  void report_faults(const std::vector<CallLog>& logs, const RaceRules& rules) {
    std::string shown;
    int wrong = 0;
    for (const CallLog& log : logs) {
      const Lines faults = faults_of(log, rules);
      if (faults.empty() || ++wrong > 3) continue;
      shown += joined(faults) + table_of(log) + "\n";
    }
    CPPUNIT_ASSERT_EQUAL_MESSAGE(shown + log_text(), 0, wrong);
  }

  // How many calls were what the scenario is about: a race that nobody ran proves nothing.
  void assert_raced(const std::vector<CallLog>& logs, const std::string& what, int at_least,
                    const std::function<bool(const CallLog&)>& is_one) {
    const auto count = static_cast<int>(std::count_if(logs.begin(), logs.end(), is_one));
    fmt::print("race: {} of {} calls: {}\n", count, logs.size(), what);
    CPPUNIT_ASSERT_MESSAGE(fmt::format("only {} calls: {}", count, what), count >= at_least);
  }

  int within(int least_us, int most_us) { return std::uniform_int_distribution(least_us, most_us)(random_); }

  std::vector<CallLog> both_answer(const RaceRules& rules) {
    std::vector<CallLog> logs = race(rules, [this](int) {
      RacePlan plan;
      plan.b_answer_us = within(-2000, 2000);
      plan.repeat_200_us = within(0, 4000);
      return plan;
    });
    assert_raced(logs, "both phones answered", kSome,
                 [](const CallLog& log) { return answered_dialogs(log) == 2; });
    return logs;
  }

  // What was recorded of all calls is decided again by the same binary.
  void replay_all() {
    const std::string folder = make_temp_folder("lockstep-race-");
    const Outcome recorded = server().control({"record", folder + "/race.order"}, 60000);
    CPPUNIT_ASSERT_EQUAL_MESSAGE(recorded.output, 0, recorded.status);
    const Outcome replayed = server().control({"replay", folder + "/race.order"}, 60000);
    remove_folder(folder);
    CPPUNIT_ASSERT_EQUAL_MESSAGE(replayed.output, 0, replayed.status);
    CPPUNIT_ASSERT_MESSAGE(replayed.output, replayed.output.find(": identical") != std::string::npos);
    CPPUNIT_ASSERT_MESSAGE(replayed.output, std::atoi(replayed.output.c_str()) >= kCalls);
    CPPUNIT_ASSERT_MESSAGE(replayed.output, replayed.output.find("not compared") == std::string::npos);
    fmt::print("race: replayed {}", replayed.output);
  }

  void both_answer_at_once_forward() { both_answer({.late_2xx = Late::kForward}); }
  void both_answer_at_once_terminate() {
    both_answer({.late_2xx = Late::kTerminate});
    replay_all();
  }
  void both_answer_at_once_drop() { both_answer({.late_2xx = Late::kDrop}); }

  void holdoff_spares_phones_that_have_answered() {
    const std::vector<CallLog> logs = both_answer({.late_2xx = Late::kTerminate, .cancel_holdoff_ms = 20});
    // faults_of excuses a server that was kept from the processor; that must stay a rare excuse.
    assert_raced(logs, "no CANCEL to a phone that had answered", kCalls * 9 / 10,
                 [](const CallLog& log) { return !was_cancelled_after_200(log); });
  }

  void the_loser_rings_right_after_the_200() {  // W1, W5, W8.
    const std::vector<CallLog> logs = race({}, [this](int) {
      RacePlan plan;
      plan.b_ring_us = within(0, 2000);
      return plan;
    });
    assert_raced(logs, "B was cancelled", kCalls,
                 [](const CallLog& log) { return count_received(log, "CANCEL", Party::kB) == 1; });
  }

  static bool caller_got_200(const CallLog& log) {
    return std::any_of(log.packets.begin(), log.packets.end(), [](const Packet& packet) {
      return packet.party == Party::kCaller && !packet.is_sent && packet.method == "INVITE" &&
             packet.status == 200;
    });
  }

  void cancel_crosses(const RaceRules& rules) {  // W7.
    pause_us_ = 0;  // Else the CANCEL seldom overtakes an answer: they are taken up together.
    const std::vector<CallLog> logs = race(rules, [this](int number) {
      RacePlan plan;
      plan.cancel_us = within(-2000, 2000);
      if (number % 2 != 0) plan.b_answer_us = within(-2000, 2000);
      return plan;
    });
    assert_raced(logs, "nobody answered", 1, [](const CallLog& log) { return answered_dialogs(log) == 0; });
    assert_raced(logs, "both answered", 1, [](const CallLog& log) { return answered_dialogs(log) == 2; });
    if (rules.cancelled_2xx == Late::kForward) return;
    assert_raced(logs, "every answer was ended, the caller got its 487", 1,
                 [](const CallLog& log) { return answered_dialogs(log) > 0 && !caller_got_200(log); });
  }

  void cancel_crosses_the_200_forward() { cancel_crosses({}); }
  void cancel_crosses_the_200_terminate() {
    cancel_crosses({.late_2xx = Late::kTerminate, .cancelled_2xx = Late::kTerminate});
  }

  void losers_answer_after_11_seconds() {
    const std::vector<CallLog> logs = race({.late_2xx = Late::kTerminate}, [this](int number) {
      RacePlan plan;
      plan.b_answers_cancel = number % 2 == 0;
      plan.b_heeds_cancel = false;
      plan.b_answer_us = 11000000;
      plan.repeat_200_us = within(0, 4000);
      return plan;
    });
    assert_raced(logs, "both phones answered", kCalls,
                 [](const CallLog& log) { return answered_dialogs(log) == 2; });
  }

  // Whether the caller sent its INVITE again before a 200 had reached it.
  static bool repeated_before_final(const CallLog& log) {
    std::int64_t last_invite_ns = 0;
    std::int64_t first_200_ns = 0;
    for (const Packet& packet : log.packets) {
      if (packet.party != Party::kCaller || packet.method != "INVITE") continue;
      if (packet.is_sent) last_invite_ns = packet.at_ns;
      if (!packet.is_sent && packet.status == 200 && first_200_ns == 0) first_200_ns = packet.at_ns;
    }
    return last_invite_ns < first_200_ns;
  }

  void invite_repeated_right_after_the_200() {  // I15, I3.
    const std::vector<CallLog> logs = race({}, [this](int) {
      RacePlan plan;
      plan.repeat_invite_us = within(0, 2000);
      return plan;
    });
    assert_raced(logs, "the second INVITE came before the 200 was there", 1,
                 [](const CallLog& log) { return repeated_before_final(log); });
    assert_raced(logs, "the second INVITE came after it", kSome,
                 [](const CallLog& log) { return !repeated_before_final(log); });
  }

  void cancel_unanswered_for_10_seconds() {  // W20: T1, 2 T1, 4 T1, then T2 apart: five copies.
    const std::vector<CallLog> logs = race({}, [](int) {
      RacePlan plan;
      plan.b_answers_cancel = false;
      plan.b_487_us = 10000000;
      return plan;
    });
    assert_raced(logs, "five copies of the CANCEL", kCalls / 2,
                 [](const CallLog& log) { return count_received(log, "CANCEL", Party::kB) == 5; });
  }

  void two_tags(Late policy) {  // W18.
    const std::vector<CallLog> logs = race({.late_2xx = policy}, [this](int) {
      RacePlan plan;
      plan.second_tag_us = within(0, 2000);
      return plan;
    });
    assert_raced(logs, "A answered twice", kCalls,
                 [](const CallLog& log) { return answered_dialogs(log) == 2; });
  }

  void two_tags_on_one_branch_forward() { two_tags(Late::kForward); }
  void two_tags_on_one_branch_terminate() { two_tags(Late::kTerminate); }
  void two_tags_on_one_branch_drop() { two_tags(Late::kDrop); }

 private:
  int pause_us_ = 4000;  // receive_pause.
  std::mt19937 random_{2037070};
};

CPPUNIT_TEST_SUITE_REGISTRATION(RaceTest);

}  // namespace
}  // namespace lockstep::harness
