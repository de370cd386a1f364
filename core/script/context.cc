// context.cc: values of a process and of one run.
#include "core/script/context.h"

#include <charconv>
#include <cstring>

#include "core/base/assert.h"

namespace lockstep::script {

Value ScriptState::variable(std::uint32_t slot) const {
  LS_ASSERT(slot < variables_.size());
  const Slot& found = variables_[slot];
  return found.is_string ? Value::of_string(found.text) : Value::of_int(found.integer);
}

bool ScriptState::set_variable(std::uint32_t slot, const Value& value) {
  LS_ASSERT(slot < variables_.size());
  Slot& target = variables_[slot];
  if (value.is_string()) {
    if (value.text().size() > kVariableBytesMax) return false;
    target.text.assign(value.text());
    target.is_string = true;
    return true;
  }
  target.is_string = false;
  target.integer = value.is_int() ? value.integer() : 0;
  return true;
}

Value Context::make_string(std::string_view text) {
  if (text.empty()) return Value::of_string({});
  char* bytes = try_allocate(text.size());
  if (bytes == nullptr) return Value::null();
  std::memcpy(bytes, text.data(), text.size());
  return Value::of_string({bytes, text.size()});
}

Value Context::make_string(std::int64_t number) {
  char digits[24];
  const auto result = std::to_chars(digits, digits + sizeof(digits), number);
  return make_string(std::string_view(digits, static_cast<std::size_t>(result.ptr - digits)));
}

char* Context::try_allocate(std::size_t bytes) {
  char* found = arena_.make_array<char>(bytes);
  if (found == nullptr) state_.count_arena_full();
  return found;
}

std::string_view Context::text_of(const Value& value) {
  if (value.is_string()) return value.text();
  if (value.is_null()) return {};
  const Value text = make_string(value.integer());
  return text.is_string() ? text.text() : std::string_view{};
}

}  // namespace lockstep::script
