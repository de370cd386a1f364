// text_test.cc: the character level: numbers, q values, quoting, escapes.
#include "core/sip/text.h"

#include <array>

#include "test/unit/core/sip/sip_test.h"

namespace lockstep::sip {

class TextTest : public CPPUNIT_NS::TestFixture {
  CPPUNIT_TEST_SUITE(TextTest);
  CPPUNIT_TEST(numbers_have_bounds);
  CPPUNIT_TEST(delta_seconds_saturate);
  CPPUNIT_TEST(q_values_are_thousandths);
  CPPUNIT_TEST(comparison_has_no_case_and_no_locale);
  CPPUNIT_TEST(quoted_strings_end_at_the_unescaped_quote);
  CPPUNIT_TEST(unquote_takes_escapes_out);
  CPPUNIT_TEST(unescape_decodes_or_refuses);
  CPPUNIT_TEST(escapes_equal_plain_characters_but_for_the_reserved);
  CPPUNIT_TEST_SUITE_END();

  static long number(std::string_view text, std::uint32_t max) {
    const auto value = parse_number(text, max);
    return value ? static_cast<long>(*value) : -1;
  }
  static int q(std::string_view text) {
    const auto value = parse_q(text);
    return value ? *value : -1;
  }

  void numbers_have_bounds() {
    CPPUNIT_ASSERT_EQUAL(68L, number("0068", 255));
    CPPUNIT_ASSERT_EQUAL(255L, number("255", 255));
    CPPUNIT_ASSERT_EQUAL(-1L, number("256", 255));
    CPPUNIT_ASSERT_EQUAL(-1L, number("", 255));
    CPPUNIT_ASSERT_EQUAL(-1L, number("-1", 255));
    CPPUNIT_ASSERT_EQUAL(-1L, number("1 ", 255));
    CPPUNIT_ASSERT_EQUAL(4294967295L, number("4294967295", 0xffffffff));
    CPPUNIT_ASSERT_EQUAL(-1L, number("99999999999999999999999999999999", 0xffffffff));
  }
  void delta_seconds_saturate() {
    CPPUNIT_ASSERT_EQUAL(4294967295u, parse_delta_seconds("1000000000000000000000").value());
    CPPUNIT_ASSERT_EQUAL(3600u, parse_delta_seconds("3600").value());
    CPPUNIT_ASSERT(!parse_delta_seconds("1h"));
  }
  void q_values_are_thousandths() {
    CPPUNIT_ASSERT_EQUAL(0, q("0"));
    CPPUNIT_ASSERT_EQUAL(0, q("0."));
    CPPUNIT_ASSERT_EQUAL(330, q("0.33"));
    CPPUNIT_ASSERT_EQUAL(999, q("0.999"));
    CPPUNIT_ASSERT_EQUAL(1000, q("1.000"));
    CPPUNIT_ASSERT_EQUAL(-1, q("1.001"));
    CPPUNIT_ASSERT_EQUAL(-1, q("0.1234"));
    CPPUNIT_ASSERT_EQUAL(-1, q("2"));
    CPPUNIT_ASSERT_EQUAL(-1, q(".5"));
    CPPUNIT_ASSERT_EQUAL(-1, q(""));
  }
  void comparison_has_no_case_and_no_locale() {
    CPPUNIT_ASSERT(equal_nocase("CALL-id", "call-ID"));
    CPPUNIT_ASSERT(!equal_nocase("call-id", "call-i"));
    CPPUNIT_ASSERT(!equal_nocase("[", "{"));
    CPPUNIT_ASSERT(starts_with_nocase("z9HG4BKabc", "z9hG4bK"));
    CPPUNIT_ASSERT_EQUAL(str("a b"), str(trim(" \t\r\n a b\r\n ")));
  }
  void quoted_strings_end_at_the_unescaped_quote() {
    const std::string_view text = R"("a\"b\\",c)";
    CPPUNIT_ASSERT_EQUAL(std::size_t{8}, quoted_string_end(text, 0));
    CPPUNIT_ASSERT_EQUAL(std::size_t{8}, find_outside_quotes(text, ','));
    CPPUNIT_ASSERT_EQUAL(std::string_view::npos, quoted_string_end("\"abc\\\"", 0));
    CPPUNIT_ASSERT_EQUAL(std::string_view::npos, find_outside_quotes("\"a,b", ','));
  }
  void unquote_takes_escapes_out() {
    std::array<char, 8> out;
    CPPUNIT_ASSERT_EQUAL(str("a\"b\\"), str(unquote(R"("a\"b\\")", out).value()));
    CPPUNIT_ASSERT_EQUAL(str("plain"), str(unquote("\"plain\"", out).value()));
    CPPUNIT_ASSERT_EQUAL(str("token"), str(unquote("token", out).value()));
    CPPUNIT_ASSERT(!unquote(R"("123456789\"")", out));
  }
  void unescape_decodes_or_refuses() {
    std::array<char, 16> out;
    CPPUNIT_ASSERT_EQUAL(str("a b%"), str(unescape("a%20b%25", out).value()));
    CPPUNIT_ASSERT_EQUAL(std::string("a\0b", 3), str(unescape("a%00b", out).value()));
    CPPUNIT_ASSERT(!unescape("a%2", out));
    CPPUNIT_ASSERT(!unescape("a%zz", out));
    CPPUNIT_ASSERT(escapes_are_valid("%41%fF"));
    CPPUNIT_ASSERT(!escapes_are_valid("%41%"));
  }
  void escapes_equal_plain_characters_but_for_the_reserved() {
    CPPUNIT_ASSERT(equal_escaped("%61lice", "alic%65", Case::kSensitive));
    CPPUNIT_ASSERT(!equal_escaped("Alice", "alice", Case::kSensitive));
    CPPUNIT_ASSERT(equal_escaped("%41lice", "alice", Case::kInsensitive));
    CPPUNIT_ASSERT(!equal_escaped("a%40b", "a@b", Case::kSensitive));
    CPPUNIT_ASSERT(equal_escaped("a%3bb", "a%3Bb", Case::kSensitive));
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(TextTest);

}  // namespace lockstep::sip
