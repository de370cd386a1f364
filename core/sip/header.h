// header.h: header names as numbers, and the walk over a header section line by line.
// HeaderCursor is the one place that knows where a field ends (folding, bare LF); the message index,
// the quick scan and the builders all use it, so that they cannot disagree.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace lockstep::sip {

enum class HeaderId : std::uint8_t {
  kOther,  // A name that is not in this list; compare HeaderField names.
  kAccept,
  kAcceptContact,
  kAcceptEncoding,
  kAcceptLanguage,
  kAlertInfo,
  kAllow,
  kAllowEvents,
  kAnswerMode,
  kAuthenticationInfo,
  kAuthorization,
  kCallId,
  kCallInfo,
  kContact,
  kContentDisposition,
  kContentEncoding,
  kContentLanguage,
  kContentLength,
  kContentType,
  kCSeq,
  kDate,
  kDiversion,
  kErrorInfo,
  kEvent,
  kExpires,
  kFlowTimer,
  kFrom,
  kGeolocation,
  kHistoryInfo,
  kIdentity,
  kIdentityInfo,
  kInfoPackage,
  kInReplyTo,
  kJoin,
  kMaxBreadth,
  kMaxForwards,
  kMimeVersion,
  kMinExpires,
  kMinSe,
  kOrganization,
  kPAccessNetworkInfo,
  kPAssertedIdentity,
  kPAssociatedUri,
  kPCalledPartyId,
  kPChargingFunctionAddresses,
  kPChargingVector,
  kPPreferredIdentity,
  kPVisitedNetworkId,
  kPath,
  kPriority,
  kPrivacy,
  kProxyAuthenticate,
  kProxyAuthorization,
  kProxyRequire,
  kRAck,
  kReason,
  kRecordRoute,
  kRecvInfo,
  kReferSub,
  kReferTo,
  kReferredBy,
  kRejectContact,
  kRemotePartyId,
  kReplaces,
  kReplyTo,
  kRequestDisposition,
  kRequire,
  kResourcePriority,
  kRetryAfter,
  kRoute,
  kRSeq,
  kSecurityClient,
  kSecurityServer,
  kSecurityVerify,
  kServer,
  kServiceRoute,
  kSessionExpires,
  kSipEtag,
  kSipIfMatch,
  kSubject,
  kSubscriptionState,
  kSupported,
  kTargetDialog,
  kTimestamp,
  kTo,
  kUnsupported,
  kUserAgent,
  kVia,
  kWarning,
  kWwwAuthenticate,
};
inline constexpr std::size_t kHeaderIdCount = static_cast<std::size_t>(HeaderId::kWwwAuthenticate) + 1;

// Without case; full and compact names. kOther when unknown.
HeaderId header_id(std::string_view name);
// The full name as RFCs write it; empty for kOther.
std::string_view header_name(HeaderId id);
// The compact name, e.g. 'v' for Via; '\0' where there is none.
char header_compact_name(HeaderId id);

// One header field of a section, as spans of the received bytes.
struct HeaderLine {
  std::string_view name;   // Without the LWS before the colon.
  std::string_view value;  // Trimmed; may hold folding.
  std::string_view line;   // From the first byte of the name to behind the line end.
};

enum class CursorResult : std::uint8_t {
  kField,    // `line` is filled.
  kBadLine,  // Skipped: no colon, or a name that is no token; line.line says what.
  kEmpty,    // The empty line: position() stands behind it.
  kEnd,      // The bytes ended without an empty line.
};

// Walks the header section that starts at `text`.
class HeaderCursor {
 public:
  explicit HeaderCursor(std::string_view text)
      : begin_(text.data()), at_(begin_), end_(begin_ + text.size()) {}
  CursorResult next(HeaderLine& line);
  // Bytes of `text` consumed so far.
  std::size_t position() const { return static_cast<std::size_t>(at_ - begin_); }

 private:
  const char* begin_;
  const char* at_;
  const char* end_;
};

// The end of the (possibly folded) line that starts at `at`: behind its LF, or `end`.
// REQUIRES: at <= end.
const char* folded_line_end(const char* at, const char* end);

// The next value of a comma-separated list in `rest`, trimmed; commas inside quoted strings and
// inside <> do not count. Empty elements are skipped. An empty view when there is none left.
std::string_view next_list_value(std::string_view& rest);

}  // namespace lockstep::sip
