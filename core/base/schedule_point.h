// schedule_point.h: named places at which a process can be held, so that an order of several processes can
// be shown (`make repro`) or tried (`lockstep explore`) on the shipped binary. A point stands before each
// step that another process may see, and names that step: its kind, and what it touches.
// Dormant: one predictable branch on a byte of a page that nobody writes.
#pragma once

#include <cstdint>

namespace lockstep {

// The step that comes next. `local`: nobody else sees it; it is named because a death can come before it.
enum class Point : std::uint8_t {
  kReceive,   // Takes datagrams from the own sockets.
  kTakeNode,  // Takes a free event node: reads that node.
  kAdmit,     // Pushes an event into an inbox, and owns the entry if nobody does.
  kTake,      // Takes a whole inbox.
  kDecide,    // Local: works the next event of an owned entry.
  kPeek,      // Reads the inbox of an owned entry (O9).
  kCommit,    // Local: the one store.
  kLink,      // Local: a transaction enters the list of its entry.
  kUnlink,    // Local: it leaves it.
  kDrop,      // Frees the node of a committed event.
  kSend,      // Hands datagrams to the kernel: one at a time while armed.
  kRelease,   // Lets an entry go, if its inbox is empty.
  kOwn,       // Changes the owner of an entry: the run queue; the lock of openser13, which waits for it.
  kTimer,     // Reads the clock and fires what is due.
  kSlab,      // Fills or empties the own stock of slots from the pool that all share.
  kRecover,   // A replacement begins to mend what its predecessor left.
  kLock,      // Takes a lock that is held over further points, when nobody holds it.
  kUnlock,    // Lets it go. Between the two it names whatever the lock guards.
  kBind,      // Local: the bindings of an address of record change, under their bucket's lock.
};
inline constexpr unsigned kPointCount = 19;

// What the step touches; two steps with different ones cannot see each other. 0: nothing but one's own.
using PointResource = std::uint32_t;
inline PointResource resource_of(const void* shared) {
  return static_cast<PointResource>(reinterpret_cast<std::uintptr_t>(shared) >> 6);
}

using PointHook = void (*)(Point next, PointResource resource);

namespace detail {
struct alignas(4096) PointPage {
  std::uint8_t is_armed;
  PointHook hook;
};
extern PointPage point_page;
}  // namespace detail

inline bool points_armed() { return detail::point_page.is_armed != 0; }
inline void reach(Point next, PointResource resource = 0) {
  if (points_armed()) [[unlikely]]
    detail::point_page.hook(next, resource);
}

// From now on every point of this process and of those it forks calls `hook`; nullptr: none does. Before or
// between calls of reach(), in one thread.
void arm_points(PointHook hook);
// Makes the page read-only: a dormant server cannot be armed by a stray write.
void seal_points();

// "receive", "admit" and so on. Never null.
const char* name_of(Point point);

}  // namespace lockstep
