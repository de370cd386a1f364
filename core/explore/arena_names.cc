// arena_names.cc: tables of fields, found by their offsets.
#include "core/explore/arena_names.h"

#include <fmt/core.h>

#include <cstddef>
#include <span>

namespace lockstep::explore {
namespace {

// A field, or an array of `count` elements of `bytes` each, whose own fields may be named in `inner`.
struct Field {
  std::size_t offset;
  std::size_t bytes;
  std::size_t count;
  const char* name;
  std::span<const Field> inner = {};
};

#define FIELD(type, name) \
  { offsetof(type, name), sizeof(type::name), 1, #name }
#define INNER(type, name, fields) \
  { offsetof(type, name), sizeof(type::name), 1, #name, fields }
#define ARRAY(type, name) \
  { offsetof(type, name), sizeof(type::name[0]), sizeof(type::name) / sizeof(type::name[0]), #name }
#define ARRAY_INNER(type, name, fields) \
  { offsetof(type, name), sizeof(type::name[0]), sizeof(type::name) / sizeof(type::name[0]), #name, fields }

constexpr Field kEntry[] = {FIELD(shm::EntryRecord, word), FIELD(shm::EntryRecord, consumed),
                            FIELD(shm::EntryRecord, take_intent), FIELD(shm::EntryRecord, work_head),
                            FIELD(shm::EntryRecord, transactions)};

constexpr Field kNode[] = {FIELD(shm::EventNode, inbox_next),  FIELD(shm::EventNode, entry),
                           FIELD(shm::EventNode, kind),        FIELD(shm::EventNode, home),
                           FIELD(shm::EventNode, socket),      FIELD(shm::EventNode, length),
                           FIELD(shm::EventNode, large),       FIELD(shm::EventNode, work_next),
                           FIELD(shm::EventNode, number),      FIELD(shm::EventNode, state),
                           FIELD(shm::EventNode, attempts),    FIELD(shm::EventNode, transaction),
                           FIELD(shm::EventNode, generation),  FIELD(shm::EventNode, branch),
                           FIELD(shm::EventNode, what),        FIELD(shm::EventNode, armed_at_ms),
                           FIELD(shm::EventNode, received_ms), FIELD(shm::EventNode, received_us),
                           FIELD(shm::EventNode, source)};

constexpr Field kBuffer[] = {INNER(shm::ReceiveBuffer, node, kNode),
                             {offsetof(shm::ReceiveBuffer, bytes), shm::kReceiveBytes, 1, "bytes"}};

constexpr Field kHeader[] = {FIELD(mmsghdr, msg_hdr), FIELD(mmsghdr, msg_len)};

constexpr Field kBatch[] = {ARRAY_INNER(shm::ReceiveBatch, headers, kHeader),
                            ARRAY(shm::ReceiveBatch, parts),
                            ARRAY(shm::ReceiveBatch, buffers),
                            FIELD(shm::ReceiveBatch, count),
                            FIELD(shm::ReceiveBatch, next_to_admit),
                            FIELD(shm::ReceiveBatch, socket),
                            FIELD(shm::ReceiveBatch, received_ms),
                            FIELD(shm::ReceiveBatch, received_us)};

constexpr Field kOutbox[] = {ARRAY_INNER(shm::Outbox, headers, kHeader),
                             ARRAY(shm::Outbox, parts),
                             ARRAY(shm::Outbox, targets),
                             ARRAY(shm::Outbox, items),
                             FIELD(shm::Outbox, count),
                             FIELD(shm::Outbox, next_to_send)};

constexpr Field kArea[] = {
    FIELD(shm::WorkerArea, pid),
    FIELD(shm::WorkerArea, restarts),
    FIELD(shm::WorkerArea, ready),
    FIELD(shm::WorkerArea, idle),
    {offsetof(shm::WorkerArea, counters), sizeof(std::uint64_t), shm::kCounterMax, "counters"},
    INNER(shm::WorkerArea, batch, kBatch),
    INNER(shm::WorkerArea, outbox, kOutbox),
    FIELD(shm::WorkerArea, receive_cursor),
    FIELD(shm::WorkerArea, timer_cursor),
    ARRAY_INNER(shm::WorkerArea, timer_nodes, kNode),
    ARRAY_INNER(shm::WorkerArea, buffers, kBuffer),
    ARRAY(shm::WorkerArea, overflow)};

constexpr Field kLog[] = {
    FIELD(shm::OrderLogArea, baseline),         FIELD(shm::OrderLogArea, published),
    FIELD(shm::OrderLogArea, reserved_records), FIELD(shm::OrderLogArea, reserved_bytes),
    FIELD(shm::OrderLogArea, next_record),      FIELD(shm::OrderLogArea, next_byte),
    FIELD(shm::OrderLogArea, next_offset)};

constexpr Field kQueue[] = {FIELD(shm::RunQueue, lock), FIELD(shm::RunQueue, first),
                            FIELD(shm::RunQueue, count), ARRAY(shm::RunQueue, entries)};

constexpr Field kTransaction[] = {
    FIELD(shm::TransactionRecord, next),        FIELD(shm::TransactionRecord, generation),
    FIELD(shm::TransactionRecord, armed_at_ms), FIELD(shm::TransactionRecord, armed_by),
    FIELD(shm::TransactionRecord, method),      FIELD(shm::TransactionRecord, reply_socket),
    FIELD(shm::TransactionRecord, entry),       FIELD(shm::TransactionRecord, key),
    FIELD(shm::TransactionRecord, born_ms),     FIELD(shm::TransactionRecord, reply_target),
    FIELD(shm::TransactionRecord, source),      ARRAY(shm::TransactionRecord, chunks),
    ARRAY(shm::TransactionRecord, targets),     ARRAY(shm::TransactionRecord, copies)};

constexpr Field kState[] = {FIELD(shm::SharedState, layout), FIELD(shm::SharedState, worker_count),
                            FIELD(shm::SharedState, log_level)};

#undef FIELD
#undef INNER
#undef ARRAY
#undef ARRAY_INNER

void descend(std::span<const Field> fields, std::size_t offset, ArenaName& name) {
  for (const Field& field : fields) {
    if (offset < field.offset || offset >= field.offset + field.bytes * field.count) continue;
    const std::size_t index = (offset - field.offset) / field.bytes;
    const std::size_t inside = (offset - field.offset) % field.bytes;
    name.field += fmt::format(".{}", field.name);
    name.full += fmt::format(".{}", field.name);
    if (field.count > 1) name.full += fmt::format("[{}]", index);
    if (field.inner.empty()) {
      if (inside != 0) name.full += fmt::format("+{}", inside);
    } else {
      descend(field.inner, inside, name);
    }
    return;
  }
  name.full += fmt::format("+{}", offset);
}

ArenaName named(const std::string& table, const std::string& one, std::span<const Field> fields,
                std::size_t offset) {
  ArenaName name{table, one};
  descend(fields, offset, name);
  return name;
}

bool holds(const void* begin, std::size_t bytes, const char* at, std::size_t& offset) {
  const char* const first = static_cast<const char*>(begin);
  if (begin == nullptr || at < first || at >= first + bytes) return false;
  offset = static_cast<std::size_t>(at - first);
  return true;
}

}  // namespace

ArenaName name_in_arena(const shm::Segment& segment, const shm::SharedState& state, const char* at) {
  std::size_t offset = 0;
  if (holds(state.entries, sizeof(shm::EntryRecord) * shm::kEntryCount, at, offset)) {
    return named("entry", fmt::format("entry {}", offset / sizeof(shm::EntryRecord)), kEntry,
                 offset % sizeof(shm::EntryRecord));
  }
  for (std::uint32_t id = 1; id <= state.worker_count; ++id) {
    if (holds(state.areas[id], sizeof(shm::WorkerArea), at, offset))
      return named("worker", fmt::format("worker {}", id), kArea, offset);
    const shm::OrderLogArea* log = state.order_logs[id];
    const std::size_t bytes = log == nullptr ? 0
                                             : static_cast<std::size_t>(log->bytes() + log->byte_capacity -
                                                                        reinterpret_cast<const char*>(log));
    if (holds(log, bytes, at, offset))
      return named("order_log", fmt::format("order_log {}", id), kLog, offset);
  }
  if (holds(state.run_queue, sizeof(shm::RunQueue), at, offset))
    return named("run_queue", "run_queue", kQueue, offset);
  if (holds(&state, sizeof state, at, offset)) return named("state", "state", kState, offset);
  const shm::SlabPlace place = shm::Slabs::place_of(segment, *state.slabs, at);
  if (place.table != "slot")
    return {std::string(place.table), fmt::format("{} {}", place.table, place.index)};
  const std::string slot = fmt::format("{} slot {}", slab_shape(place.kind).name, place.index);
  const std::string table = fmt::format("slot.{}", slab_shape(place.kind).name);
  return named(table, slot,
               place.kind == shm::SlabKind::kTransaction ? kTransaction : std::span<const Field>{},
               place.offset);
}

}  // namespace lockstep::explore
