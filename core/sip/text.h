// text.h: the character level of RFC 3261 section 25: classes, caseless comparison, LWS, numbers,
// quoted strings and %HH escapes. Pure functions over spans; nothing here allocates.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace lockstep::sip {

// Bits of kCharClass; a byte may belong to several.
enum CharClass : std::uint8_t {
  kToken = 1,       // token
  kUser = 2,        // unreserved / user-unreserved
  kPassword = 4,    // unreserved / "&" / "=" / "+" / "$" / ","
  kUriParam = 8,    // paramchar without escapes, plus "=": what may stand after the first ";" of a URI
  kUriHeader = 16,  // hnv-unreserved / unreserved, plus "=" and "&"
  kHostName = 32,   // alphanum / "-" / "." and, as DNS in the field has it, "_"
  kLws = 64,        // SP / HT / CR / LF
  kUric = 128,      // reserved / unreserved: the rest of an absoluteURI
};
// What ends or nests a value in a list: '"' ',' '<' '>'.
extern const std::array<bool, 256> kListMark;

extern const std::array<std::uint8_t, 256> kCharClass;

inline bool is_class(char c, CharClass wanted) {
  return (kCharClass[static_cast<unsigned char>(c)] & wanted) != 0;
}
inline bool is_lws(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

// Caseless for ASCII letters only.
inline bool equal_nocase(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] != b[i] && lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}
inline bool starts_with_nocase(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() && equal_nocase(text.substr(0, prefix.size()), prefix);
}
// True when text is not empty and consists of token characters.
bool is_token(std::string_view text);

// Without LWS (folding included) at either end.
inline std::string_view trim_left(std::string_view text) {
  while (!text.empty() && is_lws(text.front())) text.remove_prefix(1);
  return text;
}
inline std::string_view trim(std::string_view text) {
  text = trim_left(text);
  while (!text.empty() && is_lws(text.back())) text.remove_suffix(1);
  return text;
}

// Position of the first byte that is one of `wanted`, or npos. For short texts and few bytes: the
// library's find_first_of calls memchr for every byte of the text.
template <char... wanted>
std::size_t find_any(std::string_view text, std::size_t from = 0) {
  for (std::size_t i = from; i < text.size(); ++i) {
    if (((text[i] == wanted) || ...)) return i;
  }
  return std::string_view::npos;
}

// All of `digits` as a decimal number; none when empty, not digits, or larger than `max`.
// Leading zeros do not count against the bound.
std::optional<std::uint32_t> parse_number(std::string_view digits, std::uint32_t max);
// delta-seconds: as parse_number, but a value beyond 2^32-1 is 2^32-1 (RFC 3261 20.19).
std::optional<std::uint32_t> parse_delta_seconds(std::string_view digits);
// qvalue as thousandths, 0 to 1000; none when malformed.
std::optional<std::uint16_t> parse_q(std::string_view text);

// Position of the first of `wanted` outside quoted strings, or npos. A quoted string that is not
// closed runs to the end of the text.
std::size_t find_outside_quotes(std::string_view text, char wanted, std::size_t from = 0);
// Position just behind the quoted string that starts at text[from] == '"'; npos if it is not closed.
std::size_t quoted_string_end(std::string_view text, std::size_t from);

// A quoted string's content with \x taken as x, without the quotes; text without quotes unchanged.
// Writes into `out` only where there is an escape; none when that does not fit.
std::optional<std::string_view> unquote(std::string_view text, std::span<char> out);

// %HH decoded into `out`; a view of `text` itself where there is nothing to decode. none: malformed
// escape or `out` too small. The result may hold NUL.
std::optional<std::string_view> unescape(std::string_view text, std::span<char> out);
// True when every '%' is followed by two hexadecimal digits.
bool escapes_are_valid(std::string_view text);

enum class Case : std::uint8_t { kSensitive, kInsensitive };
// RFC 3261 19.1.4: a character outside the reserved set equals its %HH form; a reserved character
// does not, and there only the hexadecimal digits compare without case.
bool equal_escaped(std::string_view a, std::string_view b, Case letters);

}  // namespace lockstep::sip
