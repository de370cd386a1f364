// transformation_parameters.cc: {param.*} on texts such as "a=1;b=\"2;3\";c". The separator is `;` unless
// another is given; values may stand in double quotes, inside which it means nothing.
#include <string_view>
#include <utility>

#include "core/script/language.h"

namespace lockstep::script {
namespace {

struct Parameter {
  std::string_view name;
  std::string_view value;
};

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

// Walks the parameters one by one.
class ParameterReader {
 public:
  ParameterReader(std::string_view text, char separator) : rest_(text), separator_(separator) {}
  bool next(Parameter& found) {
    while (!rest_.empty()) {
      bool quoted = false;
      std::size_t end = 0;
      while (end < rest_.size() && (quoted || rest_[end] != separator_)) {
        if (rest_[end] == '"') quoted = !quoted;
        ++end;
      }
      const std::string_view whole = trimmed(rest_.substr(0, end));
      rest_.remove_prefix(end < rest_.size() ? end + 1 : end);
      if (whole.empty()) continue;
      const std::size_t equals = whole.find('=');
      found.name = trimmed(whole.substr(0, equals));
      found.value = equals == std::string_view::npos ? std::string_view{} : trimmed(whole.substr(equals + 1));
      if (found.value.size() >= 2 && found.value.front() == '"' && found.value.back() == '"') {
        found.value = found.value.substr(1, found.value.size() - 2);
      }
      return true;
    }
    return false;
  }

 private:
  std::string_view rest_;
  char separator_;
};

bool same_name(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const auto fold = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    if (fold(a[i]) != fold(b[i])) return false;
  }
  return true;
}

using Given = TransformationArguments;

char separator_of(Context& context, const Given& arguments, std::size_t at) {
  const std::string_view given = arguments.string(context, at);
  return given.empty() ? ';' : given[0];
}

bool find_name(Context& context, std::string_view text, const Given& arguments, Parameter& found) {
  const std::string_view wanted = arguments.string(context, 0);
  ParameterReader reader(text, separator_of(context, arguments, 1));
  while (reader.next(found)) {
    if (same_name(found.name, wanted)) return true;
  }
  return false;
}

bool find_position(Context& context, std::string_view text, const Given& arguments, Parameter& found) {
  std::int64_t position = arguments.integer(context, 0);
  ParameterReader reader(text, separator_of(context, arguments, 1));
  if (position < 0) {
    ParameterReader counter = reader;
    for (Parameter ignored; counter.next(ignored);) ++position;
  }
  while (position >= 0 && reader.next(found)) {
    if (position-- == 0) return true;
  }
  return false;
}

using Body = Value (*)(Context&, std::string_view, const Given&);

void add(ModuleExports& exports, std::string name, std::uint8_t min_count, std::string doc, Body body) {
  TransformationSpec spec;
  spec.class_name = "param";
  spec.name = std::move(name);
  spec.doc = std::move(doc);
  spec.min_count = min_count;
  spec.max_count = static_cast<std::uint8_t>(min_count + 1);
  spec.last_is_character = true;
  spec.apply = [body](Context& context, const Value& value, const Given& arguments) {
    if (value.is_null()) return Value::null();
    return body(context, context.text_of(value), arguments);
  };
  exports.transformations.push_back(std::move(spec));
}

}  // namespace

void add_parameter_transformations(ModuleExports& exports) {
  add(exports, "value", 1, "value of the parameter with that name",
      [](Context& context, std::string_view text, const Given& arguments) {
        Parameter found;
        return Value::of_string(find_name(context, text, arguments, found) ? found.value
                                                                           : std::string_view{});
      });
  add(exports, "in", 1, "1 if there is a parameter with that name",
      [](Context& context, std::string_view text, const Given& arguments) {
        Parameter found;
        return Value::of_int(find_name(context, text, arguments, found) ? 1 : 0);
      });
  add(exports, "valueat", 1, "value of the parameter at that position",
      [](Context& context, std::string_view text, const Given& arguments) {
        Parameter found;
        return Value::of_string(find_position(context, text, arguments, found) ? found.value
                                                                               : std::string_view{});
      });
  add(exports, "name", 1, "name of the parameter at that position",
      [](Context& context, std::string_view text, const Given& arguments) {
        Parameter found;
        return Value::of_string(find_position(context, text, arguments, found) ? found.name
                                                                               : std::string_view{});
      });
  add(exports, "count", 0, "number of parameters",
      [](Context& context, std::string_view text, const Given& arguments) {
        std::int64_t count = 0;
        ParameterReader reader(text, separator_of(context, arguments, 0));
        for (Parameter ignored; reader.next(ignored);) ++count;
        return Value::of_int(count);
      });
}

}  // namespace lockstep::script
