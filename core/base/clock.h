// clock.h: the two clocks of the server. Pure code never reads them: time arrives with the event.
// An explorer stops both: then they show what it has set (set_virtual_clock).
#pragma once

#include <cstdint>
#include <ctime>

namespace lockstep {

namespace detail {
extern const volatile std::uint64_t* virtual_us;  // nullptr: time is real.
inline std::uint64_t read_us(clockid_t clock) {
  if (virtual_us != nullptr) [[unlikely]]
    return *virtual_us;
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1000000 + static_cast<std::uint64_t>(now.tv_nsec) / 1000;
}
}  // namespace detail

// From now on both clocks of this process, and of those it forks, show `*us`; nullptr: real time.
void set_virtual_clock(const volatile std::uint64_t* us);

// CLOCK_MONOTONIC in ms: timers, deadlines. The same in all processes of one machine.
inline std::uint64_t monotonic_ms() { return detail::read_us(CLOCK_MONOTONIC) / 1000; }

// CLOCK_MONOTONIC in us: how long something took.
inline std::uint64_t monotonic_us() { return detail::read_us(CLOCK_MONOTONIC); }

// CLOCK_REALTIME in seconds since 1970: registrations' expiry, what people read.
inline std::uint64_t wall_s() { return detail::read_us(CLOCK_REALTIME_COARSE) / 1000000; }

// CLOCK_REALTIME in us since 1970: what captures carry.
inline std::uint64_t wall_us() { return detail::read_us(CLOCK_REALTIME); }

}  // namespace lockstep
