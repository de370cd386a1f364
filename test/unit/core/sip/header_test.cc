// header_test.cc: header names as numbers, and list values.
#include "core/sip/header.h"

#include <cctype>

#include "test/unit/core/sip/sip_test.h"

namespace lockstep::sip {

class HeaderTest : public CPPUNIT_NS::TestFixture {
  CPPUNIT_TEST_SUITE(HeaderTest);
  CPPUNIT_TEST(every_name_is_found_in_any_case);
  CPPUNIT_TEST(every_compact_name_is_found);
  CPPUNIT_TEST(unknown_names_are_other);
  CPPUNIT_TEST(list_values_keep_their_exact_bytes);
  CPPUNIT_TEST_SUITE_END();

  void every_name_is_found_in_any_case() {
    for (std::size_t i = 1; i < kHeaderIdCount; ++i) {
      const auto id = static_cast<HeaderId>(i);
      std::string upper = str(header_name(id));
      for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
      CPPUNIT_ASSERT_EQUAL_MESSAGE(upper, i, static_cast<std::size_t>(header_id(header_name(id))));
      CPPUNIT_ASSERT_EQUAL_MESSAGE(upper, i, static_cast<std::size_t>(header_id(upper)));
    }
  }
  void every_compact_name_is_found() {
    std::string all;
    for (std::size_t i = 1; i < kHeaderIdCount; ++i) {
      const char compact = header_compact_name(static_cast<HeaderId>(i));
      if (compact == '\0') continue;
      all += compact;
      CPPUNIT_ASSERT_EQUAL(i, static_cast<std::size_t>(header_id(std::string_view(&compact, 1))));
    }
    CPPUNIT_ASSERT_EQUAL(str("auimelcofynrbjdxsktv"), all);
  }
  void unknown_names_are_other() {
    for (std::string_view name : {"", "z", "1", "X-Foo", "Call-IE", "Vi", "Viaa", "Content_Length"}) {
      CPPUNIT_ASSERT_MESSAGE(str(name), header_id(name) == HeaderId::kOther);
    }
  }
  void list_values_keep_their_exact_bytes() {
    std::string_view rest = " , \"a,b\\\",\" <sip:x@y,z;p> ;q=1,\r\n  <sip:c>, , d ,";
    CPPUNIT_ASSERT_EQUAL(str("\"a,b\\\",\" <sip:x@y,z;p> ;q=1"), str(next_list_value(rest)));
    CPPUNIT_ASSERT_EQUAL(str("<sip:c>"), str(next_list_value(rest)));
    CPPUNIT_ASSERT_EQUAL(str("d"), str(next_list_value(rest)));
    CPPUNIT_ASSERT_EQUAL(str(""), str(next_list_value(rest)));
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(HeaderTest);

}  // namespace lockstep::sip
