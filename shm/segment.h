// segment.h: the one shared-memory segment: made, mapped and named by Boost.Interprocess before the
// fork, at an address that all workers inherit. Used at start and stop only: nothing here is on the hot
// path, and nothing is allocated from it after the fork (see shm/README.md: why not the library's locks).
// Owner: the supervisor. Workers hold a reference; only the supervisor removes the name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "core/base/result.h"
#include "shm/handle.h"

namespace lockstep::shm {

// Raised whenever the bytes of any shared record change their meaning; other numbers are refused.
inline constexpr std::uint32_t kLayoutNumber = 2;

class Segment {
 public:
  // Makes and reserves `bytes` under `name` (no slash), replacing one that a dead server left.
  // Error: one line that says what failed and how to mend it.
  static Result<std::unique_ptr<Segment>, std::string> create(const std::string& name, std::size_t bytes);
  ~Segment();
  Segment(const Segment&) = delete;
  Segment& operator=(const Segment&) = delete;

  // Zeroed memory for start-up structures, published under a name; nullptr when the segment is full.
  void* allocate_named(const char* name, std::size_t bytes, std::size_t alignment);
  // What allocate_named published under that name; nullptr: nothing.
  void* find_named(const char* name) const;
  // What is left for allocate_named, in bytes (an estimate by the library).
  std::size_t free_bytes() const;
  std::size_t size_bytes() const { return size_; }

  template <typename T>
  T* at(Handle<T> handle) const {
    return reinterpret_cast<T*>(base_ + static_cast<std::size_t>(handle.value) * kHandleUnitBytes);
  }
  template <typename T>
  Handle<T> handle_of(const T* object) const {
    const auto offset = reinterpret_cast<const char*>(object) - base_;
    return Handle<T>{static_cast<std::uint32_t>(static_cast<std::size_t>(offset) / kHandleUnitBytes)};
  }
  char* base() const { return base_; }

  // Maps every page into this process now, so that no request waits for it later. Each process maps its own.
  void map_now() const;

  // Removes the name; memory lives until the last process unmaps it.
  void remove();

 private:
  struct Library;
  explicit Segment(std::string name);

  std::string name_;
  std::unique_ptr<Library> library_;
  char* base_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace lockstep::shm
