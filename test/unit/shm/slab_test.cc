// slab_test.cc: slots are handed out once, come back, are bounded, and after a death are found by their
// marks.
#include <set>
#include <vector>

#include "test/unit/shm/shm_fixture.h"

namespace lockstep::shm {
namespace {

using test::ShmFixture;

constexpr SlabKind kKind = SlabKind::kMessage512;

class SlabTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(SlabTest);
  CPPUNIT_TEST(slots_are_distinct_and_lie_apart);
  CPPUNIT_TEST(a_slot_knows_its_kind_and_mark);
  CPPUNIT_TEST(messages_get_the_smallest_slot_that_fits);
  CPPUNIT_TEST(what_is_given_is_taken_again);
  CPPUNIT_TEST(a_full_stock_spills_to_the_others);
  CPPUNIT_TEST(a_kind_is_bounded_and_refusals_are_counted);
  CPPUNIT_TEST(figures_leave_stocks_out);
  CPPUNIT_TEST(a_sweep_frees_what_a_dead_worker_held);
  CPPUNIT_TEST(a_sweep_asks_for_linked_slots_and_keeps_others_hands_off);
  CPPUNIT_TEST(a_lock_left_held_is_let_go_and_the_lists_are_whole);
  CPPUNIT_TEST(a_stock_left_in_the_middle_of_a_spill_gives_no_slot_twice);
  CPPUNIT_TEST(too_small_a_segment_has_no_slabs);
  CPPUNIT_TEST_SUITE_END();

  static std::vector<SlotHandle> take_all(Slabs& slabs, SlabKind kind = kKind) {
    std::vector<SlotHandle> all;
    for (SlotHandle slot = slabs.try_take(kind); slot; slot = slabs.try_take(kind)) all.push_back(slot);
    return all;
  }
  static std::size_t distinct(const std::vector<SlotHandle>& slots) {
    std::set<std::uint32_t> values;
    for (const SlotHandle slot : slots) values.insert(slot.value);
    return values.size();
  }
  static Mark free_all(SlotHandle, Mark) { return mark_held(ShmFixture::kFirst); }

 public:
  void slots_are_distinct_and_lie_apart() {
    ShmFixture on;
    std::set<char*> places;
    for (int i = 0; i < 300; ++i) places.insert(on.slabs[0].bytes(on.slabs[0].try_take(kKind)));
    CPPUNIT_ASSERT_EQUAL(std::size_t{300}, places.size());
    for (auto at = std::next(places.begin()); at != places.end(); ++at)
      CPPUNIT_ASSERT(*at - *std::prev(at) >= 512);
  }
  void a_slot_knows_its_kind_and_mark() {
    ShmFixture on;
    const SlotHandle slot = on.slabs[0].try_take(SlabKind::kTransaction);
    CPPUNIT_ASSERT(on.slabs[0].kind_of(slot) == SlabKind::kTransaction);
    CPPUNIT_ASSERT_EQUAL(std::size_t{704}, on.slabs[0].slot_bytes(slot));
    CPPUNIT_ASSERT_EQUAL(mark_held(ShmFixture::kFirst), on.slabs[0].mark(slot));
    on.slabs[0].set_mark(slot, mark_linked(slot.value));
    CPPUNIT_ASSERT_EQUAL(mark_linked(slot.value), on.slabs[1].mark(slot));
  }
  void messages_get_the_smallest_slot_that_fits() {
    ShmFixture on;
    Slabs& slabs = on.slabs[0];
    const auto bytes_for = [&slabs](std::size_t bytes) {
      return slabs.slot_bytes(slabs.try_take_message(bytes));
    };
    CPPUNIT_ASSERT_EQUAL(std::size_t{512}, bytes_for(1));
    CPPUNIT_ASSERT_EQUAL(std::size_t{512}, bytes_for(512));
    CPPUNIT_ASSERT_EQUAL(std::size_t{1024}, bytes_for(513));
    CPPUNIT_ASSERT_EQUAL(std::size_t{65536}, bytes_for(65536));
    CPPUNIT_ASSERT(!slabs.try_take_message(65537));
  }
  void what_is_given_is_taken_again() {
    ShmFixture on;
    const SlotHandle slot = on.slabs[0].try_take(kKind);
    on.slabs[0].give(slot);
    CPPUNIT_ASSERT(slot == on.slabs[0].try_take(kKind));
  }
  // What one worker has taken another may give back.
  void a_full_stock_spills_to_the_others() {
    ShmFixture on;
    const auto all = take_all(on.slabs[0]);
    for (const SlotHandle slot : all) on.slabs[1].give(slot);
    const auto again = take_all(on.slabs[2]);
    CPPUNIT_ASSERT(again.size() >= all.size() - 64);  // A stock keeps 64 at most.
    CPPUNIT_ASSERT_EQUAL(again.size(), distinct(again));
    CPPUNIT_ASSERT_EQUAL(all.size(), again.size() + take_all(on.slabs[1]).size());
  }
  void a_kind_is_bounded_and_refusals_are_counted() {
    ShmFixture on;
    const auto all = take_all(on.slabs[0]);
    CPPUNIT_ASSERT_EQUAL(all.size(), distinct(all));
    const SlabFigures figures = on.slabs[0].figures(kKind);
    CPPUNIT_ASSERT_EQUAL(figures.capacity, static_cast<std::uint64_t>(all.size()));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, figures.refusals);
    CPPUNIT_ASSERT(!on.slabs[1].try_take(kKind));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, on.slabs[0].figures(kKind).refusals);
    // The rest of the pages is still there for others.
    CPPUNIT_ASSERT(on.slabs[0].used_bytes() < on.slabs[0].total_bytes());
    CPPUNIT_ASSERT(on.slabs[1].try_take(SlabKind::kTransaction));
  }
  void figures_leave_stocks_out() {
    ShmFixture on;
    std::vector<SlotHandle> taken;
    for (int i = 0; i < 40; ++i) taken.push_back(on.slabs[0].try_take(kKind));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{40}, on.slabs[1].figures(kKind).live);
    for (const SlotHandle slot : taken) on.slabs[0].give(slot);
    const SlabFigures figures = on.slabs[1].figures(kKind);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, figures.live);
    CPPUNIT_ASSERT(figures.peak >= 32);
  }
  void a_sweep_frees_what_a_dead_worker_held() {
    ShmFixture on;
    const auto all = take_all(on.slabs[0]);
    for (std::size_t i = 0; i < 70; ++i) on.slabs[0].give(all[i]);
    on.slabs[0].recover_lock();
    on.slabs[0].sweep(free_all);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, on.slabs[1].figures(kKind).live);
    const auto mine = take_all(on.slabs[1]);
    const auto rest = take_all(on.slabs[0]);
    CPPUNIT_ASSERT_EQUAL(all.size(), mine.size() + rest.size());
  }
  void a_sweep_asks_for_linked_slots_and_keeps_others_hands_off() {
    ShmFixture on;
    const SlotHandle held = on.slabs[0].try_take(kKind);
    const SlotHandle linked = on.slabs[0].try_take(kKind);
    const SlotHandle reached = on.slabs[0].try_take(kKind);
    const SlotHandle others = on.slabs[1].try_take(kKind);
    on.slabs[0].set_mark(linked, mark_linked(77));
    std::set<std::uint32_t> asked;
    on.slabs[0].sweep([&](SlotHandle slot, Mark mark) -> Mark {
      asked.insert(slot.value);
      if (slot == reached) return mark_linked(88);
      return is_linked(mark) ? mark : mark_held(ShmFixture::kFirst);
    });
    CPPUNIT_ASSERT(asked.contains(held.value) && asked.contains(linked.value));
    CPPUNIT_ASSERT(!asked.contains(others.value));
    CPPUNIT_ASSERT_EQUAL(mark_linked(77), on.slabs[0].mark(linked));
    CPPUNIT_ASSERT_EQUAL(mark_linked(88), on.slabs[0].mark(reached));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{3}, on.slabs[0].figures(kKind).live);
  }
  void a_lock_left_held_is_let_go_and_the_lists_are_whole() {
    ShmFixture on;
    const auto all = take_all(on.slabs[0]);
    for (const SlotHandle slot : all) on.slabs[0].give(slot);
    // The lock is the first member of the directory. The dead worker had just marked a slot its own, and
    // not yet taken it off the list.
    auto& lock = *reinterpret_cast<OwnedLock*>(on.directory);
    lock.lock(ShmFixture::kFirst);
    const SlotHandle half_taken = all[0];
    on.slabs[0].set_mark(half_taken, mark_held(ShmFixture::kFirst));
    on.slabs[0].recover_lock();
    CPPUNIT_ASSERT(!lock.is_held_by(ShmFixture::kFirst));
    on.slabs[0].sweep(free_all);
    const auto by_second = take_all(on.slabs[1]);
    const auto by_first = take_all(on.slabs[0]);
    std::vector<SlotHandle> both = by_second;
    both.insert(both.end(), by_first.begin(), by_first.end());
    CPPUNIT_ASSERT_EQUAL(all.size(), both.size());
    CPPUNIT_ASSERT_EQUAL(all.size(), distinct(both));
  }
  // The slot on top of the stock is free already, by its mark, but still counted in the stock.
  void a_stock_left_in_the_middle_of_a_spill_gives_no_slot_twice() {
    ShmFixture on;
    auto all = take_all(on.slabs[0]);
    const SlotHandle in_hand = all.back();
    all.pop_back();
    for (std::size_t i = 0; i < 64; ++i) on.slabs[0].give(all[i]);
    auto& lock = *reinterpret_cast<OwnedLock*>(on.directory);
    lock.lock(ShmFixture::kFirst);
    on.slabs[0].set_mark(all[63], kMarkFree);
    on.slabs[0].recover_lock();
    on.slabs[0].give(in_hand);  // As a module does that mends its tables before the sweep.
    on.slabs[0].sweep(free_all);
    std::vector<SlotHandle> both = take_all(on.slabs[1]);
    const auto by_first = take_all(on.slabs[0]);
    both.insert(both.end(), by_first.begin(), by_first.end());
    CPPUNIT_ASSERT_EQUAL(all.size() + 1, both.size());
    CPPUNIT_ASSERT_EQUAL(all.size() + 1, distinct(both));
  }
  void too_small_a_segment_has_no_slabs() {
    auto segment = Segment::create(fmt::format("lockstep-shm-small-{}", getpid()), 256 << 10);
    CPPUNIT_ASSERT(segment.ok());
    (*segment)->remove();
    CPPUNIT_ASSERT(Slabs::make(**segment) == nullptr);
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(SlabTest);

}  // namespace
}  // namespace lockstep::shm
