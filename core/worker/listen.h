// listen.h: from `listen`, `port` and -l to the addresses that are served, and from `alias` and the
// host's names to what counts as ourselves. At start only.
#pragma once

#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/script/globals.h"
#include "core/worker/local_names.h"

namespace lockstep::worker {

// "udp:127.0.0.1:5060", "127.0.0.1", "eth0:5070", "udp:0.0.0.0/203.0.113.5:5060". Error: one line.
Result<script::ListenEntry, std::string> parse_listen(std::string_view text);

// Fills sockets and aliases. `warnings` gets a line for each entry that is not served (TCP, TLS).
Result<bool, std::string> resolve_listen(const script::Globals& globals, LocalNames& names,
                                         std::vector<std::string>& warnings);

}  // namespace lockstep::worker
