// ACK and BYE in the dialog of a 2xx that nobody wants (O14), written from the 2xx in hand.
#include <cstring>

#include "core/base/log.h"
#include "core/sip/dialog.h"
#include "core/worker/branch_id.h"
#include "core/worker/engine.h"

namespace lockstep::worker {

namespace tx = transaction;

namespace {

constexpr std::string_view kElsewhere = "Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\n";
constexpr std::string_view kCancelled = "Reason: SIP;cause=487;text=\"Request Terminated\"\r\n";

}  // namespace

// Into scratch_; the bytes written, 0: it cannot be written.
std::size_t Engine::build_in_dialog(std::uint8_t branch, std::string_view method, std::string_view lines) {
  const shm::BranchTarget& target = store_.target(*view_.record, branch);
  const ListenSocket& local = settings_.names->sockets()[target.socket];
  const bool is_ack = method == "ACK";
  const std::uint8_t number = static_cast<std::uint8_t>(branch | (is_ack ? kAckBranch : kByeBranch));
  const BranchText via =
      branch_text({view_.handle, view_.record->generation, number}, process_.state.branch_secret);
  char refusal[2048];
  sip::DialogRequestSpec spec;
  spec.method = method;
  spec.routes_above = target.record_routes;
  spec.via = {sip::Transport::kUdp, local.host, local.port, via.view(), false, {}};
  spec.extra_headers = lines;
  // The 2xx made the offer, and wants its answer.
  if (is_ack && !target.has_offer && sip::has_sdp(message_)) {
    spec.content_type = "application/sdp";
    spec.body = {refusal, sip::build_refusal(message_.body(), refusal)};
  }
  return sip::build_dialog_request(message_, spec, {scratch_.data(), scratch_.size()});
}

// The first hop of the route set below us; without one, where the branch's INVITE went.
PeerAddress Engine::dialog_target(std::uint8_t branch, std::string_view request) {
  const PeerAddress& invite_target = store_.target(*view_.record, branch).address;
  peeked_.parse(request);
  const auto uri = sip::parse_uri(sip::dialog_next_hop(peeked_));
  if (!uri.has_value() || !uri->is_sip()) return invite_target;
  return parse_address(uri->host, uri->effective_port()).value_or(invite_target);
}

void Engine::ack_dialog(std::uint8_t branch) {
  const std::size_t bytes = build_in_dialog(branch, "ACK", {});
  const shm::MessageRef out = try_take(bytes);
  if (out.slot == 0) return;
  std::memcpy(span_of(out).data(), scratch_.data(), bytes);
  outbox_.add(entry_index_, stamp_, out, dialog_target(branch, view_of(out)),
              store_.target(*view_.record, branch).socket, {}, true);
}

void Engine::bye_dialog(std::uint8_t branch) {
  char lines[512];
  sip::Writer writer(lines);
  if (settings_.tm->reason_in_cancel) {
    writer.text(tx::is_success(view_.state.context.final_status) ? kElsewhere : kCancelled);
  }
  writer.text(settings_.user_agent_line);
  const std::string_view extra = writer.full() ? std::string_view() : writer.view();
  const std::size_t bytes = build_in_dialog(branch, "BYE", extra);
  const shm::MessageRef out = try_take(bytes);
  count(settings_.counters->late_2xx_ended);
  if (bytes == 0) {
    LS_LOG(kWarn, "tm", "late 2xx, call {}: cannot be ended, its Contact or Record-Route is of no use",
           message_.call_id());
  }
  // In any case: what stood there is the branch's CANCEL, which must never be repeated as its BYE.
  keep(view_.branch_refs[branch].cancel, out);
  if (out.slot == 0) return;
  std::memcpy(span_of(out).data(), scratch_.data(), bytes);
  send_bye(branch, out);
}

void Engine::send_bye(std::uint8_t branch, shm::MessageRef message) {
  if (message.slot == 0) return;
  const bool is_copy = take_copy_if_unordered(message);
  outbox_.add(entry_index_, stamp_, message, dialog_target(branch, view_of(message)),
              store_.target(*view_.record, branch).socket,
              {view_.handle, view_.record->generation, branch, SendKind::kBye}, is_copy);
}

// Told when it is over, so that a leg which nobody could end is known to the operator.
void Engine::tell_end_of_dialog(const tx::Action& action) {
  peeked_.parse(view_of(view_.branch_refs[action.branch.value].cancel));
  const tx::Branch& branch = view_.state.branches[action.branch.value];
  const bool is_ended = tx::is_success(action.status) || action.status == 481;
  const char* const how = branch.bye == tx::ByeState::kAnswered ? "its BYE was answered"
                          : action.status == 408                ? "its BYE was never answered,"
                                                                : "its BYE could not be sent,";
  const int number = branch.is_twin() ? branch.twin_of.value : action.branch.value;
  if (is_ended) {
    LS_LOG(kInfo, "tm", "late 2xx of branch {}, call {}: {} {}", number, peeked_.call_id(), how,
           action.status);
  } else {
    LS_LOG(kWarn, "tm", "late 2xx of branch {}, call {}: {} {}", number, peeked_.call_id(), how,
           action.status);
  }
}

}  // namespace lockstep::worker
