// sanity_test.cc: one faulty message for each check, and the answer it gets.
#include <cppunit/extensions/HelperMacros.h>

#include "test/unit/modules/script_fixture.h"

extern "C" lockstep::worker::Module* lockstep_module();

namespace lockstep::test {
namespace {

using Texts = std::vector<std::string>;

std::string settings(int autodrop, int noreply = 0) {
  return "modparam(\"sanity\", \"autodrop\", " + std::to_string(autodrop) + ")\n" +
         "modparam(\"sanity\", \"noreply\", " + std::to_string(noreply) + ")\n" +
         "modparam(\"sanity\", \"default_checks\", 3047)\nmodparam(\"sanity\", \"proxy_require\", \"foo, "
         "bar\")\n";
}

// kInvite with one text replaced, everywhere.
std::string changed(const std::string& from, const std::string& to) {
  std::string message(kInvite);
  std::size_t at = message.find(from);
  CPPUNIT_ASSERT_MESSAGE(from, at != std::string::npos);
  for (; at != std::string::npos; at = message.find(from, at + to.size()))
    message.replace(at, from.size(), to);
  return message;
}

class SanityTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(SanityTest);
  CPPUNIT_TEST(a_sound_request_passes_every_check);
  CPPUNIT_TEST(each_fault_has_its_answer);
  CPPUNIT_TEST(a_check_that_is_not_asked_for_is_not_made);
  CPPUNIT_TEST(autodrop_ends_the_script);
  CPPUNIT_TEST(the_answer_can_be_left_to_the_script);
  CPPUNIT_TEST(ack_is_never_answered);
  CPPUNIT_TEST(supported_extensions_pass);
  CPPUNIT_TEST_SUITE_END();

  static Outcome run(const std::string& script, const std::string& message, const std::string& set) {
    ScriptFixture fixture(lockstep_module(), script, set);
    CPPUNIT_ASSERT_MESSAGE(fixture.mistakes(), fixture.compiles());
    return fixture.run(message);
  }

 public:
  void a_sound_request_passes_every_check() {
    for (const char* call : {"sanity_check()", "sanity_check(\"17895\", \"7\")", "sanity_check(32767, 15)"}) {
      const Outcome outcome = run(std::string(call) + "; note(\"$rc\");", std::string(kInvite), settings(0));
      CPPUNIT_ASSERT_MESSAGE(call, outcome.notes == (Texts{"1"}));
      CPPUNIT_ASSERT(outcome.calls.empty());
    }
  }

  void each_fault_has_its_answer() {
    struct Row {
      const char* checks;
      std::string message;
      const char* answer;
    };
    const Row rows[] = {
        {"1", changed("SIP/2.0\nVia", "SIP/3.0\nVia"), "505 Version Not Supported (R-URI)"},
        {"2", changed("INVITE sip:bob@example.com", "INVITE http://example.com"),
         "416 Unsupported URI Scheme in Request URI"},
        {"4", changed("Call-ID: call-1@10.1.1.1\n", ""), "400 Missing Required Header in Request"},
        {"16384", changed("Via: SIP/2.0/UDP ", "Via: SIP/2.0 "), "400 Bad Via1 Header"},
        {"32", changed("7 INVITE", "7 ACK"), "400 CSeq method does not match request method"},
        {"64", changed("7 INVITE", "seven INVITE"), "400 CSeq number is illegal"},
        {"128", changed("Content-Length: 29", "Content-Length: 30"), "400 Content-Length mis-match"},
        {"256", changed("User-Agent: phone/1.0", "Expires: soon"), "400 Expires value is illegal"},
        {"512", changed("User-Agent: phone/1.0", "Proxy-Require: foo, privacy"),
         "420 Bad Extension | Unsupported: privacy\n"},
        {"1024", changed("<sip:alice@example.com>", "<sip:>"), "400 Bad From URI"},
        {"1024", changed("To: <sip:bob@example.com>", "To: <sip:@x>"), "400 Bad To URI"},
        {"1024", changed("<sip:alice@10.1.1.1:5062>", "<sip:>"), "400 Bad Contact URI"},
        {"2048", changed("User-Agent: phone/1.0", "Authorization: Digest username=\"a\", realm=\"b\""),
         "400 Invalid digest credentials"},
        {"4096", changed(";tag=a1", ";tag=a1;tag=a2"), "400 Multiple From tags"},
        {"8192", changed("User-Agent: phone/1.0", "Authorization: Digest"), "400 Bad Authorization Header"},
    };
    for (const Row& row : rows) {
      const Outcome outcome = run("sanity_check(\"" + std::string(row.checks) + "\", \"15\"); note(\"$rc\");",
                                  row.message, settings(0));
      CPPUNIT_ASSERT_EQUAL_MESSAGE(row.message, std::size_t{1}, outcome.calls.size());
      CPPUNIT_ASSERT_EQUAL(std::string("stateless_reply ") + row.answer, outcome.calls[0]);
      CPPUNIT_ASSERT(outcome.notes == (Texts{"-1"}));
    }
  }

  void a_check_that_is_not_asked_for_is_not_made() {
    CPPUNIT_ASSERT(
        run("sanity_check(\"4\");", changed("Content-Length: 29", "Content-Length: 30"), settings(0))
            .calls.empty());
    CPPUNIT_ASSERT(
        run("sanity_check(\"1024\", \"5\");", changed("<sip:alice@example.com>", "<sip:>"), settings(0))
            .calls.empty());
  }

  void autodrop_ends_the_script() {
    const Outcome outcome = run("sanity_check(); note(\"on\");",
                                changed("Content-Length: 29", "Content-Length: 30"), settings(1));
    CPPUNIT_ASSERT(outcome.notes.empty());
    CPPUNIT_ASSERT(outcome.control == script::Control::kExit);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, outcome.calls.size());
  }

  void the_answer_can_be_left_to_the_script() {
    const std::string message = changed("Content-Length: 29", "Content-Length: 30");
    CPPUNIT_ASSERT(run("sanity_check();", message, settings(0, 1)).calls.empty());
    CPPUNIT_ASSERT(run("if (!sanity_check()) sanity_reply();", message, settings(0, 1)).calls ==
                   (Texts{"stateless_reply 400 Content-Length mis-match"}));
  }

  void ack_is_never_answered() {
    const Outcome outcome =
        run("sanity_check(\"128\"); note(\"$rc\");", changed("INVITE", "ACK"), settings(0));
    CPPUNIT_ASSERT(outcome.notes == (Texts{"1"}));
    std::string ack = changed("INVITE", "ACK");
    ack.replace(ack.find("Content-Length: 29"), 18, "Content-Length: 30");
    const Outcome refused = run("sanity_check(\"128\"); note(\"$rc\");", ack, settings(0));
    CPPUNIT_ASSERT(refused.notes == (Texts{"-1"}));
    CPPUNIT_ASSERT(refused.calls.empty());
  }

  void supported_extensions_pass() {
    CPPUNIT_ASSERT(run("sanity_check(\"512\"); note(\"$rc\");",
                       changed("User-Agent: phone/1.0", "Proxy-Require: BAR,foo"), settings(0))
                       .notes == (Texts{"1"}));
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(SanityTest);

}  // namespace
}  // namespace lockstep::test
