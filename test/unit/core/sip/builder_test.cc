// builder_test.cc: built messages compared whole.
#include "core/sip/builder.h"

#include <array>

#include "test/unit/core/sip/sip_test.h"
#include "test/unit/core/sip/torture_messages.h"

namespace lockstep::sip {
namespace {

std::string built_response(const Message& request, const ResponseSpec& spec) {
  std::array<char, 65536> out;
  return {out.data(), build_response(request, spec, out)};
}

ResponseSpec spec_of(std::uint16_t status) {
  ResponseSpec spec;
  spec.status = status;
  spec.to_tag = "our-tag";
  return spec;
}

// The INVITE as a proxy sends it: its own Via on top, a second one in the same line.
std::string sent_invite() {
  return lines(
      {"INVITE sip:b@10.0.0.2:5080;ob SIP/2.0",
       "Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKours, SIP/2.0/UDP 10.0.0.9;branch=z9hG4bKtheirs",
       "v: SIP/2.0/UDP 10.0.0.8;branch=z9hG4bKfirst", "Max-Forwards: 69", "Route: <sip:r1;lr>, <sip:r2;lr>",
       "f: \"A\" <sip:a@x>;tag=from", "To: <sip:b@x>", "i: call@x", "CSeq: 0007 INVITE", "Route: <sip:r3;lr>",
       "Contact: <sip:a@10.0.0.9>", "Content-Length: 0", ""});
}

}  // namespace

class BuilderTest : public CPPUNIT_NS::TestFixture {
  CPPUNIT_TEST_SUITE(BuilderTest);
  CPPUNIT_TEST(a_success_copies_record_route_and_adds_the_tag);
  CPPUNIT_TEST(a_trying_copies_timestamp_and_adds_no_tag);
  CPPUNIT_TEST(an_error_has_no_record_route);
  CPPUNIT_TEST(an_existing_tag_stays);
  CPPUNIT_TEST(folding_and_bare_line_feeds_leave_clean);
  CPPUNIT_TEST(the_top_via_is_completed_as_an_edit_would);
  CPPUNIT_TEST(a_faulty_request_is_answered_with_what_is_there);
  CPPUNIT_TEST(responses_to_torture_messages_parse);
  CPPUNIT_TEST(ack_is_hop_by_hop);
  CPPUNIT_TEST(cancel_matches_its_invite);
  CPPUNIT_TEST(incomplete_invites_build_nothing);
  CPPUNIT_TEST(any_smaller_place_gives_zero);
  CPPUNIT_TEST(header_lines_are_written);
  CPPUNIT_TEST(reason_phrases_are_standard);
  CPPUNIT_TEST(every_fault_has_a_phrase_and_a_status);
  CPPUNIT_TEST_SUITE_END();

  void a_success_copies_record_route_and_adds_the_tag() {
    const Parsed request(plain_invite());
    ResponseSpec spec = spec_of(200);
    spec.source = {"10.0.0.9", 1025};
    spec.extra_headers = "Contact: <sip:b@h>\r\n";
    spec.server_header = "lockstep";
    spec.content_type = "application/sdp";
    spec.body = "v=0\r\n";
    const std::string expected = lines(
        {"SIP/2.0 200 OK",
         "Via: SIP/2.0/UDP client.atlanta.example.com:5070;branch=z9hG4bK74bf9;rport=1025;received=10.0.0.9",
         "Via: SIP/2.0/TCP first.example.com;branch=z9hG4bKfirst",
         "Record-Route: <sip:p2.example.com;lr>, <sip:p1.example.com;lr>",
         "From: \"Alice, A.\" <sip:alice@atlanta.example.com>;tag=9fxced76sl",
         "To: Bob <sip:bob@biloxi.example.com>;tag=our-tag",
         "Call-ID: 3848276298220188511@atlanta.example.com", "CSeq: 31862 INVITE", "Contact: <sip:b@h>",
         "Server: lockstep", "Content-Type: application/sdp", "Content-Length: 5", "", "v=0"});
    CPPUNIT_ASSERT_EQUAL(expected, built_response(*request, spec));
  }

  void a_trying_copies_timestamp_and_adds_no_tag() {
    const Parsed request(plain_invite());
    ResponseSpec spec = spec_of(100);
    spec.reason = "trying -- your call is important to us";
    const std::string expected =
        lines({"SIP/2.0 100 trying -- your call is important to us",
               "Via: SIP/2.0/UDP client.atlanta.example.com:5070;branch=z9hG4bK74bf9;rport",
               "Via: SIP/2.0/TCP first.example.com;branch=z9hG4bKfirst",
               "From: \"Alice, A.\" <sip:alice@atlanta.example.com>;tag=9fxced76sl",
               "To: Bob <sip:bob@biloxi.example.com>", "Call-ID: 3848276298220188511@atlanta.example.com",
               "CSeq: 31862 INVITE", "Timestamp: 54.21", "Content-Length: 0", ""});
    CPPUNIT_ASSERT_EQUAL(expected, built_response(*request, spec));
  }

  void an_error_has_no_record_route() {
    const Parsed request(plain_invite());
    const Parsed response(built_response(*request, spec_of(486)));
    CPPUNIT_ASSERT_EQUAL(str("Busy Here"), str(response->reason()));
    CPPUNIT_ASSERT(!response->has(HeaderId::kRecordRoute));
    CPPUNIT_ASSERT_EQUAL(str("our-tag"), str(response->to_tag()));
    CPPUNIT_ASSERT(Parsed(built_response(*request, spec_of(180)))->has(HeaderId::kRecordRoute));
  }

  void an_existing_tag_stays() {
    const Parsed request(
        lines({"BYE sip:a SIP/2.0", "Via: SIP/2.0/UDP h", "Record-Route: <sip:r>", "From: <sip:a@b>;tag=1",
               "To: sip:c@d;tag=2", "Call-ID: x", "CSeq: 2 BYE", ""}));
    CPPUNIT_ASSERT_EQUAL(lines({"SIP/2.0 200 OK", "Via: SIP/2.0/UDP h", "From: <sip:a@b>;tag=1",
                                "To: sip:c@d;tag=2", "Call-ID: x", "CSeq: 2 BYE", "Content-Length: 0", ""}),
                         built_response(*request, spec_of(200)));
  }

  void folding_and_bare_line_feeds_leave_clean() {
    const Parsed request(
        "OPTIONS sip:a SIP/2.0\nv: SIP/2.0/UDP h\n ;branch=b\n\t, SIP/2.0/UDP g\nf: A\n <sip:a>;tag=1\n"
        "t: <sip:b>\ni: x\nCSeq: 1\n OPTIONS\n\n");
    CPPUNIT_ASSERT_EQUAL(lines({"SIP/2.0 404 Not Found", "Via: SIP/2.0/UDP h ;branch=b , SIP/2.0/UDP g",
                                "From: A <sip:a>;tag=1", "To: <sip:b>;tag=our-tag", "Call-ID: x",
                                "CSeq: 1 OPTIONS", "Content-Length: 0", ""}),
                         built_response(*request, spec_of(404)));
  }

  void the_top_via_is_completed_as_an_edit_would() {
    for (std::string_view via :
         {"SIP/2.0/UDP 10.0.0.9:7;branch=b", "SIP/2.0/UDP h", "SIP/2.0/UDP h;rport;branch=b",
          "SIP/2.0/UDP 10.0.0.9;rport=5;x=\"a;b\", SIP/2.0/UDP g;rport",
          "SIP/2.0/UDP h;received=6.6.6.6;rport=6"}) {
      const Parsed request("OPTIONS sip:a SIP/2.0\r\nVia: " + str(via) + "\r\n\r\n");
      ResponseSpec spec = spec_of(200);
      spec.source = {"10.0.0.9", 1025};
      EditList edits;
      Arena arena(256);
      CPPUNIT_ASSERT(complete_top_via(edits, *request, spec.source, false, arena));
      std::array<char, 512> out;
      const std::size_t size = gather(request->bytes(), edits, out);
      const Parsed edited(std::string(out.data(), size));
      const Parsed response(built_response(*request, spec));
      CPPUNIT_ASSERT_EQUAL(str(edited->value(HeaderId::kVia)), str(response->value(HeaderId::kVia)));
    }
  }

  void a_faulty_request_is_answered_with_what_is_there() {
    const Parsed request(
        lines({"INVITE <sip:a> SIP/2.0", "Via: SIP/2.0/UDP h", "junk", "To: \"open <sip:b>", ""}));
    const Fault fault = validate(*request).value();
    ResponseSpec spec = spec_of(fault_status(fault));
    spec.reason = fault_text(fault);
    CPPUNIT_ASSERT_EQUAL(lines({"SIP/2.0 400 Bad Header Line", "Via: SIP/2.0/UDP h", "To: \"open <sip:b>",
                                "Content-Length: 0", ""}),
                         built_response(*request, spec));
  }

  void responses_to_torture_messages_parse() {
    for (const TortureMessage& torture : valid_torture_messages()) {
      const Parsed request(torture.bytes);
      if (!request->is_request()) continue;
      ResponseSpec spec = spec_of(200);
      spec.source = {"10.0.0.9", 1025};
      const Parsed response(built_response(*request, spec));
      CPPUNIT_ASSERT_EQUAL_MESSAGE(torture.name, str("none"), fault_or_none(validate(*response)));
      CPPUNIT_ASSERT_EQUAL_MESSAGE(torture.name, str(request->call_id()), str(response->call_id()));
      const ResponseDestination to = response_destination_of_request(*request->top_via(), spec.source, false);
      CPPUNIT_ASSERT_EQUAL_MESSAGE(torture.name, str(to.host),
                                   str(response_destination(*response->top_via()).host));
    }
  }

  void ack_is_hop_by_hop() {
    const Parsed response(lines({"SIP/2.0 486 Busy Here", "Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKours",
                                 "From: <sip:a@x>;tag=from", "To: <sip:b@x>;tag=busy", "Call-ID: call@x",
                                 "CSeq: 7 INVITE", ""}));
    std::array<char, 1024> out;
    const std::string ack(out.data(), build_ack(sent_invite(), *response, out));
    CPPUNIT_ASSERT_EQUAL(
        lines({"ACK sip:b@10.0.0.2:5080;ob SIP/2.0", "Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKours",
               "Max-Forwards: 70", "Route: <sip:r1;lr>, <sip:r2;lr>", "Route: <sip:r3;lr>",
               "From: \"A\" <sip:a@x>;tag=from", "To: <sip:b@x>;tag=busy", "Call-ID: call@x",
               "CSeq: 0007 ACK", "Content-Length: 0", ""}),
        ack);
  }

  void cancel_matches_its_invite() {
    std::array<char, 1024> out;
    const std::string_view reason = "Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\n";
    const std::string cancel(out.data(), build_cancel(sent_invite(), reason, out));
    CPPUNIT_ASSERT_EQUAL(
        lines({"CANCEL sip:b@10.0.0.2:5080;ob SIP/2.0", "Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKours",
               "Max-Forwards: 70", "Route: <sip:r1;lr>, <sip:r2;lr>", "Route: <sip:r3;lr>",
               "From: \"A\" <sip:a@x>;tag=from", "To: <sip:b@x>", "Call-ID: call@x", "CSeq: 0007 CANCEL",
               "Reason: SIP;cause=200;text=\"Call completed elsewhere\"", "Content-Length: 0", ""}),
        cancel);
  }

  void incomplete_invites_build_nothing() {
    std::array<char, 1024> out;
    const Parsed no_to(lines({"SIP/2.0 486 Busy Here", "Via: SIP/2.0/UDP h", ""}));
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, build_ack(sent_invite(), *no_to, out));
    for (std::string_view invite :
         {"", "INVITE", "INVITE sip:a SIP/2.0\r\n", "INVITE sip:a SIP/2.0\r\nVia: x\r\n\r\n"}) {
      CPPUNIT_ASSERT_EQUAL(std::size_t{0}, build_cancel(invite, {}, out));
    }
  }

  void any_smaller_place_gives_zero() {
    std::array<char, 1024> out;
    const std::string invite = sent_invite();
    const Parsed request(plain_invite());
    const std::size_t cancel_bytes = build_cancel(invite, {}, out);
    const std::size_t response_bytes = build_response(*request, spec_of(200), out);
    for (std::size_t size = 0; size < cancel_bytes; ++size) {
      CPPUNIT_ASSERT_EQUAL(std::size_t{0}, build_cancel(invite, {}, std::span(out).first(size)));
    }
    for (std::size_t size = 0; size < response_bytes; ++size) {
      CPPUNIT_ASSERT_EQUAL(std::size_t{0},
                           build_response(*request, spec_of(200), std::span(out).first(size)));
    }
    CPPUNIT_ASSERT_EQUAL(cancel_bytes, build_cancel(invite, {}, std::span(out).first(cancel_bytes)));
  }

  void header_lines_are_written() {
    std::array<char, 512> out;
    Writer writer(out);
    ViaSpec via;
    via.host = "::1";
    via.port = 5060;
    via.branch = "z9hG4bKx";
    via.rport = true;
    via.extra_params = ";i=1";
    write_via(writer, via);
    via = ViaSpec{};
    via.transport = Transport::kTls;
    via.host = "h";
    write_via(writer, via);
    RecordRouteSpec route;
    route.host = "10.0.0.1";
    write_record_route(writer, route);
    route.sips = true;
    route.user = "u";
    route.host = "[::1]";
    route.port = 5070;
    route.params = ";ftag=a";
    write_record_route(writer, route);
    writer.header(HeaderId::kExpires, 4294967295u).header("X", "a\r\n b\n\tc");
    CPPUNIT_ASSERT_EQUAL(
        lines({"Via: SIP/2.0/UDP [::1]:5060;branch=z9hG4bKx;rport;i=1", "Via: SIP/2.0/TLS h",
               "Record-Route: <sip:10.0.0.1;lr>", "Record-Route: <sips:u@[::1]:5070;lr;ftag=a>",
               "Expires: 4294967295", "X: a b c"}),
        str(writer.view()));
  }

  void reason_phrases_are_standard() {
    CPPUNIT_ASSERT_EQUAL(str("OK"), str(reason_phrase(200)));
    CPPUNIT_ASSERT_EQUAL(str("Request Terminated"), str(reason_phrase(487)));
    CPPUNIT_ASSERT_EQUAL(str("Call/Transaction Does Not Exist"), str(reason_phrase(481)));
    CPPUNIT_ASSERT_EQUAL(str("Decline"), str(reason_phrase(603)));
    CPPUNIT_ASSERT_EQUAL(str("Client Error"), str(reason_phrase(499)));
    CPPUNIT_ASSERT_EQUAL(str("Success"), str(reason_phrase(299)));
  }

  void every_fault_has_a_phrase_and_a_status() {
    for (std::size_t i = 0; i < kFaultCount; ++i) {
      const auto fault = static_cast<Fault>(i);
      CPPUNIT_ASSERT(!fault_text(fault).empty() && !fault_name(fault).empty());
      CPPUNIT_ASSERT(fault_status(fault) >= 400);
    }
    CPPUNIT_ASSERT_EQUAL(505, int{fault_status(Fault::kBadVersion)});
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(BuilderTest);

}  // namespace lockstep::sip
