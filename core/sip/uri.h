// uri.h: SIP, SIPS and tel URIs as spans of the received text; any other scheme is kept as a whole.
// RFC 3261 19.1 and section 25, RFC 3966 for tel. A Uri does not own its text.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/sip/host.h"
#include "core/sip/params.h"

namespace lockstep::sip {

enum class UriScheme : std::uint8_t { kSip, kSips, kTel, kOther };

struct Uri {
  UriScheme scheme = UriScheme::kOther;
  HostKind host_kind = HostKind::kName;
  bool has_user = false;  // "sip:@host" is malformed, so a user is never empty.
  bool has_password = false;
  std::uint16_t port = 0;        // 0: none given.
  std::string_view text;         // The whole URI.
  std::string_view scheme_text;  // Without the colon.
  // As received, escapes and telephone parameters included; the number of a tel URI.
  std::string_view user;
  std::string_view password;
  std::string_view host;     // IPv6 references keep their brackets. Empty for tel and other schemes.
  std::string_view opaque;   // Scheme kOther: everything behind the colon.
  ParamList params;          // Without the leading semicolon.
  std::string_view headers;  // Without the question mark.

  bool is_sip() const { return scheme == UriScheme::kSip || scheme == UriScheme::kSips; }
  std::optional<Param> param(std::string_view name) const { return params.find(name); }
  // From the host to the end of the port: what is replaced when the domain is rewritten.
  std::string_view host_port_text() const;
  // The part of the user before ';': the telephone number or name itself.
  std::string_view user_without_params() const { return user.substr(0, user.find(';')); }
  // The telephone parameters within the user ("+1201;phone-context=x").
  ParamList user_params() const;
  // The given port, else 5061 for sips and transport=tls, else 5060.
  std::uint16_t effective_port() const;
};

// All of `text` must be a URI: no LWS, no <>. none: malformed.
std::optional<Uri> parse_uri(std::string_view text);

// RFC 3261 19.1.4; URIs with more than 64 parameters only byte by byte. tel: RFC 3966 section 4 (visual
// separators ignored). Other schemes: byte equality but for the scheme's case.
bool equal(const Uri& a, const Uri& b);

}  // namespace lockstep::sip
