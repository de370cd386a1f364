// export_helpers.h: short ways to write down what a module exports: functions, their parameters, module
// parameters. Used while modules are constructed, before the fork; bodies run in workers.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/script/function.h"
#include "core/script/registry.h"
#include "core/worker/script_context.h"

namespace lockstep::worker {

using script::RouteKind;
using script::RouteMask;

// Where a function may be called. Event routes handle requests and are always allowed.
inline constexpr RouteMask kInRequest = RouteKind::kRequest | RouteKind::kFailure | RouteKind::kBranch |
                                        RouteKind::kEvent | RouteKind::kBranchFailure;
inline constexpr RouteMask kInRequestRouteOnly = RouteKind::kRequest | RouteKind::kEvent;
inline constexpr RouteMask kInMessage =
    kInRequest | RouteKind::kOnReply | RouteKind::kCoreReply | RouteKind::kOnSend;

script::ParamSpec int_param(std::string name);
script::ParamSpec format_param(std::string name);
script::ParamSpec literal_param(std::string name);
script::ParamSpec regex_param(std::string name);
script::ParamSpec variable_param(std::string name);  // Must be writable.
script::ParamSpec readable_variable_param(std::string name);

// A function of a script. `body(ScriptContext&, const script::Arguments&) -> int`.
// `fewest`: fewest arguments, all when not given.
template <typename Body>
script::FunctionSpec make_function(std::string name, std::string doc, RouteMask routes,
                                   std::vector<script::ParamSpec> params, Body body,
                                   std::optional<std::size_t> fewest = std::nullopt) {
  script::FunctionSpec spec;
  spec.name = std::move(name);
  spec.doc = std::move(doc);
  spec.routes = routes;
  spec.params = std::move(params);
  spec.min_count = fewest;
  spec.body = [body = std::move(body)](script::Context& context, const script::Arguments& arguments) -> int {
    return body(context_of(context), arguments);
  };
  return spec;
}

// A function that is known, returns 1 and has no effect here; `doc` says why.
script::FunctionSpec accepted_function(std::string name, std::string doc, RouteMask routes,
                                       std::vector<script::ParamSpec> params,
                                       std::optional<std::size_t> fewest = std::nullopt);

// modparams. `target` is a member of the module, which lives as long as the process.
script::ParameterSpec int_parameter(std::string name, std::string doc, std::int64_t& target, std::int64_t min,
                                    std::int64_t max);
script::ParameterSpec flag_parameter(std::string name, std::string doc, bool& target);
script::ParameterSpec string_parameter(std::string name, std::string doc, std::string& target);
// Known from Kamailio, without effect here: warns once when it is set.
script::ParameterSpec unserved_parameter(
    std::string module, std::string name,
    script::ParameterSpec::Type type = script::ParameterSpec::Type::kBoth);

// 1 for true and -1 for false, as script functions answer.
constexpr int answer(bool yes) { return yes ? 1 : -1; }

// The parts as one text in the arena; none (and counted) when it is full.
std::optional<std::string_view> try_join(script::Context& context,
                                         std::initializer_list<std::string_view> parts);

}  // namespace lockstep::worker
