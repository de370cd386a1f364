// explorer.h: one scenario under one set of policies, explored: every order, each judged; and one order
// shown.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/explore/audit.h"
#include "core/explore/judge.h"
#include "core/explore/search.h"

namespace lockstep::explore {

struct Job {
  std::string file;  // Of the scenario; FILE+FILE: both at once (scenario_pair.h).
  std::string ordering = "strict";
  std::string late_2xx = "forward";
  std::string cancelled_2xx = "forward";
  std::vector<std::string> module_dirs;
  unsigned workers = 0;   // More than the scenario has; 0: as many.
  unsigned branches = 0;  // The same.
  Reduction reduction = Reduction::kSourceDpor;
  std::uint64_t most_executions = 2'000'000;
  bool is_crash = false;
  bool is_pct = false;
  std::uint64_t pct_seed = 0;
  unsigned pct_depth = 3;
  std::uint64_t pct_executions = 10000;
  // What was not explored to its end gets as many random orders as it had executions.
  bool goes_on_at_random = false;
  int cpu = 0;
  bool shows_progress = false;
  std::string mutation;   // Done wrongly; empty: nothing.
  std::string stop_at;    // The rule whose breach ends the search; empty: none.
  bool is_audit = false;  // In an instrumented build: audit.h.
  std::string left_out;   // A point whose declaration the audit is to forget: it must find that.

  // "FILE,ORDERING,LATE,CANCELLED,SCHEDULE": for --replay.
  std::string replay_string(const std::string& schedule) const;
  // " --branches 3" and the like: what must be said beside it.
  std::string replay_options() const;
};

// What breaks a rule, in the shortest schedule that was seen.
struct Find {
  std::string text;
  std::string schedule;
  std::size_t steps = 0;
  std::string wire;
  std::string ladder;  // Empty: another find has the same schedule.
};

struct Findings {
  SearchFigures figures;
  std::uint64_t kills = 0;
  std::uint64_t random = 0;         // Executions of random order, where not all orders were tried.
  std::uint64_t checked_twice = 0;  // Executions that were run again and gave the same arena.
  double seconds = 0;
  bool is_complete = false;
  std::set<std::string> transcripts;
  std::map<std::string, Find> finds;  // By rule.
  std::uint64_t violations = 0;       // Executions with any.
  AuditFigures audit;
  std::map<std::string, AuditFind> audit_finds;       // By field and the two points.
  std::map<std::string, std::uint64_t> audit_benign;  // By field and reason.
};

// Error: ready to print.
Result<Findings, std::string> explore(const Job& job);
// One order: its wire, its ladder, and what it breaks.
struct Shown {
  std::string text;
  bool is_sound = true;
};
Result<Shown, std::string> show(const Job& job, const std::string& schedule, const std::string& html);

}  // namespace lockstep::explore
