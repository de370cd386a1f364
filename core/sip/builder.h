// builder.h: whole messages and header lines written into the caller's bytes.
// Every build function returns the bytes written, 0 if they do not fit or the source lacks what is
// needed. Output has CRLF line ends, full header names for copied headers, and Content-Length last.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/sip/message.h"
#include "core/sip/message_edit.h"
#include "core/sip/status.h"
#include "core/sip/via.h"
#include "core/sip/writer.h"

namespace lockstep::sip {

struct ResponseSpec {
  std::uint16_t status = 0;
  std::string_view reason;         // Empty: reason_phrase(status).
  std::string_view to_tag;         // Added when the request's To has none and status is above 100.
  std::string_view extra_headers;  // Whole lines, each with CRLF.
  std::string_view content_type;   // Written when body is not empty.
  std::string_view body;
  SourceAddress source;  // Completes the top Via as complete_top_via(); ip empty: as received.
  bool force_rport = false;
  std::string_view server_header;  // The value of Server; empty: none.
};
// RFC 3261 8.2.6. Works on a faulty request too: it copies what is there. Record-Route is copied into
// 101 to 299 for dialog-forming methods, Timestamp into 100.
// REQUIRES: request.is_request().
std::size_t build_response(const Message& request, const ResponseSpec& spec, std::span<char> out);

// The ACK to a non-2xx final, hop by hop (RFC 3261 17.1.1.3): Request-URI, top Via, Route, From,
// Call-ID and CSeq number of the INVITE as it was sent, To of the response, Max-Forwards 70.
std::size_t build_ack(std::string_view invite_as_sent, const Message& response, std::span<char> out);

// The CANCEL of an INVITE as it was sent (RFC 3261 9.1). `extra_headers`: whole lines such as
// "Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\n", or empty.
std::size_t build_cancel(std::string_view invite_as_sent, std::string_view extra_headers,
                         std::span<char> out);

struct ViaSpec {
  Transport transport = Transport::kUdp;
  std::string_view host;          // An IPv6 address may come with or without brackets.
  std::uint16_t port = 0;         // 0: not written.
  std::string_view branch;        // With its cookie.
  bool rport = false;             // Adds ";rport".
  std::string_view extra_params;  // Such as ";i=1", or empty.
};
// "Via: SIP/2.0/UDP host:port;branch=...CRLF"
void write_via(Writer& writer, const ViaSpec& via);

struct RecordRouteSpec {
  bool sips = false;
  std::string_view user;  // Empty: none.
  std::string_view host;
  std::uint16_t port = 0;
  std::string_view params;  // Behind ";lr", with leading semicolons; or empty.
};
// "Record-Route: <sip:host:port;lr...>CRLF"
void write_record_route(Writer& writer, const RecordRouteSpec& route);

// "host" or "[host]" for an IPv6 address, and ":port" unless it is 0.
void write_host_port(Writer& writer, std::string_view host, std::uint16_t port);

}  // namespace lockstep::sip
