// corex_module.cc: module corex: branches, sockets and extended flags from the script.
#include "core/base/log.h"
#include "core/sip/text.h"
#include "core/worker/export_helpers.h"
#include "core/worker/module.h"
#include "core/worker/request_edit.h"

namespace lockstep::corex {
namespace {

using script::Arguments;
using script::Value;
using worker::answer;
using worker::format_param;
using worker::make_function;
using worker::ScriptContext;

constexpr std::int64_t kExtendedFlagMax = 63;
// Extended flags live as an AVP, so that they follow the transaction. No script can write this name.
constexpr std::string_view kExtendedFlags = "\x01extended-flags";

enum class Change : std::uint8_t { kSet, kReset, kTest };

int change_flag(ScriptContext& context, std::int64_t flag, Change what) {
  if (flag < 0 || flag > kExtendedFlagMax) {
    LS_LOG(kErr, "corex", "flag {} is not between 0 and {}", flag, kExtendedFlagMax);
    return -1;
  }
  const worker::Avp* avp = context.find_avp(kExtendedFlags);
  const auto flags = static_cast<std::uint64_t>(avp == nullptr ? 0 : avp->value.to_int());
  const std::uint64_t bit = std::uint64_t{1} << flag;
  if (what == Change::kTest) return answer((flags & bit) != 0);
  const std::uint64_t changed = what == Change::kSet ? flags | bit : flags & ~bit;
  if (changed == flags) return 1;
  context.remove_avps(kExtendedFlags);
  return answer(context.add_avp(kExtendedFlags, Value::of_int(static_cast<std::int64_t>(changed))));
}

int append_branch(ScriptContext& context, const Arguments& arguments) {
  std::uint16_t q = 1000;
  if (arguments.is_given(1)) {
    const auto given = sip::parse_q(sip::trim(arguments.string(1)));
    if (!given.has_value()) {
      LS_LOG(kErr, "corex", "append_branch: '{}' is no q value", arguments.string(1));
      return -1;
    }
    q = *given;
  }
  return answer(worker::append_branch(context, arguments.string(0), q));
}

std::uint16_t socket_by_name(const ScriptContext& context, std::string_view name) {
  const auto& sockets = context.local_names.sockets();
  for (std::size_t i = 0; i < sockets.size(); ++i) {
    if (!name.empty() && sip::equal_nocase(sockets[i].socket_name, name))
      return static_cast<std::uint16_t>(i);
  }
  return worker::kNoSocket;
}

int set_socket(std::uint16_t& target, std::uint16_t socket, std::string_view text) {
  if (socket == worker::kNoSocket) {
    LS_LOG(kErr, "corex", "no listening socket '{}'", text);
    return -1;
  }
  target = socket;
  return 1;
}

// "udp:127.0.0.1:5080"
int set_source_address(ScriptContext& context, const Arguments& arguments) {
  std::string_view text = arguments.string(0);
  if (sip::starts_with_nocase(text, "udp:")) text.remove_prefix(4);
  const auto place = sip::parse_host_port(text);
  const auto address = place.has_value()
                           ? parse_address(place->host, place->port == 0 ? std::uint16_t{5060} : place->port)
                           : std::nullopt;
  if (!address.has_value()) {
    LS_LOG(kErr, "corex", "set_source_address: '{}' is no address", arguments.string(0));
    return -1;
  }
  context.source = *address;
  return 1;
}

// $cfg(route): the innermost route. Lines and file names are not kept in a compiled script.
Value cfg(script::Context& context, const script::VariableRef& variable) {
  if (variable.inner(context) != "route") return Value::null();
  const std::string_view name = context.route_name();
  return name.empty() ? Value::of_string("DEFAULT_ROUTE") : Value::of_string(name);
}

class CorexModule : public worker::Module {
 public:
  CorexModule() {
    exports_.name = "corex";
    exports_.doc = "Branches, sockets and extended flags.";
    add_functions();
    add_socket_functions();
    exports_.variables.push_back({.name = "cfg",
                                  .doc = "route: the name of the route that runs",
                                  .inner = script::InnerName::kRequired,
                                  .index_allowed = false,
                                  .get = cfg,
                                  .set = nullptr,
                                  .prepare = nullptr});
    for (const char* name : {"alias_subdomains", "dns_cache", "evcb_reply_out", "nio_intercept",
                             "nio_min_msg_len", "nio_msg_avp"}) {
      exports_.parameters.push_back(worker::unserved_parameter("corex", name));
    }
  }
  const script::ModuleExports& exports() const override { return exports_; }

 private:
  void add_functions() {
    auto& list = exports_.functions;
    list.push_back(
        make_function("append_branch", "adds a branch: a URI (default: the Request-URI) with a q value",
                      worker::kInRequest, {format_param("uri"), format_param("q")}, append_branch, 0));
    const auto add_flag = [&list](const char* name, const char* doc, Change what) {
      list.push_back(make_function(name, doc, worker::kInMessage, {worker::int_param("flag")},
                                   [what](ScriptContext& context, const Arguments& arguments) {
                                     return change_flag(context, arguments.integer(0), what);
                                   }));
    };
    add_flag("setxflag", "sets an extended flag (0..63)", Change::kSet);
    add_flag("resetxflag", "clears an extended flag", Change::kReset);
    add_flag("isxflagset", "whether an extended flag is set", Change::kTest);
    list.push_back(make_function("is_faked_msg", "false: every message here came from the network",
                                 script::kAnyRoute, {}, [](ScriptContext&, const Arguments&) { return -1; }));
  }

  void add_socket_functions() {
    auto& list = exports_.functions;
    const auto add = [&list](const char* name, const char* doc, auto body) {
      list.push_back(make_function(name, doc, worker::kInMessage, {format_param("socket")}, body));
    };
    add("set_send_socket", "sends from this listening address",
        [](ScriptContext& context, const Arguments& arguments) {
          const std::string_view text = arguments.string(0);
          return set_socket(context.target.socket, worker::find_socket_text(context.local_names, text), text);
        });
    add("set_send_socket_name", "sends from the socket of this name",
        [](ScriptContext& context, const Arguments& arguments) {
          const std::string_view name = arguments.string(0);
          return set_socket(context.target.socket, socket_by_name(context, name), name);
        });
    add("set_recv_socket", "as if it had come in here",
        [](ScriptContext& context, const Arguments& arguments) {
          const std::string_view text = arguments.string(0);
          return set_socket(context.socket, worker::find_socket_text(context.local_names, text), text);
        });
    add("set_recv_socket_name", "as if it had come in by the socket of this name",
        [](ScriptContext& context, const Arguments& arguments) {
          const std::string_view name = arguments.string(0);
          return set_socket(context.socket, socket_by_name(context, name), name);
        });
    add("set_source_address", "as if it had come from there", set_source_address);
    add("is_socket_name", "whether a listening socket has this name",
        [](ScriptContext& context, const Arguments& arguments) {
          return answer(socket_by_name(context, arguments.string(0)) != worker::kNoSocket);
        });
  }

  script::ModuleExports exports_;
};

}  // namespace
}  // namespace lockstep::corex

LS_MODULE(lockstep::corex::CorexModule)
