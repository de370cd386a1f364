// lexer.cc: characters to tokens.
#include "core/script/lexer.h"

#include <arpa/inet.h>
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

namespace lockstep::script {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool is_octal(char c) { return c >= '0' && c <= '7'; }
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' || c == '\v'; }
int hex_value(char c) { return is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10; }

struct Punctuation {
  std::string_view text;
  TokenKind kind;
};
// Longer ones first: the first that fits is taken.
constexpr Punctuation kPunctuation[] = {
    {"==", TokenKind::kEqual},       {"=~", TokenKind::kMatch},        {"!=", TokenKind::kNotEqual},
    {"!~", TokenKind::kNotMatch},    {"<<", TokenKind::kShiftLeft},    {"<=", TokenKind::kLessEqual},
    {">>", TokenKind::kShiftRight},  {">=", TokenKind::kGreaterEqual}, {"&&", TokenKind::kAnd},
    {"||", TokenKind::kOr},          {"=", TokenKind::kAssign},        {"!", TokenKind::kNot},
    {"<", TokenKind::kLess},         {">", TokenKind::kGreater},       {"&", TokenKind::kBitAnd},
    {"|", TokenKind::kBitOr},        {"^", TokenKind::kBitXor},        {"~", TokenKind::kBitNot},
    {"+", TokenKind::kPlus},         {"-", TokenKind::kMinus},         {"*", TokenKind::kStar},
    {"/", TokenKind::kSlash},        {"(", TokenKind::kOpenParen},     {")", TokenKind::kCloseParen},
    {"{", TokenKind::kOpenBrace},    {"}", TokenKind::kCloseBrace},    {"[", TokenKind::kOpenBracket},
    {"]", TokenKind::kCloseBracket}, {",", TokenKind::kComma},         {";", TokenKind::kSemicolon},
    {":", TokenKind::kColon},        {".", TokenKind::kDot},           {"%", TokenKind::kPercent}};

void skip_block_comment(Cursor& cursor, LexerOutput& output) {
  const Location start = cursor.shown();
  std::size_t depth = 0;
  while (!cursor.at_end()) {
    if (cursor.peek() == '/' && cursor.peek(1) == '*') {
      ++depth;
      cursor.advance(2);
    } else if (cursor.peek() == '*' && cursor.peek(1) == '/') {
      cursor.advance(2);
      if (--depth == 0) return;
    } else {
      cursor.advance();
    }
  }
  output.diagnostics.error(start, "this comment is never closed",
                           "block comments nest: each /* needs its own */");
}

bool at_directive(const Cursor& cursor) {
  if (cursor.peek(1) != '!') return false;
  if (cursor.peek() == '#') return true;
  return cursor.peek() == '!' && is_directive_word(leading_word(cursor.rest().substr(2)));
}

void skip_line(Cursor& cursor) {
  while (!cursor.at_end() && cursor.peek() != '\n') cursor.advance();
}

// Returns whether anything was skipped.
bool skip_blanks(Cursor& cursor, LexerOutput& output) {
  const std::size_t start = cursor.position();
  while (!cursor.at_end()) {
    const char c = cursor.peek();
    if (is_space(c)) {
      cursor.advance();
    } else if (c == '#' && cursor.peek(1) != '!') {
      skip_line(cursor);
    } else if (c == '/' && cursor.peek(1) == '/') {
      skip_line(cursor);
    } else if (c == '/' && cursor.peek(1) == '*') {
      skip_block_comment(cursor, output);
    } else {
      break;
    }
  }
  return cursor.position() != start;
}

// One escape after its backslash; appends what it stands for. Unknown ones stay as they are, with
// their backslash: regular expressions depend on that.
void scan_escape(Cursor& cursor, std::string& out) {
  const char c = cursor.peek();
  switch (c) {
    case 'n':
      out += '\n';
      cursor.advance();
      return;
    case 'r':
      out += '\r';
      cursor.advance();
      return;
    case 'a':
      out += '\a';
      cursor.advance();
      return;
    case 't':
      out += '\t';
      cursor.advance();
      return;
    case '"':
      out += '"';
      cursor.advance();
      return;
    case '\\':
      out += '\\';
      cursor.advance();
      return;
    case '\n':
      cursor.advance();
      return;
    default:
      break;
  }
  if (c == '\r' && cursor.peek(1) == '\n') {
    cursor.advance(2);
    return;
  }
  if (c == 'x' && is_hex(cursor.peek(1))) {
    int value = hex_value(cursor.peek(1));
    cursor.advance(2);
    if (is_hex(cursor.peek())) {
      value = value * 16 + hex_value(cursor.peek());
      cursor.advance();
    }
    out += static_cast<char>(value);
    return;
  }
  // Two octal digits at least: a single one is a back-reference of a regular expression.
  if (is_octal(c) && is_octal(cursor.peek(1))) {
    int value = (c - '0') * 8 + (cursor.peek(1) - '0');
    cursor.advance(2);
    if (value < 32 && is_octal(cursor.peek())) {
      value = value * 8 + (cursor.peek() - '0');
      cursor.advance();
    }
    out += static_cast<char>(value);
    return;
  }
  out += '\\';
}

// The text after an opening quote, up to its closing quote or to `end`.
std::string scan_quoted(Cursor& cursor, char quote, std::size_t end) {
  std::string decoded;
  while (!cursor.at_end() && cursor.position() < end && cursor.peek() != quote) {
    if (cursor.peek() == '\\' && quote == '"') {
      cursor.advance();
      scan_escape(cursor, decoded);
    } else {
      decoded += cursor.peek();
      cursor.advance();
    }
  }
  return decoded;
}

// Nothing that a string can be followed by begins with these: a quote before them opens a string. So it is
// the one that should have closed on an earlier line which lacks its end.
bool can_follow_string(const Cursor& cursor) {
  const char c = cursor.peek(1);
  if (c == '/') return !is_word_character(cursor.peek(2)) && cursor.peek(2) != '.';
  constexpr std::string_view kOnlyInside = "$%.<^@([\\";
  return !is_word_character(c) && (c == '\0' || kOnlyInside.find(c) == std::string_view::npos);
}

// Where the string that begins `line` was meant to end: before the signs that close a call, a condition or
// a statement, and before a comment.
std::size_t likely_end(std::string_view line) {
  for (const std::string_view comment : {" #", "\t#", " //", "\t//"})
    line = line.substr(0, line.find(comment));
  const std::size_t last = line.find_last_not_of(" \t\r;){},");
  return last == std::string_view::npos ? 0 : last + 1;
}

void scan_string(Cursor& cursor, Token& token, LexerOutput& output) {
  const char quote = cursor.peek();
  const std::size_t start = cursor.position();
  cursor.advance();
  const Cursor opened = cursor;
  std::string decoded = scan_quoted(cursor, quote, std::string_view::npos);
  const bool is_one_line = cursor.from(start).find('\n') == std::string_view::npos;
  if (!cursor.at_end() && (is_one_line || can_follow_string(cursor))) {
    cursor.advance();
  } else {
    // It is taken to end on its line, so that the rest of the file is read as it was meant.
    output.diagnostics.error(token.location, "this string is never closed");
    output.diagnostics.mute_line(token.location);
    cursor = opened;
    const std::string_view rest = cursor.rest();
    decoded = scan_quoted(cursor, quote, cursor.position() + likely_end(rest.substr(0, rest.find('\n'))));
  }
  token.kind = TokenKind::kString;
  token.raw = cursor.from(start);
  output.storage.push_back(std::move(decoded));
  token.text = output.storage.back();
  token.verbatim = token.raw.size() == token.text.size() + 2;
}

// Length of the variable at the start of `text`, which begins with a dollar; 0 if none does.
std::size_t variable_length(std::string_view text) {
  std::size_t i = 1;
  if (i >= text.size()) return 0;
  if (text[i] == '?') return 2;
  if (text[i] != '(') {
    if (!is_letter(text[i])) return 0;
    while (i < text.size() && is_word_character(text[i])) ++i;
    if (i >= text.size() || text[i] != '(') return i;
  }
  std::size_t depth = 0;
  for (; i < text.size() && text[i] != '\n'; ++i) {
    if (text[i] == '(') ++depth;
    if (text[i] == ')' && --depth == 0) return i + 1;
  }
  return 0;
}

void scan_variable(Cursor& cursor, Token& token, LexerOutput& output) {
  const std::size_t start = cursor.position();
  const std::size_t length = variable_length(cursor.rest());
  if (length == 0) {
    output.diagnostics.error(token.location, cursor.peek(1) == '(' || is_letter(cursor.peek(1))
                                                 ? "this variable is never closed; a ')' is missing"
                                                 : "a variable name must follow the dollar");
    cursor.advance();
    skip_line(cursor);
    token.kind = TokenKind::kUnknown;
  } else {
    cursor.advance(length);
    token.kind = TokenKind::kVariable;
  }
  token.raw = cursor.from(start);
  token.text = token.raw;
}

std::size_t ipv4_length(std::string_view text) {
  std::size_t i = 0;
  for (int part = 0; part < 4; ++part) {
    if (part > 0) {
      if (i >= text.size() || text[i] != '.') return 0;
      ++i;
    }
    int value = 0;
    std::size_t digits = 0;
    for (; i < text.size() && is_digit(text[i]) && digits < 3; ++i, ++digits)
      value = value * 10 + (text[i] - '0');
    if (digits == 0 || value > 255) return 0;
  }
  if (i < text.size() && (is_word_character(text[i]) ||
                          (text[i] == '.' && i + 1 < text.size() && is_word_character(text[i + 1])))) {
    return 0;
  }
  return i;
}

std::size_t ipv6_length(std::string_view text) {
  std::size_t length = 0;
  std::size_t colons = 0;
  while (length < text.size() && (is_hex(text[length]) || text[length] == ':' || text[length] == '.')) {
    if (text[length] == ':') ++colons;
    ++length;
  }
  if (colons < 2 || length >= INET6_ADDRSTRLEN) return 0;
  if (length < text.size() && is_word_character(text[length])) return 0;
  std::array<char, INET6_ADDRSTRLEN> copy{};
  std::memcpy(copy.data(), text.data(), length);
  in6_addr address{};
  return inet_pton(AF_INET6, copy.data(), &address) == 1 ? length : 0;
}

// A run of digits and letters that starts with a digit: a number, or else a word such as 404handler.
void scan_number(Cursor& cursor, Token& token, LexerOutput& output) {
  const std::string_view word = leading_word(cursor.rest());
  cursor.advance(word.size());
  token.raw = token.text = word;
  std::string_view digits = word;
  int base = 10;
  if (word.size() > 2 && word[0] == '0' && (word[1] | 0x20) == 'x') {
    base = 16;
    digits.remove_prefix(2);
  } else if (word.size() > 1 && word.back() == 'b' && word.find_first_not_of("01") == word.size() - 1) {
    base = 2;
    digits.remove_suffix(1);
  } else if (word.size() > 1 && word[0] == '0' &&
             word.find_first_not_of("01234567") == std::string_view::npos) {
    base = 8;
  }
  const auto [stop, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), token.number, base);
  token.kind = TokenKind::kNumber;
  if (error == std::errc::result_out_of_range) {
    output.diagnostics.error(token.location, fmt::format("the number {} is too large", word));
  } else if (error != std::errc{} || stop != digits.data() + digits.size()) {
    token.kind = TokenKind::kIdentifier;
  }
}

bool scan_address(Cursor& cursor, Token& token) {
  std::size_t length = ipv6_length(cursor.rest());
  TokenKind kind = TokenKind::kIpv6;
  if (length == 0 && is_digit(cursor.peek())) {
    length = ipv4_length(cursor.rest());
    kind = TokenKind::kIpv4;
  }
  if (length == 0) return false;
  token.kind = kind;
  token.raw = token.text = cursor.rest().substr(0, length);
  cursor.advance(length);
  return true;
}

void scan_select(Cursor& cursor, Token& token) {
  const std::size_t start = cursor.position();
  cursor.advance();
  while (is_word_character(cursor.peek()) || cursor.peek() == '.' || cursor.peek() == '[' ||
         cursor.peek() == ']') {
    cursor.advance();
  }
  token.kind = TokenKind::kSelect;
  token.raw = token.text = cursor.from(start);
}

void scan_punctuation(Cursor& cursor, Token& token, LexerOutput& output) {
  for (const Punctuation& candidate : kPunctuation) {
    if (!cursor.rest().starts_with(candidate.text)) continue;
    token.kind = candidate.kind;
    token.raw = token.text = cursor.rest().substr(0, candidate.text.size());
    cursor.advance(candidate.text.size());
    return;
  }
  const char c = cursor.peek();
  const bool is_printable = c > ' ' && c < 0x7f;
  output.diagnostics.error(token.location, is_printable
                                               ? fmt::format("'{}' has no meaning here", c)
                                               : fmt::format("byte 0x{:02x} has no meaning outside a string",
                                                             static_cast<unsigned char>(c)));
  token.kind = TokenKind::kUnknown;
  token.raw = token.text = cursor.rest().substr(0, 1);
  cursor.advance();
}

}  // namespace

bool is_word_character(char c) { return is_letter(c) || is_digit(c); }

std::string_view leading_word(std::string_view text) {
  std::size_t length = 0;
  while (length < text.size() && is_word_character(text[length])) ++length;
  return text.substr(0, length);
}

bool is_directive_word(std::string_view word) {
  static constexpr std::array<std::string_view, 22> kWords = {
      "define",   "def",  "trydefine", "trydef",       "redefine",    "redef",   "undef",    "ifdef",
      "ifndef",   "else", "endif",     "include_file", "import_file", "subst",   "substdef", "substdefs",
      "KAMAILIO", "SER",  "OPENSER",   "ALL",          "MAXCOMPAT",   "LOCKSTEP"};
  return std::find(kWords.begin(), kWords.end(), word) != kWords.end();
}

void Cursor::advance(std::size_t count) {
  for (; count > 0 && position_ < text_.size(); --count) {
    if (text_[position_++] == '\n') {
      ++line_;
      column_ = 1;
    } else {
      ++column_;
    }
  }
}

Token scan_token(Cursor& cursor, LexerOutput& output) {
  Token token;
  token.space_before = skip_blanks(cursor, output);
  token.location = cursor.shown();
  if (cursor.at_end()) return token;
  const char c = cursor.peek();
  if (at_directive(cursor)) {
    token.kind = TokenKind::kDirective;
    return token;
  }
  if (c == '"' || c == '\'') {
    scan_string(cursor, token, output);
  } else if (c == '$') {
    scan_variable(cursor, token, output);
  } else if (c == '@' && is_letter(cursor.peek(1))) {
    scan_select(cursor, token);
  } else if ((is_hex(c) || c == ':') && scan_address(cursor, token)) {
    return token;
  } else if (is_digit(c)) {
    scan_number(cursor, token, output);
  } else if (is_letter(c)) {
    token.kind = TokenKind::kIdentifier;
    token.raw = token.text = leading_word(cursor.rest());
    cursor.advance(token.raw.size());
  } else {
    scan_punctuation(cursor, token, output);
  }
  return token;
}

}  // namespace lockstep::script
