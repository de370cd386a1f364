// best_response_test.cc: 16.7 step 6 as a table: the finals of the branches, and which of them goes up.
#include <cppunit/extensions/HelperMacros.h>

#include <initializer_list>

#include "core/transaction/timers.h"
#include "test/unit/core/transaction/printing.h"

namespace lockstep::transaction {

class BestResponseTest : public CPPUNIT_NS::TestFixture {
  CPPUNIT_TEST_SUITE(BestResponseTest);
  CPPUNIT_TEST(best_response_table);
  CPPUNIT_TEST(caller_who_cancelled_is_told_487);
  CPPUNIT_TEST(received_goes_before_made_up);
  CPPUNIT_TEST(pending_and_uncounted_branches_do_not_count);
  CPPUNIT_TEST(equal_deadlines_fire_in_the_documented_order);
  CPPUNIT_TEST(ages_saturate_below_never);
  CPPUNIT_TEST_SUITE_END();

 public:
  void best_response_table() {
    CPPUNIT_ASSERT_EQUAL(603, best_of({404, 603, 302}));
    CPPUNIT_ASSERT_EQUAL(302, best_of({500, 404, 302}));
    CPPUNIT_ASSERT_EQUAL(404, best_of({500, 404, 503}));
    CPPUNIT_ASSERT_EQUAL(407, best_of({404, 407, 486}));
    CPPUNIT_ASSERT_EQUAL(415, best_of({400, 415}));
    CPPUNIT_ASSERT_EQUAL(420, best_of({404, 420}));
    CPPUNIT_ASSERT_EQUAL(484, best_of({404, 484}));
    CPPUNIT_ASSERT_EQUAL(486, best_of({408, 487, 486}));
    CPPUNIT_ASSERT_EQUAL(504, best_of({503, 504}));
    CPPUNIT_ASSERT_EQUAL(503, best_of({503, 503}));
    CPPUNIT_ASSERT_EQUAL(0, best_of({}));
  }

  void caller_who_cancelled_is_told_487() {
    State state = state_of({404, 487, 401});
    state.context.cancelled_by_caller = true;
    CPPUNIT_ASSERT_EQUAL(1, static_cast<int>(best_final(state).value));
    state.branches[0].final_status = 600;
    CPPUNIT_ASSERT_EQUAL(0, static_cast<int>(best_final(state).value));
  }

  void received_goes_before_made_up() {
    State state = state_of({408, 408});
    state.branches[0].final_made_up = true;
    CPPUNIT_ASSERT_EQUAL(1, static_cast<int>(best_final(state).value));
  }

  void pending_and_uncounted_branches_do_not_count() {
    State state = state_of({302, 0, 500});
    state.context.first_counted = 1;
    CPPUNIT_ASSERT_EQUAL(2, static_cast<int>(best_final(state).value));
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, pending_branch_count(state));
  }

  void equal_deadlines_fire_in_the_documented_order() {
    const AgeMs at{100};
    State state = state_of({0, 0});
    state.server.end_at = state.server.retransmit_at = state.context.guard_at = at;
    for (Branch& branch : state.branches) {
      branch.cancel_timeout_at = branch.timeout_at = branch.cancel_retransmit_at = branch.retransmit_at = at;
    }
    std::string order;
    for (DueTimer due = earliest_timer(state); due.kind != TimerKind::kNone; due = earliest_timer(state)) {
      order += std::to_string(static_cast<int>(due.kind)) + " ";
      clear(state, due);
    }
    CPPUNIT_ASSERT_EQUAL(std::string("1 2 3 4 5 6 7 4 5 6 7 "), order);
  }

  void ages_saturate_below_never() {
    CPPUNIT_ASSERT(AgeMs{5} + DurationMs{7} == AgeMs{12});
    CPPUNIT_ASSERT(AgeMs{5} + DurationMs{kNever.value} < kNever);
    CPPUNIT_ASSERT(kNever + DurationMs{0} < kNever);
    CPPUNIT_ASSERT(doubled(DurationMs{3}, DurationMs{5}) == DurationMs{5});
    CPPUNIT_ASSERT(doubled(DurationMs{0x80000000U}, DurationMs{kNever.value}) == DurationMs{kNever.value});
  }

 private:
  static State state_of(std::initializer_list<Status> finals) {
    State state;
    for (const Status status : finals) {
      Branch branch;
      branch.final_status = status;
      state.branches.push_back(branch);
    }
    return state;
  }

  static int best_of(std::initializer_list<Status> finals) {
    const State state = state_of(finals);
    const BranchIndex best = best_final(state);
    return best == kNoBranch ? 0 : state.branches[best.value].final_status;
  }

  static void clear(State& state, const DueTimer& due) {
    Branch* branch = due.branch == kNoBranch ? nullptr : &state.branches[due.branch.value];
    switch (due.kind) {
      case TimerKind::kServerEnd: state.server.end_at = kNever; break;
      case TimerKind::kServerRetransmit: state.server.retransmit_at = kNever; break;
      case TimerKind::kGuard: state.context.guard_at = kNever; break;
      case TimerKind::kCancelTimeout: branch->cancel_timeout_at = kNever; break;
      case TimerKind::kBranchTimeout: branch->timeout_at = kNever; break;
      case TimerKind::kCancelRetransmit: branch->cancel_retransmit_at = kNever; break;
      case TimerKind::kBranchRetransmit: branch->retransmit_at = kNever; break;
      case TimerKind::kNone: break;
    }
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(BestResponseTest);

}  // namespace lockstep::transaction
