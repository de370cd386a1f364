// peer.h: phones and callers of tests in one process with the test: a UDP socket each, and what is read off
// the messages they receive.
#pragma once

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <string_view>
#include <vector>

#include "core/base/assert.h"
#include "test/unit/core/net/own_socket.h"

namespace lockstep::test {

inline bool is_readable(int fd, int wait_ms) {
  pollfd entry{fd, POLLIN, 0};
  return poll(&entry, 1, wait_ms) > 0;
}

inline std::uint16_t port_of(int fd) {
  sockaddr_in address{};
  socklen_t length = sizeof address;
  LS_ASSERT(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) == 0);
  return ntohs(address.sin_port);
}

// A phone or a caller: one UDP socket held by the test.
class Peer {
 public:
  Peer() : fd_(open_own_udp()), port_(port_of(fd_)) {}
  ~Peer() { close(fd_); }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  std::uint16_t port() const { return port_; }
  int fd() const { return fd_; }
  // Nothing but what comes from that port: whoever had this one before may still be sent repetitions.
  void hear_only(std::uint16_t from) const {
    const PeerAddress address = *parse_address("127.0.0.1", from);
    LS_ASSERT(connect(fd_, reinterpret_cast<const sockaddr*>(address.bytes), address.length) == 0);
  }
  void send(std::uint16_t to, std::string_view bytes) const {
    const PeerAddress address = *parse_address("127.0.0.1", to);
    const ssize_t sent = sendto(fd_, bytes.data(), bytes.size(), 0,
                                reinterpret_cast<const sockaddr*>(address.bytes), address.length);
    LS_ASSERT(sent == static_cast<ssize_t>(bytes.size()));
  }
  // All that has come; waits up to `wait_ms` for the first.
  std::vector<std::string> take(int wait_ms = 0) const {
    std::vector<std::string> all;
    if (wait_ms > 0) is_readable(fd_, wait_ms);
    for (;;) {
      char bytes[8192];
      const ssize_t got = recv(fd_, bytes, sizeof bytes, MSG_DONTWAIT);
      if (got < 0) return all;
      all.emplace_back(bytes, static_cast<std::size_t>(got));
    }
  }

 private:
  int fd_;
  std::uint16_t port_;
};

// The value of a header line as this server and the tests write it, empty if there is none.
inline std::string header_of(const std::string& message, std::string_view name) {
  const std::string start = fmt::format("\r\n{}: ", name);
  const std::size_t at = message.find(start);
  if (at == std::string::npos) return {};
  const std::size_t from = at + start.size();
  return message.substr(from, message.find("\r\n", from) - from);
}

// "INVITE", or "200 INVITE".
inline std::string summary_of(const std::string& message) {
  if (!message.starts_with("SIP/2.0 ")) return message.substr(0, message.find(' '));
  const std::string cseq = header_of(message, "CSeq");
  return message.substr(8, 3) + cseq.substr(cseq.find(' '));
}

}  // namespace lockstep::test
