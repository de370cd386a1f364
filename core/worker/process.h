// process.h: what one process of the server (a worker, or the control process) has in its hands: its
// number and its private doors to the segment. Made after the fork.
#pragma once

#include <cstdint>

#include "shm/counters.h"
#include "shm/order_log.h"
#include "shm/segment.h"
#include "shm/shared_state.h"
#include "shm/slab.h"

namespace lockstep::worker {

struct Process {
  shm::WorkerId me;
  shm::Segment& segment;
  shm::SharedState& state;
  shm::Slabs& slabs;
  shm::CounterBlock& counters;  // Mine alone to write.
  shm::OrderLogWriter order_log{};  // Written by workers; closed in the control process.

  bool is_worker() const { return me.value <= state.worker_count; }
  std::uint32_t worker_count() const { return state.worker_count; }
};

}  // namespace lockstep::worker
