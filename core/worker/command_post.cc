// command_post.cc: admit, and hand over what was admitted to an entry that nobody owned.
#include "core/worker/command_post.h"

#include <sched.h>
#include <unistd.h>

#include "core/worker/node_pool.h"
#include "shm/entry.h"

namespace lockstep::worker {

bool CommandPost::post(Process& process, const CallCommand& command) {
  shm::EventNode* node = NodePool(process).try_take_timer_node();
  if (node == nullptr) return false;
  node->kind = shm::EventKind::kCommand;
  node->entry = command.entry;
  node->transaction = command.transaction;
  node->generation = command.generation;
  node->branch = command.branch;
  node->what = static_cast<std::uint16_t>(command.kind);
  shm::Entry entry(process.segment, process.state.entry(command.entry));
  if (entry.admit(*node, process.me)) queue(process, command.entry);
  return true;
}

// Owned by this process until the change of owner; a full queue empties as soon as a worker turns.
void CommandPost::queue(Process& process, std::uint32_t index) {
  shm::Entry entry(process.segment, process.state.entry(index));
  entry.try_change_owner(process.me, shm::kQueued);
  while (!process.state.run_queue->try_push(index, process.me)) sched_yield();
  const std::uint64_t one = 1;
  for (const int fd : wake_fds_) {
    [[maybe_unused]] const ssize_t told = write(fd, &one, sizeof one);
  }
}

void CommandPost::recover(Process& process) {
  process.state.run_queue->recover(process.me);
  for (std::uint32_t index = 0; index < shm::kEntryCount; ++index) {
    shm::Entry entry(process.segment, process.state.entry(index));
    if (entry.owner() == process.me) queue(process, index);
  }
  for (shm::EventNode& node : process.state.area(process.me).timer_nodes) {
    if (node.state.load(std::memory_order_acquire) != shm::NodeState::kInUse) continue;
    shm::Entry entry(process.segment, process.state.entry(node.entry));
    if (!entry.was_pushed(node)) node.state.store(shm::NodeState::kFree, std::memory_order_release);
  }
}

}  // namespace lockstep::worker
