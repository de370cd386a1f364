// A message, read for people.
#include "core/order/wire.h"

#include "core/sip/message.h"

namespace lockstep::order {
namespace {

std::string without_returns(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c != '\r') result += c;
  }
  return result;
}

}  // namespace

std::string Wire::summary() const {
  if (!is_sip) return "(no SIP)";
  return is_response ? std::to_string(status) + " " + method : method;
}

Wire read_wire(std::string_view bytes) {
  static sip::Message message;  // Large, and nothing here is concurrent.
  Wire wire;
  const sip::ParseResult result = message.parse(bytes);
  wire.is_sip = result.kind == sip::MessageKind::kRequest || result.kind == sip::MessageKind::kResponse;
  if (!wire.is_sip) {
    wire.head = without_returns(bytes);
    return wire;
  }
  wire.is_response = message.is_response();
  wire.status = message.status();
  wire.method = message.method_text();
  wire.start_line = message.start_line();
  wire.request_uri = message.request_uri_text();
  if (message.top_via() != nullptr) wire.via_branch = message.top_via()->branch;
  wire.from_tag = message.from_tag();
  wire.to_tag = message.to_tag();
  if (message.from_uri() != nullptr) wire.from_user = message.from_uri()->user;
  if (message.to_uri() != nullptr) wire.to_user = message.to_uri()->user;
  if (const sip::HeaderField* reason = message.first("Reason")) wire.reason = reason->value;
  wire.content_type = message.content_type();
  wire.head = without_returns(message.bytes().substr(0, message.headers_end()));
  wire.body = without_returns(message.body());
  return wire;
}

}  // namespace lockstep::order
