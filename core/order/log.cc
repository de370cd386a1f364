// Reading the rings of a running server.
#include "core/order/log.h"

#include <fmt/core.h>

#include <algorithm>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <set>

#include "shm/attached_segment.h"
#include "shm/segment.h"
#include "shm/shared_state.h"

namespace lockstep::order {
namespace {

bool same_event(const Record& a, const Record& b) {
  return a.head.entry == b.head.entry && a.head.stamp == b.head.stamp;
}

// Of one event: an earlier attempt, cut short by the death of its worker, is superseded by the next begin.
void settle_event(std::vector<Record>::iterator first, std::vector<Record>::iterator last,
                  std::vector<Record>& to) {
  auto begin = first;
  for (auto at = first; at != last; ++at) {
    if (at->head.begins_event()) begin = at;
  }
  std::set<std::uint16_t> told;
  for (auto at = first; at != last; ++at) {
    const bool is_outcome = at->head.kind >= shm::LogKind::kSent;
    if (!is_outcome && at < begin) continue;
    if (is_outcome && !told.insert(at->head.datagram.index).second) continue;
    to.push_back(std::move(*at));
  }
}

void read_ring(const shm::OrderLogArea& area, Log& log) {
  const std::uint64_t end = area.published.load(std::memory_order_acquire);
  const std::uint64_t oldest = shm::oldest_record(area);
  bool is_first = true;
  for (std::uint64_t position = oldest; position < end; ++position) {
    Record record;
    // Overwritten while we read: what follows is newer, and may still be there.
    if (!shm::read_record(area, position, record.head)) continue;
    const bool has_lost_before = is_first && position > 0;
    is_first = false;
    if (record.head.has_datagram()) {
      record.has_bytes = shm::read_bytes(area, record.head.datagram, record.bytes);
      if (!record.has_bytes) record.bytes.clear();
    }
    if (has_lost_before || (record.head.has_datagram() && !record.has_bytes)) {
      log.whole_since_us = std::max(log.whole_since_us, record.head.time_us);
    }
    log.records.push_back(std::move(record));
  }
}

std::string resolved(const std::string& run_dir) {
  char path[PATH_MAX];
  return realpath(run_dir.c_str(), path) != nullptr ? std::string(path) : run_dir;
}

}  // namespace

std::vector<Record> settled(std::vector<Record> records) {
  std::stable_sort(records.begin(), records.end(), [](const Record& a, const Record& b) {
    if (a.head.entry != b.head.entry) return a.head.entry < b.head.entry;
    return a.head.stamp < b.head.stamp;
  });
  std::vector<Record> result;
  result.reserve(records.size());
  for (auto first = records.begin(); first != records.end();) {
    auto last = first;
    while (last != records.end() && same_event(*first, *last)) ++last;
    settle_event(first, last, result);
    first = last;
  }
  return result;
}

Result<Log, std::string> read_live(const std::string& run_dir) {
  const std::string path = resolved(run_dir);
  const auto segment = shm::AttachedSegment::open(shm::segment_name_of(path));
  if (!segment) {
    return Failure{fmt::format("no server of {} can be asked ({}); a recorded file is read with --from FILE",
                               path, segment.error())};
  }
  const auto* state =
      static_cast<const shm::SharedState*>((*segment)->find_named("state", sizeof(std::uint32_t)));
  if (state == nullptr) return Failure{fmt::format("the server of {} is not ready yet", path)};
  if (state->layout != shm::kLayoutNumber) {
    return Failure{
        fmt::format("the server of {} has layout {}, this binary reads {}: use the binary that the "
                    "server was started with",
                    path, state->layout, shm::kLayoutNumber)};
  }
  const auto* entries = static_cast<const shm::EntryRecord*>(
      (*segment)->find_named("entries", sizeof(shm::EntryRecord) * shm::kEntryCount));
  if (entries == nullptr) return Failure{fmt::format("the server of {} is not ready yet", path)};
  std::vector<const shm::OrderLogArea*> rings;
  for (std::uint32_t id = 1; id <= state->worker_count && id <= shm::kWorkerMax; ++id) {
    const auto* ring = static_cast<const shm::OrderLogArea*>(
        (*segment)->find_named(fmt::format("order_log.{}", id).c_str(), sizeof(shm::OrderLogArea)));
    if (ring != nullptr) rings.push_back(ring);
  }
  if (rings.empty()) return Failure{fmt::format("the server of {} keeps no order log (order_log=0)", path)};
  return read_rings(*state, entries, rings);
}

Log read_rings(const shm::SharedState& state, const shm::EntryRecord* entries,
               const std::vector<const shm::OrderLogArea*>& rings) {
  Log log;
  log.started_wall_us = state.started_wall_us;
  log.started_monotonic_us = state.started_monotonic_us;
  log.worker_count = state.worker_count;
  log.listen.assign(state.listen, state.listen + std::min<std::size_t>(state.listen_count, shm::kListenMax));
  for (const shm::OrderLogArea* ring : rings) {
    log.baseline = shm::LogRecord::settings_in(ring->baseline);
    read_ring(*ring, log);
  }
  // Read after the rings: an event that is committed now had published all its records before.
  std::erase_if(log.records, [entries](const Record& record) {
    const auto& consumed = entries[record.head.entry % shm::kEntryCount].consumed;
    return record.head.stamp > consumed.load(std::memory_order_acquire);
  });
  log.records = settled(std::move(log.records));
  return log;
}

}  // namespace lockstep::order
