// interpreter.cc: running compiled routes. The rules of types and of return values are Kamailio's, as
// observed on it; where one looks odd, the comment beside it says so.
#include <fmt/core.h>

#include <limits>
#include <utility>

#include "core/base/log.h"
#include "core/script/code.h"

namespace lockstep::script {
namespace {

constexpr int kTrue = 1;
constexpr int kFailed = -1;
constexpr int kNoLabel = -5;    // A switch without a fitting label, as a route's last statement.
constexpr int kAfterBreak = 0;  // Likewise `break`; it does not end the script as a function's 0 does.

// Two's complement, without the undefined cases of signed arithmetic.
std::int64_t wrap(std::uint64_t bits) { return static_cast<std::int64_t>(bits); }
std::uint64_t bits_of(std::int64_t number) { return static_cast<std::uint64_t>(number); }

char fold(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
bool equal_folded(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (fold(a[i]) != fold(b[i])) return false;
  }
  return true;
}

class Interpreter {
 public:
  Interpreter(const Code& code, Context& context) : code_(code), context_(context) {}

  // The value of an expression; calls count as true or false here.
  Value evaluate(NodeIndex index) {
    const ExpressionNode& node = code_.expressions[index];
    if (node.op == ExpressionOp::kConstant) return code_.constants[node.a];
    if (node.op == ExpressionOp::kVariable) return code_.variables[node.a].get(context_);
    if (node.op == ExpressionOp::kKeyword) return code_.keywords[node.a]->get(context_);
    if (node.op == ExpressionOp::kPlus) return add(node);
    if (node.op == ExpressionOp::kConditional) return evaluate(is_true(node.a) ? node.b : node.c);
    if (node.op == ExpressionOp::kStringCast) return Value::of_string(text(node.a));
    return Value::of_int(integer(index));
  }

  std::int64_t integer(NodeIndex index) {
    const ExpressionNode& node = code_.expressions[index];
    switch (node.op) {
      case ExpressionOp::kConstant:
      case ExpressionOp::kVariable:
      case ExpressionOp::kKeyword:
      case ExpressionOp::kPlus:
      case ExpressionOp::kStringCast:
      case ExpressionOp::kConditional:
        return evaluate(index).to_int();
      case ExpressionOp::kCall:
        return call(node) > 0;
      case ExpressionOp::kRouteCall:
        return call_route(static_cast<RouteIndex>(node.a), node.location) > 0;
      case ExpressionOp::kRouteComputed:
        return call_computed(node) > 0;
      case ExpressionOp::kOr:
        return is_true(node.a) || is_true(node.b);
      case ExpressionOp::kAnd:
        return is_true(node.a) && is_true(node.b);
      case ExpressionOp::kCalculate: {
        const std::int64_t left = integer(node.a);
        return node.calculate(left, integer(node.b));
      }
      case ExpressionOp::kDivide:
      case ExpressionOp::kModulo:
        return divide(node);
      case ExpressionOp::kNot:
        return !is_true(node.a);
      case ExpressionOp::kBitNot:
        return ~integer(node.a);
      case ExpressionOp::kNegate:
        return wrap(0 - bits_of(integer(node.a)));
      case ExpressionOp::kIntCast:
        return integer(node.a);
      case ExpressionOp::kStringLength:
        return static_cast<std::int64_t>(text(node.a).size());
      case ExpressionOp::kStringEmpty:
        return text(node.a).empty();
      case ExpressionOp::kDefined:
        return !evaluate(node.a).is_null();
      case ExpressionOp::kIsNull:
        return evaluate(node.a).is_null();
      case ExpressionOp::kEqual:
        return equal(node) != node.negated;
      case ExpressionOp::kStringEqual: {
        const std::string_view left = text(node.a);
        return (left == text(node.b)) != node.negated;
      }
      case ExpressionOp::kFoldedEqual: {
        const std::string_view left = text(node.a);
        return equal_folded(left, text(node.b)) != node.negated;
      }
      case ExpressionOp::kMatch:
        return matches(node) != node.negated;
      case ExpressionOp::kMatchComputed:
        return matches_computed(node) != node.negated;
      case ExpressionOp::kAddressEqual:
        return network_contains(code_.networks[node.b], text(node.a)) != node.negated;
      case ExpressionOp::kMyself:
        return (code_.is_myself != nullptr && code_.is_myself(context_, text(node.a))) != node.negated;
    }
    return 0;
  }

  // Runs until the end, or until something sets the control. Returns the last statement's value.
  int run(const Block& block, std::uint32_t offset = 0) {
    int value = kTrue;
    for (std::uint32_t i = offset; i < block.count && is_going(); ++i) {
      value = execute(code_.statements[block.first + i]);
    }
    return value;
  }

  // $rc and the value of the route; `return` and `break` end here.
  int call_route(RouteIndex index, const Location& location) {
    if (!is_going()) return 0;
    if (context_.depth() >= Program::kDepthMax) {
      LS_LOG(kErr, "core", "{}: routes call each other more than {} deep; this call is refused",
             code_.describe(location), Program::kDepthMax);
      context_.set_return_code(kFailed);
      return kFailed;
    }
    const CompiledRoute& route = code_.routes[static_cast<std::uint32_t>(index)];
    const std::string_view caller = context_.route_name();
    context_.set_depth(context_.depth() + 1);
    context_.set_route_name(route.name);
    const int value = run(route.body);
    context_.set_route_name(caller);
    context_.set_depth(context_.depth() - 1);
    if (context_.control() == Control::kReturn || context_.control() == Control::kBreak) {
      context_.set_control(Control::kNone);
    }
    context_.set_return_code(value);
    return value;
  }

 private:
  bool is_going() const { return context_.control() == Control::kNone; }
  bool is_true(NodeIndex index) { return integer(index) != 0; }
  std::string_view text(NodeIndex index) { return context_.text_of(evaluate(index)); }

  // Whether an expression met an error; the statement it stands in then fails.
  bool take_failure() { return std::exchange(has_failed_, false); }

  // Where a call is assigned or stands alone, what it returned counts, not only its sign.
  Value evaluate_whole(NodeIndex index) {
    const ExpressionNode& node = code_.expressions[index];
    if (node.op == ExpressionOp::kCall) return Value::of_int(call(node));
    if (node.op == ExpressionOp::kRouteCall) {
      return Value::of_int(call_route(static_cast<RouteIndex>(node.a), node.location));
    }
    if (node.op == ExpressionOp::kRouteComputed) return Value::of_int(call_computed(node));
    return evaluate(index);
  }

  Value add(const ExpressionNode& node) {
    const Value left = evaluate(node.a);
    if (left.is_int()) return Value::of_int(wrap(bits_of(left.integer()) + bits_of(integer(node.b))));
    const std::string_view front = context_.text_of(left);
    const std::string_view back = text(node.b);
    if (back.empty()) return Value::of_string(front);
    if (front.empty()) return Value::of_string(back);
    char* joined = context_.try_allocate(front.size() + back.size());
    if (joined == nullptr) return Value::null();
    front.copy(joined, front.size());
    back.copy(joined + front.size(), back.size());
    return Value::of_string({joined, front.size() + back.size()});
  }

  std::int64_t divide(const ExpressionNode& node) {
    const std::int64_t a = integer(node.a);
    const std::int64_t b = integer(node.b);
    if (b == 0) {
      LS_LOG(kErr, "core", "{}: division by zero", code_.describe(node.location));
      has_failed_ = true;
      return 0;
    }
    if (b == -1) return node.op == ExpressionOp::kModulo ? 0 : wrap(0 - bits_of(a));
    return node.op == ExpressionOp::kModulo ? a % b : a / b;
  }

  // The left side's type decides. Null equals 0, "" and null.
  bool equal(const ExpressionNode& node) {
    const Value left = evaluate(node.a);
    if (left.is_int()) return left.integer() == integer(node.b);
    const Value right = evaluate(node.b);
    if (left.is_null() && right.is_int()) return right.integer() == 0;
    return context_.text_of(left) == context_.text_of(right);
  }

  bool matches(const ExpressionNode& node) {
    return code_.regexes[node.b].matches(text(node.a), context_.regex_scratch());
  }

  // A pattern known only now is compiled now: correct, but slow; scripts rarely do it.
  bool matches_computed(const ExpressionNode& node) {
    const std::string_view subject = text(node.a);
    const Result<Regex, Regex::Error> regex = Regex::compile(text(node.b), Regex::Case::kInsensitive, false);
    if (!regex) {
      LS_LOG(kErr, "core", "{}: bad regular expression: {}", code_.describe(node.location),
             regex.error().text);
      has_failed_ = true;
      return false;
    }
    return regex->matches(subject, context_.regex_scratch());
  }

  int call(const ExpressionNode& node) {
    if (!is_going()) return 0;  // An earlier part of this expression ended the script.
    const Call& target = code_.calls[node.a];
    if ((target.spec->routes & context_.route_kinds()) == 0) {
      LS_LOG(kErr, "core", "{}: {}() cannot be called from this kind of route", code_.describe(node.location),
             target.spec->name);
      context_.set_return_code(kFailed);
      return kFailed;
    }
    const Arguments arguments(code_, context_, target.arguments.data(), target.arguments.size());
    const int value = target.spec->body(context_, arguments);
    context_.set_return_code(value);
    if (value == 0 && is_going()) context_.set_control(Control::kExit);
    return value;
  }

  int call_computed(const ExpressionNode& node) {
    const std::string_view name = text(node.a);
    const auto found = code_.named_routes.find(name);
    if (found != code_.named_routes.end()) return call_route(found->second, node.location);
    LS_LOG(kErr, "core", "{}: there is no route[{}]", code_.describe(node.location), name);
    context_.set_return_code(kFailed);
    return kFailed;
  }

  int execute(const StatementNode& node) {
    switch (node.kind) {
      case StatementKind::kExpression:
        return execute_expression(node);
      case StatementKind::kAssign:
        return execute_assign(node);
      case StatementKind::kIf: {
        // Only values above zero are true here, unlike in && and while.
        bool is_chosen = integer(node.value) > 0;
        if (take_failure()) is_chosen = false;
        if (!is_going()) return 0;
        return run(is_chosen ? node.body : node.otherwise);
      }
      case StatementKind::kWhile:
        return execute_while(node);
      case StatementKind::kSwitch:
        return execute_switch(node);
      case StatementKind::kBlock:
        return run(node.body);
      case StatementKind::kReturn:
        return execute_return(node);
      case StatementKind::kExit:
        context_.set_control(Control::kExit);
        return 0;
      case StatementKind::kDrop:
        context_.set_control(Control::kDrop);
        return 0;
      case StatementKind::kBreak:
        context_.set_control(Control::kBreak);
        return kAfterBreak;
    }
    return kTrue;
  }

  int execute_expression(const StatementNode& node) {
    const Value value = evaluate_whole(node.value);
    return take_failure() ? kFailed : to_code(value);
  }

  static int to_code(const Value& value) {
    const std::int64_t number = value.to_int();
    if (number > std::numeric_limits<int>::max()) return std::numeric_limits<int>::max();
    if (number < std::numeric_limits<int>::min()) return std::numeric_limits<int>::min();
    return static_cast<int>(number);
  }

  int execute_assign(const StatementNode& node) {
    const Value value = evaluate_whole(node.value);
    if (take_failure()) return kFailed;
    if (!is_going()) return 0;
    const VariableRef& target = code_.variables[node.target];
    if (target.set(context_, value)) return kTrue;
    LS_LOG(kErr, "core", "{}: {} cannot be set to this value", code_.describe(node.location),
           target.source());
    return kFailed;
  }

  int execute_while(const StatementNode& node) {
    int value = kTrue;
    for (std::uint32_t loops = 0;; ++loops) {
      const bool goes_on = is_true(node.value);
      if (take_failure()) return kFailed;
      if (!goes_on || !is_going()) return value;
      if (code_.while_loops_max != 0 && loops >= code_.while_loops_max) {
        LS_LOG(kErr, "core", "{}: while ended after {} rounds (max_while_loops)",
               code_.describe(node.location), loops);
        return kFailed;
      }
      value = run(node.body);
      if (context_.control() == Control::kBreak) {
        context_.set_control(Control::kNone);
        return kAfterBreak;
      }
    }
  }

  int execute_switch(const StatementNode& node) {
    const Value value = evaluate(node.value);
    if (take_failure()) return kFailed;
    if (!is_going()) return 0;
    const SwitchTable& table = code_.switches[node.target];
    std::uint32_t offset = table.default_offset;
    bool is_found = table.has_default;
    for (const SwitchLabel& label : table.labels) {
      if (!fits(label, value)) continue;
      offset = label.offset;
      is_found = true;
      break;
    }
    if (!is_found) return kNoLabel;
    const int result = run(node.body, offset);
    if (context_.control() != Control::kBreak) return result;
    context_.set_control(Control::kNone);
    return kAfterBreak;
  }

  bool fits(const SwitchLabel& label, const Value& value) {
    switch (label.kind) {
      case SwitchLabel::Kind::kInt:
        return value.to_int() == label.number;
      case SwitchLabel::Kind::kString:
        return context_.text_of(value) == label.text;
      case SwitchLabel::Kind::kRegex:
        return code_.regexes[label.regex].matches(context_.text_of(value), context_.regex_scratch());
    }
    return false;
  }

  // `return` alone is 1; 0 ends the script, as a function's 0 does.
  int execute_return(const StatementNode& node) {
    const int value = node.value == kNoNode ? kTrue : to_code(Value::of_int(integer(node.value)));
    if (take_failure()) {
      context_.set_control(Control::kReturn);
      return kFailed;
    }
    if (is_going()) context_.set_control(value == 0 ? Control::kExit : Control::kReturn);
    return value;
  }

  const Code& code_;
  Context& context_;
  bool has_failed_ = false;
};

}  // namespace

Value evaluate(const Code& code, NodeIndex expression, Context& context) {
  return Interpreter(code, context).evaluate(expression);
}

int Program::run(RouteIndex route, Context& context, RouteMask extra_kinds) const {
  LS_ASSERT(static_cast<std::uint32_t>(route) < code_->routes.size());
  const CompiledRoute& target = code_->routes[static_cast<std::uint32_t>(route)];
  // A function may run a route of its own (an event) in the middle of another: what it changes is put back.
  const RouteMask kinds = context.route_kinds();
  const std::uint32_t depth = context.depth();
  context.set_return_code(kTrue);
  context.set_control(Control::kNone);
  context.set_route_kinds(target.mask | extra_kinds);
  const int value = Interpreter(*code_, context).call_route(route, Location{});
  context.set_route_kinds(kinds);
  context.set_depth(depth);
  return value;
}

}  // namespace lockstep::script
