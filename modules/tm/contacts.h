// contacts.h: serial forking by q value (t_load_contacts, t_next_contacts): the destination set is put away
// as values of an AVP of the transaction, highest q on top, and taken out one group of equal q at a time.
#pragma once

#include <string>
#include <string_view>

#include "core/worker/script_context.h"

namespace lockstep::tm {

// Puts target and branches away, and empties the destination set. 1, or -1 when memory is short.
int load_contacts(worker::ScriptContext& context, std::string_view avp);
// Makes the next group the destination set. 1; -2 when none is left.
int next_contacts(worker::ScriptContext& context, std::string_view avp);

// One destination as text and back (tests).
std::string_view encode(worker::ScriptContext& context, const worker::Destination& destination);
bool decode(std::string_view text, worker::Destination& destination);

}  // namespace lockstep::tm
