// best_response.h: 16.7 step 6, the choice among the finals of all branches, and step 7, the challenges.
#pragma once

#include "core/transaction/state.h"

namespace lockstep::transaction {

// A 6xx if there is one; else the lowest class; within 4xx what lets the caller try again (401, 407, 415,
// 420, 484) first and what says least about the callee (408, 487) last, except that a caller who cancelled is
// told 487 if any branch says so; within 5xx 503 last. Then a received one before a made-up one, the lower
// status, the lower index.
// kNoBranch if no counted branch is final.
BranchIndex find_best_final(const Context& context, const FixedVector<Branch, kBranchMax>& branches);

// The counted branches other than `best` that have a stored 401 or 407; 0 unless `best` is one.
BranchMask find_challenges(const Context& context, const FixedVector<Branch, kBranchMax>& branches,
                           BranchIndex best);

}  // namespace lockstep::transaction
