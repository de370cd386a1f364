// regex_test.cc: PCRE2 behind Regex.
#include "core/script/regex.h"

#include <cppunit/extensions/HelperMacros.h>

#include <string>

namespace lockstep::script {
namespace {

class RegexTest : public CPPUNIT_NS::TestFixture {
  CPPUNIT_TEST_SUITE(RegexTest);
  CPPUNIT_TEST(matches_anywhere_without_regard_to_case);
  CPPUNIT_TEST(groups_are_places_in_the_subject);
  CPPUNIT_TEST(bad_pattern_names_the_place);
  CPPUNIT_TEST(exploding_pattern_ends_at_a_limit);
  CPPUNIT_TEST_SUITE_END();

 public:
  void matches_anywhere_without_regard_to_case() {
    RegexScratch scratch;
    const Result<Regex, Regex::Error> regex = Regex::compile("b[[:digit:]]+$");
    CPPUNIT_ASSERT(regex.ok());
    CPPUNIT_ASSERT(regex->matches("aB12", scratch));
    CPPUNIT_ASSERT(!regex->matches("ab12\n", scratch));
    CPPUNIT_ASSERT(!regex->matches({}, scratch));
    const Result<Regex, Regex::Error> exact = Regex::compile("b", Regex::Case::kSensitive);
    CPPUNIT_ASSERT(!exact->matches("B", scratch));
  }

  void groups_are_places_in_the_subject() {
    RegexScratch scratch;
    const Result<Regex, Regex::Error> regex = Regex::compile("(x)?(b+)(c)?");
    Regex::Group groups[4];
    CPPUNIT_ASSERT_EQUAL(std::size_t{3}, regex->find("abb", scratch, groups, 4));
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, groups[0].begin);
    CPPUNIT_ASSERT_EQUAL(std::size_t{3}, groups[0].end);
    CPPUNIT_ASSERT(groups[1].begin == Regex::kUnset);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, groups[2].begin);
    CPPUNIT_ASSERT(groups[3].begin == Regex::kUnset);
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, regex->find("a", scratch, groups, 4));
  }

  void bad_pattern_names_the_place() {
    const Result<Regex, Regex::Error> regex = Regex::compile("ab(c");
    CPPUNIT_ASSERT(!regex.ok());
    CPPUNIT_ASSERT_EQUAL(std::size_t{4}, regex.error().offset);
    CPPUNIT_ASSERT_EQUAL(std::string("missing closing parenthesis"), regex.error().text);
  }

  void exploding_pattern_ends_at_a_limit() {
    RegexScratch scratch;
    for (const bool jit : {true, false}) {
      const Result<Regex, Regex::Error> regex = Regex::compile("^(a+)+$", Regex::Case::kSensitive, jit);
      const std::uint64_t before = scratch.limit_count();
      CPPUNIT_ASSERT(!regex->matches(std::string(60, 'a') + "b", scratch));
      CPPUNIT_ASSERT_EQUAL(before + 1, scratch.limit_count());
    }
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(RegexTest);

}  // namespace
}  // namespace lockstep::script
