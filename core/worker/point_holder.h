// point_holder.h: the simplest user of schedule points: where LOCKSTEP_POINTS names a file, a worker waits at
// the points that a tool has marked in it (`make repro`). The tool maps the same file.
#pragma once

#include <atomic>
#include <cstdint>

#include "core/base/schedule_point.h"
#include "shm/handle.h"

namespace lockstep::worker {

constexpr std::uint32_t bit_of(Point point) { return 1u << static_cast<unsigned>(point); }

// The file: one of these a worker, by WorkerId.
struct alignas(64) PointWord {
  std::atomic<std::uint32_t> hold;  // Bits of the points at which the worker is to wait. Set by the tool.
  std::atomic<std::uint32_t> held;  // The bit of the point at which it waits, 0: none. Set by the worker.
};
inline constexpr std::size_t kPointWords = 64;

// Arms the points of this process, if LOCKSTEP_POINTS names a file; else seals them.
void hold_points_if_asked(shm::WorkerId me);

}  // namespace lockstep::worker
