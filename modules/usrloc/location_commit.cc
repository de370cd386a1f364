// location_commit.cc: the one way in which chains change: log, commit, apply, clear. apply() is also the
// recovery: each of its steps looks whether it was done before, so that it may be cut off anywhere and
// repeated.
#include <fmt/core.h>

#include <cstring>
#include <set>

#include "core/sip/uri.h"
#include "modules/usrloc/location_table.h"

namespace lockstep::usrloc {

using worker::DomainIndex;
using worker::Process;
using worker::RemoveOutcome;

namespace {

std::uint64_t counter(const Process& process, shm::CounterId id) {
  return process.counters.values[id.value].load(std::memory_order_relaxed);
}

void set_counter(Process& process, shm::CounterId id, std::uint64_t value) {
  process.counters.values[id.value].store(value, std::memory_order_relaxed);
}

}  // namespace

// REQUIRES: I hold the bucket's lock. The store of log.aor is the commit.
void LocationTable::commit(Process& process, std::uint32_t bucket_index, std::uint32_t aor,
                           std::span<const CommitEntry> entries, std::uint32_t expired_count,
                           Victims& victims) {
  CommitLog& log = log_of(process);
  LS_ASSERT(log.aor.load(std::memory_order_relaxed) == 0 && entries.size() <= kCommitEntryMax);
  const Domain& domain = domains_[aor_at(aor)->domain];
  std::uint64_t before = 0;
  std::uint32_t handle = aor_at(aor)->first_contact.load(std::memory_order_relaxed);
  for (; handle != 0; handle = contact_at(handle)->next.load(std::memory_order_relaxed)) ++before;
  std::uint64_t after = before;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    log.entries[i] = entries[i];
    if (entries[i].removed == 0) ++after;
    if (entries[i].added == 0) --after;
  }
  // An AOR is linked exactly as long as it has contacts. Differences may wrap: only the sum over all
  // processes means something.
  const std::uint64_t user_change = (after > 0 ? 1ULL : 0ULL) - (before > 0 ? 1ULL : 0ULL);
  log.bucket = bucket_index;
  log.entry_count = static_cast<std::uint32_t>(entries.size());
  log.domain = aor_at(aor)->domain;
  log.users_after = counter(process, domain.users) + user_change;
  log.registered_after = counter(process, registered_users_) + user_change;
  log.contacts_after = counter(process, domain.contacts) + after - before;
  log.expires_after = counter(process, domain.expires) + expired_count;
  reach(Point::kBind);
  log.aor.store(aor, std::memory_order_release);
  apply(process, victims);
}

std::atomic<std::uint32_t>* LocationTable::find_contact_link(AorRecord& aor, std::uint32_t contact) const {
  std::atomic<std::uint32_t>* link = &aor.first_contact;
  for (;;) {
    const std::uint32_t handle = link->load(std::memory_order_relaxed);
    if (handle == contact) return link;
    if (handle == 0) return nullptr;
    link = &contact_at(handle)->next;
  }
}

std::atomic<std::uint32_t>* LocationTable::find_aor_link(std::uint32_t bucket_index,
                                                         std::uint32_t aor) const {
  std::atomic<std::uint32_t>* link = &bucket(bucket_index).first_aor;
  for (;;) {
    const std::uint32_t handle = link->load(std::memory_order_relaxed);
    if (handle == aor) return link;
    if (handle == 0) return nullptr;
    link = &aor_at(handle)->next;
  }
}

// All stores are releases, so that they reach memory in the order written here.
void LocationTable::apply_entry(Process& process, AorRecord& aor, std::uint32_t bucket_index,
                                const CommitEntry& entry) {
  std::atomic<std::uint32_t>* const old_link =
      entry.removed == 0 ? nullptr : find_contact_link(aor, entry.removed);
  if (entry.added == 0) {
    if (old_link != nullptr) {
      old_link->store(contact_at(entry.removed)->next.load(std::memory_order_relaxed),
                      std::memory_order_release);
    }
    return;
  }
  ContactRecord& added = *contact_at(entry.added);
  if (old_link != nullptr) {
    added.next.store(contact_at(entry.removed)->next.load(std::memory_order_relaxed),
                     std::memory_order_release);
    old_link->store(entry.added, std::memory_order_release);
  } else if (find_contact_link(aor, entry.added) == nullptr) {
    added.next.store(aor.first_contact.load(std::memory_order_relaxed), std::memory_order_release);
    aor.first_contact.store(entry.added, std::memory_order_release);
  }
  process.slabs.set_mark(shm::SlotHandle{entry.added}, shm::mark_linked(bucket_index));
}

// An AOR without contacts is unlinked, one with contacts is linked.
void LocationTable::apply_aor(Process& process, std::uint32_t bucket_index, std::uint32_t handle) {
  AorRecord& aor = *aor_at(handle);
  std::atomic<std::uint32_t>* const link = find_aor_link(bucket_index, handle);
  if (aor.first_contact.load(std::memory_order_relaxed) == 0) {
    if (link != nullptr) link->store(aor.next.load(std::memory_order_relaxed), std::memory_order_release);
    return;
  }
  if (link == nullptr) {
    std::atomic<std::uint32_t>& first = bucket(bucket_index).first_aor;
    aor.next.store(first.load(std::memory_order_relaxed), std::memory_order_release);
    first.store(handle, std::memory_order_release);
  }
  process.slabs.set_mark(shm::SlotHandle{handle}, shm::mark_linked(bucket_index));
}

void LocationTable::apply(Process& process, Victims& victims) {
  reach(Point::kBind);
  CommitLog& log = log_of(process);
  const std::uint32_t handle = log.aor.load(std::memory_order_acquire);
  const std::span<const CommitEntry> entries(log.entries, log.entry_count);
  for (const CommitEntry& entry : entries) apply_entry(process, *aor_at(handle), log.bucket, entry);
  apply_aor(process, log.bucket, handle);
  const Domain& domain = domains_[log.domain];
  set_counter(process, domain.users, log.users_after);
  set_counter(process, registered_users_, log.registered_after);
  set_counter(process, domain.contacts, log.contacts_after);
  set_counter(process, domain.expires, log.expires_after);
  // From here on a sweep would free them; their bytes stay as they are until they are given back.
  for (const CommitEntry& entry : entries) {
    if (entry.removed != 0) victims.push_back(entry.removed);
  }
  if (aor_at(handle)->first_contact.load(std::memory_order_relaxed) == 0) victims.push_back(handle);
  for (const std::uint32_t victim : victims) {
    process.slabs.set_mark(shm::SlotHandle{victim}, shm::mark_held(process.me));
  }
  reach(Point::kBind);
  log.aor.store(0, std::memory_order_release);
}

void LocationTable::recover(Process& process) {
  if (log_of(process).aor.load(std::memory_order_acquire) != 0) {
    Victims victims;  // Marked held(me): the sweep that follows gives them back.
    apply(process, victims);
  }
  spares_[process.me.value] = {};
  for (std::uint32_t i = 0; i < bucket_count(); ++i) {
    if (bucket(i).lock.is_held_by(process.me)) shm::SteppedHold::let_go(bucket(i).lock);
  }
}

std::uint32_t LocationTable::expire_bucket(Process& process, std::uint32_t bucket_index,
                                           std::uint64_t now_s) {
  std::uint32_t expired_count = 0;
  // One AOR for each turn of the lock, so that nobody waits long for it.
  while (bucket(bucket_index).first_aor.load(std::memory_order_acquire) != 0) {
    FixedVector<CommitEntry, kCommitEntryMax> entries;
    Victims victims;
    {
      const shm::SteppedHold hold(bucket(bucket_index).lock, process.me);
      std::uint32_t aor = bucket(bucket_index).first_aor.load(std::memory_order_relaxed);
      for (; aor != 0; aor = aor_at(aor)->next.load(std::memory_order_relaxed)) {
        std::uint32_t contact = aor_at(aor)->first_contact.load(std::memory_order_relaxed);
        for (; contact != 0; contact = contact_at(contact)->next.load(std::memory_order_relaxed)) {
          if (contact_at(contact)->is_expired(now_s)) entries.push_back({0, contact});
        }
        if (!entries.empty()) break;
      }
      const auto count = static_cast<std::uint32_t>(entries.size());
      if (count > 0) commit(process, bucket_index, aor, {entries.data(), count}, count, victims);
      expired_count += count;
    }
    for (const std::uint32_t victim : victims) give_or_spare(process, victim);
    if (entries.empty()) break;
  }
  return expired_count;
}

template <typename Wanted>
RemoveOutcome LocationTable::remove_if(Process& process, DomainIndex domain, std::string_view aor,
                                       std::uint64_t now_s, const Wanted& wanted) {
  if (aor.empty() || aor.size() > worker::kAorBytesMax) return RemoveOutcome::kNoAor;
  const Location at = locate(domain, aor);
  FixedVector<CommitEntry, kCommitEntryMax> entries;
  Victims victims;
  std::uint32_t live_count = 0;
  std::uint32_t wanted_count = 0;
  {
    const shm::SteppedHold hold(bucket(at.bucket).lock, process.me);
    const std::uint32_t handle = find_aor(at.bucket, at.hash, domain, aor);
    if (handle == 0) return RemoveOutcome::kNoAor;
    std::uint32_t contact = aor_at(handle)->first_contact.load(std::memory_order_relaxed);
    for (; contact != 0; contact = contact_at(contact)->next.load(std::memory_order_relaxed)) {
      const ContactRecord& record = *contact_at(contact);
      const bool is_live = !record.is_expired(now_s);
      const bool is_wanted = is_live && wanted(record);
      if (is_live) ++live_count;
      if (is_wanted) ++wanted_count;
      if (is_wanted || !is_live) entries.push_back({0, contact});
    }
    if (!entries.empty()) {
      const auto count = static_cast<std::uint32_t>(entries.size());
      commit(process, at.bucket, handle, {entries.data(), count}, count - wanted_count, victims);
    }
  }
  for (const std::uint32_t victim : victims) give_or_spare(process, victim);
  if (wanted_count > 0) return RemoveOutcome::kRemoved;
  return live_count == 0 ? RemoveOutcome::kNoAor : RemoveOutcome::kNoBinding;
}

RemoveOutcome LocationTable::remove(Process& process, DomainIndex domain, std::string_view aor,
                                    std::string_view ruid, std::uint64_t now_s) {
  if (ruid.empty()) {
    return remove_if(process, domain, aor, now_s, [](const ContactRecord&) { return true; });
  }
  return remove_if(process, domain, aor, now_s, [&](const ContactRecord& record) {
    return ruid ==
           fmt::format("uloc-{:x}-{:x}-{:x}", record.ruid_start, record.ruid >> 32, record.ruid & 0xffffffff);
  });
}

RemoveOutcome LocationTable::remove_contact(Process& process, DomainIndex domain, std::string_view aor,
                                            std::string_view uri, std::uint64_t now_s) {
  const std::optional<sip::Uri> parsed = sip::parse_uri(uri);
  return remove_if(process, domain, aor, now_s, [&](const ContactRecord& record) {
    if (record.uri() == uri) return true;
    const std::optional<sip::Uri> kept = sip::parse_uri(record.uri());
    return parsed && kept && sip::equal(*parsed, *kept);
  });
}

std::string LocationTable::audit(Process& process) const {
  std::set<std::uint32_t> reachable;
  for (std::uint32_t i = 0; i < bucket_count(); ++i) {
    if (bucket(i).lock.owner.load() != 0) return fmt::format("bucket {} is locked", i);
    const auto note = [&](std::uint32_t handle) -> std::string {
      if (!reachable.insert(handle).second) return fmt::format("slot {} is linked twice", handle);
      const shm::Mark mark = process.slabs.mark(shm::SlotHandle{handle});
      if (mark != shm::mark_linked(i))
        return fmt::format("slot {} in bucket {} has mark {:#x}", handle, i, mark);
      return {};
    };
    std::uint32_t aor = bucket(i).first_aor.load();
    for (; aor != 0; aor = aor_at(aor)->next.load()) {
      if (std::string wrong = note(aor); !wrong.empty()) return wrong;
      std::uint32_t contact = aor_at(aor)->first_contact.load();
      if (contact == 0) return fmt::format("AOR {} has no contacts", aor_at(aor)->name());
      for (; contact != 0; contact = contact_at(contact)->next.load()) {
        if (std::string wrong = note(contact); !wrong.empty()) return wrong;
      }
    }
  }
  std::string wrong;
  for (const shm::SlabKind kind : {shm::SlabKind::kAor, shm::SlabKind::kContact512, shm::SlabKind::kContact1K,
                                   shm::SlabKind::kContact4K}) {
    process.slabs.for_each_linked(kind, [&](shm::SlotHandle slot, shm::Mark mark) {
      if (!reachable.contains(slot.value))
        wrong = fmt::format("slot {} with mark {:#x} is lost", slot.value, mark);
    });
  }
  return wrong;
}

}  // namespace lockstep::usrloc
