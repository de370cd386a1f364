// variable.h: pseudo-variables ($ru, $hdr(X), $(avp(x)[0]{s.len})), transformations and format
// strings ("from $si:$sp"). A module exports VariableSpec and TransformationSpec values; the compiler
// resolves each use in a script once, before the fork, into a VariableRef; at run time nothing is
// looked up by name and nothing is allocated outside the Context's arena.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/script/context.h"
#include "core/script/value.h"

namespace lockstep::script {

class Format;
class Registry;
class VariableRef;

// What a `prepare` hook made of a constant text once, at compile time. Read-only afterwards.
// Make one with std::make_shared<const T>(...); read it back with the same T.
using Prepared = std::shared_ptr<const void>;

enum class InnerName : std::uint8_t { kNone, kOptional, kRequired };

struct VariableSpec {
  std::string name;  // Without the dollar: "ru", "hdr", "avp".
  std::string doc;   // One line.
  InnerName inner = InnerName::kNone;
  bool inner_is_constant = false;  // A name that holds variables is a mistake.
  bool index_allowed = false;      // $(x[0]), $(x[-1]), $(x[*]).
  // Null stands for $null. The bytes of a string: see value.h.
  std::function<Value(Context&, const VariableRef&)> get;
  // Absent for a variable that cannot be written. A null value means `= $null`. False: refused, and
  // the assignment fails; the function logs why.
  std::function<bool(Context&, const VariableRef&, const Value&)> set;
  // Called once for an inner name that holds no variables; its error becomes the diagnostic.
  std::function<Result<Prepared, std::string>(std::string_view inner)> prepare;
};

enum class IndexKind : std::uint8_t { kNone, kNumber, kAll };
struct VariableIndex {
  IndexKind kind = IndexKind::kNone;
  std::int64_t number = 0;  // May be negative: counted from the end.
};

// Arguments of one transformation: {s.substr,1,$var(n)}.
class TransformationArguments;

struct TransformationSpec {
  std::string class_name;  // "s" of {s.len}.
  std::string name;        // "len".
  std::string doc;
  std::uint8_t min_count = 0;
  std::uint8_t max_count = 0;
  // The last parameter is one raw character (which may be the comma), as in {s.select,1,,}.
  bool last_is_character = false;
  std::function<Value(Context&, const Value&, const TransformationArguments&)> apply;
};

// One use of a variable in a script.
class VariableRef {
 public:
  VariableRef();
  VariableRef(VariableRef&&) noexcept;
  VariableRef& operator=(VariableRef&&) noexcept;
  ~VariableRef();

  const VariableSpec& spec() const { return *spec_; }
  const std::string& source() const { return source_; }  // "$hdr(X)", as written.

  bool has_inner() const { return inner_format_ != nullptr || !inner_text_.empty(); }
  bool inner_is_constant() const { return inner_format_ == nullptr; }
  // "" when there is none. Evaluated at each call if it holds variables ($sht(t=>$si)).
  std::string_view inner(Context& context) const;
  // The inner name as a format, for variables that evaluate it themselves ($T_req($ru)); nullptr if constant.
  const Format* inner_format() const { return inner_format_.get(); }
  // What VariableSpec::prepare made of a constant inner name; nullptr if it was not constant.
  template <typename T>
  const T* prepared() const {
    return static_cast<const T*>(prepared_.get());
  }
  bool has_index() const { return index_kind_ != IndexKind::kNone; }
  VariableIndex index(Context& context) const;

  bool is_writable() const { return spec_->set != nullptr && chain_.empty(); }
  // The value with all transformations applied.
  Value get(Context& context) const;
  // REQUIRES: is_writable().
  bool set(Context& context, const Value& value) const { return spec_->set(context, *this, value); }

 private:
  friend class VariableParser;
  struct Transformation;

  const VariableSpec* spec_ = nullptr;
  std::string source_;
  std::string inner_text_;
  std::unique_ptr<Format> inner_format_;
  Prepared prepared_;
  IndexKind index_kind_ = IndexKind::kNone;
  std::int64_t index_number_ = 0;
  std::unique_ptr<VariableRef> index_variable_;
  std::vector<Transformation> chain_;
};

class TransformationArguments {
 public:
  struct Argument {
    std::string text;  // Literal.
    std::int64_t number = 0;
    bool is_number = false;
    VariableRef variable;  // If has_variable.
    bool has_variable = false;
  };
  std::size_t size() const { return arguments_.size(); }
  std::int64_t integer(Context& context, std::size_t i) const;
  std::string_view string(Context& context, std::size_t i) const;

 private:
  friend class VariableParser;
  std::vector<Argument> arguments_;
};

struct VariableRef::Transformation {
  const TransformationSpec* spec = nullptr;
  TransformationArguments arguments;
};

// A mistake inside the text of a variable or format: where (offset from its start), what, and what
// may have been meant.
struct FormatError {
  std::size_t offset = 0;
  std::string message;
  std::string suggestion;
};

// Text with variables in it, parsed once.
class Format {
 public:
  Format();
  Format(Format&&) noexcept;
  Format& operator=(Format&&) noexcept;
  ~Format();

  // `$$` is a dollar; a dollar that starts no variable is itself.
  static Result<Format, FormatError> parse(std::string_view text, Registry& registry);

  bool is_constant() const { return parts_.empty(); }
  const std::string& constant() const { return tail_; }
  // True for "$x" alone: then value() keeps its type and its null.
  bool is_single_variable() const { return parts_.size() == 1 && parts_[0].before.empty() && tail_.empty(); }
  const VariableRef& single_variable() const { return parts_[0].variable; }

  // The text, `<null>` standing for null variables as Kamailio prints them. "" when the arena is full.
  std::string_view print(Context& context) const;
  // A single variable keeps its type and may be null; anything else is the printed text.
  Value value(Context& context) const;

 private:
  friend class VariableParser;
  struct Part {
    std::string before;
    VariableRef variable;
  };
  bool try_print(Context& context, std::string_view& out) const;

  std::vector<Part> parts_;
  std::string tail_;
};

// One variable from the start of `text` ("$ru", "$(hdr(X)[0]{s.len})"). `used` is set to its length.
Result<VariableRef, FormatError> parse_variable(std::string_view text, Registry& registry, std::size_t& used);

}  // namespace lockstep::script
