// export_helpers.cc: see export_helpers.h.
#include "core/worker/export_helpers.h"

#include <cstring>
#include <memory>

#include "core/base/log.h"

namespace lockstep::worker {
namespace {

script::ParamSpec param_of(script::ParamType type, std::string name) {
  script::ParamSpec param;
  param.type = type;
  param.name = std::move(name);
  return param;
}

}  // namespace

script::ParamSpec int_param(std::string name) { return param_of(script::ParamType::kInt, std::move(name)); }
script::ParamSpec format_param(std::string name) {
  return param_of(script::ParamType::kFormat, std::move(name));
}
script::ParamSpec literal_param(std::string name) {
  return param_of(script::ParamType::kLiteral, std::move(name));
}
script::ParamSpec regex_param(std::string name) {
  return param_of(script::ParamType::kRegex, std::move(name));
}

script::ParamSpec variable_param(std::string name) {
  return param_of(script::ParamType::kVariable, std::move(name));
}

script::ParamSpec readable_variable_param(std::string name) {
  script::ParamSpec param = param_of(script::ParamType::kVariable, std::move(name));
  param.read_only = true;
  return param;
}

script::FunctionSpec accepted_function(std::string name, std::string doc, RouteMask routes,
                                       std::vector<script::ParamSpec> params,
                                       std::optional<std::size_t> fewest) {
  return make_function(
      std::move(name), std::move(doc), routes, std::move(params),
      [](ScriptContext&, const script::Arguments&) { return 1; }, fewest);
}

script::ParameterSpec int_parameter(std::string name, std::string doc, std::int64_t& target, std::int64_t min,
                                    std::int64_t max) {
  script::ParameterSpec spec;
  spec.name = std::move(name);
  spec.type = script::ParameterSpec::Type::kInt;
  spec.doc = std::move(doc);
  spec.set = [&target, min, max](const script::Value& value) -> std::string {
    const std::optional<std::int64_t> number = value.try_int();
    if (!number.has_value()) return "a number is expected";
    if (*number < min || *number > max) return fmt::format("a number from {} to {} is expected", min, max);
    target = *number;
    return {};
  };
  return spec;
}

script::ParameterSpec flag_parameter(std::string name, std::string doc, bool& target) {
  script::ParameterSpec spec;
  spec.name = std::move(name);
  spec.type = script::ParameterSpec::Type::kInt;
  spec.doc = std::move(doc);
  spec.set = [&target](const script::Value& value) -> std::string {
    const std::optional<std::int64_t> number = value.try_int();
    if (!number.has_value()) return "0 or 1 is expected";
    target = *number != 0;
    return {};
  };
  return spec;
}

script::ParameterSpec string_parameter(std::string name, std::string doc, std::string& target) {
  script::ParameterSpec spec;
  spec.name = std::move(name);
  spec.type = script::ParameterSpec::Type::kString;
  spec.doc = std::move(doc);
  spec.set = [&target](const script::Value& value) -> std::string {
    if (value.is_string()) {
      target.assign(value.text());
    } else {
      target = value.is_int() ? std::to_string(value.integer()) : std::string();
    }
    return {};
  };
  return spec;
}

script::ParameterSpec unserved_parameter(std::string module, std::string name,
                                         script::ParameterSpec::Type type) {
  script::ParameterSpec spec;
  spec.name = name;
  spec.type = type;
  spec.doc = "accepted, without effect";
  const auto has_warned = std::make_shared<bool>(false);
  spec.set = [module = std::move(module), name = std::move(name),
              has_warned](const script::Value&) -> std::string {
    if (!*has_warned)
      LS_LOG(kWarn, module, "parameter '{}' is known but has no effect in this version", name);
    *has_warned = true;
    return {};
  };
  return spec;
}

std::optional<std::string_view> try_join(script::Context& context,
                                         std::initializer_list<std::string_view> parts) {
  std::size_t bytes = 0;
  for (const std::string_view part : parts) bytes += part.size();
  if (bytes == 0) return std::string_view();
  char* const begin = context.try_allocate(bytes);
  if (begin == nullptr) return std::nullopt;
  char* at = begin;
  for (const std::string_view part : parts) {
    if (part.empty()) continue;
    std::memcpy(at, part.data(), part.size());
    at += part.size();
  }
  return std::string_view(begin, bytes);
}

}  // namespace lockstep::worker
