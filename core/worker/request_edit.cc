// request_edit.cc: see request_edit.h.
#include "core/worker/request_edit.h"

#include "core/base/log.h"
#include "core/sip/header.h"
#include "core/sip/host.h"
#include "core/sip/text.h"
#include "core/worker/export_helpers.h"

namespace lockstep::worker {
namespace {

// A URI taken apart; the pieces carry no separators. Put together by text_of.
struct Pieces {
  std::string_view scheme, user, password, host, port, params, headers;
  bool has_password = false;
};

Pieces pieces_of(const sip::Uri& uri) {
  Pieces pieces;
  pieces.scheme = uri.scheme_text;
  pieces.user = uri.user;
  pieces.password = uri.password;
  pieces.has_password = uri.has_password;
  pieces.host = uri.host;
  if (uri.port != 0) {
    const std::string_view host_port = uri.host_port_text();
    pieces.port = host_port.substr(host_port.rfind(':') + 1);
  }
  pieces.params = uri.params.text();
  pieces.headers = uri.headers;
  return pieces;
}

std::optional<std::string_view> text_of(ScriptContext& context, const Pieces& pieces) {
  const bool bare_ipv6 =
      !pieces.host.empty() && pieces.host.front() != '[' && pieces.host.find(':') != std::string_view::npos;
  return try_join(
      context,
      {pieces.scheme, ":", pieces.user, pieces.has_password && !pieces.user.empty() ? ":" : "",
       pieces.has_password && !pieces.user.empty() ? pieces.password : "",
       pieces.user.empty() || pieces.host.empty() ? "" : "@", bare_ipv6 ? "[" : "", pieces.host,
       bare_ipv6 ? "]" : "", pieces.port.empty() ? "" : ":", pieces.port, pieces.params.empty() ? "" : ";",
       pieces.params, pieces.headers.empty() ? "" : "?", pieces.headers});
}

// Splits "host", "host:port", "[v6]:port" and a bare IPv6 address without checking them.
void split_host_port(std::string_view text, std::string_view& host, std::string_view& port) {
  const std::size_t colon = text.rfind(':');
  const bool has_port =
      colon != std::string_view::npos &&
      (text.find(':') == colon || (!text.empty() && text.front() == '[' && text[colon - 1] == ']'));
  host = has_port ? text.substr(0, colon) : text;
  port = has_port ? text.substr(colon + 1) : std::string_view();
}

void set_host(Pieces& pieces, UriPart part, std::string_view value) {
  if (part == UriPart::kHost) {
    pieces.host = value;
    return;
  }
  if (part == UriPart::kHostAll) {
    const std::size_t semicolon = value.find(';');
    pieces.params = semicolon == std::string_view::npos ? std::string_view() : value.substr(semicolon + 1);
    value = value.substr(0, semicolon);
  }
  split_host_port(value, pieces.host, pieces.port);
}

void set_part(Pieces& pieces, UriPart part, std::string_view value) {
  switch (part) {
    case UriPart::kUser:
      pieces.user = value;
      return;
    case UriPart::kUserPass: {
      const std::size_t colon = value.find(':');
      pieces.user = value.substr(0, colon);
      pieces.has_password = colon != std::string_view::npos;
      pieces.password = pieces.has_password ? value.substr(colon + 1) : std::string_view();
      return;
    }
    case UriPart::kHost:
    case UriPart::kHostPort:
    case UriPart::kHostAll:
      set_host(pieces, part, value);
      return;
    case UriPart::kPort:
      pieces.port = value;
      return;
    case UriPart::kParams:
      pieces.params = value;
      return;
  }
}

bool changes_host(UriPart part) {
  return part == UriPart::kHost || part == UriPart::kHostPort || part == UriPart::kHostAll;
}

}  // namespace

std::optional<std::string_view> with_uri_part(ScriptContext& context, const sip::Uri& uri, UriPart part,
                                              std::string_view value) {
  if (uri.scheme == sip::UriScheme::kOther) return std::nullopt;
  Pieces pieces = pieces_of(uri);
  std::string_view user_params;
  if (uri.scheme == sip::UriScheme::kTel && changes_host(part)) {
    // RFC 3261 19.1.6: the parameters of a tel URI become part of the user.
    const auto user =
        uri.params.empty() ? std::optional(uri.user) : try_join(context, {uri.user, ";", uri.params.text()});
    if (!user.has_value()) return std::nullopt;
    pieces.scheme = "sip";
    pieces.user = *user;
    pieces.params = "user=phone";
  }
  set_part(pieces, part, value);
  const std::optional<std::string_view> text = text_of(context, pieces);
  if (!text.has_value() || !sip::parse_uri(*text).has_value()) return std::nullopt;
  return text;
}

bool set_request_uri_part(ScriptContext& context, UriPart part, std::string_view value) {
  const sip::Uri* uri = context.parsed_request_uri();
  if (uri == nullptr) return false;
  const std::optional<std::string_view> text = with_uri_part(context, *uri, part, value);
  if (!text.has_value()) {
    LS_LOG(kErr, "core", "the Request-URI {} cannot take '{}'", context.request_uri(), value);
    return false;
  }
  context.target.uri = *text;
  return true;
}

bool strip_request_user(ScriptContext& context, std::int64_t count) {
  const sip::Uri* uri = context.parsed_request_uri();
  if (uri == nullptr || count < 0) return false;
  const auto bytes = static_cast<std::uint64_t>(count);
  const std::string_view user = uri->user;
  return set_request_uri_part(context, UriPart::kUser, bytes < user.size() ? user.substr(bytes) : "");
}

bool strip_request_user_tail(ScriptContext& context, std::int64_t count) {
  const sip::Uri* uri = context.parsed_request_uri();
  if (uri == nullptr || count < 0) return false;
  const auto bytes = static_cast<std::uint64_t>(count);
  const std::string_view user = uri->user;
  return set_request_uri_part(context, UriPart::kUser,
                              bytes < user.size() ? user.substr(0, user.size() - bytes) : "");
}

bool prefix_request_user(ScriptContext& context, std::string_view prefix) {
  const sip::Uri* uri = context.parsed_request_uri();
  if (uri == nullptr) return false;
  const std::optional<std::string_view> user = try_join(context, {prefix, uri->user});
  return user.has_value() && set_request_uri_part(context, UriPart::kUser, *user);
}

bool append_branch(ScriptContext& context, std::string_view uri, std::uint16_t q) {
  if (context.branches.full()) {
    LS_LOG(kErr, "core", "no further branch: all {} are in use", kDestinationMax);
    return false;
  }
  Destination branch;
  if (uri.empty()) {
    branch = context.target;
    branch.uri = context.request_uri();
  } else {
    if (!sip::parse_uri(uri).has_value()) {
      LS_LOG(kErr, "core", "no branch to '{}': it is no URI", uri);
      return false;
    }
    branch.uri = context.arena().copy(uri);
    if (branch.uri.empty()) return false;
    branch.socket = context.target.socket;
  }
  branch.q = q;
  context.branches.push_back(branch);
  return true;
}

std::uint16_t find_socket_text(const LocalNames& names, std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon != std::string_view::npos && text.front() != '[') {
    const std::string_view protocol = text.substr(0, colon);
    if (sip::transport_of(protocol) != sip::Transport::kOther) {
      // Only UDP is listened on.
      if (sip::transport_of(protocol) != sip::Transport::kUdp) return kNoSocket;
      text = text.substr(colon + 1);
    }
  }
  const std::optional<sip::HostPort> place = sip::parse_host_port(text);
  if (place.has_value()) return names.find_socket(place->host, place->port == 0 ? 5060 : place->port);
  return names.find_socket(text, 5060);
}

std::uint32_t* branch_flags(ScriptContext& context, std::int64_t index) {
  if (index == 0) return &context.target.flags;
  if (index < 0 || static_cast<std::uint64_t>(index) > context.branches.size()) return nullptr;
  return &context.branches[static_cast<std::size_t>(index) - 1].flags;
}

std::optional<std::string_view> digest_param(std::string_view credentials, std::string_view name) {
  const std::size_t space = credentials.find(' ');
  if (space == std::string_view::npos || !sip::equal_nocase(credentials.substr(0, space), "Digest")) {
    return std::nullopt;
  }
  std::string_view rest = credentials.substr(space + 1);
  for (std::string_view item = sip::next_list_value(rest); !item.empty(); item = sip::next_list_value(rest)) {
    const std::size_t equals = item.find('=');
    if (equals == std::string_view::npos || !sip::equal_nocase(sip::trim(item.substr(0, equals)), name))
      continue;
    std::string_view value = sip::trim(item.substr(equals + 1));
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
      value = value.substr(1, value.size() - 2);
    return value;
  }
  return std::nullopt;
}

std::string_view credentials_of(const sip::Message& message) {
  const std::string_view proxy = message.value(sip::HeaderId::kProxyAuthorization);
  return proxy.empty() ? message.value(sip::HeaderId::kAuthorization) : proxy;
}

std::optional<std::string_view> header_lines(ScriptContext& context, std::string_view text,
                                             std::string_view function) {
  const bool is_ended = text.ends_with("\n");
  const std::optional<std::string_view> lines = try_join(context, {text, is_ended ? "" : "\r\n"});
  if (!lines.has_value()) return std::nullopt;
  sip::HeaderCursor cursor(*lines);
  sip::HeaderLine line;
  while (cursor.position() < lines->size()) {
    if (cursor.next(line) != sip::CursorResult::kField) {
      LS_LOG(kErr, "core", "{}: '{}' is no header line", function, text);
      return std::nullopt;
    }
  }
  if (lines->empty() || text.empty()) return std::nullopt;
  return lines;
}

}  // namespace lockstep::worker
