// format.cc: parsing and evaluating variables with their indices and transformations, and text that
// holds variables.
#include <fmt/core.h>

#include <cstring>
#include <optional>
#include <utility>

#include "core/script/lexer.h"
#include "core/script/registry.h"
#include "core/script/variable.h"

namespace lockstep::script {

// Parses one variable; keeps the first mistake and where it is.
class VariableParser {
 public:
  VariableParser(std::string_view text, Registry& registry, int depth)
      : text_(text), registry_(registry), depth_(depth) {}

  Result<VariableRef, FormatError> parse(std::size_t& used) {
    VariableRef made;
    if (!parse_into(made)) return Failure{std::move(error_)};
    used = position_;
    made.source_ = text_.substr(0, used);
    return made;
  }

  static Result<Format, FormatError> parse_format(std::string_view text, Registry& registry, int depth) {
    Format made;
    std::string before;
    std::size_t i = 0;
    while (i < text.size()) {
      if (text[i] != '$') {
        before += text[i++];
        continue;
      }
      if (i + 1 < text.size() && text[i + 1] == '$') {
        before += '$';
        i += 2;
        continue;
      }
      std::size_t used = 0;
      Result<VariableRef, FormatError> variable = VariableParser(text.substr(i), registry, depth).parse(used);
      if (!variable) {
        FormatError error = variable.error();
        error.offset += i;
        return Failure{std::move(error)};
      }
      made.parts_.push_back(Format::Part{std::move(before), std::move(*variable)});
      before.clear();
      i += used;
    }
    made.tail_ = std::move(before);
    return made;
  }

 private:
  static constexpr int kDepthMax = 12;

  bool fail(std::size_t offset, std::string message, std::string suggestion = {}) {
    error_ = FormatError{offset, std::move(message), std::move(suggestion)};
    return false;
  }
  bool fail_inside(const FormatError& inner, std::size_t offset) {
    return fail(offset + inner.offset, inner.message, inner.suggestion);
  }
  char peek() const { return position_ < text_.size() ? text_[position_] : '\0'; }

  bool parse_into(VariableRef& made) {
    if (depth_ > kDepthMax) return fail(0, "variables are nested too deeply here");
    position_ = 1;
    const bool is_braced = peek() == '(';
    if (is_braced) ++position_;
    const std::size_t name_at = position_;
    std::string_view name = leading_word(text_.substr(position_));
    if (peek() == '?') name = text_.substr(position_, 1);
    if (name.empty()) return fail(0, "a dollar must begin a variable", "write $$ for the sign itself");
    position_ += name.size();
    if (name[0] >= '0' && name[0] <= '9') {
      return fail(0, fmt::format("'${}' is no variable", name), "write $$ for the sign itself");
    }
    made.spec_ = registry_.find_variable(name);
    if (made.spec_ == nullptr) return fail_unknown(name, name_at);
    if (!parse_inner(made, name, is_braced)) return false;
    if (!is_braced) return true;
    if (peek() == '[' && !parse_index(made, name)) return false;
    while (peek() == '{') {
      if (!parse_transformation(made)) return false;
    }
    if (peek() != ')') return fail(position_, fmt::format("')' expected at the end of $({}...)", name));
    ++position_;
    return true;
  }

  bool fail_unknown(std::string_view name, std::size_t offset) {
    std::string suggestion = registry_.suggest_variable(name);
    // "$rUabc": letters follow a variable without a border.
    for (std::size_t length = name.size() - 1; length > 0 && suggestion.empty(); --length) {
      const VariableSpec* shorter = registry_.find_variable(name.substr(0, length));
      if (shorter == nullptr || shorter->inner == InnerName::kRequired) continue;
      suggestion = fmt::format("write $({}){} if ${} is meant", name.substr(0, length), name.substr(length),
                               name.substr(0, length));
    }
    if (!suggestion.empty() && suggestion.find(' ') == std::string::npos) suggestion.insert(0, "$");
    return fail(offset - 1, fmt::format("unknown variable '${}'", name), std::move(suggestion));
  }

  // The text between the bracket at position_ and its partner; position_ is then behind it.
  bool take_balanced(char open, char close, std::string_view& inside) {
    const std::size_t start = position_;
    std::size_t depth = 0;
    for (; position_ < text_.size(); ++position_) {
      if (text_[position_] == open) ++depth;
      if (text_[position_] == close && --depth == 0) {
        inside = text_.substr(start + 1, position_ - start - 1);
        ++position_;
        return true;
      }
    }
    return fail(start, fmt::format("this '{}' is never closed", open));
  }

  bool parse_inner(VariableRef& made, std::string_view name, bool is_braced) {
    const InnerName inner = made.spec_->inner;
    if (peek() != '(') {
      if (inner != InnerName::kRequired) return true;
      return fail(0, fmt::format("${} needs a name in parentheses", name),
                  fmt::format("write ${}(NAME)", name));
    }
    if (inner == InnerName::kNone) {
      // Outside $(...) the parenthesis is plain text: "$fU(home)".
      return !is_braced || fail(position_, fmt::format("${} takes no name in parentheses", name));
    }
    const std::size_t inside_at = position_ + 1;
    std::string_view inside;
    if (!take_balanced('(', ')', inside)) return false;
    if (inside.empty()) return fail(inside_at, fmt::format("the name in ${}() is empty", name));
    if (inside.find('$') != std::string_view::npos) {
      Result<Format, FormatError> format = parse_format(inside, registry_, depth_ + 1);
      if (!format) return fail_inside(format.error(), inside_at);
      if (!format->is_constant()) {
        if (made.spec_->inner_is_constant) {
          return fail(inside_at, fmt::format("the name in ${}() cannot hold variables", name));
        }
        made.inner_format_ = std::make_unique<Format>(std::move(*format));
        return true;
      }
      made.inner_text_ = format->constant();
    } else {
      made.inner_text_ = inside;
    }
    if (made.spec_->prepare == nullptr) return true;
    Result<Prepared, std::string> prepared = made.spec_->prepare(made.inner_text_);
    if (!prepared) return fail(inside_at, prepared.error());
    made.prepared_ = std::move(*prepared);
    return true;
  }

  bool parse_index(VariableRef& made, std::string_view name) {
    const std::size_t at = position_ + 1;
    if (!made.spec_->index_allowed) return fail(position_, fmt::format("${} takes no index", name));
    std::string_view inside;
    if (!take_balanced('[', ']', inside)) return false;
    if (inside == "*") {
      made.index_kind_ = IndexKind::kAll;
      return true;
    }
    made.index_kind_ = IndexKind::kNumber;
    if (const std::optional<std::int64_t> number = parse_decimal(inside)) {
      made.index_number_ = *number;
      return true;
    }
    std::size_t used = 0;
    if (!inside.starts_with('$')) return fail(at, "an index is a number, '*' or a variable");
    Result<VariableRef, FormatError> variable = VariableParser(inside, registry_, depth_ + 1).parse(used);
    if (!variable) return fail_inside(variable.error(), at);
    if (used != inside.size()) return fail(at + used, "']' expected");
    made.index_variable_ = std::make_unique<VariableRef>(std::move(*variable));
    return true;
  }

  // {class.name,argument,...}
  bool parse_transformation(VariableRef& made) {
    ++position_;
    const std::size_t at = position_;
    const std::string_view class_name = leading_word(text_.substr(position_));
    position_ += class_name.size();
    if (class_name.empty() || peek() != '.') return fail(at, "a transformation is written {class.name}");
    ++position_;
    const std::size_t name_at = position_;
    while (peek() == '.' || peek() == '_' || is_word_character(peek())) ++position_;
    const std::string_view name = text_.substr(name_at, position_ - name_at);
    VariableRef::Transformation step;
    step.spec = registry_.find_transformation(class_name, name);
    if (step.spec == nullptr) {
      return fail(at, fmt::format("unknown transformation '{{{}.{}}}'", class_name, name),
                  registry_.suggest_transformation(class_name, name));
    }
    std::vector<TransformationArguments::Argument>& arguments = step.arguments.arguments_;
    while (peek() == ',') {
      if (arguments.size() >= step.spec->max_count) {
        return fail(position_, fmt::format("'{{{}.{}}}' takes at most {} arguments", class_name, name,
                                           step.spec->max_count));
      }
      ++position_;
      const bool is_character = step.spec->last_is_character && arguments.size() + 1u == step.spec->max_count;
      arguments.emplace_back();
      if (!parse_argument(arguments.back(), is_character)) return false;
    }
    if (peek() != '}')
      return fail(position_, fmt::format("'}}' expected at the end of '{{{}.{}'", class_name, name));
    ++position_;
    if (arguments.size() < step.spec->min_count) {
      return fail(at, fmt::format("'{{{}.{}}}' needs {} arguments", class_name, name, step.spec->min_count));
    }
    made.chain_.push_back(std::move(step));
    return true;
  }

  bool parse_argument(TransformationArguments::Argument& argument, bool is_character) {
    if (is_character) {
      if (position_ >= text_.size()) return fail(position_, "a character expected");
      argument.text = text_.substr(position_, 1);
      ++position_;
      return true;
    }
    std::size_t start = position_;
    while (start < text_.size() && text_[start] == ' ') ++start;
    if (start < text_.size() && text_[start] == '$') {
      std::size_t used = 0;
      Result<VariableRef, FormatError> variable =
          VariableParser(text_.substr(start), registry_, depth_ + 1).parse(used);
      if (!variable) return fail_inside(variable.error(), start);
      argument.variable = std::move(*variable);
      argument.has_variable = true;
      position_ = start + used;
      return true;
    }
    const std::size_t begin = position_;
    while (position_ < text_.size() && peek() != ',' && peek() != '}') ++position_;
    argument.text = text_.substr(begin, position_ - begin);
    std::string_view digits = argument.text;
    while (digits.starts_with(' ')) digits.remove_prefix(1);
    while (digits.ends_with(' ')) digits.remove_suffix(1);
    if (const std::optional<std::int64_t> number = parse_decimal(digits)) {
      argument.number = *number;
      argument.is_number = true;
    }
    return true;
  }

  std::string_view text_;
  Registry& registry_;
  int depth_;
  std::size_t position_ = 0;
  FormatError error_;
};

VariableRef::VariableRef() = default;
VariableRef::VariableRef(VariableRef&&) noexcept = default;
VariableRef& VariableRef::operator=(VariableRef&&) noexcept = default;
VariableRef::~VariableRef() = default;

std::string_view VariableRef::inner(Context& context) const {
  return inner_format_ == nullptr ? std::string_view(inner_text_) : inner_format_->print(context);
}

VariableIndex VariableRef::index(Context& context) const {
  if (index_variable_ != nullptr) return {IndexKind::kNumber, index_variable_->get(context).to_int()};
  return {index_kind_, index_number_};
}

Value VariableRef::get(Context& context) const {
  Value value = spec_->get(context, *this);
  for (const Transformation& step : chain_) value = step.spec->apply(context, value, step.arguments);
  return value;
}

std::int64_t TransformationArguments::integer(Context& context, std::size_t i) const {
  if (i >= arguments_.size()) return 0;
  const Argument& argument = arguments_[i];
  if (argument.has_variable) return argument.variable.get(context).to_int();
  return argument.is_number ? argument.number : 0;
}

std::string_view TransformationArguments::string(Context& context, std::size_t i) const {
  if (i >= arguments_.size()) return {};
  const Argument& argument = arguments_[i];
  return argument.has_variable ? context.text_of(argument.variable.get(context))
                               : std::string_view(argument.text);
}

Format::Format() = default;
Format::Format(Format&&) noexcept = default;
Format& Format::operator=(Format&&) noexcept = default;
Format::~Format() = default;

Result<Format, FormatError> Format::parse(std::string_view text, Registry& registry) {
  return VariableParser::parse_format(text, registry, 0);
}

bool Format::try_print(Context& context, std::string_view& out) const {
  if (parts_.empty()) {
    out = tail_;
    return true;
  }
  auto* pieces = context.arena().make_array<std::string_view>(parts_.size());
  if (pieces == nullptr) {
    context.state().count_arena_full();
    return false;
  }
  std::size_t bytes = tail_.size();
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    const Value value = parts_[i].variable.get(context);
    pieces[i] = value.is_null() ? std::string_view("<null>") : context.text_of(value);
    bytes += parts_[i].before.size() + pieces[i].size();
  }
  char* const begin = context.try_allocate(bytes);
  if (begin == nullptr) return false;
  char* end = begin;
  const auto append = [&end](std::string_view piece) {
    if (!piece.empty()) std::memcpy(end, piece.data(), piece.size());
    end += piece.size();
  };
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    append(parts_[i].before);
    append(pieces[i]);
  }
  append(tail_);
  out = {begin, bytes};
  return true;
}

std::string_view Format::print(Context& context) const {
  std::string_view out;
  return try_print(context, out) ? out : std::string_view{};
}

Value Format::value(Context& context) const {
  if (is_single_variable()) return parts_[0].variable.get(context);
  std::string_view out;
  return try_print(context, out) ? Value::of_string(out) : Value::null();
}

Result<VariableRef, FormatError> parse_variable(std::string_view text, Registry& registry,
                                                std::size_t& used) {
  if (!text.starts_with('$')) return Failure{FormatError{0, "a variable must begin with a dollar", {}}};
  return VariableParser(text, registry, 0).parse(used);
}

}  // namespace lockstep::script
