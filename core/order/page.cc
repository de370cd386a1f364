// The ladder as one page: lanes for the caller, each worker that had a part in the call, each branch.
#include <fmt/core.h>

#include <algorithm>
#include <ctime>
#include <set>

#include "core/order/page_style.h"
#include "core/order/render.h"

namespace lockstep::order {
namespace {

constexpr std::size_t kLaneLeast = 112;  // Pixels; below that the page scrolls.

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      default:
        result += static_cast<unsigned char>(c) < 32 && c != '\n' && c != '\t' ? '.' : c;
    }
  }
  return result;
}

std::string date_text(std::uint64_t wall_us) {
  const auto seconds = static_cast<std::time_t>(wall_us / 1000000);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char text[40];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &utc);
  return fmt::format("{}.{:06} UTC", text, wall_us % 1000000);
}

const char* colour_of(const Wire& wire) {
  if (!wire.is_sip) return "prov";  // Overwritten, or no SIP: nobody knows.
  if (!wire.is_response) return wire.method == "CANCEL" ? "cancel" : "req";
  if (wire.status < 200) return "prov";
  return wire.status < 300 ? "ok" : "bad";
}

// Columns of the grid: 1 is the time, then the caller, the workers, and all other lanes.
class Page {
 public:
  Page(const Scene& scene, const std::string& why) : scene_(scene), why_(why) {
    for (const Row& row : scene.rows) {
      if (row.worker != 0) workers_.insert(row.worker);
    }
    if (workers_.empty()) workers_.insert(1);
  }

  std::string draw() {
    add_head();
    for (const Row& row : scene_.rows) {
      if (row.is_message()) {
        add_message(row);
      } else {
        add_box(row);
      }
    }
    out_ += "</div>\n</body>\n</html>\n";
    return std::move(out_);
  }

 private:
  std::size_t lane_count() const { return scene_.lanes.size() - 1 + workers_.size(); }
  std::size_t column_of_worker(std::uint8_t worker) const {
    return 3 + static_cast<std::size_t>(std::distance(workers_.begin(), workers_.lower_bound(worker)));
  }
  std::size_t column_of_lane(std::size_t lane) const {
    return lane == kCallerLane ? 2 : lane + 1 + workers_.size();
  }

  void add_head() {
    const std::uint64_t end = scene_.rows.empty() ? scene_.start_us : scene_.rows.back().time_us;
    out_ += "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n";
    out_ += "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n";
    out_ += fmt::format("<title>{}</title>\n<style>{}</style>\n</head>\n<body>\n", escaped(scene_.call_id),
                        kPageStyle);
    out_ += fmt::format("<h1>Call {}</h1>\n", escaped(scene_.call_id));
    const auto messages = std::count_if(scene_.rows.begin(), scene_.rows.end(),
                                        [](const Row& row) { return row.is_message(); });
    out_ += fmt::format("<p class=\"meta\">began {}, {} ms on record, {} messages, {} decisions</p>\n",
                        date_text(scene_.start_wall_us), since(scene_, end), messages,
                        scene_.rows.size() - static_cast<std::size_t>(messages));
    for (const std::string& remark : scene_.remarks) {
      out_ += "<p class=\"remark\">" + escaped(remark) + "</p>\n";
    }
    add_why();
    out_ +=
        "<p class=\"legend\">Times in ms since the first record. Click a message to read it. Boxes are "
        "decisions of lockstep: event &rarr; actions; an amber edge: made by a timer.</p>\n";
    out_ += fmt::format("<div class=\"ladder\" style=\"--lanes:{};--least:{}px\">\n", lane_count(),
                        86 + lane_count() * kLaneLeast);
    out_ += "<div class=\"row head\">";
    for (std::size_t i = 0; i < scene_.lanes.size(); ++i) {
      if (i == kOwnLane) continue;
      add_title(column_of_lane(i), scene_.lanes[i].title, scene_.lanes[i].detail);
    }
    for (const std::uint8_t worker : workers_) {
      add_title(column_of_worker(worker), "lockstep", fmt::format("worker {}", worker));
    }
    out_ += "</div>\n";
  }

  // The address stands in a line of its own, below a user that may be long.
  void add_title(std::size_t column, const std::string& title, const std::string& detail) {
    out_ += fmt::format("<div class=\"lane\" style=\"grid-column:{};grid-row:1\"><b>{}</b>", column,
                        escaped(title));
    const std::size_t space = detail.find(' ');
    if (space == std::string::npos || detail.starts_with("worker ")) {
      out_ += "<span>" + escaped(detail) + "</span></div>";
    } else {
      out_ += "<span>" + escaped(detail.substr(0, space)) + "</span><span>" +
              escaped(detail.substr(space + 1)) + "</span></div>";
    }
  }

  void add_why() {
    if (why_.empty()) return;
    out_ += "<details class=\"why\" open><summary>Why it went so</summary>";
    std::string_view rest = why_;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find('\n'), rest.size() - 1);
      const std::string_view line = rest.substr(0, rest[end] == '\n' ? end : end + 1);
      rest.remove_prefix(end + 1);
      if (line.empty() || line.starts_with("Call-ID ") || line.starts_with("! ")) continue;
      out_ += "<p>" + escaped(line) + "</p>";
    }
    out_ += "</details>\n";
  }

  void add_bars(const Row& row) {
    out_ += fmt::format("<div class=\"time\">{}</div>", since(scene_, row.time_us));
    for (std::size_t column = 2; column < 2 + lane_count(); ++column) {
      const bool is_own = column > 2 && column < 3 + workers_.size();
      out_ += fmt::format("<i class=\"bar{}\" style=\"grid-column:{}\"></i>", is_own ? " own" : "", column);
    }
  }

  void add_message(const Row& row) {
    const std::size_t own = column_of_worker(row.worker);
    const std::size_t peer = row.lane == kOwnLane ? own : column_of_lane(row.lane);
    const std::size_t from = row.kind == RowKind::kReceived ? peer : own;
    const std::size_t to = row.kind == RowKind::kReceived ? own : peer;
    const std::size_t left = std::min(from, to);
    const std::size_t span = std::max(from, to) - left + 1;
    const bool is_off = row.kind == RowKind::kWithdrawn || row.kind == RowKind::kRefused;
    out_ += "<details class=\"m\"><summary><div class=\"row\">";
    add_bars(row);
    out_ += fmt::format(
        "<div class=\"arrow {} {}{}\" style=\"grid-column:{}/span "
        "{};margin-left:{:.3f}%;margin-right:{:.3f}%\">"
        "<span class=\"label\">{}</span>",
        from <= to ? "right" : "left", colour_of(row.wire), is_off ? " off" : "", left, span,
        50.0 / static_cast<double>(span), 50.0 / static_cast<double>(span), escaped(row.label()));
    if (!row.mark.empty()) {
      out_ += fmt::format(" <span class=\"badge{}\">{}</span>", row.mark == "again" ? " quiet" : "",
                          escaped(row.mark));
    }
    out_ += "</div></div></summary>";
    out_ +=
        "<pre>" + (row.wire.head.empty() ? std::string("overwritten") : escaped(row.wire.head)) + "</pre>";
    if (!row.wire.body.empty()) {
      out_ += fmt::format("<details class=\"b\"><summary>body{}, {} bytes</summary><pre>{}</pre></details>",
                          row.wire.content_type.empty() ? "" : ", " + escaped(row.wire.content_type),
                          row.wire.body.size(), escaped(row.wire.body));
    }
    out_ += "</details>\n";
  }

  // A box stands on its worker's lane and reaches as far to the right as it needs.
  void add_box(const Row& row) {
    const std::size_t column = column_of_worker(row.worker);
    const std::size_t span = 2 + lane_count() - column;
    const bool is_void = row.text.find(": ignored") != std::string::npos;
    const std::size_t colon = row.text.find(": ");
    std::string text = escaped(row.text);
    if (colon != std::string::npos) {
      text =
          "<b>" + escaped(row.text.substr(0, colon)) + "</b> &rarr; " + escaped(row.text.substr(colon + 2));
    }
    out_ += "<div class=\"row\">";
    add_bars(row);
    out_ += fmt::format("<div class=\"box{}{}\" style=\"grid-column:{}/span {};margin-left:{:.3f}%\">{}",
                        row.kind == RowKind::kTimer ? " timer" : "", is_void ? " void" : "", column, span,
                        50.0 / static_cast<double>(span), text);
    if (!row.mark.empty()) out_ += " <span class=\"badge\">" + escaped(row.mark) + "</span>";
    out_ += "</div></div>\n";
  }

  const Scene& scene_;
  const std::string& why_;
  std::set<std::uint8_t> workers_;
  std::string out_;
};

}  // namespace

std::string ladder_page(const Scene& scene, const std::string& why) { return Page(scene, why).draw(); }

}  // namespace lockstep::order
