// header_variables.cc: header fields by name and index, and those with a variable of their own.
#include "modules/pv/pv_parts.h"

namespace lockstep::pv {
namespace {

using sip::HeaderId;

bool has_name(const sip::HeaderField& field, HeaderId id, std::string_view name) {
  return id == HeaderId::kOther ? sip::equal_nocase(field.name, name) : field.id == id;
}

std::size_t count_fields(const sip::Message& message, std::string_view name) {
  const HeaderId id = sip::header_id(name);
  std::size_t count = 0;
  for (const sip::HeaderField& field : message.fields()) count += has_name(field, id, name) ? 1U : 0U;
  return count;
}

Value hdr(ScriptContext& context, const VariableRef& variable) {
  const sip::Message& message = context.message;
  const std::string_view name = variable.inner(context);
  if (!variable.has_index()) {
    const sip::HeaderField* first = message.first(name);
    return first == nullptr ? Value::null() : Value::of_string(first->value);
  }
  const HeaderId id = sip::header_id(name);
  return pick(context, variable, count_fields(message, name), [&](std::size_t wanted) {
    for (const sip::HeaderField& field : message.fields()) {
      if (has_name(field, id, name) && wanted-- == 0) return Value::of_string(field.value);
    }
    return Value::null();
  });
}

Value hdrc(ScriptContext& context, const VariableRef& variable) {
  return Value::of_int(static_cast<std::int64_t>(count_fields(context.message, variable.inner(context))));
}

// $hfl(name): the values of a comma-separated header one by one, across lines.
Value hfl(ScriptContext& context, const VariableRef& variable) {
  const std::string_view name = variable.inner(context);
  const HeaderId id = sip::header_id(name);
  const auto walk = [&](auto visit) {
    for (const sip::HeaderField& field : context.message.fields()) {
      if (!has_name(field, id, name)) continue;
      std::string_view rest = field.value;
      for (auto value = sip::next_list_value(rest); !value.empty(); value = sip::next_list_value(rest))
        visit(value);
    }
  };
  std::size_t count = 0;
  walk([&](std::string_view) { ++count; });
  return pick(context, variable, count, [&](std::size_t wanted) {
    Value found;
    std::size_t at = 0;
    walk([&](std::string_view value) {
      if (at++ == wanted) found = Value::of_string(value);
    });
    return found;
  });
}

void add_value(script::ModuleExports& exports, const char* name, const char* doc, HeaderId id) {
  add_variable(exports, name, doc, [id](ScriptContext& context, const VariableRef&) {
    const sip::HeaderField* field = context.message.first(id);
    return field == nullptr ? Value::null() : Value::of_string(field->value);
  });
}

// The URI of the first value of a header that holds addresses.
void add_uri(script::ModuleExports& exports, const char* name, const char* doc, HeaderId id) {
  add_variable(exports, name, doc, [id](ScriptContext& context, const VariableRef&) {
    const auto first = context.message.first_value(id);
    const auto value = first.has_value() ? sip::parse_name_addr(first->text) : std::nullopt;
    return value.has_value() ? text_or_null(value->uri) : Value::null();
  });
}

void add_diversion_param(script::ModuleExports& exports, const char* name, const char* doc,
                         const char* param) {
  add_variable(exports, name, doc, [param](ScriptContext& context, const VariableRef&) {
    const auto first = context.message.first_value(HeaderId::kDiversion);
    const auto value = first.has_value() ? sip::parse_name_addr(first->text) : std::nullopt;
    return value.has_value() ? text_or_null(value->params.value(param)) : Value::null();
  });
}

}  // namespace

void add_header_variables(script::ModuleExports& exports) {
  using script::InnerName;
  add_variable(exports, "hdr", "the value of a header field, by name", hdr, {InnerName::kRequired, true});
  add_variable(exports, "hdrc", "how many header fields of a name there are", hdrc,
               {InnerName::kRequired, false});
  add_variable(exports, "hfl", "one value of a comma-separated header", hfl, {InnerName::kRequired, true});
  add_value(exports, "ci", "Call-ID", HeaderId::kCallId);
  add_value(exports, "ct", "the value of Contact", HeaderId::kContact);
  add_value(exports, "cT", "Content-Type", HeaderId::kContentType);
  add_value(exports, "ua", "User-Agent", HeaderId::kUserAgent);
  add_uri(exports, "ai", "the URI in P-Asserted-Identity", HeaderId::kPAssertedIdentity);
  add_uri(exports, "pu", "the URI in P-Preferred-Identity", HeaderId::kPPreferredIdentity);
  add_uri(exports, "re", "the URI in Remote-Party-ID", HeaderId::kRemotePartyId);
  add_uri(exports, "di", "the URI in Diversion", HeaderId::kDiversion);
  add_uri(exports, "rt", "the URI in Refer-To", HeaderId::kReferTo);
  add_diversion_param(exports, "dir", "the reason in Diversion", "reason");
  add_diversion_param(exports, "dip", "the privacy in Diversion", "privacy");
  add_variable(exports, "dic", "the counter in Diversion", [](ScriptContext& context, const VariableRef&) {
    const auto first = context.message.first_value(HeaderId::kDiversion);
    const auto value = first.has_value() ? sip::parse_name_addr(first->text) : std::nullopt;
    const auto counter =
        value.has_value() ? script::parse_decimal(value->params.value("counter")) : std::nullopt;
    return counter.has_value() ? Value::of_int(*counter) : Value::null();
  });
  add_variable(exports, "cl", "the number in Content-Length", [](ScriptContext& context, const VariableRef&) {
    const auto length = script::parse_decimal(context.message.value(HeaderId::kContentLength));
    return length.has_value() ? Value::of_int(*length) : Value::null();
  });
}

}  // namespace lockstep::pv
