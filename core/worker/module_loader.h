// module_loader.h: finds and opens NAME.so for loadmodule. Names are taken as Kamailio's scripts write them:
// "tm", "tm.so", "tm/tm.so", or a path; whatever folder they name, ours is looked in first, because a
// Kamailio module cannot be loaded here.
#pragma once

#include <string>
#include <vector>

#include "core/script/program.h"
#include "core/worker/module.h"

namespace lockstep::worker {

class SharedObjectLoader final : public script::ModuleLoader {
 public:
  explicit SharedObjectLoader(std::vector<std::string> dirs) : dirs_(std::move(dirs)) {}

  void set_module_path(std::string_view path) override;
  Result<const script::ModuleExports*, std::string> load(std::string_view name_as_written,
                                                         const script::Location& location) override;
  std::string nearest(std::string_view name_as_written) const override;

  struct Loaded {
    std::string name;  // "tm"
    Module* module;
  };
  const std::vector<Loaded>& loaded() const { return loaded_; }
  // Folders of mpath that hold modules of another server: told once, then ignored.
  const std::vector<std::string>& foreign_paths() const { return foreign_paths_; }

  // What this build has, "tm", "sl", ..., sorted.
  std::vector<std::string> available() const;

 private:
  std::vector<std::string> dirs_;
  std::vector<std::string> foreign_paths_;
  std::vector<Loaded> loaded_;
};

// "/usr/lib/x/tm/tm.so" -> "tm".
std::string module_name(std::string_view written);
// Splits "a:b" and drops empty parts.
std::vector<std::string> split_path(std::string_view path);
// The folder of modules beside the running program, or the installed one.
std::vector<std::string> default_module_dirs();

}  // namespace lockstep::worker
