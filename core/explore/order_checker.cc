// order_checker.cc: the books, then one check after the other. Nothing here is taken from the machines.
#include "core/explore/order_checker.h"

#include <algorithm>

namespace lockstep::transaction {
namespace {

std::string text_of(BranchIndex branch) { return " of branch " + std::to_string(branch.value); }

std::size_t count_of(const ActionList& actions, ActionKind kind) {
  return static_cast<std::size_t>(
      std::count_if(actions.begin(), actions.end(), [kind](const Action& a) { return a.kind == kind; }));
}

bool contains(const ActionList& actions, const Action& wanted) {
  return std::find(actions.begin(), actions.end(), wanted) != actions.end();
}

bool lets_try_again(Status status) {
  constexpr std::array<Status, 5> preferred{401, 407, 415, 420, 484};
  return std::find(preferred.begin(), preferred.end(), status) != preferred.end();
}

}  // namespace

void OrderChecker::fail(const char* rule, const std::string& text) {
  if (broken_.empty()) broken_ = std::string(rule) + ": " + text;
}

bool OrderChecker::is_due(const Seen& branch, AgeMs now) const {
  if (branch.final_status != 0) return false;
  const bool invite = method_ == Method::kInvite;
  const bool unanswered = invite ? !branch.has_response : true;
  if (unanswered && branch.forwarded_at + settings_.fr_timer <= now) return true;
  return branch.cancel_at != kNever && branch.cancel_at + DurationMs{64 * settings_.t1.value} <= now;
}

bool OrderChecker::all_final(AgeMs now) const {
  return std::all_of(branches_.begin(), branches_.end(),
                     [&](const Seen& b) { return b.final_status != 0 || is_due(b, now); });
}

// Whoever drives fires deadlines before anything else, so that what was due has happened.
void OrderChecker::note_time(AgeMs now, bool before_event) {
  if (before_event) return;
  for (Seen& branch : branches_) {
    if (!is_due(branch, now)) continue;
    branch.final_status = 408;
    branch.made_up = true;
  }
}

void OrderChecker::note_response(const Event& event) {
  if (event.branch.value >= branches_.size() || !is_status(event.status)) return;
  Seen& branch = branches_[event.branch.value];
  if (is_provisional(event.status)) {
    const bool counts = branch.final_status == 0 && (event.status != 100 || !branch.has_provisional);
    if (counts) branch.timer_c_from = event.now;
    if (branch.final_status == 0) branch.has_provisional = true;
  } else if (branch.final_status == 0) {
    branch.final_status = event.status;
    is_first_final_ = true;
    if (is_global_failure(event.status) && was_open_) {
      global_failure_ = true;
      for (Seen& other : branches_) other.cancel_duty = other.cancel_duty || other.final_status == 0;
    }
  }
  branch.has_response = true;
}

void OrderChecker::note_event(const Event& event) {
  was_open_ = is_open();
  was_closed_ = is_closed();
  branches_before_ = branches_.size();
  is_first_final_ = false;
  // What lay in a socket for long is worked after what came later elsewhere.
  latest_ = std::max(latest_, event.now);
  note_time(event.now, event.kind == EventKind::kTimer);
  if (route_running_ && event.kind == EventKind::kVerdict) route_running_ = false;
  if (event.kind == EventKind::kResponse) note_response(event);
  if (event.kind == EventKind::kCreate) {
    method_ = event.method;
    reliable_ = event.reliable;
  }
  if (event.kind == EventKind::kArmFailureRoute && was_open_) route_armed_ = event.armed;
  if (event.kind == EventKind::kRelease && was_open_ && branches_.empty()) released_ = true;
  if (event.kind == EventKind::kCallerCancel && was_open_ && method_ == Method::kInvite) {
    caller_cancelled_ = true;
    for (Seen& branch : branches_) branch.cancel_duty = branch.cancel_duty || branch.final_status == 0;
  }
  const bool known = event.branch.value < branches_.size();
  if (event.kind == EventKind::kCancelBranch && known && method_ == Method::kInvite) {
    branches_[event.branch.value].cancel_duty = branches_[event.branch.value].final_status == 0;
  }
  if (event.kind == EventKind::kTransportError && known) {
    Seen& branch = branches_[event.branch.value];
    const bool sending = method_ == Method::kInvite ? !branch.has_response : true;
    if (branch.final_status == 0 && sending) {
      branch.final_status = 503;
      branch.made_up = true;
    }
  }
}

// I13. A made-up final, and a 487 that may stand for a time-out, weighs as 408 or 487: both say least.
void OrderChecker::check_best(Status status) {
  bool has_six = false;
  bool has_preferred = false;
  bool has_487 = false;
  bool only_503_in_5xx = true;
  bool is_somebodys = false;
  unsigned lowest_class = 6;
  for (const Seen& branch : branches_) {
    const Status own = branch.final_status == 0 ? Status{408} : branch.final_status;
    const bool vague = own == 408 || own == 487;
    if (own / 100 == 6) has_six = true;
    lowest_class = std::min(lowest_class, own / 100U);
    has_preferred = has_preferred || lets_try_again(own);
    has_487 = has_487 || vague;
    if (own / 100 == 5 && own != 503) only_503_in_5xx = false;
    is_somebodys = is_somebodys || own == status || (vague && (status == 408 || status == 487));
  }
  if (status == 503) fail("I13", "a 503 went up as it is");
  if (has_six) {
    if (status / 100 != 6) fail("I13", "a 6xx was not the best");
    return;
  }
  if (status / 100U != lowest_class) fail("I13", "not of the lowest class");
  if (status == 500 && lowest_class == 5 && only_503_in_5xx) return;
  if (!is_somebodys) fail("I13", "no branch had " + std::to_string(status));
  const bool told_cancelled = caller_cancelled_ && has_487 && (status == 487 || status == 408);
  if (lowest_class == 4 && has_preferred && !lets_try_again(status) && !told_cancelled) {
    fail("I13", "a response that lets the caller try again was passed over");
  }
}

// A final other than a relayed 2xx: the script's, the best, or one made for want of branches.
void OrderChecker::check_final_up(const Event& event, const Action& action) {
  if (successes_up_ > 0) fail("I2", "a final after a 2xx");
  if (failures_up_ > 0) fail("I2", "a second non-2xx final");
  const bool scripted = event.kind == EventKind::kLocalFinal || event.kind == EventKind::kNoBranches;
  if (scripted) {
    if (action.status != event.status) fail("O15", "not the script's status");
    for (Seen& branch : branches_) branch.cancel_duty = branch.cancel_duty || branch.final_status == 0;
  } else if (!branches_.empty()) {
    for (const Seen& branch : branches_) {
      const bool is_told = branch.final_status != 0 || branch.cancel_at != kNever;
      const bool may_ring = method_ == Method::kInvite && branch.has_provisional;
      if (is_told || !may_ring || event.kind != EventKind::kTimer) continue;
      fail("I17", "Timer C ends a branch that rang, without its CANCEL");
    }
    if (!all_final(event.now)) fail(caller_cancelled_ ? "O11" : "I13", "a final while a branch lacks one");
    const bool guarded = event.kind == EventKind::kTimer && route_until_ <= event.now;
    if (route_running_ && !guarded) fail("O15", "a final while the failure route runs");
    check_best(action.status);
  }
  if (action.kind == ActionKind::kRespondBest) {
    if (!branches_[action.branch.value].stored) fail("I13", "the best was never stored");
    BranchMask others = 0;
    const bool challenge = action.status == 401 || action.status == 407;
    for (std::size_t i = 0; challenge && i < branches_.size(); ++i) {
      const Status own = branches_[i].final_status;
      if (i != action.branch.value && (own == 401 || own == 407)) others |= mask_of(branch_index(i));
    }
    if (others != action.challenges) fail("I13", "challenges are not aggregated");
  }
  ++finals_up_;
  if (is_success(action.status)) {
    ++successes_up_;
  } else {
    ++failures_up_;
  }
  route_running_ = false;
  final_at_ = event.now;
  last_repetition_ = event.now;
  repetition_gap_ = settings_.t1.value;
}

void OrderChecker::check_relay(const Event& event, const Action& action) {
  const bool same = event.kind == EventKind::kResponse && event.branch == action.branch &&
                    event.status == action.status;
  if (!same) fail("O3", "a response was relayed that did not come");
  if (action.status == 100) fail("I3", "100 was relayed");
  if (is_provisional(action.status) && finals_up_ > 0) fail("I3", "a 1xx after a final");
  if (is_failure(action.status)) fail("I13", "a non-2xx final was relayed without choosing the best");
  if (!is_success(action.status)) return;
  if (method_ == Method::kNonInvite && finals_up_ > 0) fail("I2", "a second final to non-INVITE");
  ++finals_up_;
  ++successes_up_;
  if (final_at_ == kNever) final_at_ = event.now;
  route_running_ = false;
  Seen& branch = branches_[action.branch.value];
  if (branch.success_at == kNever) branch.success_at = event.now;
  if (branch.final_status != action.status) branch.final_status = action.status;
  if (method_ == Method::kNonInvite) return;
  for (Seen& other : branches_) other.cancel_duty = other.cancel_duty || other.final_status == 0;
}

void OrderChecker::check_cancel(const Event& event, const Action& action) {
  Seen& branch = branches_[action.branch.value];
  const std::string which = text_of(action.branch);
  if (!branch.has_provisional) fail("I5", "CANCEL before a 1xx" + which);
  if (branch.final_status != 0) fail("I6", "CANCEL after the final" + which);
  if (branch.cancel_at != kNever) fail("I7", "second CANCEL" + which);
  if (method_ == Method::kNonInvite) fail("I7", "CANCEL of a non-INVITE request" + which);
  branch.cancel_at = event.now;
  if (action.reason == CancelReason::kTimerC) {
    const std::uint32_t waited = event.now.value - branch.timer_c_from.value;
    if (waited <= 180000) fail("I17", "Timer C after " + std::to_string(waited) + " ms" + which);
    if (event.kind != EventKind::kTimer) fail("I17", "Timer C without a timer" + which);
    return;
  }
  if (!branch.cancel_duty) fail("I8", "CANCEL without a cause" + which);
  const bool caused = action.reason == CancelReason::kCompletedElsewhere ? successes_up_ > 0
                      : action.reason == CancelReason::kCaller           ? caller_cancelled_
                      : action.reason == CancelReason::kGlobalFailure    ? global_failure_
                                                                         : true;
  if (!caused) fail("O16", "the CANCEL gives a cause that did not happen" + which);
}

// I18: T1, 2*T1, ... T2 apart, until the ACK or Timer H; nothing is repeated after a 2xx to INVITE (I15).
void OrderChecker::check_repetition(const Event& event) {
  if (event.kind == EventKind::kRequestRetransmitted) return;
  if (method_ == Method::kNonInvite || failures_up_ == 0 || acknowledged_ || reliable_) {
    fail("I18", "a response repeated by a timer that should not run");
    return;
  }
  if (successes_up_ > 0) fail("I15", "a response repeated after a 2xx");
  if (event.now.value - last_repetition_.value < repetition_gap_) fail("I18", "Timer G too early");
  last_repetition_ = event.now;
  repetition_gap_ = std::min(repetition_gap_ * 2, settings_.t2.value);
}

// The dialog of the 2xx in the event, booked at its first copy with what the policy asks for.
OrderChecker::Dialog& OrderChecker::dialog_of(const Event& event, bool& is_new) {
  for (Dialog& dialog : dialogs_) {
    if (dialog.branch == event.branch && dialog.tag == event.to_tag_hash) return dialog;
  }
  is_new = true;
  const bool is_late = std::any_of(dialogs_.begin(), dialogs_.end(),
                                   [](const Dialog& d) { return d.disposition == Disposition::kRelay; });
  LatePolicy policy = is_late ? settings_.late_2xx : LatePolicy::kForward;
  if (!is_late && caller_cancelled_) policy = settings_.cancelled_2xx;
  const Disposition disposition = policy == LatePolicy::kForward     ? Disposition::kRelay
                                  : policy == LatePolicy::kTerminate ? Disposition::kTerminate
                                                                     : Disposition::kDrop;
  dialogs_.push_back(Dialog{event.branch, event.to_tag_hash, disposition, kNoBranch, false});
  return dialogs_.back();
}

// I4, I10: each copy of a 2xx is treated as the first of its dialog was; ACK before BYE, one BYE a dialog.
void OrderChecker::check_success(const Event& event, const ActionList& actions) {
  bool is_new = false;
  Dialog& dialog = dialog_of(event, is_new);
  const Seen& branch = branches_[event.branch.value];
  if (branch.success_at == kNever) branches_[event.branch.value].success_at = event.now;
  const bool lives = latest_ < branch.success_at + DurationMs{64 * settings_.t1.value};
  const std::size_t relays = count_of(actions, ActionKind::kRelayResponse);
  const std::size_t acks = count_of(actions, ActionKind::kAckDialog);
  const std::size_t byes = count_of(actions, ActionKind::kByeDialog);
  if (!lives) {
    if (acks != 0 || byes != 0) fail("I10", "a dialog acknowledged after its time");
    return;
  }
  const bool ends = dialog.disposition == Disposition::kTerminate;
  if (relays != (dialog.disposition == Disposition::kRelay ? 1 : 0)) fail("I4", "a 2xx relayed or not");
  if (acks != (ends ? 1 : 0)) fail("I10", "not one ACK for a copy of a 2xx");
  if (byes != (ends && is_new ? 1 : 0)) fail("I10", "not one BYE for a dialog");
  if (!ends) return;
  for (std::size_t i = 0; i < actions.size(); ++i) {
    if (actions[i].kind != ActionKind::kAckDialog) continue;
    if (is_new) dialog.named = actions[i].branch;
    if (actions[i].branch != dialog.named) fail("I10", "the ACK of another dialog");
    const bool paired = i + 1 < actions.size() && actions[i + 1] == Action::bye_dialog(dialog.named);
    if (is_new && !paired) fail("I10", "ACK and BYE are not one unit");
  }
}

void OrderChecker::check_bye(const Action& action) {
  for (Dialog& dialog : dialogs_) {
    if (dialog.named != action.branch || dialog.disposition != Disposition::kTerminate) continue;
    if (dialog.is_bye_over) fail("I10", "a BYE after its end");
    dialog.is_bye_over = action.kind == ActionKind::kByeEnded;
    return;
  }
  fail("I10", "a BYE of no dialog");
}

// Withdrawals (O9, O10), and what ends the dialog of a late 2xx (I10).
void OrderChecker::check_late(const Event& event, const Action& action) {
  if (action.kind == ActionKind::kRetransmitBye || action.kind == ActionKind::kByeEnded) {
    check_bye(action);
  } else if (action.kind == ActionKind::kWithdrawRequest) {
    Seen& branch = branches_[action.branch.value];
    if (branch.has_response) fail("O10", "an answered request is withdrawn");
    branch.final_status = 487;
    branch.made_up = true;
  } else if (action.kind == ActionKind::kWithdrawCancel) {
    if (branches_[action.branch.value].final_status == 0) fail("O9", "a CANCEL withdrawn without a final");
  } else if (event.kind != EventKind::kResponse || !is_success(event.status)) {
    fail("I10", "ACK or BYE to no 2xx");
  } else if (successes_up_ == 0) {  // Upstream the branch counts as a cancelled one.
    branches_[event.branch.value].final_status = 487;
    branches_[event.branch.value].made_up = true;
  }
}

void OrderChecker::check_action(const Event& event, const Action& action, const ActionList& actions,
                                std::size_t position) {
  const bool of_dialog = action.kind == ActionKind::kAckDialog || action.kind == ActionKind::kByeDialog ||
                         action.kind == ActionKind::kRetransmitBye || action.kind == ActionKind::kByeEnded;
  const bool has_branch = action.branch != kNoBranch && !of_dialog;
  if (has_branch && action.kind != ActionKind::kForwardRequest && action.branch.value >= branches_.size()) {
    fail("O3", "an action for no branch");
    return;
  }
  switch (action.kind) {
    case ActionKind::kRespondLocal:
      if (!is_provisional(action.status)) {
        check_final_up(event, action);
      }
      if (is_provisional(action.status) && finals_up_ > 0) fail("I3", "a 1xx after a final");
      break;
    case ActionKind::kRespondBest: check_final_up(event, action); break;
    case ActionKind::kRelayResponse: check_relay(event, action); break;
    case ActionKind::kRetransmitResponse: check_repetition(event); break;
    case ActionKind::kAnswerCancel:
      if (event.kind != EventKind::kCallerCancel || position != 0) fail("I12", "200 to no CANCEL");
      break;
    case ActionKind::kForwardRequest:
      if (was_closed_) fail("I14", "a new branch in a closed context");
      if (action.branch.value != branches_.size()) fail("O3", "a branch out of turn");
      branches_.push_back(Seen{});
      branches_.back().forwarded_at = event.now;
      route_running_ = false;
      break;
    case ActionKind::kRetransmitRequest: {
      const Seen& branch = branches_[action.branch.value];
      const bool stopped = method_ == Method::kInvite ? branch.has_response : branch.final_status != 0;
      if (stopped || branch.final_status != 0) fail("I16", "a request repeated" + text_of(action.branch));
      break;
    }
    case ActionKind::kCancelBranch:
      for (std::size_t i = 0; i < position; ++i) {
        if (actions[i].kind == ActionKind::kCancelBranch && !(actions[i].branch < action.branch)) {
          fail("O7", "CANCELs not in ascending order");
        }
      }
      check_cancel(event, action);
      break;
    case ActionKind::kRetransmitCancel: {
      const Seen& branch = branches_[action.branch.value];
      if (branch.cancel_at == kNever) fail("I7", "a CANCEL repeated that was not sent");
      if (branch.final_status != 0) fail("I6", "CANCEL after the final" + text_of(action.branch));
      break;
    }
    case ActionKind::kWithdrawRequest:
    case ActionKind::kWithdrawCancel:
    case ActionKind::kRetransmitBye:
    case ActionKind::kByeEnded:
    case ActionKind::kAckDialog:
    case ActionKind::kByeDialog: check_late(event, action); break;
    case ActionKind::kAckBranch: break;  // Counted in check_event_answer.
    case ActionKind::kStoreFinal: branches_[action.branch.value].stored = true; break;
    case ActionKind::kRunFailureRoute:
      if (!route_armed_) fail("O15", "a failure route that nobody armed");
      if (!all_final(event.now) || finals_up_ > 0) fail("I13", "the failure route runs at the wrong time");
      route_armed_ = false;
      route_running_ = true;
      route_until_ = event.now + settings_.fr_timer;
      break;
    case ActionKind::kEnd:
      if (position + 1 != actions.size()) fail("I19", "an action after the end");
      if (finals_up_ == 0 && !released_) fail("I12", "ended without a final");
      ended_ = true;
      break;
  }
}

// I14: a 2xx is wanted after a 6xx too, unless the caller has given up and wants none.
void OrderChecker::check_global_failure(const Event& event, const ActionList& actions) {
  const bool wanted = !caller_cancelled_ || settings_.cancelled_2xx == LatePolicy::kForward;
  if (event.kind != EventKind::kResponse || !is_success(event.status) || !is_first_final_) return;
  if (!global_failure_ || !was_open_ || !wanted || method_ != Method::kInvite) return;
  if (count_of(actions, ActionKind::kRelayResponse) != 1) fail("I14", "a 2xx after a 6xx was not relayed");
}

// O6, I8: whatever obliges us to cancel has done so for every branch that rang, once the step is over.
void OrderChecker::check_duties(const Event& event, const ActionList& actions) {
  if (method_ == Method::kInvite) {
    for (std::size_t i = 0; i < branches_.size(); ++i) {
      Seen& branch = branches_[i];
      // O9: its final is on its way through the inbox; a CANCEL that any cause makes due is held so long.
      if ((event.ahead.finals_in_hand & mask_of(branch_index(i))) != 0) {
        branch.in_hand_until = event.now + event.ahead.until;
      }
      const bool pending = branch.final_status == 0 && !is_due(branch, event.now);
      if (!pending || !branch.cancel_duty || !branch.has_provisional || branch.cancel_at != kNever) continue;
      if (branch.due_at == kNever) branch.due_at = event.now;
      // Deadlines of one moment fire one after the other.
      const AgeMs limit = std::max(branch.due_at + settings_.cancel_holdoff, branch.in_hand_until);
      const bool fires_now = limit != branch.due_at && event.kind == EventKind::kTimer;
      if (event.now > limit || (event.now == limit && !fires_now)) {
        fail("I8", "no CANCEL" + text_of(branch_index(i)));
      }
    }
  }
  bool cancelled = false;
  for (const Action& action : actions) {
    if (action.kind == ActionKind::kCancelBranch) cancelled = true;
    const bool goes_up =
        action.kind == ActionKind::kRelayResponse || action.kind == ActionKind::kRespondLocal;
    if (goes_up && cancelled) fail("O6", "a response after the CANCELs that it causes");
  }
  const bool settled = event.kind != EventKind::kTimer && !branches_.empty() && all_final(AgeMs{0});
  if (settled && is_open() && !route_running_) fail("I12", "every branch is final, but no final went up");
}

// What each event must be answered with.
void OrderChecker::check_event_answer(const Event& event, const ActionList& actions) {
  const std::size_t acks = count_of(actions, ActionKind::kAckBranch);
  const bool response = event.kind == EventKind::kResponse && is_status(event.status) &&
                        event.branch.value < branches_.size();
  const bool invite = method_ == Method::kInvite;
  const bool wants_ack = response && invite && is_failure(event.status);
  if (wants_ack ? !contains(actions, Action::ack_branch(event.branch)) || acks != 1 : acks != 0) {
    fail("I11", "not exactly one ACK of a non-2xx final");
  }
  const std::size_t relays = count_of(actions, ActionKind::kRelayResponse);
  if (response && is_provisional(event.status) && event.status != 100 && was_open_) {
    const Seen& branch = branches_[event.branch.value];
    if (branch.final_status == 0 && relays != 1) fail("I3", "a 1xx was not relayed");
  }
  if (response && is_success(event.status)) {
    if (invite) check_success(event, actions);
    if (!invite && was_open_ && is_first_final_ && relays != 1) fail("I4", "a 2xx was not relayed");
  }
  if (event.kind == EventKind::kCallerCancel) {
    if (!contains(actions, Action::answer_cancel())) fail("I12", "a CANCEL was not answered");
    if (!was_open_ && actions.size() != 1) fail("I12", "a CANCEL after a final had an effect");
  }
  if (event.kind == EventKind::kAddBranch && !was_closed_ && branches_before_ < kBranchMax) {
    const std::size_t forwarded = count_of(actions, ActionKind::kForwardRequest);
    if (forwarded != 1) fail("I14", "a branch was refused without a cause");
  }
}

void OrderChecker::check_request_again(const Event& event, const ActionList& actions) {
  const std::size_t repeated = count_of(actions, ActionKind::kRetransmitResponse);
  if (event.kind != EventKind::kRequestRetransmitted) return;
  const bool invite = method_ == Method::kInvite;
  const bool accepted = invite && successes_up_ > 0;
  if (accepted && !actions.empty()) fail("I15", "a repeated INVITE had an effect in Accepted");
  const bool over = accepted || (!invite && reliable_ && final_at_ != kNever) || (invite && acknowledged_) ||
                    (final_at_ != kNever && final_at_ + DurationMs{64 * settings_.t1.value} <= event.now);
  if (any_response_up_ && !over && repeated != 1) fail("I18", "a repeated request was not answered again");
}

std::string OrderChecker::observe(const Event& event, const ActionList& actions) {
  broken_.clear();
  if (ended_) {
    if (!actions.empty()) fail("I19", "an action after the end");
    return broken_;
  }
  note_event(event);
  for (std::size_t i = 0; i < actions.size() && broken_.empty(); ++i) {
    check_action(event, actions[i], actions, i);
  }
  if (!broken_.empty()) return broken_;
  check_global_failure(event, actions);
  if (!ended_) check_duties(event, actions);
  check_event_answer(event, actions);
  check_request_again(event, actions);
  any_response_up_ = any_response_up_ || count_of(actions, ActionKind::kRespondLocal) != 0 ||
                     count_of(actions, ActionKind::kRespondBest) != 0 ||
                     count_of(actions, ActionKind::kRelayResponse) != 0;
  if (event.kind == EventKind::kAck && failures_up_ > 0) acknowledged_ = true;
  return broken_;
}

}  // namespace lockstep::transaction
