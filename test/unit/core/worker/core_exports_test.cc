// core_exports_test.cc: the functions and keywords that scripts have without any module.
#include <cppunit/extensions/HelperMacros.h>

#include "core/worker/request_edit.h"
#include "test/unit/modules/script_fixture.h"

namespace lockstep::test {
namespace {

using Texts = std::vector<std::string>;

// The Request-URI after one statement.
std::string uri_after(const std::string& statement,
                      const std::string& uri = "sip:bob:pw@example.com:5070;lr?h=1") {
  ScriptFixture fixture(nullptr, statement);
  CPPUNIT_ASSERT_MESSAGE(fixture.mistakes(), fixture.compiles());
  std::string message(kInvite);
  message.replace(message.find("sip:bob@example.com"), 19, uri);
  return fixture.run(message).uri;
}

// "yes" or "no" for a condition on kInvite.
std::string test(const std::string& condition) {
  ScriptFixture fixture(nullptr, "if (" + condition + ") note(\"yes\"); else note(\"no\");");
  CPPUNIT_ASSERT_MESSAGE(fixture.mistakes(), fixture.compiles());
  return fixture.run(kInvite).notes.at(0);
}

class CoreExportsTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(CoreExportsTest);
  CPPUNIT_TEST(parts_of_the_request_uri_are_replaced);
  CPPUNIT_TEST(users_are_stripped_and_prefixed);
  CPPUNIT_TEST(a_tel_uri_gets_a_host);
  CPPUNIT_TEST(what_is_no_uri_is_refused);
  CPPUNIT_TEST(keywords_tell_of_a_request);
  CPPUNIT_TEST(keywords_tell_of_a_response);
  CPPUNIT_TEST(myself_is_what_is_listened_on_and_aliases);
  CPPUNIT_TEST(flags_are_0_to_31);
  CPPUNIT_TEST(branches_are_added_and_removed);
  CPPUNIT_TEST(branches_have_a_bound);
  CPPUNIT_TEST(sockets_are_found_by_their_text);
  CPPUNIT_TEST(forward_goes_to_a_host_or_where_the_uri_leads);
  CPPUNIT_TEST(next_hop_is_set_and_cleared);
  CPPUNIT_TEST(rport_is_forced);
  CPPUNIT_TEST(functions_for_connections_are_accepted);
  CPPUNIT_TEST_SUITE_END();

 public:
  void parts_of_the_request_uri_are_replaced() {
    struct Row {
      const char* statement;
      const char* uri;
    };
    const Row rows[] = {
        {"seturi(\"sip:x@y\");", "sip:x@y"},
        {"rewriteuri(\"sip:x@y\");", "sip:x@y"},
        {"setuser(\"carol\");", "sip:carol:pw@example.com:5070;lr?h=1"},
        {"rewriteuser(\"carol\");", "sip:carol:pw@example.com:5070;lr?h=1"},
        {"setuser(\"\");", "sip:example.com:5070;lr?h=1"},
        {"setuserpass(\"a:b\");", "sip:a:b@example.com:5070;lr?h=1"},
        {"sethost(\"10.0.0.9\");", "sip:bob:pw@10.0.0.9:5070;lr?h=1"},
        {"sethost(\"::1\");", "sip:bob:pw@[::1]:5070;lr?h=1"},
        {"sethostport(\"10.0.0.9:5099\");", "sip:bob:pw@10.0.0.9:5099;lr?h=1"},
        {"sethostport(\"[::1]:5099\");", "sip:bob:pw@[::1]:5099;lr?h=1"},
        {"sethostport(\"10.0.0.9\");", "sip:bob:pw@10.0.0.9;lr?h=1"},
        {"sethostall(\"10.0.0.9:5099;a=b\");", "sip:bob:pw@10.0.0.9:5099;a=b?h=1"},
        {"setport(\"5099\");", "sip:bob:pw@example.com:5099;lr?h=1"},
        {"setport(\"\");", "sip:bob:pw@example.com;lr?h=1"},
        {"seturi(\"sip:x@y\"); revert_uri();", "sip:bob:pw@example.com:5070;lr?h=1"},
    };
    for (const Row& row : rows) {
      CPPUNIT_ASSERT_EQUAL_MESSAGE(row.statement, std::string(row.uri), uri_after(row.statement));
    }
  }

  void users_are_stripped_and_prefixed() {
    const std::string uri = "sip:00491234@example.com";
    CPPUNIT_ASSERT_EQUAL(std::string("sip:491234@example.com"), uri_after("strip(2);", uri));
    CPPUNIT_ASSERT_EQUAL(std::string("sip:0049@example.com"), uri_after("strip_tail(4);", uri));
    CPPUNIT_ASSERT_EQUAL(std::string("sip:example.com"), uri_after("strip(8);", uri));
    CPPUNIT_ASSERT_EQUAL(std::string("sip:example.com"), uri_after("strip_tail(99);", uri));
    CPPUNIT_ASSERT_EQUAL(uri, uri_after("strip(-1);", uri));
    CPPUNIT_ASSERT_EQUAL(std::string("sip:+491234@example.com"), uri_after("strip(2); prefix(\"+\");", uri));
    CPPUNIT_ASSERT_EQUAL(std::string("sip:9@example.com"), uri_after("prefix(\"9\");", "sip:example.com"));
  }

  // RFC 3261 19.1.6.
  void a_tel_uri_gets_a_host() {
    CPPUNIT_ASSERT_EQUAL(std::string("sip:+4912@10.0.0.9:5099;user=phone"),
                         uri_after("sethostport(\"10.0.0.9:5099\");", "tel:+4912"));
    CPPUNIT_ASSERT_EQUAL(std::string("sip:12;phone-context=a.b@10.0.0.9;user=phone"),
                         uri_after("sethost(\"10.0.0.9\");", "tel:12;phone-context=a.b"));
    CPPUNIT_ASSERT_EQUAL(std::string("tel:004912"), uri_after("strip(1); prefix(\"00\");", "tel:+4912"));
  }

  void what_is_no_uri_is_refused() {
    const std::string uri = "sip:bob@example.com";
    CPPUNIT_ASSERT_EQUAL(uri, uri_after("seturi(\"no uri\");", uri));
    CPPUNIT_ASSERT_EQUAL(uri, uri_after("setuser(\"a b\");", uri));
    CPPUNIT_ASSERT_EQUAL(uri, uri_after("sethost(\"a>b\");", uri));
    CPPUNIT_ASSERT_EQUAL(uri, uri_after("setport(\"70000\");", uri));
    CPPUNIT_ASSERT_EQUAL(std::string("false"), [] {
      ScriptFixture fixture(nullptr, "if (!seturi(\"no uri\")) note(\"false\");");
      return fixture.run(kInvite).notes.at(0);
    }());
  }

  void keywords_tell_of_a_request() {
    for (const char* condition :
         {"uri==\"sip:bob@example.com\"", "uri=~\"^sip:bob@\"", "from_uri==\"sip:alice@example.com\"",
          "to_uri=~\"bob\"", "src_ip==10.1.1.1", "src_ip==10.1.0.0/16", "src_port==5062", "dst_ip==127.0.0.1",
          "dst_port==5060", "proto==UDP", "af==INET", "method==INVITE", "method==\"INVITE\"",
          "method=~\"INV\"", "msg:len>100", "msg:len<max_len", "uri:host==\"example.com\"", "uri:port==0"}) {
      CPPUNIT_ASSERT_EQUAL_MESSAGE(condition, std::string("yes"), test(condition));
    }
    for (const char* condition :
         {"uri==\"sip:carol@example.com\"", "src_ip==10.1.1.2", "src_ip==10.2.0.0/16", "method==ACK",
          "proto==TCP", "af==INET6", "status==\"200\"", "dst_port==5061"}) {
      CPPUNIT_ASSERT_EQUAL_MESSAGE(condition, std::string("no"), test(condition));
    }
  }

  void keywords_tell_of_a_response() {
    ScriptFixture fixture(nullptr,
                          "request_route { exit; }\nreply_route {\n"
                          "if (status==\"180\") note(\"a\"); if (status=~\"1[0-9][0-9]\") note(\"b\");\n"
                          "if (method==INVITE) note(\"c\"); if (uri==\"x\") note(\"d\"); }\n");
    CPPUNIT_ASSERT_MESSAGE(fixture.mistakes(), fixture.compiles());
    const Outcome outcome = fixture.run(R"(
SIP/2.0 180 Ringing
Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK1
From: <sip:a@b>;tag=1
To: <sip:c@d>;tag=2
Call-ID: x
CSeq: 1 INVITE
Content-Length: 0

)",
                                        script::RouteKind::kCoreReply);
    CPPUNIT_ASSERT(outcome.notes == (Texts{"a", "b", "c"}));
  }

  void myself_is_what_is_listened_on_and_aliases() {
    CPPUNIT_ASSERT_EQUAL(std::string("yes"), test("uri==myself"));  // The alias example.com.
    CPPUNIT_ASSERT_EQUAL(std::string("yes"), test("from_uri==myself"));
    CPPUNIT_ASSERT_EQUAL(std::string("no"), test("src_ip==myself"));
    CPPUNIT_ASSERT_EQUAL(std::string("yes"), test("dst_ip==myself"));
    CPPUNIT_ASSERT_EQUAL(std::string("no"), test("uri!=myself"));
  }

  void flags_are_0_to_31() {
    ScriptFixture fixture(nullptr,
                          "setflag(0); setflag(31); setflag(5); resetflag(5);\n"
                          "if (isflagset(31)) note(\"31\"); if (isflagset(5)) note(\"5\");\n"
                          "if (!setflag(32)) note(\"no 32\"); if (!isflagset(-1)) note(\"no -1\");");
    CPPUNIT_ASSERT_MESSAGE(fixture.mistakes(), fixture.compiles());
    const Outcome outcome = fixture.run(kInvite);
    CPPUNIT_ASSERT_EQUAL(0x80000001U, outcome.flags);
    CPPUNIT_ASSERT(outcome.notes == (Texts{"31", "no 32", "no -1"}));
  }

  void branches_are_added_and_removed() {
    const auto branches = [](const std::string& script) {
      ScriptFixture fixture(nullptr, script);
      CPPUNIT_ASSERT_MESSAGE(fixture.mistakes(), fixture.compiles());
      return fixture.run(kInvite).branches;
    };
    const std::string three =
        "append_branch(\"sip:a@b\"); append_branch(\"sip:c@d\", \"0.5\"); append_branch();";
    CPPUNIT_ASSERT(branches(three) == (Texts{"sip:a@b", "sip:c@d", "sip:bob@example.com"}));
    CPPUNIT_ASSERT(branches(three + "remove_branch(0);") == (Texts{"sip:c@d", "sip:bob@example.com"}));
    CPPUNIT_ASSERT(branches(three + "remove_branch();") == (Texts{"sip:a@b", "sip:c@d"}));
    CPPUNIT_ASSERT(branches(three + "remove_branch(7);") == branches(three));
    CPPUNIT_ASSERT(branches(three + "clear_branches();").empty());
    CPPUNIT_ASSERT(branches("append_branch(\"no uri\");").empty());
    CPPUNIT_ASSERT(branches("append_branch(\"sip:a@b\", \"2\");").empty());
  }

  void branches_have_a_bound() {
    ScriptFixture fixture(nullptr, "while (append_branch(\"sip:a@b\")) { }  note(\"full\");");
    CPPUNIT_ASSERT_MESSAGE(fixture.mistakes(), fixture.compiles());
    const Outcome outcome = fixture.run(kInvite);
    CPPUNIT_ASSERT_EQUAL(worker::kDestinationMax - 1, outcome.branches.size());
    CPPUNIT_ASSERT(outcome.notes == (Texts{"full"}));
  }

  void sockets_are_found_by_their_text() {
    ScriptFixture fixture(nullptr, "if (!force_send_socket(\"udp:127.0.0.2:5070\")) note(\"none\");");
    CPPUNIT_ASSERT_MESSAGE(fixture.mistakes(), fixture.compiles());
    CPPUNIT_ASSERT(fixture.run(kInvite).notes == (Texts{"none"}));
    fixture.add_socket("127.0.0.2", 5070, "second");
    CPPUNIT_ASSERT_EQUAL(std::uint16_t{1}, fixture.run(kInvite).socket);
    CPPUNIT_ASSERT_EQUAL(std::uint16_t{0}, worker::find_socket_text(fixture.names(), "127.0.0.1"));
    CPPUNIT_ASSERT_EQUAL(worker::kNoSocket, worker::find_socket_text(fixture.names(), "tcp:127.0.0.1:5060"));
    CPPUNIT_ASSERT_EQUAL(worker::kNoSocket, worker::find_socket_text(fixture.names(), ""));
  }

  void forward_goes_to_a_host_or_where_the_uri_leads() {
    const auto calls = [](const std::string& script) {
      ScriptFixture fixture(nullptr, script);
      CPPUNIT_ASSERT_MESSAGE(fixture.mistakes(), fixture.compiles());
      return fixture.run(kInvite).calls;
    };
    CPPUNIT_ASSERT(calls("forward();") == (Texts{"forward "}));
    CPPUNIT_ASSERT(calls("forward(\"10.0.0.9\", \"5070\");") == (Texts{"forward sip:10.0.0.9:5070"}));
    CPPUNIT_ASSERT(calls("forward(\"a b\");").empty());
  }

  void next_hop_is_set_and_cleared() {
    ScriptFixture fixture(nullptr,
                          "setdsturi(\"sip:10.0.0.9\"); if (isdsturiset()) note(\"set\");\n"
                          "resetdsturi(); if (!isdsturiset()) note(\"clear\"); setdsturi(\"bad uri\");");
    CPPUNIT_ASSERT_MESSAGE(fixture.mistakes(), fixture.compiles());
    const Outcome outcome = fixture.run(kInvite);
    CPPUNIT_ASSERT(outcome.notes == (Texts{"set", "clear"}));
    CPPUNIT_ASSERT_EQUAL(std::string(), outcome.next_hop);
  }

  void rport_is_forced() {
    ScriptFixture fixture(nullptr, "force_rport();");
    CPPUNIT_ASSERT(fixture.run(kInvite).force_rport);
  }

  void functions_for_connections_are_accepted() {
    ScriptFixture fixture(nullptr,
                          "set_reply_no_connect(); set_reply_close(); set_forward_no_connect();\n"
                          "set_forward_close(); add_local_rport(); force_tcp_alias();\n"
                          "log(\"text\"); log(1, \"text\"); note(\"$rc\");");
    CPPUNIT_ASSERT_MESSAGE(fixture.mistakes(), fixture.compiles());
    CPPUNIT_ASSERT(fixture.run(kInvite).notes == (Texts{"1"}));
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(CoreExportsTest);

}  // namespace
}  // namespace lockstep::test
