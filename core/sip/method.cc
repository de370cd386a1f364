// method.cc: method names by length first, so that at most four comparisons are made.
#include "core/sip/method.h"

#include <array>
#include <cstddef>

namespace lockstep::sip {
namespace {

constexpr std::array<std::string_view, 15> kNames = {"",        "INVITE",   "ACK",     "BYE",   "CANCEL",
                                                     "OPTIONS", "REGISTER", "INFO",    "PRACK", "SUBSCRIBE",
                                                     "NOTIFY",  "UPDATE",   "MESSAGE", "REFER", "PUBLISH"};
static_assert(kNames.size() == static_cast<std::size_t>(Method::kPublish) + 1);

Method either(std::string_view text, Method a, Method b) {
  if (text == method_name(a)) return a;
  return text == method_name(b) ? b : Method::kOther;
}

}  // namespace

std::string_view method_name(Method method) { return kNames[static_cast<std::size_t>(method)]; }

Method method_of(std::string_view text) {
  switch (text.size()) {
    case 3:
      return either(text, Method::kAck, Method::kBye);
    case 4:
      return either(text, Method::kInfo, Method::kInfo);
    case 5:
      return either(text, Method::kPrack, Method::kRefer);
    case 6: {
      const Method first = either(text, Method::kInvite, Method::kCancel);
      return first != Method::kOther ? first : either(text, Method::kNotify, Method::kUpdate);
    }
    case 7: {
      const Method first = either(text, Method::kOptions, Method::kMessage);
      return first != Method::kOther ? first : either(text, Method::kPublish, Method::kPublish);
    }
    case 8:
      return either(text, Method::kRegister, Method::kRegister);
    case 9:
      return either(text, Method::kSubscribe, Method::kSubscribe);
    default:
      return Method::kOther;
  }
}

bool is_dialog_forming(Method method) {
  return method == Method::kInvite || method == Method::kSubscribe || method == Method::kNotify ||
         method == Method::kRefer;
}

}  // namespace lockstep::sip
