// header_functions.cc: header fields: there or not, added, removed; and the method.
#include <ctime>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/sip/message_edit.h"
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
using worker::try_join;

// --- is_method ---

struct MethodList {
  std::uint32_t known = 0;  // A bit for each sip::Method.
  std::vector<std::string> others;
};

std::string upper(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return result;
}

MethodList parse_methods(std::string_view text) {
  MethodList list;
  while (!text.empty()) {
    const std::size_t end = text.find('|');
    const std::string name = upper(sip::trim(text.substr(0, end)));
    const sip::Method method = sip::method_of(name);
    if (method != sip::Method::kOther) {
      list.known |= std::uint32_t{1} << static_cast<unsigned>(method);
    } else if (!name.empty()) {
      list.others.push_back(name);
    }
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
  return list;
}

script::ParamSpec method_param() {
  script::ParamSpec param = format_param("methods");
  param.prepare = [](std::string_view text) -> Result<script::Prepared, std::string> {
    MethodList list = parse_methods(text);
    if (list.known == 0 && list.others.empty())
      return Failure<std::string>{"a method is expected: \"INVITE|ACK\""};
    return script::Prepared(std::make_shared<const MethodList>(std::move(list)));
  };
  return param;
}

bool is_in(const sip::Message& message, const MethodList& list) {
  const sip::Method method = message.method();
  if (method != sip::Method::kOther) return ((list.known >> static_cast<unsigned>(method)) & 1U) != 0;
  const sip::CSeq* cseq = message.is_response() ? message.cseq() : nullptr;
  const std::string_view text = cseq != nullptr ? cseq->method_text : message.method_text();
  for (const std::string& other : list.others) {
    if (sip::equal_nocase(other, text)) return true;
  }
  return false;
}

int is_method(ScriptContext& context, const Arguments& arguments) {
  if (const auto* list = arguments.prepared<MethodList>(0); list != nullptr) {
    return answer(is_in(context.message, *list));
  }
  return answer(is_in(context.message, parse_methods(arguments.string(0))));
}

// --- Adding ---

bool has_name(const sip::HeaderField& field, std::string_view name) {
  const sip::HeaderId id = sip::header_id(name);
  return id == sip::HeaderId::kOther ? sip::equal_nocase(field.name, name) : field.id == id;
}

int append_hf(ScriptContext& context, const Arguments& arguments) {
  const auto lines = worker::header_lines(context, arguments.string(0), "append_hf");
  if (!lines.has_value()) return -1;
  std::size_t offset = context.message.headers_end();
  if (arguments.is_given(1)) {
    const std::string_view name = arguments.string(1);
    for (const sip::HeaderField& field : context.message.fields()) {
      if (has_name(field, name)) offset = field.line_end;
    }
  }
  return answer(context.edits.insert(offset, *lines));
}

int insert_hf(ScriptContext& context, const Arguments& arguments) {
  const auto lines = worker::header_lines(context, arguments.string(0), "insert_hf");
  if (!lines.has_value()) return -1;
  const sip::HeaderField* before =
      arguments.is_given(1) ? context.message.first(arguments.string(1)) : nullptr;
  return answer(
      context.edits.insert(before == nullptr ? context.message.headers_begin() : before->line_begin, *lines));
}

int append_urihf(ScriptContext& context, const Arguments& arguments) {
  const auto text =
      try_join(context, {arguments.string(0), context.message.request_uri_text(), arguments.string(1)});
  if (!text.has_value()) return -1;
  const auto lines = worker::header_lines(context, *text, "append_urihf");
  return answer(lines.has_value() && sip::append_line(context.edits, context.message, *lines));
}

int add_to_reply(ScriptContext& context, std::string_view text, std::string_view function) {
  const auto lines = worker::header_lines(context, text, function);
  if (!lines.has_value()) return -1;
  const auto all = try_join(context, {context.reply_lines, *lines});
  if (!all.has_value()) return -1;
  context.reply_lines = *all;
  return 1;
}

// "Date: Thu, 05 Mar 2026 10:00:00 GMT", in the C locale whatever the environment says.
std::string date_line() {
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto now = static_cast<std::time_t>(wall_s());
  std::tm utc{};
  gmtime_r(&now, &utc);
  return fmt::format("Date: {}, {:02} {} {} {:02}:{:02}:{:02} GMT\r\n", kDays[utc.tm_wday], utc.tm_mday,
                     kMonths[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
}

int append_time_to_request(ScriptContext& context, const Arguments&) {
  const std::string_view line = context.arena().copy(date_line());
  return answer(!line.empty() && sip::append_line(context.edits, context.message, line));
}

// --- Removing, and asking ---

// Removes the fields for which `wanted` says true; false when there was none or there is no room.
template <typename Wanted>
bool remove_fields(ScriptContext& context, Wanted wanted) {
  bool is_found = false;
  for (const sip::HeaderField& field : context.message.fields()) {
    if (!wanted(field)) continue;
    is_found = true;
    if (context.edits.is_removed(field.line_begin, field.line_end)) continue;
    if (!sip::remove_field(context.edits, context.message, field)) {
      LS_LOG(kErr, "textops", "too many changes to this message");
      return false;
    }
  }
  return is_found;
}

int remove_hf(ScriptContext& context, const Arguments& arguments) {
  const std::string_view name = arguments.string(0);
  return answer(remove_fields(context, [&](const sip::HeaderField& field) { return has_name(field, name); }));
}

int is_present_hf(ScriptContext& context, const Arguments& arguments) {
  return answer(context.message.first(arguments.string(0)) != nullptr);
}

int remove_hf_exp(ScriptContext& context, const Arguments& arguments, RegexCache& cache) {
  // The second lookup may evict what the first one found, so each is used before the next.
  script::RegexScratch& scratch = context.regex_scratch();
  return answer(remove_fields(context, [&](const sip::HeaderField& field) {
    const LineRegex* match = regex_argument(arguments, 0, cache);
    if (match == nullptr || !match->matches(field.name, scratch)) return false;
    if (!arguments.is_given(1)) return true;
    const LineRegex* skip = regex_argument(arguments, 1, cache);
    return skip != nullptr && !skip->matches(field.name, scratch);
  }));
}

int is_present_hf_re(ScriptContext& context, const Arguments& arguments, RegexCache& cache) {
  const LineRegex* regex = regex_argument(arguments, 0, cache);
  if (regex == nullptr) return -1;
  for (const sip::HeaderField& field : context.message.fields()) {
    if (regex->matches(field.name, context.regex_scratch())) return 1;
  }
  return -1;
}

// Index from 0; negative from the end.
int remove_hf_idx(ScriptContext& context, const Arguments& arguments) {
  const std::string_view name = arguments.string(0);
  std::int64_t index = arguments.integer(1);
  std::int64_t count = 0;
  for (const sip::HeaderField& field : context.message.fields()) count += has_name(field, name) ? 1 : 0;
  if (index < 0) index += count;
  std::int64_t at = 0;
  return answer(remove_fields(
      context, [&](const sip::HeaderField& field) { return has_name(field, name) && at++ == index; }));
}

int remove_hf_match(ScriptContext& context, const Arguments& arguments, RegexCache& cache) {
  const std::string_view name = arguments.string(0);
  const std::string_view operation = arguments.string(1);
  const std::string_view text = arguments.string(2);
  const LineRegex* regex = operation == "re" ? cache.find(text, {}) : nullptr;
  if (operation != "eq" && operation != "ne" && operation != "in" && regex == nullptr) return -1;
  return answer(remove_fields(context, [&](const sip::HeaderField& field) {
    if (!has_name(field, name)) return false;
    if (operation == "eq") return field.value == text;
    if (operation == "ne") return field.value != text;
    if (operation == "in") return field.value.find(text) != std::string_view::npos;
    return regex->matches(field.value, context.regex_scratch());
  }));
}

// Privacy: values are separated by semicolons (RFC 3323), by commas in the field.
int is_privacy(ScriptContext& context, const Arguments& arguments) {
  const std::string_view wanted = arguments.string(0);
  for (const sip::HeaderField& field : context.message.fields(sip::HeaderId::kPrivacy)) {
    std::string_view rest = field.value;
    while (!rest.empty()) {
      const std::size_t end = rest.find_first_of(";,");
      if (sip::equal_nocase(sip::trim(rest.substr(0, end)), wanted)) return 1;
      rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    }
  }
  return -1;
}

void add_adding(script::ModuleExports& exports) {
  auto& list = exports.functions;
  list.push_back(make_function("append_hf", "adds header lines behind all others, or behind those of a name",
                               worker::kInMessage, {format_param("lines"), format_param("name")}, append_hf,
                               1));
  list.push_back(
      make_function("insert_hf", "adds header lines before all others, or before the first of a name",
                    worker::kInMessage, {format_param("lines"), format_param("name")}, insert_hf, 1));
  list.push_back(make_function("append_urihf", "adds a header: prefix, the received Request-URI, suffix",
                               worker::kInRequest, {format_param("prefix"), format_param("suffix")},
                               append_urihf));
  list.push_back(make_function("append_to_reply", "adds header lines to answers made here",
                               worker::kInRequest, {format_param("lines")},
                               [](ScriptContext& context, const Arguments& arguments) {
                                 return add_to_reply(context, arguments.string(0), "append_to_reply");
                               }));
  list.push_back(make_function("append_time", "adds Date to answers made here", worker::kInRequest, {},
                               [](ScriptContext& context, const Arguments&) {
                                 return add_to_reply(context, date_line(), "append_time");
                               }));
  list.push_back(make_function("append_time_to_request", "adds Date to the message", worker::kInMessage, {},
                               append_time_to_request));
}

}  // namespace

void add_header_functions(script::ModuleExports& exports, const std::shared_ptr<RegexCache>& cache) {
  auto& list = exports.functions;
  list.push_back(make_function("is_method", "whether the method is one of \"A|B\"", worker::kInMessage,
                               {method_param()}, is_method));
  add_adding(exports);
  const auto with_cache = [cache](auto body) {
    return [cache, body](ScriptContext& context, const Arguments& arguments) {
      return body(context, arguments, *cache);
    };
  };
  for (const char* name : {"remove_hf", "remove_hf_pv"}) {
    list.push_back(make_function(name, "removes all header fields of this name", worker::kInMessage,
                                 {format_param("name")}, remove_hf));
  }
  for (const char* name : {"is_present_hf", "is_present_hf_pv"}) {
    list.push_back(make_function(name, "whether there is a header field of this name", worker::kInMessage,
                                 {format_param("name")}, is_present_hf));
  }
  for (const bool with_variables : {false, true}) {
    const PatternKind kind = with_variables ? PatternKind::kVariables : PatternKind::kFixed;
    const auto add = [&](const std::string& name, const char* doc, std::vector<script::ParamSpec> params,
                         auto body) {
      list.push_back(make_function(name + (with_variables ? "_pv" : ""), doc, worker::kInMessage,
                                   std::move(params), with_cache(body)));
    };
    add("remove_hf_re", "removes the header fields whose names match", {pattern_param("pattern", kind)},
        remove_hf_exp);
    add("remove_hf_exp", "removes the header fields whose names match the first pattern, not the second",
        {pattern_param("match", kind), pattern_param("skip", kind)}, remove_hf_exp);
    add("is_present_hf_re", "whether the name of a header field matches", {pattern_param("pattern", kind)},
        is_present_hf_re);
  }
  list.push_back(make_function("remove_hf_idx", "removes one of the header fields of this name",
                               worker::kInMessage, {format_param("name"), worker::int_param("index")},
                               remove_hf_idx));
  list.push_back(make_function(
      "remove_hf_match", "removes header fields by value: eq, ne, in, re", worker::kInMessage,
      {format_param("name"), format_param("operator"), format_param("text")}, with_cache(remove_hf_match)));
  list.push_back(make_function("is_privacy", "whether Privacy names this", worker::kInMessage,
                               {format_param("type")}, is_privacy));
}

}  // namespace lockstep::textops
