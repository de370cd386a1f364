// params.h: ";name=value" lists of header fields and URIs, read in place. Values may be quoted.
#pragma once

#include <optional>
#include <string_view>

#include "core/sip/text.h"

namespace lockstep::sip {

struct Param {
  std::string_view name;
  std::string_view value;  // As received, quotes included; empty when there is none.
  bool has_value = false;

  // From the first byte of the name to the last of the value.
  std::string_view text() const {
    const std::string_view last = has_value ? value : name;
    return {name.data(), static_cast<std::size_t>(last.data() + last.size() - name.data())};
  }
  // The value without quotes; escapes stay.
  std::string_view bare_value() const {
    if (value.size() < 2 || value.front() != '"' || value.back() != '"') return value;
    return value.substr(1, value.size() - 2);
  }
};

// A list such as "a;b=c;d=\"e;f\"", with or without the leading semicolon.
class ParamList {
 public:
  ParamList() = default;
  explicit ParamList(std::string_view text) : text_(text) {}

  std::string_view text() const { return text_; }
  bool empty() const { return text_.empty(); }

  // The next parameter of `rest` (start with text()); none at the end. Empty elements are skipped.
  static std::optional<Param> next(std::string_view& rest);
  // As next(), but `is_good` is cleared where the list is not well formed (is_well_formed()).
  static std::optional<Param> next_strict(std::string_view& rest, bool& is_good);
  // The first with that name, without case; an escaped name (URI) equals its plain form.
  std::optional<Param> find(std::string_view name) const;
  bool has(std::string_view name) const { return find(name).has_value(); }
  // The value without quotes of the first with that name; empty when absent or without value.
  std::string_view value(std::string_view name) const;
  // Quotes are closed, names are not empty, no stray characters behind a quoted value.
  bool is_well_formed() const;

 private:
  std::string_view text_;
};

}  // namespace lockstep::sip
