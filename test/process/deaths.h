// deaths.h: a worker dies at any instruction of what it works (DESIGN 6, I20). Every state of shared memory
// that such a death can leave is looked at: the worker is stepped instruction by instruction, and wherever
// something changed, a replacement takes over; the wire must then have seen each effect exactly once, in
// order, nothing may be left owned, listed or lost, and the log must replay.
#pragma once

#include <functional>

#include "test/process/stage.h"

namespace lockstep::test {

// Enough for any deadline but those of slow_timers(), which a stepped test never reaches.
inline constexpr std::uint64_t kLongAgoMs = 200000;
transaction::Settings slow_timers();

// A caller, two phones (users a and b) and one worker. The three share a socket, so the order in which they
// are sent something is seen.
class Call {
 public:
  explicit Call(const transaction::Settings& timers);

  std::string request(std::string_view method, std::string_view branch, std::size_t body = 0) const;
  // A phone's answer to a request as it received it.
  std::string response(const std::string& request, std::string_view status) const;

  // Into the socket, where the worker will find it.
  void deliver(const std::string& bytes);
  // What is in the socket, if it still is: to be delivered again when somebody has read it.
  std::vector<std::string> in_socket() const {
    return is_waiting() ? in_socket_ : std::vector<std::string>();
  }
  bool is_waiting() const { return is_readable(stage.socket(), 0); }
  // Into the inbox of a call that worker 1 owns, by another worker.
  void push_from_another_worker(const std::string& bytes);

  // How many messages the three were sent since begin(); fewer than `at_least` are waited for a little.
  std::size_t hear(std::size_t at_least = 0);
  // "caller: 200 INVITE" and so on, a line each.
  std::string heard_text(std::size_t at_least = 0);
  // Only the first `count` were sent.
  void forget_from(std::size_t count) { heard_.resize(begin_ + count); }
  void begin();
  // The last such request to that phone; it was sent.
  const std::string& request_to(char user, std::string_view method);
  // The phone's answer to its INVITE.
  std::string answer_of(char user, std::string_view status = "200 OK") {
    return response(request_to(user, "INVITE"), status);
  }

  // What is not at rest: I19, and the log against the machines and the wire.
  std::string unrest();
  void age_timers();

 private:
  // Declared first: the script names its port.
  Peer three_;

 public:
  Stage stage;

 private:
  std::vector<std::string> heard_;
  std::size_t begin_ = 0;
  std::vector<std::string> in_socket_;  // Perhaps read meanwhile.
};

// How far the worker that died had come; of two deaths, the one between two commits.
struct Death {
  std::uint64_t commits = 0;  // Of the events of the scenario.
  bool has_come = false;      // What comes meanwhile.
};

struct Right {
  std::string wire;   // All told, in this order.
  std::string slots;  // In use in the end.
};

struct Scenario {
  std::function<void(Call&)> prepare;                // Until the event, by a worker that lives.
  std::function<void(Call&)> event;                  // Puts the event where the worker will find it.
  std::function<void(Call&, worker::Worker&)> work;  // What the stepped worker does, and its replacement.
  Right right;
  // Where it depends on how far the dead one had come.
  std::function<Right(const Death&)> right_after = nullptr;
  // What comes while the worker is stepped, as soon as `is_time`.
  std::function<bool(const shm::EntryRecord&, std::uint64_t commits)> is_time = nullptr;
  std::function<void(Call&)> meanwhile = nullptr;
  // How the call goes on, worked by the replacement.
  std::function<void(Call&, worker::Worker&, const Death&)> later = nullptr;
  std::uint64_t commits = 1;  // Events of the call that are worked.
  transaction::Settings timers = slow_timers();
  unsigned every_record_change = 24;  // Deaths inside records: every so many stores.
};

// A worker that lives takes over and works what is there.
void live_turn(Call& call);
// One that takes over and works, and is killed where this function begins (address_of_code()).
void die_at(Stage& stage, const void* function);
// An INVITE, and both phones ring.
void ring_both(Call& call);
// The wheel turns by ticks of the clock: until all that is due has fired.
void turn_until_nothing_is_due(Call& call, worker::Worker& worker);

// Dies wherever shared memory changes.
void kill_everywhere(const Scenario& scenario);
// The first death after so many commits, 0: just before the first; then the replacement dies too, at one in
// eight of the instructions that change something. A replacement that dies of the event itself is not looked
// at: two such deaths set the event aside.
void kill_the_replacement(const Scenario& scenario, std::uint64_t commits);
// The same, but while it sends what is in force, and wherever something changes.
void kill_the_replacement_as_it_sends(const Scenario& scenario, std::uint64_t commits);
// Nobody but the workers of `event` dies before: the next dies as it takes over, wherever something changes.
void kill_as_it_takes_over(const Scenario& scenario);

}  // namespace lockstep::test
