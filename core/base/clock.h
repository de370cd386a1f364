// clock.h: the two clocks of the server, in milliseconds. Pure code never reads them: time arrives
// with the event.
#pragma once

#include <cstdint>
#include <ctime>

namespace lockstep {

// CLOCK_MONOTONIC in ms: timers, deadlines. The same in all processes of one machine.
inline std::uint64_t monotonic_ms() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1000 + static_cast<std::uint64_t>(now.tv_nsec) / 1000000;
}

// CLOCK_MONOTONIC in us: how long something took.
inline std::uint64_t monotonic_us() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1000000 + static_cast<std::uint64_t>(now.tv_nsec) / 1000;
}

// CLOCK_REALTIME in seconds since 1970: registrations' expiry, what people read.
inline std::uint64_t wall_s() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME_COARSE, &now);
  return static_cast<std::uint64_t>(now.tv_sec);
}

// CLOCK_REALTIME in us since 1970: what captures carry.
inline std::uint64_t wall_us() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1000000 + static_cast<std::uint64_t>(now.tv_nsec) / 1000;
}

}  // namespace lockstep
