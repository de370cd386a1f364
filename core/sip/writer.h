// writer.h: text into a caller's span. Once something does not fit the writer stays full and size()
// is 0, so that a builder is written straight through and checked once at its end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "core/sip/header.h"

namespace lockstep::sip {

class Writer {
 public:
  explicit Writer(std::span<char> out) : out_(out) {}

  Writer& text(std::string_view text) {
    if (text.size() > out_.size() - used_) {
      full_ = true;
      used_ = out_.size();
    } else if (!text.empty()) {
      std::memcpy(out_.data() + used_, text.data(), text.size());
      used_ += text.size();
    }
    return *this;
  }
  Writer& number(std::uint64_t value);
  // The text with each folding as one space, so that what was received with bare LF leaves clean.
  Writer& unfolded(std::string_view text);
  // "NAME: value CRLF".
  Writer& header(std::string_view name, std::string_view value) {
    return text(name).text(": ").unfolded(value).text("\r\n");
  }
  Writer& header(HeaderId id, std::string_view value) { return header(header_name(id), value); }
  Writer& header(HeaderId id, std::uint64_t value) {
    return text(header_name(id)).text(": ").number(value).text("\r\n");
  }

  bool full() const { return full_; }
  // Bytes written, 0 when anything did not fit.
  std::size_t size() const { return full_ ? 0 : used_; }
  std::string_view view() const { return {out_.data(), size()}; }

 private:
  std::span<char> out_;
  std::size_t used_ = 0;
  bool full_ = false;
};

}  // namespace lockstep::sip
