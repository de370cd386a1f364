// clock.cc: the virtual clock.
#include "core/base/clock.h"

namespace lockstep {

namespace detail {
constinit const volatile std::uint64_t* virtual_us = nullptr;
}

void set_virtual_clock(const volatile std::uint64_t* us) { detail::virtual_us = us; }

}  // namespace lockstep
