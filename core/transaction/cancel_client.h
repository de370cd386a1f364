// cancel_client.h: the CANCEL of a branch, ORDER.md O8 over RFC 3261 section 9.1 and figure 6.
#pragma once

#include "core/transaction/machine.h"

namespace lockstep::transaction {

// Sending the CANCEL also bounds the wait for the INVITE's final (branch.timeout_at, 9.1).
// REQUIRES: `branch` is of an INVITE and was forwarded.
[[nodiscard]] Why step_cancel_client(Branch& branch, BranchIndex index, const CancelInput& input,
                                     const Settings& settings, ActionList& actions);

}  // namespace lockstep::transaction
