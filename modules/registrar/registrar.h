// registrar.h: the registrar of RFC 3261 section 10 and the lookup of a proxy's targets (16.5), over a
// LocationStore. One object per process, used by script functions only; it holds no state of any user.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/script/variable.h"
#include "core/worker/location.h"
#include "core/worker/script_context.h"
#include "modules/registrar/register_request.h"
#include "modules/registrar/settings.h"
#include "shm/counters.h"

namespace lockstep::registrar {

// save()'s flags.
inline constexpr std::uint32_t kSaveNoReply = 0x02;
inline constexpr std::uint32_t kSaveOneContact = 0x04;
inline constexpr std::uint32_t kSaveExactExpires = 0x08;
inline constexpr std::uint32_t kSavePrepareReply = 0x10;

struct RegistrarCounters {
  shm::CounterId accepted;
  shm::CounterId rejected;
  shm::CounterId refused_full;
};

class Registrar {
 public:
  // Return values are those of Kamailio's functions of the same names.
  // 1 inserted, 2 updated (or repeated), 3 removed, 4 queried, -1 refused, -2 too many contacts. The answer
  // was sent.
  int save(worker::ScriptContext& context, worker::DomainIndex domain, std::uint32_t flags,
           std::string_view aor_uri, std::uint64_t now_s);
  // What save() with kSaveNoReply left out.
  int send_reply(worker::ScriptContext& context);
  // 1, -1 no contact, -2 none that allows the method, -3 an error. `uri` empty: the Request-URI.
  int lookup(worker::ScriptContext& context, worker::DomainIndex domain, std::string_view uri,
             std::uint64_t now_s);
  int lookup_to_branches(worker::ScriptContext& context, worker::DomainIndex domain, std::string_view uri,
                         std::uint64_t now_s);
  int lookup_branches(worker::ScriptContext& context, worker::DomainIndex domain, std::uint64_t now_s);
  // 1, -1.
  int registered(worker::ScriptContext& context, worker::DomainIndex domain, std::string_view uri,
                 std::uint64_t now_s);
  // 1, -1 no AOR in `uri`, -3 nothing to remove.
  int unregister(worker::ScriptContext& context, worker::DomainIndex domain, std::string_view uri,
                 std::string_view ruid, std::uint64_t now_s);

  Settings settings;
  RegistrarCounters counters;
  worker::LocationStore* store = nullptr;                // Set before the fork.
  std::optional<script::VariableRef> received_variable;  // received_avp.

 private:
  struct Answer {
    std::uint16_t status = 200;
    std::string_view reason = "OK";
    std::string_view lines;
    int result = 1;  // Of save().
  };
  // The answer that save(..., kSaveNoReply) kept for send_reply(): in this process, for this message.
  struct Pending {
    std::uint64_t key = 0;  // 0: none.
    std::uint16_t status = 200;
    std::string reason;
    std::string lines;
  };

  Answer process_register(worker::ScriptContext& context, worker::DomainIndex domain, std::uint32_t flags,
                          std::string_view aor_uri, std::uint64_t now_s);
  Answer refusal_of(worker::ScriptContext& context, worker::LocationError error, std::uint64_t now_s);
  std::string_view received_of(worker::ScriptContext& context) const;
  std::string_view retry_after_line(worker::ScriptContext& context, std::int64_t seconds) const;
  std::optional<std::string_view> contact_lines(worker::ScriptContext& context,
                                                std::span<const worker::Binding> bindings,
                                                const RegisterRequest& request, std::uint64_t now_s) const;
  int reply(worker::ScriptContext& context, std::uint16_t status, std::string_view reason,
            std::string_view lines);
  std::optional<std::string_view> aor_for(worker::ScriptContext& context, std::string_view uri, bool& is_uri);
  worker::Destination destination_of(const worker::ScriptContext& context, const worker::Binding& binding,
                                     std::uint32_t flags) const;
  // The contacts that may be tried; <= 0: lookup()'s return value instead.
  int find_targets(worker::ScriptContext& context, worker::DomainIndex domain, std::string_view uri,
                   std::uint64_t now_s, std::span<const worker::Binding>& bindings);
  bool is_target(const worker::ScriptContext& context, const worker::Binding& binding) const;
  bool append(worker::ScriptContext& context, const worker::Destination& destination) const;
  std::uint32_t next_random(std::uint64_t now_s);

  Pending pending_;
  std::uint64_t random_state_ = 0;
  std::uint64_t last_full_log_s_ = 0;
};

}  // namespace lockstep::registrar
