// local_names.h: what is ours: the addresses listened on and the aliases (uri == myself, loose routing,
// where a request came in). Filled before the fork, constant after it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/peer_address.h"
#include "core/sip/uri.h"

namespace lockstep::worker {

// One address listened on. Every worker has a socket of its own for each.
struct ListenSocket {
  PeerAddress address;
  std::string name;           // As written: "udp:127.0.0.1:5060".
  std::string host;           // For Via and Record-Route: the advertised host, else the address.
  std::uint16_t port = 5060;  // For Via and Record-Route: the advertised port, else the real one.
  std::string socket_name;
};

inline constexpr std::uint16_t kNoSocket = 0xffff;

struct Alias {
  std::string host;        // Lower case, without brackets.
  std::uint16_t port = 0;  // 0: any.
};

class LocalNames {
 public:
  std::vector<ListenSocket>& sockets() { return sockets_; }
  const std::vector<ListenSocket>& sockets() const { return sockets_; }
  void add_alias(std::string_view host, std::uint16_t port);
  const std::vector<Alias>& aliases() const { return aliases_; }

  // `host` with or without brackets, without case; port 0 in the query means 5060.
  bool is_local(std::string_view host, std::uint16_t port) const;
  bool is_local(const sip::Uri& uri) const {
    return uri.is_sip() && is_local(uri.host, uri.effective_port());
  }
  // A URI, a host, or host:port.
  bool is_local_text(std::string_view subject) const;
  // mhomed=yes: where several sockets fit, the one that the kernel's routes choose.
  void set_multihomed(bool multihomed) { multihomed_ = multihomed; }
  // The socket to send from to `destination`: `preferred` when its address family fits, else the first
  // that fits; kNoSocket when none does.
  std::uint16_t socket_for(const PeerAddress& destination, std::uint16_t preferred) const;
  // The socket with that local address ("127.0.0.1", 5060), kNoSocket when none has it.
  std::uint16_t find_socket(std::string_view host, std::uint16_t port) const;

 private:
  std::vector<ListenSocket> sockets_;
  std::uint16_t routed_socket(const PeerAddress& destination) const;

  std::vector<Alias> aliases_;
  bool multihomed_ = false;
  // What the kernel answered, by destination; private to each process after the fork, bounded.
  mutable std::map<std::string, std::uint16_t, std::less<>> routes_;
};

}  // namespace lockstep::worker
