// item_parser.h: what stands at the top of a file beside route blocks: global and custom parameters,
// listen, alias, flags, loadmodule, modparam. Internal to the parser.
#pragma once

#include <string>

#include "core/script/token_reader.h"
#include "core/script/tree.h"

namespace lockstep::script {

class ItemParser {
 public:
  explicit ItemParser(TokenReader& reader) : reader_(reader) {}

  // Fills `item`. False after a mistake, which is then reported.
  // REQUIRES: the next token is an identifier and begins no route block.
  bool parse(ConfigItem& item);

 private:
  bool parse_load_module(ConfigItem& item);
  bool parse_module_name(ConfigItem& item);
  bool parse_mod_param(ConfigItem& item);
  bool parse_flags(ConfigItem& item);
  bool parse_listen(ConfigItem& item);
  bool parse_socket(ListenEntry& entry, bool needs_protocol);
  bool parse_custom(ConfigItem& item);
  bool parse_setting(Setting& setting);
  bool begins_next_item() const;

  TokenReader& reader_;
};

}  // namespace lockstep::script
