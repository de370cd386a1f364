// tree.h: the configuration as it was written, after the preprocessor. Made by the parser, read by
// globals.h, the compiler and print_tree; thrown away before the fork. Plain data.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/script/diagnostics.h"

namespace lockstep::script {

enum class ExpressionKind : std::uint8_t {
  kNumber,    // number
  kString,    // text; escapes resolved, neighbours joined
  kVariable,  // text: "$hdr(X)"
  kWord,      // text: a keyword (uri), or a bare word (INVITE)
  kAddress,   // text: "10.0.0.1" or "10.0.0.0/8" or "::1"
  kMyself,
  kCall,        // text: name; children: arguments (a null child was left empty)
  kRouteCall,   // text: name, or children[0]: expression that yields it
  kUnary,       // operation, children[0]
  kBinary,      // operation, children[0], children[1]
  kSelect,      // text: "cfg_get.group.name" of @cfg_get.group.name
  kConditional  // selval(condition, a, b): three children
};

enum class Operation : std::uint8_t {
  kOr,
  kAnd,
  kBitOr,
  kBitAnd,
  kBitXor,
  kShiftLeft,
  kShiftRight,
  kEqual,
  kNotEqual,
  kStringEqual,
  kStringNotEqual,
  kIntEqual,
  kIntNotEqual,
  kMatch,
  kNotMatch,
  kLess,
  kGreater,
  kLessEqual,
  kGreaterEqual,
  kPlus,
  kMinus,
  kMultiply,
  kDivide,
  kModulo,
  kNot,
  kBitNot,
  kNegate,
  kDefined,
  kIntCast,
  kStringCast,
  kStringLength,
  kStringEmpty
};
const char* operation_text(Operation operation);

struct Expression {
  ExpressionKind kind = ExpressionKind::kNumber;
  Operation operation = Operation::kOr;
  Location location;
  std::int64_t number = 0;
  std::string text;
  // Where the characters of a string literal start and whether its text is verbatim, so that a
  // mistake inside it can be pointed at.
  bool verbatim = false;
  std::vector<std::unique_ptr<Expression>> children;
};
using ExpressionPtr = std::unique_ptr<Expression>;

enum class StatementKind : std::uint8_t {
  kExpression,  // value: a call or route call
  kAssign,      // target, value
  kIf,          // value, body, otherwise
  kWhile,       // value, body
  kSwitch,      // value, cases
  kBlock,       // body: braces of their own
  kReturn,      // value may be absent
  kExit,        // value may be absent
  kDrop,        // value may be absent
  kBreak
};

struct Statement;
using StatementPtr = std::unique_ptr<Statement>;

struct SwitchCase {
  Location location;
  ExpressionPtr label;    // Absent for default.
  bool is_regex = false;  // case /"re":
  std::vector<StatementPtr> body;
};

struct Statement {
  StatementKind kind = StatementKind::kExpression;
  Location location;
  ExpressionPtr target;
  ExpressionPtr value;
  std::vector<StatementPtr> body;
  std::vector<StatementPtr> otherwise;
  bool has_otherwise = false;
  std::vector<SwitchCase> cases;
};

// A value of a global parameter or modparam.
struct Setting {
  enum class Kind : std::uint8_t { kNumber, kString, kWord };
  Kind kind = Kind::kNumber;
  Location location;
  std::int64_t number = 0;
  std::string text;  // kString, kWord ("LOG_LOCAL0", "yes", "udp:127.0.0.1:5060").
};

// One socket of `listen`: proto:host:port advertise host:port name "x". Empty or 0: not given.
struct ListenEntry {
  Location location;
  std::string protocol;  // Lower case; "" means all.
  std::string host;      // IPv6 in brackets; "*" means every address.
  std::uint16_t port = 0;
  std::string advertise_host;
  std::uint16_t advertise_port = 0;
  std::string name;
};

enum class ItemKind : std::uint8_t {
  kGlobal,      // name = settings
  kListen,      // listen
  kAlias,       // listen (protocol, host, port)
  kCustom,      // group.name = settings[0] desc "..."
  kFlags,       // flags NAME:3, OTHER
  kLoadModule,  // name: as written
  kModParam,    // module (a regex), name, settings[0]
  kRoute        // route_keyword, name, body
};

enum class RouteBlock : std::uint8_t {
  kRequest,
  kRoute,
  kBranch,
  kOnReply,
  kCoreReply,
  kFailure,
  kEvent,
  kOnSend,
  kError
};

struct ConfigItem {
  ItemKind kind = ItemKind::kGlobal;
  Location location;
  Location name_location;
  std::string name;
  std::string group;        // kCustom
  std::string description;  // kCustom
  std::string module;       // kModParam
  Location module_location;
  std::vector<Setting> settings;
  std::vector<ListenEntry> listen;
  std::vector<std::pair<std::string, std::int64_t>> flags;  // -1: next free number.
  RouteBlock block = RouteBlock::kRequest;
  std::vector<StatementPtr> body;
};

struct ConfigTree {
  std::vector<ConfigItem> items;                            // In file order.
  std::map<std::string, std::string, std::less<>> defines;  // At the end of the file.
  std::shared_ptr<const SourceSet> sources;
};

}  // namespace lockstep::script
