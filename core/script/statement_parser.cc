// statement_parser.cc: recursive descent over statements.
#include "core/script/statement_parser.h"

#include <fmt/core.h>

#include <utility>

namespace lockstep::script {
namespace {

constexpr int kBlockDepthMax = 64;

}  // namespace

std::vector<StatementPtr> StatementParser::parse_until_close() {
  std::vector<StatementPtr> found;
  while (!reader_.at_end() && !reader_.at(TokenKind::kCloseBrace) && !reader_.at_top_level_word()) {
    if (reader_.try_take(TokenKind::kSemicolon)) continue;
    StatementPtr statement = parse_statement();
    if (statement != nullptr) found.push_back(std::move(statement));
  }
  return found;
}

StatementPtr StatementParser::parse_statement() {
  if (depth_ >= kBlockDepthMax) {
    reader_.diagnostics().error(reader_.peek().location, "blocks are nested too deeply here");
    reader_.recover();
    return nullptr;
  }
  ++depth_;
  StatementPtr found = parse_simple();
  --depth_;
  if (found == nullptr) reader_.recover();
  return found;
}

StatementPtr StatementParser::parse_simple() {
  auto made = std::make_unique<Statement>();
  made->location = reader_.peek().location;
  bool is_good = false;
  if (reader_.at(TokenKind::kOpenBrace)) {
    made->kind = StatementKind::kBlock;
    is_good = parse_body(made->body);
  } else if (reader_.at_word("if")) {
    is_good = parse_if(*made);
  } else if (reader_.at_word("while")) {
    is_good = parse_while(*made);
  } else if (reader_.at_word("switch")) {
    is_good = parse_switch(*made);
  } else if (reader_.at_word("return") || reader_.at_word("exit") || reader_.at_word("drop") ||
             reader_.at_word("break")) {
    is_good = parse_leave(*made);
  } else if (reader_.at(TokenKind::kVariable) || reader_.at(TokenKind::kSelect)) {
    is_good = parse_assignment(*made);
  } else if (reader_.at_word("else")) {
    reader_.diagnostics().error(made->location, "'else' without 'if'");
    reader_.take();
  } else if (reader_.at_word("case") || reader_.at_word("default")) {
    reader_.diagnostics().error(made->location, fmt::format("'{}' outside a switch", reader_.take().raw));
  } else if (reader_.at(TokenKind::kIdentifier)) {
    const Token& name = reader_.take();
    if (reader_.at(TokenKind::kOpenParen)) {
      made->value = expressions_.parse_call(name);
    } else if (reader_.at(TokenKind::kSemicolon)) {
      // Old scripts write `append_branch;` for a call without arguments.
      made->value = std::make_unique<Expression>();
      made->value->kind = ExpressionKind::kCall;
      made->value->location = name.location;
      made->value->text = name.raw;
    } else {
      reader_.fail_expected(fmt::format("'(' after '{}'", name.raw));
    }
    is_good = made->value != nullptr && expect_semicolon();
  } else {
    reader_.fail_expected("a statement");
  }
  return is_good ? std::move(made) : nullptr;
}

// A missing semicolon at the end of a line is reported there and taken as given.
bool StatementParser::expect_semicolon() {
  if (reader_.try_take(TokenKind::kSemicolon)) return true;
  const Token& last = reader_.previous();
  const Token& next = reader_.peek();
  const bool is_new_line = next.location.line != last.location.line || next.kind == TokenKind::kCloseBrace;
  if (!is_new_line) return reader_.fail_expected("';'");
  Location behind = last.location;
  behind.column += static_cast<std::uint32_t>(last.raw.size());
  reader_.diagnostics().error(behind, "';' expected");
  return true;
}

bool StatementParser::parse_body(std::vector<StatementPtr>& body) {
  const Location open = reader_.peek().location;
  if (!reader_.try_take(TokenKind::kOpenBrace)) {
    if (reader_.try_take(TokenKind::kSemicolon)) return true;
    StatementPtr single = parse_statement();
    if (single != nullptr) body.push_back(std::move(single));
    return true;
  }
  body = parse_until_close();
  if (reader_.try_take(TokenKind::kCloseBrace)) return true;
  reader_.diagnostics().error(open, "this block is never closed", "a '}' is missing");
  return true;
}

bool StatementParser::parse_if(Statement& statement) {
  statement.kind = StatementKind::kIf;
  reader_.take();
  statement.value = expressions_.parse();
  if (statement.value == nullptr) return false;
  if (!parse_body(statement.body)) return false;
  if (!reader_.try_take_word("else")) return true;
  statement.has_otherwise = true;
  return parse_body(statement.otherwise);
}

bool StatementParser::parse_while(Statement& statement) {
  statement.kind = StatementKind::kWhile;
  reader_.take();
  statement.value = expressions_.parse();
  return statement.value != nullptr && parse_body(statement.body);
}

bool StatementParser::parse_switch(Statement& statement) {
  statement.kind = StatementKind::kSwitch;
  reader_.take();
  statement.value = expressions_.parse();
  if (statement.value == nullptr) return false;
  const Location open = reader_.peek().location;
  if (!reader_.expect(TokenKind::kOpenBrace, "'{'")) return false;
  while (!reader_.at_end() && !reader_.at(TokenKind::kCloseBrace) && !reader_.at_top_level_word()) {
    if (reader_.try_take(TokenKind::kSemicolon)) continue;
    if (!parse_case(statement)) reader_.recover();
  }
  if (!reader_.try_take(TokenKind::kCloseBrace)) {
    reader_.diagnostics().error(open, "this block is never closed", "a '}' is missing");
  }
  return true;
}

bool StatementParser::parse_case(Statement& statement) {
  SwitchCase made;
  made.location = reader_.peek().location;
  if (reader_.try_take_word("case")) {
    made.is_regex = reader_.try_take(TokenKind::kSlash);
    made.label = expressions_.parse_label();
    if (made.label == nullptr) return false;
    if (made.is_regex) reader_.try_take(TokenKind::kSlash);
  } else if (!reader_.try_take_word("default")) {
    return reader_.fail_expected("'case' or 'default'");
  }
  if (!reader_.expect(TokenKind::kColon, "':'")) return false;
  while (!reader_.at_end() && !reader_.at(TokenKind::kCloseBrace) && !reader_.at_word("case") &&
         !reader_.at_word("default") && !reader_.at_top_level_word()) {
    if (reader_.try_take(TokenKind::kSemicolon)) continue;
    StatementPtr inner = parse_statement();
    if (inner != nullptr) made.body.push_back(std::move(inner));
  }
  statement.cases.push_back(std::move(made));
  return true;
}

bool StatementParser::parse_leave(Statement& statement) {
  const Token& word = reader_.take();
  if (word.text == "return")
    statement.kind = StatementKind::kReturn;
  else if (word.text == "exit")
    statement.kind = StatementKind::kExit;
  else if (word.text == "drop")
    statement.kind = StatementKind::kDrop;
  else
    statement.kind = StatementKind::kBreak;
  if (reader_.at(TokenKind::kOpenParen) && reader_.peek(1).kind == TokenKind::kCloseParen) {
    reader_.take();
    reader_.take();
  }
  const bool is_bare = reader_.at(TokenKind::kSemicolon) || reader_.at(TokenKind::kCloseBrace) ||
                       reader_.peek().location.line != word.location.line;
  if (!is_bare && statement.kind != StatementKind::kBreak) {
    statement.value = expressions_.parse();
    if (statement.value == nullptr) return false;
  }
  return expect_semicolon();
}

bool StatementParser::parse_assignment(Statement& statement) {
  statement.kind = StatementKind::kAssign;
  const Token& target = reader_.take();
  statement.target = std::make_unique<Expression>();
  statement.target->kind =
      target.kind == TokenKind::kSelect ? ExpressionKind::kSelect : ExpressionKind::kVariable;
  statement.target->location = target.location;
  statement.target->text = target.kind == TokenKind::kSelect ? target.raw.substr(1) : target.raw;
  if (reader_.at(TokenKind::kEqual)) {
    reader_.diagnostics().error(reader_.peek().location, "a comparison is no statement",
                                "write = to assign, or put it into an if");
    return false;
  }
  if (reader_.at(TokenKind::kMatch)) {
    reader_.diagnostics().error(reader_.peek().location, "'=~' compares; an assignment is expected",
                                "put a space between = and ~ to assign a complement");
    return false;
  }
  if (!reader_.expect(TokenKind::kAssign, "'='")) return false;
  statement.value = expressions_.parse();
  return statement.value != nullptr && expect_semicolon();
}

}  // namespace lockstep::script
