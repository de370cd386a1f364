// compile_expression.cc: expressions to nodes, with the typing that Kamailio has: keywords compare without
// regard to case, addresses as numbers, $null as "defined or not".
#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "core/script/compiler.h"
#include "core/script/globals.h"

namespace lockstep::script {
namespace {

using Calculation = std::int64_t (*)(std::int64_t, std::int64_t);

// Arithmetic wraps round, as the machine does it; a shift by more than the width gives 0.
constexpr std::uint64_t bits_of(std::int64_t number) { return static_cast<std::uint64_t>(number); }
constexpr bool is_width(std::int64_t shift) { return shift >= 0 && shift < 64; }

struct OperationRow {
  Operation operation;
  ExpressionOp op;
  bool negated;
  Calculation calculate;  // kCalculate only.
};
// Equality and matching are not here: what they become depends on their operands.
constexpr OperationRow kOperations[] = {
    {Operation::kOr, ExpressionOp::kOr, false, nullptr},
    {Operation::kAnd, ExpressionOp::kAnd, false, nullptr},
    {Operation::kPlus, ExpressionOp::kPlus, false, nullptr},
    {Operation::kStringEqual, ExpressionOp::kStringEqual, false, nullptr},
    {Operation::kStringNotEqual, ExpressionOp::kStringEqual, true, nullptr},
    {Operation::kDivide, ExpressionOp::kDivide, false, nullptr},
    {Operation::kModulo, ExpressionOp::kModulo, false, nullptr},
    {Operation::kNot, ExpressionOp::kNot, false, nullptr},
    {Operation::kBitNot, ExpressionOp::kBitNot, false, nullptr},
    {Operation::kNegate, ExpressionOp::kNegate, false, nullptr},
    {Operation::kDefined, ExpressionOp::kDefined, false, nullptr},
    {Operation::kIntCast, ExpressionOp::kIntCast, false, nullptr},
    {Operation::kStringCast, ExpressionOp::kStringCast, false, nullptr},
    {Operation::kStringLength, ExpressionOp::kStringLength, false, nullptr},
    {Operation::kStringEmpty, ExpressionOp::kStringEmpty, false, nullptr},
    {Operation::kBitOr, ExpressionOp::kCalculate, false,
     [](std::int64_t a, std::int64_t b) { return a | b; }},
    {Operation::kBitAnd, ExpressionOp::kCalculate, false,
     [](std::int64_t a, std::int64_t b) { return a & b; }},
    {Operation::kBitXor, ExpressionOp::kCalculate, false,
     [](std::int64_t a, std::int64_t b) { return a ^ b; }},
    {Operation::kShiftLeft, ExpressionOp::kCalculate, false,
     [](std::int64_t a, std::int64_t b) {
       return is_width(b) ? static_cast<std::int64_t>(bits_of(a) << b) : 0;
     }},
    {Operation::kShiftRight, ExpressionOp::kCalculate, false,
     [](std::int64_t a, std::int64_t b) { return is_width(b) ? a >> b : 0; }},
    {Operation::kMinus, ExpressionOp::kCalculate, false,
     [](std::int64_t a, std::int64_t b) { return static_cast<std::int64_t>(bits_of(a) - bits_of(b)); }},
    {Operation::kMultiply, ExpressionOp::kCalculate, false,
     [](std::int64_t a, std::int64_t b) { return static_cast<std::int64_t>(bits_of(a) * bits_of(b)); }},
    {Operation::kIntEqual, ExpressionOp::kCalculate, false,
     [](std::int64_t a, std::int64_t b) { return std::int64_t{a == b}; }},
    {Operation::kIntNotEqual, ExpressionOp::kCalculate, false,
     [](std::int64_t a, std::int64_t b) { return std::int64_t{a != b}; }},
    {Operation::kLess, ExpressionOp::kCalculate, false,
     [](std::int64_t a, std::int64_t b) { return std::int64_t{a < b}; }},
    {Operation::kGreater, ExpressionOp::kCalculate, false,
     [](std::int64_t a, std::int64_t b) { return std::int64_t{a > b}; }},
    {Operation::kLessEqual, ExpressionOp::kCalculate, false,
     [](std::int64_t a, std::int64_t b) { return std::int64_t{a <= b}; }},
    {Operation::kGreaterEqual, ExpressionOp::kCalculate, false,
     [](std::int64_t a, std::int64_t b) { return std::int64_t{a >= b}; }}};

ExpressionNode node_of(const Expression& expression) {
  for (const OperationRow& row : kOperations) {
    if (row.operation != expression.operation) continue;
    return {
        .op = row.op, .negated = row.negated, .calculate = row.calculate, .location = expression.location};
  }
  LS_ASSERT(false);  // Every other operation has a function of its own.
  return {};
}

bool is_null_variable(const Expression& expression) {
  return expression.kind == ExpressionKind::kVariable && expression.text == "$null";
}

}  // namespace

Location Compiler::inside(const Expression& literal, std::size_t offset) {
  Location location = literal.location;
  if (literal.kind == ExpressionKind::kString) {
    if (literal.verbatim && offset <= literal.text.size())
      location.column += static_cast<std::uint32_t>(offset + 1);
  } else {
    location.column += static_cast<std::uint32_t>(offset);
  }
  return location;
}

NodeIndex Compiler::add_node(const ExpressionNode& node) {
  code_->expressions.push_back(node);
  return static_cast<NodeIndex>(code_->expressions.size() - 1);
}

NodeIndex Compiler::add_text(std::string text, const Location& location) {
  code_->texts.push_back(std::move(text));
  code_->constants.push_back(Value::of_string(code_->texts.back()));
  return add_node({.a = static_cast<NodeIndex>(code_->constants.size() - 1), .location = location});
}

NodeIndex Compiler::add_number(std::int64_t number, const Location& location) {
  code_->constants.push_back(Value::of_int(number));
  return add_node({.a = static_cast<NodeIndex>(code_->constants.size() - 1), .location = location});
}

bool Compiler::add_regex(const Expression& pattern, Regex::Case letter_case, std::uint32_t& index) {
  Result<Regex, Regex::Error> regex = Regex::compile(pattern.text, letter_case);
  if (!regex) {
    error(inside(pattern, regex.error().offset),
          fmt::format("bad regular expression: {}", regex.error().text));
    return false;
  }
  index = static_cast<std::uint32_t>(code_->regexes.size());
  code_->regexes.push_back(std::move(*regex));
  return true;
}

const KeywordSpec* Compiler::keyword_of(const Expression& expression) const {
  return expression.kind == ExpressionKind::kWord ? registry_.find_keyword(expression.text) : nullptr;
}

bool Compiler::parse_variable_at(std::string_view text, const Location& location, bool verbatim,
                                 VariableRef& variable) {
  std::size_t used = 0;
  Result<VariableRef, FormatError> parsed = parse_variable(text, registry_, used);
  FormatError fault;
  if (!parsed)
    fault = parsed.error();
  else if (used != text.size())
    fault = FormatError{used, fmt::format("nothing can follow {} here", text.substr(0, used)), {}};
  if (fault.message.empty()) {
    variable = std::move(*parsed);
    return true;
  }
  Location at = location;
  if (verbatim) at.column += static_cast<std::uint32_t>(fault.offset);
  error(at, std::move(fault.message), std::move(fault.suggestion));
  return false;
}

NodeIndex Compiler::compile_expression(const Expression& expression) {
  switch (expression.kind) {
    case ExpressionKind::kNumber:
      return add_number(expression.number, expression.location);
    case ExpressionKind::kString:
      return add_text(expression.text, expression.location);
    case ExpressionKind::kAddress:
      return add_text(expression.text, expression.location);
    case ExpressionKind::kVariable:
    case ExpressionKind::kSelect:
      return compile_variable(expression);
    case ExpressionKind::kWord:
      return compile_word(expression);
    case ExpressionKind::kMyself:
      error(expression.location, "'myself' can only be compared with == or !=");
      return kNoNode;
    case ExpressionKind::kCall:
      return compile_call(expression);
    case ExpressionKind::kRouteCall:
      return compile_route_call(expression);
    case ExpressionKind::kUnary:
      return compile_unary(expression);
    case ExpressionKind::kBinary:
      return compile_binary(expression);
    case ExpressionKind::kConditional:
      return compile_conditional(expression);
  }
  return kNoNode;
}

NodeIndex Compiler::compile_variable(const Expression& expression) {
  VariableRef variable;
  const bool is_select = expression.kind == ExpressionKind::kSelect;
  const std::string text = is_select ? fmt::format("$sel({})", expression.text) : expression.text;
  if (!parse_variable_at(text, expression.location, !is_select, variable)) return kNoNode;
  code_->variables.push_back(std::move(variable));
  return add_node({.op = ExpressionOp::kVariable,
                   .a = static_cast<NodeIndex>(code_->variables.size() - 1),
                   .location = expression.location});
}

NodeIndex Compiler::compile_word(const Expression& expression) {
  if (const KeywordSpec* keyword = keyword_of(expression)) {
    code_->keywords.push_back(keyword);
    return add_node({.op = ExpressionOp::kKeyword,
                     .a = static_cast<NodeIndex>(code_->keywords.size() - 1),
                     .location = expression.location});
  }
  const auto flag = flags_.find(expression.text);
  if (flag != flags_.end()) return add_number(flag->second, expression.location);
  std::int64_t number = 0;
  if (parse_bool_word(expression.text, number)) return add_number(number, expression.location);
  std::string suggestion = registry_.suggest_keyword(expression.text);
  if (suggestion.empty())
    suggestion = fmt::format("a text is written \"{}\", a call {}()", expression.text, expression.text);
  error(expression.location, fmt::format("unknown word '{}'", expression.text), std::move(suggestion));
  return kNoNode;
}

bool Compiler::check_number(const Expression& operand, Operation operation) {
  if (operand.kind != ExpressionKind::kString || parse_decimal(operand.text)) return true;
  error(operand.location,
        fmt::format("'{}' wants numbers, and this text is none", operation_text(operation)));
  return false;
}

NodeIndex Compiler::compile_unary(const Expression& expression) {
  const Expression& operand = *expression.children[0];
  ExpressionNode node = node_of(expression);
  const bool wants_number = node.op == ExpressionOp::kNegate || node.op == ExpressionOp::kBitNot;
  if (wants_number && !check_number(operand, expression.operation)) return kNoNode;
  node.a = compile_expression(operand);
  return node.a == kNoNode ? kNoNode : add_node(node);
}

NodeIndex Compiler::compile_binary(const Expression& expression) {
  if (expression.operation == Operation::kEqual || expression.operation == Operation::kNotEqual) {
    return compile_equal(expression);
  }
  if (expression.operation == Operation::kMatch || expression.operation == Operation::kNotMatch) {
    return compile_match(expression);
  }
  ExpressionNode node = node_of(expression);
  const bool wants_numbers = node.op == ExpressionOp::kCalculate || node.op == ExpressionOp::kDivide ||
                             node.op == ExpressionOp::kModulo;
  bool is_good = true;
  if (wants_numbers) {
    is_good = check_number(*expression.children[0], expression.operation);
    is_good = check_number(*expression.children[1], expression.operation) && is_good;
  } else if (node.op == ExpressionOp::kPlus && expression.children[0]->kind == ExpressionKind::kNumber) {
    is_good = check_number(*expression.children[1], expression.operation);
  }
  node.a = compile_expression(*expression.children[0]);
  node.b = compile_expression(*expression.children[1]);
  return is_good && node.a != kNoNode && node.b != kNoNode ? add_node(node) : kNoNode;
}

NodeIndex Compiler::compile_equal(const Expression& expression) {
  const Expression* left = expression.children[0].get();
  const Expression* right = expression.children[1].get();
  const bool negated = expression.operation == Operation::kNotEqual;
  const auto is_literal = [](const Expression& side) {
    return is_null_variable(side) || side.kind == ExpressionKind::kMyself ||
           side.kind == ExpressionKind::kAddress;
  };
  // What has a meaning of its own may stand on either side.
  if (is_literal(*left) || (keyword_of(*left) == nullptr && keyword_of(*right) != nullptr))
    std::swap(left, right);
  if (is_null_variable(*right)) {
    const NodeIndex operand = compile_expression(*left);
    if (operand == kNoNode) return kNoNode;
    return add_node({.op = negated ? ExpressionOp::kDefined : ExpressionOp::kIsNull,
                     .a = operand,
                     .location = expression.location});
  }
  if (right->kind == ExpressionKind::kMyself) {
    const NodeIndex operand = compile_expression(*left);
    if (operand == kNoNode) return kNoNode;
    return add_node(
        {.op = ExpressionOp::kMyself, .negated = negated, .a = operand, .location = expression.location});
  }
  if (right->kind == ExpressionKind::kAddress) {
    Network network;
    if (!parse_network(right->text, network)) {
      error(right->location, fmt::format("'{}' is no address and no network", right->text));
      return kNoNode;
    }
    return compile_address_equal(expression, *left, network);
  }
  if (const KeywordSpec* keyword = keyword_of(*left))
    return compile_keyword_equal(expression, *keyword, *left, *right);
  const NodeIndex a = compile_expression(*left);
  const NodeIndex b = compile_expression(*right);
  if (a == kNoNode || b == kNoNode) return kNoNode;
  return add_node(
      {.op = ExpressionOp::kEqual, .negated = negated, .a = a, .b = b, .location = expression.location});
}

NodeIndex Compiler::compile_address_equal(const Expression& expression, const Expression& left,
                                          const Network& network) {
  const NodeIndex operand = compile_expression(left);
  if (operand == kNoNode) return kNoNode;
  code_->networks.push_back(network);
  return add_node({.op = ExpressionOp::kAddressEqual,
                   .negated = expression.operation == Operation::kNotEqual,
                   .a = operand,
                   .b = static_cast<NodeIndex>(code_->networks.size() - 1),
                   .location = expression.location});
}

NodeIndex Compiler::compile_keyword_equal(const Expression& expression, const KeywordSpec& keyword,
                                          const Expression& left, const Expression& right) {
  const bool negated = expression.operation == Operation::kNotEqual;
  Network network;
  if (keyword.type == KeywordSpec::Type::kAddress && right.kind == ExpressionKind::kString &&
      parse_network(right.text, network)) {
    return compile_address_equal(expression, left, network);
  }
  const NodeIndex a = compile_expression(left);
  const bool is_bare = right.kind == ExpressionKind::kWord && registry_.find_keyword(right.text) == nullptr;
  const bool is_text = keyword.type != KeywordSpec::Type::kInt;
  // method==INVITE, proto==UDP: the word itself is meant.
  const NodeIndex b = is_bare && is_text ? add_text(right.text, right.location) : compile_expression(right);
  if (a == kNoNode || b == kNoNode) return kNoNode;
  return add_node({.op = is_text ? ExpressionOp::kFoldedEqual : ExpressionOp::kEqual,
                   .negated = negated,
                   .a = a,
                   .b = b,
                   .location = expression.location});
}

NodeIndex Compiler::compile_match(const Expression& expression) {
  const Expression& pattern = *expression.children[1];
  const bool is_bare = pattern.kind == ExpressionKind::kWord && keyword_of(pattern) == nullptr;
  ExpressionNode node{.op = ExpressionOp::kMatch,
                      .negated = expression.operation == Operation::kNotMatch,
                      .location = expression.location};
  node.a = compile_expression(*expression.children[0]);
  if (pattern.kind == ExpressionKind::kString || is_bare) {
    if (!add_regex(pattern, Regex::Case::kInsensitive, node.b)) return kNoNode;
  } else {
    node.op = ExpressionOp::kMatchComputed;
    node.b = compile_expression(pattern);
  }
  return node.a == kNoNode || node.b == kNoNode ? kNoNode : add_node(node);
}

NodeIndex Compiler::compile_conditional(const Expression& expression) {
  ExpressionNode node{.op = ExpressionOp::kConditional, .location = expression.location};
  node.a = compile_expression(*expression.children[0]);
  node.b = compile_expression(*expression.children[1]);
  node.c = compile_expression(*expression.children[2]);
  return node.a == kNoNode || node.b == kNoNode || node.c == kNoNode ? kNoNode : add_node(node);
}

}  // namespace lockstep::script
