// host.cc: names, IPv4 and IPv6 addresses, read without the C library's terminated strings.
#include "core/sip/host.h"

#include "core/sip/text.h"

namespace lockstep::sip {
namespace {

// A name: labels that are not empty, the last one not a number (RFC 3261: toplabel starts with a
// letter; names such as "3cx" are in use, so only all digits are refused).
bool is_host_name(std::string_view host) {
  if (host.empty() || host.size() > 255) return false;
  if (host.back() == '.') host.remove_suffix(1);
  std::size_t label_bytes = 0;
  bool is_label_numeric = true;
  for (char c : host) {
    if (c == '.') {
      if (label_bytes == 0) return false;
      label_bytes = 0;
      is_label_numeric = true;
      continue;
    }
    if (!is_class(c, kHostName)) return false;
    if (!is_digit(c)) is_label_numeric = false;
    ++label_bytes;
  }
  return label_bytes > 0 && !is_label_numeric;
}

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  const char letter = lower(c);
  return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

// The 16-bit groups of one side of "::"; the last may be an IPv4 address, which counts as two.
struct Groups {
  std::array<std::uint16_t, 8> value{};
  std::size_t count = 0;
};

std::optional<Groups> parse_groups(std::string_view text) {
  Groups groups;
  if (text.empty()) return groups;
  for (;;) {
    const std::size_t colon = text.find(':');
    const std::string_view group = text.substr(0, colon);
    if (colon == std::string_view::npos && group.find('.') != std::string_view::npos) {
      const auto v4 = parse_ipv4(group);
      if (!v4 || groups.count > 6) return std::nullopt;
      groups.value[groups.count++] = static_cast<std::uint16_t>((*v4)[0] << 8 | (*v4)[1]);
      groups.value[groups.count++] = static_cast<std::uint16_t>((*v4)[2] << 8 | (*v4)[3]);
      return groups;
    }
    if (group.empty() || group.size() > 4 || groups.count == 8) return std::nullopt;
    int value = 0;
    for (char c : group) {
      const int digit = hex_digit(c);
      if (digit < 0) return std::nullopt;
      value = value * 16 + digit;
    }
    groups.value[groups.count++] = static_cast<std::uint16_t>(value);
    if (colon == std::string_view::npos) return groups;
    text.remove_prefix(colon + 1);
  }
}

}  // namespace

std::optional<std::array<std::uint8_t, 4>> parse_ipv4(std::string_view text) {
  std::array<std::uint8_t, 4> bytes{};
  for (std::size_t i = 0; i < 4; ++i) {
    unsigned value = 0;
    std::size_t digits = 0;
    while (digits < text.size() && digits < 4 && is_digit(text[digits])) {
      value = value * 10 + static_cast<unsigned>(text[digits++] - '0');
    }
    if (digits == 0 || digits > 3 || value > 255) return std::nullopt;
    bytes[i] = static_cast<std::uint8_t>(value);
    text.remove_prefix(digits);
    if (i == 3) break;
    if (text.empty() || text.front() != '.') return std::nullopt;
    text.remove_prefix(1);
  }
  if (!text.empty()) return std::nullopt;
  return bytes;
}

std::optional<std::array<std::uint8_t, 16>> parse_ipv6(std::string_view text) {
  text = without_brackets(text);
  const std::size_t gap = text.find("::");
  const bool has_gap = gap != std::string_view::npos;
  const std::optional<Groups> head = parse_groups(text.substr(0, gap));
  const std::optional<Groups> tail = parse_groups(has_gap ? text.substr(gap + 2) : std::string_view{});
  if (!head || !tail) return std::nullopt;
  const std::size_t total = head->count + tail->count;
  if (has_gap ? total > 7 : total != 8) return std::nullopt;
  // An IPv4 tail may end the address only.
  if (has_gap && text.substr(0, gap).find('.') != std::string_view::npos) return std::nullopt;

  std::array<std::uint8_t, 16> bytes{};
  const auto put = [&bytes](std::size_t group, std::uint16_t value) {
    bytes[group * 2] = static_cast<std::uint8_t>(value >> 8);
    bytes[group * 2 + 1] = static_cast<std::uint8_t>(value & 0xff);
  };
  for (std::size_t i = 0; i < head->count; ++i) put(i, head->value[i]);
  for (std::size_t i = 0; i < tail->count; ++i) put(8 - tail->count + i, tail->value[i]);
  return bytes;
}

std::string_view without_brackets(std::string_view host) {
  if (host.size() < 2 || host.front() != '[' || host.back() != ']') return host;
  return host.substr(1, host.size() - 2);
}

std::optional<HostKind> host_kind(std::string_view host) {
  if (host.empty()) return std::nullopt;
  if (host.front() == '[' || host.find(':') != std::string_view::npos) {
    if (host.front() == '[' && host.back() != ']') return std::nullopt;
    if (!parse_ipv6(host)) return std::nullopt;
    return HostKind::kIpv6;
  }
  if (is_digit(host.front()) && parse_ipv4(host)) return HostKind::kIpv4;
  if (!is_host_name(host)) return std::nullopt;
  return HostKind::kName;
}

std::optional<HostPort> parse_host_port(std::string_view text) {
  text = trim(text);
  HostPort result;
  const std::size_t bracket = !text.empty() && text.front() == '[' ? text.find(']') : 0;
  if (bracket == std::string_view::npos) return std::nullopt;
  const std::size_t colon = text.find(':', bracket);
  result.host = trim(text.substr(0, colon));
  const std::optional<HostKind> kind = host_kind(result.host);
  if (!kind) return std::nullopt;
  result.kind = *kind;
  if (colon == std::string_view::npos) return result;
  const auto port = parse_number(trim(text.substr(colon + 1)), 65535);
  if (!port || *port == 0) return std::nullopt;
  result.port = static_cast<std::uint16_t>(*port);
  return result;
}

bool equal_host(std::string_view a, std::string_view b) {
  if (equal_nocase(a, b)) return true;
  const auto v6_a = parse_ipv6(a);
  if (v6_a) return v6_a == parse_ipv6(b);
  const auto v4_a = parse_ipv4(a);
  return v4_a && v4_a == parse_ipv4(b);
}

}  // namespace lockstep::sip
