// play.h: one execution of a scenario, step by step. The actors are the workers and, where the scenario has
// them, the network that delivers (`n`) and the clock that goes on (`t`).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/explore/audit.h"
#include "core/explore/peers.h"
#include "core/explore/play_step.h"
#include "core/explore/scenario.h"
#include "core/explore/testbed.h"

namespace lockstep::explore {

// A datagram of the race, on its way through the proxy.
struct Delivery {
  ScenarioDatagram datagram;
  unsigned worker = 1;
  std::string bytes;
  std::uint32_t entry = 0;        // Of its Call-ID,
  std::uint64_t first_stamp = 0;  // and the event numbers of it that the setup has used up.
  std::size_t received = kNever;  // Step at which the worker took it from the kernel.
  static constexpr std::size_t kNever = ~std::size_t{0};
};

// An event that was decided on: the commit of its entry.
struct Commit {
  std::size_t step = 0;
  std::uint32_t entry = 0;
  std::uint64_t stamp = 0;  // Its number within the entry.
};

class Play {
 public:
  Play(Testbed& testbed, Peers& peers, const Scenario& scenario);

  // Puts everything back, plays the setup, lays the datagrams of the race into the sockets. Empty, or what is
  // wrong with the scenario.
  std::string begin();

  ActorMask actors() const { return actors_; }
  ActorMask enabled() const { return enabled_; }
  const NextStep& next(Actor actor) const { return next_[actor]; }
  // One step. False: the worker was lost (problem()).
  bool step(Actor actor);
  // Nobody can go on. False though actors are left: deadlock (problem()).
  bool is_over() const { return enabled_ == 0; }
  // After the race: phones and caller answer, time passes, until nothing is left to wait for.
  void settle();
  // Plays on as it comes, unrecorded, so that every worker is back at its command.
  void abandon();
  // SIGKILL where the worker stands. Its replacement is the same actor and begins with the recovery; false:
  // lost.
  bool kill(Actor worker);
  // Nobody but this worker can go on, or stands anywhere and waits.
  bool is_alone(Actor worker) const;
  // Plays on to the end without choices: `first` whenever it can, `last` only when nobody else can, else who
  // went last. 0: nobody is preferred.
  bool finish(Actor first, Actor last);

  // From the next execution on each step takes a microsecond: ladders then show the order. States that differ
  // in nothing else are told apart by it.
  void set_ticking(bool ticks) { ticks_ = ticks; }

  // From the next execution on each step is audited.
  void set_audit(Auditor* auditor) { auditor_ = auditor; }

  const std::vector<PlayedStep>& steps() const { return steps_; }
  const std::vector<Sent>& wire() const { return wire_; }
  // What the setup put on the wire.
  const std::vector<Sent>& setup_wire() const { return setup_wire_; }
  // Of wire(): how many belong to the race.
  std::size_t race_wire() const { return race_wire_; }
  const std::vector<Delivery>& deliveries() const { return deliveries_; }
  // Of the race, in their order, whichever entry of deliveries() they are of.
  const std::vector<Commit>& commits() const { return commits_; }
  const std::string& problem() const { return problem_; }
  // Event numbers of the entry that the setup has used up.
  std::uint64_t first_stamp() const { return first_stamp_; }
  std::uint32_t entry_index() const { return entry_; }
  shm::EntryRecord& entry() { return testbed_.state().entry(entry_); }
  Testbed& testbed() { return testbed_; }
  const Scenario& scenario() const { return scenario_; }

 private:
  std::string play_setup();
  std::string prepare_race();
  bool begin_turn(Actor worker);
  void look_at(Actor worker);
  bool waits(Actor worker);
  void find_enabled();
  void go_on();
  bool is_queued();
  bool begin_help();
  void note_lock(Actor actor, const NextStep& what);
  void note_commits();
  void take_wire(Actor worker, std::size_t at_least = 0);
  void send(std::uint32_t worker, const std::string& bytes);
  bool deliver_next();
  bool command();
  void resume(Actor worker, bool& is_well);
  void react(std::size_t& seen);
  void turn_all();

  Testbed& testbed_;
  Peers& peers_;
  const Scenario& scenario_;
  Auditor* auditor_ = nullptr;
  std::uint32_t entry_ = 0;
  ActorMask actors_ = 0;
  ActorMask enabled_ = 0;
  NextStep next_[kActorMax];
  bool must_turn_[kActorMax] = {};
  std::vector<PlayedStep> steps_;
  std::vector<Sent> setup_wire_;
  std::vector<Sent> wire_;
  std::vector<Delivery> deliveries_;
  std::vector<Commit> commits_;
  std::map<std::uint32_t, std::uint64_t> consumed_;  // Of each entry that the race touches.
  std::map<PointResource, Actor> locks_;             // Who holds what; the dead keep theirs.
  std::size_t arrived_ = 0;
  std::size_t clocks_run_ = 0;
  bool has_commanded_ = false;
  bool must_help_ = false;  // The first worker is to look into the run queue.
  bool ticks_ = false;
  std::size_t race_wire_ = 0;
  std::uint64_t first_stamp_ = 0;
  std::string problem_;
};

}  // namespace lockstep::explore
