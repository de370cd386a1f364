// Redaction works on text, so that a message that no parser takes is redacted as well as any other.
#include "core/order/redaction.h"

#include <fmt/core.h>

#include <cctype>
#include <initializer_list>
#include <utility>

namespace lockstep::order {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Length of an IPv4 address at the front of `text`; 0: there is none.
std::size_t ipv4_length(std::string_view text) {
  std::size_t at = 0;
  for (int part = 0; part < 4; ++part) {
    if (part > 0 && (at >= text.size() || text[at++] != '.')) return 0;
    const std::size_t from = at;
    while (at < text.size() && is_digit(text[at]) && at - from < 3) ++at;
    if (at == from) return 0;
  }
  return at < text.size() && (is_digit(text[at]) || text[at] == '.') ? 0 : at;
}

// Where a URI's scheme ends at `at`; 0: no URI begins there.
std::size_t scheme_length(std::string_view text, std::size_t at) {
  for (const std::string_view scheme : {"sips:", "sip:", "tel:"}) {
    if (text.substr(at).starts_with(scheme) &&
        (at == 0 || !std::isalnum(static_cast<unsigned char>(text[at - 1])))) {
      return scheme.size();
    }
  }
  return 0;
}

bool begins_with_one_of(std::string_view line, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    if (line.size() < name.size()) continue;
    bool is_same = true;
    for (std::size_t i = 0; i < name.size(); ++i) {
      is_same = is_same && std::tolower(static_cast<unsigned char>(line[i])) ==
                               std::tolower(static_cast<unsigned char>(name[i]));
    }
    if (is_same) return true;
  }
  return false;
}

bool may_have_display_name(std::string_view line) {
  return begins_with_one_of(
      line, {"From:", "To:", "Contact:", "f:", "t:", "m:", "P-Asserted-Identity:", "P-Preferred-Identity:",
             "Remote-Party-ID:", "Refer-To:", "Referred-By:", "Reply-To:", "Diversion:", "History-Info:"});
}

// What these hold is no name of anybody, and a user called "INVITE" must not break it.
bool is_structural(std::string_view line) {
  return begins_with_one_of(line, {"Via:", "v:", "Call-ID:", "i:", "CSeq:", "Content-", "c:", "l:",
                                   "Max-Forwards:", "Expires:", "Allow:", "Supported:", "k:", "Require:"});
}

}  // namespace

std::string Redaction::stand_in(std::map<std::string, std::string, std::less<>>& names, std::string_view name,
                                std::string_view prefix) {
  const auto found = names.find(name);
  if (found != names.end()) return found->second;
  return names.emplace(name, fmt::format("{}{}", prefix, names.size() + 1)).first->second;
}

std::string Redaction::uris(std::string_view text) {
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t scheme = scheme_length(text, at);
    if (scheme == 0) {
      result += text[at++];
      continue;
    }
    const bool is_tel = text[at] == 't';
    result += text.substr(at, scheme);
    at += scheme;
    // A user ends at the '@' of its URI; a telephone number at the end of it.
    const std::size_t end = text.find_first_of(is_tel ? ";> \t,\"" : "@>? \t,\"<", at);
    const bool has_user = is_tel || (end != std::string_view::npos && text[end] == '@');
    if (!has_user) continue;
    const std::size_t size = (end == std::string_view::npos ? text.size() : end) - at;
    result += stand_in(users_, text.substr(at, size), "user");
    at += size;
  }
  return result;
}

// What stands before a '<', quoted or not, from the colon or comma on.
std::string Redaction::display_names(std::string_view text) {
  if (!may_have_display_name(text)) return std::string(text);
  std::string result;
  std::size_t at = text.find(':') + 1;
  result += text.substr(0, at);
  while (at < text.size()) {
    const std::size_t open = text.find('<', at);
    if (open == std::string_view::npos) break;
    std::size_t from = at;
    while (from < open && (text[from] == ' ' || text[from] == '\t' || text[from] == ',')) ++from;
    std::size_t to = open;
    while (to > from && (text[to - 1] == ' ' || text[to - 1] == '\t')) --to;
    result += text.substr(at, from - at);
    if (to > from) result += '"' + stand_in(names_, text.substr(from, to - from), "Name ") + '"';
    result += text.substr(to, open - to);
    const std::size_t comma = text.find(',', open);
    const std::size_t end = comma == std::string_view::npos ? text.size() : comma;
    result += text.substr(open, end - open);
    at = end;
  }
  return result + std::string(text.substr(at));
}

std::string Redaction::credentials(std::string text) {
  static constexpr std::string_view kName = "username=\"";
  const std::size_t at = text.find(kName);
  if (at == std::string::npos) return text;
  const std::size_t from = at + kName.size();
  const std::size_t end = text.find('"', from);
  if (end == std::string::npos) return text;
  return text.replace(from, end - from, stand_in(users_, text.substr(from, end - from), "user"));
}

std::string Redaction::words(std::string text) {
  const std::size_t value = text.find(':');
  if (value == std::string::npos || is_structural(text)) return text;
  const auto is_word = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; };
  for (const auto& [user, name] : users_) {
    std::size_t at = user.size() > 1 ? text.find(user, value) : std::string::npos;
    while (at != std::string::npos) {
      const std::size_t end = at + user.size();
      const bool is_part = is_word(text[at - 1]) || (end < text.size() && is_word(text[end]));
      if (!is_part) text.replace(at, user.size(), name);
      at = text.find(user, is_part ? at + 1 : at + name.size());
    }
  }
  return text;
}

std::string Redaction::line(std::string_view text) { return words(credentials(uris(display_names(text)))); }

// SDP: the user of the origin, names of the session, every address; other bodies: addresses and URIs.
std::string Redaction::body(std::string_view text) {
  std::string result;
  const std::string masked = uris(text);
  const std::string_view all = masked;
  for (std::size_t at = 0; at < all.size();) {
    const bool begins_line = at == 0 || all[at - 1] == '\n';
    if (begins_line && all.substr(at).starts_with("o=")) {
      const std::size_t space = all.find_first_of(" \r\n", at);
      const std::string_view user = all.substr(at + 2, space - at - 2);
      result += "o=" + (user == "-" ? std::string("-") : stand_in(users_, user, "user"));
      at = space == std::string_view::npos ? all.size() : space;
      continue;
    }
    if (begins_line && (all.substr(at).starts_with("s=") || all.substr(at).starts_with("i="))) {
      result += std::string(all.substr(at, 2)) + "-";
      at = std::min(all.find_first_of("\r\n", at), all.size());
      continue;
    }
    if (begins_line && all.substr(at).starts_with("c=IN IP6 ")) {
      const std::size_t end = std::min(all.find_first_of(" /\r\n", at + 9), all.size());
      result += "c=IN IP6 " + stand_in(addresses_, all.substr(at + 9, end - at - 9), "2001:db8::");
      at = end;
      continue;
    }
    const bool may_begin = at == 0 || (!is_digit(all[at - 1]) && all[at - 1] != '.');
    const std::size_t length = may_begin ? ipv4_length(all.substr(at)) : 0;
    if (length == 0) {
      result += all[at++];
      continue;
    }
    result += stand_in(addresses_, all.substr(at, length), "192.0.2.");
    at += length;
  }
  return result;
}

std::string Redaction::redacted(std::string_view message) {
  const std::size_t head_end = message.find("\r\n\r\n");
  if (head_end == std::string_view::npos) return std::string(message.size(), '.');
  std::string result;
  std::string_view head = message.substr(0, head_end + 2);
  while (!head.empty()) {
    const std::size_t end = head.find("\r\n");
    result += line(head.substr(0, end)) + "\r\n";
    head.remove_prefix(end + 2);
  }
  const std::string rest = body(message.substr(head_end + 4));
  // A body of another length keeps its message whole.
  const std::size_t old_size = message.size() - head_end - 4;
  if (rest.size() != old_size) {
    for (const std::string_view name : {"Content-Length:", "l:"}) {
      const std::size_t at = result.find("\r\n" + std::string(name));
      if (at == std::string::npos) continue;
      const std::size_t from = at + 2 + name.size();
      result.replace(from, result.find("\r\n", from) - from, fmt::format(" {}", rest.size()));
    }
  }
  return result + "\r\n" + rest;
}

void Redaction::apply(Log& log) {
  for (Record& record : log.records) {
    if (!record.has_bytes) continue;
    record.bytes = redacted(record.bytes);
    record.head.datagram.bytes = static_cast<std::uint32_t>(record.bytes.size());
  }
}

}  // namespace lockstep::order
