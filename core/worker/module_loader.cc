#include "core/worker/module_loader.h"

#include <dirent.h>
#include <dlfcn.h>
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>

#include "core/script/diagnostics.h"

namespace lockstep::worker {

std::string module_name(std::string_view written) {
  const std::size_t slash = written.rfind('/');
  std::string_view name = slash == std::string_view::npos ? written : written.substr(slash + 1);
  if (name.size() > 3 && name.substr(name.size() - 3) == ".so") name.remove_suffix(3);
  return std::string(name);
}

std::vector<std::string> split_path(std::string_view path) {
  std::vector<std::string> parts;
  while (!path.empty()) {
    const std::size_t colon = path.find(':');
    const std::string_view part = path.substr(0, colon);
    if (!part.empty()) parts.emplace_back(part);
    if (colon == std::string_view::npos) break;
    path.remove_prefix(colon + 1);
  }
  return parts;
}

std::vector<std::string> default_module_dirs() {
  std::vector<std::string> dirs;
  char path[4096];
  const ssize_t size = readlink("/proc/self/exe", path, sizeof path);
  if (size > 0) {
    const std::string program(path, static_cast<std::size_t>(size));
    dirs.push_back(program.substr(0, program.rfind('/')) + "/modules");
  }
  dirs.emplace_back("/usr/lib/lockstep/modules");
  dirs.emplace_back("/usr/local/lib/lockstep/modules");
  return dirs;
}

// A folder of mpath serves if it holds one of our modules; else it belongs to another server.
void SharedObjectLoader::set_module_path(std::string_view path) {
  for (const std::string& dir : split_path(path)) {
    void* handle = dlopen((dir + "/tm.so").c_str(), RTLD_LAZY | RTLD_LOCAL);
    const bool is_ours = handle != nullptr && dlsym(handle, "lockstep_module") != nullptr;
    if (handle != nullptr) dlclose(handle);
    if (is_ours) {
      dirs_.push_back(dir);
    } else {
      foreign_paths_.push_back(dir);
    }
  }
}

Result<const script::ModuleExports*, std::string> SharedObjectLoader::load(std::string_view name_as_written,
                                                                           const script::Location&) {
  const std::string name = module_name(name_as_written);
  for (const Loaded& loaded : loaded_) {
    if (loaded.name == name) return &loaded.module->exports();
  }
  for (const std::string& dir : dirs_) {
    const std::string path = dir + "/" + name + ".so";
    if (access(path.c_str(), R_OK) != 0) continue;
    void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL);
    if (handle == nullptr) return Failure{fmt::format("cannot load module '{}': {}", name, dlerror())};
    void* symbol = dlsym(handle, "lockstep_module");
    if (symbol == nullptr) return Failure{fmt::format("{} is not a module of this server", path)};
    Module* module = reinterpret_cast<Module* (*)()>(symbol)();
    loaded_.push_back({name, module});
    return &module->exports();
  }
  std::string text = fmt::format("there is no module '{}'", name);
  const std::string near = nearest(name);
  if (!near.empty()) text += fmt::format("; did you mean '{}'?", near);
  return Failure{text};
}

// A module that is there and cannot be opened has no other that is meant.
std::string SharedObjectLoader::nearest(std::string_view name_as_written) const {
  const std::string name = module_name(name_as_written);
  script::Suggestion suggestion(name);
  for (const std::string& candidate : available()) {
    if (candidate == name) return {};
    suggestion.consider(candidate);
  }
  return suggestion.text();
}

std::vector<std::string> SharedObjectLoader::available() const {
  std::vector<std::string> names;
  for (const std::string& dir : dirs_) {
    DIR* folder = opendir(dir.c_str());
    if (folder == nullptr) continue;
    while (const dirent* item = readdir(folder)) {
      const std::string_view file(item->d_name);
      if (file.size() > 3 && file.substr(file.size() - 3) == ".so") names.push_back(module_name(file));
    }
    closedir(folder);
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

}  // namespace lockstep::worker
