// expression_parser.h: conditions, arithmetic, calls: tokens to Expression. Internal to the parser.
// Precedence is Kamailio's, not C's: or, and, |, &, ^, << >>, == and its kin and =~, < >, + -, * / mod,
// then the unary ones; shifts bind weaker than comparisons.
#pragma once

#include "core/script/token_reader.h"
#include "core/script/tree.h"

namespace lockstep::script {

class ExpressionParser {
 public:
  explicit ExpressionParser(TokenReader& reader) : reader_(reader) {}

  // Null after a mistake, which is then reported.
  ExpressionPtr parse();
  // A label of a switch: a number, a string or a word, with an optional sign.
  ExpressionPtr parse_label();
  // `name(...)`. REQUIRES: the name was taken, the next token is '('.
  ExpressionPtr parse_call(const Token& name);

 private:
  ExpressionPtr parse_binary(int level);
  ExpressionPtr parse_unary();
  ExpressionPtr parse_primary();
  ExpressionPtr parse_word();
  ExpressionPtr parse_address();
  ExpressionPtr parse_wrapped(Operation operation, const Location& location);
  ExpressionPtr parse_selval(const Location& location);
  ExpressionPtr parse_route_call(const Location& location);

  TokenReader& reader_;
  int depth_ = 0;
};

}  // namespace lockstep::script
