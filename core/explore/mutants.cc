// mutants.cc: which mutation breaks which invariant, where it shows, and the run over all of them.
#include "core/explore/mutants.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdio>

#include "core/base/mutation.h"
#include "core/explore/jobs.h"

namespace lockstep::explore {

#ifndef LOCKSTEP_MUTATIONS

namespace {
constexpr const char* kNone = "this binary has no mutations; `make mutants` builds one that has\n";
}

std::string set_mutation(const std::string& name) { return name.empty() ? "" : kNone; }

int run_mutants(const Job&, const std::vector<std::string>&, unsigned) {
  std::fprintf(stderr, "lockstep: %s", kNone);
  return 2;
}

#else

namespace {

struct Mutant {
  const char* invariant;
  const char* name;
  Mutation mutation;
  const char* scenario;
  const char* late_2xx = "forward";
  bool needs_death = false;  // Shows only where a worker dies.
};

constexpr Mutant kMutants[] = {
    {"I1", "wire-reversed", Mutation::kWireReversed, "w1"},
    {"I1", "released-before-sent", Mutation::kReleasedBeforeSent, "w2"},
    {"I1", "sent-before-commit", Mutation::kSentBeforeCommit, "w1"},
    {"I2", "second-final", Mutation::kSecondFinal, "w4"},
    {"I3", "trying-relayed", Mutation::kTryingRelayed, "trying"},
    {"I3", "provisional-after-final", Mutation::kProvisionalAfterFinal, "w1"},
    {"I4", "disposition-forgotten", Mutation::kDispositionForgotten, "w24", "drop"},
    {"I5", "cancel-before-ringing", Mutation::kCancelBeforeRinging, "w1"},
    {"I6", "no-look-ahead", Mutation::kNoLookAhead, "ticket"},
    {"I6", "cancel-after-final", Mutation::kCancelAfterFinal, "w4"},
    {"I7", "cancel-twice", Mutation::kCancelTwice, "w10"},
    {"I7", "cancel-other-via", Mutation::kCancelOtherVia, "w10"},
    {"I7", "cancel-other-cseq", Mutation::kCancelOtherCSeq, "w10"},
    {"I8", "owed-forgotten", Mutation::kOwedForgotten, "w1"},
    {"I8", "owed-not-noted", Mutation::kOwedNotNoted, "w9"},
    {"I9", "no-withdrawal", Mutation::kNoWithdrawal, "ticket"},
    {"I9", "late-policy-ignored", Mutation::kLatePolicyIgnored, "ticket", "terminate"},
    {"I10", "bye-before-ack", Mutation::kByeBeforeAck, "ticket", "terminate"},
    {"I10", "no-ack-again", Mutation::kNoAckAgain, "w26", "terminate"},
    {"I11", "no-ack-to-failure", Mutation::kNoAckToFailure, "w23"},
    {"I11", "no-ack-to-repetition", Mutation::kNoAckToRepetition, "w25"},
    {"I11", "success-acked", Mutation::kSuccessAcked, "w7"},
    {"I12", "cancel-answered-twice", Mutation::kCancelAnsweredTwice, "w7"},
    {"I12", "cancel-unanswered", Mutation::kCancelUnanswered, "w8"},
    {"I12", "no-final-after-cancel", Mutation::kNoFinalAfterCancel, "w10"},
    {"I13", "best-too-early", Mutation::kBestTooEarly, "w23"},
    {"I13", "unavailable-relayed", Mutation::kUnavailableRelayed, "unavailable"},
    {"I13", "challenges-dropped", Mutation::kChallengesDropped, "challenges"},
    {"I13", "global-failure-unranked", Mutation::kGlobalFailureUnranked, "w23-6xx"},
    {"I14", "global-failure-forgotten", Mutation::kGlobalFailureForgotten, "w14-6xx"},
    {"I14", "no-success-after-6xx", Mutation::kNoSuccessAfterGlobalFailure, "6xx-200"},
    {"I15", "repetition-in-accepted", Mutation::kRepetitionInAccepted, "invite-again"},
    {"I15", "stray-forwarded", Mutation::kStrayForwarded, "w11"},
    {"I16", "invite-repeated-while-ringing", Mutation::kInviteRepeatedWhileRinging, "timer-a"},
    {"I17", "timer-c-not-rearmed", Mutation::kTimerCNotRearmed, "timer-c"},
    {"I17", "timer-c-without-cancel", Mutation::kTimerCWithoutCancel, "timer-c"},
    {"I18", "nothing-repeated", Mutation::kNothingRepeated, "invite-again"},
    {"I18", "timer-g-not-doubled", Mutation::kTimerGNotDoubled, "timer-g"},
    {"I19", "entry-kept", Mutation::kEntryKept, "w3"},
    {"I19", "node-leaked", Mutation::kNodeLeaked, "w21"},
    {"I19", "slot-leaked", Mutation::kSlotLeaked, "w21"},
    {"I19", "no-timer", Mutation::kNoTimer, "w21"},
    {"I20", "sent-twice-after-death", Mutation::kSentTwiceAfterDeath, "w1", "forward", true},
    {"I20", "forgotten-after-death", Mutation::kForgottenAfterDeath, "w1", "forward", true},
    {"I20", "worked-twice-after-death", Mutation::kWorkedTwiceAfterDeath, "w4", "forward", true},
    {"I20", "unsent-after-death", Mutation::kUnsentAfterDeath, "w1", "forward", true},
    {"I20", "withdrawn-sent-after-death", Mutation::kWithdrawnSentAfterDeath, "w3", "forward", true},
    {"I20", "modules-not-mended", Mutation::kModulesNotMended, "registers-while-forking", "forward", true},
    {"registrar", "target-forgotten", Mutation::kTargetForgotten, "registers-while-forking"},
    {"registrar", "stateless-unanswered", Mutation::kStatelessUnanswered, "registers-while-forking"},
};

std::string file_of(const std::vector<std::string>& files, const char* scenario) {
  for (const std::string& file : files) {
    if (file == scenario || file.ends_with(fmt::format("/{}.scenario", scenario))) return file;
  }
  return {};
}

std::string others_of(const Findings& findings, const std::string& invariant) {
  std::string text;
  for (const auto& [rule, find] : findings.finds) {
    if (rule != invariant) text += (text.empty() ? "" : " ") + rule;
  }
  return text;
}

class Run {
 public:
  // Empty, or the scenario that is missing.
  std::string prepare(const Job& base, const std::vector<std::string>& files) {
    for (const Mutant& mutant : kMutants) {
      Job job = base;
      job.file = file_of(files, mutant.scenario);
      if (job.file.empty()) return mutant.scenario;
      job.late_2xx = mutant.late_2xx;
      job.is_crash = mutant.needs_death;
      add_control(job);
      job.mutation = mutant.name;
      job.stop_at = mutant.invariant;
      jobs_.push_back(job);
    }
    mutated_ = jobs_.size();
    jobs_.insert(jobs_.end(), controls_.begin(), controls_.end());
    return {};
  }

  int run(unsigned cpus) {
    fmt::print("{:<9} {:<30} {:<13} {:<10} {:>10}  {}\n", "invariant", "mutation", "scenario", "policy",
               "executions", "named as well");
    run_jobs(jobs_, cpus, [this](const Job& job, const JobResult& result) {
      job.mutation.empty() ? tell_control(job, result) : tell(job, result);
      std::fflush(stdout);
    });
    fmt::print("{} of {} mutations caught; without one {} executions of {} scenarios, {} violations\n",
               caught_, mutated_, control_executions_, controls_.size(), control_violations_);
    return caught_ == mutated_ && control_violations_ == 0 ? 0 : 1;
  }

 private:
  void add_control(const Job& job) {
    const bool is_known = std::any_of(controls_.begin(), controls_.end(), [&job](const Job& one) {
      return one.file == job.file && one.late_2xx == job.late_2xx && one.is_crash == job.is_crash;
    });
    if (!is_known) controls_.push_back(job);
  }

  void tell(const Job& job, const JobResult& result) {
    const std::string scenario = name_of_files(job.file);
    const bool is_caught = result.findings.finds.contains(job.stop_at);
    if (is_caught) ++caught_;
    fmt::print("{:<9} {:<30} {:<13} {:<10} {:>10}  {}\n", job.stop_at, job.mutation, scenario, job.late_2xx,
               is_caught ? fmt::format("{}", result.findings.figures.executions + result.findings.kills)
                         : "NOT CAUGHT",
               others_of(result.findings, job.stop_at));
    if (!result.problem.empty()) fmt::print("          {}", result.problem);
  }

  void tell_control(const Job& job, const JobResult& result) {
    control_executions_ += result.findings.figures.executions;
    control_violations_ += result.findings.violations + (result.problem.empty() ? 0 : 1);
    if (!result.problem.empty()) fmt::print("          {}", result.problem);
    for (const auto& [rule, find] : result.findings.finds) fmt::print("{}", table_find(job, rule, find));
  }

  std::vector<Job> jobs_;
  std::vector<Job> controls_;
  std::size_t mutated_ = 0;
  std::size_t caught_ = 0;
  std::uint64_t control_executions_ = 0;
  std::uint64_t control_violations_ = 0;
};

}  // namespace

std::string set_mutation(const std::string& name) {
  active_mutation = Mutation::kNone;
  if (name.empty()) return {};
  std::string known;
  for (const Mutant& mutant : kMutants) {
    if (name == mutant.name) return active_mutation = mutant.mutation, "";
    known += fmt::format("  {:<4} {}\n", mutant.invariant, mutant.name);
  }
  return fmt::format("the mutation '{}' is not known; these are:\n{}", name, known);
}

int run_mutants(const Job& base, const std::vector<std::string>& files, unsigned cpus) {
  Run run;
  if (const std::string missing = run.prepare(base, files); !missing.empty()) {
    std::fprintf(stderr, "lockstep: the scenario %s is expected among the arguments\n", missing.c_str());
    return 2;
  }
  return run.run(cpus);
}

#endif

}  // namespace lockstep::explore
