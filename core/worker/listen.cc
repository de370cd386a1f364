#include "core/worker/listen.h"

#include <fmt/core.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>

#include "core/sip/host.h"
#include "core/sip/text.h"

namespace lockstep::worker {
namespace {

// Addresses of this host; `interface` empty: of all that are up. Link-local IPv6 needs a scope: left out.
std::vector<PeerAddress> interface_addresses(std::string_view interface, bool with_ipv6) {
  std::vector<PeerAddress> addresses;
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return addresses;
  for (const ifaddrs* item = list; item != nullptr; item = item->ifa_next) {
    if (item->ifa_addr == nullptr || (item->ifa_flags & IFF_UP) == 0) continue;
    if (!interface.empty() && interface != item->ifa_name) continue;
    if (item->ifa_addr->sa_family == AF_INET) {
      addresses.push_back(from_sockaddr(item->ifa_addr, sizeof(sockaddr_in)));
    } else if (with_ipv6 && item->ifa_addr->sa_family == AF_INET6) {
      const PeerAddress address = from_sockaddr(item->ifa_addr, sizeof(sockaddr_in6));
      if (ip_text(address).view().substr(0, 4) != "fe80") addresses.push_back(address);
    }
  }
  freeifaddrs(list);
  return addresses;
}

std::vector<PeerAddress> addresses_of(const std::string& host) {
  if (host.empty() || host == "*") return interface_addresses("", false);
  if (const auto address = parse_address(host, 0); address.has_value()) {
    if (is_wildcard(*address)) return interface_addresses("", address->is_ipv6());
    return {*address};
  }
  std::vector<PeerAddress> found = interface_addresses(host, false);
  if (!found.empty()) return found;
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* list = nullptr;
  if (getaddrinfo(host.c_str(), nullptr, &hints, &list) != 0) return {};
  found.push_back(from_sockaddr(list->ai_addr, list->ai_addrlen));
  freeaddrinfo(list);
  return found;
}

void add_reverse_name(LocalNames& names, const PeerAddress& address) {
  char host[NI_MAXHOST];
  if (getnameinfo(reinterpret_cast<const sockaddr*>(address.bytes), address.length, host, sizeof host,
                  nullptr, 0, NI_NAMEREQD) == 0) {
    names.add_alias(host, address.port());
  }
}

Result<bool, std::string> add_entry(const script::ListenEntry& entry, const script::Globals& globals,
                                    LocalNames& names) {
  const std::uint16_t port = entry.port != 0 ? entry.port : static_cast<std::uint16_t>(globals.port);
  const std::vector<PeerAddress> addresses = addresses_of(entry.host);
  if (addresses.empty()) {
    return Failure{fmt::format(
        "listen: '{}' is neither an address, nor an interface, nor a name of this host", entry.host)};
  }
  for (PeerAddress address : addresses) {
    address.set_port(port);
    bool is_known = false;
    for (const ListenSocket& socket : names.sockets()) is_known = is_known || socket.address == address;
    if (is_known) continue;
    const std::string ip(ip_text(address).view());
    ListenSocket socket;
    socket.address = address;
    socket.name =
        address.is_ipv6() ? fmt::format("udp:[{}]:{}", ip, port) : fmt::format("udp:{}:{}", ip, port);
    socket.host = !entry.advertise_host.empty()         ? entry.advertise_host
                  : !globals.advertised_address.empty() ? globals.advertised_address
                                                        : ip;
    socket.port = entry.advertise_port != 0      ? entry.advertise_port
                  : globals.advertised_port != 0 ? static_cast<std::uint16_t>(globals.advertised_port)
                                                 : port;
    socket.socket_name = entry.name;
    names.sockets().push_back(socket);
    if (globals.auto_aliases) add_reverse_name(names, address);
  }
  return true;
}

}  // namespace

Result<script::ListenEntry, std::string> parse_listen(std::string_view text) {
  script::ListenEntry entry;
  const std::string_view whole = text;
  const std::size_t slash = text.find('/');
  if (slash != std::string_view::npos) {
    const auto advertised = sip::parse_host_port(text.substr(slash + 1));
    if (!advertised.has_value())
      return Failure{fmt::format("'{}': what is advertised is no host:port", whole)};
    entry.advertise_host = sip::without_brackets(advertised->host);
    entry.advertise_port = advertised->port;
    text = text.substr(0, slash);
  }
  for (const std::string_view protocol : {"udp", "tcp", "tls", "sctp", "ws", "wss"}) {
    if (text.size() > protocol.size() && sip::equal_nocase(text.substr(0, protocol.size()), protocol) &&
        text[protocol.size()] == ':') {
      entry.protocol = protocol;
      text.remove_prefix(protocol.size() + 1);
      break;
    }
  }
  const auto host = sip::parse_host_port(text);
  if (!host.has_value()) return Failure{fmt::format("'{}' is no [udp:]ADDRESS[:PORT]", whole)};
  entry.host = host->host;
  entry.port = host->port;
  return entry;
}

Result<bool, std::string> resolve_listen(const script::Globals& globals, LocalNames& names,
                                         std::vector<std::string>& warnings) {
  std::vector<script::ListenEntry> entries = globals.listen;
  if (entries.empty()) entries.push_back(script::ListenEntry{});
  for (const script::ListenEntry& entry : entries) {
    if (!entry.protocol.empty() && entry.protocol != "udp") {
      warnings.push_back(fmt::format("listen={}:{}: {} is not served yet, UDP only", entry.protocol,
                                     entry.host, entry.protocol));
      continue;
    }
    if (const auto added = add_entry(entry, globals, names); !added) return Failure{added.error()};
  }
  if (names.sockets().empty())
    return Failure{std::string("no UDP address to listen on; give listen=udp:ADDRESS:PORT")};
  for (const script::ListenEntry& alias : globals.alias) names.add_alias(alias.host, alias.port);
  return true;
}

}  // namespace lockstep::worker
