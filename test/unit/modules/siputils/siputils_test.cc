// siputils_test.cc: conditions and what they say of a message, and changes of URIs.
#include <cppunit/extensions/HelperMacros.h>

#include "test/unit/modules/script_fixture.h"

extern "C" lockstep::worker::Module* lockstep_module();

namespace lockstep::test {
namespace {

using Texts = std::vector<std::string>;

constexpr std::string_view kResponse = R"(
SIP/2.0 200 OK
Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK1
Record-Route: <sip:127.0.0.1:5060;lr>
From: <sip:a@b>;tag=1
To: <sip:c@d>;tag=2
Call-ID: x
CSeq: 1 INVITE
Supported: path, 100rel
Contact: <sip:c@10.1.1.1;ob>
Content-Length: 0

)";

class SiputilsTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(SiputilsTest);
  CPPUNIT_TEST(conditions_on_a_request);
  CPPUNIT_TEST(conditions_on_a_response);
  CPPUNIT_TEST(conditions_on_the_request_uri);
  CPPUNIT_TEST(numbers_and_texts);
  CPPUNIT_TEST(uris_are_compared_and_changed);
  CPPUNIT_TEST(tel_uris_are_converted);
  CPPUNIT_TEST(options_are_answered);
  CPPUNIT_TEST(credentials_name_a_user);
  CPPUNIT_TEST_SUITE_END();

  static Outcome run(const std::string& script, std::string_view message = kInvite,
                     const std::string& settings = {}) {
    ScriptFixture fixture(lockstep_module(), script, settings);
    CPPUNIT_ASSERT_MESSAGE(fixture.mistakes(), fixture.compiles());
    return fixture.run(message);
  }
  static void check(bool expected, const std::string& condition, std::string_view message = kInvite) {
    const Outcome outcome = run("if (" + condition + ") note(\"yes\");", message);
    CPPUNIT_ASSERT_EQUAL_MESSAGE(condition, expected, !outcome.notes.empty());
  }
  static std::string with_uri(const std::string& uri) {
    std::string message(kInvite);
    message.replace(message.find("sip:bob@example.com"), 19, uri);
    return message;
  }

 public:
  void conditions_on_a_request() {
    check(true, "is_request()");
    check(false, "is_reply()");
    check(false, "has_totag()");
    check(true, "is_first_hop()");
    std::string message(kInvite);
    message.replace(message.find("To: <sip:bob@example.com>"), 25, "To: <sip:bob@example.com>;tag=b1");
    check(true, "has_totag()", message);
    message.insert(message.find("Via:"), "Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK0\n");
    check(false, "is_first_hop()", message);
    check(false, "contact_param_check(\"ob\")");
  }

  void conditions_on_a_response() {
    const auto reply = [](const std::string& condition) {
      ScriptFixture fixture(lockstep_module(), "request_route { exit; }\nreply_route { if (" + condition +
                                                   ") note(\"yes\"); }\n");
      CPPUNIT_ASSERT_MESSAGE(fixture.mistakes(), fixture.compiles());
      return !fixture.run(kResponse, script::RouteKind::kCoreReply).notes.empty();
    };
    CPPUNIT_ASSERT(reply("is_reply()"));
    CPPUNIT_ASSERT(!reply("is_request()"));
    CPPUNIT_ASSERT(reply("has_totag()"));
    CPPUNIT_ASSERT(reply("is_first_hop()"));
    CPPUNIT_ASSERT(reply("is_first_hop(\"1\")"));
    CPPUNIT_ASSERT(reply("is_supported(\"100REL\")"));
    CPPUNIT_ASSERT(!reply("is_supported(\"gruu\")"));
    CPPUNIT_ASSERT(reply("contact_param_check(\"ob\")"));
  }

  void conditions_on_the_request_uri() {
    const std::string message = with_uri("sip:bob@example.com;nat=yes;lr;gr");
    check(true, "uri_param(\"lr\")", message);
    check(false, "uri_param(\"nat\")", message);
    check(true, "uri_param(\"nat\", \"yes\")", message);
    check(false, "uri_param(\"nat\", \"no\")", message);
    check(true, "uri_param_any(\"nat\")", message);
    check(false, "uri_param_any(\"x\")", message);
    check(true, "is_gruu()", message);
    CPPUNIT_ASSERT(
        run("is_gruu(); note(\"$rc\"); is_gruu(\"sip:a@b;gr=1\"); note(\"$rc\");", message).notes ==
        (Texts{"2", "1"}));
    CPPUNIT_ASSERT_EQUAL(std::string("sip:bob@example.com;nat=yes;lr;gr;x=1"),
                         run("add_uri_param(\"x=1\");", message).uri);
    CPPUNIT_ASSERT_EQUAL(std::string("sip:bob@example.com;lr;gr"),
                         run("uri_param_rm(\"nat\");", message).uri);
    CPPUNIT_ASSERT_EQUAL(std::string("sip:bob@example.com;x=1"), run("add_uri_param(\"x=1\");").uri);
    CPPUNIT_ASSERT(run("get_uri_param(\"nat\", \"$var(n)\"); note(\"$var(n)\");", message).notes ==
                   (Texts{"yes"}));
  }

  void numbers_and_texts() {
    check(true, "is_e164(\"+4930123456\")");
    check(false, "is_e164(\"4930123456\")");
    check(false, "is_e164(\"+4930123456789012\")");
    check(true, "is_uri_user_e164(\"sip:+4930@x\")");
    check(true, "is_tel_number(\"+4930\")");
    check(false, "is_tel_number(\"+\")");
    check(true, "is_numeric(\"123\")");
    check(false, "is_numeric(\"12a\")");
    check(false, "is_numeric(\"\")");
    check(true, "is_alphanum(\"12a\")");
    check(false, "is_alphanum(\"12-a\")");
    check(true, "is_alphanumex(\"12-a\", \"-.\")");
    check(true, "is_uri(\"sip:a@b\")");
    check(false, "is_uri(\"a b\")");
    check(true, "cmp_hdr_name(\"f\", \"From\")");
    check(true, "cmp_hdr_name(\"x-a\", \"X-A\")");
    check(false, "cmp_hdr_name(\"To\", \"From\")");
  }

  void uris_are_compared_and_changed() {
    check(true, "cmp_uri(\"sip:a@EXAMPLE.com;lr\", \"sip:a@example.com;lr\")");
    check(false, "cmp_uri(\"sip:a@b\", \"sip:A@b\")");
    check(true, "cmp_aor(\"sip:a@EXAMPLE.com:5070\", \"sip:a@example.com\")");
    check(false, "cmp_aor(\"sip:a@b\", \"sip:c@b\")");
    CPPUNIT_ASSERT(run("$var(u) = \"sip:a@b:5070;lr\"; set_uri_user(\"$var(u)\", \"x\"); note(\"$var(u)\");\n"
                       "set_uri_host(\"$var(u)\", \"y\"); note(\"$var(u)\");")
                       .notes == (Texts{"sip:x@b:5070;lr", "sip:x@y:5070;lr"}));
  }

  void tel_uris_are_converted() {
    CPPUNIT_ASSERT(
        run("tel2sip(\"tel:+12-(34)-56;Ext=200\", \"foo.com\", \"$var(r)\"); note(\"$rc $var(r)\");\n"
            "tel2sip(\"sip:a@b\", \"foo.com\", \"$var(r)\"); note(\"$rc\");\n"
            "tel2sip(\"a b\", \"foo.com\", \"$var(r)\"); note(\"$rc\");")
            .notes == (Texts{"1 sip:+123456;ext=200@foo.com;user=phone", "2", "-1"}));
  }

  void options_are_answered() {
    std::string message = with_uri("sip:example.com");
    for (std::size_t at = message.find("INVITE"); at != std::string::npos; at = message.find("INVITE")) {
      message.replace(at, 6, "OPTIONS");
    }
    CPPUNIT_ASSERT(
        run("options_reply();", message).calls ==
        (Texts{
            "stateless_reply 200 OK | Accept: */*\nAccept-Encoding: \nAccept-Language: en\nSupported: \n"}));
    CPPUNIT_ASSERT(run("options_reply();").calls.empty());
  }

  void credentials_name_a_user() {
    std::string message(kInvite);
    message.insert(message.find("Call-ID:"),
                   "Proxy-Authorization: Digest realm=\"x\", username=\"alice\", uri=\"y\"\n");
    check(true, "is_user(\"alice\")", message);
    check(false, "is_user(\"bob\")", message);
    check(false, "is_user(\"alice\")");
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(SiputilsTest);

}  // namespace
}  // namespace lockstep::test
