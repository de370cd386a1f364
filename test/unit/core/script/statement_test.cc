// statement_test.cc: control flow, return values, calls and assignment.
#include <cppunit/extensions/HelperMacros.h>

#include "test/unit/core/script/script_harness.h"

namespace lockstep::script::test {
namespace {

class StatementTest : public CPPUNIT_NS::TestFixture {
  CPPUNIT_TEST_SUITE(StatementTest);
  CPPUNIT_TEST(if_else_chains_with_and_without_braces);
  CPPUNIT_TEST(switch_falls_through_and_breaks);
  CPPUNIT_TEST(switch_labels_of_every_kind);
  CPPUNIT_TEST(while_breaks_and_is_bounded);
  CPPUNIT_TEST(routes_may_be_defined_later_and_computed);
  CPPUNIT_TEST(value_of_a_route);
  CPPUNIT_TEST(value_of_a_call);
  CPPUNIT_TEST(exit_drop_and_zero_end_the_script);
  CPPUNIT_TEST(recursion_is_bounded);
  CPPUNIT_TEST(missing_route_is_a_mistake_where_it_is_called);
  CPPUNIT_TEST(missing_route_that_is_only_named_warns_and_is_empty);
  CPPUNIT_TEST(kinds_of_routes_are_found_by_name);
  CPPUNIT_TEST(functions_are_refused_in_the_wrong_kind_of_route);
  CPPUNIT_TEST(arguments_of_every_type);
  CPPUNIT_TEST(variables_keep_their_values_between_runs);
  CPPUNIT_TEST_SUITE_END();

  // $rc after route(X), whose body is given.
  std::string value_of_route(const std::string& body) {
    return ScriptHarness().run("route(X); say(\"$rc\");",
                               "route[X] {" + body + "}\nroute[Y] { return -7; }\n");
  }

 public:
  void if_else_chains_with_and_without_braces() {
    ScriptHarness harness;
    const std::string chain =
        "if ($var(x)==1) say(\"one\"); else if ($var(x)==2) { say(\"two\"); } else say(\"more\");";
    CPPUNIT_ASSERT_EQUAL(std::string("one"), harness.run("$var(x)=1;" + chain));
    CPPUNIT_ASSERT_EQUAL(std::string("two"), harness.run("$var(x)=2;" + chain));
    CPPUNIT_ASSERT_EQUAL(std::string("more"), harness.run("$var(x)=3;" + chain));
    CPPUNIT_ASSERT_EQUAL(std::string("b"), harness.run("if (1) if (0) say(\"a\"); else say(\"b\");"));
    CPPUNIT_ASSERT_EQUAL(std::string("c"), harness.run("if (uri==myself) {} ; { say(\"c\"); }"));
    CPPUNIT_ASSERT_EQUAL(std::string(""), harness.run("if (uri==myself) return; say(\"no\");"));
  }

  void switch_falls_through_and_breaks() {
    const std::string body =
        "switch ($var(x)) { case 1: say(\"1\"); case 2: say(\"2\"); break; case -3: case 4: say(\"4\"); "
        "break;"
        " default: say(\"d\"); }";
    const std::pair<const char*, const char*> kRows[] = {
        {"1", "12"}, {"2", "2"}, {"-3", "4"}, {"4", "4"}, {"9", "d"}};
    for (const auto& [value, expected] : kRows) {
      CPPUNIT_ASSERT_EQUAL(std::string(expected),
                           ScriptHarness().run("$var(x)=" + std::string(value) + ";" + body));
    }
    CPPUNIT_ASSERT_EQUAL(std::string("d1"),
                         ScriptHarness().run("switch (9) { default: say(\"d\"); case 1: say(\"1\"); }"));
  }

  void switch_labels_of_every_kind() {
    ScriptHarness harness;
    CPPUNIT_ASSERT_EQUAL(std::string("t"),
                         harness.run("switch ($rU) { case \"al\": case \"bob\": say(\"t\"); }"));
    CPPUNIT_ASSERT_EQUAL(std::string("r"), harness.run("switch ($rU) { case /\"^b\": say(\"r\"); }"));
    CPPUNIT_ASSERT_EQUAL(
        std::string("d"),
        harness.run("switch ($rU) { case /\"^B\": say(\"r\"); break; default: say(\"d\"); }"));
    CPPUNIT_ASSERT_EQUAL(std::string("n"), harness.run("switch ($nothing) { case 0: say(\"n\"); }"));
    CPPUNIT_ASSERT_EQUAL(std::string("5"),
                         harness.run("$var(s)=\"05\"; switch ($var(s)) { case 5: say(\"5\"); }"));
  }

  void while_breaks_and_is_bounded() {
    ScriptHarness harness;
    CPPUNIT_ASSERT_EQUAL(std::string("3"), harness.run("$var(i)=0; while ($var(i)<9) { $var(i)=$var(i)+1;"
                                                       " if ($var(i)==3) break; } say(\"$var(i)\");"));
    CPPUNIT_ASSERT_EQUAL(std::string("5"),
                         harness.run("$var(i)=0; while ($var(i)<5) { $var(i)=$var(i)+1;"
                                     " switch ($var(i)) { case 3: break; } } say(\"$var(i)\");"));
    CPPUNIT_ASSERT_EQUAL(std::string("100"),
                         harness.run("$var(i)=0; while (1) $var(i)=$var(i)+1; say(\"$var(i)\");"));
    CPPUNIT_ASSERT_EQUAL(
        std::string("7"),
        harness.run("$var(i)=0; while (1) $var(i)=$var(i)+1; say(\"$var(i)\");", "max_while_loops=7"));
    CPPUNIT_ASSERT_EQUAL(std::string("w"),
                         harness.run("$var(i)=-1; while ($var(i)) { say(\"w\"); $var(i)=0; }"));
  }

  void routes_may_be_defined_later_and_computed() {
    ScriptHarness harness;
    const std::string more =
        "route[A] { say(\"a\"); route(B:c-d); }\nroute[B:c-d] { say(\"b\"); }\nroute[7] { say(\"7\"); }\n";
    CPPUNIT_ASSERT_EQUAL(std::string("ab"), harness.run("route(A);", more));
    CPPUNIT_ASSERT_EQUAL(std::string("7"), harness.run("route(7);", more));
    CPPUNIT_ASSERT_EQUAL(std::string("ab"), harness.run("route(\"A\");", more));
    CPPUNIT_ASSERT_EQUAL(std::string("ab"), harness.run("$var(r)=\"A\"; route($var(r));", more));
    CPPUNIT_ASSERT_EQUAL(
        std::string("b-1"),
        harness.run("$var(r)=\"c-d\"; route(\"B:\" + $var(r)); route(\"no\" + 1); say(\"$rc\");", more));
  }

  void value_of_a_route() {
    const std::pair<const char*, const char*> kRows[] = {
        {"", "1"},
        {"return;", "1"},
        {"returns(-1); return;", "r1"},
        {"return 5;", "5"},
        {"return(5);", "5"},
        {"return -1;", "-1"},
        {"return $var(a)+7;", "7"},
        {"returns(-1);", "r-1"},
        {"returns(-1); $var(a)=1;", "r1"},
        {"if (returns(-1)) { $var(a)=1; }", "r1"},
        {"if (returns(1)) { returns(-3); }", "rr-3"},
        {"while (1) { return 8; } return 9;", "8"},
        {"switch (1) { case 1: $var(a)=1; break; }", "0"},
        {"switch (1) { case 1: $var(a)=1; break; } $var(a)=2;", "1"},
        {"switch (1) { case 2: $var(a)=1; }", "-5"},
        {"while (0) { returns(1); }", "1"},
        {"route(Y);", "-7"},
        {"$var(a)=7/$nothing;", "-1"},
    };
    for (const auto& [body, expected] : kRows) {
      CPPUNIT_ASSERT_EQUAL_MESSAGE(body, std::string(expected), value_of_route(body));
    }
  }

  // As a part of an expression a call is 0 or 1; assigned, it is what it returned.
  void value_of_a_call() {
    ScriptHarness harness;
    const std::string more = "route[FIVE] { return 5; }\nroute[NO] { return -1; }\n";
    CPPUNIT_ASSERT_EQUAL(std::string("5 5"),
                         harness.run("$var(r)=route(FIVE); say(\"$var(r) $retcode\");", more));
    CPPUNIT_ASSERT_EQUAL(std::string("-1"), harness.run("$var(r)=route(NO); say(\"$var(r)\");", more));
    CPPUNIT_ASSERT_EQUAL(std::string("-1"), harness.run("$var(r)=-route(FIVE); say(\"$var(r)\");", more));
    CPPUNIT_ASSERT_EQUAL(std::string("y"), harness.run("if (route(FIVE)==1) say(\"y\");", more));
    CPPUNIT_ASSERT_EQUAL(std::string("y"), harness.run("if (!route(NO)) say(\"y\");", more));
    CPPUNIT_ASSERT_EQUAL(std::string("r-4 -4 -4"), harness.run("returns(-4); say(\"$rc $? $retcode\");"));
    CPPUNIT_ASSERT_EQUAL(
        std::string("y"),
        harness.run("if (is_method(\"ACK|INVITE\") and not is_method(\"BYE\")) say(\"y\");"));
  }

  void exit_drop_and_zero_end_the_script() {
    ScriptHarness harness;
    CPPUNIT_ASSERT_EQUAL(std::string("a"), harness.run("say(\"a\"); exit; say(\"b\");"));
    CPPUNIT_ASSERT(harness.last_control == Control::kExit);
    CPPUNIT_ASSERT_EQUAL(std::string("a"), harness.run("say(\"a\"); if (1) { drop; } say(\"b\");"));
    CPPUNIT_ASSERT(harness.last_control == Control::kDrop);
    CPPUNIT_ASSERT_EQUAL(std::string("r"), harness.run("returns(0); say(\"b\");"));
    CPPUNIT_ASSERT(harness.last_control == Control::kExit);
    CPPUNIT_ASSERT_EQUAL(std::string(),
                         harness.run("if (route(Z)) say(\"b\"); say(\"c\");", "route[Z] { return 0; }"));
    CPPUNIT_ASSERT(harness.last_control == Control::kExit);
    CPPUNIT_ASSERT_EQUAL(std::string(),
                         harness.run("while (1) { switch (1) { case 1: exit(); } } say(\"c\");"));
    CPPUNIT_ASSERT_EQUAL(std::string("c"),
                         harness.run("route(R); say(\"c\");", "route[R] { return; say(\"x\"); }"));
    CPPUNIT_ASSERT(harness.last_control == Control::kNone);
  }

  void recursion_is_bounded() {
    ScriptHarness harness;
    CPPUNIT_ASSERT_EQUAL(std::string("99"), harness.run("$var(d)=0; route(D); say(\"$var(d)\");",
                                                        "route[D] { $var(d)=$var(d)+1; route(D); }"));
  }

  void missing_route_is_a_mistake_where_it_is_called() {
    ScriptHarness harness;
    CPPUNIT_ASSERT_EQUAL(std::string("ERROR t.cfg:2:7: error: there is no route[RELY]\n"
                                     "    route(RELY); say(\"$rc\");\n"
                                     "          ^\n"
                                     "    did you mean 'RELAY'?\n"),
                         harness.run("route(RELY); say(\"$rc\");", "route[RELAY] { exit; }"));
  }

  void missing_route_that_is_only_named_warns_and_is_empty() {
    ScriptHarness harness;
    CPPUNIT_ASSERT_EQUAL(std::string("1"), harness.run("t_on_failure(\"FAIL\"); say(\"$rc\");",
                                                       "failure_route[FALL] { exit; }"));
    CPPUNIT_ASSERT_EQUAL(
        std::string("t.cfg:2:14: warning: there is no failure_route[FAIL]; it counts as empty\n"
                    "    t_on_failure(\"FAIL\"); say(\"$rc\");\n"
                    "                 ^\n"
                    "    did you mean 'FALL'?\n"),
        harness.rendered);
  }

  void kinds_of_routes_are_found_by_name() {
    ScriptHarness harness;
    CPPUNIT_ASSERT(harness.compile_text(
        "loadmodule \"tm.so\"\nroute { say(\"m\"); }\nbranch_route[B] { say(\"b\"); }\nonreply_route { "
        "say(\"c\"); }\n"
        "onreply_route[R] { say(\"r\"); }\nfailure_route[F] { say(\"f\"); }\n"
        "event_route[tm:local-request] { say(\"e\"); }\nevent_route[tm:branch-failure:X] { say(\"x\"); }\n"
        "onsend_route { say(\"o\"); }\nroute[S] { say(\"s\"); }\n"));
    CPPUNIT_ASSERT_EQUAL(std::string(), harness.rendered);
    CPPUNIT_ASSERT_EQUAL(std::string("m"), harness.run_route(RouteKind::kRequest, ""));
    CPPUNIT_ASSERT_EQUAL(std::string("s"), harness.run_route(RouteKind::kRequest, "S"));
    CPPUNIT_ASSERT_EQUAL(std::string("b"), harness.run_route(RouteKind::kBranch, "B"));
    CPPUNIT_ASSERT_EQUAL(std::string("c"), harness.run_route(RouteKind::kCoreReply, ""));
    CPPUNIT_ASSERT_EQUAL(std::string("r"), harness.run_route(RouteKind::kOnReply, "R"));
    CPPUNIT_ASSERT_EQUAL(std::string("f"), harness.run_route(RouteKind::kFailure, "F"));
    CPPUNIT_ASSERT_EQUAL(std::string("e"), harness.run_route(RouteKind::kEvent, "tm:local-request"));
    CPPUNIT_ASSERT_EQUAL(std::string("x"), harness.run_route(RouteKind::kBranchFailure, "X"));
    CPPUNIT_ASSERT_EQUAL(std::string("o"), harness.run_route(RouteKind::kOnSend, ""));
    CPPUNIT_ASSERT(harness.program->find_route(RouteKind::kFailure, "B") == kNoRoute);
  }

  void functions_are_refused_in_the_wrong_kind_of_route() {
    ScriptHarness harness;
    CPPUNIT_ASSERT_EQUAL(
        std::string("ERROR t.cfg:2:1: error: t_check_status() cannot be called from this kind of route, "
                    "only from onreply_route, failure_route\n"
                    "    t_check_status(\"486\");\n"
                    "    ^\n"),
        harness.run("t_check_status(\"486\");"));
    // In a route that others call it is known only when it runs.
    CPPUNIT_ASSERT_EQUAL(std::string("-1"),
                         harness.run("route(C); say(\"$rc\");", "route[C] { t_check_status(\"486\"); }"));
    CPPUNIT_ASSERT(harness.compile_text("failure_route[F] { if (t_check_status(\"486\")) say(\"ok\"); }"));
    CPPUNIT_ASSERT_EQUAL(std::string("ok"), harness.run_route(RouteKind::kFailure, "F"));
  }

  void arguments_of_every_type() {
    ScriptHarness harness;
    CPPUNIT_ASSERT_EQUAL(std::string("to bob:5060 $ <null>"),
                         harness.run("say(\"to $rU:$sp $$ $nothing\");"));
    CPPUNIT_ASSERT_EQUAL(std::string("bobx"), harness.run("say($rU + \"x\");"));
    CPPUNIT_ASSERT_EQUAL(std::string("<null>"), harness.run("say($nothing);"));
    CPPUNIT_ASSERT_EQUAL(std::string("9"), harness.run("say(4+5);"));
    CPPUNIT_ASSERT_EQUAL(std::string("y"), harness.run("if (starts(\"$rU\",\"bo\")) say(\"y\");"));
    CPPUNIT_ASSERT_EQUAL(std::string("y"), harness.run("if (search(\"^subject: h.*\")) say(\"y\");"));
    CPPUNIT_ASSERT_EQUAL(std::string("rrr7"),
                         harness.run("returns(7); returns(\"7\"); returns($sp - 5053); say(\"$rc\");"));
    CPPUNIT_ASSERT_EQUAL(std::string("12"), harness.run("store($var(a), 12); say(\"$var(a)\");"));
    CPPUNIT_ASSERT_EQUAL(std::string("12"), harness.run("store(\"$var(a)\", \"12\"); say(\"$var(a)\");"));
    CPPUNIT_ASSERT_EQUAL(std::string("--a--bab"), harness.run("given(); given(1); given(,1); given(1,1);"));
    harness.run("t_on_failure(\"F\");", "failure_route[F] { exit; }");
    CPPUNIT_ASSERT(harness.armed == harness.program->find_route(RouteKind::kFailure, "F"));
    harness.run("t_on_failure(\"0\");", "failure_route[F] { exit; }");
    CPPUNIT_ASSERT(harness.armed == kNoRoute);
    CPPUNIT_ASSERT_EQUAL(std::string("r3"), harness.run("returns(NAT); say(\"$rc\");", "flags ACC, NAT:3"));
  }

  void variables_keep_their_values_between_runs() {
    ScriptHarness harness;
    CPPUNIT_ASSERT_EQUAL(std::string("0"), harness.run("say(\"$var(n)\"); $var(n)=$var(n)+1;"));
    CPPUNIT_ASSERT_EQUAL(std::string("1"), harness.run_route(RouteKind::kRequest, ""));
    CPPUNIT_ASSERT_EQUAL(std::string("abcabc 0"),
                         harness.run("$var(n)=\"abc\"; $var(n)=$var(n)+$var(n); $var(m)=$null;"
                                     " say(\"$var(n) $var(m)\");"));
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(StatementTest);

}  // namespace
}  // namespace lockstep::script::test
