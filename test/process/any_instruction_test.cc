// any_instruction_test.cc: a worker dies at any instruction while it works one event (DESIGN 6, I20). Every
// state of shared memory that such a death can leave is looked at: the worker is stepped instruction by
// instruction, and wherever something changed, a replacement takes over; the wire must then have seen each
// effect exactly once, in order, and nothing may be left owned, listed or lost.
#include <algorithm>
#include <map>

#include "test/process/aside.h"
#include "test/unit/shm/stepper.h"

namespace lockstep::test {
namespace {

constexpr std::uint64_t kLongAgoMs = 200000;

transaction::Settings slow_timers() {
  transaction::Settings timers;
  // A test that is stepped takes long; nothing shall be repeated meanwhile.
  timers.t1 = timers.t2 = transaction::DurationMs{400000};
  timers.fr_timer = transaction::DurationMs{4000000};
  timers.fr_inv_timer = transaction::DurationMs{4000000};
  timers.t4 = transaction::DurationMs{5000};
  return timers;
}

// A caller, two phones and one worker.
struct Call {
  explicit Call(const transaction::Settings& timers)
      : stage({.script = fmt::format("#!define SECOND \"sip:b@127.0.0.1:{}\"\n"
                                     "request_route {{\n"
                                     "  if (method == \"OPTIONS\") {{ answer(200); exit; }}\n"
                                     "  if (method == \"INVITE\") {{ add_branch(SECOND); }}\n"
                                     "  if (method == \"SUBSCRIBE\") {{\n"
                                     "    add_branch(SECOND); add_branch(SECOND); add_branch(SECOND);\n"
                                     "  }}\n"
                                     "  relay();\n"
                                     "}}\n",
                                     second.port()),
               .timers = timers}) {}

  std::string request(std::string_view method, std::string_view branch, std::size_t body = 0) const {
    return fmt::format(
        "{0} sip:a@127.0.0.1:{1} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{2};branch=z9hG4bK{3}\r\n"
        "From: <sip:c@x>;tag=1\r\nTo: <sip:a@x>\r\nCall-ID: call\r\nCSeq: 1 {0}\r\nMax-Forwards: 70\r\n"
        "Content-Length: {4}\r\n\r\n{5}",
        method, first.port(), caller.port(), branch, body, std::string(body, 'x'));
  }
  // The phone's answer to a request as it received it.
  static std::string response(const std::string& request, std::string_view status, std::string_view tag) {
    std::string text = fmt::format("SIP/2.0 {}\r\n", status);
    std::size_t at = request.find("\r\n") + 2;
    for (std::size_t end = request.find("\r\n", at); end != at; end = request.find("\r\n", at)) {
      const std::string line = request.substr(at, end - at);
      if (line.starts_with("To: ")) {
        text += fmt::format("{};tag={}\r\n", line, tag);
      } else if (!line.starts_with("Content-") && !line.starts_with("Max-")) {
        text += line + "\r\n";
      }
      at = end + 2;
    }
    return text + "Content-Length: 0\r\n\r\n";
  }
  void deliver(const Peer& from, const std::string& bytes) const {
    from.send(stage.port(), bytes);
    CPPUNIT_ASSERT(is_readable(stage.socket(), 1000));
  }
  // What every peer was sent, "caller: ... | first: ... | second: ...".
  std::string wire(int wait_ms = 0) const {
    std::string text;
    for (const auto& [name, peer] : {std::pair{"caller", &caller}, {"first", &first}, {"second", &second}}) {
      for (const std::string& message : peer->take(wait_ms)) {
        text += fmt::format("{}: {}\n", name, summary_of(message));
      }
    }
    return text;
  }

  Peer caller, first, second;
  Stage stage;
};

using Lines = std::vector<std::string>;

Lines lines_of(const std::string& text) {
  Lines lines;
  for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) {
    lines.push_back(text.substr(at, text.find('\n', at) - at));
  }
  std::stable_sort(lines.begin(), lines.end(), [](const std::string& a, const std::string& b) {
    return a.substr(0, a.find(':')) < b.substr(0, b.find(':'));
  });
  return lines;
}

struct Scenario {
  std::function<void(Call&)> prepare;                // Until the event, by a worker that lives.
  std::function<void(Call&)> event;                  // Puts the event where the worker will find it.
  std::function<void(Call&, worker::Worker&)> work;  // What the stepped worker does.
  std::string wire;                                  // What the event must cause, all told.
  std::string slots;                                 // In use in the end.
  transaction::Settings timers = slow_timers();
  unsigned every_record_change = 24;  // Deaths inside records: every so many stores.
};

class AnyInstructionTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(AnyInstructionTest);
  CPPUNIT_TEST(stateless_answer);
  CPPUNIT_TEST(long_datagram);
  CPPUNIT_TEST(request_that_makes_a_transaction);
  CPPUNIT_TEST(fork_of_an_invite);
  CPPUNIT_TEST(fork_to_more_branches_than_a_record_holds);
  CPPUNIT_TEST(answer_that_cancels_the_other_branch);
  CPPUNIT_TEST(two_answers_in_one_batch);
  CPPUNIT_TEST(timer_that_ends_a_transaction);
  CPPUNIT_TEST(death_in_the_recovery_before_the_commit);
  CPPUNIT_TEST(death_in_the_recovery_after_the_commit);
  CPPUNIT_TEST(death_in_the_recovery_of_an_ended_transaction);
  CPPUNIT_TEST_SUITE_END();

  static void live_turn(Call& call) {
    const auto worker = call.stage.make_worker();
    worker->recover();
    worker->turn();
  }

  // A replacement takes over and works what is there; then all must be at rest.
  static void replace_and_finish(Call& call, const Scenario& scenario) {
    const auto worker = call.stage.make_worker();
    worker->recover();
    scenario.work(call, *worker);
  }

  struct Tally {
    unsigned deaths = 0;
    unsigned before_commit = 0;
    unsigned after_commit = 0;
    std::map<std::string, unsigned> outcomes;
  };

  // Without what every worker that has flushed keeps for answers when memory is full.
  static std::string slots_in_use(Call& call) {
    std::string text = call.stage.slots_in_use();
    constexpr std::string_view kReserve = "messages_2k=8 ";
    if (const std::size_t at = text.find(kReserve); at != std::string::npos) text.erase(at, kReserve.size());
    return text;
  }

  static bool is_waiting(const Call& call) { return is_readable(call.stage.socket(), 0); }

  // The state as it is now, as a death would leave it.
  static void die_here(Call& call, const Watch& watch, const Scenario& scenario, std::string& seen,
                       std::uint64_t consumed_before, Tally& tally) {
    seen += call.wire();
    const bool was_waiting = is_waiting(call);
    const bool is_committed = call.stage.state().entry(watch.entries()[0]).consumed.load() > consumed_before;
    std::string outcome;
    {
      const Aside aside(call.stage, watch.entries());
      replace_and_finish(call, scenario);
      const Lines wanted = lines_of(scenario.wire);
      std::string all = seen + call.wire();
      for (int patience = 0; lines_of(all).size() < wanted.size() && patience < 10; ++patience) {
        all += call.wire(5);
      }
      outcome =
          fmt::format("{}\n{}{}", fmt::join(lines_of(all), "\n"), call.stage.unrest(), slots_in_use(call));
    }
    ++tally.deaths;
    ++(is_committed ? tally.after_commit : tally.before_commit);
    ++tally.outcomes[outcome];
    if (was_waiting && !is_waiting(call)) scenario.event(call);
  }

  static void assert_outcomes(Tally& tally, const Scenario& scenario) {
    const std::string right = fmt::format("{}\n{}", fmt::join(lines_of(scenario.wire), "\n"), scenario.slots);
    for (const auto& [outcome, count] : tally.outcomes) {
      CPPUNIT_ASSERT_EQUAL_MESSAGE(fmt::format("{} of {} deaths", count, tally.deaths), right, outcome);
    }
  }

  static void kill_everywhere(const Scenario& scenario) {
    Call call(scenario.timers);
    scenario.prepare(call);
    scenario.event(call);
    Watch watch(call.stage, {"call"});
    const std::uint64_t consumed = call.stage.state().entry(watch.entries()[0]).consumed.load();
    std::unique_ptr<worker::Worker> worker;
    Stepper stepper(
        [&] {
          worker = call.stage.make_worker();
          worker->recover();
        },
        [&] { scenario.work(call, *worker); });
    static_cast<void>(watch.look());
    std::string seen;
    Tally tally;
    unsigned record_changes = 0;
    while (stepper.step()) {
      const Watch::Change change = watch.look();
      if (change == Watch::Change::kNone) continue;
      if (change == Watch::Change::kRecord && ++record_changes % scenario.every_record_change != 0) continue;
      die_here(call, watch, scenario, seen, consumed, tally);
      static_cast<void>(watch.look());
    }
    die_here(call, watch, scenario, seen, consumed, tally);
    assert_outcomes(tally, scenario);
    // Else the deaths were all on one side of the commit, and proved little.
    CPPUNIT_ASSERT_MESSAGE(
        fmt::format("{} deaths before the commit, {} after it", tally.before_commit, tally.after_commit),
        tally.before_commit > 5 && tally.after_commit > 5);
  }

  // The first death at the commit, before or after it; then the replacement dies at many instructions too.
  // A replacement that dies of the event itself is not looked at: two such deaths set the event aside.
  static void kill_the_replacement(const Scenario& scenario, bool after_commit, unsigned stride) {
    Call call(scenario.timers);
    scenario.prepare(call);
    scenario.event(call);
    Watch watch(call.stage, {"call"});
    shm::EntryRecord& entry = call.stage.state().entry(watch.entries()[0]);
    const std::uint64_t consumed = entry.consumed.load();
    shm::Outbox& outbox = call.stage.state().area(shm::WorkerId{1}).outbox;
    std::unique_ptr<worker::Worker> worker;
    const auto prepare = [&] { worker = call.stage.make_worker(); };
    {
      Stepper first(
          [&] {
            prepare();
            worker->recover();
          },
          [&] { scenario.work(call, *worker); });
      const auto is_there = [&] {
        return after_commit ? entry.consumed.load() > consumed : outbox.count.load() > 0;
      };
      while (!is_there()) CPPUNIT_ASSERT(first.step());
    }
    std::string seen;
    Tally tally;
    Stepper replacement(prepare, [&] { worker->recover(); });
    // The search for owned entries writes nothing; to step through it would take a minute.
    const auto after_search = &worker::Outbox::recover;
    const void* address = nullptr;
    std::memcpy(&address, &after_search, sizeof address);
    replacement.run_to(address);
    static_cast<void>(watch.look());
    const auto is_worked_again = [&] {
      const shm::WorkerArea& area = call.stage.state().area(shm::WorkerId{1});
      return std::any_of(std::begin(area.buffers), std::end(area.buffers), [](const auto& buffer) {
        return buffer.node.state.load() != shm::NodeState::kFree && buffer.node.attempts >= 2;
      });
    };
    for (unsigned steps = 1; replacement.step(); ++steps) {
      if (steps % stride != 0 || watch.look() == Watch::Change::kNone) continue;
      if (!after_commit && is_worked_again()) break;
      die_here(call, watch, scenario, seen, consumed, tally);
      static_cast<void>(watch.look());
    }
    assert_outcomes(tally, scenario);
    CPPUNIT_ASSERT_MESSAGE(fmt::format("{} deaths", tally.deaths), tally.deaths > 3);
  }

  static void receive(Call&, worker::Worker& worker) { worker.turn(); }

  static Scenario options() {
    return {.prepare = [](Call&) {},
            .event = [](Call& call) { call.deliver(call.caller, call.request("OPTIONS", "o1")); },
            .work = receive,
            .wire = "caller: 200 OPTIONS\n",
            .slots = ""};
  }

  static Scenario message() {
    return {.prepare = [](Call&) {},
            .event = [](Call& call) { call.deliver(call.caller, call.request("MESSAGE", "m1")); },
            .work = receive,
            .wire = "first: MESSAGE\n",
            .slots = "transactions=1 messages_512=2 "};
  }

  // Both phones ring; then both answer at once, and the worker finds both answers in one batch.
  static Scenario answers() {
    static Lines invites;
    return {.prepare =
                [](Call& call) {
                  call.deliver(call.caller, call.request("INVITE", "i1"));
                  live_turn(call);
                  const auto at_first = call.first.take(1000);
                  const auto at_second = call.second.take(1000);
                  CPPUNIT_ASSERT(at_first.size() == 1 && at_second.size() == 1);
                  invites = {at_first[0], at_second[0]};
                  call.deliver(call.first, Call::response(invites[0], "180 Ringing", "a"));
                  call.deliver(call.second, Call::response(invites[1], "180 Ringing", "b"));
                  live_turn(call);
                  CPPUNIT_ASSERT_EQUAL(std::size_t{3}, call.caller.take(1000).size());
                },
            .event = [](Call& call) { call.deliver(call.first, Call::response(invites[0], "200 OK", "a")); },
            .work = receive,
            .wire = "caller: 200 INVITE\nsecond: CANCEL\n",
            .slots = "transactions=1 messages_512=3 "};
  }

  // A request that was answered long ago, by all phones: only the timers of its transaction are left to fire.
  static Scenario last_timer(std::string_view method = "MESSAGE") {
    return {.prepare =
                [method](Call& call) {
                  call.deliver(call.caller, call.request(method, "m1"));
                  live_turn(call);
                  for (const Peer* phone : {&call.first, &call.second}) {
                    for (const std::string& request : phone->take(200)) {
                      call.deliver(*phone, Call::response(request, "200 OK", "a"));
                      live_turn(call);
                    }
                  }
                  CPPUNIT_ASSERT_EQUAL(std::size_t{1}, call.caller.take(1000).size());
                  call.stage.process().slabs.for_each_linked(
                      shm::SlabKind::kTransaction, [&](shm::SlotHandle slot, shm::Mark) {
                        auto& record =
                            *call.stage.segment().at(shm::Handle<shm::TransactionRecord>{slot.value});
                        record.born_ms -= kLongAgoMs;
                        record.armed_at_ms -= kLongAgoMs;
                      });
                },
            .event = [](Call&) {},
            .work =
                [](Call& call, worker::Worker& worker) {
                  // The wheel turns by ticks of the clock.
                  std::size_t left = 0;
                  const auto count = [&left](shm::SlotHandle, shm::Mark) { ++left; };
                  for (int turns = 0; turns < 4; ++turns) {
                    const std::uint64_t start = monotonic_ms();
                    while (monotonic_ms() / 10 == start / 10) poll(nullptr, 0, 2);
                    worker.turn();
                    left = 0;
                    call.stage.process().slabs.for_each_linked(shm::SlabKind::kTransaction, count);
                    if (left == 0) return;
                  }
                },
            .wire = "",
            .slots = "",
            .timers = {.t1 = transaction::DurationMs{2500}}};
  }

 public:
  void stateless_answer() { kill_everywhere(options()); }

  void long_datagram() {
    Scenario scenario = options();
    scenario.event = [](Call& call) { call.deliver(call.caller, call.request("OPTIONS", "o1", 3000)); };
    kill_everywhere(scenario);
  }

  void request_that_makes_a_transaction() { kill_everywhere(message()); }

  void fork_of_an_invite() {
    Scenario scenario = message();
    scenario.event = [](Call& call) { call.deliver(call.caller, call.request("INVITE", "i1")); };
    scenario.wire = "caller: 100 INVITE\nfirst: INVITE\nsecond: INVITE\n";
    scenario.slots = "transactions=1 messages_512=4 ";
    kill_everywhere(scenario);
  }

  void fork_to_more_branches_than_a_record_holds() {
    Scenario scenario = message();
    scenario.event = [](Call& call) { call.deliver(call.caller, call.request("SUBSCRIBE", "s1")); };
    scenario.wire = "first: SUBSCRIBE\nsecond: SUBSCRIBE\nsecond: SUBSCRIBE\nsecond: SUBSCRIBE\n";
    scenario.slots = "transactions=1 branches=1 messages_512=5 ";
    kill_everywhere(scenario);
  }

  void answer_that_cancels_the_other_branch() { kill_everywhere(answers()); }

  // The first death falls on either of two events of one work list.
  void two_answers_in_one_batch() {
    Scenario scenario = options();
    scenario.event = [](Call& call) {
      call.deliver(call.caller, call.request("OPTIONS", "o1"));
      call.deliver(call.caller, call.request("MESSAGE", "m1"));
    };
    scenario.wire = "caller: 200 OPTIONS\nfirst: MESSAGE\n";
    scenario.slots = "transactions=1 messages_512=2 ";
    kill_everywhere(scenario);
  }

  void timer_that_ends_a_transaction() {
    Scenario scenario = last_timer();
    scenario.every_record_change = 12;
    kill_everywhere(scenario);
  }

  void death_in_the_recovery_before_the_commit() { kill_the_replacement(answers(), false, 8); }
  void death_in_the_recovery_after_the_commit() { kill_the_replacement(answers(), true, 8); }
  void death_in_the_recovery_of_an_ended_transaction() { kill_the_replacement(last_timer(), true, 8); }
};

CPPUNIT_TEST_SUITE_REGISTRATION(AnyInstructionTest);

}  // namespace
}  // namespace lockstep::test
