// pv_parts.h: the variables and transformations of pv by subject, one file each, and what they share.
// The add_ functions are called once by the module; getters run in workers, allocate in the context's arena
// only and answer null where the message has nothing of the kind.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "core/script/registry.h"
#include "core/worker/module.h"
#include "core/worker/script_context.h"

namespace lockstep::pv {

using script::Value;
using script::VariableRef;
using worker::ScriptContext;

void add_message_variables(script::ModuleExports& exports);
void add_header_variables(script::ModuleExports& exports);
void add_request_variables(script::ModuleExports& exports);
void add_branch_variables(script::ModuleExports& exports);
void add_address_variables(script::ModuleExports& exports);
void add_avp_variables(script::ModuleExports& exports);
void add_uri_transformations(script::ModuleExports& exports);
void add_text_transformations(script::ModuleExports& exports);

// What may stand behind the name of a variable.
struct Shape {
  script::InnerName inner = script::InnerName::kNone;
  bool index_allowed = false;
};

// `get(ScriptContext&, const VariableRef&) -> Value`.
template <typename Get>
script::VariableSpec& add_variable(script::ModuleExports& exports, std::string name, std::string doc, Get get,
                                   Shape shape = {}) {
  script::VariableSpec& spec = exports.variables.emplace_back();
  spec.name = std::move(name);
  spec.doc = std::move(doc);
  spec.inner = shape.inner;
  spec.index_allowed = shape.index_allowed;
  spec.get = [get = std::move(get)](script::Context& context, const VariableRef& variable) -> Value {
    return get(worker::context_of(context), variable);
  };
  return spec;
}

// As add_variable, writable. `set(ScriptContext&, const VariableRef&, const Value&) -> bool`.
template <typename Get, typename Set>
void add_writable(script::ModuleExports& exports, std::string name, std::string doc, Get get, Set set,
                  Shape shape = {}) {
  add_variable(exports, std::move(name), std::move(doc), std::move(get), shape).set =
      [set = std::move(set)](script::Context& context, const VariableRef& variable,
                             const Value& value) -> bool {
    return set(worker::context_of(context), variable, value);
  };
}

// `apply(script::Context&, std::string_view subject, const TransformationArguments&) -> Value`; a null
// subject is an empty text.
using TextTransformation =
    std::function<Value(script::Context&, std::string_view, const script::TransformationArguments&)>;
void add_transformation(script::ModuleExports& exports, const char* class_name, const char* name,
                        const char* doc, TextTransformation apply, std::uint8_t min_count = 0,
                        std::uint8_t max_count = 0);

// Null for an empty text.
Value text_or_null(std::string_view text);
// A number in upper-case hexadecimal, 8 digits.
Value hexadecimal(ScriptContext& context, std::uint32_t number);
// The transport of a URI in upper or lower case: its parameter, else UDP; TLS for sips.
std::string_view transport_of(const sip::Uri& uri);

// One of several values by index: -1 is the last, [*] joins all with ", ". `at(i)` gives the i-th of `count`.
template <typename At>
Value pick(ScriptContext& context, const VariableRef& variable, std::size_t count, At at);

}  // namespace lockstep::pv

#include "core/worker/export_helpers.h"

namespace lockstep::pv {

template <typename At>
Value pick(ScriptContext& context, const VariableRef& variable, std::size_t count, At at) {
  if (count == 0) return Value::null();
  const script::VariableIndex index = variable.index(context);
  if (index.kind != script::IndexKind::kAll) {
    std::int64_t number = index.kind == script::IndexKind::kNone ? 0 : index.number;
    if (number < 0) number += static_cast<std::int64_t>(count);
    if (number < 0 || number >= static_cast<std::int64_t>(count)) return Value::null();
    return at(static_cast<std::size_t>(number));
  }
  std::string_view all;
  for (std::size_t i = 0; i < count; ++i) {
    const auto joined = worker::try_join(context, {all, i == 0 ? "" : ", ", context.text_of(at(i))});
    if (!joined.has_value()) return Value::null();
    all = *joined;
  }
  return Value::of_string(all);
}

}  // namespace lockstep::pv
