// scenario_pair.h: two scenarios as one: what one may break, and what the other may, in the same call.
#pragma once

#include <string>

#include "core/explore/scenario.h"

namespace lockstep::explore {

// Both setups, and both races at once: what only `b` has comes to a worker of its own. Error: why that is no
// call that can be.
Result<Scenario, std::string> pair_of(const Scenario& a, const Scenario& b);

// "FILE" or "FILE+FILE". Error: as of read_scenario() and pair_of().
Result<Scenario, std::string> read_scenarios(const std::string& files);

}  // namespace lockstep::explore
