// worker_area.h: what one worker keeps in the segment so that its death loses nothing: the batch it is
// receiving, the actions it has decided and not yet sent (the outbox), its pool of event nodes.
// Owner: the worker of that id, or its replacement. Others read the nodes' states only.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <atomic>
#include <cstdint>

#include "shm/counters.h"
#include "shm/event_node.h"
#include "shm/handle.h"

namespace lockstep::shm {

inline constexpr std::uint32_t kDatagramMax = 65536;
inline constexpr std::uint32_t kReceiveBatchMax = 32;
inline constexpr std::uint32_t kReceivePoolSize = 512;
inline constexpr std::uint32_t kReceiveBytes = 1920;  // Longer datagrams run over into `overflow`.
inline constexpr std::uint32_t kOutboxMax = 512;
inline constexpr std::uint32_t kTimerNodeMax = 1024;

// A node with room for the usual datagram behind it.
struct alignas(64) ReceiveBuffer {
  EventNode node;
  char bytes[kReceiveBytes];
};
static_assert(sizeof(ReceiveBuffer) == 2048);

// The kernel stores msg_len as it takes each datagram, so at no moment was one consumed unknown to this
// memory: msg_len != 0 and index >= next_to_admit means received and not yet admitted.
struct alignas(64) ReceiveBatch {
  mmsghdr headers[kReceiveBatchMax];
  iovec parts[kReceiveBatchMax][2];         // The buffer's bytes, then overflow.
  std::uint32_t buffers[kReceiveBatchMax];  // Handles of ReceiveBuffer.
  std::uint32_t count;                      // Slots offered to the kernel in the present batch.
  std::uint32_t next_to_admit;
  std::uint32_t socket;
  std::uint64_t received_ms;
  std::uint64_t received_us;
};

// Decided actions in commit order. An item is in force when its entry's `consumed` has reached `stamp`;
// it was sent when the kernel stored its msg_len. Emptied by the flush, before any entry is released.
struct OutboxItem {
  std::uint32_t entry;
  std::uint32_t message;  // Slot with the bytes.
  std::uint64_t stamp;
  std::uint32_t transaction;  // Told if the kernel refuses the datagram; 0: nobody.
  std::uint32_t generation;
  std::uint16_t branch;
  std::uint16_t socket;
  bool free_after_send;
  std::uint8_t kind;        // worker::SendKind.
  std::uint64_t withdrawn;  // The stamp of the decision that took it back (O9, O10); 0: none did.
};

struct alignas(64) Outbox {
  mmsghdr headers[kOutboxMax];
  iovec parts[kOutboxMax];
  PeerAddress targets[kOutboxMax];
  OutboxItem items[kOutboxMax];
  std::atomic<std::uint32_t> count;
  std::atomic<std::uint32_t> next_to_send;
};

struct alignas(64) WorkerArea {
  // Set by the supervisor.
  std::atomic<std::int32_t> pid;
  std::atomic<std::uint32_t> restarts;
  // Set by the worker: 0 starting, 1 ready.
  std::atomic<std::uint32_t> ready;
  std::atomic<std::uint32_t> idle;  // 1 while it waits for something to do.
  CounterBlock counters;
  ReceiveBatch batch;
  Outbox outbox;
  std::uint32_t receive_cursor;
  std::uint32_t timer_cursor;
  EventNode timer_nodes[kTimerNodeMax];
  ReceiveBuffer buffers[kReceivePoolSize];
  char overflow[kReceiveBatchMax][kDatagramMax - kReceiveBytes];
};

}  // namespace lockstep::shm
