// jobs.h: many explorations side by side, each in a process of its own on a processor of its own, and the
// table that tells of them.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/explore/explorer.h"

namespace lockstep::explore {

struct JobResult {
  std::string problem;  // Not empty: it could not be explored.
  Findings findings;
};

// `done` is told of each as it ends, in the order of the jobs, in this process.
void run_jobs(const std::vector<Job>& jobs, unsigned cpus,
              const std::function<void(const Job&, const JobResult&)>& done);

// The table: scenario, policy, traces, executions, executions a second, kills, violations.
std::string table_head();
// "w1" of "FOLDER/w1.scenario", "w1+w7" of two.
std::string name_of_files(const std::string& files);
std::string table_row(const Job& job, const Findings& findings);
// What was found, with its shortest schedule.
std::string table_find(const Job& job, const std::string& rule, const Find& find);
// The figures of an audit, what it passed over, and what it found.
std::string audit_text(const Job& job, const Findings& findings);

}  // namespace lockstep::explore
