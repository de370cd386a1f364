// via.h: one Via value (RFC 3261 20.42) and where its responses go (18.2.2, RFC 3581).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/sip/host.h"
#include "core/sip/params.h"

namespace lockstep::sip {

enum class Transport : std::uint8_t { kUdp, kTcp, kTls, kSctp, kWs, kWss, kOther };
Transport transport_of(std::string_view name);         // Without case.
std::string_view transport_name(Transport transport);  // Upper case; empty for kOther.

struct Via {
  std::string_view text;  // The whole value.
  std::string_view transport_text;
  Transport transport = Transport::kOther;
  HostKind host_kind = HostKind::kName;
  std::string_view host;   // sent-by; IPv6 references keep their brackets.
  std::uint16_t port = 0;  // sent-by port; 0: none given.
  ParamList params;
  std::string_view branch;  // These are empty when absent.
  std::string_view received;
  std::string_view maddr;
  bool has_rport = false;
  std::uint16_t rport = 0;  // 0: without value.
  std::uint8_t ttl = 0;     // 0: none given.

  // Starts with the cookie of RFC 3261 8.1.1.7.
  bool has_rfc3261_branch() const;
  std::uint16_t effective_port() const;  // 5061 for TLS, else 5060, when none is given.
};

// none: malformed. Any protocol name and version: the answer to a later version needs its Via too.
std::optional<Via> parse_via(std::string_view value);

struct ResponseDestination {
  std::string_view host;  // Name or address, without brackets.
  HostKind kind = HostKind::kName;
  std::uint16_t port = 0;
};
// maddr, else received, else the sent-by host; the port is rport (not with maddr), else that of
// sent-by, else the default. For an unreliable transport.
ResponseDestination response_destination(const Via& via);

}  // namespace lockstep::sip
