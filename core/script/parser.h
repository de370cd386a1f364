// parser.h: tokens to a tree. Recursive descent; after a mistake it goes on behind the next `;` or
// before the next `}`, so that one run finds all mistakes. Used at start only, by one process.
#pragma once

#include "core/script/preprocessor.h"
#include "core/script/tree.h"

namespace lockstep::script {

// The tree's items only; the caller fills in sources and defines.
ConfigTree parse(const TokenStream& stream, Diagnostics& diagnostics);

}  // namespace lockstep::script
