// The actions of the machines, turned into messages and put into the outbox in their order.
#include <algorithm>
#include <cstring>

#include "core/base/assert.h"
#include "core/base/log.h"
#include "core/base/mutation.h"
#include "core/sip/message_edit.h"
#include "core/sip/status.h"
#include "core/worker/branch_id.h"
#include "core/worker/engine.h"
#include "core/worker/script_store.h"

namespace lockstep::worker {

namespace tx = transaction;

// ---- messages ----

shm::MessageRef Engine::try_take(std::size_t bytes, Reserve reserve) {
  if (bytes == 0) return {};
  shm::SlotHandle slot = process_.slabs.try_take_message(bytes);
  const bool may_use_reserve = reserve == Reserve::kUse && !reserve_.empty();
  if (!slot && may_use_reserve && bytes <= kReserveBytes) {
    slot = shm::SlotHandle{reserve_.back()};
    reserve_.pop_back();
  }
  if (!slot) return {};
  taken_.push_back(slot.value);
  return {slot.value, static_cast<std::uint32_t>(bytes)};
}

std::span<char> Engine::span_of(shm::MessageRef message) const {
  return {process_.slabs.bytes(shm::SlotHandle{message.slot}), message.bytes};
}

std::string_view Engine::view_of(shm::MessageRef message) const {
  if (message.slot == 0) return {};
  return {process_.slabs.bytes(shm::SlotHandle{message.slot}), message.bytes};
}

void Engine::keep(shm::MessageRef& place, shm::MessageRef fresh) {
  if (place.slot != 0) dropped_.push_back(place.slot);
  place = fresh;
  if (fresh.slot != 0) linked_.push_back(fresh.slot);
  view_.is_changed = true;
}

const sip::Message& Engine::request() {
  if (role_ == Role::kRequest && node_->kind == shm::EventKind::kDatagram) return message_;
  if (!stored_parsed_) {
    stored_message_.parse(view_of(view_.refs.request));
    stored_parsed_ = true;
  }
  return stored_message_;
}

sip::ResponseSpec Engine::response_spec(const sip::Message& message, tx::Status status) const {
  sip::ResponseSpec spec;
  spec.status = status;
  spec.server_header = settings_.server_header;
  const sip::CSeq* cseq = message.cseq();
  tag_ = local_tag(message.call_id(), message.from_tag(), cseq == nullptr ? 0 : cseq->number,
                   process_.state.branch_secret);
  spec.to_tag = tag_.view();
  return spec;
}

// Writes the response into a slot of its size. The stored request has its top Via completed already.
shm::MessageRef Engine::build_local(const sip::Message& message, const sip::ResponseSpec& given) {
  sip::ResponseSpec spec = given;
  const bool in_hand = &message == &message_ && node_->kind == shm::EventKind::kDatagram;
  const IpText ip = in_hand ? ip_text(node_->source) : IpText{};
  if (in_hand) spec.source = {ip.view(), node_->source.port()};
  const std::size_t bytes = sip::build_response(message, spec, {scratch_.data(), scratch_.size()});
  const shm::MessageRef out = try_take(bytes);
  if (out.slot != 0) std::memcpy(span_of(out).data(), scratch_.data(), bytes);
  return out;
}

PeerAddress Engine::reply_target(const sip::Message& message, bool force_rport) const {
  const IpText ip = ip_text(node_->source);
  const sip::ResponseDestination destination = sip::response_destination_of_request(
      *message.top_via(), {ip.view(), node_->source.port()}, force_rport);
  const auto address = parse_address(destination.host, destination.port);
  return address.value_or(node_->source);  // A name in maddr: the sender itself is nearer than nothing.
}

bool Engine::send_stateless(const sip::Message& message, const sip::ResponseSpec& spec) {
  const shm::MessageRef out = build_local(message, spec);
  if (out.slot == 0) {
    count(settings_.counters->refused_full);
    log_full("an answer could not be built");
    return false;
  }
  if (mutated(Mutation::kStatelessUnanswered)) return true;
  outbox_.add(entry_index_, stamp_, out, reply_target(message, spec.force_rport), node_->socket, {}, true);
  count_stateless(spec.status);
  return true;
}

void Engine::count_stateless(std::uint16_t status) {
  const EngineCounters& c = *settings_.counters;
  count(c.sl_sent_replies);
  if (status >= 300) count(c.sl_sent_err_replies);
  count(c.sl_classes[status >= 100 && status < 700 ? status / 100u : 7u]);
  switch (status) {
    case 200:
      count(c.sl_200);
      break;
    case 202:
      count(c.sl_202);
      break;
    case 300:
      count(c.sl_300);
      break;
    case 301:
      count(c.sl_301);
      break;
    case 302:
      count(c.sl_302);
      break;
    case 400:
      count(c.sl_400);
      break;
    case 401:
      count(c.sl_401);
      break;
    case 403:
      count(c.sl_403);
      break;
    case 404:
      count(c.sl_404);
      break;
    case 407:
      count(c.sl_407);
      break;
    case 408:
      count(c.sl_408);
      break;
    case 483:
      count(c.sl_483);
      break;
    case 500:
      count(c.sl_500);
      break;
    default:
      break;
  }
}

// openser13 sends when the call is let go: the next owner may give the slot back by then.
bool Engine::take_copy_if_unordered(shm::MessageRef& message) {
  if (settings_.tm->ordering == Ordering::kStrict) return false;
  const shm::MessageRef copy = try_take(message.bytes);
  if (copy.slot == 0) return false;
  std::memcpy(span_of(copy).data(), view_of(message).data(), message.bytes);
  message = copy;
  return true;
}

void Engine::send_upstream(shm::MessageRef message, bool free_after_send) {
  if (message.slot == 0) return;
  if (!free_after_send) free_after_send = take_copy_if_unordered(message);
  const shm::TransactionRecord& record = *view_.record;
  outbox_.add(entry_index_, stamp_, message, record.reply_target, record.reply_socket, {}, free_after_send);
  count(settings_.counters->rpl_sent);
}

void Engine::send_branch(std::uint8_t branch, shm::MessageRef message, SendKind kind) {
  if (message.slot == 0) return;
  const shm::BranchTarget& target = store_.target(*view_.record, branch);
  const bool is_copy = take_copy_if_unordered(message);
  outbox_.add(entry_index_, stamp_, message, target.address, target.socket,
              {view_.handle, view_.record->generation, branch, kind}, is_copy);
}

void Engine::withdraw(std::uint8_t branch, SendKind kind) {
  const std::uint32_t generation = view_.record->generation;
  if (!outbox_.withdraw({view_.handle, generation, branch, kind}, stamp_) && kind == SendKind::kCancel) {
    outbox_.withdraw({view_.handle, generation, branch, SendKind::kRepeatedCancel}, stamp_);
  }
  const EngineCounters& c = *settings_.counters;
  count(kind == SendKind::kCancel ? c.cancels_withdrawn : c.requests_withdrawn);
}

// ---- actions ----

void Engine::apply(tx::Event event) {
  look_ahead(event);
  const tx::Settings settings = timer_settings();
  const tx::BranchMask wished_before = settings.cancels_apart ? tx::wished_cancels(view_.state) : 0;
  const tx::Step step = tx::step(view_.state, event, settings);
  if (settings.cancels_apart) note_wishes(wished_before);
  place_twin(event);
  process_.order_log.decided(view_.handle, view_.record->generation, event, step, settings);
  // Also when nothing follows from it: the machine of a branch may have moved although the context did not.
  view_.is_changed = true;
  if (step.ignored != tx::Why::kNone) {
    count(settings_.counters->ignored[static_cast<std::size_t>(step.ignored)]);
    return;
  }
  for (const tx::Action& action : step.actions) perform(action);
}

// Added to those of the event's earlier steps: a failure route's response comes before its verdict. An event
// is about one transaction.
void Engine::note_wishes(tx::BranchMask before) {
  LS_ASSERT(wished_.branches == 0 || wished_.transaction == view_.handle);
  wished_.transaction = view_.handle;
  wished_.generation = view_.record->generation;
  wished_.branches |= tx::wished_cancels(view_.state) & ~before;
}

void Engine::perform(const tx::Action& action) {
  const std::uint8_t branch = action.branch.value;
  switch (action.kind) {
    case tx::ActionKind::kRespondLocal:
      respond_local(action.status, reply_reason_, reply_lines_);
      break;
    case tx::ActionKind::kRelayResponse:
      relay_response(action);
      break;
    case tx::ActionKind::kRespondBest:
      respond_best(action);
      break;
    case tx::ActionKind::kRetransmitResponse:
      repeat_response();
      break;
    case tx::ActionKind::kAnswerCancel:
      answer_cancel();
      break;
    case tx::ActionKind::kForwardRequest:
      send_branch(branch, view_.branch_refs[branch].request, SendKind::kRequest);
      break;
    case tx::ActionKind::kRetransmitRequest:
      send_branch(branch, view_.branch_refs[branch].request, SendKind::kRepeatedRequest);
      break;
    case tx::ActionKind::kWithdrawRequest:
      withdraw(branch, SendKind::kRequest);
      break;
    case tx::ActionKind::kWithdrawCancel:
      withdraw(branch, SendKind::kCancel);
      break;
    case tx::ActionKind::kAckDialog:
      ack_dialog(branch);
      break;
    case tx::ActionKind::kByeDialog:
      bye_dialog(branch);
      break;
    case tx::ActionKind::kRetransmitBye:
      send_bye(branch, view_.branch_refs[branch].cancel);
      break;
    case tx::ActionKind::kByeEnded:
      tell_end_of_dialog(action);
      break;
    case tx::ActionKind::kCancelBranch:
      cancel_branch(action);
      break;
    case tx::ActionKind::kRetransmitCancel:
      repeat_cancel(branch);
      break;
    case tx::ActionKind::kAckBranch:
      ack_branch(branch);
      break;
    case tx::ActionKind::kStoreFinal:
      store_final(branch);
      break;
    case tx::ActionKind::kRunFailureRoute:
      run_failure_route(action);
      break;
    case tx::ActionKind::kEnd:
      break;  // commit() frees it.
  }
}

void Engine::count_final(tx::Status status) {
  if (status >= 200 && status < 700) count(settings_.counters->completed[status / 100u]);
}

void Engine::respond_local(tx::Status status, std::string_view reason, std::string_view extra_lines) {
  const sip::Message& message = request();
  sip::ResponseSpec spec = response_spec(message, status);
  spec.reason = reason;
  spec.extra_headers = extra_lines;
  spec.force_rport = force_rport_;
  if (status == 100 && reason.empty()) spec.reason = settings_.tm->trying_reason;
  if (status == 100) spec.to_tag = {};
  const shm::MessageRef out = build_local(message, spec);
  if (out.slot == 0) return leave_to_repetition(status);
  keep(view_.refs.last_response, out);
  send_upstream(out, false);
  count(settings_.counters->rpl_generated);
  if (status == 408) count(settings_.counters->local_408);
  count_final(status);
}

// No memory for a final that is decided: what went up before it is not to be repeated in its place.
void Engine::leave_to_repetition(tx::Status status) {
  count(settings_.counters->refused_full);
  if (status >= 200) drop(view_.refs.last_response);
}

// One that could not be stored when it was decided is made now; of a relayed one its status.
void Engine::repeat_response() {
  const tx::Status status = view_.state.context.final_status;
  const bool has_request = role_ == Role::kRequest || view_.refs.request.slot != 0;
  if (view_.refs.last_response.slot == 0 && tx::is_failure(status) && has_request) {
    respond_local(status, {}, {});
  } else {
    send_upstream(view_.refs.last_response, false);
  }
}

// The response in hand as it goes up: without our Via, with what the script changed.
shm::MessageRef Engine::gather_upstream() {
  const sip::EditList before = edits_;
  shm::MessageRef out{};
  if (sip::remove_first_value(edits_, message_, sip::HeaderId::kVia)) {
    out = try_take(sip::gathered_size(message_.bytes(), edits_));
    if (out.slot != 0) sip::gather(message_.bytes(), edits_, span_of(out));
  }
  edits_ = before;
  return out;
}

void Engine::relay_response(const tx::Action& action) {
  if (relay_dropped_) return;
  const shm::MessageRef out = gather_upstream();
  if (out.slot == 0) {
    count(settings_.counters->refused_full);
    return;
  }
  const bool is_2xx_to_invite = view_.state.server.is_invite() && tx::is_success(action.status);
  send_upstream(out, is_2xx_to_invite);
  if (!is_2xx_to_invite) keep(view_.refs.last_response, out);
  count(settings_.counters->rpl_relayed);
  count(settings_.counters->fwd_replies);
  count_final(action.status);
}

void Engine::store_final(std::uint8_t branch) {
  const shm::MessageRef out = gather_upstream();
  if (out.slot != 0) keep(view_.branch_refs[branch].final, out);
}

// 16.7 step 7: the challenges of the other branches are added to the best one; step 6: another status.
void Engine::respond_best(const tx::Action& action) {
  const std::uint8_t branch = action.branch.value;
  const shm::MessageRef stored = view_.branch_refs[branch].final;
  if (stored.slot == 0) {  // It could not be kept for lack of memory: its status still goes up.
    respond_local(action.status, {}, {});
    return;
  }
  stored_message_.parse(view_of(stored));
  stored_parsed_ = false;
  sip::EditList edits;
  inner_arena_.reset();
  bool built = true;
  if (stored_message_.status() != action.status) {
    char* line = inner_arena_.make_array<char>(128);
    sip::Writer writer({line, 128});
    writer.text("SIP/2.0 ").number(action.status).text(" ").text(sip::reason_phrase(action.status));
    built = edits.replace(0, stored_message_.start_line().size(), writer.view());
  }
  for (std::size_t i = 0; i < view_.branch_refs.size(); ++i) {
    if ((action.challenges & tx::mask_of(tx::branch_index(i))) == 0) continue;
    const std::string_view other = view_of(view_.branch_refs[i].final);
    const std::size_t line_end = other.find('\n');
    if (line_end == std::string_view::npos) continue;
    sip::HeaderCursor cursor(other.substr(line_end + 1));
    sip::HeaderLine line;
    for (sip::CursorResult at = cursor.next(line); at == sip::CursorResult::kField; at = cursor.next(line)) {
      const sip::HeaderId id = sip::header_id(line.name);
      if (id != sip::HeaderId::kWwwAuthenticate && id != sip::HeaderId::kProxyAuthenticate) continue;
      built = built && sip::append_line(edits, stored_message_, line.line);
    }
  }
  const shm::MessageRef out = built ? try_take(sip::gathered_size(stored_message_.bytes(), edits)) : stored;
  if (out.slot == 0) return leave_to_repetition(action.status);
  if (built) sip::gather(stored_message_.bytes(), edits, span_of(out));
  if (built) keep(view_.refs.last_response, out);
  send_upstream(out, false);
  count(settings_.counters->rpl_relayed);
  count(settings_.counters->fwd_replies);
  count_final(action.status);
}

void Engine::answer_cancel() {
  if (node_->kind != shm::EventKind::kDatagram || message_.method() != sip::Method::kCancel) return;
  sip::ResponseSpec spec = response_spec(message_, 200);
  spec.reason = "canceling";
  spec.force_rport = force_rport_;
  const shm::MessageRef out = build_local(message_, spec);
  if (out.slot == 0) return;
  outbox_.add(entry_index_, stamp_, out, reply_target(message_, force_rport_), node_->socket, {}, true);
  count(settings_.counters->rpl_generated);
}

void Engine::cancel_branch(const tx::Action& action) {
  const std::uint8_t branch = action.branch.value;
  char line[512];
  sip::Writer writer(line);
  switch (action.reason) {
    case tx::CancelReason::kCompletedElsewhere:
      writer.text("Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\n");
      break;
    case tx::CancelReason::kGlobalFailure:
    case tx::CancelReason::kScript:
      if (action.status != 0) {
        writer.text("Reason: SIP;cause=")
            .number(action.status)
            .text(";text=\"")
            .text(sip::reason_phrase(action.status))
            .text("\"\r\n");
      }
      break;
    case tx::CancelReason::kCaller:
      if (view_.refs.caller_reason.slot != 0) {
        writer.header(sip::HeaderId::kReason, view_of(view_.refs.caller_reason));
      }
      break;
    case tx::CancelReason::kTimerC:
      writer.text("Reason: SIP;cause=408;text=\"Request Timeout\"\r\n");
      break;
    case tx::CancelReason::kNone:
      break;
  }
  if (!settings_.tm->reason_in_cancel) writer = sip::Writer(line);
  writer.text(settings_.user_agent_line);
  const std::string_view lines = writer.full() ? std::string_view() : writer.view();
  const std::size_t bytes = sip::build_cancel(view_of(view_.branch_refs[branch].request), lines,
                                              {scratch_.data(), scratch_.size()});
  const shm::MessageRef out = try_take(bytes);
  if (out.slot == 0) return;
  std::memcpy(span_of(out).data(), scratch_.data(), bytes);
  keep(view_.branch_refs[branch].cancel, out);
  send_branch(branch, out, SendKind::kCancel);
  count(settings_.counters->cancels_sent);
}

void Engine::repeat_cancel(std::uint8_t branch) {
  const tx::Branch& state = view_.state.branches[branch];
  if (view_.branch_refs[branch].cancel.slot == 0) {  // It could not be stored when it was decided.
    cancel_branch(
        tx::Action::cancel_branch(tx::branch_index(branch), state.cancel_reason, state.cancel_status));
  } else {
    send_branch(branch, view_.branch_refs[branch].cancel, SendKind::kRepeatedCancel);
  }
}

void Engine::ack_branch(std::uint8_t branch) {
  const std::size_t bytes = sip::build_ack(view_of(view_.branch_refs[branch].request), message_,
                                           {scratch_.data(), scratch_.size()});
  const shm::MessageRef out = try_take(bytes);
  if (out.slot == 0) return;
  std::memcpy(span_of(out).data(), scratch_.data(), bytes);
  const shm::BranchTarget& target = store_.target(*view_.record, branch);
  outbox_.add(entry_index_, stamp_, out, target.address, target.socket, {}, true);
}

// The script runs between two decisions: the one that asked for it, and the one its verdict causes (O15).
void Engine::run_failure_route(const tx::Action& action) {
  const script::RouteIndex route{view_.refs.on_failure};
  if (route != script::kNoRoute && view_.refs.request.slot != 0) {
    if (!stored_parsed_) stored_message_.parse(view_of(view_.refs.request));
    stored_parsed_ = true;
    failure_edits_.clear();
    ScriptContext context(arena_, script_state_, process_, *this, *settings_.names, stored_message_,
                          failure_edits_);
    context.source = view_.record->source;
    context.socket = view_.record->reply_socket;
    load_context(context);
    context.on_failure = script::kNoRoute;  // A route arms itself again for the next leg.
    context.branch_index = action.branch.value;
    const Role role_before = role_;
    settings_.program->run(route, context);
    role_ = role_before;
    keep_script(context);
  }
  apply(tx::Event::verdict(age()));
}

}  // namespace lockstep::worker
