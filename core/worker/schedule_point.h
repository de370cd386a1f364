// schedule_point.h: named places at which a worker can be held, so that an order of several workers can be
// shown or tried on the shipped binary. Dormant: one predictable branch on a word of a read-only page. Awake
// only where LOCKSTEP_POINTS names a file, which the tool that started the server maps as well.
#pragma once

#include <atomic>
#include <cstdint>

#include "shm/handle.h"

namespace lockstep::worker {

enum class Point : std::uint8_t {
  kReceived = 1,  // Datagrams are in hand, none is admitted to a call's order yet (openser13), or all are.
  kDecided,       // Decided and committed; nothing of it was handed to the kernel.
  kReleased,      // openser13 alone: the call is let go, and what was decided is still unsent.
  kSent,
};
constexpr std::uint32_t bit_of(Point point) { return 1u << static_cast<unsigned>(point); }

// The file: one of these a worker, by WorkerId.
struct alignas(64) PointWord {
  std::atomic<std::uint32_t> hold;  // Bits of the points at which the worker is to wait. Set by the tool.
  std::atomic<std::uint32_t> held;  // The point at which it waits, 0: none. Set by the worker.
};
inline constexpr std::size_t kPointWords = 64;

class SchedulePoints {
 public:
  explicit SchedulePoints(shm::WorkerId me);
  void reach(Point point) const {
    if (word_->hold.load(std::memory_order_relaxed) != 0) [[unlikely]]
      wait(point);
  }

 private:
  void wait(Point point) const;

  const PointWord* word_;
  PointWord* mapped_ = nullptr;
};

}  // namespace lockstep::worker
