// kex_test.cc: flags of branches and of the script, the next hop, and the log level of a process.
#include <cppunit/extensions/HelperMacros.h>

#include "test/unit/modules/script_fixture.h"

extern "C" lockstep::worker::Module* lockstep_module();

namespace lockstep::test {
namespace {

using Texts = std::vector<std::string>;

class KexTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(KexTest);
  CPPUNIT_TEST(branch_flags_belong_to_a_branch);
  CPPUNIT_TEST(script_flags_are_kept);
  CPPUNIT_TEST(next_hop_and_branches);
  CPPUNIT_TEST(myself_and_printf);
  CPPUNIT_TEST(the_level_of_a_process_is_its_own);
  CPPUNIT_TEST_SUITE_END();

  static Outcome run(const std::string& script) {
    ScriptFixture fixture(lockstep_module(), script);
    CPPUNIT_ASSERT_MESSAGE(fixture.mistakes(), fixture.compiles());
    return fixture.run(kInvite);
  }

 public:
  void branch_flags_belong_to_a_branch() {
    const Outcome outcome =
        run("setbflag(3); append_branch(\"sip:a@b\"); setbflag(4, 1);\n"
            "if (isbflagset(3)) note(\"3/0\"); if (isbflagset(4)) note(\"4/0\");\n"
            "if (isbflagset(3, 1)) note(\"3/1\"); if (isbflagset(4, 1)) note(\"4/1\");\n"
            "resetbflag(3); if (!isbflagset(3)) note(\"reset\");\n"
            "if (!setbflag(32)) note(\"no flag\"); if (!setbflag(1, 2)) note(\"no branch\");");
    CPPUNIT_ASSERT(outcome.notes == (Texts{"3/0", "4/1", "reset", "no flag", "no branch"}));
  }

  void script_flags_are_kept() {
    const Outcome outcome = run(
        "setsflag(0); setsflag(31); setsflag(31); resetsflag(0);\n"
        "if (issflagset(31)) note(\"31\"); if (issflagset(0)) note(\"0\"); if (!setsflag(32)) note(\"no\");");
    CPPUNIT_ASSERT(outcome.notes == (Texts{"31", "no"}));
  }

  void next_hop_and_branches() {
    const Outcome outcome =
        run("setdsturi(\"sip:10.0.0.9\"); if (isdsturiset()) note(\"set\"); km_append_branch();\n"
            "km_append_branch(\"sip:a@b\"); if (!setdsturi(\"bad uri\")) note(\"bad\");");
    CPPUNIT_ASSERT(outcome.notes == (Texts{"set", "bad"}));
    CPPUNIT_ASSERT(outcome.branches == (Texts{"sip:bob@example.com", "sip:a@b"}));
    CPPUNIT_ASSERT_EQUAL(std::string("sip:10.0.0.9"), outcome.next_hop);
  }

  void myself_and_printf() {
    const Outcome outcome =
        run("if (is_myself(\"sip:x@127.0.0.1:5060\")) note(\"a\"); if (is_myself(\"sip:x@10.0.0.1\")) "
            "note(\"b\");\n"
            "if (is_myself(\"example.com\")) note(\"c\"); pv_printf(\"$var(x)\", \"rc $rc\"); "
            "note(\"$var(x)\");");
    CPPUNIT_ASSERT(outcome.notes == (Texts{"a", "c", "rc 1"}));
  }

  void the_level_of_a_process_is_its_own() {
    ScriptFixture fixture(lockstep_module(), "setdebug(2);");
    ScriptFixture back(lockstep_module(), "resetdebug();");
    const volatile int shared = -6;
    log_settings().shared_level = &shared;
    fixture.run(kInvite);
    CPPUNIT_ASSERT(log_enabled(LogLevel::kInfo));
    CPPUNIT_ASSERT(!log_enabled(LogLevel::kDbg));
    back.run(kInvite);
    CPPUNIT_ASSERT(!log_enabled(LogLevel::kAlert));
    CPPUNIT_ASSERT(log_settings().shared_level == &shared);
    log_settings().shared_level = nullptr;
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(KexTest);

}  // namespace
}  // namespace lockstep::test
