// status.h: the standard reason phrases (RFC 3261 section 21 and the IANA registry).
#pragma once

#include <cstdint>
#include <string_view>

namespace lockstep::sip {

// For an unknown status the phrase of its class, e.g. "Client Error".
std::string_view reason_phrase(std::uint16_t status);

constexpr bool is_provisional(std::uint16_t status) { return status >= 100 && status < 200; }
constexpr bool is_success(std::uint16_t status) { return status >= 200 && status < 300; }
constexpr bool is_final(std::uint16_t status) { return status >= 200 && status < 700; }

}  // namespace lockstep::sip
