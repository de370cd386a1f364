// registry.cc: names to their specifications.
#include "core/script/registry.h"

#include <algorithm>
#include <utility>

#include "core/script/diagnostics.h"
#include "core/script/language.h"

namespace lockstep::script {

CustomParameters::Entry* CustomParameters::find(std::string_view group, std::string_view name) {
  for (Entry& entry : entries_) {
    if (entry.group == group && entry.name == name) return &entry;
  }
  return nullptr;
}

CustomParameters::Entry& CustomParameters::add(std::string_view group, std::string_view name) {
  if (Entry* found = find(group, name)) return *found;
  Entry& made = entries_.emplace_back();
  made.group = group;
  made.name = name;
  return made;
}

Registry::Registry() : language_(std::make_unique<ModuleExports>()) {
  language_->name = "language";
  language_->doc = "what the configuration language itself knows";
  add_language_variables(*language_, *this);
  add_string_transformations(*language_);
  add_encoding_transformations(*language_);
  add_parameter_transformations(*language_);
  add(*language_);
}

Registry::~Registry() = default;

void Registry::add(const ModuleExports& exports) {
  if (std::find(modules_.begin(), modules_.end(), &exports) != modules_.end()) return;
  modules_.push_back(&exports);
  for (const FunctionSpec& spec : exports.functions) functions_.emplace(spec.name, &spec);
  for (const VariableSpec& spec : exports.variables) variables_.emplace(spec.name, &spec);
  for (const TransformationSpec& spec : exports.transformations) {
    transformations_.emplace(spec.class_name + "." + spec.name, &spec);
  }
  for (const KeywordSpec& spec : exports.keywords) keywords_.emplace(spec.name, &spec);
}

Registry::FunctionMatch Registry::find_function(std::string_view name, std::size_t argument_count) const {
  FunctionMatch match;
  const auto [begin, end] = functions_.equal_range(name);
  for (auto i = begin; i != end; ++i) {
    if (match.same_name == nullptr) match.same_name = i->second;
    if (match.spec == nullptr && i->second->takes(argument_count)) match.spec = i->second;
  }
  return match;
}

const VariableSpec* Registry::find_variable(std::string_view name) const {
  const auto found = variables_.find(name);
  return found == variables_.end() ? nullptr : found->second;
}

const TransformationSpec* Registry::find_transformation(std::string_view class_name,
                                                        std::string_view name) const {
  const auto found = transformations_.find(std::string(class_name) + "." + std::string(name));
  return found == transformations_.end() ? nullptr : found->second;
}

const KeywordSpec* Registry::find_keyword(std::string_view name) const {
  const auto found = keywords_.find(name);
  return found == keywords_.end() ? nullptr : found->second;
}

bool Registry::knows_event_route(std::string_view name) const {
  for (const ModuleExports* exports : modules_) {
    for (const std::string& known : exports->event_routes) {
      if (known == name) return true;
      if (known.ends_with('*') && name.starts_with(std::string_view(known).substr(0, known.size() - 1)))
        return true;
    }
  }
  return false;
}

namespace {

template <typename Map>
std::string suggest_key(const Map& map, std::string_view wanted) {
  Suggestion suggestion(wanted);
  for (const auto& [name, spec] : map) suggestion.consider(name);
  return suggestion.text();
}

}  // namespace

std::string Registry::suggest_function(std::string_view name) const { return suggest_key(functions_, name); }
std::string Registry::suggest_variable(std::string_view name) const { return suggest_key(variables_, name); }
std::string Registry::suggest_keyword(std::string_view name) const { return suggest_key(keywords_, name); }

std::string Registry::suggest_transformation(std::string_view class_name, std::string_view name) const {
  return suggest_key(transformations_, std::string(class_name) + "." + std::string(name));
}

std::string Registry::suggest_event_route(std::string_view name) const {
  Suggestion suggestion(name);
  for (const ModuleExports* exports : modules_) {
    for (const std::string& known : exports->event_routes) suggestion.consider(known);
  }
  return suggestion.text();
}

std::uint32_t Registry::variable_slot(std::string_view name) {
  const auto found = slots_.find(name);
  if (found != slots_.end()) return found->second;
  const auto slot = static_cast<std::uint32_t>(slots_.size());
  slots_.emplace(name, slot);
  return slot;
}

}  // namespace lockstep::script
