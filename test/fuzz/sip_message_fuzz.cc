// sip_message_fuzz.cc: any bytes through the whole of core/sip: parse, every accessor, quick scan,
// edits, response, ACK and CANCEL. Aborts where two views of one message disagree.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "core/base/assert.h"
#include "core/sip/builder.h"
#include "core/sip/message.h"
#include "core/sip/message_edit.h"

namespace lockstep::sip {
namespace {

constexpr SourceAddress kSource{"10.0.0.9", 1025};

// Reads the text, so that a span outside the input is seen by the sanitizer.
std::size_t touch(std::string_view text) {
  std::size_t sum = text.size();
  for (char c : text) sum += static_cast<unsigned char>(c);
  return sum;
}

std::size_t touch_name_addr(const NameAddr* value) {
  if (value == nullptr) return 0;
  std::size_t sum = touch(value->display) + touch(value->uri) + touch(value->text_without_display());
  std::string_view rest = value->params.text();
  while (const auto param = ParamList::next(rest)) sum += touch(param->text()) + touch(param->bare_value());
  return sum + value->q().value_or(0) + value->expires().value_or(0) + touch(value->tag());
}

std::size_t touch_uri(const Uri* uri) {
  if (uri == nullptr) return 0;
  LS_ASSERT(equal(*uri, *uri));
  return touch(uri->user) + touch(uri->password) + touch(uri->host_port_text()) + touch(uri->headers) +
         touch(uri->user_params().text()) + touch(uri->params.value("transport")) + uri->effective_port();
}

std::size_t touch_values(const Message& message) {
  std::size_t sum = touch(message.start_line()) + touch(message.body()) + touch(message.reason());
  for (std::size_t i = 0; i < kHeaderIdCount; ++i) {
    for (const HeaderValue& value : message.values(static_cast<HeaderId>(i))) {
      LS_ASSERT(message.contains(value.text));
      sum += touch(value.text);
      const auto name_addr = parse_name_addr(value.text);
      if (!name_addr) continue;
      sum += touch_name_addr(&*name_addr);
      const auto uri = parse_uri(name_addr->uri);
      sum += touch_uri(uri ? &*uri : nullptr);
    }
  }
  sum += touch_name_addr(message.from()) + touch_name_addr(message.to());
  sum += touch_uri(message.request_uri()) + touch_uri(message.from_uri()) + touch_uri(message.to_uri());
  if (message.cseq() != nullptr) sum += touch(message.cseq()->method_text);
  if (message.top_via() != nullptr) sum += touch(response_destination(*message.top_via()).host);
  return sum + message.max_forwards().value_or(0) + message.expires().value_or(0);
}

void check_quick_scan(const Message& message, std::string_view datagram) {
  const auto quick = quick_call_id(datagram);
  if (validate(message)) return;
  LS_ASSERT(quick && *quick == message.call_id());
}

void edit_and_build(const Message& message, std::span<char> out) {
  Arena arena(4096);
  EditList edits;
  bool is_done = complete_top_via(edits, message, kSource, true, arena);
  is_done = remove_first_value(edits, message, HeaderId::kRoute) && is_done;
  is_done = remove_first_value(edits, message, HeaderId::kVia) && is_done;
  is_done = insert_before_first(edits, message, HeaderId::kVia, "Via: SIP/2.0/UDP p\r\n") && is_done;
  is_done = set_max_forwards(edits, message, 69, arena) && is_done;
  if (is_done) LS_ASSERT(gather(message.bytes(), edits, out) == gathered_size(message.bytes(), edits));
  if (message.is_response()) {
    build_ack("INVITE sip:a SIP/2.0\r\nv: x\r\nf: x\r\nt: x\r\ni: x\r\nCSeq: 1 INVITE\r\n\r\n", message, out);
    return;
  }
  build_cancel(message.bytes(), "Reason: SIP\r\n", out);
  const auto fault = validate(message);
  ResponseSpec spec;
  spec.status = fault ? fault_status(*fault) : std::uint16_t{200};
  spec.to_tag = "tag";
  spec.source = kSource;
  const std::size_t size = build_response(message, spec, out);
  if (fault || size == 0) return;
  // The answer to a sound request is sound and keeps its identity.
  Message response;
  response.parse({out.data(), size});
  LS_ASSERT(!validate(response));
  LS_ASSERT(response.cseq()->number == message.cseq()->number);
}

}  // namespace
}  // namespace lockstep::sip

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lockstep::sip;
  const std::string_view datagram(reinterpret_cast<const char*>(data), size);
  static Message message;
  static std::vector<char> out(1 << 18);
  const ParseResult result = message.parse(datagram);
  quick_call_id(datagram);
  if (result.kind == MessageKind::kKeepAlive || result.kind == MessageKind::kGarbage) return 0;
  LS_ASSERT(touch_values(message) > 0);
  check_quick_scan(message, datagram);
  edit_and_build(message, out);
  return 0;
}
