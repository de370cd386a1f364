#include "shm/transaction_store.h"

#include <algorithm>
#include <cstring>

#include "core/base/schedule_point.h"

namespace lockstep::shm {
namespace {

// Index of the copy in force: the highest stamp not above `consumed`; -1: none is.
template <typename Copy>
int current_copy(const Copy (&copies)[2], std::uint64_t consumed) {
  int best = -1;
  std::uint64_t best_stamp = 0;
  for (int i = 0; i < 2; ++i) {
    const std::uint64_t stamp = copies[i].stamp.load(std::memory_order_acquire);
    if (stamp > consumed) continue;
    if (best < 0 || stamp > best_stamp) {
      best = i;
      best_stamp = stamp;
    }
  }
  return best;
}

template <typename Copy>
Copy& idle_copy(Copy (&copies)[2], std::uint64_t consumed) {
  Copy& idle = copies[current_copy(copies, consumed) == 0 ? 1 : 0];
  idle.stamp.store(kNoStamp, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_release);
  return idle;
}

std::size_t chunk_count(std::size_t branches) {
  return branches <= kInlineBranches ? 0 : (branches - kInlineBranches + kChunkBranches - 1) / kChunkBranches;
}

}  // namespace

TransactionRecord* TransactionStore::try_create(Entry& entry, std::uint32_t entry_index, std::uint64_t key) {
  const SlotHandle slot = slabs_.try_take(SlabKind::kTransaction);
  if (!slot) return nullptr;
  TransactionRecord& record = at(slot.value);
  ++record.generation;
  record.entry = entry_index;
  record.key = key;
  record.armed_at_ms = kNoStamp;
  record.armed_by = 0;
  std::fill(std::begin(record.chunks), std::end(record.chunks), 0u);
  for (TransactionCopy& copy : record.copies) copy.stamp.store(kNoStamp, std::memory_order_relaxed);
  reach(Point::kLink);
  record.next = entry.record().transactions;
  std::atomic_thread_fence(std::memory_order_release);
  entry.record().transactions = slot.value;
  return &record;
}

bool TransactionStore::is_committed(const TransactionRecord& record, std::uint64_t consumed) const {
  return current_copy(record.copies, consumed) >= 0;
}

TransactionRecord* TransactionStore::find(Entry& entry, std::uint64_t key) const {
  const std::uint64_t consumed = entry.consumed();
  for (std::uint32_t handle = entry.record().transactions; handle != 0;) {
    TransactionRecord& record = at(handle);
    if (record.key == key && is_committed(record, consumed)) return &record;
    handle = record.next;
  }
  return nullptr;
}

TransactionRecord* TransactionStore::find(Entry& entry, std::uint32_t wanted,
                                          std::uint32_t generation) const {
  for (std::uint32_t handle = entry.record().transactions; handle != 0;) {
    TransactionRecord& record = at(handle);
    if (handle == wanted) {
      return record.generation == generation && is_committed(record, entry.consumed()) ? &record : nullptr;
    }
    handle = record.next;
  }
  return nullptr;
}

void TransactionStore::for_each(Entry& entry, const std::function<void(TransactionRecord&)>& visit) const {
  for (std::uint32_t handle = entry.record().transactions; handle != 0;) {
    TransactionRecord& record = at(handle);
    handle = record.next;
    visit(record);
  }
}

BranchChunk& TransactionStore::chunk_of(const TransactionRecord& record, std::size_t branch) const {
  const std::uint32_t handle = record.chunks[(branch - kInlineBranches) / kChunkBranches];
  LS_ASSERT(handle != 0);
  return *segment_.at(Handle<BranchChunk>{handle});
}

BranchTarget& TransactionStore::target(TransactionRecord& record, std::size_t branch) const {
  if (branch < kInlineBranches) return record.targets[branch];
  return chunk_of(record, branch).targets[(branch - kInlineBranches) % kChunkBranches];
}

void TransactionStore::load(TransactionRecord& record, std::uint64_t consumed, TransactionView& view) const {
  const int current = current_copy(record.copies, consumed);
  LS_ASSERT(current >= 0);
  const TransactionCopy& copy = record.copies[current];
  view.record = &record;
  view.handle = handle_of(record);
  view.is_new = false;
  view.is_changed = false;
  view.state.server = copy.server;
  view.state.context = copy.context;
  view.refs = copy.refs;
  view.state.branches.clear();
  view.branch_refs.clear();
  for (std::size_t i = 0; i < copy.branch_count; ++i) {
    if (i < kInlineBranches) {
      view.state.branches.push_back(copy.branches[i]);
      view.branch_refs.push_back(copy.branch_refs[i]);
      continue;
    }
    const BranchChunk& chunk = chunk_of(record, i);
    const int at_chunk = current_copy(chunk.copies, consumed);
    LS_ASSERT(at_chunk >= 0);
    const std::size_t place = (i - kInlineBranches) % kChunkBranches;
    view.state.branches.push_back(chunk.copies[at_chunk].branches[place]);
    view.branch_refs.push_back(chunk.copies[at_chunk].branch_refs[place]);
  }
}

void TransactionStore::write(const TransactionView& view, std::uint64_t consumed, std::uint64_t stamp) {
  TransactionRecord& record = *view.record;
  const std::size_t count = view.state.branches.size();
  LS_ASSERT(view.branch_refs.size() == count);
  for (std::size_t first = kInlineBranches; first < count; first += kChunkBranches) {
    BranchChunkCopy& copy = idle_copy(chunk_of(record, first).copies, consumed);
    for (std::size_t i = first; i < std::min(count, first + kChunkBranches); ++i) {
      copy.branches[i - first] = view.state.branches[i];
      copy.branch_refs[i - first] = view.branch_refs[i];
    }
    copy.stamp.store(stamp, std::memory_order_release);
  }
  TransactionCopy& copy = idle_copy(record.copies, consumed);
  copy.server = view.state.server;
  copy.context = view.state.context;
  copy.refs = view.refs;
  copy.branch_count = static_cast<std::uint32_t>(count);
  for (std::size_t i = 0; i < std::min(count, kInlineBranches); ++i) {
    copy.branches[i] = view.state.branches[i];
    copy.branch_refs[i] = view.branch_refs[i];
  }
  copy.stamp.store(stamp, std::memory_order_release);
}

bool TransactionStore::try_add_branch(TransactionView& view) {
  const std::size_t wanted = chunk_count(view.branch_refs.size() + 1);
  if (wanted > kChunkMax) return false;
  if (wanted > 0 && view.record->chunks[wanted - 1] == 0) {
    const SlotHandle slot = slabs_.try_take(SlabKind::kBranches);
    if (!slot) return false;
    BranchChunk& chunk = *segment_.at(Handle<BranchChunk>{slot.value});
    for (BranchChunkCopy& copy : chunk.copies) copy.stamp.store(kNoStamp, std::memory_order_relaxed);
    view.record->chunks[wanted - 1] = slot.value;
  }
  view.branch_refs.push_back(BranchRefs{});
  return true;
}

void TransactionStore::remove(Entry& entry, TransactionRecord& record) {
  const std::uint32_t handle = handle_of(record);
  std::uint32_t* link = &entry.record().transactions;
  while (*link != handle) {
    LS_ASSERT(*link != 0);
    link = &at(*link).next;
  }
  reach(Point::kUnlink);
  // Mine before they leave the list: after a death in between they are reached by nothing but their marks.
  for (const std::uint32_t chunk : record.chunks) {
    if (chunk != 0) slabs_.set_mark(SlotHandle{chunk}, mark_held(slabs_.me()));
  }
  slabs_.set_mark(SlotHandle{handle}, mark_held(slabs_.me()));
  *link = record.next;
  std::atomic_thread_fence(std::memory_order_release);
  for (std::uint32_t& chunk : record.chunks) {
    if (chunk != 0) slabs_.give(SlotHandle{chunk});
    chunk = 0;
  }
  slabs_.give(SlotHandle{handle});
}

void TransactionStore::forget_unused_chunks(TransactionRecord& record, std::uint64_t consumed) {
  const int current = current_copy(record.copies, consumed);
  LS_ASSERT(current >= 0);
  for (std::size_t i = chunk_count(record.copies[current].branch_count); i < kChunkMax; ++i)
    record.chunks[i] = 0;
}

void TransactionStore::for_each_slot(TransactionRecord& record, std::uint64_t consumed,
                                     const std::function<void(SlotHandle)>& visit) const {
  const auto visit_ref = [&visit](const MessageRef& ref) {
    if (ref.slot != 0) visit(SlotHandle{ref.slot});
  };
  visit(SlotHandle{handle_of(record)});
  TransactionView view;
  load(record, consumed, view);
  for (std::size_t i = 0; i < chunk_count(view.branch_refs.size()); ++i) visit(SlotHandle{record.chunks[i]});
  visit_ref(view.refs.request);
  visit_ref(view.refs.last_response);
  visit_ref(view.refs.script);
  visit_ref(view.refs.caller_reason);
  for (const BranchRefs& refs : view.branch_refs) {
    visit_ref(refs.request);
    visit_ref(refs.final);
    visit_ref(refs.cancel);
  }
}

}  // namespace lockstep::shm
