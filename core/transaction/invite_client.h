// invite_client.h: the INVITE client transaction of a branch, RFC 3261 figure 5 as amended by RFC 6026.
#pragma once

#include "core/transaction/machine.h"

namespace lockstep::transaction {

// REQUIRES: kStart only in kInitial, and nothing else there. Never touches the branch's CANCEL or its final
// status: those are the context's to record.
[[nodiscard]] ClientResult step_invite_client(Branch& branch, BranchIndex index, const ClientInput& input,
                                              const Settings& settings, ActionList& actions);

}  // namespace lockstep::transaction
