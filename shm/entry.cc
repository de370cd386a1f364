#include "shm/entry.h"

#include <sched.h>

#include "core/base/assert.h"
#include "core/base/mutation.h"
#include "core/base/schedule_point.h"

namespace lockstep::shm {
namespace {

constexpr std::uint64_t make_word(WorkerId owner, std::uint32_t head) {
  return static_cast<std::uint64_t>(owner.value) << 56 | head;
}
constexpr WorkerId owner_in(std::uint64_t word) { return WorkerId{static_cast<std::uint8_t>(word >> 56)}; }
constexpr std::uint32_t head_in(std::uint64_t word) { return static_cast<std::uint32_t>(word); }

}  // namespace

WorkerId Entry::owner() const { return owner_in(record_.word.load(std::memory_order_acquire)); }

bool Entry::admit(EventNode& node, WorkerId me) {
  const std::uint32_t handle = segment_.handle_of(&node).value;
  reach(Point::kAdmit, resource_of(&record_));
  std::uint64_t word = record_.word.load(std::memory_order_relaxed);
  for (;;) {
    node.inbox_next = head_in(word);
    const WorkerId owner = owner_in(word);
    const bool mine = owner.value == 0;
    if (record_.word.compare_exchange_weak(word, make_word(mine ? me : owner, handle),
                                           std::memory_order_acq_rel, std::memory_order_relaxed)) {
      return mine;
    }
  }
}

bool Entry::take_inbox() {
  LS_ASSERT(record_.work_head == 0);
  reach(Point::kTake, resource_of(&record_));
  std::uint64_t word = record_.word.load(std::memory_order_acquire);
  for (;;) {
    const std::uint32_t newest = head_in(word);
    if (newest == 0) {
      record_.take_intent.store(0, std::memory_order_release);
      return false;
    }
    record_.take_intent.store(newest, std::memory_order_seq_cst);
    if (record_.word.compare_exchange_strong(word, make_word(owner_in(word), 0), std::memory_order_seq_cst,
                                             std::memory_order_acquire)) {
      link_taken(newest);
      return true;
    }
  }
}

// inbox_next is left as it is, so that a death here is mended by doing the same again.
void Entry::link_taken(std::uint32_t newest) {
  std::uint32_t newer = 0;
  std::uint32_t count = 0;
  for (std::uint32_t at = newest; at != 0;) {
    EventNode& node = *segment_.at(Handle<EventNode>{at});
    node.work_next = newer;
    node.state.store(NodeState::kTaken, std::memory_order_release);
    newer = at;
    at = node.inbox_next;
    ++count;
  }
  std::uint64_t number = consumed();
  for (std::uint32_t at = newer; at != 0;) {
    EventNode& node = *segment_.at(Handle<EventNode>{at});
    node.number = ++number;
    at = node.work_next;
  }
  LS_ASSERT(count > 0);
  record_.work_head = newer;
  record_.take_intent.store(0, std::memory_order_release);
}

void Entry::finish_take() {
  const std::uint32_t intent = record_.take_intent.load(std::memory_order_acquire);
  if (intent == 0) return;
  if (record_.work_head != 0) {  // Step 4 was done: the list is whole.
    record_.take_intent.store(0, std::memory_order_release);
    return;
  }
  if (chain_holds(head_in(record_.word.load(std::memory_order_acquire)), intent)) {  // Step 2 was not done.
    record_.take_intent.store(0, std::memory_order_release);
    return;
  }
  link_taken(intent);
}

EventNode* Entry::next_event() const {
  return record_.work_head == 0 ? nullptr : segment_.at(Handle<EventNode>{record_.work_head});
}

void Entry::drop_event() {
  EventNode& node = *segment_.at(Handle<EventNode>{record_.work_head});
  reach(Point::kDrop, resource_of(&node));
  record_.work_head = node.work_next;
  if (mutated(Mutation::kNodeLeaked)) return;
  node.state.store(NodeState::kFree, std::memory_order_release);
}

bool Entry::try_release(WorkerId me) {
  LS_ASSERT(record_.work_head == 0);
  reach(Point::kRelease, resource_of(&record_));
  std::uint64_t expected = make_word(me, 0);
  return record_.word.compare_exchange_strong(expected, 0, std::memory_order_acq_rel,
                                              std::memory_order_relaxed);
}

void Entry::commit(std::uint64_t number) {
  reach(Point::kCommit);
  record_.consumed.store(number, std::memory_order_release);
}

bool Entry::try_change_owner(WorkerId from, WorkerId to) {
  reach(Point::kOwn, resource_of(&record_));
  std::uint64_t word = record_.word.load(std::memory_order_acquire);
  while (owner_in(word) == from) {
    if (record_.word.compare_exchange_weak(word, make_word(to, head_in(word)), std::memory_order_acq_rel,
                                           std::memory_order_acquire)) {
      return true;
    }
  }
  return false;
}

bool Entry::chain_holds(std::uint32_t head, std::uint32_t wanted) const {
  // A snapshot that changes under the reader may lead astray, so the walk is bounded.
  for (std::uint32_t steps = 0; head != 0 && steps < (1u << 20); ++steps) {
    if (head == wanted) return true;
    head = segment_.at(Handle<EventNode>{head})->inbox_next;
  }
  return false;
}

bool Entry::was_pushed(const EventNode& node) const {
  const std::uint32_t wanted = segment_.handle_of(&node).value;
  for (;;) {
    const std::uint64_t before = record_.word.load(std::memory_order_seq_cst);
    const bool in_inbox = chain_holds(head_in(before), wanted);
    const bool being_taken = record_.take_intent.load(std::memory_order_seq_cst) != 0;
    const bool taken = node.state.load(std::memory_order_seq_cst) != NodeState::kInUse;
    if (taken) return true;
    const bool stable = record_.word.load(std::memory_order_seq_cst) == before;
    if (stable && in_inbox) return true;
    // Not in the inbox, nobody between taking and marking, still not marked: it was never pushed.
    if (stable && !being_taken) return false;
    sched_yield();
  }
}

}  // namespace lockstep::shm
