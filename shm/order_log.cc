// The order log: appended by its worker alone, read by anybody who maps the segment.
#include "shm/order_log.h"

#include <fmt/core.h>

#include <bit>
#include <cstring>

#include "core/base/clock.h"
#include "shm/segment.h"
#include "shm/shared_state.h"

namespace lockstep::shm {
namespace {

// A quarter for records, three for bytes: a plain call makes 25 records and 9 KB of messages.
constexpr std::size_t kRecordShare = 4;
constexpr std::uint64_t kByteUnit = 16;

}  // namespace

transaction::Event LogDecision::get_event() const {
  transaction::Event copy;
  std::memcpy(static_cast<void*>(&copy), event, sizeof copy);
  return copy;
}

transaction::Settings LogRecord::settings_in(const unsigned char (&bytes)[kLoggedSettingsBytes]) {
  transaction::Settings copy;
  std::memcpy(static_cast<void*>(&copy), bytes, sizeof copy);
  return copy;
}

// Field by field: what lies between the fields of a struct means nothing.
std::uint64_t digest_of(const transaction::ActionList& actions) {
  static_assert(sizeof(transaction::Action) == 12, "a new field belongs into the digest");
  std::uint64_t digest = 0x9e3779b97f4a7c15u + actions.size();
  for (const transaction::Action& action : actions) {
    const std::uint64_t word = static_cast<std::uint64_t>(action.kind) |
                               static_cast<std::uint64_t>(action.branch.value) << 8 |
                               static_cast<std::uint64_t>(action.status) << 16 |
                               static_cast<std::uint64_t>(action.challenges) << 32;
    digest = (digest ^ word) * 0xbf58476d1ce4e5b9u;
    digest = (digest ^ digest >> 31 ^ static_cast<std::uint64_t>(action.reason)) * 0x94d049bb133111ebu;
    digest ^= digest >> 29;
  }
  return digest;
}

void OrderLogWriter::open(OrderLogArea* area) {
  area_ = area;
  if (area_ == nullptr) return;
  area_->next_record = area_->published.load(std::memory_order_relaxed);
  area_->next_byte = area_->reserved_bytes.load(std::memory_order_relaxed);
  area_->next_offset = area_->next_byte % area_->byte_capacity;
}

void OrderLogWriter::set_baseline(const transaction::Settings& settings) {
  if (area_ == nullptr) return;
  std::memcpy(static_cast<void*>(&baseline_), &settings, sizeof settings);
  std::memcpy(area_->baseline, &settings, sizeof settings);
}

LogRecord& OrderLogWriter::append(LogKind kind, std::uint32_t entry, std::uint64_t stamp,
                                  std::uint64_t time_us) {
  const std::uint64_t position = area_->next_record++;
  if (area_->next_record > area_->reserved_records.load(std::memory_order_relaxed)) {
    area_->reserved_records.store(area_->next_record, std::memory_order_relaxed);
  }
  std::atomic_thread_fence(std::memory_order_release);
  LogRecord& record = area_->records()[position & (area_->record_capacity - 1)];
  record.stamp = stamp;
  record.time_us = time_us;
  record.entry = entry;
  record.kind = kind;
  record.worker = static_cast<std::uint8_t>(area_->worker);
  record.socket = 0;
  record.transaction = 0;
  record.generation = 0;
  return record;
}

// A message never runs over the end of the ring: what is left there is skipped.
void OrderLogWriter::put_bytes(LogDatagram& datagram, std::string_view bytes) {
  datagram.bytes = static_cast<std::uint32_t>(bytes.size());
  const std::uint64_t room = (bytes.size() + kByteUnit - 1) / kByteUnit * kByteUnit;
  if (area_->next_offset + room > area_->byte_capacity) {
    area_->next_byte += area_->byte_capacity - area_->next_offset;
    area_->next_offset = 0;
  }
  datagram.bytes_at = area_->next_byte;
  char* const to = area_->bytes() + area_->next_offset;
  area_->next_byte += room;
  area_->next_offset += room;
  area_->reserved_bytes.store(area_->next_byte, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_release);
  std::memcpy(to, bytes.data(), bytes.size());
}

void OrderLogWriter::begin(std::uint32_t entry, const EventNode& node, std::string_view bytes) {
  if (area_ == nullptr) return;
  entry_ = entry;
  stamp_ = node.number;
  decided_us_ = 0;
  step_ = 0;
  has_settings_ = false;
  if (node.kind == EventKind::kDatagram) {
    LogRecord& record = append(LogKind::kReceived, entry, stamp_, node.received_us);
    record.socket = node.socket;
    record.datagram.peer = node.source;
    record.datagram.branch = 0;
    record.datagram.index = 0;
    put_bytes(record.datagram, bytes);
    return;
  }
  decided_us_ = monotonic_us();
  LogRecord& record = append(LogKind::kOccasion, entry, stamp_, decided_us_);
  record.transaction = node.transaction;
  record.generation = node.generation;
  std::memset(&record.datagram, 0, sizeof record.datagram);
  record.datagram.branch = static_cast<std::uint16_t>(node.branch);
  record.datagram.index = static_cast<std::uint16_t>(node.kind);
}

void OrderLogWriter::decided(std::uint32_t transaction, std::uint32_t generation,
                             const transaction::Event& event, const transaction::Step& step,
                             const transaction::Settings& settings) {
  if (area_ == nullptr) return;
  if (decided_us_ == 0) decided_us_ = monotonic_us();
  // Padding may differ where no field does: that costs a record and means nothing.
  const bool differs = !(settings == baseline_);
  if (differs && !(has_settings_ && settings == settings_)) {
    LogRecord& record = append(LogKind::kSettings, entry_, stamp_, decided_us_);
    record.transaction = transaction;
    record.generation = generation;
    std::memset(record.settings, 0, sizeof record.settings);
    std::memcpy(record.settings, &settings, sizeof settings);
    std::memcpy(static_cast<void*>(&settings_), &settings, sizeof settings);
    has_settings_ = true;
  }
  LogRecord& record = append(LogKind::kDecided, entry_, stamp_, decided_us_);
  record.transaction = transaction;
  record.generation = generation;
  LogDecision& decision = record.decision;
  std::memcpy(decision.event, &event, sizeof event);
  decision.digest = digest_of(step.actions);
  decision.ignored = static_cast<std::uint8_t>(step.ignored);
  decision.action_count = static_cast<std::uint8_t>(step.actions.size());
  decision.step = step_++;
  decision.has_settings = differs ? 1 : 0;
  for (std::size_t i = 0; i < kLoggedActions && i < step.actions.size(); ++i) {
    decision.actions[i] = {static_cast<std::uint8_t>(step.actions[i].kind), step.actions[i].branch.value};
  }
}

void OrderLogWriter::set_aside(std::uint32_t entry, const EventNode& node) {
  if (area_ == nullptr) return;
  LogRecord& record = append(LogKind::kSetAside, entry, node.number, monotonic_us());
  record.transaction = node.transaction;
  record.generation = node.generation;
  std::memset(&record.datagram, 0, sizeof record.datagram);
  publish();
}

void OrderLogWriter::forget_since(std::uint64_t mark) {
  if (area_ == nullptr) return;
  area_->next_record = mark;
  has_settings_ = false;
}

void OrderLogWriter::publish() {
  if (area_ != nullptr) area_->published.store(area_->next_record, std::memory_order_release);
}

void OrderLogWriter::sent(const Sent& what, const PeerAddress& target, std::string_view bytes) {
  if (area_ == nullptr) return;
  LogRecord& record = append(what.kind, what.entry, what.stamp, what.time_us);
  record.socket = what.socket;
  record.transaction = what.transaction;
  record.generation = what.generation;
  record.datagram.peer = target;
  record.datagram.branch = what.branch;
  record.datagram.index = what.index;
  put_bytes(record.datagram, bytes);
}

std::uint64_t oldest_record(const OrderLogArea& area) {
  const std::uint64_t reserved = area.reserved_records.load(std::memory_order_acquire);
  return reserved > area.record_capacity ? reserved - area.record_capacity : 0;
}

bool read_record(const OrderLogArea& area, std::uint64_t position, LogRecord& record) {
  if (position >= area.published.load(std::memory_order_acquire)) return false;
  std::memcpy(static_cast<void*>(&record), &area.records()[position & (area.record_capacity - 1)],
              sizeof record);
  std::atomic_thread_fence(std::memory_order_acquire);
  return position >= oldest_record(area);
}

bool read_bytes(const OrderLogArea& area, const LogDatagram& datagram, std::string& bytes) {
  const std::uint64_t offset = datagram.bytes_at % area.byte_capacity;
  if (offset + datagram.bytes > area.byte_capacity) return false;
  bytes.assign(area.bytes() + offset, datagram.bytes);
  std::atomic_thread_fence(std::memory_order_acquire);
  return datagram.bytes_at + area.byte_capacity >= area.reserved_bytes.load(std::memory_order_acquire);
}

Result<bool, std::string> make_order_logs(Segment& segment, SharedState& state, std::uint32_t mebibytes) {
  if (mebibytes == 0) return true;
  const std::size_t size = std::size_t{mebibytes} << 20;
  const std::size_t records = std::bit_floor(size / kRecordShare / sizeof(LogRecord));
  for (std::uint32_t id = 1; id <= state.worker_count; ++id) {
    const std::string name = fmt::format("order_log.{}", id);
    auto* area = static_cast<OrderLogArea*>(segment.allocate_named(name.c_str(), size, 4096));
    if (area == nullptr) {
      return Failure{fmt::format("no room for the order log ({} MiB for each worker); give more with -m, or "
                                 "less with order_log",
                                 mebibytes)};
    }
    area->record_capacity = static_cast<std::uint32_t>(records);
    area->worker = id;
    area->byte_capacity =
        (size - sizeof(OrderLogArea) - records * sizeof(LogRecord)) / kByteUnit * kByteUnit;
    state.order_logs[id] = area;
  }
  return true;
}

}  // namespace lockstep::shm
