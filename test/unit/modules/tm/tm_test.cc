// tm_test.cc: the functions of tm as scripts call them, serial forking by q, and the parameters' bounds.
#include <cppunit/extensions/HelperMacros.h>

#include "core/worker/tm_settings.h"
#include "modules/tm/contacts.h"
#include "test/unit/modules/script_fixture.h"

extern "C" lockstep::worker::Module* lockstep_module();

namespace lockstep::test {
namespace {

using Texts = std::vector<std::string>;
using script::RouteKind;

class TmTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(TmTest);
  CPPUNIT_TEST(functions_reach_the_transaction);
  CPPUNIT_TEST(a_reply_needs_a_status);
  CPPUNIT_TEST(relay_to_sets_the_next_hop);
  CPPUNIT_TEST(routes_are_armed_and_asked_for);
  CPPUNIT_TEST(status_and_timers_in_a_failure_route);
  CPPUNIT_TEST(functions_are_known_in_their_routes_only);
  CPPUNIT_TEST(a_destination_is_written_and_read_back);
  CPPUNIT_TEST(a_damaged_destination_is_refused);
  CPPUNIT_TEST(contacts_come_in_groups_of_equal_q);
  CPPUNIT_TEST(loading_again_forgets_what_was_left);
  CPPUNIT_TEST(parameters_set_the_settings);
  CPPUNIT_TEST(parameters_out_of_bounds_are_told);
  CPPUNIT_TEST(unserved_parameters_are_known);
  CPPUNIT_TEST_SUITE_END();

  static void compiled(const ScriptFixture& fixture) {
    CPPUNIT_ASSERT_MESSAGE(fixture.mistakes(), fixture.compiles());
  }
  static Outcome run(const std::string& script) {
    ScriptFixture fixture(lockstep_module(), script);
    compiled(fixture);
    return fixture.run(kInvite);
  }
  static std::string mistake(const std::string& settings) {
    ScriptFixture fixture(lockstep_module(), "exit;", settings);
    return fixture.mistakes();
  }
  // "uri | branch branch" after `count` groups were taken of contacts a (1.0), b, c (0.5), d (0.2).
  static std::string group(int count) {
    std::string script =
        "seturi(\"sip:b@10.0.0.2\"); append_branch(\"sip:d@10.0.0.4\", \"0.2\");\n"
        "append_branch(\"sip:a@10.0.0.1\", \"1\"); append_branch(\"sip:c@10.0.0.3\", \"0.5\");\n"
        "if (!t_load_contacts()) note(\"not loaded\");\n";
    for (int i = 0; i < count; ++i) script += "if (!t_next_contacts()) note(\"none\");\n";
    ScriptFixture fixture(lockstep_module(), script);
    compiled(fixture);
    fixture.prepare = [](worker::ScriptContext& context) { context.target.q = 500; };
    const Outcome outcome = fixture.run(kInvite);
    std::string text = outcome.uri + " |";
    for (const std::string& branch : outcome.branches) text += " " + branch;
    for (const std::string& note : outcome.notes) text += " " + note;
    return text;
  }

 public:
  void functions_reach_the_transaction() {
    const Outcome outcome =
        run("t_newtran(); t_check_trans(); t_lookup_request(); t_lookup_cancel(); t_release();\n"
            "t_relay(); t_relay_cancel(); t_reply(\"486\", \"Busy\");");
    const Texts expected{"new",     "check", "check", "lookup_cancel",
                         "release", "relay", "relay", "reply 486 Busy"};
    CPPUNIT_ASSERT(outcome.calls == expected);
  }

  void a_reply_needs_a_status() {
    const Outcome outcome =
        run("if (!t_reply(\"99\", \"x\")) note(\"99\"); if (!t_reply(\"700\", \"x\")) note(\"700\");\n"
            "if (t_reply(\"100\", \"Low\")) note(\"100\"); if (t_reply(699, \"High\")) note(\"699\");");
    CPPUNIT_ASSERT(outcome.notes == (Texts{"99", "700", "100", "699"}));
    CPPUNIT_ASSERT(outcome.calls == (Texts{"reply 100 Low", "reply 699 High"}));
  }

  void relay_to_sets_the_next_hop() {
    const Outcome outcome = run("t_relay_to_udp(\"10.0.0.7\", \"5080\");");
    CPPUNIT_ASSERT_EQUAL(std::string("sip:10.0.0.7:5080"), outcome.next_hop);
    CPPUNIT_ASSERT(outcome.calls == Texts{"relay"});
  }

  void routes_are_armed_and_asked_for() {
    const Outcome outcome = run(
        "request_route {\n"
        "if (!t_is_set(\"failure_route\")) note(\"not yet\");\n"
        "t_on_failure(\"f\"); t_on_branch(\"b\"); t_on_reply(\"r\");\n"
        "if (t_is_set(\"failure_route\") && t_is_set(\"branch_route\") && t_is_set(\"onreply_route\"))\n"
        "note(\"all\"); }\n"
            "failure_route[f] { exit; } branch_route[b] { exit; } onreply_route[r] { exit; }");
    CPPUNIT_ASSERT(outcome.notes == (Texts{"not yet", "all"}));
    ScriptFixture wrong(lockstep_module(), "t_on_failure(\"missing\");");
    CPPUNIT_ASSERT_MESSAGE(wrong.mistakes(), wrong.mistakes().find("missing") != std::string::npos);
  }

  void status_and_timers_in_a_failure_route() {
    ScriptFixture fixture(lockstep_module(),
                          "request_route { exit; }\nfailure_route[f] {\n"
                          "if (t_check_status(\"486|600\")) note(\"busy\");\n"
                          "if (t_check_status(\"^4\")) note(\"4xx\");\n"
                          "if (t_is_canceled()) note(\"cancelled\"); if (t_is_expired()) note(\"expired\");\n"
                          "if (t_any_replied()) note(\"replied\");\n"
                          "t_set_fr(5000, 700); note(\"$T_branch_idx\"); }");
    compiled(fixture);
    fixture.transactions().winning_status = 486;
    fixture.prepare = [](worker::ScriptContext& context) { context.branch_index = 2; };
    Outcome outcome = fixture.run(kInvite, RouteKind::kFailure, "f");
    CPPUNIT_ASSERT(outcome.notes == (Texts{"busy", "4xx", "replied", "2"}));
    CPPUNIT_ASSERT(outcome.calls == Texts{"set_timers 5000 700"});
    fixture.transactions().winning_status = 0;
    fixture.transactions().cancelled = true;
    outcome = fixture.run(kInvite, RouteKind::kFailure, "f");
    CPPUNIT_ASSERT(outcome.notes == (Texts{"cancelled", "2"}));
  }

  void functions_are_known_in_their_routes_only() {
    for (const char* script : {"request_route { t_cancel_branches(\"all\"); }",
                               "request_route { exit; } onreply_route[r] { t_relay(); }",
                               "request_route { exit; } failure_route[r] { t_newtran(); }",
                               "request_route { t_is_set(\"no_route\"); }"}) {
      ScriptFixture fixture(lockstep_module(), script);
      CPPUNIT_ASSERT_MESSAGE(script, !fixture.compiles());
    }
  }

  void a_destination_is_written_and_read_back() {
    ScriptFixture fixture(lockstep_module(), "exit;");
    compiled(fixture);
    fixture.inspect = [](worker::ScriptContext& context) {
      worker::Destination given;
      given.uri = "sip:a@10.0.0.1;x=y";
      given.next_hop = "sip:10.0.0.2";
      given.path = "<sip:10.0.0.3;lr>, <sip:10.0.0.4;lr>";
      given.instance = "<urn:uuid:1>";
      given.ruid = "r-1";
      given.flags = 0xffffffff;
      given.q = 1000;
      given.socket = worker::kNoSocket;
      for (int i = 0; i < 2; ++i) {
        const std::string text(tm::encode(context, given));
        worker::Destination back;
        CPPUNIT_ASSERT(tm::decode(text, back));
        CPPUNIT_ASSERT(back.uri == given.uri && back.next_hop == given.next_hop && back.path == given.path);
        CPPUNIT_ASSERT(back.instance == given.instance && back.ruid == given.ruid);
        CPPUNIT_ASSERT(back.flags == given.flags && back.q == given.q && back.socket == given.socket);
        given = worker::Destination{};  // And one with nothing in it.
      }
    };
    static_cast<void>(fixture.run(kInvite));
  }

  void a_damaged_destination_is_refused() {
    worker::Destination destination;
    for (const char* text : {"", "1000", "1000\n0\n0\nsip:a@b\n\n\n"}) {
      CPPUNIT_ASSERT_MESSAGE(text, !tm::decode(text, destination));
    }
  }

  void contacts_come_in_groups_of_equal_q() {
    CPPUNIT_ASSERT_EQUAL(std::string("sip:a@10.0.0.1 |"), group(1));
    CPPUNIT_ASSERT_EQUAL(std::string("sip:b@10.0.0.2 | sip:c@10.0.0.3"), group(2));
    CPPUNIT_ASSERT_EQUAL(std::string("sip:d@10.0.0.4 |"), group(3));
    CPPUNIT_ASSERT_EQUAL(std::string("sip:d@10.0.0.4 | none"), group(4));
  }

  void loading_again_forgets_what_was_left() {
    const Outcome outcome =
        run("append_branch(\"sip:z@10.0.0.9\", \"0.1\"); t_load_contacts(); t_next_contacts();\n"
            "seturi(\"sip:new@10.0.0.8\"); t_load_contacts(); t_next_contacts();\n"
            "if (!t_next_contacts()) note(\"none\");");
    CPPUNIT_ASSERT(outcome.notes == Texts{"none"});
    CPPUNIT_ASSERT_EQUAL(std::string("sip:new@10.0.0.8"), outcome.uri);
    CPPUNIT_ASSERT(outcome.branches.empty());
  }

  void parameters_set_the_settings() {
    ScriptFixture fixture(
        lockstep_module(), "exit;",
        "modparam(\"tm\", \"fr_timer\", 5000)\nmodparam(\"tm\", \"fr_inv_timer\", 60000)\n"
        "modparam(\"tm\", \"retr_timer1\", 250)\nmodparam(\"tm\", \"retr_timer2\", 2000)\n"
        "modparam(\"tm\", \"failure_reply_mode\", 3)\nmodparam(\"tm\", \"auto_inv_100\", 0)\n"
        "modparam(\"tm\", \"auto_inv_100_reason\", \"Trying\")\n"
        "modparam(\"tm\", \"local_cancel_reason\", 0)\n");
    compiled(fixture);
    worker::TmSettings* settings = fixture.interfaces().find<worker::TmSettings>();
    CPPUNIT_ASSERT(settings != nullptr);
    CPPUNIT_ASSERT_EQUAL(5000u, settings->timers.fr_timer.value);
    CPPUNIT_ASSERT_EQUAL(60000u, settings->timers.fr_inv_timer.value);
    CPPUNIT_ASSERT_EQUAL(250u, settings->timers.t1.value);
    CPPUNIT_ASSERT_EQUAL(2000u, settings->timers.t2.value);
    CPPUNIT_ASSERT_EQUAL(3, int{settings->timers.failure_reply_mode});
    CPPUNIT_ASSERT(!settings->timers.respond_100 && !settings->reason_in_cancel);
    CPPUNIT_ASSERT_EQUAL(std::string("Trying"), settings->trying_reason);
    *settings = worker::TmSettings{};
  }

  void parameters_out_of_bounds_are_told() {
    const struct {
      const char* setting;
      const char* text;
    } rows[] = {
        {"modparam(\"tm\", \"fr_timer\", 0)", "1 to 86400000 milliseconds are expected"},
        {"modparam(\"tm\", \"fr_inv_timer\", 86400001)", "1 to 86400000 milliseconds are expected"},
        {"modparam(\"tm\", \"failure_reply_mode\", 4)", "0 to 3 is expected"},
        {"modparam(\"tm\", \"contacts_avp\", \"\")", "a name is expected"},
        {"modparam(\"tm\", \"fr_timr\", 5)", "fr_timer"},
    };
    for (const auto& row : rows) {
      const std::string report = mistake(row.setting);
      CPPUNIT_ASSERT_MESSAGE(report, report.find(row.text) != std::string::npos);
      CPPUNIT_ASSERT_MESSAGE(report, report.find("test.cfg:2:") != std::string::npos);
    }
  }

  void unserved_parameters_are_known() {
    for (const char* setting :
         {"modparam(\"tm\", \"wt_timer\", 5000)", "modparam(\"tm\", \"default_reason\", \"x\")"}) {
      ScriptFixture fixture(lockstep_module(), "exit;", setting);
      compiled(fixture);
    }
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(TmTest);

}  // namespace
}  // namespace lockstep::test
