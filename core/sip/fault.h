// fault.h: what can be wrong with a received message, one enumerator and one phrase each.
// A fault is data: the request is answered with fault_status() and fault_text(), a response is
// dropped, both are counted by cause. Values are dense from 0 so that they index counters.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace lockstep::sip {

enum class Fault : std::uint8_t {
  kUnreadable,             // Neither a request line nor a status line: nothing can be answered.
  kMessageTooLarge,        // More bytes than kMessageBytesMax.
  kBadRequestLine,         // Not METHOD SP Request-URI SP SIP-Version.
  kBadStatusLine,          // Not SIP-Version SP 3DIGIT, or a status outside 100 to 699.
  kBadVersion,             // Not SIP/2.0.
  kBadMethod,              // Not a token.
  kBadRequestUri,          // Not a URI of RFC 3261 section 25.
  kTooManyHeaders,         // More than kHeaderFieldMax fields.
  kBadHeaderLine,          // A line without a colon or with a name that is no token.
  kHeadersNotEnded,        // No empty line behind the header fields.
  kBadContentLength,       // Not a number.
  kMultipleContentLength,  // More than one field.
  kContentLengthTooLarge,  // Larger than the bytes that came.
  kMissingVia,
  kBadVia,  // The top Via.
  kMissingFrom,
  kBadFrom,
  kMultipleFrom,
  kMissingTo,
  kBadTo,
  kMultipleTo,
  kMissingCallId,
  kBadCallId,
  kMultipleCallId,
  kMissingCSeq,
  kBadCSeq,  // Not a number below 2^31 and a method.
  kMultipleCSeq,
  kCSeqMethodMismatch,
  kBadMaxForwards,  // Not 0 to 255.
  kMultipleMaxForwards,
};
inline constexpr std::size_t kFaultCount = static_cast<std::size_t>(Fault::kMultipleMaxForwards) + 1;

// The reason phrase, e.g. "Missing Call-ID".
std::string_view fault_text(Fault fault);
// A short lower-case name for counters, e.g. "missing_call_id".
std::string_view fault_name(Fault fault);
// The status of the answer: 400, 505 for kBadVersion, 513 for kMessageTooLarge.
std::uint16_t fault_status(Fault fault);

}  // namespace lockstep::sip
