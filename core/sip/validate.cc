// validate.cc: the checks of RFC 3261 8.1.1 and 16.3 that make a message usable at all, in the
// order in which a reader would name what is wrong.
#include "core/sip/message.h"
#include "core/sip/text.h"

namespace lockstep::sip {
namespace {

// The three ways in which a header that must stand exactly once can be wrong.
struct SingleHeader {
  HeaderId id;
  Fault missing;
  Fault multiple;
};

std::optional<Fault> check_single(const Message& message, const SingleHeader& header) {
  const HeaderField* field = message.first(header.id);
  if (field == nullptr) return header.missing;
  if (field->next_same != 0xffff) return header.multiple;
  return std::nullopt;
}

bool is_call_id(std::string_view text) {
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte == 0x7f) return false;
  }
  return !text.empty();
}

std::optional<Fault> check_addresses(const Message& message) {
  constexpr SingleHeader from{HeaderId::kFrom, Fault::kMissingFrom, Fault::kMultipleFrom};
  constexpr SingleHeader to{HeaderId::kTo, Fault::kMissingTo, Fault::kMultipleTo};
  if (const auto fault = check_single(message, from)) return fault;
  if (message.from_uri() == nullptr) return Fault::kBadFrom;
  if (const auto fault = check_single(message, to)) return fault;
  if (message.to_uri() == nullptr) return Fault::kBadTo;
  return std::nullopt;
}

std::optional<Fault> check_call_id_and_cseq(const Message& message) {
  constexpr SingleHeader call_id{HeaderId::kCallId, Fault::kMissingCallId, Fault::kMultipleCallId};
  constexpr SingleHeader cseq{HeaderId::kCSeq, Fault::kMissingCSeq, Fault::kMultipleCSeq};
  if (const auto fault = check_single(message, call_id)) return fault;
  if (!is_call_id(message.call_id())) return Fault::kBadCallId;
  if (const auto fault = check_single(message, cseq)) return fault;
  if (message.cseq() == nullptr) return Fault::kBadCSeq;
  return std::nullopt;
}

std::optional<Fault> check_request(const Message& message) {
  if (message.cseq()->method_text != message.method_text()) return Fault::kCSeqMethodMismatch;
  const HeaderField* hops = message.first(HeaderId::kMaxForwards);
  if (hops == nullptr) return std::nullopt;
  if (hops->next_same != 0xffff) return Fault::kMultipleMaxForwards;
  if (!message.max_forwards()) return Fault::kBadMaxForwards;
  return std::nullopt;
}

}  // namespace

std::optional<Fault> validate(const Message& message) {
  if (const auto fault = message.result().fault) return fault;
  if (message.is_request() && message.request_uri() == nullptr) return Fault::kBadRequestUri;
  if (!message.has(HeaderId::kVia)) return Fault::kMissingVia;
  if (message.top_via() == nullptr) return Fault::kBadVia;
  if (const auto fault = check_addresses(message)) return fault;
  if (const auto fault = check_call_id_and_cseq(message)) return fault;
  if (message.is_request()) return check_request(message);
  return std::nullopt;
}

}  // namespace lockstep::sip
