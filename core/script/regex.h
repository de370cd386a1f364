// regex.h: one compiled regular expression (PCRE2, JIT). Compiled at start, before the fork, and
// read-only from then on, so all workers share its pages. Matching allocates nothing: it works in
// the RegexScratch of its process. Semantics as the scripts expect from POSIX: unanchored, `.`
// matches a newline, `$` only the very end. Bounded: match, depth and heap limits stop a pattern
// that explodes; that counts as "no match" and is counted in the scratch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace lockstep::script {

// Per process: match data and JIT stack, made at the first match.
class RegexScratch {
 public:
  static constexpr std::size_t kGroupMax = 16;  // Group 0 is the whole match.

  RegexScratch();
  ~RegexScratch();
  RegexScratch(const RegexScratch&) = delete;
  RegexScratch& operator=(const RegexScratch&) = delete;

  // How many matches were given up at a limit.
  std::uint64_t limit_count() const { return limit_count_; }

 private:
  friend class Regex;
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
  std::uint64_t limit_count_ = 0;
};

class Regex {
 public:
  enum class Case : std::uint8_t { kSensitive, kInsensitive };
  struct Error {
    std::string text;        // PCRE2's own words.
    std::size_t offset = 0;  // Where in the pattern.
  };

  // A place in the subject; `begin == kUnset` for a group that took no part.
  static constexpr std::size_t kUnset = static_cast<std::size_t>(-1);
  struct Group {
    std::size_t begin = kUnset;
    std::size_t end = kUnset;
  };

  // `jit` is for patterns that are kept: making machine code takes longer than a few matches save.
  static Result<Regex, Error> compile(std::string_view pattern, Case letter_case = Case::kInsensitive,
                                      bool jit = true);
  Regex(Regex&&) noexcept;
  Regex& operator=(Regex&&) noexcept;
  ~Regex();

  bool matches(std::string_view subject, RegexScratch& scratch) const;
  // As matches; writes the groups 0..count-1 and returns how many are known, 0 when nothing matched.
  std::size_t find(std::string_view subject, RegexScratch& scratch, Group* groups, std::size_t count) const;

  const std::string& pattern() const { return pattern_; }

 private:
  Regex() = default;
  int run(std::string_view subject, RegexScratch& scratch) const;

  std::string pattern_;
  void* code_ = nullptr;  // pcre2_code; kept opaque so that PCRE2 has one includer.
};

}  // namespace lockstep::script
