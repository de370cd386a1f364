#include "core/worker/worker.h"

#include <time.h>
#include <unistd.h>

#include <algorithm>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mutation.h"
#include "core/base/schedule_point.h"
#include "core/worker/recovery.h"

namespace lockstep::worker {
namespace {

constexpr std::uint64_t kLongestWaitMs = 1000;  // A look around, whatever else is missed.
constexpr std::size_t kKeepEntries = 8;         // No help for fewer, and no more taken at once from others.
constexpr int kBatchesPerTurn = 4;              // Then timers and the other sockets get their turn.

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
                [this](std::uint32_t entry) { ready_.push_back(entry); }),
      pacer_(settings.receive_pause_us) {
  ready_.reserve(4096);
  working_.reserve(4096);
  if (settings.engine->tm != nullptr && settings.engine->tm->ordering == Ordering::kOpenser13) {
    receiver_.bypass_inbox([this](shm::EventNode& node) { unordered_.push_back(&node); });
  }
  engine_.on_look_ahead([this] {
    for (std::size_t i = 0; i < settings_.sockets.size(); ++i) {
      receiver_.receive(settings_.sockets[i], static_cast<std::uint16_t>(i));
    }
  });
  engine_.on_send_failure([this](const SendFailure& failure) { push_transport_error(failure); });
}

void Worker::run() {
  prepare();
  net::EventLoop loop;
  for (std::size_t i = 0; i < settings_.sockets.size(); ++i) {
    loop.on_readable(settings_.sockets[i], [this, i] { on_readable(i); });
  }
  for (const PeriodicTask& task : *settings_.tasks) {
    loop.every(task.period_ms, [this, &task] { task.run(process_); });
  }
  loop.on_readable(settings_.stop_fd, [&loop] { loop.stop(); });
  if (!settings_.wake_fds.empty()) {
    loop.on_readable(settings_.wake_fds[process_.me.value - 1u], [this] { take_shared(); });
  }
  shm::WorkerArea& area = process_.state.area(process_.me);
  area.ready.store(1, std::memory_order_release);
  loop.run([this] { return before_wait(); });
  area.idle.store(0, std::memory_order_relaxed);
  engine_.flush();
}

void Worker::prepare() {
  if (settings_.is_replacement) recover();
  engine_.flush();  // Fills the reserve for answers before the first request may need it.
}

void Worker::turn() {
  for (std::size_t i = 0; i < settings_.sockets.size(); ++i) on_readable(i);
  fire_timers();
  engine_.flush();  // The reserve, if memory was full.
}

std::uint64_t Worker::before_wait() {
  if (received_ != 0) pause();
  std::uint64_t now = monotonic_ms();
  if (now >= wheel_.next_due_ms()) fire_timers();
  process_.state.area(process_.me).idle.store(1, std::memory_order_release);
  // Whoever was woken for what is in the run queue may have died.
  if (!settings_.wake_fds.empty() && process_.state.run_queue->count.load(std::memory_order_acquire) != 0) {
    take_shared();
  }
  now = monotonic_ms();
  const std::uint64_t due = wheel_.next_due_ms();
  return std::min(kLongestWaitMs, due > now ? due - now : 0);
}

void Worker::pause() {
  const std::uint32_t pause_us = pacer_.after_turn(monotonic_us(), received_);
  received_ = 0;
  if (pause_us == 0 || has_more_) return;
  const timespec wait{0, static_cast<long>(pause_us) * 1000};
  nanosleep(&wait, nullptr);
}

void Worker::on_readable(std::size_t socket_index) {
  process_.state.area(process_.me).idle.store(0, std::memory_order_relaxed);
  for (int batch = 0; batch < kBatchesPerTurn; ++batch) {
    const std::uint32_t got =
        receiver_.receive(settings_.sockets[socket_index], static_cast<std::uint16_t>(socket_index));
    received_ += got;
    has_more_ = got == shm::kReceiveBatchMax;
    if (got >= settings_.share_from && ready_.size() > kKeepEntries) share_ready();
    work_ready();
    if (!has_more_) return;
  }
}

std::size_t Worker::find_idle() const {
  for (std::uint32_t id = 1; id <= process_.worker_count(); ++id) {
    const shm::WorkerArea& area = *process_.state.areas[id];
    if (id != process_.me.value && area.idle.load(std::memory_order_acquire) != 0) return id;
  }
  return 0;
}

void Worker::wake(std::size_t id) const {
  const std::uint64_t one = 1;
  // A counter that is full has been written to often enough.
  [[maybe_unused]] const ssize_t told = write(settings_.wake_fds[id - 1], &one, sizeof one);
}

// One peer's burst lands on one worker: half of what it cannot start on goes to a worker that waits. Waking
// one costs more than a few datagrams do, so this happens only when a receive brings many.
void Worker::share_ready() {
  const std::size_t helper = settings_.wake_fds.empty() ? 0 : find_idle();
  if (helper == 0) return;
  for (const std::size_t keep = (ready_.size() + 1) / 2; ready_.size() > keep; ready_.pop_back()) {
    const std::uint32_t index = ready_.back();
    shm::Entry entry(process_.segment, process_.state.entry(index));
    entry.try_change_owner(process_.me, shm::kQueued);
    if (process_.state.run_queue->try_push(index, process_.me)) continue;
    if (entry.try_change_owner(shm::kQueued, process_.me)) break;
  }
  wake(helper);
}

// Leaves in the queue what is more than a turn's work; the next turn, here or elsewhere, takes it.
void Worker::take_shared() {
  process_.state.area(process_.me).idle.store(0, std::memory_order_relaxed);
  std::uint64_t ignored = 0;
  [[maybe_unused]] const ssize_t got =
      read(settings_.wake_fds[process_.me.value - 1u], &ignored, sizeof ignored);
  std::uint32_t index = 0;
  while (ready_.size() < kKeepEntries && process_.state.run_queue->try_pop(index, process_.me)) {
    shm::Entry entry(process_.segment, process_.state.entry(index));
    if (entry.try_change_owner(shm::kQueued, process_.me)) ready_.push_back(index);
  }
  work_ready();
  if (process_.state.run_queue->count.load(std::memory_order_relaxed) != 0) wake(process_.me.value);
}

// Works all owned entries, flushes once for all of them, then releases each; one whose inbox has filled
// meanwhile is worked again before it is let go.
void Worker::work_ready() {
  if (!unordered_.empty()) work_unordered();
  while (!ready_.empty()) {
    working_.swap(ready_);
    for (const std::uint32_t entry : working_) engine_.work(entry);
    if (!mutated(Mutation::kReleasedBeforeSent)) engine_.flush();
    for (const std::uint32_t index : working_) {
      if (mutated(Mutation::kEntryKept)) continue;
      shm::Entry entry(process_.segment, process_.state.entry(index));
      if (!entry.try_release(process_.me)) ready_.push_back(index);
    }
    working_.clear();
    if (mutated(Mutation::kReleasedBeforeSent)) engine_.flush();
  }
}

void Worker::fire_timers() {
  reach(Point::kTimer);
  wheel_.advance(monotonic_ms(), [this](const WheelItem& item) {
    shm::EventNode* node = pool_.try_take_timer_node();
    if (node == nullptr) return false;
    node->kind = shm::EventKind::kTimer;
    node->entry = item.entry;
    node->transaction = item.transaction;
    node->generation = item.generation;
    node->armed_at_ms = item.at_ms;
    admit(*node);
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
  node->what = static_cast<std::uint16_t>(failure.origin.kind);
  admit(*node);
}

void Worker::admit(shm::EventNode& node) {
  if (settings_.engine->tm->ordering == Ordering::kOpenser13) {
    unordered_.push_back(&node);
    return;
  }
  shm::Entry entry(process_.segment, process_.state.entry(node.entry));
  if (entry.admit(node, process_.me)) ready_.push_back(node.entry);
}

void Worker::recover() {
  reach(Point::kRecover);
  process_.slabs.recover_lock();
  process_.state.run_queue->recover(process_.me);
  Recovery recovery(process_, engine_, outbox_, receiver_, *settings_.engine->counters,
                    settings_.engine->quarantine_dir);
  for (Module* module : settings_.modules) {
    if (!mutated(Mutation::kModulesNotMended)) module->recover(process_);
  }
  for (const std::uint32_t entry : recovery.run(*settings_.keepers)) ready_.push_back(entry);
  engine_.flush();  // Nothing is worked without the reserve.
  work_ready();
}

}  // namespace lockstep::worker
