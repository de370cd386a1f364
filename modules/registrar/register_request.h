// register_request.h: a REGISTER read as RFC 3261 10.3 wants it (steps 2, 5, 6 and the intervals of step 7):
// the address of record, what each Contact asks for, or why it is refused. Reads the message only; texts are
// spans of it or lie in the arena.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "core/base/arena.h"
#include "core/base/result.h"
#include "core/sip/message.h"
#include "core/sip/uri.h"
#include "core/worker/location.h"
#include "modules/registrar/settings.h"

namespace lockstep::registrar {

// A response other than 200. `lines`: whole header lines that belong to it.
struct Refusal {
  std::uint16_t status = 400;
  std::string_view reason;
  std::string_view lines;
};

struct RegisterRequest {
  std::span<worker::BindingChange> changes;
  bool is_star = false;   // Contact: * with Expires: 0.
  bool is_query = false;  // No Contact at all.
  std::string_view path;  // To be stored and perhaps returned; empty: none.
};

// What the script and the socket add to the message.
struct Surroundings {
  std::string_view received;  // "sip:ip:port", empty: not known.
  std::uint32_t branch_flags = 0;
  std::uint16_t socket = worker::kNoSocket;
  std::uint32_t nat_flag = 0;
  bool with_expires_range = true;
  std::uint64_t now_s = 0;
  std::uint32_t random = 0;  // Chooses within the ranges.
};

// The user, or user@domain, unescaped and in lower case. none: no user, a malformed escape, no room in the
// arena, or a scheme without user and domain.
std::optional<std::string_view> build_aor(const sip::Uri& uri, bool use_domain, const Settings& settings,
                                          Arena& arena);

// The methods that a list such as "INVITE, ACK" names.
std::uint32_t method_bits(std::string_view list);

// REQUIRES: message.method() is REGISTER.
Result<RegisterRequest, Refusal> read_register(const sip::Message& message, const Settings& settings,
                                               const Surroundings& surroundings, Arena& arena);

}  // namespace lockstep::registrar
