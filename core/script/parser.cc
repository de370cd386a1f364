// parser.cc: the items at the top of a file and the statements in route blocks.
#include "core/script/parser.h"

#include <utility>

#include "core/script/item_parser.h"
#include "core/script/statement_parser.h"
#include "core/script/token_reader.h"

namespace lockstep::script {
namespace {

struct RouteWord {
  std::string_view word;
  RouteBlock named;
  RouteBlock unnamed;
};
constexpr RouteWord kRouteWords[] = {{"request_route", RouteBlock::kRequest, RouteBlock::kRequest},
                                     {"route", RouteBlock::kRoute, RouteBlock::kRequest},
                                     {"branch_route", RouteBlock::kBranch, RouteBlock::kBranch},
                                     {"onreply_route", RouteBlock::kOnReply, RouteBlock::kCoreReply},
                                     {"reply_route", RouteBlock::kOnReply, RouteBlock::kCoreReply},
                                     {"failure_route", RouteBlock::kFailure, RouteBlock::kFailure},
                                     {"event_route", RouteBlock::kEvent, RouteBlock::kEvent},
                                     {"onsend_route", RouteBlock::kOnSend, RouteBlock::kOnSend},
                                     {"error_route", RouteBlock::kError, RouteBlock::kError}};

const RouteWord* find_route_word(std::string_view word) {
  for (const RouteWord& candidate : kRouteWords) {
    if (candidate.word == word) return &candidate;
  }
  return nullptr;
}

class Parser {
 public:
  Parser(const TokenStream& stream, Diagnostics& diagnostics)
      : reader_(stream, diagnostics), items_(reader_), statements_(reader_) {}

  ConfigTree run() {
    ConfigTree tree;
    while (!reader_.at_end()) {
      if (reader_.try_take(TokenKind::kSemicolon)) continue;
      const std::size_t start = reader_.position();
      ConfigItem item;
      item.location = reader_.peek().location;
      if (parse_item(item)) {
        tree.items.push_back(std::move(item));
      } else {
        recover(start);
      }
    }
    return tree;
  }

 private:
  bool parse_item(ConfigItem& item) {
    if (!reader_.at(TokenKind::kIdentifier)) {
      if (reader_.at(TokenKind::kCloseBrace)) {
        reader_.diagnostics().error(reader_.peek().location, "this '}' closes nothing");
        return false;
      }
      return reader_.fail_expected("a parameter, loadmodule, modparam or a route block");
    }
    const RouteWord* route = find_route_word(reader_.peek().text);
    if (route == nullptr) return items_.parse(item);
    reader_.take();
    return parse_route(*route, item);
  }

  bool parse_route(const RouteWord& word, ConfigItem& item) {
    item.kind = ItemKind::kRoute;
    item.block = word.unnamed;
    item.name_location = item.location;
    if (reader_.try_take(TokenKind::kOpenBracket)) {
      item.block = word.named;
      item.name_location = reader_.peek().location;
      item.name = reader_.take_glued(TokenKind::kCloseBracket);
      if (item.name.empty()) return reader_.fail_expected("the name of the route");
      if (!reader_.expect(TokenKind::kCloseBracket, "']'")) return false;
      if (item.block == RouteBlock::kRoute && item.name == "0") {
        item.block = RouteBlock::kRequest;
        item.name.clear();
      }
    } else if (item.block == RouteBlock::kBranch || item.block == RouteBlock::kFailure) {
      item.name = "0";
    } else if (item.block == RouteBlock::kEvent) {
      return reader_.fail_expected("the event in brackets");
    }
    reader_.try_take(TokenKind::kAssign);
    const Location open = reader_.peek().location;
    if (!reader_.expect(TokenKind::kOpenBrace, "'{'")) return false;
    item.body = statements_.parse_until_close();
    if (reader_.try_take(TokenKind::kCloseBrace)) return true;
    reader_.diagnostics().error(open, "this block is never closed", "a '}' is missing");
    return true;
  }

  // At the top a `}` belongs to nothing and parameters need no `;`: go on at the next line that can
  // begin an item.
  void recover(std::size_t start) {
    if (reader_.position() == start) reader_.take();  // The fault lies with the first token itself.
    const std::uint32_t line = reader_.previous().location.line;
    const std::uint32_t file = reader_.previous().location.file;
    while (!reader_.at_end() && !reader_.at_top_level_word()) {
      const Token& token = reader_.peek();
      const bool is_new_line = token.location.line != line || token.location.file != file;
      if (is_new_line && (token.kind == TokenKind::kIdentifier || token.kind == TokenKind::kCloseBrace))
        return;
      if (token.kind == TokenKind::kOpenBrace) {
        reader_.recover();
        return;
      }
      reader_.take();
      if (token.kind == TokenKind::kCloseBrace || token.kind == TokenKind::kSemicolon) return;
    }
  }

  TokenReader reader_;
  ItemParser items_;
  StatementParser statements_;
};

}  // namespace

ConfigTree parse(const TokenStream& stream, Diagnostics& diagnostics) {
  return Parser(stream, diagnostics).run();
}

}  // namespace lockstep::script
