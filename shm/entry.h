// entry.h: the shared record of one call, and the only door to it. Calls whose Call-IDs share a slot of
// the table share the entry: they are worked one after the other, nothing else.
//
// The word holds owner and inbox head together, so that admitting is one compare-and-swap: there is no
// moment in which an event is in the inbox and nobody will work it (ORDER.md O1, O2).
//   bits 63..56  owner (WorkerId, 0: nobody)      bits 31..0  newest event in the inbox (handle, 0: empty)
//
// `consumed` is the commit (O4): the number of the last event whose decision is in force. Records of the
// call are kept twice, stamped with the number of the decision that wrote them; a copy is valid when its
// stamp is not above `consumed`. One release store of `consumed` therefore publishes all that a decision
// changed, and the consumption of its event, at once.
#pragma once

#include <atomic>
#include <cstdint>

#include "core/base/schedule_point.h"
#include "shm/event_node.h"
#include "shm/segment.h"

namespace lockstep::shm {

struct alignas(64) EntryRecord {
  std::atomic<std::uint64_t> word;
  std::atomic<std::uint64_t> consumed;
  // Owner of the entry only.
  std::atomic<std::uint32_t> take_intent;  // Newest event of an inbox that is just being taken.
  std::uint32_t work_head;                 // Taken events, oldest first.
  std::uint32_t transactions;              // First of the call's transactions.
};
static_assert(sizeof(EntryRecord) == 64);

inline constexpr std::uint32_t kEntryCount = 1u << 16;

// Operations on one entry. Each is stateless; `segment` turns handles into pointers.
class Entry {
 public:
  Entry(Segment& segment, EntryRecord& record) : segment_(segment), record_(record) {}

  // Push. Steps: 1 node.inbox_next = head seen; 2 compare-and-swap of the word (push, and own if
  // nobody owns). True: this worker owns the entry now and must work it; false: its owner will.
  // Death before 2: the event was never in; after 2: it is (was_pushed tells).
  bool admit(EventNode& node, WorkerId me);

  // Takes the whole inbox into the empty work list. Steps: 1 take_intent = head; 2 compare-and-swap the
  // head away; 3 link the events oldest first and number them; 4 work_head; 5 take_intent = 0.
  // False when the inbox is empty. REQUIRES: owned by the caller, work list empty.
  bool take_inbox();
  // Finishes a take that a dead owner had begun. REQUIRES: owned by the caller.
  void finish_take();

  // The event to work next, or nullptr.
  EventNode* next_event() const;
  // Calls `visit(const EventNode&)` for every event behind the one being worked: taken ones, then those in
  // the inbox, newest first. Nothing changes. REQUIRES: owned by the caller.
  template <typename Visit>
  void peek(Visit visit) const {
    if (record_.work_head == 0) return;
    reach(Point::kPeek, resource_of(&record_));
    for (std::uint32_t at = node_at(record_.work_head).work_next; at != 0; at = node_at(at).work_next) {
      visit(node_at(at));
    }
    std::uint32_t at = static_cast<std::uint32_t>(record_.word.load(std::memory_order_acquire));
    for (; at != 0; at = node_at(at).inbox_next) visit(node_at(at));
  }
  // The commit of the event being worked: one release store.
  void commit(std::uint64_t number);
  // Drops the committed event from the work list and frees its node.
  void drop_event();

  // Steps: 1 compare-and-swap owner and empty inbox to nobody. False: the inbox holds events again.
  // REQUIRES: every committed action was handed to the kernel (O5).
  bool try_release(WorkerId me);

  // Gives the entry to another owner, its inbox untouched. False: `from` does not own it (any more).
  bool try_change_owner(WorkerId from, WorkerId to);

  // Recovery: was this node pushed before its pusher died? Exact, whoever works the entry meanwhile.
  bool was_pushed(const EventNode& node) const;

  std::uint64_t consumed() const { return record_.consumed.load(std::memory_order_acquire); }
  WorkerId owner() const;
  EntryRecord& record() { return record_; }

 private:
  const EventNode& node_at(std::uint32_t handle) const { return *segment_.at(Handle<EventNode>{handle}); }
  bool chain_holds(std::uint32_t head, std::uint32_t wanted) const;
  void link_taken(std::uint32_t newest);

  Segment& segment_;
  EntryRecord& record_;
};

}  // namespace lockstep::shm
