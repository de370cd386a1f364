// via.cc: sent-protocol SLASHes may stand in LWS, so the value is cut at its slashes first.
#include "core/sip/via.h"

#include <array>

#include "core/sip/text.h"

namespace lockstep::sip {
namespace {

constexpr auto kNpos = std::string_view::npos;
constexpr std::array<std::string_view, 6> kTransports = {"UDP", "TCP", "TLS", "SCTP", "WS", "WSS"};

// "token LWS? / LWS?" off the front of `rest`; empty when it is not there.
std::string_view take_before_slash(std::string_view& rest) {
  const std::size_t slash = rest.find('/');
  if (slash == kNpos) return {};
  const std::string_view part = trim(rest.substr(0, slash));
  rest.remove_prefix(slash + 1);
  return part;
}

bool read_param(const Param& param, Via& via) {
  if (equal_nocase(param.name, "branch")) {
    via.branch = param.bare_value();
  } else if (equal_nocase(param.name, "received")) {
    via.received = without_brackets(param.bare_value());
    return host_kind(via.received).has_value();
  } else if (equal_nocase(param.name, "maddr")) {
    via.maddr = param.bare_value();
    return host_kind(via.maddr).has_value();
  } else if (equal_nocase(param.name, "rport")) {
    via.has_rport = true;
    if (param.value.empty()) return true;
    const auto port = parse_number(param.value, 65535);
    if (!port) return false;
    via.rport = static_cast<std::uint16_t>(*port);
  } else if (equal_nocase(param.name, "ttl")) {
    const auto ttl = parse_number(param.value, 255);
    if (!ttl) return false;
    via.ttl = static_cast<std::uint8_t>(*ttl);
  }
  return true;
}

bool read_params(Via& via) {
  std::string_view rest = via.params.text();
  bool is_good = true;
  while (const std::optional<Param> param = ParamList::next_strict(rest, is_good)) {
    if (!is_good || !read_param(*param, via)) return false;
  }
  return is_good;
}

}  // namespace

Transport transport_of(std::string_view name) {
  for (std::size_t i = 0; i < kTransports.size(); ++i) {
    if (equal_nocase(name, kTransports[i])) return static_cast<Transport>(i);
  }
  return Transport::kOther;
}

std::string_view transport_name(Transport transport) {
  const auto i = static_cast<std::size_t>(transport);
  return i < kTransports.size() ? kTransports[i] : std::string_view{};
}

std::optional<Via> parse_via(std::string_view value) {
  value = trim(value);
  Via via;
  via.text = value;
  std::string_view rest = value;
  const std::string_view protocol = take_before_slash(rest);
  const std::string_view version = take_before_slash(rest);
  if (!is_token(protocol) || !is_token(version)) return std::nullopt;
  rest = trim_left(rest);
  std::size_t end = 0;
  while (end < rest.size() && is_class(rest[end], kToken)) ++end;
  via.transport_text = rest.substr(0, end);
  if (end == 0 || end == rest.size() || !is_lws(rest[end])) return std::nullopt;
  via.transport = transport_of(via.transport_text);
  rest.remove_prefix(end);

  const std::size_t semicolon = rest.find(';');
  const std::optional<HostPort> sent_by = parse_host_port(rest.substr(0, semicolon));
  if (!sent_by) return std::nullopt;
  via.host = sent_by->host;
  via.host_kind = sent_by->kind;
  via.port = sent_by->port;
  if (semicolon != kNpos) {
    via.params = ParamList(rest.substr(semicolon + 1));
    if (!read_params(via)) return std::nullopt;
  }
  return via;
}

bool Via::has_rfc3261_branch() const { return starts_with_nocase(branch, "z9hG4bK"); }

std::uint16_t Via::effective_port() const {
  if (port != 0) return port;
  return transport == Transport::kTls || transport == Transport::kWss ? 5061 : 5060;
}

ResponseDestination response_destination(const Via& via) {
  const auto to = [&via](std::string_view host, std::uint16_t port) {
    host = without_brackets(host);
    return ResponseDestination{host, host_kind(host).value_or(HostKind::kName),
                               port != 0 ? port : via.effective_port()};
  };
  if (!via.maddr.empty()) return to(via.maddr, via.port);
  if (!via.received.empty()) return to(via.received, via.rport);
  return to(via.host, via.rport);
}

}  // namespace lockstep::sip
