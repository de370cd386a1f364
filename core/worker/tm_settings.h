// tm_settings.h: how transactions behave, as far as the operator chooses. Module tm fills it from its
// parameters and provides it; without tm the defaults stand. Constant after the fork.
#pragma once

#include <cstdint>
#include <string>

#include "core/transaction/settings.h"

namespace lockstep::worker {

// ORDER.md section 4. openser13 shows how the ticket came about: it keeps no order, and loses calls when a
// worker dies.
enum class Ordering : std::uint8_t { kStrict, kOpenser13 };

struct TmSettings {
  Ordering ordering = Ordering::kStrict;
  transaction::Settings timers;
  std::string trying_reason = "trying -- your call is important to us";
  bool reason_in_cancel = true;      // local_cancel_reason: Reason in CANCELs made here (O16).
  std::uint32_t retry_after_s = 10;  // In the 503 of a full table.
};

}  // namespace lockstep::worker
