// uri_equal.cc: equality of URIs as RFC 3261 19.1.4 and RFC 3966 section 4 define it.
#include <array>

#include "core/sip/text.h"
#include "core/sip/uri.h"

namespace lockstep::sip {
namespace {

// Present in one URI only, these make it differ; other parameters are ignored then.
constexpr std::array<std::string_view, 5> kSignificantParams = {"user", "ttl", "method", "maddr",
                                                                "transport"};

// Beyond this many parameters two URIs are equal only byte by byte: comparing sets costs the product.
constexpr std::size_t kComparedParamMax = 64;

bool has_comparable_count(const ParamList& params) {
  std::size_t count = 0;
  std::string_view rest = params.text();
  while (ParamList::next(rest)) {
    if (++count > kComparedParamMax) return false;
  }
  return true;
}

bool same_param(const Param& a, const Param& b) {
  if (equal_nocase(a.name, "maddr")) return equal_host(a.value, b.value);
  return equal_escaped(a.value, b.value, Case::kInsensitive);
}

// Parameters that both have must agree.
bool common_params_agree(const ParamList& a, const ParamList& b) {
  std::string_view rest = a.text();
  while (const std::optional<Param> param = ParamList::next(rest)) {
    const std::optional<Param> other = b.find(param->name);
    if (other && !same_param(*param, *other)) return false;
  }
  return true;
}

bool equal_sip_params(const ParamList& a, const ParamList& b) {
  if (a.empty() && b.empty()) return true;
  for (std::string_view name : kSignificantParams) {
    if (a.has(name) != b.has(name)) return false;
  }
  return common_params_agree(a, b) && common_params_agree(b, a);
}

struct UriHeader {
  std::string_view name;
  std::string_view value;
};

bool next_header(std::string_view& rest, UriHeader& header) {
  if (rest.empty()) return false;
  const std::size_t end = rest.find('&');
  const std::string_view part = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
  const std::size_t equals = part.find('=');
  header.name = part.substr(0, equals);
  header.value = equals == std::string_view::npos ? std::string_view{} : part.substr(equals + 1);
  return true;
}

bool same_header(const UriHeader& a, const UriHeader& b) {
  return equal_escaped(a.name, b.name, Case::kInsensitive) &&
         equal_escaped(a.value, b.value, Case::kSensitive);
}

std::size_t count_of(std::string_view headers, const UriHeader& wanted) {
  std::size_t count = 0;
  UriHeader header;
  while (next_header(headers, header)) {
    if (same_header(header, wanted)) ++count;
  }
  return count;
}

std::size_t count_all(std::string_view headers) {
  std::size_t count = 0;
  UriHeader header;
  while (next_header(headers, header)) ++count;
  return count;
}

// The same headers, as often, in any order. Bounded so that two hostile URIs cost little.
bool equal_headers(std::string_view a, std::string_view b) {
  constexpr std::size_t header_max = 32;
  if (a == b) return true;
  const std::size_t total = count_all(a);
  if (total != count_all(b) || total > header_max) return false;
  std::string_view rest = a;
  UriHeader header;
  while (next_header(rest, header)) {
    if (count_of(a, header) != count_of(b, header)) return false;
  }
  return true;
}

bool is_visual_separator(char c) { return c == '-' || c == '.' || c == '(' || c == ')'; }

bool equal_numbers(std::string_view a, std::string_view b) {
  std::size_t i = 0;
  std::size_t j = 0;
  for (;;) {
    while (i < a.size() && is_visual_separator(a[i])) ++i;
    while (j < b.size() && is_visual_separator(b[j])) ++j;
    if (i == a.size() || j == b.size()) return i == a.size() && j == b.size();
    if (lower(a[i++]) != lower(b[j++])) return false;
  }
}

// RFC 3966: every parameter counts, in any order.
bool has_all_params(const ParamList& a, const ParamList& b) {
  std::string_view rest = a.text();
  while (const std::optional<Param> param = ParamList::next(rest)) {
    const std::optional<Param> other = b.find(param->name);
    if (!other) return false;
    const bool is_number = equal_nocase(param->name, "ext") || equal_nocase(param->name, "phone-context");
    const bool is_same = is_number ? equal_numbers(param->value, other->value)
                                   : equal_escaped(param->value, other->value, Case::kInsensitive);
    if (!is_same) return false;
  }
  return true;
}

}  // namespace

bool equal(const Uri& a, const Uri& b) {
  if (a.text == b.text) return true;
  if (!has_comparable_count(a.params) || !has_comparable_count(b.params)) return false;
  if (!equal_nocase(a.scheme_text, b.scheme_text)) return false;
  if (a.scheme == UriScheme::kOther) return a.opaque == b.opaque;
  if (a.scheme == UriScheme::kTel) {
    return equal_numbers(a.user, b.user) && has_all_params(a.params, b.params) &&
           has_all_params(b.params, a.params);
  }
  return a.has_user == b.has_user && a.has_password == b.has_password && a.port == b.port &&
         equal_escaped(a.user, b.user, Case::kSensitive) &&
         equal_escaped(a.password, b.password, Case::kSensitive) && equal_host(a.host, b.host) &&
         equal_sip_params(a.params, b.params) && equal_headers(a.headers, b.headers);
}

}  // namespace lockstep::sip
