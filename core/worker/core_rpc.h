// core_rpc.h: the procedures that belong to no module: core.*, corex.*, system.*, stats.*, jsonrpc.echo.
// Shapes are Kamailio's; core.psa has one member more, "restarts".
#pragma once

#include "core/worker/rpc.h"
#include "core/worker/server_view.h"

namespace lockstep::worker {

// Both references are kept by the handlers: they must outlive the registry's use.
void register_core_rpc(RpcRegistry& registry, ServerView& server);

// The stats.* part of it.
void register_stats_rpc(RpcRegistry& registry, ServerView& server);

}  // namespace lockstep::worker
