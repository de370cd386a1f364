#include "core/base/assert.h"

#include <cstdio>
#include <cstdlib>

namespace lockstep {

void assertion_failed(const char* condition, const char* file, int line) noexcept {
  std::fprintf(stderr, "lockstep: BUG: %s:%d: assertion failed: %s\n", file, line, condition);
  std::abort();
}

}  // namespace lockstep
