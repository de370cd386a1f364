// owned_lock.h: a lock that knows its owner, so that the replacement of a dead worker finds it held by
// itself, mends what it guards, and lets go. Guards short, rare steps: slab refills, registrar buckets.
// Never held across a system call or while working a call.
#pragma once

#include <sched.h>

#include <atomic>
#include <cstdint>

#include "core/base/assert.h"
#include "core/base/schedule_point.h"
#include "shm/handle.h"

namespace lockstep::shm {

struct OwnedLock {
  std::atomic<std::uint32_t> owner;  // WorkerId, 0 when free.

  // Waits for a live owner's few instructions, or for a dead owner's replacement (milliseconds).
  void lock(WorkerId me) {
    LS_ASSERT(owner.load(std::memory_order_relaxed) != me.value);
    for (unsigned spins = 0;; ++spins) {
      std::uint32_t nobody = 0;
      if (owner.compare_exchange_weak(nobody, me.value, std::memory_order_acquire)) return;
      if (spins > 100) sched_yield();
    }
  }
  void unlock() { owner.store(0, std::memory_order_release); }
  // Only true for a replacement whose predecessor died inside; it then mends and unlocks.
  bool is_held_by(WorkerId me) const { return owner.load(std::memory_order_acquire) == me.value; }
};

class LockHold {
 public:
  LockHold(OwnedLock& lock, WorkerId me) : lock_(lock) { lock_.lock(me); }
  ~LockHold() { lock_.unlock(); }
  LockHold(const LockHold&) = delete;
  LockHold& operator=(const LockHold&) = delete;

 private:
  OwnedLock& lock_;
};

// As LockHold, where further points stand between lock and unlock: both are steps of their own that name the
// lock, so that a stepped worker is not let into a spin, and what is guarded is ordered by these two.
class SteppedHold {
 public:
  SteppedHold(OwnedLock& lock, WorkerId me) : lock_(lock) {
    reach(Point::kLock, resource_of(&lock));
    lock_.lock(me);
  }
  ~SteppedHold() { let_go(lock_); }
  SteppedHold(const SteppedHold&) = delete;
  SteppedHold& operator=(const SteppedHold&) = delete;

  // By the replacement of a worker that died inside, once it has mended.
  static void let_go(OwnedLock& lock) {
    reach(Point::kUnlock, resource_of(&lock));
    lock.unlock();
  }

 private:
  OwnedLock& lock_;
};

}  // namespace lockstep::shm
