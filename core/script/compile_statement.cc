// compile_statement.cc: statements to nodes. The statements of a block lie side by side; inner blocks come
// before the block that holds them.
#include <fmt/core.h>

#include <utility>

#include "core/script/compiler.h"

namespace lockstep::script {

Block Compiler::compile_block(const std::vector<StatementPtr>& body) {
  std::vector<StatementNode> nodes;
  nodes.reserve(body.size());
  for (const StatementPtr& statement : body) nodes.push_back(compile_statement(*statement));
  const Block block{static_cast<std::uint32_t>(code_->statements.size()),
                    static_cast<std::uint32_t>(nodes.size())};
  code_->statements.insert(code_->statements.end(), nodes.begin(), nodes.end());
  return block;
}

StatementNode Compiler::compile_statement(const Statement& statement) {
  StatementNode node;
  node.kind = statement.kind;
  node.location = statement.location;
  switch (statement.kind) {
    case StatementKind::kAssign:
      compile_assign(statement, node);
      break;
    case StatementKind::kIf:
      node.value = compile_expression(*statement.value);
      node.body = compile_block(statement.body);
      node.otherwise = compile_block(statement.otherwise);
      break;
    case StatementKind::kWhile:
      node.value = compile_expression(*statement.value);
      ++breakable_depth_;
      node.body = compile_block(statement.body);
      --breakable_depth_;
      break;
    case StatementKind::kSwitch:
      compile_switch(statement, node);
      break;
    case StatementKind::kBlock:
      node.body = compile_block(statement.body);
      break;
    case StatementKind::kBreak:
      if (breakable_depth_ == 0) {
        diagnostics_.warning(statement.location, "'break' outside while and switch leaves the route");
      }
      break;
    case StatementKind::kExpression:
    case StatementKind::kReturn:
    case StatementKind::kExit:
    case StatementKind::kDrop:
      if (statement.value != nullptr) node.value = compile_expression(*statement.value);
      break;
  }
  return node;
}

void Compiler::compile_assign(const Statement& statement, StatementNode& node) {
  const Expression& target = *statement.target;
  node.value = compile_expression(*statement.value);
  VariableRef variable;
  const std::string text =
      target.kind == ExpressionKind::kSelect ? fmt::format("$sel({})", target.text) : target.text;
  if (!parse_variable_at(text, target.location, target.kind == ExpressionKind::kVariable, variable)) return;
  if (!variable.is_writable()) {
    error(target.location, fmt::format("{} cannot be set", target.text));
    return;
  }
  node.target = static_cast<std::uint32_t>(code_->variables.size());
  code_->variables.push_back(std::move(variable));
}

void Compiler::compile_switch(const Statement& statement, StatementNode& node) {
  node.value = compile_expression(*statement.value);
  SwitchTable table;
  std::vector<StatementNode> nodes;
  ++breakable_depth_;
  for (const SwitchCase& source : statement.cases) {
    const auto offset = static_cast<std::uint32_t>(nodes.size());
    if (source.label == nullptr) {
      if (table.has_default) error(source.location, "a second 'default' in one switch");
      table.has_default = true;
      table.default_offset = offset;
    } else {
      SwitchLabel label;
      label.offset = offset;
      if (compile_label(source, label)) table.labels.push_back(std::move(label));
    }
    for (const StatementPtr& inner : source.body) nodes.push_back(compile_statement(*inner));
  }
  --breakable_depth_;
  node.body =
      Block{static_cast<std::uint32_t>(code_->statements.size()), static_cast<std::uint32_t>(nodes.size())};
  code_->statements.insert(code_->statements.end(), nodes.begin(), nodes.end());
  node.target = static_cast<std::uint32_t>(code_->switches.size());
  code_->switches.push_back(std::move(table));
}

bool Compiler::compile_label(const SwitchCase& source, SwitchLabel& label) {
  const Expression& written = *source.label;
  if (source.is_regex) {
    label.kind = SwitchLabel::Kind::kRegex;
    return add_regex(written, Regex::Case::kSensitive, label.regex);
  }
  if (written.kind == ExpressionKind::kString) {
    label.kind = SwitchLabel::Kind::kString;
    label.text = written.text;
    return true;
  }
  const bool is_negative = written.kind == ExpressionKind::kUnary && written.operation == Operation::kNegate;
  const Expression& number = is_negative ? *written.children[0] : written;
  if (number.kind == ExpressionKind::kNumber) {
    label.number = is_negative ? -number.number : number.number;
    return true;
  }
  const auto flag = number.kind == ExpressionKind::kWord ? flags_.find(number.text) : flags_.end();
  if (flag != flags_.end()) {
    label.number = is_negative ? -flag->second : flag->second;
    return true;
  }
  error(written.location, "a label is a number, a text in quotes or /\"a pattern\"");
  return false;
}

}  // namespace lockstep::script
