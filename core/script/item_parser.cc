// item_parser.cc: parameters and module lines.
#include "core/script/item_parser.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace lockstep::script {
namespace {

bool is_protocol(std::string_view word) {
  static constexpr std::array<std::string_view, 8> kProtocols = {"udp", "tcp", "tls", "sctp",
                                                                 "ws",  "wss", "any", "tipc"};
  return std::find(kProtocols.begin(), kProtocols.end(), word) != kProtocols.end();
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return out;
}

bool parse_port(std::string_view text, std::uint16_t& port) {
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc{} && stop == text.data() + text.size() && port != 0;
}

// "host", "host:port", "[v6]:port", "2001:db8::1". False if it is none of them.
bool split_host_port(std::string_view text, std::string& host, std::uint16_t& port) {
  if (text.empty()) return false;
  if (text.front() == '[') {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return false;
    host = text.substr(0, close + 1);
    text.remove_prefix(close + 1);
    return text.empty() || (text.front() == ':' && parse_port(text.substr(1), port));
  }
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) {
    host = text;
    return true;
  }
  if (text.find(':', colon + 1) != std::string_view::npos) {  // A bare IPv6 address takes no port.
    host = fmt::format("[{}]", text);
    return true;
  }
  host = text.substr(0, colon);
  return !host.empty() && parse_port(text.substr(colon + 1), port);
}

}  // namespace

bool ItemParser::parse(ConfigItem& item) {
  const Token& word = reader_.peek();
  item.name = word.raw;
  item.name_location = word.location;
  if (word.text == "loadmodule" || word.text == "loadmodulex") return parse_load_module(item);
  if (word.text == "modparam" || word.text == "modparamx") return parse_mod_param(item);
  if ((word.text == "flags" || word.text == "bool") && reader_.peek(1).kind == TokenKind::kIdentifier) {
    return parse_flags(item);
  }
  const TokenKind next = reader_.peek(1).kind;
  if (next == TokenKind::kDot || next == TokenKind::kOpenBracket) return parse_custom(item);
  reader_.take();
  if ((item.name == "loadpath" || item.name == "mpath") && reader_.at(TokenKind::kString)) {
    item.name = "mpath";  // `loadpath "folder"` and `mpath="folder"` are one.
    item.settings.emplace_back();
    return parse_setting(item.settings.back());
  }
  if (!reader_.try_take(TokenKind::kAssign)) {
    Suggestion suggestion(item.name);
    for (const char* known :
         {"loadmodule", "modparam", "request_route", "route", "branch_route", "onreply_route", "reply_route",
          "failure_route", "event_route", "include_file", "import_file"}) {
      suggestion.consider(known);
    }
    reader_.diagnostics().error(item.name_location,
                                fmt::format("'{}' begins nothing that is known here", item.name),
                                suggestion.text());
    return suggestion.text() == "loadmodule" && parse_module_name(item);
  }
  if (item.name == "listen" || item.name == "alias") return parse_listen(item);
  item.kind = ItemKind::kGlobal;
  item.settings.emplace_back();
  return parse_setting(item.settings.back());
}

// A word, name or address up to the next space; a string; a number with an optional sign.
bool ItemParser::parse_setting(Setting& setting) {
  setting.location = reader_.peek().location;
  // `children=` with nothing behind it: the next line is not its value.
  if (reader_.previous().location.line != setting.location.line &&
      reader_.peek(1).kind == TokenKind::kAssign) {
    return reader_.fail_expected("a value");
  }
  const bool is_negative = reader_.at(TokenKind::kMinus) && reader_.peek(1).kind == TokenKind::kNumber;
  if (is_negative) reader_.take();
  if (reader_.at(TokenKind::kString)) {
    setting.kind = Setting::Kind::kString;
    setting.text = reader_.take_strings();
    return true;
  }
  const Token& after = reader_.peek(1);
  const bool is_glued = !after.space_before && after.kind != TokenKind::kSemicolon &&
                        after.kind != TokenKind::kEnd && after.kind != TokenKind::kCloseParen &&
                        after.kind != TokenKind::kComma;
  if (reader_.at(TokenKind::kNumber) && !is_glued) {
    setting.kind = Setting::Kind::kNumber;
    const std::int64_t number = reader_.take().number;
    setting.number = is_negative ? -number : number;
    return true;
  }
  if (reader_.at(TokenKind::kNumber) || reader_.at(TokenKind::kIdentifier) || reader_.at(TokenKind::kIpv4) ||
      reader_.at(TokenKind::kIpv6)) {
    setting.kind = Setting::Kind::kWord;
    while (!reader_.at(TokenKind::kComma)) {
      setting.text += reader_.take().raw;
      const Token& next = reader_.peek();
      if (next.space_before || next.kind == TokenKind::kCloseParen || next.kind == TokenKind::kSemicolon ||
          next.kind == TokenKind::kEnd) {
        break;
      }
    }
    return true;
  }
  return reader_.fail_expected("a value");
}

bool ItemParser::parse_load_module(ConfigItem& item) {
  reader_.take();
  return parse_module_name(item);
}

bool ItemParser::parse_module_name(ConfigItem& item) {
  item.kind = ItemKind::kLoadModule;
  const bool has_parens = reader_.try_take(TokenKind::kOpenParen);
  item.name_location = reader_.peek().location;
  if (!reader_.at(TokenKind::kString)) {
    reader_.fail_expected("a module name in quotes");
    // What it names is loaded all the same, so that its functions are known.
    item.name = reader_.take_glued(TokenKind::kCloseParen);
    reader_.diagnostics().mute_line(item.name_location);
    return !item.name.empty();
  }
  item.name = reader_.take_strings();
  // loadmodule "x", "options": the options of old versions mean nothing here.
  if (reader_.try_take(TokenKind::kComma) && !reader_.try_take(TokenKind::kString)) {
    return reader_.fail_expected("a string");
  }
  return !has_parens || reader_.expect(TokenKind::kCloseParen, "')'");
}

bool ItemParser::parse_mod_param(ConfigItem& item) {
  item.kind = ItemKind::kModParam;
  reader_.take();
  if (!reader_.expect(TokenKind::kOpenParen, "'('")) return false;
  item.module_location = reader_.peek().location;
  if (!reader_.at(TokenKind::kString)) return reader_.fail_expected("a module name in quotes");
  item.module = reader_.take_strings();
  if (!reader_.expect(TokenKind::kComma, "','")) return false;
  item.name_location = reader_.peek().location;
  if (!reader_.at(TokenKind::kString)) return reader_.fail_expected("a parameter name in quotes");
  item.name = reader_.take_strings();
  if (!reader_.expect(TokenKind::kComma, "','")) return false;
  item.settings.emplace_back();
  return parse_setting(item.settings.back()) && reader_.expect(TokenKind::kCloseParen, "')'");
}

// flags NAME:3, OTHER
bool ItemParser::parse_flags(ConfigItem& item) {
  item.kind = ItemKind::kFlags;
  reader_.take();
  do {
    if (!reader_.at(TokenKind::kIdentifier)) return reader_.fail_expected("the name of a flag");
    std::pair<std::string, std::int64_t> flag(reader_.take().raw, -1);
    if (reader_.try_take(TokenKind::kColon)) {
      if (!reader_.at(TokenKind::kNumber)) return reader_.fail_expected("the number of the flag");
      flag.second = reader_.take().number;
    }
    item.flags.push_back(std::move(flag));
  } while (reader_.try_take(TokenKind::kComma));
  return true;
}

bool ItemParser::begins_next_item() const {
  if (reader_.at_end() || reader_.at(TokenKind::kSemicolon)) return true;
  if (reader_.at_top_level_word()) return true;
  if (!reader_.at(TokenKind::kIdentifier)) {
    return !reader_.at(TokenKind::kString) && !reader_.at(TokenKind::kIpv4) &&
           !reader_.at(TokenKind::kIpv6) && !reader_.at(TokenKind::kNumber) &&
           !reader_.at(TokenKind::kStar) && !reader_.at(TokenKind::kOpenBracket);
  }
  const std::string_view word = reader_.peek().text;
  if (word == "loadmodule" || word == "modparam" || word == "loadpath" || word == "request_route" ||
      word == "route" || word == "flags") {
    return true;
  }
  const TokenKind next = reader_.peek(1).kind;
  if (next == TokenKind::kAssign) return true;
  // group.name = value
  return next == TokenKind::kDot && reader_.peek(3).kind == TokenKind::kAssign;
}

bool ItemParser::parse_listen(ConfigItem& item) {
  const bool is_listen = item.name == "listen";
  item.kind = is_listen ? ItemKind::kListen : ItemKind::kAlias;
  do {
    ListenEntry entry;
    if (!parse_socket(entry, is_listen)) return false;
    item.listen.push_back(std::move(entry));
    reader_.try_take(TokenKind::kComma);
  } while (!begins_next_item());
  return true;
}

bool ItemParser::parse_socket(ListenEntry& entry, bool is_listen) {
  entry.location = reader_.peek().location;
  std::string text = reader_.take_glued(TokenKind::kComma);
  if (text.empty()) return reader_.fail_expected("an address");
  const std::size_t colon = text.find(':');
  if (colon != std::string::npos && is_protocol(lower(std::string_view(text).substr(0, colon)))) {
    entry.protocol = lower(std::string_view(text).substr(0, colon));
    if (entry.protocol == "any") entry.protocol.clear();
    text.erase(0, colon + 1);
  }
  if (!split_host_port(text, entry.host, entry.port)) {
    reader_.diagnostics().error(entry.location, fmt::format("'{}' is no address", text),
                                "write it as udp:127.0.0.1:5060, udp:[::1]:5060 or udp:eth0:5060");
    return false;
  }
  if (!is_listen) return true;
  if (reader_.try_take_word("advertise")) {
    const Location location = reader_.peek().location;
    const std::string advertised = reader_.take_glued(TokenKind::kComma);
    if (!split_host_port(advertised, entry.advertise_host, entry.advertise_port)) {
      reader_.diagnostics().error(location, fmt::format("'{}' is no address to advertise", advertised));
      return false;
    }
  }
  if (reader_.at_word("name") && reader_.peek(1).kind == TokenKind::kString) {
    reader_.take();
    entry.name = reader_.take_strings();
  }
  reader_.try_take_word("virtual");
  return true;
}

// group.name = value [desc "..."], also group[id].name.
bool ItemParser::parse_custom(ConfigItem& item) {
  item.kind = ItemKind::kCustom;
  item.group = reader_.take().raw;
  if (reader_.try_take(TokenKind::kOpenBracket)) {
    item.group += "[" + reader_.take_glued(TokenKind::kCloseBracket) + "]";
    if (!reader_.expect(TokenKind::kCloseBracket, "']'")) return false;
  }
  if (!reader_.expect(TokenKind::kDot, "'.'")) return false;
  if (!reader_.at(TokenKind::kIdentifier)) return reader_.fail_expected("the name of the parameter");
  item.name_location = reader_.peek().location;
  item.name = reader_.take().raw;
  if (!reader_.expect(TokenKind::kAssign, "'='")) return false;
  item.settings.emplace_back();
  if (!parse_setting(item.settings.back())) return false;
  if (reader_.at_word("desc") || reader_.at_word("descr") || reader_.at_word("description")) {
    reader_.take();
    if (!reader_.at(TokenKind::kString)) return reader_.fail_expected("a description in quotes");
    item.description = reader_.take_strings();
  }
  return true;
}

}  // namespace lockstep::script
