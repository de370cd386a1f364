// play_step.h: who can make a step, and what a step is to the reduction.
#pragma once

#include <cstdint>

#include "core/base/schedule_point.h"
#include "core/explore/step_page.h"

namespace lockstep::explore {

using Actor = std::uint8_t;  // 1 to workers: a worker; then network, clock and operator, see Play.
inline constexpr Actor kNetwork = kSeatMax + 1;
inline constexpr Actor kClock = kSeatMax + 2;
inline constexpr Actor kOperator = kSeatMax + 3;
inline constexpr std::size_t kActorMax = kSeatMax + 4;
using ActorMask = std::uint32_t;
constexpr ActorMask bit_of(Actor actor) { return 1u << actor; }
// '1', '2', 'n', 't', 'r'; and back, 0: no such letter.
char letter_of(Actor actor);
Actor actor_of(char letter);

// What an actor does next, and with what.
struct NextStep {
  Point point = Point::kReceive;
  PointResource resource = 0;
};

struct PlayedStep {
  Actor actor = 0;
  NextStep what;
  bool is_death = false;  // The worker was killed here; nothing else happened.
};

// Whether the two steps cannot be told apart in either order.
bool is_independent(const NextStep& a, const NextStep& b);

}  // namespace lockstep::explore
