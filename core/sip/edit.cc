// edit.cc: see edit.h. The list is short and mostly made front to back, so that insertion sort from
// the back is cheap.
#include "core/sip/edit.h"

#include <algorithm>
#include <cstring>

#include "core/base/assert.h"

namespace lockstep::sip {

EditList& EditList::operator=(const EditList& other) {
  if (this == &other) return *this;
  count_ = other.count_;
  std::copy_n(other.edits_.begin(), count_, edits_.begin());
  return *this;
}

bool EditList::add(std::size_t offset, std::size_t removed_bytes, std::string_view text) {
  std::size_t at = count_;
  while (at > 0 && edits_[at - 1].offset > offset) --at;
  // Header lines that go one after the other are one edit, however many there are.
  if (at > 0 && text.empty() && edits_[at - 1].text.empty() &&
      edits_[at - 1].offset + edits_[at - 1].removed_bytes == offset) {
    edits_[at - 1].removed_bytes += static_cast<std::uint32_t>(removed_bytes);
    return true;
  }
  if (count_ == kEditMax) return false;
  std::copy_backward(edits_.begin() + at, edits_.begin() + count_, edits_.begin() + count_ + 1);
  ++count_;
  edits_[at] = Edit{static_cast<std::uint32_t>(offset), static_cast<std::uint32_t>(removed_bytes), text};
  return true;
}

bool EditList::insert(std::size_t offset, std::string_view text) {
  return text.empty() || add(offset, 0, text);
}

bool EditList::remove(std::size_t begin, std::size_t end) {
  LS_ASSERT(begin <= end);
  return begin == end || add(begin, end - begin, {});
}

bool EditList::replace(std::size_t begin, std::size_t end, std::string_view text) {
  LS_ASSERT(begin <= end);
  return (begin == end && text.empty()) || add(begin, end - begin, text);
}

bool EditList::is_removed(std::size_t begin, std::size_t end) const {
  std::size_t covered = begin;
  for (const Edit& edit : edits()) {
    if (covered >= end || edit.offset > covered) break;
    covered = std::max(covered, std::size_t{edit.offset} + edit.removed_bytes);
  }
  return covered >= end;
}

std::size_t gathered_size(std::string_view bytes, const EditList& edits) {
  std::size_t size = 0;
  std::size_t at = 0;
  for (const Edit& edit : edits.edits()) {
    const std::size_t offset = std::min<std::size_t>(edit.offset, bytes.size());
    if (offset > at) {
      size += offset - at;
      at = offset;
    }
    size += edit.text.size();
    at = std::max(at, std::min(offset + edit.removed_bytes, bytes.size()));
  }
  return size + bytes.size() - at;
}

std::size_t gather(std::string_view bytes, const EditList& edits, std::span<char> out) {
  const std::size_t size = gathered_size(bytes, edits);
  if (size > out.size()) return 0;
  char* to = out.data();
  const auto copy = [&to](std::string_view text) {
    if (text.empty()) return;
    std::memcpy(to, text.data(), text.size());
    to += text.size();
  };
  std::size_t at = 0;
  for (const Edit& edit : edits.edits()) {
    const std::size_t offset = std::min<std::size_t>(edit.offset, bytes.size());
    if (offset > at) {
      copy(bytes.substr(at, offset - at));
      at = offset;
    }
    copy(edit.text);
    at = std::max(at, std::min(offset + edit.removed_bytes, bytes.size()));
  }
  copy(bytes.substr(at));
  LS_ASSERT(to == out.data() + size);
  return size;
}

}  // namespace lockstep::sip
