// value.cc: conversions of Value.
#include "core/script/value.h"

#include <charconv>

namespace lockstep::script {

std::optional<std::int64_t> parse_decimal(std::string_view text) {
  if (!text.empty() && text.front() == '+') {
    text.remove_prefix(1);
    if (!text.empty() && text.front() == '-') return std::nullopt;
  }
  std::int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return number;
}

std::optional<std::int64_t> Value::try_int() const {
  switch (kind_) {
    case Kind::kNull:
      return std::nullopt;
    case Kind::kInt:
      return integer_;
    case Kind::kString:
      return parse_decimal(text_);
  }
  return std::nullopt;
}

}  // namespace lockstep::script
