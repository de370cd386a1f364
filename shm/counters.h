// counters.h: statistics that cost one addition: each worker adds to its own cache lines, readers sum.
// Names are given once, before the fork; the number of a name is its place.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "shm/handle.h"

namespace lockstep::shm {

struct CounterId {
  std::uint16_t value = 0;
};

inline constexpr std::size_t kCounterMax = 512;

struct alignas(64) CounterBlock {
  // Written by one worker, read by all: plain addition on an atomic, no locked instruction.
  std::atomic<std::uint64_t> values[kCounterMax];

  void add(CounterId id, std::uint64_t amount = 1) {
    values[id.value].store(values[id.value].load(std::memory_order_relaxed) + amount,
                           std::memory_order_relaxed);
  }
};

// The names: private memory, filled before the fork, the same in every process after it.
class CounterNames {
 public:
  struct Name {
    std::string group;
    std::string name;
    std::string doc;
  };
  // The counter of that name; the same one when asked twice. REQUIRES: fewer than kCounterMax names.
  CounterId add(std::string_view group, std::string_view name, std::string_view doc);
  const std::vector<Name>& all() const { return names_; }

 private:
  std::vector<Name> names_;
};

}  // namespace lockstep::shm
