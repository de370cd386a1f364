// location_record.h: the bytes of the location service in the segment. A bucket chains AORs, an AOR chains
// its contacts; records lie in slots of kAor and kContact*, with their texts inline. Every change of a chain
// goes through the worker's commit log (location_table.h): nothing here is ever seen half done, because the
// log is redone before the bucket's lock is given back.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string_view>
#include <type_traits>

#include "core/worker/location.h"
#include "shm/owned_lock.h"
#include "shm/slab.h"

namespace lockstep::usrloc {

// What a later server must know of a dead one's table before it reads the rest of it.
struct TableRecord {
  std::uint64_t module;  // hash_file() of the module that made it.
  std::uint32_t bucket_count;
  std::uint32_t process_count;
  // How AORs are written: of another way, none would be found again.
  std::uint32_t use_domain;
  std::uint32_t case_sensitive;
  std::uint32_t domain_count;
  char domains[worker::kDomainMax][64];  // By DomainIndex.
};

struct BucketRecord {
  shm::OwnedLock lock;
  std::atomic<std::uint32_t> first_aor;  // Changed under the lock; the sweep peeks at it without.
};
static_assert(sizeof(BucketRecord) == 8);

struct AorRecord {
  // Changed by the owner of the bucket's lock only.
  std::atomic<std::uint32_t> next;
  std::atomic<std::uint32_t> first_contact;
  // Constant after publication.
  std::uint32_t hash;
  std::uint8_t domain;
  std::uint8_t name_bytes;

  char* text() { return reinterpret_cast<char*>(this + 1); }
  std::string_view name() const { return {reinterpret_cast<const char*>(this + 1), name_bytes}; }
};
static_assert(sizeof(AorRecord) + worker::kAorBytesMax <= 256);
static_assert(std::is_standard_layout_v<AorRecord>);

// The texts follow in the order of their sizes.
struct ContactRecord {
  // Changed by the owner of the bucket's lock only.
  std::atomic<std::uint32_t> next;
  // Constant after publication: a refresh is another record.
  std::uint16_t uri_bytes;
  std::uint16_t call_id_bytes;
  std::uint16_t user_agent_bytes;
  std::uint16_t received_bytes;
  std::uint16_t path_bytes;
  std::uint16_t instance_bytes;
  std::int16_t q;
  std::uint16_t socket;
  std::uint16_t uri_port;  // Of the contact URI: tells most unequal URIs apart without parsing them.
  std::uint64_t ruid;      // Worker in the upper 32 bits, its count in the lower.
  std::uint64_t expires_s;
  std::uint64_t modified_s;
  std::uint32_t cseq;
  std::uint32_t flags;
  std::uint32_t cflags;
  std::uint32_t methods;
  std::uint32_t reg_id;
  std::uint32_t ruid_start;  // started_s of the server that gave the ruid.

  char* text() { return reinterpret_cast<char*>(this + 1); }
  const char* text() const { return reinterpret_cast<const char*>(this + 1); }
  std::size_t text_bytes() const {
    return std::size_t{uri_bytes} + call_id_bytes + user_agent_bytes + received_bytes + path_bytes +
           instance_bytes;
  }
  std::string_view uri() const { return {text(), uri_bytes}; }
  std::string_view call_id() const { return {text() + uri_bytes, call_id_bytes}; }
  std::string_view path() const {
    return {text() + uri_bytes + call_id_bytes + user_agent_bytes + received_bytes, path_bytes};
  }
  bool is_expired(std::uint64_t now_s) const { return expires_s != 0 && expires_s <= now_s; }
};
static_assert(std::is_standard_layout_v<ContactRecord>);
static_assert(sizeof(ContactRecord) <= 72);

// The slots that hold a contact's record with its texts; none: too large.
inline std::optional<shm::SlabKind> contact_kind_for(std::size_t bytes) {
  for (const shm::SlabKind kind :
       {shm::SlabKind::kContact512, shm::SlabKind::kContact1K, shm::SlabKind::kContact4K}) {
    if (bytes <= shm::slab_shape(kind).slot_bytes) return kind;
  }
  return std::nullopt;
}

// One change of an AOR's chain of contacts. `added` alone: linked in front; both: it takes the place of
// `removed`; `removed` alone: unlinked.
struct CommitEntry {
  std::uint32_t added;
  std::uint32_t removed;
};

inline constexpr std::size_t kCommitEntryMax = worker::kBindingMax + worker::kBindingChangeMax;

// What the worker of that id is changing now. Written by that worker or its replacement.
struct alignas(64) CommitLog {
  // Not 0: committed; `aor` names the record whose change is to be carried out. The one store that decides.
  std::atomic<std::uint32_t> aor;
  // Valid while `aor` is not 0.
  std::uint32_t bucket;
  std::uint32_t entry_count;
  std::uint32_t domain;
  // Values, not differences: storing them twice does no harm.
  std::uint64_t users_after;
  std::uint64_t registered_after;
  std::uint64_t contacts_after;
  std::uint64_t expires_after;
  CommitEntry entries[kCommitEntryMax];
  // Of its own: how many contact ids this worker has given out since the start.
  std::atomic<std::uint32_t> ruid_count;
};

}  // namespace lockstep::usrloc
