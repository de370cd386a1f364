// core_exports.h: what a script may name without loading any module: the core's functions and keywords.
// Used once by main, before the configuration is compiled; by tests likewise.
#pragma once

#include "core/script/registry.h"

namespace lockstep::worker {

// Functions (force_rport, setflag, seturi, ...) and keywords (uri, src_ip, method, ...) of module "core".
// Lives as long as the process and never changes.
const script::ModuleExports& core_exports();

// Adds core_exports() and the test behind `uri == myself`. Functions need a worker::ScriptContext.
void add_core(script::Registry& registry);

// The parts of core_exports(), one file each.
void add_core_functions(script::ModuleExports& exports);
void add_core_keywords(script::ModuleExports& exports);

}  // namespace lockstep::worker
