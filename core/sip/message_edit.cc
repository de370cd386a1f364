// message_edit.cc: each edit asks for the room it may need first, so that a refusal changes nothing.
#include "core/sip/message_edit.h"

#include <optional>

#include "core/sip/text.h"
#include "core/sip/writer.h"

namespace lockstep::sip {
namespace {

// Text that lives in the arena: the worst case is asked for first, the rest given back.
class ArenaText {
 public:
  ArenaText(Arena& arena, std::size_t bytes_max)
      : arena_(arena), block_(arena.make_array<char>(bytes_max)), writer_(span_of(block_, bytes_max)) {}
  ArenaText(const ArenaText&) = delete;
  ArenaText& operator=(const ArenaText&) = delete;

  Writer& writer() { return writer_; }
  // Empty when the arena was full.
  std::string_view finish() {
    if (block_ == nullptr || writer_.full()) return {};
    arena_.shrink_to(block_ + writer_.size());
    return writer_.view();
  }

 private:
  static std::span<char> span_of(char* block, std::size_t bytes) {
    return block == nullptr ? std::span<char>() : std::span<char>(block, bytes);
  }
  Arena& arena_;
  char* block_;
  Writer writer_;
};

struct Span {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
};

Span span_of(const Message& message, std::string_view part) {
  const std::uint32_t begin = message.offset_of(part);
  return {begin, begin + static_cast<std::uint32_t>(part.size())};
}

bool is_removed(const EditList& edits, const Message& message, std::string_view part) {
  const Span span = span_of(message, part);
  return edits.is_removed(span.begin, span.end);
}

bool needs_received(const Via& via, SourceAddress source, bool asks_rport) {
  return asks_rport || !via.received.empty() || !equal_host(via.host, source.ip);
}

}  // namespace

bool remove_field(EditList& edits, const Message&, const HeaderField& field) {
  return edits.remove(field.line_begin, field.line_end);
}

bool remove_all_fields(EditList& edits, const Message& message, HeaderId id) {
  if (!edits.has_room(message.count(id))) return false;
  bool is_done = true;
  for (const HeaderField& field : message.fields(id)) {
    is_done = remove_field(edits, message, field) && is_done;
  }
  return is_done;
}

bool remove_value(EditList& edits, const Message& message, const HeaderValue& value) {
  // What stays on the line decides which comma goes: the one before the value if something stays
  // before it, else the one behind, else the whole line.
  const HeaderField& field = message.fields()[value.field];
  const Span gone = span_of(message, value.text);
  std::optional<Span> kept_before;
  std::optional<Span> kept_behind;
  std::string_view rest = field.value;
  for (auto other = next_list_value(rest); !other.empty(); other = next_list_value(rest)) {
    if (other.data() == value.text.data() || is_removed(edits, message, other)) continue;
    const Span span = span_of(message, other);
    if (span.begin < gone.begin) {
      kept_before = span;
    } else {
      kept_behind = span;
      break;
    }
  }
  if (kept_before) return edits.remove(kept_before->end, gone.end);
  if (kept_behind) return edits.remove(message.offset_of(field.value), kept_behind->begin);
  return remove_field(edits, message, field);
}

bool remove_first_value(EditList& edits, const Message& message, HeaderId id) {
  const std::optional<HeaderValue> value = message.first_value(id);
  return !value || remove_value(edits, message, *value);
}

bool insert_before_first(EditList& edits, const Message& message, HeaderId id, std::string_view line) {
  const HeaderField* field = message.first(id);
  return edits.insert(field == nullptr ? message.headers_begin() : field->line_begin, line);
}

bool insert_after_last(EditList& edits, const Message& message, HeaderId id, std::string_view line) {
  std::uint32_t offset = message.headers_begin();
  for (const HeaderField& field : message.fields(id)) offset = field.line_end;
  return edits.insert(offset, line);
}

bool append_line(EditList& edits, const Message& message, std::string_view line) {
  return edits.insert(message.headers_end(), line);
}

bool append_header(EditList& edits, const Message& message, std::string_view name, std::string_view value,
                   Arena& arena) {
  if (!edits.has_room(1)) return false;
  ArenaText text(arena, name.size() + value.size() + 4);
  text.writer().header(name, value);
  const std::string_view line = text.finish();
  return !line.empty() && append_line(edits, message, line);
}

bool replace_request_uri(EditList& edits, const Message& message, std::string_view uri) {
  const Span span = span_of(message, message.request_uri_text());
  return edits.replace(span.begin, span.end, uri);
}

bool set_max_forwards(EditList& edits, const Message& message, std::uint32_t hops, Arena& arena) {
  if (!edits.has_room(1)) return false;
  ArenaText text(arena, 32);
  const HeaderField* field = message.first(HeaderId::kMaxForwards);
  if (field == nullptr) {
    text.writer().header(HeaderId::kMaxForwards, hops);
  } else {
    text.writer().number(hops);
  }
  const std::string_view written = text.finish();
  if (written.empty()) return false;
  if (field == nullptr) return append_line(edits, message, written);
  const Span span = span_of(message, field->value);
  return edits.replace(span.begin, span.end, written);
}

bool replace_body(EditList& edits, const Message& message, std::string_view body,
                  std::string_view content_type, Arena& arena) {
  if (!edits.has_room(3)) return false;
  const HeaderField* length_field = message.first(HeaderId::kContentLength);
  const HeaderField* type_field = message.first(HeaderId::kContentType);
  ArenaText text(arena, 64 + content_type.size());
  // New header lines first; a number for an existing Content-Length last, so that both are one text.
  if (type_field == nullptr && !content_type.empty()) {
    text.writer().header(HeaderId::kContentType, content_type);
  }
  if (length_field == nullptr) text.writer().header(HeaderId::kContentLength, body.size());
  const std::size_t lines_bytes = text.writer().size();
  if (length_field != nullptr) text.writer().number(body.size());
  const std::string_view written = text.finish();
  if (written.empty()) return false;

  bool is_done = append_line(edits, message, written.substr(0, lines_bytes));
  if (length_field != nullptr) {
    const Span span = span_of(message, length_field->value);
    is_done = edits.replace(span.begin, span.end, written.substr(lines_bytes)) && is_done;
  }
  if (type_field != nullptr && !content_type.empty()) {
    const Span span = span_of(message, type_field->value);
    is_done = edits.replace(span.begin, span.end, content_type) && is_done;
  }
  const std::size_t end = message.bytes().size();
  return edits.replace(end - message.body().size(), end, body) && is_done;
}

bool complete_top_via(EditList& edits, const Message& request, SourceAddress source, bool force_rport,
                      Arena& arena) {
  const Via* via = request.top_via();
  if (via == nullptr) return true;
  const bool asks_rport = via->has_rport || force_rport;
  if (!needs_received(*via, source, asks_rport)) return true;
  if (!edits.has_room(3)) return false;

  const std::optional<Param> old_rport = via->params.find("rport");
  const std::optional<Param> old_received = via->params.find("received");
  ArenaText text(arena, source.ip.size() + 32);
  Writer& writer = text.writer();
  // Both parameters stand side by side; the semicolons count only where they are new.
  if (asks_rport) writer.text(";rport=").number(source.port);
  const std::size_t rport_bytes = writer.size();
  writer.text(";received=").text(source.ip);
  const std::string_view written = text.finish();
  if (written.empty()) return false;
  const std::string_view rport_text = written.substr(0, rport_bytes);
  const std::string_view received_text = written.substr(rport_bytes);

  const std::uint32_t via_end = span_of(request, via->text).end;
  const auto put = [&](const std::optional<Param>& old, std::string_view added) {
    if (added.empty()) return true;
    if (!old) return edits.insert(via_end, added);
    const Span span = span_of(request, old->text());
    return edits.replace(span.begin, span.end, added.substr(1));
  };
  const bool is_done = put(old_rport, rport_text);
  return put(old_received, received_text) && is_done;
}

ResponseDestination response_destination_of_request(const Via& top_via, SourceAddress source,
                                                    bool force_rport) {
  if (!top_via.maddr.empty() || source.ip.empty()) return response_destination(top_via);
  const std::string_view ip = without_brackets(source.ip);
  const bool asks_rport = top_via.has_rport || force_rport;
  return {ip, host_kind(ip).value_or(HostKind::kName), asks_rport ? source.port : top_via.effective_port()};
}

}  // namespace lockstep::sip
