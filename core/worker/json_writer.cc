#include "core/worker/json_writer.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

#include "core/base/assert.h"

namespace lockstep::worker {

void OutputBuffer::append(std::string_view text) {
  if (overflowed_) return;
  if (text.size() > bound_bytes_ - size_) {
    overflowed_ = true;
    return;
  }
  size_ += text.size();
  while (!text.empty()) {
    if (chunks_.empty() || chunks_.back().size() >= kChunkBytes) {
      chunks_.emplace_back();
      chunks_.back().reserve(kChunkBytes);
    }
    std::string& chunk = chunks_.back();
    const std::string_view part = text.substr(0, kChunkBytes - chunk.size());
    chunk.append(part);
    text.remove_prefix(part.size());
  }
}

std::string_view OutputBuffer::front() const {
  if (chunks_.empty()) return {};
  return std::string_view(chunks_.front()).substr(front_offset_);
}

void OutputBuffer::consume(std::size_t count) {
  LS_ASSERT(count <= front().size());
  size_ -= count;
  front_offset_ += count;
  if (!chunks_.empty() && front_offset_ == chunks_.front().size()) {
    chunks_.pop_front();
    front_offset_ = 0;
  }
}

void OutputBuffer::clear() {
  chunks_.clear();
  front_offset_ = 0;
  size_ = 0;
  overflowed_ = false;
}

std::string OutputBuffer::str() const {
  std::string all;
  all.reserve(size_);
  for (std::size_t i = 0; i < chunks_.size(); ++i) all.append(chunks_[i], i == 0 ? front_offset_ : 0);
  return all;
}

namespace {

unsigned octet(std::string_view text, std::size_t i) { return static_cast<unsigned char>(text[i]); }

// Bytes of the UTF-8 sequence that begins at `i`, 0 if it is not valid (overlong, surrogate, cut).
std::size_t utf8_bytes_at(std::string_view text, std::size_t i) {
  const unsigned lead = octet(text, i);
  std::size_t count = 0;
  if (lead >= 0xC2 && lead <= 0xDF) count = 2;
  if (lead >= 0xE0 && lead <= 0xEF) count = 3;
  if (lead >= 0xF0 && lead <= 0xF4) count = 4;
  if (count == 0 || i + count > text.size()) return 0;
  for (std::size_t k = 1; k < count; ++k) {
    if ((octet(text, i + k) & 0xC0U) != 0x80U) return 0;
  }
  const unsigned second = octet(text, i + 1);
  if (lead == 0xE0 && second < 0xA0) return 0;
  if (lead == 0xED && second > 0x9F) return 0;
  if (lead == 0xF0 && second < 0x90) return 0;
  if (lead == 0xF4 && second > 0x8F) return 0;
  return count;
}

void append_escaped(OutputBuffer& out, char byte) {
  switch (byte) {
    case '"':
      out.append("\\\"");
      return;
    case '\\':
      out.append("\\\\");
      return;
    case '\b':
      out.append("\\b");
      return;
    case '\f':
      out.append("\\f");
      return;
    case '\n':
      out.append("\\n");
      return;
    case '\r':
      out.append("\\r");
      return;
    case '\t':
      out.append("\\t");
      return;
    default:
      out.append(fmt::format("\\u{:04x}", static_cast<unsigned char>(byte)));
      return;
  }
}

}  // namespace

void append_json_string(OutputBuffer& out, std::string_view text) {
  out.append('"');
  std::size_t plain_from = 0;
  std::size_t i = 0;
  while (i < text.size()) {
    const unsigned byte = octet(text, i);
    const bool is_plain = byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
    const std::size_t count = is_plain ? 1 : (byte >= 0x80 ? utf8_bytes_at(text, i) : 0);
    if (count > 0) {
      i += count;
      continue;
    }
    out.append(text.substr(plain_from, i - plain_from));
    append_escaped(out, text[i]);
    plain_from = ++i;
  }
  out.append(text.substr(plain_from));
  out.append('"');
}

void JsonWriter::new_line() {
  out_.append('\n');
  for (std::size_t i = 0; i < open_.size(); ++i) out_.append('\t');
}

void JsonWriter::key(std::string_view name) {
  LS_ASSERT(in_struct() && !key_pending_);
  if (open_.back().has_members) out_.append(',');
  open_.back().has_members = true;
  if (layout_ == JsonLayout::kPretty) new_line();
  append_json_string(out_, name);
  out_.append(layout_ == JsonLayout::kPretty ? std::string_view(":\t") : std::string_view(":"));
  key_pending_ = true;
}

void JsonWriter::before_value() {
  LS_ASSERT(in_struct() == key_pending_);
  key_pending_ = false;
  if (open_.empty() || in_struct()) return;
  if (open_.back().has_members) {
    out_.append(layout_ == JsonLayout::kPretty ? std::string_view(", ") : std::string_view(","));
  }
  open_.back().has_members = true;
}

void JsonWriter::string_value(std::string_view text) {
  before_value();
  append_json_string(out_, text);
}

void JsonWriter::int_value(std::int64_t number) {
  before_value();
  out_.append(std::string_view(fmt::format_int(number).c_str()));
}

void JsonWriter::uint_value(std::uint64_t number) {
  before_value();
  out_.append(std::string_view(fmt::format_int(number).c_str()));
}

void JsonWriter::double_value(double number) {
  if (!std::isfinite(number)) {
    null_value();
    return;
  }
  before_value();
  const bool is_whole = std::floor(number) == number && std::fabs(number) < 1e60;
  const bool is_extreme = !is_whole && (std::fabs(number) < 1e-6 || std::fabs(number) > 1e9);
  if (is_whole) {
    out_.append(fmt::format("{:.0f}", number));
  } else if (is_extreme) {
    out_.append(fmt::format("{:e}", number));
  } else {
    out_.append(fmt::format("{:.6f}", number));
  }
}

void JsonWriter::null_value() {
  before_value();
  out_.append("null");
}

void JsonWriter::raw_value(std::string_view json) {
  before_value();
  out_.append(json);
}

void JsonWriter::begin_struct() {
  before_value();
  out_.append('{');
  open_.push_back({.is_struct = true, .has_members = false});
}

void JsonWriter::begin_array() {
  before_value();
  out_.append('[');
  open_.push_back({.is_struct = false, .has_members = false});
}

void JsonWriter::end() {
  LS_ASSERT(!open_.empty() && !key_pending_);
  const bool is_struct = open_.back().is_struct;
  open_.pop_back();
  // An empty struct is broken over two lines as well: that is how the peer writes it.
  if (is_struct && layout_ == JsonLayout::kPretty) new_line();
  out_.append(is_struct ? '}' : ']');
}

}  // namespace lockstep::worker
