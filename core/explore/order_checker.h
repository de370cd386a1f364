// order_checker.h: the invariants of ORDER.md section 5 as an oracle over what goes in and what comes out. It
// knows nothing of State and shares no logic with the machines: it keeps its own books from events and
// actions alone. Whoever drives it gives every due deadline as a timer event before any other event.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "core/transaction/transaction.h"

namespace lockstep::transaction {

class OrderChecker {
 public:
  OrderChecker() = default;
  explicit OrderChecker(const Settings& settings) : settings_(settings) {}

  // What this event and its actions break: "I7: second CANCEL of branch 1"; empty if nothing.
  std::string observe(const Event& event, const ActionList& actions);

  bool is_open() const { return finals_up_ == 0 && !released_; }
  bool is_closed() const { return !is_open() || caller_cancelled_ || global_failure_; }
  bool is_route_running() const { return route_running_; }
  std::size_t branch_count() const { return branches_.size(); }
  bool has_ended() const { return ended_; }

 private:
  struct Seen {
    AgeMs forwarded_at{};
    AgeMs timer_c_from{};  // The first 1xx, then each 101 to 199.
    AgeMs cancel_at = kNever;
    AgeMs success_at = kNever;
    AgeMs due_at = kNever;  // When its CANCEL became due.
    AgeMs in_hand_until{};  // O9: so long its final may take from the inbox.
    bool has_response = false;
    bool has_provisional = false;
    bool cancel_duty = false;  // Something obliges us to cancel it, at once or on its first 1xx.
    bool stored = false;
    bool made_up = false;
    Status final_status = 0;
  };

  // A 2xx dialog: what became of it (I4, I10).
  struct Dialog {
    BranchIndex branch;
    std::uint32_t tag = 0;
    Disposition disposition = Disposition::kNone;
    BranchIndex named = kNoBranch;  // As ACK and BYE call it.
    bool is_bye_over = false;
  };

  Dialog& dialog_of(const Event& event, bool& is_new);
  void check_success(const Event& event, const ActionList& actions);
  void check_bye(const Action& action);
  void check_late(const Event& event, const Action& action);
  void fail(const char* rule, const std::string& text);
  void note_event(const Event& event);
  void note_response(const Event& event);
  void note_time(AgeMs now, bool before_event);
  void check_action(const Event& event, const Action& action, const ActionList& actions,
                    std::size_t position);
  void check_final_up(const Event& event, const Action& action);
  void check_best(Status status);
  void check_relay(const Event& event, const Action& action);
  void check_cancel(const Event& event, const Action& action);
  void check_global_failure(const Event& event, const ActionList& actions);
  void check_repetition(const Event& event);
  void check_duties(const Event& event, const ActionList& actions);
  void check_event_answer(const Event& event, const ActionList& actions);
  void check_request_again(const Event& event, const ActionList& actions);
  bool is_due(const Seen& branch, AgeMs now) const;
  bool all_final(AgeMs now) const;

  Settings settings_;
  std::vector<Seen> branches_;
  std::vector<Dialog> dialogs_;
  std::string broken_;
  Method method_ = Method::kInvite;
  AgeMs latest_{};           // Of all events so far.
  AgeMs final_at_ = kNever;  // The first final that went up.
  AgeMs last_repetition_ = kNever;
  AgeMs route_until_ = kNever;
  std::uint32_t repetition_gap_ = 0;
  int finals_up_ = 0;  // Non-2xx and 2xx.
  int failures_up_ = 0;
  int successes_up_ = 0;
  bool reliable_ = false;  // The transport of the caller.
  bool any_response_up_ = false;
  bool acknowledged_ = false;
  bool caller_cancelled_ = false;
  bool global_failure_ = false;
  bool route_armed_ = false;
  bool route_running_ = false;
  bool released_ = false;
  bool ended_ = false;
  std::size_t branches_before_ = 0;
  bool was_open_ = true;  // Before this event.
  bool was_closed_ = false;
  bool is_first_final_ = false;  // This event brought its branch's final.
};

}  // namespace lockstep::transaction
