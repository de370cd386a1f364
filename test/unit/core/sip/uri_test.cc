// uri_test.cc: the forms of RFC 3261 section 25 and the comparisons of 19.1.4.
#include "core/sip/uri.h"

#include <vector>

#include "test/unit/core/sip/sip_test.h"

namespace lockstep::sip {
namespace {

// Every part in one line: scheme|user|password|host|port|params|headers.
std::string described(std::string_view text) {
  const std::optional<Uri> uri = parse_uri(text);
  if (!uri) return "malformed";
  if (uri->scheme == UriScheme::kOther) return str(uri->scheme_text) + "|" + str(uri->opaque);
  return str(uri->scheme_text) + "|" + str(uri->user) + "|" + str(uri->password) + "|" + str(uri->host) +
         "|" + std::to_string(uri->port) + "|" + str(uri->params.text()) + "|" + str(uri->headers);
}

struct Row {
  std::string_view text;
  std::string_view expected;
};

}  // namespace

class UriTest : public CPPUNIT_NS::TestFixture {
  CPPUNIT_TEST_SUITE(UriTest);
  CPPUNIT_TEST(well_formed_uris_give_their_parts);
  CPPUNIT_TEST(malformed_uris_are_refused);
  CPPUNIT_TEST(equal_uris_of_19_1_4);
  CPPUNIT_TEST(different_uris_of_19_1_4);
  CPPUNIT_TEST(equality_of_other_schemes);
  CPPUNIT_TEST(parameters_are_found_by_escaped_name);
  CPPUNIT_TEST(ports_have_defaults_by_transport);
  CPPUNIT_TEST(hosts_are_told_apart);
  CPPUNIT_TEST_SUITE_END();

  void well_formed_uris_give_their_parts() {
    const std::vector<Row> rows = {
        {"sip:alice@atlanta.com", "sip|alice||atlanta.com|0||"},
        {"sip:alice:secretword@atlanta.com;transport=tcp",
         "sip|alice|secretword|atlanta.com|0|transport=tcp|"},
        {"sips:alice@atlanta.com?subject=project%20x&priority=urgent",
         "sips|alice||atlanta.com|0||subject=project%20x&priority=urgent"},
        {"sip:+1-212-555-1212:1234@gateway.com;user=phone",
         "sip|+1-212-555-1212|1234|gateway.com|0|user=phone|"},
        {"sips:1212@gateway.com", "sips|1212||gateway.com|0||"},
        {"sip:alice@192.0.2.4:5090", "sip|alice||192.0.2.4|5090||"},
        {"sip:atlanta.com;method=REGISTER?to=alice%40atlanta.com",
         "sip|||atlanta.com|0|method=REGISTER|to=alice%40atlanta.com"},
        {"sip:alice;day=tuesday@atlanta.com", "sip|alice;day=tuesday||atlanta.com|0||"},
        {"SIP:x@[2001:db8::10]:5070;lr", "SIP|x||[2001:db8::10]|5070|lr|"},
        {"sip:[::ffff:192.0.2.1]", "sip|||[::ffff:192.0.2.1]|0||"},
        {"sip:user;par=u%40example.net@example.com", "sip|user;par=u%40example.net||example.com|0||"},
        {"sip:sips%3Auser%40example.com@example.net", "sip|sips%3Auser%40example.com||example.net|0||"},
        {"sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)"
         "@example.com",
         "sip|1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*|&it+has=1,weird!*pas$wo~d_too.(doesn't-it)|"
         "example.com|0||"},
        {"sip:null-%00-null@example.com", "sip|null-%00-null||example.com|0||"},
        {"sip:h.example.com.;a;b=[::1]:5/&+$", "sip|||h.example.com.|0|a;b=[::1]:5/&+$|"},
        {"sip:a:@h", "sip|a||h|0||"},
        {"tel:+1-201-555-0123;phone-context=example.com",
         "tel|+1-201-555-0123|||0|phone-context=example.com|"},
        {"tel:*69", "tel|*69|||0||"},
        {"http://www.example.com:80/a?b#c", "http|//www.example.com:80/a?b#c"},
        {"urn:service:sos", "urn|service:sos"},
        {"nobodyKnowsThisScheme:totallyopaquecontent", "nobodyKnowsThisScheme|totallyopaquecontent"},
        {"soap.beep://192.0.2.103:3002", "soap.beep|//192.0.2.103:3002"},
    };
    for (const Row& row : rows) {
      CPPUNIT_ASSERT_EQUAL_MESSAGE(str(row.text), str(row.expected), described(row.text));
    }
  }

  void malformed_uris_are_refused() {
    for (std::string_view text : {"",
                                  "sip:",
                                  "sip",
                                  ":",
                                  "alice@atlanta.com",
                                  "sip:@atlanta.com",
                                  "sip:alice@",
                                  "sip:alice@atlanta.com:",
                                  "sip:alice@atlanta.com:0",
                                  "sip:alice@atlanta.com:65536",
                                  "sip:alice@atlanta.com:50x",
                                  "sip:a b@c",
                                  "sip:alice@atlanta.com; lr",
                                  "<sip:alice@atlanta.com>",
                                  "sip:alice@ata..com",
                                  "sip:alice@256.1.1.1",
                                  "sip:alice@1.2.3",
                                  "sip:alice@[::1",
                                  "sip:alice@::1",
                                  "sip:alice@[1.2.3.4]",
                                  "sip:alice@[1::2::3]",
                                  "sip:alice@[12345::]",
                                  "sip:a@b@c",
                                  "sip:al%ice@x",
                                  "sip:alice%4@x",
                                  "sip:x;a=\"b\"",
                                  "sip:x?a=<b>",
                                  "sip:alice@atlanta .com",
                                  "sip:\"alice\"@x",
                                  "tel:",
                                  "tel:+",
                                  "tel:+1 2",
                                  "tel:abcxyz",
                                  "9ab:x",
                                  "a_b:x",
                                  "mailto:",
                                  "mailto:a b",
                                  "sip:alice@example.com ",
                                  " sip:alice@example.com"}) {
      CPPUNIT_ASSERT_EQUAL_MESSAGE(str(text), str("malformed"), described(text));
    }
  }

  static bool equal_texts(std::string_view a, std::string_view b) {
    const std::optional<Uri> left = parse_uri(a);
    const std::optional<Uri> right = parse_uri(b);
    CPPUNIT_ASSERT_MESSAGE(str(a), left.has_value());
    CPPUNIT_ASSERT_MESSAGE(str(b), right.has_value());
    CPPUNIT_ASSERT_EQUAL_MESSAGE("symmetric: " + str(a), equal(*left, *right), equal(*right, *left));
    return equal(*left, *right);
  }

  void equal_uris_of_19_1_4() {
    const std::vector<Row> rows = {
        {"sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"},
        {"sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"},
        {"sip:carol@chicago.com", "sip:carol@chicago.com;security=on"},
        {"sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on"},
        {"sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
         "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com"},
        {"sip:alice@atlanta.com?subject=project%20x&priority=urgent",
         "sip:alice@atlanta.com?priority=urgent&subject=project%20x"},
        {"SIP:a@b", "sip:a@B"},
        {"sip:a@[2001:DB8::1]", "sip:a@[2001:db8:0:0:0:0:0:1]"},
        {"sip:a@b;maddr=239.255.255.1;lr", "sip:a@b;lr;maddr=239.255.255.1"},
        {"sip:a@b;%6C%72", "sip:a@b;lr"},
    };
    for (const Row& row : rows) CPPUNIT_ASSERT_MESSAGE(str(row.text), equal_texts(row.text, row.expected));
  }

  void different_uris_of_19_1_4() {
    const std::vector<Row> rows = {
        {"SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"},
        {"sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"},
        {"sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"},
        {"sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"},
        {"sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"},
        {"sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"},
        {"sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"},
        {"sip:a@b", "sips:a@b"},
        {"sip:a@b", "sip:b"},
        {"sip:a:x@b", "sip:a@b"},
        {"sip:a:x@b", "sip:a:X@b"},
        {"sip:a%3Bb@c", "sip:a;b@c"},
        {"sip:a@b?x=1&x=1&y=2", "sip:a@b?x=1&y=2&y=2"},
        {"sip:a@b;user=phone", "sip:a@b"},
        {"sip:a@b;ttl=1", "sip:a@b;ttl=2"},
    };
    for (const Row& row : rows) CPPUNIT_ASSERT_MESSAGE(str(row.text), !equal_texts(row.text, row.expected));
  }

  void equality_of_other_schemes() {
    CPPUNIT_ASSERT(equal_texts("tel:+1-201-555-0123", "TEL:+1(201)555.0123"));
    CPPUNIT_ASSERT(!equal_texts("tel:+12015550123", "tel:12015550123;phone-context=+1"));
    CPPUNIT_ASSERT(equal_texts("tel:7;phone-context=+1-2;ext=3", "tel:7;ext=3;phone-context=+12"));
    CPPUNIT_ASSERT(equal_texts("HTTP://a", "http://a"));
    CPPUNIT_ASSERT(!equal_texts("http://a", "http://A"));
    CPPUNIT_ASSERT(!equal_texts("http://a", "sip:a"));
    CPPUNIT_ASSERT(equal_texts("sip:a;maddr=x;maddr=y", "sip:a;maddr=x;maddr=y"));
  }

  void parameters_are_found_by_escaped_name() {
    const Uri uri = parse_uri("sip:h;%6C%72;n%61me=v%61lue%25%34%31;;x").value();
    CPPUNIT_ASSERT(uri.param("lr").has_value());
    CPPUNIT_ASSERT(!uri.param("lr")->has_value);
    CPPUNIT_ASSERT_EQUAL(str("v%61lue%25%34%31"), str(uri.param("NAME")->value));
    CPPUNIT_ASSERT(uri.param("x").has_value());
    CPPUNIT_ASSERT(!uri.param("y").has_value());
    const Uri phone = parse_uri("sip:+123;isub=4;ext=5@gw:5080;user=phone").value();
    CPPUNIT_ASSERT_EQUAL(str("+123"), str(phone.user_without_params()));
    CPPUNIT_ASSERT_EQUAL(str("5"), str(phone.user_params().value("ext")));
    CPPUNIT_ASSERT_EQUAL(str("gw:5080"), str(phone.host_port_text()));
  }

  void ports_have_defaults_by_transport() {
    CPPUNIT_ASSERT_EQUAL(5060, int{parse_uri("sip:a")->effective_port()});
    CPPUNIT_ASSERT_EQUAL(5061, int{parse_uri("sips:a")->effective_port()});
    CPPUNIT_ASSERT_EQUAL(5061, int{parse_uri("sip:a;transport=TLS")->effective_port()});
    CPPUNIT_ASSERT_EQUAL(7, int{parse_uri("sips:a:7")->effective_port()});
  }

  void hosts_are_told_apart() {
    CPPUNIT_ASSERT(host_kind("a-b_c.example") == HostKind::kName);
    CPPUNIT_ASSERT(host_kind("3cx") == HostKind::kName);
    CPPUNIT_ASSERT(host_kind("127.0.0.1") == HostKind::kIpv4);
    CPPUNIT_ASSERT(host_kind("::") == HostKind::kIpv6);
    CPPUNIT_ASSERT(host_kind("[fe80::1:2]") == HostKind::kIpv6);
    for (std::string_view bad :
         {"", "..", "1.2.3.4.5", "a b", "1:2", "::1.2.3", "1:2:3:4:5:6:7:8:9", ":::", "[a]"}) {
      CPPUNIT_ASSERT_MESSAGE(str(bad), !host_kind(bad).has_value());
    }
    CPPUNIT_ASSERT(equal_host("[::1]", "0:0::1"));
    CPPUNIT_ASSERT(!equal_host("::1", "::2"));
    CPPUNIT_ASSERT(!equal_host("a", "127.0.0.1"));
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(UriTest);

}  // namespace lockstep::sip
