// params.cc: one scanner serves the lenient walk and the strict check.
#include "core/sip/params.h"

namespace lockstep::sip {
namespace {

// Reads one parameter off `rest`. Returns false at the end. `is_clean` is cleared when bytes stand
// where none may: behind a quoted string, within a name, or an empty name.
bool scan_param(std::string_view& rest, Param& param, bool& is_clean) {
  rest = trim_left(rest);
  while (!rest.empty() && rest.front() == ';') rest = trim_left(rest.substr(1));
  if (rest.empty()) return false;

  std::size_t i = 0;
  while (i < rest.size() && rest[i] != ';' && rest[i] != '=') ++i;
  param = Param{trim(rest.substr(0, i)), {}, false};
  if (param.name.empty()) is_clean = false;
  if (i == rest.size() || rest[i] == ';') {
    rest.remove_prefix(i);
    return true;
  }

  param.has_value = true;
  rest = trim_left(rest.substr(i + 1));
  std::size_t end = 0;
  if (!rest.empty() && rest.front() == '"') {
    end = quoted_string_end(rest, 0);
    if (end == std::string_view::npos) {
      is_clean = false;
      end = rest.size();
    }
    param.value = rest.substr(0, end);
    rest = trim_left(rest.substr(end));
    if (!rest.empty() && rest.front() != ';') is_clean = false;
    return true;
  }
  while (end < rest.size() && rest[end] != ';') ++end;
  param.value = trim(rest.substr(0, end));
  rest.remove_prefix(end);
  return true;
}

}  // namespace

std::optional<Param> ParamList::next(std::string_view& rest) {
  Param param;
  bool is_clean = true;
  if (!scan_param(rest, param, is_clean)) return std::nullopt;
  return param;
}

std::optional<Param> ParamList::find(std::string_view name) const {
  std::string_view rest = text_;
  Param param;
  bool is_clean = true;
  while (scan_param(rest, param, is_clean)) {
    if (equal_nocase(param.name, name)) return param;
    if (param.name.find('%') != std::string_view::npos &&
        equal_escaped(param.name, name, Case::kInsensitive)) {
      return param;
    }
  }
  return std::nullopt;
}

std::string_view ParamList::value(std::string_view name) const {
  const std::optional<Param> param = find(name);
  return param ? param->bare_value() : std::string_view{};
}

std::optional<Param> ParamList::next_strict(std::string_view& rest, bool& is_good) {
  Param param;
  if (!scan_param(rest, param, is_good)) return std::nullopt;
  if (!is_token(param.name)) is_good = false;
  if (!param.value.empty() && param.value.front() == '"') return param;
  if (find_any<' ', '\t', '\r', '\n', '"', '<', '>', ','>(param.value) != std::string_view::npos) {
    is_good = false;
  }
  return param;
}

bool ParamList::is_well_formed() const {
  std::string_view rest = text_;
  bool is_good = true;
  while (is_good && next_strict(rest, is_good)) {
  }
  return is_good;
}

}  // namespace lockstep::sip
