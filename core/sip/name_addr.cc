// name_addr.cc: display name, brackets, header parameters. The three forms of 20.10 are told apart
// by what stands first: '*', a quoted string, or anything else with or without a '<'.
#include "core/sip/name_addr.h"

#include "core/sip/text.h"

namespace lockstep::sip {
namespace {

constexpr auto kNpos = std::string_view::npos;

// Tokens and LWS by the grammar. Phones also send other letters and marks unquoted; what would make
// the value ambiguous (a comma, brackets, a quote) stays an error (RFC 4475 3.1.2.15).
bool is_display_text(std::string_view text) { return find_any<'"', ',', ';', '<', '>', '@'>(text) == kNpos; }

bool parse_params(std::string_view rest, NameAddr& result) {
  rest = trim(rest);
  if (rest.empty()) return true;
  if (rest.front() != ';') return false;
  result.params = ParamList(rest.substr(1));
  return result.params.is_well_formed();
}

bool parse_bracketed(std::string_view value, std::size_t open, NameAddr& result) {
  const std::size_t close = value.find('>', open);
  if (close == kNpos) return false;
  result.has_brackets = true;
  result.uri = value.substr(open + 1, close - open - 1);
  if (result.uri.empty()) return false;
  return parse_params(value.substr(close + 1), result);
}

bool parse_addr_spec(std::string_view value, NameAddr& result) {
  const std::size_t semicolon = value.find(';');
  result.uri = trim(value.substr(0, semicolon));
  if (result.uri.empty() || find_any<',', '?', '"', ' ', '\t', '\r', '\n', '<', '>'>(result.uri) != kNpos)
    return false;
  return semicolon == kNpos || parse_params(value.substr(semicolon), result);
}

}  // namespace

std::optional<NameAddr> parse_name_addr(std::string_view value) {
  value = trim(value);
  NameAddr result;
  result.text = value;
  if (value.empty()) return std::nullopt;
  if (value == "*") {
    result.is_star = true;
    return result;
  }
  bool is_good = false;
  if (value.front() == '"') {
    const std::size_t end = quoted_string_end(value, 0);
    if (end == kNpos) return std::nullopt;
    result.display = value.substr(0, end);
    const std::size_t open = value.find('<', end);
    is_good =
        open != kNpos && trim(value.substr(end, open - end)).empty() && parse_bracketed(value, open, result);
  } else {
    const std::size_t open = find_any<'<', ';', '"'>(value);
    if (open != kNpos && value[open] == '<') {
      result.display = trim(value.substr(0, open));
      is_good = is_display_text(result.display) && parse_bracketed(value, open, result);
    } else {
      is_good = parse_addr_spec(value, result);
    }
  }
  if (!is_good) return std::nullopt;
  return result;
}

std::optional<std::uint16_t> NameAddr::q() const {
  const std::optional<Param> q_param = params.find("q");
  if (!q_param) return std::nullopt;
  return parse_q(q_param->value);
}

std::optional<std::uint32_t> NameAddr::expires() const {
  const std::optional<Param> expires_param = params.find("expires");
  if (!expires_param) return std::nullopt;
  return parse_delta_seconds(expires_param->bare_value());
}

std::string_view NameAddr::text_without_display() const {
  if (is_star) return text;
  const std::size_t uri_begin = static_cast<std::size_t>(uri.data() - text.data());
  return text.substr(has_brackets ? uri_begin - 1 : uri_begin);
}

}  // namespace lockstep::sip
