// dialog.cc: the route set below us is the part of Record-Route that stands before what we and the hops
// above us wrote, nearest hop last; a request goes through it in the other direction.
#include "core/sip/dialog.h"

#include <array>

#include "core/sip/text.h"

namespace lockstep::sip {
namespace {

constexpr std::size_t kRouteMax = 32;

struct RouteSet {
  std::array<std::string_view, kRouteMax> values;  // Nearest first.
  std::size_t count = 0;
};

bool is_loose(std::string_view route) {
  const auto address = parse_name_addr(route);
  const auto uri = address.has_value() ? parse_uri(address->uri) : std::nullopt;
  return uri.has_value() && uri->params.has("lr");
}

// False: more than a list of that size can hold; a route set that is cut short would lead astray.
bool read_routes(const Message& success, std::size_t routes_above, RouteSet& routes) {
  std::size_t total = 0;
  for ([[maybe_unused]] const HeaderValue& value : success.values(HeaderId::kRecordRoute)) ++total;
  const std::size_t below = total > routes_above ? total - routes_above : 0;
  if (below > kRouteMax) return false;
  std::size_t at = 0;
  for (const HeaderValue& value : success.values(HeaderId::kRecordRoute)) {
    if (at == below) break;
    routes.values[below - ++at] = value.text;
  }
  routes.count = below;
  return true;
}

std::string_view uri_of(std::string_view name_addr) {
  const auto address = parse_name_addr(name_addr);
  return address.has_value() ? address->uri : std::string_view{};
}

// Empty: there is none, or none that a request can be sent to.
std::string_view contact_uri(const Message& message) {
  const auto contact = message.first_value(HeaderId::kContact);
  const std::string_view text = contact.has_value() ? uri_of(contact->text) : std::string_view{};
  const auto uri = parse_uri(text);
  return uri.has_value() && uri->is_sip() ? text : std::string_view{};
}

}  // namespace

std::size_t build_dialog_request(const Message& success, const DialogRequestSpec& spec, std::span<char> out) {
  const std::string_view target = contact_uri(success);
  RouteSet routes;
  if (target.empty() || success.cseq() == nullptr || !read_routes(success, spec.routes_above, routes))
    return 0;
  const bool is_strict = routes.count != 0 && !is_loose(routes.values[0]);
  const std::uint32_t number = success.cseq()->number + (spec.method == "ACK" ? 0 : 1);
  Writer writer(out);
  writer.text(spec.method).text(" ").text(is_strict ? uri_of(routes.values[0]) : target).text(" SIP/2.0\r\n");
  write_via(writer, spec.via);
  writer.header(HeaderId::kMaxForwards, 70);
  for (std::size_t i = is_strict ? 1 : 0; i < routes.count; ++i) {
    writer.header(HeaderId::kRoute, routes.values[i]);
  }
  if (is_strict) writer.text("Route: <").text(target).text(">\r\n");
  writer.header(HeaderId::kFrom, success.value(HeaderId::kFrom));
  writer.header(HeaderId::kTo, success.value(HeaderId::kTo));
  writer.header(HeaderId::kCallId, success.call_id());
  writer.text("CSeq: ").number(number).text(" ").text(spec.method).text("\r\n");
  writer.text(spec.extra_headers);
  if (!spec.body.empty()) writer.header(HeaderId::kContentType, spec.content_type);
  writer.header(HeaderId::kContentLength, spec.body.size()).text("\r\n").text(spec.body);
  return writer.full() ? 0 : writer.size();
}

std::string_view dialog_next_hop(const Message& request) {
  const auto route = request.first_value(HeaderId::kRoute);
  if (!route.has_value()) return {};
  return is_loose(route->text) ? uri_of(route->text) : request.request_uri_text();
}

bool has_sdp(const Message& message) {
  return !message.body().empty() &&
         starts_with_nocase(message.value(HeaderId::kContentType), "application/sdp");
}

// The streams are named as in the offer, each with port 0; times are the offer's (RFC 3264 section 6).
std::size_t build_refusal(std::string_view offer, std::span<char> out) {
  Writer writer(out);
  writer.text("v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nc=IN IP4 0.0.0.0\r\n");
  bool has_time = false;
  bool has_stream = false;
  while (!offer.empty()) {
    const std::size_t end = offer.find('\n');
    std::string_view line = offer.substr(0, end);
    offer.remove_prefix(end == std::string_view::npos ? offer.size() : end + 1);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (line.substr(0, 2) == "t=" && !has_stream) {
      writer.text(line).text("\r\n");
      has_time = true;
    }
    if (line.substr(0, 2) != "m=") continue;
    const std::size_t port = line.find(' ');
    const std::size_t rest = port == std::string_view::npos ? port : line.find(' ', port + 1);
    if (rest == std::string_view::npos) return 0;
    if (!has_stream && !has_time) writer.text("t=0 0\r\n");
    has_stream = true;
    writer.text(line.substr(0, port)).text(" 0").text(line.substr(rest)).text("\r\n");
  }
  return has_stream && !writer.full() ? writer.size() : 0;
}

}  // namespace lockstep::sip
