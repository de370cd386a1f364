#include "modules/textops/line_regex.h"

#include "core/base/log.h"
#include "core/sip/text.h"
#include "core/worker/export_helpers.h"

namespace lockstep::textops {

Result<LineRegex, std::string> LineRegex::compile(std::string_view pattern, Flags flags) {
  const auto letter_case =
      flags.ignore_case ? script::Regex::Case::kInsensitive : script::Regex::Case::kSensitive;
  const std::string mode = flags.across_lines ? "" : "(?m-s)";
  auto first = script::Regex::compile(mode + std::string(pattern), letter_case);
  if (!first.ok()) return Failure<std::string>{"wrong regular expression: " + first.error().text};
  auto later = script::Regex::compile(mode + "(?!\\A)(?:" + std::string(pattern) + ")", letter_case);
  if (!later.ok()) return Failure<std::string>{"wrong regular expression: " + later.error().text};
  return LineRegex(std::move(*first), std::move(*later));
}

bool LineRegex::matches(std::string_view subject, script::RegexScratch& scratch) const {
  return first_.matches(subject, scratch);
}

std::size_t LineRegex::find(std::string_view subject, std::size_t from, script::RegexScratch& scratch,
                            Groups& groups) const {
  if (from == 0) return first_.find(subject, scratch, groups.data(), groups.size());
  if (from > subject.size()) return 0;
  const std::size_t cut = from - 1;
  const std::size_t count = later_.find(subject.substr(cut), scratch, groups.data(), groups.size());
  for (std::size_t i = 0; i < count; ++i) {
    if (groups[i].begin == script::Regex::kUnset) continue;
    groups[i].begin += cut;
    groups[i].end += cut;
  }
  return count;
}

const LineRegex* RegexCache::find(std::string_view pattern, LineRegex::Flags flags) {
  for (const Entry& entry : entries_) {
    if (entry.pattern == pattern && entry.flags.ignore_case == flags.ignore_case &&
        entry.flags.across_lines == flags.across_lines) {
      return &entry.regex;
    }
  }
  auto regex = LineRegex::compile(pattern, flags);
  if (!regex.ok()) {
    LS_LOG(kErr, "textops", "'{}': {}", pattern, regex.error());
    return nullptr;
  }
  if (entries_.size() < kEntryMax) {
    entries_.reserve(kEntryMax);
    entries_.push_back({std::string(pattern), flags, std::move(*regex)});
    return &entries_.back().regex;
  }
  Entry& entry = entries_[next_];
  next_ = (next_ + 1) % kEntryMax;
  entry = {std::string(pattern), flags, std::move(*regex)};
  return &entry.regex;
}

namespace {

// The end of the part that starts at `from`: the next delimiter that is not escaped.
std::size_t part_end(std::string_view text, std::size_t from, char delimiter) {
  for (std::size_t i = from; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == delimiter) {
      return i;
    }
  }
  return std::string_view::npos;
}

// An escaped delimiter is the delimiter itself; other escapes belong to the expression.
std::string without_escaped(std::string_view text, char delimiter) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) {
      ++i;
      if (text[i] != delimiter) result += '\\';
    }
    result += text[i];
  }
  return result;
}

}  // namespace

Result<Substitution, std::string> Substitution::parse(std::string_view text) {
  const Failure<std::string> malformed{"\"/expression/replacement/flags\" is expected"};
  if (text.size() < 3 || sip::is_alpha(text[0]) || sip::is_digit(text[0]) || text[0] == '\\')
    return malformed;
  const char delimiter = text[0];
  const std::size_t middle = part_end(text, 1, delimiter);
  if (middle == std::string_view::npos || middle == 1) return malformed;
  const std::size_t end = part_end(text, middle + 1, delimiter);
  if (end == std::string_view::npos) return malformed;
  LineRegex::Flags flags{.ignore_case = false, .across_lines = false};
  bool is_global = false;
  for (const char flag : text.substr(end + 1)) {
    if (flag == 'i') {
      flags.ignore_case = true;
    } else if (flag == 's') {
      flags.across_lines = true;
    } else if (flag == 'g') {
      is_global = true;
    } else {
      return Failure<std::string>{fmt::format("unknown flag '{}': i, g and s are known", flag)};
    }
  }
  auto regex = LineRegex::compile(without_escaped(text.substr(1, middle - 1), delimiter), flags);
  if (!regex.ok()) return Failure<std::string>{regex.error()};
  Substitution made(std::move(*regex));
  made.is_global_ = is_global;
  made.parse_replacement(text.substr(middle + 1, end - middle - 1));
  return made;
}

void Substitution::parse_replacement(std::string_view text) {
  std::string literal;
  const auto add = [this](int group, std::string piece_text) {
    Piece& piece = pieces_.emplace_back();
    piece.group = group;
    piece.text = std::move(piece_text);
  };
  const auto finish = [&] {
    if (!literal.empty()) add(kText, literal);
    literal.clear();
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      literal += text[i];
      continue;
    }
    const char c = text[++i];
    if (sip::is_digit(c) || c == 'u') {
      finish();
      add(c == 'u' ? kRequestUri : c - '0', {});
      continue;
    }
    literal += c == 'n' ? '\n' : c == 'r' ? '\r' : c == 't' ? '\t' : c;
  }
  finish();
}

std::string Substitution::resolve(script::Registry& registry) {
  for (Piece& piece : pieces_) {
    if (piece.group != kText || piece.text.find('$') == std::string::npos) continue;
    auto format = script::Format::parse(piece.text, registry);
    if (!format.ok()) return "replacement '" + piece.text + "': " + format.error().message;
    piece.format = std::move(*format);
    piece.has_format = true;
  }
  return {};
}

std::optional<std::string_view> Substitution::replacement(script::Context& context, std::string_view subject,
                                                          const Groups& groups, std::size_t group_count,
                                                          std::string_view request_uri) const {
  std::string_view made;
  for (const Piece& piece : pieces_) {
    std::string_view part = piece.text;
    if (piece.has_format) {
      part = piece.format.print(context);
    } else if (piece.group == kRequestUri) {
      part = request_uri;
    } else if (piece.group != kText) {
      const auto group = static_cast<std::size_t>(piece.group);
      const bool is_set = group < group_count && groups[group].begin != script::Regex::kUnset;
      part = is_set ? subject.substr(groups[group].begin, groups[group].end - groups[group].begin) : "";
    }
    const auto joined = made.empty() ? std::optional(part) : worker::try_join(context, {made, part});
    if (!joined.has_value()) return std::nullopt;
    made = *joined;
  }
  return made;
}

std::optional<std::string_view> Substitution::apply(script::Context& context, std::string_view subject,
                                                    std::string_view request_uri) const {
  Groups groups;
  std::string_view made;
  std::size_t from = 0;
  std::size_t copied = 0;
  bool is_found = false;
  while (const std::size_t count = regex_.find(subject, from, context.regex_scratch(), groups)) {
    const auto text = replacement(context, subject, groups, count, request_uri);
    if (!text.has_value()) return std::nullopt;
    const auto joined =
        worker::try_join(context, {made, subject.substr(copied, groups[0].begin - copied), *text});
    if (!joined.has_value()) return std::nullopt;
    made = *joined;
    is_found = true;
    copied = groups[0].end;
    from = groups[0].end == groups[0].begin ? groups[0].end + 1 : groups[0].end;
    if (!is_global_ || from > subject.size()) break;
  }
  if (!is_found) return std::nullopt;
  return worker::try_join(context, {made, subject.substr(copied)});
}

}  // namespace lockstep::textops
