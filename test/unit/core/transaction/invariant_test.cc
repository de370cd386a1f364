// invariant_test.cc: 200,000 random steps from a fixed seed under the oracle of order_checker.h, and for each
// invariant a hand-made transcript that breaks it, because a check that cannot fail is worth nothing.
#include <cppunit/extensions/HelperMacros.h>

#include <random>
#include <vector>

#include "core/explore/order_checker.h"
#include "test/unit/core/transaction/printing.h"

namespace lockstep::transaction {
namespace {

// One transaction in a random world: phones answer in any order and say anything, time jumps, scripts wish.
class World {
 public:
  World(std::mt19937& random, const Settings& settings)
      : random_(random), settings_(settings), checker_(settings) {}

  // Returns the steps made. Fails the test at the first broken invariant, with the whole story.
  std::size_t run() {
    take(Event::create(now_, below(8) == 0 ? Method::kNonInvite : Method::kInvite, below(10) == 0));
    if (below(3) == 0) take(Event::arm_failure_route(now_, true));
    for (std::size_t i = below(6); i > 0; --i) take(add());
    for (int i = 0; i < 150 && !is_ended(state_); ++i) {
      if (below(4) == 0) pass_time();
      if (!is_ended(state_)) take(any_event());
    }
    while (!is_ended(state_)) fire(next_deadline(state_));
    take(any_event());
    return steps_;
  }

 private:
  std::size_t below(std::size_t bound) { return random_() % bound; }

  BranchIndex any_branch() { return branch_index(below(branch_count(state_) + (below(40) == 0 ? 1 : 0))); }

  Event add() { return Event::add_branch(now_, branch_index(branch_count(state_)), below(8) == 0); }

  Event any_response() {
    static constexpr std::array<Status, 18> statuses{100, 180, 180, 183, 200, 202, 302, 401, 404,
                                                     407, 408, 484, 486, 487, 500, 503, 600, 603};
    return Event::response(now_, any_branch(), statuses[below(statuses.size())],
                           static_cast<std::uint32_t>(below(3)));
  }

  Event any_event() {
    const std::size_t kind = below(100);
    const bool forked = branch_count(state_) != 0;
    if (kind < 45 && forked) return any_response();
    if (kind < 52 && forked) return Event::cancel_response(now_, any_branch(), below(3) == 0 ? 100 : 200);
    if (kind < 54 && forked) return Event::transport_error(now_, any_branch());
    if (kind < 55 && forked) return Event::cancel_transport_error(now_, any_branch());
    if (kind < 57 && forked) return Event::cancel_branch(now_, any_branch());
    if (kind < 59 && forked) return Event::bye_response(now_, any_branch(), below(3) == 0 ? 100 : 200);
    if (kind < 62) return Event::caller_cancel(now_);
    if (kind < 70) return Event::request_retransmitted(now_);
    if (kind < 75) return Event::ack(now_);
    if (kind < 80) return Event::verdict(now_);
    if (kind < 83) return Event::arm_failure_route(now_, below(4) != 0);
    if (kind < 84) return Event::local_response(now_, below(2) == 0 ? 183 : 480);
    if (kind < 85) return Event::no_branches(now_, 404);
    if (kind < 86) return Event::server_transport_error(now_);
    if (kind == 86 && below(4) == 0) return Event::release(now_);
    if (branch_count(state_) < kBranchMax || below(4) == 0) return add();
    return Event::request_retransmitted(now_);
  }

  void pass_time() {
    static constexpr std::array<std::uint32_t, 8> jumps{1, 10, 200, 500, 3000, 20000, 33000, 181000};
    const AgeMs target = now_ + DurationMs{jumps[below(jumps.size())]};
    while (next_deadline(state_) <= target) fire(next_deadline(state_));
    now_ = target;
  }

  void fire(AgeMs at) {
    now_ = at;
    take(Event::timer(at));
  }

  void take(const Event& event) {
    const State before = state_;
    const Step result = step(state_, event, settings_);
    ++steps_;
    story_ += to_text(event.now) + " " + name_of(event.kind) + " " + std::to_string(event.branch.value);
    story_ += " " + std::to_string(event.status) + ": " + to_text(result.actions, "; ") + "\n";
    const std::string broken = checker_.observe(event, result.actions);
    CPPUNIT_ASSERT_MESSAGE(broken + "\n" + story_, broken.empty());
    const bool changed = !(before == state_);
    CPPUNIT_ASSERT_MESSAGE("the reason is not true\n" + story_, is_honest(event, result, changed));
    const bool watched = is_ended(state_) || next_deadline(state_) != kNever;
    CPPUNIT_ASSERT_MESSAGE("I19: no deadline\n" + story_, watched);
  }

  // A reason stands for a step without an effect. Two events are idempotent, and a response may be taken by
  // its branch though nothing may go up any more.
  static bool is_honest(const Event& event, const Step& result, bool changed) {
    if (result.ignored == Why::kNone) {
      const bool idempotent =
          event.kind == EventKind::kArmFailureRoute || event.kind == EventKind::kCancelResponse ||
          event.kind == EventKind::kByeResponse;
      return changed || !result.actions.empty() || idempotent;
    }
    const bool by_branch_alone =
        result.ignored == Why::kFinalCommitted || result.ignored == Why::kLateDropped;
    return result.actions.empty() && (!changed || by_branch_alone);
  }

  std::mt19937& random_;
  const Settings& settings_;
  State state_;
  OrderChecker checker_;
  AgeMs now_{};
  std::size_t steps_ = 0;
  std::string story_;
};

// The beginning of a call that is forked to `branches` phones, as the checker sees it.
void begin(OrderChecker& checker, std::size_t branches) {
  ActionList trying;
  trying.push_back(Action::respond_local(100));
  CPPUNIT_ASSERT_EQUAL(std::string(), checker.observe(Event::create(AgeMs{0}, Method::kInvite), trying));
  for (std::size_t i = 0; i < branches; ++i) {
    ActionList forward;
    forward.push_back(Action::forward_request(branch_index(i)));
    const Event add = Event::add_branch(AgeMs{0}, branch_index(i));
    CPPUNIT_ASSERT_EQUAL(std::string(), checker.observe(add, forward));
  }
}

}  // namespace

class InvariantTest : public CPPUNIT_NS::TestFixture {
  CPPUNIT_TEST_SUITE(InvariantTest);
  CPPUNIT_TEST(random_steps_keep_the_invariants);
  CPPUNIT_TEST(i2_catches_a_second_final);
  CPPUNIT_TEST(i3_catches_a_late_or_missing_1xx);
  CPPUNIT_TEST(i4_catches_a_dropped_2xx);
  CPPUNIT_TEST(i5_catches_a_cancel_before_a_1xx);
  CPPUNIT_TEST(i6_catches_a_cancel_after_the_final);
  CPPUNIT_TEST(i7_catches_a_second_cancel);
  CPPUNIT_TEST(i8_catches_a_forgotten_or_causeless_cancel);
  CPPUNIT_TEST(i10_catches_a_bye_without_its_ack);
  CPPUNIT_TEST(i11_catches_a_missing_ack);
  CPPUNIT_TEST(i12_catches_an_unanswered_cancel_and_a_missing_final);
  CPPUNIT_TEST(i13_catches_a_wrong_best_response);
  CPPUNIT_TEST(i14_catches_a_branch_after_6xx);
  CPPUNIT_TEST(i15_catches_output_in_accepted);
  CPPUNIT_TEST(i16_catches_a_repeated_request);
  CPPUNIT_TEST(i17_catches_an_early_timer_c);
  CPPUNIT_TEST(i18_catches_a_silent_server_and_an_early_timer_g);
  CPPUNIT_TEST(i19_catches_an_action_after_the_end);
  CPPUNIT_TEST(o6_o7_catch_a_wrong_order);
  CPPUNIT_TEST(o11_catches_a_premature_487);
  CPPUNIT_TEST_SUITE_END();

 public:
  void random_steps_keep_the_invariants() {
    std::mt19937 random(20080917);
    std::size_t steps = 0;
    for (const LatePolicy late : {LatePolicy::kForward, LatePolicy::kTerminate, LatePolicy::kDrop}) {
      for (const LatePolicy cancelled : {LatePolicy::kForward, LatePolicy::kTerminate}) {
        for (const std::uint32_t holdoff : {0u, 20u}) {
          Settings settings;
          settings.late_2xx = late;
          settings.cancelled_2xx = cancelled;
          settings.cancel_holdoff = DurationMs{holdoff};
          for (const std::size_t goal = steps + 20000; steps < goal;) steps += World(random, settings).run();
        }
      }
    }
  }

  void i10_catches_a_bye_without_its_ack() {
    Settings settings;
    settings.late_2xx = LatePolicy::kTerminate;
    const Action ack = Action::ack_dialog(b(1)), bye = Action::bye_dialog(b(1));
    checker_ = OrderChecker(settings);
    begin(checker_, 2);
    sees("", response(0, 200), {Action::relay_response(b(0), 200)});
    const OrderChecker before = checker_;
    for (const std::vector<Action>& wrong :
         {std::vector<Action>{}, {bye}, {ack}, {bye, ack}, {ack, bye, bye}}) {
      checker_ = before;
      sees("I10", response(1, 200), wrong);
    }
    checker_ = before;
    sees("I4", response(1, 200), {Action::relay_response(b(1), 200)});
    checker_ = before;
    sees("", response(1, 200), {ack, bye});
    sees("I10", response(1, 200), {ack, bye});
    sees("", response(1, 200), {ack});
    sees("", Event::bye_response(at_, b(1), 200), {Action::bye_ended(b(1), 200)});
    sees("I10", Event::timer(at_), {Action::retransmit_bye(b(1))});
  }

  void i2_catches_a_second_final() {
    begin(checker_, 1);
    sees("", response(0, 486), busy(0));
    sees("I2", Event::verdict(at_), {Action::respond_best(b(0), 486)});
  }

  void i3_catches_a_late_or_missing_1xx() {
    begin(checker_, 2);
    sees("I3", response(0, 180), {});
    sees("I3", response(0, 100), {Action::relay_response(b(0), 100)});
    sees("", response(0, 200), {Action::relay_response(b(0), 200)});
    sees("I3", response(1, 183), {Action::relay_response(b(1), 183)});
  }

  void i4_catches_a_dropped_2xx() {
    begin(checker_, 2);
    sees("", response(0, 200), {Action::relay_response(b(0), 200)});
    sees("I4", response(0, 200), {});
    sees("I4", response(1, 200), {});
  }

  void i5_catches_a_cancel_before_a_1xx() {
    begin(checker_, 1);
    sees("I5", Event::caller_cancel(at_), {Action::answer_cancel(), caller_cancels(0)});
  }

  void i6_catches_a_cancel_after_the_final() {
    begin(checker_, 2);
    sees("", response(0, 180), {Action::relay_response(b(0), 180)});
    sees("", response(0, 486), {Action::ack_branch(b(0)), Action::store_final(b(0))});
    sees("I6", Event::caller_cancel(at_), {Action::answer_cancel(), caller_cancels(0)});
  }

  void i7_catches_a_second_cancel() {
    begin(checker_, 1);
    sees("", response(0, 180), {Action::relay_response(b(0), 180)});
    sees("", Event::caller_cancel(at_), {Action::answer_cancel(), caller_cancels(0)});
    sees("I7", Event::caller_cancel(at_), {Action::answer_cancel(), caller_cancels(0)});
  }

  void i8_catches_a_forgotten_or_causeless_cancel() {
    begin(checker_, 3);
    sees("", response(1, 180), {Action::relay_response(b(1), 180)});
    const OrderChecker before = checker_;
    sees("I8", Event::verdict(at_), {caller_cancels(1)});
    checker_ = before;
    sees("I8", response(0, 200), {Action::relay_response(b(0), 200)});
    sees("I8", response(2, 180), {});
  }

  void i11_catches_a_missing_ack() {
    begin(checker_, 2);
    sees("I11", response(0, 404), {Action::store_final(b(0))});
    sees("I11", response(0, 404), {});
    sees("I11", response(1, 200), {Action::relay_response(b(1), 200), Action::ack_branch(b(1))});
  }

  void i12_catches_an_unanswered_cancel_and_a_missing_final() {
    begin(checker_, 1);
    sees("I12", Event::caller_cancel(at_), {});
    sees("I12", response(0, 404), {Action::ack_branch(b(0)), Action::store_final(b(0))});
    sees("I12", Event::timer(at_), {Action::end()});
  }

  void i13_catches_a_wrong_best_response() {
    const auto best_after = [this](Status first, Status second, const Action& up) {
      checker_ = OrderChecker();
      begin(checker_, 2);
      sees("", response(0, first), {Action::ack_branch(b(0)), Action::store_final(b(0))});
      return observe(response(1, second), {Action::ack_branch(b(1)), Action::store_final(b(1)), up});
    };
    const std::string none;
    CPPUNIT_ASSERT_EQUAL(none, best_after(404, 302, Action::respond_best(b(1), 302)));
    CPPUNIT_ASSERT_EQUAL(std::string("I13"), best_after(404, 302, Action::respond_best(b(0), 404)));
    CPPUNIT_ASSERT_EQUAL(std::string("I13"), best_after(503, 503, Action::respond_best(b(0), 503)));
    CPPUNIT_ASSERT_EQUAL(none, best_after(503, 503, Action::respond_best(b(0), 500)));
    CPPUNIT_ASSERT_EQUAL(std::string("I13"), best_after(404, 401, Action::respond_best(b(0), 404)));
    CPPUNIT_ASSERT_EQUAL(std::string("I13"), best_after(404, 486, Action::respond_best(b(1), 480)));
    CPPUNIT_ASSERT_EQUAL(std::string("I13"), best_after(407, 401, Action::respond_best(b(0), 407)));
    CPPUNIT_ASSERT_EQUAL(none, best_after(407, 401, Action::respond_best(b(0), 407, mask_of(b(1)))));
    checker_ = OrderChecker();
    begin(checker_, 2);
    sees("I13", response(0, 404),
         {Action::ack_branch(b(0)), Action::store_final(b(0)), Action::respond_best(b(0), 404)});
  }

  void i14_catches_a_branch_after_6xx() {
    begin(checker_, 2);
    sees("", response(0, 603), {Action::ack_branch(b(0)), Action::store_final(b(0))});
    sees("I14", Event::add_branch(at_, b(2)), {Action::forward_request(b(2))});
  }

  void i15_catches_output_in_accepted() {
    begin(checker_, 1);
    sees("", response(0, 200), {Action::relay_response(b(0), 200)});
    sees("I15", Event::request_retransmitted(at_), {Action::retransmit_response()});
  }

  void i16_catches_a_repeated_request() {
    begin(checker_, 1);
    sees("", Event::timer(at_), {Action::retransmit_request(b(0))});
    sees("", response(0, 100), {});
    sees("I16", Event::timer(at_), {Action::retransmit_request(b(0))});
  }

  void i17_catches_an_early_timer_c() {
    begin(checker_, 1);
    sees("", response(0, 180), {Action::relay_response(b(0), 180)});
    sees("I17", Event::timer(AgeMs{180000}), {Action::cancel_branch(b(0), CancelReason::kTimerC)});
  }

  void i18_catches_a_silent_server_and_an_early_timer_g() {
    begin(checker_, 1);
    sees("I18", Event::request_retransmitted(at_), {});
    sees("", response(0, 486), busy(0));
    sees("I18", Event::request_retransmitted(at_), {});
    sees("", Event::timer(AgeMs{500}), {Action::retransmit_response()});
    sees("I18", Event::timer(AgeMs{1000}), {Action::retransmit_response()});
    sees("", Event::ack(AgeMs{1100}), {});
    sees("I18", Event::timer(AgeMs{3500}), {Action::retransmit_response()});
  }

  void i19_catches_an_action_after_the_end() {
    begin(checker_, 1);
    sees("", response(0, 200), {Action::relay_response(b(0), 200)});
    const OrderChecker before = checker_;
    sees("I19", Event::timer(AgeMs{32000}), {Action::end(), Action::retransmit_response()});
    checker_ = before;
    sees("", Event::timer(AgeMs{32000}), {Action::end()});
    sees("I19", Event::ack(AgeMs{32000}), {Action::retransmit_response()});
  }

  void o6_o7_catch_a_wrong_order() {
    begin(checker_, 3);
    sees("", response(1, 180), {Action::relay_response(b(1), 180)});
    sees("", response(2, 180), {Action::relay_response(b(2), 180)});
    const OrderChecker before = checker_;
    const Action relay = Action::relay_response(b(0), 200);
    const auto lost = [](std::uint8_t i) {
      return Action::cancel_branch(BranchIndex{i}, CancelReason::kCompletedElsewhere, 200);
    };
    sees("O7", response(0, 200), {relay, lost(2), lost(1)});
    checker_ = before;
    CPPUNIT_ASSERT(!observe(response(0, 200), {lost(1), lost(2), relay}).empty());
    checker_ = before;
    sees("", response(0, 200), {relay, lost(1), lost(2)});
  }

  void o11_catches_a_premature_487() {
    begin(checker_, 1);
    sees("", response(0, 180), {Action::relay_response(b(0), 180)});
    sees("O11", Event::caller_cancel(at_),
         {Action::answer_cancel(), caller_cancels(0), Action::respond_local(487)});
  }

 private:
  static BranchIndex b(std::uint8_t i) { return BranchIndex{i}; }
  static Action caller_cancels(std::uint8_t i) { return Action::cancel_branch(b(i), CancelReason::kCaller); }
  // What a lone branch's 486 leads to.
  static std::vector<Action> busy(std::uint8_t i) {
    return {Action::ack_branch(b(i)), Action::store_final(b(i)), Action::respond_best(b(i), 486)};
  }
  Event response(std::uint8_t branch, Status status) const { return Event::response(at_, b(branch), status); }

  // The rule that was broken, without the text.
  std::string observe(const Event& event, const std::vector<Action>& list) {
    ActionList actions;
    for (const Action& action : list) actions.push_back(action);
    const std::string broken = checker_.observe(event, actions);
    return broken.substr(0, broken.find(':'));
  }

  void sees(const char* rule, const Event& event, const std::vector<Action>& actions) {
    CPPUNIT_ASSERT_EQUAL(std::string(rule), observe(event, actions));
  }

  OrderChecker checker_;
  const AgeMs at_{0};
};

CPPUNIT_TEST_SUITE_REGISTRATION(InvariantTest);

}  // namespace lockstep::transaction
