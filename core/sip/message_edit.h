// message_edit.h: the edits that a proxy makes, each in terms of a parsed message.
// All return false when the list or the arena is full; then the list is as it was before.
// A "line" is whole header lines, each with its CRLF.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/base/arena.h"
#include "core/sip/edit.h"
#include "core/sip/message.h"

namespace lockstep::sip {

// Where a request came from: a numeric address without brackets and its port.
struct SourceAddress {
  std::string_view ip;
  std::uint16_t port = 0;
};

[[nodiscard]] bool remove_field(EditList& edits, const Message& message, const HeaderField& field);
[[nodiscard]] bool remove_all_fields(EditList& edits, const Message& message, HeaderId id);
// One value of a list header with the comma that belongs to it; the whole line when nothing else is
// left on it (values removed earlier through `edits` count as gone).
[[nodiscard]] bool remove_value(EditList& edits, const Message& message, const HeaderValue& value);
// The topmost value of that header; true without effect when there is none.
[[nodiscard]] bool remove_first_value(EditList& edits, const Message& message, HeaderId id);

// Before the first field with that id; before the first header field if there is none. So a Via or
// Record-Route comes to stand on top. A later insert at one place stands behind an earlier one.
[[nodiscard]] bool insert_before_first(EditList& edits, const Message& message, HeaderId id,
                                       std::string_view line);
// Behind the last field with that id; else before the first header field.
[[nodiscard]] bool insert_after_last(EditList& edits, const Message& message, HeaderId id,
                                     std::string_view line);
// Behind the last header field of all.
[[nodiscard]] bool append_line(EditList& edits, const Message& message, std::string_view line);
// "NAME: value CRLF" behind the last header field; the text is built in `arena`.
[[nodiscard]] bool append_header(EditList& edits, const Message& message, std::string_view name,
                                 std::string_view value, Arena& arena);

[[nodiscard]] bool replace_request_uri(EditList& edits, const Message& message, std::string_view uri);
// Sets the value of the first Max-Forwards field, or adds the field.
[[nodiscard]] bool set_max_forwards(EditList& edits, const Message& message, std::uint32_t hops,
                                    Arena& arena);
// Replaces the body; Content-Length follows (added when there is none), and Content-Type when
// `content_type` is not empty.
[[nodiscard]] bool replace_body(EditList& edits, const Message& message, std::string_view body,
                                std::string_view content_type, Arena& arena);

// On receipt of a request (RFC 3261 18.2.1, RFC 3581 section 4): ";received=" when the sent-by host
// is not the source address or rport is asked for, and rport filled in. Values that the sender put
// there itself are replaced. `force_rport` acts as if rport had been asked for.
// No effect when there is no usable top Via.
[[nodiscard]] bool complete_top_via(EditList& edits, const Message& request, SourceAddress source,
                                    bool force_rport, Arena& arena);

// Where the responses to this request go once its top Via is completed so (RFC 3261 18.2.2).
ResponseDestination response_destination_of_request(const Via& top_via, SourceAddress source,
                                                    bool force_rport);

}  // namespace lockstep::sip
