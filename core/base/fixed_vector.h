// fixed_vector.h: a vector with a compile-time bound, trivially copyable if its elements are.
// Every container in a record or on the hot path has a bound; try_push_back tells when it is reached.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "core/base/assert.h"

namespace lockstep {

template <typename Element, std::size_t kCapacity>
class FixedVector {
  static_assert(std::is_trivially_copyable_v<Element>);

 public:
  static constexpr std::size_t capacity() { return kCapacity; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  bool full() const { return size_ == kCapacity; }

  bool try_push_back(const Element& element) {
    if (full()) return false;
    items_[size_++] = element;
    return true;
  }
  // REQUIRES: !full().
  void push_back(const Element& element) {
    LS_ASSERT(!full());
    items_[size_++] = element;
  }
  void pop_back() {
    LS_ASSERT(size_ > 0);
    --size_;
  }
  void clear() { size_ = 0; }
  // REQUIRES: count <= capacity(). New elements are value-initialised.
  void resize(std::size_t count) {
    LS_ASSERT(count <= kCapacity);
    for (std::size_t i = size_; i < count; ++i) items_[i] = Element{};
    size_ = static_cast<std::uint32_t>(count);
  }

  Element& operator[](std::size_t i) {
    LS_ASSERT(i < size_);
    return items_[i];
  }
  const Element& operator[](std::size_t i) const {
    LS_ASSERT(i < size_);
    return items_[i];
  }
  Element& back() { return (*this)[size_ - 1]; }
  const Element& back() const { return (*this)[size_ - 1]; }

  Element* data() { return items_.data(); }
  const Element* data() const { return items_.data(); }
  Element* begin() { return items_.data(); }
  Element* end() { return items_.data() + size_; }
  const Element* begin() const { return items_.data(); }
  const Element* end() const { return items_.data() + size_; }

  friend bool operator==(const FixedVector& a, const FixedVector& b) {
    if (a.size_ != b.size_) return false;
    for (std::size_t i = 0; i < a.size_; ++i) {
      if (!(a.items_[i] == b.items_[i])) return false;
    }
    return true;
  }

 private:
  std::array<Element, kCapacity> items_{};
  std::uint32_t size_ = 0;
};

}  // namespace lockstep
