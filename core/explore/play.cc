// play.cc: setup, race, and what comes after it.
#include "core/explore/play.h"

#include <fmt/core.h>
#include <sched.h>

namespace lockstep::explore {
namespace {

constexpr PointResource kTime = 2;  // Nothing in the segment: addresses there are larger.
constexpr std::uint64_t kJumpMs = 40000;
constexpr int kJumps = 12;
constexpr int kReactionRounds = 100;
constexpr int kDeliveryLooks = 100000;

bool reads_only(const NextStep& step) { return step.point == Point::kPeek; }

}  // namespace

char letter_of(Actor actor) {
  if (actor == kNetwork) return 'n';
  if (actor == kClock) return 't';
  if (actor == kOperator) return 'r';
  return static_cast<char>('0' + actor);
}

Actor actor_of(char letter) {
  if (letter == 'n') return kNetwork;
  if (letter == 't') return kClock;
  if (letter == 'r') return kOperator;
  return letter >= '1' && letter <= '8' ? static_cast<Actor>(letter - '0') : Actor{0};
}

bool is_independent(const NextStep& a, const NextStep& b) {
  if (a.resource == kTime || b.resource == kTime) return false;  // Everybody looks at the clock.
  if (a.resource == 0 || b.resource == 0 || a.resource != b.resource) return true;
  return reads_only(a) && reads_only(b);
}

Play::Play(Testbed& testbed, Peers& peers, const Scenario& scenario)
    : testbed_(testbed), peers_(peers), scenario_(scenario) {
  entry_ = testbed.state().entry_of(kCallId);
  peers_.set_callee(scenario.by_location ? "office" : "a");
}

std::string Play::begin() {
  if (auditor_ != nullptr) auditor_->end(steps_);
  testbed_.reset();
  peers_.reset();
  steps_.clear();
  setup_wire_.clear();
  wire_.clear();
  deliveries_.clear();
  commits_.clear();
  consumed_.clear();
  locks_.clear();
  problem_.clear();
  arrived_ = 0;
  clocks_run_ = 0;
  has_commanded_ = false;
  must_help_ = false;
  race_wire_ = 0;
  enabled_ = 0;
  actors_ = 0;
  for (bool& must : must_turn_) must = false;
  if (const std::string problem = play_setup(); !problem.empty()) return problem;
  return prepare_race();
}

std::string Play::play_setup() {
  // Each makes its receive buffers ready now, not in the race.
  for (std::uint32_t worker = 1; worker <= testbed_.worker_count(); ++worker) {
    if (!testbed_.run(worker, Command::kTurn)) return testbed_.why_lost(worker);
  }
  for (const ScenarioDatagram& datagram : scenario_.setup) {
    std::string bytes;
    if (const std::string problem = peers_.build(datagram, bytes); !problem.empty()) {
      return fmt::format("line {}: {}: {}", datagram.line, datagram.text(), problem);
    }
    send(1, bytes);
    if (datagram.status >= 200 && datagram.what == ScenarioDatagram::What::kResponse) {
      peers_.note_final(datagram.branch);
    }
    if (!testbed_.run(1, Command::kTurn)) return testbed_.why_lost(1);
    for (Sent& one : peers_.take()) setup_wire_.push_back(std::move(one));
  }
  first_stamp_ = entry().consumed.load();
  return {};
}

std::string Play::prepare_race() {
  for (const bool is_late : {false, true}) {
    for (const Arrival& arrival : is_late ? scenario_.arrive : scenario_.race) {
      Delivery delivery;
      delivery.datagram = arrival.datagram;
      delivery.worker = arrival.worker;
      if (const std::string problem = peers_.build(arrival.datagram, delivery.bytes); !problem.empty()) {
        return fmt::format("line {}: {}: {}", arrival.datagram.line, arrival.datagram.text(), problem);
      }
      if (arrival.datagram.what == ScenarioDatagram::What::kResponse && arrival.datagram.status >= 200) {
        peers_.note_final(arrival.datagram.branch);
      }
      if (!is_late) send(arrival.worker, delivery.bytes);
      delivery.entry = testbed_.state().entry_of(call_id_of(arrival.datagram));
      delivery.first_stamp = testbed_.state().entry(delivery.entry).consumed.load();
      consumed_[delivery.entry] = delivery.first_stamp;
      deliveries_.push_back(std::move(delivery));
    }
  }
  consumed_[entry_] = first_stamp_;
  arrived_ = scenario_.race.size();
  if (scenario_.is_memory_full) testbed_.fill_memory();
  if (auditor_ != nullptr) auditor_->begin();
  for (Actor worker = 1; worker <= testbed_.worker_count(); ++worker) {
    actors_ |= bit_of(worker);
    if (testbed_.has_data(worker) && !begin_turn(worker)) return problem_;
  }
  if (!scenario_.arrive.empty()) actors_ |= bit_of(kNetwork);
  if (!scenario_.clock_ms.empty()) actors_ |= bit_of(kClock);
  if (scenario_.has_rpc) actors_ |= bit_of(kOperator);
  next_[kOperator] = {Point::kAdmit, resource_of(&entry())};
  next_[kClock] = {Point::kTimer, kTime};
  if (auditor_ != nullptr) auditor_->note_start();
  go_on();
  return {};
}

bool Play::begin_turn(Actor worker) {
  must_turn_[worker] = false;
  if (!testbed_.begin(worker, Command::kTurn)) {
    problem_ = testbed_.why_lost(worker);
    return false;
  }
  look_at(worker);
  return true;
}

void Play::look_at(Actor worker) {
  const Seat& seat = testbed_.seat(worker);
  next_[worker] = {seat.next, seat.next == Point::kTimer ? 0 : seat.resource};
}

// A worker that waits for a lock can go on when nobody holds it: one held over several points, or, in
// openser13, that of a call.
bool Play::waits(Actor worker) {
  const NextStep& next = next_[worker];
  if (next.point == Point::kLock) {
    const auto holder = locks_.find(next.resource);
    return holder != locks_.end() && holder->second != worker;
  }
  if (!testbed_.is_unordered() || next.point != Point::kOwn) return false;
  shm::SharedState& state = testbed_.state();
  const std::uint32_t index = next.resource - resource_of(&state.entry(0));
  const shm::WorkerId owner{static_cast<std::uint8_t>(state.entry(index).word.load() >> 56)};
  return owner.value != 0 && !(owner == shm::kQueued);
}

void Play::note_lock(Actor actor, const NextStep& what) {
  if (what.point == Point::kLock) locks_[what.resource] = actor;
  if (what.point == Point::kUnlock) locks_.erase(what.resource);
}

void Play::note_commits() {
  for (auto& [index, consumed] : consumed_) {
    const std::uint64_t now = testbed_.state().entry(index).consumed.load();
    while (consumed < now) commits_.push_back({steps_.size(), index, ++consumed});
  }
}

void Play::find_enabled() {
  enabled_ = 0;
  for (Actor worker = 1; worker <= testbed_.worker_count(); ++worker) {
    if (testbed_.seat(worker).standing == Standing::kAtPoint && !waits(worker)) enabled_ |= bit_of(worker);
  }
  if (arrived_ < deliveries_.size()) {
    enabled_ |= bit_of(kNetwork);
    next_[kNetwork] = {Point::kReceive, testbed_.receive_resource(deliveries_[arrived_].worker)};
  }
  if (clocks_run_ < scenario_.clock_ms.size()) enabled_ |= bit_of(kClock);
  if (scenario_.has_rpc && !has_commanded_) enabled_ |= bit_of(kOperator);
}

// Where nobody can go on, whoever waits for work looks into the run queue: a death may have left the call
// there.
void Play::go_on() {
  find_enabled();
  if (enabled_ != 0) return;
  if (is_queued() && testbed_.seat(1).standing == Standing::kIdle && begin_help()) find_enabled();
  if (enabled_ != 0) return;
  for (Actor worker = 1; worker <= testbed_.worker_count(); ++worker) {
    if (testbed_.seat(worker).standing == Standing::kAtPoint) problem_ = "deadlock: all wait for a lock";
  }
}

void Play::send(std::uint32_t worker, const std::string& bytes) {
  const std::uint32_t before = testbed_.bytes_waiting(worker);
  peers_.send(testbed_.address_of(worker), bytes);
  // The kernel may deliver it a little later: until then nobody goes on.
  for (int looks = 0; testbed_.bytes_waiting(worker) == before && looks < kDeliveryLooks; ++looks)
    sched_yield();
}

void Play::take_wire(Actor worker, std::size_t at_least) {
  for (Sent& one : peers_.take(at_least)) {
    one.step = steps_.size();
    one.worker = worker;
    wire_.push_back(std::move(one));
  }
}

bool Play::deliver_next() {
  const Delivery& delivery = deliveries_[arrived_++];
  send(delivery.worker, delivery.bytes);
  const auto worker = static_cast<Actor>(delivery.worker);
  return testbed_.seat(worker).standing != Standing::kIdle || begin_turn(worker);
}

// tm.cancel and tm.cancel_branch, as the control process does it: into the inbox, and where nobody owns the
// call, into the run queue, for a worker that is woken.
bool Play::command() {
  has_commanded_ = true;
  const bool is_one = scenario_.rpc_branch != 0;
  worker::CallCommand command;
  command.kind = is_one ? worker::CallCommandKind::kCancelBranch : worker::CallCommandKind::kCancelAll;
  command.branch = static_cast<std::uint16_t>(is_one ? scenario_.rpc_branch - 'A' : 0);
  command.entry = entry_;
  command.transaction = entry().transactions;
  if (command.transaction == 0) return true;  // It has ended: the control process says so.
  const shm::Handle<shm::TransactionRecord> record{command.transaction};
  command.generation = testbed_.segment().at(record)->generation;
  testbed_.post(command);
  must_help_ = is_queued();
  bool is_well = true;
  if (must_help_ && testbed_.seat(1).standing == Standing::kIdle) resume(1, is_well);
  return is_well;
}

bool Play::is_queued() { return static_cast<std::uint8_t>(entry().word.load() >> 56) == shm::kQueued.value; }

// The first worker is the one that is woken for the run queue.
bool Play::begin_help() {
  must_help_ = false;
  if (!testbed_.begin(1, Command::kHelp)) {
    problem_ = testbed_.why_lost(1);
    return false;
  }
  look_at(1);
  return true;
}

// A worker that has come back begins again if there is something for it.
void Play::resume(Actor worker, bool& is_well) {
  if (must_help_ && worker == 1) {
    is_well = begin_help();
    if (!is_well || testbed_.seat(worker).standing == Standing::kAtPoint) return;
  }
  if (testbed_.has_data(worker) || must_turn_[worker]) is_well = begin_turn(worker);
}

bool Play::step(Actor actor) {
  const NextStep what = next_[actor];
  bool is_well = true;
  if (ticks_) testbed_.tick();
  if (actor == kNetwork) {
    is_well = deliver_next();
  } else if (actor == kOperator) {
    is_well = command();
  } else if (actor == kClock) {
    testbed_.advance_ms(scenario_.clock_ms[clocks_run_++]);
    for (Actor worker = 1; worker <= testbed_.worker_count() && is_well; ++worker) {
      must_turn_[worker] = true;
      if (testbed_.seat(worker).standing == Standing::kIdle) is_well = begin_turn(worker);
    }
  } else {
    if (what.point == Point::kReceive) {
      for (std::size_t i = 0; i < arrived_; ++i) {
        if (deliveries_[i].worker == actor && deliveries_[i].received == Delivery::kNever) {
          deliveries_[i].received = steps_.size();
        }
      }
    }
    is_well = testbed_.step(actor);
    note_lock(actor, what);
    note_commits();
    if (is_well && what.point == Point::kSend) take_wire(actor, 1);
    if (is_well && testbed_.seat(actor).standing == Standing::kIdle) {
      resume(actor, is_well);
    } else if (is_well) {
      look_at(actor);
    }
    if (!is_well && problem_.empty()) problem_ = testbed_.why_lost(actor);
  }
  steps_.push_back({actor, what});
  if (auditor_ != nullptr) auditor_->note_step(steps_.back());
  if (is_well) go_on();
  if (!is_well) enabled_ = 0;
  race_wire_ = wire_.size();
  return is_well;
}

bool Play::is_alone(Actor worker) const {
  for (Actor other = 1; other <= testbed_.worker_count(); ++other) {
    if (other != worker && testbed_.seat(other).standing == Standing::kAtPoint) return false;
  }
  return (enabled_ & ~bit_of(worker)) == 0;
}

void Play::abandon() { static_cast<void>(finish(0, 0)); }

bool Play::finish(Actor first, Actor last) {
  Actor before = 0;
  while (enabled_ != 0) {
    const ActorMask others = last != 0 && enabled_ != bit_of(last) ? enabled_ & ~bit_of(last) : enabled_;
    Actor actor = static_cast<Actor>(__builtin_ctz(others));
    if (before != 0 && (others & bit_of(before)) != 0) actor = before;
    if (first != 0 && (others & bit_of(first)) != 0) actor = first;
    if (!step(actor)) return false;
    before = actor;
  }
  return true;
}

bool Play::kill(Actor worker) {
  steps_.push_back({worker, {Point::kRecover, 0}, true});
  testbed_.kill_and_replace(worker);
  must_turn_[worker] = true;  // What became due while it was dead.
  if (!testbed_.begin(worker, Command::kRecover)) {
    problem_ = testbed_.why_lost(worker);
    enabled_ = 0;
    return false;
  }
  look_at(worker);
  go_on();
  return true;
}

void Play::react(std::size_t& seen) {
  for (int round = 0; round < kReactionRounds && seen < wire_.size(); ++round) {
    const std::vector<std::string> answers = peers_.reactions(wire_[seen++]);
    for (const std::string& answer : answers) send(1, answer);
    if (answers.empty()) continue;
    if (!testbed_.run(1, Command::kTurn)) {
      problem_ = testbed_.why_lost(1);
      return;
    }
    take_wire(1);
  }
}

void Play::settle() {
  if (auditor_ != nullptr) auditor_->end(steps_);
  if (!problem_.empty()) return;
  if (scenario_.is_memory_full) testbed_.empty_memory();
  std::size_t seen = 0;
  for (int jump = 0; jump < kJumps && problem_.empty(); ++jump) {
    react(seen);
    if (entry().transactions == 0) break;
    testbed_.advance_ms(kJumpMs);
    turn_all();
  }
  if (scenario_.is_memory_full) turn_all();  // Each takes its reserve again.
}

void Play::turn_all() {
  for (Actor worker = 1; worker <= testbed_.worker_count() && problem_.empty(); ++worker) {
    if (!testbed_.run(worker, Command::kTurn)) problem_ = testbed_.why_lost(worker);
    take_wire(worker);
  }
}

}  // namespace lockstep::explore
