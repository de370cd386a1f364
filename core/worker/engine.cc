#include "core/worker/engine.h"

#include <algorithm>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mutation.h"
#include "core/base/schedule_point.h"
#include "core/worker/command_post.h"

namespace lockstep::worker {
namespace {

constexpr std::size_t kArenaBytes = 512 * 1024;
constexpr std::size_t kInnerArenaBytes = 64 * 1024;
constexpr std::size_t kOutboxRoomPerEvent = 128;  // Most datagrams that one event can cause.

}  // namespace

Engine::Engine(Process& process, const EngineSettings& settings, script::ScriptState& script_state,
               Outbox& outbox, TimerWheel& wheel)
    : process_(process),
      settings_(settings),
      script_state_(script_state),
      outbox_(outbox),
      wheel_(wheel),
      store_(process.segment, process.slabs),
      arena_(kArenaBytes),
      inner_arena_(kInnerArenaBytes) {
  taken_.reserve(128);
  linked_.reserve(128);
  dropped_.reserve(128);
  free_after_flush_.reserve(1024);
  reserve_.reserve(kReserveSlots);
  scratch_.resize(shm::kDatagramMax);
  process_.order_log.open(process_.state.order_logs[process_.me.value]);
  process_.order_log.set_baseline(settings_.tm->timers);
}

void Engine::work(std::uint32_t entry_index) {
  entry_index_ = entry_index;
  entry_ = &process_.state.entry(entry_index);
  shm::Entry entry(process_.segment, *entry_);
  for (;;) {
    shm::EventNode* node = entry.next_event();
    if (node == nullptr) {
      if (!entry.take_inbox()) return;
      node = entry.next_event();
    }
    // With memory full what waits in the outbox may hold what this event needs.
    const bool is_short = reserve_.size() < kReserveSlots / 2 && !outbox_.empty();
    if (is_short || !outbox_.has_room(kOutboxRoomPerEvent)) flush();
    work_event(*node);
    entry.drop_event();
  }
}

void Engine::pick_cancels(std::uint32_t entry_index, WishedCancels& wished) {
  shm::Entry entry(process_.segment, process_.state.entry(entry_index));
  shm::TransactionRecord* record = store_.find(entry, wished.transaction, wished.generation);
  if (record == nullptr) return;
  shm::TransactionView view;
  store_.load(*record, entry.consumed(), view);
  for (std::size_t i = 0; i < view.state.branches.size(); ++i) {
    if (view.state.branches[i].has_provisional())
      wished.had_provisional |= transaction::mask_of(transaction::branch_index(i));
  }
}

void Engine::work_alone(std::uint32_t entry_index, shm::EventNode& node) {
  entry_index_ = entry_index;
  entry_ = &process_.state.entry(entry_index);
  node.number = entry_->consumed.load(std::memory_order_acquire) + 1;
  if (!outbox_.has_room(kOutboxRoomPerEvent)) flush();
  work_event(node);
  node.state.store(shm::NodeState::kFree, std::memory_order_release);
}

void Engine::work_event(shm::EventNode& node) {
  reach(Point::kDecide);
  begin(node);
  switch (node.kind) {
    case shm::EventKind::kDatagram:
      on_datagram();
      break;
    case shm::EventKind::kTimer:
      on_timer();
      break;
    case shm::EventKind::kTransportError:
      on_transport_error();
      break;
    case shm::EventKind::kCommand:
      on_command();
      break;
  }
  commit();
  if (node.large != 0) {
    process_.slabs.give(shm::SlotHandle{node.large});
    node.large = 0;
  }
}

void Engine::begin(shm::EventNode& node) {
  node_ = &node;
  ++node.attempts;
  stamp_ = node.number;
  consumed_ = entry_->consumed.load(std::memory_order_relaxed);
  now_ms_ = node.kind == shm::EventKind::kDatagram ? node.received_ms : monotonic_ms();
  role_ = Role::kNone;
  view_active_ = false;
  looked_ahead_ = false;
  finals_in_work_ = 0;
  wished_ = {};
  relay_dropped_ = false;
  answered_ = false;
  stored_parsed_ = false;
  via_completed_ = false;
  force_rport_ = settings_.force_rport;
  reply_reason_ = {};
  reply_lines_ = {};
  edits_.clear();
  arena_.reset();
  inner_arena_.reset();
  taken_.clear();
  linked_.clear();
  dropped_.clear();
  process_.order_log.begin(entry_index_, node, datagram_of(node));
}

// Order: idle copies, outbox, the one store, and only then marks, stocks and the wheel, all of which
// the replacement of a worker that dies here can make again from what the store made true.
void Engine::commit() {
  shm::Entry entry(process_.segment, *entry_);
  const bool changed = view_active_ && view_.is_changed;
  const bool ended = changed && transaction::is_ended(view_.state);
  if (changed) {
    release_unneeded();
    store_.write(view_, consumed_, stamp_);
  }
  outbox_.publish();
  process_.order_log.publish();
  if (mutated(Mutation::kSentBeforeCommit)) flush();
  entry.commit(stamp_);
  for (const std::uint32_t slot : linked_) {
    process_.slabs.set_mark(shm::SlotHandle{slot}, shm::mark_linked(view_.handle));
  }
  for (const std::uint32_t slot : dropped_) {
    process_.slabs.set_mark(shm::SlotHandle{slot}, shm::mark_held(process_.me));
    free_after_flush_.push_back(slot);
  }
  if (!view_active_) return;
  if (ended) {
    drop_everything_of(view_);
    store_.remove(entry, *view_.record);
    count(settings_.counters->freed);
  } else {
    arm(*view_.record);
  }
}

// The transaction made by this event shall not be: nothing of it was visible yet.
void Engine::abandon_transaction() {
  LS_ASSERT(view_active_ && view_.is_new);
  shm::Entry entry(process_.segment, *entry_);
  outbox_.forget_since(created_outbox_);
  process_.order_log.forget_since(created_log_);
  while (taken_.size() > created_taken_) {
    const shm::SlotHandle slot{taken_.back()};
    taken_.pop_back();
    if (reserve_.size() < kReserveSlots && process_.slabs.slot_bytes(slot) >= kReserveBytes) {
      reserve_.push_back(slot.value);  // Back where the answer to the caller can find it.
    } else {
      process_.slabs.give(slot);
    }
  }
  linked_.clear();
  dropped_.clear();
  store_.remove(entry, *view_.record);
  count(settings_.counters->freed);
  view_active_ = false;
  role_ = Role::kNone;
}

void Engine::drop_everything_of(const shm::TransactionView& view) {
  const auto give = [this](const shm::MessageRef& ref) {
    if (ref.slot == 0) return;
    process_.slabs.set_mark(shm::SlotHandle{ref.slot}, shm::mark_held(process_.me));
    free_after_flush_.push_back(ref.slot);
  };
  give(view.refs.request);
  give(view.refs.last_response);
  give(view.refs.script);
  give(view.refs.caller_reason);
  for (const shm::BranchRefs& refs : view.branch_refs) {
    give(refs.request);
    give(refs.final);
    give(refs.cancel);
  }
}

// Message bytes that no later event can ask for: the long waits of Accepted and Completed keep almost none.
void Engine::release_unneeded() {
  using transaction::ClientState;
  using transaction::ServerState;
  const transaction::State& state = view_.state;
  bool all_final = true;
  for (std::size_t i = 0; i < state.branches.size(); ++i) {
    const transaction::Branch& branch = state.branches[i];
    shm::BranchRefs& refs = view_.branch_refs[i];
    all_final = all_final && !branch.is_pending();
    const bool is_quiet = branch.state == ClientState::kAccepted ||
                          branch.state == ClientState::kTerminated ||
                          (branch.state == ClientState::kCompleted && !state.server.is_invite());
    const bool is_repeated =
        branch.cancel == transaction::CancelState::kSent || branch.bye == transaction::ByeState::kSent;
    if (is_quiet) drop(refs.request);
    if (is_quiet && !is_repeated) drop(refs.cancel);
    if (state.context.final_status != 0) drop(refs.final);
  }
  const bool is_answered = state.context.final_status != 0 && !state.context.failure_route_running;
  // A final that found no memory is made from the request, with its repetition.
  const bool is_told = state.server.state != ServerState::kCompleted || view_.refs.last_response.slot != 0;
  if (is_answered && all_final && is_told) {
    drop(view_.refs.request);
    drop(view_.refs.script);
    drop(view_.refs.caller_reason);
  }
  if (state.server.state == ServerState::kAccepted || state.server.state == ServerState::kTerminated ||
      state.server.state == ServerState::kConfirmed) {
    drop(view_.refs.last_response);
  }
}

void Engine::flush() {
  outbox_.flush([this](const SendFailure& failure) {
    count(settings_.counters->send_errors);
    if (failure.origin.transaction != 0 && on_send_failure_) on_send_failure_(failure);
  });
  for (const std::uint32_t slot : free_after_flush_) {
    if (!mutated(Mutation::kSlotLeaked)) process_.slabs.give(shm::SlotHandle{slot});
  }
  free_after_flush_.clear();
  fill_reserve();
}

void Engine::fill_reserve() {
  for (const shm::SlabKind kind : {shm::SlabKind::kMessage2K, shm::SlabKind::kMessage4K}) {
    while (reserve_.size() < kReserveSlots) {
      const shm::SlotHandle slot = process_.slabs.try_take(kind);
      if (!slot) break;
      reserve_.push_back(slot.value);
    }
  }
}

// W15: memory is there before the decision, for an answer, its copy and an ACK, and where it `may_cancel` for
// the CANCEL of each branch that has no final. Else the message is left alone, and whoever sent it repeats it
// (but for a 101 to 199). What timers have to say is made again with its repetition: their ends are what
// memory comes back from.
bool Engine::has_memory_to_act(bool may_cancel) {
  std::size_t wanted = may_cancel ? 3 : 2;
  for (std::size_t i = 0; i < view_.state.branches.size() && may_cancel; ++i) {
    if (view_.state.branches[i].is_pending()) ++wanted;
  }
  bool has = reserve_.size() >= std::min(wanted, kReserveSlots);
  if (has && node_->length > kReserveBytes) {
    const shm::SlotHandle slot = process_.slabs.try_take_message(node_->length);
    has = slot != shm::SlotHandle{};
    if (has) process_.slabs.give(slot);  // Where the next one of that size comes from.
  }
  if (has) return true;
  count(settings_.counters->refused_full);
  log_full("what came for a call was left for its repetition");
  return false;
}

transaction::AgeMs Engine::age() const {
  const std::uint64_t born = view_.record->born_ms;
  const std::uint64_t age = now_ms_ > born ? now_ms_ - born : 0;
  return transaction::AgeMs{static_cast<std::uint32_t>(std::min<std::uint64_t>(age, 0xfffffff0))};
}

transaction::Settings Engine::timer_settings() const {
  transaction::Settings settings = settings_.tm->timers;
  if (view_.refs.fr_timer_ms != 0) settings.fr_timer.value = view_.refs.fr_timer_ms;
  if (view_.refs.fr_inv_timer_ms != 0) settings.fr_inv_timer.value = view_.refs.fr_inv_timer_ms;
  if (view_.refs.late_2xx != 0) {
    settings.late_2xx = static_cast<transaction::LatePolicy>(view_.refs.late_2xx - 1);
  }
  return settings;
}

void Engine::on_timer() {
  shm::Entry entry(process_.segment, *entry_);
  shm::TransactionRecord* record = store_.find(entry, node_->transaction, node_->generation);
  if (record == nullptr) return;
  // A node that an earlier deadline has overtaken is not the pending one any more.
  if (record->armed_at_ms != node_->armed_at_ms || record->armed_by != node_->home) return;
  record->armed_at_ms = shm::kNoStamp;
  store_.load(*record, consumed_, view_);
  view_active_ = true;
  role_ = Role::kTimer;
  fire_due_timers();
}

void Engine::fire_due_timers() {
  // Each step fires one deadline; a machine has at most a few at once.
  for (int rounds = 0; rounds < 256 && !transaction::is_ended(view_.state); ++rounds) {
    if (transaction::next_deadline(view_.state) > age()) return;
    apply(transaction::Event::timer(age()));
  }
}

// The transaction that the event in hand names. False: it has ended.
bool Engine::load_named() {
  shm::Entry entry(process_.segment, *entry_);
  shm::TransactionRecord* record = store_.find(entry, node_->transaction, node_->generation);
  if (record == nullptr) return false;
  store_.load(*record, consumed_, view_);
  view_active_ = true;
  role_ = Role::kTimer;
  return true;
}

void Engine::on_transport_error() {
  if (!load_named()) return;
  if (node_->branch >= view_.state.branches.size()) return;
  const transaction::BranchIndex branch = transaction::branch_index(node_->branch);
  switch (static_cast<SendKind>(node_->what)) {
    case SendKind::kCancel:
    case SendKind::kRepeatedCancel:
      apply(transaction::Event::cancel_transport_error(age(), branch));
      return;
    case SendKind::kBye:
      apply(transaction::Event::bye_transport_error(age(), branch));
      return;
    case SendKind::kOther:
    case SendKind::kRequest:
    case SendKind::kRepeatedRequest:
      apply(transaction::Event::transport_error(age(), branch));
      return;
  }
}

// What was due at this moment comes before what was asked for at it.
void Engine::on_command() {
  if (!load_named()) return;
  fire_due_timers();
  const auto kind = static_cast<CallCommandKind>(node_->what);
  const bool all = kind == CallCommandKind::kCancelAll;
  if (kind == CallCommandKind::kPicked || kind == CallCommandKind::kPickedRinging) {
    apply(transaction::Event::cancel_picked(age(), transaction::branch_index(node_->branch),
                                            kind == CallCommandKind::kPickedRinging));
    return;
  }
  for (std::size_t i = 0; i < view_.state.branches.size(); ++i) {
    if (all || i == node_->branch) {
      apply(transaction::Event::cancel_branch(age(), transaction::branch_index(i)));
    }
  }
}

// Earlier deadlines re-arm, on the wheel of the worker that decided them; later ones are found when the
// pending node fires.
void Engine::arm(shm::TransactionRecord& record) {
  const transaction::AgeMs next = transaction::next_deadline(view_.state);
  if (next == transaction::kNever || mutated(Mutation::kNoTimer)) return;
  const std::uint64_t at = record.born_ms + next.value;
  if (record.armed_at_ms != shm::kNoStamp && record.armed_at_ms <= at) return;
  record.armed_by = process_.me.value;
  record.armed_at_ms = at;
  wheel_.add({at, record.entry, view_.handle, record.generation});
}

void Engine::rearm(std::uint32_t entry_index, shm::TransactionRecord& record) {
  wheel_.add({record.armed_at_ms == shm::kNoStamp ? monotonic_ms() : record.armed_at_ms, entry_index,
              store_.handle_of(record), record.generation});
}

}  // namespace lockstep::worker
