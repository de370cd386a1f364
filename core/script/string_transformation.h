// string_transformation.h: one row of the tables of {s.*}. Internal to this folder.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/script/registry.h"

namespace lockstep::script {

struct StringTransformation {
  std::string_view name;
  std::uint8_t min_count;
  std::uint8_t max_count;
  bool last_is_character;  // See TransformationSpec.
  std::string_view doc;
  Value (*body)(Context&, std::string_view text, const TransformationArguments&);
};

// Null stays null: `body` sees texts only.
void add_string_transformation(ModuleExports& exports, const StringTransformation& row);

}  // namespace lockstep::script
