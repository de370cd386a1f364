// run_queue.h: owned work that waits for any worker. One busy peer address reaches one worker's socket
// only; what that worker cannot work at once, idle ones take from here (DESIGN 5.2).
//
// The truth is the owner field of the entry: kQueued. The queue is a hint where such entries are; an
// index that stands in it twice, or no longer means anything, is harmless, because taking an entry is the
// compare-and-swap of its owner. So a death anywhere is mended by queueing what is kQueued once more.
#pragma once

#include <atomic>
#include <cstdint>

#include "shm/handle.h"
#include "shm/owned_lock.h"

namespace lockstep::shm {

inline constexpr WorkerId kQueued{255};
inline constexpr std::uint32_t kRunQueueMax = 8192;

struct alignas(64) RunQueue {
  OwnedLock lock;  // Guards the rest.
  std::uint32_t first;
  std::atomic<std::uint32_t> count;  // Read without the lock as a hint.
  std::uint32_t entries[kRunQueueMax];

  // False when it is full: the entry stays with its worker.
  bool try_push(std::uint32_t entry, WorkerId me) {
    LockHold hold(lock, me);
    const std::uint32_t waiting = count.load(std::memory_order_relaxed);
    if (waiting == kRunQueueMax) return false;
    entries[(first + waiting) % kRunQueueMax] = entry;
    count.store(waiting + 1, std::memory_order_release);
    return true;
  }
  bool try_pop(std::uint32_t& entry, WorkerId me) {
    if (count.load(std::memory_order_acquire) == 0) return false;
    LockHold hold(lock, me);
    const std::uint32_t waiting = count.load(std::memory_order_relaxed);
    if (waiting == 0) return false;
    entry = entries[first];
    first = (first + 1) % kRunQueueMax;
    count.store(waiting - 1, std::memory_order_release);
    return true;
  }
  // The replacement of a worker that died inside: whatever stands between first and count is a hint anyway.
  void recover(WorkerId me) {
    if (!lock.is_held_by(me)) return;
    first %= kRunQueueMax;
    if (count.load(std::memory_order_relaxed) > kRunQueueMax) count.store(0, std::memory_order_relaxed);
    lock.unlock();
  }
};

}  // namespace lockstep::shm
