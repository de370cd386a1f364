// compile_call.cc: calls of functions and routes, and their arguments.
#include <fmt/core.h>

#include <utility>

#include "core/script/compiler.h"

namespace lockstep::script {
namespace {

std::string count_text(const FunctionSpec& spec) {
  const std::size_t fewest = spec.fewest();
  const std::size_t most = spec.params.size();
  if (spec.repeats_last) return fmt::format("{} or more arguments", fewest);
  if (fewest != most) return fmt::format("{} to {} arguments", fewest, most);
  if (most == 0) return "no arguments";
  return most == 1 ? "1 argument" : fmt::format("{} arguments", most);
}

// "only from onreply_route, failure_route".
std::string routes_text(RouteMask routes) {
  static constexpr std::pair<RouteKind, const char*> kNames[] = {
      {RouteKind::kRequest, "request_route"},
      {RouteKind::kBranch, "branch_route"},
      {RouteKind::kOnReply, "onreply_route"},
      {RouteKind::kFailure, "failure_route"},
      {RouteKind::kCoreReply, "reply_route"},
      {RouteKind::kEvent, "event_route"},
      {RouteKind::kOnSend, "onsend_route"},
      {RouteKind::kBranchFailure, "event_route[tm:branch-failure:NAME]"}};
  std::string text;
  for (const auto& [kind, name] : kNames) {
    if ((routes & mask_of(kind)) != 0) text += (text.empty() ? "only from " : ", ") + std::string(name);
  }
  return text;
}

}  // namespace

NodeIndex Compiler::compile_call(const Expression& expression) {
  const Registry::FunctionMatch match = registry_.find_function(expression.text, expression.children.size());
  if (match.spec == nullptr) {
    if (match.same_name == nullptr) {
      error(expression.location, fmt::format("unknown function '{}'", expression.text),
            registry_.suggest_function(expression.text));
    } else {
      error(expression.location, fmt::format("{}() takes {}, not {}", expression.text,
                                             count_text(*match.same_name), expression.children.size()));
    }
    return kNoNode;
  }
  const FunctionSpec& spec = *match.spec;
  if ((spec.routes & block_mask_) == 0) {
    error(expression.location, fmt::format("{}() cannot be called from this kind of route, {}", spec.name,
                                           routes_text(spec.routes)));
  }
  Call call;
  call.spec = &spec;
  bool is_good = true;
  for (std::size_t i = 0; i < expression.children.size(); ++i) {
    call.arguments.emplace_back();
    is_good =
        compile_argument(expression, spec.param(i), expression.children[i].get(), call.arguments.back()) &&
        is_good;
  }
  if (!is_good) return kNoNode;
  code_->calls.push_back(std::move(call));
  return add_node({.op = ExpressionOp::kCall,
                   .a = static_cast<NodeIndex>(code_->calls.size() - 1),
                   .location = expression.location});
}

NodeIndex Compiler::compile_route_call(const Expression& expression) {
  if (!expression.children.empty()) {
    const NodeIndex name = compile_expression(*expression.children[0]);
    if (name == kNoNode) return kNoNode;
    return add_node({.op = ExpressionOp::kRouteComputed, .a = name, .location = expression.location});
  }
  const std::string_view name =
      expression.text == "0" ? std::string_view{} : std::string_view(expression.text);
  const RouteIndex route = route_named(RouteKind::kRequest, name, expression.location);
  return add_node(
      {.op = ExpressionOp::kRouteCall, .a = static_cast<NodeIndex>(route), .location = expression.location});
}

bool Compiler::literal_text(const Expression& source, std::string& text) const {
  switch (source.kind) {
    case ExpressionKind::kString:
    case ExpressionKind::kAddress:
      text = source.text;
      return true;
    case ExpressionKind::kNumber:
      text = std::to_string(source.number);
      return true;
    case ExpressionKind::kWord: {
      const auto flag = flags_.find(source.text);
      if (flag == flags_.end() || registry_.find_keyword(source.text) != nullptr) return false;
      text = std::to_string(flag->second);
      return true;
    }
    case ExpressionKind::kUnary:
      if (source.operation != Operation::kNegate || source.children[0]->kind != ExpressionKind::kNumber)
        return false;
      text = std::to_string(-source.children[0]->number);
      return true;
    case ExpressionKind::kVariable:
    case ExpressionKind::kMyself:
    case ExpressionKind::kCall:
    case ExpressionKind::kRouteCall:
    case ExpressionKind::kBinary:
    case ExpressionKind::kSelect:
    case ExpressionKind::kConditional:
      return false;
  }
  return false;
}

bool Compiler::compile_argument(const Expression& call, const ParamSpec& param, const Expression* source,
                                CompiledArgument& argument) {
  if (source == nullptr) {
    if (param.type == ParamType::kInt || param.type == ParamType::kFormat ||
        param.type == ParamType::kLiteral) {
      return true;
    }
    error(call.location, fmt::format("argument '{}' of {}() cannot be left out", param.name, call.text));
    return false;
  }
  std::string text;
  switch (param.type) {
    case ParamType::kVariable:
      return compile_reference(param, *source, argument);
    case ParamType::kRoute:
      return compile_route_name(param, *source, argument);
    case ParamType::kRegex:
      return compile_pattern(param, *source, argument);
    case ParamType::kInt:
      return compile_int(param, *source, argument);
    case ParamType::kLiteral:
      if (!literal_text(*source, text)) {
        error(source->location,
              fmt::format("argument '{}' of {}() must be a plain text in quotes", param.name, call.text));
        return false;
      }
      code_->texts.push_back(text);
      argument.kind = CompiledArgument::Kind::kConstant;
      argument.constant = Value::of_string(code_->texts.back());
      return prepare(param, *source, text, argument);
    case ParamType::kFormat:
      return literal_text(*source, text) ? compile_text(param, *source, text, argument)
                                         : compile_computed(*source, argument);
  }
  return false;
}

bool Compiler::compile_computed(const Expression& source, CompiledArgument& argument) {
  if (source.kind == ExpressionKind::kVariable) {
    argument.kind = CompiledArgument::Kind::kVariable;
    return parse_variable_at(source.text, source.location, true, argument.variable);
  }
  argument.kind = CompiledArgument::Kind::kExpression;
  argument.expression = compile_expression(source);
  return argument.expression != kNoNode;
}

bool Compiler::compile_text(const ParamSpec& param, const Expression& source, const std::string& text,
                            CompiledArgument& argument) {
  Result<Format, FormatError> format = Format::parse(text, registry_);
  if (!format) {
    error(inside(source, format.error().offset), format.error().message, format.error().suggestion);
    return false;
  }
  if (!format->is_constant()) {
    argument.kind = CompiledArgument::Kind::kFormat;
    argument.format = std::move(*format);
    return true;
  }
  code_->texts.push_back(format->constant());
  argument.kind = CompiledArgument::Kind::kConstant;
  argument.constant = Value::of_string(code_->texts.back());
  return prepare(param, source, code_->texts.back(), argument);
}

bool Compiler::compile_int(const ParamSpec& param, const Expression& source, CompiledArgument& argument) {
  std::string text;
  if (!literal_text(source, text)) return compile_computed(source, argument);
  if (!compile_text(param, source, text, argument)) return false;
  if (argument.kind != CompiledArgument::Kind::kConstant) return true;
  if (const std::optional<std::int64_t> number = parse_decimal(text)) {
    argument.constant = Value::of_int(*number);
  } else if (argument.prepared == nullptr) {
    error(source.location, fmt::format("argument '{}' wants a number", param.name));
    return false;
  }
  return true;
}

bool Compiler::compile_reference(const ParamSpec& param, const Expression& source,
                                 CompiledArgument& argument) {
  const bool is_text = source.kind == ExpressionKind::kString && source.text.starts_with('$');
  if (source.kind != ExpressionKind::kVariable && !is_text) {
    error(source.location, fmt::format("argument '{}' wants a variable", param.name));
    return false;
  }
  argument.kind = CompiledArgument::Kind::kVariable;
  const bool verbatim = source.kind == ExpressionKind::kVariable || source.verbatim;
  if (!parse_variable_at(source.text, inside(source, 0), verbatim, argument.variable)) return false;
  if (param.read_only || argument.variable.is_writable()) return true;
  error(source.location, fmt::format("{} cannot be set, as argument '{}' needs", source.text, param.name));
  return false;
}

bool Compiler::compile_pattern(const ParamSpec& param, const Expression& source, CompiledArgument& argument) {
  std::string text;
  if (!literal_text(source, text)) {
    error(source.location,
          fmt::format("argument '{}' must be a plain regular expression in quotes", param.name));
    return false;
  }
  Result<Regex, Regex::Error> regex = Regex::compile(text);
  if (!regex) {
    error(inside(source, regex.error().offset),
          fmt::format("bad regular expression: {}", regex.error().text));
    return false;
  }
  code_->texts.push_back(text);
  argument.kind = CompiledArgument::Kind::kConstant;
  argument.constant = Value::of_string(code_->texts.back());
  argument.regex = std::make_unique<Regex>(std::move(*regex));
  return prepare(param, source, text, argument);
}

bool Compiler::compile_route_name(const ParamSpec& param, const Expression& source,
                                  CompiledArgument& argument) {
  std::string text;
  if (source.kind == ExpressionKind::kWord) {
    text = source.text;
  } else if (!literal_text(source, text)) {
    error(source.location, fmt::format("argument '{}' wants the name of a route in quotes", param.name));
    return false;
  }
  code_->texts.push_back(text);
  argument.kind = CompiledArgument::Kind::kConstant;
  argument.constant = Value::of_string(code_->texts.back());
  if (text != "0") argument.route = route_named(param.route_kind, text, source.location);
  return true;
}

bool Compiler::prepare(const ParamSpec& param, const Expression& source, const std::string& text,
                       CompiledArgument& argument) {
  if (param.prepare == nullptr) return true;
  Result<Prepared, std::string> prepared = param.prepare(text);
  if (!prepared) {
    error(source.location, fmt::format("argument '{}': {}", param.name, prepared.error()));
    return false;
  }
  argument.prepared = std::move(*prepared);
  return true;
}

}  // namespace lockstep::script
