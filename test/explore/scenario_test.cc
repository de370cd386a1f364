// scenario_test.cc: scenario files and schedules: what is read, and what is said of a mistake.
#include <cppunit/extensions/HelperMacros.h>

#include "core/explore/search.h"

namespace lockstep::test {

using namespace explore;

class ScenarioTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(ScenarioTest);
  CPPUNIT_TEST(all_lines);
  CPPUNIT_TEST(phones_register);
  CPPUNIT_TEST(mistakes_are_told_with_their_line);
  CPPUNIT_TEST(schedules_are_written_and_read);
  CPPUNIT_TEST(mistakes_in_schedules);
  CPPUNIT_TEST_SUITE_END();

  static std::string problem_of(const std::string& text) {
    const auto scenario = parse_scenario(text, "x.scenario");
    return scenario ? "none" : scenario.error();
  }

 public:
  void all_lines() {
    const auto scenario = parse_scenario(
        "# all\ntitle   a title, with commas\nbranches 3\nworkers 2\nsetup\n  invite\n  180 C\nrace\n"
        "  1  200 A a2   # tag\n  2 486 B\n  1 cancel\n  2 200 A cancel\n  1 ack A\narrive\n  2 bye A\nclock "
        "32000\nrpc cancel B\n",
        "folder/x.scenario");
    CPPUNIT_ASSERT(scenario.ok());
    CPPUNIT_ASSERT_EQUAL(std::string("x"), scenario->name);
    CPPUNIT_ASSERT_EQUAL(std::string("a title, with commas"), scenario->title);
    CPPUNIT_ASSERT_EQUAL(3u, scenario->branches);
    CPPUNIT_ASSERT_EQUAL(2u, scenario->workers);
    std::string text;
    for (const ScenarioDatagram& one : scenario->setup) text += one.text() + "|";
    for (const Arrival& one : scenario->race)
      text += std::to_string(one.worker) + " " + one.datagram.text() + "|";
    CPPUNIT_ASSERT_EQUAL(std::string("invite|180 C|1 200 A a2|2 486 B|1 cancel|2 200 A cancel|1 ack A|"),
                         text);
    CPPUNIT_ASSERT_EQUAL(std::string("bye A"), scenario->arrive.at(0).datagram.text());
    CPPUNIT_ASSERT(scenario->has_rpc);
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
    CPPUNIT_ASSERT_EQUAL(
        std::string(
            "x.scenario:1: title, branches, workers, setup, race, arrive, clock, failure, route or rpc is "
            "expected, not 'rase'"),
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
