// fault.cc: the table of faults: phrase, counter name, status. Order is that of the enumeration.
#include "core/sip/fault.h"

#include <array>

namespace lockstep::sip {
namespace {

struct FaultRow {
  Fault fault;
  std::string_view text;
  std::string_view name;
  std::uint16_t status = 400;
};

constexpr std::array<FaultRow, kFaultCount> kRows = {{
    {Fault::kUnreadable, "Unreadable Message", "unreadable"},
    {Fault::kMessageTooLarge, "Message Too Large", "message_too_large", 513},
    {Fault::kBadRequestLine, "Bad Request Line", "bad_request_line"},
    {Fault::kBadStatusLine, "Bad Status Line", "bad_status_line"},
    {Fault::kBadVersion, "SIP Version Not Supported", "bad_version", 505},
    {Fault::kBadMethod, "Bad Method", "bad_method"},
    {Fault::kBadRequestUri, "Bad Request-URI", "bad_request_uri"},
    {Fault::kTooManyHeaders, "Too Many Headers", "too_many_headers"},
    {Fault::kBadHeaderLine, "Bad Header Line", "bad_header_line"},
    {Fault::kHeadersNotEnded, "Header Section Not Ended", "headers_not_ended"},
    {Fault::kBadContentLength, "Bad Content-Length", "bad_content_length"},
    {Fault::kMultipleContentLength, "Multiple Content-Length", "multiple_content_length"},
    {Fault::kContentLengthTooLarge, "Content-Length Too Large", "content_length_too_large"},
    {Fault::kMissingVia, "Missing Via", "missing_via"},
    {Fault::kBadVia, "Bad Via", "bad_via"},
    {Fault::kMissingFrom, "Missing From", "missing_from"},
    {Fault::kBadFrom, "Bad From", "bad_from"},
    {Fault::kMultipleFrom, "Multiple From", "multiple_from"},
    {Fault::kMissingTo, "Missing To", "missing_to"},
    {Fault::kBadTo, "Bad To", "bad_to"},
    {Fault::kMultipleTo, "Multiple To", "multiple_to"},
    {Fault::kMissingCallId, "Missing Call-ID", "missing_call_id"},
    {Fault::kBadCallId, "Bad Call-ID", "bad_call_id"},
    {Fault::kMultipleCallId, "Multiple Call-ID", "multiple_call_id"},
    {Fault::kMissingCSeq, "Missing CSeq", "missing_cseq"},
    {Fault::kBadCSeq, "Bad CSeq", "bad_cseq"},
    {Fault::kMultipleCSeq, "Multiple CSeq", "multiple_cseq"},
    {Fault::kCSeqMethodMismatch, "CSeq Method Mismatch", "cseq_method_mismatch"},
    {Fault::kBadMaxForwards, "Bad Max-Forwards", "bad_max_forwards"},
    {Fault::kMultipleMaxForwards, "Multiple Max-Forwards", "multiple_max_forwards"},
}};

consteval bool rows_are_in_order() {
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    if (static_cast<std::size_t>(kRows[i].fault) != i || kRows[i].text.empty()) return false;
  }
  return true;
}
static_assert(rows_are_in_order());

const FaultRow& row(Fault fault) { return kRows[static_cast<std::size_t>(fault)]; }

}  // namespace

std::string_view fault_text(Fault fault) { return row(fault).text; }
std::string_view fault_name(Fault fault) { return row(fault).name; }
std::uint16_t fault_status(Fault fault) { return row(fault).status; }

}  // namespace lockstep::sip
