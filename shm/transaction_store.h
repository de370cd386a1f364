// transaction_store.h: transactions of an entry: made, found, read, written twice-kept, freed.
// Only the owner of the entry calls these, except where said. Nothing becomes visible before
// Entry::commit(stamp); what a death leaves before it is undone by mend().
#pragma once

#include <cstdint>
#include <functional>

#include "core/base/fixed_vector.h"
#include "core/transaction/state.h"
#include "shm/entry.h"
#include "shm/segment.h"
#include "shm/slab.h"
#include "shm/transaction_record.h"

namespace lockstep::shm {

// This process's private working copy of one transaction during one event.
struct TransactionView {
  TransactionRecord* record = nullptr;
  std::uint32_t handle = 0;
  bool is_new = false;  // Not committed yet.
  bool is_changed = false;
  transaction::State state;
  TransactionRefs refs{};
  FixedVector<BranchRefs, transaction::kBranchMax> branch_refs;
};

class TransactionStore {
 public:
  TransactionStore(Segment& segment, Slabs& slabs) : segment_(segment), slabs_(slabs) {}

  // A new transaction, linked to the entry but without a valid copy: invisible until committed.
  // nullptr when there is no slot. Steps: 1 take; 2 fill constants, both copies invalid; 3 link (one store).
  TransactionRecord* try_create(Entry& entry, std::uint32_t entry_index, std::uint64_t key);
  // Committed transactions only; nullptr if none.
  TransactionRecord* find(Entry& entry, std::uint64_t key) const;
  TransactionRecord* find(Entry& entry, std::uint32_t handle, std::uint32_t generation) const;
  void for_each(Entry& entry, const std::function<void(TransactionRecord&)>& visit) const;

  // Reads the copy in force at `consumed`.
  void load(TransactionRecord& record, std::uint64_t consumed, TransactionView& view) const;
  // Writes the idle copies with `stamp`. REQUIRES: stamp > consumed; chunks for all branches exist.
  void write(const TransactionView& view, std::uint64_t consumed, std::uint64_t stamp);
  // Room for one more branch. False when there is no slot for its chunk.
  bool try_add_branch(TransactionView& view);
  // Where branch i goes. REQUIRES: its room exists.
  BranchTarget& target(TransactionRecord& record, std::size_t branch) const;

  // Steps: 1 mark its slots mine; 2 unlink (one store); 3 give back chunks, then the record. Messages are
  // the caller's. Death before 2: the transaction is ended and still listed; after it: the sweep frees all.
  void remove(Entry& entry, TransactionRecord& record);

  bool is_committed(const TransactionRecord& record, std::uint64_t consumed) const;
  std::uint32_t handle_of(const TransactionRecord& record) const { return segment_.handle_of(&record).value; }
  TransactionRecord& at(std::uint32_t handle) const {
    return *segment_.at(Handle<TransactionRecord>{handle});
  }

  // Recovery: chunks that only a decision that never was knew; the sweep frees them. REQUIRES: committed.
  void forget_unused_chunks(TransactionRecord& record, std::uint64_t consumed);

  // Every slot that the copy in force needs: the record, its chunks, its messages (recovery).
  void for_each_slot(TransactionRecord& record, std::uint64_t consumed,
                     const std::function<void(SlotHandle)>& visit) const;

 private:
  BranchChunk& chunk_of(const TransactionRecord& record, std::size_t branch) const;

  Segment& segment_;
  Slabs& slabs_;
};

}  // namespace lockstep::shm
