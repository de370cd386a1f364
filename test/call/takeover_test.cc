// takeover_test.cc: the supervisor killed, alone and with all others: what is left of the server ends in
// order, and the next start in the same run directory takes its registrations over from the segment.
#include <fmt/core.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "test/call/call_test.h"

namespace lockstep::harness {
namespace {

class TakeoverTest : public CallTest {
  CPPUNIT_TEST_SUITE(TakeoverTest);
  CPPUNIT_TEST(all_end_in_order_when_the_supervisor_is_killed);
  CPPUNIT_TEST(registered_phones_are_reached_after_the_restart);
  CPPUNIT_TEST(everything_of_a_contact_is_kept);
  CPPUNIT_TEST(an_orderly_stop_leaves_nothing_to_take_over);
  CPPUNIT_TEST(many_contacts_some_expired_meanwhile);
  CPPUNIT_TEST(with_another_memory_size_and_other_workers);
  CPPUNIT_TEST(what_finds_no_room_is_told);
  CPPUNIT_TEST(killed_while_it_takes_over_and_started_again);
  CPPUNIT_TEST(all_processes_killed_at_once_in_the_middle_of_registrations);
  CPPUNIT_TEST(a_start_waits_for_what_is_left_of_the_old_server);
  CPPUNIT_TEST(another_binary_is_refused);
  CPPUNIT_TEST(another_layout_a_torn_and_a_foreign_segment_are_refused);
  CPPUNIT_TEST(damaged_contacts_are_left_out);
  CPPUNIT_TEST_SUITE_END();

 public:
  void setUp() override { expect_deaths(); }

  std::string built_binary() {
    const char* build = std::getenv("BUILD");
    return std::string(build != nullptr ? build : "build") + "/lockstep";
  }

  void assert_gone(const std::vector<pid_t>& processes) {
    for (const pid_t process : processes) {
      CPPUNIT_ASSERT_MESSAGE("still there\n" + log_text(), wait_for_end(process, 8000));
    }
  }

  void kill_and_restart() {
    assert_gone(server().kill_supervisor());
    server().start();
  }

  std::size_t lines_with(const std::string& part) {
    std::istringstream lines(server().log());
    std::size_t count = 0;
    for (std::string line; std::getline(lines, line);) count += line.find(part) != std::string::npos ? 1 : 0;
    return count;
  }
  void assert_told(const std::string& part) {
    CPPUNIT_ASSERT_EQUAL_MESSAGE(part + "\n" + log_text(), std::size_t{1}, lines_with(part));
  }

  void assert_reaches(Phone& caller, Phone& phone, const std::string& user) {
    const int before = phone.count("ACK");
    const Transaction& call = caller.invite(server().uri(user));
    LS_WAIT(call.final_status == 200 && phone.count("ACK") == before + 1);
  }

  // Registers `count` contacts for each of `users`; what they stand for need not exist.
  void register_many(Phone& client, int users, int count, int expires_s, const std::string& prefix = "u") {
    for (int user = 0; user < users; ++user) {
      Lines contacts;
      for (int i = 0; i < count; ++i) {
        contacts.push_back(fmt::format("<sip:{}{}@127.0.0.1:{}>;q=0.{}", prefix, user, 20000 + i, i % 10));
      }
      const std::string to = fmt::format("<sip:{}{}@{}>", prefix, user, server().host());
      const Transaction& registration = client.send_register(
          contacts, expires_s,
          {{"To", to}, {"From", to + ";tag=1"}, {"Call-ID", fmt::format("{}{}@many", prefix, user)}});
      LS_WAIT(registration.final_status != 0);
      CPPUNIT_ASSERT_EQUAL(200, registration.final_status);
    }
  }

  long contact_count() {
    const std::string text = server().control({"stats", "usrloc"}).output;
    const std::size_t at = text.find("location_contacts = ");
    return at == std::string::npos ? -1 : std::atol(text.c_str() + at + 20);
  }

  void all_end_in_order_when_the_supervisor_is_killed() {
    if (Server::is_peer()) return;
    serve(3);
    const std::string segment = server().segment_file();
    const std::vector<pid_t> children = server().kill_supervisor();
    CPPUNIT_ASSERT_EQUAL(std::size_t{4}, children.size());
    assert_gone(children);
    CPPUNIT_ASSERT(std::filesystem::exists(segment));
    Lines left;
    for (const auto& file : std::filesystem::directory_iterator(server().run_folder())) {
      left.push_back(file.path().filename());
    }
    std::sort(left.begin(), left.end());
    CPPUNIT_ASSERT_EQUAL(std::string("lockstep.pid\nlog\n"), joined(left));
    CPPUNIT_ASSERT_EQUAL(3, server().control({"status"}).status);
    server().start();
    assert_told("usrloc: 0 contacts of 0 users taken over from the dead server");
  }

  void registered_phones_are_reached_after_the_restart() {
    if (Server::is_peer()) return;
    serve();
    Phone& a = registered("a", "bob");
    Phone& b = registered("b", "carol", "0.5");
    Phone& caller = phone("caller", "alice");
    assert_reaches(caller, a, "bob");
    kill_and_restart();
    assert_told("usrloc: 2 contacts of 2 users taken over from the dead server");
    assert_reaches(caller, a, "bob");
    assert_reaches(caller, b, "carol");
    // And once more, from the one that took over.
    kill_and_restart();
    assert_reaches(caller, a, "bob");
    assert_reaches(caller, b, "carol");
  }

  // The dump without what passes: the seconds left.
  static std::string without_expiry(const std::string& dump) {
    std::istringstream lines(dump);
    std::string kept;
    for (std::string line; std::getline(lines, line);) {
      if (line.find("\"Expires\"") == std::string::npos && line.find("\"id\"") == std::string::npos &&
          line.find("\"HashID\"") == std::string::npos && line.find("\"Slot\"") == std::string::npos)
        kept += line + "\n";
    }
    return kept;
  }
  static long expiry_in(const std::string& dump) {
    const std::size_t at = dump.find("\"Expires\"");
    const std::size_t digit = at == std::string::npos ? at : dump.find_first_of("0123456789", at);
    return digit == std::string::npos ? -1 : std::atol(dump.c_str() + digit);
  }

  void everything_of_a_contact_is_kept() {
    if (Server::is_peer()) return;
    serve();
    Phone& a = phone("a", "bob");
    const Transaction& registration = a.send_register(
        {"<" + a.contact_uri() +
         ";transport=udp>;q=0.7;+sip.instance=\"<urn:uuid:1>\";reg-id=2;"
         "methods=\"INVITE,BYE\""},
        1000, {{"Path", "<sip:127.0.0.1:5099;lr>"}, {"Supported", "path"}, {"User-Agent", "desk phone/1"}});
    LS_WAIT(registration.final_status == 200);
    const std::string aor = "bob";
    const std::string before = server().rpc("ul.dump");
    CPPUNIT_ASSERT_MESSAGE(before, before.find("desk phone/1") != std::string::npos);
    stage.settle(1100);
    kill_and_restart();
    const std::string after = server().rpc("ul.dump");
    CPPUNIT_ASSERT_EQUAL(without_expiry(before), without_expiry(after));
    // By the wall clock: the time in between has passed.
    CPPUNIT_ASSERT_MESSAGE(after, expiry_in(after) < expiry_in(before) && expiry_in(after) > 900);
    // The same binding: refreshed, not doubled.
    const Transaction& refresh =
        a.send_register({"<" + a.contact_uri() + ";transport=udp>"}, 500,
                        {{"Path", "<sip:127.0.0.1:5099;lr>"}, {"Supported", "path"}});
    LS_WAIT(refresh.final_status == 200);
    CPPUNIT_ASSERT_EQUAL(1L, contact_count());
  }

  void an_orderly_stop_leaves_nothing_to_take_over() {
    if (Server::is_peer()) return;
    serve();
    registered("a", "bob");
    kill_and_restart();
    CPPUNIT_ASSERT_EQUAL(std::string(), joined(server().stop()));
    server().start();
    CPPUNIT_ASSERT_EQUAL(0L, contact_count());
  }

  void many_contacts_some_expired_meanwhile() {
    if (Server::is_peer()) return;
    serve();
    Phone& client = phone("client", "client");
    register_many(client, 100, 20, 3600);
    register_many(client, 20, 10, 2, "brief");
    assert_gone(server().kill_supervisor());
    stage.settle(2500);
    server().start();
    assert_told("usrloc: 2000 contacts of 100 users taken over from the dead server; 200 had expired");
    CPPUNIT_ASSERT_EQUAL(2000L, contact_count());
    CPPUNIT_ASSERT(server().rpc("ul.lookup", {"location", "u99"}).find("20019") != std::string::npos);
    CPPUNIT_ASSERT(server().rpc("ul.lookup", {"location", "brief1"}).find("20009") == std::string::npos);
  }

  void with_another_memory_size_and_other_workers() {
    if (Server::is_peer()) return;
    serve(2, {"-m", "64"});
    Phone& client = phone("client", "client");
    Phone& a = registered("a", "bob");
    register_many(client, 50, 20, 3600);
    for (const int children : {5, 1}) {
      server().set_children(children);
      server().set_arguments({"-m", children == 5 ? "160" : "40"});
      kill_and_restart();
      CPPUNIT_ASSERT_EQUAL(1001L, contact_count());
      assert_reaches(phone("caller", "alice"), a, "bob");
    }
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, lines_with("1001 contacts of 51 users taken over"));
  }

  void what_finds_no_room_is_told() {
    if (Server::is_peer()) return;
    serve(1, {"-m", "64"});
    Phone& client = phone("client", "client");
    register_many(client, 300, 32, 3600);
    server().set_arguments({"-m", "16"});
    kill_and_restart();
    assert_told("found no room (give more with -m)");
    const long kept = contact_count();
    CPPUNIT_ASSERT_MESSAGE(fmt::format("{} contacts", kept), kept > 500 && kept < 9600);
  }

  // Starts that are killed after any time, by the process id in their file or of the starting process.
  void killed_while_it_takes_over_and_started_again() {
    if (Server::is_peer()) return;
    serve();
    Phone& client = phone("client", "client");
    Phone& a = registered("a", "bob");
    register_many(client, 100, 32, 3600);
    const std::string segment = server().segment_file();
    assert_gone(server().kill_supervisor());
    int early = 0;
    for (int delay_ms = 0; delay_ms < 160; delay_ms += 8) {
      Background start({built_binary(), "-DD", "-E", "-f", "test/call/office.cfg", "-Y",
                        server().run_folder(), "-P", server().pid_file(), "-L",
                        built_binary() + "/../modules", "-l", "udp:" + server().address().text(), "-n", "2"},
                       server().run_folder() + "/log");
      stage.settle(delay_ms);
      early += std::filesystem::exists(segment + ".new") ? 1 : 0;
      const std::vector<pid_t> children = children_of(start.pid());
      start.terminate(SIGKILL);
      start.wait(5000);
      assert_gone(children);
      CPPUNIT_ASSERT(std::filesystem::exists(segment));
    }
    fmt::print("takeover: {} of 20 starts were killed while they took over\n", early);
    server().start();
    CPPUNIT_ASSERT(!std::filesystem::exists(segment + ".new"));
    CPPUNIT_ASSERT_EQUAL_MESSAGE(log_text(), 3201L, contact_count());
    assert_reaches(phone("caller", "alice"), a, "bob");
  }

  // What was answered with 200 is there; nothing is there that was not asked for.
  void all_processes_killed_at_once_in_the_middle_of_registrations() {
    if (Server::is_peer()) return;
    serve(4);
    std::vector<Phone*> clients;
    for (int i = 0; i < 40; ++i) clients.push_back(&phone(fmt::format("c{}", i), fmt::format("user{}", i)));
    for (int round = 0; round < 3; ++round) {
      std::vector<std::vector<const Transaction*>> sent(clients.size());
      bool goes_on = true;
      const std::function<void(std::size_t)> refresh = [&](std::size_t i) {
        if (!goes_on) return;
        sent[i].push_back(&clients[i]->register_contact(3600));
        stage.after(3, [&, i] { refresh(i); });
      };
      for (std::size_t i = 0; i < clients.size(); ++i) refresh(i);
      stage.settle(300 + round * 37);
      goes_on = false;
      assert_gone(server().kill_supervisor(true));
      stage.settle(20);
      server().start();
      for (std::size_t i = 0; i < clients.size(); ++i) {
        const bool is_answered = std::any_of(sent[i].begin(), sent[i].end(),
                                             [](const Transaction* one) { return one->final_status == 200; });
        const std::string found = server().rpc("ul.lookup", {"location", fmt::format("user{}", i)});
        CPPUNIT_ASSERT_MESSAGE(found + log_text(),
                               !is_answered || found.find(clients[i]->contact_uri()) != std::string::npos);
      }
      CPPUNIT_ASSERT(contact_count() <= static_cast<long>(clients.size()));
      CPPUNIT_ASSERT_EQUAL_MESSAGE(log_text(), std::size_t{0}, lines_with("are damaged"));
    }
  }

  void a_start_waits_for_what_is_left_of_the_old_server() {
    if (Server::is_peer()) return;
    serve();
    Phone& a = registered("a", "bob");
    const std::vector<pid_t> workers = server().worker_pids();
    kill(workers[0], SIGSTOP);
    const std::vector<pid_t> children = server().kill_supervisor();
    const pid_t friend_of_workers = fork();
    if (friend_of_workers == 0) {
      usleep(700000);
      kill(workers[0], SIGCONT);
      _exit(0);
    }
    server().start();
    wait_for_end(friend_of_workers, 5000);
    assert_gone(children);
    assert_reaches(phone("caller", "alice"), a, "bob");
  }

  void another_binary_is_refused() {
    if (Server::is_peer()) return;
    serve();
    registered("a", "bob");
    const std::string folder = make_temp_folder("binary");
    std::filesystem::copy_file(built_binary(), folder + "/lockstep");
    std::ofstream(folder + "/lockstep", std::ios::app) << "another";
    server().set_binary(folder + "/lockstep");
    kill_and_restart();
    server().set_binary("");
    assert_told("nothing is taken over from the segment that a dead server left: another binary made it");
    CPPUNIT_ASSERT_EQUAL(0L, contact_count());
    remove_folder(folder);
  }

  void another_layout_a_torn_and_a_foreign_segment_are_refused() {
    if (Server::is_peer()) return;
    serve();
    const std::string segment = server().segment_file();
    const auto overwrite = [&](std::streamoff at, const std::string& bytes) {
      std::fstream file(segment, std::ios::in | std::ios::out | std::ios::binary);
      file.seekp(at);
      file << bytes;
    };
    const auto size = std::filesystem::file_size(segment);
    const std::vector<std::pair<std::function<void()>, std::string>> damages = {
        {[&] { overwrite(8, std::string("\x4d\0\0\0", 4)); }, "it has layout 77, this binary has "},
        {[&] { overwrite(100, "damaged"); }, "it is torn: its first page is not whole"},
        {[&] { std::filesystem::resize_file(segment, size / 2); }, "it is torn: "},
        {[&] { std::filesystem::resize_file(segment, 0); }, "it is torn: 0 bytes are there"},
        {[&] { overwrite(0, std::string(4096, 'x')); }, "it is none of lockstep's"},
    };
    for (const auto& [damage, told] : damages) {
      registered("a", "bob");
      assert_gone(server().kill_supervisor());
      const std::size_t before = lines_with(told);
      damage();
      server().start();
      CPPUNIT_ASSERT_EQUAL_MESSAGE(told + "\n" + log_text(), before + 1, lines_with(told));
      CPPUNIT_ASSERT_EQUAL(0L, contact_count());
    }
  }

  // Whatever stands there: the start goes on, and what is sent to phones is never what was not registered.
  void damaged_contacts_are_left_out() {
    if (Server::is_peer()) return;
    serve();
    const std::string segment = server().segment_file();
    Phone& client = phone("client", "client");
    register_many(client, 100, 20, 3600);
    assert_gone(server().kill_supervisor());
    std::string bytes = read_text(segment);
    unsigned state = 2037070;
    for (std::size_t at = bytes.find("sip:u", 4096); at != std::string::npos;
         at = bytes.find("sip:u", at + 5)) {
      for (std::size_t i = 0; i < 3; ++i) {
        state = state * 1103515245 + 12345;
        bytes[at - 80 + state / 65536 % 160] = static_cast<char>(state >> 24);
      }
    }
    std::ofstream(segment, std::ios::binary | std::ios::in | std::ios::out) << bytes;
    server().start();
    assert_told("are damaged");
    CPPUNIT_ASSERT(contact_count() >= 0);
    registered("a", "bob");
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(TakeoverTest);

}  // namespace
}  // namespace lockstep::harness
