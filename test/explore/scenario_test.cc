// scenario_test.cc: scenario files and schedules: what is read, and what is said of a mistake.
#include <cppunit/extensions/HelperMacros.h>

#include "core/explore/scenario_pair.h"
#include "core/explore/search.h"

namespace lockstep::test {

using namespace explore;

class ScenarioTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(ScenarioTest);
  CPPUNIT_TEST(all_lines);
  CPPUNIT_TEST(phones_register);
  CPPUNIT_TEST(mistakes_are_told_with_their_line);
  CPPUNIT_TEST(two_scenarios_are_one_call);
  CPPUNIT_TEST(what_is_no_call_that_can_be);
  CPPUNIT_TEST(schedules_are_written_and_read);
  CPPUNIT_TEST(mistakes_in_schedules);
  CPPUNIT_TEST_SUITE_END();

  static constexpr const char* kRinging =
      "title a\nworkers 2\nsetup\n invite\n 180 A\nrace\n 1 200 A\n 2 180 B\n";
  static constexpr const char* kGlare =
      "title b\nworkers 2\nsetup\n invite\n 180 A\n 180 B\nrace\n 1 cancel\n 2 200 A\nclock 500\n";

  static std::string text_of(const std::vector<ScenarioDatagram>& all) {
    std::string text;
    for (const ScenarioDatagram& one : all) text += one.text() + "|";
    return text;
  }
  static std::string text_of(const std::vector<Arrival>& all) {
    std::string text;
    for (const Arrival& one : all) text += std::to_string(one.worker) + " " + one.datagram.text() + "|";
    return text;
  }
  static std::string problem_of(const std::string& text) {
    const auto scenario = parse_scenario(text, "x.scenario");
    return scenario ? "none" : scenario.error();
  }

 public:
  void all_lines() {
    const auto scenario = parse_scenario(
        "# all\ntitle   a title, with commas\nbranches 3\nworkers 2\nsetup\n  invite\n  180 C\nrace\n"
        "  1  200 A a2   # tag\n  2 486 B\n  1 cancel\n  2 200 A cancel\n  1 ack A\narrive\n  2 bye A\nclock "
        "32000\nrpc cancel B\nmemory full\n",
        "folder/x.scenario");
    CPPUNIT_ASSERT(scenario.ok());
    CPPUNIT_ASSERT_EQUAL(std::string("x"), scenario->name);
    CPPUNIT_ASSERT_EQUAL(std::string("a title, with commas"), scenario->title);
    CPPUNIT_ASSERT_EQUAL(3u, scenario->branches);
    CPPUNIT_ASSERT_EQUAL(2u, scenario->workers);
    const std::string text = text_of(scenario->setup) + text_of(scenario->race);
    CPPUNIT_ASSERT_EQUAL(std::string("invite|180 C|1 200 A a2|2 486 B|1 cancel|2 200 A cancel|1 ack A|"),
                         text);
    CPPUNIT_ASSERT_EQUAL(std::string("bye A"), scenario->arrive.at(0).datagram.text());
    CPPUNIT_ASSERT(scenario->has_rpc);
    CPPUNIT_ASSERT(scenario->is_memory_full);
    CPPUNIT_ASSERT_EQUAL('B', scenario->rpc_branch);
    CPPUNIT_ASSERT(scenario->clock_ms == std::vector<std::uint64_t>{32000});
  }

  void phones_register() {
    const auto scenario = parse_scenario(
        "title t\nroute location\nsetup\n  register A\nrace\n  1 unregister A\n  2 register B\n",
        "x.scenario");
    CPPUNIT_ASSERT(scenario.ok());
    CPPUNIT_ASSERT(scenario->by_location);
    CPPUNIT_ASSERT_EQUAL(std::string("register A"), scenario->setup.at(0).text());
    CPPUNIT_ASSERT_EQUAL(std::string("unregister A"), scenario->race.at(0).datagram.text());
    CPPUNIT_ASSERT(scenario->race.at(1).datagram.is_registration());
    CPPUNIT_ASSERT_EQUAL(2u, scenario->race.at(1).worker);
  }

  void mistakes_are_told_with_their_line() {
    CPPUNIT_ASSERT_EQUAL(std::string("x.scenario:2: a branch from A to B is expected, not 'C'"),
                         problem_of("race\n 1 200 C\n"));
    CPPUNIT_ASSERT_EQUAL(std::string("x.scenario:2: a worker from 1 to 2 is expected, not '3'"),
                         problem_of("race\n 3 200 A\n"));
    CPPUNIT_ASSERT_EQUAL(std::string("x.scenario:1: 'full' is expected behind 'memory'"),
                         problem_of("memory low\n"));
    CPPUNIT_ASSERT_EQUAL(
        std::string(
            "x.scenario:1: title, branches, workers, setup, race, arrive, clock, failure, route, rpc or "
            "memory is expected, not 'rase'"),
        problem_of("rase\n"));
    CPPUNIT_ASSERT_EQUAL(std::string("x.scenario:1: a number from 1 to 4 is expected behind 'workers'"),
                         problem_of("workers 9\n"));
    CPPUNIT_ASSERT_EQUAL(
        std::string(
            "x.scenario:3: a datagram is expected, not '99': invite, cancel, ack BRANCH, "
            "bye BRANCH, STATUS BRANCH [TAG], STATUS BRANCH cancel, register BRANCH or unregister BRANCH"),
        problem_of("title t\nrace\n 1 99 A\n"));
    CPPUNIT_ASSERT_EQUAL(std::string("x.scenario:1: 'location' is expected behind 'route'"),
                         problem_of("route home\n"));
    CPPUNIT_ASSERT_EQUAL(std::string("x.scenario:2: register: 'route location' is expected above"),
                         problem_of("race\n 1 register A\n"));
    CPPUNIT_ASSERT_EQUAL(std::string("x.scenario:3: a branch from A to B is expected, not 'C'"),
                         problem_of("route location\nrace\n 1 unregister C\n"));
    CPPUNIT_ASSERT_EQUAL(std::string("x.scenario: a section 'race' with a datagram at least is expected"),
                         problem_of("title t\n"));
    CPPUNIT_ASSERT_EQUAL(std::string("no/such.scenario: cannot be read"),
                         read_scenario("no/such.scenario").error());
  }

  // What races has not happened before; what only the second has comes to a worker of its own.
  void two_scenarios_are_one_call() {
    const auto pair = pair_of(*parse_scenario(kRinging, "a.scenario"), *parse_scenario(kGlare, "b.scenario"));
    CPPUNIT_ASSERT(pair.ok());
    CPPUNIT_ASSERT_EQUAL(std::string("a+b"), pair->name);
    CPPUNIT_ASSERT_EQUAL(std::string("invite|180 A|"), text_of(pair->setup));
    CPPUNIT_ASSERT_EQUAL(std::string("1 200 A|2 180 B|3 cancel|"), text_of(pair->race));
    CPPUNIT_ASSERT_EQUAL(3u, pair->workers);
    CPPUNIT_ASSERT_EQUAL(2u, pair->branches);
    CPPUNIT_ASSERT(pair->clock_ms == std::vector<std::uint64_t>{500});
  }

  void what_is_no_call_that_can_be() {
    const auto problem = [](const std::string& a, const std::string& b) {
      const auto pair = pair_of(*parse_scenario(a, "a.scenario"), *parse_scenario(b, "b.scenario"));
      return pair ? std::string("none") : pair.error();
    };
    CPPUNIT_ASSERT_EQUAL(std::string("A answers 200 and 486"),
                         problem(kRinging, "title t\nsetup\n invite\nrace\n 1 486 A\n"));
    CPPUNIT_ASSERT_EQUAL(std::string("A was not called by then"),
                         problem(kRinging, "title t\nrace\n 1 invite\n"));
    CPPUNIT_ASSERT_EQUAL(std::string("B was not cancelled by then"),
                         problem(kRinging, "title t\nsetup\n invite\n 200 A\nrace\n 1 200 B cancel\n"));
  }

  void schedules_are_written_and_read() {
    const std::string text = "1*3.2.n.k1.1*2.t.k2.k2.r";
    const auto schedule = parse_schedule(text);
    CPPUNIT_ASSERT(schedule.ok());
    std::vector<PlayedStep> steps;
    for (const Turn& turn : *schedule) steps.push_back({turn.actor, {}, turn.is_death});
    CPPUNIT_ASSERT_EQUAL(std::size_t{12}, steps.size());
    CPPUNIT_ASSERT_EQUAL(text, schedule_text(steps));
  }

  void mistakes_in_schedules() {
    CPPUNIT_ASSERT_EQUAL(
        std::string("character 3 of the schedule: 1 to 8, k, n, r or t is expected, not 'x'"),
        parse_schedule("1.x").error());
    CPPUNIT_ASSERT_EQUAL(std::string("character 3 of the schedule: a number is expected, not 'z'"),
                         parse_schedule("1*z").error());
    CPPUNIT_ASSERT_EQUAL(std::string("character 2 of the schedule: '.' is expected, not '2'"),
                         parse_schedule("12").error());
    CPPUNIT_ASSERT_EQUAL(std::string("character 2 of the schedule: 1 to 8, k, n, r or t is expected"),
                         parse_schedule("k").error());
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ScenarioTest);

}  // namespace lockstep::test
