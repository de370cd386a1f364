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

Thread& thread_of(std::vector<Thread>& threads, TransactionKey key) {
  for (Thread& thread : threads) {
    if (thread.key == key) return thread;
  }
  threads.push_back({key, false, {}});
  return threads.back();
}

void add_decision(Thread& thread, const Record& record, const tx::Settings& settings) {
  const shm::LogDecision& recorded = record.head.decision;
  Decision decision;
  decision.record = &record;
  decision.event = recorded.get_event();
  decision.settings = settings;
  const bool begins = thread.decisions.empty();
  if (begins) thread.is_whole = decision.event.kind == tx::EventKind::kCreate;
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

std::vector<Thread> threads_of(const Log& log, const Call& call) {
  std::vector<Thread> threads;
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
  if (!log.has_lost || call.records.empty()) return true;
  // A transaction that began is whole; what went before it without one would have had a lower stamp.
  return !threads.empty() && call.records.front()->head.begins_event();
}

}  // namespace lockstep::order
