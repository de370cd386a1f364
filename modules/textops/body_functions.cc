// body_functions.cc: the body of a message, and keeping Content-Length right whatever changed it.
#include <charconv>

#include "core/base/log.h"
#include "core/sip/message_edit.h"
#include "core/worker/export_helpers.h"
#include "core/worker/request_edit.h"
#include "modules/textops/textops_parts.h"

namespace lockstep::textops {
namespace {

using script::Arguments;
using worker::answer;
using worker::ScriptContext;

bool touches(const sip::Edit& edit, std::size_t begin, std::size_t end) {
  return edit.offset < end && edit.offset + edit.removed_bytes > begin;
}

// What earlier calls wrote into (or appended as) this header's value is dropped.
void forget_header_edits(ScriptContext& context, sip::HeaderId id) {
  const sip::Message& message = context.message;
  const sip::HeaderField* field = message.first(id);
  const std::string_view name = sip::header_name(id);
  const std::size_t end = message.headers_end();
  worker::erase_edits(context.edits, [&](const sip::Edit& edit) {
    if (field == nullptr) return edit.offset == end && sip::starts_with_nocase(edit.text, name);
    const std::size_t begin = message.offset_of(field->value);
    // An edit that takes the whole line away stays.
    return edit.offset >= begin && touches(edit, begin, begin + field->value.size());
  });
}

// The size of the body as it will leave.
std::size_t edited_body_bytes(const ScriptContext& context) {
  const std::string_view bytes = context.message.bytes();
  const std::size_t begin = body_offset(context.message);
  const std::size_t beyond = bytes.size() - begin - context.message.body().size();
  sip::EditList before_body = context.edits;
  worker::erase_edits(before_body, [&](const sip::Edit& edit) { return edit.offset >= begin; });
  return sip::gathered_size(bytes, context.edits) - sip::gathered_size(bytes.substr(0, begin), before_body) -
         beyond;
}

// Without the header nothing is to be done: over UDP the datagram's end is the body's.
bool update_content_length(ScriptContext& context) {
  const sip::HeaderField* field = context.message.first(sip::HeaderId::kContentLength);
  if (field == nullptr || field->value.empty()) return true;
  forget_header_edits(context, sip::HeaderId::kContentLength);
  const script::Value number = context.make_string(static_cast<std::int64_t>(edited_body_bytes(context)));
  if (!number.is_string()) return false;
  const std::size_t begin = context.message.offset_of(field->value);
  return context.edits.replace(begin, begin + field->value.size(), number.text());
}

int set_body(ScriptContext& context, const Arguments& arguments) {
  const std::string_view body = context.arena().copy(arguments.string(0));
  const std::string_view type = arguments.string(1);
  if (body.empty() || type.empty()) {
    LS_LOG(kErr, "textops", "set_body: a body and a content type are expected");
    return -1;
  }
  const std::size_t begin = body_offset(context.message);
  worker::erase_edits(context.edits, [&](const sip::Edit& edit) { return edit.offset >= begin; });
  forget_header_edits(context, sip::HeaderId::kContentLength);
  forget_header_edits(context, sip::HeaderId::kContentType);
  return answer(sip::replace_body(context.edits, context.message, body, type, context.arena()));
}

// type/subtype of Content-Type, without its parameters.
std::string_view media_type(const sip::Message& message) {
  const std::string_view type = message.content_type();
  return sip::trim(type.substr(0, type.find(';')));
}

int has_body(ScriptContext& context, const Arguments& arguments) {
  if (context.message.body().empty()) return -1;
  if (!arguments.is_given(0)) return 1;
  const std::string_view wanted = sip::trim(arguments.string(0));
  return answer(wanted.empty() || wanted == "0" || sip::equal_nocase(wanted, media_type(context.message)));
}

// 1: an audio stream's address is 0.0.0.0 (RFC 2543), 2: its direction is sendonly or inactive (RFC 3264).
int is_audio_on_hold(ScriptContext& context, const Arguments&) {
  if (!sip::equal_nocase(media_type(context.message), "application/sdp")) return -1;
  bool in_audio = false;
  bool in_session = true;
  bool session_is_null = false;
  std::string_view rest = context.message.body();
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    const std::string_view line = sip::trim(rest.substr(0, end));
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    if (line.starts_with("m=")) {
      in_audio = line.starts_with("m=audio ");
      in_session = false;
      if (in_audio && session_is_null) return 1;
    }
    if (line == "c=IN IP4 0.0.0.0") {
      if (in_session) session_is_null = true;
      if (in_audio) return 1;
    }
    if (in_audio && (line == "a=sendonly" || line == "a=inactive")) return 2;
  }
  return -1;
}

}  // namespace

std::string_view region_of(const sip::Message& message, Region region) {
  const std::string_view bytes = message.bytes();
  switch (region) {
    case Region::kWhole:
      return bytes;
    case Region::kMessage:
      return bytes.substr(message.headers_begin());
    case Region::kHeaders:
      return bytes.substr(message.headers_begin(), message.headers_end() - message.headers_begin());
    case Region::kBody:
      return message.body();
  }
  return {};
}

std::uint32_t body_offset(const sip::Message& message) {
  const std::string_view rest = message.bytes().substr(message.headers_end());
  return message.headers_end() + (rest.starts_with("\r\n") ? 2U : rest.starts_with("\n") ? 1U : 0U);
}

bool replace_bytes(ScriptContext& context, std::string_view received, std::string_view text) {
  const std::size_t begin = context.message.offset_of(received);
  if (!context.edits.has_room(2)) return false;
  if (!context.edits.replace(begin, begin + received.size(), text)) return false;
  return begin < body_offset(context.message) || update_content_length(context);
}

bool insert_behind(ScriptContext& context, std::string_view received, std::string_view text) {
  const std::size_t offset = context.message.offset_of(received) + received.size();
  if (!context.edits.has_room(2)) return false;
  if (!context.edits.insert(offset, text)) return false;
  return offset < body_offset(context.message) || update_content_length(context);
}

void add_body_functions(script::ModuleExports& exports) {
  auto& list = exports.functions;
  list.push_back(worker::make_function("has_body", "whether there is a body, of this type if one is given",
                                       worker::kInMessage, {worker::format_param("type")}, has_body, 0));
  list.push_back(worker::make_function("set_body", "replaces the body and its type", worker::kInMessage,
                                       {worker::format_param("text"), worker::format_param("type")},
                                       set_body));
  list.push_back(worker::make_function("is_audio_on_hold", "1: by address, 2: by direction, -1: not on hold",
                                       worker::kInMessage, {}, is_audio_on_hold));
}

}  // namespace lockstep::textops
