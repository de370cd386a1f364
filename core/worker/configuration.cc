#include "core/worker/configuration.h"

#include <fmt/core.h>
#include <unistd.h>

#include "core/worker/core_exports.h"
#include "core/worker/default_config.h"
#include "core/worker/listen.h"

namespace lockstep::worker {
namespace {

constexpr const char* kInstalledConfig = "/etc/lockstep/lockstep.cfg";

std::string config_file_of(const Options& options) {
  if (!options.config_file.empty()) return options.config_file;
  return access(kInstalledConfig, R_OK) == 0 ? kInstalledConfig : "";
}

std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result + "\"";
}

// --loadmodule and --modparam stand around the file, as lines of a text that includes it.
Result<std::string, std::string> wrapper_text(const Options& options, const std::string& file) {
  std::string text;
  for (const std::string& name : options.load_modules) text += fmt::format("loadmodule {}\n", quoted(name));
  text += file.empty() ? std::string(kDefaultConfig) : fmt::format("include_file {}\n", quoted(file));
  for (const std::string& param : options.module_params) {
    std::vector<std::string> parts;
    std::size_t at = 0;
    for (int i = 0; i < 3; ++i) {
      const std::size_t colon = param.find(':', at);
      if (colon == std::string::npos) break;
      parts.push_back(param.substr(at, colon - at));
      at = colon + 1;
    }
    if (parts.size() != 3 || (parts[2] != "i" && parts[2] != "s")) {
      return Failure{fmt::format("--modparam takes MODULE:NAME:i|s:VALUE, not '{}'", param)};
    }
    const std::string value = param.substr(at);
    text += fmt::format("modparam({}, {}, {})\n", quoted(parts[0]), quoted(parts[1]),
                        parts[2] == "i" ? value : quoted(value));
  }
  return text;
}

script::ConfigTree load_tree(const Options& options, const std::string& file,
                             script::Diagnostics& diagnostics) {
  script::LoadOptions load;
  for (const std::string& define : options.defines)
    load.defines.push_back(script::parse_define_option(define));
  if (!options.load_modules.empty() || !options.module_params.empty()) {
    const auto text = wrapper_text(options, file);
    if (!text) {
      diagnostics.error({}, text.error());
      return {};
    }
    return script::load_text("command line", *text, load, diagnostics);
  }
  if (file.empty()) return script::load_text(kBuiltInName, std::string(kDefaultConfig), load, diagnostics);
  return script::load_file(file, load, diagnostics);
}

bool apply_command_line(const Options& options, script::Globals& globals, std::string& report) {
  if (!options.listen.empty()) globals.listen.clear();
  for (const std::string& text : options.listen) {
    const auto entry = parse_listen(text);
    if (!entry) {
      report += fmt::format("-l: {}\n", entry.error());
      return false;
    }
    globals.listen.push_back(*entry);
  }
  for (const std::string& text : options.aliases) {
    const auto entry = parse_listen(text);
    if (!entry) {
      report += fmt::format("--alias: {}\n", entry.error());
      return false;
    }
    globals.alias.push_back(*entry);
  }
  if (options.children > 0) globals.children = options.children;
  if (options.shm_mb > 0) globals.shm_mb = options.shm_mb;
  if (!options.user.empty()) globals.user = options.user;
  if (!options.group.empty()) globals.group = options.group;
  if (!options.work_dir.empty()) globals.workdir = options.work_dir;
  if (!options.run_dir.empty()) globals.rundir = options.run_dir;
  if (options.log_stderror) globals.log_stderror = true;
  if (options.colour) globals.log_color = true;
  globals.debug += options.extra_debug;
  return true;
}

// Kamailio refuses a file that holds nothing and runs one without request_route, which is hardly ever meant.
void check_request_route(const script::ConfigTree& tree, script::Diagnostics& diagnostics) {
  if (diagnostics.has_errors()) return;  // It may well be there, behind the mistake.
  for (const script::ConfigItem& item : tree.items) {
    if (item.kind == script::ItemKind::kRoute && item.block == script::RouteBlock::kRequest) return;
  }
  if (tree.items.empty()) {
    diagnostics.error({}, "this configuration is empty", "it needs a request_route at least");
  } else {
    diagnostics.warning({}, "there is no request_route: every request will be dropped");
  }
}

}  // namespace

std::unique_ptr<Configuration> load_configuration(const Options& options, std::string& report) {
  auto configuration = std::make_unique<Configuration>();
  const std::string file = config_file_of(options);
  configuration->file = file.empty() ? kBuiltInName : file;
  script::Diagnostics diagnostics;
  const script::ConfigTree tree = load_tree(options, file, diagnostics);
  std::vector<std::string> dirs;
  for (const std::string& path : options.module_dirs) {
    for (const std::string& dir : split_path(path)) dirs.push_back(dir);
  }
  for (const std::string& dir : default_module_dirs()) dirs.push_back(dir);
  configuration->loader = std::make_unique<SharedObjectLoader>(dirs);
  add_core(configuration->registry);
  configuration->globals = script::read_globals(tree, configuration->registry, diagnostics);
  script::CompileOptions compile;
  compile.while_loops_max = static_cast<std::uint32_t>(configuration->globals.max_while_loops);
  configuration->program =
      script::compile(tree, configuration->registry, *configuration->loader, diagnostics, compile);
  check_request_route(tree, diagnostics);
  report = diagnostics.render();
  for (const std::string& path : configuration->loader->foreign_paths()) {
    report += fmt::format("warning: mpath '{}' holds no modules of this server; its own are used\n", path);
  }
  if (diagnostics.has_errors() || configuration->program == nullptr) return nullptr;
  if (!apply_command_line(options, configuration->globals, report)) return nullptr;
  if (!configuration->globals.log_prefix.empty()) {
    auto format = script::Format::parse(configuration->globals.log_prefix, configuration->registry);
    if (!format) {
      report += fmt::format("error: log_prefix: {}\n", format.error().message);
      return nullptr;
    }
    configuration->log_prefix = std::move(*format);
  }
  return configuration;
}

std::string print_configuration(const Options& options, std::string& report) {
  script::Diagnostics diagnostics;
  const script::ConfigTree tree = load_tree(options, config_file_of(options), diagnostics);
  report = diagnostics.render();
  return diagnostics.has_errors() ? std::string() : script::print_tree(tree);
}

}  // namespace lockstep::worker
