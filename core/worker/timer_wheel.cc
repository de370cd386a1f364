#include "core/worker/timer_wheel.h"

#include <algorithm>

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
  ++size_;
}

void TimerWheel::release(std::uint32_t at) {
  nodes_[at].next = free_;
  free_ = at;
  --size_;
}

}  // namespace lockstep::worker
