// location_table.cc: making the table, reading it, and the expiry sweep's slices.
#include "modules/usrloc/location_table.h"

#include <dlfcn.h>
#include <fmt/core.h>

#include <cstring>

#include "core/base/file_hash.h"
#include "core/base/hash.h"

namespace lockstep::usrloc {

using worker::Binding;
using worker::DomainIndex;
using worker::LocationError;
using worker::Process;

namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

char* write_hex(char* out, std::uint64_t number) {
  char digits[16];
  std::size_t count = 0;
  do {
    digits[count++] = kHexDigits[number & 15];
    number >>= 4;
  } while (number != 0);
  while (count > 0) *out++ = digits[--count];
  return out;
}

// "uloc-START-WORKER-COUNT": unique over restarts of the server too.
std::string_view ruid_text(std::uint64_t ruid, std::uint64_t started_s, Arena& arena) {
  constexpr std::size_t kRuidBytesMax = 48;
  char* const begin = arena.make_array<char>(kRuidBytesMax);
  if (begin == nullptr) return {};
  std::memcpy(begin, "uloc-", 5);
  char* at = write_hex(begin + 5, started_s);
  *at++ = '-';
  at = write_hex(at, ruid >> 32);
  *at++ = '-';
  at = write_hex(at, ruid & 0xffffffff);
  arena.shrink_to(at);
  return {begin, static_cast<std::size_t>(at - begin)};
}

}  // namespace

// Of the file that this code was loaded from: the module, or the program that it is linked into.
std::uint64_t LocationTable::this_module() {
  Dl_info info{};
  static constexpr char kHere = 0;
  return dladdr(&kHere, &info) != 0 && info.dli_fname != nullptr ? hash_file(info.dli_fname) : 0;
}

Result<bool, std::string> LocationTable::make(shm::Segment& segment, std::uint32_t process_count,
                                              std::uint64_t seed, std::uint64_t started_s,
                                              const TableSettings& settings, shm::CounterNames& counters) {
  segment_ = &segment;
  counter_names_ = &counters;
  settings_ = settings;
  seed_ = seed;
  started_s_ = started_s;
  const std::uint32_t count = 1U << settings.bucket_bits;
  bucket_mask_ = count - 1;
  void* head = segment.allocate_heritable("usrloc.table", sizeof(TableRecord), 64);
  void* buckets = segment.allocate_heritable("usrloc.buckets", count * sizeof(BucketRecord), 64);
  void* logs = segment.allocate_heritable("usrloc.logs", (process_count + 1) * sizeof(CommitLog), 64);
  if (head == nullptr || buckets == nullptr || logs == nullptr) {
    return Failure{
        fmt::format("no room for 2^{} buckets in {} MB of shared memory; give more with -m, "
                    "or a smaller hash_size",
                    settings.bucket_bits, segment.size_bytes() >> 20)};
  }
  head_ = static_cast<TableRecord*>(head);
  head_->module = this_module();
  head_->bucket_count = count;
  head_->process_count = process_count;
  head_->use_domain = settings.use_domain ? 1 : 0;
  buckets_ = static_cast<BucketRecord*>(buckets);
  logs_ = static_cast<CommitLog*>(logs);
  registered_users_ = counters.add("usrloc", "registered_users", "Addresses of record that have contacts.");
  return true;
}

Result<DomainIndex, std::string> LocationTable::add_domain(std::string_view name) {
  if (const std::optional<DomainIndex> known = find_domain(name)) return *known;
  if (!worker::is_domain_name(name)) {
    return Failure{fmt::format(
        "\"{}\" is no name of a location table: letters, digits, '_', '-', '.', at most 63", name)};
  }
  if (domains_.size() == worker::kDomainMax) {
    return Failure{
        fmt::format("location table \"{}\" is one too many: at most {}", name, worker::kDomainMax)};
  }
  const std::string text(name);
  text.copy(head_->domains[head_->domain_count++], sizeof head_->domains[0] - 1);
  shm::CounterNames& names = *counter_names_;
  domains_.push_back(
      {text, names.add("usrloc", text + "_users", "Addresses of record with contacts in this table."),
       names.add("usrloc", text + "_contacts", "Contacts in this table."),
       names.add("usrloc", text + "_expires", "Contacts of this table that expired.")});
  return static_cast<DomainIndex>(domains_.size() - 1);
}

void LocationTable::set_case_sensitive(bool is_sensitive) {
  case_sensitive_ = is_sensitive;
  head_->case_sensitive = is_sensitive ? 1 : 0;
}

std::optional<DomainIndex> LocationTable::find_domain(std::string_view name) const {
  for (std::size_t i = 0; i < domains_.size(); ++i) {
    if (domains_[i].name == name) return static_cast<DomainIndex>(i);
  }
  return std::nullopt;
}

LocationTable::Location LocationTable::locate(DomainIndex domain, std::string_view aor) const {
  LS_ASSERT(static_cast<std::size_t>(domain) < domains_.size());
  const auto hash = static_cast<std::uint32_t>(hash_bytes(aor, seed_ + static_cast<std::uint64_t>(domain)));
  return {hash & bucket_mask_, hash};
}

std::uint32_t LocationTable::find_aor(std::uint32_t bucket_index, std::uint32_t hash, DomainIndex domain,
                                      std::string_view aor) const {
  std::uint32_t handle = bucket(bucket_index).first_aor.load(std::memory_order_relaxed);
  while (handle != 0) {
    const AorRecord& record = *aor_at(handle);
    if (record.hash == hash && record.domain == static_cast<std::uint8_t>(domain) && record.name() == aor)
      break;
    handle = record.next.load(std::memory_order_relaxed);
  }
  return handle;
}

bool LocationTable::copy_binding(const ContactRecord& record, Binding& binding, Arena& arena) const {
  const std::size_t bytes = record.text_bytes();
  char* const text = arena.make_array<char>(bytes);
  if (text == nullptr) return false;
  std::memcpy(text, record.text(), bytes);
  binding = Binding{};
  const char* at = text;
  const auto next = [&at](std::size_t count) {
    const std::string_view part(at, count);
    at += count;
    return part;
  };
  binding.uri = next(record.uri_bytes);
  binding.call_id = next(record.call_id_bytes);
  binding.user_agent = next(record.user_agent_bytes);
  binding.received = next(record.received_bytes);
  binding.path = next(record.path_bytes);
  binding.instance = next(record.instance_bytes);
  binding.ruid = ruid_text(record.ruid, record.ruid_start, arena);
  binding.expires_s = record.expires_s;
  binding.modified_s = record.modified_s;
  binding.cseq = record.cseq;
  binding.flags = record.flags;
  binding.cflags = record.cflags;
  binding.methods = record.methods;
  binding.reg_id = record.reg_id;
  binding.q = record.q;
  binding.socket = record.socket;
  return !binding.ruid.empty();
}

std::optional<std::span<Binding>> LocationTable::copy_contacts(const AorRecord& aor, std::uint64_t now_s,
                                                               bool all, Arena& arena) const {
  FixedVector<std::uint32_t, worker::kBindingMax> wanted;
  std::uint32_t handle = aor.first_contact.load(std::memory_order_relaxed);
  for (; handle != 0; handle = contact_at(handle)->next.load(std::memory_order_relaxed)) {
    if (all || !contact_at(handle)->is_expired(now_s)) wanted.push_back(handle);
  }
  Binding* const bindings = arena.make_array<Binding>(wanted.size());
  if (bindings == nullptr) return std::nullopt;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (!copy_binding(*contact_at(wanted[i]), bindings[i], arena)) return std::nullopt;
  }
  return std::span<Binding>(bindings, wanted.size());
}

// Few elements, mostly in order, and equal ones must stay as they are: insertion.
void LocationTable::sort(std::span<Binding> bindings) const {
  const bool newest_first = settings_.newest_first;
  const auto stands_before = [newest_first](const Binding& a, const Binding& b) {
    if (!newest_first && a.q != b.q) return a.q > b.q;
    return a.modified_s > b.modified_s;
  };
  for (std::size_t i = 1; i < bindings.size(); ++i) {
    const Binding moved = bindings[i];
    std::size_t at = i;
    for (; at > 0 && stands_before(moved, bindings[at - 1]); --at) bindings[at] = bindings[at - 1];
    bindings[at] = moved;
  }
}

Result<std::span<const Binding>, LocationError> LocationTable::find(Process& process, DomainIndex domain,
                                                                    std::string_view aor, std::uint64_t now_s,
                                                                    Arena& arena) {
  if (aor.empty() || aor.size() > worker::kAorBytesMax) return Failure{LocationError::kBadAor};
  const Location at = locate(domain, aor);
  std::optional<std::span<Binding>> bindings{std::in_place};
  {
    const shm::SteppedHold hold(bucket(at.bucket).lock, process.me);
    const std::uint32_t handle = find_aor(at.bucket, at.hash, domain, aor);
    if (handle != 0) bindings = copy_contacts(*aor_at(handle), now_s, false, arena);
  }
  if (!bindings) return Failure{LocationError::kArenaFull};
  sort(*bindings);
  return std::span<const Binding>(*bindings);
}

bool LocationTable::copy_aor(Process& process, DomainIndex domain, std::string_view aor, Arena& arena,
                             AorCopy& copy) {
  if (aor.empty() || aor.size() > worker::kAorBytesMax) return false;
  const Location at = locate(domain, aor);
  std::optional<std::span<Binding>> bindings;
  {
    const shm::SteppedHold hold(bucket(at.bucket).lock, process.me);
    const std::uint32_t handle = find_aor(at.bucket, at.hash, domain, aor);
    if (handle == 0) return false;
    bindings = copy_contacts(*aor_at(handle), 0, true, arena);
    copy.name = arena.copy(aor);
  }
  if (!bindings || copy.name.empty()) return false;
  sort(*bindings);
  copy.hash = at.hash;
  copy.bindings = *bindings;
  return true;
}

bool LocationTable::copy_bucket(Process& process, std::uint32_t bucket_index, DomainIndex domain,
                                std::uint32_t skip, Arena& arena, std::span<AorCopy> copies,
                                std::size_t& count) {
  count = 0;
  if (bucket(bucket_index).first_aor.load(std::memory_order_acquire) == 0) return false;
  const shm::SteppedHold hold(bucket(bucket_index).lock, process.me);
  std::uint32_t handle = bucket(bucket_index).first_aor.load(std::memory_order_relaxed);
  for (; handle != 0; handle = aor_at(handle)->next.load(std::memory_order_relaxed)) {
    const AorRecord& record = *aor_at(handle);
    if (record.domain != static_cast<std::uint8_t>(domain)) continue;
    if (skip > 0) {
      --skip;
      continue;
    }
    if (count == copies.size()) return true;
    const std::string_view name = arena.copy(record.name());
    const std::optional<std::span<Binding>> bindings = copy_contacts(record, 0, true, arena);
    if (name.empty() || !bindings) return true;
    sort(*bindings);
    copies[count++] = {name, record.hash, *bindings};
  }
  return false;
}

}  // namespace lockstep::usrloc
