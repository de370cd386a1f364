#include "core/worker/control_endpoints.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>

namespace lockstep::worker {

namespace {

std::optional<unsigned> parse_number(std::string_view text) {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// Mode and owner of a file just made. By path, not by descriptor: fchmod() on a socket does not reach its
// file.
std::string apply_owner(const std::string& path, unsigned mode, const std::string& user,
                        const std::string& group) {
  uid_t uid = static_cast<uid_t>(-1);
  gid_t gid = static_cast<gid_t>(-1);
  if (!user.empty()) {
    const passwd* const entry = getpwnam(user.c_str());
    const auto number = parse_number(user);
    if (entry == nullptr && !number) return fmt::format("{}: no user '{}'", path, user);
    uid = entry != nullptr ? entry->pw_uid : *number;
  }
  if (!group.empty()) {
    const struct group* const entry = getgrnam(group.c_str());
    const auto number = parse_number(group);
    if (entry == nullptr && !number) return fmt::format("{}: no group '{}'", path, group);
    gid = entry != nullptr ? entry->gr_gid : *number;
  }
  if (chmod(path.c_str(), mode == 0 ? 0600 : mode & 0777U) != 0) {
    return fmt::format("{}: cannot set its mode: {}", path, std::strerror(errno));
  }
  if ((!user.empty() || !group.empty()) && lchown(path.c_str(), uid, gid) != 0) {
    return fmt::format("{}: cannot give it to {}:{}: {}", path, user, group, std::strerror(errno));
  }
  return {};
}

// What to do when a file could not be made there.
std::string creation_error(const char* what, const std::string& path, const char* parameter) {
  const int error = errno;
  const char* hint = "";
  if (error == ENOENT) hint = "; make the directory, or choose another run directory with -Y";
  if (error == EACCES || error == EROFS) hint = "; choose a writable run directory with -Y";
  return fmt::format("cannot make the {} {} ({}): {}{}", what, path, parameter, std::strerror(error), hint);
}

}  // namespace

Result<bool, std::string> ControlEndpoints::open() {
  std::string error;
  if ((settings_.transport & ControlSettings::kTransportFifo) != 0 && !settings_.fifo_name.empty()) {
    error = open_fifo();
  }
  if (error.empty() && (settings_.transport & ControlSettings::kTransportDatagram) != 0 &&
      !settings_.dgram_socket.empty()) {
    const std::string& name = settings_.dgram_socket;
    if (name.starts_with("udp:")) {
      error = open_udp(name.substr(4));
    } else {
      error = open_unix_datagram(settings_.path_of(name.starts_with("unix:") ? name.substr(5) : name));
    }
  }
  if (error.empty()) return true;
  unlink_files();
  close_descriptors();
  return Failure{error};
}

std::string ControlEndpoints::open_fifo() {
  const std::string path = settings_.path_of(settings_.fifo_name);
  struct stat found {};
  if (lstat(path.c_str(), &found) == 0) {
    if (!S_ISFIFO(found.st_mode)) {
      return fmt::format("{} exists and is no FIFO; remove it or set jsonrpcs' fifo_name", path);
    }
    // Opening for writing succeeds only if somebody has it open for reading.
    const int probe = ::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    if (probe >= 0) {
      close(probe);
      return fmt::format("{} is served by another process; stop it or set jsonrpcs' fifo_name", path);
    }
    if (unlink(path.c_str()) != 0) {
      return fmt::format("cannot remove the old FIFO {}: {}", path, std::strerror(errno));
    }
  }
  if (mkfifo(path.c_str(), 0600) != 0) return creation_error("FIFO", path, "jsonrpcs: fifo_name");
  fifo_.path = path;
  // For reading and writing: with a writer of our own the reader never sees an end of file.
  fifo_.fd = ::open(path.c_str(), O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
  struct stat made {};
  if (fifo_.fd < 0 || fstat(fifo_.fd, &made) != 0 || !S_ISFIFO(made.st_mode)) {
    return fmt::format("cannot open the FIFO {}: {}", path, std::strerror(errno));
  }
  fifo_.device = made.st_dev;
  fifo_.inode = made.st_ino;
  return apply_owner(path, settings_.fifo_mode, settings_.fifo_user, settings_.fifo_group);
}

std::string ControlEndpoints::open_unix_datagram(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    return fmt::format("{} is too long for a socket name (at most {} bytes)", path,
                       sizeof(address.sun_path) - 1);
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const auto* const generic = reinterpret_cast<const sockaddr*>(&address);
  datagram_.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (datagram_.fd < 0) return fmt::format("cannot make a datagram socket: {}", std::strerror(errno));

  struct stat found {};
  if (lstat(path.c_str(), &found) == 0) {
    if (!S_ISSOCK(found.st_mode)) {
      return fmt::format("{} exists and is no socket; remove it or set jsonrpcs' dgram_socket", path);
    }
    const int probe = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const bool is_served = probe >= 0 && connect(probe, generic, sizeof(address)) == 0;
    if (probe >= 0) close(probe);
    if (is_served) {
      return fmt::format("{} is served by another process; stop it or set jsonrpcs' dgram_socket", path);
    }
    if (unlink(path.c_str()) != 0) {
      return fmt::format("cannot remove the old socket {}: {}", path, std::strerror(errno));
    }
  }
  if (bind(datagram_.fd, generic, sizeof(address)) != 0) {
    return creation_error("socket", path, "jsonrpcs: dgram_socket");
  }
  datagram_.path = path;
  struct stat made {};
  if (lstat(path.c_str(), &made) == 0) {
    datagram_.device = made.st_dev;
    datagram_.inode = made.st_ino;
  }
  return apply_owner(path, settings_.dgram_mode, settings_.dgram_user, settings_.dgram_group);
}

std::string ControlEndpoints::open_udp(const std::string& address_and_port) {
  const std::size_t colon = address_and_port.rfind(':');
  const auto port = colon == std::string::npos
                        ? std::nullopt
                        : parse_number(std::string_view(address_and_port).substr(colon + 1));
  if (!port || *port < 1024 || *port > 65535) {
    return fmt::format("dgram_socket udp:{}: expected udp:ADDRESS:PORT with a port of 1024 to 65535",
                       address_and_port);
  }
  std::string host = address_and_port.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host == "localhost") host = "127.0.0.1";

  sockaddr_storage storage{};
  socklen_t bytes = 0;
  auto* const v4 = reinterpret_cast<sockaddr_in*>(&storage);
  auto* const v6 = reinterpret_cast<sockaddr_in6*>(&storage);
  if (inet_pton(AF_INET, host.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(static_cast<std::uint16_t>(*port));
    bytes = sizeof(*v4);
  } else if (inet_pton(AF_INET6, host.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(static_cast<std::uint16_t>(*port));
    bytes = sizeof(*v6);
  } else {
    return fmt::format("dgram_socket udp:{}: '{}' is no IP address", address_and_port, host);
  }
  datagram_.fd = socket(storage.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (datagram_.fd < 0 || bind(datagram_.fd, reinterpret_cast<sockaddr*>(&storage), bytes) != 0) {
    return fmt::format("cannot listen on udp:{} (jsonrpcs: dgram_socket): {}", address_and_port,
                       std::strerror(errno));
  }
  return {};
}

void ControlEndpoints::close_descriptors() {
  for (Endpoint* endpoint : {&fifo_, &datagram_}) {
    if (endpoint->fd >= 0) close(endpoint->fd);
    endpoint->fd = -1;
  }
}

void ControlEndpoints::unlink_own(Endpoint& endpoint) {
  struct stat found {};
  if (!endpoint.path.empty() && lstat(endpoint.path.c_str(), &found) == 0 &&
      found.st_dev == endpoint.device && found.st_ino == endpoint.inode) {
    unlink(endpoint.path.c_str());
  }
  endpoint.path.clear();
}

void ControlEndpoints::unlink_files() {
  unlink_own(fifo_);
  unlink_own(datagram_);
}

}  // namespace lockstep::worker
