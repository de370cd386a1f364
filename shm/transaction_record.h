// transaction_record.h: the bytes of one transaction in shared memory. Everything that a decision changes
// is kept twice; a copy is in force when its stamp is the higher one not above the entry's `consumed`
// (entry.h). So one store of `consumed` flips any number of records at once.
//
// Protection: "constant" is written before the transaction is first committed; "owner" is read and
// written by the owner of the entry alone; copies as above.
#pragma once

#include <atomic>
#include <cstdint>

#include "core/base/peer_address.h"
#include "core/transaction/state.h"
#include "shm/handle.h"

namespace lockstep::shm {

// Bytes of a message in a slab slot; slot 0: none.
struct MessageRef {
  std::uint32_t slot;
  std::uint32_t bytes;
  friend bool operator==(const MessageRef&, const MessageRef&) = default;
};

// What the performer keeps beside the machine's state.
struct TransactionRefs {
  MessageRef request;        // As received, top Via completed; for responses and further branches.
  MessageRef last_response;  // As sent to the caller.
  MessageRef script;         // What the script keeps: AVPs, rewritten target (script_store.h).
  MessageRef caller_reason;  // Value of the Reason of the caller's CANCEL.
  std::uint32_t on_branch;   // Armed routes (script::RouteIndex).
  std::uint32_t on_reply;
  std::uint32_t on_failure;
  std::uint32_t flags;        // setflag.
  std::uint32_t fr_timer_ms;  // 0: tm's parameter.
  std::uint32_t fr_inv_timer_ms;
  std::uint32_t late_2xx;  // 0: tm's parameter; else a transaction::LatePolicy plus 1.
  std::uint32_t unused;
  friend bool operator==(const TransactionRefs&, const TransactionRefs&) = default;
};

struct BranchRefs {
  MessageRef request;  // As sent.
  MessageRef final;    // The stored final, as it would go up.
  MessageRef cancel;   // As sent.
  friend bool operator==(const BranchRefs&, const BranchRefs&) = default;
};

// Where a branch goes: constant once its branch is committed.
struct BranchTarget {
  PeerAddress address;
  std::uint32_t flags;  // setbflag.
  std::uint16_t socket;
  std::uint8_t record_routes;  // Record-Route values in the request as it was sent, at most 255.
  bool has_offer;              // It had a body of type application/sdp.
};

inline constexpr std::uint64_t kNoStamp = ~std::uint64_t{0};
inline constexpr std::size_t kInlineBranches = 2;
inline constexpr std::size_t kChunkBranches = 6;
inline constexpr std::size_t kChunkMax = 5;
static_assert(kInlineBranches + kChunkBranches * kChunkMax >= transaction::kBranchMax);

struct TransactionCopy {
  std::atomic<std::uint64_t> stamp;  // kNoStamp while it is being written.
  transaction::Server server;
  transaction::Context context;
  TransactionRefs refs;
  std::uint32_t branch_count;
  transaction::Branch branches[kInlineBranches];
  BranchRefs branch_refs[kInlineBranches];
};

struct alignas(64) TransactionRecord {
  // Owner.
  std::uint32_t next;         // In the entry's list.
  std::uint32_t generation;   // Raised whenever the slot is taken; outlives its freeing.
  std::uint64_t armed_at_ms;  // When the pending timer node will fire, kNoStamp: none pending.
  std::uint8_t armed_by;      // WorkerId of the wheel that holds it.
  // Constant.
  std::uint8_t method;  // sip::Method.
  std::uint16_t reply_socket;
  std::uint32_t entry;
  std::uint64_t key;  // Matching of requests (17.2.3), hashed with a random seed.
  std::uint64_t born_ms;
  PeerAddress reply_target;
  PeerAddress source;               // Where the request came from.
  std::uint32_t chunks[kChunkMax];  // Further branches; written before the commit that needs them.
  BranchTarget targets[kInlineBranches];
  TransactionCopy copies[2];
};

struct BranchChunkCopy {
  std::atomic<std::uint64_t> stamp;
  transaction::Branch branches[kChunkBranches];
  BranchRefs branch_refs[kChunkBranches];
};

struct alignas(64) BranchChunk {
  BranchTarget targets[kChunkBranches];
  BranchChunkCopy copies[2];
};

inline constexpr std::size_t kTransactionSlotBytes = 704;
inline constexpr std::size_t kChunkSlotBytes = 1024;
static_assert(sizeof(TransactionRecord) <= kTransactionSlotBytes);
static_assert(sizeof(BranchChunk) <= kChunkSlotBytes);

}  // namespace lockstep::shm
