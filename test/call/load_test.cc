// load_test.cc: many plain calls by SIPp through several workers, and the same while workers are killed.
// One call that fails is a failure: order and crash safety are what lockstep is for (ORDER.md W17, W21).
#include <signal.h>

#include <algorithm>
#include <functional>

#include "test/call/call_test.h"
#include "test/harness/sipp.h"

namespace lockstep::harness {
namespace {

class LoadTest : public CallTest {
  CPPUNIT_TEST_SUITE(LoadTest);
  CPPUNIT_TEST(four_thousand_calls_with_four_workers);
  CPPUNIT_TEST(two_thousand_calls_with_two_workers);
  CPPUNIT_TEST(calls_from_many_addresses);
  CPPUNIT_TEST(a_killed_worker_loses_no_call);
  CPPUNIT_TEST(workers_killed_again_and_again_lose_no_call);
  CPPUNIT_TEST_SUITE_END();

 public:
  // A SIPp callee whose contact stands for user load, and the result of `calls` calls to it.
  SippResult place_calls(int calls, int rate, const Lines& more,
                         const std::function<void(Sipp&)>& meanwhile) {
    const int callee_port = free_port();
    Sipp callee("test/call/sipp/uas.xml", server().address(), callee_port, {});
    Phone& registrar_client = phone("registrar", "load");
    const Transaction& registration =
        registrar_client.send_register({"<sip:load@127.0.0.1:" + std::to_string(callee_port) + ">"}, 3600);
    LS_WAIT(registration.final_status == 200);
    Lines arguments = {"-s", "load", "-m", std::to_string(calls), "-r", std::to_string(rate), "-l", "4000"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    Sipp caller("test/call/sipp/uac.xml", server().address(), free_port(), arguments);
    if (meanwhile) meanwhile(caller);
    return caller.wait(calls * 1000 / rate + 60000);
  }

  void assert_all_succeeded(int calls, const SippResult& result) {
    CPPUNIT_ASSERT_EQUAL_MESSAGE(result.text() + "\n" + log_text(), static_cast<long>(calls),
                                 result.successful);
    CPPUNIT_ASSERT_EQUAL_MESSAGE(result.text(), 0L, result.failed);
    CPPUNIT_ASSERT_EQUAL_MESSAGE(result.text(), 0, result.exit_status);
  }

  void four_thousand_calls_with_four_workers() {
    serve(4);
    assert_all_succeeded(4000, place_calls(4000, 500, {}, nullptr));
  }

  void two_thousand_calls_with_two_workers() {
    serve(2);
    assert_all_succeeded(2000, place_calls(2000, 500, {}, nullptr));
  }

  // One socket a call spreads the callers over the workers' sockets; the callee's answers come to one of
  // them.
  void calls_from_many_addresses() {
    serve(4);
    assert_all_succeeded(2000, place_calls(2000, 500, {"-t", "un", "-max_socket", "500"}, nullptr));
  }

  // Kills `count` SIP workers, one after the other, and waits each time until the server has replaced it.
  void kill_workers(Sipp& caller, int count) {
    expect_deaths();
    for (int i = 0; i < count; ++i) {
      const std::vector<pid_t> workers = server().worker_pids();
      CPPUNIT_ASSERT_MESSAGE("no worker found in core.psx", !workers.empty());
      const pid_t victim = workers[static_cast<std::size_t>(i) % workers.size()];
      CPPUNIT_ASSERT_MESSAGE("the calls were over before the kill", caller.is_running());
      CPPUNIT_ASSERT_EQUAL(0, kill(victim, SIGKILL));
      const auto is_replaced = [&] {
        const std::vector<pid_t> now = server().worker_pids();
        return now.size() == workers.size() && std::count(now.begin(), now.end(), victim) == 0;
      };
      CPPUNIT_ASSERT_MESSAGE("the worker was not replaced\n" + log_text(),
                             stage.run_until(is_replaced, 10000));
    }
  }

  void a_killed_worker_loses_no_call() {
    if (Server::is_peer()) return;  // There the death of one process ends the whole server.
    serve(4);
    // Each of the four dies once, so that whichever had work is among them.
    const Lines many_addresses = {"-d", "1000", "-t", "un", "-max_socket", "500"};
    const SippResult result = place_calls(1000, 200, many_addresses, [&](Sipp& caller) {
      CPPUNIT_ASSERT(stage.run_until([&] { return caller.so_far().successful > 150; }, 20000));
      kill_workers(caller, 4);
    });
    assert_all_succeeded(1000, result);
  }

  void workers_killed_again_and_again_lose_no_call() {
    if (Server::is_peer()) return;
    serve(2);
    const SippResult result = place_calls(1500, 250, {"-d", "500"}, [&](Sipp& caller) {
      CPPUNIT_ASSERT(stage.run_until([&] { return caller.so_far().successful > 100; }, 20000));
      kill_workers(caller, 6);
    });
    assert_all_succeeded(1500, result);
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(LoadTest);

}  // namespace
}  // namespace lockstep::harness
