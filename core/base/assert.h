// assert.h: a broken invariant is our own fault and ends this process, in every build.
// Never on bytes from the wire or on what an operator wrote: those are data (STYLE: errors).
#pragma once

namespace lockstep {

// Prints file, line and condition to stderr and aborts; the supervisor replaces the worker.
[[noreturn]] void assertion_failed(const char* condition, const char* file, int line) noexcept;

}  // namespace lockstep

#define LS_ASSERT(condition)                         \
  (__builtin_expect(static_cast<bool>(condition), 1) \
       ? static_cast<void>(0)                        \
       : ::lockstep::assertion_failed(#condition, __FILE__, __LINE__))
