// message_variables.cc: start line, From, To, CSeq, body, credentials, and the message as a whole.
#include "core/base/hash.h"
#include "core/worker/request_edit.h"
#include "modules/pv/pv_parts.h"

namespace lockstep::pv {
namespace {

using sip::HeaderId;

Value number_of(std::size_t number) { return Value::of_int(static_cast<std::int64_t>(number)); }

// --- From and To ---

using NameAddrOf = const sip::NameAddr* (sip::Message::*)() const;
using UriOf = const sip::Uri* (sip::Message::*)() const;

void add_name_addr(script::ModuleExports& exports, const std::string& letter, const char* header,
                   NameAddrOf value, UriOf uri) {
  const auto doc = [header](const char* what) { return std::string(what) + " in " + header; };
  const auto add_part = [&](const char* suffix, const char* what, auto part) {
    add_variable(exports, letter + suffix, doc(what),
                 [uri, part](ScriptContext& context, const VariableRef&) {
                   const sip::Uri* parsed = (context.message.*uri)();
                   return parsed == nullptr ? Value::null() : text_or_null(part(*parsed));
                 });
  };
  add_variable(exports, letter + "u", doc("the URI"), [value](ScriptContext& context, const VariableRef&) {
    const sip::NameAddr* parsed = (context.message.*value)();
    return parsed == nullptr ? Value::null() : text_or_null(parsed->uri);
  });
  add_variable(exports, letter + "n", doc("the display name"),
               [value](ScriptContext& context, const VariableRef&) {
                 const sip::NameAddr* parsed = (context.message.*value)();
                 return parsed == nullptr ? Value::null() : text_or_null(parsed->display);
               });
  add_variable(exports, letter + "t", doc("the tag"), [value](ScriptContext& context, const VariableRef&) {
    const sip::NameAddr* parsed = (context.message.*value)();
    return parsed == nullptr ? Value::null() : text_or_null(parsed->tag());
  });
  add_part("U", "the user of the URI", [](const sip::Uri& parsed) { return parsed.user; });
  add_part("d", "the host of the URI", [](const sip::Uri& parsed) { return parsed.host; });
}

// --- Start line ---

void add_start_line(script::ModuleExports& exports) {
  add_variable(exports, "rm", "the method; of a response that in CSeq",
               [](ScriptContext& context, const VariableRef&) {
                 if (context.message.is_request()) return text_or_null(context.message.method_text());
                 const sip::CSeq* cseq = context.message.cseq();
                 return cseq == nullptr ? Value::null() : text_or_null(cseq->method_text);
               });
  add_variable(exports, "rs", "the status of a response", [](ScriptContext& context, const VariableRef&) {
    return context.message.is_response() ? Value::of_int(context.message.status()) : Value::null();
  });
  add_variable(
      exports, "rr", "the reason phrase of a response", [](ScriptContext& context, const VariableRef&) {
        return context.message.is_response() ? Value::of_string(context.message.reason()) : Value::null();
      });
  add_variable(exports, "rv", "the SIP version", [](ScriptContext& context, const VariableRef&) {
    return text_or_null(context.message.version());
  });
  add_variable(exports, "mt", "1: request, 2: response", [](ScriptContext& context, const VariableRef&) {
    return Value::of_int(context.message.is_request() ? 1 : 2);
  });
}

// --- The message ---

Value message_id(ScriptContext& context) {
  // The same for the whole life of a message in a process, and unlikely to be that of another.
  const std::uint64_t hash = hash_bytes(context.message.bytes(), context.process.state.hash_seed);
  return Value::of_int(static_cast<std::int64_t>(hash & 0x7fffffffU));
}

Value message_attribute(ScriptContext& context, const VariableRef& variable) {
  const sip::Message& message = context.message;
  const std::string_view name = variable.inner(context);
  const std::string_view headers =
      message.bytes().substr(message.headers_begin(), message.headers_end() - message.headers_begin());
  if (name == "len") return number_of(message.bytes().size());
  if (name == "buf") return Value::of_string(message.bytes());
  if (name == "body") return Value::of_string(message.body());
  if (name == "body_len" || name == "blen") return number_of(message.body().size());
  if (name == "hdrs") return Value::of_string(headers);
  if (name == "fpart") return Value::of_string(message.bytes().substr(0, message.headers_end()));
  if (name == "hdrs_len") return number_of(headers.size());
  if (name == "fline") return Value::of_string(message.start_line());
  if (name == "fline_len") return number_of(message.start_line().size());
  return Value::null();
}

void add_whole(script::ModuleExports& exports) {
  add_variable(
      exports, "mb", "the whole message as received",
      [](ScriptContext& context, const VariableRef&) { return Value::of_string(context.message.bytes()); });
  add_variable(exports, "ml", "the bytes of the message", [](ScriptContext& context, const VariableRef&) {
    return number_of(context.message.bytes().size());
  });
  add_variable(exports, "mi", "a number for this message",
               [](ScriptContext& context, const VariableRef&) { return message_id(context); });
  add_variable(exports, "msg", "len, buf, body, body_len, hdrs, hdrs_len, fline, fline_len, fpart",
               message_attribute, {script::InnerName::kRequired, false});
  add_variable(exports, "rb", "the body", [](ScriptContext& context, const VariableRef&) {
    return text_or_null(context.message.body());
  });
  add_variable(exports, "bs", "the bytes of the body", [](ScriptContext& context, const VariableRef&) {
    return number_of(context.message.body().size());
  });
}

// --- Credentials ---

Value digest(ScriptContext& context, const char* name) {
  const auto value = worker::digest_param(worker::credentials_of(context.message), name);
  return value.has_value() ? text_or_null(*value) : Value::null();
}

// The user of a username that may be user@domain.
std::string_view user_of(std::string_view username) { return username.substr(0, username.find('@')); }

void add_credentials(script::ModuleExports& exports) {
  add_variable(exports, "au", "the user in the credentials", [](ScriptContext& context, const VariableRef&) {
    const Value username = digest(context, "username");
    return username.is_null() ? username : text_or_null(user_of(username.text()));
  });
  add_variable(exports, "aU", "the whole username in the credentials",
               [](ScriptContext& context, const VariableRef&) { return digest(context, "username"); });
  add_variable(exports, "ar", "the realm in the credentials",
               [](ScriptContext& context, const VariableRef&) { return digest(context, "realm"); });
  add_variable(exports, "adu", "the URI in the credentials",
               [](ScriptContext& context, const VariableRef&) { return digest(context, "uri"); });
  add_variable(exports, "ad", "the domain of the username in the credentials, else their realm",
               [](ScriptContext& context, const VariableRef&) {
                 const Value username = digest(context, "username");
                 if (username.is_null()) return username;
                 const std::size_t at = username.text().find('@');
                 return at == std::string_view::npos ? digest(context, "realm")
                                                     : text_or_null(username.text().substr(at + 1));
               });
}

}  // namespace

void add_message_variables(script::ModuleExports& exports) {
  add_name_addr(exports, "f", "From", &sip::Message::from, &sip::Message::from_uri);
  add_name_addr(exports, "t", "To", &sip::Message::to, &sip::Message::to_uri);
  add_start_line(exports);
  add_whole(exports);
  add_credentials(exports);
  add_variable(exports, "cs", "the number in CSeq", [](ScriptContext& context, const VariableRef&) {
    const sip::CSeq* cseq = context.message.cseq();
    return cseq == nullptr ? Value::null() : Value::of_int(cseq->number);
  });
  add_variable(exports, "csb", "the value of CSeq", [](ScriptContext& context, const VariableRef&) {
    return text_or_null(context.message.value(HeaderId::kCSeq));
  });
}

}  // namespace lockstep::pv
