// log.h: the order log as it was read: from a running server's segment or from a recorded file. From here on
// it is plain private memory; nothing below knows where it came from.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/peer_address.h"
#include "core/base/result.h"
#include "core/transaction/settings.h"
#include "shm/order_log.h"
#include "shm/shared_state.h"

namespace lockstep::order {

struct Record {
  shm::LogRecord head{};
  std::string bytes;       // Of its datagram.
  bool has_bytes = false;  // False: overwritten, or it has no datagram.
};

// Which transaction: a slot and how often that was taken.
struct TransactionKey {
  std::uint32_t handle = 0;
  std::uint32_t generation = 0;
  explicit operator bool() const { return handle != 0; }
  friend auto operator<=>(const TransactionKey&, const TransactionKey&) = default;
};
inline TransactionKey key_of(const Record& record) {
  return {record.head.transaction, record.head.generation};
}

struct Log {
  std::vector<Record> records;     // By entry, stamp, and the order in which their worker wrote them.
  transaction::Settings baseline;  // Settings of decisions that bring none.
  std::vector<PeerAddress> listen;
  std::uint64_t started_wall_us = 0;
  std::uint64_t started_monotonic_us = 0;
  std::uint32_t worker_count = 0;
  std::uint64_t whole_since_us = 0;  // Before it records have been overwritten; 0: none has.
  std::vector<std::string> remarks;  // What is missing, a line each.

  bool has_lost() const { return whole_since_us != 0; }
  std::uint64_t wall_us(std::uint64_t monotonic_us) const {
    return started_wall_us + (monotonic_us - started_monotonic_us);
  }
};

// What holds, of all that was read: events that were committed, each as its last worker did it, and each
// datagram once. `records` may be in any order in which each worker's own are in theirs.
std::vector<Record> settled(std::vector<Record> records);

// Error: one line for the operator.
Result<Log, std::string> read_live(const std::string& run_dir);
// From memory that this process has mapped. The root's pointers are not followed: they are the server's.
Log read_rings(const shm::SharedState& state, const shm::EntryRecord* entries,
               const std::vector<const shm::OrderLogArea*>& rings);

}  // namespace lockstep::order
