#include "modules/tm/tm_module.h"

#include "core/worker/export_helpers.h"
#include "modules/tm/contacts.h"
#include "modules/tm/tm_rpc.h"

namespace lockstep::tm {
namespace {

using script::Arguments;
using script::ParamSpec;
using script::ParamType;
using script::RouteKind;
using script::Value;
using transaction::LatePolicy;
using worker::answer;
using worker::kInMessage;
using worker::kInRequest;
using worker::make_function;
using worker::ScriptContext;

constexpr script::RouteMask kRequestOrFailure = RouteKind::kRequest | RouteKind::kFailure | RouteKind::kEvent;
constexpr script::RouteMask kAfterRelay =
    RouteKind::kRequest | RouteKind::kFailure | RouteKind::kOnReply | RouteKind::kBranch | RouteKind::kEvent;

ParamSpec route_param(RouteKind kind) {
  ParamSpec param;
  param.type = ParamType::kRoute;
  param.name = "route";
  param.route_kind = kind;
  return param;
}

int reply(ScriptContext& context, const Arguments& arguments) {
  const std::int64_t status = arguments.integer(0);
  if (status < 100 || status > 699) return -1;
  return context.transactions.reply(context, static_cast<std::uint16_t>(status), arguments.string(1));
}

ParamSpec which_branches() {
  ParamSpec which = worker::literal_param("which");
  which.prepare = [](std::string_view text) -> Result<script::Prepared, std::string> {
    if (text == "all" || text == "others" || text == "this")
      return script::Prepared(std::make_shared<const int>(0));
    return Failure<std::string>{"\"all\", \"others\" or \"this\" is expected"};
  };
  return which;
}

int relay_to(ScriptContext& context, const Arguments& arguments) {
  const std::optional<std::string_view> uri = worker::try_join(
      context, {"sip:", arguments.string(0), ":", arguments.size() > 1 ? arguments.string(1) : "5060"});
  if (!uri.has_value() || !context.set_next_hop(*uri)) return -1;
  return context.transactions.relay(context);
}

bool status_matches(ScriptContext& context, const script::Regex& regex) {
  const std::uint16_t status = context.transactions.status(context);
  if (status == 0) return false;
  const std::string_view text = context.text_of(Value::of_int(status));
  return regex.matches(text, context.regex_scratch());
}

}  // namespace

std::string_view policy_name(LatePolicy policy) {
  switch (policy) {
    case LatePolicy::kForward:
      return "forward";
    case LatePolicy::kTerminate:
      return "terminate";
    case LatePolicy::kDrop:
      return "drop";
  }
  return {};
}

TmModule::TmModule() {
  exports_.name = "tm";
  exports_.doc = "Stateful relaying: transactions, parallel and serial forking.";
  exports_.event_routes = {"tm:local-request", "tm:local-response", "tm:branch-failure:*"};
  add_relay_functions();
  add_arming_functions();
  add_state_functions();
  add_policy_functions();
  add_contact_functions();
  add_variables();
  add_parameters();
}

void TmModule::add_relay_functions() {
  auto& functions = exports_.functions;
  const auto relay = [](ScriptContext& c, const Arguments&) { return c.transactions.relay(c); };
  functions.push_back(make_function("t_relay", "relays to Request-URI and branches, with state",
                                    kRequestOrFailure, {}, relay));
  functions.push_back(make_function("t_relay_cancel", "relays a CANCEL to its INVITE's branches",
                                    worker::kInRequestRouteOnly, {}, relay));
  for (const char* name : {"t_relay_to_udp", "t_forward_nonack_udp"}) {
    functions.push_back(make_function(name, "relays to this address over UDP", kRequestOrFailure,
                                      {worker::format_param("host"), worker::format_param("port")},
                                      relay_to));
  }
  functions.push_back(
      make_function("t_newtran", "makes the transaction of this request", worker::kInRequestRouteOnly, {},
                    [](ScriptContext& c, const Arguments&) { return c.transactions.new_transaction(c); }));
  functions.push_back(make_function("t_reply", "answers with state", kRequestOrFailure,
                                    {worker::int_param("code"), worker::format_param("reason")}, reply));
  functions.push_back(
      make_function("t_release", "gives the transaction up", worker::kInRequestRouteOnly, {},
                    [](ScriptContext& c, const Arguments&) { return c.transactions.release(c); }));
  functions.push_back(make_function(
      "t_cancel_branches", "cancels \"all\", \"others\" or \"this\"", script::mask_of(RouteKind::kOnReply),
      {which_branches()},
      [](ScriptContext& c, const Arguments& a) { return c.transactions.cancel_branches(c, a.string(0)); }));
  functions.push_back(worker::accepted_function(
      "t_retransmit_reply", "retransmissions are answered before the script runs", kInRequest, {}));
}

void TmModule::add_arming_functions() {
  auto& functions = exports_.functions;
  functions.push_back(make_function("t_on_branch", "runs this branch_route for each branch",
                                    kRequestOrFailure, {route_param(RouteKind::kBranch)},
                                    [](ScriptContext& c, const Arguments& a) {
                                      c.on_branch = a.route(0);
                                      return 1;
                                    }));
  functions.push_back(make_function("t_on_reply", "runs this onreply_route for each response", kAfterRelay,
                                    {route_param(RouteKind::kOnReply)},
                                    [](ScriptContext& c, const Arguments& a) {
                                      c.on_reply = a.route(0);
                                      return 1;
                                    }));
  functions.push_back(make_function("t_on_failure", "runs this failure_route when all branches failed",
                                    kAfterRelay, {route_param(RouteKind::kFailure)},
                                    [](ScriptContext& c, const Arguments& a) {
                                      c.on_failure = a.route(0);
                                      return 1;
                                    }));
  ParamSpec target = worker::literal_param("target");
  target.prepare = [](std::string_view text) -> Result<script::Prepared, std::string> {
    if (text == "branch_route") return script::Prepared(std::make_shared<const int>(0));
    if (text == "onreply_route") return script::Prepared(std::make_shared<const int>(1));
    if (text == "failure_route") return script::Prepared(std::make_shared<const int>(2));
    return Failure<std::string>{"\"branch_route\", \"onreply_route\" or \"failure_route\" is expected"};
  };
  functions.push_back(
      make_function("t_is_set", "whether such a route is armed", kAfterRelay, {target},
                    [](ScriptContext& c, const Arguments& a) {
                      const int* which = a.prepared<int>(0);
                      const script::RouteIndex armed[] = {c.on_branch, c.on_reply, c.on_failure};
                      return answer(which != nullptr && armed[*which] != script::kNoRoute);
                    }));
}

void TmModule::add_state_functions() {
  auto& functions = exports_.functions;
  for (const char* name : {"t_check_trans", "t_lookup_request"}) {
    functions.push_back(make_function(
        name, "whether this belongs to a transaction (CANCEL: whether its INVITE does)", kInMessage, {},
        [](ScriptContext& c, const Arguments&) { return c.transactions.check(c); }));
  }
  functions.push_back(make_function(
      "t_lookup_cancel", "whether the INVITE of this CANCEL has a transaction", worker::kInRequestRouteOnly,
      {worker::int_param("adjust")},
      [](ScriptContext& c, const Arguments&) { return c.transactions.lookup_cancel(c); }, 0));
  functions.push_back(make_function(
      "t_is_canceled", "whether the caller cancelled", kAfterRelay, {},
      [](ScriptContext& c, const Arguments&) { return answer(c.transactions.is_cancelled(c)); }));
  functions.push_back(
      make_function("t_is_expired", "whether a branch timed out", kAfterRelay, {},
                    [](ScriptContext& c, const Arguments&) { return answer(c.transactions.is_expired(c)); }));
  functions.push_back(make_function(
      "t_check_status", "whether the winning status matches", kAfterRelay, {worker::regex_param("status")},
      [](ScriptContext& c, const Arguments& a) { return answer(status_matches(c, a.regex(0))); }));
  for (const char* name : {"t_any_timeout", "t_branch_timeout"}) {
    functions.push_back(make_function(
        name, "whether a branch timed out", kAfterRelay, {},
        [](ScriptContext& c, const Arguments&) { return answer(c.transactions.is_expired(c)); }));
  }
  for (const char* name : {"t_any_replied", "t_branch_replied"}) {
    functions.push_back(make_function(
        name, "whether a branch answered", kAfterRelay, {},
        [](ScriptContext& c, const Arguments&) { return answer(c.transactions.any_replied(c)); }));
  }
  functions.push_back(make_function(
      "t_set_fr", "timers of this transaction: final [, first] response, ms", kInRequest,
      {worker::int_param("fr_inv_timer"), worker::int_param("fr_timer")},
      [](ScriptContext& c, const Arguments& a) {
        const std::int64_t inv = a.integer(0), first = a.integer(1);
        if (inv < 0 || first < 0 || inv > INT32_MAX || first > INT32_MAX) return -1;
        c.fr_inv_timer_ms = static_cast<std::uint32_t>(inv);
        c.fr_timer_ms = static_cast<std::uint32_t>(first);
        c.transactions.set_timers(c, c.fr_inv_timer_ms, c.fr_timer_ms);
        return 1;
      },
      1));
  functions.push_back(make_function("t_reset_fr", "timers of the configuration again", kInRequest, {},
                                    [](ScriptContext& c, const Arguments&) {
                                      c.fr_inv_timer_ms = c.fr_timer_ms = 0;
                                      return 1;
                                    }));
}

void TmModule::add_policy_functions() {
  ParamSpec policy = worker::literal_param("policy");
  policy.prepare = [](std::string_view text) -> Result<script::Prepared, std::string> {
    for (const LatePolicy choice : {LatePolicy::kForward, LatePolicy::kTerminate, LatePolicy::kDrop}) {
      if (text == policy_name(choice)) return script::Prepared(std::make_shared<const LatePolicy>(choice));
    }
    return Failure<std::string>{"\"forward\", \"terminate\" or \"drop\" is expected"};
  };
  exports_.functions.push_back(make_function("t_late_2xx", "what becomes of this call's late 2xx",
                                             kAfterRelay, {policy}, [](ScriptContext& c, const Arguments& a) {
                                               const LatePolicy* choice = a.prepared<LatePolicy>(0);
                                               if (choice == nullptr) return -1;
                                               c.late_2xx = static_cast<std::uint32_t>(*choice) + 1;
                                               return 1;
                                             }));
}

void TmModule::add_contact_functions() {
  exports_.functions.push_back(
      make_function("t_load_contacts", "puts the destination set away by q", kRequestOrFailure, {},
                    [this](ScriptContext& c, const Arguments&) { return load_contacts(c, contacts_avp_); }));
  exports_.functions.push_back(make_function(
      "t_next_contacts", "makes the contacts of the next q the destination set", kRequestOrFailure, {},
      [this](ScriptContext& c, const Arguments&) { return next_contacts(c, contacts_avp_); }));
}

void TmModule::add_variables() {
  script::VariableSpec branch;
  branch.name = "T_branch_idx";
  branch.doc = "Index of the branch in hand, from 0.";
  branch.get = [](script::Context& context, const script::VariableRef&) {
    const int index = worker::context_of(context).branch_index;
    return index < 0 ? Value::of_int(-1) : Value::of_int(index);
  };
  exports_.variables.push_back(branch);
}

Result<bool, std::string> TmModule::start(worker::ServerHost& host) {
  host.interfaces.provide(settings_);
  register_tm_rpc(host);
  return true;
}

}  // namespace lockstep::tm

LS_MODULE(lockstep::tm::TmModule)
