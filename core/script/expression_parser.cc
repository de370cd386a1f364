// expression_parser.cc: precedence climbing over the table below.
#include "core/script/expression_parser.h"

#include <fmt/core.h>

#include <array>
#include <optional>
#include <utility>

namespace lockstep::script {
namespace {

constexpr int kNestingMax = 100;
constexpr int kChainMax = 1000;  // Operators on one level; the tree leans left, so this bounds its depth.

struct BinaryOperator {
  TokenKind kind;  // kIdentifier: spelled as `word`.
  std::string_view word;
  Operation operation;
  int level;
};
constexpr int kUnaryLevel = 10;
constexpr BinaryOperator kBinaryOperators[] = {{TokenKind::kOr, {}, Operation::kOr, 0},
                                               {TokenKind::kIdentifier, "or", Operation::kOr, 0},
                                               {TokenKind::kAnd, {}, Operation::kAnd, 1},
                                               {TokenKind::kIdentifier, "and", Operation::kAnd, 1},
                                               {TokenKind::kBitOr, {}, Operation::kBitOr, 2},
                                               {TokenKind::kBitAnd, {}, Operation::kBitAnd, 3},
                                               {TokenKind::kBitXor, {}, Operation::kBitXor, 4},
                                               {TokenKind::kShiftLeft, {}, Operation::kShiftLeft, 5},
                                               {TokenKind::kShiftRight, {}, Operation::kShiftRight, 5},
                                               {TokenKind::kEqual, {}, Operation::kEqual, 6},
                                               {TokenKind::kNotEqual, {}, Operation::kNotEqual, 6},
                                               {TokenKind::kIdentifier, "eq", Operation::kStringEqual, 6},
                                               {TokenKind::kIdentifier, "ne", Operation::kStringNotEqual, 6},
                                               {TokenKind::kIdentifier, "ieq", Operation::kIntEqual, 6},
                                               {TokenKind::kIdentifier, "ine", Operation::kIntNotEqual, 6},
                                               {TokenKind::kMatch, {}, Operation::kMatch, 6},
                                               {TokenKind::kNotMatch, {}, Operation::kNotMatch, 6},
                                               {TokenKind::kLess, {}, Operation::kLess, 7},
                                               {TokenKind::kGreater, {}, Operation::kGreater, 7},
                                               {TokenKind::kLessEqual, {}, Operation::kLessEqual, 7},
                                               {TokenKind::kGreaterEqual, {}, Operation::kGreaterEqual, 7},
                                               {TokenKind::kPlus, {}, Operation::kPlus, 8},
                                               {TokenKind::kMinus, {}, Operation::kMinus, 8},
                                               {TokenKind::kStar, {}, Operation::kMultiply, 9},
                                               {TokenKind::kSlash, {}, Operation::kDivide, 9},
                                               {TokenKind::kPercent, {}, Operation::kModulo, 9},
                                               {TokenKind::kIdentifier, "mod", Operation::kModulo, 9}};

const BinaryOperator* find_operator(const Token& token, int level) {
  for (const BinaryOperator& candidate : kBinaryOperators) {
    if (candidate.level != level || candidate.kind != token.kind) continue;
    if (candidate.kind == TokenKind::kIdentifier && candidate.word != token.text) continue;
    return &candidate;
  }
  return nullptr;
}

ExpressionPtr make(ExpressionKind kind, const Location& location) {
  auto made = std::make_unique<Expression>();
  made->kind = kind;
  made->location = location;
  return made;
}

// Words with a colon in them that conditions know as one: msg:len, uri:host.
bool is_colon_word(std::string_view word) { return word == "msg" || word == "uri"; }

}  // namespace

const char* operation_text(Operation operation) {
  switch (operation) {
    case Operation::kOr:
      return "||";
    case Operation::kAnd:
      return "&&";
    case Operation::kBitOr:
      return "|";
    case Operation::kBitAnd:
      return "&";
    case Operation::kBitXor:
      return "^";
    case Operation::kShiftLeft:
      return "<<";
    case Operation::kShiftRight:
      return ">>";
    case Operation::kEqual:
      return "==";
    case Operation::kNotEqual:
      return "!=";
    case Operation::kStringEqual:
      return "eq";
    case Operation::kStringNotEqual:
      return "ne";
    case Operation::kIntEqual:
      return "ieq";
    case Operation::kIntNotEqual:
      return "ine";
    case Operation::kMatch:
      return "=~";
    case Operation::kNotMatch:
      return "!~";
    case Operation::kLess:
      return "<";
    case Operation::kGreater:
      return ">";
    case Operation::kLessEqual:
      return "<=";
    case Operation::kGreaterEqual:
      return ">=";
    case Operation::kPlus:
      return "+";
    case Operation::kMinus:
      return "-";
    case Operation::kMultiply:
      return "*";
    case Operation::kDivide:
      return "/";
    case Operation::kModulo:
      return "mod";
    case Operation::kNot:
      return "!";
    case Operation::kBitNot:
      return "~";
    case Operation::kNegate:
      return "-";
    case Operation::kDefined:
      return "defined";
    case Operation::kIntCast:
      return "(int)";
    case Operation::kStringCast:
      return "(str)";
    case Operation::kStringLength:
      return "strlen";
    case Operation::kStringEmpty:
      return "strempty";
  }
  return "";
}

ExpressionPtr ExpressionParser::parse() {
  if (depth_ >= kNestingMax) {
    reader_.diagnostics().error(reader_.peek().location, "this expression is nested too deeply");
    return nullptr;
  }
  ++depth_;
  ExpressionPtr found = parse_binary(0);
  --depth_;
  return found;
}

ExpressionPtr ExpressionParser::parse_binary(int level) {
  if (level >= kUnaryLevel) return parse_unary();
  ExpressionPtr left = parse_binary(level + 1);
  for (int count = 0; left != nullptr; ++count) {
    const BinaryOperator* found = find_operator(reader_.peek(), level);
    if (found == nullptr) break;
    if (count >= kChainMax) {
      reader_.diagnostics().error(reader_.peek().location, "too many operators in one expression");
      return nullptr;
    }
    ExpressionPtr whole = make(ExpressionKind::kBinary, reader_.take().location);
    whole->operation = found->operation;
    ExpressionPtr right = parse_binary(level + 1);
    if (right == nullptr) return nullptr;
    whole->children.push_back(std::move(left));
    whole->children.push_back(std::move(right));
    left = std::move(whole);
  }
  return left;
}

ExpressionPtr ExpressionParser::parse_unary() {
  const Token& token = reader_.peek();
  std::optional<Operation> operation;
  if (token.kind == TokenKind::kNot || reader_.at_word("not"))
    operation = Operation::kNot;
  else if (token.kind == TokenKind::kBitNot)
    operation = Operation::kBitNot;
  else if (token.kind == TokenKind::kMinus)
    operation = Operation::kNegate;
  else if (reader_.at_word("defined"))
    operation = Operation::kDefined;
  const Token& inside = reader_.peek(1);
  if (token.kind == TokenKind::kOpenParen && inside.kind == TokenKind::kIdentifier &&
      reader_.peek(2).kind == TokenKind::kCloseParen && (inside.text == "int" || inside.text == "str")) {
    operation = inside.text == "int" ? Operation::kIntCast : Operation::kStringCast;
    reader_.take();
    reader_.take();
  }
  if (!operation) return parse_primary();
  ExpressionPtr whole = make(ExpressionKind::kUnary, token.location);
  whole->operation = *operation;
  reader_.take();
  if (depth_ >= kNestingMax) {
    reader_.diagnostics().error(reader_.peek().location, "this expression is nested too deeply");
    return nullptr;
  }
  ++depth_;
  ExpressionPtr operand = parse_unary();
  --depth_;
  if (operand == nullptr) return nullptr;
  whole->children.push_back(std::move(operand));
  return whole;
}

ExpressionPtr ExpressionParser::parse_primary() {
  const Token& token = reader_.peek();
  if (token.kind == TokenKind::kIdentifier) return parse_word();
  if (token.kind == TokenKind::kIpv4 || token.kind == TokenKind::kIpv6 ||
      token.kind == TokenKind::kOpenBracket) {
    return parse_address();
  }
  if (token.kind == TokenKind::kOpenParen) {
    reader_.take();
    ExpressionPtr inner = parse();
    if (inner == nullptr || !reader_.expect(TokenKind::kCloseParen, "')'")) return nullptr;
    return inner;
  }
  ExpressionPtr made = make(ExpressionKind::kNumber, token.location);
  if (token.kind == TokenKind::kNumber) {
    made->number = reader_.take().number;
  } else if (token.kind == TokenKind::kString) {
    made->kind = ExpressionKind::kString;
    made->verbatim = token.verbatim;
    made->text = reader_.take_strings();
  } else if (token.kind == TokenKind::kVariable) {
    made->kind = ExpressionKind::kVariable;
    made->text = reader_.take().raw;
  } else if (token.kind == TokenKind::kSelect) {
    made->kind = ExpressionKind::kSelect;
    made->text = reader_.take().raw.substr(1);
  } else {
    reader_.fail_expected("a value");
    return nullptr;
  }
  return made;
}

ExpressionPtr ExpressionParser::parse_address() {
  ExpressionPtr made = make(ExpressionKind::kAddress, reader_.peek().location);
  const bool has_brackets = reader_.try_take(TokenKind::kOpenBracket);
  if (!reader_.at(TokenKind::kIpv4) && !reader_.at(TokenKind::kIpv6)) {
    reader_.fail_expected("an address");
    return nullptr;
  }
  made->text = reader_.take().raw;
  if (has_brackets && !reader_.expect(TokenKind::kCloseBracket, "']'")) return nullptr;
  const TokenKind mask = reader_.peek(1).kind;
  if (reader_.at(TokenKind::kSlash) && (mask == TokenKind::kNumber || mask == TokenKind::kIpv4)) {
    reader_.take();
    made->text += "/";
    made->text += reader_.take().raw;
  }
  return made;
}

ExpressionPtr ExpressionParser::parse_word() {
  const Token& word = reader_.take();
  if (word.text == "myself") return make(ExpressionKind::kMyself, word.location);
  if (reader_.at(TokenKind::kOpenParen)) {
    if (word.text == "strlen") return parse_wrapped(Operation::kStringLength, word.location);
    if (word.text == "strempty") return parse_wrapped(Operation::kStringEmpty, word.location);
    if (word.text == "selval") return parse_selval(word.location);
    return parse_call(word);
  }
  ExpressionPtr made = make(ExpressionKind::kWord, word.location);
  made->text = word.raw;
  if (is_colon_word(word.text) && reader_.at(TokenKind::kColon) && !reader_.peek().space_before &&
      reader_.peek(1).kind == TokenKind::kIdentifier && !reader_.peek(1).space_before) {
    reader_.take();
    made->text += ":";
    made->text += reader_.take().raw;
  }
  return made;
}

ExpressionPtr ExpressionParser::parse_wrapped(Operation operation, const Location& location) {
  reader_.take();
  ExpressionPtr made = make(ExpressionKind::kUnary, location);
  made->operation = operation;
  ExpressionPtr operand = parse();
  if (operand == nullptr || !reader_.expect(TokenKind::kCloseParen, "')'")) return nullptr;
  made->children.push_back(std::move(operand));
  return made;
}

ExpressionPtr ExpressionParser::parse_selval(const Location& location) {
  reader_.take();
  ExpressionPtr made = make(ExpressionKind::kConditional, location);
  for (int i = 0; i < 3; ++i) {
    if (i > 0 && !reader_.expect(TokenKind::kComma, "','")) return nullptr;
    ExpressionPtr part = parse();
    if (part == nullptr) return nullptr;
    made->children.push_back(std::move(part));
  }
  if (!reader_.expect(TokenKind::kCloseParen, "')'")) return nullptr;
  return made;
}

ExpressionPtr ExpressionParser::parse_call(const Token& name) {
  if (name.text == "route") return parse_route_call(name.location);
  reader_.take();
  ExpressionPtr made = make(ExpressionKind::kCall, name.location);
  made->text = name.raw;
  if (reader_.try_take(TokenKind::kCloseParen)) return made;
  for (;;) {
    // f(,"x") leaves an argument out.
    if (reader_.at(TokenKind::kComma) || reader_.at(TokenKind::kCloseParen)) {
      made->children.push_back(nullptr);
    } else {
      ExpressionPtr argument = parse();
      if (argument == nullptr) return nullptr;
      made->children.push_back(std::move(argument));
    }
    if (reader_.try_take(TokenKind::kCloseParen)) return made;
    if (!reader_.expect(TokenKind::kComma, "',' or ')'")) return nullptr;
  }
}

ExpressionPtr ExpressionParser::parse_route_call(const Location& location) {
  reader_.take();
  ExpressionPtr made = make(ExpressionKind::kRouteCall, location);
  const Token& first = reader_.peek();
  // A name may hold colons and hyphens (route(auth:check)): taken as it stands. All else is computed.
  if (first.kind == TokenKind::kIdentifier || first.kind == TokenKind::kNumber) {
    made->location = first.location;
    made->text = reader_.take_glued(TokenKind::kCloseParen);
  } else {
    ExpressionPtr computed = parse();
    if (computed == nullptr) return nullptr;
    if (computed->kind == ExpressionKind::kString) {
      made->location = computed->location;
      made->text = computed->text;
    } else {
      made->children.push_back(std::move(computed));
    }
  }
  if (!reader_.expect(TokenKind::kCloseParen, "')'")) return nullptr;
  return made;
}

ExpressionPtr ExpressionParser::parse_label() { return parse_unary(); }

}  // namespace lockstep::script
