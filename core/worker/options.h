// options.h: the command line, with Kamailio's letters. Read once by main.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/base/result.h"

namespace lockstep::worker {

inline constexpr const char* kServerVersion = "0.1.0";

struct Options {
  enum class Mode { kServe, kCheck, kPrintConfig, kVersion, kHelp };
  Mode mode = Mode::kServe;
  std::string config_file;  // Empty: the default file if there is one, else the built-in default.
  std::vector<std::string> module_dirs;    // -L, colon-separated, several.
  std::vector<std::string> defines;        // -A NAME[=VALUE]
  std::vector<std::string> listen;         // -l
  std::vector<std::string> load_modules;   // --loadmodule
  std::vector<std::string> module_params;  // --modparam=module:name:type:value
  std::vector<std::string> aliases;        // --alias
  int children = 0;                        // -n; 0: the configuration decides
  int shm_mb = 0;                          // -m
  std::string pid_file;                    // -P
  std::string run_dir;                     // -Y
  std::string work_dir;                    // -w
  std::string user, group;                 // -u, -g
  bool foreground = false;                 // -D, -DD
  bool log_stderror = false;               // -E
  bool colour = false;                     // -e
  int extra_debug = 0;                     // -d, each one level more
};

// Error: one line for the operator.
Result<Options, std::string> parse_options(int argc, char** argv);
std::string help_text();
std::string version_text();

}  // namespace lockstep::worker
