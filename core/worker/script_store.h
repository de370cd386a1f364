// script_store.h: what a script keeps from one route of a transaction to the next: AVPs and the rewritten
// target, as bytes in one message slot of the transaction.
#pragma once

#include <span>

#include "core/worker/script_context.h"

namespace lockstep::worker {

// Bytes that store_script would write; 0: there is nothing to keep.
std::size_t script_bytes(const ScriptContext& context);
// REQUIRES: out.size() >= script_bytes(context).
void store_script(const ScriptContext& context, std::span<char> out);
// Fills AVPs and target from such bytes; copies into the context's arena.
void load_script(ScriptContext& context, std::string_view bytes);

}  // namespace lockstep::worker
