// edit.h: changes to a received message as a list over its bytes, gathered once when it is sent.
// The list is kept sorted by offset; inserts at one offset keep the order in which they were made.
// Inserted text survives inside deleted spans. Texts are not copied: they live in an Arena, the
// message itself or static memory until gather(). Every function returns false when the list is
// full, and then changes nothing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace lockstep::sip {

inline constexpr std::size_t kEditMax = 128;

struct Edit {
  std::uint32_t offset = 0;
  std::uint32_t removed_bytes = 0;  // 0: an insert.
  std::string_view text;            // Stands before the removed bytes.
};

class EditList {
 public:
  EditList() : count_(0) {}
  // Only the used part: a fork copies the list once per branch.
  EditList(const EditList& other) : count_(0) { *this = other; }
  EditList& operator=(const EditList& other);

  [[nodiscard]] bool insert(std::size_t offset, std::string_view text);
  [[nodiscard]] bool remove(std::size_t begin, std::size_t end);
  [[nodiscard]] bool replace(std::size_t begin, std::size_t end, std::string_view text);

  void clear() { count_ = 0; }
  bool empty() const { return count_ == 0; }
  bool has_room(std::size_t edits) const { return count_ + edits <= kEditMax; }
  std::span<const Edit> edits() const { return {edits_.data(), count_}; }
  std::size_t size() const { return count_; }
  // True when every byte of [begin, end) is removed; an empty span counts as removed.
  bool is_removed(std::size_t begin, std::size_t end) const;

 private:
  bool add(std::size_t offset, std::size_t removed_bytes, std::string_view text);
  std::uint32_t count_;
  std::array<Edit, kEditMax> edits_;
};

// The size of `bytes` with the edits applied. Offsets beyond the end act at the end.
std::size_t gathered_size(std::string_view bytes, const EditList& edits);
// Writes that into `out`: its size, or 0 if it does not fit. `out` must not overlap `bytes`.
std::size_t gather(std::string_view bytes, const EditList& edits, std::span<char> out);

}  // namespace lockstep::sip
