// builder.cc: responses from a parsed request; ACK and CANCEL from the bytes of the INVITE as sent,
// which are walked with a HeaderCursor because no index of them exists.
#include "core/sip/builder.h"

#include "core/base/assert.h"
#include "core/base/mutation.h"
#include "core/sip/text.h"

namespace lockstep::sip {
namespace {

// The top Via value with received and rport of the source, as complete_top_via() would edit it.
void write_completed_via(Writer& writer, const Via& via, const ResponseSpec& spec) {
  const bool asks_rport = via.has_rport || spec.force_rport;
  const bool needs_received = asks_rport || !via.received.empty() || !equal_host(via.host, spec.source.ip);
  const auto write_rport = [&] { writer.text("rport=").number(spec.source.port); };
  const auto write_received = [&] { writer.text("received=").text(spec.source.ip); };
  bool has_rport = false;
  bool has_received = false;

  const std::size_t params_begin = via.params.text().data() == nullptr
                                       ? via.text.size()
                                       : static_cast<std::size_t>(via.params.text().data() - via.text.data());
  std::string_view sent = trim(via.text.substr(0, params_begin));
  if (!sent.empty() && sent.back() == ';') sent = trim(sent.substr(0, sent.size() - 1));
  writer.unfolded(sent);
  std::string_view rest = via.params.text();
  while (const std::optional<Param> param = ParamList::next(rest)) {
    writer.text(";");
    if (equal_nocase(param->name, "rport") && !has_rport) {
      write_rport();
      has_rport = true;
    } else if (equal_nocase(param->name, "received") && !has_received) {
      write_received();
      has_received = true;
    } else {
      writer.unfolded(param->text());
    }
  }
  if (asks_rport && !has_rport) {
    writer.text(";");
    write_rport();
  }
  if (needs_received && !has_received) {
    writer.text(";");
    write_received();
  }
}

void write_vias(Writer& writer, const Message& request, const ResponseSpec& spec) {
  const Via* top = spec.source.ip.empty() ? nullptr : request.top_via();
  for (const HeaderField& field : request.fields(HeaderId::kVia)) {
    writer.text("Via: ");
    std::string_view value = field.value;
    if (top != nullptr) {
      write_completed_via(writer, *top, spec);
      value.remove_prefix(static_cast<std::size_t>(top->text.data() + top->text.size() - value.data()));
      top = nullptr;
    }
    writer.unfolded(value).text("\r\n");
  }
}

void copy_first(Writer& writer, const Message& request, HeaderId id) {
  const HeaderField* field = request.first(id);
  if (field != nullptr) writer.header(id, field->value);
}

void write_to(Writer& writer, const Message& request, const ResponseSpec& spec) {
  const HeaderField* field = request.first(HeaderId::kTo);
  if (field == nullptr) return;
  writer.text("To: ").unfolded(field->value);
  const bool wants_tag = spec.status > 100 && !spec.to_tag.empty() && request.to() != nullptr;
  if (wants_tag && request.to_tag().empty()) writer.text(";tag=").text(spec.to_tag);
  writer.text("\r\n");
}

void write_body(Writer& writer, std::string_view content_type, std::string_view body) {
  if (!body.empty() && !content_type.empty()) writer.header(HeaderId::kContentType, content_type);
  writer.header(HeaderId::kContentLength, body.size()).text("\r\n").text(body);
}

// What a hop-by-hop request copies from the INVITE it belongs to.
struct InviteParts {
  std::string_view request_uri;
  std::string_view top_via;
  std::string_view from;
  std::string_view to;
  std::string_view call_id;
  std::string_view cseq_number;
  std::string_view headers;  // The header section, for the Route lines.
  bool has_route = false;

  bool is_complete() const {
    return !request_uri.empty() && !top_via.empty() && !from.empty() && !to.empty() && !call_id.empty() &&
           !cseq_number.empty();
  }
};

void take_first(std::string_view& slot, std::string_view value) {
  if (slot.empty()) slot = value;
}

void take_field(InviteParts& parts, const HeaderLine& line) {
  const HeaderId id = header_id(line.name);
  std::string_view rest = line.value;
  if (id == HeaderId::kRoute) parts.has_route = true;
  if (id == HeaderId::kVia) take_first(parts.top_via, next_list_value(rest));
  if (id == HeaderId::kFrom) take_first(parts.from, line.value);
  if (id == HeaderId::kTo) take_first(parts.to, line.value);
  if (id == HeaderId::kCallId) take_first(parts.call_id, line.value);
  if (id == HeaderId::kCSeq) {
    std::size_t digits = 0;
    while (digits < line.value.size() && is_digit(line.value[digits])) ++digits;
    take_first(parts.cseq_number, line.value.substr(0, digits));
  }
}

InviteParts read_invite(std::string_view invite) {
  InviteParts parts;
  const std::size_t line_end = invite.find('\n');
  if (line_end == std::string_view::npos) return parts;
  const std::string_view line = trim(invite.substr(0, line_end));
  const std::size_t uri_begin = line.find(' ');
  const std::size_t uri_end = line.rfind(' ');
  if (uri_begin == std::string_view::npos || uri_begin == uri_end) return parts;
  parts.request_uri = line.substr(uri_begin + 1, uri_end - uri_begin - 1);
  parts.headers = invite.substr(line_end + 1);

  HeaderCursor cursor(parts.headers);
  HeaderLine field;
  for (;;) {
    const CursorResult result = cursor.next(field);
    if (result == CursorResult::kField) take_field(parts, field);
    if (result == CursorResult::kEmpty || result == CursorResult::kEnd) return parts;
  }
}

void write_routes(Writer& writer, std::string_view headers) {
  HeaderCursor cursor(headers);
  HeaderLine field;
  for (;;) {
    const CursorResult result = cursor.next(field);
    if (result == CursorResult::kEmpty || result == CursorResult::kEnd) return;
    if (result != CursorResult::kField || header_id(field.name) != HeaderId::kRoute) continue;
    writer.header(HeaderId::kRoute, field.value);
  }
}

std::size_t build_hop_request(std::string_view method, const InviteParts& invite, std::string_view to,
                              std::string_view extra_headers, std::span<char> out) {
  if (!invite.is_complete() || to.empty()) return 0;
  Writer writer(out);
  writer.text(method).text(" ").text(invite.request_uri).text(" SIP/2.0\r\n");
  writer.header(HeaderId::kVia, invite.top_via);
  writer.header(HeaderId::kMaxForwards, 70);
  if (invite.has_route) write_routes(writer, invite.headers);
  writer.header(HeaderId::kFrom, invite.from);
  writer.header(HeaderId::kTo, to);
  writer.header(HeaderId::kCallId, invite.call_id);
  writer.text("CSeq: ").text(invite.cseq_number).text(" ").text(method).text("\r\n");
  writer.text(extra_headers);
  write_body(writer, {}, {});
  return writer.size();
}

}  // namespace

std::size_t build_response(const Message& request, const ResponseSpec& spec, std::span<char> out) {
  LS_ASSERT(request.is_request());
  LS_ASSERT(spec.status >= 100 && spec.status < 700);
  Writer writer(out);
  writer.text("SIP/2.0 ").number(spec.status).text(" ");
  writer.unfolded(spec.reason.empty() ? reason_phrase(spec.status) : spec.reason).text("\r\n");
  write_vias(writer, request, spec);
  if (spec.status > 100 && spec.status < 300 && is_dialog_forming(request.method())) {
    for (const HeaderField& field : request.fields(HeaderId::kRecordRoute)) {
      writer.header(HeaderId::kRecordRoute, field.value);
    }
  }
  copy_first(writer, request, HeaderId::kFrom);
  write_to(writer, request, spec);
  copy_first(writer, request, HeaderId::kCallId);
  copy_first(writer, request, HeaderId::kCSeq);
  if (spec.status == 100) copy_first(writer, request, HeaderId::kTimestamp);
  writer.text(spec.extra_headers);
  if (!spec.server_header.empty()) writer.header(HeaderId::kServer, spec.server_header);
  write_body(writer, spec.content_type, spec.body);
  return writer.size();
}

std::size_t build_ack(std::string_view invite_as_sent, const Message& response, std::span<char> out) {
  return build_hop_request("ACK", read_invite(invite_as_sent), response.value(HeaderId::kTo), {}, out);
}

std::size_t build_cancel(std::string_view invite_as_sent, std::string_view extra_headers,
                         std::span<char> out) {
  InviteParts invite = read_invite(invite_as_sent);
  if (mutated(Mutation::kCancelOtherVia)) invite.top_via.remove_suffix(1);
  if (mutated(Mutation::kCancelOtherCSeq)) invite.cseq_number = "4711";
  return build_hop_request("CANCEL", invite, invite.to, extra_headers, out);
}

void write_host_port(Writer& writer, std::string_view host, std::uint16_t port) {
  const bool needs_brackets = host.find(':') != std::string_view::npos && host.front() != '[';
  if (needs_brackets) writer.text("[");
  writer.text(host);
  if (needs_brackets) writer.text("]");
  if (port != 0) writer.text(":").number(port);
}

void write_via(Writer& writer, const ViaSpec& via) {
  writer.text("Via: SIP/2.0/").text(transport_name(via.transport)).text(" ");
  write_host_port(writer, via.host, via.port);
  if (!via.branch.empty()) writer.text(";branch=").text(via.branch);
  if (via.rport) writer.text(";rport");
  writer.text(via.extra_params).text("\r\n");
}

void write_record_route(Writer& writer, const RecordRouteSpec& route) {
  writer.text(route.sips ? "Record-Route: <sips:" : "Record-Route: <sip:");
  if (!route.user.empty()) writer.text(route.user).text("@");
  write_host_port(writer, route.host, route.port);
  writer.text(";lr").text(route.params).text(">\r\n");
}

}  // namespace lockstep::sip
