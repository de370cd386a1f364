// arena.h: bump memory for one event: values, built strings, edits. Reset as a whole, never freed
// piecewise. A process-private object; its block is taken once at start.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <type_traits>

namespace lockstep {

class Arena {
 public:
  explicit Arena(std::size_t capacity_bytes)
      : block_(std::make_unique_for_overwrite<char[]>(capacity_bytes)), capacity_(capacity_bytes) {}

  void reset() { used_ = 0; }
  std::size_t used_bytes() const { return used_; }
  std::size_t free_bytes() const { return capacity_ - used_; }

  // nullptr when the arena is full: the caller treats it as a limit reached, not as a bug.
  void* allocate(std::size_t bytes, std::size_t alignment) {
    const std::size_t start = (used_ + alignment - 1) & ~(alignment - 1);
    if (start > capacity_ || bytes > capacity_ - start) return nullptr;
    used_ = start + bytes;
    return block_.get() + start;
  }

  template <typename T>
  T* make_array(std::size_t count) {
    static_assert(std::is_trivially_destructible_v<T>);
    return static_cast<T*>(allocate(sizeof(T) * count, alignof(T)));
  }

  // A copy that lives until reset(); an empty view when the arena is full and text is not empty.
  std::string_view copy(std::string_view text) {
    if (text.empty()) return {};
    char* bytes = make_array<char>(text.size());
    if (bytes == nullptr) return {};
    std::memcpy(bytes, text.data(), text.size());
    return {bytes, text.size()};
  }

  // Gives bytes at the end back, for writers that asked for a worst case first.
  // REQUIRES: `end` lies inside the newest allocation.
  void shrink_to(const char* end) { used_ = static_cast<std::size_t>(end - block_.get()); }

 private:
  std::unique_ptr<char[]> block_;
  std::size_t capacity_;
  std::size_t used_ = 0;
};

}  // namespace lockstep
