// deadly_test.cc: a datagram that kills whoever works it, as an operator meets it: set aside after the second
// death, kept in a file, counted, told by `lockstepctl status`.
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "test/call/call_test.h"

namespace lockstep::harness {
namespace {

class DeadlyTest : public CallTest {
  CPPUNIT_TEST_SUITE(DeadlyTest);
  CPPUNIT_TEST(status_tells_what_was_set_aside_and_where);
  CPPUNIT_TEST_SUITE_END();

 public:
  // The line of `lockstepctl status` that begins with these words.
  std::string status_line(const std::string& label) {
    const Outcome outcome = server().control({"status"});
    CPPUNIT_ASSERT_EQUAL_MESSAGE(outcome.output, 0, outcome.status);
    std::istringstream lines(outcome.output);
    for (std::string line; std::getline(lines, line);) {
      if (line.rfind(label, 0) == 0) return line;
    }
    return "no line " + label + " in\n" + outcome.output;
  }

  void kill_in_the_middle(int death) {
    const auto begun = [&] {
      const std::string log = server().log();
      int count = 0;
      for (auto at = log.find("in the middle of"); at != std::string::npos;
           at = log.find("in the middle of", at + 1))
        ++count;
      return count >= death;
    };
    CPPUNIT_ASSERT_MESSAGE(log_text(), stage.run_until(begun));
    const std::vector<pid_t> workers = server().worker_pids();
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, workers.size());
    kill(workers[0], SIGKILL);
  }

  void status_tells_what_was_set_aside_and_where() {
    if (Server::is_peer()) return;
    expect_deaths();
    serve(1, {}, "test/call/deadly.cfg");
    CPPUNIT_ASSERT_EQUAL(std::string("set aside      nothing"), status_line("set aside"));
    Phone& a = phone("a", "a");
    a.retransmits = false;
    const Transaction& deadly = a.request("MESSAGE", server().uri("bob"), "deadly");
    kill_in_the_middle(1);
    kill_in_the_middle(2);
    const Transaction& next = a.request("OPTIONS", server().uri("bob"));
    a.retransmits = true;
    LS_WAIT(next.final_status == 200);
    CPPUNIT_ASSERT_EQUAL(0, deadly.final_status);
    std::string file;
    for (const auto& entry : std::filesystem::directory_iterator(server().run_folder())) {
      if (entry.path().extension() == ".sip") file = entry.path();
    }
    CPPUNIT_ASSERT_MESSAGE(file, read_text(file).find("\r\n\r\ndeadly") != std::string::npos);
    CPPUNIT_ASSERT_EQUAL("set aside      1 after two workers had died of each: " + file,
                         status_line("set aside"));
    CPPUNIT_ASSERT(server().rpc("stats.get_statistics", {"core:"}).find("core:quarantined = 1") !=
                   std::string::npos);
    // Kept over the restart: whoever looks for the cause finds it still told.
    CPPUNIT_ASSERT_EQUAL("file " + std::filesystem::path(file).filename().string() + "\n",
                         joined(server().stop()));
    server().start();
    CPPUNIT_ASSERT_EQUAL("set aside      nothing since the start; before: " + file, status_line("set aside"));
    std::filesystem::remove(file);
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(DeadlyTest);

}  // namespace
}  // namespace lockstep::harness
