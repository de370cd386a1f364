// branch_variables.cc: the branches that the script has added beside the request itself.
#include <fmt/format.h>

#include "core/base/log.h"
#include "core/worker/request_edit.h"
#include "modules/pv/pv_parts.h"

namespace lockstep::pv {
namespace {

using worker::Destination;

std::string_view q_text(ScriptContext& context, std::uint16_t q) {
  if (q >= 1000) return "1";
  fmt::memory_buffer digits;
  fmt::format_to(std::back_inserter(digits), "0.{:03}", q);
  std::string_view text(digits.data(), digits.size());
  while (text.size() > 3 && text.back() == '0') text.remove_suffix(1);
  return context.arena().copy(text);
}

Value branch_uri(ScriptContext& context, const VariableRef&) {
  return context.branches.empty() ? Value::null() : Value::of_string(context.branches[0].uri);
}

// $br = "sip:..." adds a branch, $br = $null removes all.
bool set_branch(ScriptContext& context, const VariableRef&, const Value& value) {
  if (value.is_null()) {
    context.branches.clear();
    return true;
  }
  const std::string_view uri = context.text_of(value);
  return !uri.empty() && worker::append_branch(context, uri, 1000);
}

Value all_branches(ScriptContext& context, const VariableRef&) {
  std::string_view all;
  for (const Destination& branch : context.branches) {
    const auto joined = worker::try_join(context, {all, all.empty() ? "" : ", ", branch.uri});
    if (!joined.has_value()) return Value::null();
    all = *joined;
  }
  return text_or_null(all);
}

// The destination set, as a redirect would show it.
Value destination_set(ScriptContext& context, const VariableRef&) {
  if (!context.message.is_request()) return Value::null();
  std::string_view all;
  const auto add = [&](std::string_view uri, std::uint16_t q) {
    const auto joined =
        worker::try_join(context, {all, all.empty() ? "Contact: <" : ", <", uri, ">;q=", q_text(context, q)});
    if (joined.has_value()) all = *joined;
    return joined.has_value();
  };
  if (!add(context.request_uri(), context.target.q)) return Value::null();
  for (const Destination& branch : context.branches) {
    if (!add(branch.uri, branch.q)) return Value::null();
  }
  return text_or_null(all);
}

Destination* branch_at(ScriptContext& context, const VariableRef& variable) {
  const script::VariableIndex index = variable.index(context);
  std::int64_t number = index.kind == script::IndexKind::kNumber ? index.number : 0;
  const auto count = static_cast<std::int64_t>(context.branches.size());
  if (number < 0) number += count;
  return number < 0 || number >= count ? nullptr : &context.branches[static_cast<std::size_t>(number)];
}

Value branch_attribute(ScriptContext& context, const VariableRef& variable) {
  const std::string_view name = variable.inner(context);
  if (name == "count") return Value::of_int(static_cast<std::int64_t>(context.branches.size()));
  const Destination* branch = branch_at(context, variable);
  if (branch == nullptr) return Value::null();
  if (name == "uri") return text_or_null(branch->uri);
  if (name == "dst_uri") return text_or_null(branch->next_hop);
  if (name == "path") return text_or_null(branch->path);
  if (name == "ruid") return text_or_null(branch->ruid);
  if (name == "q") return Value::of_string(q_text(context, branch->q));
  if (name == "flags") return Value::of_int(branch->flags);
  if (name == "send_socket" && branch->socket < context.local_names.sockets().size()) {
    return text_or_null(context.local_names.sockets()[branch->socket].name);
  }
  return Value::null();
}

// A URI in the arena; empty for null. none: it is no URI, or the arena is full.
std::optional<std::string_view> uri_value(ScriptContext& context, const Value& value, bool may_be_empty) {
  const std::string_view text = context.text_of(value);
  if (text.empty()) return may_be_empty ? std::optional(text) : std::nullopt;
  if (!sip::parse_uri(text).has_value()) return std::nullopt;
  return worker::try_join(context, {text});
}

bool set_branch_attribute(ScriptContext& context, const VariableRef& variable, const Value& value) {
  const std::string_view name = variable.inner(context);
  Destination* branch = branch_at(context, variable);
  if (branch == nullptr) return false;
  if (name == "uri" || name == "dst_uri") {
    const auto uri = uri_value(context, value, name == "dst_uri");
    if (!uri.has_value()) return false;
    (name == "uri" ? branch->uri : branch->next_hop) = *uri;
    return true;
  }
  if (name == "path") {
    const auto path = worker::try_join(context, {context.text_of(value)});
    if (!path.has_value()) return false;
    branch->path = *path;
    return true;
  }
  if (name == "q") {
    const auto q = sip::parse_q(context.text_of(value));
    if (q.has_value()) branch->q = *q;
    return q.has_value();
  }
  if (name == "flags") {
    const auto flags = value.try_int();
    if (!flags.has_value() || *flags < 0 || *flags > 0xffffffffLL) return false;
    branch->flags = static_cast<std::uint32_t>(*flags);
    return true;
  }
  if (name == "send_socket") {
    const std::uint16_t socket = worker::find_socket_text(context.local_names, context.text_of(value));
    if (socket == worker::kNoSocket && !value.is_null()) return false;
    branch->socket = socket;
    return true;
  }
  return false;
}

}  // namespace

void add_branch_variables(script::ModuleExports& exports) {
  add_writable(exports, "br", "the first added branch; assigning adds one", branch_uri, set_branch);
  add_variable(exports, "bR", "all added branches", all_branches);
  add_variable(exports, "ds", "the destination set, as a Contact header", destination_set);
  add_writable(exports, "branch", "an added branch: uri, dst_uri, path, q, flags, send_socket, ruid, count",
               branch_attribute, set_branch_attribute, {script::InnerName::kRequired, true});
  add_writable(
      exports, "rq", "the q value of the request's own target",
      [](ScriptContext& context, const VariableRef&) {
        return Value::of_string(q_text(context, context.target.q));
      },
      [](ScriptContext& context, const VariableRef&, const Value& value) {
        const auto q = sip::parse_q(context.text_of(value));
        if (q.has_value()) context.target.q = *q;
        return q.has_value();
      });
}

}  // namespace lockstep::pv
