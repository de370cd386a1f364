// audit.h: whether the points tell the truth. The reduction believes what each step declares that it touches;
// the auditor sees what it touched (access_log.h) and reports every two accesses to the same byte, one of
// them a write, by different workers, that no declaration puts in an order. Also: the same prefix of a
// schedule must lead to the same bytes in the segment;
// and two steps that nothing orders, played the other way round, to the same end.
#pragma once

#include <map>
#include <optional>
#include <random>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/explore/access_log.h"
#include "core/explore/play_step.h"
#include "core/explore/testbed.h"

namespace lockstep::explore {

struct AuditFind {
  std::string text;
  std::string schedule;
  std::uint64_t times = 0;
};

struct AuditFigures {
  std::uint64_t accesses = 0;
  std::uint64_t granules = 0;   // Eight bytes, once a step.
  std::uint64_t conflicts = 0;  // Pairs with a common byte and a write, most of them ordered.
  std::uint64_t swaps = 0;      // Executions with two steps the other way round.
  std::uint64_t prefixes = 0;   // Compared with the same prefix of an earlier execution.
};

struct SwapCheck {
  std::vector<Actor> schedule;
  std::pair<std::size_t, std::size_t> pair;
};

class Auditor {
 public:
  explicit Auditor(Testbed& testbed);
  // Whether the workers of this build tell what they touch.
  static bool is_built() { return lockstep_watch_accesses != nullptr; }

  // To show that the audit can fail: as if steps of this kind declared nothing.
  void leave_out(Point point) { left_out_ = point; }

  // Recording begins; `started` workers stand before their first step afterwards.
  void begin();
  // The first steps stand before the workers.
  void note_start();
  // A step has been made.
  void note_step(const PlayedStep& step);
  // Of the execution that began last; `steps` name its schedule.
  void end(const std::vector<PlayedStep>& steps);

  // After an execution: two of its steps that nothing orders, preferably two that met in what is benign, and
  // the schedule that has them the other way round.
  std::optional<SwapCheck> next_swap();
  // What that has changed; empty: nothing.
  void judge_swap(const SwapCheck& check, const std::vector<PlayedStep>& steps,
                  const std::string& difference);

  const std::map<std::string, AuditFind>& finds() const { return finds_; }
  const std::map<std::string, std::uint64_t>& benign() const { return benign_; }
  const AuditFigures& figures() const { return figures_; }

 private:
  // A step, or what a worker did in another's step: that one had woken it.
  struct Moment {
    Actor actor = 0;
    NextStep what;
    bool is_start = false;  // Before the worker's first step.
    bool is_step = false;
    std::size_t step = 0;
    std::uint32_t number = 0;             // Among its actor's, from 1.
    std::uint32_t clock[kActorMax] = {};  // How many moments of each come before it or are it.
  };
  struct Touch {
    std::uint32_t moment;
    std::uint32_t next;  // Of the same granule; 0: none.
    Access access;
  };

  bool are_ordered_by_declaration(const NextStep& a, const NextStep& b) const;
  std::size_t add_moment(Actor actor, const NextStep& what, std::optional<std::size_t> after);
  void take_log(Actor worker, std::size_t moment);
  void compare(const Touch& earlier, const Touch& later);
  void report(const Touch& earlier, const Touch& later, unsigned bytes);
  std::vector<Actor> swapped(std::size_t first, std::size_t second) const;
  bool come_before(std::size_t first, std::size_t second) const;
  void check_prefix(const PlayedStep& step);
  const std::string& source_of(std::uint64_t address);
  std::string word_of(const Moment& moment) const;

  Testbed& testbed_;
  std::optional<Point> left_out_;
  std::vector<Moment> moments_;
  std::vector<std::uint32_t> heads_;  // By granule: the last touch; 0: none.
  std::vector<Touch> touches_;
  std::size_t steps_ = 0;
  std::vector<std::size_t> moment_of_;                              // Of each step.
  std::optional<std::pair<std::size_t, std::size_t>> benign_pair_;  // Steps that met in what is benign.
  std::mt19937 random_{1};
  std::uint64_t prefix_ = 0;
  std::unordered_map<std::uint64_t, std::uint64_t> hashes_;  // Of the segment, by prefix.
  std::map<std::string, AuditFind> finds_;
  std::map<std::string, std::uint64_t> benign_;  // By reason.
  std::vector<std::string> open_;                // Found in this execution for the first time.
  std::unordered_map<std::uint64_t, std::string> sources_;
  AuditFigures figures_;
};

}  // namespace lockstep::explore
