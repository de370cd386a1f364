// maxfwd_test.cc: Max-Forwards as RFC 3261 16.3 and 16.6 have it, with Kamailio's results.
#include <cppunit/extensions/HelperMacros.h>

#include "test/unit/modules/script_fixture.h"

extern "C" lockstep::worker::Module* lockstep_module();

namespace lockstep::test {
namespace {

// kInvite with another Max-Forwards line.
std::string invite(const std::string& line) {
  std::string message(kInvite);
  const std::string usual = "Max-Forwards: 70\n";
  message.replace(message.find(usual), usual.size(), line);
  return message;
}

class MaxfwdTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(MaxfwdTest);
  CPPUNIT_TEST(it_is_decremented_added_or_refused);
  CPPUNIT_TEST(a_second_call_changes_nothing);
  CPPUNIT_TEST(it_is_compared_as_it_will_leave);
  CPPUNIT_TEST_SUITE_END();

 public:
  void it_is_decremented_added_or_refused() {
    struct Row {
      const char* line;
      const char* code;
      const char* left;
    };
    const Row rows[] = {
        {"Max-Forwards: 70\n", "1", "Max-Forwards: 69\n"}, {"Max-Forwards: 1\n", "1", "Max-Forwards: 0\n"},
        {"Max-Forwards: 0\n", "-1", "Max-Forwards: 0\n"},  {"Max-Forwards: 255\n", "1", "Max-Forwards: 70\n"},
        {"Max-Forwards: x\n", "-2", "Max-Forwards: x\n"},  {"", "2", "Max-Forwards: 10\n"},
    };
    ScriptFixture usual(lockstep_module(), "mf_process_maxfwd_header(\"10\"); note(\"$rc\");",
                        "modparam(\"maxfwd\", \"max_limit\", 70)");
    CPPUNIT_ASSERT_MESSAGE(usual.mistakes(), usual.compiles());
    for (const Row& row : rows) {
      const Outcome outcome = usual.run(invite(row.line));
      CPPUNIT_ASSERT_EQUAL_MESSAGE(row.line, std::string(row.code), outcome.notes.at(0));
      CPPUNIT_ASSERT_MESSAGE(outcome.message, outcome.message_has(row.left));
    }
    ScriptFixture limited(lockstep_module(), "maxfwd_process(\"10\");",
                          "modparam(\"maxfwd\", \"max_limit\", 30)");
    CPPUNIT_ASSERT(limited.run(invite("Max-Forwards: 255\n")).message_has("Max-Forwards: 30\n"));
    ScriptFixture wrong(lockstep_module(), "exit;", "modparam(\"maxfwd\", \"max_limit\", 300)");
    CPPUNIT_ASSERT(!wrong.compiles());
  }

  void a_second_call_changes_nothing() {
    ScriptFixture fixture(lockstep_module(), "process_maxfwd(10); process_maxfwd(10); note(\"$rc\");",
                          "modparam(\"maxfwd\", \"max_limit\", 70)");
    const Outcome outcome = fixture.run(kInvite);
    CPPUNIT_ASSERT_EQUAL(std::string("1"), outcome.notes.at(0));
    CPPUNIT_ASSERT(outcome.message_has("Max-Forwards: 69\n"));
    CPPUNIT_ASSERT_EQUAL(std::string("2"), fixture.run(invite("")).notes.at(0));
  }

  void it_is_compared_as_it_will_leave() {
    const std::string test = "if (is_maxfwd_lt(\"10\")) note(\"lt\"); else note(\"$rc\");";
    ScriptFixture fixture(lockstep_module(), test);
    CPPUNIT_ASSERT_MESSAGE(fixture.mistakes(), fixture.compiles());
    CPPUNIT_ASSERT_EQUAL(std::string("-1"), fixture.run(invite("Max-Forwards: 10\n")).notes.at(0));
    CPPUNIT_ASSERT_EQUAL(std::string("lt"), fixture.run(invite("Max-Forwards: 9\n")).notes.at(0));
    CPPUNIT_ASSERT_EQUAL(std::string("-2"), fixture.run(invite("")).notes.at(0));
    CPPUNIT_ASSERT_EQUAL(std::string("-3"), fixture.run(invite("Max-Forwards: x\n")).notes.at(0));
    ScriptFixture after(lockstep_module(), "process_maxfwd(9); " + test);
    CPPUNIT_ASSERT_EQUAL(std::string("lt"), after.run(invite("Max-Forwards: 10\n")).notes.at(0));
    CPPUNIT_ASSERT_EQUAL(std::string("lt"), after.run(invite("")).notes.at(0));
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(MaxfwdTest);

}  // namespace
}  // namespace lockstep::test
