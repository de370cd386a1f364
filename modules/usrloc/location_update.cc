// location_update.cc: one REGISTER's worth of changes: built aside, planned under the bucket's lock,
// committed as one (RFC 3261 10.3 steps 6 to 8).
#include <cstring>

#include "core/sip/uri.h"
#include "modules/usrloc/location_table.h"

namespace lockstep::usrloc {

using shm::SlabKind;
using worker::Binding;
using worker::BindingChange;
using worker::BindingUpdate;
using worker::LocationError;
using worker::Process;
using worker::UpdateOutcome;

namespace {

// It only informs people; a longer one is cut.
constexpr std::size_t kUserAgentBytesMax = 128;

std::size_t record_bytes(const BindingUpdate& change, const Binding& binding) {
  return sizeof(ContactRecord) + binding.uri.size() + change.call_id.size() +
         std::min(binding.user_agent.size(), kUserAgentBytesMax) + binding.received.size() +
         binding.path.size() + binding.instance.size();
}

std::size_t spare_index(SlabKind kind) {
  return static_cast<std::size_t>(kind) - static_cast<std::size_t>(SlabKind::kContact512);
}

}  // namespace

// What one update means, worked out before anything is changed.
struct LocationTable::Plan {
  FixedVector<Built, worker::kBindingChangeMax> built;  // By change; slot 0: a removal, or none was free.
  FixedVector<std::uint32_t, worker::kBindingMax> existing;  // The chain, in order.
  Fate fates[worker::kBindingMax];                           // Of `existing`; only the used part is set.
  Act acts[worker::kBindingChangeMax];                       // Of the changes.
  std::uint8_t replaced[worker::kBindingChangeMax];          // Index into `existing`, for kReplace.
  FixedVector<CommitEntry, kCommitEntryMax> entries;
  std::uint32_t aor = 0;
  bool aor_is_new = false;
  std::uint32_t expired_count = 0;
  std::span<Binding> bindings;
  UpdateOutcome outcome;
};

// The URI of a contact in the request, parsed when a comparison of bytes is not enough: a refresh never needs
// it.
struct LocationTable::LazyUri {
  std::string_view text;
  bool is_parsed = false;
  std::optional<sip::Uri> uri;

  const std::optional<sip::Uri>& get() {
    if (!is_parsed) uri = sip::parse_uri(text);
    is_parsed = true;
    return uri;
  }
};

bool LocationTable::same_binding(const ContactRecord& record, const BindingUpdate& change,
                                 const Binding& binding, LazyUri& uri) const {
  if (settings_.matching == Matching::kCallId) return record.call_id() == change.call_id;
  if (settings_.matching == Matching::kContactCallId && record.call_id() != change.call_id) return false;
  if (settings_.matching == Matching::kContactPath && record.path() != binding.path) return false;
  if (record.uri() == binding.uri) return true;
  if (!uri.get() || record.uri_port != uri.get()->port) return false;
  const std::optional<sip::Uri> kept = sip::parse_uri(record.uri());
  return kept && sip::equal(*kept, *uri.get());
}

void LocationTable::fill(ContactRecord& record, const BindingUpdate& change, const Binding& binding) const {
  const std::string_view agent = binding.user_agent.substr(0, kUserAgentBytesMax);
  const auto size_of = [](std::string_view text) { return static_cast<std::uint16_t>(text.size()); };
  record.next.store(0, std::memory_order_relaxed);
  record.uri_bytes = size_of(binding.uri);
  record.call_id_bytes = size_of(change.call_id);
  record.user_agent_bytes = size_of(agent);
  record.received_bytes = size_of(binding.received);
  record.path_bytes = size_of(binding.path);
  record.instance_bytes = size_of(binding.instance);
  record.q = binding.q;
  record.socket = binding.socket;
  const std::optional<sip::Uri> uri = sip::parse_uri(binding.uri);
  record.uri_port = uri ? uri->port : std::uint16_t{0};
  record.ruid = 0;
  record.ruid_start = static_cast<std::uint32_t>(started_s_);
  record.expires_s = binding.expires_s;
  record.modified_s = change.now_s;
  record.cseq = change.cseq;
  record.flags = binding.flags;
  record.cflags = binding.cflags;
  record.methods = binding.methods;
  record.reg_id = binding.reg_id;
  char* at = record.text();
  for (const std::string_view text :
       {binding.uri, change.call_id, agent, binding.received, binding.path, binding.instance}) {
    if (!text.empty()) std::memcpy(at, text.data(), text.size());
    at += text.size();
  }
}

shm::SlotHandle LocationTable::take_spare(Process& process, SlabKind kind) {
  return shm::SlotHandle{std::exchange(spares_[process.me.value][spare_index(kind)], 0U)};
}

void LocationTable::give_or_spare(Process& process, std::uint32_t slot) {
  const SlabKind kind = process.slabs.kind_of(shm::SlotHandle{slot});
  if (kind != SlabKind::kAor) {
    std::uint32_t& spare = spares_[process.me.value][spare_index(kind)];
    if (spare == 0) {
      spare = slot;
      return;
    }
  }
  process.slabs.give(shm::SlotHandle{slot});
}

// Step 1. A slot that cannot be had is no error yet: a refresh may use the spare one.
std::optional<LocationError> LocationTable::build(Process& process, const BindingUpdate& change, Plan& plan) {
  for (const BindingChange& item : change.changes) {
    Built built;
    if (!item.is_removal) {
      const std::optional<SlabKind> kind = contact_kind_for(record_bytes(change, item.binding));
      if (!kind) return LocationError::kBindingTooLarge;
      built.kind = *kind;
      std::uint32_t& spare = spares_[process.me.value][spare_index(*kind)];
      if (spare == 0) spare = process.slabs.try_take(*kind).value;
      built.slot = process.slabs.try_take(*kind);
      if (built.slot) fill(*contact_at(built.slot.value), change, item.binding);
    }
    plan.built.push_back(built);
  }
  return std::nullopt;
}

void LocationTable::drop_built(Process& process, Plan& plan) {
  for (const Built& built : plan.built) {
    if (built.slot) give_or_spare(process, built.slot.value);
  }
  if (plan.aor_is_new && plan.aor != 0) process.slabs.give(shm::SlotHandle{plan.aor});
}

// What one named contact does to the bindings that are there, and to earlier ones of the same request: the
// last of two equal contacts counts.
std::optional<LocationError> LocationTable::plan_change(const BindingUpdate& change, std::size_t index,
                                                        Plan& plan) const {
  const BindingChange& item = change.changes[index];
  LazyUri uri{item.binding.uri, false, {}};
  plan.acts[index] = item.is_removal ? Act::kNothing : Act::kAdd;
  for (std::size_t i = 0; i < index; ++i) {
    if (plan.acts[i] != Act::kAdd || !plan.built[i].slot) continue;
    if (same_binding(*contact_at(plan.built[i].slot.value), change, item.binding, uri))
      plan.acts[i] = Act::kNothing;
  }
  for (std::size_t i = 0; i < plan.existing.size(); ++i) {
    if (plan.fates[i] == Fate::kExpired) continue;
    const ContactRecord& record = *contact_at(plan.existing[i]);
    if (!same_binding(record, change, item.binding, uri)) continue;
    if (change.check_order && record.call_id() == change.call_id) {
      if (record.cseq > change.cseq) return LocationError::kOutOfOrder;
      if (record.cseq == change.cseq) {
        plan.acts[index] = Act::kNothing;
        ++plan.outcome.unchanged;
        return std::nullopt;
      }
    }
    for (std::size_t j = 0; j < index; ++j) {
      if (plan.acts[j] == Act::kReplace && plan.replaced[j] == i) plan.acts[j] = Act::kNothing;
    }
    plan.fates[i] = item.is_removal ? Fate::kRemoved : Fate::kReplaced;
    if (!item.is_removal) {
      plan.acts[index] = Act::kReplace;
      plan.replaced[index] = static_cast<std::uint8_t>(i);
    }
    return std::nullopt;
  }
  return std::nullopt;
}

// `Contact: *` and save()'s flag for a single contact; then all that leave get their entry.
std::optional<LocationError> LocationTable::plan_removals(const BindingUpdate& change, Plan& plan) const {
  for (std::size_t i = 0; i < plan.existing.size(); ++i) {
    const ContactRecord& record = *contact_at(plan.existing[i]);
    const bool is_repetition = record.call_id() == change.call_id && record.cseq == change.cseq;
    if (plan.fates[i] == Fate::kStays && change.remove_all) {
      if (change.check_order && record.call_id() == change.call_id && record.cseq >= change.cseq) {
        return LocationError::kOutOfOrder;
      }
      plan.fates[i] = Fate::kRemoved;
    } else if (plan.fates[i] == Fate::kStays && change.remove_others && !is_repetition) {
      plan.fates[i] = Fate::kRemoved;
    }
    if (plan.fates[i] == Fate::kExpired) ++plan.expired_count;
    if (plan.fates[i] == Fate::kRemoved) ++plan.outcome.removed;
    if (plan.fates[i] == Fate::kExpired || plan.fates[i] == Fate::kRemoved) {
      plan.entries.push_back({0, plan.existing[i]});
    }
  }
  return std::nullopt;
}

std::optional<LocationError> LocationTable::plan_additions(Process& process, const BindingUpdate& change,
                                                           Plan& plan) {
  for (std::size_t i = 0; i < change.changes.size(); ++i) {
    const Act act = plan.acts[i];
    if (act == Act::kNothing) continue;
    Built& built = plan.built[i];
    if (!built.slot && act == Act::kReplace) {
      built.slot = take_spare(process, built.kind);
      if (built.slot) fill(*contact_at(built.slot.value), change, change.changes[i].binding);
    }
    if (!built.slot) return LocationError::kFull;
    ContactRecord& record = *contact_at(built.slot.value);
    if (act == Act::kReplace) {
      const std::uint32_t old = plan.existing[plan.replaced[i]];
      record.ruid = contact_at(old)->ruid;
      record.ruid_start = contact_at(old)->ruid_start;
      plan.entries.push_back({built.slot.value, old});
      ++plan.outcome.updated;
    } else {
      std::atomic<std::uint32_t>& count = log_of(process).ruid_count;
      const std::uint32_t number = count.load(std::memory_order_relaxed) + 1;
      count.store(number, std::memory_order_release);
      record.ruid = std::uint64_t{process.me.value} << 32 | number;
      plan.entries.push_back({built.slot.value, 0});
      ++plan.outcome.inserted;
    }
  }
  return std::nullopt;
}

// The answer is copied before the commit: when the arena is full, nothing has been changed.
bool LocationTable::copy_outcome(Plan& plan, Arena& arena) const {
  FixedVector<std::uint32_t, worker::kBindingMax> after;
  for (std::size_t i = 0; i < plan.built.size(); ++i) {
    if (plan.acts[i] == Act::kAdd) after.push_back(plan.built[i].slot.value);
  }
  for (std::size_t i = 0; i < plan.existing.size(); ++i) {
    if (plan.fates[i] == Fate::kStays) after.push_back(plan.existing[i]);
    if (plan.fates[i] != Fate::kReplaced) continue;
    for (std::size_t j = 0; j < plan.built.size(); ++j) {
      if (plan.acts[j] == Act::kReplace && plan.replaced[j] == i) after.push_back(plan.built[j].slot.value);
    }
  }
  Binding* const bindings = arena.make_array<Binding>(after.size());
  if (bindings == nullptr) return false;
  for (std::size_t i = 0; i < after.size(); ++i) {
    if (!copy_binding(*contact_at(after[i]), bindings[i], arena)) return false;
  }
  plan.bindings = {bindings, after.size()};
  return true;
}

// Step 3. REQUIRES: I hold the bucket's lock; plan.aor is the AOR or 0.
std::optional<LocationError> LocationTable::plan_update(Process& process, const BindingUpdate& change,
                                                        Plan& plan, Arena& arena) {
  std::size_t live_count = 0;
  if (plan.aor != 0) {
    std::uint32_t handle = aor_at(plan.aor)->first_contact.load(std::memory_order_relaxed);
    for (; handle != 0; handle = contact_at(handle)->next.load(std::memory_order_relaxed)) {
      const bool is_expired = contact_at(handle)->is_expired(change.now_s);
      plan.fates[plan.existing.size()] = is_expired ? Fate::kExpired : Fate::kStays;
      plan.existing.push_back(handle);
      if (!is_expired) ++live_count;
    }
  }
  for (std::size_t i = 0; i < change.changes.size(); ++i) {
    if (const auto error = plan_change(change, i, plan)) return error;
  }
  if (const auto error = plan_removals(change, plan)) return error;
  std::size_t added_count = 0;
  for (std::size_t i = 0; i < change.changes.size(); ++i) added_count += plan.acts[i] == Act::kAdd ? 1 : 0;
  const std::size_t after_count = live_count - plan.outcome.removed + added_count;
  const std::size_t contact_max = change.contact_max == 0
                                      ? worker::kBindingMax
                                      : std::min<std::size_t>(change.contact_max, worker::kBindingMax);
  // Refreshing and removing stay possible when the bound was lowered below what is there.
  if (added_count > 0 && after_count > contact_max) return LocationError::kTooManyContacts;
  if (const auto error = plan_additions(process, change, plan)) return error;
  return copy_outcome(plan, arena) ? std::nullopt : std::optional(LocationError::kArenaFull);
}

Result<UpdateOutcome, LocationError> LocationTable::update(Process& process, const BindingUpdate& change,
                                                           Arena& arena) {
  if (change.aor.empty() || change.aor.size() > worker::kAorBytesMax) return Failure{LocationError::kBadAor};
  LS_ASSERT(change.changes.size() <= worker::kBindingChangeMax);
  Plan plan;
  std::optional<LocationError> error = build(process, change, plan);
  Victims victims;
  if (!error) {
    const Location at = locate(change.domain, change.aor);
    const shm::SteppedHold hold(bucket(at.bucket).lock, process.me);
    plan.aor = find_aor(at.bucket, at.hash, change.domain, change.aor);
    error = plan_update(process, change, plan, arena);
    if (!error && plan.aor == 0 && plan.outcome.inserted > 0) {
      plan.aor_is_new = true;
      plan.aor = process.slabs.try_take(SlabKind::kAor).value;
      if (plan.aor == 0) {
        error = LocationError::kFull;
      } else {
        AorRecord& aor = *aor_at(plan.aor);
        aor.next.store(0, std::memory_order_relaxed);
        aor.first_contact.store(0, std::memory_order_relaxed);
        aor.hash = at.hash;
        aor.domain = static_cast<std::uint8_t>(change.domain);
        aor.name_bytes = static_cast<std::uint8_t>(change.aor.size());
        std::memcpy(aor.text(), change.aor.data(), change.aor.size());
      }
    }
    if (!error && !plan.entries.empty()) {
      commit(process, at.bucket, plan.aor, {plan.entries.data(), plan.entries.size()}, plan.expired_count,
             victims);
    }
  }
  if (error) {
    drop_built(process, plan);
    return Failure{*error};
  }
  for (std::size_t i = 0; i < plan.built.size(); ++i) {
    if (plan.built[i].slot && plan.acts[i] == Act::kNothing) give_or_spare(process, plan.built[i].slot.value);
  }
  for (const std::uint32_t victim : victims) give_or_spare(process, victim);
  sort(plan.bindings);
  plan.outcome.bindings = plan.bindings;
  return plan.outcome;
}

}  // namespace lockstep::usrloc
