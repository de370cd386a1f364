// configuration.h: the configuration as it will be served: file, command line, modules and the compiled
// script. Made once in main; everything in it is read-only after the fork.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/script/config_file.h"
#include "core/script/globals.h"
#include "core/script/program.h"
#include "core/worker/module_loader.h"
#include "core/worker/options.h"

namespace lockstep::worker {

inline constexpr const char* kBuiltInName = "built-in default";

struct Configuration {
  std::string file;  // As shown to the operator; kBuiltInName when there was none.
  script::Registry registry;
  script::Globals globals;
  std::unique_ptr<SharedObjectLoader> loader;
  std::unique_ptr<script::Program> program;
  std::optional<script::Format> log_prefix;
};

// Reads, compiles and applies the command line on top. All mistakes are in `report`, ready to print;
// nullptr if there was any error. Warnings are in `report` too.
std::unique_ptr<Configuration> load_configuration(const Options& options, std::string& report);
// --cfg-print: the text, or nullptr-like empty with the mistakes in `report`.
std::string print_configuration(const Options& options, std::string& report);

}  // namespace lockstep::worker
