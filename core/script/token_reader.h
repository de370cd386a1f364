// token_reader.h: a position in the list of tokens, with the helpers that all parts of the parser share.
// Internal to the parser. After a mistake is reported `fail` throws nothing: parts return null and
// the statement or item that called them recovers.
#pragma once

#include <string>
#include <string_view>

#include "core/script/diagnostics.h"
#include "core/script/preprocessor.h"

namespace lockstep::script {

class TokenReader {
 public:
  TokenReader(const TokenStream& stream, Diagnostics& diagnostics)
      : stream_(stream), diagnostics_(diagnostics) {}

  const Token& peek(std::size_t ahead = 0) const {
    const std::size_t i = position_ + ahead;
    return i < stream_.tokens.size() ? stream_.tokens[i] : stream_.tokens.back();
  }
  std::size_t position() const { return position_; }
  const Token& previous() const { return stream_.tokens[position_ > 0 ? position_ - 1 : 0]; }
  const Token& take() {
    const Token& token = peek();
    if (position_ + 1 < stream_.tokens.size()) ++position_;
    return token;
  }
  bool at(TokenKind kind) const { return peek().kind == kind; }
  bool at_word(std::string_view word) const { return at(TokenKind::kIdentifier) && peek().text == word; }
  bool at_end() const { return at(TokenKind::kEnd); }
  bool try_take(TokenKind kind) {
    if (!at(kind)) return false;
    take();
    return true;
  }
  bool try_take_word(std::string_view word) {
    if (!at_word(word)) return false;
    take();
    return true;
  }

  // Reports "`wanted` expected" at the next token. Returns false.
  bool fail_expected(std::string_view wanted);
  bool expect(TokenKind kind, std::string_view shown) { return try_take(kind) || fail_expected(shown); }
  Diagnostics& diagnostics() { return diagnostics_; }

  // Skips to behind the next `;`, or to before the `}` that closes this block; whole blocks in between
  // are skipped. Stops before a word that only begins a block at the top (route, modparam) in column 1.
  void recover();
  bool at_top_level_word() const;

  // Strings side by side, joined. REQUIRES: at(kString).
  std::string take_strings();

  // The words and signs up to a space or up to `end`, as one text: host names, route names, addresses.
  std::string take_glued(TokenKind end);

 private:
  const TokenStream& stream_;
  Diagnostics& diagnostics_;
  std::size_t position_ = 0;
};

// "'}'", "a string", "the end of the file": how a token is named in messages.
std::string describe(const Token& token);

}  // namespace lockstep::script
