// host.h: host and host:port as URIs and Via write them (RFC 3261 section 25, hostport).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace lockstep::sip {

enum class HostKind : std::uint8_t { kName, kIpv4, kIpv6 };

struct HostPort {
  std::string_view host;  // As received: an IPv6 reference keeps its brackets.
  HostKind kind = HostKind::kName;
  std::uint16_t port = 0;  // 0: none given.
};

// "host", "host:port", "[v6]", "[v6]:port"; LWS around the colon is allowed (Via, COLON).
// none: malformed, or a port outside 1 to 65535.
std::optional<HostPort> parse_host_port(std::string_view text);
// What `host` is; none if it is no host at all. IPv6 with or without brackets.
std::optional<HostKind> host_kind(std::string_view host);
// The address without brackets.
std::string_view without_brackets(std::string_view host);

// Network order bytes; none if the text is no such address.
std::optional<std::array<std::uint8_t, 4>> parse_ipv4(std::string_view text);
std::optional<std::array<std::uint8_t, 16>> parse_ipv6(std::string_view text);  // Brackets optional.

// Names without case, addresses by value. "::1" and "[::1]" are equal.
bool equal_host(std::string_view a, std::string_view b);

}  // namespace lockstep::sip
