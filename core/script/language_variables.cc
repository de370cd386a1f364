// language_variables.cc: variables that need no message.
#include <fmt/core.h>

#include <cstdlib>
#include <ctime>
#include <optional>
#include <utility>

#include "core/base/clock.h"
#include "core/script/language.h"

namespace lockstep::script {
namespace {

using Ref = const VariableRef&;

VariableSpec variable(std::string name, std::string doc, std::function<Value(Context&, Ref)> get) {
  VariableSpec spec;
  spec.name = std::move(name);
  spec.doc = std::move(doc);
  spec.get = std::move(get);
  return spec;
}

void add_script_variable(ModuleExports& exports, Registry& registry) {
  VariableSpec spec =
      variable("var", "variable of this process; 0 until it is set", [](Context& context, Ref ref) {
        const Value value = context.state().variable(*ref.prepared<std::uint32_t>());
        // The slot may be written while the text is in use: callers get a copy.
        return value.is_string() ? context.make_string(value.text()) : value;
      });
  spec.inner = InnerName::kRequired;
  spec.prepare = [&registry](std::string_view inner) -> Result<Prepared, std::string> {
    return Prepared(std::make_shared<const std::uint32_t>(registry.variable_slot(inner)));
  };
  spec.set = [](Context& context, Ref ref, const Value& value) {
    return context.state().set_variable(*ref.prepared<std::uint32_t>(), value);
  };
  spec.inner_is_constant = true;
  exports.variables.push_back(std::move(spec));
}

// Text fixed at start: $def(X), $env(X).
using FixedText = std::optional<std::string>;
Value get_fixed_text(Context&, Ref ref) {
  const FixedText* text = ref.prepared<FixedText>();
  return *text ? Value::of_string(**text) : Value::null();
}

void add_fixed_texts(ModuleExports& exports, Registry& registry) {
  VariableSpec define = variable("def", "value of a #!define, null if there is none", get_fixed_text);
  define.inner = InnerName::kRequired;
  define.inner_is_constant = true;
  define.prepare = [&registry](std::string_view inner) -> Result<Prepared, std::string> {
    const auto found = registry.defines().find(inner);
    return Prepared(std::make_shared<const FixedText>(
        found == registry.defines().end() ? FixedText() : FixedText(found->second)));
  };
  VariableSpec environment = variable("env", "environment variable as it was at the start", get_fixed_text);
  environment.inner = InnerName::kRequired;
  environment.inner_is_constant = true;
  environment.prepare = [](std::string_view inner) -> Result<Prepared, std::string> {
    const char* value = std::getenv(std::string(inner).c_str());
    return Prepared(std::make_shared<const FixedText>(value == nullptr ? FixedText() : FixedText(value)));
  };
  exports.variables.push_back(std::move(define));
  exports.variables.push_back(std::move(environment));
}

// cfg_get.group.name: only this select is served; the message's parts have variables of their own.
Result<Prepared, std::string> prepare_select(Registry& registry, std::string_view inner) {
  constexpr std::string_view kPrefix = "cfg_get.";
  if (!inner.starts_with(kPrefix)) {
    return Failure{fmt::format("select '{}' is not known; only cfg_get.GROUP.NAME is", inner)};
  }
  inner.remove_prefix(kPrefix.size());
  const std::size_t dot = inner.find('.');
  CustomParameters::Entry* entry =
      dot == std::string_view::npos
          ? nullptr
          : registry.custom_parameters().find(inner.substr(0, dot), inner.substr(dot + 1));
  if (entry == nullptr) return Failure{fmt::format("no parameter '{}' is set in this configuration", inner)};
  // Points at the entry, which RPC may change later.
  return Prepared(std::make_shared<const CustomParameters::Entry* const>(entry));
}

void add_select(ModuleExports& exports, Registry& registry) {
  VariableSpec spec =
      variable("sel", "a custom parameter: $sel(cfg_get.group.name)", [](Context& context, Ref ref) {
        const CustomParameters::Entry* entry = *ref.prepared<const CustomParameters::Entry* const>();
        return entry->is_int ? Value::of_int(entry->integer) : context.make_string(entry->text);
      });
  spec.inner = InnerName::kRequired;
  spec.inner_is_constant = true;
  spec.prepare = [&registry](std::string_view inner) { return prepare_select(registry, inner); };
  exports.variables.push_back(std::move(spec));
}

Value get_time_text(Context& context, Ref) {
  const auto now = static_cast<std::time_t>(wall_s());
  std::tm parts{};
  char text[64];
  if (localtime_r(&now, &parts) == nullptr) return Value::null();
  const std::size_t bytes = std::strftime(text, sizeof(text), "%a %b %e %H:%M:%S %Y", &parts);
  return context.make_string(std::string_view(text, bytes));
}

}  // namespace

void add_language_variables(ModuleExports& exports, Registry& registry) {
  for (const char* name : {"rc", "retcode", "?"}) {
    exports.variables.push_back(
        variable(name, "what the last function or route returned",
                 [](Context& context, Ref) { return Value::of_int(context.return_code()); }));
  }
  exports.variables.push_back(variable("null", "nothing", [](Context&, Ref) { return Value::null(); }));
  exports.variables.push_back(variable("TS", "time in seconds since 1970", [](Context&, Ref) {
    return Value::of_int(static_cast<std::int64_t>(wall_s()));
  }));
  exports.variables.push_back(variable("Tf", "local time as text", get_time_text));
  VariableSpec text =
      variable("_s", "its inner text with all variables evaluated",
               [](Context& context, Ref ref) { return Value::of_string(ref.inner(context)); });
  text.inner = InnerName::kRequired;
  exports.variables.push_back(std::move(text));
  add_script_variable(exports, registry);
  add_fixed_texts(exports, registry);
  add_select(exports, registry);
}

}  // namespace lockstep::script
