// quarantine_test.cc: a datagram that kills every worker that works it (DESIGN 6): after the second death it
// is set aside in a file, counted, and the call goes on with what came behind it.
#include <cppunit/extensions/HelperMacros.h>
#include <signal.h>
#include <sys/wait.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "test/process/stage.h"

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
  CPPUNIT_TEST_SUITE_END();

  static std::string request(const Peer& caller, std::string_view method, unsigned cseq, std::size_t body) {
    return fmt::format(
        "{0} sip:a@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{1};branch=z9hG4bK{2}\r\n"
        "From: <sip:c@x>;tag=1\r\nTo: <sip:a@x>\r\nCall-ID: call\r\nCSeq: {2} {0}\r\nMax-Forwards: 70\r\n"
        "Content-Length: {3}\r\n\r\n{4}",
        method, caller.port(), cseq, body, std::string(body, 'x'));
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

  static std::vector<std::string> live_turn(Stage& stage, const Peer& caller) {
    const auto worker = stage.make_worker();
    worker->recover();
    worker->turn();
    std::vector<std::string> answers;
    for (const std::string& message : caller.take(100)) answers.push_back(summary_of(message));
    return answers;
  }

  static void assert_set_aside(std::size_t body, const std::string& folder, const Folder* kept) {
    Stage stage({.script = "request_route { if (method == \"MESSAGE\") die(); answer(200); }\n",
                 .quarantine_dir = folder,
                 .deaths = 2});
    const Peer caller;
    caller.hear_only(stage.port());
    const std::string deadly = request(caller, "MESSAGE", 1, body);
    caller.send(stage.port(), deadly);
    caller.send(stage.port(), request(caller, "OPTIONS", 2, 0));
    CPPUNIT_ASSERT(is_readable(stage.socket(), 1000));
    CPPUNIT_ASSERT(dies(stage));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, stage.counter(&worker::EngineCounters::quarantined));
    CPPUNIT_ASSERT(dies(stage));
    const std::vector<std::string> answers = live_turn(stage, caller);
    CPPUNIT_ASSERT_EQUAL(std::string("200 OPTIONS"), fmt::format("{}", fmt::join(answers, ", ")));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, stage.counter(&worker::EngineCounters::quarantined));
    if (kept != nullptr) CPPUNIT_ASSERT(kept->contents() == std::vector<std::string>{deadly});
    CPPUNIT_ASSERT_EQUAL(std::string(), stage.unrest());
    CPPUNIT_ASSERT_EQUAL(std::string("messages_2k=8 "), stage.slots_in_use());
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
};

CPPUNIT_TEST_SUITE_REGISTRATION(QuarantineTest);

}  // namespace
}  // namespace lockstep::test
