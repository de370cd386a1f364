// event_node.h: one event on its way into an entry: a received datagram, a timer that is due, a command.
// Nodes live in fixed pools, one per worker (its home); the home takes free ones, whoever works the
// entry frees them by one store, so a node needs no list to come home.
#pragma once

#include <atomic>
#include <cstdint>

#include "core/base/peer_address.h"
#include "shm/handle.h"

namespace lockstep::shm {

enum class EventKind : std::uint8_t {
  kDatagram,        // source, socket, length; bytes follow the node, or stand in `large`.
  kTimer,           // transaction, generation, armed_at_ms.
  kTransportError,  // transaction, generation, branch: a request of it could not be sent.
  kCommand,         // transaction, generation, branch: what the control process was asked to do to it.
};

// The life of a node: home takes it (kFree -> kInUse), pushes it; the owner of the entry takes it over
// (kInUse -> kTaken) and frees it when its effect is committed (kTaken -> kFree).
enum class NodeState : std::uint32_t { kFree = 0, kInUse = 1, kTaken = 2 };

// So many workers may die of one event; then it is set aside.
inline constexpr std::uint32_t kAttemptsMax = 2;

struct alignas(64) EventNode {
  // Written by the pusher before the push, constant after it.
  std::uint32_t inbox_next;
  std::uint32_t entry;
  EventKind kind;
  std::uint8_t home;     // WorkerId of the pool.
  std::uint16_t socket;  // Index of the listening address.
  std::uint32_t length;  // kDatagram: bytes.
  std::uint32_t large;   // kDatagram: message slot that holds the bytes instead, 0 if none.
  // Written by the owner of the entry.
  std::uint32_t work_next;
  std::uint64_t number;  // Admission number within the entry, given when taken.
  std::atomic<NodeState> state;
  // Workers that began with it: until the push to admit it, which its home counts; from then on to work it.
  std::uint32_t attempts;
  // kTimer, kTransportError.
  std::uint32_t transaction;
  std::uint32_t generation;
  std::uint16_t branch;
  std::uint16_t what;  // kTransportError: worker::SendKind; kCommand: worker::CallCommandKind.
  std::uint64_t armed_at_ms;
  // kDatagram.
  std::uint64_t received_ms;
  std::uint64_t received_us;  // The same moment, for the order log.
  PeerAddress source;
};
static_assert(sizeof(EventNode) == 128);

}  // namespace lockstep::shm
