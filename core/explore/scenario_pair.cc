// scenario_pair.cc: two scenarios as one.
#include "core/explore/scenario_pair.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>

namespace lockstep::explore {
namespace {

using What = ScenarioDatagram::What;

std::size_t count_of(const std::vector<Arrival>& arrivals, const ScenarioDatagram& datagram) {
  return static_cast<std::size_t>(std::count_if(arrivals.begin(), arrivals.end(), [&](const Arrival& one) {
    return one.datagram.text() == datagram.text();
  }));
}

std::size_t count_of(const std::vector<ScenarioDatagram>& datagrams, const ScenarioDatagram& datagram) {
  return static_cast<std::size_t>(
      std::count_if(datagrams.begin(), datagrams.end(),
                    [&](const ScenarioDatagram& one) { return one.text() == datagram.text(); }));
}

// Those of `more` that `to` has fewer of, behind the others.
void add_missing(std::vector<Arrival>& to, const std::vector<Arrival>& more, unsigned worker) {
  for (const Arrival& one : more) {
    if (count_of(to, one.datagram) < count_of(more, one.datagram)) to.push_back({worker, one.datagram});
  }
}

// What races in the pair has not happened before it, unless it is a repetition in its own scenario already.
void add_setup(Scenario& pair, const Scenario& from) {
  for (const ScenarioDatagram& one : from.setup) {
    const bool repeats = count_of(from.race, one) + count_of(from.arrive, one) != 0;
    if (!repeats && count_of(pair.race, one) + count_of(pair.arrive, one) != 0) continue;
    if (count_of(pair.setup, one) < count_of(from.setup, one)) pair.setup.push_back(one);
  }
}

// A phone answers what it was sent, and gives one final; several dialogs are several 2xx.
std::string impossible(const Scenario& pair) {
  std::map<char, int> finals;
  std::vector<ScenarioDatagram> all = pair.setup;
  for (const Arrival& one : pair.race) all.push_back(one.datagram);
  for (const Arrival& one : pair.arrive) all.push_back(one.datagram);
  const bool is_called = std::any_of(pair.setup.begin(), pair.setup.end(),
                                     [](const ScenarioDatagram& one) { return one.what == What::kInvite; });
  const bool is_cancelled =
      std::any_of(pair.setup.begin(), pair.setup.end(), [](const ScenarioDatagram& one) {
        return one.what == What::kCancel || (one.what == What::kResponse && one.status >= 200);
      });
  for (const ScenarioDatagram& one : all) {
    if (!is_called && one.branch != 0) return fmt::format("{} was not called by then", one.branch);
    if (one.what == What::kCancelResponse && !is_cancelled) {
      return fmt::format("{} was not cancelled by then", one.branch);
    }
    if (one.what != What::kResponse || one.status < 200) continue;
    const auto [at, is_new] = finals.try_emplace(one.branch, one.status);
    if (!is_new && at->second != one.status) {
      return fmt::format("{} answers {} and {}", one.branch, at->second, one.status);
    }
  }
  return {};
}

}  // namespace

Result<Scenario, std::string> pair_of(const Scenario& a, const Scenario& b) {
  Scenario pair = a;
  pair.name = a.name + "+" + b.name;
  pair.title = a.title + "; " + b.title;
  pair.branches = std::max(a.branches, b.branches);
  const unsigned another = std::min(a.workers + 1, kWorkerMost);
  add_missing(pair.race, b.race, another);
  add_missing(pair.arrive, b.arrive, another);
  pair.workers = std::max(a.workers, b.workers);
  for (const Arrival& one : pair.race) pair.workers = std::max(pair.workers, one.worker);
  for (const Arrival& one : pair.arrive) pair.workers = std::max(pair.workers, one.worker);
  pair.setup.clear();
  add_setup(pair, a);
  add_setup(pair, b);
  pair.clock_ms.insert(pair.clock_ms.end(), b.clock_ms.begin(), b.clock_ms.end());
  pair.is_memory_full = a.is_memory_full || b.is_memory_full;
  if (a.by_location != b.by_location) return Failure{std::string("one is routed by registrations")};
  if (a.has_rpc && b.has_rpc && a.rpc_branch != b.rpc_branch) return Failure{std::string("two commands")};
  pair.has_rpc = a.has_rpc || b.has_rpc;
  pair.rpc_branch = a.has_rpc ? a.rpc_branch : b.rpc_branch;
  pair.failure = std::max(a.failure, b.failure);
  if (pair.failure != 0) pair.failure = std::max(pair.failure, static_cast<char>('A' + pair.branches));
  if (const std::string problem = impossible(pair); !problem.empty()) return Failure{problem};
  return pair;
}

Result<Scenario, std::string> read_scenarios(const std::string& files) {
  const std::size_t plus = files.find('+');
  if (plus == std::string::npos) return read_scenario(files);
  const auto a = read_scenario(files.substr(0, plus));
  if (!a) return a;
  const auto b = read_scenario(files.substr(plus + 1));
  if (!b) return b;
  auto pair = pair_of(*a, *b);
  if (!pair) return Failure{fmt::format("{}: {}", files, pair.error())};
  return pair;
}

}  // namespace lockstep::explore
