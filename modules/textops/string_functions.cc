// string_functions.cc: comparing texts.
#include <algorithm>

#include "core/sip/text.h"
#include "core/worker/export_helpers.h"
#include "modules/textops/textops_parts.h"

namespace lockstep::textops {
namespace {

using script::Arguments;
using worker::answer;
using worker::format_param;
using worker::ScriptContext;

bool contains_nocase(std::string_view text, std::string_view wanted) {
  const auto same = [](char a, char b) { return sip::lower(a) == sip::lower(b); };
  return std::search(text.begin(), text.end(), wanted.begin(), wanted.end(), same) != text.end() ||
         wanted.empty();
}

// True when `test` is, for an element of the list.
template <typename Test>
bool any_element(std::string_view list, char separator, Test test) {
  while (!list.empty()) {
    const std::size_t end = list.find(separator);
    if (test(sip::trim(list.substr(0, end)))) return true;
    if (end == std::string_view::npos) return false;
    list.remove_prefix(end + 1);
  }
  return false;
}

template <typename Test>
script::FunctionSpec two_texts(const char* name, const char* doc, Test test) {
  return worker::make_function(name, doc, script::kAnyRoute, {format_param("a"), format_param("b")},
                               [test](ScriptContext&, const Arguments& arguments) {
                                 return answer(test(arguments.string(0), arguments.string(1)));
                               });
}

template <typename Test>
script::FunctionSpec list_test(const char* name, const char* doc, Test test) {
  return worker::make_function(
      name, doc, script::kAnyRoute,
      {format_param("subject"), format_param("list"), format_param("separator")},
      [test](ScriptContext&, const Arguments& arguments) {
        const std::string_view subject = arguments.string(0);
        const std::string_view separator = arguments.string(2);
        if (separator.size() != 1) return -1;
        return answer(any_element(arguments.string(1), separator[0],
                                  [&](std::string_view element) { return test(subject, element); }));
      });
}

}  // namespace

void add_string_functions(script::ModuleExports& exports) {
  using Text = std::string_view;
  auto& list = exports.functions;
  list.push_back(two_texts("cmp_str", "whether two texts are equal", [](Text a, Text b) { return a == b; }));
  list.push_back(two_texts("cmp_istr", "whether two texts are equal without case",
                           [](Text a, Text b) { return sip::equal_nocase(a, b); }));
  list.push_back(two_texts("starts_with", "whether the first text begins with the second",
                           [](Text a, Text b) { return a.starts_with(b); }));
  list.push_back(two_texts("ends_with", "whether the first text ends with the second",
                           [](Text a, Text b) { return a.ends_with(b); }));
  list.push_back(two_texts("str_find", "whether the first text holds the second",
                           [](Text a, Text b) { return a.find(b) != Text::npos; }));
  list.push_back(
      two_texts("str_ifind", "whether the first text holds the second, without case", contains_nocase));
  list.push_back(list_test("in_list", "whether a text is an element of a list",
                           [](Text subject, Text element) { return subject == element; }));
  list.push_back(
      list_test("in_list_prefix", "whether an element of a list is a prefix of a text",
                [](Text subject, Text element) { return !element.empty() && subject.starts_with(element); }));
}

}  // namespace lockstep::textops
