// judge.h: what an execution has done wrong, by the rules of ORDER.md: the invariants I1 to I20 and, where
// the fault is one of the windows of its section 3, that window's name. It looks at what the phones and the
// caller saw, at when which worker received what, and at the order of the commits; never at the outbox, a
// mark or a counter of the proxy.
#pragma once

#include <array>
#include <set>
#include <string>
#include <vector>

#include "core/explore/play.h"
#include "core/order/log.h"
#include "core/transaction/settings.h"

namespace lockstep::explore {

struct Violation {
  // "I7"; "W4" for a window; "ticket" for the packet order of the ticket; "registrar" for RFC
  // 3261 10.3, 16.5.
  std::string rule;
  std::string text;
  friend auto operator<=>(const Violation&, const Violation&) = default;
};
using Violations = std::set<Violation>;

struct Policies {
  transaction::LatePolicy late_2xx = transaction::LatePolicy::kForward;
  transaction::LatePolicy cancelled_2xx = transaction::LatePolicy::kForward;
  bool is_strict = true;
};

// The order log of the execution, as `lockstep ladder` reads it.
order::Log log_of(Play& play);

class Judge {
 public:
  Judge(Play& play, const Policies& policies) : play_(play), policies_(policies) {}

  // After the race: what caller and phones saw, in which order.
  Violations judge_race();
  // The commits in their order, against the rules and against the wire. Before settle().
  Violations judge_decisions();
  // After settle(): nothing is left over, nobody waits.
  Violations judge_rest();
  // After a death: every datagram took effect once. With judge_decisions().
  Violations judge_effects();

 private:
  void fail(std::string rule, std::string text) { found_.insert({std::move(rule), std::move(text)}); }
  void read_commits();
  void order_steps();
  // In every order that cannot be told apart from this one. kNever: it never comes.
  bool must_precede(std::size_t first, std::size_t second) const;
  std::size_t committed(std::size_t delivery) const;
  std::size_t first_committed(char branch, int from, int to) const;
  bool was_ringing(char branch) const;
  bool was_final(char branch) const;
  bool was_closed() const;
  void check_commits();
  void check_upstream();
  void check_trying();
  void check_challenges();
  void check_cancels();
  std::size_t last_look(const Sent& cancel) const;
  void check_look_ahead(const Sent& cancel);
  void check_late_success();
  void check_cancel_order();
  void check_duty();
  void check_invites();
  void check_acks();
  void check_dialogs();
  void check_ticket();
  void check_answers();
  void check_registrations();
  void check_status(const ScenarioDatagram& datagram, int status);
  void check_called(const std::set<char>& registered);
  std::size_t worked_in(std::size_t step, Actor actor) const;
  void check_strays(const std::vector<std::string>& decided, const std::set<std::uint64_t>& stamps);
  void check_wire(const std::vector<std::string>& decided);
  bool is_up(const Sent& one, char branch, int from, int to) const;

  Play& play_;
  Policies policies_;
  Violations found_;
  std::vector<std::size_t> commit_steps_;  // Of the n-th commit of the call in the race: its step.
  // Of each step: how many steps of each actor must come before it, itself included; and its number among its
  // actor's.
  std::vector<std::array<std::uint32_t, kActorMax>> clocks_;
  std::vector<std::uint32_t> numbers_;
  std::vector<std::size_t> stamps_;  // Of each delivery: the number of its commit in its entry; kNever: none.
  std::vector<bool> strays_;         // Of each delivery: a response that met no transaction any more.
};

}  // namespace lockstep::explore
