// commands.cc: arguments, the jobs side by side, the table.
#include "core/explore/commands.h"

#include <fmt/core.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <cstring>
#include <map>
#include <set>

#include "core/explore/jobs.h"
#include "core/explore/mutants.h"
#include "core/explore/scenario_pair.h"

namespace lockstep::explore {
namespace {

constexpr int kMistake = 2;
constexpr std::uint64_t kCpusMost = 64;
constexpr std::uint64_t kDepthMost = 100;
constexpr const char* kUsage =
    "usage: lockstep explore SCENARIO... [options]      every order of the scenario's steps, each judged;\n"
    "                                                   FILE+FILE: both at once\n"
    "       lockstep explore --replay STRING [--html FILE]   one order again, with its ladder\n"
    "  --ordering strict|openser13   default strict\n"
    "  --policy forward|terminate|drop|all   late_2xx; default forward\n"
    "  --cancelled forward|terminate   cancelled_2xx; default forward\n"
    "  --crash          each worker also dies at each step, its recovery first and last\n"
    "  --sleep-sets     without source-DPOR: the same traces with more work\n"
    "  --pct SEED,DEPTH[,EXECUTIONS]   random orders with few changes, for what is too large\n"
    "  --workers N      at least so many; a scenario names those that receive\n"
    "  --branches N     at least so many; those that the scenario does not name stay silent\n"
    "  --pairs          every two of the scenarios as one call; beyond --limit random orders\n"
    "  --cpus N         so many jobs side by side\n"
    "  --expect RULE    it is to be found: W4, I6, ticket; several. Then these alone are told, the shortest "
    "each\n"
    "  --limit N        executions at most\n"
    "  --audit          in an instrumented build (make audit): accesses that no point declares\n"
    "  --audit-without POINT   the same, as if POINT declared nothing: it must be found\n"
    "  --audit-self-check   leaves out one declaration after the other; each must be missed\n"
    "  --transcripts    what left in each order, sorted, one a line\n"
    "  -L MODULES       as for the server\n"
    "  --mutation NAME  one step done wrongly; --mutations: each, until it is caught (`make mutants`)\n";

struct Arguments {
  std::vector<std::string> files;
  std::vector<std::string> policies{"forward"};
  Job job;
  std::string replay;
  std::string html;
  bool transcripts = false;
  bool mutations = false;
  bool self_check = false;
  bool pairs = false;
  unsigned cpus = 1;
  std::vector<std::string> expected;  // Rules that must be broken.
};

int fail(const std::string& text) {
  std::fprintf(stderr, "lockstep: %s", text.c_str());
  return kMistake;
}

bool is_one_of(const std::string& word, std::initializer_list<const char*> all) {
  for (const char* one : all) {
    if (word == one) return true;
  }
  return false;
}

bool is_point(const std::string& word) {
  for (unsigned i = 0; i < kPointCount; ++i) {
    if (word == name_of(static_cast<Point>(i))) return true;
  }
  return false;
}

bool read_numbers(const std::string& text, std::vector<std::uint64_t>& numbers) {
  for (std::size_t at = 0; at <= text.size();) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data() + at, text.data() + text.size(), number);
    if (error != std::errc()) return false;
    numbers.push_back(number);
    at = static_cast<std::size_t>(end - text.data());
    if (at == text.size()) return true;
    if (text[at++] != ',') return false;
  }
  return false;
}

class Reader {
 public:
  Reader(int argc, char** argv, Arguments& arguments) : argc_(argc), argv_(argv), arguments_(arguments) {}

  // Empty: fine; else what is wrong.
  std::string read() {
    for (at_ = 2; at_ < argc_; ++at_) {
      const std::string word = argv_[at_];
      if (word.empty() || word[0] != '-') {
        arguments_.files.push_back(word);
        continue;
      }
      const std::string problem = read_option(word);
      if (!problem.empty()) return problem;
    }
    return arguments_.files.empty() && arguments_.replay.empty() ? "a scenario is expected" : "";
  }

 private:
  std::string read_option(const std::string& word) {
    Job& job = arguments_.job;
    if (word == "--sleep-sets") return job.reduction = Reduction::kSleepSets, "";
    if (word == "--crash") return job.is_crash = true, "";
    if (word == "--audit") return job.is_audit = true, "";
    if (word == "--audit-self-check") return arguments_.self_check = true, "";
    if (word == "--transcripts") return arguments_.transcripts = true, "";
    if (word == "--pairs") return arguments_.pairs = job.goes_on_at_random = true, "";
    if (word == "--mutations") return arguments_.mutations = true, "";
    std::string value;
    if (!is_one_of(word,
                   {"--ordering", "--policy", "--cancelled", "--pct", "--limit", "--cpus", "--workers",
                    "--branches", "--expect", "--replay", "--html", "--mutation", "--audit-without", "-L"})) {
      return fmt::format("'{}' is not known", word);
    }
    if (++at_ >= argc_) return fmt::format("a value is expected behind {}", word);
    value = argv_[at_];
    if (word == "-L") return job.module_dirs.push_back(value), "";
    if (word == "--expect") return arguments_.expected.push_back(value), "";
    if (word == "--replay") return arguments_.replay = value, "";
    if (word == "--html") return arguments_.html = value, "";
    if (word == "--mutation") return job.mutation = value, "";
    if (word == "--audit-without") {
      job.is_audit = true;
      job.left_out = value;
      return is_point(value) ? "" : "--audit-without: the name of a point is expected";
    }
    if (word == "--ordering") {
      job.ordering = value;
      return is_one_of(value, {"strict", "openser13"}) ? "" : "--ordering: strict or openser13 is expected";
    }
    if (word == "--cancelled") {
      job.cancelled_2xx = value;
      return is_one_of(value, {"forward", "terminate"}) ? ""
                                                        : "--cancelled: forward or terminate is expected";
    }
    if (word == "--policy") {
      arguments_.policies = {value};
      if (value == "all") arguments_.policies = {"forward", "terminate", "drop"};
      return is_one_of(value, {"forward", "terminate", "drop", "all"})
                 ? ""
                 : "--policy: forward, terminate, drop or all is expected";
    }
    std::vector<std::uint64_t> numbers;
    if (!read_numbers(value, numbers)) return fmt::format("{}: a number is expected, not '{}'", word, value);
    if (word == "--workers") {
      job.workers = static_cast<unsigned>(numbers[0]);
      return numbers[0] >= 1 && numbers[0] <= kSeatMax ? "" : "--workers: 1 to 8 is expected";
    }
    if (word == "--branches") {
      job.branches = static_cast<unsigned>(numbers[0]);
      return numbers[0] >= 1 && numbers[0] <= 4 ? "" : "--branches: 1 to 4 is expected";
    }
    if (word == "--cpus") {
      arguments_.cpus = static_cast<unsigned>(numbers[0]);
      return numbers[0] >= 1 && numbers[0] <= kCpusMost ? "" : "--cpus: 1 to 64 is expected";
    }
    if (word == "--limit") {
      job.most_executions = numbers[0];
      return numbers[0] >= 1 ? "" : "--limit: 1 or more is expected";
    }
    return read_pct(numbers);
  }

  std::string read_pct(const std::vector<std::uint64_t>& numbers) {
    Job& job = arguments_.job;
    const bool is_whole = numbers.size() == 2 || (numbers.size() == 3 && numbers[2] >= 1);
    if (!is_whole || numbers[1] < 1 || numbers[1] > kDepthMost) {
      return "--pct: SEED,DEPTH[,EXECUTIONS] is expected, DEPTH from 1 to 100, EXECUTIONS from 1";
    }
    job.is_pct = true;
    job.pct_seed = numbers[0];
    job.pct_depth = static_cast<unsigned>(numbers[1]);
    if (numbers.size() > 2) job.pct_executions = numbers[2];
    return "";
  }

  int argc_;
  char** argv_;
  Arguments& arguments_;
  int at_ = 2;
};

int replay(const Arguments& arguments) {
  Job job = arguments.job;
  std::string parts[5];
  std::string rest = arguments.replay;
  for (std::size_t i = 5; i-- > 1;) {  // From its end: the name of a file may have commas.
    const std::size_t comma = rest.rfind(',');
    if (comma == std::string::npos)
      return fail("--replay: FILE,ORDERING,POLICY,CANCELLED,SCHEDULE is expected\n");
    parts[i] = rest.substr(comma + 1);
    rest.resize(comma);
  }
  parts[0] = rest;
  if (!is_one_of(parts[1], {"strict", "openser13"}) ||
      !is_one_of(parts[2], {"forward", "terminate", "drop"}) ||
      !is_one_of(parts[3], {"forward", "terminate"})) {
    return fail(
        "--replay: ORDERING strict or openser13, POLICY forward, terminate or drop, CANCELLED forward or "
        "terminate are expected\n");
  }
  job.file = parts[0];
  job.ordering = parts[1];
  job.late_2xx = parts[2];
  job.cancelled_2xx = parts[3];
  const auto shown = show(job, parts[4], arguments.html);
  if (!shown) return fail(shown.error());
  std::fputs(shown->text.c_str(), stdout);
  return shown->is_sound ? 0 : 1;
}

// Of each kind of step that declares something in the segment: an audit that has not heard of it complains.
int self_check(const Arguments& arguments) {
  constexpr Point kDeclared[] = {Point::kReceive, Point::kTakeNode, Point::kAdmit,   Point::kTake,
                                 Point::kPeek,    Point::kDrop,     Point::kRelease, Point::kOwn,
                                 Point::kSlab,    Point::kLock,     Point::kUnlock};
  std::vector<std::string> left_out{""};  // First nothing: what is found then is not found by leaving out.
  for (const Point point : kDeclared) left_out.push_back(name_of(point));
  std::vector<Job> jobs;
  for (const std::string& point : left_out) {
    for (const std::string& file : arguments.files) {
      for (const char* ordering : {"strict", "openser13"}) {
        jobs.push_back(arguments.job);
        jobs.back().file = file;
        jobs.back().ordering = ordering;
        jobs.back().is_audit = true;
        jobs.back().left_out = point;
      }
    }
  }
  std::map<std::string, std::string> missed;  // By point: the first find.
  std::set<std::string> known;
  std::string problem;
  run_jobs(jobs, arguments.cpus, [&](const Job& job, const JobResult& result) {
    if (!result.problem.empty()) problem = result.problem;
    for (const auto& [key, find] : result.findings.audit_finds) {
      if (job.left_out.empty()) known.insert(key);
      if (known.contains(key)) continue;
      missed.try_emplace(job.left_out, fmt::format("{}\n               {}", key, find.text));
    }
  });
  if (!problem.empty()) return fail(problem);
  bool is_well = true;
  for (const Point point : kDeclared) {
    const auto found = missed.find(name_of(point));
    is_well = is_well && found != missed.end();
    fmt::print("without {:<10} {}\n", name_of(point),
               found != missed.end() ? found->second : "NOTHING IS FOUND");
  }
  return is_well ? 0 : 1;
}

// The files; with --pairs every two of them that can be one call. `unfit`: how many pairs cannot.
Result<std::vector<std::string>, std::string> what_to_explore(const Arguments& arguments,
                                                              std::size_t& unfit) {
  std::vector<Scenario> scenarios;
  for (const std::string& file : arguments.files) {
    auto scenario = read_scenarios(file);
    if (!scenario) return Failure{scenario.error()};
    scenarios.push_back(std::move(*scenario));
  }
  if (!arguments.pairs) return arguments.files;
  for (const std::string& file : arguments.files) {
    if (file.find('+') != std::string::npos) return Failure{file + ": --pairs takes single scenarios"};
  }
  std::vector<std::string> pairs;
  for (std::size_t a = 0; a < scenarios.size(); ++a) {
    for (std::size_t b = a + 1; b < scenarios.size(); ++b) {
      if (!pair_of(scenarios[a], scenarios[b])) {
        ++unfit;
        continue;
      }
      pairs.push_back(arguments.files[a] + "+" + arguments.files[b]);
    }
  }
  return pairs;
}

// What is printed as the jobs end: the table, below each row what was found in it and, once for each
// schedule, the ladder; with --expect only the shortest of each rule, at the end.
class Report {
 public:
  explicit Report(const Arguments& arguments) : arguments_(arguments) {}

  void begin() const {
    if (!arguments_.transcripts) std::fputs(table_head().c_str(), stdout);
  }

  void tell(const Job& job, const JobResult& result) {
    if (!result.problem.empty()) {
      status_ = fail(result.problem);
    } else if (arguments_.transcripts) {
      for (const std::string& one : result.findings.transcripts) fmt::print("{}\n", one);
    } else {
      tell_row(job, result.findings);
    }
    std::fflush(stdout);
  }

  // The status of the command.
  int end() {
    for (const std::string& rule : arguments_.expected) {
      const auto found = shortest_.find(rule);
      if (found == shortest_.end()) {
        fmt::print("  {:<7} NOT FOUND\n", rule);
        if (status_ == 0) status_ = 1;
        continue;
      }
      fmt::print("{}", found->second.text);
      tell_ladder(found->second.again);
    }
    return status_;
  }

 private:
  struct Told {
    std::size_t steps = 0;
    std::string text;
    std::string again;  // What replays it.
  };

  void tell_row(const Job& job, const Findings& findings) {
    fmt::print("{}", table_row(job, findings));
    for (const auto& [rule, find] : findings.finds) {
      const std::string again = job.replay_string(find.schedule);
      if (!find.ladder.empty()) ladders_[again] = find.ladder;
      const auto [at, is_new] = shortest_.try_emplace(rule);
      if (is_new || find.steps < at->second.steps) {
        at->second = {find.steps, table_find(job, rule, find), again};
      }
    }
    if (arguments_.expected.empty()) {
      for (const auto& [rule, find] : findings.finds) fmt::print("{}", table_find(job, rule, find));
      for (const auto& [rule, find] : findings.finds) {
        if (!job.is_audit) tell_ladder(job.replay_string(find.schedule));
      }
    }
    if (job.is_audit) fmt::print("{}", audit_text(job, findings));
    const bool is_well = findings.violations == 0 && findings.audit_finds.empty();
    if (status_ == 0 && !is_well && arguments_.expected.empty()) status_ = 1;
  }

  void tell_ladder(const std::string& again) {
    const auto found = ladders_.find(again);
    if (found == ladders_.end() || found->second.empty()) return;
    fmt::print("\n{}\n", found->second);
    found->second.clear();
  }

  const Arguments& arguments_;
  std::map<std::string, Told> shortest_;        // By rule.
  std::map<std::string, std::string> ladders_;  // By what replays them; told: empty.
  int status_ = 0;
};

}  // namespace

bool is_command(int argc, char** argv) { return argc > 1 && std::strcmp(argv[1], "explore") == 0; }

int run_command(int argc, char** argv) {
  Arguments arguments;
  const std::string problem = Reader(argc, argv, arguments).read();
  if (!problem.empty()) return fail(problem + "\n" + kUsage);
  if (!arguments.replay.empty()) return replay(arguments);
  if (arguments.mutations) return run_mutants(arguments.job, arguments.files, arguments.cpus);
  if (arguments.self_check) return self_check(arguments);
  std::size_t unfit = 0;
  const auto what = what_to_explore(arguments, unfit);
  if (!what) return fail(what.error() + "\n");
  std::vector<Job> jobs;
  for (const std::string& file : *what) {
    for (const std::string& policy : arguments.policies) {
      jobs.push_back(arguments.job);
      jobs.back().file = file;
      jobs.back().late_2xx = policy;
      jobs.back().shows_progress = arguments.cpus == 1 && isatty(STDERR_FILENO) != 0;
    }
  }
  Report report(arguments);
  report.begin();
  run_jobs(jobs, arguments.cpus, [&](const Job& job, const JobResult& result) { report.tell(job, result); });
  if (arguments.pairs)
    fmt::print("{} pairs, each a call that can be; {} others are none\n", what->size(), unfit);
  return report.end();
}

}  // namespace lockstep::explore
