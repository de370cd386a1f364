#include "core/worker/local_names.h"

#include "core/net/udp_socket.h"
#include "core/sip/host.h"
#include "core/sip/text.h"

namespace lockstep::worker {
namespace {

std::string folded(std::string_view host) {
  std::string result(sip::without_brackets(host));
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

}  // namespace

void LocalNames::add_alias(std::string_view host, std::uint16_t port) {
  aliases_.push_back({folded(host), port});
}

bool LocalNames::is_local(std::string_view host, std::uint16_t port) const {
  if (port == 0) port = 5060;
  if (find_socket(host, port) != kNoSocket) return true;
  const std::string_view bare = sip::without_brackets(host);
  for (const Alias& alias : aliases_) {
    if ((alias.port == 0 || alias.port == port) && sip::equal_host(alias.host, bare)) return true;
  }
  return false;
}

bool LocalNames::is_local_text(std::string_view subject) const {
  if (const auto uri = sip::parse_uri(subject); uri.has_value() && uri->is_sip()) return is_local(*uri);
  if (const auto host = sip::parse_host_port(subject); host.has_value())
    return is_local(host->host, host->port);
  return is_local(subject, 0);
}

std::uint16_t LocalNames::socket_for(const PeerAddress& destination, std::uint16_t preferred) const {
  if (multihomed_ && sockets_.size() > 1) {
    if (const std::uint16_t routed = routed_socket(destination); routed != kNoSocket) return routed;
  }
  if (preferred < sockets_.size() && sockets_[preferred].address.length == destination.length)
    return preferred;
  for (std::size_t i = 0; i < sockets_.size(); ++i) {
    if (sockets_[i].address.length == destination.length) return static_cast<std::uint16_t>(i);
  }
  return kNoSocket;
}

std::uint16_t LocalNames::routed_socket(const PeerAddress& destination) const {
  constexpr std::size_t kRouteMax = 4096;
  const IpText ip = ip_text(destination);
  if (const auto known = routes_.find(ip.view()); known != routes_.end()) return known->second;
  if (routes_.size() >= kRouteMax) routes_.clear();
  std::uint16_t found = kNoSocket;
  if (const auto source = net::source_address_to(destination); source.has_value()) {
    for (std::size_t i = 0; i < sockets_.size() && found == kNoSocket; ++i) {
      if (same_host(sockets_[i].address, *source)) found = static_cast<std::uint16_t>(i);
    }
  }
  routes_.emplace(ip.view(), found);
  return found;
}

std::uint16_t LocalNames::find_socket(std::string_view host, std::uint16_t port) const {
  for (std::size_t i = 0; i < sockets_.size(); ++i) {
    const ListenSocket& socket = sockets_[i];
    if (socket.address.port() == port && sip::equal_host(ip_text(socket.address).view(), host)) {
      return static_cast<std::uint16_t>(i);
    }
    if (socket.port == port && sip::equal_host(socket.host, host)) return static_cast<std::uint16_t>(i);
  }
  return kNoSocket;
}

}  // namespace lockstep::worker
