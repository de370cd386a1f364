// substitution.cc: replacing text by pattern.
#include "core/script/substitution.h"

#include <fmt/core.h>

#include <array>
#include <utility>

namespace lockstep::script {

Result<Substitution, std::string> Substitution::parse(std::string_view text) {
  if (text.size() < 3) return Failure{std::string("too short")};
  const char mark = text.front();
  std::array<std::string, 2> parts;
  std::size_t i = 1;
  for (std::string& part : parts) {
    while (i < text.size() && text[i] != mark) {
      if (text[i] == '\\' && i + 1 < text.size() && text[i + 1] == mark) ++i;
      part += text[i++];
    }
    if (i >= text.size()) return Failure{fmt::format("a '{}' is missing", mark)};
    ++i;
  }
  Regex::Case letter_case = Regex::Case::kSensitive;
  bool everywhere = false;
  for (const char flag : text.substr(i)) {
    if (flag == 'g')
      everywhere = true;
    else if (flag == 'i')
      letter_case = Regex::Case::kInsensitive;
    else
      return Failure{fmt::format("unknown flag '{}'", flag)};
  }
  Result<Regex, Regex::Error> regex = Regex::compile(parts[0], letter_case, false);
  if (!regex) return Failure{regex.error().text};
  Substitution made(std::move(*regex));
  made.replacement_ = std::move(parts[1]);
  made.everywhere_ = everywhere;
  return made;
}

std::optional<std::string> Substitution::apply(std::string_view text, RegexScratch& scratch) const {
  constexpr std::size_t kGroups = 10;
  std::array<Regex::Group, kGroups> groups;
  std::string out;
  bool found = false;
  while (regex_.find(text, scratch, groups.data(), kGroups) > 0) {
    found = true;
    out.append(text.substr(0, groups[0].begin));
    for (std::size_t i = 0; i < replacement_.size(); ++i) {
      const char next = i + 1 < replacement_.size() ? replacement_[i + 1] : '\0';
      if (replacement_[i] != '\\' || next < '0' || next > '9') {
        out += replacement_[i];
        continue;
      }
      const Regex::Group& group = groups[static_cast<std::size_t>(next - '0')];
      if (group.begin != Regex::kUnset) out.append(text.substr(group.begin, group.end - group.begin));
      ++i;
    }
    const bool was_empty = groups[0].end == groups[0].begin;
    if (was_empty && groups[0].end < text.size()) out += text[groups[0].end];
    const std::size_t used = groups[0].end + (was_empty ? 1 : 0);
    text = used <= text.size() ? text.substr(used) : std::string_view{};
    if (!everywhere_ || text.empty()) break;
  }
  if (!found) return std::nullopt;
  out.append(text);
  return out;
}

}  // namespace lockstep::script
