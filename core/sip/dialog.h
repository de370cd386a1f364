// dialog.h: requests in the dialog that a 2xx has made, written by somebody in the middle of its route set:
// the ACK and the BYE with which a proxy ends a call that nobody wants (RFC 3261 12.2.1.1, 13.2.2.4).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "core/sip/builder.h"
#include "core/sip/message.h"

namespace lockstep::sip {

struct DialogRequestSpec {
  std::string_view method;       // ACK: the CSeq number of the INVITE; else the one after it.
  std::size_t routes_above = 0;  // Record-Route values of the 2xx that were ours or of hops above us.
  ViaSpec via;
  std::string_view extra_headers;  // Whole lines, each with CRLF.
  std::string_view content_type;   // Written when body is not empty.
  std::string_view body;
};
// Request-URI and Route lines follow 12.2.1.1 from the route set below us. Returns the bytes written, 0 if
// they do not fit or the 2xx has no Contact. REQUIRES: success.is_response(), validate() found no fault.
std::size_t build_dialog_request(const Message& success, const DialogRequestSpec& spec, std::span<char> out);

// The URI to send a request that build_dialog_request() wrote to: of its topmost Route if that has lr, its
// Request-URI if it has a Route without, empty if there is no Route: then the next hop is the UAS.
std::string_view dialog_next_hop(const Message& request);

// A body of type application/sdp.
bool has_sdp(const Message& message);

// The answer to an SDP offer that refuses every stream (RFC 3264 section 6: port 0). 0: no offer.
std::size_t build_refusal(std::string_view offer, std::span<char> out);

}  // namespace lockstep::sip
