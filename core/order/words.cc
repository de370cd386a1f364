// Names of the machines' enumerators, and of the timer that a state had due.
#include "core/order/words.h"

#include <fmt/core.h>

#include "core/transaction/timers.h"

namespace lockstep::order {
namespace {

namespace tx = transaction;

// "cancel branch 1", "relay response 200 of branch 1".
std::string subject(std::string text, tx::BranchIndex branch, tx::Status status) {
  if (status != 0) text += fmt::format(" {}", status);
  if (branch == tx::kNoBranch) return text;
  return text + (text.ends_with("branch") ? " " : " of branch ") + std::to_string(branch.value);
}

// Timers G, H, I, J, L of the caller's side.
const char* server_timer(const tx::Server& server) {
  if (!server.is_invite()) return "timer J";
  if (server.state == tx::ServerState::kAccepted) return "timer L";
  return server.state == tx::ServerState::kConfirmed ? "timer I" : "timer H";
}

// Timers B, C, D, F, K, M of a branch, or what a CANCEL put in their place.
const char* branch_timer(const tx::Branch& branch, bool is_invite) {
  if (branch.state == tx::ClientState::kCompleted) return is_invite ? "timer D" : "timer K";
  if (branch.state == tx::ClientState::kAccepted) return "timer M";
  if (!is_invite) return "timer F";
  if (branch.state != tx::ClientState::kProceeding) return "timer B";
  return branch.cancel >= tx::CancelState::kSent ? "end of the wait after CANCEL" : "timer C";
}

const char* cancel_timer(const tx::Branch& branch, bool repeats) {
  if (branch.cancel == tx::CancelState::kHeld) return "end of the hold of CANCEL";
  if (branch.bye != tx::ByeState::kNone) return repeats ? "timer E of BYE" : "timer F of BYE";
  return repeats ? "timer E of CANCEL" : "timer F of CANCEL";
}

std::string timer_text(const Decision& decision, Naming naming) {
  const tx::DueTimer due = tx::earliest_timer(decision.before);
  if (!decision.is_told || due.kind == tx::TimerKind::kNone || decision.event.now < due.at) return "timer";
  if (due.kind == tx::TimerKind::kGuard) return "guard timer";
  const tx::Server& server = decision.before.server;
  if (due.kind == tx::TimerKind::kServerEnd) return server_timer(server);
  if (due.kind == tx::TimerKind::kServerRetransmit) return "timer G";
  const tx::Branch& branch = decision.before.branches[due.branch.value];
  const tx::BranchIndex named = naming == Naming::kBranches ? due.branch : tx::kNoBranch;
  if (due.kind == tx::TimerKind::kBranchTimeout) {
    return subject(branch_timer(branch, server.is_invite()), named, 0);
  }
  if (due.kind == tx::TimerKind::kBranchRetransmit) {
    return subject(server.is_invite() ? "timer A" : "timer E", named, 0);
  }
  return subject(cancel_timer(branch, due.kind == tx::TimerKind::kCancelRetransmit), named, 0);
}

// A CANCEL that is wanted and not sent yet is no action, but what a reader looks for.
std::string waiting_cancels(const Decision& decision) {
  std::string text;
  for (std::size_t i = 0; i < decision.after.branches.size(); ++i) {
    const tx::Branch& after = decision.after.branches[i];
    const bool was = i < decision.before.branches.size();
    if (was && decision.before.branches[i].cancel == after.cancel) continue;
    if (after.cancel != tx::CancelState::kOwed && after.cancel != tx::CancelState::kHeld) continue;
    text += fmt::format("{}{} cancel of branch {} ({})", text.empty() ? "" : ", ",
                        after.cancel == tx::CancelState::kOwed ? "owe" : "hold", i,
                        reason_text(after.cancel_reason));
  }
  return text;
}

}  // namespace

std::string counted(std::size_t count, const char* noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

// Those that UTF-8 makes of 0xc2 are control characters as well.
std::string printable(std::string_view text) {
  std::string result(text);
  for (std::size_t i = 0; i < result.size(); ++i) {
    const auto byte = static_cast<unsigned char>(result[i]);
    const auto next = static_cast<unsigned char>(i + 1 < result.size() ? result[i + 1] : 0);
    if (byte == 0xc2 && next >= 0x80 && next < 0xa0) result[i] = result[i + 1] = '.';
    if ((byte < 0x20 && byte != '\n') || byte == 0x7f) result[i] = '.';
  }
  return result;
}

std::string words_of(const char* name) {
  std::string words;
  for (const char* at = name[0] == 'k' ? name + 1 : name; *at != '\0'; ++at) {
    const bool is_upper = *at >= 'A' && *at <= 'Z';
    if (is_upper && !words.empty()) words += ' ';
    words += is_upper ? static_cast<char>(*at + ('a' - 'A')) : *at;
  }
  return words;
}

std::string reason_text(tx::CancelReason reason) {
  return reason == tx::CancelReason::kScript ? "script or RPC" : words_of(tx::name_of(reason));
}

std::string event_text(const Decision& decision, Naming naming) {
  const tx::Event& event = decision.event;
  if (event.kind == tx::EventKind::kTimer) return timer_text(decision, naming);
  return subject(words_of(tx::name_of(event.kind)),
                 naming == Naming::kBranches ? event.branch : tx::kNoBranch, event.status);
}

std::string actions_text(const Decision& decision, Naming naming) {
  if (decision.step.ignored != tx::Why::kNone) {
    return "ignored, " + words_of(tx::name_of(decision.step.ignored));
  }
  std::string text;
  for (const tx::Action& action : decision.step.actions) {
    if (!text.empty()) text += ", ";
    const bool has_reason = action.reason != tx::CancelReason::kNone;
    text += subject(words_of(tx::name_of(action.kind)),
                    naming == Naming::kBranches ? action.branch : tx::kNoBranch,
                    has_reason ? tx::Status{0} : action.status);
    if (has_reason) text += " (" + reason_text(action.reason) + ")";
  }
  const std::size_t recorded = decision.record->head.decision.action_count;
  if (recorded > decision.step.actions.size()) text += ", ...";
  if (const std::string waiting = waiting_cancels(decision); !waiting.empty()) {
    text += (text.empty() ? "" : ", ") + waiting;
  }
  return text.empty() ? "noted" : text;
}

}  // namespace lockstep::order
