// cancel_golden_test.cc: every (state, input) pair of the CANCEL machine, and its two ways out of `none`.
// A line: state input -> next [actions] E=deadline F=deadline wait=deadline of the INVITE, or (why ignored).
// In `sent` E=F=2000 (interval 500); the INVITE's own deadline is 7000; the input comes at 2000.
#include <cppunit/extensions/HelperMacros.h>

#include "core/transaction/cancel_client.h"
#include "test/unit/core/transaction/printing.h"

namespace lockstep::transaction {
namespace {

Branch branch_in(CancelState cancel, Status provisional_status) {
  Branch branch;
  branch.state = provisional_status == 0 ? ClientState::kCalling : ClientState::kProceeding;
  branch.provisional_status = provisional_status;
  branch.timeout_at = AgeMs{7000};
  branch.cancel = cancel;
  if (cancel != CancelState::kNone) branch.cancel_reason = CancelReason::kCaller;
  if (cancel == CancelState::kHeld) branch.cancel_timeout_at = AgeMs{2000};
  if (cancel == CancelState::kSent) {
    branch.cancel_interval = DurationMs{500};
    branch.cancel_retransmit_at = AgeMs{2000};
    branch.cancel_timeout_at = AgeMs{2000};
  }
  return branch;
}

std::string line_of(Branch branch, CancelInputKind kind, DurationMs hold = {}, bool unsent = false) {
  const Branch before = branch;
  ActionList actions;
  const CancelInput input{kind, AgeMs{2000}, CancelReason::kGlobalFailure, 603, hold, {}, unsent};
  const Why why = step_cancel_client(branch, BranchIndex{3}, input, Settings{}, actions);
  std::string line = without_k(name_of(before.cancel)) + " " + without_k(name_of(kind)) + " -> ";
  if (why != Why::kNone) {
    CPPUNIT_ASSERT_MESSAGE(line + " is ignored, but changed the record", branch == before && actions.empty());
    return line + "(" + without_k(name_of(why)) + ")\n";
  }
  return line + without_k(name_of(branch.cancel)) + " [" + to_text(actions, "; ") + "] E=" +
         to_text(branch.cancel_retransmit_at) + " F=" + to_text(branch.cancel_timeout_at) +
         " wait=" + to_text(branch.timeout_at) + "\n";
}

const char* const kGolden = R"(
None Wanted -> Sent [CancelBranch 3 603 GlobalFailure] E=2500 F=34000 wait=34000
None Provisional -> (NoCancel)
None Final -> (NoCancel)
None AnswerProvisional -> (NoCancel)
None AnswerFinal -> (NoCancel)
None TimerRetransmit -> (NotDue)
None TimerTimeout -> (NotDue)
None TransportError -> (NoCancel)
Owed Wanted -> (CancelNotNeeded)
Owed Provisional -> Sent [CancelBranch 3 Caller] E=2500 F=34000 wait=34000
Owed Final -> None [] E=- F=- wait=7000
Owed AnswerProvisional -> (NoCancel)
Owed AnswerFinal -> (NoCancel)
Owed TimerRetransmit -> (NotDue)
Owed TimerTimeout -> (NotDue)
Owed TransportError -> (NoCancel)
Held Wanted -> (CancelNotNeeded)
Held Provisional -> (NoCancel)
Held Final -> None [WithdrawCancel 3] E=- F=- wait=7000
Held AnswerProvisional -> (NoCancel)
Held AnswerFinal -> (NoCancel)
Held TimerRetransmit -> (NotDue)
Held TimerTimeout -> Sent [CancelBranch 3 Caller] E=2500 F=34000 wait=34000
Held TransportError -> (NoCancel)
Sent Wanted -> (CancelNotNeeded)
Sent Provisional -> (NoCancel)
Sent Final -> Answered [] E=- F=- wait=7000
Sent AnswerProvisional -> Sent [] E=2000 F=2000 wait=7000
Sent AnswerFinal -> Answered [] E=- F=- wait=7000
Sent TimerRetransmit -> Sent [RetransmitCancel 3] E=3000 F=2000 wait=7000
Sent TimerTimeout -> Expired [] E=- F=- wait=7000
Sent TransportError -> Expired [] E=- F=- wait=7000
Answered Wanted -> (CancelNotNeeded)
Answered Provisional -> (NoCancel)
Answered Final -> (NoCancel)
Answered AnswerProvisional -> (NoCancel)
Answered AnswerFinal -> (NoCancel)
Answered TimerRetransmit -> (NotDue)
Answered TimerTimeout -> (NotDue)
Answered TransportError -> (NoCancel)
Expired Wanted -> (CancelNotNeeded)
Expired Provisional -> (NoCancel)
Expired Final -> (NoCancel)
Expired AnswerProvisional -> (NoCancel)
Expired AnswerFinal -> (NoCancel)
Expired TimerRetransmit -> (NotDue)
Expired TimerTimeout -> (NotDue)
Expired TransportError -> (NoCancel)
)";

}  // namespace

class CancelGoldenTest : public CPPUNIT_NS::TestFixture {
  CPPUNIT_TEST_SUITE(CancelGoldenTest);
  CPPUNIT_TEST(cancel_machine_follows_o8);
  CPPUNIT_TEST(wanted_before_a_1xx_is_owed);
  CPPUNIT_TEST(a_due_cancel_may_be_held);
  CPPUNIT_TEST(a_cancel_that_was_not_handed_over_is_withdrawn);
  CPPUNIT_TEST(a_repetition_that_was_not_handed_over_is_withdrawn);
  CPPUNIT_TEST(with_the_final_in_hand_nothing_is_repeated);
  CPPUNIT_TEST(wanted_after_a_final_is_not_needed);
  CPPUNIT_TEST(timer_e_stays_at_t2_after_a_1xx_to_the_cancel);
  CPPUNIT_TEST(reliable_transport_repeats_no_cancel);
  CPPUNIT_TEST_SUITE_END();

 public:
  void cancel_machine_follows_o8() {
    std::string table;
    for (const CancelState state : {CancelState::kNone, CancelState::kOwed, CancelState::kHeld,
                                    CancelState::kSent, CancelState::kAnswered, CancelState::kExpired}) {
      for (std::size_t i = 0; i < kCancelInputKindCount; ++i) {
        const Status provisional_status = state == CancelState::kOwed ? 0 : 180;
        table += line_of(branch_in(state, provisional_status), static_cast<CancelInputKind>(i));
      }
    }
    CPPUNIT_ASSERT_EQUAL(std::string(kGolden), "\n" + table);
  }

  // 9.1: "If no provisional response has been received, the CANCEL request MUST NOT be sent".
  void wanted_before_a_1xx_is_owed() {
    CPPUNIT_ASSERT_EQUAL(std::string("None Wanted -> Owed [] E=- F=- wait=7000\n"),
                         line_of(branch_in(CancelState::kNone, 0), CancelInputKind::kWanted));
  }

  // O9: due, but kept back for 20 ms.
  void a_due_cancel_may_be_held() {
    CPPUNIT_ASSERT_EQUAL(
        std::string("None Wanted -> Held [] E=- F=2020 wait=7000\n"),
        line_of(branch_in(CancelState::kNone, 180), CancelInputKind::kWanted, DurationMs{20}));
    CPPUNIT_ASSERT_EQUAL(
        std::string("Owed Provisional -> Held [] E=- F=2020 wait=7000\n"),
        line_of(branch_in(CancelState::kOwed, 180), CancelInputKind::kProvisional, DurationMs{20}));
    CPPUNIT_ASSERT_EQUAL(std::string("None Wanted -> Owed [] E=- F=- wait=7000\n"),
                         line_of(branch_in(CancelState::kNone, 0), CancelInputKind::kWanted, DurationMs{20}));
  }

  // O9: made, but still here when the final comes.
  void a_cancel_that_was_not_handed_over_is_withdrawn() {
    CPPUNIT_ASSERT_EQUAL(std::string("Sent Final -> None [WithdrawCancel 3] E=- F=- wait=7000\n"),
                         line_of(branch_in(CancelState::kSent, 180), CancelInputKind::kFinal, {}, true));
  }

  // And so its repetition; the CANCEL itself was sent.
  void a_repetition_that_was_not_handed_over_is_withdrawn() {
    Branch branch = branch_in(CancelState::kSent, 180);
    ActionList actions;
    const CancelInput repeat{CancelInputKind::kTimerRetransmit, AgeMs{1900}};
    CPPUNIT_ASSERT(step_cancel_client(branch, BranchIndex{0}, repeat, Settings{}, actions) == Why::kNone);
    CPPUNIT_ASSERT_EQUAL(std::string("Sent Final -> Answered [WithdrawCancel 3] E=- F=- wait=7000\n"),
                         line_of(branch, CancelInputKind::kFinal, {}, true));
    for (const CancelState state : {CancelState::kAnswered, CancelState::kExpired}) {
      Branch ended = branch_in(state, 180);
      CancelInput input{CancelInputKind::kFinal, AgeMs{2000}};
      input.unsent = true;
      ActionList withdrawn;
      CPPUNIT_ASSERT(step_cancel_client(ended, BranchIndex{0}, input, Settings{}, withdrawn) == Why::kNone);
      CPPUNIT_ASSERT_EQUAL(std::size_t{1}, withdrawn.size());
      CPPUNIT_ASSERT(withdrawn[0].kind == ActionKind::kWithdrawCancel);
      CPPUNIT_ASSERT(ended.cancel == state);
    }
  }

  // O9: no CANCEL is repeated to a phone whose final is in hand, and none before the first has left.
  void with_the_final_in_hand_nothing_is_repeated() {
    const auto is_later = [](CancelInput input, std::uint32_t at) {
      Branch branch = branch_in(CancelState::kSent, 180);
      ActionList actions;
      CPPUNIT_ASSERT(step_cancel_client(branch, BranchIndex{0}, input, Settings{}, actions) == Why::kNone);
      CPPUNIT_ASSERT(actions.empty());
      CPPUNIT_ASSERT(branch.cancel == CancelState::kSent);
      CPPUNIT_ASSERT_EQUAL(at, branch.cancel_retransmit_at.value);
    };
    CancelInput input{CancelInputKind::kTimerRetransmit, AgeMs{2000}};
    input.in_hand_for = DurationMs{50};
    is_later(input, 2050);
    input.in_hand_for = {};
    input.unsent = true;
    is_later(input, 2500);
  }

  void wanted_after_a_final_is_not_needed() {
    Branch branch = branch_in(CancelState::kNone, 180);
    branch.final_status = 486;
    CPPUNIT_ASSERT_EQUAL(std::string("None Wanted -> (CancelNotNeeded)\n"),
                         line_of(branch, CancelInputKind::kWanted));
  }

  void timer_e_stays_at_t2_after_a_1xx_to_the_cancel() {
    Branch branch = branch_in(CancelState::kSent, 180);
    ActionList actions;
    const BranchIndex index{0};
    const CancelInput trying{CancelInputKind::kAnswerProvisional, AgeMs{1900}};
    CPPUNIT_ASSERT(step_cancel_client(branch, index, trying, Settings{}, actions) == Why::kNone);
    CPPUNIT_ASSERT_EQUAL(
        std::string("Sent TimerRetransmit -> Sent [RetransmitCancel 3] E=6000 F=2000 wait=7000\n"),
        line_of(branch, CancelInputKind::kTimerRetransmit));
  }

  void reliable_transport_repeats_no_cancel() {
    Branch branch = branch_in(CancelState::kNone, 180);
    branch.reliable = true;
    CPPUNIT_ASSERT_EQUAL(
        std::string("None Wanted -> Sent [CancelBranch 3 603 GlobalFailure] E=- F=34000 wait=34000\n"),
        line_of(branch, CancelInputKind::kWanted));
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(CancelGoldenTest);

}  // namespace lockstep::transaction
