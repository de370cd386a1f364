// program.h: a compiled script. Made once by the supervisor before the fork and read-only from then
// on; every worker runs it. Running resolves no names and allocates nothing outside the Context's
// arena. Nothing here knows SIP: functions, variables and keywords come from the Registry.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/script/config_file.h"
#include "core/script/context.h"
#include "core/script/diagnostics.h"
#include "core/script/function.h"
#include "core/script/registry.h"

namespace lockstep::script {

// Implemented by layer 5: finds, opens and initialises modules.
class ModuleLoader {
 public:
  virtual ~ModuleLoader() = default;
  // `mpath = "..."` as met in file order.
  virtual void set_module_path(std::string_view path) { static_cast<void>(path); }
  // loadmodule in file order. The exports outlive the program. An error becomes a diagnostic there.
  virtual Result<const ModuleExports*, std::string> load(std::string_view name_as_written,
                                                         const Location& location) = 0;
  // The module that is likely meant by a name that cannot be loaded; "" when none is near. It stands in for
  // the other while the rest of the file is checked.
  virtual std::string nearest(std::string_view name_as_written) const {
    static_cast<void>(name_as_written);
    return {};
  }
};

class Program {
 public:
  static constexpr std::uint32_t kDepthMax = 100;  // Routes calling routes.

  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  // kNoRoute when the script has no such block. Names: "" for request_route and reply_route.
  RouteIndex find_route(RouteKind kind, std::string_view name = {}) const;
  std::string_view route_name(RouteIndex route) const;
  std::size_t route_count() const;
  bool is_empty(RouteIndex route) const;

  // Runs one block to its end. Before: $rc is 1, control is none, the kinds are those of the route
  // plus `extra_kinds`. After: context.control() is kNone, kExit or kDrop. Returns the block's value
  // (what `return` gave, else the value of its last statement).
  // REQUIRES: route != kNoRoute.
  int run(RouteIndex route, Context& context, RouteMask extra_kinds = 0) const;

 private:
  friend class Compiler;
  explicit Program(std::unique_ptr<Code> code);
  std::unique_ptr<Code> code_;
};

struct CompileOptions {
  std::uint32_t while_loops_max = 100;  // max_while_loops; 0 means no limit.
};

// Loads modules, sets their parameters, compiles all routes. Returns nullptr if there were errors
// (then or before, in the same diagnostics); every mistake found is in `diagnostics`.
std::unique_ptr<Program> compile(const ConfigTree& tree, Registry& registry, ModuleLoader& loader,
                                 Diagnostics& diagnostics, const CompileOptions& options = {});

}  // namespace lockstep::script
