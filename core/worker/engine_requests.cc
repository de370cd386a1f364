// Requests: matching (RFC 3261 17.2.3), retransmissions, ACK, and the run of request_route.
#include "core/base/hash.h"
#include "core/base/log.h"
#include "core/sip/message_edit.h"
#include "core/worker/branch_id.h"
#include "core/worker/engine.h"
#include "core/worker/script_store.h"

namespace lockstep::worker {

std::string_view Engine::datagram_of(const shm::EventNode& node) const {
  if (node.kind != shm::EventKind::kDatagram) return {};
  if (node.large != 0) return {process_.segment.at(shm::Handle<char>{node.large}), node.length};
  return {reinterpret_cast<const shm::ReceiveBuffer*>(&node)->bytes, node.length};
}

void Engine::on_datagram() {
  const EngineCounters& counters = *settings_.counters;
  const sip::ParseResult result = message_.parse(datagram_of(*node_));
  switch (result.kind) {
    case sip::MessageKind::kKeepAlive:
      count(counters.keepalives);
      return;
    case sip::MessageKind::kGarbage:
      count(counters.bad_msg_hdr);
      if (result.fault.has_value()) count(counters.faults[static_cast<std::size_t>(*result.fault)]);
      return;
    case sip::MessageKind::kRequest:
      count(counters.rcv_requests);
      on_request();
      return;
    case sip::MessageKind::kResponse:
      count(counters.rcv_replies);
      on_response();
      return;
  }
}

// 17.2.3: branch, sent-by and method, where the branch has the cookie; else the fields that RFC 2543 clients
// keep equal. ACK and CANCEL match the INVITE, so they count as it.
std::uint64_t Engine::request_key(const sip::Message& message, sip::Method method) const {
  if (method == sip::Method::kAck || method == sip::Method::kCancel) method = sip::Method::kInvite;
  const std::uint64_t seed =
      process_.state.hash_seed + static_cast<std::uint64_t>(method) * 0x9e3779b97f4a7c15u;
  const sip::Via& via = *message.top_via();
  if (via.has_rfc3261_branch()) {
    const std::uint64_t host = hash_bytes(via.host, seed + via.port);
    return hash_bytes(via.branch, host) ^
           hash_bytes(method == sip::Method::kOther ? message.method_text() : "", seed);
  }
  std::uint64_t hash = hash_bytes(message.request_uri_text(), seed);
  hash = hash_bytes(message.from_tag(), hash);
  hash = hash_bytes(via.text, hash);
  return hash_bytes(message.call_id(), hash + message.cseq()->number);
}

void Engine::on_request() {
  if (const auto fault = sip::validate(message_); fault.has_value()) {
    reject(*fault);
    return;
  }
  shm::Entry entry(process_.segment, *entry_);
  shm::TransactionRecord* record = store_.find(entry, request_key(message_, message_.method()));
  if (message_.method() == sip::Method::kAck) {
    on_ack(record);
    return;
  }
  if (record != nullptr) {
    store_.load(*record, consumed_, view_);
    if (message_.method() == sip::Method::kCancel && !has_memory_to_act(true)) return;
    view_active_ = true;
    role_ = Role::kTimer;
    fire_due_timers();  // What was due at this moment comes before what arrived at it.
    if (message_.method() != sip::Method::kCancel) {
      role_ = Role::kRequest;
      count(settings_.counters->retransmissions);
      apply(transaction::Event::request_retransmitted(age()));
      return;
    }
    role_ = Role::kCancelTarget;
  }
  run_request_route();
}

void Engine::on_ack(shm::TransactionRecord* record) {
  if (record != nullptr) {
    store_.load(*record, consumed_, view_);
    // An ACK with the INVITE's own branch acknowledges a non-2xx (17.1.1.3). After a 2xx it is a client's
    // slip, and the ACK belongs to the dialog.
    if (!transaction::is_success(view_.state.context.final_status)) {
      view_active_ = true;
      role_ = Role::kTimer;
      fire_due_timers();
      apply(transaction::Event::ack(age()));
      return;
    }
  }
  const TagText tag = local_tag(message_.call_id(), message_.from_tag(), message_.cseq()->number,
                                process_.state.branch_secret);
  if (message_.to_tag() == tag.view()) {
    count(settings_.counters->sl_received_acks);
    return;
  }
  run_request_route();
}

void Engine::reject(sip::Fault fault) {
  const EngineCounters& counters = *settings_.counters;
  count(counters.err_requests);
  count(counters.faults[static_cast<std::size_t>(fault)]);
  if (!sip::can_answer(message_) || message_.method() == sip::Method::kAck) {
    count(counters.drop_requests);
    return;
  }
  sip::ResponseSpec spec = response_spec(message_, sip::fault_status(fault));
  spec.reason = sip::fault_text(fault);
  if (!send_stateless(message_, spec)) count(counters.drop_requests);
}

void Engine::run_request_route() {
  if (settings_.request_route == script::kNoRoute) return;
  ScriptContext context(arena_, script_state_, process_, *this, *settings_.names, message_, edits_);
  context.source = node_->source;
  context.socket = node_->socket;
  context.now_ms = now_ms_;
  context.force_rport = settings_.force_rport;
  prepare_log_prefix(context);
  settings_.program->run(settings_.request_route, context);
  if (view_active_ && role_ == Role::kRequest) {
    keep_script(context);
    // Neither relayed nor answered: nobody will ever end it.
    if (view_.state.branches.empty() && view_.state.context.final_status == 0) {
      apply(transaction::Event::release(age()));
    }
  }
}

void Engine::prepare_log_prefix(ScriptContext& context) {
  if (settings_.log_prefix != nullptr) set_log_prefix(settings_.log_prefix->print(context));
}

// What the script armed, marked and remembered goes with the transaction from here on.
void Engine::keep_script(ScriptContext& context) {
  const auto index = [](script::RouteIndex route) { return static_cast<std::uint32_t>(route); };
  const bool arm_failure = context.on_failure != script::kNoRoute;
  view_.refs.on_branch = index(context.on_branch);
  view_.refs.on_reply = index(context.on_reply);
  view_.refs.on_failure = index(context.on_failure);
  view_.refs.flags = context.flags;
  if (context.late_2xx != 0) view_.refs.late_2xx = context.late_2xx;
  if (context.fr_timer_ms != 0) view_.refs.fr_timer_ms = context.fr_timer_ms;
  if (context.fr_inv_timer_ms != 0) view_.refs.fr_inv_timer_ms = context.fr_inv_timer_ms;
  view_.is_changed = true;
  if (arm_failure != view_.state.context.failure_route_armed) {
    apply(transaction::Event::arm_failure_route(age(), arm_failure));
  }
  const std::size_t bytes = script_bytes(context);
  if (bytes == 0) {
    drop(view_.refs.script);
    return;
  }
  const shm::MessageRef blob = try_take(bytes, Reserve::kLeave);
  if (blob.slot == 0) return;
  store_script(context, span_of(blob));
  keep(view_.refs.script, blob);
}

}  // namespace lockstep::worker
