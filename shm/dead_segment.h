// dead_segment.h: the segment that a server left under its name when it was killed, as the next server of the
// same run directory finds it. Nothing in it is believed before it was checked, no handle is followed that
// leads out of it. Mapped copy-on-write: what was committed and not yet carried out is carried out in the
// copy, so that a death of the reader leaves everything as it was.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "shm/handle.h"

namespace lockstep::shm {

class DeadSegment {
 public:
  struct Finding {
    std::unique_ptr<DeadSegment> segment;  // nullptr: there is none, or none of use.
    std::string trouble;    // Why it is of no use, in one line; empty: it is, or there is none.
    bool is_alive = false;  // A process of its server still lived after `wait_ms`.
  };
  // Waits until no process of its server lives. `binary`: hash_file() of this program.
  static Finding find(const std::string& name, std::uint64_t binary, std::uint64_t wait_ms);
  ~DeadSegment();
  DeadSegment(const DeadSegment&) = delete;
  DeadSegment& operator=(const DeadSegment&) = delete;

  // What Segment::allocate_heritable published under that name, at least `bytes` long; nullptr: nothing.
  void* find_block(const char* name, std::size_t bytes) const;
  // nullptr: the handle is 0, or `bytes` from there on are not all inside.
  template <typename T>
  T* at(std::uint32_t handle, std::size_t bytes = sizeof(T)) const {
    return static_cast<T*>(inside(std::size_t{handle} * kHandleUnitBytes, bytes));
  }
  std::size_t size_bytes() const { return size_; }

 private:
  DeadSegment(int descriptor, char* base, std::size_t size)
      : descriptor_(descriptor), base_(base), size_(size) {}
  void* inside(std::size_t offset, std::size_t bytes) const;

  int descriptor_;  // Holds the lock: no other start takes the same over.
  char* base_;
  std::size_t size_;
};

}  // namespace lockstep::shm
