// explore_test.cc: the explorer on the shipped binary: nothing breaks a rule in strict, whatever the order
// and whoever dies; in openser13 it finds what the peers suffer from; its search is whole, its replays are
// exact, and its wires are those of the model.
#include <cppunit/extensions/HelperMacros.h>
#include <fmt/format.h>
#include <glob.h>
#include <unistd.h>

#include <map>
#include <sstream>

#include "test/harness/process.h"

namespace lockstep::test {
namespace {

using harness::Outcome;
using harness::run_command;
using Words = std::vector<std::string>;

constexpr int kDeadlineMs = 300000;
const std::string kFolder = "test/explore/scenarios/";

std::string build_folder() {
  const char* const build = std::getenv("BUILD");
  return build == nullptr ? "build" : build;
}

Outcome run_explorer(const Words& arguments) {
  Words all{build_folder() + "/lockstep", "explore", "-L", build_folder() + "/modules", "--cpus", "2"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return run_command(all, kDeadlineMs);
}

Words all_scenarios() {
  Words files;
  glob_t found{};
  if (glob((kFolder + "*.scenario").c_str(), 0, nullptr, &found) == 0) {
    for (std::size_t i = 0; i < found.gl_pathc; ++i) files.emplace_back(found.gl_pathv[i]);
  }
  globfree(&found);
  return files;
}

Words operator+(Words a, const Words& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// "scenario policy" and the number in that column of each row of the table.
std::map<std::string, std::string> column(const std::string& table, std::size_t which) {
  std::map<std::string, std::string> values;
  std::istringstream lines(table);
  std::string line;
  std::getline(lines, line);
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    Words fields;
    for (std::string word; words >> word;) fields.push_back(word);
    if (!line.empty() && line[0] != ' ' && fields.size() > which)
      values[fields[0] + " " + fields[2]] = fields[which];
  }
  return values;
}
constexpr std::size_t kTraces = 3;
constexpr std::size_t kKills = 6;

class ExploreTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(ExploreTest);
  CPPUNIT_TEST(strict_breaks_no_rule_in_any_order);
  CPPUNIT_TEST(strict_breaks_no_rule_whoever_dies);
  CPPUNIT_TEST(openser13_shows_what_peers_suffer_from);
  CPPUNIT_TEST(pairs_of_windows_break_no_rule);
  CPPUNIT_TEST(sleep_sets_alone_find_the_same_traces);
  CPPUNIT_TEST(random_orders_break_no_rule);
  CPPUNIT_TEST(a_replay_shows_the_same_again);
  CPPUNIT_TEST(mistakes_are_told);
  CPPUNIT_TEST(the_wires_are_those_of_the_model);
  CPPUNIT_TEST_SUITE_END();

 public:
  void strict_breaks_no_rule_in_any_order() {
    const Outcome outcome = run_explorer(all_scenarios() + Words{"--policy", "all"});
    CPPUNIT_ASSERT_EQUAL_MESSAGE(outcome.output, 0, outcome.status);
    CPPUNIT_ASSERT_EQUAL(all_scenarios().size() * 3, column(outcome.output, kTraces).size());
    CPPUNIT_ASSERT_EQUAL_MESSAGE(outcome.output, std::string::npos, outcome.output.find("not all"));
    const Outcome cancelled =
        run_explorer(all_scenarios() + Words{"--policy", "terminate", "--cancelled", "terminate"});
    CPPUNIT_ASSERT_EQUAL_MESSAGE(cancelled.output, 0, cancelled.status);
  }

  void strict_breaks_no_rule_whoever_dies() {
    const Outcome outcome =
        run_explorer({kFolder + "w4.scenario", kFolder + "w22.scenario", kFolder + "w3.scenario",
                      kFolder + "ticket.scenario", kFolder + "registers-while-forking.scenario", "--policy",
                      "terminate", "--crash"});
    CPPUNIT_ASSERT_EQUAL_MESSAGE(outcome.output, 0, outcome.status);
    for (const auto& [row, kills] : column(outcome.output, kKills)) {
      CPPUNIT_ASSERT_MESSAGE(row, std::stoi(kills) > 20);
    }
  }

  void openser13_shows_what_peers_suffer_from() {
    Words arguments = all_scenarios() + Words{"--ordering", "openser13"};
    for (const char* window : {"W1", "W2", "W3", "W4", "W5", "W8", "W21", "ticket"}) {
      arguments = arguments + Words{"--expect", window};
    }
    const Outcome outcome = run_explorer(arguments);
    CPPUNIT_ASSERT_EQUAL_MESSAGE(outcome.output, 0, outcome.status);
    // Packets 9 to 13 of the ticket: A's 200 up, CANCEL to B which has answered, B's 200 up.
    CPPUNIT_ASSERT_MESSAGE(outcome.output,
                           outcome.output.find("wire   200 A; CANCEL B; 200 B\n") != std::string::npos);
    const Outcome strict = run_explorer({kFolder + "ticket.scenario", "--expect", "ticket"});
    CPPUNIT_ASSERT_EQUAL_MESSAGE(strict.output, 1, strict.status);
    CPPUNIT_ASSERT(strict.output.find("NOT FOUND") != std::string::npos);
  }

  void pairs_of_windows_break_no_rule() {
    Words windows;
    for (const char* one : {"w1", "w3", "w4", "w5", "w7", "w8", "w14", "w15", "w21", "w23"}) {
      windows.push_back(kFolder + one + ".scenario");
    }
    const Outcome outcome = run_explorer(windows + Words{"--pairs", "--limit", "150"});
    CPPUNIT_ASSERT_EQUAL_MESSAGE(outcome.output, 0, outcome.status);
    const auto traces = column(outcome.output, kTraces);
    CPPUNIT_ASSERT_EQUAL_MESSAGE(outcome.output, std::size_t{1}, traces.count("w1+w7 forward"));
    CPPUNIT_ASSERT_MESSAGE(outcome.output, outcome.output.find(" at random\n") != std::string::npos);
    CPPUNIT_ASSERT_MESSAGE(outcome.output, outcome.output.find("others are none\n") != std::string::npos);
    // What neither shows alone in the order of old: a CANCEL before the 200 that caused it.
    const Outcome old =
        run_explorer({kFolder + "w4.scenario", kFolder + "w8.scenario", "--pairs", "--ordering", "openser13",
                      "--limit", "300", "--expect", "W4", "--expect", "W5"});
    CPPUNIT_ASSERT_EQUAL_MESSAGE(old.output, 0, old.status);
  }

  void sleep_sets_alone_find_the_same_traces() {
    for (const char* ordering : {"strict", "openser13"}) {
      const Words what{kFolder + "w1.scenario",
                       kFolder + "w4.scenario",
                       kFolder + "w9.scenario",
                       kFolder + "registers-while-forking.scenario",
                       "--ordering",
                       ordering,
                       "--expect",
                       "none"};
      const auto reduced = column(run_explorer(what).output, kTraces);
      CPPUNIT_ASSERT_EQUAL(std::size_t{4}, reduced.size());
      CPPUNIT_ASSERT(reduced == column(run_explorer(what + Words{"--sleep-sets"}).output, kTraces));
    }
  }

  void random_orders_break_no_rule() {
    const Words what{kFolder + "three-200s.scenario", "--policy", "terminate", "--pct", "7,4,300"};
    const Outcome outcome = run_explorer(what);
    CPPUNIT_ASSERT_EQUAL_MESSAGE(outcome.output, 0, outcome.status);
    const Outcome old = run_explorer(what + Words{"--ordering", "openser13", "--expect", "W4"});
    CPPUNIT_ASSERT_EQUAL_MESSAGE(old.output, 0, old.status);
  }

  void a_replay_shows_the_same_again() {
    const Outcome found =
        run_explorer({kFolder + "w1.scenario", "--ordering", "openser13", "--expect", "W1"});
    CPPUNIT_ASSERT_EQUAL_MESSAGE(found.output, 0, found.status);
    const std::string marker = "--replay ";
    const std::size_t at = found.output.find(marker) + marker.size();
    const std::string schedule = found.output.substr(at, found.output.find('\n', at) - at);
    const Outcome first = run_explorer({"--replay", schedule});
    CPPUNIT_ASSERT_EQUAL_MESSAGE(first.output, 1, first.status);
    CPPUNIT_ASSERT_MESSAGE(first.output,
                           first.output.find("\nW1: the CANCEL to B is lost\n") != std::string::npos);
    CPPUNIT_ASSERT_MESSAGE(first.output, first.output.find("wire: 200 A\n") != std::string::npos);
    // The ladder was shown when it was found.
    const std::size_t head = first.output.find("        ms  w  ");
    const std::string ladder = first.output.substr(head, first.output.find("\n\n", head) - head);
    CPPUNIT_ASSERT_MESSAGE(ladder, ladder.find("response 200 of branch 0") != std::string::npos);
    CPPUNIT_ASSERT_MESSAGE(found.output, found.output.find(ladder) != std::string::npos);
    // Ports are the kernel's choice; all else is the same.
    const auto below_ports = [](const std::string& text) { return text.substr(text.find("\n\n")); };
    CPPUNIT_ASSERT_EQUAL(below_ports(first.output), below_ports(run_explorer({"--replay", schedule}).output));
    const Outcome wrong = run_explorer({"--replay", schedule + ".1*3"});
    CPPUNIT_ASSERT_EQUAL_MESSAGE(wrong.output, 2, wrong.status);
    CPPUNIT_ASSERT_MESSAGE(wrong.output, wrong.output.find("cannot go on here") != std::string::npos);
  }

  void mistakes_are_told() {
    const auto told = [](const Words& arguments, const char* text) {
      const Outcome outcome = run_explorer(arguments);
      CPPUNIT_ASSERT_EQUAL_MESSAGE(outcome.output, 2, outcome.status);
      CPPUNIT_ASSERT_MESSAGE(outcome.output, outcome.output.find(text) != std::string::npos);
    };
    told({}, "a scenario is expected");
    told({"none.scenario"}, "none.scenario: cannot be read");
    told({kFolder + "w1.scenario", "--policy", "hope"}, "forward, terminate, drop or all is expected");
    told({kFolder + "w1.scenario", "--pct", "x"}, "a number is expected");
    told({kFolder + "w1.scenario", "--cpus", "0"}, "--cpus: 1 to 64 is expected");
    told({kFolder + "w1.scenario", "--limit", "0"}, "--limit: 1 or more is expected");
    told({kFolder + "w1.scenario", "--pct", "1,2,0"}, "EXECUTIONS from 1");
    told({"--replay", kFolder + "w1.scenario,hope,forward,forward,1"}, "ORDERING strict or openser13");
    told({"--replay", "w1"}, "FILE,ORDERING,POLICY,CANCELLED,SCHEDULE is expected");
  }

  // Where spin is not installed this cannot be seen.
  void the_wires_are_those_of_the_model() {
    if (access("/usr/bin/spin", X_OK) != 0) {
      fmt::print("skipped: the_wires_are_those_of_the_model: spin is not installed\n");
      return;
    }
    for (const char* name : {"ticket", "w1", "w3", "w5", "w8", "w18", "w22", "two-200s-cancel"}) {
      for (const char* ordering : {"strict", "openser13"}) {
        const Words what{kFolder + name + ".scenario", "--ordering", ordering, "--policy", "terminate"};
        const Outcome model = run_command(Words{"test/explore/model"} + what, kDeadlineMs);
        CPPUNIT_ASSERT_EQUAL_MESSAGE(model.output, 0, model.status);
        CPPUNIT_ASSERT_EQUAL_MESSAGE(fmt::format("{} {}", name, ordering), model.output,
                                     run_explorer(what + Words{"--transcripts"}).output);
      }
    }
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ExploreTest);

}  // namespace
}  // namespace lockstep::test
