// timer_wheel_test.cc: nothing fires early, ticks fire in order, and what is refused comes again.
#include "core/worker/timer_wheel.h"

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <vector>

namespace lockstep::worker {
namespace {

using Numbers = std::vector<std::uint32_t>;

class TimerWheelTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(TimerWheelTest);
  CPPUNIT_TEST(nothing_fires_early);
  CPPUNIT_TEST(the_past_fires_at_the_next_tick);
  CPPUNIT_TEST(ticks_fire_in_order_whatever_the_order_of_adding);
  CPPUNIT_TEST(deadlines_beyond_a_turn_wait_for_their_turn);
  CPPUNIT_TEST(a_long_sleep_fires_all_that_was_due_once);
  CPPUNIT_TEST(a_refused_item_comes_again_at_the_next_tick);
  CPPUNIT_TEST(an_item_may_be_added_while_others_fire);
  CPPUNIT_TEST(the_next_deadline_is_never_late_and_seldom_early);
  CPPUNIT_TEST_SUITE_END();

  static constexpr std::uint64_t kStart = 1'000'000;
  static WheelItem item(std::uint64_t in_ms, std::uint32_t transaction) {
    return {kStart + in_ms, 5, transaction, 6};
  }
  // What fires until `in_ms`.
  static Numbers fired(TimerWheel& wheel, std::uint64_t in_ms) {
    Numbers numbers;
    wheel.advance(kStart + in_ms, [&](const WheelItem& due) {
      CPPUNIT_ASSERT_EQUAL(5u, due.entry);
      CPPUNIT_ASSERT_EQUAL(6u, due.generation);
      numbers.push_back(due.transaction);
      return true;
    });
    return numbers;
  }

 public:
  void the_next_deadline_is_never_late_and_seldom_early() {
    TimerWheel wheel(kStart);
    CPPUNIT_ASSERT_EQUAL(~std::uint64_t{0}, wheel.next_due_ms());
    std::uint64_t now = 0;
    for (std::uint32_t i = 1; i < 3000; ++i) {
      const std::uint64_t in_ms = now + i * 7919 % (i % 3 == 0 ? 130'000 : 700);
      wheel.add(item(in_ms, i));
      while (wheel.size() > 5) {
        const std::uint64_t due = wheel.next_due_ms();
        CPPUNIT_ASSERT(fired(wheel, due - 1 - kStart).empty());
        // Nothing fires then only if what is in the tick belongs to a later round.
        now = due - kStart;
        for (const std::uint32_t number : fired(wheel, now)) CPPUNIT_ASSERT(number <= i);
      }
    }
    while (wheel.size() != 0) fired(wheel, wheel.next_due_ms() - kStart);
    CPPUNIT_ASSERT_EQUAL(~std::uint64_t{0}, wheel.next_due_ms());
  }

  void nothing_fires_early() {
    for (std::uint64_t offset = 0; offset < 30; ++offset) {
      TimerWheel wheel(kStart);
      wheel.add(item(500 + offset, 1));
      for (std::uint64_t now = 0; now < 500 + offset; ++now) CPPUNIT_ASSERT(fired(wheel, now).empty());
      // A little late is allowed: by the resolution, no more.
      Numbers late;
      for (std::uint64_t now = 500 + offset; now <= 510 + offset; ++now) {
        for (const std::uint32_t number : fired(wheel, now)) late.push_back(number);
      }
      CPPUNIT_ASSERT(late == Numbers{1});
      CPPUNIT_ASSERT_EQUAL(std::size_t{0}, wheel.size());
    }
  }

  void the_past_fires_at_the_next_tick() {
    TimerWheel wheel(kStart);
    wheel.add({0, 5, 1, 6});
    CPPUNIT_ASSERT(fired(wheel, 9).empty());
    CPPUNIT_ASSERT(fired(wheel, 10) == Numbers{1});
  }

  void ticks_fire_in_order_whatever_the_order_of_adding() {
    TimerWheel wheel(kStart);
    for (const std::uint32_t at : {70u, 20u, 90u, 40u, 10u, 30u, 80u, 50u, 60u}) wheel.add(item(at, at));
    CPPUNIT_ASSERT(fired(wheel, 60) == (Numbers{10, 20, 30, 40, 50}));
    CPPUNIT_ASSERT(fired(wheel, 200) == (Numbers{60, 70, 80, 90}));
  }

  void deadlines_beyond_a_turn_wait_for_their_turn() {
    constexpr std::uint64_t kTurnMs = 4096 * TimerWheel::kTickMs;
    TimerWheel wheel(kStart);
    wheel.add(item(100 + 3 * kTurnMs, 4));
    wheel.add(item(100, 1));
    wheel.add(item(100 + kTurnMs, 2));
    wheel.add(item(180'500, 5));
    CPPUNIT_ASSERT(fired(wheel, kTurnMs) == Numbers{1});
    CPPUNIT_ASSERT(fired(wheel, 99 + kTurnMs).empty());
    CPPUNIT_ASSERT(fired(wheel, 110 + kTurnMs) == Numbers{2});
    CPPUNIT_ASSERT(fired(wheel, 3 * kTurnMs) == Numbers{});
    CPPUNIT_ASSERT(fired(wheel, 110 + 3 * kTurnMs) == Numbers{4});
    CPPUNIT_ASSERT(fired(wheel, 180'510) == Numbers{5});
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, wheel.size());
  }

  void a_long_sleep_fires_all_that_was_due_once() {
    TimerWheel wheel(kStart);
    for (std::uint32_t i = 0; i < 20'000; ++i) wheel.add(item((i * 7919) % 150'000, i));
    CPPUNIT_ASSERT_EQUAL(std::size_t{20'000}, wheel.size());
    Numbers numbers = fired(wheel, 160'000);
    std::sort(numbers.begin(), numbers.end());
    CPPUNIT_ASSERT_EQUAL(std::size_t{20'000}, numbers.size());
    CPPUNIT_ASSERT(std::adjacent_find(numbers.begin(), numbers.end()) == numbers.end());
  }

  void a_refused_item_comes_again_at_the_next_tick() {
    TimerWheel wheel(kStart);
    wheel.add(item(10, 1));
    wheel.add(item(10, 2));
    int calls = 0;
    const auto refuse = [&calls](const WheelItem&) {
      ++calls;
      return false;
    };
    wheel.advance(kStart + 20, refuse);
    CPPUNIT_ASSERT_EQUAL(2, calls);
    wheel.advance(kStart + 30, refuse);
    CPPUNIT_ASSERT_EQUAL(4, calls);
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, wheel.size());
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, fired(wheel, 40).size());
    CPPUNIT_ASSERT(fired(wheel, 100).empty());
  }

  void an_item_may_be_added_while_others_fire() {
    TimerWheel wheel(kStart);
    wheel.add(item(10, 1));
    Numbers numbers;
    wheel.advance(kStart + 200, [&](const WheelItem& due) {
      numbers.push_back(due.transaction);
      if (due.transaction < 4) wheel.add(item(10 + due.transaction * 20, due.transaction + 1));
      return true;
    });
    for (const std::uint32_t number : fired(wheel, 210)) numbers.push_back(number);
    CPPUNIT_ASSERT(numbers == (Numbers{1, 2, 3, 4}));
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(TimerWheelTest);

}  // namespace
}  // namespace lockstep::worker
