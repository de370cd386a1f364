// uri.cc: reading a URI. Comparison is in uri_equal.cc.
#include "core/sip/uri.h"

#include <algorithm>

#include "core/sip/text.h"

namespace lockstep::sip {
namespace {

constexpr auto kNpos = std::string_view::npos;

// Every byte is of the class or part of a well-formed escape.
bool consists_of(std::string_view text, CharClass wanted) {
  bool has_escape = false;
  for (char c : text) {
    if (is_class(c, wanted)) continue;
    if (c != '%') return false;
    has_escape = true;
  }
  return !has_escape || escapes_are_valid(text);
}

// The parameters of a URI may hold ';' between them and nothing outside paramchar.
bool is_uri_param_text(std::string_view text) {
  bool has_escape = false;
  for (char c : text) {
    if (c == ';' || is_class(c, kUriParam)) continue;
    if (c != '%') return false;
    has_escape = true;
  }
  return !has_escape || escapes_are_valid(text);
}

bool parse_user_info(std::string_view info, Uri& uri) {
  const std::size_t colon = info.find(':');
  uri.has_user = true;
  uri.user = info.substr(0, colon);
  if (uri.user.empty() || !consists_of(uri.user, kUser)) return false;
  if (colon == kNpos) return true;
  uri.has_password = true;
  uri.password = info.substr(colon + 1);
  return consists_of(uri.password, kPassword);
}

bool parse_sip_rest(std::string_view rest, Uri& uri) {
  const std::size_t at = rest.find('@');
  if (at != kNpos) {
    if (!parse_user_info(rest.substr(0, at), uri)) return false;
    rest.remove_prefix(at + 1);
  }
  const std::size_t host_end = std::min(find_any<';', '?'>(rest), rest.size());
  const std::string_view host_port_text = rest.substr(0, host_end);
  if (std::any_of(host_port_text.begin(), host_port_text.end(), is_lws)) return false;
  const std::optional<HostPort> host_port = parse_host_port(host_port_text);
  if (!host_port) return false;
  uri.host = host_port->host;
  uri.host_kind = host_port->kind;
  uri.port = host_port->port;
  rest.remove_prefix(host_end);

  const std::size_t question = rest.find('?');
  const std::string_view params = rest.substr(0, question);
  if (!params.empty()) {
    if (!is_uri_param_text(params)) return false;
    uri.params = ParamList(params.substr(1));
  }
  if (question == kNpos) return true;
  uri.headers = rest.substr(question + 1);
  return consists_of(uri.headers, kUriHeader);
}

// RFC 3966: digits with visual separators; letters appear in local numbers and service codes.
bool parse_tel_rest(std::string_view rest, Uri& uri) {
  const std::size_t semicolon = rest.find(';');
  uri.user = rest.substr(0, semicolon);
  if (uri.user.empty()) return false;
  uri.has_user = true;
  const std::string_view number = uri.user.front() == '+' ? uri.user.substr(1) : uri.user;
  if (number.empty()) return false;
  for (char c : number) {
    const bool is_allowed = is_digit(c) || std::string_view("-.()*#abcdefABCDEF").find(c) != kNpos;
    if (!is_allowed) return false;
  }
  if (semicolon == kNpos) return true;
  const std::string_view params = rest.substr(semicolon + 1);
  uri.params = ParamList(params);
  return is_uri_param_text(params);
}

bool is_scheme(std::string_view scheme) {
  if (scheme.empty() || !is_alpha(scheme.front())) return false;
  for (char c : scheme) {
    if (!is_alpha(c) && !is_digit(c) && c != '+' && c != '-' && c != '.') return false;
  }
  return true;
}

bool parse_opaque(std::string_view rest, Uri& uri) {
  uri.opaque = rest;
  if (rest.empty()) return false;
  for (char c : rest) {
    if (!is_class(c, kUric) && c != '%' && c != '[' && c != ']') return false;
  }
  return escapes_are_valid(rest);
}

}  // namespace

std::optional<Uri> parse_uri(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == kNpos) return std::nullopt;
  Uri uri;
  uri.text = text;
  uri.scheme_text = text.substr(0, colon);
  const std::string_view rest = text.substr(colon + 1);
  bool is_good = false;
  if (equal_nocase(uri.scheme_text, "sip")) {
    uri.scheme = UriScheme::kSip;
    is_good = parse_sip_rest(rest, uri);
  } else if (equal_nocase(uri.scheme_text, "sips")) {
    uri.scheme = UriScheme::kSips;
    is_good = parse_sip_rest(rest, uri);
  } else if (equal_nocase(uri.scheme_text, "tel")) {
    uri.scheme = UriScheme::kTel;
    is_good = parse_tel_rest(rest, uri);
  } else {
    is_good = is_scheme(uri.scheme_text) && parse_opaque(rest, uri);
  }
  if (!is_good) return std::nullopt;
  return uri;
}

std::string_view Uri::host_port_text() const {
  if (host.empty()) return {};
  const std::size_t begin = static_cast<std::size_t>(host.data() - text.data());
  const std::size_t end = std::min(find_any<';', '?'>(text, begin), text.size());
  return text.substr(begin, end - begin);
}

ParamList Uri::user_params() const {
  const std::size_t semicolon = user.find(';');
  return semicolon == kNpos ? ParamList() : ParamList(user.substr(semicolon + 1));
}

std::uint16_t Uri::effective_port() const {
  if (port != 0) return port;
  const bool is_tls = scheme == UriScheme::kSips || equal_nocase(params.value("transport"), "tls");
  return is_tls ? 5061 : 5060;
}

}  // namespace lockstep::sip
