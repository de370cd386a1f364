// config_file.h: from a file (or text) to a tree: preprocessor, lexer, parser in one call. The tree
// is what the file says after includes and conditions; nothing in it is resolved yet. All mistakes
// go to the Diagnostics; a tree is returned even then, so that the compiler can find more.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/script/diagnostics.h"
#include "core/script/tree.h"

namespace lockstep::script {

struct LoadOptions {
  // -A NAME or -A NAME=VALUE, in order; a value stands as if after #!define.
  std::vector<std::pair<std::string, std::string>> defines;
  // Searched last, after the current directory and the folder of the including file.
  std::vector<std::string> include_dirs;
};

// "NAME" or "NAME=VALUE" to a define.
std::pair<std::string, std::string> parse_define_option(std::string_view argument);

// Sets the sources of `diagnostics`. A file that cannot be read is an error of its own.
ConfigTree load_file(const std::string& path, const LoadOptions& options, Diagnostics& diagnostics);
// `name` stands for the file in messages; includes are looked up from the current directory.
ConfigTree load_text(std::string name, std::string text, const LoadOptions& options,
                     Diagnostics& diagnostics);

// The configuration written out again after includes and conditions (--cfg-print). Reading it back
// gives the same tree.
std::string print_tree(const ConfigTree& tree);

}  // namespace lockstep::script
