// line_regex.h: regular expressions over message text, line by line as scripts expect of them: ^ and $ match
// at line ends and . does not match a newline. Compiled at start, or, where a pattern holds variables, at
// run time through a RegexCache. Process-private after the fork.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/script/context.h"
#include "core/script/regex.h"
#include "core/script/registry.h"
#include "core/script/variable.h"

namespace lockstep::textops {

using Groups = std::array<script::Regex::Group, script::RegexScratch::kGroupMax>;

class LineRegex {
 public:
  struct Flags {
    bool ignore_case = true;
    bool across_lines = false;  // ^ and $ match at the ends of the text only, . matches a newline.
  };
  // Error: what is wrong with the pattern.
  static Result<LineRegex, std::string> compile(std::string_view pattern, Flags flags);

  bool matches(std::string_view subject, script::RegexScratch& scratch) const;
  // The first match that begins at `from` or later; positions count from the start of `subject`. Returns how
  // many groups are known, 0 for no match.
  std::size_t find(std::string_view subject, std::size_t from, script::RegexScratch& scratch,
                   Groups& groups) const;

 private:
  LineRegex(script::Regex first, script::Regex later) : first_(std::move(first)), later_(std::move(later)) {}

  script::Regex first_;
  // For searches from within the text: it sees the character before, and does not match at it, so that ^ is
  // right.
  script::Regex later_;
};

// Patterns that are only known at run time: the last few stay compiled.
class RegexCache {
 public:
  // nullptr (and logged) when the pattern is wrong.
  const LineRegex* find(std::string_view pattern, LineRegex::Flags flags);

 private:
  static constexpr std::size_t kEntryMax = 16;
  struct Entry {
    std::string pattern;
    LineRegex::Flags flags;
    LineRegex regex;
  };
  std::vector<Entry> entries_;  // Never grows beyond its first capacity, so pointers last until eviction.
  std::size_t next_ = 0;
};

// A sed-like '/re/replacement/flags'. In the replacement \0 to \9 are groups, \u the Request-URI, \n \r \t
// and any other escaped character themselves, and variables their values. Flags: i caseless, g every match, s
// across lines. Made by the compiler; variables are resolved when the module starts, since only then the
// registry is at hand.
class Substitution {
 public:
  static Result<Substitution, std::string> parse(std::string_view text);
  // "" or what is wrong with a variable in the replacement.
  std::string resolve(script::Registry& registry);

  const LineRegex& regex() const { return regex_; }
  bool is_global() const { return is_global_; }
  // What one match becomes, in the context's arena; none when it is full.
  std::optional<std::string_view> replacement(script::Context& context, std::string_view subject,
                                              const Groups& groups, std::size_t group_count,
                                              std::string_view request_uri) const;
  // The whole subject with its matches replaced. none: no match, or the arena is full.
  std::optional<std::string_view> apply(script::Context& context, std::string_view subject,
                                        std::string_view request_uri) const;

 private:
  static constexpr int kText = -1;
  static constexpr int kRequestUri = -2;
  struct Piece {
    int group = kText;
    std::string text;
    script::Format format;
    bool has_format = false;
  };
  explicit Substitution(LineRegex regex) : regex_(std::move(regex)) {}
  void parse_replacement(std::string_view text);

  LineRegex regex_;
  std::vector<Piece> pieces_;
  bool is_global_ = false;
};

}  // namespace lockstep::textops
