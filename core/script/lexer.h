// lexer.h: characters to tokens. A Cursor walks one text; scan_token reads the next token from it.
// Directives (#!define ...), includes and the expansion of defines are the preprocessor's business:
// it sees every token first and stops the lexer at `#!`. Used at start only, by one process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "core/script/diagnostics.h"

namespace lockstep::script {

enum class TokenKind : std::uint8_t {
  kEnd,
  kIdentifier,
  kNumber,
  kString,
  kVariable,
  kSelect,
  kIpv4,
  kIpv6,
  kDirective,
  kUnknown,
  kAssign,
  kEqual,
  kNotEqual,
  kMatch,
  kNotMatch,
  kNot,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kShiftLeft,
  kShiftRight,
  kAnd,
  kBitAnd,
  kOr,
  kBitOr,
  kBitXor,
  kBitNot,
  kPlus,
  kMinus,
  kStar,
  kSlash,
  kOpenParen,
  kCloseParen,
  kOpenBrace,
  kCloseBrace,
  kOpenBracket,
  kCloseBracket,
  kComma,
  kSemicolon,
  kColon,
  kDot,
  kPercent
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  bool space_before = false;  // White space, a comment or a new line stands before it.
  bool verbatim = false;      // kString: the text is what stands between the quotes.
  Location location;
  std::string_view raw;     // As written.
  std::string_view text;    // kString: escapes resolved; else as raw.
  std::int64_t number = 0;  // kNumber.
};

// What the lexer needs beside the text: where decoded strings live and where mistakes go.
struct LexerOutput {
  std::deque<std::string>& storage;
  Diagnostics& diagnostics;
};

class Cursor {
 public:
  Cursor(std::string_view text, std::uint32_t file) : text_(text), file_(file) {}
  bool at_end() const { return position_ >= text_.size(); }
  char peek(std::size_t ahead = 0) const {
    return position_ + ahead < text_.size() ? text_[position_ + ahead] : '\0';
  }
  void advance(std::size_t count = 1);
  std::string_view rest() const { return text_.substr(position_); }
  std::string_view from(std::size_t start) const { return text_.substr(start, position_ - start); }
  std::size_t position() const { return position_; }
  Location location() const { return Location{file_, line_, column_}; }
  // All tokens of an expanded define stand where the define was used.
  void pin(const Location& location) { pinned_ = location; }
  Location shown() const { return pinned_.line != 0 ? pinned_ : location(); }

 private:
  std::string_view text_;
  std::size_t position_ = 0;
  std::uint32_t file_ = 0;
  std::uint32_t line_ = 1;
  std::uint32_t column_ = 1;
  Location pinned_;
};

// Skips white space and comments, then reads one token. At `#!` followed by a letter (or `!!` before a
// directive's name) it returns kDirective and leaves the cursor on it.
Token scan_token(Cursor& cursor, LexerOutput& output);

// True for the words after #! that the preprocessor knows.
bool is_directive_word(std::string_view word);
// Letters, digits and underscores from the start of `text`.
std::string_view leading_word(std::string_view text);
bool is_word_character(char c);

}  // namespace lockstep::script
