#include "core/worker/node_pool.h"

#include "core/base/schedule_point.h"

namespace lockstep::worker {
namespace {

// Whether it is free another process decides, by freeing it: each look is a step of its own.
bool try_claim(shm::EventNode& node, shm::WorkerId home) {
  reach(Point::kTakeNode, resource_of(&node));
  if (node.state.load(std::memory_order_acquire) != shm::NodeState::kFree) return false;
  node.home = home.value;
  node.large = 0;
  node.attempts = 0;
  node.state.store(shm::NodeState::kInUse, std::memory_order_release);
  return true;
}

}  // namespace

// Begins at the front again as soon as the first is free: few stay in use, and those stay in the cache.
shm::ReceiveBuffer* NodePool::try_take_buffer() {
  if (try_claim(area_.buffers[0].node, me_)) {
    area_.receive_cursor = 1;
    return &area_.buffers[0];
  }
  for (std::uint32_t tries = 0; tries < shm::kReceivePoolSize; ++tries) {
    shm::ReceiveBuffer& buffer = area_.buffers[area_.receive_cursor];
    area_.receive_cursor = (area_.receive_cursor + 1) % shm::kReceivePoolSize;
    if (try_claim(buffer.node, me_)) return &buffer;
  }
  return nullptr;
}

shm::EventNode* NodePool::try_take_timer_node() {
  if (try_claim(area_.timer_nodes[0], me_)) {
    area_.timer_cursor = 1;
    return &area_.timer_nodes[0];
  }
  for (std::uint32_t tries = 0; tries < shm::kTimerNodeMax; ++tries) {
    shm::EventNode& node = area_.timer_nodes[area_.timer_cursor];
    area_.timer_cursor = (area_.timer_cursor + 1) % shm::kTimerNodeMax;
    if (try_claim(node, me_)) return &node;
  }
  return nullptr;
}

}  // namespace lockstep::worker
