// preprocessor.h: the files of a configuration to one list of tokens: includes followed, false
// branches of #!ifdef skipped raw (what stands there need not lex), defines put in place of whole
// identifier tokens. Used at start only, by one process.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/script/config_file.h"
#include "core/script/diagnostics.h"
#include "core/script/lexer.h"

namespace lockstep::script {

// Tokens point into the sources and into `storage`: it must outlive them.
struct TokenStream {
  std::vector<Token> tokens;  // Ends with one kEnd.
  std::deque<std::string> storage;
  std::map<std::string, std::string, std::less<>> defines;  // At the end of the file.
};

// REQUIRES: `sources` holds the root file at index `root` and is also what `diagnostics` shows.
TokenStream preprocess(SourceSet& sources, std::uint32_t root, const LoadOptions& options,
                       Diagnostics& diagnostics);

// The text of a file; none if it cannot be read or is larger than a configuration may be (16 MiB).
bool read_text_file(const std::string& path, std::string& text);

}  // namespace lockstep::script
