// compiler.cc: modules, their parameters, flags and the list of routes.
#include "core/script/compiler.h"

#include <fmt/core.h>

#include <utility>

#include "core/script/globals.h"

namespace lockstep::script {
namespace {

constexpr std::string_view kBranchFailurePrefix = "tm:branch-failure:";
constexpr std::int64_t kFlagMax = 31;

std::string_view module_base_name(std::string_view written) {
  const std::size_t slash = written.rfind('/');
  if (slash != std::string_view::npos) written.remove_prefix(slash + 1);
  if (written.ends_with(".so")) written.remove_suffix(3);
  return written;
}

struct BlockKind {
  RouteKind kind;
  RouteMask mask;
  std::string_view word;
};

BlockKind kind_of(RouteBlock block) {
  switch (block) {
    case RouteBlock::kRequest:
      return {RouteKind::kRequest, mask_of(RouteKind::kRequest), "request_route"};
    case RouteBlock::kRoute:
      return {RouteKind::kRequest, mask_of(RouteKind::kRequest), "route"};
    case RouteBlock::kBranch:
      return {RouteKind::kBranch, mask_of(RouteKind::kBranch), "branch_route"};
    case RouteBlock::kOnReply:
      return {RouteKind::kOnReply, mask_of(RouteKind::kOnReply), "onreply_route"};
    case RouteBlock::kCoreReply:
      return {RouteKind::kCoreReply, mask_of(RouteKind::kCoreReply), "reply_route"};
    case RouteBlock::kFailure:
      return {RouteKind::kFailure, mask_of(RouteKind::kFailure), "failure_route"};
    case RouteBlock::kEvent:
      return {RouteKind::kEvent, mask_of(RouteKind::kEvent), "event_route"};
    case RouteBlock::kOnSend:
      return {RouteKind::kOnSend, mask_of(RouteKind::kOnSend), "onsend_route"};
    case RouteBlock::kError:
      return {RouteKind::kEvent, mask_of(RouteKind::kEvent), "error_route"};
  }
  return {RouteKind::kRequest, kAnyRoute, "route"};
}

std::string_view word_of(RouteKind kind) {
  switch (kind) {
    case RouteKind::kRequest:
      return "route";
    case RouteKind::kBranch:
      return "branch_route";
    case RouteKind::kOnReply:
      return "onreply_route";
    case RouteKind::kFailure:
      return "failure_route";
    case RouteKind::kCoreReply:
      return "reply_route";
    case RouteKind::kEvent:
      return "event_route";
    case RouteKind::kOnSend:
      return "onsend_route";
    case RouteKind::kBranchFailure:
      return "event_route";
  }
  return "route";
}

std::string shown_name(RouteKind kind, std::string_view name) {
  if (name.empty()) return kind == RouteKind::kRequest ? "request_route" : std::string(word_of(kind));
  return fmt::format("{}[{}{}]", word_of(kind), kind == RouteKind::kBranchFailure ? kBranchFailurePrefix : "",
                     name);
}

}  // namespace

Compiler::Compiler(const ConfigTree& tree, Registry& registry, ModuleLoader& loader, Diagnostics& diagnostics,
                   const CompileOptions& options)
    : tree_(tree),
      registry_(registry),
      loader_(loader),
      diagnostics_(diagnostics),
      code_(std::make_unique<Code>()) {
  code_->while_loops_max = options.while_loops_max;
}

std::unique_ptr<Program> Compiler::run() {
  registry_.defines() = tree_.defines;
  if (tree_.sources != nullptr) {
    for (std::uint32_t i = 0; i < tree_.sources->size(); ++i)
      code_->file_names.push_back(tree_.sources->file(i).name);
  }
  load_modules();
  read_flags();
  set_parameters();
  declare_routes();
  compile_routes();
  code_->is_myself = registry_.is_myself();
  if (diagnostics_.has_errors()) return nullptr;
  return std::unique_ptr<Program>(new Program(std::move(code_)));
}

void Compiler::load_modules() {
  for (const ConfigItem& item : tree_.items) {
    if (item.kind == ItemKind::kLoadModule) load_module(item);
    if (item.kind == ItemKind::kGlobal && item.name == "mpath")
      loader_.set_module_path(item.settings[0].text);
  }
}

void Compiler::load_module(const ConfigItem& item) {
  Result<const ModuleExports*, std::string> exports = loader_.load(item.name, item.name_location);
  if (!exports) {
    error(item.name_location, exports.error());
    failed_modules_.emplace(module_base_name(item.name));
    const std::string nearest = loader_.nearest(item.name);
    if (!nearest.empty()) exports = loader_.load(nearest, item.name_location);
    if (!exports) {
      has_missing_module_ = true;
      return;
    }
  }
  LS_ASSERT(*exports != nullptr);
  registry_.add(**exports);
  loaded_.push_back(*exports);
}

void Compiler::read_flags() {
  std::set<std::int64_t> used;
  for (const ConfigItem& item : tree_.items) {
    for (const auto& [name, number] : item.flags) {
      if (number >= 0) used.insert(number);
    }
  }
  std::int64_t next = 0;
  for (const ConfigItem& item : tree_.items) {
    for (const auto& [name, number] : item.flags) {
      std::int64_t chosen = number;
      if (chosen < 0) {
        while (used.contains(next)) ++next;
        chosen = next;
        used.insert(chosen);
      }
      if (chosen > kFlagMax) error(item.location, fmt::format("flag '{}' is beyond {}", name, kFlagMax));
      if (!flags_.emplace(name, chosen).second)
        error(item.location, fmt::format("flag '{}' is declared twice", name));
    }
  }
}

void Compiler::set_parameters() {
  for (const ConfigItem& item : tree_.items) {
    if (item.kind == ItemKind::kModParam) set_parameter(item);
  }
}

void Compiler::set_parameter(const ConfigItem& item) {
  const Result<Regex, Regex::Error> regex =
      Regex::compile(fmt::format("^(?:{})$", item.module), Regex::Case::kInsensitive, false);
  if (!regex) {
    error(item.module_location, fmt::format("bad pattern of module names: {}", regex.error().text));
    return;
  }
  RegexScratch scratch;
  bool is_found = false;
  Suggestion near_module(item.module);
  for (const ModuleExports* exports : loaded_) {
    near_module.consider(exports->name);
    if (!regex->matches(exports->name, scratch)) continue;
    is_found = true;
    const ParameterSpec* spec = nullptr;
    Suggestion near_parameter(item.name);
    for (const ParameterSpec& candidate : exports->parameters) {
      if (candidate.name == item.name) spec = &candidate;
      near_parameter.consider(candidate.name);
    }
    if (spec == nullptr) {
      error(item.name_location, fmt::format("module '{}' has no parameter '{}'", exports->name, item.name),
            near_parameter.text());
      continue;
    }
    std::string text;
    Value value;
    if (!read_parameter_value(item, *spec, text, value) || spec->set == nullptr) continue;
    const std::string fault = spec->set(value);
    if (!fault.empty())
      error(item.settings[0].location, fmt::format("{}.{}: {}", exports->name, spec->name, fault));
  }
  if (is_found) return;
  for (const std::string& failed : failed_modules_) {
    if (regex->matches(failed, scratch)) return;  // That it could not be loaded is said already.
  }
  error(item.module_location, fmt::format("module '{}' is not loaded", item.module), near_module.text());
}

bool Compiler::read_parameter_value(const ConfigItem& item, const ParameterSpec& spec, std::string& text,
                                    Value& value) {
  const Setting& setting = item.settings[0];
  std::int64_t number = setting.number;
  text = setting.text;
  bool is_number = setting.kind == Setting::Kind::kNumber;
  if (setting.kind == Setting::Kind::kWord) {
    const auto flag = flags_.find(setting.text);
    if (flag != flags_.end()) {
      number = flag->second;
    } else if (!parse_bool_word(setting.text, number)) {
      error(setting.location,
            fmt::format("'{}' is neither a number nor a text, and it is not defined", setting.text),
            "put it in quotes, or give it a value with #!define");
      return false;
    }
    is_number = true;
  }
  if (spec.type == ParameterSpec::Type::kInt && !is_number) {
    const std::optional<std::int64_t> digits = parse_decimal(text);
    if (!digits) {
      error(setting.location, fmt::format("parameter '{}' wants a number", spec.name));
      return false;
    }
    number = *digits;
    is_number = true;
  }
  if (spec.type == ParameterSpec::Type::kString && is_number) {
    text = std::to_string(number);
    is_number = false;
  }
  value = is_number ? Value::of_int(number) : Value::of_string(text);
  return true;
}

void Compiler::declare_routes() {
  for (std::size_t i = 0; i < tree_.items.size(); ++i) {
    if (tree_.items[i].kind == ItemKind::kRoute) declare_route(tree_.items[i], i);
  }
}

void Compiler::declare_route(const ConfigItem& item, std::size_t item_index) {
  const BlockKind block = kind_of(item.block);
  CompiledRoute route;
  route.kind = block.kind;
  route.mask = block.mask;
  route.name = item.name;
  route.is_defined = true;
  if (item.block == RouteBlock::kError) {
    diagnostics_.warning(item.location, "error_route is accepted but never run");
    route.name = "error_route";
  }
  if (item.block == RouteBlock::kEvent) {
    if (item.name.starts_with(kBranchFailurePrefix)) {
      route.kind = RouteKind::kBranchFailure;
      route.mask = RouteKind::kEvent | RouteKind::kBranchFailure;
      route.name = item.name.substr(kBranchFailurePrefix.size());
    } else if (!registry_.knows_event_route(item.name)) {
      diagnostics_.warning(item.name_location,
                           fmt::format("no loaded module runs event_route[{}]", item.name),
                           registry_.suggest_event_route(item.name));
    }
  }
  const RouteIndex known = find_route(route.kind, route.name);
  if (known != kNoRoute) {
    const ConfigItem& first = tree_.items[route_items_[static_cast<std::uint32_t>(known)]];
    error(item.name_location, fmt::format("{} is defined twice", shown_name(route.kind, route.name)),
          tree_.sources == nullptr
              ? std::string()
              : fmt::format("the first is at {}", tree_.sources->describe(first.location)));
    return;
  }
  const auto index = static_cast<RouteIndex>(static_cast<std::uint32_t>(code_->routes.size()));
  if (item.block == RouteBlock::kRoute) code_->named_routes.emplace(route.name, index);
  code_->routes.push_back(std::move(route));
  route_items_.push_back(item_index);
}

void Compiler::compile_routes() {
  // Routes that are named but missing are added behind these while their callers are compiled.
  for (std::size_t i = 0; i < route_items_.size(); ++i) {
    const ConfigItem& item = tree_.items[route_items_[i]];
    // A route[NAME] runs as whatever called it, and an event may bring a request: not known before.
    const bool is_open = item.block == RouteBlock::kRoute || item.block == RouteBlock::kEvent;
    block_mask_ = is_open ? kAnyRoute : code_->routes[i].mask;
    code_->routes[i].body = compile_block(item.body);
  }
}

RouteIndex Compiler::find_route(RouteKind kind, std::string_view name) const {
  for (std::size_t i = 0; i < code_->routes.size(); ++i) {
    if (code_->routes[i].kind == kind && code_->routes[i].name == name) {
      return static_cast<RouteIndex>(static_cast<std::uint32_t>(i));
    }
  }
  return kNoRoute;
}

RouteIndex Compiler::route_named(RouteKind kind, std::string_view name, const Location& location) {
  const RouteIndex known = find_route(kind, name);
  if (known != kNoRoute) return known;
  Suggestion suggestion(name);
  for (const CompiledRoute& route : code_->routes) {
    if (route.kind == kind && route.is_defined) suggestion.consider(route.name);
  }
  // As in Kamailio: what t_on_failure() and its like name may be missing, what route() calls may not.
  if (kind == RouteKind::kRequest) {
    error(location, fmt::format("there is no {}", shown_name(kind, name)), suggestion.text());
  } else {
    diagnostics_.warning(location, fmt::format("there is no {}; it counts as empty", shown_name(kind, name)),
                         suggestion.text());
  }
  CompiledRoute missing;
  missing.kind = kind;
  missing.mask = mask_of(kind);
  missing.name = name;
  code_->routes.push_back(std::move(missing));
  return static_cast<RouteIndex>(static_cast<std::uint32_t>(code_->routes.size() - 1));
}

std::unique_ptr<Program> compile(const ConfigTree& tree, Registry& registry, ModuleLoader& loader,
                                 Diagnostics& diagnostics, const CompileOptions& options) {
  return Compiler(tree, registry, loader, diagnostics, options).run();
}

}  // namespace lockstep::script
