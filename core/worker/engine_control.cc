// What scripts may ask of the engine: replies, stateless forwarding, the state of their transaction.
#include "core/base/hash.h"
#include "core/base/log.h"
#include "core/sip/message_edit.h"
#include "core/worker/branch_id.h"
#include "core/worker/engine.h"

namespace lockstep::worker {

namespace tx = transaction;

bool Engine::has_transaction(const ScriptContext&) const {
  return view_active_ && role_ != Role::kCancelTarget;
}

int Engine::new_transaction(ScriptContext& context) {
  if (context.message.is_response() || message_.method() == sip::Method::kAck ||
      message_.method() == sip::Method::kCancel) {
    return -1;
  }
  if (view_active_) return 1;
  if (!create_transaction(context)) {
    refuse_full(context);
    return 0;
  }
  if (!store_request(context)) {
    abandon_transaction();
    refuse_full(context);
    return 0;
  }
  return 1;
}

int Engine::reply(ScriptContext& context, std::uint16_t status, std::string_view reason) {
  // In a reply route there is nobody to answer; a failure route has the request as its message.
  if (context.message.is_response() || !view_active_ || role_ == Role::kCancelTarget) return -1;
  if (!tx::is_status(status)) return -1;
  if (tx::final_status_sent(view_.state) != 0) return -1;
  reply_reason_ = reason;
  reply_lines_ = context.reply_lines;
  force_rport_ = context.force_rport;
  apply(tx::Event::local_response(age(), status));
  reply_reason_ = {};
  reply_lines_ = {};
  return 1;
}

int Engine::check(ScriptContext&) { return view_active_ ? 1 : -1; }

int Engine::lookup_cancel(ScriptContext&) { return role_ == Role::kCancelTarget ? 1 : -1; }

int Engine::release(ScriptContext&) {
  if (!view_active_ || role_ != Role::kRequest) return -1;
  apply(tx::Event::release(age()));
  return 1;
}

int Engine::cancel_branches(ScriptContext& context, std::string_view which) {
  if (!view_active_) return -1;
  for (std::size_t i = 0; i < view_.state.branches.size(); ++i) {
    const bool is_this = static_cast<int>(i) == context.branch_index;
    if ((which == "this" && !is_this) || (which == "others" && is_this)) continue;
    apply(tx::Event::cancel_branch(age(), tx::branch_index(i)));
  }
  return 1;
}

bool Engine::is_cancelled(const ScriptContext&) const {
  return view_active_ && tx::is_cancelled_by_caller(view_.state);
}

bool Engine::is_expired(const ScriptContext&) const {
  return view_active_ && tx::has_timed_out_branch(view_.state);
}

std::uint16_t Engine::status(const ScriptContext& context) const {
  if (context.message.is_response()) return context.message.status();
  if (!view_active_) return 0;
  if (tx::is_failure_route_running(view_.state)) {
    const tx::BranchIndex best = tx::best_final(view_.state);
    if (best != tx::kNoBranch) return view_.state.branches[best.value].final_status;
  }
  return tx::last_status_sent(view_.state);
}

bool Engine::any_replied(const ScriptContext&) const {
  return view_active_ && tx::has_any_provisional(view_.state);
}

std::uint32_t Engine::branch_count(const ScriptContext&) const {
  return view_active_ ? static_cast<std::uint32_t>(tx::branch_count(view_.state)) : 0;
}

int Engine::set_timers(ScriptContext&, std::uint32_t fr_inv_ms, std::uint32_t fr_ms) {
  if (!view_active_) return -1;
  if (fr_inv_ms != 0) view_.refs.fr_inv_timer_ms = fr_inv_ms;
  if (fr_ms != 0) view_.refs.fr_timer_ms = fr_ms;
  view_.is_changed = true;
  return 1;
}

int Engine::stateless_reply(ScriptContext& context, std::uint16_t status, std::string_view reason) {
  const sip::Message& message = context.message;
  if (!message.is_request() || message.method() == sip::Method::kAck || !tx::is_status(status)) return -1;
  // One final each: save() answers by itself what it refuses, and scripts then call sl_reply_error().
  if (answered_) return -1;
  sip::ResponseSpec spec = response_spec(message, status);
  spec.reason = reason;
  spec.extra_headers = context.reply_lines;
  spec.force_rport = context.force_rport;
  if (!send_stateless(message, spec)) return -1;
  answered_ = tx::is_success(status) || tx::is_failure(status);
  return 1;
}

// 16.11: no state; the branch is made from the request itself, so that a repetition gets the same one.
int Engine::stateless_forward(ScriptContext& context) {
  const sip::Message& message = context.message;
  if (!message.is_request() || message.top_via() == nullptr) return -1;
  PeerAddress address{};
  if (!resolve(context, context.target, address)) return -1;
  const std::uint16_t socket = settings_.names->socket_for(
      address, context.target.socket != kNoSocket ? context.target.socket : context.socket);
  if (socket == kNoSocket) return -1;
  const sip::EditList before = context.edits;
  const IpText ip = ip_text(node_->source);
  const bool completed =
      via_completed_ || sip::complete_top_via(context.edits, message, {ip.view(), node_->source.port()},
                                              context.force_rport, arena_);
  const std::uint64_t identity = request_key(message, message.method());
  const BranchText branch = stateless_branch_text(identity, process_.state.branch_secret);
  const shm::MessageRef out =
      completed ? build_branch_request(context, context.target, socket, branch.view()) : shm::MessageRef{};
  context.edits = before;
  if (out.slot == 0) return -1;
  outbox_.add(entry_index_, stamp_, out, address, socket, {}, true);
  count(settings_.counters->fwd_requests);
  return 1;
}

}  // namespace lockstep::worker
