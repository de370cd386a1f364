// commands.h: `lockstep ladder`, `why`, `calls`, `record`, `replay`: what people ask of the order log.
#pragma once

namespace lockstep::order {

// Whether the first argument names one of them.
bool is_command(int argc, char** argv);

// Runs it. 0: done; 1: done, but a call is unknown, or a replay departed from what was recorded; 2: wrong
// usage; 255: it could not be done.
int run_command(int argc, char** argv);

}  // namespace lockstep::order
