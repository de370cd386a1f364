// search.cc: the path of the last execution, what of it could have gone otherwise, and where to go on.
#include "core/explore/search.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <random>

namespace lockstep::explore {
namespace {

Actor lowest(ActorMask mask) { return static_cast<Actor>(__builtin_ctz(mask)); }

bool is_lock(const NextStep& step) { return step.point == Point::kOwn || step.point == Point::kLock; }
bool is_unlock(const NextStep& step) { return step.point == Point::kRelease || step.point == Point::kUnlock; }

}  // namespace

std::string schedule_text(const std::vector<PlayedStep>& steps) {
  std::string text;
  const auto is_same = [](const PlayedStep& a, const PlayedStep& b) {
    return a.actor == b.actor && !a.is_death && !b.is_death;
  };
  for (std::size_t i = 0; i < steps.size();) {
    std::size_t end = i + 1;
    while (end < steps.size() && is_same(steps[end], steps[i])) ++end;
    if (!text.empty()) text += '.';
    if (steps[i].is_death) text += 'k';
    text += letter_of(steps[i].actor);
    if (end - i > 1) text += fmt::format("*{}", end - i);
    i = end;
  }
  return text;
}

Result<std::vector<Turn>, std::string> parse_schedule(const std::string& text) {
  std::vector<Turn> schedule;
  const auto wrong = [&text](std::size_t at, const char* expected) {
    return Failure{fmt::format("character {} of the schedule: {} is expected{}", at + 1, expected,
                               at < text.size() ? fmt::format(", not '{}'", text[at]) : "")};
  };
  for (std::size_t at = 0; at < text.size();) {
    const bool is_death = text[at] == 'k';
    if (is_death) ++at;
    const Actor actor = at < text.size() ? actor_of(text[at]) : Actor{0};
    if (actor == 0 || (is_death && actor > kSeatMax)) return wrong(at, "1 to 8, k, n, r or t");
    ++at;
    unsigned count = 1;
    if (at < text.size() && text[at] == '*') {
      const auto [end, error] = std::from_chars(text.data() + at + 1, text.data() + text.size(), count);
      if (error != std::errc() || count == 0 || count > 10000) return wrong(at + 1, "a number");
      at = static_cast<std::size_t>(end - text.data());
    }
    schedule.insert(schedule.end(), count, Turn{actor, is_death});
    if (at < text.size() && text[at] != '.') return wrong(at, "'.'");
    ++at;
  }
  return schedule;
}

Search::Node Search::look() const {
  Node node;
  node.enabled = play_.enabled();
  for (ActorMask rest = node.enabled; rest != 0; rest &= rest - 1) {
    node.next[lowest(rest)] = play_.next(lowest(rest));
  }
  return node;
}

// Who slept before and cannot be told apart from the step sleeps on.
void Search::set_sleep(Node& node, const Node& before) const {
  const NextStep& step = before.next[before.chosen];
  for (ActorMask rest = before.sleep & ~bit_of(before.chosen); rest != 0; rest &= rest - 1) {
    const Actor actor = lowest(rest);
    if (is_independent(before.next[actor], step)) node.sleep |= bit_of(actor);
  }
}

// Goes on with whom it stands at if it can: fewer hand-overs, and schedules that read well.
bool Search::choose(Node& node) const {
  const ActorMask awake = node.enabled & ~node.sleep;
  if (awake == 0) return false;
  const Actor last = path_.empty() ? Actor{0} : path_.back().chosen;
  node.chosen = last != 0 && (awake & bit_of(last)) != 0 ? last : lowest(awake);
  node.backtrack = reduction_ == Reduction::kSleepSets ? node.enabled : bit_of(node.chosen);
  return true;
}

std::string Search::execute() {
  if (std::string problem = play_.begin(); !problem.empty()) return problem;
  ++figures_.executions;
  for (std::size_t at = 0; at < replay_; ++at) {
    const Node& node = path_[at];
    const NextStep& now = play_.next(node.chosen);
    const NextStep& then = node.next[node.chosen];
    if (play_.enabled() != node.enabled || now.point != then.point || now.resource != then.resource) {
      return fmt::format(
          "step {}: the same beginning has led elsewhere: {} before '{}' at {:#x}, then '{}' at {:#x}; who "
          "can "
          "go: {:#x}, then {:#x}; {}",
          at + 1, letter_of(node.chosen), name_of(now.point), now.resource, name_of(then.point),
          then.resource, play_.enabled(), node.enabled,
          play_.problem().empty() ? "no problem" : play_.problem());
    }
    if (!play_.step(node.chosen)) return {};
  }
  path_.resize(replay_);
  while (!play_.is_over()) {
    Node node = look();
    if (!path_.empty()) set_sleep(node, path_.back());
    if (!choose(node)) break;
    path_.push_back(node);
    if (!play_.step(node.chosen)) break;
  }
  return {};
}

// Its clock: all steps that must come before it. `races`: earlier steps of others that touch the same, with
// nothing in between that orders the two.
void Search::note_order(std::size_t at, std::vector<std::uint32_t>& races) {
  Node& node = path_[at];
  const NextStep& step = node.next[node.chosen];
  std::uint32_t seen[kActorMax] = {};  // For the races of a lock: what unlocks is not among them.
  std::fill(std::begin(node.clock), std::end(node.clock), 0u);
  const auto join = [](std::uint32_t(&into)[kActorMax], const std::uint32_t(&from)[kActorMax]) {
    for (std::size_t i = 0; i < kActorMax; ++i) into[i] = std::max(into[i], from[i]);
  };
  node.number = 1;
  for (std::size_t i = at; i-- > 0;) {
    if (path_[i].chosen != node.chosen) continue;
    join(node.clock, path_[i].clock);
    join(seen, path_[i].clock);
    node.number = path_[i].number + 1;
    break;
  }
  for (std::size_t i = at; i-- > 0;) {
    const Node& earlier = path_[i];
    if (earlier.chosen == node.chosen || is_independent(earlier.next[earlier.chosen], step)) continue;
    const bool unlocks = is_lock(step) && is_unlock(earlier.next[earlier.chosen]);
    if (!unlocks && seen[earlier.chosen] < earlier.number) races.push_back(static_cast<std::uint32_t>(i));
    if (!unlocks) join(seen, earlier.clock);
    join(node.clock, earlier.clock);
  }
  node.clock[node.chosen] = node.number;
}

bool Search::come_before(std::size_t first, std::size_t second) const {
  return path_[second].clock[path_[first].chosen] >= path_[first].number;
}

// Of what comes after `first` and does not need it, up to `second`: whose step could come first.
ActorMask Search::initials(std::size_t first, std::size_t second) const {
  ActorMask found = 0;
  ActorMask met = 0;
  std::vector<std::size_t> others;
  for (std::size_t i = first + 1; i <= second; ++i) {
    if (i != second && come_before(first, i)) continue;
    const bool is_first_of_actor = (met & bit_of(path_[i].chosen)) == 0;
    met |= bit_of(path_[i].chosen);
    bool needs_other = false;
    for (const std::size_t other : others) needs_other = needs_other || come_before(other, i);
    if (is_first_of_actor && !needs_other) found |= bit_of(path_[i].chosen);
    others.push_back(i);
  }
  return found;
}

void Search::add_race(std::size_t first, std::size_t second) {
  Node& node = path_[first];
  const ActorMask possible = initials(first, second) & node.enabled;
  if (possible == 0) {
    node.backtrack |= node.enabled;  // Not to be expected; then everything is tried.
    return;
  }
  if ((possible & node.backtrack) != 0) return;
  const ActorMask own = bit_of(path_[second].chosen);
  node.backtrack |= (possible & own) != 0 ? own : bit_of(lowest(possible));
}

void Search::add_races(std::size_t from) {
  std::vector<std::uint32_t> races;
  for (std::size_t at = 0; at < path_.size(); ++at) {
    if (at + 1 < from) continue;  // Its clock stands since an earlier execution, and so do its races.
    races.clear();
    note_order(at, races);
    for (const std::uint32_t first : races) add_race(first, at);
  }
}

// To the deepest place at which something is left to try.
bool Search::backtrack() {
  while (!path_.empty()) {
    Node& node = path_.back();
    node.sleep |= bit_of(node.chosen);
    const ActorMask left = node.backtrack & node.enabled & ~node.sleep;
    if (left != 0) {
      node.chosen = lowest(left);
      replay_ = path_.size();
      return true;
    }
    path_.pop_back();
  }
  return false;
}

std::size_t Search::open_places() const {
  std::size_t count = 0;
  for (const Node& node : path_) {
    if ((node.backtrack & node.enabled & ~node.sleep & ~bit_of(node.chosen)) != 0) ++count;
  }
  return count;
}

std::string Search::run(std::uint64_t most_executions) {
  path_.clear();
  replay_ = 0;
  for (;;) {
    const std::size_t from = replay_;
    if (std::string problem = execute(); !problem.empty()) return problem;
    figures_.steps += path_.size();
    if (play_.is_over()) {
      ++figures_.traces;
      if (!on_trace_()) return {};
    } else {
      play_.abandon();
    }
    if (reduction_ == Reduction::kSourceDpor) add_races(from);
    if (!backtrack()) {
      is_complete_ = true;
      return {};
    }
    if (figures_.executions >= most_executions) return {};
  }
}

std::string Search::run_pct(std::uint64_t seed, unsigned depth, std::uint64_t executions) {
  replay_ = 0;
  std::mt19937_64 random(seed);
  std::size_t length = 100;  // Of the longest execution so far.
  for (std::uint64_t i = 0; i < executions; ++i) {
    if (std::string problem = play_.begin(); !problem.empty()) return problem;
    ++figures_.executions;
    std::uint64_t priority[kActorMax];
    for (std::uint64_t& one : priority) one = depth + random() % 1000000;
    std::vector<std::size_t> changes;
    for (unsigned change = 1; change < depth; ++change) changes.push_back(random() % length);
    std::size_t at = 0;
    for (; !play_.is_over(); ++at) {
      Actor best = lowest(play_.enabled());
      for (ActorMask rest = play_.enabled(); rest != 0; rest &= rest - 1) {
        if (priority[lowest(rest)] > priority[best]) best = lowest(rest);
      }
      for (unsigned change = 0; change < changes.size(); ++change) {
        if (changes[change] == at) priority[best] = change;
      }
      if (!play_.step(best)) break;
    }
    length = std::max(length, at);
    figures_.steps += at;
    ++figures_.traces;
    if (!on_trace_()) return {};
  }
  return {};
}

std::string Search::run_one(const std::vector<Turn>& schedule) {
  if (std::string problem = play_.begin(); !problem.empty()) return problem;
  ++figures_.executions;
  for (std::size_t at = 0; at < schedule.size() && play_.problem().empty(); ++at) {
    const Actor actor = schedule[at].actor;
    const bool can = schedule[at].is_death ? actor <= play_.testbed().worker_count()
                                           : (play_.enabled() & bit_of(actor)) != 0;
    if (!can) {
      return fmt::format("step {}: '{}' cannot go on here{}", at + 1, letter_of(actor),
                         play_.is_over() ? ": the execution is over" : "");
    }
    static_cast<void>(schedule[at].is_death ? play_.kill(actor) : play_.step(actor));
  }
  if (!play_.is_over()) {
    return fmt::format("after step {}: the schedule is over and the execution is not", schedule.size());
  }
  ++figures_.traces;
  figures_.steps += schedule.size();
  on_trace_();
  return {};
}

}  // namespace lockstep::explore
