// location_table.h: the LocationStore in shared memory: hash buckets with a lock each, AOR and contact
// records in slabs, one commit log per process. Any process uses the one object with its own Process; what it
// keeps outside the segment is constant after the fork, but for the spare slots, which are kept per process
// id.
//
// How a change is made, by the worker `me` (README.md says what a death in each step leaves):
//   1 build    take slots (marked held(me)) and fill them: nobody can reach them
//   2 lock     the bucket
//   3 plan     match, check order and bounds, copy the answer: nothing is written to a chain
//   4 commit   fill the log, then store log.aor: from here on the change will be carried out
//   5 apply    link and unlink, mark linked(bucket) what was added and held(me) what was removed, set the
//              counters; every step may be repeated
//   6 clear    store 0 into log.aor
//   7 unlock
//   8 give     the removed slots back to my stock
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/fixed_vector.h"
#include "core/worker/location.h"
#include "core/worker/module.h"
#include "modules/usrloc/location_record.h"
#include "shm/counters.h"
#include "shm/segment.h"
#include "shm/slab.h"

namespace lockstep::usrloc {

// matching_mode: when two contacts are the same binding. Values are Kamailio's.
enum class Matching : std::uint8_t { kContact = 0, kContactCallId = 1, kContactPath = 2, kCallId = 3 };

struct TableSettings {
  std::uint32_t bucket_bits = 14;
  Matching matching = Matching::kContact;
  bool use_domain = false;
  bool newest_first = false;  // desc_time_order: q does not order.
  std::uint32_t nat_flag = 0;
};

// What became of a dead server's contacts.
struct TakenOver {
  std::uint64_t contacts = 0;
  std::uint64_t users = 0;
  std::uint64_t expired = 0;
  std::uint64_t unknown_table = 0;
  std::uint64_t no_room = 0;
  std::uint64_t damaged = 0;
};

// An AOR with its contacts, copied out for ul.dump and ul.lookup.
struct AorCopy {
  std::string_view name;
  std::uint32_t hash = 0;
  std::span<const worker::Binding> bindings;
};

class LocationTable final : public worker::LocationStore {
 public:
  // Before the fork. Error: one line for the operator.
  Result<bool, std::string> make(shm::Segment& segment, std::uint32_t process_count, std::uint64_t seed,
                                 std::uint64_t started_s, const TableSettings& settings,
                                 shm::CounterNames& counters);

  Result<worker::DomainIndex, std::string> add_domain(std::string_view name) override;
  std::optional<worker::DomainIndex> find_domain(std::string_view name) const override;
  bool use_domain() const override { return settings_.use_domain; }
  std::uint32_t nat_flag() const override { return settings_.nat_flag; }
  void set_case_sensitive(bool is_sensitive) override;
  bool is_case_sensitive() const override { return case_sensitive_; }

  Result<worker::UpdateOutcome, worker::LocationError> update(worker::Process& process,
                                                              const worker::BindingUpdate& change,
                                                              Arena& arena) override;
  Result<std::span<const worker::Binding>, worker::LocationError> find(worker::Process& process,
                                                                       worker::DomainIndex domain,
                                                                       std::string_view aor,
                                                                       std::uint64_t now_s,
                                                                       Arena& arena) override;
  worker::RemoveOutcome remove(worker::Process& process, worker::DomainIndex domain, std::string_view aor,
                               std::string_view ruid, std::uint64_t now_s) override;

  // As remove, the one binding whose URI equals `uri`.
  worker::RemoveOutcome remove_contact(worker::Process& process, worker::DomainIndex domain,
                                       std::string_view aor, std::string_view uri, std::uint64_t now_s);
  // Removes what has expired in one bucket; returns how many contacts.
  std::uint32_t expire_bucket(worker::Process& process, std::uint32_t bucket, std::uint64_t now_s);
  // Copies the AORs of one domain in one bucket, `skip` of them left out, as many as fit into `arena`, at
  // most copies.size(); `count` is set to how many. True: there are more.
  bool copy_bucket(worker::Process& process, std::uint32_t bucket, worker::DomainIndex domain,
                   std::uint32_t skip, Arena& arena, std::span<AorCopy> copies, std::size_t& count);
  // The AOR with all its contacts, expired ones too; false: unknown, or the arena is full.
  bool copy_aor(worker::Process& process, worker::DomainIndex domain, std::string_view aor, Arena& arena,
                AorCopy& copy);

  // In the replacement of a dead process, before its slabs are swept: carries out what the dead one had
  // committed and unlocks its bucket. No slot is taken or given: marks alone decide what the sweep frees.
  void recover(worker::Process& process);
  // A process begins: the spare slots that an earlier one of its id kept are not its own.
  void begin(const worker::Process& process) { spares_[process.me.value] = {}; }

  // Before the fork, into a table that is still empty: all contacts of a dead server that have not expired,
  // as they were. Error: one line that says why none is taken. location_takeover.cc.
  Result<TakenOver, std::string> take_over(worker::Process& process, const worker::Estate& estate);

  std::uint32_t bucket_count() const { return bucket_mask_ + 1; }
  std::size_t domain_count() const { return domains_.size(); }
  const std::string& domain_name(worker::DomainIndex domain) const {
    return domains_[static_cast<std::size_t>(domain)].name;
  }
  std::string audit(worker::Process& process) const override;

 private:
  struct Domain {
    std::string name;
    shm::CounterId users, contacts, expires;
  };
  // A slot taken for an update, and the record in it.
  struct Built {
    shm::SlotHandle slot;
    shm::SlabKind kind = shm::SlabKind::kContact512;
  };
  struct Plan;
  struct LazyUri;
  enum class Fate : std::uint8_t { kStays, kExpired, kReplaced, kRemoved };  // Of a binding that is there.
  enum class Act : std::uint8_t { kNothing, kAdd, kReplace };                // Of a contact in the request.
  struct Location {
    std::uint32_t bucket;
    std::uint32_t hash;
  };

  Location locate(worker::DomainIndex domain, std::string_view aor) const;
  BucketRecord& bucket(std::uint32_t index) const { return buckets_[index]; }
  AorRecord* aor_at(std::uint32_t handle) const { return segment_->at(shm::Handle<AorRecord>{handle}); }
  ContactRecord* contact_at(std::uint32_t handle) const {
    return segment_->at(shm::Handle<ContactRecord>{handle});
  }
  std::uint32_t find_aor(std::uint32_t bucket, std::uint32_t hash, worker::DomainIndex domain,
                         std::string_view aor) const;

  // location_update.cc
  std::optional<worker::LocationError> build(worker::Process& process, const worker::BindingUpdate& change,
                                             Plan& plan);
  void fill(ContactRecord& record, const worker::BindingUpdate& change, const worker::Binding& binding) const;
  void drop_built(worker::Process& process, Plan& plan);
  std::optional<worker::LocationError> plan_update(worker::Process& process,
                                                   const worker::BindingUpdate& change, Plan& plan,
                                                   Arena& arena);
  std::optional<worker::LocationError> plan_change(const worker::BindingUpdate& change, std::size_t index,
                                                   Plan& plan) const;
  std::optional<worker::LocationError> plan_removals(const worker::BindingUpdate& change, Plan& plan) const;
  std::optional<worker::LocationError> plan_additions(worker::Process& process,
                                                      const worker::BindingUpdate& change, Plan& plan);
  bool copy_outcome(Plan& plan, Arena& arena) const;
  bool same_binding(const ContactRecord& record, const worker::BindingUpdate& change,
                    const worker::Binding& binding, LazyUri& uri) const;
  shm::SlotHandle take_spare(worker::Process& process, shm::SlabKind kind);
  void give_or_spare(worker::Process& process, std::uint32_t slot);

  static std::uint64_t this_module();

  // location_takeover.cc
  std::size_t adopt(worker::Process& process, worker::DomainIndex domain, std::string_view aor,
                    std::span<const ContactRecord* const> contacts);
  std::uint32_t adopt_contact(worker::Process& process, const ContactRecord& contact, std::uint32_t next,
                              std::uint32_t bucket);

  // location_commit.cc
  using Victims = FixedVector<std::uint32_t, kCommitEntryMax + 1>;
  CommitLog& log_of(worker::Process& process) const { return logs_[process.me.value]; }
  void commit(worker::Process& process, std::uint32_t bucket, std::uint32_t aor,
              std::span<const CommitEntry> entries, std::uint32_t expired_count, Victims& victims);
  void apply(worker::Process& process, Victims& victims);
  void apply_entry(worker::Process& process, AorRecord& aor, std::uint32_t bucket, const CommitEntry& entry);
  void apply_aor(worker::Process& process, std::uint32_t bucket, std::uint32_t aor);
  std::atomic<std::uint32_t>* find_contact_link(AorRecord& aor, std::uint32_t contact) const;
  std::atomic<std::uint32_t>* find_aor_link(std::uint32_t bucket, std::uint32_t aor) const;
  template <typename Wanted>
  worker::RemoveOutcome remove_if(worker::Process& process, worker::DomainIndex domain, std::string_view aor,
                                  std::uint64_t now_s, const Wanted& wanted);

  bool copy_binding(const ContactRecord& record, worker::Binding& binding, Arena& arena) const;
  std::optional<std::span<worker::Binding>> copy_contacts(const AorRecord& aor, std::uint64_t now_s, bool all,
                                                          Arena& arena) const;
  void sort(std::span<worker::Binding> bindings) const;

  shm::Segment* segment_ = nullptr;
  shm::CounterNames* counter_names_ = nullptr;
  TableRecord* head_ = nullptr;
  BucketRecord* buckets_ = nullptr;
  CommitLog* logs_ = nullptr;  // By process id.
  std::uint32_t bucket_mask_ = 0;
  std::uint64_t seed_ = 0;
  std::uint64_t started_s_ = 0;
  TableSettings settings_;
  bool case_sensitive_ = false;
  std::vector<Domain> domains_;
  shm::CounterId registered_users_;
  // One free slot of each contact kind per process, so that refreshes go on when the slabs are full.
  std::array<std::array<std::uint32_t, 3>, shm::kWorkerMax + 1> spares_{};
};

}  // namespace lockstep::usrloc
