// textops_parts.h: the functions of textops by subject, one file each, and what they share. The add_
// functions are called once by the module; the RegexCache they keep lives as long as it.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "core/script/registry.h"
#include "core/worker/script_context.h"
#include "modules/textops/line_regex.h"

namespace lockstep::textops {

void add_header_functions(script::ModuleExports& exports, const std::shared_ptr<RegexCache>& cache);
void add_search_functions(script::ModuleExports& exports, const std::shared_ptr<RegexCache>& cache);
// Every substitution that the script holds; the module resolves them when it starts.
using Substitutions = std::vector<std::shared_ptr<Substitution>>;
void add_substitution_functions(script::ModuleExports& exports, const std::shared_ptr<Substitutions>& all);
void add_body_functions(script::ModuleExports& exports);
void add_string_functions(script::ModuleExports& exports);

// A pattern. One without variables in it is prepared at start; regex_argument() gives it at run time.
enum class PatternKind : std::uint8_t {
  kFixed,        // A dollar is the end of a line.
  kAcrossLines,  // The same, on a text as a whole.
  kVariables,    // A dollar begins a variable; $$ is the end of a line.
};
script::ParamSpec pattern_param(std::string name, PatternKind kind = PatternKind::kFixed);
const LineRegex* regex_argument(const script::Arguments& arguments, std::size_t i, RegexCache& cache);

enum class Region : std::uint8_t {
  kWhole,    // With the start line.
  kMessage,  // Header fields and body.
  kHeaders,
  kBody,
};
// The bytes as received.
std::string_view region_of(const sip::Message& message, Region region);
// Offset of the first byte of the body, or of where it would be.
std::uint32_t body_offset(const sip::Message& message);

// Replaces received bytes. Each also keeps Content-Length right when the body changes. False: no room.
bool replace_bytes(worker::ScriptContext& context, std::string_view received, std::string_view text);
bool insert_behind(worker::ScriptContext& context, std::string_view received, std::string_view text);

}  // namespace lockstep::textops
