// tmx_test.cc: which route runs, the variables of the transaction, and branches cancelled by the script.
#include <cppunit/extensions/HelperMacros.h>

#include "test/unit/modules/script_fixture.h"

extern "C" lockstep::worker::Module* lockstep_module();

namespace lockstep::test {
namespace {

using Texts = std::vector<std::string>;
using script::RouteKind;

constexpr std::string_view kRinging = R"(
SIP/2.0 180 Ringing
Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK1
From: <sip:alice@example.com>;tag=a1
To: <sip:bob@example.com>;tag=b1
Call-ID: call-1@10.1.1.1
CSeq: 7 INVITE
Content-Length: 0

)";

class TmxTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(TmxTest);
  CPPUNIT_TEST(each_kind_of_route_knows_itself);
  CPPUNIT_TEST(no_request_is_worked_twice_at_once);
  CPPUNIT_TEST(variables_tell_of_the_transaction);
  CPPUNIT_TEST(branches_are_cancelled_from_a_reply_route);
  CPPUNIT_TEST_SUITE_END();

 public:
  void each_kind_of_route_knows_itself() {
    const std::string asks =
        "if (t_is_request_route()) note(\"request\"); if (t_is_branch_route()) note(\"branch\");\n"
        "if (t_is_failure_route()) note(\"failure\"); if (t_is_reply_route()) note(\"reply\");\n";
    ScriptFixture fixture(lockstep_module(), "request_route {\n" + asks + "}\nbranch_route[b] {\n" + asks +
                                                 "}\nfailure_route[f] {\n" + asks +
                                                 "}\nonreply_route[r] {\n" + asks + "}\n");
    CPPUNIT_ASSERT_MESSAGE(fixture.mistakes(), fixture.compiles());
    CPPUNIT_ASSERT(fixture.run(kInvite).notes == Texts{"request"});
    CPPUNIT_ASSERT(fixture.run(kInvite, RouteKind::kBranch, "b").notes == Texts{"branch"});
    CPPUNIT_ASSERT(fixture.run(kInvite, RouteKind::kFailure, "f").notes == Texts{"failure"});
    CPPUNIT_ASSERT(fixture.run(kRinging, RouteKind::kOnReply, "r").notes == Texts{"reply"});
  }

  void no_request_is_worked_twice_at_once() {
    ScriptFixture fixture(lockstep_module(), "if (!t_precheck_trans()) note(\"nobody else\");");
    CPPUNIT_ASSERT_MESSAGE(fixture.mistakes(), fixture.compiles());
    CPPUNIT_ASSERT(fixture.run(kInvite).notes == Texts{"nobody else"});
  }

  void variables_tell_of_the_transaction() {
    ScriptFixture fixture(lockstep_module(), "note(\"$T_reply_code $T_reply_last $T_branch_count\");");
    CPPUNIT_ASSERT_MESSAGE(fixture.mistakes(), fixture.compiles());
    fixture.transactions().winning_status = 486;
    CPPUNIT_ASSERT(fixture.run(kInvite).notes == Texts{"486 486 0"});
  }

  void branches_are_cancelled_from_a_reply_route() {
    ScriptFixture fixture(lockstep_module(),
                          "request_route { exit; }\nonreply_route[r] { t_cancel_branches(\"others\"); }");
    CPPUNIT_ASSERT_MESSAGE(fixture.mistakes(), fixture.compiles());
    CPPUNIT_ASSERT(fixture.run(kRinging, RouteKind::kOnReply, "r").calls == Texts{"cancel_branches others"});
    ScriptFixture wrong(lockstep_module(), "t_cancel_branches(\"others\");");
    CPPUNIT_ASSERT(!wrong.compiles());
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(TmxTest);

}  // namespace
}  // namespace lockstep::test
