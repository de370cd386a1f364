// node_pool.h: this worker's own event nodes in the segment: buffers to receive into, nodes for timers.
// Whoever works an event frees its node by one store; the pool finds free ones by going round.
#pragma once

#include "core/worker/process.h"

namespace lockstep::worker {

class NodePool {
 public:
  explicit NodePool(Process& process) : area_(process.state.area(process.me)), me_(process.me) {}

  // nullptr: all are on their way; the caller tries again later (the kernel keeps what has not been read).
  shm::ReceiveBuffer* try_take_buffer();
  shm::EventNode* try_take_timer_node();

 private:
  shm::WorkerArea& area_;
  shm::WorkerId me_;
};

}  // namespace lockstep::worker
