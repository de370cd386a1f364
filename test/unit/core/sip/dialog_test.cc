// dialog_test.cc: ACK and BYE as a proxy writes them in a dialog below it, and the answer that refuses.
#include "core/sip/dialog.h"

#include <cppunit/extensions/HelperMacros.h>

#include <array>
#include <memory>
#include <string>

namespace lockstep::sip {
namespace {

std::string success(const std::string& record_routes) {
  return "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKp\r\n" + record_routes +
         "From: <sip:a@example.org>;tag=f\r\nTo: <sip:b@example.org>;tag=t2\r\nCall-ID: c1\r\n"
         "CSeq: 7 INVITE\r\nContact: \"B\" <sip:b@192.0.2.9:5062>;expires=60\r\nContent-Length: 0\r\n\r\n";
}

class DialogTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(DialogTest);
  CPPUNIT_TEST(ack_and_bye_without_a_route_set);
  CPPUNIT_TEST(the_hops_above_us_are_left_out_and_the_rest_is_turned_round);
  CPPUNIT_TEST(a_strict_router_below_becomes_the_request_uri);
  CPPUNIT_TEST(a_2xx_without_contact_makes_no_request);
  CPPUNIT_TEST(every_stream_of_an_offer_is_refused);
  CPPUNIT_TEST(no_offer_no_answer);
  CPPUNIT_TEST_SUITE_END();

  std::string build(const std::string& record_routes, const std::string& method, std::size_t above,
                    std::string_view lines = {}) {
    text_ = success(record_routes);
    message_->parse(text_);
    DialogRequestSpec spec;
    spec.method = method;
    spec.routes_above = above;
    spec.via = {Transport::kUdp, "192.0.2.1", 5060, "z9hG4bKq", false, {}};
    spec.extra_headers = lines;
    std::array<char, 2000> out;
    return std::string(out.data(), build_dialog_request(*message_, spec, out));
  }
  std::string next_hop(const std::string& request) {
    message_->parse(request);
    return std::string(dialog_next_hop(*message_));
  }

  std::string text_;
  std::unique_ptr<Message> message_ = std::make_unique<Message>();

 public:
  void ack_and_bye_without_a_route_set() {
    const std::string ack = build("", "ACK", 0);
    CPPUNIT_ASSERT_EQUAL(std::string("ACK sip:b@192.0.2.9:5062 SIP/2.0\r\n"
                                     "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKq\r\n"
                                     "Max-Forwards: 70\r\nFrom: <sip:a@example.org>;tag=f\r\n"
                                     "To: <sip:b@example.org>;tag=t2\r\nCall-ID: c1\r\nCSeq: 7 ACK\r\n"
                                     "Content-Length: 0\r\n\r\n"),
                         ack);
    CPPUNIT_ASSERT_EQUAL(std::string(), next_hop(ack));
    const std::string bye = build("", "BYE", 0, "Reason: SIP;cause=200\r\n");
    CPPUNIT_ASSERT_MESSAGE(bye, bye.find("CSeq: 8 BYE\r\nReason: SIP;cause=200\r\n") != std::string::npos);
  }

  void the_hops_above_us_are_left_out_and_the_rest_is_turned_round() {
    const std::string routes =
        "Record-Route: <sip:far.example;lr>, <sip:192.0.2.7;lr>\r\n"
        "Record-Route: <sip:192.0.2.1;lr>, <sip:sbc.example;lr>\r\n";
    const std::string bye = build(routes, "BYE", 2);
    CPPUNIT_ASSERT_MESSAGE(bye, bye.find("\r\nRoute: <sip:192.0.2.7;lr>\r\nRoute: <sip:far.example;lr>\r\n"
                                         "From:") != std::string::npos);
    CPPUNIT_ASSERT_MESSAGE(bye, bye.starts_with("BYE sip:b@192.0.2.9:5062 "));
    CPPUNIT_ASSERT_EQUAL(std::string("sip:192.0.2.7;lr"), next_hop(bye));
    CPPUNIT_ASSERT(build(routes, "BYE", 9).find("Route:") == std::string::npos);
  }

  void a_strict_router_below_becomes_the_request_uri() {
    const std::string ack = build("Record-Route: <sip:far.example;lr>, <sip:192.0.2.7>\r\n", "ACK", 0);
    CPPUNIT_ASSERT_MESSAGE(ack, ack.starts_with("ACK sip:192.0.2.7 SIP/2.0\r\n"));
    CPPUNIT_ASSERT_MESSAGE(
        ack,
        ack.find("Route: <sip:far.example;lr>\r\nRoute: <sip:b@192.0.2.9:5062>\r\n") != std::string::npos);
    const std::string alone = build("Record-Route: <sip:192.0.2.7>\r\n", "ACK", 0);
    CPPUNIT_ASSERT_EQUAL(std::string("sip:192.0.2.7"), next_hop(alone));
  }

  void a_2xx_without_contact_makes_no_request() {
    text_ = success("");
    text_.erase(text_.find("Contact:"), text_.find("Content-Length") - text_.find("Contact:"));
    message_->parse(text_);
    std::array<char, 2000> out;
    DialogRequestSpec spec;
    spec.method = "ACK";
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, build_dialog_request(*message_, spec, out));
  }

  void every_stream_of_an_offer_is_refused() {
    std::array<char, 500> out;
    const std::size_t bytes = build_refusal(
        "v=0\r\no=b 1 1 IN IP4 192.0.2.9\r\ns=call\r\nc=IN IP4 192.0.2.9\r\nt=3 4\r\n"
        "m=audio 4000 RTP/AVP 0 8\r\na=sendrecv\r\nm=video 4002/2 RTP/SAVPF 96\r\n",
        out);
    CPPUNIT_ASSERT_EQUAL(std::string("v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=3 4\r\n"
                                     "m=audio 0 RTP/AVP 0 8\r\nm=video 0 RTP/SAVPF 96\r\n"),
                         std::string(out.data(), bytes));
  }

  void no_offer_no_answer() {
    std::array<char, 500> out;
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, build_refusal("", out));
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, build_refusal("v=0\r\ns=-\r\n", out));
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, build_refusal("m=audio\r\n", out));
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(DialogTest);

}  // namespace
}  // namespace lockstep::sip
