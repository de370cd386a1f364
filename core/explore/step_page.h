// step_page.h: what the explorer and the workers that it steps have in common, beside the segment: whose turn
// it is, where each worker stands, the clock, and which pages of the segment were ever written.
// One worker runs at a time, or the explorer: a futex word of each hands the processor over and back.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "core/base/schedule_point.h"

namespace lockstep::explore {

inline constexpr std::size_t kSeatMax = 8;  // Workers, from 1 on.
inline constexpr std::size_t kPageBytes = 4096;
inline constexpr std::size_t kArenaPageMax = 32768;  // 128 MiB.

enum class Standing : std::uint32_t {
  kIdle,     // It waits for a command.
  kAtPoint,  // It waits before the step `next`.
};

enum class Command : std::uint32_t {
  kNone,
  kRenew,    // Begin as a new process does: nothing of an earlier execution is known.
  kTurn,     // One turn: receive, work, fire what is due.
  kHelp,     // Take what lies in the run queue, and work it.
  kRecover,  // As the replacement of a dead worker does, then work what it left.
};

struct alignas(64) Seat {
  std::atomic<std::uint32_t> turn;  // Futex: 0 the explorer's, 1 the worker's.
  Standing standing;
  Command command;
  Point next;
  PointResource resource;
};

struct StepPage {
  volatile std::uint64_t clock_us;
  std::atomic<std::uint32_t> is_stepped;  // 0: points are passed without stopping.
  Seat seats[kSeatMax + 1];               // By WorkerId.
  std::atomic<std::uint8_t> written[kArenaPageMax];
};

// Zeroed and shared with every process forked from now on.
StepPage* make_step_page();

// The worker's side: waits for a command; hands back when it is done.
Command next_command(Seat& seat);
// As a PointHook of the worker in `seat`, once installed.
void install_stepping(StepPage& page, std::size_t seat);

// The explorer's side: lets the worker go on until it stands again. False: it has not come back within
// `patience_ms` (it has died, or waits for something that will not come).
bool hand_over(Seat& seat, unsigned patience_ms);

}  // namespace lockstep::explore
