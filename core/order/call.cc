// Which record belongs to which call, and what the machines make of its events.
#include "core/order/call.h"

#include <algorithm>
#include <map>
#include <utility>

#include "core/sip/message.h"

namespace lockstep::order {
namespace {

namespace tx = transaction;
using EventId = std::pair<std::uint32_t, std::uint64_t>;  // Entry and stamp.

// Bytes tell the Call-ID. What has none (timers, decisions) belongs to the call of its event or transaction.
class Sorter {
 public:
  explicit Sorter(const Log& log) {
    for (const Record& record : log.records) {
      if (!record.has_bytes) continue;
      const auto id = sip::quick_call_id(record.bytes);
      if (!id.has_value()) continue;
      events_.emplace(event_of(record), *id);
      if (const TransactionKey key = key_of(record)) transactions_.emplace(key, *id);
    }
    for (const Record& record : log.records) {
      const TransactionKey key = key_of(record);
      const auto found = events_.find(event_of(record));
      if (key && found != events_.end()) transactions_.emplace(key, found->second);
    }
    // An event whose bytes have all gone: what came and what was sent belong where its decision does.
    for (const Record& record : log.records) {
      if (record.head.kind != shm::LogKind::kDecided) continue;
      const auto found = transactions_.find(key_of(record));
      if (found != transactions_.end()) events_.emplace(event_of(record), found->second);
    }
  }
  std::string_view call_of(const Record& record) const {
    if (const auto found = events_.find(event_of(record)); found != events_.end()) return found->second;
    const auto found = transactions_.find(key_of(record));
    return found == transactions_.end() ? std::string_view() : found->second;
  }

 private:
  static EventId event_of(const Record& record) { return {record.head.entry, record.head.stamp}; }

  std::map<EventId, std::string_view> events_;
  std::map<TransactionKey, std::string_view> transactions_;
};

bool is_earlier(const Record* a, const Record* b) { return a->head.time_us < b->head.time_us; }

// As much of the step as the record tells.
tx::Step recorded_step(const shm::LogDecision& decision) {
  tx::Step step;
  step.ignored = static_cast<tx::Why>(decision.ignored);
  for (std::size_t i = 0; i < decision.action_count && i < shm::kLoggedActions; ++i) {
    tx::Action action;
    action.kind = static_cast<tx::ActionKind>(decision.actions[i].kind);
    action.branch = tx::BranchIndex{decision.actions[i].branch};
    step.actions.push_back(action);
  }
  return step;
}

std::uint64_t last_stamp_of(const Call& call, TransactionKey key) {
  std::uint64_t last = 0;
  for (const Record* record : call.records) {
    if (record->head.kind == shm::LogKind::kDecided && key_of(*record) == key) last = record->head.stamp;
  }
  return last;
}

Thread& thread_of(std::vector<Thread>& threads, TransactionKey key) {
  for (Thread& thread : threads) {
    if (thread.key == key) return thread;
  }
  threads.push_back({key, false, {}});
  return threads.back();
}

bool is_before(const Record& record, const EventId& id) {
  return EventId{record.head.entry, record.head.stamp} < id;
}

// Events of an entry are numbered without gaps, so a gap is an event that has been overwritten: the rings of
// the workers do not turn over at the same time.
bool has_gap(const Log& log, const Record& first, std::uint64_t last_stamp) {
  const EventId from{first.head.entry, first.head.stamp};
  auto at = std::lower_bound(log.records.begin(), log.records.end(), from, is_before);
  std::uint64_t next = first.head.stamp;
  for (; at != log.records.end() && at->head.entry == first.head.entry && next <= last_stamp; ++at) {
    if (at->head.stamp > next) return true;
    // Where a ring begins, the front of an event may have gone and its end be there.
    if (at->head.stamp == next && at->head.begins_event()) ++next;
  }
  return next <= last_stamp;
}

void add_decision(Thread& thread, const Record& record, const tx::Settings& settings) {
  const shm::LogDecision& recorded = record.head.decision;
  Decision decision;
  decision.record = &record;
  decision.event = recorded.get_event();
  decision.settings = settings;
  const bool begins = thread.decisions.empty();
  if (!thread.is_whole) {
    decision.step = recorded_step(recorded);
    thread.decisions.push_back(std::move(decision));
    return;
  }
  if (!begins) decision.before = thread.decisions.back().after;
  decision.after = decision.before;
  decision.step = tx::step(decision.after, decision.event, settings);
  decision.is_told = true;
  decision.is_same = shm::digest_of(decision.step.actions) == recorded.digest &&
                     static_cast<std::uint8_t>(decision.step.ignored) == recorded.ignored &&
                     decision.step.actions.size() == recorded.action_count;
  thread.decisions.push_back(std::move(decision));
}

}  // namespace

std::vector<Call> calls_of(const Log& log) {
  const Sorter sorter(log);
  std::map<std::string_view, std::size_t> places;
  std::vector<Call> calls;
  for (const Record& record : log.records) {
    const std::string_view id = sorter.call_of(record);
    if (id.empty()) continue;
    const auto [place, is_new] = places.emplace(id, calls.size());
    if (is_new) calls.push_back({std::string(id), {}, {}});
    calls[place->second].records.push_back(&record);
  }
  for (Call& call : calls) {
    call.by_time = call.records;
    std::stable_sort(call.by_time.begin(), call.by_time.end(), is_earlier);
  }
  std::stable_sort(calls.begin(), calls.end(),
                   [](const Call& a, const Call& b) { return a.start_us() < b.start_us(); });
  return calls;
}

Log only(const Log& log, const Call& call) {
  Log one = log;
  one.records.clear();
  if (call.records.empty()) return one;
  const shm::LogRecord& first = call.records.front()->head;
  const std::uint64_t last_stamp = call.records.back()->head.stamp;
  auto own = call.records.begin();
  auto at =
      std::lower_bound(log.records.begin(), log.records.end(), EventId{first.entry, first.stamp}, is_before);
  for (; at != log.records.end() && at->head.entry == first.entry && at->head.stamp <= last_stamp; ++at) {
    if (own != call.records.end() && *own == &*at) {
      one.records.push_back(*at);
      ++own;
    } else if (at->head.begins_event()) {
      Record& mark = one.records.emplace_back();
      mark.head.kind = shm::LogKind::kOccasion;
      mark.head.entry = at->head.entry;
      mark.head.stamp = at->head.stamp;
      mark.head.time_us = at->head.time_us;
      mark.head.worker = at->head.worker;
    }
  }
  return one;
}

std::vector<Thread> threads_of(const Log& log, const Call& call) {
  std::vector<Thread> threads;
  for (const Record* record : call.records) {
    if (record->head.kind != shm::LogKind::kDecided) continue;
    Thread& thread = thread_of(threads, key_of(*record));
    const bool begins = record->head.decision.get_event().kind == tx::EventKind::kCreate;
    if (begins) thread.is_whole = !has_gap(log, *record, last_stamp_of(call, thread.key));
  }
  const Record* settings = nullptr;
  for (const Record* record : call.records) {
    if (record->head.kind == shm::LogKind::kSettings) settings = record;
    if (record->head.kind != shm::LogKind::kDecided) continue;
    const bool brings = record->head.decision.has_settings != 0 && settings != nullptr &&
                        settings->head.stamp == record->head.stamp;
    add_decision(thread_of(threads, key_of(*record)), *record,
                 brings ? settings->head.get_settings() : log.baseline);
  }
  return threads;
}

bool is_whole(const Log& log, const Call& call, const std::vector<Thread>& threads) {
  const auto lacks_bytes = [](const Record* record) {
    return record->head.has_datagram() && !record->has_bytes;
  };
  if (std::any_of(call.records.begin(), call.records.end(), lacks_bytes)) return false;
  for (const Thread& thread : threads) {
    if (!thread.is_whole) return false;
  }
  if (!log.has_lost() || call.records.empty() || call.start_us() > log.whole_since_us) return true;
  // A transaction that began is whole; what went before it without one would have had a lower stamp.
  return !threads.empty() && call.records.front()->head.begins_event();
}

}  // namespace lockstep::order
