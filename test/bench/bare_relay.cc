#include "test/bench/bare_relay.h"

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "test/harness/stage.h"

namespace lockstep::bench {
namespace {

// The first byte of a datagram says what it stands for; the sizes are those of the SIPp scenario's messages.
enum class Kind : char {
  kInvite = 'I',
  kTrying = 'T',
  kRinging = 'R',
  kOk = 'O',
  kAck = 'A',
  kBye = 'B',
  kByeOk = 'b'
};

std::size_t size_of(Kind kind) {
  switch (kind) {
    case Kind::kInvite:
      return 700;
    case Kind::kTrying:
      return 330;
    case Kind::kRinging:
      return 520;
    case Kind::kOk:
      return 760;
    case Kind::kAck:
      return 480;
    case Kind::kBye:
      return 480;
    case Kind::kByeOk:
      return 420;
  }
  return 0;
}

struct Socket {
  int fd = -1;
  sockaddr_in address{};
};

Socket open_socket() {
  Socket out;
  out.fd = socket(AF_INET, SOCK_DGRAM, 0);
  out.address.sin_family = AF_INET;
  out.address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof out.address;
  bind(out.fd, reinterpret_cast<sockaddr*>(&out.address), length);
  getsockname(out.fd, reinterpret_cast<sockaddr*>(&out.address), &length);
  return out;
}

void send_kind(int fd, const sockaddr_in& to, Kind kind) {
  std::array<char, 1500> bytes{};
  bytes[0] = static_cast<char>(kind);
  sendto(fd, bytes.data(), size_of(kind), 0, reinterpret_cast<const sockaddr*>(&to), sizeof to);
}

constexpr unsigned kBatch = 64;

// Receives a batch, sends what follows from it as one batch; waits in poll, as an event loop would.
[[noreturn]] void relay(int fd, const sockaddr_in& caller, const sockaddr_in& callee) {
  static std::array<std::array<char, 2048>, kBatch> buffers;
  static std::array<char, 2048> trying{static_cast<char>(Kind::kTrying)};
  std::array<mmsghdr, kBatch> in{};
  std::array<mmsghdr, 2 * kBatch> out{};
  std::array<iovec, kBatch> in_vectors{};
  std::array<iovec, 2 * kBatch> out_vectors{};
  std::array<sockaddr_in, kBatch> from{};
  while (true) {
    pollfd wait{fd, POLLIN, 0};
    poll(&wait, 1, -1);
    for (unsigned i = 0; i < kBatch; ++i) {
      in_vectors[i] = {buffers[i].data(), buffers[i].size()};
      in[i].msg_hdr = {&from[i], sizeof from[i], &in_vectors[i], 1, nullptr, 0, 0};
    }
    const int received = recvmmsg(fd, in.data(), kBatch, MSG_DONTWAIT, nullptr);
    unsigned count = 0;
    const auto push = [&](char* bytes, std::size_t length, const sockaddr_in& to) {
      out_vectors[count] = {bytes, length};
      out[count].msg_hdr = {const_cast<sockaddr_in*>(&to), sizeof to, &out_vectors[count], 1, nullptr, 0, 0};
      ++count;
    };
    for (int k = 0; k < received; ++k) {
      const auto i = static_cast<std::size_t>(k);
      const bool from_caller = from[i].sin_port == caller.sin_port;
      if (buffers[i][0] == static_cast<char>(Kind::kInvite))
        push(trying.data(), size_of(Kind::kTrying), caller);
      push(buffers[i].data(), in[i].msg_len, from_caller ? callee : caller);
    }
    for (unsigned sent = 0; sent < count;) {
      const int n = sendmmsg(fd, out.data() + sent, count - sent, 0);
      sent += n > 0 ? static_cast<unsigned>(n) : 1;
    }
  }
}

struct Phones {
  Socket caller;
  Socket callee;
  Socket relay;
  int finished = 0;

  void on_caller(Kind kind) {
    if (kind == Kind::kOk) {
      send_kind(caller.fd, relay.address, Kind::kAck);
      send_kind(caller.fd, relay.address, Kind::kBye);
    }
    if (kind == Kind::kByeOk) ++finished;
  }
  void on_callee(Kind kind) {
    if (kind == Kind::kInvite) {
      send_kind(callee.fd, relay.address, Kind::kRinging);
      send_kind(callee.fd, relay.address, Kind::kOk);
    }
    if (kind == Kind::kBye) send_kind(callee.fd, relay.address, Kind::kByeOk);
  }
  void run_once(int wait_ms) {
    std::array<pollfd, 2> fds{{{caller.fd, POLLIN, 0}, {callee.fd, POLLIN, 0}}};
    poll(fds.data(), fds.size(), wait_ms);
    std::array<char, 2048> bytes;
    while (recv(caller.fd, bytes.data(), bytes.size(), MSG_DONTWAIT) > 0)
      on_caller(static_cast<Kind>(bytes[0]));
    while (recv(callee.fd, bytes.data(), bytes.size(), MSG_DONTWAIT) > 0)
      on_callee(static_cast<Kind>(bytes[0]));
  }
};

}  // namespace

double measure_bare_relay(int calls, int calls_per_second) {
  Phones phones{open_socket(), open_socket(), open_socket()};
  const pid_t child = fork();
  if (child == 0) relay(phones.relay.fd, phones.caller.address, phones.callee.address);
  const std::int64_t start = harness::now_ms();
  const std::int64_t deadline = start + calls * 1000LL / calls_per_second + 5000;
  int placed = 0;
  while (phones.finished < calls && harness::now_ms() < deadline) {
    const std::int64_t due = (harness::now_ms() - start) * calls_per_second / 1000;
    for (; placed < calls && placed < due; ++placed) {
      send_kind(phones.caller.fd, phones.relay.address, Kind::kInvite);
    }
    phones.run_once(1);
  }
  kill(child, SIGKILL);
  rusage used{};
  wait4(child, nullptr, 0, &used);
  for (const Socket& one : {phones.caller, phones.callee, phones.relay}) close(one.fd);
  if (phones.finished < calls) return -1;
  const auto microseconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_usec);
  };
  return (microseconds(used.ru_utime) + microseconds(used.ru_stime)) / calls;
}

}  // namespace lockstep::bench
