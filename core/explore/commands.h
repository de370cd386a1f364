// commands.h: `lockstep explore`.
#pragma once

namespace lockstep::explore {

// Whether argv[1] is "explore".
bool is_command(int argc, char** argv);
// 0: explored, nothing broken; 1: something was; 2: a mistake in the arguments, a scenario or a schedule.
int run_command(int argc, char** argv);

}  // namespace lockstep::explore
