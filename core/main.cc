// main.cc: reads the command line and hands everything to the server, or to a command of the order log.
#include <cstdio>
#include <exception>

#include "core/explore/commands.h"
#include "core/order/commands.h"
#include "core/worker/options.h"
#include "core/worker/server.h"

int main(int argc, char** argv) {
  using lockstep::worker::Options;
  try {
    if (lockstep::explore::is_command(argc, argv)) return lockstep::explore::run_command(argc, argv);
    if (lockstep::order::is_command(argc, argv)) return lockstep::order::run_command(argc, argv);
    const auto options = lockstep::worker::parse_options(argc, argv);
    if (!options) {
      std::fprintf(stderr, "lockstep: %s\n", options.error().c_str());
      return 255;
    }
    switch (options->mode) {
      case Options::Mode::kVersion:
        std::fputs(lockstep::worker::version_text().c_str(), stdout);
        return 0;
      case Options::Mode::kHelp:
        std::fputs(lockstep::worker::help_text().c_str(), stdout);
        return 0;
      case Options::Mode::kServe:
      case Options::Mode::kCheck:
      case Options::Mode::kPrintConfig:
        return lockstep::worker::run_server(*options);
    }
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "lockstep: %s\n", problem.what());
  }
  return 255;
}
