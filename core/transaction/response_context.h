// response_context.h: RFC 3261 16.7 over the branches of one request: what goes up, when, and who is
// cancelled. The transaction user of the machines. transaction.cc gives it every event but kTimer, which it
// splits into the deadline that is due.
#pragma once

#include "core/transaction/action.h"
#include "core/transaction/event.h"
#include "core/transaction/machine.h"
#include "core/transaction/settings.h"
#include "core/transaction/state.h"
#include "core/transaction/timers.h"

namespace lockstep::transaction {

// One decision in the making.
struct Decision {
  State& state;
  const Event& event;
  const Settings& settings;
  ActionList& actions;
};

// Each returns why the event was ignored, kNone if it was not. Those that take a branch index:
// REQUIRES: the index names a branch.
[[nodiscard]] Why on_create(const Decision& decision);
[[nodiscard]] Why on_add_branch(const Decision& decision);
[[nodiscard]] Why on_no_branches(const Decision& decision);
[[nodiscard]] Why on_local_provisional(const Decision& decision);
[[nodiscard]] Why on_local_final(const Decision& decision);
[[nodiscard]] Why on_arm_failure_route(const Decision& decision);
[[nodiscard]] Why on_verdict(const Decision& decision);
[[nodiscard]] Why on_release(const Decision& decision);
[[nodiscard]] Why on_caller_cancel(const Decision& decision);
[[nodiscard]] Why on_cancel_wanted(const Decision& decision, BranchIndex index);
// openser13: Settings::cancels_apart.
[[nodiscard]] Why on_cancel_picked(const Decision& decision, BranchIndex index);
// Nobody came to say what is to become of the request: ends the wait.
[[nodiscard]] Why on_guard(const Decision& decision);
[[nodiscard]] Why on_server_input(const Decision& decision, ServerInputKind kind);
[[nodiscard]] Why on_client_input(const Decision& decision, BranchIndex index, ClientInputKind kind);
[[nodiscard]] Why on_cancel_input(const Decision& decision, BranchIndex index, CancelInputKind kind);
[[nodiscard]] Why on_bye_input(const Decision& decision, BranchIndex index, ByeInputKind kind);

}  // namespace lockstep::transaction
