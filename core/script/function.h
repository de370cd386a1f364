// function.h: functions that a script can call, as modules export them, and the arguments their
// bodies see. Argument texts are parsed, checked and prepared once at compile time; at run time an
// argument is evaluated when the body asks for it, into the Context's arena.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/script/context.h"
#include "core/script/regex.h"
#include "core/script/value.h"
#include "core/script/variable.h"

namespace lockstep::script {

struct Code;  // The compiled program, code.h.
struct CompiledArgument;

// Index of a route in the Program. kNoRoute: none ("0" as argument, which disarms).
enum class RouteIndex : std::uint32_t {};
inline constexpr RouteIndex kNoRoute{std::numeric_limits<std::uint32_t>::max()};

enum class ParamType : std::uint8_t {
  kInt,       // Integer literal, "10", a variable or a format that yields a number.
  kFormat,    // Text with variables, evaluated per call.
  kLiteral,   // Text used as it stands; no variables.
  kRegex,     // Text compiled at start (case-insensitive).
  kVariable,  // A variable that can be written: $var(x) or "$var(x)".
  kRoute      // Name of a route of `route_kind`; "0" means none. Unknown names warn and are empty routes.
};

struct ParamSpec {
  ParamType type = ParamType::kFormat;
  std::string name = {};                       // For messages and man pages: "code".
  RouteKind route_kind = RouteKind::kRequest;  // kRoute only.
  // Called at compile time when the argument is constant text or a constant number (as its text); its
  // result is Arguments::prepared(i). Not called for arguments that hold variables.
  std::function<Result<Prepared, std::string>(std::string_view literal)> prepare = nullptr;
  // kVariable only: also accept variables that cannot be written.
  bool read_only = false;
};

class Arguments {
 public:
  Arguments(const Code& code, Context& context, const CompiledArgument* arguments, std::size_t count)
      : code_(code), context_(context), arguments_(arguments), count_(count) {}

  // How many were written in the script. Asking for one beyond: "", 0, null, nullptr, kNoRoute.
  std::size_t size() const { return count_; }
  // False for one beyond the end and for one left empty: f(,"x").
  bool is_given(std::size_t i) const;

  // Each call evaluates anew: ask once.
  Value value(std::size_t i) const;               // "$x" alone keeps type and null.
  std::string_view string(std::size_t i) const;   // Null becomes "".
  std::string_view printed(std::size_t i) const;  // As log text: null becomes "<null>".
  std::int64_t integer(std::size_t i) const { return value(i).to_int(); }
  std::optional<std::int64_t> try_integer(std::size_t i) const { return value(i).try_int(); }
  // REQUIRES: parameter i is given and of type kRegex, kVariable respectively.
  const Regex& regex(std::size_t i) const;
  const VariableRef& variable(std::size_t i) const;
  RouteIndex route(std::size_t i) const;
  // What ParamSpec::prepare made; nullptr when the argument was not constant.
  template <typename T>
  const T* prepared(std::size_t i) const {
    return static_cast<const T*>(prepared_pointer(i));
  }

 private:
  const void* prepared_pointer(std::size_t i) const;

  const Code& code_;
  Context& context_;
  const CompiledArgument* arguments_;
  std::size_t count_;
};

struct FunctionSpec {
  std::string name = {};
  std::string doc = {};  // One line.
  RouteMask routes = kAnyRoute;
  std::vector<ParamSpec> params = {};
  // Fewest arguments; by default all. Functions of one name with different counts are several specs.
  std::optional<std::size_t> min_count = {};
  // With true, further arguments beyond `params` are taken, typed as the last of them.
  bool repeats_last = false;
  // > 0 true, < 0 false, 0 ends the script.
  std::function<int(Context&, const Arguments&)> body = {};

  std::size_t fewest() const { return min_count.value_or(params.size()); }
  bool takes(std::size_t count) const {
    return count >= fewest() && (count <= params.size() || (repeats_last && !params.empty()));
  }
  const ParamSpec& param(std::size_t i) const { return params[i < params.size() ? i : params.size() - 1]; }
};

}  // namespace lockstep::script
