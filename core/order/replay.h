// replay.h: the recorded events of every transaction, given to the machines of this binary once more; and the
// recorded wire, held against the actions that should have made it.
#pragma once

#include <cstddef>
#include <string>

#include "core/order/log.h"

namespace lockstep::order {

struct Replay {
  std::size_t calls = 0;
  std::size_t decisions = 0;   // Compared.
  std::size_t datagrams = 0;   // Compared.
  std::size_t incomplete = 0;  // Transactions whose beginning has been overwritten: not compared.
  std::size_t unread = 0;      // Events of whose messages some have been overwritten: their wire is not.
  std::string departure;       // The first one; empty: identical.

  bool is_identical() const { return departure.empty(); }
  // The line for people.
  std::string text() const;
};

Replay replay(const Log& log);

}  // namespace lockstep::order
