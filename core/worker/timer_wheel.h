// timer_wheel.h: when which transaction must be looked at. Private to its worker: after a death the
// replacement rebuilds it from the transactions themselves, which remember what they wait for, so
// nothing here has to survive. Resolution 10 ms; firing a little late is allowed, early is not.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace lockstep::worker {

struct WheelItem {
  std::uint64_t at_ms = 0;
  std::uint32_t entry = 0;
  std::uint32_t transaction = 0;
  std::uint32_t generation = 0;
};

class TimerWheel {
 public:
  static constexpr std::uint64_t kTickMs = 10;

  // Starts at `now_ms`.
  explicit TimerWheel(std::uint64_t now_ms);
  void add(const WheelItem& item);
  std::size_t size() const { return size_; }

  // Calls `fire(item)` for all that are due at `now_ms`, oldest tick first. `fire` returns false to
  // be called again for it at the next tick.
  template <typename Fire>
  void advance(std::uint64_t now_ms, Fire fire) {
    const std::uint64_t last = now_ms / kTickMs;
    for (; next_tick_ < last; ++next_tick_) {
      Bucket& bucket = buckets_[next_tick_ % kBuckets];
      if (bucket.first == kNone) continue;
      std::uint32_t at = bucket.first;
      bucket.first = kNone;
      while (at != kNone) {
        const std::uint32_t next = nodes_[at].next;
        const WheelItem item = nodes_[at].item;
        if (nodes_[at].tick > next_tick_) {  // A later round of the wheel.
          nodes_[at].next = bucket.first;
          bucket.first = at;
        } else {
          release(at);
          if (!fire(item)) insert(item, next_tick_ + 1);
        }
        at = next;
      }
      note(next_tick_ % kBuckets);
    }
  }

  // When advance() has something to do at the earliest; the far future if nothing is pending.
  std::uint64_t next_due_ms() const;

 private:
  static constexpr std::size_t kBuckets = 4096;
  static constexpr std::uint32_t kNone = 0xffffffff;
  struct Bucket {
    std::uint32_t first = kNone;
  };
  struct Node {
    WheelItem item;
    std::uint64_t tick = 0;
    std::uint32_t next = kNone;
  };

  void insert(const WheelItem& item, std::uint64_t tick);
  void release(std::uint32_t at);
  // Keeps `filled_` true for the bucket.
  void note(std::size_t bucket);

  std::vector<Bucket> buckets_;
  std::array<std::uint64_t, kBuckets / 64> filled_{};  // A bit a bucket: there is something in it.
  std::vector<Node> nodes_;                            // Grows to the most timers ever pending, then no more.
  std::uint32_t free_ = kNone;
  std::uint64_t next_tick_;
  std::size_t size_ = 0;
};

}  // namespace lockstep::worker
