#include "core/worker/recovery.h"

#include <fmt/core.h>

#include <fstream>

#include "core/base/log.h"
#include "core/base/mutation.h"

namespace lockstep::worker {

Recovery::Recovery(Process& process, Engine& engine, Outbox& outbox, Receiver& receiver,
                   const EngineCounters& counters, std::string quarantine_dir)
    : process_(process),
      engine_(engine),
      outbox_(outbox),
      receiver_(receiver),
      counters_(counters),
      quarantine_dir_(std::move(quarantine_dir)) {}

std::vector<std::uint32_t> Recovery::run(const std::map<shm::SlabKind, SlotKeeper>& keepers) {
  take_over_entries();
  const std::size_t sent = outbox_.recover();
  for (const std::uint32_t index : owned_) {
    mend_transactions(index);
    set_aside(index);
  }
  free_stray_nodes();
  sweep_slots(keepers);
  for (const std::uint32_t index : owned_) remove_gone(index);
  const std::size_t admitted = receiver_.recover(
      [this](const shm::EventNode& node, std::string_view bytes) { quarantine_unadmitted(node, bytes); });
  rebuild_wheel();
  process_.counters.add(counters_.recovered_datagrams, sent);
  LS_LOG(kNotice, "core", "took over from a dead worker: {} calls in hand, {} datagrams sent, {} admitted",
         owned_.size(), sent, admitted);
  return owned_;
}

void Recovery::take_over_entries() {
  for (std::uint32_t index = 0; index < shm::kEntryCount; ++index) {
    shm::Entry entry(process_.segment, process_.state.entry(index));
    // Handed over, and perhaps not in the queue: once more does no harm (run_queue.h).
    if (entry.owner() == shm::kQueued) process_.state.run_queue->try_push(index, process_.me);
    if (!(entry.owner() == process_.me)) continue;
    owned_.push_back(index);
    entry.finish_take();
    while (entry.next_event() != nullptr && entry.next_event()->number <= entry.consumed() &&
           !mutated(Mutation::kWorkedTwiceAfterDeath)) {
      leave_large(*entry.next_event());
      entry.drop_event();
    }
    for (const shm::EventNode* node = entry.next_event(); node != nullptr;) {
      listed_.insert(process_.segment.handle_of(node).value);
      process_.counters.add(counters_.recovered_events);
      node =
          node->work_next == 0 ? nullptr : process_.segment.at(shm::Handle<shm::EventNode>{node->work_next});
    }
  }
}

// After mend_transactions() and the outbox: consuming the event must not bring into force what its decision
// had written before the death.
void Recovery::set_aside(std::uint32_t index) {
  shm::Entry entry(process_.segment, process_.state.entry(index));
  shm::EventNode* node = entry.next_event();
  if (node == nullptr || node->attempts < shm::kAttemptsMax) return;
  listed_.erase(process_.segment.handle_of(node).value);
  quarantine(entry, *node);
}

// Two workers in a row died while they worked this event: it is consumed without effect, and a datagram's
// bytes are kept for whoever looks for the cause.
void Recovery::quarantine(shm::Entry& entry, shm::EventNode& node) {
  std::string file = "not kept";
  if (node.kind == shm::EventKind::kDatagram) {
    const char* bytes = node.large != 0 ? process_.segment.at(shm::Handle<char>{node.large})
                                        : reinterpret_cast<const shm::ReceiveBuffer*>(&node)->bytes;
    file = keep(fmt::format("{}-{}", node.entry, node.number), {bytes, node.length});
  }
  tell_set_aside(node, file);
  process_.order_log.set_aside(node.entry, node);
  entry.commit(node.number);
  leave_large(node);
  entry.drop_event();
}

// Two workers in a row died while they looked for its call: no entry and no order has heard of it. A death
// in here has it done again under the same name, which is nobody else's.
void Recovery::quarantine_unadmitted(const shm::EventNode& node, std::string_view bytes) {
  const std::uint32_t handle = process_.segment.handle_of(&node).value;
  tell_set_aside(node, keep(fmt::format("received-{}-{}", node.received_us, handle), bytes));
}

// Returns the path.
std::string Recovery::keep(const std::string& name, std::string_view bytes) const {
  std::string file = fmt::format("{}/quarantine-{}.sip", quarantine_dir_, name);
  std::ofstream(file, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  return file;
}

void Recovery::tell_set_aside(const shm::EventNode& node, const std::string& file) {
  LS_LOG(kCrit, "core", "two workers died of one event from {}:{}; it is set aside: {}",
         ip_text(node.source).view(), node.source.is_set() ? node.source.port() : 0, file);
  process_.counters.add(counters_.quarantined);
}

// The slot of a long datagram whose event is done with: the sweep frees it, given back already or not.
void Recovery::leave_large(shm::EventNode& node) {
  if (node.large != 0) process_.slabs.set_mark(shm::SlotHandle{node.large}, shm::mark_held(process_.me));
  node.large = 0;
}

// A copy stamped beyond `consumed` was written for a decision that never was; a record without any valid
// copy was made for one. What is gone stays listed until the sweep has freed what belongs to it, so that
// after another death the next replacement finds it as this one did.
void Recovery::mend_transactions(std::uint32_t index) {
  shm::Entry entry(process_.segment, process_.state.entry(index));
  const std::uint64_t consumed = entry.consumed();
  const auto invalidate = [consumed](auto& copies) {
    for (auto& copy : copies) {
      if (copy.stamp.load(std::memory_order_acquire) > consumed) {
        copy.stamp.store(shm::kNoStamp, std::memory_order_release);
      }
    }
  };
  engine_.store().for_each(entry, [&](shm::TransactionRecord& record) {
    invalidate(record.copies);
    for (const std::uint32_t chunk : record.chunks) {
      if (chunk != 0) invalidate(process_.segment.at(shm::Handle<shm::BranchChunk>{chunk})->copies);
    }
    if (engine_.store().is_committed(record, consumed)) {
      engine_.store().forget_unused_chunks(record, consumed);
      shm::TransactionView view;
      engine_.store().load(record, consumed, view);
      if (!transaction::is_ended(view.state)) return;
    }
    gone_.insert(engine_.store().handle_of(record));
  });
}

void Recovery::remove_gone(std::uint32_t index) {
  shm::Entry entry(process_.segment, process_.state.entry(index));
  std::vector<shm::TransactionRecord*> gone;
  engine_.store().for_each(entry, [&](shm::TransactionRecord& record) {
    if (gone_.contains(engine_.store().handle_of(record))) gone.push_back(&record);
  });
  for (shm::TransactionRecord* record : gone) engine_.store().remove(entry, *record);
}

void Recovery::sweep_slots(const std::map<shm::SlabKind, SlotKeeper>& keepers) {
  std::map<std::uint32_t, std::uint32_t> reached;  // Slot to the transaction that reaches it.
  std::unordered_set<std::uint32_t> mine;          // Transactions of owned entries, alive or gone.
  std::unordered_set<std::uint32_t> in_flight;     // Long datagrams on their way through an inbox.
  for (const std::uint32_t index : owned_) {
    shm::Entry entry(process_.segment, process_.state.entry(index));
    engine_.store().for_each(entry, [&](shm::TransactionRecord& record) {
      const std::uint32_t handle = engine_.store().handle_of(record);
      mine.insert(handle);
      if (gone_.contains(handle)) {  // remove_gone() gives these back; its messages are for the sweep.
        reached[handle] = handle;
        for (const std::uint32_t chunk : record.chunks) {
          if (chunk != 0) reached[chunk] = handle;
        }
        return;
      }
      engine_.store().for_each_slot(record, entry.consumed(),
                                    [&](shm::SlotHandle slot) { reached[slot.value] = handle; });
    });
  }
  shm::WorkerArea& area = process_.state.area(process_.me);
  for (const shm::ReceiveBuffer& buffer : area.buffers) {
    if (buffer.node.state.load(std::memory_order_acquire) != shm::NodeState::kFree &&
        buffer.node.large != 0) {
      in_flight.insert(buffer.node.large);
    }
  }
  const shm::Mark free_mark = shm::mark_held(process_.me);
  process_.slabs.sweep([&](shm::SlotHandle slot, shm::Mark mark) -> shm::Mark {
    const auto keeper = keepers.find(process_.slabs.kind_of(slot));
    if (keeper != keepers.end()) return keeper->second(process_, slot, mark);
    if (const auto found = reached.find(slot.value); found != reached.end())
      return shm::mark_linked(found->second);
    if (mark == free_mark) {
      // A slot in flight is handed to whoever works the event, under a mark that no sweep of ours frees.
      return in_flight.contains(slot.value) ? shm::mark_linked(slot.value) : free_mark;
    }
    // Linked to a transaction of mine that no longer reaches it: dropped by the last commit, not yet given.
    const std::uint32_t owner = mark & ~shm::kMarkLinked;
    if (mine.contains(owner)) return free_mark;
    return mark;
  });
}

// Taken by an entry that is mine and listed nowhere: the death came between the list and the free.
void Recovery::free_if_stray(shm::EventNode& node) {
  const shm::NodeState state = node.state.load(std::memory_order_acquire);
  const std::uint32_t handle = process_.segment.handle_of(&node).value;
  if (state == shm::NodeState::kTaken) {
    const std::uint32_t index = node.entry;
    shm::Entry entry(process_.segment, process_.state.entry(index));
    if (!(entry.owner() == process_.me) || listed_.contains(handle)) return;
    // Another worker may have freed it since, and its home filled it again: only what is still taken, and
    // still of my entry, is mine. Nobody else takes events of my entries.
    std::atomic_thread_fence(std::memory_order_acquire);
    if (node.state.load(std::memory_order_acquire) != shm::NodeState::kTaken || node.entry != index) return;
    leave_large(node);
    node.state.store(shm::NodeState::kFree, std::memory_order_release);
    return;
  }
  if (state != shm::NodeState::kInUse || node.home != process_.me.value) return;
  // Mine, and either in an inbox, in my batch, or claimed and never pushed.
  shm::ReceiveBatch& batch = process_.state.area(process_.me).batch;
  for (const std::uint32_t buffer : batch.buffers) {
    if (buffer == handle) return;
  }
  shm::Entry entry(process_.segment, process_.state.entry(node.entry));
  if (entry.was_pushed(node)) return;
  node.state.store(shm::NodeState::kFree, std::memory_order_release);
}

void Recovery::free_stray_nodes() {
  for (std::uint8_t id = 1; id <= process_.state.worker_count + 1; ++id) {
    shm::WorkerArea& area = process_.state.area(shm::WorkerId{id});
    for (shm::ReceiveBuffer& buffer : area.buffers) free_if_stray(buffer.node);
    for (shm::EventNode& node : area.timer_nodes) free_if_stray(node);
  }
}

// Every transaction that was armed by the dead worker, and every one of the entries it owned, whose
// arming it may not have come to.
void Recovery::rebuild_wheel() {
  process_.slabs.for_each_linked(shm::SlabKind::kTransaction, [this](shm::SlotHandle slot, shm::Mark) {
    shm::TransactionRecord& record = engine_.store().at(slot.value);
    if (record.armed_by == process_.me.value && record.entry < shm::kEntryCount)
      engine_.rearm(record.entry, record);
  });
  for (const std::uint32_t index : owned_) {
    shm::Entry entry(process_.segment, process_.state.entry(index));
    engine_.store().for_each(entry, [this, index](shm::TransactionRecord& record) {
      record.armed_by = process_.me.value;
      record.armed_at_ms = 0;  // In the past: the first turn of the wheel looks at it.
      engine_.rearm(index, record);
    });
  }
}

}  // namespace lockstep::worker
