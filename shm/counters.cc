#include "shm/counters.h"

#include "core/base/assert.h"

namespace lockstep::shm {

CounterId CounterNames::add(std::string_view group, std::string_view name, std::string_view doc) {
  for (std::size_t i = 0; i < names_.size(); ++i) {
    if (names_[i].group == group && names_[i].name == name) return CounterId{static_cast<std::uint16_t>(i)};
  }
  LS_ASSERT(names_.size() < kCounterMax);
  names_.push_back({std::string(group), std::string(name), std::string(doc)});
  return CounterId{static_cast<std::uint16_t>(names_.size() - 1)};
}

}  // namespace lockstep::shm
