// openser13.cc: the order of old (ORDER.md section 4): whoever gets the call's lock first decides first; whom
// to cancel is read and marked when the lock was let go; who sends first is nobody's affair. It keeps no
// order and loses calls with a worker; it is there to show how the ticket came about.
#include <sched.h>

#include "core/worker/command_post.h"
#include "core/worker/worker.h"

namespace lockstep::worker {

void Worker::work_unordered() {
  while (!unordered_.empty()) {
    std::vector<shm::EventNode*> nodes;
    nodes.swap(unordered_);
    for (shm::EventNode* node : nodes) work_one(*node);
  }
}

void Worker::work_one(shm::EventNode& node) {
  const std::uint32_t entry = node.entry;
  lock(entry);
  engine_.work_alone(entry, node);
  WishedCancels wished = engine_.wished();
  unlock(entry);
  if (wished.branches != 0) {
    lock(entry);
    engine_.pick_cancels(entry, wished);
    unlock(entry);
    mark_picked(entry, wished);
  }
  engine_.flush();
}

// By what was read before: that the branches may have moved on since is the fault that it shows (W1).
void Worker::mark_picked(std::uint32_t entry, const WishedCancels& wished) {
  lock(entry);
  for (std::uint16_t branch = 0; branch < transaction::kBranchMax; ++branch) {
    const auto bit = transaction::mask_of(transaction::branch_index(branch));
    if ((wished.branches & bit) == 0) continue;
    shm::EventNode* node = pool_.try_take_timer_node();
    if (node == nullptr) break;  // Then nobody cancels them: no fault that this ordering would mind.
    node->kind = shm::EventKind::kCommand;
    node->entry = entry;
    node->transaction = wished.transaction;
    node->generation = wished.generation;
    node->branch = branch;
    node->what = static_cast<std::uint16_t>(
        (wished.had_provisional & bit) != 0 ? CallCommandKind::kPickedRinging : CallCommandKind::kPicked);
    engine_.work_alone(entry, *node);
  }
  unlock(entry);
}

void Worker::lock(std::uint32_t index) {
  shm::Entry entry(process_.segment, process_.state.entry(index));
  while (!entry.try_change_owner(shm::WorkerId{0}, process_.me) &&
         !entry.try_change_owner(shm::kQueued, process_.me)) {
    sched_yield();
  }
}

// What commands have put into the inbox meanwhile is worked before the call is let go.
void Worker::unlock(std::uint32_t index) {
  shm::Entry entry(process_.segment, process_.state.entry(index));
  while (!entry.try_release(process_.me)) engine_.work(index);
}

}  // namespace lockstep::worker
