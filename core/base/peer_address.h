// peer_address.h: an IPv4 or IPv6 address and port, as bytes that the kernel takes as they are and that
// may lie in shared memory. `length` 0: no address.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

namespace lockstep {

struct PeerAddress {
  alignas(4) std::uint8_t bytes[28];  // sockaddr_in or sockaddr_in6; alignment of those.
  std::uint32_t length;

  bool is_set() const { return length != 0; }
  bool is_ipv6() const { return length == sizeof(sockaddr_in6); }
  std::uint16_t port() const;
  void set_port(std::uint16_t port);
};

inline bool operator==(const PeerAddress& a, const PeerAddress& b) {
  return a.length == b.length && std::memcmp(a.bytes, b.bytes, a.length) == 0;
}

// The text of an address without port: "127.0.0.1", "::1" (no brackets).
struct IpText {
  char text[46];
  std::uint8_t size;
  std::string_view view() const { return {text, size}; }
};

// `host` is an IPv4 address or an IPv6 address with or without brackets; names give none.
std::optional<PeerAddress> parse_address(std::string_view host, std::uint16_t port);
PeerAddress from_sockaddr(const sockaddr* address, socklen_t length);
IpText ip_text(const PeerAddress& address);
bool is_wildcard(const PeerAddress& address);
bool is_multicast(const PeerAddress& address);
// Same address, port not looked at.
bool same_host(const PeerAddress& a, const PeerAddress& b);

}  // namespace lockstep
