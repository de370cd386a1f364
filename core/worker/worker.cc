#include "core/worker/worker.h"

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/worker/recovery.h"

namespace lockstep::worker {
namespace {

constexpr unsigned kWheelPeriodMs = 10;
constexpr int kBatchesPerTurn = 4;  // Then timers and the other sockets get their turn.

}  // namespace

Worker::Worker(Process& process, const WorkerSettings& settings)
    : process_(process),
      settings_(settings),
      script_state_(settings.variable_count),
      outbox_(process, settings.sockets),
      wheel_(monotonic_ms()),
      pool_(process),
      engine_(process, *settings.engine, script_state_, outbox_, wheel_),
      receiver_(process, pool_, *settings.engine->counters,
                [this](std::uint32_t entry) { ready_.push_back(entry); }) {
  ready_.reserve(4096);
  working_.reserve(4096);
  engine_.on_send_failure([this](const SendFailure& failure) { push_transport_error(failure); });
}

void Worker::run() {
  if (settings_.is_replacement) recover();
  net::EventLoop loop;
  for (std::size_t i = 0; i < settings_.sockets.size(); ++i) {
    loop.on_readable(settings_.sockets[i], [this, i] { on_readable(i); });
  }
  loop.every(kWheelPeriodMs, [this] { fire_timers(); });
  for (const PeriodicTask& task : *settings_.tasks) {
    loop.every(task.period_ms, [this, &task] { task.run(process_); });
  }
  loop.on_readable(settings_.stop_fd, [&loop] { loop.stop(); });
  process_.state.area(process_.me).ready.store(1, std::memory_order_release);
  loop.run();
  engine_.flush();
}

void Worker::turn() {
  for (std::size_t i = 0; i < settings_.sockets.size(); ++i) on_readable(i);
  fire_timers();
}

void Worker::on_readable(std::size_t socket_index) {
  for (int batch = 0; batch < kBatchesPerTurn; ++batch) {
    const bool more =
        receiver_.receive(settings_.sockets[socket_index], static_cast<std::uint16_t>(socket_index));
    work_ready();
    if (!more) return;
  }
}

// Works all owned entries, flushes once for all of them, then releases each; one whose inbox has filled
// meanwhile is worked again before it is let go.
void Worker::work_ready() {
  while (!ready_.empty()) {
    working_.swap(ready_);
    for (const std::uint32_t entry : working_) engine_.work(entry);
    engine_.flush();
    for (const std::uint32_t index : working_) {
      shm::Entry entry(process_.segment, process_.state.entry(index));
      if (!entry.try_release(process_.me)) ready_.push_back(index);
    }
    working_.clear();
  }
}

void Worker::fire_timers() {
  const std::uint64_t now = monotonic_ms();
  process_.state.area(process_.me).last_turn_ms.store(now, std::memory_order_relaxed);
  wheel_.advance(now, [this](const WheelItem& item) {
    shm::EventNode* node = pool_.try_take_timer_node();
    if (node == nullptr) return false;
    node->kind = shm::EventKind::kTimer;
    node->entry = item.entry;
    node->transaction = item.transaction;
    node->generation = item.generation;
    node->armed_at_ms = item.at_ms;
    shm::Entry entry(process_.segment, process_.state.entry(item.entry));
    if (entry.admit(*node, process_.me)) ready_.push_back(item.entry);
    return true;
  });
  work_ready();
}

// The entry is mine while its outbox is flushed, so this event is worked before the entry is released.
void Worker::push_transport_error(const SendFailure& failure) {
  shm::EventNode* node = pool_.try_take_timer_node();
  if (node == nullptr) return;  // The branch then times out instead.
  node->kind = shm::EventKind::kTransportError;
  node->entry = failure.entry;
  node->transaction = failure.origin.transaction;
  node->generation = failure.origin.generation;
  node->branch = failure.origin.branch;
  shm::Entry entry(process_.segment, process_.state.entry(failure.entry));
  if (entry.admit(*node, process_.me)) ready_.push_back(failure.entry);
}

void Worker::recover() {
  process_.slabs.recover_lock();
  Recovery recovery(process_, engine_, outbox_, receiver_, *settings_.engine->counters);
  for (Module* module : settings_.modules) module->recover(process_);
  for (const std::uint32_t entry : recovery.run(*settings_.keepers)) ready_.push_back(entry);
  work_ready();
}

}  // namespace lockstep::worker
