// mutants.h: for each invariant, ways to break it that the explorer must catch. Only the binary of
// `make mutants` can break itself (core/base/mutation.h); the shipped one says so.
#pragma once

#include <string>
#include <vector>

#include "core/explore/explorer.h"

namespace lockstep::explore {

// From now on this process, and those it forks, do this one step wrongly; empty: none. What is wrong with
// the name, ready to print; empty: nothing.
std::string set_mutation(const std::string& name);

// Each mutation in its scenario, one of `files`, until its invariant is seen broken; and each of those
// scenarios without a mutation, to its end. Prints a table. 0: all were caught, and nothing was found without
// one; 1: not so; 2: a scenario is missing.
int run_mutants(const Job& base, const std::vector<std::string>& files, unsigned cpus);

}  // namespace lockstep::explore
