// mutation.h: one step of the code left out or done wrongly, on purpose, so that each invariant of ORDER.md
// is seen to fail: `make mutants` builds a binary that can break itself and has the explorer catch it. Only
// code compiled with LOCKSTEP_MUTATIONS has any; elsewhere mutated() is constant, and nothing is left of it.
// Included by .cc files only: those are compiled a second time.
#pragma once

#include <cstdint>

namespace lockstep {

enum class Mutation : std::uint8_t {
  kNone,
  kWireReversed,            // I1: the outbox is handed over from its end.
  kReleasedBeforeSent,      // I1: the call is let go before its datagrams have left.
  kSentBeforeCommit,        // I1: they leave before the decision is in force.
  kSecondFinal,             // I2: a 2xx leaves the server transaction open for another final.
  kTryingRelayed,           // I3: a 100 goes up.
  kProvisionalAfterFinal,   // I3: a 1xx goes up after a 2xx.
  kDispositionForgotten,    // I4: a repeated 2xx is decided on anew.
  kCancelBeforeRinging,     // I5: CANCEL though no 1xx came.
  kNoLookAhead,             // I6: what is in hand is not seen.
  kCancelAfterFinal,        // I6: CANCEL though the branch has its final.
  kCancelTwice,             // I7: a second cause sends a second CANCEL.
  kCancelOtherVia,          // I7: the CANCEL has a branch parameter of its own.
  kCancelOtherCSeq,         // I7: and a number of its own.
  kOwedForgotten,           // I8: a 1xx does not pay the CANCEL that is owed.
  kOwedNotNoted,            // I8: a branch that does not ring yet is passed over.
  kNoWithdrawal,            // I9: a CANCEL that is decided is sent, whatever has come since.
  kLatePolicyIgnored,       // I9: a late 2xx is relayed under any policy.
  kByeBeforeAck,            // I10
  kNoAckAgain,              // I10: a repeated 2xx of a terminated dialog is not acknowledged.
  kNoAckToFailure,          // I11: nor a non-2xx final.
  kNoAckToRepetition,       // I11: nor one that comes again.
  kSuccessAcked,            // I11: a 2xx that is relayed is acknowledged as well.
  kCancelAnsweredTwice,     // I12: the caller's CANCEL after a final gets two 200s.
  kCancelUnanswered,        // I12: the caller's CANCEL gets no 200.
  kNoFinalAfterCancel,      // I12: a cancelled call of which all branches have ended is left without a final.
  kBestTooEarly,            // I13: the first failure goes up while a branch rings.
  kUnavailableRelayed,      // I13: a lone 503 goes up as it is.
  kChallengesDropped,       // I13: only one branch's challenge goes up.
  kGlobalFailureUnranked,   // I13: a 6xx is ranked by its class.
  kGlobalFailureForgotten,  // I14: the context stays open after a 6xx.
  kNoSuccessAfterGlobalFailure,  // I14: a 2xx after a 6xx is dropped.
  kRepetitionInAccepted,         // I15: an INVITE that comes again has its response repeated after a 2xx.
  kStrayForwarded,               // I15: a response that matches nothing goes up.
  kInviteRepeatedWhileRinging,   // I16: a 1xx does not stop Timer A.
  kTimerCNotRearmed,             // I17: only the first 1xx counts.
  kTimerCWithoutCancel,          // I17: a 408 though a 1xx came.
  kNothingRepeated,              // I18: an INVITE that comes again is not answered.
  kTimerGNotDoubled,             // I18
  kEntryKept,                    // I19: a call is not let go.
  kNodeLeaked,                   // I19: the node of a worked event is not freed.
  kSlotLeaked,                   // I19: nor the slots that waited for the flush.
  kNoTimer,                      // I19: a transaction is not armed.
  kSentTwiceAfterDeath,          // I20: a replacement sends what had left.
  kForgottenAfterDeath,          // I20: it leaves out what was received and not admitted.
  kWorkedTwiceAfterDeath,        // I20: it works an event that was committed once more.
  kUnsentAfterDeath,             // I20: it does not send what was committed and had not left.
  kWithdrawnSentAfterDeath,      // I20: it sends what a committed decision had taken back.
  kModulesNotMended,             // I20: nor does it have modules mend what they lock.
  kTargetForgotten,              // registrar: of several contacts the last is not called.
  kStatelessUnanswered,          // registrar: what is answered without a transaction is not sent.
};

#ifdef LOCKSTEP_MUTATIONS
// Set before the workers are forked.
extern Mutation active_mutation;
inline bool mutated(Mutation which) { return active_mutation == which; }
#else
constexpr bool mutated(Mutation) { return false; }
#endif

}  // namespace lockstep
