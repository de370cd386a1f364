// diagnostics.cc: collecting and showing the mistakes of a configuration.
#include "core/script/diagnostics.h"

#include <fmt/core.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "core/base/assert.h"

namespace lockstep::script {

std::uint32_t SourceSet::add(std::string name, std::string text) {
  files_.push_back(File{std::move(name), std::move(text)});
  return static_cast<std::uint32_t>(files_.size() - 1);
}

std::string_view SourceSet::line(const Location& location) const {
  if (location.line == 0 || location.file >= files_.size()) return {};
  std::string_view rest = files_[location.file].text;
  for (std::uint32_t i = 1; i < location.line; ++i) {
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) return {};
    rest.remove_prefix(end + 1);
  }
  std::string_view found = rest.substr(0, rest.find('\n'));
  if (!found.empty() && found.back() == '\r') found.remove_suffix(1);
  return found;
}

std::string SourceSet::describe(const Location& location) const {
  if (location.file >= files_.size()) return {};
  const std::string& name = files_[location.file].name;
  if (location.line == 0) return name;
  if (location.column == 0) return fmt::format("{}:{}", name, location.line);
  return fmt::format("{}:{}:{}", name, location.line, location.column);
}

bool Diagnostics::is_muted(const Location& location) const {
  return std::any_of(muted_.begin(), muted_.end(), [&location](const Location& muted) {
    return muted.line == location.line && muted.file == location.file;
  });
}

void Diagnostics::error(const Location& location, std::string message, std::string suggestion) {
  if (is_muted(location)) return;
  all_.push_back(Diagnostic{Severity::kError, location, std::move(message), std::move(suggestion)});
  ++error_count_;
}

void Diagnostics::warning(const Location& location, std::string message, std::string suggestion) {
  if (is_muted(location)) return;
  all_.push_back(Diagnostic{Severity::kWarning, location, std::move(message), std::move(suggestion)});
}

std::string Diagnostics::render(const Diagnostic& diagnostic) const {
  const char* severity = diagnostic.severity == Severity::kError ? "error" : "warning";
  std::string where = sources_ == nullptr ? std::string() : sources_->describe(diagnostic.location);
  if (!where.empty()) where += ": ";
  std::string out = fmt::format("{}{}: {}\n", where, severity, diagnostic.message);
  const std::string_view source_line =
      sources_ == nullptr ? std::string_view{} : sources_->line(diagnostic.location);
  if (!source_line.empty()) {
    out += fmt::format("    {}\n    ", source_line);
    // Tabs are kept before the caret, so that it stands right however wide the terminal makes them.
    for (std::size_t i = 0; i + 1 < diagnostic.location.column; ++i) {
      out += i < source_line.size() && source_line[i] == '\t' ? '\t' : ' ';
    }
    out += "^\n";
  }
  if (!diagnostic.suggestion.empty()) {
    const bool is_word = diagnostic.suggestion.find(' ') == std::string::npos;
    out += is_word ? fmt::format("    did you mean '{}'?\n", diagnostic.suggestion)
                   : fmt::format("    {}\n", diagnostic.suggestion);
  }
  return out;
}

std::string Diagnostics::render() const {
  std::vector<std::size_t> order(all_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [this](std::size_t a, std::size_t b) {
    const Location& left = all_[a].location;
    const Location& right = all_[b].location;
    if (left.file != right.file) return left.file < right.file;
    return left.line < right.line;
  });
  std::string out;
  for (std::size_t i = 0; i < order.size() && i < kShownMax; ++i) out += render(all_[order[i]]);
  if (order.size() > kShownMax) out += fmt::format("... and {} more\n", order.size() - kShownMax);
  return out;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  // Three rows of the usual table: the oldest one is needed for a swap of neighbours.
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(last.begin(), last.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replace = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({replace, last[j] + 1, row[j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

void Suggestion::consider(std::string_view candidate) {
  constexpr std::size_t kWordMax = 64;  // A name; longer texts are not slips of one.
  if (wanted_.empty() || candidate.empty() || wanted_.size() > kWordMax || candidate.size() > kWordMax)
    return;
  const std::size_t distance = edit_distance(wanted_, candidate);
  const std::size_t near = std::max<std::size_t>(1, std::min(wanted_.size(), candidate.size()) / 3);
  if (distance > near || distance >= best_distance_) return;
  // Of a word of one or two letters every other is near; only one that shares a letter helps.
  if (distance >= std::max(wanted_.size(), candidate.size())) return;
  best_distance_ = distance;
  best_ = candidate;
}

}  // namespace lockstep::script
