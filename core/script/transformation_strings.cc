// transformation_strings.cc: {s.*} and {val.*}. All take the text of the value (an integer as its digits) and
// give null for null, {val.*} excepted. Results are views into the value's own bytes where they can be,
// else they are made in the arena; a full arena gives null.
#include <algorithm>
#include <ctime>
#include <optional>
#include <string_view>
#include <utility>

#include "core/script/arena_text.h"
#include "core/script/language.h"
#include "core/script/string_transformation.h"

namespace lockstep::script {
namespace {

using Given = TransformationArguments;

constexpr std::string_view kBlanks = " \t\r\n";

char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
char to_upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }

template <char (*change)(char)>
Value map_bytes(Context& context, std::string_view text, const Given&) {
  ArenaText out(context, text.size());
  for (const char c : text) out.add(change(c));
  return out.finish();
}

Value substr(Context& context, std::string_view text, const Given& arguments) {
  const auto size = static_cast<std::int64_t>(text.size());
  std::int64_t offset = arguments.integer(context, 0);
  const std::int64_t length = arguments.integer(context, 1);
  if (offset < 0) offset += size;
  if (offset < 0 || offset > size || length < 0) return Value::null();
  return Value::of_string(
      text.substr(static_cast<std::size_t>(offset),
                  length == 0 ? std::string_view::npos : static_cast<std::size_t>(length)));
}

// {s.select,INDEX,SEPARATOR}: counted from the end if negative; "" beyond.
Value select(Context& context, std::string_view text, const Given& arguments) {
  const char separator = arguments.string(context, 1)[0];
  std::int64_t index = arguments.integer(context, 0);
  if (index < 0) index += std::count(text.begin(), text.end(), separator) + 1;
  if (index < 0) return Value::of_string({});
  for (; index > 0; --index) {
    const std::size_t at = text.find(separator);
    if (at == std::string_view::npos) return Value::of_string({});
    text.remove_prefix(at + 1);
  }
  return Value::of_string(text.substr(0, text.find(separator)));
}

Value strip(Context& context, std::string_view text, const Given& arguments) {
  const std::int64_t count = std::max<std::int64_t>(0, arguments.integer(context, 0));
  return Value::of_string(text.substr(std::min(text.size(), static_cast<std::size_t>(count))));
}

Value strip_tail(Context& context, std::string_view text, const Given& arguments) {
  const std::int64_t count = std::max<std::int64_t>(0, arguments.integer(context, 0));
  return Value::of_string(
      text.substr(0, text.size() - std::min(text.size(), static_cast<std::size_t>(count))));
}

// "abc" -> "a,ab,abc"; the argument bounds the length of the longest.
Value prefixes(Context& context, std::string_view text, const Given& arguments) {
  constexpr std::size_t kPrefixMax = 128;
  std::size_t longest = std::min(text.size(), kPrefixMax);
  if (arguments.size() > 0) {
    const std::int64_t wanted = std::max<std::int64_t>(0, arguments.integer(context, 0));
    longest = std::min(longest, static_cast<std::size_t>(wanted));
  }
  ArenaText out(context, (longest + 1) * (longest + 2) / 2);
  for (std::size_t length = 1; length <= longest; ++length) {
    if (length > 1) out.add(',');
    out.add(text.substr(0, length));
  }
  return out.finish();
}

Value replace(Context& context, std::string_view text, const Given& arguments) {
  const std::string_view old = arguments.string(context, 0);
  const std::string_view fresh = arguments.size() > 1 ? arguments.string(context, 1) : std::string_view{};
  if (old.empty()) return Value::of_string(text);
  std::size_t count = 0;
  for (std::size_t at = text.find(old); at != std::string_view::npos; at = text.find(old, at + old.size()))
    ++count;
  if (count == 0) return Value::of_string(text);
  ArenaText out(context, text.size() - count * old.size() + count * fresh.size());
  std::size_t from = 0;
  for (std::size_t at = text.find(old); at != std::string_view::npos; at = text.find(old, from)) {
    out.add(text.substr(from, at - from));
    out.add(fresh);
    from = at + old.size();
  }
  out.add(text.substr(from));
  return out.finish();
}

template <bool kFront, bool kBack>
Value trim(Context&, std::string_view text, const Given&) {
  if (kFront) text.remove_prefix(std::min(text.size(), text.find_first_not_of(kBlanks)));
  if (kBack) text = text.substr(0, text.find_last_not_of(kBlanks) + 1);
  return Value::of_string(text);
}

enum class Side : std::uint8_t { kBefore, kAfter };
enum class Which : std::uint8_t { kFirst, kLast };
template <Side kSide, Which kWhich>
Value split(Context& context, std::string_view text, const Given& arguments) {
  const char mark = arguments.string(context, 0)[0];
  const std::size_t at = kWhich == Which::kLast ? text.rfind(mark) : text.find(mark);
  if (at == std::string_view::npos)
    return Value::of_string(kSide == Side::kBefore ? text : std::string_view{});
  return Value::of_string(kSide == Side::kBefore ? text.substr(0, at) : text.substr(at + 1));
}

Value length(Context&, std::string_view text, const Given&) {
  return Value::of_int(static_cast<std::int64_t>(text.size()));
}

// Text that is no number becomes empty, which counts as 0.
Value as_number(Context&, std::string_view text, const Given&) {
  const std::optional<std::int64_t> number = parse_decimal(text);
  return number ? Value::of_int(*number) : Value::of_string({});
}

Value count(Context& context, std::string_view text, const Given& arguments) {
  return Value::of_int(std::count(text.begin(), text.end(), arguments.string(context, 0)[0]));
}

Value format_time(Context& context, std::string_view text, const Given& arguments) {
  const std::optional<std::int64_t> seconds = parse_decimal(text);
  if (!seconds) return Value::null();
  const auto moment = static_cast<std::time_t>(*seconds);
  std::tm parts{};
  char pattern[128];
  char shown[256];
  const std::string_view wanted = arguments.string(context, 0);
  if (wanted.size() >= sizeof(pattern) || localtime_r(&moment, &parts) == nullptr) return Value::null();
  *std::copy(wanted.begin(), wanted.end(), pattern) = '\0';
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  const std::size_t bytes = std::strftime(shown, sizeof(shown), pattern, &parts);
#pragma GCC diagnostic pop
  return context.make_string(std::string_view(shown, bytes));
}

Value numeric(Context& context, std::string_view text, const Given&) {
  ArenaText out(context, text.size());
  for (const char c : text) {
    if (c >= '0' && c <= '9') out.add(c);
  }
  return out.finish();
}

Value unbracket(Context&, std::string_view text, const Given&) {
  const std::size_t open = text.find('<');
  const std::size_t close = text.find('>');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open)
    return Value::of_string(text);
  return Value::of_string(text.substr(open + 1, close - open - 1));
}

constexpr StringTransformation kStringTransformations[] = {
    {"len", 0, 0, false, "number of bytes", length},
    {"int", 0, 0, false, "as a number", as_number},
    {"substr", 2, 2, false, "bytes from an offset; length 0 means the rest", substr},
    {"select", 2, 2, true, "field by number and separator", select},
    {"strip", 1, 1, false, "without its first bytes", strip},
    {"striptail", 1, 1, false, "without its last bytes", strip_tail},
    {"prefixes", 0, 1, false, "all prefixes, separated by commas", prefixes},
    {"before", 1, 1, true, "before the first of a character", split<Side::kBefore, Which::kFirst>},
    {"after", 1, 1, true, "after the first of a character", split<Side::kAfter, Which::kFirst>},
    {"rbefore", 1, 1, true, "before the last of a character", split<Side::kBefore, Which::kLast>},
    {"rafter", 1, 1, true, "after the last of a character", split<Side::kAfter, Which::kLast>},
    {"count", 1, 1, true, "how often a character occurs", count},
    {"trim", 0, 0, false, "without blanks at both ends", trim<true, true>},
    {"ltrim", 0, 0, false, "without blanks in front", trim<true, false>},
    {"rtrim", 0, 0, false, "without blanks behind", trim<false, true>},
    {"unbracket", 0, 0, false, "what stands between < and >", unbracket},
    {"tolower", 0, 0, false, "in lower case", map_bytes<to_lower>},
    {"toupper", 0, 0, false, "in upper case", map_bytes<to_upper>},
    {"replace", 1, 2, false, "with all of one text replaced", replace},
    {"rm", 1, 1, false, "with all of one text removed", replace},
    {"numeric", 0, 0, false, "only its digits", numeric},
    {"ftime", 1, 1, false, "seconds since 1970 in a strftime format", format_time}};

void add_null_replacement(ModuleExports& exports, std::string name, std::string doc, Value replacement) {
  TransformationSpec spec;
  spec.class_name = "val";
  spec.name = std::move(name);
  spec.doc = std::move(doc);
  spec.apply = [replacement](Context&, const Value& value, const Given&) {
    return value.is_null() ? replacement : value;
  };
  exports.transformations.push_back(std::move(spec));
}

}  // namespace

void add_string_transformation(ModuleExports& exports, const StringTransformation& row) {
  TransformationSpec spec;
  spec.class_name = "s";
  spec.name = row.name;
  spec.doc = row.doc;
  spec.min_count = row.min_count;
  spec.max_count = row.max_count;
  spec.last_is_character = row.last_is_character;
  spec.apply = [body = row.body](Context& context, const Value& value, const Given& arguments) {
    return value.is_null() ? Value::null() : body(context, context.text_of(value), arguments);
  };
  exports.transformations.push_back(std::move(spec));
}

void add_string_transformations(ModuleExports& exports) {
  for (const StringTransformation& row : kStringTransformations) add_string_transformation(exports, row);
  add_null_replacement(exports, "n0", "0 instead of null", Value::of_int(0));
  add_null_replacement(exports, "ne", "empty instead of null", Value::of_string({}));
}

}  // namespace lockstep::script
