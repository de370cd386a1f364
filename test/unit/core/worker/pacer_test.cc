// pacer_test.cc: a worker pauses under load and never otherwise.
#include "core/worker/pacer.h"

#include <cppunit/extensions/HelperMacros.h>

namespace lockstep::worker {
namespace {

class PacerTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(PacerTest);
  CPPUNIT_TEST(what_comes_alone_is_never_held_up);
  CPPUNIT_TEST(many_turns_in_short_time_pause);
  CPPUNIT_TEST(many_at_once_shorten_the_pause);
  CPPUNIT_TEST(the_pause_ends_with_the_load);
  CPPUNIT_TEST(no_pause_when_switched_off);
  CPPUNIT_TEST_SUITE_END();

  static constexpr std::uint32_t kPause = 1000;
  static constexpr std::uint64_t kStart = 5'000'000;

 public:
  // One call: six datagrams close together, then silence.
  void what_comes_alone_is_never_held_up() {
    Pacer pacer(kPause);
    std::uint64_t now = kStart;
    for (int call = 0; call < 50; ++call, now += 100'000) {
      for (std::uint64_t i = 0; i < 6; ++i) CPPUNIT_ASSERT_EQUAL(0u, pacer.after_turn(now + i * 200, 1));
    }
  }

  void many_turns_in_short_time_pause() {
    Pacer pacer(kPause);
    std::uint64_t now = kStart;
    for (std::size_t i = 0; i < Pacer::kTurns; ++i, now += 300) {
      CPPUNIT_ASSERT_EQUAL(0u, pacer.after_turn(now, 1));
    }
    // Pausing makes turns rarer, and is no reason to stop pausing.
    for (int i = 0; i < 100; ++i, now += kPause + 300) CPPUNIT_ASSERT_EQUAL(kPause, pacer.after_turn(now, 1));
  }

  void many_at_once_shorten_the_pause() {
    Pacer pacer(kPause);
    std::uint64_t now = kStart;
    for (int i = 0; i < 20; ++i, now += 300) pacer.after_turn(now, 1);
    CPPUNIT_ASSERT_EQUAL(kPause, pacer.after_turn(now, Pacer::kEnough));
    CPPUNIT_ASSERT_EQUAL(kPause / 32 * Pacer::kEnough, pacer.after_turn(now, 32));
    CPPUNIT_ASSERT(pacer.after_turn(now, 4000) <= Pacer::kEnough);
  }

  void the_pause_ends_with_the_load() {
    Pacer pacer(kPause);
    std::uint64_t now = kStart;
    for (int i = 0; i < 100; ++i, now += 300) pacer.after_turn(now, 1);
    unsigned paused = 0;
    for (int i = 0; i < 100; ++i, now += 3 * kPause) paused += pacer.after_turn(now, 1) != 0 ? 1 : 0;
    CPPUNIT_ASSERT(paused < Pacer::kTurns);
  }

  void no_pause_when_switched_off() {
    Pacer pacer(0);
    for (std::uint64_t now = kStart; now < kStart + 10'000; ++now) {
      CPPUNIT_ASSERT_EQUAL(0u, pacer.after_turn(now, 1));
    }
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(PacerTest);

}  // namespace
}  // namespace lockstep::worker
