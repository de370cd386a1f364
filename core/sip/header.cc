// header.cc: names by a perfect hash that the compiler finds, and the walk over header lines.
#include "core/sip/header.h"

#include <array>
#include <cstring>

#include "core/sip/text.h"

namespace lockstep::sip {
namespace {

struct NameRow {
  HeaderId id;
  std::string_view name;
  char compact = '\0';
};

constexpr std::array<NameRow, kHeaderIdCount> kNames = {{
    {HeaderId::kOther, ""},
    {HeaderId::kAccept, "Accept"},
    {HeaderId::kAcceptContact, "Accept-Contact", 'a'},
    {HeaderId::kAcceptEncoding, "Accept-Encoding"},
    {HeaderId::kAcceptLanguage, "Accept-Language"},
    {HeaderId::kAlertInfo, "Alert-Info"},
    {HeaderId::kAllow, "Allow"},
    {HeaderId::kAllowEvents, "Allow-Events", 'u'},
    {HeaderId::kAnswerMode, "Answer-Mode"},
    {HeaderId::kAuthenticationInfo, "Authentication-Info"},
    {HeaderId::kAuthorization, "Authorization"},
    {HeaderId::kCallId, "Call-ID", 'i'},
    {HeaderId::kCallInfo, "Call-Info"},
    {HeaderId::kContact, "Contact", 'm'},
    {HeaderId::kContentDisposition, "Content-Disposition"},
    {HeaderId::kContentEncoding, "Content-Encoding", 'e'},
    {HeaderId::kContentLanguage, "Content-Language"},
    {HeaderId::kContentLength, "Content-Length", 'l'},
    {HeaderId::kContentType, "Content-Type", 'c'},
    {HeaderId::kCSeq, "CSeq"},
    {HeaderId::kDate, "Date"},
    {HeaderId::kDiversion, "Diversion"},
    {HeaderId::kErrorInfo, "Error-Info"},
    {HeaderId::kEvent, "Event", 'o'},
    {HeaderId::kExpires, "Expires"},
    {HeaderId::kFlowTimer, "Flow-Timer"},
    {HeaderId::kFrom, "From", 'f'},
    {HeaderId::kGeolocation, "Geolocation"},
    {HeaderId::kHistoryInfo, "History-Info"},
    {HeaderId::kIdentity, "Identity", 'y'},
    {HeaderId::kIdentityInfo, "Identity-Info", 'n'},
    {HeaderId::kInfoPackage, "Info-Package"},
    {HeaderId::kInReplyTo, "In-Reply-To"},
    {HeaderId::kJoin, "Join"},
    {HeaderId::kMaxBreadth, "Max-Breadth"},
    {HeaderId::kMaxForwards, "Max-Forwards"},
    {HeaderId::kMimeVersion, "MIME-Version"},
    {HeaderId::kMinExpires, "Min-Expires"},
    {HeaderId::kMinSe, "Min-SE"},
    {HeaderId::kOrganization, "Organization"},
    {HeaderId::kPAccessNetworkInfo, "P-Access-Network-Info"},
    {HeaderId::kPAssertedIdentity, "P-Asserted-Identity"},
    {HeaderId::kPAssociatedUri, "P-Associated-URI"},
    {HeaderId::kPCalledPartyId, "P-Called-Party-ID"},
    {HeaderId::kPChargingFunctionAddresses, "P-Charging-Function-Addresses"},
    {HeaderId::kPChargingVector, "P-Charging-Vector"},
    {HeaderId::kPPreferredIdentity, "P-Preferred-Identity"},
    {HeaderId::kPVisitedNetworkId, "P-Visited-Network-ID"},
    {HeaderId::kPath, "Path"},
    {HeaderId::kPriority, "Priority"},
    {HeaderId::kPrivacy, "Privacy"},
    {HeaderId::kProxyAuthenticate, "Proxy-Authenticate"},
    {HeaderId::kProxyAuthorization, "Proxy-Authorization"},
    {HeaderId::kProxyRequire, "Proxy-Require"},
    {HeaderId::kRAck, "RAck"},
    {HeaderId::kReason, "Reason"},
    {HeaderId::kRecordRoute, "Record-Route"},
    {HeaderId::kRecvInfo, "Recv-Info"},
    {HeaderId::kReferSub, "Refer-Sub"},
    {HeaderId::kReferTo, "Refer-To", 'r'},
    {HeaderId::kReferredBy, "Referred-By", 'b'},
    {HeaderId::kRejectContact, "Reject-Contact", 'j'},
    {HeaderId::kRemotePartyId, "Remote-Party-ID"},
    {HeaderId::kReplaces, "Replaces"},
    {HeaderId::kReplyTo, "Reply-To"},
    {HeaderId::kRequestDisposition, "Request-Disposition", 'd'},
    {HeaderId::kRequire, "Require"},
    {HeaderId::kResourcePriority, "Resource-Priority"},
    {HeaderId::kRetryAfter, "Retry-After"},
    {HeaderId::kRoute, "Route"},
    {HeaderId::kRSeq, "RSeq"},
    {HeaderId::kSecurityClient, "Security-Client"},
    {HeaderId::kSecurityServer, "Security-Server"},
    {HeaderId::kSecurityVerify, "Security-Verify"},
    {HeaderId::kServer, "Server"},
    {HeaderId::kServiceRoute, "Service-Route"},
    {HeaderId::kSessionExpires, "Session-Expires", 'x'},
    {HeaderId::kSipEtag, "SIP-ETag"},
    {HeaderId::kSipIfMatch, "SIP-If-Match"},
    {HeaderId::kSubject, "Subject", 's'},
    {HeaderId::kSubscriptionState, "Subscription-State"},
    {HeaderId::kSupported, "Supported", 'k'},
    {HeaderId::kTargetDialog, "Target-Dialog"},
    {HeaderId::kTimestamp, "Timestamp"},
    {HeaderId::kTo, "To", 't'},
    {HeaderId::kUnsupported, "Unsupported"},
    {HeaderId::kUserAgent, "User-Agent"},
    {HeaderId::kVia, "Via", 'v'},
    {HeaderId::kWarning, "Warning"},
    {HeaderId::kWwwAuthenticate, "WWW-Authenticate"},
}};

consteval bool rows_are_in_order() {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (static_cast<std::size_t>(kNames[i].id) != i) return false;
  }
  return true;
}
static_assert(rows_are_in_order());

constexpr std::size_t kSlotCount = 1024;

// Length and five characters tell all names apart; the multiplier spreads them.
// REQUIRES: name.size() >= 2.
constexpr std::size_t slot_of(std::string_view name, std::uint64_t multiplier) {
  const auto at = [name](std::size_t i) {
    return static_cast<std::uint64_t>(static_cast<unsigned char>(name[i] | 0x20));
  };
  const std::size_t size = name.size();
  const std::uint64_t key = at(0) | at(1) << 8 | at(size / 2) << 16 | at(size - 2) << 24 |
                            at(size - 1) << 32 | static_cast<std::uint64_t>(size) << 40;
  return static_cast<std::size_t>((key * multiplier) >> 54);
}

struct HashTable {
  std::uint64_t multiplier = 0;
  std::array<std::uint8_t, kSlotCount> ids{};
};

consteval HashTable make_hash_table() {
  HashTable table;
  std::uint64_t seed = 0x9e3779b97f4a7c15;
  for (;;) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    table.multiplier = seed | 1;
    table.ids.fill(0);
    bool is_perfect = true;
    for (std::size_t i = 1; i < kNames.size() && is_perfect; ++i) {
      std::uint8_t& slot = table.ids[slot_of(kNames[i].name, table.multiplier)];
      is_perfect = slot == 0;
      slot = static_cast<std::uint8_t>(i);
    }
    if (is_perfect) return table;
  }
}
constexpr HashTable kHash = make_hash_table();

consteval std::array<HeaderId, 26> make_compact_table() {
  std::array<HeaderId, 26> table{};
  for (const NameRow& row : kNames) {
    if (row.compact != '\0') table[static_cast<std::size_t>(row.compact - 'a')] = row.id;
  }
  return table;
}
constexpr std::array<HeaderId, 26> kCompact = make_compact_table();

}  // namespace

HeaderId header_id(std::string_view name) {
  if (name.size() < 2) {
    if (name.empty() || !is_alpha(name[0])) return HeaderId::kOther;
    return kCompact[static_cast<std::size_t>(lower(name[0]) - 'a')];
  }
  const NameRow& row = kNames[kHash.ids[slot_of(name, kHash.multiplier)]];
  return name == row.name || equal_nocase(name, row.name) ? row.id : HeaderId::kOther;
}

std::string_view header_name(HeaderId id) { return kNames[static_cast<std::size_t>(id)].name; }
char header_compact_name(HeaderId id) { return kNames[static_cast<std::size_t>(id)].compact; }

const char* folded_line_end(const char* at, const char* end) {
  while (at < end) {
    const void* found = std::memchr(at, '\n', static_cast<std::size_t>(end - at));
    if (found == nullptr) return end;
    at = static_cast<const char*>(found) + 1;
    if (at == end || (*at != ' ' && *at != '\t')) return at;
  }
  return end;
}

CursorResult HeaderCursor::next(HeaderLine& line) {
  if (at_ == end_) return CursorResult::kEnd;
  if (*at_ == '\n' || (*at_ == '\r' && end_ - at_ >= 2 && at_[1] == '\n')) {
    at_ += *at_ == '\n' ? 1 : 2;
    return CursorResult::kEmpty;
  }
  const char* const begin = at_;
  const char* p = begin;
  while (p < end_ && is_class(*p, kToken)) ++p;
  const char* const name_end = p;
  while (p < end_ && (*p == ' ' || *p == '\t')) ++p;
  const bool is_field = p < end_ && *p == ':' && name_end > begin;
  at_ = folded_line_end(p, end_);
  line.line = {begin, static_cast<std::size_t>(at_ - begin)};
  if (!is_field) return CursorResult::kBadLine;
  line.name = {begin, static_cast<std::size_t>(name_end - begin)};
  line.value = trim({p + 1, static_cast<std::size_t>(at_ - p - 1)});
  // An empty value still has a place on its own line, where an edit may put one.
  if (line.value.empty()) line.value = {p + 1, 0};
  return CursorResult::kField;
}

std::string_view next_list_value(std::string_view& rest) {
  for (;;) {
    bool in_brackets = false;
    std::size_t i = 0;
    const char* const text = rest.data();
    const std::size_t size = rest.size();
    for (;;) {
      while (i < size && !kListMark[static_cast<unsigned char>(text[i])]) ++i;
      if (i == size || (text[i] == ',' && !in_brackets)) break;
      if (text[i] == '"' && !in_brackets) {
        i = quoted_string_end(rest, i);
        if (i == std::string_view::npos) i = size;
        continue;
      }
      if (text[i] == '<') in_brackets = true;
      if (text[i] == '>') in_brackets = false;
      ++i;
    }
    const std::string_view value = trim(rest.substr(0, i));
    rest.remove_prefix(i < rest.size() ? i + 1 : i);
    if (!value.empty() || rest.empty()) return value;
  }
}

}  // namespace lockstep::sip
