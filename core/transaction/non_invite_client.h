// non_invite_client.h: the non-INVITE client transaction of a branch, RFC 3261 figure 6.
#pragma once

#include "core/transaction/machine.h"

namespace lockstep::transaction {

// REQUIRES: kStart only in kInitial, and nothing else there.
[[nodiscard]] ClientResult step_non_invite_client(Branch& branch, BranchIndex index, const ClientInput& input,
                                                  const Settings& settings, ActionList& actions);

}  // namespace lockstep::transaction
