// scenario.cc: reading scenario files.
#include "core/explore/scenario.h"

#include <fmt/core.h>

#include <charconv>
#include <cstdint>
#include <fstream>
#include <sstream>

namespace lockstep::explore {
namespace {

using What = ScenarioDatagram::What;
using Words = std::vector<std::string>;

constexpr unsigned kBranchMost = 4;
constexpr std::size_t kTagMost = 32;
constexpr std::size_t kDatagramsMost = 64;
constexpr char kPhoneLast = 'D';
constexpr const char* kSections =
    "title, branches, workers, setup, race, arrive, clock, failure, route, rpc or memory";
constexpr const char* kDatagrams =
    "invite, cancel, ack BRANCH, bye BRANCH, STATUS BRANCH [TAG], STATUS BRANCH cancel, register BRANCH or "
    "unregister BRANCH";

Words words_of(std::string_view line) {
  Words words;
  std::istringstream stream{std::string(line.substr(0, line.find('#')))};
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

bool read_number(const std::string& word, std::uint64_t least, std::uint64_t most, std::uint64_t& number) {
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  return error == std::errc() && end == word.data() + word.size() && number >= least && number <= most;
}

class Reader {
 public:
  explicit Reader(const std::string& file) : file_(file) {}

  Result<Scenario, std::string> read(std::string_view text) {
    std::istringstream stream{std::string(text)};
    for (std::string line; std::getline(stream, line);) {
      ++line_;
      const Words words = words_of(line);
      if (words.empty()) continue;
      const std::string problem = read_line(words, line);
      if (!problem.empty()) return Failure{fmt::format("{}:{}: {}", file_, line_, problem)};
    }
    const std::string problem = check();
    if (!problem.empty()) return Failure{fmt::format("{}: {}", file_, problem)};
    const std::size_t slash = file_.rfind('/');
    scenario_.name = slash == std::string::npos ? file_ : file_.substr(slash + 1);
    scenario_.name = scenario_.name.substr(0, scenario_.name.find(".scenario"));
    return scenario_;
  }

 private:
  enum class Section { kNone, kSetup, kRace, kArrive };

  std::string read_line(const Words& words, const std::string& line) {
    const std::string& first = words[0];
    if (first == "setup" || first == "race" || first == "arrive") {
      if (words.size() != 1) return fmt::format("nothing is expected behind '{}'", first);
      section_ = first == "setup" ? Section::kSetup : first == "race" ? Section::kRace : Section::kArrive;
      return {};
    }
    if (first == "title") {
      const std::size_t at = line.find("title") + 5;
      const std::size_t begin = line.find_first_not_of(" \t", at);
      scenario_.title = begin == std::string::npos ? "" : line.substr(begin);
      return {};
    }
    if (first == "branches") return read_count(words, kBranchMost, scenario_.branches);
    if (first == "workers") return read_count(words, kWorkerMost, scenario_.workers);
    if (first == "clock") return read_clock(words);
    if (first == "rpc") {
      if (words.size() < 2 || words.size() > 3 || words[1] != "cancel") {
        return "'cancel' and perhaps a branch are expected behind 'rpc'";
      }
      scenario_.has_rpc = true;
      return words.size() == 3 ? read_branch(words, 2, scenario_.rpc_branch) : std::string();
    }
    if (first == "memory") {
      scenario_.is_memory_full = true;
      return words.size() == 2 && words[1] == "full" ? "" : "'full' is expected behind 'memory'";
    }
    if (first == "failure") {
      if (words.size() != 2 || words[1].size() != 1 || words[1][0] < 'A' || words[1][0] > kPhoneLast) {
        return fmt::format("a phone is expected behind 'failure', up to {}", kPhoneLast);
      }
      scenario_.failure = words[1][0];
      return {};
    }
    if (first == "route") {
      scenario_.by_location = words.size() == 2 && words[1] == "location";
      return scenario_.by_location ? "" : "'location' is expected behind 'route'";
    }
    switch (section_) {
      case Section::kNone:
        return fmt::format("{} is expected, not '{}'", kSections, first);
      case Section::kSetup:
        scenario_.setup.emplace_back();
        return read_datagram(words, 0, scenario_.setup.back());
      case Section::kRace:
        scenario_.race.emplace_back();
        return read_arrival(words, scenario_.race.back());
      case Section::kArrive:
        scenario_.arrive.emplace_back();
        return read_arrival(words, scenario_.arrive.back());
    }
    return {};
  }

  static std::string read_count(const Words& words, unsigned most, unsigned& count) {
    std::uint64_t number = 0;
    if (words.size() != 2 || !read_number(words[1], 1, most, number)) {
      return fmt::format("a number from 1 to {} is expected behind '{}'", most, words[0]);
    }
    count = static_cast<unsigned>(number);
    return {};
  }

  std::string read_clock(const Words& words) {
    for (std::size_t i = 1; i < words.size(); ++i) {
      scenario_.clock_ms.push_back(0);
      if (!read_number(words[i], 1, 1000000, scenario_.clock_ms.back())) scenario_.clock_ms.clear();
      if (scenario_.clock_ms.empty()) break;
    }
    return scenario_.clock_ms.empty() ? "milliseconds are expected behind 'clock', 1 to 1000000" : "";
  }

  std::string read_arrival(const Words& words, Arrival& arrival) {
    std::uint64_t worker = 0;
    if (!read_number(words[0], 1, scenario_.workers, worker)) {
      return fmt::format("a worker from 1 to {} is expected, not '{}'", scenario_.workers, words[0]);
    }
    arrival.worker = static_cast<unsigned>(worker);
    return read_datagram(words, 1, arrival.datagram);
  }

  std::string read_branch(const Words& words, std::size_t at, char& branch) const {
    const char last = static_cast<char>('A' + scenario_.branches - 1);
    if (at >= words.size() || words[at].size() != 1 || words[at][0] < 'A' || words[at][0] > last) {
      return fmt::format("a branch from A to {} is expected{}", last,
                         at < words.size() ? fmt::format(", not '{}'", words[at]) : "");
    }
    branch = words[at][0];
    return {};
  }

  std::string read_datagram(const Words& words, std::size_t at, ScenarioDatagram& datagram) const {
    datagram.line = line_;
    if (at >= words.size()) return fmt::format("a datagram is expected: {}", kDatagrams);
    const std::string& first = words[at];
    if (first == "invite" || first == "cancel") {
      datagram.what = first == "invite" ? What::kInvite : What::kCancel;
      return words.size() == at + 1 ? std::string() : fmt::format("nothing is expected behind '{}'", first);
    }
    if (first == "ack" || first == "bye") {
      datagram.what = first == "ack" ? What::kAck : What::kBye;
      if (words.size() > at + 2) return fmt::format("nothing is expected behind '{}'", words[at + 1]);
      return read_branch(words, at + 1, datagram.branch);
    }
    if (first == "register" || first == "unregister") {
      datagram.what = first == "register" ? What::kRegister : What::kUnregister;
      if (!scenario_.by_location) return fmt::format("{}: 'route location' is expected above", first);
      if (words.size() > at + 2) return fmt::format("nothing is expected behind '{}'", words[at + 1]);
      return read_branch(words, at + 1, datagram.branch);
    }
    std::uint64_t status = 0;
    if (!read_number(first, 100, 699, status)) {
      return fmt::format("a datagram is expected, not '{}': {}", first, kDatagrams);
    }
    datagram.status = static_cast<int>(status);
    datagram.what = What::kResponse;
    if (const std::string problem = read_branch(words, at + 1, datagram.branch); !problem.empty())
      return problem;
    if (words.size() > at + 3) return fmt::format("nothing is expected behind '{}'", words[at + 2]);
    if (words.size() == at + 3 && words[at + 2] == "cancel") datagram.what = What::kCancelResponse;
    if (words.size() == at + 3 && words[at + 2] != "cancel") datagram.tag = words[at + 2];
    if (datagram.tag.size() > kTagMost)
      return fmt::format("a tag of at most {} characters is expected", kTagMost);
    return {};
  }

  std::string check() const {
    if (scenario_.title.empty()) return "a line 'title' is expected";
    if (scenario_.setup.size() + scenario_.race.size() + scenario_.arrive.size() > kDatagramsMost) {
      return fmt::format("at most {} datagrams are expected", kDatagramsMost);
    }
    if (scenario_.race.empty()) return "a section 'race' with a datagram at least is expected";
    if (scenario_.failure != 0 && scenario_.failure < static_cast<char>('A' + scenario_.branches)) {
      return "failure: a phone that is none of the branches is expected";
    }
    return {};
  }

  const std::string& file_;
  std::size_t line_ = 0;
  Section section_ = Section::kNone;
  Scenario scenario_;
};

}  // namespace

std::string ScenarioDatagram::to_tag() const {
  return tag.empty() ? std::string(1, static_cast<char>(branch + 32)) : tag;
}

std::string ScenarioDatagram::text() const {
  switch (what) {
    case What::kInvite:
      return "invite";
    case What::kCancel:
      return "cancel";
    case What::kAck:
      return fmt::format("ack {}", branch);
    case What::kBye:
      return fmt::format("bye {}", branch);
    case What::kRegister:
      return fmt::format("register {}", branch);
    case What::kUnregister:
      return fmt::format("unregister {}", branch);
    case What::kCancelResponse:
      return fmt::format("{} {} cancel", status, branch);
    case What::kResponse:
      return fmt::format("{} {}{}{}", status, branch, tag.empty() ? "" : " ", tag);
  }
  return {};
}

Result<Scenario, std::string> parse_scenario(std::string_view text, const std::string& file) {
  return Reader(file).read(text);
}

Result<Scenario, std::string> read_scenario(const std::string& file) {
  std::ifstream stream(file);
  if (!stream) return Failure{fmt::format("{}: cannot be read", file)};
  std::ostringstream text;
  text << stream.rdbuf();
  return parse_scenario(text.str(), file);
}

}  // namespace lockstep::explore
