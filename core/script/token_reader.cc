// token_reader.cc: position, recovery and joining.
#include "core/script/token_reader.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

namespace lockstep::script {

std::string describe(const Token& token) {
  if (token.kind == TokenKind::kEnd) return "the end of the file";
  if (token.kind == TokenKind::kString) return "a string";
  constexpr std::size_t kShownMax = 40;
  if (token.raw.size() > kShownMax) return fmt::format("'{}...'", token.raw.substr(0, kShownMax));
  return fmt::format("'{}'", token.raw);
}

bool TokenReader::fail_expected(std::string_view wanted) {
  // The rest of a line that is told to be broken is not there to be read.
  if (diagnostics_.is_muted(previous().location)) return false;
  diagnostics_.error(peek().location, fmt::format("{} expected before {}", wanted, describe(peek())));
  return false;
}

bool TokenReader::at_top_level_word() const {
  static constexpr std::array<std::string_view, 11> kWords = {
      "request_route", "route",        "branch_route", "onreply_route", "reply_route", "failure_route",
      "event_route",   "onsend_route", "modparam",     "loadmodule",    "error_route"};
  if (!at(TokenKind::kIdentifier) || peek().location.column != 1) return false;
  if (std::find(kWords.begin(), kWords.end(), peek().text) == kWords.end()) return false;
  // `route(X);` in column 1 is a call; only the block form begins an item.
  return peek().text != "route" || peek(1).kind == TokenKind::kOpenBracket ||
         peek(1).kind == TokenKind::kOpenBrace;
}

void TokenReader::recover() {
  std::size_t depth = 0;
  while (!at_end() && !at_top_level_word()) {
    if (at(TokenKind::kOpenBrace)) {
      ++depth;
    } else if (at(TokenKind::kCloseBrace)) {
      if (depth == 0) return;
      if (--depth == 0) {
        take();
        return;
      }
    } else if (at(TokenKind::kSemicolon) && depth == 0) {
      take();
      return;
    }
    take();
  }
}

std::string TokenReader::take_strings() {
  std::string text(take().text);
  while (at(TokenKind::kString)) text += take().text;
  return text;
}

std::string TokenReader::take_glued(TokenKind end) {
  std::string text;
  bool is_first = true;
  while (!at_end() && !at(end) && !at(TokenKind::kSemicolon) && !at(TokenKind::kOpenBrace) &&
         (is_first || !peek().space_before)) {
    const Token& token = take();
    text += token.kind == TokenKind::kString ? token.text : token.raw;
    is_first = false;
  }
  return text;
}

}  // namespace lockstep::script
