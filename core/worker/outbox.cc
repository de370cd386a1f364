#include "core/worker/outbox.h"

#include <cerrno>
#include <cstring>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mutation.h"
#include "core/base/schedule_point.h"
#include "core/net/udp_socket.h"

namespace lockstep::worker {
namespace {

// In msg_len: the kernel refused this datagram; it is done with.
constexpr unsigned kRefused = 0xffffffff;
constexpr int kFullWaitMs = 20;
constexpr int kFullWaitRounds = 10;
constexpr PointResource kWire = 1;  // The peers see in which order datagrams come.

// Of that transaction and kind, and still to be sent.
bool is_unsent(const shm::OutboxItem& item, std::uint32_t transaction, std::uint32_t generation,
               SendKind kind) {
  return item.transaction == transaction && item.generation == generation &&
         item.kind == static_cast<std::uint8_t>(kind) && item.withdrawn == 0;
}

}  // namespace

Outbox::Outbox(Process& process, const std::vector<int>& sockets)
    : process_(process), sockets_(sockets), shared_(process.state.area(process.me).outbox) {}

void Outbox::add(std::uint32_t entry, std::uint64_t stamp, shm::MessageRef message, const PeerAddress& target,
                 std::uint16_t socket, SendOrigin origin, bool free_after_send) {
  LS_ASSERT(has_room(1));
  const std::uint32_t i = count_++;
  shared_.targets[i] = target;
  shared_.parts[i] = iovec{process_.slabs.bytes(shm::SlotHandle{message.slot}), message.bytes};
  mmsghdr& header = shared_.headers[i];
  std::memset(&header, 0, sizeof header);
  header.msg_hdr.msg_name = shared_.targets[i].bytes;
  header.msg_hdr.msg_namelen = target.length;
  header.msg_hdr.msg_iov = &shared_.parts[i];
  header.msg_hdr.msg_iovlen = 1;
  shared_.items[i] = shm::OutboxItem{entry,
                                     message.slot,
                                     stamp,
                                     origin.transaction,
                                     origin.generation,
                                     origin.branch,
                                     socket,
                                     free_after_send,
                                     static_cast<std::uint8_t>(origin.kind),
                                     0};
}

Outbox::Unsent Outbox::unsent(std::uint32_t transaction, std::uint32_t generation) const {
  Unsent found;
  for (std::uint32_t i = 0; i < count_; ++i) {
    const shm::OutboxItem& item = shared_.items[i];
    if (item.transaction != transaction || item.branch >= 32) continue;
    const std::uint32_t bit = 1u << item.branch;
    if (is_unsent(item, transaction, generation, SendKind::kRequest)) found.requests |= bit;
    const bool is_cancel = is_unsent(item, transaction, generation, SendKind::kCancel) ||
                           is_unsent(item, transaction, generation, SendKind::kRepeatedCancel);
    if (is_cancel) found.cancels |= bit;
  }
  return found;
}

bool Outbox::withdraw(const SendOrigin& origin, std::uint64_t stamp) {
  for (std::uint32_t i = 0; i < count_; ++i) {
    shm::OutboxItem& item = shared_.items[i];
    if (item.branch != origin.branch) continue;
    if (!is_unsent(item, origin.transaction, origin.generation, origin.kind)) continue;
    item.withdrawn = stamp;
    return true;
  }
  return false;
}

void Outbox::flush(const std::function<void(const SendFailure&)>& on_failure) {
  if (count_ == 0) return;
  std::uint32_t first = shared_.next_to_send.load(std::memory_order_relaxed);
  if (mutated(Mutation::kWireReversed)) {
    for (std::uint32_t i = count_; i-- > first;) {
      if (shared_.items[i].withdrawn == 0) send_run(i, i + 1, sockets_[shared_.items[i].socket], on_failure);
    }
    first = count_;
  }
  while (first < count_) {
    if (shared_.items[first].withdrawn != 0) {
      record(shm::LogKind::kWithdrawn, first, first + 1, monotonic_us());
      shared_.next_to_send.store(++first, std::memory_order_relaxed);
      continue;
    }
    const std::uint16_t socket = shared_.items[first].socket;
    std::uint32_t end = first + 1;
    while (end < count_ && shared_.items[end].socket == socket && shared_.items[end].withdrawn == 0) ++end;
    send_run(first, end, sockets_[socket], on_failure);
    first = end;
  }
  for (std::uint32_t i = 0; i < count_; ++i) {
    if (shared_.items[i].free_after_send) process_.slabs.give(shm::SlotHandle{shared_.items[i].message});
  }
  count_ = 0;
  shared_.count.store(0, std::memory_order_release);
  shared_.next_to_send.store(0, std::memory_order_release);
}

void Outbox::record(shm::LogKind kind, std::uint32_t first, std::uint32_t end, std::uint64_t time_us) {
  if (!process_.order_log.is_on()) return;
  for (std::uint32_t i = first; i < end; ++i) {
    const shm::OutboxItem& item = shared_.items[i];
    const iovec& part = shared_.parts[i];
    process_.order_log.sent({kind, item.entry, item.stamp, time_us, item.transaction, item.generation,
                             item.branch, item.socket, static_cast<std::uint16_t>(i)},
                            shared_.targets[i], {static_cast<const char*>(part.iov_base), part.iov_len});
  }
  process_.order_log.publish();
}

void Outbox::send_run(std::uint32_t first, std::uint32_t end, int socket,
                      const std::function<void(const SendFailure&)>& on_failure) {
  int waits = 0;
  while (first < end) {
    reach(Point::kSend, kWire);
    const std::uint64_t now = monotonic_us();  // Before: no answer may seem earlier than what it answers.
    const int sent = net::send_batch(socket, &shared_.headers[first], points_armed() ? 1 : end - first);
    if (sent > 0) {
      record(shm::LogKind::kSent, first, first + static_cast<std::uint32_t>(sent), now);
      first += static_cast<std::uint32_t>(sent);
      sent_ += static_cast<std::uint64_t>(sent);
      shared_.next_to_send.store(first, std::memory_order_relaxed);
      continue;
    }
    const int error = errno;
    if (error == EINTR) continue;
    const bool is_full = error == EAGAIN || error == ENOBUFS;
    if (is_full && waits++ < kFullWaitRounds) {
      net::wait_writable(socket, kFullWaitMs);
      continue;
    }
    shared_.headers[first].msg_len = kRefused;
    record(shm::LogKind::kRefused, first, first + 1, now);
    const shm::OutboxItem& item = shared_.items[first];
    LS_LOG(kInfo, "core", "cannot send to {}:{}: {}", ip_text(shared_.targets[first]).view(),
           shared_.targets[first].port(), std::strerror(error));
    if (on_failure) {
      on_failure({item.entry,
                  {item.transaction, item.generation, item.branch, static_cast<SendKind>(item.kind)},
                  error});
    }
    shared_.next_to_send.store(++first, std::memory_order_relaxed);
  }
}

std::size_t Outbox::recover() {
  const std::uint32_t published = shared_.count.load(std::memory_order_acquire);
  // What was done with before the mark moved may lack its record; one too many is recognised by its index.
  const std::uint32_t recorded = shared_.next_to_send.load(std::memory_order_relaxed);
  const auto record_again = [&](shm::LogKind kind, std::uint32_t i) {
    if (i >= recorded) record(kind, i, i + 1, monotonic_us());
  };
  std::size_t sent = 0;
  for (std::uint32_t i = 0; i < published; ++i) {
    mmsghdr& header = shared_.headers[i];
    const shm::OutboxItem& item = shared_.items[i];
    if (header.msg_len != 0 && !mutated(Mutation::kSentTwiceAfterDeath)) {
      record_again(header.msg_len == kRefused ? shm::LogKind::kRefused : shm::LogKind::kSent, i);
      continue;
    }
    const std::uint64_t consumed = process_.state.entry(item.entry).consumed.load(std::memory_order_acquire);
    if (item.stamp > consumed) continue;  // Its event was never decided: it will be worked again.
    const bool is_withdrawn = item.withdrawn != 0 && item.withdrawn <= consumed;
    if (is_withdrawn && !mutated(Mutation::kWithdrawnSentAfterDeath)) {
      record_again(shm::LogKind::kWithdrawn, i);
      continue;
    }
    if (mutated(Mutation::kUnsentAfterDeath)) continue;
    send_run(i, i + 1, sockets_[item.socket], {});
    ++sent;
  }
  count_ = 0;
  shared_.count.store(0, std::memory_order_release);
  shared_.next_to_send.store(0, std::memory_order_release);
  return sent;
}

}  // namespace lockstep::worker
