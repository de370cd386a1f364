// text_transformations.cc: {nameaddr.*} and {tobody.*} on addresses, {line.*} on bodies, {val.*} on null
// values. {s.*} and {param.*} belong to the language.
#include "core/worker/export_helpers.h"
#include "modules/pv/pv_parts.h"

namespace lockstep::pv {
namespace {

using script::Context;
using script::TransformationArguments;

// part(const sip::NameAddr&) -> std::string_view.
template <typename Part>
void add_part(script::ModuleExports& exports, const char* class_name, const char* name, const char* doc,
              Part part) {
  add_transformation(exports, class_name, name, doc,
                     [part](Context&, std::string_view text, const TransformationArguments&) {
                       const auto value = sip::parse_name_addr(text);
                       return Value::of_string(value.has_value() ? part(*value) : std::string_view());
                     });
}

std::string_view unquoted(std::string_view text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') return text.substr(1, text.size() - 2);
  return text;
}

void add_addresses(script::ModuleExports& exports) {
  using sip::NameAddr;
  add_part(exports, "nameaddr", "name", "the display name",
           [](const NameAddr& value) { return unquoted(value.display); });
  add_part(exports, "nameaddr", "uri", "the URI", [](const NameAddr& value) { return value.uri; });
  add_transformation(exports, "nameaddr", "len", "the bytes of display name and URI",
                     [](Context&, std::string_view text, const TransformationArguments&) {
                       const auto value = sip::parse_name_addr(text);
                       if (!value.has_value()) return Value::of_int(0);
                       const char* end =
                           value->uri.data() + value->uri.size() + (value->has_brackets ? 1 : 0);
                       return Value::of_int(end - value->text.data());
                     });
  add_part(exports, "tobody", "uri", "the URI", [](const NameAddr& value) { return value.uri; });
  add_part(exports, "tobody", "tag", "the tag", [](const NameAddr& value) { return value.tag(); });
  add_part(exports, "tobody", "display", "the display name",
           [](const NameAddr& value) { return value.display; });
  add_part(exports, "tobody", "params", "the parameters",
           [](const NameAddr& value) { return value.params.text(); });
  add_part(exports, "tobody", "user", "the user of the URI", [](const NameAddr& value) {
    const auto uri = sip::parse_uri(value.uri);
    return uri.has_value() ? uri->user : std::string_view();
  });
  add_part(exports, "tobody", "host", "the host of the URI", [](const NameAddr& value) {
    const auto uri = sip::parse_uri(value.uri);
    return uri.has_value() ? uri->host : std::string_view();
  });
}

// The next line without its end; false at the end of the text.
bool next_line(std::string_view& rest, std::string_view& line) {
  if (rest.empty()) return false;
  const std::size_t end = rest.find('\n');
  line = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return true;
}

std::int64_t count_lines(std::string_view text) {
  std::int64_t count = 0;
  for (std::string_view line; next_line(text, line);) ++count;
  return count;
}

void add_lines(script::ModuleExports& exports) {
  add_transformation(exports, "line", "count", "how many lines there are",
                     [](Context&, std::string_view text, const TransformationArguments&) {
                       return Value::of_int(count_lines(text));
                     });
  add_transformation(
      exports, "line", "at", "a line by its number from 0; -1 is the last",
      [](Context& context, std::string_view text, const TransformationArguments& arguments) {
        std::int64_t wanted = arguments.integer(context, 0);
        if (wanted < 0) wanted += count_lines(text);
        for (std::string_view line; wanted >= 0 && next_line(text, line);) {
          if (wanted-- == 0) return Value::of_string(line);
        }
        return Value::of_string("");
      },
      1, 1);
  add_transformation(
      exports, "line", "sw", "the first line that begins with a text",
      [](Context& context, std::string_view text, const TransformationArguments& arguments) {
        const std::string_view wanted = arguments.string(context, 0);
        for (std::string_view line; next_line(text, line);) {
          if (line.starts_with(wanted)) return Value::of_string(line);
        }
        return Value::of_string("");
      },
      1, 1);
}

// The text with what JSON does not allow in a string escaped.
Value json_text(Context& context, std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  char* const begin = context.try_allocate(text.size() * 6 + 1);
  if (begin == nullptr) return Value::null();
  char* at = begin;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      *at++ = '\\';
      *at++ = c;
    } else if (byte < 0x20) {
      for (const char fixed : std::string_view("\\u00")) *at++ = fixed;
      *at++ = kDigits[byte >> 4];
      *at++ = kDigits[byte & 15];
    } else {
      *at++ = c;
    }
  }
  context.arena().shrink_to(at);
  return Value::of_string({begin, static_cast<std::size_t>(at - begin)});
}

// These look at the value itself, because null is what they are about.
template <typename Apply>
void add_value(script::ModuleExports& exports, const char* name, const char* doc, Apply apply) {
  script::TransformationSpec spec;
  spec.class_name = "val";
  spec.name = name;
  spec.doc = doc;
  spec.apply = [apply](Context& context, const Value& value, const TransformationArguments&) {
    return apply(context, value);
  };
  exports.transformations.push_back(std::move(spec));
}

}  // namespace

void add_text_transformations(script::ModuleExports& exports) {
  add_addresses(exports);
  add_lines(exports);
  add_value(exports, "n0", "0 for null",
            [](Context&, const Value& value) { return value.is_null() ? Value::of_int(0) : value; });
  add_value(exports, "ne", "an empty text for null",
            [](Context&, const Value& value) { return value.is_null() ? Value::of_string("") : value; });
  add_value(exports, "json", "escaped for JSON; an empty text for null",
            [](Context& context, const Value& value) {
              if (value.is_null()) return Value::of_string("");
              return value.is_int() ? value : json_text(context, value.text());
            });
}

}  // namespace lockstep::pv
