#include "test/harness/message.h"

#include <strings.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace lockstep::harness {
namespace {

bool same_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

std::string long_name(std::string_view name) {
  static constexpr std::array<std::pair<char, std::string_view>, 12> kCompact = {{{'i', "Call-ID"},
                                                                                  {'m', "Contact"},
                                                                                  {'e', "Content-Encoding"},
                                                                                  {'l', "Content-Length"},
                                                                                  {'c', "Content-Type"},
                                                                                  {'f', "From"},
                                                                                  {'s', "Subject"},
                                                                                  {'k', "Supported"},
                                                                                  {'t', "To"},
                                                                                  {'v', "Via"},
                                                                                  {'o', "Event"},
                                                                                  {'r', "Refer-To"}}};
  if (name.size() == 1) {
    for (const auto& [letter, full] : kCompact) {
      if ((name[0] | 0x20) == letter) return std::string(full);
    }
  }
  return std::string(name);
}

bool is_list(std::string_view name) {
  for (const std::string_view list : {"Via", "Route", "Record-Route", "Contact", "Path", "Service-Route"}) {
    if (same_name(name, list)) return true;
  }
  return false;
}

std::vector<std::string> split_values(std::string_view value) {
  std::vector<std::string> values;
  bool in_quotes = false;
  bool in_angle = false;
  std::size_t start = 0;
  for (std::size_t i = 0; i <= value.size(); ++i) {
    const char c = i < value.size() ? value[i] : ',';
    if (c == '"' && (i == 0 || value[i - 1] != '\\')) in_quotes = !in_quotes;
    if (!in_quotes && c == '<') in_angle = true;
    if (!in_quotes && c == '>') in_angle = false;
    if (c == ',' && (i == value.size() || (!in_quotes && !in_angle))) {
      values.emplace_back(trimmed(value.substr(start, i - start)));
      start = i + 1;
    }
  }
  return values;
}

int to_int(std::string_view text) {
  int value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// The text of one header line with its folded continuations; advances `rest` behind it.
std::string take_line(std::string_view& rest) {
  std::string line;
  while (true) {
    const auto end = rest.find("\r\n");
    line += rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 2);
    if (line.empty() || rest.empty() || (rest[0] != ' ' && rest[0] != '\t')) return line;
  }
}

}  // namespace

bool Message::is_request() const { return start_line.rfind("SIP/2.0", 0) != 0; }

std::string Message::method() const {
  if (is_request()) return start_line.substr(0, start_line.find(' '));
  const std::string cseq_value = get("CSeq");
  const auto gap = cseq_value.find_first_of(" \t");
  return gap == std::string::npos ? "" : std::string(trimmed(std::string_view(cseq_value).substr(gap)));
}

std::string Message::request_uri() const {
  if (!is_request()) return {};
  const auto first = start_line.find(' ');
  return start_line.substr(first + 1, start_line.rfind(' ') - first - 1);
}

int Message::status() const {
  return is_request() || start_line.size() < 11 ? 0 : to_int(std::string_view(start_line).substr(8, 3));
}

std::string Message::reason() const { return start_line.size() > 12 ? start_line.substr(12) : ""; }

long Message::cseq() const { return to_int(get("CSeq")); }

bool Message::has(std::string_view name) const {
  return std::any_of(headers.begin(), headers.end(), [&](const auto& h) { return same_name(h.first, name); });
}

std::string Message::get(std::string_view name) const {
  for (const auto& [header, value] : headers) {
    if (same_name(header, name)) return value;
  }
  return {};
}

std::vector<std::string> Message::all(std::string_view name) const {
  std::vector<std::string> values;
  for (const auto& [header, value] : headers) {
    if (same_name(header, name)) values.push_back(value);
  }
  return values;
}

std::string Message::branch() const { return parameter_in(get("Via"), "branch").value_or(""); }
std::string Message::from_tag() const { return parameter_in(get("From"), "tag").value_or(""); }
std::string Message::to_tag() const { return parameter_in(get("To"), "tag").value_or(""); }

void Message::add(std::string_view name, std::string value) {
  headers.emplace_back(std::string(name), std::move(value));
}

void Message::set(std::string_view name, std::string value) {
  for (auto& [header, old] : headers) {
    if (!same_name(header, name)) continue;
    old = std::move(value);
    return;
  }
  add(name, std::move(value));
}

void Message::remove(std::string_view name) {
  std::erase_if(headers, [&](const auto& h) { return same_name(h.first, name); });
}

std::string Message::text() const {
  std::string out = start_line + "\r\n";
  for (const auto& [name, value] : headers) {
    if (!same_name(name, "Content-Length")) out += name + ": " + value + "\r\n";
  }
  out += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  return out + body;
}

std::string Message::summary() const {
  return is_request() ? method() : std::to_string(status()) + " " + method();
}

std::optional<Message> parse_message(std::string_view text) {
  const auto end_of_headers = text.find("\r\n\r\n");
  if (end_of_headers == std::string_view::npos) return std::nullopt;
  Message message;
  message.body = text.substr(end_of_headers + 4);
  std::string_view rest = text.substr(0, end_of_headers + 2);
  message.start_line = take_line(rest);
  if (message.start_line.find(' ') == std::string::npos) return std::nullopt;
  while (!rest.empty()) {
    const std::string line = take_line(rest);
    if (line.empty()) break;
    const auto colon = line.find(':');
    if (colon == std::string::npos) return std::nullopt;
    const std::string name = long_name(trimmed(std::string_view(line).substr(0, colon)));
    const std::string_view value = trimmed(std::string_view(line).substr(colon + 1));
    if (is_list(name)) {
      for (std::string& one : split_values(value)) message.add(name, std::move(one));
    } else {
      message.add(name, std::string(value));
    }
  }
  return message;
}

std::string uri_in(std::string_view value) {
  const auto open = value.rfind('<');
  if (open != std::string_view::npos) {
    return std::string(value.substr(open + 1, value.find('>', open) - open - 1));
  }
  return std::string(trimmed(value.substr(0, value.find(';'))));
}

std::optional<std::string> parameter_in(std::string_view value, std::string_view name) {
  const auto close = value.rfind('>');
  std::string_view rest = close == std::string_view::npos ? value : value.substr(close);
  while (true) {
    const auto semicolon = rest.find(';');
    if (semicolon == std::string_view::npos) return std::nullopt;
    rest = rest.substr(semicolon + 1);
    const std::string_view one = rest.substr(0, rest.find(';'));
    const auto equals = one.find('=');
    if (!same_name(trimmed(one.substr(0, equals)), name)) continue;
    return equals == std::string_view::npos ? "" : std::string(trimmed(one.substr(equals + 1)));
  }
}

namespace {
std::pair<std::string, int> split_host_port(std::string_view text) {
  const auto bracket = text.find(']');
  const auto colon = text.find(':', bracket == std::string_view::npos ? 0 : bracket);
  if (colon == std::string_view::npos) return {std::string(text), 0};
  return {std::string(text.substr(0, colon)), to_int(text.substr(colon + 1))};
}
}  // namespace

std::pair<std::string, int> host_port_in(std::string_view uri) {
  const auto scheme = uri.find(':');
  std::string_view rest = scheme == std::string_view::npos ? uri : uri.substr(scheme + 1);
  rest = rest.substr(0, rest.find_first_of(";?>"));
  const auto at = rest.rfind('@');
  if (at != std::string_view::npos) rest = rest.substr(at + 1);
  return split_host_port(rest);
}

std::pair<std::string, int> sent_by_in(std::string_view via) {
  const auto space = via.find(' ');
  std::string_view rest = space == std::string_view::npos ? via : trimmed(via.substr(space + 1));
  return split_host_port(trimmed(rest.substr(0, rest.find(';'))));
}

}  // namespace lockstep::harness
