// value.h: what an expression or a pseudo-variable yields: nothing ($null), an integer or bytes.
// A Value owns nothing. String bytes live in the Context's Arena, in the compiled program, or are
// static; they are valid until that arena is reset, never longer. Copying one is always cheap.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/base/assert.h"

namespace lockstep::script {

class Value {
 public:
  enum class Kind : std::uint8_t { kNull, kInt, kString };

  constexpr Value() = default;
  static constexpr Value null() { return Value(); }
  static constexpr Value of_int(std::int64_t number) {
    Value value;
    value.kind_ = Kind::kInt;
    value.integer_ = number;
    return value;
  }
  // REQUIRES: the bytes live as long as the comment above says.
  static constexpr Value of_string(std::string_view text) {
    Value value;
    value.kind_ = Kind::kString;
    value.text_ = text;
    return value;
  }

  constexpr Kind kind() const { return kind_; }
  constexpr bool is_null() const { return kind_ == Kind::kNull; }
  constexpr bool is_int() const { return kind_ == Kind::kInt; }
  constexpr bool is_string() const { return kind_ == Kind::kString; }

  // REQUIRES: is_int().
  std::int64_t integer() const {
    LS_ASSERT(is_int());
    return integer_;
  }
  // REQUIRES: is_string().
  std::string_view text() const {
    LS_ASSERT(is_string());
    return text_;
  }

  // As Kamailio converts where an integer is wanted: null and text that is no number give 0.
  std::int64_t to_int() const { return try_int().value_or(0); }
  // None for null and for text that is not wholly a decimal number with optional sign.
  std::optional<std::int64_t> try_int() const;

  friend bool operator==(const Value& a, const Value& b) {
    return a.kind_ == b.kind_ && a.integer_ == b.integer_ && a.text_ == b.text_;
  }

 private:
  Kind kind_ = Kind::kNull;
  std::int64_t integer_ = 0;
  std::string_view text_;
};

// The whole of `text` as a decimal number with optional sign; none on anything else or on overflow.
std::optional<std::int64_t> parse_decimal(std::string_view text);

}  // namespace lockstep::script
