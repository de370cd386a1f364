// words.h: events, actions and timers in words, as every drawing and the prose say them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/order/call.h"

namespace lockstep::order {

// "1 call", "2 calls".
std::string counted(std::size_t count, const char* noun);

// For a terminal: control bytes other than line ends, which might steer it, as dots.
std::string printable(std::string_view text);

// "relay response" for "kRelayResponse": names of enumerators as people read them.
std::string words_of(const char* name);

// Why there is a CANCEL: "completed elsewhere".
std::string reason_text(transaction::CancelReason reason);

// Whether branches are numbered: a transaction with a single branch needs no number, and that of a BYE would
// be taken for a branch of the INVITE.
enum class Naming : std::uint8_t { kBranches, kNoBranches };

// "response 200 of branch 1", "timer M of branch 0", and what followed: "relay response 200 of branch 1,
// cancel branch 0 (completed elsewhere)", "noted" where the state alone changed.
std::string event_text(const Decision& decision, Naming naming = Naming::kBranches);
std::string actions_text(const Decision& decision, Naming naming = Naming::kBranches);

}  // namespace lockstep::order
