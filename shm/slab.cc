#include "shm/slab.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "core/base/schedule_point.h"

namespace lockstep::shm {
namespace {

constexpr std::uint32_t kPageBytes = 65536;
constexpr std::uint32_t kSlotsPerPageMax = 256;
constexpr std::uint32_t kStockMax = 64;
constexpr std::uint32_t kBatch = 32;  // Slots moved between a stock and the global list at once.
constexpr std::uint8_t kNoKind = 0xff;

constexpr std::array<SlabShape, kSlabKindCount> kShapes{{
    {"transactions", 704, 60},
    {"branches", 1024, 40},
    {"messages_512", 512, 60},
    {"messages_1k", 1024, 60},
    {"messages_2k", 2048, 60},
    {"messages_4k", 4096, 50},
    {"messages_16k", 16384, 50},
    {"messages_64k", 65536, 50},
    {"aors", 256, 40},
    {"contacts_512", 512, 60},
    {"contacts_1k", 1024, 60},
    {"contacts_4k", 4096, 50},
}};

std::uint32_t slots_per_page(SlabKind kind) { return kPageBytes / slab_shape(kind).slot_bytes; }

std::size_t index_of(SlabKind kind) { return static_cast<std::size_t>(kind); }

// Read and written by its worker only; here, in shared memory, so that others can count it.
struct alignas(64) Stock {
  std::uint32_t count;
  std::uint32_t slots[kStockMax];
};

struct alignas(64) GlobalList {
  std::uint32_t first;  // Handle; the next one stands in the first bytes of the free slot.
  std::uint32_t count;
  std::uint32_t pages;
  std::uint64_t peak;
};

}  // namespace

struct SlabDirectory {
  alignas(64) OwnedLock lock;  // Guards lists, pages, page_count and every change to or from kMarkFree.
  std::uint32_t page_count;
  std::uint32_t page_max;
  std::uint64_t pool_offset;
  GlobalList lists[kSlabKindCount];
  std::atomic<std::uint64_t> refusals[kSlabKindCount];
  Stock stocks[kWorkerMax + 1][kSlabKindCount];
  std::atomic<std::uint8_t>* page_kinds;  // Same address in all processes.
  std::atomic<Mark>* marks;
};

const SlabShape& slab_shape(SlabKind kind) { return kShapes[index_of(kind)]; }

SlabDirectory* Slabs::make(Segment& segment) {
  void* memory = segment.allocate_named("slab.directory", sizeof(SlabDirectory), 64);
  if (memory == nullptr) return nullptr;
  auto* directory = static_cast<SlabDirectory*>(memory);
  constexpr std::size_t kReserve = 256 * 1024;  // The library's own headers and the page alignment.
  const std::size_t left = segment.free_bytes();
  if (left < kReserve + 4 * kPageBytes) return nullptr;
  const std::size_t per_page = kPageBytes + kSlotsPerPageMax * sizeof(Mark) + 1;
  const std::size_t pages = (left - kReserve) / per_page;
  void* kinds = segment.allocate_named("slab.page_kinds", pages, 64);
  void* marks = segment.allocate_named("slab.marks", pages * kSlotsPerPageMax * sizeof(Mark), 64);
  void* pool = segment.allocate_named("slab.pool", pages * kPageBytes, 4096);
  if (kinds == nullptr || marks == nullptr || pool == nullptr) return nullptr;
  directory->page_kinds = static_cast<std::atomic<std::uint8_t>*>(kinds);
  directory->marks = static_cast<std::atomic<Mark>*>(marks);
  for (std::size_t i = 0; i < pages; ++i) directory->page_kinds[i].store(kNoKind, std::memory_order_relaxed);
  directory->page_max = static_cast<std::uint32_t>(pages);
  directory->pool_offset = static_cast<std::uint64_t>(static_cast<char*>(pool) - segment.base());
  return directory;
}

Slabs::Slabs(Segment& segment, SlabDirectory& directory, WorkerId me)
    : segment_(segment), directory_(directory), me_(me) {}

Slabs::Position Slabs::position_of(SlotHandle slot) const {
  const std::uint64_t offset =
      static_cast<std::uint64_t>(slot.value) * kHandleUnitBytes - directory_.pool_offset;
  const auto page = static_cast<std::uint32_t>(offset / kPageBytes);
  LS_ASSERT(page < directory_.page_max);
  const auto kind = static_cast<SlabKind>(directory_.page_kinds[page].load(std::memory_order_relaxed));
  return {page, static_cast<std::uint32_t>(offset % kPageBytes) / slab_shape(kind).slot_bytes};
}

SlotHandle Slabs::handle_at(std::uint32_t page, std::uint32_t slot, SlabKind kind) const {
  const std::uint64_t offset = directory_.pool_offset + static_cast<std::uint64_t>(page) * kPageBytes +
                               static_cast<std::uint64_t>(slot) * slab_shape(kind).slot_bytes;
  return SlotHandle{static_cast<std::uint32_t>(offset / kHandleUnitBytes)};
}

SlabKind Slabs::kind_of(SlotHandle slot) const {
  const Position at = position_of(slot);
  return static_cast<SlabKind>(directory_.page_kinds[at.page].load(std::memory_order_relaxed));
}

std::size_t Slabs::slot_bytes(SlotHandle slot) const { return slab_shape(kind_of(slot)).slot_bytes; }

Mark Slabs::mark(SlotHandle slot) const {
  const Position at = position_of(slot);
  return directory_.marks[at.page * kSlotsPerPageMax + at.slot].load(std::memory_order_acquire);
}

void Slabs::set_mark(SlotHandle slot, Mark mark) {
  const Position at = position_of(slot);
  directory_.marks[at.page * kSlotsPerPageMax + at.slot].store(mark, std::memory_order_release);
}

SlotHandle Slabs::try_take(SlabKind kind) {
  Stock& stock = directory_.stocks[me_.value][index_of(kind)];
  if (stock.count == 0 && !refill(kind)) {
    directory_.refusals[index_of(kind)].fetch_add(1, std::memory_order_relaxed);
    return {};
  }
  return SlotHandle{stock.slots[--stock.count]};
}

SlotHandle Slabs::try_take_message(std::size_t bytes) {
  static constexpr std::array kMessageKinds{SlabKind::kMessage512, SlabKind::kMessage1K,
                                            SlabKind::kMessage2K,  SlabKind::kMessage4K,
                                            SlabKind::kMessage16K, SlabKind::kMessage64K};
  for (const SlabKind kind : kMessageKinds) {
    if (bytes <= slab_shape(kind).slot_bytes) return try_take(kind);
  }
  return {};
}

void Slabs::give(SlotHandle slot) {
  const SlabKind kind = kind_of(slot);
  Stock& stock = directory_.stocks[me_.value][index_of(kind)];
  set_mark(slot, mark_held(me_));
  if (stock.count == kStockMax) spill(kind);
  stock.slots[stock.count++] = slot.value;
}

// Steps: 1 lock; 2 take up to kBatch slots off the list, marking each held(me) before it leaves the
// list; 3 unlock. A death inside: recover_lock() rebuilds the lists from the marks.
bool Slabs::refill(SlabKind kind) {
  Stock& stock = directory_.stocks[me_.value][index_of(kind)];
  reach(Point::kSlab, resource_of(&directory_));
  LockHold hold(directory_.lock, me_);
  GlobalList& list = directory_.lists[index_of(kind)];
  if (list.first == 0 && !add_page(kind)) return false;
  while (list.first != 0 && stock.count < kBatch) {
    const SlotHandle slot{list.first};
    std::uint32_t next = 0;
    std::memcpy(&next, bytes(slot), sizeof next);
    set_mark(slot, mark_held(me_));
    list.first = next;
    --list.count;
    stock.slots[stock.count++] = slot.value;
  }
  std::uint64_t stocked = 0;
  for (const auto& worker : directory_.stocks) stocked += worker[index_of(kind)].count;
  const std::uint64_t all = static_cast<std::uint64_t>(list.pages) * slots_per_page(kind);
  const std::uint64_t idle = stocked + list.count;
  list.peak = std::max(list.peak, all > idle ? all - idle : 0);
  return true;
}

void Slabs::spill(SlabKind kind) {
  Stock& stock = directory_.stocks[me_.value][index_of(kind)];
  reach(Point::kSlab, resource_of(&directory_));
  LockHold hold(directory_.lock, me_);
  GlobalList& list = directory_.lists[index_of(kind)];
  for (std::uint32_t i = 0; i < kBatch; ++i) {
    const SlotHandle slot{stock.slots[stock.count - 1]};
    std::memcpy(bytes(slot), &list.first, sizeof list.first);
    set_mark(slot, kMarkFree);
    list.first = slot.value;
    ++list.count;
    --stock.count;
  }
}

// REQUIRES: the lock is mine. The kind is published last: a page without one has no meaning yet.
bool Slabs::add_page(SlabKind kind) {
  GlobalList& list = directory_.lists[index_of(kind)];
  const std::uint64_t bound =
      static_cast<std::uint64_t>(directory_.page_max) * slab_shape(kind).share_percent / 100;
  if (directory_.page_count >= directory_.page_max || list.pages >= std::max<std::uint64_t>(bound, 1))
    return false;
  const std::uint32_t page = directory_.page_count;
  const std::uint32_t count = slots_per_page(kind);
  for (std::uint32_t i = 0; i < count; ++i) {
    directory_.marks[page * kSlotsPerPageMax + i].store(kMarkFree, std::memory_order_relaxed);
  }
  directory_.page_kinds[page].store(static_cast<std::uint8_t>(kind), std::memory_order_release);
  directory_.page_count = page + 1;
  ++list.pages;
  for (std::uint32_t i = count; i-- > 0;) {
    const SlotHandle slot = handle_at(page, i, kind);
    // A recycled number must never look like an older one: generations start from zeroed pages.
    std::memcpy(bytes(slot), &list.first, sizeof list.first);
    list.first = slot.value;
    ++list.count;
  }
  return true;
}

void Slabs::rebuild_global_lists() {
  for (GlobalList& list : directory_.lists) {
    list.first = 0;
    list.count = 0;
    list.pages = 0;
  }
  // A page whose kind was published just before the death may not be counted yet.
  while (directory_.page_count < directory_.page_max &&
         directory_.page_kinds[directory_.page_count].load(std::memory_order_relaxed) != kNoKind) {
    ++directory_.page_count;
  }
  for (std::uint32_t page = 0; page < directory_.page_count; ++page) {
    const auto kind = static_cast<SlabKind>(directory_.page_kinds[page].load(std::memory_order_relaxed));
    GlobalList& list = directory_.lists[index_of(kind)];
    ++list.pages;
    for (std::uint32_t i = 0; i < slots_per_page(kind); ++i) {
      if (directory_.marks[page * kSlotsPerPageMax + i].load(std::memory_order_relaxed) != kMarkFree)
        continue;
      const SlotHandle slot = handle_at(page, i, kind);
      std::memcpy(bytes(slot), &list.first, sizeof list.first);
      list.first = slot.value;
      ++list.count;
    }
  }
}

void Slabs::recover_lock() {
  // A stock that was being spilled names slots that are free again; the sweep finds mine by their marks.
  for (Stock& stock : directory_.stocks[me_.value]) stock.count = 0;
  if (!directory_.lock.is_held_by(me_)) return;
  rebuild_global_lists();
  directory_.lock.unlock();
}

void Slabs::sweep(const std::function<Mark(SlotHandle, Mark)>& keep) {
  for (Stock& stock : directory_.stocks[me_.value]) stock.count = 0;
  const std::uint32_t pages = directory_.page_count;
  for (std::uint32_t page = 0; page < pages; ++page) {
    const auto kind = static_cast<SlabKind>(directory_.page_kinds[page].load(std::memory_order_acquire));
    for (std::uint32_t i = 0; i < slots_per_page(kind); ++i) {
      const Mark before = directory_.marks[page * kSlotsPerPageMax + i].load(std::memory_order_acquire);
      if (before != mark_held(me_) && !is_linked(before)) continue;
      const SlotHandle slot = handle_at(page, i, kind);
      const Mark after = keep(slot, before);
      if (after == mark_held(me_)) {
        give(slot);
      } else if (after != before) {
        // Whoever works the event of a long datagram may give its slot back meanwhile: that mark stands.
        Mark expected = before;
        directory_.marks[page * kSlotsPerPageMax + i].compare_exchange_strong(expected, after,
                                                                              std::memory_order_acq_rel);
      }
    }
  }
}

void Slabs::for_each_linked(SlabKind kind, const std::function<void(SlotHandle, Mark)>& visit) const {
  const std::uint32_t pages = directory_.page_count;
  for (std::uint32_t page = 0; page < pages; ++page) {
    if (directory_.page_kinds[page].load(std::memory_order_acquire) != static_cast<std::uint8_t>(kind))
      continue;
    for (std::uint32_t i = 0; i < slots_per_page(kind); ++i) {
      const Mark mark = directory_.marks[page * kSlotsPerPageMax + i].load(std::memory_order_acquire);
      if (is_linked(mark)) visit(handle_at(page, i, kind), mark);
    }
  }
}

SlabFigures Slabs::figures(SlabKind kind) const {
  const GlobalList& list = directory_.lists[index_of(kind)];
  std::uint64_t stocked = 0;
  for (const auto& worker : directory_.stocks) stocked += worker[index_of(kind)].count;
  const std::uint64_t all = static_cast<std::uint64_t>(list.pages) * slots_per_page(kind);
  const std::uint64_t idle = stocked + list.count;
  const std::uint64_t live = all > idle ? all - idle : 0;
  const std::uint64_t pages =
      static_cast<std::uint64_t>(directory_.page_max) * slab_shape(kind).share_percent / 100;
  return {slab_shape(kind).name,
          slab_shape(kind).slot_bytes,
          live,
          std::max(live, list.peak),
          pages * slots_per_page(kind),
          directory_.refusals[index_of(kind)].load(std::memory_order_relaxed)};
}

SlabPlace Slabs::place_of(const Segment& segment, const SlabDirectory& directory, const char* at) {
  const auto within = [at](const void* begin, std::size_t bytes) {
    const char* const first = static_cast<const char*>(begin);
    return at >= first && at < first + bytes;
  };
  if (within(&directory.lock, sizeof directory.lock)) return {"lock"};
  if (within(&directory.page_count, sizeof directory.page_count)) return {"page_count"};
  for (const GlobalList& list : directory.lists) {
    if (within(&list.peak, sizeof list.peak)) return {"lists.peak"};
  }
  if (within(directory.lists, sizeof directory.lists)) return {"lists"};
  if (within(directory.refusals, sizeof directory.refusals)) return {"refusals"};
  if (within(directory.stocks, sizeof directory.stocks)) return {"stocks"};
  if (within(&directory, sizeof directory)) return {"directory"};
  if (within(directory.page_kinds, directory.page_max)) return {"page_kinds"};
  const std::size_t marks = directory.page_max * kSlotsPerPageMax * sizeof(Mark);
  if (within(directory.marks, marks)) {
    const char* const first = reinterpret_cast<const char*>(directory.marks);
    return {"marks", static_cast<std::size_t>(at - first) / sizeof(Mark)};
  }
  const char* const pool = segment.base() + directory.pool_offset;
  if (!within(pool, std::size_t{directory.page_max} * kPageBytes)) return {"other"};
  const auto offset = static_cast<std::size_t>(at - pool);
  const std::uint8_t kind = directory.page_kinds[offset / kPageBytes].load(std::memory_order_relaxed);
  if (kind == kNoKind) return {"other"};
  const std::uint32_t bytes = kShapes[kind].slot_bytes;
  const std::size_t inside = offset % kPageBytes % bytes;
  return {"slot", (offset - inside) / kHandleUnitBytes, inside, static_cast<SlabKind>(kind)};
}

std::size_t Slabs::total_bytes() const { return static_cast<std::size_t>(directory_.page_max) * kPageBytes; }
std::size_t Slabs::used_bytes() const { return static_cast<std::size_t>(directory_.page_count) * kPageBytes; }

}  // namespace lockstep::shm
