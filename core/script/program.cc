// program.cc: looking into a compiled script, and the arguments that functions see.
#include "core/script/program.h"

#include <fmt/core.h>

#include <utility>

#include "core/script/code.h"

namespace lockstep::script {

Program::Program(std::unique_ptr<Code> code) : code_(std::move(code)) {}
Program::~Program() = default;

RouteIndex Program::find_route(RouteKind kind, std::string_view name) const {
  for (std::size_t i = 0; i < code_->routes.size(); ++i) {
    const CompiledRoute& route = code_->routes[i];
    if (route.is_defined && route.kind == kind && route.name == name) {
      return static_cast<RouteIndex>(static_cast<std::uint32_t>(i));
    }
  }
  return kNoRoute;
}

std::string_view Program::route_name(RouteIndex route) const {
  const auto i = static_cast<std::uint32_t>(route);
  return i < code_->routes.size() ? std::string_view(code_->routes[i].name) : std::string_view{};
}

std::size_t Program::route_count() const { return code_->routes.size(); }

bool Program::is_empty(RouteIndex route) const {
  const auto i = static_cast<std::uint32_t>(route);
  return i >= code_->routes.size() || code_->routes[i].body.count == 0;
}

std::string Code::describe(const Location& location) const {
  if (location.line == 0 || location.file >= file_names.size()) return "script";
  return fmt::format("{}:{}", file_names[location.file], location.line);
}

bool Arguments::is_given(std::size_t i) const {
  return i < count_ && arguments_[i].kind != CompiledArgument::Kind::kAbsent;
}

Value Arguments::value(std::size_t i) const {
  if (i >= count_) return Value::null();
  const CompiledArgument& argument = arguments_[i];
  switch (argument.kind) {
    case CompiledArgument::Kind::kAbsent:
      return Value::null();
    case CompiledArgument::Kind::kConstant:
      return argument.constant;
    case CompiledArgument::Kind::kFormat:
      return argument.format.value(context_);
    case CompiledArgument::Kind::kVariable:
      return argument.variable.get(context_);
    case CompiledArgument::Kind::kExpression:
      return evaluate(code_, argument.expression, context_);
  }
  return Value::null();
}

std::string_view Arguments::string(std::size_t i) const { return context_.text_of(value(i)); }

std::string_view Arguments::printed(std::size_t i) const {
  if (i < count_ && arguments_[i].kind == CompiledArgument::Kind::kFormat)
    return arguments_[i].format.print(context_);
  const Value found = value(i);
  return found.is_null() && is_given(i) ? std::string_view("<null>") : context_.text_of(found);
}

const Regex& Arguments::regex(std::size_t i) const {
  LS_ASSERT(i < count_ && arguments_[i].regex != nullptr);
  return *arguments_[i].regex;
}

const VariableRef& Arguments::variable(std::size_t i) const {
  LS_ASSERT(i < count_ && arguments_[i].kind == CompiledArgument::Kind::kVariable);
  return arguments_[i].variable;
}

RouteIndex Arguments::route(std::size_t i) const { return i < count_ ? arguments_[i].route : kNoRoute; }

const void* Arguments::prepared_pointer(std::size_t i) const {
  return i < count_ ? arguments_[i].prepared.get() : nullptr;
}

}  // namespace lockstep::script
