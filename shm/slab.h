// slab.h: all shared memory that comes and goes: pages of 64 KiB, each given to one kind of slot, and
// per-worker stocks of free slots, so that taking and giving a slot writes no shared cache line.
//
// The truth is one 32-bit mark per slot, outside the slot: who answers for it. Free lists and stocks
// are caches of the marks and are rebuilt from them when a worker dies (README: "Dead worker").
//   mark kUnused          the page has no kind yet
//   mark kFree            in the global free list of its kind (changed under the pool lock only)
//   mark held(worker)     in the worker's stock, or taken and not yet published, or already given up
//   mark linked(owner)    published: reachable from a transaction or a registrar bucket
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string_view>

#include "shm/handle.h"
#include "shm/owned_lock.h"
#include "shm/segment.h"

namespace lockstep::shm {

// Kinds and their slot sizes; the share is the part of all pages, in percent, that a kind may take.
enum class SlabKind : std::uint8_t {
  kTransaction,
  kBranches,
  kMessage512,
  kMessage1K,
  kMessage2K,
  kMessage4K,
  kMessage16K,
  kMessage64K,
  kAor,
  kContact512,
  kContact1K,
  kContact4K,
};
inline constexpr std::size_t kSlabKindCount = 12;

struct SlabShape {
  std::string_view name;
  std::uint32_t slot_bytes;
  std::uint32_t share_percent;
};
const SlabShape& slab_shape(SlabKind kind);

using SlotHandle = Handle<void>;

// Marks. linked() values carry the handle of the owner, so that a sweep finds what it owns.
using Mark = std::uint32_t;
inline constexpr Mark kMarkUnused = 0;
inline constexpr Mark kMarkFree = 1;
inline constexpr Mark kMarkHeldBase = 0x100;
inline constexpr Mark kMarkLinked = 0x80000000;
constexpr Mark mark_held(WorkerId worker) { return kMarkHeldBase + worker.value; }
constexpr Mark mark_linked(std::uint32_t owner) { return kMarkLinked | owner; }
constexpr bool is_linked(Mark mark) { return (mark & kMarkLinked) != 0; }

struct SlabDirectory;  // The shared tables; bytes in slab.cc.

// What an operator sees of one kind.
struct SlabFigures {
  std::string_view name;
  std::uint32_t slot_bytes;
  std::uint64_t live;      // Slots linked or in a worker's hands, stocks not counted.
  std::uint64_t peak;      // Highest `live`, sampled at refills.
  std::uint64_t capacity;  // Slots that the kind's share of pages would give.
  std::uint64_t refusals;  // Times a slot was asked for and none could be given.
};

// What lies at an address, for who reports about it: "lock", "pages", "lists", "refusals", "stocks" and so on
// of the directory, "marks", "slot", or "other".
struct SlabPlace {
  std::string_view table;
  std::size_t index = 0;   // Of the mark; of the slot in the pool's bytes.
  std::size_t offset = 0;  // Within the slot.
  SlabKind kind{};         // Of the slot.
};

// One process's door to the slabs. Each worker uses its own; nothing in it is shared between threads.
class Slabs {
 public:
  // Makes the tables in the segment; all memory left in it becomes pages. nullptr: segment too small.
  static SlabDirectory* make(Segment& segment);
  Slabs(Segment& segment, SlabDirectory& directory, WorkerId me);

  // A slot of the kind, marked held(me), contents undefined; none when the kind's bound is reached
  // or all pages are in use (counted as a refusal).
  SlotHandle try_take(SlabKind kind);
  // The smallest message kind for `bytes` (1..65536), taken.
  SlotHandle try_take_message(std::size_t bytes);
  // Gives a slot back to my stock. REQUIRES: nobody can reach it any more.
  void give(SlotHandle slot);
  // Publishing and withdrawing are one store each, done right after the commit that made it so.
  void set_mark(SlotHandle slot, Mark mark);
  Mark mark(SlotHandle slot) const;

  SlabKind kind_of(SlotHandle slot) const;
  std::size_t slot_bytes(SlotHandle slot) const;
  char* bytes(SlotHandle slot) const { return segment_.at(Handle<char>{slot.value}); }

  // --- recovery, by the replacement of a dead worker, before it does anything else ---
  // Empties my stocks (the sweep finds their slots again) and mends the global lists if the dead worker
  // held the pool lock. Nothing may be taken or given before it.
  void recover_lock();
  // Empties my stock and asks `keep` for every slot that is held(me) or linked: it returns the mark
  // the slot shall have; held(me) means: free, it goes back to the lists.
  void sweep(const std::function<Mark(SlotHandle, Mark)>& keep);
  // Every slot of one kind that is linked, with its mark (reads only).
  void for_each_linked(SlabKind kind, const std::function<void(SlotHandle, Mark)>& visit) const;

  SlabFigures figures(SlabKind kind) const;
  static SlabPlace place_of(const Segment& segment, const SlabDirectory& directory, const char* at);
  std::size_t total_bytes() const;
  std::size_t used_bytes() const;  // Pages given to kinds.

  WorkerId me() const { return me_; }

 private:
  struct Position {
    std::uint32_t page;
    std::uint32_t slot;
  };
  Position position_of(SlotHandle slot) const;
  SlotHandle handle_at(std::uint32_t page, std::uint32_t slot, SlabKind kind) const;
  bool refill(SlabKind kind);
  void spill(SlabKind kind);
  bool add_page(SlabKind kind);
  void rebuild_global_lists();

  Segment& segment_;
  SlabDirectory& directory_;
  WorkerId me_;
};

}  // namespace lockstep::shm
