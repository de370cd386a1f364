// handle.h: a 32-bit name of an object in the segment: its offset in units of 64 bytes.
// Handles mean the same in every process; pointers are made from them by Segment::at and are valid in
// every process forked from the one that mapped the segment.
#pragma once

#include <cstdint>

namespace lockstep::shm {

inline constexpr std::uint32_t kHandleUnitBytes = 64;

template <typename T>
struct Handle {
  std::uint32_t value = 0;  // 0 names nothing: offset 0 is the segment's own header.

  explicit operator bool() const { return value != 0; }
  friend bool operator==(Handle, Handle) = default;
};

// The slot of a worker process (1..kWorkerMax). A replacement of a dead worker has the same id, and
// so inherits all that the dead one owned. 0 is nobody.
struct WorkerId {
  std::uint8_t value = 0;
  friend bool operator==(WorkerId, WorkerId) = default;
};

inline constexpr std::uint8_t kWorkerMax = 64;

}  // namespace lockstep::shm
