// message.h: one received SIP message: an index over its bytes, and its values on demand.
// One object per worker, re-parsed for each datagram; it holds spans of the datagram, which must
// outlive the use of the message. parse() makes one pass and never allocates; a value is parsed when
// it is first asked for and kept until the next parse(). Process-private; one thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <span>
#include <string_view>

#include "core/sip/fault.h"
#include "core/sip/header.h"
#include "core/sip/method.h"
#include "core/sip/name_addr.h"
#include "core/sip/uri.h"
#include "core/sip/via.h"

namespace lockstep::sip {

inline constexpr std::size_t kHeaderFieldMax = 256;
inline constexpr std::size_t kMessageBytesMax = 65535;

enum class MessageKind : std::uint8_t {
  kRequest,
  kResponse,
  kKeepAlive,  // CRLF only (RFC 5626 3.5.1, and what NAT pings send): no message at all.
  kGarbage,    // No start line was recognised; fault is kUnreadable.
};

struct ParseResult {
  MessageKind kind = MessageKind::kGarbage;
  std::optional<Fault> fault;  // The first one. What could be read is there nevertheless.
  bool ok() const { return !fault.has_value(); }
};

// One header field. Offsets count from bytes().data().
struct HeaderField {
  HeaderId id = HeaderId::kOther;
  std::uint16_t next_same = 0xffff;  // Index of the next field with this id; 0xffff: none.
  std::uint32_t line_begin = 0;
  std::uint32_t line_end = 0;  // Behind the line end: [line_begin, line_end) is what removal deletes.
  std::string_view name;
  std::string_view value;  // Trimmed; may hold folding.
};

// One value of a comma-separated header field: its exact bytes, trimmed.
struct HeaderValue {
  std::string_view text;
  std::uint16_t field = 0;  // Index into fields().
};

struct CSeq {
  std::uint32_t number = 0;
  Method method = Method::kOther;
  std::string_view method_text;
};
// none: not a number below 2^31, LWS, and a token.
std::optional<CSeq> parse_cseq(std::string_view value);

class Message {
 public:
  // Iterates over the fields of one id in order.
  class FieldIterator {
   public:
    using value_type = HeaderField;
    using difference_type = std::ptrdiff_t;
    FieldIterator() = default;
    FieldIterator(const Message* message, std::uint16_t index) : message_(message), index_(index) {}
    const HeaderField& operator*() const { return message_->fields_[index_]; }
    const HeaderField* operator->() const { return &message_->fields_[index_]; }
    FieldIterator& operator++() {
      index_ = message_->fields_[index_].next_same;
      return *this;
    }
    FieldIterator operator++(int) {
      FieldIterator before = *this;
      ++*this;
      return before;
    }
    bool operator==(const FieldIterator& other) const { return index_ == other.index_; }

   private:
    const Message* message_ = nullptr;
    std::uint16_t index_ = 0xffff;
  };
  struct FieldRange {
    FieldIterator first, last;
    FieldIterator begin() const { return first; }
    FieldIterator end() const { return last; }
    bool empty() const { return first == last; }
  };

  // Iterates over the values of one id across lines and commas.
  class ValueIterator {
   public:
    using value_type = HeaderValue;
    using difference_type = std::ptrdiff_t;
    ValueIterator() = default;
    ValueIterator(const Message* message, std::uint16_t index);
    const HeaderValue& operator*() const { return value_; }
    const HeaderValue* operator->() const { return &value_; }
    ValueIterator& operator++() {
      advance();
      return *this;
    }
    ValueIterator operator++(int) {
      ValueIterator before = *this;
      ++*this;
      return before;
    }
    bool operator==(const ValueIterator& other) const {
      return index_ == other.index_ && value_.text.data() == other.value_.text.data();
    }

   private:
    void advance();
    const Message* message_ = nullptr;
    std::uint16_t index_ = 0xffff;
    std::string_view rest_;
    HeaderValue value_;
  };
  struct ValueRange {
    ValueIterator first, last;
    ValueIterator begin() const { return first; }
    ValueIterator end() const { return last; }
    bool empty() const { return first == last; }
  };

  Message() = default;
  Message(const Message&) = delete;  // It caches spans of the datagram; copying it is never meant.
  Message& operator=(const Message&) = delete;

  // Indexes start line and header fields, and finds the body by Content-Length. Leading CRLFs are
  // skipped, bytes behind the body cut off. The datagram must stay until the next parse().
  ParseResult parse(std::string_view datagram);
  ParseResult result() const { return result_; }

  // The message proper: from the start line to the end of the body. Edits count from here.
  std::string_view bytes() const { return bytes_; }
  // Offset of a span within bytes(). REQUIRES: `part` lies inside bytes().
  std::uint32_t offset_of(std::string_view part) const;
  bool contains(std::string_view part) const;

  // Start line.
  bool is_request() const { return result_.kind == MessageKind::kRequest; }
  bool is_response() const { return result_.kind == MessageKind::kResponse; }
  std::string_view start_line() const { return start_line_; }  // Without the line end.
  std::string_view version() const { return version_; }
  // Of a response: the method in its CSeq; kOther and empty when that is missing or malformed.
  Method method() const;
  std::string_view method_text() const;
  std::string_view request_uri_text() const { return request_uri_text_; }
  const Uri* request_uri() const;                   // nullptr: malformed, or a response.
  std::uint16_t status() const { return status_; }  // 0 for requests.
  std::string_view reason() const { return reason_; }

  // Header fields.
  std::span<const HeaderField> fields() const { return {fields_.data(), field_count_}; }
  bool has(HeaderId id) const { return first_[static_cast<std::size_t>(id)] != kNone; }
  const HeaderField* first(HeaderId id) const;
  std::size_t count(HeaderId id) const;
  FieldRange fields(HeaderId id) const;
  // By name, without case, compact or not: also names that HeaderId does not list.
  const HeaderField* first(std::string_view name) const;
  // For headers whose values are comma-separated lists (Via, Route, Contact, Supported, ...).
  ValueRange values(HeaderId id) const;
  std::optional<HeaderValue> first_value(HeaderId id) const;
  std::optional<HeaderValue> last_value(HeaderId id) const;
  // True when a token of that list header equals `token` without case (Supported, Require, ...).
  bool has_token(HeaderId id, std::string_view token) const;
  // The value of the first field; empty when there is none.
  std::string_view value(HeaderId id) const;

  // Offsets for edits: of the first header line, and of the empty line behind the last.
  std::uint32_t headers_begin() const { return headers_begin_; }
  std::uint32_t headers_end() const { return headers_end_; }
  std::string_view body() const { return body_; }

  // Values; a pointer is nullptr, an optional none, when the field is missing or malformed.
  const Via* top_via() const;
  const NameAddr* from() const;
  const NameAddr* to() const;
  const Uri* from_uri() const;
  const Uri* to_uri() const;
  std::string_view from_tag() const;  // Empty when there is none.
  std::string_view to_tag() const;
  std::string_view call_id() const { return value(HeaderId::kCallId); }
  const CSeq* cseq() const;
  std::optional<std::uint32_t> max_forwards() const;  // 0 to 255.
  std::optional<std::uint32_t> expires() const;
  std::string_view content_type() const { return value(HeaderId::kContentType); }

 private:
  static constexpr std::uint16_t kNone = 0xffff;
  enum class Cached : std::uint8_t { kNot, kGood, kBad };

  void clear();
  void note(Fault fault);
  void parse_start_line(std::string_view line);
  void parse_request_line(std::string_view line);
  void parse_status_line(std::string_view line);
  void index_headers(std::size_t position);
  void add_field(const HeaderLine& line);
  void find_body(std::size_t position);

  ParseResult result_;
  std::string_view bytes_, start_line_, version_, method_text_, request_uri_text_, reason_, body_;
  Method method_ = Method::kOther;
  std::uint16_t status_ = 0;
  std::uint16_t field_count_ = 0;
  std::uint32_t headers_begin_ = 0, headers_end_ = 0;
  std::array<HeaderField, kHeaderFieldMax> fields_;
  std::array<std::uint16_t, kHeaderIdCount> first_{}, last_{};  // Indices per id; first_ alone is reset.

  // Parsed on demand.
  mutable Cached uri_state_ = Cached::kNot, via_state_ = Cached::kNot, from_state_ = Cached::kNot;
  mutable Cached to_state_ = Cached::kNot, cseq_state_ = Cached::kNot;
  mutable Cached from_uri_state_ = Cached::kNot, to_uri_state_ = Cached::kNot;
  mutable Uri uri_, from_uri_, to_uri_;
  mutable Via via_;
  mutable NameAddr from_, to_;
  mutable CSeq cseq_;
};

// Checks what RFC 3261 8.1.1 and 16.3 make mandatory: the fault of parse(), else top Via, From, To,
// Call-ID and CSeq present once and well formed, CSeq method of a request equal to its method,
// Request-URI, Max-Forwards if present. none: sound. REQUIRES: kind is kRequest or kResponse.
std::optional<Fault> validate(const Message& message);

// A faulty request may still be answered: its top Via says where to.
inline bool can_answer(const Message& message) {
  return message.is_request() && message.top_via() != nullptr;
}

// The Call-ID of a datagram without parsing it: the value that parse() and call_id() would give, or
// none. One look at each line start; for admission (DESIGN 5).
std::optional<std::string_view> quick_call_id(std::string_view datagram);

}  // namespace lockstep::sip
