// text.cc: see text.h. The class table is built at compile time from the alphabets of section 25.
#include "core/sip/text.h"

namespace lockstep::sip {
namespace {

constexpr std::string_view kMark = "-_.!~*'()";

consteval void add(std::array<std::uint8_t, 256>& table, std::string_view characters, unsigned bits) {
  for (char c : characters) {
    auto& entry = table[static_cast<unsigned char>(c)];
    entry = static_cast<std::uint8_t>(entry | bits);
  }
}

consteval std::array<std::uint8_t, 256> make_table() {
  std::array<std::uint8_t, 256> table{};
  constexpr std::string_view alphanum = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  add(table, alphanum, kToken | kUser | kPassword | kUriParam | kUriHeader | kHostName | kUric);
  add(table, kMark, kUser | kPassword | kUriParam | kUriHeader | kUric);
  add(table, "-.!%*_+`'~", kToken);
  add(table, "&=+$,;?/", kUser);
  add(table, "&=+$,", kPassword);
  add(table, "[]/:&+$=", kUriParam);
  add(table, "[]/?:+$=&", kUriHeader);
  add(table, "-._", kHostName);
  add(table, " \t\r\n", kLws);
  add(table, ";/?:@&=+$,#", kUric);
  return table;
}

constexpr int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  const char letter = lower(c);
  return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

// The byte that the escape at text[at] == '%' stands for; -1 when it is malformed.
int escaped_byte(std::string_view text, std::size_t at) {
  if (text.size() - at < 3) return -1;
  const int high = hex_value(text[at + 1]);
  const int low = hex_value(text[at + 2]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

bool is_reserved(char c) { return std::string_view(";/?:@&=+$,").find(c) != std::string_view::npos; }

// One character of a text with escapes, as 19.1.4 compares it.
struct Unit {
  char byte = 0;
  bool is_escaped_reserved = false;
};

Unit next_unit(std::string_view text, std::size_t& at) {
  Unit unit{text[at], false};
  const int decoded = text[at] == '%' ? escaped_byte(text, at) : -1;
  if (decoded < 0) {
    ++at;
    return unit;
  }
  at += 3;
  unit.byte = static_cast<char>(decoded);
  unit.is_escaped_reserved = is_reserved(unit.byte);
  return unit;
}

}  // namespace

constinit const std::array<std::uint8_t, 256> kCharClass = make_table();
constinit const std::array<bool, 256> kListMark = [] {
  std::array<bool, 256> marks{};
  marks['"'] = marks[','] = marks['<'] = marks['>'] = true;
  return marks;
}();

bool is_token(std::string_view text) {
  for (char c : text) {
    if (!is_class(c, kToken)) return false;
  }
  return !text.empty();
}

std::optional<std::uint32_t> parse_number(std::string_view digits, std::uint32_t max) {
  if (digits.empty()) return std::nullopt;
  std::uint64_t value = 0;
  for (char c : digits) {
    if (!is_digit(c)) return std::nullopt;
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
    if (value > max) return std::nullopt;
  }
  return static_cast<std::uint32_t>(value);
}

std::optional<std::uint32_t> parse_delta_seconds(std::string_view digits) {
  constexpr std::uint32_t max = 0xffffffff;
  if (digits.empty()) return std::nullopt;
  std::uint64_t value = 0;
  for (char c : digits) {
    if (!is_digit(c)) return std::nullopt;
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
    if (value > max) value = max;
  }
  return static_cast<std::uint32_t>(value);
}

std::optional<std::uint16_t> parse_q(std::string_view text) {
  if (text.empty() || (text[0] != '0' && text[0] != '1')) return std::nullopt;
  std::uint32_t thousandths = text[0] == '1' ? 1000 : 0;
  if (text.size() == 1) return static_cast<std::uint16_t>(thousandths);
  if (text[1] != '.' || text.size() > 5) return std::nullopt;
  std::uint32_t weight = 100;
  for (char c : text.substr(2)) {
    if (!is_digit(c)) return std::nullopt;
    thousandths += static_cast<std::uint32_t>(c - '0') * weight;
    weight /= 10;
  }
  if (thousandths > 1000) return std::nullopt;
  return static_cast<std::uint16_t>(thousandths);
}

std::size_t quoted_string_end(std::string_view text, std::size_t from) {
  for (std::size_t i = from + 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      return i + 1;
    }
  }
  return std::string_view::npos;
}

std::size_t find_outside_quotes(std::string_view text, char wanted, std::size_t from) {
  for (std::size_t i = from; i < text.size();) {
    if (text[i] == wanted) return i;
    if (text[i] == '"') {
      i = quoted_string_end(text, i);
      if (i == std::string_view::npos) break;
    } else {
      ++i;
    }
  }
  return std::string_view::npos;
}

std::optional<std::string_view> unquote(std::string_view text, std::span<char> out) {
  if (text.size() < 2 || text.front() != '"' || text.back() != '"') return text;
  const std::string_view inner = text.substr(1, text.size() - 2);
  if (inner.find('\\') == std::string_view::npos) return inner;
  std::size_t used = 0;
  for (std::size_t i = 0; i < inner.size(); ++i) {
    if (inner[i] == '\\' && i + 1 < inner.size()) ++i;
    if (used == out.size()) return std::nullopt;
    out[used++] = inner[i];
  }
  return std::string_view(out.data(), used);
}

std::optional<std::string_view> unescape(std::string_view text, std::span<char> out) {
  if (text.find('%') == std::string_view::npos) return text;
  std::size_t used = 0;
  for (std::size_t i = 0; i < text.size();) {
    char c = text[i];
    if (c == '%') {
      const int decoded = escaped_byte(text, i);
      if (decoded < 0) return std::nullopt;
      c = static_cast<char>(decoded);
      i += 3;
    } else {
      ++i;
    }
    if (used == out.size()) return std::nullopt;
    out[used++] = c;
  }
  return std::string_view(out.data(), used);
}

bool escapes_are_valid(std::string_view text) {
  for (std::size_t at = text.find('%'); at != std::string_view::npos; at = text.find('%', at + 3)) {
    if (escaped_byte(text, at) < 0) return false;
  }
  return true;
}

bool equal_escaped(std::string_view a, std::string_view b, Case letters) {
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < a.size() && j < b.size()) {
    const Unit left = next_unit(a, i);
    const Unit right = next_unit(b, j);
    const bool same_byte =
        letters == Case::kSensitive ? left.byte == right.byte : lower(left.byte) == lower(right.byte);
    if (!same_byte || left.is_escaped_reserved != right.is_escaped_reserved) return false;
  }
  return i == a.size() && j == b.size();
}

}  // namespace lockstep::sip
