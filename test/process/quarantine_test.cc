// quarantine_test.cc: a datagram that kills every worker that works it, or that looks for its call
// (DESIGN 6): after the second death it is set aside in a file, counted, and what came behind it goes on.
#include <cppunit/extensions/HelperMacros.h>
#include <signal.h>
#include <sys/wait.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "core/sip/message.h"
#include "test/process/deaths.h"
#include "test/unit/shm/stepper.h"

namespace lockstep::test {
namespace {

// A folder that goes with the test.
class Folder {
 public:
  Folder() {
    char name[] = "/tmp/lockstep-quarantine-XXXXXX";
    LS_ASSERT(mkdtemp(name) != nullptr);
    path_ = name;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  const std::string& path() const { return path_; }
  std::vector<std::string> contents() const {
    std::vector<std::string> texts;
    for (const auto& file : std::filesystem::directory_iterator(path_)) {
      std::ifstream in(file.path(), std::ios::binary);
      texts.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
    }
    return texts;
  }

 private:
  std::string path_;
};

class QuarantineTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(QuarantineTest);
  CPPUNIT_TEST(what_kills_two_workers_is_set_aside);
  CPPUNIT_TEST(a_long_datagram_too);
  CPPUNIT_TEST(what_kills_one_worker_is_worked_by_the_next);
  CPPUNIT_TEST(without_a_place_for_the_file_the_call_goes_on);
  CPPUNIT_TEST(what_kills_two_workers_before_it_is_admitted_is_set_aside);
  CPPUNIT_TEST(a_long_datagram_before_it_is_admitted_too);
  CPPUNIT_TEST(what_kills_one_worker_before_it_is_admitted_is_admitted_by_the_next);
  CPPUNIT_TEST(deaths_before_and_after_the_admission_are_counted_apart);
  CPPUNIT_TEST(what_waits_for_its_push_is_never_set_aside);
  CPPUNIT_TEST(setting_aside_before_admission_survives_any_death);
  CPPUNIT_TEST(setting_aside_a_long_one_before_admission_survives_any_death);
  CPPUNIT_TEST_SUITE_END();

  static std::string request(const Peer& caller, std::string_view method, unsigned cseq, std::size_t body) {
    return fmt::format(
        "{0} sip:a@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{1};branch=z9hG4bK{2}\r\n"
        "From: <sip:c@x>;tag=1\r\nTo: <sip:a@x>\r\nCall-ID: call\r\nCSeq: {2} {0}\r\nMax-Forwards: 70\r\n"
        "Content-Length: {3}\r\n\r\n{4}",
        method, caller.port(), cseq, body, std::string(body, 'x'));
  }

  // A MESSAGE, which is returned, and an OPTIONS behind it.
  static std::string send_both(Stage& stage, const Peer& caller, std::size_t body = 10) {
    caller.hear_only(stage.port());
    const std::string message = request(caller, "MESSAGE", 1, body);
    caller.send(stage.port(), message);
    caller.send(stage.port(), request(caller, "OPTIONS", 2, 0));
    CPPUNIT_ASSERT(is_readable(stage.socket(), 1000));
    return message;
  }

  // A worker that takes over and works until it dies; whether it was the script that killed it.
  static bool dies(Stage& stage) {
    const pid_t child = fork();
    LS_ASSERT(child >= 0);
    if (child == 0) {
      const auto worker = stage.make_worker();
      worker->recover();
      worker->turn();
      _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  }

  static void die_before_admission(Stage& stage) { die_at(stage, address_of_code(&sip::quick_call_id)); }

  static std::vector<std::string> live_turn(Stage& stage, const Peer& caller) {
    const auto worker = stage.make_worker();
    worker->recover();
    worker->turn();
    std::vector<std::string> answers;
    for (const std::string& message : caller.take(100)) answers.push_back(summary_of(message));
    return answers;
  }

  // Both answered, nothing set aside, nothing left over.
  static void assert_both_answered(Stage& stage, const Peer& caller) {
    CPPUNIT_ASSERT_EQUAL(std::string("200 MESSAGE, 200 OPTIONS"),
                         fmt::format("{}", fmt::join(live_turn(stage, caller), ", ")));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, stage.counter(&worker::EngineCounters::quarantined));
    CPPUNIT_ASSERT_EQUAL(std::string(), stage.unrest());
  }

  // Two workers have died of the datagram when the replacement comes.
  static Scenario two_deaths(std::size_t body) {
    return {.prepare = [](Call&) {},
            .event =
                [body](Call& call) {
                  call.deliver(call.request("MESSAGE", "m1", body));
                  call.deliver(call.request("OPTIONS", "o1"));
                  die_before_admission(call.stage);
                  die_before_admission(call.stage);
                },
            .work = [](Call&, worker::Worker& worker) { worker.turn(); },
            .right = {"caller: 200 OPTIONS\n", ""}};
  }

  static void assert_set_aside_before_admission(std::size_t body) {
    const Folder folder;
    Stage stage({.script = "request_route { answer(200); }\n", .quarantine_dir = folder.path()});
    const Peer caller;
    const std::string deadly = send_both(stage, caller, body);
    die_before_admission(stage);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, stage.counter(&worker::EngineCounters::quarantined));
    die_before_admission(stage);
    CPPUNIT_ASSERT_EQUAL(std::string("200 OPTIONS"),
                         fmt::format("{}", fmt::join(live_turn(stage, caller), ", ")));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, stage.counter(&worker::EngineCounters::quarantined));
    CPPUNIT_ASSERT(folder.contents() == std::vector<std::string>{deadly});
    CPPUNIT_ASSERT_EQUAL(std::string(), stage.unrest());
    CPPUNIT_ASSERT_EQUAL(reserve_of(1), stage.slots_in_use());
  }

  static void assert_set_aside(std::size_t body, const std::string& folder, const Folder* kept) {
    Stage stage({.script = "request_route { if (method == \"MESSAGE\") die(); answer(200); }\n",
                 .quarantine_dir = folder,
                 .deaths = 2});
    const Peer caller;
    const std::string deadly = send_both(stage, caller, body);
    CPPUNIT_ASSERT(dies(stage));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, stage.counter(&worker::EngineCounters::quarantined));
    CPPUNIT_ASSERT(dies(stage));
    const std::vector<std::string> answers = live_turn(stage, caller);
    CPPUNIT_ASSERT_EQUAL(std::string("200 OPTIONS"), fmt::format("{}", fmt::join(answers, ", ")));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, stage.counter(&worker::EngineCounters::quarantined));
    if (kept != nullptr) CPPUNIT_ASSERT(kept->contents() == std::vector<std::string>{deadly});
    CPPUNIT_ASSERT_EQUAL(std::string(), stage.unrest());
    CPPUNIT_ASSERT_EQUAL(reserve_of(1), stage.slots_in_use());
  }

 public:
  void what_kills_two_workers_is_set_aside() {
    const Folder folder;
    assert_set_aside(10, folder.path(), &folder);
  }

  void a_long_datagram_too() {
    const Folder folder;
    assert_set_aside(9000, folder.path(), &folder);
  }

  void what_kills_one_worker_is_worked_by_the_next() {
    const Folder folder;
    Stage stage(
        {.script = "request_route { die(); answer(200); }\n", .quarantine_dir = folder.path(), .deaths = 1});
    const Peer caller;
    caller.hear_only(stage.port());
    caller.send(stage.port(), request(caller, "MESSAGE", 1, 10));
    CPPUNIT_ASSERT(is_readable(stage.socket(), 1000));
    CPPUNIT_ASSERT(dies(stage));
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, live_turn(stage, caller).size());
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, stage.counter(&worker::EngineCounters::quarantined));
    CPPUNIT_ASSERT(folder.contents().empty());
  }

  void without_a_place_for_the_file_the_call_goes_on() { assert_set_aside(10, "/no/such/folder", nullptr); }

  void what_kills_two_workers_before_it_is_admitted_is_set_aside() { assert_set_aside_before_admission(10); }
  void a_long_datagram_before_it_is_admitted_too() { assert_set_aside_before_admission(9000); }

  void what_kills_one_worker_before_it_is_admitted_is_admitted_by_the_next() {
    Stage stage({.script = "request_route { answer(200); }\n"});
    const Peer caller;
    static_cast<void>(send_both(stage, caller));
    die_before_admission(stage);
    assert_both_answered(stage, caller);
  }

  void deaths_before_and_after_the_admission_are_counted_apart() {
    Stage stage(
        {.script = "request_route { if (method == \"MESSAGE\") die(); answer(200); }\n", .deaths = 1});
    const Peer caller;
    static_cast<void>(send_both(stage, caller));
    die_before_admission(stage);
    CPPUNIT_ASSERT(dies(stage));
    assert_both_answered(stage, caller);
  }

  void what_waits_for_its_push_is_never_set_aside() {
    Stage stage({.script = "request_route { answer(200); }\n"});
    const Peer caller;
    static_cast<void>(send_both(stage, caller));
    for (int death = 0; death < 4; ++death) die_at(stage, address_of_code(&shm::Entry::admit));
    assert_both_answered(stage, caller);
  }

  void setting_aside_before_admission_survives_any_death() { kill_as_it_takes_over(two_deaths(10)); }
  void setting_aside_a_long_one_before_admission_survives_any_death() {
    kill_as_it_takes_over(two_deaths(9000));
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(QuarantineTest);

}  // namespace
}  // namespace lockstep::test
