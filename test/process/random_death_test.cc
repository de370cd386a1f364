// random_death_test.cc: workers that die by SIGKILL every few milliseconds while requests pass (DESIGN 6,
// I20, and O1 across deaths): every request takes effect exactly once, in the order of its source, and in
// the end nothing is left in shared memory. Requests are sent in small portions, each counted in before the
// next, so that no kernel buffer overflows and a loss is a loss of ours.
#include <cppunit/extensions/HelperMacros.h>
#include <signal.h>
#include <sys/wait.h>

#include <array>
#include <map>
#include <random>
#include <set>

#include "core/order/replay.h"
#include "test/process/stage.h"

namespace lockstep::test {
namespace {

constexpr std::uint32_t kWorkers = 3;
constexpr std::size_t kCallers = 6;
constexpr std::size_t kCallsPerCaller = 4;

// A supervisor's part: forks workers, kills one, forks its replacement.
class Crew {
 public:
  explicit Crew(Stage& stage) : stage_(stage) {
    for (std::uint32_t id = 1; id <= kWorkers; ++id) start(id, false);
  }
  ~Crew() {
    for (const pid_t pid : pids_) {
      if (pid <= 0) continue;
      kill(pid, SIGKILL);
      waitpid(pid, nullptr, 0);
    }
  }
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  void kill_one(std::uint32_t id) {
    kill(pids_[id], SIGKILL);
    int status = 0;
    waitpid(pids_[id], &status, 0);
    // Else it had died by itself: an assertion, a crash.
    CPPUNIT_ASSERT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    start(id, true);
  }
  // All end as they are told to.
  void stop() {
    stage_.stop();
    for (pid_t& pid : pids_) {
      if (pid <= 0) continue;
      int status = 0;
      waitpid(pid, &status, 0);
      pid = 0;
      CPPUNIT_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
  }

 private:
  void start(std::uint32_t id, bool is_replacement) {
    const pid_t child = fork();
    LS_ASSERT(child >= 0);
    if (child == 0) {
      stage_.keep_only_stop_reader();
      stage_.settings(id).is_replacement = is_replacement;
      stage_.make_worker(id)->run();
      _exit(0);
    }
    pids_[id] = child;
  }

  Stage& stage_;
  std::array<pid_t, kWorkers + 1> pids_{};
};

// What one caller sends on its calls, and what came of it. Requests of a call are numbered by CSeq.
struct Caller {
  Peer socket;
  std::array<unsigned, kCallsPerCaller> sent{};
  std::map<std::string, unsigned> answers;  // "Call-ID CSeq" to how many.
};

class RandomDeathTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(RandomDeathTest);
  CPPUNIT_TEST(requests_are_answered_once);
  CPPUNIT_TEST(requests_are_relayed_once_in_order_and_leave_nothing);
  CPPUNIT_TEST_SUITE_END();

  static std::string request(const Caller& caller, std::string_view method, std::size_t number,
                             std::size_t call, unsigned cseq, std::uint16_t phone) {
    return fmt::format(
        "{0} sip:p@127.0.0.1:{1} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{2};branch=z9hG4bK{3}-{4}-{5}\r\n"
        "From: <sip:c{3}@x>;tag=1\r\nTo: <sip:p@x>\r\nCall-ID: call-{3}-{4}\r\nCSeq: {5} {0}\r\n"
        "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
        method, phone, caller.socket.port(), number, call, cseq);
  }
  static std::string identity(const std::string& message) {
    return header_of(message, "Call-ID") + " " + header_of(message, "CSeq");
  }
  static std::string ok(const std::string& request) {
    std::string text = "SIP/2.0 200 OK" + request.substr(request.find("\r\n"));
    return text.replace(text.find("Max-Forwards: "), 14, "X-Was: ");
  }

  struct Traffic {
    Traffic(const std::string& method_of, const Stage& stage) : method(method_of) {
      phone.hear_only(stage.port());
      for (const Caller& caller : callers) caller.socket.hear_only(stage.port());
    }

    void send_some(Stage& stage, std::size_t count) {
      for (std::size_t i = 0; i < count; ++i) {
        const std::size_t number = random() % kCallers;
        const std::size_t call = random() % kCallsPerCaller;
        Caller& caller = callers[number];
        const unsigned cseq = ++caller.sent[call];
        caller.socket.send(stage.port(), request(caller, method, number, call, cseq, phone.port()));
        ++sent;
      }
    }
    // The phone answers what has reached it; callers take what has come back.
    void move(Stage& stage) {
      for (const std::string& message : phone.take()) {
        if (message.starts_with("SIP/2.0")) continue;
        ++relayed[identity(message)];
        arrivals[header_of(message, "Call-ID")].push_back(std::stoul(header_of(message, "CSeq")));
        phone.send(stage.port(), ok(message));
      }
      for (Caller& caller : callers) {
        for (const std::string& message : caller.socket.take()) {
          CPPUNIT_ASSERT_MESSAGE(message, message.starts_with("SIP/2.0 200 "));
          ++caller.answers[identity(message)];
          ++answered;
        }
      }
    }
    // `total` requests in portions, a death now and then, until every one is answered.
    void run(Stage& stage, Crew& crew, std::size_t total) {
      std::uint64_t next_death = monotonic_ms() + 5;
      std::uint64_t progress_at = monotonic_ms();
      std::size_t progress = 0;
      while (answered < total) {
        constexpr std::size_t kInFlightMax = 60;
        if (sent < total && sent - answered < kInFlightMax) {
          send_some(stage, std::min<std::size_t>(20, total - sent));
        }
        is_readable(callers[random() % kCallers].socket.fd(), 1);
        move(stage);
        const std::uint64_t now = monotonic_ms();
        if (sent < total && now >= next_death) {
          crew.kill_one(1 + static_cast<std::uint32_t>(random() % kWorkers));
          ++deaths;
          next_death = monotonic_ms() + 1 + random() % 6;
        }
        if (answered != progress) {
          progress = answered;
          progress_at = now;
        }
        if (now > progress_at + 5000) break;  // What is still missing is lost.
      }
    }

    std::string method;
    std::array<Caller, kCallers> callers;
    Peer phone;
    std::minstd_rand random{7};
    std::size_t sent = 0;
    std::size_t answered = 0;
    unsigned deaths = 0;
    std::map<std::string, unsigned> relayed;
    std::map<std::string, std::vector<unsigned long>> arrivals;
  };

  static transaction::Settings timers() {
    transaction::Settings timers;
    // Long enough that nothing is repeated while a worker is replaced, short enough to end soon.
    timers.t1 = timers.t2 = transaction::DurationMs{1500};
    timers.t4 = transaction::DurationMs{100};
    return timers;
  }

  static std::string script() {
    return "request_route { if (method == \"OPTIONS\") { answer(200); exit; } relay(); }\n";
  }

  // Every request once, and those that two deaths in a row hit (they are set aside) at most once.
  static void assert_once(const Traffic& traffic, Stage& stage, bool is_relayed) {
    const std::uint64_t set_aside = stage.counter(&worker::EngineCounters::quarantined);
    std::uint64_t missing = 0;
    for (std::size_t number = 0; number < kCallers; ++number) {
      for (std::size_t call = 0; call < kCallsPerCaller; ++call) {
        for (unsigned cseq = 1; cseq <= traffic.callers[number].sent[call]; ++cseq) {
          const std::string id = fmt::format("call-{}-{} {} {}", number, call, cseq, traffic.method);
          const auto answers = traffic.callers[number].answers.find(id);
          const unsigned count = answers == traffic.callers[number].answers.end() ? 0 : answers->second;
          if (count == 0) {
            ++missing;
            continue;
          }
          CPPUNIT_ASSERT_EQUAL_MESSAGE(id, 1u, count);
          if (is_relayed) CPPUNIT_ASSERT_EQUAL_MESSAGE(id, 1u, traffic.relayed.at(id));
        }
      }
    }
    CPPUNIT_ASSERT_EQUAL_MESSAGE("missing, against set aside", set_aside, missing);
    CPPUNIT_ASSERT(traffic.deaths > 20);
  }

 public:
  void requests_are_answered_once() {
    Stage stage({.worker_count = kWorkers, .script = script(), .timers = timers()});
    Traffic traffic("OPTIONS", stage);
    Crew crew(stage);
    traffic.run(stage, crew, 12000);
    crew.stop();
    assert_once(traffic, stage, false);
    CPPUNIT_ASSERT_EQUAL(std::string(), stage.unrest());
  }

  void requests_are_relayed_once_in_order_and_leave_nothing() {
    Stage stage({.worker_count = kWorkers,
                 .slab_bytes = 16 << 20,
                 .order_log_mb = 48,  // Enough that nothing is overwritten.
                 .script = script(),
                 .timers = timers(),
                 .shares_work = true});
    Traffic traffic("MESSAGE", stage);
    Crew crew(stage);
    traffic.run(stage, crew, 6000);
    assert_once(traffic, stage, true);
    for (const auto& [call, numbers] : traffic.arrivals) {
      CPPUNIT_ASSERT_MESSAGE(call, std::is_sorted(numbers.begin(), numbers.end()));
    }
    crew.stop();
    assert_recorded_once(stage);
    const std::size_t flushed = end_transactions(stage);
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, transactions(stage));
    CPPUNIT_ASSERT_EQUAL(std::string(), stage.unrest());
    // What each worker that has flushed keeps for answers when memory is full, and nothing else.
    CPPUNIT_ASSERT_EQUAL(reserve_of(flushed), stage.slots_in_use());
  }

  // Whatever died when: the log replays, and tells each datagram once (no request is repeated so soon).
  static void assert_recorded_once(Stage& stage) {
    const shm::SharedState& state = stage.process().state;
    std::vector<const shm::OrderLogArea*> rings;
    for (std::uint32_t id = 1; id <= kWorkers; ++id) rings.push_back(state.order_logs[id]);
    const order::Log log = order::read_rings(state, state.entries, rings);
    CPPUNIT_ASSERT(log.records.size() > 1000);
    const order::Replay result = order::replay(log);
    CPPUNIT_ASSERT_EQUAL(std::string(), result.departure);
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, result.incomplete);
    CPPUNIT_ASSERT(result.decisions > 1000);
    std::set<std::string> sent;
    for (const order::Record& record : log.records) {
      if (record.head.kind != shm::LogKind::kSent || !record.bytes.starts_with("MESSAGE")) continue;
      CPPUNIT_ASSERT_MESSAGE(record.bytes, sent.insert(record.bytes).second);
    }
    CPPUNIT_ASSERT(sent.size() > 200);
  }

 private:
  static std::size_t transactions(Stage& stage) {
    std::size_t count = 0;
    stage.process().slabs.for_each_linked(shm::SlabKind::kTransaction,
                                          [&count](shm::SlotHandle, shm::Mark) { ++count; });
    return count;
  }
  // All that is left to them are timers: those move to the past, and workers that make their wheels anew
  // find them due. Returns how many workers had any: one that no caller's port falls to may have none.
  static std::size_t end_transactions(Stage& stage) {
    constexpr std::uint64_t kLongAgoMs = 200000;
    std::set<unsigned> armed_by;
    stage.process().slabs.for_each_linked(
        shm::SlabKind::kTransaction, [&stage, &armed_by](shm::SlotHandle slot, shm::Mark) {
          auto& record = *stage.segment().at(shm::Handle<shm::TransactionRecord>{slot.value});
          record.born_ms -= kLongAgoMs;
          armed_by.insert(record.armed_by);
          CPPUNIT_ASSERT_MESSAGE("every living transaction has a timer", record.armed_at_ms != shm::kNoStamp);
          if (record.armed_at_ms > kLongAgoMs) record.armed_at_ms -= kLongAgoMs;
        });
    std::vector<std::unique_ptr<worker::Worker>> workers;
    for (std::uint32_t id = 1; id <= kWorkers; ++id) {
      workers.push_back(stage.make_worker(id));
      workers.back()->recover();
    }
    for (int turns = 0; turns < 50 && transactions(stage) > 0; ++turns) {
      const std::uint64_t start = monotonic_ms();
      while (monotonic_ms() / 10 == start / 10)
        poll(nullptr, 0, 2);  // The wheel turns by ticks of the clock.
      for (const auto& worker : workers) worker->turn();
    }
    return armed_by.size();
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(RandomDeathTest);

}  // namespace
}  // namespace lockstep::test
