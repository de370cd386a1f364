#include "modules/siputils/uri_functions.h"

#include "core/base/log.h"
#include "core/sip/text.h"
#include "core/worker/export_helpers.h"
#include "core/worker/request_edit.h"

namespace lockstep::siputils {
namespace {

using script::Arguments;
using script::Value;
using worker::answer;
using worker::format_param;
using worker::make_function;
using worker::ScriptContext;
using worker::UriPart;

std::optional<sip::Param> request_param(ScriptContext& context, std::string_view name) {
  const sip::Uri* uri = context.parsed_request_uri();
  return uri == nullptr ? std::nullopt : uri->param(name);
}

// One argument: the parameter is there without a value; two: with this value.
int uri_param(ScriptContext& context, const Arguments& arguments) {
  const auto param = request_param(context, arguments.string(0));
  if (!param.has_value()) return -1;
  if (!arguments.is_given(1)) return answer(!param->has_value);
  return answer(param->has_value && sip::equal_nocase(param->value, arguments.string(1)));
}

int add_uri_param(ScriptContext& context, const Arguments& arguments) {
  const sip::Uri* uri = context.parsed_request_uri();
  if (uri == nullptr) return -1;
  const std::string_view params = uri->params.text();
  const auto joined = worker::try_join(context, {params, params.empty() ? "" : ";", arguments.string(0)});
  return answer(joined.has_value() && worker::set_request_uri_part(context, UriPart::kParams, *joined));
}

int get_uri_param(ScriptContext& context, const Arguments& arguments) {
  const auto param = request_param(context, arguments.string(0));
  if (!param.has_value()) return -1;
  return answer(arguments.variable(1).set(context, Value::of_string(param->value)));
}

int uri_param_rm(ScriptContext& context, const Arguments& arguments) {
  const sip::Uri* uri = context.parsed_request_uri();
  if (uri == nullptr) return -1;
  const std::string_view name = arguments.string(0);
  std::string_view kept;
  bool is_found = false;
  std::string_view rest = uri->params.text();
  while (const auto param = sip::ParamList::next(rest)) {
    if (sip::equal_nocase(param->name, name)) {
      is_found = true;
      continue;
    }
    const auto joined = worker::try_join(context, {kept, kept.empty() ? "" : ";", param->text()});
    if (!joined.has_value()) return -1;
    kept = *joined;
  }
  return answer(is_found && worker::set_request_uri_part(context, UriPart::kParams, kept));
}

// RFC 3261 19.1.6: separators go, parameters become part of the user in lower case.
int tel2sip(ScriptContext& context, const Arguments& arguments) {
  const std::string_view text = arguments.string(0);
  const auto uri = sip::parse_uri(text);
  if (!uri.has_value()) return -1;
  if (uri->scheme != sip::UriScheme::kTel) return 2;
  const std::string_view host = arguments.string(1);
  char* const begin = context.try_allocate(text.size() + host.size() + 32);
  if (begin == nullptr) return -1;
  char* at = begin;
  const auto put = [&at](std::string_view part) {
    for (const char c : part) *at++ = c;
  };
  put("sip:");
  for (const char c : uri->user) {
    if (c != '-' && c != '.' && c != '(' && c != ')') *at++ = c;
  }
  if (!uri->params.empty()) *at++ = ';';
  for (const char c : uri->params.text()) *at++ = sip::lower(c);
  put("@");
  put(host);
  put(";user=phone");
  const std::string_view made(begin, static_cast<std::size_t>(at - begin));
  if (!sip::parse_uri(made).has_value()) return -1;
  return answer(arguments.variable(2).set(context, Value::of_string(made)));
}

// 1: pub-gruu (gr has a value), 2: temp-gruu.
int is_gruu(ScriptContext& context, const Arguments& arguments) {
  std::optional<sip::Uri> given;
  if (arguments.is_given(0)) given = sip::parse_uri(arguments.string(0));
  const sip::Uri* uri =
      arguments.is_given(0) ? (given.has_value() ? &*given : nullptr) : context.parsed_request_uri();
  const auto gr = uri == nullptr ? std::nullopt : uri->param("gr");
  if (!gr.has_value()) return -1;
  return gr->has_value ? 1 : 2;
}

int cmp_uri(ScriptContext&, const Arguments& arguments) {
  const auto a = sip::parse_uri(arguments.string(0));
  const auto b = sip::parse_uri(arguments.string(1));
  return answer(a.has_value() && b.has_value() && sip::equal(*a, *b));
}

int cmp_aor(ScriptContext&, const Arguments& arguments) {
  const auto a = sip::parse_uri(arguments.string(0));
  const auto b = sip::parse_uri(arguments.string(1));
  return answer(a.has_value() && b.has_value() &&
                sip::equal_escaped(a->user, b->user, sip::Case::kSensitive) &&
                sip::equal_host(a->host, b->host));
}

int set_uri_part(ScriptContext& context, const Arguments& arguments, UriPart part) {
  const Value value = arguments.variable(0).get(context);
  const auto uri = sip::parse_uri(context.text_of(value));
  if (!uri.has_value()) return -1;
  const auto changed = worker::with_uri_part(context, *uri, part, arguments.string(1));
  return answer(changed.has_value() && arguments.variable(0).set(context, Value::of_string(*changed)));
}

bool all_digits(std::string_view text) {
  for (const char c : text) {
    if (!sip::is_digit(c)) return false;
  }
  return !text.empty();
}

// "+" and up to 15 digits.
bool is_e164(std::string_view text) {
  return text.size() > 2 && text.size() < 17 && text.front() == '+' && all_digits(text.substr(1));
}

bool is_alphanumeric(std::string_view text, std::string_view more) {
  for (const char c : text) {
    if (!sip::is_digit(c) && !sip::is_alpha(c) && more.find(c) == std::string_view::npos) return false;
  }
  return !text.empty();
}

// A function that says yes or no to the text of its first argument.
template <typename Test>
script::FunctionSpec text_test(const char* name, const char* doc, Test test) {
  return make_function(
      name, doc, script::kAnyRoute, {format_param("text")},
      [test](ScriptContext&, const Arguments& arguments) { return answer(test(arguments.string(0))); });
}

}  // namespace

void add_uri_functions(script::ModuleExports& exports) {
  auto& list = exports.functions;
  list.push_back(
      make_function("uri_param", "whether the Request-URI has this parameter, without or with this value",
                    worker::kInRequest, {format_param("name"), format_param("value")}, uri_param, 1));
  list.push_back(make_function("uri_param_any", "whether the Request-URI has this parameter at all",
                               worker::kInRequest, {format_param("name")},
                               [](ScriptContext& context, const Arguments& arguments) {
                                 return answer(request_param(context, arguments.string(0)).has_value());
                               }));
  list.push_back(make_function("add_uri_param", "adds name=value to the Request-URI", worker::kInRequest,
                               {format_param("param")}, add_uri_param));
  list.push_back(make_function("get_uri_param", "the value of a parameter of the Request-URI",
                               worker::kInRequest, {format_param("name"), worker::variable_param("result")},
                               get_uri_param));
  list.push_back(make_function("uri_param_rm", "removes a parameter of the Request-URI", worker::kInRequest,
                               {format_param("name")}, uri_param_rm));
  list.push_back(make_function(
      "tel2sip", "a tel URI as SIP URI: 1 converted, 2 it was none, -1 error", script::kAnyRoute,
      {format_param("uri"), format_param("host"), worker::variable_param("result")}, tel2sip));
  list.push_back(make_function("is_gruu", "1: public GRUU, 2: temporary GRUU", script::kAnyRoute,
                               {format_param("uri")}, is_gruu, 0));
  list.push_back(make_function("cmp_uri", "whether two URIs are equal (RFC 3261 19.1.4)", script::kAnyRoute,
                               {format_param("a"), format_param("b")}, cmp_uri));
  list.push_back(make_function("cmp_aor", "whether two URIs have the same user and host", script::kAnyRoute,
                               {format_param("a"), format_param("b")}, cmp_aor));
  list.push_back(make_function("set_uri_user", "replaces the user of a URI in a variable", script::kAnyRoute,
                               {worker::variable_param("uri"), format_param("user")},
                               [](ScriptContext& context, const Arguments& arguments) {
                                 return set_uri_part(context, arguments, UriPart::kUser);
                               }));
  list.push_back(make_function("set_uri_host", "replaces the host of a URI in a variable", script::kAnyRoute,
                               {worker::variable_param("uri"), format_param("host")},
                               [](ScriptContext& context, const Arguments& arguments) {
                                 return set_uri_part(context, arguments, UriPart::kHost);
                               }));
  list.push_back(text_test("is_uri", "whether the text is a URI",
                           [](std::string_view text) { return sip::parse_uri(text).has_value(); }));
}

void add_number_functions(script::ModuleExports& exports) {
  auto& list = exports.functions;
  list.push_back(text_test("is_e164", "whether the text is + and up to 15 digits", is_e164));
  list.push_back(text_test("is_uri_user_e164", "whether the user of this URI is an E.164 number",
                           [](std::string_view text) {
                             const auto uri = sip::parse_uri(text);
                             return uri.has_value() && is_e164(uri->user_without_params());
                           }));
  list.push_back(text_test(
      "is_tel_number", "whether the text is digits, with or without a +",
      [](std::string_view text) { return all_digits(text.starts_with('+') ? text.substr(1) : text); }));
  list.push_back(text_test("is_numeric", "whether the text is digits", all_digits));
  list.push_back(text_test("is_alphanum", "whether the text is ASCII letters and digits",
                           [](std::string_view text) { return is_alphanumeric(text, {}); }));
  list.push_back(make_function("is_alphanumex", "as is_alphanum, with further characters allowed",
                               script::kAnyRoute, {format_param("text"), format_param("characters")},
                               [](ScriptContext&, const Arguments& arguments) {
                                 return answer(is_alphanumeric(arguments.string(0), arguments.string(1)));
                               }));
}

}  // namespace lockstep::siputils
