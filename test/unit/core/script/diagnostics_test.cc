// diagnostics_test.cc: all mistakes at once, and how they are shown.
#include "core/script/diagnostics.h"

#include <cppunit/extensions/HelperMacros.h>

#include "test/unit/core/script/script_harness.h"

namespace lockstep::script::test {
namespace {

class DiagnosticsTest : public CPPUNIT_NS::TestFixture {
  CPPUNIT_TEST_SUITE(DiagnosticsTest);
  CPPUNIT_TEST(edit_distance_counts_slips);
  CPPUNIT_TEST(every_mistake_of_a_file_is_found_in_one_run);
  CPPUNIT_TEST(missing_semicolon_is_shown_where_it_is_missing);
  CPPUNIT_TEST(mistakes_inside_a_text_are_pointed_at);
  CPPUNIT_TEST(mistakes_at_the_top_of_a_file);
  CPPUNIT_TEST(at_most_fifty_are_shown);
  CPPUNIT_TEST(missing_file_is_one_mistake);
  CPPUNIT_TEST(unclosed_block_is_shown_at_its_start);
  CPPUNIT_TEST_SUITE_END();

 public:
  void edit_distance_counts_slips() {
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, edit_distance("t_relay", "t_relay"));
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, edit_distance("t_relai", "t_relay"));
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, edit_distance("t_rleay", "t_relay"));
    CPPUNIT_ASSERT_EQUAL(std::size_t{3}, edit_distance("", "abc"));
    Suggestion suggestion("lokup");
    suggestion.consider("save");
    CPPUNIT_ASSERT_EQUAL(std::string(), suggestion.text());
    suggestion.consider("lookup");
    CPPUNIT_ASSERT_EQUAL(std::string("lookup"), suggestion.text());
  }

  void every_mistake_of_a_file_is_found_in_one_run() {
    ScriptHarness harness;
    CPPUNIT_ASSERT(
        !harness.compile_text("#!KAMAILIO\n"
                              "debgu=2\n"
                              "loadmodule \"nosuch.so\"\n"
                              "loadmodule \"tm.so\"\n"
                              "modparam(\"tm\", \"fr_timr\", 1)\n"
                              "request_route {\n"
                              "\tif (t_relai()) { exit; }\n"
                              "  say(\"a\" ;\n"
                              "  $si = 1;\n"
                              "  if ($rU =~ \"(\") exit;\n"
                              "  is_method(\"INVITE|Foo\");\n"
                              "  t_relay(1,2);\n"
                              "  $rX = 5;\n"
                              "}\n"));
    CPPUNIT_ASSERT_EQUAL(
        std::string("t.cfg:2:1: error: unknown global parameter 'debgu'\n"
                    "    debgu=2\n"
                    "    ^\n"
                    "    did you mean 'debug'?\n"
                    "t.cfg:3:12: error: cannot load module 'nosuch.so'\n"
                    "    loadmodule \"nosuch.so\"\n"
                    "               ^\n"
                    "t.cfg:5:16: error: module 'tm' has no parameter 'fr_timr'\n"
                    "    modparam(\"tm\", \"fr_timr\", 1)\n"
                    "                   ^\n"
                    "    did you mean 'fr_timer'?\n"
                    "t.cfg:7:6: error: unknown function 't_relai'\n"
                    "    \tif (t_relai()) { exit; }\n"
                    "    \t    ^\n"
                    "    did you mean 't_relay'?\n"
                    "t.cfg:8:11: error: ',' or ')' expected before ';'\n"
                    "      say(\"a\" ;\n"
                    "              ^\n"
                    "t.cfg:9:3: error: $si cannot be set\n"
                    "      $si = 1;\n"
                    "      ^\n"
                    "t.cfg:10:16: error: bad regular expression: missing closing parenthesis\n"
                    "      if ($rU =~ \"(\") exit;\n"
                    "                   ^\n"
                    "t.cfg:11:13: error: argument 'methods': 'Foo' is no method\n"
                    "      is_method(\"INVITE|Foo\");\n"
                    "                ^\n"
                    "t.cfg:12:3: error: t_relay() takes 0 to 1 arguments, not 2\n"
                    "      t_relay(1,2);\n"
                    "      ^\n"
                    "t.cfg:13:3: error: unknown variable '$rX'\n"
                    "      $rX = 5;\n"
                    "      ^\n"
                    "    did you mean '$rU'?\n"),
        harness.rendered);
  }

  void missing_semicolon_is_shown_where_it_is_missing() {
    ScriptHarness harness;
    harness.run("exit\nsay(\"b\");\nsay(\"a\") say(\"c\");");
    CPPUNIT_ASSERT_EQUAL(std::string("t.cfg:2:5: error: ';' expected\n"
                                     "    exit\n"
                                     "        ^\n"
                                     "t.cfg:4:10: error: ';' expected before 'say'\n"
                                     "    say(\"a\") say(\"c\");\n"
                                     "             ^\n"),
                         harness.rendered);
  }

  void mistakes_inside_a_text_are_pointed_at() {
    ScriptHarness harness;
    harness.run("say(\"from $sj\");\nsay(\"$(rU{s.lne})\");\nsay(\"5$\");\n$var(x) = $avp();");
    CPPUNIT_ASSERT_EQUAL(std::string("t.cfg:2:11: error: unknown variable '$sj'\n"
                                     "    say(\"from $sj\");\n"
                                     "              ^\n"
                                     "    did you mean '$si'?\n"
                                     "t.cfg:3:11: error: unknown transformation '{s.lne}'\n"
                                     "    say(\"$(rU{s.lne})\");\n"
                                     "              ^\n"
                                     "    did you mean 's.len'?\n"
                                     "t.cfg:4:7: error: a dollar must begin a variable\n"
                                     "    say(\"5$\");\n"
                                     "          ^\n"
                                     "    write $$ for the sign itself\n"
                                     "t.cfg:5:16: error: the name in $avp() is empty\n"
                                     "    $var(x) = $avp();\n"
                                     "                   ^\n"),
                         harness.rendered);
  }

  void mistakes_at_the_top_of_a_file() {
    ScriptHarness harness;
    CPPUNIT_ASSERT(
        !harness.compile_text("lodmodule \"tm.so\"\n"
                              "}\n"
                              "port=abc\n"
                              "listen=udp:1.2.3.4:99999\n"
                              "modparam(\"acc\", \"x\", 1)\n"
                              "modparam(\"tm\", \"fr_timer\", DBURL)\n"
                              "route[A] { exit; }\n"
                              "route[A] { exit; }\n"));
    CPPUNIT_ASSERT_EQUAL(std::string("t.cfg:1:1: error: 'lodmodule' begins nothing that is known here\n"
                                     "    lodmodule \"tm.so\"\n"
                                     "    ^\n"
                                     "    did you mean 'loadmodule'?\n"
                                     "t.cfg:2:1: error: this '}' closes nothing\n"
                                     "    }\n"
                                     "    ^\n"
                                     "t.cfg:3:6: error: 'port' wants a number\n"
                                     "    port=abc\n"
                                     "         ^\n"
                                     "t.cfg:4:8: error: '1.2.3.4:99999' is no address\n"
                                     "    listen=udp:1.2.3.4:99999\n"
                                     "           ^\n"
                                     "    write it as udp:127.0.0.1:5060, udp:[::1]:5060 or udp:eth0:5060\n"
                                     "t.cfg:5:10: error: module 'acc' is not loaded\n"
                                     "    modparam(\"acc\", \"x\", 1)\n"
                                     "             ^\n"
                                     "t.cfg:6:28: error: 'DBURL' is neither a number nor a text, and it is "
                                     "not defined\n"
                                     "    modparam(\"tm\", \"fr_timer\", DBURL)\n"
                                     "                               ^\n"
                                     "    put it in quotes, or give it a value with #!define\n"
                                     "t.cfg:8:7: error: route[A] is defined twice\n"
                                     "    route[A] { exit; }\n"
                                     "          ^\n"
                                     "    the first is at t.cfg:7:1\n"),
                         harness.rendered);
  }

  void at_most_fifty_are_shown() {
    std::string statements;
    for (int i = 0; i < 60; ++i) statements += "nosuch();\n";
    ScriptHarness harness;
    harness.run(statements);
    CPPUNIT_ASSERT_EQUAL(std::size_t{60}, harness.error_count);
    CPPUNIT_ASSERT(harness.rendered.ends_with("... and 10 more\n"));
  }

  void missing_file_is_one_mistake() {
    Diagnostics diagnostics;
    const ConfigTree tree = load_file("/nonexistent/lockstep.cfg", {}, diagnostics);
    CPPUNIT_ASSERT(tree.items.empty());
    CPPUNIT_ASSERT_EQUAL(
        std::string("/nonexistent/lockstep.cfg: error: cannot read this file: No such file or directory\n"),
        diagnostics.render());
  }

  void unclosed_block_is_shown_at_its_start() {
    ScriptHarness harness;
    CPPUNIT_ASSERT(
        !harness.compile_text("request_route {\n  if (1) {\n    say(\"a\");\n}\nroute[B] { exit; }\n"));
    CPPUNIT_ASSERT_EQUAL(std::string("t.cfg:1:15: error: this block is never closed\n"
                                     "    request_route {\n"
                                     "                  ^\n"
                                     "    a '}' is missing\n"),
                         harness.rendered);
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(DiagnosticsTest);

}  // namespace
}  // namespace lockstep::script::test
