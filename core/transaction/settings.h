// settings.h: the constants that come with every event, and the RFC 3261 timers that follow from them.
// The performer fills them from tm's parameters and what the script set for this call (t_set_fr).
#pragma once

#include "core/transaction/ids.h"

namespace lockstep::transaction {

struct Settings {
  DurationMs t1{500};               // Round trip estimate (retr_timer1).
  DurationMs t2{4000};              // Longest retransmission interval (retr_timer2).
  DurationMs t4{5000};              // Longest life of a message in the network.
  DurationMs fr_timer{32000};       // Timers B and F: no response at all to a forwarded request.
  DurationMs fr_inv_timer{180500};  // Timer C: no final after a 1xx to INVITE.
  // 0: every branch counts for the best response. Other values: once a failure route has added branches,
  // only those added since then count (Kamailio's 1 to 3).
  std::uint8_t failure_reply_mode = 0;
  DurationMs cancel_holdoff{0};  // O9: how long a CANCEL that is due waits for its branch's final.
  LatePolicy late_2xx = LatePolicy::kForward;
  LatePolicy cancelled_2xx = LatePolicy::kForward;  // Of the first 2xx, after the caller's CANCEL.
  bool respond_100 = true;                          // 100 at once for an INVITE (auto_inv_100).
  bool cancels_apart = false;  // openser13: whom to cancel is picked later (Event::cancel_picked).

  friend bool operator==(const Settings&, const Settings&) = default;
};

constexpr DurationMs sixty_four_t1(const Settings& settings) {
  return DurationMs{settings.t1.value > 0x03FFFFFFU ? 0xFFFFFFFFU : settings.t1.value * 64U};
}

constexpr DurationMs timer_b(const Settings& settings) { return settings.fr_timer; }
constexpr DurationMs timer_c(const Settings& settings) { return settings.fr_inv_timer; }
// At least 32 s on an unreliable transport, whatever T1 is (17.1.1.2).
constexpr DurationMs timer_d(const Settings& settings) {
  const DurationMs life = sixty_four_t1(settings);
  return life.value < 32000U ? DurationMs{32000} : life;
}
constexpr DurationMs timer_f(const Settings& settings) { return settings.fr_timer; }
// Not fr_timer: a script that fails over after two seconds still waits for the ACK as long as 17.2.1 says.
constexpr DurationMs timer_h(const Settings& settings) { return sixty_four_t1(settings); }
constexpr DurationMs timer_i(const Settings& settings) { return settings.t4; }
constexpr DurationMs timer_j(const Settings& settings) { return sixty_four_t1(settings); }
constexpr DurationMs timer_k(const Settings& settings) { return settings.t4; }
constexpr DurationMs timer_l(const Settings& settings) { return sixty_four_t1(settings); }
constexpr DurationMs timer_m(const Settings& settings) { return sixty_four_t1(settings); }
// A CANCEL's own Timer F, and how long its INVITE's final is then waited for (9.1).
constexpr DurationMs timer_cancel(const Settings& settings) { return sixty_four_t1(settings); }
// Timer F of the BYE that ends a late 2xx's dialog (O14).
constexpr DurationMs timer_bye(const Settings& settings) { return sixty_four_t1(settings); }

}  // namespace lockstep::transaction
