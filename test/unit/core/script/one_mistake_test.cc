// one_mistake_test.cc: one slip of the operator is one mistake in the report, and does not hide the others.
#include <cppunit/extensions/HelperMacros.h>

#include "test/unit/core/script/script_harness.h"

namespace lockstep::script::test {
namespace {

class OneMistakeTest : public CPPUNIT_NS::TestFixture {
  CPPUNIT_TEST_SUITE(OneMistakeTest);
  CPPUNIT_TEST(unclosed_quote_of_a_call);
  CPPUNIT_TEST(unclosed_quote_of_a_condition);
  CPPUNIT_TEST(unclosed_quote_of_a_module_line);
  CPPUNIT_TEST(missing_opening_quote);
  CPPUNIT_TEST(two_unclosed_quotes_are_two_mistakes);
  CPPUNIT_TEST(unclosed_quote_in_the_last_line);
  CPPUNIT_TEST(strings_over_several_lines_stay_allowed);
  CPPUNIT_TEST(misspelt_module_is_taken_for_the_near_one);
  CPPUNIT_TEST(misspelt_loadmodule_is_taken_for_it);
  CPPUNIT_TEST(names_of_a_missing_module_are_not_mistakes);
  CPPUNIT_TEST_SUITE_END();

  static std::string mistakes_of(std::string text) {
    ScriptHarness harness;
    CPPUNIT_ASSERT(!harness.compile_text(std::move(text)));
    // Without the lines that show the place: only where and what.
    std::string told;
    for (std::size_t at = 0; at < harness.rendered.size();) {
      const std::size_t end = harness.rendered.find('\n', at);
      const std::string line = harness.rendered.substr(at, end - at);
      if (!line.starts_with(' ')) told += line + "\n";
      at = end + 1;
    }
    return told;
  }

 public:
  void unclosed_quote_of_a_call() {
    CPPUNIT_ASSERT_EQUAL(std::string("t.cfg:2:7: error: this string is never closed\n"
                                     "t.cfg:5:3: error: unknown function 't_relai'\n"),
                         mistakes_of("request_route {\n"
                                     "  say(\"hello);\n"
                                     "  if ($rU == \"bob\") { say(\"b\"); }\n"
                                     "  say(\"one\");  # \"comment\n"
                                     "  t_relai();\n"
                                     "}\n"));
    CPPUNIT_ASSERT_EQUAL(std::string("t.cfg:2:7: error: this string is never closed\n"),
                         mistakes_of("request_route {\n"
                                     "  say('it is\n"
                                     "  t_relay();\n"
                                     "  say('x');\n"
                                     "}\n"));
  }

  void unclosed_quote_of_a_condition() {
    CPPUNIT_ASSERT_EQUAL(std::string("t.cfg:2:14: error: this string is never closed\n"
                                     "t.cfg:6:3: error: unknown variable '$rX'\n"),
                         mistakes_of("request_route {\n"
                                     "  if ($rU == \"bob) {\n"
                                     "    say(\"b\");\n"
                                     "  }\n"
                                     "  say(\"c\");\n"
                                     "  $rX = \"d\";\n"
                                     "}\n"));
  }

  void unclosed_quote_of_a_module_line() {
    CPPUNIT_ASSERT_EQUAL(std::string("t.cfg:1:12: error: this string is never closed\n"),
                         mistakes_of("loadmodule \"tm.so\n"
                                     "modparam(\"tm\", \"fr_timer\", 30)\n"
                                     "request_route { say(\"a\"); }\n"));
    CPPUNIT_ASSERT_EQUAL(std::string("t.cfg:2:16: error: this string is never closed\n"
                                     "t.cfg:3:16: error: module 'tm' has no parameter 'fr_timr'\n"),
                         mistakes_of("loadmodule \"tm.so\"  # \"transactions\n"
                                     "modparam(\"tm\", \"fr_timer, 30)\n"
                                     "modparam(\"tm\", \"fr_timr\", 30)\n"
                                     "request_route { say(\"a\"); }\n"));
  }

  void missing_opening_quote() {
    CPPUNIT_ASSERT_EQUAL(std::string("t.cfg:1:17: error: this string is never closed\n"),
                         mistakes_of("loadmodule tm.so\"\n"
                                     "modparam(\"tm\", \"fr_timer\", 30)\n"
                                     "request_route { say(\"a\"); }\n"));
    CPPUNIT_ASSERT_EQUAL(std::string("t.cfg:1:12: error: a module name in quotes expected before 'tm'\n"),
                         mistakes_of("loadmodule tm.so\n"
                                     "modparam(\"tm\", \"fr_timer\", 30)\n"
                                     "request_route { say(\"a\"); }\n"));
    CPPUNIT_ASSERT_EQUAL(std::string("t.cfg:1:1: error: a file name in quotes must follow\n"),
                         mistakes_of("import_file more.cfg\"\nrequest_route { say(\"a\"); }\n"));
  }

  void two_unclosed_quotes_are_two_mistakes() {
    CPPUNIT_ASSERT_EQUAL(std::string("t.cfg:2:7: error: this string is never closed\n"
                                     "t.cfg:4:7: error: this string is never closed\n"),
                         mistakes_of("request_route {\n"
                                     "  say(\"a);\n"
                                     "  t_relay();\n"
                                     "  say(\"b);\n"
                                     "  say(\"c\");\n"
                                     "}\n"));
  }

  void unclosed_quote_in_the_last_line() {
    CPPUNIT_ASSERT_EQUAL(std::string("t.cfg:2:7: error: this string is never closed\n"),
                         mistakes_of("request_route {\n  say(\"a);  # all\n}\n"));
    CPPUNIT_ASSERT_EQUAL(std::string("t.cfg:1:21: error: this string is never closed\n"),
                         mistakes_of("request_route { say(\"a); }"));
  }

  void strings_over_several_lines_stay_allowed() {
    ScriptHarness harness;
    CPPUNIT_ASSERT_EQUAL(std::string("v=0\r\no=bob\n"), harness.run("say(\"v=0\r\no=\" + $rU + \"\n\");"));
    CPPUNIT_ASSERT_EQUAL(std::string("one\ntwo"), harness.run("say(\"one\n\" \"two\");"));
    CPPUNIT_ASSERT_EQUAL(std::string("a\n;"), harness.run("say('a\n;');"));
  }

  void misspelt_module_is_taken_for_the_near_one() {
    CPPUNIT_ASSERT_EQUAL(std::string("t.cfg:1:12: error: cannot load module 'tmm.so'\n"
                                     "t.cfg:3:16: error: module 'tm' has no parameter 'fr_timr'\n"),
                         mistakes_of("loadmodule \"tmm.so\"\n"
                                     "modparam(\"tm\", \"fr_timer\", 30)\n"
                                     "modparam(\"tm\", \"fr_timr\", 30)\n"
                                     "request_route { say(\"a\"); }\n"));
  }

  void misspelt_loadmodule_is_taken_for_it() {
    CPPUNIT_ASSERT_EQUAL(std::string("t.cfg:1:1: error: 'lodmodule' begins nothing that is known here\n"),
                         mistakes_of("lodmodule \"tm.so\"\n"
                                     "modparam(\"tm\", \"fr_timer\", 30)\n"
                                     "request_route { say(\"a\"); }\n"));
  }

  // What is near a known name is a slip all the same.
  void names_of_a_missing_module_are_not_mistakes() {
    CPPUNIT_ASSERT_EQUAL(std::string("t.cfg:1:12: error: cannot load module 'accounting.so'\n"
                                     "t.cfg:4:3: error: unknown function 't_relai'\n"),
                         mistakes_of("loadmodule \"accounting.so\"\n"
                                     "request_route {\n"
                                     "  write_down(\"a\", $(dlgvar(b){c.d}));\n"
                                     "  t_relai();\n"
                                     "  if ($dlgvar(x) == 1) { say(\"$dlgvar(y)\"); }\n"
                                     "}\n"));
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(OneMistakeTest);

}  // namespace
}  // namespace lockstep::script::test
