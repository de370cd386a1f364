// sip_test.h: what the tests of core/sip share: messages from lines, texts that CppUnit can print.
#pragma once

#include <cppunit/TestAssert.h>
#include <cppunit/extensions/HelperMacros.h>

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include "core/sip/message.h"

namespace lockstep::sip {

inline std::string str(std::string_view text) { return std::string(text); }

// Each line with CRLF.
inline std::string lines(std::initializer_list<std::string_view> all) {
  std::string text;
  for (std::string_view line : all) text.append(line).append("\r\n");
  return text;
}

// Fault as text, "none" when there is none.
inline std::string fault_or_none(const std::optional<Fault>& fault) {
  return fault ? str(fault_text(*fault)) : "none";
}

// A message together with the bytes it points into.
struct Parsed {
  explicit Parsed(std::string datagram) : bytes(std::move(datagram)), message(std::make_unique<Message>()) {
    message->parse(bytes);
  }
  const Message* operator->() const { return message.get(); }
  const Message& operator*() const { return *message; }
  std::string bytes;
  std::unique_ptr<Message> message;
};

// A sound INVITE with every value that the tests ask for.
inline std::string plain_invite() {
  return lines({"INVITE sip:bob@biloxi.example.com SIP/2.0",
                "Via: SIP/2.0/UDP client.atlanta.example.com:5070;branch=z9hG4bK74bf9;rport",
                "Via: SIP/2.0/TCP first.example.com;branch=z9hG4bKfirst", "Max-Forwards: 70",
                "Record-Route: <sip:p2.example.com;lr>, <sip:p1.example.com;lr>",
                "From: \"Alice, A.\" <sip:alice@atlanta.example.com>;tag=9fxced76sl",
                "To: Bob <sip:bob@biloxi.example.com>", "Call-ID: 3848276298220188511@atlanta.example.com",
                "CSeq: 31862 INVITE", "Contact: <sip:alice@client.atlanta.example.com>", "Timestamp: 54.21",
                "Content-Type: text/plain", "Content-Length: 5", "", "hey"});
}

}  // namespace lockstep::sip
