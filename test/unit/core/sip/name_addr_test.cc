// name_addr_test.cc: display names, brackets and header parameters.
#include "core/sip/name_addr.h"

#include <vector>

#include "test/unit/core/sip/sip_test.h"

namespace lockstep::sip {
namespace {

// display|uri|params.
std::string described(std::string_view text) {
  const std::optional<NameAddr> value = parse_name_addr(text);
  if (!value) return "malformed";
  if (value->is_star) return "*";
  return str(value->display) + "|" + str(value->uri) + "|" + str(value->params.text());
}

struct Row {
  std::string_view text;
  std::string_view expected;
};

}  // namespace

class NameAddrTest : public CPPUNIT_NS::TestFixture {
  CPPUNIT_TEST_SUITE(NameAddrTest);
  CPPUNIT_TEST(well_formed_values_give_their_parts);
  CPPUNIT_TEST(malformed_values_are_refused);
  CPPUNIT_TEST(parameters_are_read_in_place);
  CPPUNIT_TEST_SUITE_END();

  void well_formed_values_give_their_parts() {
    const std::vector<Row> rows = {
        {"*", "*"},
        {" <sip:a@b> ", "|sip:a@b|"},
        {"sip:a@b", "|sip:a@b|"},
        {"sip:a@b;tag=1", "|sip:a@b|tag=1"},
        {"<sip:a@b;lr>;tag=1", "|sip:a@b;lr|tag=1"},
        {"Alice <sip:a@b>", "Alice|sip:a@b|"},
        {"A B\r\n C<sip:a@b>;x", "A B\r\n C|sip:a@b|x"},
        {"\"Bell, \\\"A\\\" <x>;\" <sip:a@b>;tag=1", "\"Bell, \\\"A\\\" <x>;\"|sip:a@b|tag=1"},
        {"\"\"<sip:a@b?x=y>", "\"\"|sip:a@b?x=y|"},
        {"\r\n sip:vivekg@chair.example.com ;   tag    = 1918181833n",
         "|sip:vivekg@chair.example.com|   tag    = 1918181833n"},
        {"token1~` token2'+_ token3*%!.- <sip:m@e.com>;fromParam''~+*_!.-%=\"x\xd1\x80;,>\";tag=_t*1",
         "token1~` token2'+_ token3*%!.-|sip:m@e.com|fromParam''~+*_!.-%=\"x\xd1\x80;,>\";tag=_t*1"},
        {"<isbn:2983792873>", "|isbn:2983792873|"},
        {"Jos\xc3\xa9 (home) <sip:a@b>", "Jos\xc3\xa9 (home)|sip:a@b|"},
    };
    for (const Row& row : rows) {
      CPPUNIT_ASSERT_EQUAL_MESSAGE(str(row.text), str(row.expected), described(row.text));
    }
  }

  void malformed_values_are_refused() {
    for (std::string_view text :
         {"", "  ", "\"Mr. J. User <sip:j.user@example.com>", "<sip:a@b", "\"A\" sip:a@b",
          "\"A\" x <sip:a@b>", "<>", "Bell, Alexander <sip:a.g.bell@example.com>;tag=43",
          "sip:user@example.com?Route=%3Csip:x%3E", "<sip:a@b> tag=1", "<sip:a@b>;tag=\"x", "<sip:a@b>;=x",
          "<sip:a@b>;tag=a b", "sip:a@b,sip:c@d", "<sip:a@b>;a b=c", "sip:a b", "a \"b\" <sip:a@b>"}) {
      CPPUNIT_ASSERT_EQUAL_MESSAGE(str(text), str("malformed"), described(text));
    }
  }

  void parameters_are_read_in_place() {
    const NameAddr value =
        parse_name_addr(
            "\"x\" <sip:a@b> ; newparam =\r\n newvalue ;\r\n Q = 0.33;Expires=7;s=\"a;b\\\"\";+x;tag=T")
            .value();
    CPPUNIT_ASSERT_EQUAL(330, int{value.q().value()});
    CPPUNIT_ASSERT_EQUAL(7u, value.expires().value());
    CPPUNIT_ASSERT_EQUAL(str("newvalue"), str(value.param("newparam")->value));
    CPPUNIT_ASSERT_EQUAL(str("a;b\\\""), str(value.param("s")->bare_value()));
    CPPUNIT_ASSERT_EQUAL(str("s=\"a;b\\\"\""), str(value.param("s")->text()));
    CPPUNIT_ASSERT_EQUAL(str("T"), str(value.tag()));
    CPPUNIT_ASSERT(value.param("+x").has_value());
    CPPUNIT_ASSERT(!value.param("+x")->has_value);
    CPPUNIT_ASSERT_EQUAL(str("<sip:c>;q=1"), str(parse_name_addr("D <sip:c>;q=1")->text_without_display()));
    CPPUNIT_ASSERT(!parse_name_addr("<sip:a>;q=7;expires=x")->q());
    CPPUNIT_ASSERT(!parse_name_addr("<sip:a>;q=7;expires=x")->expires());
    CPPUNIT_ASSERT_EQUAL(4294967295u, parse_name_addr("<sip:a>;expires=280297596632815")->expires().value());
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(NameAddrTest);

}  // namespace lockstep::sip
