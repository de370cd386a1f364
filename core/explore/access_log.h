// access_log.h: what a worker has touched of the segment between two points, byte by byte. Only a build whose
// objects are instrumented can tell (`make audit`): test/explore/audit/runtime.cc fills it in the worker,
// Auditor reads it in the explorer.
#pragma once

#include <cstddef>
#include <cstdint>

namespace lockstep::explore {

inline constexpr std::size_t kGranuleBytes = 8;
inline constexpr std::size_t kAccessMax = 1 << 16;  // Granules that one step touches.

// Eight bytes of the segment, and which of them were read and written; the first of each is named.
struct Access {
  std::uint32_t granule;
  std::uint8_t reads;  // A bit a byte.
  std::uint8_t writes;
  std::uint64_t reader;  // Return addresses.
  std::uint64_t writer;
};

// Shared by the explorer and one worker; only one of the two runs at a time.
struct AccessLog {
  std::uint32_t is_on;
  std::uint32_t epoch;  // Raised with each step: what was noted before it is not known any more.
  std::uint32_t count;
  std::uint32_t is_full;
  std::uint64_t total;  // Accesses, each counted.
  Access accesses[kAccessMax];
};

}  // namespace lockstep::explore

// Notes what this process touches of `bytes` from `base` on. nullptr: this build is not instrumented.
extern "C" __attribute__((weak)) void lockstep_watch_accesses(lockstep::explore::AccessLog* log,
                                                              const char* base, std::size_t bytes);
