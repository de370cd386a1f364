// avp_variables.cc: $avp(name): values that stay with the transaction, several of one name, newest first.
// "s:name" and "name" are one; "i:10" is a name of its own. A plain assignment puts a value in front, as in
// Kamailio;
// $(avp(x)[*]) = v replaces all, $(avp(x)[n]) = v that one; $null takes the newest, all or that one away.
#include "core/base/log.h"
#include "modules/pv/pv_parts.h"

namespace lockstep::pv {
namespace {

using worker::Avp;

std::string_view avp_name(ScriptContext& context, const VariableRef& variable) {
  std::string_view name = variable.inner(context);
  if (name.starts_with("s:") || name.starts_with("S:")) name.remove_prefix(2);
  return name;
}

std::size_t count_avps(const ScriptContext& context, std::string_view name) {
  std::size_t count = 0;
  for (const Avp* avp = context.avps; avp != nullptr; avp = avp->next) count += avp->name == name ? 1U : 0U;
  return count;
}

// The link that holds the n-th value of that name; nullptr when there is none.
Avp** find_link(ScriptContext& context, std::string_view name, std::size_t wanted) {
  for (Avp** link = &context.avps; *link != nullptr; link = &(*link)->next) {
    if ((*link)->name == name && wanted-- == 0) return link;
  }
  return nullptr;
}

Value get_avp(ScriptContext& context, const VariableRef& variable) {
  const std::string_view name = avp_name(context, variable);
  if (!variable.has_index()) {
    const Avp* avp = context.find_avp(name);
    return avp == nullptr ? Value::null() : avp->value;
  }
  return pick(context, variable, count_avps(context, name), [&](std::size_t i) {
    Avp** const link = find_link(context, name, i);
    return link == nullptr ? Value::null() : (*link)->value;
  });
}

bool set_at(ScriptContext& context, std::string_view name, std::int64_t index, const Value& value) {
  if (index < 0) index += static_cast<std::int64_t>(count_avps(context, name));
  Avp** const link = index < 0 ? nullptr : find_link(context, name, static_cast<std::size_t>(index));
  if (link == nullptr) {
    if (value.is_null()) return true;
    if (index == 0) return context.add_avp(name, value);
    LS_LOG(kErr, "pv", "$(avp({})[{}]): there is no such value", name, index);
    return false;
  }
  if (value.is_null()) {
    *link = (*link)->next;
    return true;
  }
  const Value kept = value.is_string() ? context.make_string(value.text()) : value;
  if (kept.is_null()) return false;
  (*link)->value = kept;
  return true;
}

bool set_avp(ScriptContext& context, const VariableRef& variable, const Value& value) {
  const std::string_view name = avp_name(context, variable);
  const script::VariableIndex index = variable.index(context);
  if (index.kind == script::IndexKind::kNumber) return set_at(context, name, index.number, value);
  if (index.kind == script::IndexKind::kAll) {
    // The value may be made of what is removed here: it lives in the arena until the end of the event.
    context.remove_avps(name);
    return value.is_null() || context.add_avp(name, value);
  }
  return value.is_null() ? set_at(context, name, 0, value) : context.add_avp(name, value);
}

}  // namespace

void add_avp_variables(script::ModuleExports& exports) {
  add_writable(exports, "avp", "a value that stays with the transaction", get_avp, set_avp,
               {script::InnerName::kRequired, true});
}

}  // namespace lockstep::pv
