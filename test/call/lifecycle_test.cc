// lifecycle_test.cc: starting, stopping and failing to start, as an operator meets them.
#include <signal.h>

#include <fstream>
#include <sstream>

#include "test/call/call_test.h"

namespace lockstep::harness {
namespace {

class LifecycleTest : public CallTest {
  CPPUNIT_TEST_SUITE(LifecycleTest);
  CPPUNIT_TEST(stop_leaves_nothing_behind);
  CPPUNIT_TEST(restart_serves_again);
  CPPUNIT_TEST(start_says_in_one_line_what_serves_where);
  CPPUNIT_TEST(second_start_is_refused);
  CPPUNIT_TEST(address_in_use_is_one_line_and_255);
  CPPUNIT_TEST(check_of_a_good_configuration);
  CPPUNIT_TEST(check_lists_every_mistake);
  CPPUNIT_TEST(shipped_configurations_are_good);
  CPPUNIT_TEST(missing_configuration_is_one_line_and_255);
  CPPUNIT_TEST(sigterm_to_the_supervisor_ends_all);
  CPPUNIT_TEST(killed_worker_is_replaced_and_counted);
  CPPUNIT_TEST(another_user_serves_and_leaves_nothing_behind);
  CPPUNIT_TEST(controls_answer);
  CPPUNIT_TEST(contacts_are_managed_by_rpc);
  CPPUNIT_TEST_SUITE_END();

 public:
  static std::string binary() {
    const char* build = std::getenv("BUILD");
    return std::string(build != nullptr ? build : "build") + "/lockstep";
  }
  static std::string modules() { return binary().substr(0, binary().rfind('/')) + "/modules"; }

  static std::size_t line_count(const std::string& text) {
    std::istringstream lines(text);
    std::size_t count = 0;
    for (std::string line; std::getline(lines, line);) count += line.empty() ? 0 : 1;
    return count;
  }

  void stop_leaves_nothing_behind() {
    serve(3);
    const pid_t supervisor = server().pid();
    CPPUNIT_ASSERT(process_exists(supervisor));
    // Otherwise the segment could not be seen to go.
    const std::string maps = read_text("/proc/" + std::to_string(supervisor) + "/maps");
    CPPUNIT_ASSERT(Server::is_peer() || maps.find("/dev/shm/lockstep") != std::string::npos);
    CPPUNIT_ASSERT_EQUAL(std::string(), joined(server().stop()));
    CPPUNIT_ASSERT(!process_exists(supervisor));
  }

  // -u: what root made at the start belongs to whom the server became.
  void another_user_serves_and_leaves_nothing_behind() {
    if (Server::is_peer() || getuid() != 0) return;
    serve(2, {"-u", "nobody", "-g", "nogroup"});
    const std::string status = read_text("/proc/" + std::to_string(server().pid()) + "/status");
    CPPUNIT_ASSERT_MESSAGE(status, status.find("Uid:\t65534\t") != std::string::npos);
    CPPUNIT_ASSERT_EQUAL(std::to_string(server().pid()) + "\n",
                         read_text(server().run_folder() + "/lockstep.pid"));
    CPPUNIT_ASSERT_EQUAL(std::string(), joined(server().stop()));
  }

  void restart_serves_again() {
    serve();
    const pid_t before = server().pid();
    CPPUNIT_ASSERT_EQUAL(std::string(), joined(server().stop()));
    server().start();
    CPPUNIT_ASSERT(server().pid() != before);
  }

  void start_says_in_one_line_what_serves_where() {
    if (Server::is_peer()) return;
    serve(3);
    CPPUNIT_ASSERT_EQUAL(std::string(), joined(server().stop()));
    const Outcome outcome = server().try_start();
    CPPUNIT_ASSERT_EQUAL_MESSAGE(outcome.output, 0, outcome.status);
    // Behind the last line that the server wrote before: its log goes to the same file.
    const std::size_t stopped = outcome.output.find("stopping on signal");
    CPPUNIT_ASSERT_MESSAGE(outcome.output, stopped != std::string::npos);
    const std::string told = outcome.output.substr(outcome.output.find('\n', stopped));
    CPPUNIT_ASSERT_EQUAL_MESSAGE(told, std::size_t{1}, line_count(told));
    for (const std::string& part : {"serves udp:" + server().address().text() + " with 3 workers",
                                    "PID " + std::to_string(server().pid()), std::string("run directory ")}) {
      CPPUNIT_ASSERT_MESSAGE(part + " is not in " + told, told.find(part) != std::string::npos);
    }
  }

  void second_start_is_refused() {
    if (Server::is_peer()) return;
    serve();
    const pid_t before = server().pid();
    const Outcome second = server().try_start();
    CPPUNIT_ASSERT_MESSAGE(second.output, second.status != 0);
    CPPUNIT_ASSERT_EQUAL(before, server().pid());
    CPPUNIT_ASSERT(process_exists(before));
  }

  void address_in_use_is_one_line_and_255() {
    if (Server::is_peer()) return;
    serve();
    const Outcome outcome = run_command({binary(), "-DD", "-E", "-f", "test/call/office.cfg", "-L", modules(),
                                         "-l", "udp:" + server().address().text()});
    CPPUNIT_ASSERT_EQUAL_MESSAGE(outcome.output, 255, outcome.status);
    CPPUNIT_ASSERT_EQUAL_MESSAGE(outcome.output, std::size_t{1}, line_count(outcome.output));
    CPPUNIT_ASSERT_MESSAGE(outcome.output,
                           outcome.output.find(server().address().text()) != std::string::npos);
  }

  void check_of_a_good_configuration() {
    if (Server::is_peer()) return;
    const Outcome outcome = run_command({binary(), "-c", "-f", "test/call/office.cfg", "-L", modules()});
    CPPUNIT_ASSERT_EQUAL_MESSAGE(outcome.output, 0, outcome.status);
    CPPUNIT_ASSERT_EQUAL_MESSAGE(outcome.output, std::size_t{1}, line_count(outcome.output));
  }

  void check_lists_every_mistake() {
    if (Server::is_peer()) return;
    const std::string folder = make_temp_folder("config");
    const std::string file = folder + "/bad.cfg";
    std::ofstream(file) << "#!KAMAILIO\n"
                           "childern=2\n"
                           "loadmodule \"tm.so\"\n"
                           "modparam(\"tm\", \"fr_timr\", 1000)\n"
                           "request_route {\n"
                           "  t_relai();\n"
                           "  if ($rU == ) { exit; }\n"
                           "}\n";
    for (const char* only_check : {"-c", "-DD"}) {
      const Outcome outcome = run_command({binary(), only_check, "-E", "-f", file, "-L", modules()});
      CPPUNIT_ASSERT_EQUAL_MESSAGE(outcome.output, 255, outcome.status);
      for (const char* part :
           {"bad.cfg:2:", "children", "bad.cfg:4:", "fr_timer", "bad.cfg:6:", "t_relay", "bad.cfg:7:", "^"}) {
        CPPUNIT_ASSERT_MESSAGE(std::string("no ") + part + " in\n" + outcome.output,
                               outcome.output.find(part) != std::string::npos);
      }
    }
    remove_folder(folder);
  }

  void shipped_configurations_are_good() {
    if (Server::is_peer()) return;
    for (const char* file : {"etc/lockstep.cfg", "etc/fork.cfg"}) {
      const Outcome outcome = run_command({binary(), "-c", "-f", file, "-L", modules()});
      CPPUNIT_ASSERT_EQUAL_MESSAGE(outcome.output, 0, outcome.status);
    }
  }

  void missing_configuration_is_one_line_and_255() {
    if (Server::is_peer()) return;
    const Outcome outcome = run_command({binary(), "-DD", "-E", "-f", "/nonexistent/x.cfg", "-L", modules()});
    CPPUNIT_ASSERT_EQUAL_MESSAGE(outcome.output, 255, outcome.status);
    CPPUNIT_ASSERT_EQUAL_MESSAGE(outcome.output, std::size_t{1}, line_count(outcome.output));
  }

  void sigterm_to_the_supervisor_ends_all() {
    if (Server::is_peer()) return;
    serve();
    const pid_t supervisor = server().pid();
    const std::vector<pid_t> children = children_of(supervisor);
    CPPUNIT_ASSERT(children.size() >= 3);  // Two workers and the control process.
    kill(supervisor, SIGTERM);
    CPPUNIT_ASSERT(stage.run_until([&] { return !process_exists(supervisor); }, 10000));
    for (const pid_t child : children) CPPUNIT_ASSERT(!process_exists(child));
    CPPUNIT_ASSERT_EQUAL(pid_t{0}, server().pid());
    server().start();
  }

  void killed_worker_is_replaced_and_counted() {
    if (Server::is_peer()) return;
    expect_deaths();
    serve();
    const std::vector<pid_t> before = server().worker_pids();
    CPPUNIT_ASSERT_EQUAL_MESSAGE(server().rpc("core.psx"), std::size_t{2}, before.size());
    kill(before[0], SIGKILL);
    CPPUNIT_ASSERT(stage.run_until([&] {
      const std::vector<pid_t> now = server().worker_pids();
      return now.size() == 2 && now[0] != before[0];
    }));
    Phone& a = registered("a", "bob");
    Phone& caller = phone("caller", "alice");
    const Transaction& call = caller.invite(server().uri("bob"));
    LS_WAIT(call.final_status == 200 && a.count("ACK") == 1);
  }

  void controls_answer() {
    serve();
    registered("a", "bob");
    CPPUNIT_ASSERT(server().rpc("core.version").find("lockstep") != std::string::npos || Server::is_peer());
    if (Server::is_peer()) return;
    for (const Lines& command :
         {Lines{"status"}, Lines{"stats"}, Lines{"ul", "show"}, Lines{"rpc", "tm.stats"},
          Lines{"rpc", "sl.stats"}, Lines{"rpc", "core.shmmem"}, Lines{"rpc", "core.ps"},
          Lines{"rpc", "tm.list"}, Lines{"rpc", "system.listMethods"}, Lines{"rpc", "core.uptime"}}) {
      const Outcome outcome = server().control(command);
      CPPUNIT_ASSERT_EQUAL_MESSAGE(joined(command) + outcome.output, 0, outcome.status);
      CPPUNIT_ASSERT_MESSAGE(joined(command) + outcome.output, !outcome.output.empty());
      CPPUNIT_ASSERT_MESSAGE(joined(command) + outcome.output,
                             outcome.output.find("\"error\"") == std::string::npos);
    }
    CPPUNIT_ASSERT(server().control({"ul", "show"}).output.find("bob") != std::string::npos);
    CPPUNIT_ASSERT(server().rpc("no.such_method").find("Method Not Found") != std::string::npos);
  }

  void contacts_are_managed_by_rpc() {
    if (Server::is_peer()) return;
    serve();
    Phone& a = phone("a", "bob");
    Phone& caller = phone("caller", "alice");
    const std::string aor = "bob@" + server().host();
    server().rpc("ul.add", {"location", aor, a.contact_uri(), "300", "1.0", ".", "0", "0", "4294967295"});
    CPPUNIT_ASSERT(server().rpc("ul.lookup", {"location", aor}).find(a.contact_uri()) != std::string::npos);
    const Transaction& call = caller.invite(server().uri("bob"));
    LS_WAIT(call.final_status == 200);
    server().rpc("ul.rm", {"location", aor});
    const Transaction& second = caller.invite(server().uri("bob"));
    LS_WAIT(second.final_status != 0);
    CPPUNIT_ASSERT_EQUAL(404, second.final_status);
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(LifecycleTest);

}  // namespace
}  // namespace lockstep::harness
