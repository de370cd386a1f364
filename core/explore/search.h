// search.h: every order of a scenario's steps that can be told apart, once: source-DPOR with sleep sets
// (Abdulla, Aronis, Jonsson, Sagonas: Optimal dynamic partial order reduction, POPL 2014, algorithm 1),
// stateless: each execution begins anew and follows a prefix of the one before. With sleep sets alone the
// same orders are found with more work: the oracle of the reduction. PCT (Burckhardt and others, ASPLOS 2010)
// for what is too large: random priorities with a few random changes.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/explore/play.h"

namespace lockstep::explore {

enum class Reduction { kSourceDpor, kSleepSets };

struct SearchFigures {
  std::uint64_t traces = 0;      // Complete executions, all different.
  std::uint64_t executions = 0;  // With those that a sleep set cut off.
  std::uint64_t steps = 0;
};

struct Turn {
  Actor actor = 0;
  bool is_death = false;
};
// A schedule as text: actors with repetitions, deaths: "1*5.2*3.k1.1*9.n". And back; error: what was
// expected.
std::string schedule_text(const std::vector<PlayedStep>& steps);
Result<std::vector<Turn>, std::string> parse_schedule(const std::string& text);

class Search {
 public:
  // `on_trace` sees each complete execution; false ends the search.
  using OnTrace = std::function<bool()>;

  Search(Play& play, Reduction reduction, OnTrace on_trace)
      : play_(play), reduction_(reduction), on_trace_(std::move(on_trace)) {}

  // Empty, or why it could not be done (the scenario's fault, or a run that departed from its prefix).
  std::string run(std::uint64_t most_executions);
  // PCT: so many executions from `seed`, each with `depth` - 1 changes of priority.
  std::string run_pct(std::uint64_t seed, unsigned depth, std::uint64_t executions);
  // The one execution. An actor that cannot go is a departure: the step is named.
  std::string run_one(const std::vector<Turn>& schedule);

  // Of the execution in hand: so many steps were played before by another.
  std::size_t known_steps() const { return replay_ == 0 ? 0 : replay_ - 1; }
  const SearchFigures& figures() const { return figures_; }
  // Places at which something is left to try, at this moment.
  std::size_t open_places() const;
  bool is_complete() const { return is_complete_; }

 private:
  // The state before a step, and the step.
  struct Node {
    Actor chosen = 0;
    ActorMask enabled = 0;
    ActorMask sleep = 0;      // Whose next step leads to nothing new.
    ActorMask backtrack = 0;  // Whose next step is to be tried.
    NextStep next[kActorMax];
    std::uint32_t clock[kActorMax] = {};  // Of the step: how many steps of each actor come before or are it.
    std::uint32_t number = 0;             // Of the step among its actor's, from 1.
  };

  std::string execute();
  bool choose(Node& node) const;
  Node look() const;
  void set_sleep(Node& node, const Node& before) const;
  void note_order(std::size_t at, std::vector<std::uint32_t>& races);
  void add_races(std::size_t from);
  void add_race(std::size_t first, std::size_t second);
  ActorMask initials(std::size_t first, std::size_t second) const;
  bool come_before(std::size_t first, std::size_t second) const;
  bool backtrack();

  Play& play_;
  Reduction reduction_;
  OnTrace on_trace_;
  SearchFigures figures_;
  std::vector<Node> path_;
  std::size_t replay_ = 0;  // So many nodes of the path are followed; the last of them has a new choice.
  bool is_complete_ = false;
};

}  // namespace lockstep::explore
