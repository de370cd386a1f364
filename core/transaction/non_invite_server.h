// non_invite_server.h: the non-INVITE server transaction, RFC 3261 figure 8.
#pragma once

#include "core/transaction/machine.h"

namespace lockstep::transaction {

// REQUIRES: !server.is_invite(); kRequest only in kInitial, and nothing else there.
[[nodiscard]] Why step_non_invite_server(Server& server, const ServerInput& input, const Settings& settings,
                                         ActionList& actions);

}  // namespace lockstep::transaction
