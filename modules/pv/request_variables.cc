// request_variables.cc: the Request-URI, the next hop, and their parts; writable where scripts change them.
#include "core/base/log.h"
#include "core/worker/request_edit.h"
#include "modules/pv/pv_parts.h"

namespace lockstep::pv {
namespace {

using worker::UriPart;

// part(const sip::Uri&) -> Value, of the Request-URI as it stands now; null in responses.
template <typename Part>
auto of_request_uri(Part part) {
  return [part](ScriptContext& context, const VariableRef&) -> Value {
    const sip::Uri* uri = context.parsed_request_uri();
    return uri == nullptr ? Value::null() : part(*uri);
  };
}

// The same of a text that is a URI or empty.
template <typename Text, typename Part>
auto of_uri_text(Text text, Part part) {
  return [text, part](ScriptContext& context, const VariableRef&) -> Value {
    const std::string_view given = text(context);
    if (given.empty()) return Value::null();
    const auto uri = sip::parse_uri(given);
    return uri.has_value() ? part(*uri) : Value::null();
  };
}

Value user_of(const sip::Uri& uri) { return text_or_null(uri.user); }
Value host_of(const sip::Uri& uri) { return text_or_null(uri.host); }
Value port_of(const sip::Uri& uri) { return Value::of_int(uri.effective_port()); }
Value protocol_of(const sip::Uri& uri) { return Value::of_string(transport_of(uri)); }

bool set_part(ScriptContext& context, UriPart part, const Value& value) {
  if (value.is_null() && part == UriPart::kHost) return false;
  return worker::set_request_uri_part(context, part, context.text_of(value));
}

bool set_ru(ScriptContext& context, const VariableRef&, const Value& value) {
  const std::string_view text = context.text_of(value);
  if (!context.message.is_request() || !sip::parse_uri(text).has_value()) {
    LS_LOG(kErr, "pv", "$ru: '{}' is no URI", text);
    return false;
  }
  return context.set_request_uri(text);
}

bool set_du(ScriptContext& context, const VariableRef&, const Value& value) {
  const std::string_view text = context.text_of(value);
  if (text.empty()) {
    context.target.next_hop = {};
    return true;
  }
  if (!sip::parse_uri(text).has_value()) {
    LS_LOG(kErr, "pv", "$du: '{}' is no URI", text);
    return false;
  }
  return context.set_next_hop(text);
}

bool set_du_part(ScriptContext& context, UriPart part, const Value& value) {
  const auto uri = sip::parse_uri(context.target.next_hop);
  if (!uri.has_value()) return false;
  const auto changed = worker::with_uri_part(context, *uri, part, context.text_of(value));
  if (!changed.has_value()) return false;
  context.target.next_hop = *changed;
  return true;
}

void add_request_uri(script::ModuleExports& exports) {
  const auto whole = [](ScriptContext& context, const VariableRef&) {
    return context.message.is_request() ? Value::of_string(context.request_uri()) : Value::null();
  };
  for (const char* name : {"ru", "ruri"}) {
    add_writable(exports, name, "the Request-URI as it stands now", whole, set_ru);
  }
  const auto part_setter = [](UriPart part) {
    return [part](ScriptContext& context, const VariableRef&, const Value& value) {
      return set_part(context, part, value);
    };
  };
  add_writable(exports, "rU", "its user", of_request_uri(user_of), part_setter(UriPart::kUser));
  add_writable(exports, "rd", "its host", of_request_uri(host_of), part_setter(UriPart::kHost));
  add_writable(exports, "rp", "its port, or the one that stands for none", of_request_uri(port_of),
               part_setter(UriPart::kPort));
  add_variable(exports, "rP", "its transport, in upper case", of_request_uri(protocol_of));
  add_variable(exports, "rz", "its scheme",
               of_request_uri([](const sip::Uri& uri) { return text_or_null(uri.scheme_text); }));
  const auto original = [](ScriptContext& context) {
    return context.message.is_request() ? context.message.request_uri_text() : std::string_view();
  };
  add_variable(
      exports, "ou", "the Request-URI as it was received",
      [original](ScriptContext& context, const VariableRef&) { return text_or_null(original(context)); });
  add_variable(exports, "oU", "its user", of_uri_text(original, user_of));
  add_variable(exports, "od", "its host", of_uri_text(original, host_of));
  add_variable(exports, "op", "its port", of_uri_text(original, port_of));
  add_variable(exports, "oP", "its transport", of_uri_text(original, protocol_of));
}

void add_next_hop(script::ModuleExports& exports) {
  const auto next_hop = [](ScriptContext& context) { return context.target.next_hop; };
  const auto whole = [](ScriptContext& context, const VariableRef&) {
    return text_or_null(context.target.next_hop);
  };
  for (const char* name : {"du", "duri"})
    add_writable(exports, name, "the URI of the next hop", whole, set_du);
  const auto part_setter = [](UriPart part) {
    return [part](ScriptContext& context, const VariableRef&, const Value& value) {
      return set_du_part(context, part, value);
    };
  };
  add_writable(exports, "dd", "the host of the next hop", of_uri_text(next_hop, host_of),
               part_setter(UriPart::kHost));
  add_writable(exports, "dp", "the port of the next hop", of_uri_text(next_hop, port_of),
               part_setter(UriPart::kPort));
  add_variable(exports, "dP", "the transport of the next hop", of_uri_text(next_hop, protocol_of));
}

// $nh(x): of $du if it is set, else of the Request-URI.
Value nh(ScriptContext& context, const VariableRef& variable) {
  const std::string_view next_hop = context.target.next_hop;
  if (next_hop.empty() && !context.message.is_request()) return Value::null();
  const std::string_view text = next_hop.empty() ? context.request_uri() : next_hop;
  const std::string_view name = variable.inner(context);
  if (name == "u") return text_or_null(text);
  const auto uri = sip::parse_uri(text);
  if (!uri.has_value()) return Value::null();
  if (name == "U") return user_of(*uri);
  if (name == "d") return host_of(*uri);
  if (name == "p") return port_of(*uri);
  if (name == "P") return protocol_of(*uri);
  return Value::null();
}

bool set_flags(std::uint32_t& flags, const Value& value) {
  const auto number = value.try_int();
  if (!number.has_value() || *number < 0 || *number > 0xffffffffLL) return false;
  flags = static_cast<std::uint32_t>(*number);
  return true;
}

}  // namespace

void add_request_variables(script::ModuleExports& exports) {
  add_request_uri(exports);
  add_next_hop(exports);
  add_variable(exports, "nh", "the next hop: u URI, U user, d host, p port, P transport", nh,
               {script::InnerName::kRequired, false});
  const auto set_message_flags = [](ScriptContext& context, const VariableRef&, const Value& value) {
    return set_flags(context.flags, value);
  };
  add_writable(
      exports, "mf", "the flags of the message as a number",
      [](ScriptContext& context, const VariableRef&) { return Value::of_int(context.flags); },
      set_message_flags);
  add_writable(
      exports, "mF", "the flags of the message, hexadecimal",
      [](ScriptContext& context, const VariableRef&) { return hexadecimal(context, context.flags); },
      set_message_flags);
  const auto set_branch_flags = [](ScriptContext& context, const VariableRef&, const Value& value) {
    return set_flags(context.target.flags, value);
  };
  add_writable(
      exports, "bf", "the flags of the branch as a number",
      [](ScriptContext& context, const VariableRef&) { return Value::of_int(context.target.flags); },
      set_branch_flags);
  add_writable(
      exports, "bF", "the flags of the branch, hexadecimal",
      [](ScriptContext& context, const VariableRef&) { return hexadecimal(context, context.target.flags); },
      set_branch_flags);
}

}  // namespace lockstep::pv
