// transformation_encodings.cc: the {s.*} that encode, decode and escape. Bytes that cannot be decoded give
// null.
#include <string_view>

#include "core/script/arena_text.h"
#include "core/script/language.h"
#include "core/script/string_transformation.h"

namespace lockstep::script {
namespace {

using Given = TransformationArguments;

bool is_alnum(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char low = static_cast<char>(c | 0x20);
  return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

Value encode_hex(Context& context, std::string_view text, const Given&) {
  ArenaText out(context, text.size() * 2);
  for (const char c : text) out.add_hex(c);
  return out.finish();
}

Value decode_hex(Context& context, std::string_view text, const Given&) {
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

Value encode_base64(Context& context, std::string_view text, const Given&) {
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

Value decode_base64(Context& context, std::string_view text, const Given&) {
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

// Percent-escapes all but letters, digits and kSafe.
template <const std::string_view& kSafe>
Value escape_percent(Context& context, std::string_view text, const Given&) {
  ArenaText out(context, text.size() * 3);
  for (const char c : text) {
    if (is_alnum(c) || kSafe.find(c) != std::string_view::npos) {
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

template <bool kPlusIsSpace>
Value unescape_percent(Context& context, std::string_view text, const Given&) {
  ArenaText out(context, text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && kPlusIsSpace) {
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

Value escape_common(Context& context, std::string_view text, const Given&) {
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

Value unescape_common(Context& context, std::string_view text, const Given&) {
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

constexpr StringTransformation kEncodings[] = {
    {"encode.hexa", 0, 0, false, "in hexadecimal", encode_hex},
    {"decode.hexa", 0, 0, false, "from hexadecimal", decode_hex},
    {"encode.base64", 0, 0, false, "in base64", encode_base64},
    {"decode.base64", 0, 0, false, "from base64", decode_base64},
    {"escape.common", 0, 0, false, "quotes and backslashes escaped", escape_common},
    {"unescape.common", 0, 0, false, "the reverse of escape.common", unescape_common},
    {"escape.user", 0, 0, false, "escaped for the user part of a URI", escape_percent<kUserSafe>},
    {"unescape.user", 0, 0, false, "the reverse of escape.user", unescape_percent<false>},
    {"escape.param", 0, 0, false, "escaped for a URI parameter", escape_percent<kParamSafe>},
    {"unescape.param", 0, 0, false, "the reverse of escape.param", unescape_percent<false>},
    {"urlencode.param", 0, 0, false, "escaped for a query", escape_percent<kMark>},
    {"urldecode.param", 0, 0, false, "the reverse of urlencode.param", unescape_percent<true>}};

}  // namespace

void add_encoding_transformations(ModuleExports& exports) {
  for (const StringTransformation& row : kEncodings) add_string_transformation(exports, row);
}

}  // namespace lockstep::script
