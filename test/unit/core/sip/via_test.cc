// via_test.cc: forms of Via, and where responses go.
#include "core/sip/via.h"

#include <vector>

#include "core/sip/message_edit.h"
#include "test/unit/core/sip/sip_test.h"

namespace lockstep::sip {
namespace {

// transport|host|port|branch|received|rport|maddr|ttl.
std::string described(std::string_view text) {
  const std::optional<Via> via = parse_via(text);
  if (!via) return "malformed";
  return str(via->transport_text) + "|" + str(via->host) + "|" + std::to_string(via->port) + "|" +
         str(via->branch) + "|" + str(via->received) + "|" +
         (via->has_rport ? std::to_string(via->rport) : "-") + "|" + str(via->maddr) + "|" +
         std::to_string(via->ttl);
}

std::string text_of(const ResponseDestination& to) { return str(to.host) + " " + std::to_string(to.port); }

std::string destination(std::string_view text) {
  return text_of(response_destination(parse_via(text).value()));
}

struct Row {
  std::string_view text;
  std::string_view expected;
};

}  // namespace

class ViaTest : public CPPUNIT_NS::TestFixture {
  CPPUNIT_TEST_SUITE(ViaTest);
  CPPUNIT_TEST(well_formed_values_give_their_parts);
  CPPUNIT_TEST(malformed_values_are_refused);
  CPPUNIT_TEST(responses_go_as_18_2_2_and_rfc_3581_say);
  CPPUNIT_TEST(responses_of_a_received_request_use_its_source);
  CPPUNIT_TEST(the_cookie_marks_rfc_3261_branches);
  CPPUNIT_TEST_SUITE_END();

  void well_formed_values_give_their_parts() {
    const std::vector<Row> rows = {
        {"SIP/2.0/UDP erlang.bell.com:5060;branch=z9hG4bK87asdks7",
         "UDP|erlang.bell.com|5060|z9hG4bK87asdks7||-||0"},
        {"SIP / 2.0 / UDP first.example.com: 4000;ttl=16 ;maddr=224.2.0.1 ;branch=z9hG4bKa7c6a8dlze.1",
         "UDP|first.example.com|4000|z9hG4bKa7c6a8dlze.1||-|224.2.0.1|16"},
        {"SIP  /   2.0\r\n /UDP\r\n    192.0.2.2;branch=390skdjuw", "UDP|192.0.2.2|0|390skdjuw||-||0"},
        {"sip/2.0/tcp     spindle.example.com   ;\r\n  branch  =   z9hG4bK9ikj8  ",
         "tcp|spindle.example.com|0|z9hG4bK9ikj8||-||0"},
        {"SIP/2.0/UDP [2001:db8::9:1]:6050;received=2001:db8::9:255;rport=5;branch=z9hG4bKas3",
         "UDP|[2001:db8::9:1]|6050|z9hG4bKas3|2001:db8::9:255|5||0"},
        {"SIP/2.0/UDP [2001:db8::9:1];received=[2001:db8::9:255]",
         "UDP|[2001:db8::9:1]|0||2001:db8::9:255|-||0"},
        {"SIP/2.0/UDP h;rport", "UDP|h|0|||0||0"},
        {"SIP/2.0/UDP h;rport=;keep;x=\"a;branch=b\"", "UDP|h|0|||0||0"},
        {"SIP/2.0/UNKNOWN t5.example.com;branch=b", "UNKNOWN|t5.example.com|0|b||-||0"},
        {"SIP/7.0/UDP c.example.com;branch=b", "UDP|c.example.com|0|b||-||0"},
    };
    for (const Row& row : rows) {
      CPPUNIT_ASSERT_EQUAL_MESSAGE(str(row.text), str(row.expected), described(row.text));
    }
  }

  void malformed_values_are_refused() {
    for (std::string_view text :
         {"", "SIP/2.0/UDP", "SIP/2.0/UDP ", "SIP/2.0 UDP h", "SIP/2.0/UDP ;branch=x", "SIP/2.0/UDP h:0",
          "/2.0/UDP h", "SIP/2.0/UDP h:99999", "SIP/2.0/UDP h;ttl=256", "SIP/2.0/UDP h;rport=70000",
          "SIP/2.0/UDP h;received=a b", "SIP/2.0/UDP h;maddr=:", "SIP/2.0/UDP h;x=\"a", "SIP/2.0/UDP h g",
          "SIP/2.0/U@P h", "SIP/2.0/UDP a@b"}) {
      CPPUNIT_ASSERT_EQUAL_MESSAGE(str(text), str("malformed"), described(text));
    }
  }

  void responses_go_as_18_2_2_and_rfc_3581_say() {
    CPPUNIT_ASSERT_EQUAL(str("h 5060"), destination("SIP/2.0/UDP h"));
    CPPUNIT_ASSERT_EQUAL(str("h 5061"), destination("SIP/2.0/TLS h"));
    CPPUNIT_ASSERT_EQUAL(str("h 7000"), destination("SIP/2.0/UDP h:7000"));
    CPPUNIT_ASSERT_EQUAL(str("1.2.3.4 7000"), destination("SIP/2.0/UDP h:7000;received=1.2.3.4"));
    CPPUNIT_ASSERT_EQUAL(str("1.2.3.4 9"), destination("SIP/2.0/UDP h:7000;received=1.2.3.4;rport=9"));
    CPPUNIT_ASSERT_EQUAL(str("::1 5060"), destination("SIP/2.0/UDP [::1]"));
    CPPUNIT_ASSERT_EQUAL(str("224.2.0.1 7000"),
                         destination("SIP/2.0/UDP h:7000;received=1.2.3.4;rport=9;maddr=224.2.0.1"));
  }

  void responses_of_a_received_request_use_its_source() {
    const SourceAddress source{"10.0.0.9", 1025};
    const Via plain = parse_via("SIP/2.0/UDP h:7000").value();
    const Via rport = parse_via("SIP/2.0/UDP h:7000;rport;received=9.9.9.9").value();
    CPPUNIT_ASSERT_EQUAL(str("10.0.0.9 7000"),
                         text_of(response_destination_of_request(plain, source, false)));
    CPPUNIT_ASSERT_EQUAL(str("10.0.0.9 1025"), text_of(response_destination_of_request(plain, source, true)));
    CPPUNIT_ASSERT_EQUAL(str("10.0.0.9 1025"),
                         text_of(response_destination_of_request(rport, source, false)));
  }

  void the_cookie_marks_rfc_3261_branches() {
    CPPUNIT_ASSERT(parse_via("SIP/2.0/UDP h;branch=z9hG4bKx")->has_rfc3261_branch());
    CPPUNIT_ASSERT(!parse_via("SIP/2.0/UDP h;branch=1")->has_rfc3261_branch());
    CPPUNIT_ASSERT(!parse_via("SIP/2.0/UDP h")->has_rfc3261_branch());
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(ViaTest);

}  // namespace lockstep::sip
