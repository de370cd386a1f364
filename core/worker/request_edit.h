// request_edit.h: what scripts do to a request's target: its Request-URI part by part, its further branches,
// the socket it leaves by. Shared by the core's functions and by modules (pv, textops, kex, corex,
// siputils), so that `$rU = "x"` and setuser("x") are one thing. All text goes to the context's arena.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/sip/edit.h"
#include "core/sip/uri.h"
#include "core/worker/script_context.h"

namespace lockstep::worker {

enum class UriPart : std::uint8_t {
  kUser,      // Keeps a password. Empty: no user at all.
  kUserPass,  // "user:password".
  kHost,      // Keeps the port and the parameters.
  kHostPort,  // "host" or "host:port"; without a port there is none.
  kHostAll,   // As kHostPort, with ";param" too: parameters are replaced.
  kPort,      // Empty: none.
  kParams,    // Without the leading semicolon. Empty: none.
};

// `uri` with one part replaced; a tel URI that gets a host becomes sip:NUMBER@host;user=phone. none: the
// arena is full, or the result is no URI (the value has characters that cannot stand there).
std::optional<std::string_view> with_uri_part(ScriptContext& context, const sip::Uri& uri, UriPart part,
                                              std::string_view value);

// The same on the Request-URI. False where there is none to change (a response, a malformed URI), or as
// above.
bool set_request_uri_part(ScriptContext& context, UriPart part, std::string_view value);
bool strip_request_user(ScriptContext& context, std::int64_t count);
bool strip_request_user_tail(ScriptContext& context, std::int64_t count);
bool prefix_request_user(ScriptContext& context, std::string_view prefix);

// A further branch. `uri` empty: a copy of the request's own target. False: the branches are full, `uri` is
// no URI, or the arena is full.
bool append_branch(ScriptContext& context, std::string_view uri, std::uint16_t q);

// "udp:127.0.0.1:5060", "127.0.0.1:5060", "127.0.0.1"; kNoSocket when none listens there.
std::uint16_t find_socket_text(const LocalNames& names, std::string_view text);

// Flags of branch `index` (0: the request itself); nullptr where there is no such branch.
std::uint32_t* branch_flags(ScriptContext& context, std::int64_t index);

// The parameter of a Digest header value (username, realm, ...), without quotes; none when absent.
std::optional<std::string_view> digest_param(std::string_view credentials, std::string_view name);
// The first credentials of the message: Proxy-Authorization, else Authorization; empty when there are none.
std::string_view credentials_of(const sip::Message& message);

// `text` as whole header lines in the arena, each ended by CRLF; none when it is not (a missing colon, an
// empty line that would end the headers), which is logged for `function`.
std::optional<std::string_view> header_lines(ScriptContext& context, std::string_view text,
                                             std::string_view function);

// The list without those edits for which `drop` says true. Texts are kept, not copied.
template <typename Drop>
void erase_edits(sip::EditList& edits, Drop drop) {
  sip::EditList kept;
  for (const sip::Edit& edit : edits.edits()) {
    if (drop(edit)) continue;
    // The new list never holds more than the old one, so this cannot fail.
    LS_ASSERT(kept.replace(edit.offset, edit.offset + edit.removed_bytes, edit.text));
  }
  edits = kept;
}

}  // namespace lockstep::worker
