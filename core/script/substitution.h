// substitution.h: "/pattern/replacement/flags", as #!subst uses it on the strings of a configuration.
// Any character may stand for the slash. Flags: g all places, i without regard to case. \0 to \9 in the
// replacement stand for the groups. For start-up: it allocates.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/script/regex.h"

namespace lockstep::script {

class Substitution {
 public:
  static Result<Substitution, std::string> parse(std::string_view text);
  // The changed text; none if the pattern is not in it.
  std::optional<std::string> apply(std::string_view text, RegexScratch& scratch) const;
  const std::string& pattern() const { return regex_.pattern(); }
  const std::string& replacement() const { return replacement_; }

 private:
  explicit Substitution(Regex regex) : regex_(std::move(regex)) {}
  Regex regex_;
  std::string replacement_;
  bool everywhere_ = false;
};

}  // namespace lockstep::script
