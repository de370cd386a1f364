// stage.h: one poll loop in which all phones of a test live. A test waits for a condition with a deadline on
// the wall clock, never for a time; only the proof that nothing more happens needs `settle`.
// The stage also keeps the wire log: every datagram that a phone received, with the time at which the kernel
// queued it. On loopback that is the order in which the server sent.
#pragma once

#include <netinet/in.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "test/harness/message.h"

namespace lockstep::harness {

class Phone;

struct Received {
  std::int64_t at_ns = 0;  // CLOCK_REALTIME, by the kernel (SO_TIMESTAMPNS).
  std::string phone;       // The receiver's name.
  Message message;
  sockaddr_in from{};
};

class Stage {
 public:
  Stage() = default;
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  // Runs phones and timers until `condition` holds; false if it does not within the deadline.
  bool run_until(const std::function<bool()>& condition, int deadline_ms = 10000);
  // Runs for a while, to show that nothing further arrives.
  void settle(int ms);
  // Calls `action` once, about `ms` from now, from inside run_until.
  void after(int ms, std::function<void()> action);

  // What the server sent to all phones, in kernel order: "caller 100 INVITE", "a INVITE". REGISTER and its
  // responses are left out.
  std::vector<std::string> wire() const;
  std::vector<Received> received() const;  // All of it, in kernel order.

 private:
  friend class Phone;
  void attach(Phone* phone);
  void detach(Phone* phone);
  void run_once(std::int64_t until_ms);

  std::vector<Phone*> phones_;
  std::multimap<std::int64_t, std::function<void()>> timers_;
  std::vector<Received> log_;
};

// The lines of `wire` that begin with `phone`, without the name.
std::vector<std::string> seen_by(const std::vector<std::string>& wire, const std::string& phone);
// One line each, for messages of failed assertions.
std::string joined(const std::vector<std::string>& lines);
std::int64_t now_ms();  // CLOCK_MONOTONIC.

}  // namespace lockstep::harness
