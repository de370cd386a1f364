// udp_socket.h: UDP sockets as the server uses them: one per worker and listening address, all bound to
// the same port with SO_REUSEPORT, opened by the supervisor before the fork and kept open by it, so that
// the kernel's spreading of source addresses over workers never changes while workers come and go.
#pragma once

#include <sys/socket.h>

#include <optional>
#include <string>

#include "core/base/peer_address.h"
#include "core/base/result.h"

namespace lockstep::net {

// Nobody else is bound to the address. Error: one line for the operator (in use, no permission, no such
// address). SO_REUSEPORT alone would let a second server of the same user share the port unnoticed.
Result<bool, std::string> check_free(const PeerAddress& address);
// A bound, non-blocking socket of the group. Error as above.
Result<int, std::string> open_udp(const PeerAddress& address);

// recvmmsg, never waiting: datagrams taken, or -1 with errno.
int receive_batch(int socket, mmsghdr* headers, unsigned count);
// sendmmsg: datagrams handed to the kernel, or -1 with errno for the first one.
int send_batch(int socket, mmsghdr* headers, unsigned count);
// The local address that the kernel would send from to `destination`; none if there is no route.
std::optional<PeerAddress> source_address_to(const PeerAddress& destination);
// Waits until the socket takes datagrams again, at most `timeout_ms`.
bool wait_writable(int socket, int timeout_ms);

}  // namespace lockstep::net
