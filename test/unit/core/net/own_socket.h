// own_socket.h: a UDP socket on a port of 127.0.0.1 that nobody else has. net::open_udp() shares its port,
// and of shared ports the kernel gives the same one to several who ask for any: of 900 sockets 12 had one of
// another's. Tests of two checkouts then read each other's datagrams.
#pragma once

#include <sys/socket.h>

#include "core/base/assert.h"
#include "core/base/peer_address.h"

namespace lockstep::test {

inline int open_own_udp() {
  const PeerAddress any = *parse_address("127.0.0.1", 0);
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  LS_ASSERT(fd >= 0);
  constexpr int kBufferBytes = 4 << 20;  // As far as net.core.rmem_max lets it.
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &kBufferBytes, sizeof kBufferBytes);
  LS_ASSERT(bind(fd, reinterpret_cast<const sockaddr*>(any.bytes), any.length) == 0);
  return fd;
}

// The same, and from now on others may share it as net::open_udp() does: the workers of one test.
inline int open_own_shared_udp() {
  const int fd = open_own_udp();
  const int on = 1;
  LS_ASSERT(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0);
  return fd;
}

}  // namespace lockstep::test
