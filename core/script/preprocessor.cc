// preprocessor.cc: directives, includes, defines.
#include "core/script/preprocessor.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>
#include <utility>

#include "core/script/regex.h"
#include "core/script/substitution.h"

namespace lockstep::script {
namespace {

constexpr std::size_t kIncludeDepthMax = 10;
constexpr std::size_t kExpansionDepthMax = 32;
constexpr std::size_t kTokenMax = 4 * 1000 * 1000;

class Preprocessor {
 public:
  Preprocessor(SourceSet& sources, const LoadOptions& options, Diagnostics& diagnostics)
      : sources_(sources), options_(options), diagnostics_(diagnostics) {}

  TokenStream run(std::uint32_t root) {
    for (const auto& [name, value] : options_.defines) stream_.defines[name] = value;
    push_file(root);
    for (;;) {
      Token token = next();
      const bool is_last = token.kind == TokenKind::kEnd;
      stream_.tokens.push_back(token);
      if (is_last) return std::move(stream_);
      if (stream_.tokens.size() >= kTokenMax) {
        diagnostics_.error(token.location, "the configuration is too large");
        stream_.tokens.back().kind = TokenKind::kEnd;
        return std::move(stream_);
      }
    }
  }

 private:
  struct Condition {
    Location location;
    bool else_seen = false;
  };
  struct Source {
    Cursor cursor;
    std::string define;  // Not "": the expansion of this define.
    std::uint32_t file = 0;
    bool space_before = false;  // For the first token of an expansion.
    std::vector<Condition> conditions;
  };

  void push_file(std::uint32_t file) {
    sources_stack_.push_back(Source{Cursor(sources_.file(file).text, file), {}, file, true, {}});
  }

  // The next token after directives, includes and expansions; kEnd when all is read.
  Token next() {
    for (;;) {
      if (sources_stack_.empty()) return end_token_;
      Source& source = sources_stack_.back();
      LexerOutput output{stream_.storage, diagnostics_};
      Token token = scan_token(source.cursor, output);
      if (source.space_before) {
        token.space_before = true;
        source.space_before = false;
      }
      if (token.kind == TokenKind::kEnd) {
        pop(token);
      } else if (token.kind == TokenKind::kDirective) {
        directive();
      } else if (token.kind == TokenKind::kString) {
        substitute(token);
        return token;
      } else if (token.kind != TokenKind::kIdentifier) {
        return token;
      } else if (token.text == "include_file" || token.text == "import_file") {
        include(token.text == "include_file", token.location);
      } else if (!expand(token)) {
        return token;
      }
    }
  }

  void pop(const Token& end) {
    for (const Condition& open : sources_stack_.back().conditions) {
      diagnostics_.error(open.location, "this condition is never closed", "an #!endif is missing");
    }
    const bool was_expansion = !sources_stack_.back().define.empty();
    sources_stack_.pop_back();
    end_token_ = end;
    // What follows an included file is never glued to it; what follows a define may be (udp:MY_IP:5060).
    if (!sources_stack_.empty() && !was_expansion) sources_stack_.back().space_before = true;
  }

  bool expand(const Token& token) {
    const auto found = stream_.defines.find(token.text);
    if (found == stream_.defines.end()) return false;
    std::size_t depth = 0;
    for (const Source& source : sources_stack_) {
      if (source.define == token.text) return false;  // Its own name inside its value is just a word.
      if (!source.define.empty()) ++depth;
    }
    if (depth >= kExpansionDepthMax) {
      diagnostics_.error(token.location, fmt::format("defines are nested too deeply at '{}'", token.text));
      return false;
    }
    stream_.storage.push_back(found->second);
    Source expansion{Cursor(stream_.storage.back(), token.location.file),
                     found->first,
                     token.location.file,
                     token.space_before,
                     {}};
    expansion.cursor.pin(token.location);
    sources_stack_.push_back(std::move(expansion));
    return true;
  }

  void substitute(Token& token) {
    for (const Substitution& substitution : substitutions_) {
      std::optional<std::string> changed = substitution.apply(token.text, scratch_);
      if (!changed) continue;
      stream_.storage.push_back(std::move(*changed));
      token.text = stream_.storage.back();
      token.verbatim = false;
    }
  }

  // The rest of the line; a backslash before the line's end continues it.
  std::string rest_of_line(Cursor& cursor) {
    std::string text;
    while (!cursor.at_end() && cursor.peek() != '\n') {
      if (cursor.peek() == '\\' &&
          (cursor.peek(1) == '\n' || (cursor.peek(1) == '\r' && cursor.peek(2) == '\n'))) {
        cursor.advance(cursor.peek(1) == '\n' ? 2 : 3);
        continue;
      }
      text += cursor.peek();
      cursor.advance();
    }
    const std::size_t first = text.find_first_not_of(" \t\r");
    if (first == std::string::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
  }

  void directive() {
    Cursor& cursor = sources_stack_.back().cursor;
    const Location location = cursor.shown();
    const std::string word(leading_word(cursor.rest().substr(2)));
    cursor.advance(2 + word.size());
    if (word == "include_file" || word == "import_file") {
      include(word == "include_file", location);
      return;
    }
    const std::string rest = rest_of_line(cursor);
    if (word == "ifdef" || word == "ifndef") {
      open_condition(location, std::string(leading_word(rest)), word == "ifdef");
    } else if (word == "else") {
      else_condition(location);
    } else if (word == "endif") {
      close_condition(location);
    } else if (word.find("def") != std::string::npos && !word.starts_with("subst") &&
               is_directive_word(word)) {
      define(location, word, rest);
    } else if (word.starts_with("subst") && is_directive_word(word)) {
      add_substitution(location, word, rest);
    } else if (!is_directive_word(word)) {
      unknown_directive(location, word);
    }
    // What is left names the language (#!KAMAILIO) and asks for nothing.
  }

  void unknown_directive(const Location& location, const std::string& word) {
    if (word.empty()) return;  // "#!/usr/sbin/..." is a comment.
    Suggestion suggestion(word);
    for (const char* known : {"define", "trydef", "redefine", "undef", "ifdef", "ifndef", "else", "endif",
                              "include_file", "import_file", "subst", "substdef", "substdefs", "KAMAILIO"}) {
      suggestion.consider(known);
    }
    static constexpr std::array<std::string_view, 8> kLater = {"defenv", "defenvs", "trydefenv", "trydefenvs",
                                                               "ifexp",  "defexp",  "defexps",   "trydefexp"};
    if (std::find(kLater.begin(), kLater.end(), word) != kLater.end()) {
      diagnostics_.error(location, fmt::format("the directive #!{} is not supported", word));
      return;
    }
    diagnostics_.warning(location, fmt::format("unknown directive #!{}, taken as a comment", word),
                         suggestion.text());
  }

  void define(const Location& location, const std::string& word, const std::string& rest) {
    const std::string name(leading_word(rest));
    if (name.empty()) {
      diagnostics_.error(location, fmt::format("a name must follow #!{}", word));
      return;
    }
    if (word == "undef") {
      stream_.defines.erase(name);
      return;
    }
    std::string value = rest.substr(name.size());
    value.erase(0, value.find_first_not_of(" \t"));
    const bool is_known = stream_.defines.contains(name);
    if (word.starts_with("try") && is_known) return;
    if (!word.starts_with("re") && is_known && stream_.defines[name] != value) {
      // -A and an earlier file win silently only with trydef; the first value stays, as in Kamailio.
      diagnostics_.warning(location, fmt::format("'{}' is defined already; the first value stays", name),
                           "use #!redefine to change it, or #!trydef if the other may win");
      return;
    }
    stream_.defines[name] = value;
  }

  void add_substitution(const Location& location, const std::string& word, const std::string& rest) {
    std::string text = rest;
    if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
    Result<Substitution, std::string> parsed = Substitution::parse(text);
    if (!parsed) {
      diagnostics_.error(location, fmt::format("#!{}: {}", word, parsed.error()),
                         "write it as \"/pattern/replacement/flags\"");
      return;
    }
    if (word != "subst" && !stream_.defines.contains(parsed->pattern())) {
      std::string value = parsed->replacement();
      if (word == "substdefs") value = fmt::format("\"{}\"", value);
      stream_.defines[parsed->pattern()] = std::move(value);
    }
    substitutions_.push_back(std::move(*parsed));
  }

  void open_condition(const Location& location, const std::string& name, bool wanted) {
    if (name.empty()) diagnostics_.error(location, "a name must follow the condition");
    sources_stack_.back().conditions.push_back(Condition{location, false});
    if (stream_.defines.contains(name) != wanted) skip_branch(true);
  }

  void else_condition(const Location& location) {
    std::vector<Condition>& open = sources_stack_.back().conditions;
    if (open.empty()) {
      diagnostics_.error(location, "#!else without #!ifdef");
      return;
    }
    if (open.back().else_seen) diagnostics_.error(location, "a second #!else for one condition");
    open.back().else_seen = true;
    skip_branch(false);
  }

  void close_condition(const Location& location) {
    std::vector<Condition>& open = sources_stack_.back().conditions;
    if (open.empty()) {
      diagnostics_.error(location, "#!endif without #!ifdef");
      return;
    }
    open.pop_back();
  }

  // Skips raw lines up to the #!endif of this condition or, if `stop_at_else`, to its #!else.
  void skip_branch(bool stop_at_else) {
    Source& source = sources_stack_.back();
    Cursor& cursor = source.cursor;
    std::size_t depth = 0;
    while (!cursor.at_end()) {
      while (cursor.peek() == ' ' || cursor.peek() == '\t') cursor.advance();
      const Location location = cursor.shown();
      if ((cursor.peek() == '#' || cursor.peek() == '!') && cursor.peek(1) == '!') {
        const std::string_view word = leading_word(cursor.rest().substr(2));
        if (word == "ifdef" || word == "ifndef") ++depth;
        const bool is_endif = word == "endif";
        const bool is_else = word == "else";
        while (!cursor.at_end() && cursor.peek() != '\n') cursor.advance();
        if (is_endif && depth-- == 0) {
          source.conditions.pop_back();
          return;
        }
        if (is_else && depth == 0) {
          if (source.conditions.back().else_seen)
            diagnostics_.error(location, "a second #!else for one condition");
          source.conditions.back().else_seen = true;
          if (stop_at_else) return;
        }
        continue;
      }
      while (!cursor.at_end() && cursor.peek() != '\n') cursor.advance();
      cursor.advance();
    }
  }

  void include(bool must_exist, const Location& location) {
    const std::uint32_t including = sources_stack_.back().file;
    const Token operand = next();
    if (operand.kind != TokenKind::kString) {
      diagnostics_.error(location, "a file name in quotes must follow");
      diagnostics_.mute_line(location);
      return;
    }
    const std::string wanted(operand.text);
    std::size_t depth = 0;
    for (const Source& source : sources_stack_) depth += source.define.empty() ? 1 : 0;
    if (depth > kIncludeDepthMax) {
      diagnostics_.error(location,
                         fmt::format("files include each other more than {} deep", kIncludeDepthMax));
      return;
    }
    std::vector<std::string> candidates = {wanted};
    if (!wanted.starts_with('/')) {
      const std::string& name = sources_.file(including).name;
      const std::size_t slash = name.rfind('/');
      if (slash != std::string::npos) candidates.push_back(name.substr(0, slash + 1) + wanted);
      for (const std::string& folder : options_.include_dirs) candidates.push_back(folder + "/" + wanted);
    }
    for (const std::string& path : candidates) {
      std::string text;
      if (!read_text_file(path, text)) continue;
      push_file(sources_.add(path, std::move(text)));
      return;
    }
    if (must_exist) {
      diagnostics_.error(
          operand.location, fmt::format("cannot read the file '{}'", wanted),
          "it is looked for from the current directory, then beside the file that includes it");
    }
  }

  SourceSet& sources_;
  const LoadOptions& options_;
  Diagnostics& diagnostics_;
  TokenStream stream_;
  std::vector<Source> sources_stack_;
  std::vector<Substitution> substitutions_;
  RegexScratch scratch_;
  Token end_token_;
};

}  // namespace

TokenStream preprocess(SourceSet& sources, std::uint32_t root, const LoadOptions& options,
                       Diagnostics& diagnostics) {
  return Preprocessor(sources, options, diagnostics).run(root);
}

bool read_text_file(const std::string& path, std::string& text) {
  constexpr std::size_t kFileBytesMax = 16 * 1024 * 1024;
  std::ifstream file(path, std::ios::binary);
  if (!file) return false;
  text.clear();
  std::array<char, 65536> block{};
  while (file.read(block.data(), block.size()), file.gcount() > 0) {
    text.append(block.data(), static_cast<std::size_t>(file.gcount()));
    if (text.size() > kFileBytesMax) return false;
  }
  // Some editors begin UTF-8 files with a byte order mark; it is no part of the text.
  if (text.starts_with("\xef\xbb\xbf")) text.erase(0, 3);
  return file.eof();
}

}  // namespace lockstep::script
