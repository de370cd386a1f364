// location_takeover.cc: contacts of a server that was killed, out of its segment into ours. What it had
// committed and not yet carried out is carried out first, in a copy that nobody else sees. Its bytes are
// read with distrust: every handle and every length is checked, every chain has an end.
#include <algorithm>
#include <cstring>

#include "core/sip/uri.h"
#include "modules/usrloc/location_table.h"

namespace lockstep::usrloc {

using worker::DomainIndex;
using worker::Process;

namespace {

constexpr std::size_t kSmallestSlot = 256;

bool is_plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= ' '; });
}

// The dead server's table.
class OldTable {
 public:
  explicit OldTable(const shm::DeadSegment& segment)
      : segment_(segment), steps_left_(segment.size_bytes() / kSmallestSlot) {}

  // What is wrong with it; empty: it can be read.
  std::string open(const TableRecord& ours) {
    head_ = static_cast<const TableRecord*>(segment_.find_block("usrloc.table", sizeof(TableRecord)));
    if (head_ == nullptr) return "it had no usrloc";
    if (head_->module != ours.module || ours.module == 0) return "it had another usrloc.so";
    if (head_->use_domain != ours.use_domain) return "use_domain has changed";
    if (head_->case_sensitive != ours.case_sensitive) return "registrar's case_sensitive has changed";
    buckets_ = static_cast<BucketRecord*>(
        segment_.find_block("usrloc.buckets", std::size_t{head_->bucket_count} * sizeof(BucketRecord)));
    logs_ = static_cast<CommitLog*>(
        segment_.find_block("usrloc.logs", (std::size_t{head_->process_count} + 1) * sizeof(CommitLog)));
    if (buckets_ == nullptr || logs_ == nullptr || head_->domain_count > worker::kDomainMax)
      return "it is torn";
    return {};
  }

  std::string_view domain_name(std::size_t domain) const {
    if (domain >= head_->domain_count) return {};
    return {head_->domains[domain], strnlen(head_->domains[domain], sizeof head_->domains[0])};
  }

  // Nobody holds a lock any more: each log is of a bucket of its own.
  void finish_changes() {
    for (std::uint32_t id = 1; id <= head_->process_count; ++id) {
      const CommitLog& log = logs_[id];
      AorRecord* const aor = aor_at(log.aor.load(std::memory_order_acquire));
      if (aor == nullptr || log.bucket >= head_->bucket_count || log.entry_count > kCommitEntryMax) continue;
      for (std::uint32_t i = 0; i < log.entry_count; ++i) finish(*aor, log.entries[i]);
      // One without contacts is skipped later, linked or not.
      std::atomic<std::uint32_t>& first = buckets_[log.bucket].first_aor;
      if (link_to(first, log.aor, &OldTable::aor_at) != nullptr) continue;
      aor->next.store(first.load(std::memory_order_relaxed), std::memory_order_relaxed);
      first.store(log.aor.load(std::memory_order_relaxed), std::memory_order_relaxed);
    }
  }

  // visit(AorRecord&); nullptr: what it was is not to be read.
  template <typename Visit>
  void for_each_aor(Visit visit) {
    for (std::uint32_t i = 0; i < head_->bucket_count; ++i) {
      std::uint32_t handle = buckets_[i].first_aor.load(std::memory_order_relaxed);
      while (handle != 0) {
        AorRecord* const aor = may_go_on() ? aor_at(handle) : nullptr;
        visit(aor);
        if (aor == nullptr) break;
        handle = aor->next.load(std::memory_order_relaxed);
      }
    }
  }
  template <typename Visit>
  void for_each_contact(const AorRecord& aor, Visit visit) {
    std::uint32_t handle = aor.first_contact.load(std::memory_order_relaxed);
    while (handle != 0) {
      ContactRecord* const contact = may_go_on() ? contact_at(handle) : nullptr;
      visit(contact);
      if (contact == nullptr) return;
      handle = contact->next.load(std::memory_order_relaxed);
    }
  }

 private:
  bool may_go_on() { return steps_left_ > 0 && steps_left_-- > 0; }

  AorRecord* aor_at(std::uint32_t handle) const {
    auto* const aor = segment_.at<AorRecord>(handle, shm::slab_shape(shm::SlabKind::kAor).slot_bytes);
    const bool is_sound = aor != nullptr && aor->name_bytes > 0 && aor->name_bytes <= worker::kAorBytesMax;
    return is_sound && is_plain(aor->name()) ? aor : nullptr;
  }
  ContactRecord* contact_at(std::uint32_t handle) const {
    auto* const contact = segment_.at<ContactRecord>(handle);
    if (contact == nullptr) return nullptr;
    const std::size_t bytes = sizeof(ContactRecord) + contact->text_bytes();
    if (!contact_kind_for(bytes) || segment_.at<char>(handle, bytes) == nullptr) return nullptr;
    const bool is_sound =
        is_plain({contact->text(), contact->text_bytes()}) && sip::parse_uri(contact->uri());
    return is_sound ? contact : nullptr;
  }

  // Where `wanted` is linked in a chain; nullptr: nowhere.
  template <typename At>
  std::atomic<std::uint32_t>* link_to(std::atomic<std::uint32_t>& first, std::uint32_t wanted, At at) {
    std::atomic<std::uint32_t>* link = &first;
    while (may_go_on()) {
      const std::uint32_t handle = link->load(std::memory_order_relaxed);
      if (handle == wanted) return link;
      auto* const record = (this->*at)(handle);
      if (record == nullptr) return nullptr;
      link = &record->next;
    }
    return nullptr;
  }

  // As LocationTable::apply_entry, whatever of it was done before.
  void finish(AorRecord& aor, const CommitEntry& entry) {
    const auto find = [&](std::uint32_t contact) {
      return contact == 0 ? nullptr : link_to(aor.first_contact, contact, &OldTable::contact_at);
    };
    std::atomic<std::uint32_t>* const old_link = find(entry.removed);
    const ContactRecord* const removed = contact_at(entry.removed);
    if (entry.added == 0) {
      if (old_link != nullptr && removed != nullptr) old_link->store(removed->next.load());
      return;
    }
    ContactRecord* const added = contact_at(entry.added);
    if (added == nullptr) return;
    if (old_link != nullptr && removed != nullptr) {
      added->next.store(removed->next.load());
      old_link->store(entry.added);
    } else if (find(entry.added) == nullptr) {
      added->next.store(aor.first_contact.load());
      aor.first_contact.store(entry.added);
    }
  }

  const shm::DeadSegment& segment_;
  std::size_t steps_left_;  // Records that a sound table of this size can have at most.
  const TableRecord* head_ = nullptr;
  BucketRecord* buckets_ = nullptr;
  CommitLog* logs_ = nullptr;
};

}  // namespace

// 0: no room. Nobody else can see it before the AOR is linked.
std::uint32_t LocationTable::adopt_contact(Process& process, const ContactRecord& contact, std::uint32_t next,
                                           std::uint32_t bucket_index) {
  const std::size_t bytes = sizeof(ContactRecord) + contact.text_bytes();
  const shm::SlotHandle slot = process.slabs.try_take(*contact_kind_for(bytes));
  if (!slot) return 0;
  std::memcpy(process.slabs.bytes(slot), &contact, bytes);
  contact_at(slot.value)->next.store(next, std::memory_order_relaxed);
  process.slabs.set_mark(slot, shm::mark_linked(bucket_index));
  return slot.value;
}

// Returns how many found room.
std::size_t LocationTable::adopt(Process& process, DomainIndex domain, std::string_view name,
                                 std::span<const ContactRecord* const> contacts) {
  const Location at = locate(domain, name);
  const shm::SlotHandle slot = process.slabs.try_take(shm::SlabKind::kAor);
  if (!slot) return 0;
  std::size_t count = 0;
  std::uint32_t first = 0;
  for (std::size_t i = contacts.size(); i-- > 0;) {  // From the end: the chain keeps its order.
    const std::uint32_t contact = adopt_contact(process, *contacts[i], first, at.bucket);
    if (contact == 0) continue;
    first = contact;
    ++count;
  }
  if (count == 0) {
    process.slabs.give(slot);
    return 0;
  }
  AorRecord& aor = *aor_at(slot.value);
  aor.first_contact.store(first, std::memory_order_relaxed);
  aor.hash = at.hash;
  aor.domain = static_cast<std::uint8_t>(domain);
  aor.name_bytes = static_cast<std::uint8_t>(name.size());
  std::memcpy(aor.text(), name.data(), name.size());
  aor.next.store(bucket(at.bucket).first_aor.load(std::memory_order_relaxed), std::memory_order_relaxed);
  bucket(at.bucket).first_aor.store(slot.value, std::memory_order_release);
  process.slabs.set_mark(slot, shm::mark_linked(at.bucket));
  const Domain& table = domains_[static_cast<std::size_t>(domain)];
  process.counters.add(table.users);
  process.counters.add(registered_users_);
  process.counters.add(table.contacts, count);
  return count;
}

Result<TakenOver, std::string> LocationTable::take_over(Process& process, const worker::Estate& estate) {
  OldTable old(estate.segment);
  if (std::string trouble = old.open(*head_); !trouble.empty()) return Failure{std::move(trouble)};
  old.finish_changes();
  TakenOver taken;
  std::vector<ContactRecord*> contacts;
  old.for_each_aor([&](AorRecord* aor) {
    contacts.clear();
    const std::optional<DomainIndex> domain =
        aor == nullptr ? std::nullopt : find_domain(old.domain_name(aor->domain));
    if (aor == nullptr) ++taken.damaged;
    if (aor == nullptr) return;
    old.for_each_contact(*aor, [&](ContactRecord* contact) {
      const bool is_sound = contact != nullptr && contacts.size() < worker::kBindingMax;
      if (!is_sound) {
        ++taken.damaged;
      } else if (contact->is_expired(estate.now_s)) {
        ++taken.expired;
      } else if (!domain) {
        ++taken.unknown_table;
      } else {
        contact->socket =
            contact->socket < estate.sockets.size() ? estate.sockets[contact->socket] : worker::kNoSocket;
        started_s_ = std::max<std::uint64_t>(started_s_, contact->ruid_start + std::uint64_t{1});
        contacts.push_back(contact);
      }
    });
    if (contacts.empty()) return;
    const Location at = locate(*domain, aor->name());
    const bool is_known = find_aor(at.bucket, at.hash, *domain, aor->name()) != 0;
    const std::size_t count =
        is_known ? 0 : adopt(process, *domain, aor->name(), {contacts.data(), contacts.size()});
    taken.contacts += count;
    taken.users += count > 0 ? 1 : 0;
    (is_known ? taken.damaged : taken.no_room) += contacts.size() - count;
  });
  return taken;
}

}  // namespace lockstep::usrloc
