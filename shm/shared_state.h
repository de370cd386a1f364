// shared_state.h: the root of the segment: everything that processes share hangs here. Made once by the
// supervisor; addresses are the same in all its children.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "core/base/peer_address.h"
#include "core/base/result.h"
#include "shm/entry.h"
#include "shm/order_log.h"
#include "shm/run_queue.h"
#include "shm/segment.h"
#include "shm/slab.h"
#include "shm/worker_area.h"

namespace lockstep::shm {

inline constexpr std::size_t kListenMax = 64;

struct SharedState {
  std::uint32_t layout;         // kLayoutNumber.
  std::uint32_t worker_count;   // Workers 1..worker_count; the control process is worker_count + 1.
  std::uint64_t hash_seed;      // Random per start: entry hash, transaction keys.
  std::uint64_t branch_secret;  // Random per start: the check value in our Via branches.
  std::uint64_t started_wall_s;
  volatile int log_level;               // Changed by RPC corex.debug.
  std::atomic<std::uint32_t> stopping;  // 1: the supervisor lives and ends its children.
  EntryRecord* entries;                 // kEntryCount.
  SlabDirectory* slabs;
  RunQueue* run_queue;
  WorkerArea* areas[kWorkerMax + 1];         // By WorkerId; [0] is not used.
  OrderLogArea* order_logs[kWorkerMax + 1];  // Of workers; nullptr: none.
  // For who reads the log later: when the clocks were what, and the listening addresses by index.
  std::uint64_t started_wall_us;
  std::uint64_t started_monotonic_us;
  std::uint32_t listen_count;
  PeerAddress listen[kListenMax];

  EntryRecord& entry(std::uint32_t index) { return entries[index]; }
  WorkerArea& area(WorkerId id) { return *areas[id.value]; }
  std::uint32_t entry_of(std::string_view call_id) const;
  std::uint32_t index_of(const EntryRecord& record) const {
    return static_cast<std::uint32_t>(&record - entries);
  }
};

// Builds the tables for `worker_count` workers and the control process in an empty segment. Modules make
// their own named tables before finish_shared_state gives all that is left to the slabs.
Result<SharedState*, std::string> make_shared_state(Segment& segment, std::uint32_t worker_count);
Result<SlabDirectory*, std::string> finish_shared_state(Segment& segment, SharedState& state);

}  // namespace lockstep::shm
