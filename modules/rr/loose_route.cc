// loose_route.cc: following a route set: RFC 3261 16.4 (what came from a strict router is put right, our own
// Route value is removed) and 16.6 step 6 (a strict router ahead gets its URI into the Request-URI).
#include <array>

#include "core/base/assert.h"
#include "core/base/log.h"
#include "core/sip/message_edit.h"
#include "core/worker/export_helpers.h"
#include "modules/rr/rr_module.h"

namespace lockstep::rr {
namespace {

using worker::ScriptContext;

// What following a route set needs of it, however long it is: its first three values and its last.
class Routes {
 public:
  void add(const sip::HeaderValue& value) {
    if (count_ < first_.size()) first_[count_] = value;
    last_ = value;
    ++count_;
  }
  std::size_t size() const { return count_; }
  bool empty() const { return count_ == 0; }
  const sip::HeaderValue& operator[](std::size_t i) const {
    LS_ASSERT(i < count_ && i < first_.size());
    return first_[i];
  }
  const sip::HeaderValue& back() const { return last_; }

 private:
  std::array<sip::HeaderValue, 3> first_{};  // Our own one or two, and the next.
  sip::HeaderValue last_{};
  std::size_t count_ = 0;
};

struct Route {
  std::string_view text;  // The URI.
  sip::Uri uri;
};

std::optional<Route> parse_route(const sip::HeaderValue& value) {
  const auto name_addr = sip::parse_name_addr(value.text);
  if (!name_addr.has_value()) return std::nullopt;
  const auto uri = sip::parse_uri(name_addr->uri);
  if (!uri.has_value() || !uri->is_sip()) return std::nullopt;
  return Route{name_addr->uri, *uri};
}

bool is_removed(const ScriptContext& context, const sip::HeaderValue& value) {
  const std::uint32_t begin = context.message.offset_of(value.text);
  return context.edits.is_removed(begin, begin + value.text.size());
}

// The values that have not been taken away.
Routes remaining_routes(const ScriptContext& context) {
  Routes routes;
  for (const sip::HeaderValue& value : context.message.values(sip::HeaderId::kRoute)) {
    if (!is_removed(context, value)) routes.add(value);
  }
  return routes;
}

bool is_ours(const ScriptContext& context, const sip::Uri& uri) {
  return context.local_names.is_local(uri) && !uri.param("gr").has_value();
}

bool is_double(const RrSettings& settings, const sip::Uri& uri) {
  return settings.enable_double_rr != 0 && uri.params.value("r2") == "on";
}

bool remove_route(ScriptContext& context, const sip::HeaderValue& value) {
  if (sip::remove_value(context.edits, context.message, value)) return true;
  LS_LOG(kErr, "rr", "loose_route: too many changes to this message");
  return false;
}

void force_socket(ScriptContext& context, const RrSettings& settings, const sip::Uri& uri) {
  const std::uint16_t socket = context.local_names.find_socket(uri.host, uri.effective_port());
  if (socket != worker::kNoSocket) {
    context.target.socket = socket;
  } else if (settings.enable_socket_mismatch_warning) {
    LS_LOG(kWarn, "rr", "loose_route: nothing listens on {}, named in our own Route", uri.host_port_text());
  }
}

// The next hop is a strict router: its URI is the Request-URI, and the Request-URI the last Route value.
int send_to_strict_router(ScriptContext& context, const sip::HeaderValue& value, const Route& route) {
  const auto line = worker::try_join(context, {"Route: <", context.request_uri(), ">\r\n"});
  if (!line.has_value() || !context.edits.has_room(2) || !remove_route(context, value)) return -1;
  if (!sip::insert_after_last(context.edits, context.message, sip::HeaderId::kRoute, *line)) return -1;
  context.target.uri = route.text;
  context.target.next_hop = {};
  return 1;
}

// Takes our own value(s) from the top: how many (0, 1, 2), -1 on an error.
int remove_own(ScriptContext& context, const RrSettings& settings, const Routes& routes) {
  const auto first = parse_route(routes[0]);
  if (!first.has_value()) return -1;
  if (!is_ours(context, first->uri)) return 0;
  if (!remove_route(context, routes[0])) return -1;
  if (is_double(settings, first->uri) && routes.size() > 1) {
    const auto second = parse_route(routes[1]);
    if (!second.has_value()) return -1;
    if (is_ours(context, second->uri)) {
      force_socket(context, settings, second->uri);
      return remove_route(context, routes[1]) ? 2 : -1;
    }
  }
  if (settings.force_send_socket) force_socket(context, settings, first->uri);
  return 1;
}

int after_loose(ScriptContext& context, const RrSettings& settings, const Routes& routes, bool is_preloaded) {
  const int own = remove_own(context, settings, routes);
  if (own < 0) return -1;
  const auto next = static_cast<std::size_t>(own);
  // Only our own value: the Request-URI leads on. Out of a dialog that is no route at all.
  if (next >= routes.size()) return is_preloaded ? -3 : 1;
  const auto route = parse_route(routes[next]);
  if (!route.has_value()) return -1;
  if (!route->uri.param("lr").has_value()) return send_to_strict_router(context, routes[next], *route);
  context.target.next_hop = route->text;
  return 1;
}

// The Request-URI is our own Record-Route URI: a strict router sent this. The last Route value is the real
// Request-URI, unless the next hop is a strict router too.
int after_strict(ScriptContext& context, const RrSettings& settings, const sip::Uri& own,
                 const Routes& routes) {
  std::size_t top = 0;
  if (is_double(settings, own)) {
    const auto second = parse_route(routes[0]);
    if (!second.has_value()) return -1;
    if (is_ours(context, second->uri)) {
      force_socket(context, settings, second->uri);
      if (!remove_route(context, routes[0])) return -1;
      top = 1;
    }
  }
  if (top >= routes.size()) return -1;
  const auto next = parse_route(routes[top]);
  if (!next.has_value()) return -1;
  if (!next->uri.param("lr").has_value()) {
    if (!remove_route(context, routes[top])) return -1;
    context.target.uri = next->text;
    context.target.next_hop = {};
    return 1;
  }
  const auto target = sip::parse_name_addr(routes.back().text);
  if (!target.has_value() || !remove_route(context, routes.back())) return -1;
  context.target.uri = target->uri;
  context.target.next_hop = routes.size() - top > 1 ? next->text : std::string_view();
  return 1;
}

std::string_view with_semicolon(const sip::ParamList& params) {
  if (params.empty()) return {};
  const std::string_view text = params.text();
  return text.front() == ';' ? text : std::string_view(text.data() - 1, text.size() + 1);
}

}  // namespace

int loose_route(ScriptContext& context, const RrSettings& settings, LooseMode mode) {
  if (!context.message.is_request()) return -1;
  const Routes routes = remaining_routes(context);
  if (routes.empty()) return -1;
  const bool is_preloaded = context.message.to_tag().empty();
  if (mode == LooseMode::kPreloadedOnly && !is_preloaded) return -1;
  const sip::Uri* uri = context.parsed_request_uri();
  if (uri == nullptr) return -1;
  // Our Record-Route URIs have lr; a Contact that merely names this server has not.
  const bool from_strict = !is_preloaded && mode != LooseMode::kLooseOnly && uri->is_sip() &&
                           is_ours(context, *uri) && uri->param("lr").has_value();
  if (from_strict) return after_strict(context, settings, *uri, routes);
  return after_loose(context, settings, routes, is_preloaded);
}

bool has_next_hop_route(ScriptContext& context) { return !remaining_routes(context).empty(); }

std::optional<std::string_view> routed_params(ScriptContext& context, std::size_t number) {
  std::size_t seen = 0;
  for (const sip::HeaderValue& value : context.message.values(sip::HeaderId::kRoute)) {
    if (seen > number || !is_removed(context, value)) break;
    const auto route = parse_route(value);
    if (!route.has_value() || !is_ours(context, route->uri)) break;
    if (seen++ == number) return with_semicolon(route->uri.params);
  }
  if (seen > 0 || number > 0 || context.target.uri.empty()) return std::nullopt;
  // From a strict router our value came as the Request-URI.
  const sip::Uri* received = context.message.request_uri();
  if (received == nullptr || context.message.to_tag().empty() || !received->is_sip()) return std::nullopt;
  if (!is_ours(context, *received) || !received->param("lr").has_value()) return std::nullopt;
  return with_semicolon(received->params);
}

bool is_upstream(ScriptContext& context) {
  const auto params = routed_params(context, 0);
  if (!params.has_value()) return false;
  const std::string_view tag = sip::ParamList(*params).value("ftag");
  return !tag.empty() && tag != context.message.from_tag();
}

}  // namespace lockstep::rr
