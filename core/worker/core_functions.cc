// core_functions.cc: the functions of module "core". Names, argument counts and results are Kamailio's.
#include "core/base/log.h"
#include "core/sip/text.h"
#include "core/worker/core_exports.h"
#include "core/worker/export_helpers.h"
#include "core/worker/request_edit.h"

namespace lockstep::worker {
namespace {

using script::Arguments;

constexpr std::int64_t kFlagMax = 31;

// The bit of a flag; 0 (and logged) for a number that is no flag.
std::uint32_t flag_bit(std::int64_t flag) {
  if (flag >= 0 && flag <= kFlagMax) return std::uint32_t{1} << flag;
  LS_LOG(kErr, "core", "flag {} is not between 0 and {}", flag, kFlagMax);
  return 0;
}

int setflag(ScriptContext& context, const Arguments& arguments) {
  const std::uint32_t bit = flag_bit(arguments.integer(0));
  context.flags |= bit;
  return answer(bit != 0);
}

int resetflag(ScriptContext& context, const Arguments& arguments) {
  const std::uint32_t bit = flag_bit(arguments.integer(0));
  context.flags &= ~bit;
  return answer(bit != 0);
}

int isflagset(ScriptContext& context, const Arguments& arguments) {
  return answer((context.flags & flag_bit(arguments.integer(0))) != 0);
}

int seturi(ScriptContext& context, const Arguments& arguments) {
  const std::string_view uri = arguments.string(0);
  if (!context.message.is_request() || !sip::parse_uri(uri).has_value()) {
    LS_LOG(kErr, "core", "seturi: '{}' is no URI", uri);
    return -1;
  }
  return answer(context.set_request_uri(uri));
}

int revert_uri(ScriptContext& context, const Arguments&) {
  context.target.uri = {};
  return 1;
}

int setdsturi(ScriptContext& context, const Arguments& arguments) {
  const std::string_view uri = arguments.string(0);
  if (!sip::parse_uri(uri).has_value()) {
    LS_LOG(kErr, "core", "setdsturi: '{}' is no URI", uri);
    return -1;
  }
  return answer(context.set_next_hop(uri));
}

int resetdsturi(ScriptContext& context, const Arguments&) {
  context.target.next_hop = {};
  return 1;
}

int isdsturiset(ScriptContext& context, const Arguments&) { return answer(!context.target.next_hop.empty()); }

int append(ScriptContext& context, const Arguments& arguments) {
  const std::string_view uri = arguments.is_given(0) ? arguments.string(0) : std::string_view();
  std::uint16_t q = 1000;
  if (arguments.is_given(1)) {
    const std::optional<std::uint16_t> given = sip::parse_q(sip::trim(arguments.string(1)));
    if (!given.has_value()) {
      LS_LOG(kErr, "core", "append_branch: '{}' is no q value", arguments.string(1));
      return -1;
    }
    q = *given;
  }
  return answer(append_branch(context, uri, q));
}

int clear_branches(ScriptContext& context, const Arguments&) {
  context.branches.clear();
  return 1;
}

// Without an argument the last branch goes.
int remove_branch(ScriptContext& context, const Arguments& arguments) {
  const std::size_t count = context.branches.size();
  const std::int64_t given =
      arguments.is_given(0) ? arguments.integer(0) : static_cast<std::int64_t>(count) - 1;
  if (given < 0 || static_cast<std::uint64_t>(given) >= count) return -1;
  for (auto i = static_cast<std::size_t>(given); i + 1 < count; ++i)
    context.branches[i] = context.branches[i + 1];
  context.branches.pop_back();
  return 1;
}

int force_send_socket(ScriptContext& context, const Arguments& arguments) {
  const std::string_view text = arguments.string(0);
  const std::uint16_t socket = find_socket_text(context.local_names, text);
  if (socket == kNoSocket) {
    LS_LOG(kErr, "core", "force_send_socket: nothing listens on {}", text);
    return -1;
  }
  context.target.socket = socket;
  return 1;
}

// forward(): where next hop, Route or Request-URI lead; forward(host[, port]): there.
int forward(ScriptContext& context, const Arguments& arguments) {
  if (arguments.is_given(0)) {
    const std::string_view host = arguments.string(0);
    const std::string_view port = arguments.is_given(1) ? arguments.string(1) : std::string_view();
    const std::string_view scheme = sip::parse_uri(host).has_value() ? "" : "sip:";
    const auto uri = try_join(context, {scheme, host, port.empty() ? "" : ":", port});
    if (!uri.has_value() || !sip::parse_uri(*uri).has_value()) {
      LS_LOG(kErr, "core", "forward: '{}' is no destination", host);
      return -1;
    }
    context.target.next_hop = *uri;
  }
  return context.transactions.stateless_forward(context);
}

int log(ScriptContext&, const Arguments& arguments) {
  const bool has_level = arguments.size() == 2;
  const std::int64_t number = has_level ? arguments.integer(0) : static_cast<std::int64_t>(LogLevel::kErr);
  const LogLevel level = number <= -5   ? LogLevel::kAlert
                         : number <= -4 ? LogLevel::kBug
                         : number <= -2 ? LogLevel::kCrit
                                        : static_cast<LogLevel>(number > 3 ? 3 : number);
  if (log_enabled(level)) log_line(level, "<script>", "log", 0, arguments.printed(has_level ? 1 : 0));
  return 1;
}

// setuser, sethost and so on: one part of the Request-URI is replaced by the argument.
void add_part(script::ModuleExports& exports, const char* name, const char* old_name, UriPart part,
              const char* doc) {
  const auto body = [part](ScriptContext& context, const Arguments& arguments) {
    return answer(set_request_uri_part(context, part, arguments.string(0)));
  };
  exports.functions.push_back(make_function(name, doc, kInRequest, {format_param("text")}, body));
  exports.functions.push_back(make_function(old_name, doc, kInRequest, {format_param("text")}, body));
}

void add_uri_functions(script::ModuleExports& exports) {
  auto& list = exports.functions;
  list.push_back(
      make_function("seturi", "replaces the Request-URI", kInRequest, {format_param("uri")}, seturi));
  list.push_back(
      make_function("rewriteuri", "replaces the Request-URI", kInRequest, {format_param("uri")}, seturi));
  list.push_back(
      make_function("revert_uri", "the Request-URI as it was received", kInRequest, {}, revert_uri));
  add_part(exports, "setuser", "rewriteuser", UriPart::kUser, "replaces the user of the Request-URI");
  add_part(exports, "setuserpass", "rewriteuserpass", UriPart::kUserPass,
           "replaces user:password of the Request-URI");
  add_part(exports, "sethost", "rewritehost", UriPart::kHost,
           "replaces the host of the Request-URI, not the port");
  add_part(exports, "sethostport", "rewritehostport", UriPart::kHostPort,
           "replaces host and port of the Request-URI");
  add_part(exports, "sethostall", "rewritehostall", UriPart::kHostAll,
           "replaces all behind the user of the Request-URI");
  add_part(exports, "setport", "rewriteport", UriPart::kPort, "replaces the port of the Request-URI");
  list.push_back(make_function("strip", "removes characters at the start of the Request-URI's user",
                               kInRequest, {int_param("count")},
                               [](ScriptContext& context, const Arguments& arguments) {
                                 return answer(strip_request_user(context, arguments.integer(0)));
                               }));
  list.push_back(make_function("strip_tail", "removes characters at the end of the Request-URI's user",
                               kInRequest, {int_param("count")},
                               [](ScriptContext& context, const Arguments& arguments) {
                                 return answer(strip_request_user_tail(context, arguments.integer(0)));
                               }));
  list.push_back(make_function("prefix", "puts a text before the Request-URI's user", kInRequest,
                               {format_param("text")},
                               [](ScriptContext& context, const Arguments& arguments) {
                                 return answer(prefix_request_user(context, arguments.string(0)));
                               }));
  list.push_back(
      make_function("setdsturi", "sets the next hop ($du)", kInRequest, {format_param("uri")}, setdsturi));
  list.push_back(make_function("resetdsturi", "clears the next hop ($du)", kInRequest, {}, resetdsturi));
  list.push_back(
      make_function("isdsturiset", "whether a next hop ($du) is set", kInMessage, {}, isdsturiset));
}

void add_branch_functions(script::ModuleExports& exports) {
  auto& list = exports.functions;
  list.push_back(make_function("append_branch",
                               "adds a branch: a URI (default: the Request-URI) with a q value", kInRequest,
                               {format_param("uri"), format_param("q")}, append, 0));
  list.push_back(
      make_function("clear_branches", "removes all added branches", kInRequest, {}, clear_branches));
  list.push_back(make_function("remove_branch", "removes an added branch by its index, else the last one",
                               kInRequest, {int_param("index")}, remove_branch, 0));
  list.push_back(make_function("force_send_socket", "sends from this listening address", kInRequest,
                               {format_param("address")}, force_send_socket));
  list.push_back(make_function("forward", "forwards without a transaction", kInRequest,
                               {format_param("host"), format_param("port")}, forward, 0));
}

void add_reply_functions(script::ModuleExports& exports) {
  auto& list = exports.functions;
  list.push_back(make_function("force_rport", "answers to the source port, as if rport had been asked for",
                               kInRequest, {}, [](ScriptContext& context, const Arguments&) {
                                 context.force_rport = true;
                                 return 1;
                               }));
  list.push_back(
      accepted_function("add_local_rport", "accepted: our Via is not changed by it", kInRequest, {}));
  for (const char* name : {"set_reply_no_connect", "set_reply_close", "set_forward_no_connect",
                           "set_forward_close", "force_tcp_alias", "add_tcp_alias"}) {
    list.push_back(accepted_function(name, "accepted: for connections only, no effect on UDP", kInMessage,
                                     {int_param("port")}, 0));
  }
  list.push_back(accepted_function("udp_mtu_try_proto", "accepted: UDP is the only transport", kInMessage,
                                   {literal_param("protocol")}));
}

}  // namespace

void add_core_functions(script::ModuleExports& exports) {
  auto& list = exports.functions;
  list.push_back(make_function("setflag", "sets a flag (0..31) of the message, then of its transaction",
                               kInMessage, {int_param("flag")}, setflag));
  list.push_back(make_function("resetflag", "clears a flag", kInMessage, {int_param("flag")}, resetflag));
  list.push_back(
      make_function("isflagset", "whether a flag is set", kInMessage, {int_param("flag")}, isflagset));
  list.push_back(make_function("log", "logs a text at L_ERR", kInMessage, {format_param("text")}, log));
  list.push_back(make_function("log", "logs a text at a level (-5..3)", kInMessage,
                               {int_param("level"), format_param("text")}, log));
  add_uri_functions(exports);
  add_branch_functions(exports);
  add_reply_functions(exports);
}

}  // namespace lockstep::worker
