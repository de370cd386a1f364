// The ladder for a terminal.
//
//      ms  w   caller       lockstep      branch 0
//   0.000  1     |-- INVITE --->|             |
//   0.210  1     .  create: respond local 100
#include <fmt/core.h>

#include <algorithm>

#include "core/order/render.h"
#include "core/order/words.h"

namespace lockstep::order {
namespace {

constexpr std::size_t kMargin = 14;  // Time and worker.
constexpr std::size_t kSpacingMin = 10;
constexpr std::size_t kSpacingMax = 22;

class Ladder {
 public:
  Ladder(const Scene& scene, std::size_t columns)
      : scene_(scene), columns_(std::max<std::size_t>(columns, 60)) {
    const std::size_t gaps = std::max<std::size_t>(scene.lanes.size() - 1, 1);
    const std::size_t room = columns_ > kMargin + 12 ? columns_ - kMargin - 12 : kSpacingMin;
    spacing_ = std::clamp(room / gaps, kSpacingMin, kSpacingMax);
  }

  std::string draw() {
    out_ += "Call-ID " + scene_.call_id + "\n";
    for (const std::string& remark : scene_.remarks) out_ += "! " + remark + "\n";
    for (std::size_t i = 0; i < scene_.lanes.size(); ++i) {
      if (!scene_.lanes[i].detail.empty()) {
        out_ += fmt::format("  {}: {}\n", scene_.lanes[i].title, scene_.lanes[i].detail);
      }
    }
    out_ += "\n";
    draw_titles();
    for (const Row& row : scene_.rows) {
      if (row.is_message()) {
        draw_message(row);
      } else {
        draw_text(row);
      }
    }
    return std::move(out_);
  }

 private:
  std::size_t column(std::size_t lane) const { return kMargin + 4 + lane * spacing_; }

  std::string margin(const Row& row) const {
    return fmt::format("{:>10} {:>2}", since(scene_, row.time_us), row.worker);
  }

  void put_line(std::string line) {
    line.erase(line.find_last_not_of(' ') + 1);
    out_ += line + "\n";
  }

  // Centred on their lanes; cut where two would touch.
  void draw_titles() {
    std::string line = fmt::format("{:>10} {:>2}", "ms", "w");
    for (std::size_t i = 0; i < scene_.lanes.size(); ++i) {
      const std::string title = scene_.lanes[i].title.substr(0, spacing_ - 1);
      const std::size_t middle = column(i);
      const std::size_t from = middle > title.size() / 2 ? middle - title.size() / 2 : 0;
      line.resize(std::max(line.size() + 1, from), ' ');
      line += title;
    }
    put_line(line);
  }

  std::string bars() const {
    std::string line(column(scene_.lanes.size() - 1) + 1, ' ');
    for (std::size_t i = 0; i < scene_.lanes.size(); ++i) line[column(i)] = '|';
    return line;
  }

  // Short of room, "200 INVITE" is "200".
  static std::string fitting(const std::string& label, std::size_t room) {
    return label.size() <= room ? label : label.substr(0, std::min(label.find(' '), room));
  }

  // An arrow crosses the lanes between; its label stands beside lockstep, where messages begin or end.
  void draw_message(const Row& row) {
    std::string line = bars();
    const std::string head = margin(row);
    line.replace(0, head.size(), head);
    const std::size_t left = column(std::min(row.lane, kOwnLane));
    const std::size_t right = column(std::max(row.lane, kOwnLane));
    const bool to_right = (row.kind == RowKind::kReceived) == (row.lane < kOwnLane);
    if (row.lane == kOwnLane || right <= left + 3) return put_line(line + " " + row.label());
    const char dash = row.kind == RowKind::kWithdrawn || row.kind == RowKind::kRefused ? '.' : '-';
    for (std::size_t i = left + 1; i < right; ++i) line[i] = dash;
    line[to_right ? right - 1 : left + 1] = dash == '.' ? 'x' : (to_right ? '>' : '<');
    const std::size_t room = right - left - 4;
    const std::size_t gap = std::min(spacing_, right - left);
    const std::string label = fitting(row.label(), row.lane < kOwnLane ? std::min(room, gap - 4) : room);
    const std::size_t beside = row.lane < kOwnLane ? right - gap : left;
    std::size_t start = beside + 2;
    if (gap > label.size() + 4) {
      start += (gap - label.size() - 3) / 2;
    } else if (!to_right && start + 1 + label.size() < right) {
      ++start;  // Not at the head of the arrow.
    }
    line.replace(std::min(start, right - (to_right ? 2 : 1) - label.size()), label.size(), label);
    if (row.mark.empty()) return put_line(line);
    if (line.size() + 2 + row.mark.size() <= columns_) return put_line(line + "  " + row.mark);
    put_line(line);
    put_line(std::string(kMargin + 1, ' ') + "^ " + row.mark);
  }

  // Decisions are wrapped between the margins.
  void draw_text(const Row& row) {
    std::string text = (row.kind == RowKind::kTimer ? "~ " : "* ") + row.text;
    if (!row.mark.empty()) text += "  [" + row.mark + "]";
    const std::size_t width = columns_ - kMargin - 2;
    bool is_first = true;
    while (!text.empty()) {
      std::size_t end = text.size();
      if (end > width) {
        const std::size_t space = text.rfind(' ', width);
        end = space == std::string::npos || space < 4 ? width : space;
      }
      put_line((is_first ? margin(row) : std::string(kMargin - 1, ' ')) + "  " + text.substr(0, end));
      text.erase(0, end);
      text.erase(0, text.find_first_not_of(' '));
      if (!text.empty()) text = "  " + text;
      is_first = false;
    }
  }

  const Scene& scene_;
  std::size_t columns_;
  std::size_t spacing_ = kSpacingMin;
  std::string out_;
};

}  // namespace

std::string ladder_text(const Scene& scene, std::size_t columns) {
  return printable(Ladder(scene, columns).draw());
}

}  // namespace lockstep::order
