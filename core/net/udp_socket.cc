#include "core/net/udp_socket.h"

#include <fmt/core.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace lockstep::net {
namespace {

constexpr int kSocketBufferBytes = 4 << 20;  // As far as net.core.rmem_max lets it.

std::string endpoint_text(const PeerAddress& address) {
  const IpText ip = ip_text(address);
  return address.is_ipv6() ? fmt::format("udp:[{}]:{}", ip.view(), address.port())
                           : fmt::format("udp:{}:{}", ip.view(), address.port());
}

std::string bind_error(const PeerAddress& address, int error) {
  const std::string where = endpoint_text(address);
  switch (error) {
    case EADDRINUSE:
      return fmt::format(
          "{} is in use by another process; stop that one (ss -lunp shows it) or listen elsewhere", where);
    case EACCES:
      return fmt::format("no permission to listen on {}; ports below 1024 need root or CAP_NET_BIND_SERVICE",
                         where);
    case EADDRNOTAVAIL:
      return fmt::format("{} is not an address of this host (ip address shows them)", where);
    default:
      return fmt::format("cannot listen on {}: {}", where, std::strerror(error));
  }
}

int open_and_bind(const PeerAddress& address, bool share) {
  const int family = address.is_ipv6() ? AF_INET6 : AF_INET;
  const int fd = ::socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  const int on = 1;
  if (share) setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  if (family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &kSocketBufferBytes, sizeof kSocketBufferBytes);
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &kSocketBufferBytes, sizeof kSocketBufferBytes);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(address.bytes), address.length) != 0) {
    const int error = errno;
    ::close(fd);
    errno = error;
    return -1;
  }
  return fd;
}

}  // namespace

Result<bool, std::string> check_free(const PeerAddress& address) {
  const int fd = open_and_bind(address, false);
  if (fd < 0) return Failure{bind_error(address, errno)};
  ::close(fd);
  return true;
}

Result<int, std::string> open_udp(const PeerAddress& address) {
  const int fd = open_and_bind(address, true);
  if (fd < 0) return Failure{bind_error(address, errno)};
  return fd;
}

int receive_batch(int socket, mmsghdr* headers, unsigned count) {
  return ::recvmmsg(socket, headers, count, MSG_DONTWAIT, nullptr);
}

int send_batch(int socket, mmsghdr* headers, unsigned count) {
  return ::sendmmsg(socket, headers, count, MSG_DONTWAIT | MSG_NOSIGNAL);
}

std::optional<PeerAddress> source_address_to(const PeerAddress& destination) {
  const int fd = ::socket(destination.is_ipv6() ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return std::nullopt;
  sockaddr_storage local{};
  socklen_t length = sizeof local;
  // Connecting a datagram socket sends nothing: it asks for the route.
  const bool routed =
      ::connect(fd, reinterpret_cast<const sockaddr*>(destination.bytes), destination.length) == 0 &&
      ::getsockname(fd, reinterpret_cast<sockaddr*>(&local), &length) == 0;
  ::close(fd);
  if (!routed) return std::nullopt;
  return from_sockaddr(reinterpret_cast<const sockaddr*>(&local), length);
}

bool wait_writable(int socket, int timeout_ms) {
  pollfd entry{socket, POLLOUT, 0};
  return ::poll(&entry, 1, timeout_ms) > 0;
}

}  // namespace lockstep::net
