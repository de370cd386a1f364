// pacer.h: lets datagrams gather while a worker is under load, as network cards moderate their interrupts.
// Being woken costs more than working a datagram does; a worker that is woken all the time pauses before it
// looks again, so that it, and those it sends to, are woken once for several. A worker that is not under
// load never pauses: what comes alone is worked at once.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace lockstep::worker {

class Pacer {
 public:
  // Under load: the last kTurns turns that brought datagrams took less than two pauses each.
  static constexpr std::size_t kTurns = 16;

  // 0: never pauses.
  explicit Pacer(std::uint32_t pause_us) : pause_us_(pause_us) {}

  // More than that at once are enough: the pause gets shorter in the same measure.
  static constexpr std::uint32_t kEnough = 16;

  // A turn brought `datagrams` at `now_us`. Returns how long to pause before the next one, in us; 0: not.
  std::uint32_t after_turn(std::uint64_t now_us, std::uint32_t datagrams) {
    const std::uint64_t oldest = turns_[next_];
    turns_[next_] = now_us;
    next_ = (next_ + 1) % kTurns;
    if (now_us - oldest >= std::uint64_t{2} * kTurns * pause_us_) return 0;
    return datagrams <= kEnough ? pause_us_ : pause_us_ / datagrams * kEnough;
  }

 private:
  std::uint32_t pause_us_;
  std::array<std::uint64_t, kTurns> turns_{};  // When, a ring; 0 is long ago.
  std::size_t next_ = 0;
};

}  // namespace lockstep::worker
