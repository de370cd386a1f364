// sl_test.cc: replies with and without a transaction.
#include <cppunit/extensions/HelperMacros.h>

#include "test/unit/modules/script_fixture.h"

extern "C" lockstep::worker::Module* lockstep_module();

namespace lockstep::test {
namespace {

using Texts = std::vector<std::string>;

class SlTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(SlTest);
  CPPUNIT_TEST(sl_send_reply_is_stateless_always);
  CPPUNIT_TEST(send_reply_is_stateful_where_there_is_a_transaction);
  CPPUNIT_TEST(a_reply_needs_a_status);
  CPPUNIT_TEST(an_error_reply_says_what_failed);
  CPPUNIT_TEST(replies_belong_to_requests);
  CPPUNIT_TEST(what_the_engine_says_is_what_the_script_gets);
  CPPUNIT_TEST_SUITE_END();

  static Outcome run(const std::string& script, bool has_transaction = false, int result = 1) {
    ScriptFixture fixture(lockstep_module(), script);
    CPPUNIT_ASSERT_MESSAGE(fixture.mistakes(), fixture.compiles());
    fixture.transactions().has = has_transaction;
    fixture.transactions().result = result;
    return fixture.run(kInvite);
  }

 public:
  void sl_send_reply_is_stateless_always() {
    const char* script = "sl_send_reply(\"404\", \"Not Here\"); sl_send_reply(200, \"OK\");";
    const Texts expected{"stateless_reply 404 Not Here", "stateless_reply 200 OK"};
    CPPUNIT_ASSERT(run(script).calls == expected);
    CPPUNIT_ASSERT(run(script, true).calls == expected);
  }

  void send_reply_is_stateful_where_there_is_a_transaction() {
    const char* script = "send_reply(\"404\", \"Not Here\");";
    CPPUNIT_ASSERT(run(script).calls == Texts{"stateless_reply 404 Not Here"});
    CPPUNIT_ASSERT(run(script, true).calls == Texts{"reply 404 Not Here"});
  }

  void a_reply_needs_a_status() {
    const Outcome outcome = run(
        "if (!sl_send_reply(\"99\", \"x\")) note(\"99\"); if (!send_reply(\"700\", \"x\")) note(\"700\");");
    CPPUNIT_ASSERT(outcome.notes == (Texts{"99", "700"}));
    CPPUNIT_ASSERT(outcome.calls.empty());
  }

  void an_error_reply_says_what_failed() {
    const char* script = "sl_reply_error(); send_reply_error();";
    CPPUNIT_ASSERT(run(script).calls == (Texts{"stateless_reply 500 Server Internal Error",
                                               "stateless_reply 500 Server Internal Error"}));
    ScriptFixture fixture(lockstep_module(), "sl_reply_error();");
    fixture.transactions().has = true;
    fixture.prepare = [](worker::ScriptContext& context) { context.last_error = {478, "No Such Place"}; };
    CPPUNIT_ASSERT(fixture.run(kInvite).calls == Texts{"reply 478 No Such Place"});
  }

  void replies_belong_to_requests() {
    for (const char* name :
         {"sl_send_reply(\"200\", \"OK\")", "send_reply(\"200\", \"OK\")", "sl_reply_error()"}) {
      const std::string statement = std::string(name) + ";";
      ScriptFixture wrong(lockstep_module(),
                          "request_route { exit; }\nonreply_route[r] { " + statement + " }");
      CPPUNIT_ASSERT_MESSAGE(name, !wrong.compiles());
      ScriptFixture right(lockstep_module(),
                          "request_route { exit; }\nfailure_route[f] { " + statement + " }");
      CPPUNIT_ASSERT_MESSAGE(right.mistakes(), right.compiles());
    }
  }

  void what_the_engine_says_is_what_the_script_gets() {
    CPPUNIT_ASSERT(run("if (!sl_send_reply(\"200\", \"OK\")) note(\"not sent\");", false, -1).notes ==
                   Texts{"not sent"});
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(SlTest);

}  // namespace
}  // namespace lockstep::test
