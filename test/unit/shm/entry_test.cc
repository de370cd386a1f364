// entry_test.cc: the entry protocol step by step, and each state in which a death can leave it: the states
// are made by hand, the replacement's steps must end as if nobody had died.
#include <vector>

#include "test/unit/shm/shm_fixture.h"

namespace lockstep::shm {
namespace {

using test::ShmFixture;

constexpr WorkerId kMe = ShmFixture::kFirst;
constexpr WorkerId kOther = ShmFixture::kSecond;

class EntryTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(EntryTest);
  CPPUNIT_TEST(the_first_to_admit_owns_the_entry);
  CPPUNIT_TEST(events_are_worked_in_the_order_of_admission);
  CPPUNIT_TEST(numbers_continue_from_what_is_consumed);
  CPPUNIT_TEST(a_dropped_event_is_free);
  CPPUNIT_TEST(release_fails_while_the_inbox_holds_events);
  CPPUNIT_TEST(owners_change_with_the_inbox_untouched);
  CPPUNIT_TEST(death_before_the_inbox_was_taken);
  CPPUNIT_TEST(death_after_more_was_pushed_on_an_intent);
  CPPUNIT_TEST(death_after_the_inbox_was_taken);
  CPPUNIT_TEST(death_while_the_taken_events_were_linked);
  CPPUNIT_TEST(death_after_the_list_was_whole);
  CPPUNIT_TEST(was_pushed_tells_exactly);
  CPPUNIT_TEST_SUITE_END();

  static std::vector<const EventNode*> worked(ShmFixture& on) {
    std::vector<const EventNode*> nodes;
    Entry entry = on.entry();
    std::uint64_t number = entry.consumed();
    while (EventNode* node = entry.next_event()) {
      CPPUNIT_ASSERT_EQUAL(++number, node->number);
      CPPUNIT_ASSERT(node->state.load() == NodeState::kTaken);
      nodes.push_back(node);
      entry.commit(node->number);
      entry.drop_event();
    }
    return nodes;
  }
  static std::vector<const EventNode*> first(const ShmFixture& on, std::size_t count) {
    std::vector<const EventNode*> nodes;
    for (std::size_t i = 0; i < count; ++i) nodes.push_back(&on.nodes[i]);
    return nodes;
  }
  static void admit(ShmFixture& on, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) on.entry().admit(on.claimed(i), i == 0 ? kMe : kOther);
  }
  // Steps 1 and 2 of a take, by hand.
  static std::uint32_t take_by_hand(ShmFixture& on) {
    const auto newest = static_cast<std::uint32_t>(on.record->word.load());
    on.record->take_intent.store(newest);
    on.record->word.store(static_cast<std::uint64_t>(kMe.value) << 56);
    return newest;
  }

 public:
  void the_first_to_admit_owns_the_entry() {
    ShmFixture on;
    CPPUNIT_ASSERT(on.entry().owner() == WorkerId{});
    CPPUNIT_ASSERT(on.entry().admit(on.claimed(0), kMe));
    CPPUNIT_ASSERT(on.entry().owner() == kMe);
    CPPUNIT_ASSERT(!on.entry().admit(on.claimed(1), kOther));
    CPPUNIT_ASSERT(!on.entry().admit(on.claimed(2), kMe));
    CPPUNIT_ASSERT(on.entry().owner() == kMe);
  }
  void events_are_worked_in_the_order_of_admission() {
    ShmFixture on;
    admit(on, 3);
    CPPUNIT_ASSERT(on.entry().take_inbox());
    on.entry().admit(on.claimed(3), kOther);
    CPPUNIT_ASSERT(worked(on) == first(on, 3));
    CPPUNIT_ASSERT(on.entry().take_inbox());
    CPPUNIT_ASSERT(worked(on) == std::vector<const EventNode*>{&on.nodes[3]});
    CPPUNIT_ASSERT(!on.entry().take_inbox());
    CPPUNIT_ASSERT_EQUAL(0u, on.record->take_intent.load());
  }
  void numbers_continue_from_what_is_consumed() {
    ShmFixture on;
    on.record->consumed.store(41);
    admit(on, 2);
    CPPUNIT_ASSERT(on.entry().take_inbox());
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{42}, on.entry().next_event()->number);
    CPPUNIT_ASSERT(worked(on) == first(on, 2));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{43}, on.entry().consumed());
  }
  void a_dropped_event_is_free() {
    ShmFixture on;
    admit(on, 1);
    on.entry().take_inbox();
    worked(on);
    CPPUNIT_ASSERT(on.nodes[0].state.load() == NodeState::kFree);
  }
  void release_fails_while_the_inbox_holds_events() {
    ShmFixture on;
    admit(on, 1);
    on.entry().take_inbox();
    worked(on);
    on.entry().admit(on.claimed(1), kOther);
    CPPUNIT_ASSERT(!on.entry().try_release(kMe));
    on.entry().take_inbox();
    worked(on);
    CPPUNIT_ASSERT(on.entry().try_release(kMe));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, on.record->word.load());
    CPPUNIT_ASSERT(!on.entry().try_release(kMe));
  }
  void owners_change_with_the_inbox_untouched() {
    ShmFixture on;
    admit(on, 2);
    CPPUNIT_ASSERT(!on.entry().try_change_owner(kOther, kMe));
    CPPUNIT_ASSERT(on.entry().try_change_owner(kMe, kOther));
    CPPUNIT_ASSERT(on.entry().owner() == kOther);
    CPPUNIT_ASSERT(on.entry().take_inbox());
    CPPUNIT_ASSERT(worked(on) == first(on, 2));
  }

  void death_before_the_inbox_was_taken() {
    ShmFixture on;
    admit(on, 2);
    on.record->take_intent.store(on.handle(on.nodes[1]));
    on.entry().finish_take();
    CPPUNIT_ASSERT(on.entry().next_event() == nullptr);
    CPPUNIT_ASSERT_EQUAL(0u, on.record->take_intent.load());
    CPPUNIT_ASSERT(on.entry().take_inbox());
    CPPUNIT_ASSERT(worked(on) == first(on, 2));
  }
  void death_after_more_was_pushed_on_an_intent() {
    ShmFixture on;
    admit(on, 2);
    on.record->take_intent.store(on.handle(on.nodes[1]));
    on.entry().admit(on.claimed(2), kOther);
    on.entry().finish_take();
    CPPUNIT_ASSERT(on.entry().take_inbox());
    CPPUNIT_ASSERT(worked(on) == first(on, 3));
  }
  void death_after_the_inbox_was_taken() {
    ShmFixture on;
    admit(on, 3);
    take_by_hand(on);
    on.entry().admit(on.claimed(3), kOther);
    on.entry().finish_take();
    CPPUNIT_ASSERT(worked(on) == first(on, 3));
    CPPUNIT_ASSERT(on.entry().take_inbox());
    CPPUNIT_ASSERT(worked(on) == std::vector<const EventNode*>{&on.nodes[3]});
  }
  // Some marked taken and linked, the list not yet hung up; and once more the same.
  void death_while_the_taken_events_were_linked() {
    ShmFixture on;
    admit(on, 3);
    take_by_hand(on);
    on.nodes[2].work_next = 0;
    on.nodes[2].state.store(NodeState::kTaken);
    on.nodes[1].work_next = on.handle(on.nodes[2]);
    on.entry().finish_take();
    CPPUNIT_ASSERT(worked(on) == first(on, 3));
  }
  void death_after_the_list_was_whole() {
    ShmFixture on;
    admit(on, 2);
    on.entry().take_inbox();
    on.record->take_intent.store(on.handle(on.nodes[1]));
    on.entry().finish_take();
    CPPUNIT_ASSERT_EQUAL(0u, on.record->take_intent.load());
    CPPUNIT_ASSERT(worked(on) == first(on, 2));
  }

  void was_pushed_tells_exactly() {
    ShmFixture on;
    EventNode& node = on.claimed(0);
    CPPUNIT_ASSERT(!on.entry().was_pushed(node));  // Claimed only.
    on.entry().admit(on.claimed(1), kOther);
    CPPUNIT_ASSERT(!on.entry().was_pushed(node));  // Others are in.
    node.inbox_next = on.handle(on.nodes[1]);
    CPPUNIT_ASSERT(!on.entry().was_pushed(node));  // Died before the compare-and-swap.
    on.entry().admit(node, kMe);
    CPPUNIT_ASSERT(on.entry().was_pushed(node));
    on.entry().admit(on.claimed(2), kOther);
    CPPUNIT_ASSERT(on.entry().was_pushed(node));  // No longer the newest.
    on.entry().take_inbox();
    CPPUNIT_ASSERT(on.entry().was_pushed(node));  // Taken.
    worked(on);
    CPPUNIT_ASSERT(on.entry().was_pushed(node));  // Worked and freed.
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(EntryTest);

}  // namespace
}  // namespace lockstep::shm
