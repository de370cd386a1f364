// code.h: the compiled form of a script: nodes in contiguous arrays that name each other by index. Made by
// the compiler, walked by the interpreter, read-only in between and after. Internal to this folder.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/script/diagnostics.h"
#include "core/script/function.h"
#include "core/script/program.h"
#include "core/script/registry.h"

namespace lockstep::script {

using NodeIndex = std::uint32_t;
inline constexpr NodeIndex kNoNode = static_cast<NodeIndex>(-1);

// Letters: what a, b, c of the node mean. x, y: expressions.
enum class ExpressionOp : std::uint8_t {
  kConstant,       // a: constants
  kVariable,       // a: variables
  kKeyword,        // a: keywords
  kCall,           // a: calls
  kRouteCall,      // a: routes
  kRouteComputed,  // a: x, the name
  kOr,
  kAnd,        // a: x, b: y
  kCalculate,  // a: x, b: y, with `calculate`
  kDivide,
  kModulo,  // a: x, b: y; fail on zero
  kPlus,    // Adds integers, joins all else; the left side decides.
  kNot,
  kBitNot,
  kNegate,
  kIntCast,
  kStringCast,
  kStringLength,
  kStringEmpty,  // a: x
  kDefined,
  kIsNull,
  kEqual,  // The left side's type decides how.
  kStringEqual,
  kFoldedEqual,    // Texts without regard to case: core keywords.
  kMatch,          // a: x, b: regexes
  kMatchComputed,  // a: x, b: y, the pattern
  kAddressEqual,   // a: x, b: networks
  kMyself,         // a: x
  kConditional     // a, b, c
};

struct ExpressionNode {
  ExpressionOp op = ExpressionOp::kConstant;
  bool negated = false;  // The result of a comparison is turned round.
  NodeIndex a = kNoNode;
  NodeIndex b = kNoNode;
  NodeIndex c = kNoNode;
  std::int64_t (*calculate)(std::int64_t, std::int64_t) = nullptr;
  Location location;
};

struct Block {
  std::uint32_t first = 0;
  std::uint32_t count = 0;
};

struct StatementNode {
  StatementKind kind = StatementKind::kExpression;
  NodeIndex value = kNoNode;  // An expression.
  std::uint32_t target = 0;   // kAssign: variables. kSwitch: switches.
  Block body;
  Block otherwise;  // kIf.
  Location location;
};

struct SwitchLabel {
  enum class Kind : std::uint8_t { kInt, kString, kRegex };
  Kind kind = Kind::kInt;
  std::int64_t number = 0;
  std::string text;
  std::uint32_t regex = 0;
  std::uint32_t offset = 0;  // Of the first statement in the switch's block.
};
struct SwitchTable {
  std::vector<SwitchLabel> labels;
  std::uint32_t default_offset = 0;
  bool has_default = false;
};

// An address literal; a network if it has a prefix shorter than the address.
struct Network {
  std::array<std::uint8_t, 16> bytes{};
  std::uint8_t byte_count = 4;
  std::uint8_t prefix_bits = 32;
};
// "10.0.0.1", "10.0.0.0/8", "10.0.0.0/255.0.0.0", "::1", "2001:db8::/32", "[::1]".
bool parse_network(std::string_view text, Network& network);
// `address`: text of an address, in brackets or not. False for anything else.
bool network_contains(const Network& network, std::string_view address);

struct CompiledArgument {
  enum class Kind : std::uint8_t { kAbsent, kConstant, kFormat, kVariable, kExpression };
  Kind kind = Kind::kAbsent;
  Value constant;
  Format format;
  VariableRef variable;
  NodeIndex expression = kNoNode;
  std::unique_ptr<Regex> regex;
  RouteIndex route = kNoRoute;
  Prepared prepared;
};

struct Call {
  const FunctionSpec* spec = nullptr;
  std::vector<CompiledArgument> arguments;
};

struct CompiledRoute {
  RouteKind kind = RouteKind::kRequest;
  RouteMask mask = 0;  // What runs inside it counts as.
  std::string name;
  Block body;
  bool is_defined = false;  // Else: named somewhere, but there is no such block.
};

struct Code {
  std::vector<ExpressionNode> expressions;
  std::vector<StatementNode> statements;
  std::vector<Value> constants;
  std::deque<std::string> texts;  // What string constants point at.
  std::deque<VariableRef> variables;
  std::vector<const KeywordSpec*> keywords;
  std::deque<Call> calls;
  std::deque<Regex> regexes;
  std::vector<Network> networks;
  std::vector<SwitchTable> switches;
  std::deque<CompiledRoute> routes;
  std::map<std::string, RouteIndex, std::less<>> named_routes;  // route[X], for computed names.
  Registry::IsMyself is_myself;
  std::uint32_t while_loops_max = 100;
  std::vector<std::string> file_names;

  std::string describe(const Location& location) const;
};

// Evaluates one expression of the program outside a block: an argument of a call.
Value evaluate(const Code& code, NodeIndex expression, Context& context);

}  // namespace lockstep::script
