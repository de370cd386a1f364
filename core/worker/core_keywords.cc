// core_keywords.cc: the words that conditions know without a dollar: uri, src_ip, method, ...
#include "core/worker/core_exports.h"
#include "core/worker/script_context.h"

namespace lockstep::worker {
namespace {

using script::Context;
using script::KeywordSpec;
using script::Value;

Value uri(Context& context) {
  ScriptContext& sip_context = context_of(context);
  return sip_context.message.is_request() ? Value::of_string(sip_context.request_uri()) : Value::null();
}

Value text_or_null(bool present, std::string_view text) {
  return present ? Value::of_string(text) : Value::null();
}

Value from_uri(Context& context) {
  const sip::NameAddr* from = context_of(context).message.from();
  return text_or_null(from != nullptr, from != nullptr ? from->uri : "");
}

Value to_uri(Context& context) {
  const sip::NameAddr* to = context_of(context).message.to();
  return text_or_null(to != nullptr, to != nullptr ? to->uri : "");
}

const ListenSocket* receiving_socket(const ScriptContext& context) {
  const auto& sockets = context.local_names.sockets();
  return context.socket < sockets.size() ? &sockets[context.socket] : nullptr;
}

Value address_of(Context& context, const PeerAddress& address) {
  return address.is_set() ? context.make_string(ip_text(address).view()) : Value::null();
}

Value src_ip(Context& context) { return address_of(context, context_of(context).source); }

Value dst_ip(Context& context) {
  const ListenSocket* socket = receiving_socket(context_of(context));
  return socket == nullptr ? Value::null() : address_of(context, socket->address);
}

Value src_port(Context& context) { return Value::of_int(context_of(context).source.port()); }

Value dst_port(Context& context) {
  const ListenSocket* socket = receiving_socket(context_of(context));
  return Value::of_int(socket == nullptr ? 0 : socket->address.port());
}

Value proto(Context&) { return Value::of_string("UDP"); }
Value af(Context& context) {
  return Value::of_string(context_of(context).source.is_ipv6() ? "INET6" : "INET");
}

Value method(Context& context) {
  const sip::Message& message = context_of(context).message;
  if (message.is_request()) return Value::of_string(message.method_text());
  const sip::CSeq* cseq = message.cseq();
  return text_or_null(cseq != nullptr, cseq != nullptr ? cseq->method_text : "");
}

Value status(Context& context) {
  const sip::Message& message = context_of(context).message;
  return message.is_response() ? context.make_string(std::int64_t{message.status()}) : Value::null();
}

Value message_bytes(Context& context) {
  return Value::of_int(static_cast<std::int64_t>(context_of(context).message.bytes().size()));
}

Value bytes_max(Context&) { return Value::of_int(sip::kMessageBytesMax); }

Value uri_host(Context& context) {
  const sip::Uri* parsed = context_of(context).parsed_request_uri();
  return text_or_null(parsed != nullptr, parsed != nullptr ? parsed->host : "");
}

Value uri_port(Context& context) {
  const sip::Uri* parsed = context_of(context).parsed_request_uri();
  return parsed == nullptr ? Value::null() : Value::of_int(parsed->port);
}

}  // namespace

void add_core_keywords(script::ModuleExports& exports) {
  using Type = KeywordSpec::Type;
  exports.keywords = {
      {"uri", Type::kString, "the Request-URI as it stands now", uri},
      {"from_uri", Type::kString, "the URI in From", from_uri},
      {"to_uri", Type::kString, "the URI in To", to_uri},
      {"src_ip", Type::kAddress, "where the message came from", src_ip},
      {"src_port", Type::kInt, "the port it came from", src_port},
      {"dst_ip", Type::kAddress, "the listening address it came to", dst_ip},
      {"dst_port", Type::kInt, "the port it came to", dst_port},
      {"proto", Type::kString, "the transport it came by: UDP", proto},
      {"af", Type::kString, "the address family it came by: INET or INET6", af},
      {"method", Type::kString, "the method; of a response that in CSeq", method},
      {"status", Type::kString, "the status of a response", status},
      {"msg:len", Type::kInt, "bytes of the message as received", message_bytes},
      {"max_len", Type::kInt, "bytes of the largest message that is taken", bytes_max},
      {"uri:host", Type::kString, "the host of the Request-URI", uri_host},
      {"uri:port", Type::kInt, "the port of the Request-URI, 0 when it has none", uri_port},
  };
}

}  // namespace lockstep::worker
