// arena_text.h: building a text in the Context's arena, byte by byte. Internal to this folder.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "core/script/context.h"

namespace lockstep::script {

// Writes into worst-case room of the arena, then gives the rest back.
class ArenaText {
 public:
  ArenaText(Context& context, std::size_t bytes_max)
      : context_(context), begin_(context.try_allocate(std::max<std::size_t>(bytes_max, 1))), end_(begin_) {}
  void add(char c) {
    if (begin_ != nullptr) *end_++ = c;
  }
  void add(std::string_view text) {
    for (const char c : text) add(c);
  }
  void add_hex(char c) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(c);
    add(kDigits[byte >> 4]);
    add(kDigits[byte & 15]);
  }
  Value finish() {
    if (begin_ == nullptr) return Value::null();
    context_.arena().shrink_to(end_);
    return Value::of_string({begin_, static_cast<std::size_t>(end_ - begin_)});
  }

 private:
  Context& context_;
  char* begin_;
  char* end_;
};

}  // namespace lockstep::script
