// Responses: matching by our keyed branch, reply routes, and the event for the machines.
#include "core/base/hash.h"
#include "core/base/log.h"
#include "core/base/mutation.h"
#include "core/sip/message_edit.h"
#include "core/worker/branch_id.h"
#include "core/worker/engine.h"
#include "core/worker/script_store.h"

namespace lockstep::worker {

void Engine::on_response() {
  const EngineCounters& counters = *settings_.counters;
  if (const auto fault = sip::validate(message_); fault.has_value()) {
    count(counters.err_replies);
    count(counters.faults[static_cast<std::size_t>(*fault)]);
    count(counters.drop_replies);
    return;
  }
  const std::string_view branch = message_.top_via()->branch;
  if (is_stateless_branch(branch)) {
    if (run_reply_route()) forward_stateless_response();
    return;
  }
  const auto id = parse_branch(branch, process_.state.branch_secret);
  shm::Entry entry(process_.segment, *entry_);
  shm::TransactionRecord* record = id.has_value() ? store_.find(entry, id->slot, id->generation) : nullptr;
  if (record == nullptr) {  // O12: never forwarded.
    if (mutated(Mutation::kStrayForwarded)) forward_stateless_response();
    count(counters.stray_replies);
    count(counters.drop_replies);
    return;
  }
  store_.load(*record, consumed_, view_);
  const bool to_bye = (id->branch & kByeBranch) != 0;
  const std::uint8_t branch_number = id->branch & kBranchNumber;
  const bool to_cancel = !to_bye && message_.method() == sip::Method::kCancel;
  const sip::Method wanted = to_bye ? sip::Method::kBye : static_cast<sip::Method>(record->method);
  const bool fits = to_cancel || message_.method() == wanted;
  if (branch_number >= view_.state.branches.size() || !fits) {
    count(counters.stray_replies);
    count(counters.drop_replies);
    return;
  }
  const bool is_of_own = to_bye || to_cancel;
  if (!is_of_own && !has_memory_to_act(message_.status() >= 200)) return;
  if (!to_bye && !run_reply_route()) return;  // Nothing of our own BYE concerns the script (O14).
  count(counters.rpl_received);
  view_active_ = true;
  role_ = Role::kTimer;
  const transaction::BranchIndex index = transaction::branch_index(branch_number);
  const bool is_final = !is_of_own && message_.status() >= 200;
  if (is_final) finals_in_work_ = transaction::mask_of(index);
  fire_due_timers();
  finals_in_work_ = 0;
  role_ = Role::kResponse;
  if (to_bye) {
    apply(transaction::Event::bye_response(age(), index, message_.status()));
    return;
  }
  if (to_cancel) {
    apply(transaction::Event::cancel_response(age(), index, message_.status()));
    return;
  }
  relay_dropped_ = !run_onreply_route(branch_number);
  const auto tag_hash = static_cast<std::uint32_t>(hash_bytes(message_.to_tag(), process_.state.hash_seed));
  apply(transaction::Event::response(age(), index, message_.status(), tag_hash));
}

// False: the script dropped the response before the transaction saw it.
bool Engine::run_reply_route() {
  if (settings_.reply_route == script::kNoRoute) return true;
  ScriptContext context(arena_, script_state_, process_, *this, *settings_.names, message_, edits_);
  context.source = node_->source;
  context.socket = node_->socket;
  context.now_ms = now_ms_;
  prepare_log_prefix(context);
  settings_.program->run(settings_.reply_route, context);
  if (!context.is_dropped()) return true;
  count(settings_.counters->drop_replies);
  return false;
}

void Engine::load_context(ScriptContext& context) {
  context.now_ms = now_ms_;
  context.flags = view_.refs.flags;
  context.late_2xx = view_.refs.late_2xx;
  context.on_branch = script::RouteIndex{view_.refs.on_branch};
  context.on_reply = script::RouteIndex{view_.refs.on_reply};
  context.on_failure = script::RouteIndex{view_.refs.on_failure};
  load_script(context, view_of(view_.refs.script));
}

// False: the route dropped it. A final goes on all the same (the caller must get one), a 1xx does not.
bool Engine::run_onreply_route(std::uint8_t branch) {
  const script::RouteIndex route{view_.refs.on_reply};
  if (route == script::kNoRoute) return true;
  ScriptContext context(arena_, script_state_, process_, *this, *settings_.names, message_, edits_);
  context.source = node_->source;
  context.socket = node_->socket;
  load_context(context);
  context.branch_index = branch;
  context.target.flags = store_.target(*view_.record, branch).flags;
  prepare_log_prefix(context);
  const Avp* const avps_before = context.avps;
  settings_.program->run(route, context);
  if (context.avps != avps_before || context.flags != view_.refs.flags ||
      context.late_2xx != view_.refs.late_2xx ||
      context.on_failure != script::RouteIndex{view_.refs.on_failure}) {
    keep_script(context);
  }
  return !(context.is_dropped() && sip::is_provisional(message_.status()));
}

// The response to a request that was forwarded without a transaction goes where its next Via says (16.11).
void Engine::forward_stateless_response() {
  const EngineCounters& counters = *settings_.counters;
  auto vias = message_.values(sip::HeaderId::kVia);
  auto at = vias.begin();
  if (at != vias.end()) ++at;
  if (at == vias.end()) {
    count(counters.drop_replies);
    return;
  }
  const auto next = sip::parse_via((*at).text);
  if (!next.has_value() || !sip::remove_first_value(edits_, message_, sip::HeaderId::kVia)) {
    count(counters.drop_replies);
    return;
  }
  const sip::ResponseDestination destination = sip::response_destination(*next);
  const auto address = parse_address(destination.host, destination.port);
  const std::uint16_t socket =
      address.has_value() ? settings_.names->socket_for(*address, node_->socket) : kNoSocket;
  const shm::MessageRef out =
      socket == kNoSocket ? shm::MessageRef{} : try_take(sip::gathered_size(message_.bytes(), edits_));
  if (out.slot == 0) {
    count(counters.drop_replies);
    return;
  }
  sip::gather(message_.bytes(), edits_, span_of(out));
  outbox_.add(entry_index_, stamp_, out, *address, socket, {}, true);
  count(counters.fwd_replies);
}

}  // namespace lockstep::worker
