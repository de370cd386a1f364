// engine_call_test.cc: calls through one engine: what goes to the wire for each event, in order (O3 to O8).
#include <cppunit/extensions/HelperMacros.h>

#include "test/unit/core/worker/engine_fixture.h"

namespace lockstep::test {
namespace {

using Texts = std::vector<std::string>;

constexpr const char* kScript = R"(
request_route {
  if (method == "CANCEL") {
    if (t_check_trans()) t_relay();
    else sl_send_reply("481", "No Such Call");
    exit;
  }
  if (method == "ACK") { t_relay(); exit; }
  if (uri =~ "fork") append_branch("sip:c@127.0.0.3:5062");
  if (uri =~ "serial") t_on_failure("next");
  t_relay();
}
failure_route[next] {
  seturi("sip:d@127.0.0.4:5064");
  t_relay();
}
)";

constexpr const char* kTrying = "100 trying -- your call is important to us > 127.0.0.1:5070";
constexpr const char* kToB = "INVITE sip:b@127.0.0.2:5061 > 127.0.0.2:5061";
constexpr const char* kToFork = "INVITE sip:fork@127.0.0.2:5061 > 127.0.0.2:5061";
constexpr const char* kToC = "INVITE sip:c@127.0.0.3:5062 > 127.0.0.3:5062";

std::string show(const Texts& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}
#define SAME_LINES(expected, got) CPPUNIT_ASSERT_EQUAL(show(expected), show(got))

Texts lines_of(const std::vector<Sent>& all) {
  Texts lines;
  for (const Sent& sent : all) lines.push_back(sent.line());
  return lines;
}

class EngineCallTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(EngineCallTest);
  CPPUNIT_TEST(an_invite_is_answered_100_and_forwarded);
  CPPUNIT_TEST(responses_are_relayed_without_our_via);
  CPPUNIT_TEST(a_retransmitted_invite_gets_the_last_response_again);
  CPPUNIT_TEST(the_ack_of_a_2xx_goes_through_without_state);
  CPPUNIT_TEST(a_repeated_2xx_is_relayed_again);
  CPPUNIT_TEST(a_failure_is_acknowledged_and_relayed);
  CPPUNIT_TEST(the_first_2xx_goes_up_before_the_others_are_cancelled);
  CPPUNIT_TEST(a_branch_without_a_1xx_is_cancelled_when_it_comes);
  CPPUNIT_TEST(a_second_2xx_is_relayed_too);
  CPPUNIT_TEST(the_best_failure_waits_for_all_branches);
  CPPUNIT_TEST(the_challenges_of_all_branches_go_up);
  CPPUNIT_TEST(a_6xx_cancels_and_wins);
  CPPUNIT_TEST(cancel_before_a_1xx_is_owed);
  CPPUNIT_TEST(cancel_after_a_1xx_is_passed_on_at_once);
  CPPUNIT_TEST(a_cancel_carries_the_callers_reason);
  CPPUNIT_TEST(a_cancel_without_a_call_is_answered_481);
  CPPUNIT_TEST(a_failure_route_tries_the_next);
  CPPUNIT_TEST(other_methods_are_relayed_without_100);
  CPPUNIT_TEST(a_late_final_ends_the_repeats_of_its_branch);
  CPPUNIT_TEST_SUITE_END();

  static std::string invite(const std::string& user = "b") {
    return make_request("INVITE sip:" + user + "@127.0.0.2:5061", "i");
  }
  // The INVITEs of a call, by branch.
  static std::vector<Sent> start(EngineFixture& fixture, const std::string& user) {
    std::vector<Sent> sent = fixture.receive(invite(user));
    CPPUNIT_ASSERT(!sent.empty());
    sent.erase(sent.begin());
    return sent;
  }

 public:
  void an_invite_is_answered_100_and_forwarded() {
    EngineFixture fixture(kScript);
    const std::vector<Sent> sent = fixture.receive(invite());
    SAME_LINES((Texts{kTrying, kToB}), lines_of(sent));
    CPPUNIT_ASSERT_EQUAL(std::string("<sip:bob@example.com>"), sent[0].header("To"));
    CPPUNIT_ASSERT_EQUAL(std::string("lockstep"), sent[0].header("Server"));
    CPPUNIT_ASSERT(sent[1].header("Via").starts_with("SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKls") ||
                   sent[1].header("Via").starts_with("SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKls"));
    CPPUNIT_ASSERT(sent[1].text.find("127.0.0.1:5070;branch=z9hG4bK-i") != std::string::npos);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, fixture.live_transactions());
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, fixture.counter("core", "fwd_requests"));
  }

  void responses_are_relayed_without_our_via() {
    EngineFixture fixture(kScript);
    const Sent out = start(fixture, "b").at(0);
    SAME_LINES(Texts{}, fixture.lines(make_response(out, "100 Trying", "")));
    for (const char* status : {"180 Ringing", "180 Ringing", "183 Session Progress", "200 OK"}) {
      const std::vector<Sent> up = fixture.receive(make_response(out, status, "b1", "X-Kept: as it is\n"));
      SAME_LINES(Texts{std::string(status) + " > 127.0.0.1:5070"}, lines_of(up));
      CPPUNIT_ASSERT_EQUAL(std::string("SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK-i"), up[0].header("Via"));
      CPPUNIT_ASSERT_EQUAL(std::string("as it is"), up[0].header("X-Kept"));
    }
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{4}, fixture.counter("tmx", "rpl_relayed"));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, fixture.counter("tmx", "2xx_transactions"));
  }

  // 17.2.1: in Proceeding the last 1xx, in Completed the final; in Accepted (RFC 6026) nothing.
  void a_retransmitted_invite_gets_the_last_response_again() {
    EngineFixture fixture(kScript);
    const Sent out = start(fixture, "b").at(0);
    SAME_LINES(Texts{kTrying}, fixture.lines(invite()));
    static_cast<void>(fixture.receive(make_response(out, "180 Ringing")));
    SAME_LINES(Texts{"180 Ringing > 127.0.0.1:5070"}, fixture.lines(invite()));
    static_cast<void>(fixture.receive(make_response(out, "200 OK")));
    SAME_LINES(Texts{}, fixture.lines(invite()));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{3}, fixture.counter("tmx", "retransmissions"));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, fixture.counter("tmx", "created"));
  }

  void the_ack_of_a_2xx_goes_through_without_state() {
    EngineFixture fixture(kScript);
    const Sent out = start(fixture, "b").at(0);
    static_cast<void>(fixture.receive(make_response(out, "200 OK")));
    const std::string ack = make_request("ACK sip:b@127.0.0.2:5061", "a", 1, "b1");
    const std::vector<Sent> first = fixture.receive(ack);
    SAME_LINES(Texts{"ACK sip:b@127.0.0.2:5061 > 127.0.0.2:5061"}, lines_of(first));
    // 16.11: a repetition is the same message again.
    CPPUNIT_ASSERT_EQUAL(first[0].text, fixture.receive(ack).at(0).text);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, fixture.live_transactions());
  }

  void a_repeated_2xx_is_relayed_again() {
    EngineFixture fixture(kScript);
    const Sent out = start(fixture, "b").at(0);
    for (int i = 0; i < 3; ++i) {
      SAME_LINES(Texts{"200 OK > 127.0.0.1:5070"}, fixture.lines(make_response(out, "200 OK")));
    }
  }

  // O17: hop by hop, every copy; upstream once, and the caller's ACK ends its repetition.
  void a_failure_is_acknowledged_and_relayed() {
    EngineFixture fixture(kScript);
    const Sent out = start(fixture, "b").at(0);
    const std::vector<Sent> sent = fixture.receive(make_response(out, "486 Busy Here", "b1"));
    SAME_LINES((Texts{"ACK sip:b@127.0.0.2:5061 > 127.0.0.2:5061", "486 Busy Here > 127.0.0.1:5070"}),
               lines_of(sent));
    CPPUNIT_ASSERT_EQUAL(out.header("Via"), sent[0].header("Via"));
    CPPUNIT_ASSERT_EQUAL(std::string("<sip:bob@example.com>;tag=b1"), sent[0].header("To"));
    CPPUNIT_ASSERT_EQUAL(std::string("1 ACK"), sent[0].header("CSeq"));
    SAME_LINES(Texts{"ACK sip:b@127.0.0.2:5061 > 127.0.0.2:5061"},
               fixture.lines(make_response(out, "486 Busy Here", "b1")));
    SAME_LINES(Texts{"486 Busy Here > 127.0.0.1:5070"}, fixture.lines(invite()));
    SAME_LINES(Texts{}, fixture.lines(make_request("ACK sip:b@127.0.0.2:5061", "i", 1, "b1")));
    SAME_LINES(Texts{}, fixture.pass_ms(600));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, fixture.counter("tmx", "4xx_transactions"));
  }

  // O6, O7.
  void the_first_2xx_goes_up_before_the_others_are_cancelled() {
    EngineFixture fixture(kScript);
    const std::vector<Sent> out = start(fixture, "fork");
    SAME_LINES((Texts{kToFork, kToC}), lines_of(out));
    static_cast<void>(fixture.receive(make_response(out[0], "180 Ringing", "b1")));
    static_cast<void>(fixture.receive(make_response(out[1], "180 Ringing", "c1")));
    const std::vector<Sent> sent = fixture.receive(make_response(out[0], "200 OK", "b1"));
    SAME_LINES((Texts{"200 OK > 127.0.0.1:5070", "CANCEL sip:c@127.0.0.3:5062 > 127.0.0.3:5062"}),
               lines_of(sent));
    CPPUNIT_ASSERT_EQUAL(std::string("SIP;cause=200;text=\"Call completed elsewhere\""),
                         sent[1].header("Reason"));
    CPPUNIT_ASSERT_EQUAL(out[1].header("Via"), sent[1].header("Via"));
    CPPUNIT_ASSERT_EQUAL(std::string("1 CANCEL"), sent[1].header("CSeq"));
    SAME_LINES(Texts{}, fixture.lines(make_response(sent[1], "200 OK", "c1")));
    SAME_LINES(Texts{"ACK sip:c@127.0.0.3:5062 > 127.0.0.3:5062"},
               fixture.lines(make_response(out[1], "487 Request Terminated", "c1")));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, fixture.counter("tmx", "cancels_sent"));
  }

  // O8, window W1.
  void a_branch_without_a_1xx_is_cancelled_when_it_comes() {
    EngineFixture fixture(kScript);
    const std::vector<Sent> out = start(fixture, "fork");
    SAME_LINES(Texts{"200 OK > 127.0.0.1:5070"}, fixture.lines(make_response(out[0], "200 OK", "b1")));
    SAME_LINES(Texts{"CANCEL sip:c@127.0.0.3:5062 > 127.0.0.3:5062"},
               fixture.lines(make_response(out[1], "180 Ringing", "c1")));
    SAME_LINES(Texts{}, fixture.lines(make_response(out[1], "180 Ringing", "c1")));
  }

  // O13, policy forward; no CANCEL for a branch that has answered (O9).
  void a_second_2xx_is_relayed_too() {
    EngineFixture fixture(kScript);
    const std::vector<Sent> out = start(fixture, "fork");
    SAME_LINES(Texts{"200 OK > 127.0.0.1:5070"}, fixture.lines(make_response(out[0], "200 OK", "b1")));
    SAME_LINES(Texts{"200 Late > 127.0.0.1:5070"}, fixture.lines(make_response(out[1], "200 Late", "c1")));
  }

  void the_best_failure_waits_for_all_branches() {
    EngineFixture fixture(kScript);
    const std::vector<Sent> out = start(fixture, "fork");
    SAME_LINES(Texts{"ACK sip:fork@127.0.0.2:5061 > 127.0.0.2:5061"},
               fixture.lines(make_response(out[0], "404 Not Found", "b1")));
    SAME_LINES((Texts{"ACK sip:c@127.0.0.3:5062 > 127.0.0.3:5062", "404 Not Found > 127.0.0.1:5070"}),
               fixture.lines(make_response(out[1], "503 Service Unavailable", "c1")));
  }

  // 16.7 step 7.
  void the_challenges_of_all_branches_go_up() {
    EngineFixture fixture(kScript);
    const std::vector<Sent> out = start(fixture, "fork");
    static_cast<void>(fixture.receive(make_response(out[0], "407 Proxy Authentication Required", "b1",
                                                    "Proxy-Authenticate: Digest realm=\"b\"\n")));
    const std::vector<Sent> sent = fixture.receive(
        make_response(out[1], "401 Unauthorized", "c1", "WWW-Authenticate: Digest realm=\"c\"\n"));
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, sent.size());
    CPPUNIT_ASSERT_EQUAL(std::string("Digest realm=\"b\""), sent[1].header("Proxy-Authenticate"));
    CPPUNIT_ASSERT_EQUAL(std::string("Digest realm=\"c\""), sent[1].header("WWW-Authenticate"));
  }

  void a_6xx_cancels_and_wins() {
    EngineFixture fixture(kScript);
    const std::vector<Sent> out = start(fixture, "fork");
    static_cast<void>(fixture.receive(make_response(out[1], "180 Ringing", "c1")));
    const std::vector<Sent> sent = fixture.receive(make_response(out[0], "603 Decline", "b1"));
    SAME_LINES((Texts{"ACK sip:fork@127.0.0.2:5061 > 127.0.0.2:5061",
                      "CANCEL sip:c@127.0.0.3:5062 > 127.0.0.3:5062"}),
               lines_of(sent));
    CPPUNIT_ASSERT_EQUAL(std::string("SIP;cause=603;text=\"Decline\""), sent[1].header("Reason"));
    SAME_LINES((Texts{"ACK sip:c@127.0.0.3:5062 > 127.0.0.3:5062", "603 Decline > 127.0.0.1:5070"}),
               fixture.lines(make_response(out[1], "487 Request Terminated", "c1")));
  }

  // O8, O11.
  void cancel_before_a_1xx_is_owed() {
    EngineFixture fixture(kScript);
    const Sent out = start(fixture, "b").at(0);
    const std::string cancel = make_request("CANCEL sip:b@127.0.0.2:5061", "i");
    SAME_LINES(Texts{"200 canceling > 127.0.0.1:5070"}, fixture.lines(cancel));
    SAME_LINES(Texts{"200 canceling > 127.0.0.1:5070"}, fixture.lines(cancel));
    Texts got = fixture.lines(make_response(out, "100 Trying", ""));
    SAME_LINES(Texts{"CANCEL sip:b@127.0.0.2:5061 > 127.0.0.2:5061"}, got);
    SAME_LINES(
        (Texts{"ACK sip:b@127.0.0.2:5061 > 127.0.0.2:5061", "487 Request Terminated > 127.0.0.1:5070"}),
        fixture.lines(make_response(out, "487 Request Terminated")));
  }

  void cancel_after_a_1xx_is_passed_on_at_once() {
    EngineFixture fixture(kScript);
    const Sent out = start(fixture, "b").at(0);
    static_cast<void>(fixture.receive(make_response(out, "180 Ringing")));
    const std::vector<Sent> sent = fixture.receive(make_request("CANCEL sip:b@127.0.0.2:5061", "i"));
    SAME_LINES((Texts{"200 canceling > 127.0.0.1:5070", "CANCEL sip:b@127.0.0.2:5061 > 127.0.0.2:5061"}),
               lines_of(sent));
    CPPUNIT_ASSERT_EQUAL(std::string("1 CANCEL"), sent[0].header("CSeq"));
    // W7: the callee's 200 crosses the CANCEL and still goes up.
    SAME_LINES(Texts{"200 OK > 127.0.0.1:5070"}, fixture.lines(make_response(out, "200 OK")));
  }

  // O16.
  void a_cancel_carries_the_callers_reason() {
    EngineFixture fixture(kScript);
    const Sent out = start(fixture, "b").at(0);
    static_cast<void>(fixture.receive(make_request("CANCEL sip:b@127.0.0.2:5061", "i", 1, {},
                                                   "Reason: SIP;cause=600;text=\"Busy Everywhere\"\n")));
    const std::vector<Sent> sent = fixture.receive(make_response(out, "180 Ringing"));
    bool found = false;
    for (const Sent& one : sent) {
      if (!one.text.starts_with("CANCEL")) continue;
      found = true;
      CPPUNIT_ASSERT_EQUAL(std::string("SIP;cause=600;text=\"Busy Everywhere\""), one.header("Reason"));
    }
    CPPUNIT_ASSERT(found);
  }

  void a_cancel_without_a_call_is_answered_481() {
    EngineFixture fixture(kScript);
    SAME_LINES(Texts{"481 No Such Call > 127.0.0.1:5070"},
               fixture.lines(make_request("CANCEL sip:b@127.0.0.2:5061", "i")));
  }

  void a_failure_route_tries_the_next() {
    EngineFixture fixture(kScript);
    const Sent first = start(fixture, "serial").at(0);
    const std::vector<Sent> sent = fixture.receive(make_response(first, "486 Busy Here"));
    SAME_LINES((Texts{"ACK sip:serial@127.0.0.2:5061 > 127.0.0.2:5061",
                      "INVITE sip:d@127.0.0.4:5064 > 127.0.0.4:5064"}),
               lines_of(sent));
    SAME_LINES((Texts{"ACK sip:d@127.0.0.4:5064 > 127.0.0.4:5064", "480 Away > 127.0.0.1:5070"}),
               fixture.lines(make_response(sent[1], "480 Away", "d1")));
  }

  void other_methods_are_relayed_without_100() {
    EngineFixture fixture(kScript);
    const std::string message = make_request("MESSAGE sip:b@127.0.0.2:5061", "m");
    const std::vector<Sent> out = fixture.receive(message);
    SAME_LINES(Texts{"MESSAGE sip:b@127.0.0.2:5061 > 127.0.0.2:5061"}, lines_of(out));
    SAME_LINES(Texts{}, fixture.lines(message));
    SAME_LINES(Texts{"202 Accepted > 127.0.0.1:5070"}, fixture.lines(make_response(out[0], "202 Accepted")));
    SAME_LINES(Texts{"202 Accepted > 127.0.0.1:5070"}, fixture.lines(message));
    SAME_LINES(Texts{}, fixture.lines(make_response(out[0], "202 Accepted")));
  }

  // Figure 6: Completed sends nothing again, also where the context has no use for the final.
  void a_late_final_ends_the_repeats_of_its_branch() {
    EngineFixture fixture(kScript);
    const std::vector<Sent> out = fixture.receive(make_request("MESSAGE sip:fork@127.0.0.2:5061", "m"));
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, out.size());
    SAME_LINES(Texts{"200 OK > 127.0.0.1:5070"}, fixture.lines(make_response(out[0], "200 OK")));
    SAME_LINES(Texts{}, fixture.lines(make_response(out[1], "200 OK")));
    SAME_LINES(Texts{}, fixture.pass_ms(600));
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(EngineCallTest);

}  // namespace
}  // namespace lockstep::test
