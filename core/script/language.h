// language.h: what the language itself exports, as if it were a module: the variables that need no
// message and the transformations of strings. Added to every Registry by its constructor.
#pragma once

#include "core/script/registry.h"

namespace lockstep::script {

// $var $rc $retcode $? $null $def $env $sel $_s $TS $Tf, registered to work on `registry`.
void add_language_variables(ModuleExports& exports, Registry& registry);
// {s.*}, {val.*}, {param.*}.
void add_string_transformations(ModuleExports& exports);
void add_encoding_transformations(ModuleExports& exports);
void add_parameter_transformations(ModuleExports& exports);

}  // namespace lockstep::script
