// search_functions.cc: searching and replacing in the bytes as received. A replacement that cannot be noted
// for want of room ends the function with -1 and is logged; what was noted before it stays.
#include "core/base/log.h"
#include "core/worker/export_helpers.h"
#include "core/worker/request_edit.h"
#include "modules/textops/textops_parts.h"

namespace lockstep::textops {
namespace {

using script::Arguments;
using worker::answer;
using worker::format_param;
using worker::make_function;
using worker::ScriptContext;

int no_room() {
  LS_LOG(kErr, "textops", "too many changes to this message");
  return -1;
}

std::string_view span_of(std::string_view text, const script::Regex::Group& group) {
  return text.substr(group.begin, group.end - group.begin);
}

// --- Patterns ---

struct PatternCall {
  Region region;
  bool every = false;         // All matches, not the first alone.
  bool across_lines = false;  // The whole body at once.
};

int search(ScriptContext& context, const Arguments& arguments, Region region, RegexCache& cache) {
  const LineRegex* regex = regex_argument(arguments, 0, cache);
  return answer(regex != nullptr &&
                regex->matches(region_of(context.message, region), context.regex_scratch()));
}

int search_append(ScriptContext& context, const Arguments& arguments, Region region, RegexCache& cache) {
  const LineRegex* regex = regex_argument(arguments, 0, cache);
  const std::string_view text = region_of(context.message, region);
  Groups groups;
  if (regex == nullptr || regex->find(text, 0, context.regex_scratch(), groups) == 0) return -1;
  return insert_behind(context, span_of(text, groups[0]), arguments.string(1)) ? 1 : no_room();
}

int replace(ScriptContext& context, const Arguments& arguments, const PatternCall& call, RegexCache& cache) {
  const LineRegex* regex = regex_argument(arguments, 0, cache);
  if (regex == nullptr) return -1;
  const std::string_view text = region_of(context.message, call.region);
  const std::string_view replacement = arguments.string(1);
  Groups groups;
  bool is_found = false;
  std::size_t from = 0;
  while (regex->find(text, from, context.regex_scratch(), groups) > 0) {
    if (!replace_bytes(context, span_of(text, groups[0]), replacement)) return no_room();
    is_found = true;
    from = groups[0].end == groups[0].begin ? groups[0].end + 1 : groups[0].end;
    if (!call.every || from > text.size()) break;
  }
  return answer(is_found);
}

// --- Plain texts ---

int replace_text(ScriptContext& context, const Arguments& arguments, Region region) {
  const std::string_view text = region_of(context.message, region);
  const std::string_view wanted = arguments.string(0);
  const std::string_view replacement = arguments.string(1);
  const std::string_view mode = arguments.string(2);
  if (wanted.empty() || (mode != "a" && mode != "f")) return -1;
  bool is_found = false;
  for (std::size_t at = text.find(wanted); at != std::string_view::npos;
       at = text.find(wanted, at + wanted.size())) {
    if (!replace_bytes(context, text.substr(at, wanted.size()), replacement)) return no_room();
    is_found = true;
    if (mode == "f") break;
  }
  return answer(is_found);
}

// --- Header fields ---

// "a" all fields of the name, "f" the first, "l" the last: calls `visit` for each of those.
template <typename Visit>
void visit_fields(const sip::Message& message, std::string_view name, std::string_view which, Visit visit) {
  const sip::HeaderId id = sip::header_id(name);
  const sip::HeaderField* last = nullptr;
  for (const sip::HeaderField& field : message.fields()) {
    const bool is_same = id == sip::HeaderId::kOther ? sip::equal_nocase(field.name, name) : field.id == id;
    if (!is_same) continue;
    last = &field;
    if (which == "l") continue;
    visit(field);
    if (which == "f") return;
  }
  if (which == "l" && last != nullptr) visit(*last);
}

int search_hf(ScriptContext& context, const Arguments& arguments, RegexCache& cache) {
  const LineRegex* regex = regex_argument(arguments, 1, cache);
  if (regex == nullptr) return -1;
  bool is_found = false;
  visit_fields(context.message, arguments.string(0), arguments.string(2), [&](const sip::HeaderField& field) {
    is_found = is_found || regex->matches(field.value, context.regex_scratch());
  });
  return answer(is_found);
}

// --- Substitutions ---

script::ParamSpec substitution_param(const std::shared_ptr<Substitutions>& all) {
  script::ParamSpec param = worker::literal_param("/re/replacement/flags");
  param.prepare = [all](std::string_view text) -> Result<script::Prepared, std::string> {
    auto parsed = Substitution::parse(text);
    if (!parsed.ok()) return Failure<std::string>{parsed.error()};
    all->push_back(std::make_shared<Substitution>(std::move(*parsed)));
    return script::Prepared(all->back());
  };
  return param;
}

// Calls body(const Substitution&).
template <typename Body>
int with_substitution(const Arguments& arguments, std::size_t i, Body body) {
  const auto* prepared = arguments.prepared<Substitution>(i);
  return prepared == nullptr ? -1 : body(*prepared);
}

int substitute_in(ScriptContext& context, const Substitution& substitution, std::string_view text) {
  Groups groups;
  bool is_found = false;
  std::size_t from = 0;
  while (const std::size_t count = substitution.regex().find(text, from, context.regex_scratch(), groups)) {
    const auto made = substitution.replacement(context, text, groups, count, context.request_uri());
    if (!made.has_value() || !replace_bytes(context, span_of(text, groups[0]), *made)) return no_room();
    is_found = true;
    from = groups[0].end == groups[0].begin ? groups[0].end + 1 : groups[0].end;
    if (!substitution.is_global() || from > text.size()) break;
  }
  return answer(is_found);
}

int subst_uri(ScriptContext& context, const Arguments& arguments) {
  return with_substitution(arguments, 0, [&](const Substitution& substitution) {
    const auto made = substitution.apply(context, context.request_uri(), context.request_uri());
    if (!made.has_value()) return -1;
    if (!sip::parse_uri(*made).has_value()) {
      LS_LOG(kErr, "textops", "subst_uri: '{}' is no URI", *made);
      return -1;
    }
    context.target.uri = *made;
    return 1;
  });
}

int subst_user(ScriptContext& context, const Arguments& arguments) {
  const sip::Uri* uri = context.parsed_request_uri();
  if (uri == nullptr) return -1;
  const std::string_view user = uri->user;
  return with_substitution(arguments, 0, [&](const Substitution& substitution) {
    const auto made = substitution.apply(context, user, context.request_uri());
    return answer(made.has_value() && worker::set_request_uri_part(context, worker::UriPart::kUser, *made));
  });
}

int subst_hf(ScriptContext& context, const Arguments& arguments) {
  return with_substitution(arguments, 1, [&](const Substitution& substitution) {
    bool is_found = false;
    visit_fields(context.message, arguments.string(0), arguments.string(2),
                 [&](const sip::HeaderField& field) {
                   is_found = substitute_in(context, substitution, field.value) > 0 || is_found;
                 });
    return answer(is_found);
  });
}

// regex_substring(text, pattern, group, count, result): the group of the match; `count` groups are expected.
int regex_substring(ScriptContext& context, const Arguments& arguments, RegexCache& cache) {
  const LineRegex* regex = regex_argument(arguments, 1, cache);
  const std::string_view text = arguments.string(0);
  const std::int64_t group = arguments.integer(2);
  Groups groups;
  if (regex == nullptr || group < 0) return -1;
  const std::size_t count = regex->find(text, 0, context.regex_scratch(), groups);
  const auto index = static_cast<std::size_t>(group);
  if (index >= count || groups[index].begin == script::Regex::kUnset) return -1;
  return answer(arguments.variable(4).set(context, script::Value::of_string(span_of(text, groups[index]))));
}

}  // namespace

script::ParamSpec pattern_param(std::string name, PatternKind kind) {
  script::ParamSpec param = kind == PatternKind::kVariables ? format_param(std::move(name))
                                                            : worker::literal_param(std::move(name));
  const bool across_lines = kind == PatternKind::kAcrossLines;
  param.prepare = [across_lines](std::string_view text) -> Result<script::Prepared, std::string> {
    auto regex = LineRegex::compile(text, {.ignore_case = true, .across_lines = across_lines});
    if (!regex.ok()) return Failure<std::string>{regex.error()};
    return script::Prepared(std::make_shared<const LineRegex>(std::move(*regex)));
  };
  return param;
}

const LineRegex* regex_argument(const Arguments& arguments, std::size_t i, RegexCache& cache) {
  if (const auto* prepared = arguments.prepared<LineRegex>(i); prepared != nullptr) return prepared;
  return cache.find(arguments.string(i), {});
}

void add_search_functions(script::ModuleExports& exports, const std::shared_ptr<RegexCache>& cache) {
  auto& list = exports.functions;
  const auto add_search = [&](const char* name, const char* doc, Region region) {
    list.push_back(make_function(name, doc, worker::kInMessage, {pattern_param("pattern")},
                                 [cache, region](ScriptContext& context, const Arguments& arguments) {
                                   return search(context, arguments, region, *cache);
                                 }));
  };
  add_search("search", "whether the message matches", Region::kWhole);
  add_search("search_body", "whether the body matches", Region::kBody);
  const auto add_append = [&](const char* name, const char* doc, Region region) {
    list.push_back(make_function(name, doc, worker::kInMessage,
                                 {pattern_param("pattern"), format_param("text")},
                                 [cache, region](ScriptContext& context, const Arguments& arguments) {
                                   return search_append(context, arguments, region, *cache);
                                 }));
  };
  add_append("search_append", "puts a text behind the first match", Region::kMessage);
  add_append("search_append_body", "puts a text behind the first match in the body", Region::kBody);
  const auto add_replace = [&](const char* name, const char* doc, PatternCall call) {
    script::ParamSpec pattern =
        pattern_param("pattern", call.across_lines ? PatternKind::kAcrossLines : PatternKind::kFixed);
    list.push_back(make_function(name, doc, worker::kInMessage, {std::move(pattern), format_param("text")},
                                 [cache, call](ScriptContext& context, const Arguments& arguments) {
                                   return replace(context, arguments, call, *cache);
                                 }));
  };
  add_replace("replace", "replaces the first match", {Region::kMessage});
  add_replace("replace_all", "replaces every match", {Region::kMessage, true});
  add_replace("replace_hdrs", "replaces the first match in the header fields", {Region::kHeaders});
  add_replace("replace_body", "replaces the first match in the body", {Region::kBody});
  add_replace("replace_body_all", "replaces every match in the body, line by line", {Region::kBody, true});
  add_replace("replace_body_atonce", "replaces every match in the body as a whole",
              {Region::kBody, true, true});
  const auto add_replace_text = [&](const char* name, const char* doc, Region region) {
    list.push_back(make_function(name, doc, worker::kInMessage,
                                 {format_param("match"), format_param("text"), worker::literal_param("mode")},
                                 [region](ScriptContext& context, const Arguments& arguments) {
                                   return replace_text(context, arguments, region);
                                 }));
  };
  add_replace_text("replace_str", "replaces a text: \"a\" everywhere, \"f\" first", Region::kMessage);
  add_replace_text("replace_body_str", "as replace_str, in the body", Region::kBody);
  add_replace_text("replace_hdrs_str", "as replace_str, in the header fields", Region::kHeaders);
  list.push_back(make_function("search_str", "whether a text matches", script::kAnyRoute,
                               {format_param("text"), pattern_param("pattern", PatternKind::kVariables)},
                               [cache](ScriptContext& context, const Arguments& arguments) {
                                 const LineRegex* regex = regex_argument(arguments, 1, *cache);
                                 return answer(regex != nullptr &&
                                               regex->matches(arguments.string(0), context.regex_scratch()));
                               }));
  list.push_back(make_function(
      "search_hf", "whether a header field matches: \"a\" any, \"f\" first, \"l\" last", worker::kInMessage,
      {format_param("name"), pattern_param("pattern"), worker::literal_param("which")},
      [cache](ScriptContext& context, const Arguments& arguments) {
        return search_hf(context, arguments, *cache);
      }));
  list.push_back(make_function(
      "regex_substring", "a group of a match", script::kAnyRoute,
      {format_param("text"), pattern_param("pattern", PatternKind::kVariables), worker::int_param("group"),
       worker::int_param("count"), worker::variable_param("result")},
      [cache](ScriptContext& context, const Arguments& arguments) {
        return regex_substring(context, arguments, *cache);
      }));
}

void add_substitution_functions(script::ModuleExports& exports, const std::shared_ptr<Substitutions>& all) {
  auto& list = exports.functions;
  const auto add = [&](const char* name, const char* doc, Region region) {
    list.push_back(
        make_function(name, doc, worker::kInMessage, {substitution_param(all)},
                      [region](ScriptContext& context, const Arguments& arguments) {
                        return with_substitution(arguments, 0, [&](const Substitution& substitution) {
                          return substitute_in(context, substitution, region_of(context.message, region));
                        });
                      }));
  };
  add("subst", "replaces in the message: '/re/replacement/flags'", Region::kMessage);
  add("subst_body", "as subst, in the body", Region::kBody);
  list.push_back(make_function("subst_uri", "as subst, on the Request-URI", worker::kInRequest,
                               {substitution_param(all)}, subst_uri));
  list.push_back(make_function("subst_user", "as subst, on the user of the Request-URI", worker::kInRequest,
                               {substitution_param(all)}, subst_user));
  list.push_back(make_function(
      "subst_hf", "as subst, on a header field: \"a\" all, \"f\" first, \"l\" last", worker::kInMessage,
      {format_param("name"), substitution_param(all), worker::literal_param("which")}, subst_hf));
}

}  // namespace lockstep::textops
