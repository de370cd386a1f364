// method.h: SIP methods. Names compare with case (RFC 3261 7.1); what is not known is kOther and
// keeps its text in the message.
#pragma once

#include <cstdint>
#include <string_view>

namespace lockstep::sip {

enum class Method : std::uint8_t {
  kOther,
  kInvite,
  kAck,
  kBye,
  kCancel,
  kOptions,
  kRegister,
  kInfo,
  kPrack,
  kSubscribe,
  kNotify,
  kUpdate,
  kMessage,
  kRefer,
  kPublish,
};

Method method_of(std::string_view text);
// Empty for kOther.
std::string_view method_name(Method method);
// INVITE, SUBSCRIBE, NOTIFY, REFER: a success response creates or may create a dialog, and so
// copies Record-Route (RFC 3261 12.1.1).
bool is_dialog_forming(Method method);

}  // namespace lockstep::sip
