#include "core/worker/receiver.h"

#include <algorithm>
#include <cstring>

#include "core/base/clock.h"
#include "core/base/mutation.h"
#include "core/base/schedule_point.h"
#include "core/net/udp_socket.h"
#include "core/sip/message.h"

namespace lockstep::worker {

Receiver::Receiver(Process& process, NodePool& pool, const EngineCounters& counters,
                   std::function<void(std::uint32_t)> owned)
    : process_(process),
      pool_(pool),
      counters_(counters),
      owned_(std::move(owned)),
      area_(process.state.area(process.me)),
      batch_(area_.batch) {}

// A buffer for each slot that has none, not yet in the batch. Returns how many slots from 0 on have one.
std::uint32_t Receiver::find_buffers() {
  for (std::uint32_t slot = 0; slot < unready_; ++slot) {
    if (batch_.buffers[slot] != 0) continue;
    const shm::ReceiveBuffer* buffer = pool_.try_take_buffer();
    if (buffer == nullptr) return slot;
    found_[slot] = process_.segment.handle_of(buffer).value;
  }
  return shm::kReceiveBatchMax;
}

void Receiver::prepare(std::uint32_t slot) {
  if (batch_.buffers[slot] == 0) batch_.buffers[slot] = found_[slot];
  auto& buffer = *process_.segment.at(shm::Handle<shm::ReceiveBuffer>{batch_.buffers[slot]});
  batch_.parts[slot][0] = iovec{buffer.bytes, shm::kReceiveBytes};
  batch_.parts[slot][1] = iovec{area_.overflow[slot], sizeof area_.overflow[slot]};
  mmsghdr& header = batch_.headers[slot];
  header.msg_hdr.msg_name = buffer.node.source.bytes;
  header.msg_hdr.msg_namelen = sizeof buffer.node.source.bytes;
  header.msg_hdr.msg_iov = batch_.parts[slot];
  header.msg_hdr.msg_iovlen = 2;
  header.msg_hdr.msg_control = nullptr;
  header.msg_hdr.msg_controllen = 0;
  header.msg_hdr.msg_flags = 0;
}

// Lengths first: whoever looks into the batch meanwhile must not meet a new buffer under an old length. A
// death after any of the stores leaves nothing to admit.
void Receiver::renew_batch(std::uint32_t offered) {
  const std::uint32_t end = std::min(unready_, offered);
  for (std::uint32_t slot = 0; slot < end; ++slot) batch_.headers[slot].msg_len = 0;
  std::atomic_signal_fence(std::memory_order_seq_cst);
  batch_.count = 0;
  std::atomic_signal_fence(std::memory_order_seq_cst);
  batch_.next_to_admit = 0;
  std::atomic_signal_fence(std::memory_order_seq_cst);
  for (std::uint32_t slot = 0; slot < end; ++slot) prepare(slot);
  if (offered == shm::kReceiveBatchMax) unready_ = 0;
}

void Receiver::stamp_batch() {
  batch_.received_us = monotonic_us();
  batch_.received_ms = batch_.received_us / 1000;
}

std::uint32_t Receiver::receive(int socket, std::uint16_t socket_index) {
  const std::uint32_t offered = find_buffers();
  if (offered == 0) return 0;
  // From here on others see the batch change.
  reach(Point::kReceive, resource_of(&batch_));
  renew_batch(offered);
  batch_.socket = socket_index;
  stamp_batch();
  std::atomic_signal_fence(std::memory_order_seq_cst);
  batch_.count = offered;
  const int got = net::receive_batch(socket, batch_.headers, offered);
  if (got <= 0) return 0;
  stamp_batch();  // Not before what was sent in the meantime: an answer is later than what it answers.
  unready_ = std::max(unready_, static_cast<std::uint32_t>(got));
  admit_batch(static_cast<std::uint32_t>(got));
  return static_cast<std::uint32_t>(got);
}

void Receiver::admit_batch(std::uint32_t count) {
  for (std::uint32_t i = batch_.next_to_admit; i < count; ++i) {
    admit(i);
    // The slot gives its buffer up before the index moves on: a death in between finds an empty slot.
    batch_.buffers[i] = 0;
    std::atomic_signal_fence(std::memory_order_seq_cst);
    batch_.next_to_admit = i + 1;
  }
}

shm::ReceiveBuffer& Receiver::buffer_of(std::uint32_t slot) const {
  return *process_.segment.at(shm::Handle<shm::ReceiveBuffer>{batch_.buffers[slot]});
}

// As the kernel left it.
std::string Receiver::bytes_of(std::uint32_t slot) const {
  const std::size_t length = batch_.headers[slot].msg_len;
  const std::size_t in_buffer = std::min<std::size_t>(length, shm::kReceiveBytes);
  return std::string(buffer_of(slot).bytes, in_buffer).append(area_.overflow[slot], length - in_buffer);
}

bool Receiver::admit(std::uint32_t slot) {
  shm::ReceiveBuffer& buffer = buffer_of(slot);
  shm::EventNode& node = buffer.node;
  const std::uint32_t length = batch_.headers[slot].msg_len;
  node.kind = shm::EventKind::kDatagram;
  node.socket = static_cast<std::uint16_t>(batch_.socket);
  node.length = length;
  node.received_ms = batch_.received_ms;
  node.received_us = batch_.received_us;
  node.source.length = batch_.headers[slot].msg_hdr.msg_namelen;
  ++node.attempts;
  std::atomic_signal_fence(std::memory_order_seq_cst);
  if (length > shm::kReceiveBytes) return admit_large(node, slot, length);
  admit_node(node, {buffer.bytes, length});
  return true;
}

// A datagram longer than a buffer moves into a slot of its size.
bool Receiver::admit_large(shm::EventNode& node, std::uint32_t slot, std::uint32_t length) {
  const shm::SlotHandle large = process_.slabs.try_take_message(length);
  if (!large) {
    process_.counters.add(counters_.oversized);
    node.state.store(shm::NodeState::kFree, std::memory_order_release);
    return false;
  }
  char* bytes = process_.slabs.bytes(large);
  std::memcpy(bytes, buffer_of(slot).bytes, shm::kReceiveBytes);
  std::memcpy(bytes + shm::kReceiveBytes, area_.overflow[slot], length - shm::kReceiveBytes);
  node.large = large.value;
  admit_node(node, {bytes, length});
  return true;
}

// Garbage without Call-ID shares one entry: it is answered or dropped there, one after the other. The count
// begins anew before the push, after which another worker may count at once; who dies in between did not die
// of the datagram.
void Receiver::admit_node(shm::EventNode& node, std::string_view bytes) {
  const std::uint32_t index = process_.state.entry_of(sip::quick_call_id(bytes).value_or(std::string_view()));
  node.entry = index;
  std::atomic_signal_fence(std::memory_order_seq_cst);
  node.attempts = 0;
  std::atomic_signal_fence(std::memory_order_seq_cst);
  if (bypass_) return bypass_(node);
  shm::Entry entry(process_.segment, process_.state.entry(index));
  if (entry.admit(node, process_.me)) owned_(index);
}

// The slot that a dead admission had filled; the next one takes its own. Marked mine before the node forgets
// it, so that a death in between leaves it to one of the two.
void Receiver::forget_large(shm::EventNode& node) {
  if (node.large == 0) return;
  const shm::SlotHandle slot{node.large};
  process_.slabs.set_mark(slot, shm::mark_held(process_.me));
  std::atomic_signal_fence(std::memory_order_seq_cst);
  node.large = 0;
  process_.slabs.give(slot);
}

std::size_t Receiver::recover(const SetAside& set_aside) {
  std::size_t admitted = 0;
  for (std::uint32_t i = batch_.next_to_admit; i < batch_.count; ++i) {
    if (batch_.headers[i].msg_len == 0 || batch_.buffers[i] == 0) continue;
    shm::EventNode& node = buffer_of(i).node;
    shm::Entry entry(process_.segment, process_.state.entry(node.entry));
    const bool is_in =
        node.state.load(std::memory_order_acquire) != shm::NodeState::kInUse || entry.was_pushed(node);
    if (!is_in && !mutated(Mutation::kForgottenAfterDeath)) {
      forget_large(node);
      if (node.attempts < shm::kAttemptsMax) {
        admit(i);
        ++admitted;
      } else {
        set_aside(node, bytes_of(i));
        node.state.store(shm::NodeState::kFree, std::memory_order_release);
      }
    }
    batch_.buffers[i] = 0;
    std::atomic_signal_fence(std::memory_order_seq_cst);
    batch_.next_to_admit = i + 1;
  }
  // Slots that were offered and got nothing keep their buffers for the next batch.
  batch_.count = 0;
  batch_.next_to_admit = 0;
  return admitted;
}

}  // namespace lockstep::worker
