// server.h: builds a whole server from command line and configuration, in the order in which a mistake can
// still be told to the operator, and runs it. Used by main only.
#pragma once

namespace lockstep::worker {

struct Options;

// Reads and compiles the configuration, says what is wrong with it, opens what it needs, and serves until
// told to stop. Returns the exit status: 0, or 255 when it could not start.
int run_server(const Options& options);

}  // namespace lockstep::worker
