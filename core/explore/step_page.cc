// step_page.cc: futex hand-over between explorer and worker.
#include "core/explore/step_page.h"

#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <new>

#include "core/base/assert.h"

namespace lockstep::explore {
namespace {

constexpr std::uint32_t kExplorers = 0;
constexpr std::uint32_t kWorkers = 1;

StepPage* page = nullptr;  // Of this worker.
Seat* own = nullptr;

long futex(std::atomic<std::uint32_t>& word, int operation, std::uint32_t value, const timespec* patience) {
  return syscall(SYS_futex, &word, operation, value, patience, nullptr, 0);
}

void pass(std::atomic<std::uint32_t>& word, std::uint32_t to) {
  word.store(to, std::memory_order_release);
  futex(word, FUTEX_WAKE, 1, nullptr);
}

void hand_back(Seat& seat, Standing standing) {
  seat.standing = standing;
  pass(seat.turn, kExplorers);
  while (seat.turn.load(std::memory_order_acquire) != kWorkers) {
    futex(seat.turn, FUTEX_WAIT, kExplorers, nullptr);
  }
}

void stop_at(Point next, PointResource resource) {
  if (page->is_stepped.load(std::memory_order_relaxed) == 0) return;
  own->next = next;
  own->resource = resource;
  hand_back(*own, Standing::kAtPoint);
}

}  // namespace

StepPage* make_step_page() {
  void* const memory =
      mmap(nullptr, sizeof(StepPage), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  LS_ASSERT(memory != MAP_FAILED);
  return new (memory) StepPage();
}

Command next_command(Seat& seat) {
  hand_back(seat, Standing::kIdle);
  return seat.command;
}

void install_stepping(StepPage& shared, std::size_t seat) {
  page = &shared;
  own = &shared.seats[seat];
  arm_points(stop_at);
}

bool hand_over(Seat& seat, unsigned patience_ms) {
  pass(seat.turn, kWorkers);
  const timespec patience{patience_ms / 1000, static_cast<long>(patience_ms % 1000) * 1000000};
  while (seat.turn.load(std::memory_order_acquire) != kExplorers) {
    if (futex(seat.turn, FUTEX_WAIT, kWorkers, &patience) != 0 && errno == ETIMEDOUT) return false;
  }
  return true;
}

}  // namespace lockstep::explore
