// bye_client.h: the BYE that ends the dialog of a late 2xx (O14): a non-INVITE client transaction (RFC 3261
// figure 6) of the proxy itself. Its timers stand where those of the branch's CANCEL stood.
#pragma once

#include "core/transaction/machine.h"

namespace lockstep::transaction {

// Changes `branch` in place and appends actions. Returns why the input was ignored.
[[nodiscard]] Why step_bye_client(Branch& branch, BranchIndex index, const ByeInput& input,
                                  const Settings& settings, ActionList& actions);

}  // namespace lockstep::transaction
