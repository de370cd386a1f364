// statement_parser.h: the statements inside route blocks. Internal to the parser.
#pragma once

#include <vector>

#include "core/script/expression_parser.h"
#include "core/script/token_reader.h"
#include "core/script/tree.h"

namespace lockstep::script {

class StatementParser {
 public:
  explicit StatementParser(TokenReader& reader) : reader_(reader), expressions_(reader) {}

  // Statements up to a `}` (not taken), the end of the file or a word that begins a block at the top.
  std::vector<StatementPtr> parse_until_close();

 private:
  // Null after a mistake; the reader stands behind the faulty statement then.
  StatementPtr parse_statement();
  StatementPtr parse_simple();
  bool parse_if(Statement& statement);
  bool parse_while(Statement& statement);
  bool parse_switch(Statement& statement);
  bool parse_case(Statement& statement);
  bool parse_body(std::vector<StatementPtr>& body);
  bool parse_leave(Statement& statement);
  bool parse_assignment(Statement& statement);
  bool expect_semicolon();

  TokenReader& reader_;
  ExpressionParser expressions_;
  int depth_ = 0;
};

}  // namespace lockstep::script
