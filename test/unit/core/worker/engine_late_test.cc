// engine_late_test.cc: late 2xx, CANCELs held and withdrawn, INVITEs withdrawn, as messages on the wire.
#include <cppunit/extensions/HelperMacros.h>

#include "test/unit/core/worker/engine_fixture.h"

namespace lockstep::test {
namespace {

using Texts = std::vector<std::string>;
using transaction::LatePolicy;

constexpr const char* kScript = R"(
request_route {
  if (method == "CANCEL") {
    t_relay();
    exit;
  }
  append_branch("sip:c@127.0.0.3:5062");
  t_relay();
}
)";
constexpr const char* kTo200 = "200 OK > 127.0.0.1:5070";
constexpr const char* kCancelC = "CANCEL sip:c@127.0.0.3:5062 > 127.0.0.3:5062";
constexpr const char* kAckOfC = "ACK sip:c@127.0.0.3:5062 > 127.0.0.3:5062";  // Of a non-2xx, hop by hop.
constexpr const char* kAckC = "ACK sip:c@10.0.0.3:5099 > 127.0.0.3:5062";
constexpr const char* kByeC = "BYE sip:c@10.0.0.3:5099 > 127.0.0.3:5062";
const std::string kContact = "Contact: <sip:c@10.0.0.3:5099>\n";

Texts lines_of_sent(const std::vector<Sent>& sent) {
  Texts lines;
  for (const Sent& one : sent) lines.push_back(one.line());
  return lines;
}

std::string joined(const Texts& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}
#define SAME(expected, actual) CPPUNIT_ASSERT_EQUAL(joined(expected), joined(lines_of_sent(actual)))

std::string invite() { return make_request("INVITE sip:b@127.0.0.2:5061", "i"); }
std::string cancel() { return make_request("CANCEL sip:b@127.0.0.2:5061", "i"); }

// Both phones ring; [0] is B's INVITE, [1] C's.
std::vector<Sent> ring(EngineFixture& fixture) {
  std::vector<Sent> out = fixture.receive(invite());
  CPPUNIT_ASSERT_EQUAL(std::size_t{3}, out.size());
  out.erase(out.begin());
  static_cast<void>(fixture.receive(make_response(out[0], "180 Ringing", "b1")));
  static_cast<void>(fixture.receive(make_response(out[1], "180 Ringing", "c1")));
  return out;
}

class EngineLateTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(EngineLateTest);
  CPPUNIT_TEST(terminate_sends_ack_and_bye_as_one_unit);
  CPPUNIT_TEST(an_offer_in_the_late_200_is_refused);
  CPPUNIT_TEST(the_route_set_below_is_followed);
  CPPUNIT_TEST(a_2xx_without_contact_cannot_be_ended);
  CPPUNIT_TEST(drop_sends_nothing);
  CPPUNIT_TEST(a_second_dialog_of_the_winner_is_ended);
  CPPUNIT_TEST(many_dialogs_of_one_branch_leave_nothing);
  CPPUNIT_TEST(two_finals_in_one_inbox_make_no_cancel);
  CPPUNIT_TEST(a_cancel_that_was_not_sent_is_withdrawn);
  CPPUNIT_TEST(an_invite_that_was_not_sent_is_withdrawn);
  CPPUNIT_TEST(holdoff_keeps_the_cancel_back);
  CPPUNIT_TEST(cancelled_2xx_is_ended);
  CPPUNIT_TEST_SUITE_END();

 public:
  void terminate_sends_ack_and_bye_as_one_unit() {
    EngineFixture fixture(kScript);
    fixture.tm().timers.late_2xx = LatePolicy::kTerminate;
    const std::vector<Sent> out = ring(fixture);
    SAME((Texts{kTo200, kCancelC}), fixture.receive(make_response(out[0], "200 OK", "b1")));
    const std::string late = make_response(out[1], "200 OK", "c1", kContact);
    const std::vector<Sent> ended = fixture.receive(late);
    SAME((Texts{kAckC, kByeC}), ended);
    CPPUNIT_ASSERT_EQUAL(std::string("<sip:bob@example.com>;tag=c1"), ended[1].header("To"));
    CPPUNIT_ASSERT_EQUAL(std::string("<sip:alice@example.com>;tag=a1"), ended[1].header("From"));
    CPPUNIT_ASSERT_EQUAL(std::string("1 ACK"), ended[0].header("CSeq"));
    CPPUNIT_ASSERT_EQUAL(std::string("2 BYE"), ended[1].header("CSeq"));
    CPPUNIT_ASSERT_EQUAL(std::string("SIP;cause=200;text=\"Call completed elsewhere\""),
                         ended[1].header("Reason"));
    CPPUNIT_ASSERT(ended[0].header("Via") != ended[1].header("Via"));
    SAME((Texts{kAckC}), fixture.receive(late));
    SAME((Texts{kByeC}), fixture.pass(600));
    SAME((Texts{kAckC}), fixture.receive(late));
    SAME((Texts{}), fixture.receive(make_response(ended[1], "200 OK", "")));
    SAME((Texts{}), fixture.pass(5000));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, fixture.counter("tmx", "late_2xx_ended"));
    static_cast<void>(fixture.pass(64000));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, fixture.live_transactions());
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, fixture.live_messages());
  }

  // RFC 3264 section 6: the INVITE made no offer, so the 200 did, and the ACK must answer it.
  void an_offer_in_the_late_200_is_refused() {
    EngineFixture fixture(kScript);
    fixture.tm().timers.late_2xx = LatePolicy::kTerminate;
    const std::vector<Sent> out = ring(fixture);
    static_cast<void>(fixture.receive(make_response(out[0], "200 OK", "b1")));
    std::string late = make_response(out[1], "200 OK", "c1", kContact + "Content-Type: application/sdp\n");
    const std::string offer = "v=0\r\ns=-\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";
    late.replace(late.find("Content-Length: 0"), 17, "Content-Length: " + std::to_string(offer.size()));
    const std::vector<Sent> ended = fixture.receive(late + "v=0\ns=-\nt=0 0\nm=audio 4000 RTP/AVP 0\n");
    SAME((Texts{kAckC, kByeC}), ended);
    CPPUNIT_ASSERT_EQUAL(std::string("application/sdp"), ended[0].header("Content-Type"));
    CPPUNIT_ASSERT(ended[0].text.find("\nm=audio 0 RTP/AVP 0\n") != std::string::npos);
    CPPUNIT_ASSERT_EQUAL(std::string("0"), ended[1].header("Content-Length"));
  }

  void the_route_set_below_is_followed() {
    EngineFixture fixture(kScript);
    fixture.tm().timers.late_2xx = LatePolicy::kTerminate;
    const std::vector<Sent> out = ring(fixture);
    static_cast<void>(fixture.receive(make_response(out[0], "200 OK", "b1")));
    const std::vector<Sent> ended = fixture.receive(
        make_response(out[1], "200 OK", "c1", kContact + "Record-Route: <sip:127.0.0.9:5069;lr>\n"));
    SAME((Texts{"ACK sip:c@10.0.0.3:5099 > 127.0.0.9:5069", "BYE sip:c@10.0.0.3:5099 > 127.0.0.9:5069"}),
         ended);
    CPPUNIT_ASSERT_EQUAL(std::string("<sip:127.0.0.9:5069;lr>"), ended[1].header("Route"));
    SAME((Texts{"BYE sip:c@10.0.0.3:5099 > 127.0.0.9:5069"}), fixture.pass(600));
  }

  void a_2xx_without_contact_cannot_be_ended() {
    EngineFixture fixture(kScript);
    fixture.tm().timers.late_2xx = LatePolicy::kTerminate;
    const std::vector<Sent> out = ring(fixture);
    static_cast<void>(fixture.receive(make_response(out[0], "200 OK", "b1")));
    for (const char* contact : {"", "Contact: *\n", "Contact: <sip:c@>\n"}) {
      SAME((Texts{}), fixture.receive(make_response(out[1], "200 OK", "c1", contact)));
    }
    SAME((Texts{}), fixture.pass(1000));
    static_cast<void>(fixture.pass(70000));
    static_cast<void>(fixture.pass(70000));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, fixture.live_transactions());
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, fixture.live_messages());
  }

  void drop_sends_nothing() {
    EngineFixture fixture(kScript);
    fixture.tm().timers.late_2xx = LatePolicy::kDrop;
    const std::vector<Sent> out = ring(fixture);
    static_cast<void>(fixture.receive(make_response(out[0], "200 OK", "b1")));
    SAME((Texts{}), fixture.receive(make_response(out[1], "200 OK", "c1", kContact)));
    SAME((Texts{}), fixture.receive(make_response(out[1], "200 OK", "c1", kContact)));
    SAME((Texts{kTo200}), fixture.receive(make_response(out[0], "200 OK", "b1")));
  }

  // W18: a fork behind B answers twice.
  void a_second_dialog_of_the_winner_is_ended() {
    EngineFixture fixture(kScript);
    fixture.tm().timers.late_2xx = LatePolicy::kTerminate;
    const std::vector<Sent> out = ring(fixture);
    static_cast<void>(fixture.receive(make_response(out[0], "200 OK", "b1")));
    const std::string second = make_response(out[0], "200 OK", "b2", kContact);
    SAME((Texts{"ACK sip:c@10.0.0.3:5099 > 127.0.0.2:5061", "BYE sip:c@10.0.0.3:5099 > 127.0.0.2:5061"}),
         fixture.receive(second));
    SAME((Texts{kTo200}), fixture.receive(make_response(out[0], "200 OK", "b1")));
    SAME((Texts{"ACK sip:c@10.0.0.3:5099 > 127.0.0.2:5061"}), fixture.receive(second));
  }

  void many_dialogs_of_one_branch_leave_nothing() {
    EngineFixture fixture(kScript);
    fixture.tm().timers.late_2xx = LatePolicy::kTerminate;
    const std::vector<Sent> out = ring(fixture);
    static_cast<void>(fixture.receive(make_response(out[0], "200 OK", "b1")));
    for (int i = 0; i < 40; ++i) {
      const std::string tag = "x" + std::to_string(i);
      const std::vector<Sent> sent = fixture.receive(make_response(out[0], "200 OK", tag, kContact));
      CPPUNIT_ASSERT_EQUAL(i < 30 ? std::size_t{2} : std::size_t{0}, sent.size());  // The table is full then.
    }
    static_cast<void>(fixture.pass(40000));
    static_cast<void>(fixture.pass(40000));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, fixture.live_transactions());
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, fixture.live_messages());
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, fixture.live(shm::SlabKind::kBranches));
  }

  // W22, W4.
  void two_finals_in_one_inbox_make_no_cancel() {
    EngineFixture fixture(kScript);
    const std::vector<Sent> out = ring(fixture);
    SAME((Texts{kTo200, kAckOfC}),
         fixture.receive_together(
             {make_response(out[0], "200 OK", "b1"), make_response(out[1], "486 Busy Here", "c1")}));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, fixture.counter("tmx", "cancels_withdrawn"));
    SAME((Texts{}), fixture.pass(3000));
  }

  void a_cancel_that_was_not_sent_is_withdrawn() {
    EngineFixture fixture(kScript);
    const std::vector<Sent> out = ring(fixture);
    SAME((Texts{kTo200, kAckOfC}),
         fixture.receive_in_turn(
             {make_response(out[0], "200 OK", "b1"), make_response(out[1], "486 Busy Here", "c1")}));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, fixture.counter("tmx", "cancels_sent"));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, fixture.counter("tmx", "cancels_withdrawn"));
    SAME((Texts{}), fixture.pass(3000));
  }

  // W3: the caller's CANCEL waits behind its INVITE in the same inbox.
  void an_invite_that_was_not_sent_is_withdrawn() {
    EngineFixture fixture(kScript);
    const std::vector<Sent> sent = fixture.receive_together({invite(), cancel()});
    SAME((Texts{"100 trying -- your call is important to us > 127.0.0.1:5070",
                "200 canceling > 127.0.0.1:5070", "487 Request Terminated > 127.0.0.1:5070"}),
         sent);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, fixture.counter("tmx", "requests_withdrawn"));
  }

  void holdoff_keeps_the_cancel_back() {
    EngineFixture fixture(kScript);
    fixture.tm().timers.cancel_holdoff = transaction::DurationMs{2000};
    const std::vector<Sent> out = ring(fixture);
    SAME((Texts{kTo200}), fixture.receive(make_response(out[0], "200 OK", "b1")));
    SAME((Texts{kTo200}), fixture.receive(make_response(out[1], "200 OK", "c1")));
    SAME((Texts{}), fixture.pass(3000));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, fixture.counter("tmx", "cancels_withdrawn"));
  }

  void cancelled_2xx_is_ended() {
    EngineFixture fixture(kScript);
    fixture.tm().timers.cancelled_2xx = LatePolicy::kTerminate;
    const std::vector<Sent> out = ring(fixture);
    SAME((Texts{"200 canceling > 127.0.0.1:5070", "CANCEL sip:b@127.0.0.2:5061 > 127.0.0.2:5061", kCancelC}),
         fixture.receive(cancel()));
    const std::vector<Sent> ended = fixture.receive(make_response(out[1], "200 OK", "c1", kContact));
    SAME((Texts{kAckC, kByeC}), ended);
    CPPUNIT_ASSERT_EQUAL(std::string("SIP;cause=487;text=\"Request Terminated\""), ended[1].header("Reason"));
    SAME((Texts{"ACK sip:b@127.0.0.2:5061 > 127.0.0.2:5061", "487 Request Terminated > 127.0.0.1:5070"}),
         fixture.receive(make_response(out[0], "487 Request Terminated", "b1")));
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(EngineLateTest);

}  // namespace
}  // namespace lockstep::test
