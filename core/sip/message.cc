// message.cc: the indexing pass. validate.cc has the checks, message_values.cc the values on demand.
#include "core/sip/message.h"

#include <cstring>

#include "core/base/assert.h"
#include "core/sip/text.h"

namespace lockstep::sip {
namespace {

constexpr auto kNpos = std::string_view::npos;
constexpr std::string_view kVersion = "SIP/2.0";

// Bytes of the start line with and without its line end.
struct FirstLine {
  std::string_view line;
  std::size_t total_bytes = 0;
};

FirstLine first_line(std::string_view text) {
  const std::size_t lf = text.find('\n');
  FirstLine first;
  first.total_bytes = lf == kNpos ? text.size() : lf + 1;
  first.line = text.substr(0, lf);
  if (!first.line.empty() && first.line.back() == '\r') first.line.remove_suffix(1);
  return first;
}

}  // namespace

void Message::clear() {
  result_ = ParseResult{};
  bytes_ = start_line_ = version_ = method_text_ = request_uri_text_ = reason_ = body_ = {};
  method_ = Method::kOther;
  status_ = 0;
  field_count_ = 0;
  headers_begin_ = headers_end_ = 0;
  first_.fill(kNone);
  uri_state_ = via_state_ = from_state_ = to_state_ = cseq_state_ = Cached::kNot;
  from_uri_state_ = to_uri_state_ = Cached::kNot;
}

void Message::note(Fault fault) {
  if (!result_.fault) result_.fault = fault;
}

ParseResult Message::parse(std::string_view datagram) {
  clear();
  const std::size_t begin = datagram.find_first_not_of("\r\n");
  if (begin == kNpos) {
    result_.kind = MessageKind::kKeepAlive;
    return result_;
  }
  bytes_ = datagram.substr(begin);
  const FirstLine first = first_line(bytes_);
  parse_start_line(first.line);
  if (result_.kind == MessageKind::kGarbage) {
    note(Fault::kUnreadable);
    return result_;
  }
  if (bytes_.size() > kMessageBytesMax) note(Fault::kMessageTooLarge);
  index_headers(first.total_bytes);
  return result_;
}

void Message::parse_start_line(std::string_view line) {
  start_line_ = line;
  if (starts_with_nocase(line, "SIP/")) {
    parse_status_line(line);
  } else {
    parse_request_line(line);
  }
}

void Message::parse_request_line(std::string_view line) {
  const std::string_view trimmed = trim(line);
  const std::size_t method_end = trimmed.find(' ');
  const std::size_t uri_end = trimmed.rfind(' ');
  if (method_end == kNpos || uri_end == method_end) return;
  version_ = trimmed.substr(uri_end + 1);
  if (!starts_with_nocase(version_, "SIP/")) return;

  result_.kind = MessageKind::kRequest;
  method_text_ = trimmed.substr(0, method_end);
  method_ = method_of(method_text_);
  request_uri_text_ = trimmed.substr(method_end + 1, uri_end - method_end - 1);
  if (!equal_nocase(version_, kVersion)) note(Fault::kBadVersion);
  if (trimmed.size() != line.size()) note(Fault::kBadRequestLine);
  if (!is_token(method_text_)) note(Fault::kBadMethod);
}

void Message::parse_status_line(std::string_view line) {
  result_.kind = MessageKind::kResponse;
  const std::size_t version_end = line.find(' ');
  version_ = line.substr(0, version_end);
  if (!equal_nocase(version_, kVersion)) note(Fault::kBadVersion);
  const std::string_view rest = version_end == kNpos ? std::string_view{} : line.substr(version_end + 1);
  const std::size_t status_end = rest.find(' ');
  const std::string_view digits = rest.substr(0, status_end);
  const auto status = parse_number(digits, 699);
  if (digits.size() != 3 || !status || *status < 100) {
    note(Fault::kBadStatusLine);
    return;
  }
  status_ = static_cast<std::uint16_t>(*status);
  if (status_end != kNpos) reason_ = rest.substr(status_end + 1);
}

void Message::index_headers(std::size_t position) {
  headers_begin_ = static_cast<std::uint32_t>(position);
  HeaderCursor cursor(bytes_.substr(position));
  HeaderLine line;
  for (;;) {
    headers_end_ = static_cast<std::uint32_t>(position + cursor.position());
    switch (cursor.next(line)) {
      case CursorResult::kField:
        add_field(line);
        break;
      case CursorResult::kBadLine:
        note(Fault::kBadHeaderLine);
        break;
      case CursorResult::kEmpty:
        find_body(position + cursor.position());
        return;
      case CursorResult::kEnd:
        note(Fault::kHeadersNotEnded);
        return;
    }
  }
}

void Message::add_field(const HeaderLine& line) {
  if (field_count_ == kHeaderFieldMax) {
    note(Fault::kTooManyHeaders);
    return;
  }
  const std::uint16_t index = field_count_++;
  HeaderField& field = fields_[index];
  field.id = header_id(line.name);
  field.next_same = kNone;
  field.line_begin = static_cast<std::uint32_t>(line.line.data() - bytes_.data());
  field.line_end = field.line_begin + static_cast<std::uint32_t>(line.line.size());
  field.name = line.name;
  field.value = line.value;

  const auto id = static_cast<std::size_t>(field.id);
  if (first_[id] == kNone) {
    first_[id] = index;
  } else {
    fields_[last_[id]].next_same = index;
  }
  last_[id] = index;
}

void Message::find_body(std::size_t position) {
  body_ = bytes_.substr(position);
  const HeaderField* length_field = first(HeaderId::kContentLength);
  if (length_field == nullptr) return;
  if (length_field->next_same != kNone) note(Fault::kMultipleContentLength);
  const auto length = parse_number(length_field->value, 0xffffffff);
  if (!length) {
    note(Fault::kBadContentLength);
  } else if (*length > body_.size()) {
    note(Fault::kContentLengthTooLarge);
  } else {
    body_ = body_.substr(0, *length);
    bytes_ = bytes_.substr(0, position + *length);
  }
}

bool Message::contains(std::string_view part) const {
  return part.data() >= bytes_.data() && part.data() + part.size() <= bytes_.data() + bytes_.size();
}

std::uint32_t Message::offset_of(std::string_view part) const {
  LS_ASSERT(contains(part));
  return static_cast<std::uint32_t>(part.data() - bytes_.data());
}

}  // namespace lockstep::sip
