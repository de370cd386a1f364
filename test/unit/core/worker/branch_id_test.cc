// branch_id_test.cc: the branch of our own Via can be made by this server only, and names one branch.
#include "core/worker/branch_id.h"

#include <cppunit/extensions/HelperMacros.h>

#include <string>

namespace lockstep::worker {
namespace {

constexpr std::uint64_t kSecret = 0x0123456789abcdef;

class BranchIdTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(BranchIdTest);
  CPPUNIT_TEST(what_was_written_is_read_back);
  CPPUNIT_TEST(each_changed_character_is_refused);
  CPPUNIT_TEST(another_secret_refuses_it);
  CPPUNIT_TEST(other_lengths_are_refused);
  CPPUNIT_TEST(a_stateless_branch_depends_on_the_request);
  CPPUNIT_TEST(the_two_kinds_are_not_taken_for_each_other);
  CPPUNIT_TEST(a_tag_is_the_same_for_all_responses_to_one_request);
  CPPUNIT_TEST_SUITE_END();

 public:
  void what_was_written_is_read_back() {
    for (const BranchId& id : {BranchId{0, 0, 0}, BranchId{1, 2, 3}, BranchId{0xffffffff, 0xffffffff, 0xff},
                               BranchId{0x89abcdef, 0x10, 31}}) {
      const BranchText text = branch_text(id, kSecret);
      CPPUNIT_ASSERT_EQUAL(kBranchTextBytes, text.view().size());
      CPPUNIT_ASSERT(text.view().starts_with("z9hG4bK"));
      const auto back = parse_branch(text.view(), kSecret);
      CPPUNIT_ASSERT(back.has_value());
      CPPUNIT_ASSERT(back->slot == id.slot && back->generation == id.generation && back->branch == id.branch);
    }
  }

  void each_changed_character_is_refused() {
    const std::string text(branch_text({17, 4, 1}, kSecret).view());
    for (std::size_t i = 0; i < text.size(); ++i) {
      for (const char c : {'0', '7', 'f', 'F', 'g', ' ', '\0'}) {
        std::string changed = text;
        if (changed[i] == c) continue;
        changed[i] = c;
        CPPUNIT_ASSERT_MESSAGE(changed, !parse_branch(changed, kSecret).has_value());
      }
    }
  }

  void another_secret_refuses_it() {
    CPPUNIT_ASSERT(!parse_branch(branch_text({17, 4, 1}, kSecret).view(), kSecret + 1).has_value());
  }

  void other_lengths_are_refused() {
    const std::string text(branch_text({17, 4, 1}, kSecret).view());
    for (std::size_t i = 0; i < text.size(); ++i) {
      CPPUNIT_ASSERT(!parse_branch(text.substr(0, i), kSecret).has_value());
    }
    CPPUNIT_ASSERT(!parse_branch(text + "0", kSecret).has_value());
  }

  // RFC 3261 16.11: a retransmission gets the same branch, another request another one.
  void a_stateless_branch_depends_on_the_request() {
    const BranchText text = stateless_branch_text(99, kSecret);
    CPPUNIT_ASSERT_EQUAL(kStatelessBranchTextBytes, text.view().size());
    CPPUNIT_ASSERT(is_stateless_branch(text.view()));
    CPPUNIT_ASSERT(text.view() == stateless_branch_text(99, kSecret).view());
    CPPUNIT_ASSERT(text.view() != stateless_branch_text(98, kSecret).view());
    CPPUNIT_ASSERT(text.view() != stateless_branch_text(99, kSecret + 1).view());
  }

  void the_two_kinds_are_not_taken_for_each_other() {
    CPPUNIT_ASSERT(!is_stateless_branch(branch_text({17, 4, 1}, kSecret).view()));
    CPPUNIT_ASSERT(!parse_branch(stateless_branch_text(99, kSecret).view(), kSecret).has_value());
    CPPUNIT_ASSERT(!is_stateless_branch("z9hG4bKsomebody.elses.one"));
    CPPUNIT_ASSERT(!is_stateless_branch(""));
  }

  void a_tag_is_the_same_for_all_responses_to_one_request() {
    const TagText tag = local_tag("call-1", "a1", 7, kSecret);
    CPPUNIT_ASSERT_EQUAL(std::size_t{18}, tag.view().size());
    CPPUNIT_ASSERT(tag.view() == local_tag("call-1", "a1", 7, kSecret).view());
    CPPUNIT_ASSERT(tag.view() != local_tag("call-2", "a1", 7, kSecret).view());
    CPPUNIT_ASSERT(tag.view() != local_tag("call-1", "a2", 7, kSecret).view());
    CPPUNIT_ASSERT(tag.view() != local_tag("call-1", "a1", 8, kSecret).view());
    CPPUNIT_ASSERT(tag.view() != local_tag("call-1", "a1", 7, kSecret + 1).view());
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(BranchIdTest);

}  // namespace
}  // namespace lockstep::worker
