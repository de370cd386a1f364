// diagnostics.h: the mistakes of an operator's file, all of them, each with file:line:column, the
// line, a caret and, where one is near, a suggestion. Used at start and by `-c` only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace lockstep::script {

// A place in one of the files read. Lines and columns count from 1; line 0 means "no place".
struct Location {
  std::uint32_t file = 0;  // Index into SourceSet.
  std::uint32_t line = 0;
  std::uint32_t column = 0;
};

// The texts of all files read for one configuration; they outlive tokens and trees that point in.
class SourceSet {
 public:
  struct File {
    std::string name;  // As shown to the operator.
    std::string text;
  };
  // Returns the index of the file.
  std::uint32_t add(std::string name, std::string text);
  const File& file(std::uint32_t index) const { return files_[index]; }
  std::size_t size() const { return files_.size(); }
  // The line without its end; "" if there is no such line.
  std::string_view line(const Location& location) const;
  // "etc/x.cfg:12:5"; without column if that is 0.
  std::string describe(const Location& location) const;

 private:
  std::deque<File> files_;  // A deque: views into the texts stay valid when files are added.
};

enum class Severity : std::uint8_t { kWarning, kError };

struct Diagnostic {
  Severity severity = Severity::kError;
  Location location;
  std::string message;
  std::string suggestion;  // A name near the wrong one, or a whole sentence; may be empty.
};

class Diagnostics {
 public:
  static constexpr std::size_t kShownMax = 50;

  explicit Diagnostics(std::shared_ptr<const SourceSet> sources = nullptr) : sources_(std::move(sources)) {}
  void set_sources(std::shared_ptr<const SourceSet> sources) { sources_ = std::move(sources); }
  const SourceSet* sources() const { return sources_.get(); }

  // `suggestion`: a single word is shown as "did you mean 'word'?", a text with spaces as it is.
  void error(const Location& location, std::string message, std::string suggestion = {});
  void warning(const Location& location, std::string message, std::string suggestion = {});

  // What else is wrong on this line comes from the mistake just told: it is not told again.
  void mute_line(const Location& location) { muted_.push_back(location); }
  bool is_muted(const Location& location) const;

  bool has_errors() const { return error_count_ > 0; }
  std::size_t error_count() const { return error_count_; }
  std::size_t warning_count() const { return all_.size() - error_count_; }
  const std::vector<Diagnostic>& all() const { return all_; }

  // Every diagnostic in order of file and line, at most kShownMax, then how many more there are.
  std::string render() const;
  std::string render(const Diagnostic& diagnostic) const;

 private:
  std::shared_ptr<const SourceSet> sources_;
  std::vector<Diagnostic> all_;
  std::vector<Location> muted_;
  std::size_t error_count_ = 0;
};

// Number of single-letter edits (insert, delete, replace, swap of neighbours) between the words.
std::size_t edit_distance(std::string_view a, std::string_view b);

// Collects the candidate nearest to `wanted`, if near enough to be a likely slip; ties: the first.
class Suggestion {
 public:
  explicit Suggestion(std::string_view wanted) : wanted_(wanted) {}
  void consider(std::string_view candidate);
  // "" when nothing was near.
  std::string text() const { return best_; }

 private:
  std::string_view wanted_;
  std::string best_;
  std::size_t best_distance_ = static_cast<std::size_t>(-1);
};

}  // namespace lockstep::script
