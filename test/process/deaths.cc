// deaths.cc: the stepping, the deaths, and what is held against what is right.
#include "test/process/deaths.h"

#include <algorithm>
#include <map>

#include "core/order/replay.h"
#include "test/process/aside.h"
#include "test/unit/shm/stepper.h"

namespace lockstep::test {

transaction::Settings slow_timers() {
  transaction::Settings timers;
  // A test that is stepped takes long; nothing shall be repeated meanwhile.
  timers.t1 = timers.t2 = transaction::DurationMs{400000};
  timers.fr_timer = transaction::DurationMs{4000000};
  timers.fr_inv_timer = transaction::DurationMs{4000000};
  timers.t4 = transaction::DurationMs{5000};
  return timers;
}

// ---- the call ----

Call::Call(const transaction::Settings& timers)
    : stage({.script = fmt::format("#!define SECOND \"sip:b@127.0.0.1:{}\"\n"
                                   "request_route {{\n"
                                   "  if (method == \"OPTIONS\") {{ answer(200); exit; }}\n"
                                   "  if (method == \"INVITE\") {{ add_branch(SECOND); }}\n"
                                   "  if (method == \"SUBSCRIBE\") {{\n"
                                   "    add_branch(SECOND); add_branch(SECOND); add_branch(SECOND);\n"
                                   "  }}\n"
                                   "  relay();\n"
                                   "}}\n",
                                   three_.port()),
             .timers = timers,
             .quarantine_dir = "/no/such/folder"}) {
  three_.hear_only(stage.port());
}

std::string Call::request(std::string_view method, std::string_view branch, std::size_t body) const {
  return fmt::format(
      "{0} sip:a@127.0.0.1:{1} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{1};branch=z9hG4bK{2}\r\n"
      "From: <sip:c@x>;tag=1\r\nTo: <sip:a@x>\r\nCall-ID: call\r\nCSeq: 1 {0}\r\nMax-Forwards: 70\r\n"
      "Content-Length: {3}\r\n\r\n{4}",
      method, three_.port(), branch, body, std::string(body, 'x'));
}

static char user_of(const std::string& request) { return request[request.find(" sip:") + 5]; }

std::string Call::response(const std::string& request, std::string_view status) const {
  const char user = user_of(request);
  std::string text = fmt::format("SIP/2.0 {}\r\n", status);
  std::size_t at = request.find("\r\n") + 2;
  for (std::size_t end = request.find("\r\n", at); end != at; end = request.find("\r\n", at)) {
    const std::string line = request.substr(at, end - at);
    if (line.starts_with("To: ") && line.find(";tag=") == std::string::npos) {
      text += fmt::format("{};tag={}\r\n", line, user);
    } else if (!line.starts_with("Content-") && !line.starts_with("Max-") && !line.starts_with("Reason")) {
      text += line + "\r\n";
    }
    at = end + 2;
  }
  return text +
         fmt::format("Contact: <sip:{}@127.0.0.1:{}>\r\nContent-Length: 0\r\n\r\n", user, three_.port());
}

void Call::deliver(const std::string& bytes) {
  if (!is_waiting()) in_socket_.clear();
  in_socket_.push_back(bytes);
  three_.send(stage.port(), bytes);
  CPPUNIT_ASSERT(is_readable(stage.socket(), 1000));
}

void Call::push_from_another_worker(const std::string& bytes) {
  const shm::WorkerId other{2};
  shm::ReceiveBuffer& buffer = stage.state().area(other).buffers[0];
  CPPUNIT_ASSERT(buffer.node.state.load() == shm::NodeState::kFree);
  bytes.copy(buffer.bytes, sizeof buffer.bytes);
  shm::EventNode& node = buffer.node;
  node.kind = shm::EventKind::kDatagram;
  node.home = other.value;
  node.large = 0;
  node.attempts = 0;
  node.socket = 0;
  node.length = static_cast<std::uint32_t>(bytes.size());
  node.entry = stage.state().entry_of("call");
  node.source = *parse_address("127.0.0.1", three_.port());
  node.received_us = monotonic_us();
  node.received_ms = node.received_us / 1000;
  node.state.store(shm::NodeState::kInUse);
  shm::Entry entry(stage.segment(), stage.state().entry(node.entry));
  CPPUNIT_ASSERT_MESSAGE("worker 1 should have owned the call", !entry.admit(node, other));
}

std::size_t Call::hear(std::size_t at_least) {
  for (int patience = 0;; ++patience) {
    for (std::string& message : three_.take()) heard_.push_back(std::move(message));
    const std::size_t count = heard_.size() - begin_;
    if (count >= at_least || patience == 10) return count;
    is_readable(three_.fd(), 5);
  }
}

void Call::begin() {
  hear();
  begin_ = heard_.size();
}

const std::string& Call::request_to(char user, std::string_view method) {
  hear();
  const std::string start = fmt::format("{} sip:{}@", method, user);
  const auto found = std::find_if(heard_.rbegin(), heard_.rend(),
                                  [&](const std::string& message) { return message.starts_with(start); });
  CPPUNIT_ASSERT_MESSAGE(fmt::format("no '{}' in:\n{}", start, heard_text()), found != heard_.rend());
  return *found;
}

std::string Call::heard_text(std::size_t at_least) {
  hear(at_least);
  std::string text;
  for (std::size_t i = begin_; i < heard_.size(); ++i) {
    const char* const who = heard_[i].starts_with("SIP/2.0 ") ? "caller"
                            : user_of(heard_[i]) == 'a'       ? "first"
                                                              : "second";
    text += fmt::format("{}: {}\n", who, summary_of(heard_[i]));
  }
  return text;
}

std::string Call::unrest() {
  std::string text = stage.unrest();
  if (stage.state().area(shm::WorkerId{2}).buffers[0].node.state.load() != shm::NodeState::kFree)
    text += "what the other worker pushed is not free\n";
  stage.process().slabs.for_each_linked(shm::SlabKind::kTransaction, [&](shm::SlotHandle slot, shm::Mark) {
    const auto& record = *stage.segment().at(shm::Handle<shm::TransactionRecord>{slot.value});
    if (record.armed_at_ms == shm::kNoStamp) text += "a transaction has no timer\n";
  });
  const shm::SharedState& state = stage.state();
  const order::Replay replay = order::replay(order::read_rings(state, state.entries, {state.order_logs[1]}));
  if (!replay.is_identical() || replay.incomplete > 0) text += "the log: " + replay.text();
  return text;
}

void Call::age_timers() {
  stage.process().slabs.for_each_linked(shm::SlabKind::kTransaction, [&](shm::SlotHandle slot, shm::Mark) {
    auto& record = *stage.segment().at(shm::Handle<shm::TransactionRecord>{slot.value});
    record.born_ms -= kLongAgoMs;
    record.armed_at_ms -= kLongAgoMs;
  });
}

void live_turn(Call& call) {
  const auto worker = call.stage.make_worker();
  worker->recover();
  worker->turn();
}

void die_at(Stage& stage, const void* function) {
  std::unique_ptr<worker::Worker> worker;
  Stepper stepper([&] { worker = stage.make_worker(); },
                  [&] {
                    worker->recover();
                    worker->turn();
                  });
  stepper.run_to(function);
}

void ring_both(Call& call) {
  call.deliver(call.request("INVITE", "i1"));
  live_turn(call);
  call.hear(3);
  call.deliver(call.answer_of('a', "180 Ringing"));
  call.deliver(call.answer_of('b', "180 Ringing"));
  live_turn(call);
  CPPUNIT_ASSERT_EQUAL(std::string("caller: 100 INVITE\nfirst: INVITE\nsecond: INVITE\n"
                                   "caller: 180 INVITE\ncaller: 180 INVITE\n"),
                       call.heard_text(5));
}

void turn_until_nothing_is_due(Call& call, worker::Worker& worker) {
  const auto is_due = [&call] {
    bool due = false;
    call.stage.process().slabs.for_each_linked(
        shm::SlabKind::kTransaction, [&](shm::SlotHandle slot, shm::Mark) {
          const auto& record = *call.stage.segment().at(shm::Handle<shm::TransactionRecord>{slot.value});
          due = due || record.armed_at_ms <= monotonic_ms();
        });
    return due;
  };
  for (int turns = 0; turns < 4 && is_due(); ++turns) {
    const std::uint64_t start = monotonic_ms();
    while (monotonic_ms() / 10 == start / 10) poll(nullptr, 0, 2);
    worker.turn();
  }
}

// ---- the deaths ----

namespace {

// Without what every worker that has flushed keeps for answers when memory is full.
std::string slots_in_use(Call& call) {
  std::string text = call.stage.slots_in_use();
  const std::string reserve = reserve_of(1);
  if (const std::size_t at = text.find(reserve); at != std::string::npos) text.erase(at, reserve.size());
  return text;
}

// One scenario, stepped.
class Stepping {
 public:
  explicit Stepping(const Scenario& scenario) : scenario_(scenario), call_(scenario.timers) {
    scenario.prepare(call_);
    call_.begin();
    scenario.event(call_);
    watch_ = std::make_unique<Watch>(call_.stage, std::vector<std::string>{"call"});
    entry_ = &call_.stage.state().entry(watch_->entries()[0]);
    consumed_before_ = entry_->consumed.load();
  }

  Call& call() { return call_; }
  Watch& watch() { return *watch_; }
  std::uint64_t commits() const { return entry_->consumed.load() - consumed_before_; }
  unsigned deaths() const { return deaths_; }

  // The state as it is now, as a death would leave it.
  void die_here() {
    const std::size_t heard = call_.hear();
    const std::vector<std::string> in_socket = call_.in_socket();
    const bool was_between = first_commits_ > 0 && first_commits_ < scenario_.commits;
    const Death death{was_between ? first_commits_ : commits(), has_come_};
    const Right right = scenario_.right_after ? scenario_.right_after(death) : scenario_.right;
    std::string outcome;
    {
      const Aside aside(call_.stage, watch_->entries());
      const auto replacement = call_.stage.make_worker();
      replacement->recover();
      scenario_.work(call_, *replacement);
      if (scenario_.later) scenario_.later(call_, *replacement, death);
      const auto lines = std::count(right.wire.begin(), right.wire.end(), '\n');
      outcome = call_.heard_text(static_cast<std::size_t>(lines)) + call_.unrest() + slots_in_use(call_);
    }
    call_.forget_from(heard);
    if (!call_.is_waiting()) {
      for (const std::string& bytes : in_socket) call_.deliver(bytes);
    }
    ++deaths_;
    ++deaths_after_[commits()];
    if (outcome != right.wire + right.slots) ++wrong_[{right.wire + right.slots, outcome}];
    static_cast<void>(watch_->look());
  }

  // The first of two deaths, after which nobody looks.
  void die_unseen() { first_commits_ = commits(); }

  void let_come_what_comes() {
    if (has_come_ || !scenario_.is_time || !scenario_.is_time(*entry_, commits())) return;
    has_come_ = true;
    scenario_.meanwhile(call_);
    static_cast<void>(watch_->look());
  }

  void assert_all_right() const {
    for (const auto& [texts, count] : wrong_) {
      CPPUNIT_ASSERT_EQUAL_MESSAGE(fmt::format("{} of {} deaths", count, deaths_), texts.first, texts.second);
    }
  }
  // Else the deaths were all on one side of a commit, and proved little.
  void assert_deaths_around_each_commit() {
    for (std::uint64_t commits = 0; commits <= scenario_.commits; ++commits) {
      CPPUNIT_ASSERT_MESSAGE(fmt::format("{} deaths after {} commits", deaths_after_[commits], commits),
                             deaths_after_[commits] > 5);
    }
  }

 private:
  const Scenario& scenario_;
  Call call_;
  std::unique_ptr<Watch> watch_;
  const shm::EntryRecord* entry_ = nullptr;
  std::uint64_t consumed_before_ = 0;
  std::uint64_t first_commits_ = 0;
  bool has_come_ = false;
  unsigned deaths_ = 0;
  std::map<std::uint64_t, unsigned> deaths_after_;                 // By commits.
  std::map<std::pair<std::string, std::string>, unsigned> wrong_;  // What is right, what was.
};

}  // namespace

void kill_everywhere(const Scenario& scenario) {
  Stepping stepping(scenario);
  std::unique_ptr<worker::Worker> worker;
  Stepper stepper(
      [&] {
        worker = stepping.call().stage.make_worker();
        worker->recover();
      },
      [&] { scenario.work(stepping.call(), *worker); });
  static_cast<void>(stepping.watch().look());
  unsigned record_changes = 0;
  while (stepper.step()) {
    const Watch::Change change = stepping.watch().look();
    if (change == Watch::Change::kNone) continue;
    if (change == Watch::Change::kRecord && ++record_changes % scenario.every_record_change != 0) continue;
    stepping.die_here();
    stepping.let_come_what_comes();
  }
  stepping.die_here();
  stepping.assert_all_right();
  stepping.assert_deaths_around_each_commit();
}

// Of the instructions of a replacement that change something, one in `stride`.
static void step_replacement(Stepping& stepping, unsigned stride, bool sends_only) {
  Stage& stage = stepping.call().stage;
  shm::WorkerArea& area = stage.state().area(shm::WorkerId{1});
  std::unique_ptr<worker::Worker> worker;
  Stepper replacement([&] { worker = stage.make_worker(); }, [&] { worker->recover(); });
  // The search for owned entries writes nothing; to step through it would take a minute.
  replacement.run_to(address_of_code(&worker::Outbox::recover));
  static_cast<void>(stepping.watch().look());
  const auto is_worked_again = [&] {
    return std::any_of(std::begin(area.buffers), std::end(area.buffers), [](const auto& buffer) {
      return buffer.node.state.load() == shm::NodeState::kTaken && buffer.node.attempts >= 2;
    });
  };
  for (unsigned steps = 1; replacement.step(); ++steps) {
    if (steps % stride != 0 || stepping.watch().look() == Watch::Change::kNone) continue;
    if (is_worked_again()) break;
    stepping.die_here();
    if (sends_only && area.outbox.count.load() == 0) break;
  }
  stepping.assert_all_right();
  CPPUNIT_ASSERT_MESSAGE(fmt::format("{} deaths", stepping.deaths()), stepping.deaths() > 3);
}

static void kill_replacement(const Scenario& scenario, std::uint64_t commits, bool sends_only) {
  Stepping stepping(scenario);
  Stage& stage = stepping.call().stage;
  shm::WorkerArea& area = stage.state().area(shm::WorkerId{1});
  std::unique_ptr<worker::Worker> worker;
  {
    Stepper first(
        [&] {
          worker = stage.make_worker();
          worker->recover();
        },
        [&] { scenario.work(stepping.call(), *worker); });
    const auto is_there = [&] {
      return commits > 0 ? stepping.commits() >= commits : area.outbox.count.load() > 0;
    };
    while (!is_there()) {
      CPPUNIT_ASSERT(first.step());
      stepping.let_come_what_comes();
    }
  }
  stepping.die_unseen();
  step_replacement(stepping, sends_only ? 1 : 8, sends_only);
}

void kill_the_replacement(const Scenario& scenario, std::uint64_t commits) {
  kill_replacement(scenario, commits, false);
}

void kill_the_replacement_as_it_sends(const Scenario& scenario, std::uint64_t commits) {
  kill_replacement(scenario, commits, true);
}

void kill_as_it_takes_over(const Scenario& scenario) {
  Stepping stepping(scenario);
  step_replacement(stepping, 1, false);
}

}  // namespace lockstep::test
