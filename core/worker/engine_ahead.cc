// What is in hand already when a decision is made: finals in the inbox or in the socket, datagrams decided
// but not yet sent (O9, O10). The machine decides with it; nothing here does.
#include <algorithm>
#include <cstring>

#include "core/base/mutation.h"
#include "core/base/schedule_point.h"
#include "core/worker/engine.h"

namespace lockstep::worker {

namespace tx = transaction;

namespace {

// A CANCEL that is held for a final in hand waits so much longer than that final's own time: no timer of the
// same moment may overtake it. It is withdrawn when the final is worked, so the length costs nothing.
constexpr std::uint64_t kBeyondFinalMs = 50;

}  // namespace

void Engine::look_ahead(tx::Event& event) {
  if (settings_.tm->ordering != Ordering::kStrict) return make_room_for_twin(event);
  if (!outbox_.empty()) {
    const Outbox::Unsent unsent = outbox_.unsent(view_.handle, view_.record->generation);
    event.ahead.unsent_requests = unsent.requests;
    event.ahead.unsent_cancels = unsent.cancels;
  }
  if (tx::may_cancel(view_.state, event)) find_finals_in_hand(event);
  make_room_for_twin(event);
}

// In the hands of any worker: after one look into the own sockets, which does not wait, what others have
// taken from the kernel and not yet admitted, then the inbox. In this order: what moves on meanwhile is in
// the inbox.
void Engine::find_finals_in_hand(tx::Event& event) {
  if (!looked_ahead_ && receive_more_) receive_more_();
  looked_ahead_ = true;
  event.ahead.finals_in_hand = finals_in_work_;
  std::uint64_t latest_ms = now_ms_;
  for (std::uint32_t id = 1; id <= process_.worker_count(); ++id) {
    if (id != process_.me.value) find_finals_received(*process_.state.areas[id], event);
  }
  shm::Entry entry(process_.segment, *entry_);
  entry.peek([&](const shm::EventNode& node) {
    std::uint8_t branch = 0;
    if (node.kind != shm::EventKind::kDatagram || !is_final_in_hand(datagram_of(node), branch)) return;
    event.ahead.finals_in_hand |= tx::mask_of(tx::BranchIndex{branch});
    latest_ms = std::max(latest_ms, node.received_ms);
  });
  if (mutated(Mutation::kNoLookAhead)) event.ahead.finals_in_hand = 0;
  if (event.ahead.finals_in_hand == 0) return;
  event.ahead.until.value = static_cast<std::uint32_t>(latest_ms - now_ms_ + kBeyondFinalMs);
}

// The batch of another worker, which goes on meanwhile: what is read counts only if the slot still holds it
// afterwards. Long datagrams wait for their admission: their bytes lie in two places.
void Engine::find_finals_received(const shm::WorkerArea& area, tx::Event& event) {
  const shm::ReceiveBatch& batch = area.batch;
  reach(Point::kPeek, resource_of(&batch));
  const auto read = [](const std::uint32_t& word) {
    return std::atomic_ref(const_cast<std::uint32_t&>(word)).load(std::memory_order_acquire);
  };
  for (std::uint32_t slot = read(batch.next_to_admit); slot < shm::kReceiveBatchMax; ++slot) {
    const std::uint32_t length = read(batch.headers[slot].msg_len);
    const std::uint32_t buffer = read(batch.buffers[slot]);
    if (length == 0 || buffer == 0) return;
    if (length > shm::kReceiveBytes) continue;
    std::memcpy(scratch_.data(), process_.segment.at(shm::Handle<shm::ReceiveBuffer>{buffer})->bytes, length);
    std::atomic_thread_fence(std::memory_order_acquire);
    const bool is_whole = read(batch.buffers[slot]) == buffer && read(batch.headers[slot].msg_len) == length;
    std::uint8_t branch = 0;
    if (!is_whole || !is_final_in_hand({scratch_.data(), length}, branch)) continue;
    event.ahead.finals_in_hand |= tx::mask_of(tx::BranchIndex{branch});
  }
}

// A final to the INVITE of a branch of this transaction.
bool Engine::is_final_in_hand(std::string_view bytes, std::uint8_t& branch) {
  if (!bytes.starts_with("SIP/2.0 ")) return false;
  peeked_.parse(bytes);
  if (!peeked_.is_response() || !tx::is_status(peeked_.status()) || tx::is_provisional(peeked_.status()) ||
      sip::validate(peeked_).has_value() || peeked_.method() != sip::Method::kInvite) {
    return false;
  }
  const auto id = parse_branch(peeked_.top_via()->branch, process_.state.branch_secret);
  if (!id.has_value() || id->slot != view_.handle || id->generation != view_.record->generation) return false;
  branch = id->branch;
  return branch < view_.state.branches.size();
}

// Memory is taken before the decision (W15): what could not be stored is dropped by it, and counted.
void Engine::make_room_for_twin(tx::Event& event) {
  if (!tx::may_need_twin(view_.state, event)) return;
  const transaction::Settings settings = timer_settings();
  const bool ends =
      settings.late_2xx == tx::LatePolicy::kTerminate || settings.cancelled_2xx == tx::LatePolicy::kTerminate;
  if (!ends) return;
  event.has_room = !view_.state.branches.full() && store_.try_add_branch(view_);
  if (!event.has_room) return;
  const std::size_t index = view_.branch_refs.size() - 1;
  if (index >= shm::kInlineBranches && (index - shm::kInlineBranches) % shm::kChunkBranches == 0) {
    linked_.push_back(view_.record->chunks[(index - shm::kInlineBranches) / shm::kChunkBranches]);
  }
  store_.target(*view_.record, index) = store_.target(*view_.record, event.branch.value);
}

// The room that no twin took is given back.
void Engine::place_twin(const tx::Event& event) {
  if (event.kind != tx::EventKind::kResponse) return;
  while (view_.branch_refs.size() > view_.state.branches.size()) view_.branch_refs.pop_back();
}

}  // namespace lockstep::worker
