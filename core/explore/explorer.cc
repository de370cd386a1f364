// explorer.cc: a testbed for the job, the search over it, and what the judge says.
#include "core/explore/explorer.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <optional>
#include <unordered_map>

#include "core/base/hash.h"
#include "core/explore/mutants.h"
#include "core/explore/scenario_pair.h"
#include "core/order/render.h"
#include "core/order/scene.h"

namespace lockstep::explore {
namespace {

constexpr std::uint64_t kCheckEvery = 32;        // One execution of so many is run twice.
constexpr std::uint64_t kSecondDeathEvery = 16;  // One replacement of about eight dies as well,
constexpr unsigned kRecoverySteps = 12;          // within so many steps.
constexpr unsigned kLadderColumns = 100;

transaction::LatePolicy policy_of(const std::string& name) {
  if (name == "terminate") return transaction::LatePolicy::kTerminate;
  return name == "drop" ? transaction::LatePolicy::kDrop : transaction::LatePolicy::kForward;
}

std::string config_of(const Job& job, const Scenario& scenario, const std::string& host) {
  std::string branches;
  std::string module;
  std::string failure;
  if (scenario.by_location) {
    module =
        "loadmodule \"usrloc.so\"\nmodparam(\"usrloc\", \"hash_size\", 4)\nloadmodule \"registrar.so\"\n";
    branches =
        "    if (!lookup(\"location\")) {\n      t_newtran();\n      t_reply(\"404\", \"Not Found\");\n      "
        "exit;\n"
        "    }\n";
  }
  for (unsigned i = 1; i < scenario.branches && !scenario.by_location; ++i) {
    branches += fmt::format("    append_branch(\"sip:{}@{}\");\n", static_cast<char>('a' + i), host);
  }
  if (scenario.failure != 0) {
    branches += "    t_on_failure(\"NEXT\");\n";
    module += "loadmodule \"pv.so\"\n";
    failure = fmt::format("failure_route[NEXT] {{\n  $ru = \"sip:{}@{}\";\n  t_relay();\n}}\n",
                          static_cast<char>(scenario.failure + 32), host);
  }
  return fmt::format(
      "debug=-2\nlog_stderror=yes\nloadmodule \"tm.so\"\n{}modparam(\"tm\", \"ordering\", \"{}\")\n"
      "modparam(\"tm\", \"late_2xx\", \"{}\")\nmodparam(\"tm\", \"cancelled_2xx\", \"{}\")\n"
      "request_route {{\n{}  if (method == \"INVITE\") {{\n{}  }}\n  t_relay();\n}}\n{}",
      module, job.ordering, job.late_2xx, job.cancelled_2xx,
      scenario.by_location ? "  if (method == \"REGISTER\") {\n    save(\"location\");\n    exit;\n  }\n"
                           : "",
      branches, failure);
}

// Everything that a job needs, in the order of its making.
struct Bench {
  explicit Bench(const Job& wanted) : job(wanted) {}

  std::string build() {
    auto read = read_scenarios(job.file);
    if (!read) return read.error() + "\n";
    scenario = *read;
    scenario.branches = std::max(scenario.branches, job.branches);
    if (scenario.failure != 0) {
      scenario.failure = std::max(scenario.failure, static_cast<char>('A' + scenario.branches));
    }
    TestbedOptions options;
    options.config = config_of(job, scenario, peers.host());
    options.module_dirs = job.module_dirs;
    options.workers = std::max(scenario.workers, job.workers);
    options.cpu = job.cpu;
    auto made = Testbed::create(options);
    if (!made) return made.error();
    testbed = std::move(*made);
    play = std::make_unique<Play>(*testbed, peers, scenario);
    judge = std::make_unique<Judge>(
        *play, Policies{policy_of(job.late_2xx), policy_of(job.cancelled_2xx), job.ordering == "strict"});
    return {};
  }

  const Job& job;
  Peers peers;
  Scenario scenario;
  std::unique_ptr<Testbed> testbed;
  std::unique_ptr<Play> play;
  std::unique_ptr<Judge> judge;
};

// What the race put on the wire, "200 A; CANCEL B", and who is registered after it, "bound b a".
std::string race_wire_of(Play& play) {
  std::vector<std::string> labels;
  for (std::size_t i = 0; i < play.race_wire(); ++i) labels.push_back(play.wire()[i].label());
  if (play.scenario().by_location) labels.push_back("bound " + play.testbed().bindings());
  return fmt::format("{}", fmt::join(labels, "; "));
}

// The call of the execution in hand, as `lockstep ladder` shows it; with `html` as a page there.
std::string ladder_of(Play& play, const std::string& html) {
  std::string text;
  const order::Log log = log_of(play);
  for (const order::Call& call : order::calls_of(log)) {
    const order::Scene scene = order::make_scene(log, call);
    text += order::ladder_text(scene, kLadderColumns);
    if (!html.empty()) std::ofstream(html) << order::ladder_page(scene, order::why_text(log, call, scene));
  }
  return text;
}

class Explorer {
 public:
  explicit Explorer(const Job& job) : bench_(job), job_(job) {}

  Result<Findings, std::string> run() {
    if (const std::string problem = bench_.build(); !problem.empty()) return Failure{problem};
    if (const std::string problem = begin_audit(); !problem.empty()) return Failure{problem};
    const auto start = std::chrono::steady_clock::now();
    Search search(*bench_.play, job_.reduction, [this] { return on_trace(); });
    search_ = &search;
    std::string problem = job_.is_pct ? search.run_pct(job_.pct_seed, job_.pct_depth, job_.pct_executions)
                                      : search.run(job_.most_executions);
    if (problem.empty() && job_.goes_on_at_random && !search.is_complete() && !is_caught()) {
      findings_.random = job_.most_executions;
      problem = search.run_pct(job_.pct_seed, job_.pct_depth, findings_.random);
    }
    if (!problem.empty()) return Failure{fmt::format("{}: {}\n", job_.file, problem)};
    end_audit();
    findings_.figures = search.figures();
    findings_.is_complete = search.is_complete();
    if (search.is_complete()) compare_with_the_living();
    draw_ladders();
    findings_.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return findings_;
  }

 private:
  std::string begin_audit() {
    if (!job_.is_audit) return {};
    if (!Auditor::is_built()) return "this build does not tell what it touches; see `make audit`\n";
    auditor_.emplace(*bench_.testbed);
    for (unsigned i = 0; i < kPointCount; ++i) {
      if (job_.left_out == name_of(static_cast<Point>(i))) auditor_->leave_out(static_cast<Point>(i));
    }
    bench_.play->set_audit(&*auditor_);
    return {};
  }

  void end_audit() {
    if (!auditor_) return;
    auditor_->end(bench_.play->steps());
    findings_.audit = auditor_->figures();
    findings_.audit_finds = auditor_->finds();
    findings_.audit_benign = auditor_->benign();
  }

  bool on_trace() {
    Play& play = *bench_.play;
    const std::string wire = race_wire_of(play);
    findings_.transcripts.insert(wire);
    Violations found = bench_.judge->judge_race();
    const std::vector<PlayedStep> steps = play.steps();
    std::optional<SwapCheck> swap;
    const bool is_checked = search_->figures().traces % kCheckEvery == 1;
    ArenaImage image;
    // With a declaration left out what seems unordered is not, and often cannot be played.
    if (auditor_ && job_.left_out.empty()) swap = auditor_->next_swap();
    if (swap || is_checked) image = bench_.testbed->image();
    const std::uint64_t arena = bench_.testbed->hash();
    if (play.problem().empty()) {
      // What comes of equal states is equal.
      auto [known, is_new] = verdicts_.try_emplace(arena ^ hash_bytes(wire, 0));
      if (is_new) {
        known->second = bench_.judge->judge_decisions();
        play.settle();
        known->second.merge(bench_.judge->judge_rest());
      }
      found.insert(known->second.begin(), known->second.end());
    }
    note(found, steps, wire);
    if (job_.is_crash && found.empty()) kill_everywhere(steps);
    if (is_checked) check_again(steps, wire, image);
    if (swap) check_swap(*swap, steps, wire, image);
    progress();
    return !is_caught();
  }

  bool is_caught() const { return !job_.stop_at.empty() && findings_.finds.contains(job_.stop_at); }

  // The same schedule must lead to the same wire and the same bytes in the segment: else something that the
  // points do not name has had a say.
  void check_again(const std::vector<PlayedStep>& steps, const std::string& wire, const ArenaImage& image) {
    Play& play = *bench_.play;
    static_cast<void>(play.begin());
    for (const PlayedStep& step : steps) {
      if ((play.enabled() & bit_of(step.actor)) == 0 || !play.step(step.actor)) break;
    }
    ++findings_.checked_twice;
    std::string difference = bench_.testbed->difference(image);
    if (!play.is_over() || race_wire_of(play) != wire) difference = "the wire is another";
    if (difference.empty()) return;
    note({{"O3", fmt::format("the same schedule has led to another end: {}", difference)}}, steps, wire);
  }

  // Each worker dies wherever it comes to stand anew in this execution; its replacement mends all before
  // anybody else goes on, or when nobody else can. Of the deaths in a recovery some are tried.
  void kill_everywhere(const std::vector<PlayedStep>& steps) {
    for (std::size_t at = search_->known_steps(); at < steps.size() && !is_caught(); ++at) {
      const Actor worker = steps[at].actor;
      if (worker > kSeatMax) continue;
      const bool is_alone = kill_at(steps, at, worker, true, 0);
      if (!is_alone) kill_at(steps, at, worker, false, 0);
      if (findings_.kills % kSecondDeathEvery < 2) {
        kill_at(steps, at, worker, true, 1 + static_cast<unsigned>(findings_.kills) % kRecoverySteps);
      }
    }
  }

  // Whether it stood between the beginning of a decision and its commit.
  static bool was_deciding(const std::vector<PlayedStep>& steps, std::size_t at, Actor worker) {
    for (std::size_t i = at; i-- > 0;) {
      if (steps[i].actor != worker) continue;
      if (steps[i].is_death || steps[i].what.point == Point::kCommit) return false;
      if (steps[i].what.point == Point::kDecide) return true;
    }
    return false;
  }

  // Before step `at`, which would be the worker's; and again after so many steps of its recovery. True:
  // nobody else had anything to do, so that its recovery could only come first.
  bool kill_at(const std::vector<PlayedStep>& steps, std::size_t at, Actor worker, bool is_first,
               unsigned again_after) {
    Play& play = *bench_.play;
    static_cast<void>(play.begin());
    for (std::size_t i = 0; i < at; ++i) static_cast<void>(play.step(steps[i].actor));
    ++findings_.kills;
    bool is_well = play.kill(worker);
    const bool is_alone = is_well && play.is_alone(worker);
    for (unsigned i = 0; i < again_after && is_well && (play.enabled() & bit_of(worker)) != 0; ++i) {
      is_well = play.step(worker);
    }
    if (again_after != 0 && is_well) {
      // An event that two workers have died of is set aside, on purpose: another promise than this one.
      if (was_deciding(steps, at, worker) && was_deciding(play.steps(), play.steps().size(), worker)) {
        play.abandon();
        return is_alone;
      }
      is_well = play.kill(worker);
    }
    if (is_well) static_cast<void>(play.finish(is_first ? worker : Actor{0}, is_first ? Actor{0} : worker));
    const std::string wire = race_wire_of(play);
    const std::vector<PlayedStep> played = play.steps();
    Violations found = bench_.judge->judge_race();
    if (play.problem().empty()) {
      found.merge(bench_.judge->judge_decisions());
      found.merge(bench_.judge->judge_effects());
      play.settle();
      found.merge(bench_.judge->judge_rest());
    }
    after_death_.try_emplace(wire, played);
    note(found, played, wire);
    return is_alone;
  }

  // Of two calls in one worker's hands its replacement may work either first; alone it works them as they
  // came.
  bool has_worker_with_two_calls() const {
    std::map<unsigned, std::set<std::uint32_t>> entries;
    for (const Delivery& one : bench_.play->deliveries()) entries[one.worker].insert(one.entry);
    return std::any_of(entries.begin(), entries.end(), [](const auto& one) { return one.second.size() > 1; });
  }

  // I20: a death changes nothing of what may be seen. Where time goes on it may: a new wheel fires what was
  // due with its next tick.
  void compare_with_the_living() {
    if (!bench_.scenario.clock_ms.empty() || has_worker_with_two_calls()) return;
    for (const auto& [wire, steps] : after_death_) {
      if (findings_.transcripts.contains(wire)) continue;
      note({{"I20", "no order without a death shows this wire"}}, steps, wire);
    }
  }

  void check_swap(const SwapCheck& check, const std::vector<PlayedStep>& steps, const std::string& wire,
                  const ArenaImage& image) {
    Play& play = *bench_.play;
    static_cast<void>(play.begin());
    std::string difference;
    for (const Actor actor : check.schedule) {
      if ((play.enabled() & bit_of(actor)) != 0 && play.step(actor)) continue;
      // The network, clock or operator that is put behind it may be what wakes it: then they are ordered.
      if (steps[check.pair.first].actor > kSeatMax) return;
      difference = fmt::format("'{}' cannot go on after step {}", letter_of(actor), play.steps().size());
      break;
    }
    if (difference.empty() && race_wire_of(play) != wire) difference = "the wire is another";
    if (difference.empty()) difference = bench_.testbed->difference(image);
    auditor_->judge_swap(check, steps, difference);
  }

  void note(const Violations& found, const std::vector<PlayedStep>& steps, const std::string& wire) {
    if (!found.empty()) ++findings_.violations;
    for (const Violation& one : found) {
      auto [at, is_new] = findings_.finds.try_emplace(one.rule);
      if (!is_new && at->second.steps <= steps.size()) continue;
      at->second = {one.text, schedule_text(steps), steps.size(), wire, {}};
    }
  }

  // Of each schedule that was found, once.
  void draw_ladders() {
    Play& play = *bench_.play;
    play.set_audit(nullptr);
    play.set_ticking(true);
    std::set<std::string> drawn;
    for (auto& [rule, find] : findings_.finds) {
      const auto turns = parse_schedule(find.schedule);
      if (!turns || !drawn.insert(find.schedule).second) continue;
      Search again(play, job_.reduction, [&] { return find.ladder = ladder_of(play, {}), true; });
      if (const std::string problem = again.run_one(*turns); !problem.empty()) find.ladder = problem + "\n";
    }
  }

  void progress() {
    if (!job_.shows_progress || search_->figures().executions % 2000 != 0) return;
    const auto now = std::chrono::steady_clock::now();
    const double seconds = std::chrono::duration<double>(now - last_told_).count();
    if (seconds < 1.0) return;
    const std::uint64_t executions = search_->figures().executions;
    fmt::print(stderr, "\r  {} executions, {} traces, {:.0f}/s, {} places open   ", executions,
               search_->figures().traces, static_cast<double>(executions - last_executions_) / seconds,
               search_->open_places());
    last_told_ = now;
    last_executions_ = executions;
  }

  Bench bench_;
  const Job& job_;
  std::optional<Auditor> auditor_;
  Search* search_ = nullptr;
  Findings findings_;
  std::unordered_map<std::uint64_t, Violations> verdicts_;  // Of states after the race.
  std::chrono::steady_clock::time_point last_told_ = std::chrono::steady_clock::now();
  std::uint64_t last_executions_ = 0;
  std::map<std::string, std::vector<PlayedStep>> after_death_;  // By wire.
};

}  // namespace

std::string Job::replay_options() const {
  std::string text;
  if (branches != 0) text += fmt::format(" --branches {}", branches);
  if (workers != 0) text += fmt::format(" --workers {}", workers);
  return text;
}

std::string Job::replay_string(const std::string& schedule) const {
  return fmt::format("{},{},{},{},{}", file, ordering, late_2xx, cancelled_2xx, schedule);
}

Result<Findings, std::string> explore(const Job& job) {
  if (std::string problem = set_mutation(job.mutation); !problem.empty()) return Failure{problem};
  return Explorer(job).run();
}

Result<Shown, std::string> show(const Job& job, const std::string& schedule, const std::string& html) {
  if (std::string problem = set_mutation(job.mutation); !problem.empty()) return Failure{problem};
  Bench bench(job);
  if (std::string problem = bench.build(); !problem.empty()) return Failure{problem};
  const auto actors = parse_schedule(schedule);
  if (!actors) return Failure{actors.error() + "\n"};
  bench.play->set_ticking(true);
  Shown shown;
  std::string unwritten;
  std::string& text = shown.text;
  Search search(*bench.play, job.reduction, [&] {
    Play& play = *bench.play;
    Violations found = bench.judge->judge_race();
    if (play.problem().empty()) found.merge(bench.judge->judge_decisions());
    text += fmt::format("{}, {}, late_2xx {}, cancelled_2xx {}: {} steps\n", bench.scenario.title,
                        job.ordering, job.late_2xx, job.cancelled_2xx, play.steps().size());
    text += "wire: " + race_wire_of(play) + "\n";
    text += ladder_of(play, html);
    if (!html.empty() && !std::ifstream(html)) unwritten = html;
    if (play.problem().empty()) play.settle();
    found.merge(bench.judge->judge_rest());
    text += "\n";
    for (const Violation& one : found) text += fmt::format("{}: {}\n", one.rule, one.text);
    shown.is_sound = found.empty();
    if (found.empty()) text += "no rule is broken\n";
    return true;
  });
  if (std::string problem = search.run_one(*actors); !problem.empty()) return Failure{problem + "\n"};
  if (!unwritten.empty()) return Failure{unwritten + ": cannot be written\n"};
  return shown;
}

}  // namespace lockstep::explore
