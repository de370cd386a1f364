// render.h: what people get to see of a call, each a pure function of the log.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "core/order/scene.h"

namespace lockstep::order {

// For a terminal of `columns`: time, worker, arrows between lanes; decisions as lines between them.
std::string ladder_text(const Scene& scene, std::size_t columns);

// One self-contained page: no script, no font, no link that leads out of it. `why`: prose above the ladder.
std::string ladder_page(const Scene& scene, const std::string& why);

// A pcapng capture: each message a raw IP packet, decisions as comments of the packet they follow.
std::string capture_of(const Log& log, const Scene& scene);

// In prose: who won and why, what became of every CANCEL, what ended each branch.
std::string why_text(const Log& log, const Call& call, const Scene& scene);

// One line for each call, newest last. `all`: also what is no INVITE.
std::string call_list(const Log& log, const std::vector<Call>& calls, bool all);

}  // namespace lockstep::order
