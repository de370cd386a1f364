// best_response.cc: one number per final; the smallest wins.
#include "core/transaction/best_response.h"

#include "core/base/mutation.h"

namespace lockstep::transaction {

static bool is_challenge(Status status) { return status == 401 || status == 407; }

// Within one class: 0 before 1 before 2 before 3.
static std::uint32_t preference(Status status, bool cancelled_by_caller) {
  switch (status) {
    case 401:
    case 407:
    case 415:
    case 420:
    case 484: return 1;
    case 487: return cancelled_by_caller ? 0 : 3;
    case 408:
    case 503: return 3;
    default: return 2;  // Every other status: an open set.
  }
}

static std::uint32_t rank(const Branch& branch, bool cancelled_by_caller) {
  const Status status = branch.final_status;
  const bool wins = is_global_failure(status) && !mutated(Mutation::kGlobalFailureUnranked);
  const std::uint32_t status_class = wins ? 0U : status / 100U;
  return (((status_class * 4U + preference(status, cancelled_by_caller)) * 2U +
           (branch.final_made_up ? 1U : 0U)) * 1024U) + status;
}

BranchIndex find_best_final(const Context& context, const FixedVector<Branch, kBranchMax>& branches) {
  BranchIndex best = kNoBranch;
  std::uint32_t best_rank = 0xFFFFFFFFU;
  for (std::size_t i = context.first_counted; i < branches.size(); ++i) {
    if (branches[i].is_pending()) continue;
    const std::uint32_t candidate = rank(branches[i], context.cancelled_by_caller);
    if (candidate < best_rank) {
      best_rank = candidate;
      best = branch_index(i);
    }
  }
  return best;
}

BranchMask find_challenges(const Context& context, const FixedVector<Branch, kBranchMax>& branches,
                           BranchIndex best) {
  if (best == kNoBranch || !is_challenge(branches[best.value].final_status)) return 0;
  BranchMask others = 0;
  for (std::size_t i = context.first_counted; i < branches.size(); ++i) {
    const Branch& branch = branches[i];
    if (i == best.value || branch.final_made_up || !is_challenge(branch.final_status)) continue;
    others |= mask_of(branch_index(i));
  }
  return others;
}

}  // namespace lockstep::transaction
