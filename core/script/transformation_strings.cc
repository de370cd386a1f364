// transformation_strings.cc: {s.*} and {val.*}. All take the text of the value (an integer as its digits) and
// give null for null, {val.*} excepted. Results are views into the value's own bytes where they can be,
// else they are made in the arena; a full arena gives null.
#include <algorithm>
#include <ctime>
#include <optional>
#include <string_view>
#include <utility>

#include "core/script/language.h"

namespace lockstep::script {
namespace {

using Given = TransformationArguments;

constexpr std::string_view kBlanks = " \t\r\n";

bool is_alnum(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char low = static_cast<char>(c | 0x20);
  return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

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

Value map_bytes(Context& context, std::string_view text, char (*change)(char)) {
  ArenaText out(context, text.size());
  for (const char c : text) out.add(change(c));
  return out.finish();
}
char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
char to_upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }

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

Value trim(std::string_view text, bool front, bool back) {
  if (front) text.remove_prefix(std::min(text.size(), text.find_first_not_of(kBlanks)));
  if (back) text = text.substr(0, text.find_last_not_of(kBlanks) + 1);
  return Value::of_string(text);
}

enum class Side : std::uint8_t { kBefore, kAfter };
Value split(Context& context, std::string_view text, const Given& arguments, Side side, bool last) {
  const char mark = arguments.string(context, 0)[0];
  const std::size_t at = last ? text.rfind(mark) : text.find(mark);
  if (at == std::string_view::npos)
    return Value::of_string(side == Side::kBefore ? text : std::string_view{});
  return Value::of_string(side == Side::kBefore ? text.substr(0, at) : text.substr(at + 1));
}

Value encode_hex(Context& context, std::string_view text) {
  ArenaText out(context, text.size() * 2);
  for (const char c : text) out.add_hex(c);
  return out.finish();
}

Value decode_hex(Context& context, std::string_view text) {
  if (text.size() % 2 != 0) return Value::null();
  ArenaText out(context, text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = hex_value(text[i]);
    const int low = hex_value(text[i + 1]);
    if (high < 0 || low < 0) return Value::null();
    out.add(static_cast<char>(high * 16 + low));
  }
  return out.finish();
}

constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

Value encode_base64(Context& context, std::string_view text) {
  ArenaText out(context, (text.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < text.size(); i += 3) {
    std::uint32_t bits = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      bits = bits << 8 | (i + j < text.size() ? static_cast<unsigned char>(text[i + j]) : 0u);
    }
    for (std::size_t j = 0; j < 4; ++j)
      out.add(i + j <= text.size() ? kBase64[bits >> (18 - 6 * j) & 63] : '=');
  }
  return out.finish();
}

Value decode_base64(Context& context, std::string_view text) {
  while (text.ends_with('=')) text.remove_suffix(1);
  ArenaText out(context, text.size());
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const std::size_t value = kBase64.find(c);
    if (value == std::string_view::npos) return Value::null();
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out.add(static_cast<char>(bits >> count & 255));
  }
  return out.finish();
}

// Percent-escapes all but letters, digits and `safe`.
Value escape_percent(Context& context, std::string_view text, std::string_view safe) {
  ArenaText out(context, text.size() * 3);
  for (const char c : text) {
    if (is_alnum(c) || safe.find(c) != std::string_view::npos) {
      out.add(c);
    } else {
      out.add('%');
      out.add_hex(c);
    }
  }
  return out.finish();
}
constexpr std::string_view kMark = "-_.!~*'()";              // RFC 3261 section 25.1.
constexpr std::string_view kUserSafe = "-_.!~*'()&=+$,;?/";  // user-unreserved.
constexpr std::string_view kParamSafe = "-_.!~*'()[]/:&+$";  // param-unreserved.

Value unescape_percent(Context& context, std::string_view text, bool plus_is_space) {
  ArenaText out(context, text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      out.add(' ');
    } else if (text[i] != '%') {
      out.add(text[i]);
    } else {
      const int high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
      if (high < 0 || low < 0) return Value::null();
      out.add(static_cast<char>(high * 16 + low));
      i += 2;
    }
  }
  return out.finish();
}

Value escape_common(Context& context, std::string_view text) {
  ArenaText out(context, text.size() * 2);
  for (const char c : text) {
    if (c == '\'' || c == '"' || c == '\\') out.add('\\');
    if (c == '\0')
      out.add("\\0");
    else
      out.add(c);
  }
  return out.finish();
}

Value unescape_common(Context& context, std::string_view text) {
  ArenaText out(context, text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) {
      ++i;
      out.add(text[i] == '0' ? '\0' : text[i]);
    } else {
      out.add(text[i]);
    }
  }
  return out.finish();
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

Value numeric(Context& context, std::string_view text) {
  ArenaText out(context, text.size());
  for (const char c : text) {
    if (c >= '0' && c <= '9') out.add(c);
  }
  return out.finish();
}

Value unbracket(std::string_view text) {
  const std::size_t open = text.find('<');
  const std::size_t close = text.find('>');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open)
    return Value::of_string(text);
  return Value::of_string(text.substr(open + 1, close - open - 1));
}

using Body = Value (*)(Context&, std::string_view, const Given&);

void add(ModuleExports& exports, std::string name, std::uint8_t min_count, std::uint8_t max_count,
         bool last_is_character, std::string doc, Body body) {
  TransformationSpec spec;
  spec.class_name = "s";
  spec.name = std::move(name);
  spec.doc = std::move(doc);
  spec.min_count = min_count;
  spec.max_count = max_count;
  spec.last_is_character = last_is_character;
  spec.apply = [body](Context& context, const Value& value, const Given& arguments) {
    if (value.is_null()) return Value::null();
    return body(context, context.text_of(value), arguments);
  };
  exports.transformations.push_back(std::move(spec));
}

#define LS_BODY [](Context & c, std::string_view t, const Given& a) -> Value
#define LS_UNUSED static_cast<void>(c), static_cast<void>(a)

void add_parts(ModuleExports& exports) {
  add(
      exports, "len", 0, 0, false, "number of bytes", LS_BODY {
        LS_UNUSED;
        return Value::of_int(static_cast<std::int64_t>(t.size()));
      });
  add(
      exports, "int", 0, 0, false, "as a number", LS_BODY {
        LS_UNUSED;
        const std::optional<std::int64_t> number = parse_decimal(t);
        return number ? Value::of_int(*number) : Value::of_string({});
      });
  add(
      exports, "substr", 2, 2, false, "bytes from an offset; length 0 means the rest",
      LS_BODY { return substr(c, t, a); });
  add(
      exports, "select", 2, 2, true, "field by number and separator", LS_BODY { return select(c, t, a); });
  add(
      exports, "strip", 1, 1, false, "without its first bytes", LS_BODY { return strip(c, t, a); });
  add(
      exports, "striptail", 1, 1, false, "without its last bytes", LS_BODY { return strip_tail(c, t, a); });
  add(
      exports, "prefixes", 0, 1, false, "all prefixes, separated by commas",
      LS_BODY { return prefixes(c, t, a); });
  add(
      exports, "before", 1, 1, true, "before the first of a character",
      LS_BODY { return split(c, t, a, Side::kBefore, false); });
  add(
      exports, "after", 1, 1, true, "after the first of a character",
      LS_BODY { return split(c, t, a, Side::kAfter, false); });
  add(
      exports, "rbefore", 1, 1, true, "before the last of a character",
      LS_BODY { return split(c, t, a, Side::kBefore, true); });
  add(
      exports, "rafter", 1, 1, true, "after the last of a character",
      LS_BODY { return split(c, t, a, Side::kAfter, true); });
  add(
      exports, "count", 1, 1, true, "how often a character occurs",
      LS_BODY { return Value::of_int(std::count(t.begin(), t.end(), a.string(c, 0)[0])); });
  add(
      exports, "trim", 0, 0, false, "without blanks at both ends", LS_BODY {
        LS_UNUSED;
        return trim(t, true, true);
      });
  add(
      exports, "ltrim", 0, 0, false, "without blanks in front", LS_BODY {
        LS_UNUSED;
        return trim(t, true, false);
      });
  add(
      exports, "rtrim", 0, 0, false, "without blanks behind", LS_BODY {
        LS_UNUSED;
        return trim(t, false, true);
      });
  add(
      exports, "unbracket", 0, 0, false, "what stands between < and >", LS_BODY {
        LS_UNUSED;
        return unbracket(t);
      });
}

void add_changes(ModuleExports& exports) {
  add(
      exports, "tolower", 0, 0, false, "in lower case", LS_BODY {
        LS_UNUSED;
        return map_bytes(c, t, to_lower);
      });
  add(
      exports, "toupper", 0, 0, false, "in upper case", LS_BODY {
        LS_UNUSED;
        return map_bytes(c, t, to_upper);
      });
  add(
      exports, "replace", 1, 2, false, "with all of one text replaced", LS_BODY { return replace(c, t, a); });
  add(
      exports, "rm", 1, 1, false, "with all of one text removed", LS_BODY { return replace(c, t, a); });
  add(
      exports, "numeric", 0, 0, false, "only its digits", LS_BODY {
        LS_UNUSED;
        return numeric(c, t);
      });
  add(
      exports, "ftime", 1, 1, false, "seconds since 1970 in a strftime format",
      LS_BODY { return format_time(c, t, a); });
  add(
      exports, "encode.hexa", 0, 0, false, "in hexadecimal", LS_BODY {
        LS_UNUSED;
        return encode_hex(c, t);
      });
  add(
      exports, "decode.hexa", 0, 0, false, "from hexadecimal", LS_BODY {
        LS_UNUSED;
        return decode_hex(c, t);
      });
  add(
      exports, "encode.base64", 0, 0, false, "in base64", LS_BODY {
        LS_UNUSED;
        return encode_base64(c, t);
      });
  add(
      exports, "decode.base64", 0, 0, false, "from base64", LS_BODY {
        LS_UNUSED;
        return decode_base64(c, t);
      });
  add(
      exports, "escape.common", 0, 0, false, "quotes and backslashes escaped", LS_BODY {
        LS_UNUSED;
        return escape_common(c, t);
      });
  add(
      exports, "unescape.common", 0, 0, false, "the reverse of escape.common", LS_BODY {
        LS_UNUSED;
        return unescape_common(c, t);
      });
  add(
      exports, "escape.user", 0, 0, false, "escaped for the user part of a URI", LS_BODY {
        LS_UNUSED;
        return escape_percent(c, t, kUserSafe);
      });
  add(
      exports, "unescape.user", 0, 0, false, "the reverse of escape.user", LS_BODY {
        LS_UNUSED;
        return unescape_percent(c, t, false);
      });
  add(
      exports, "escape.param", 0, 0, false, "escaped for a URI parameter", LS_BODY {
        LS_UNUSED;
        return escape_percent(c, t, kParamSafe);
      });
  add(
      exports, "unescape.param", 0, 0, false, "the reverse of escape.param", LS_BODY {
        LS_UNUSED;
        return unescape_percent(c, t, false);
      });
  add(
      exports, "urlencode.param", 0, 0, false, "escaped for a query", LS_BODY {
        LS_UNUSED;
        return escape_percent(c, t, kMark);
      });
  add(
      exports, "urldecode.param", 0, 0, false, "the reverse of urlencode.param", LS_BODY {
        LS_UNUSED;
        return unescape_percent(c, t, true);
      });
}

#undef LS_BODY
#undef LS_UNUSED

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

void add_string_transformations(ModuleExports& exports) {
  add_parts(exports);
  add_changes(exports);
  add_null_replacement(exports, "n0", "0 instead of null", Value::of_int(0));
  add_null_replacement(exports, "ne", "empty instead of null", Value::of_string({}));
}

}  // namespace lockstep::script
