#include "core/base/peer_address.h"

#include <arpa/inet.h>

#include <algorithm>

namespace lockstep {
namespace {

sockaddr_in as_v4(const PeerAddress& address) {
  sockaddr_in result{};
  std::memcpy(&result, address.bytes, sizeof result);
  return result;
}

sockaddr_in6 as_v6(const PeerAddress& address) {
  sockaddr_in6 result{};
  std::memcpy(&result, address.bytes, sizeof result);
  return result;
}

// Dotted decimal; the C library's way goes through printf, and each message asks several times.
std::uint8_t write_v4(const std::uint8_t (&bytes)[4], char* out) {
  char* at = out;
  for (std::size_t i = 0; i < 4; ++i) {
    if (i > 0) *at++ = '.';
    const std::uint8_t byte = bytes[i];
    if (byte >= 100) *at++ = static_cast<char>('0' + byte / 100);
    if (byte >= 10) *at++ = static_cast<char>('0' + byte / 10 % 10);
    *at++ = static_cast<char>('0' + byte % 10);
  }
  return static_cast<std::uint8_t>(at - out);
}

}  // namespace

std::uint16_t PeerAddress::port() const {
  return ntohs(is_ipv6() ? as_v6(*this).sin6_port : as_v4(*this).sin_port);
}

void PeerAddress::set_port(std::uint16_t port) {
  const std::uint16_t network = htons(port);
  // The port stands at the same place in both forms.
  static_assert(offsetof(sockaddr_in, sin_port) == offsetof(sockaddr_in6, sin6_port));
  std::memcpy(bytes + offsetof(sockaddr_in, sin_port), &network, sizeof network);
}

std::optional<PeerAddress> parse_address(std::string_view host, std::uint16_t port) {
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  char text[INET6_ADDRSTRLEN + 1];
  if (host.empty() || host.size() >= sizeof text) return std::nullopt;
  if (host.find('\0') != std::string_view::npos) return std::nullopt;  // inet_pton would stop there.
  std::memcpy(text, host.data(), host.size());
  text[host.size()] = '\0';
  sockaddr_in v4{};
  if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    return from_sockaddr(reinterpret_cast<const sockaddr*>(&v4), sizeof v4);
  }
  sockaddr_in6 v6{};
  if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    return from_sockaddr(reinterpret_cast<const sockaddr*>(&v6), sizeof v6);
  }
  return std::nullopt;
}

PeerAddress from_sockaddr(const sockaddr* address, socklen_t length) {
  PeerAddress result{};
  if (length <= sizeof result.bytes && length >= sizeof(sockaddr_in)) {
    std::memcpy(result.bytes, address, length);
    result.length = length;
  }
  return result;
}

IpText ip_text(const PeerAddress& address) {
  IpText result{};
  if (!address.is_set()) return result;
  if (address.is_ipv6()) {
    const in6_addr ip = as_v6(address).sin6_addr;
    inet_ntop(AF_INET6, &ip, result.text, sizeof result.text);
    result.size = static_cast<std::uint8_t>(std::strlen(result.text));
  } else {
    std::uint8_t bytes[4];
    std::memcpy(bytes, address.bytes + offsetof(sockaddr_in, sin_addr), sizeof bytes);
    result.size = write_v4(bytes, result.text);
  }
  return result;
}

bool is_wildcard(const PeerAddress& address) {
  if (!address.is_set()) return false;
  if (!address.is_ipv6()) return as_v4(address).sin_addr.s_addr == INADDR_ANY;
  const in6_addr ip = as_v6(address).sin6_addr;
  return IN6_IS_ADDR_UNSPECIFIED(&ip);
}

bool is_multicast(const PeerAddress& address) {
  if (!address.is_set()) return false;
  if (!address.is_ipv6()) return IN_MULTICAST(ntohl(as_v4(address).sin_addr.s_addr));
  const in6_addr ip = as_v6(address).sin6_addr;
  return IN6_IS_ADDR_MULTICAST(&ip);
}

bool same_host(const PeerAddress& a, const PeerAddress& b) {
  if (a.length != b.length || !a.is_set()) return false;
  if (!a.is_ipv6()) return as_v4(a).sin_addr.s_addr == as_v4(b).sin_addr.s_addr;
  const in6_addr left = as_v6(a).sin6_addr;
  const in6_addr right = as_v6(b).sin6_addr;
  return std::memcmp(&left, &right, sizeof left) == 0;
}

}  // namespace lockstep
