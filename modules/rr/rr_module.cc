#include "modules/rr/rr_module.h"

#include "core/base/log.h"
#include "core/worker/export_helpers.h"

namespace lockstep::rr {
namespace {

using script::Arguments;
using script::Value;
using worker::format_param;
using worker::make_function;
using worker::ScriptContext;

int check_route_param(ScriptContext& context, const Arguments& arguments) {
  for (std::size_t number = 0; number < 2; ++number) {
    const auto params = routed_params(context, number);
    if (!params.has_value()) break;
    if (arguments.regex(0).matches(*params, context.regex_scratch())) return 1;
  }
  return -1;
}

enum class Direction : std::uint8_t { kDownstream, kUpstream };

script::ParamSpec direction_param() {
  script::ParamSpec param = worker::literal_param("direction");
  param.prepare = [](std::string_view text) -> Result<script::Prepared, std::string> {
    if (sip::equal_nocase(text, "downstream")) {
      return script::Prepared(std::make_shared<const Direction>(Direction::kDownstream));
    }
    if (sip::equal_nocase(text, "upstream")) {
      return script::Prepared(std::make_shared<const Direction>(Direction::kUpstream));
    }
    return Failure<std::string>{"\"downstream\" or \"upstream\" is expected"};
  };
  return param;
}

int is_direction(ScriptContext& context, const Arguments& arguments) {
  const auto* wanted = arguments.prepared<Direction>(0);
  return worker::answer(wanted != nullptr && (*wanted == Direction::kUpstream) == is_upstream(context));
}

Value route_uri(script::Context& script_context, const script::VariableRef&) {
  const auto first = worker::context_of(script_context).message.first_value(sip::HeaderId::kRoute);
  if (!first.has_value()) return Value::null();
  const auto value = sip::parse_name_addr(first->text);
  return value.has_value() ? Value::of_string(value->uri) : Value::null();
}

}  // namespace

RrModule::RrModule() {
  exports_.name = "rr";
  exports_.doc = "Record-Route and Route: staying in and following the path of a dialog.";
  add_functions();
  add_parameters();
  exports_.variables.push_back({.name = "route_uri",
                                .doc = "the URI of the topmost Route as received",
                                .inner = {},
                                .index_allowed = false,
                                .get = route_uri,
                                .set = nullptr,
                                .prepare = nullptr});
}

void RrModule::add_functions() {
  auto& list = exports_.functions;
  const auto loose = [this](const char* name, const char* doc, LooseMode mode) {
    return make_function(name, doc, worker::kInRequestRouteOnly, {},
                         [this, mode](ScriptContext& context, const Arguments&) {
                           return loose_route(context, settings_, mode);
                         });
  };
  list.push_back(loose("loose_route", "follows the route set of a request", LooseMode::kFull));
  list.push_back(loose("loose_route_preloaded", "as loose_route, for requests outside a dialog only",
                       LooseMode::kPreloadedOnly));
  list.push_back(make_function(
      "loose_route_mode", "as loose_route; 1: never as from a strict router", worker::kInRequestRouteOnly,
      {worker::int_param("mode")}, [this](ScriptContext& context, const Arguments& arguments) {
        const bool loose_only = arguments.integer(0) == 1;
        return loose_route(context, settings_, loose_only ? LooseMode::kLooseOnly : LooseMode::kFull);
      }));
  list.push_back(make_function(
      "record_route", "stays in the path of the dialog", worker::kInRequest, {format_param("params")},
      [this](ScriptContext& context, const Arguments& arguments) {
        return record_route(context, settings_, arguments.string(0));
      },
      0));
  list.push_back(make_function(
      "record_route_preset", "Record-Route with addresses of one's own", worker::kInRequest,
      {format_param("outbound"), format_param("inbound")},
      [this](ScriptContext& context, const Arguments& arguments) {
        return record_route_preset(context, settings_, arguments.string(0), arguments.string(1));
      },
      1));
  list.push_back(make_function("record_route_advertised_address", "Record-Route with another address",
                               worker::kInRequest, {format_param("address")},
                               [this](ScriptContext& context, const Arguments& arguments) {
                                 return record_route_preset(context, settings_, arguments.string(0), {});
                               }));
  list.push_back(
      make_function("remove_record_route", "takes back what record_route wrote", worker::kInRequest, {},
                    [](ScriptContext& context, const Arguments&) { return remove_record_route(context); }));
  list.push_back(make_function("add_rr_param", "adds ;name=value to our Record-Route", worker::kInRequest,
                               {format_param("param")},
                               [](ScriptContext& context, const Arguments& arguments) {
                                 return add_rr_param(context, arguments.string(0));
                               }));
  list.push_back(make_function("check_route_param",
                               "matches the parameters of our own Route, after loose_route",
                               worker::kInMessage, {worker::regex_param("pattern")}, check_route_param));
  list.push_back(make_function("is_direction", "whether the request flows downstream or upstream, by ftag",
                               worker::kInMessage, {direction_param()}, is_direction));
  list.push_back(make_function(
      "rr_next_hop_route", "whether a Route value of another hop is left", script::kAnyRoute, {},
      [](ScriptContext& context, const Arguments&) { return worker::answer(has_next_hop_route(context)); }));
}

void RrModule::add_parameters() {
  using worker::flag_parameter;
  exports_.parameters = {
      flag_parameter("enable_full_lr", "writes ;lr=on instead of ;lr", settings_.enable_full_lr),
      flag_parameter("append_fromtag", "writes the caller's tag as ;ftag", settings_.append_fromtag),
      worker::int_parameter("enable_double_rr", "two values: 0 never, 1 where sockets differ, 2 always",
                            settings_.enable_double_rr, 0, 2),
      flag_parameter("add_username", "writes the Request-URI's user", settings_.add_username),
      flag_parameter("enable_socket_mismatch_warning", "warns when our Route names no socket of ours",
                     settings_.enable_socket_mismatch_warning),
      worker::string_parameter("custom_user_avp", "an AVP with the user for add_username",
                               settings_.custom_user_avp),
      flag_parameter("force_send_socket", "sends from the socket that our single Route names",
                     settings_.force_send_socket),
      flag_parameter("ignore_sips", "writes sip: even when the Request-URI is sips:", settings_.ignore_sips),
      worker::unserved_parameter("rr", "sockname_mode"),
      worker::unserved_parameter("rr", "ignore_user"),
  };
}

Result<bool, std::string> RrModule::start(worker::ServerHost& host) {
  if (!settings_.custom_user_avp.empty()) {
    // Only the name is kept: what find_avp() takes.
    std::string& name = settings_.custom_user_avp;
    if (!name.starts_with("$avp(") || !name.ends_with(")") || name.size() < 7) {
      return Failure<std::string>{"rr: custom_user_avp: \"$avp(name)\" is expected, not \"" + name + "\""};
    }
    name = name.substr(5, name.size() - 6);
    if (name.starts_with("s:")) name = name.substr(2);
  }
  host.interfaces.provide<worker::RecordRouter>(*this);
  return true;
}

bool RrModule::complete(sip::EditList& edits, const sip::Message& message, const worker::LocalNames& names,
                        const Branch& branch, Arena& arena) const {
  return complete_record_route(edits, message, names, branch, settings_.enable_double_rr, arena);
}

}  // namespace lockstep::rr

LS_MODULE(lockstep::rr::RrModule)
