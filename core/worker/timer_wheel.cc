#include "core/worker/timer_wheel.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace lockstep::worker {

TimerWheel::TimerWheel(std::uint64_t now_ms) : buckets_(kBuckets), next_tick_(now_ms / kTickMs) {
  nodes_.reserve(4096);
}

// A deadline inside a tick belongs to that tick, which fires when it is over.
void TimerWheel::add(const WheelItem& item) { insert(item, std::max(item.at_ms / kTickMs, next_tick_)); }

void TimerWheel::insert(const WheelItem& item, std::uint64_t tick) {
  std::uint32_t at = free_;
  if (at != kNone) {
    free_ = nodes_[at].next;
  } else {
    at = static_cast<std::uint32_t>(nodes_.size());
    nodes_.emplace_back();
  }
  nodes_[at] = Node{item, tick, buckets_[tick % kBuckets].first};
  buckets_[tick % kBuckets].first = at;
  note(tick % kBuckets);
  ++size_;
}

void TimerWheel::release(std::uint32_t at) {
  nodes_[at].next = free_;
  free_ = at;
  --size_;
}

void TimerWheel::note(std::size_t bucket) {
  const std::uint64_t bit = std::uint64_t{1} << bucket % 64;
  std::uint64_t& word = filled_[bucket / 64];
  word = buckets_[bucket].first == kNone ? word & ~bit : word | bit;
}

// One round of the wheel, from the next tick on: the rest of its word first, that word's beginning last.
std::uint64_t TimerWheel::next_due_ms() const {
  if (size_ == 0) return std::numeric_limits<std::uint64_t>::max();
  const std::size_t start = next_tick_ % kBuckets;
  for (std::size_t step = 0; step <= filled_.size(); ++step) {
    const std::size_t at = (start / 64 + step) % filled_.size();
    std::uint64_t word = filled_[at];
    if (step == 0) word &= ~std::uint64_t{0} << start % 64;
    if (word == 0) continue;
    const std::size_t bucket = at * 64 + static_cast<std::size_t>(std::countr_zero(word));
    return (next_tick_ + (bucket + kBuckets - start) % kBuckets + 1) * kTickMs;
  }
  return std::numeric_limits<std::uint64_t>::max();
}

}  // namespace lockstep::worker
