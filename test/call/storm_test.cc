// storm_test.cc: the kill storm: plain calls, forked calls and registrations at load, a random worker killed
// every 50 ms, then the control process, then all workers at once. No call is lost, no caller gets a second
// final, no registration is lost, and when all timers have ended the memory is back at its level. What the
// kernel dropped is told: that is the network's. STORM_SECONDS (4): how long workers are killed; `make storm`
// takes a minute.
#include <fmt/core.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <random>
#include <set>
#include <sstream>
#include <thread>

#include "test/call/call_test.h"
#include "test/harness/race.h"
#include "test/harness/sipp.h"

namespace lockstep::harness {
namespace {

constexpr int kLines = 4;
constexpr int kForkedPerSecond = 60;
constexpr int kPlainPerSecond = 100;
constexpr int kPhones = 20;   // That register again and again.
constexpr int kResting = 30;  // AORs of kContacts that nobody touches meanwhile.
constexpr int kContacts = 16;
constexpr int kKillEveryMs = 50;
constexpr int kWorkers = 4;

int storm_seconds() {
  const char* text = std::getenv("STORM_SECONDS");
  return text == nullptr ? 4 : std::max(std::atoi(text), 1);
}

void nap(int ms) { usleep(static_cast<useconds_t>(ms) * 1000); }

// Datagrams that the kernel dropped at sockets of this host, by /proc/net/udp: those bound to `ip` in
// network order, or (0) all others.
long kernel_drops(const std::string& ip_hex, bool is_of_server) {
  std::istringstream lines(read_text("/proc/net/udp"));
  long sum = 0;
  std::string line;
  std::getline(lines, line);
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    std::string number, local, last;
    words >> number >> local;
    for (std::string word; words >> word;) last = word;
    if ((local.rfind(ip_hex + ":", 0) == 0) == is_of_server) sum += std::atol(last.c_str());
  }
  return sum;
}

std::string hex_of(const std::string& ip) {
  unsigned a = 0, b = 0, c = 0, d = 0;
  std::sscanf(ip.c_str(), "%u.%u.%u.%u", &a, &b, &c, &d);
  return fmt::format("{:02X}{:02X}{:02X}{:02X}", d, c, b, a);
}

// Phones that register again and again, in a thread of their own.
class Registrants {
 public:
  explicit Registrants(const Address& server) {
    for (int i = 0; i < kPhones; ++i) {
      phones_.push_back(
          std::make_unique<Phone>(stage_, fmt::format("r{}", i), fmt::format("phone{}", i), server));
    }
  }
  // Until told to stop, and the last of each is answered.
  void run(const std::atomic<bool>& stops) {
    std::vector<const Transaction*> last(phones_.size(), nullptr);
    const auto is_done = [&] {
      return std::all_of(last.begin(), last.end(),
                         [](const Transaction* one) { return one->final_status != 0; });
    };
    do {
      for (std::size_t i = 0; i < phones_.size(); ++i) {
        if (last[i] != nullptr && last[i]->final_status == 0) continue;
        if (last[i] != nullptr) (last[i]->final_status == 200 ? succeeded_ : failed_) += 1;
        last[i] = &phones_[i]->register_contact(3600);
      }
      stage_.settle(100);
    } while (!stops);
    all_answered_ = stage_.run_until(is_done, 40000);
    for (const Transaction* one : last) (one->final_status == 200 ? succeeded_ : failed_) += 1;
  }
  long succeeded() const { return succeeded_; }
  long failed() const { return failed_; }
  bool all_answered() const { return all_answered_; }
  std::string contact_uri(int i) const { return phones_[static_cast<std::size_t>(i)]->contact_uri(); }

 private:
  Stage stage_;
  std::vector<std::unique_ptr<Phone>> phones_;
  long succeeded_ = 0;
  long failed_ = 0;
  bool all_answered_ = false;
};

// Who kills: a random worker every 50 ms, the control process, all workers at once.
class Killer {
 public:
  Killer(pid_t supervisor, pid_t control) : supervisor_(supervisor), control_(control) {}

  void run(int seconds) {
    std::int64_t at = now_ms();
    for (const std::int64_t end = at + seconds * 1000; now_ms() < end;) {
      const std::vector<pid_t> workers = alive();
      if (!workers.empty()) {
        const std::size_t which = std::uniform_int_distribution<std::size_t>(0, workers.size() - 1)(random_);
        killed_ += kill(workers[which], SIGKILL) == 0 ? 1 : 0;
      }
      at += kKillEveryMs;
      nap(static_cast<int>(std::max<std::int64_t>(at - now_ms(), 0)));
    }
    nap(200);
    control_killed_ = kill(control_, SIGKILL) == 0;
    nap(300);
    // The new control process is the youngest child.
    std::vector<pid_t> all = children_of(supervisor_);
    if (!all.empty()) control_ = all.back();
    for (const pid_t worker : alive()) at_once_ += kill(worker, SIGKILL) == 0 ? 1 : 0;
  }
  int killed() const { return killed_; }
  int at_once() const { return at_once_; }
  bool control_killed() const { return control_killed_; }

 private:
  std::vector<pid_t> alive() const {
    std::vector<pid_t> workers;
    for (const pid_t child : children_of(supervisor_)) {
      if (child != control_ && process_exists(child)) workers.push_back(child);
    }
    return workers;
  }

  pid_t supervisor_;
  pid_t control_;
  std::mt19937 random_{std::random_device{}()};
  int killed_ = 0;
  int at_once_ = 0;
  bool control_killed_ = false;
};

// What became of the forked calls.
struct ForkedTally {
  int answered = 0;
  int lost = 0;           // No 2xx at the caller, or a BYE without an answer.
  int second_finals = 0;  // Callers that got two different finals.
  int left_over = 0;      // A phone rings on, or has a dialog that nobody ended.
  std::string shown;
};

struct Outcomes {
  int plain_placed = 0;
  int forked_placed = 0;
  SippResult plain;
  ForkedTally forked;
  std::string missing;  // Registrations.
  bool is_quiet = false;
  long dropped = 0;  // By the kernel, at the server's sockets.
  long dropped_at_others = 0;
};

class StormTest : public CallTest {
  CPPUNIT_TEST_SUITE(StormTest);
  CPPUNIT_TEST(nothing_is_lost_in_a_storm_of_kills);
  CPPUNIT_TEST_SUITE_END();

 public:
  std::map<std::string, long> statistics(const std::string& group) {
    std::map<std::string, long> values;
    std::istringstream lines(server().control({"stats", group}).output);
    for (std::string line; std::getline(lines, line);) {
      const std::size_t equals = line.find(" = ");
      if (equals != std::string::npos) values[line.substr(0, equals)] = std::atol(line.c_str() + equals + 3);
    }
    return values;
  }

  // Slots in use by kind. Each process keeps a spare one of each size for contacts.
  std::map<std::string, long> slots() {
    std::map<std::string, long> live;
    for (const auto& [name, value] : statistics("slabs")) {
      if (name.ends_with("_live")) live[name.substr(6)] = value;
    }
    return live;
  }
  static std::string difference(const std::map<std::string, long>& before,
                                const std::map<std::string, long>& after) {
    std::string text;
    for (const auto& [name, value] : before) {
      const auto found = after.find(name);
      const long now = found == after.end() ? -1 : found->second;
      const long spare = name.rfind("contacts_", 0) == 0 ? kWorkers + 1 : 0;
      if (now < value - spare || now > value + spare) text += fmt::format("{}: {} -> {}  ", name, value, now);
    }
    return text;
  }

  pid_t control_pid() {
    const std::vector<pid_t> workers = server().worker_pids();
    for (const pid_t child : children_of(server().pid())) {
      if (std::count(workers.begin(), workers.end(), child) == 0) return child;
    }
    return 0;
  }

  void register_resting() {
    for (int i = 0; i < kResting; ++i) {
      Lines contacts;
      for (int j = 0; j < kContacts; ++j)
        contacts.push_back(fmt::format("<sip:rest{}@127.0.0.1:{}>", i, 20000 + j));
      const Transaction& registration = phone("rest", fmt::format("rest{}", i)).send_register(contacts, 3600);
      LS_WAIT(registration.final_status == 200);
    }
  }

  static ForkedTally judge(const std::vector<CallLog>& logs) {
    ForkedTally result;
    for (const CallLog& log : logs) {
      std::set<std::string> finals;
      bool has_2xx = false;
      for (const Packet& packet : log.packets) {
        if (packet.party != Party::kCaller || packet.is_sent || packet.method != "INVITE") continue;
        if (packet.status < 200) continue;
        finals.insert(fmt::format("{} {}", packet.status, packet.tag));
        has_2xx = has_2xx || packet.status < 300;
      }
      Lines wrong;
      if (finals.size() > 1) ++result.second_finals;
      if (finals.size() > 1) wrong.push_back("two finals");
      bool is_lost = !has_2xx;
      bool is_left = false;
      // Of the rules of ORDER.md those that are not about moments.
      for (const std::string& fault : faults_of(log, {.late_2xx = Late::kTerminate})) {
        if (fault.find("BYE was not answered") != std::string::npos) is_lost = true;
        if (fault.find("rings on") != std::string::npos || fault.find("leaks") != std::string::npos)
          is_left = true;
        wrong.push_back(fault);
      }
      result.answered += has_2xx ? 1 : 0;
      result.lost += is_lost ? 1 : 0;
      result.left_over += is_left ? 1 : 0;
      if ((finals.size() > 1 || is_lost || is_left) && result.shown.size() < 6000)
        result.shown += joined(wrong) + table_of(log) + "\n";
    }
    return result;
  }

  // Contacts that are not there any more, of all that were registered.
  std::string missing_registrations(const Registrants& registrants) {
    const std::string dump = server().rpc("ul.dump");
    std::string missing;
    for (int i = 0; i < kPhones; ++i) {
      if (dump.find(registrants.contact_uri(i)) == std::string::npos) missing += fmt::format("phone{} ", i);
    }
    for (int i = 0; i < kResting; ++i) {
      for (int j = 0; j < kContacts; ++j) {
        const std::string uri = fmt::format("sip:rest{}@127.0.0.1:{}", i, 20000 + j);
        if (dump.find(uri) == std::string::npos) missing += uri + " ";
      }
    }
    return missing;
  }

  void register_line(const std::string& user, const Lines& contacts) {
    const Transaction& registration = phone("registrar", user).send_register(contacts, 3600);
    LS_WAIT(registration.final_status == 200);
  }

  // B answers though it is cancelled: its leg must be ended. In the long form every other B gives up instead.
  RacePlan plan_of(int number) {
    RacePlan plan;
    plan.b_heeds_cancel = is_long_ && number % 2 == 0;
    if (!plan.b_heeds_cancel) plan.b_answer_us = std::uniform_int_distribution(2000, 30000)(random_);
    return plan;
  }

  // Everything at once. Returns when nobody has anything to do any more.
  Outcomes storm(RaceTrack& track, Registrants& registrants) {
    const int loaded_s = seconds_ + 3;
    Outcomes result;
    result.plain_placed = kPlainPerSecond * loaded_s;
    result.forked_placed = kForkedPerSecond * loaded_s;
    const std::string server_hex = hex_of(server().host());
    const long others_before = kernel_drops(server_hex, false);
    // A BYE of a call that SIPp has given up would have no route.
    Sipp caller(
        "test/call/sipp/uac.xml", server().address(), free_port(),
        {"-s", "load", "-m", std::to_string(result.plain_placed), "-r", std::to_string(kPlainPerSecond), "-l",
         "4000", "-d", "500", "-default_behaviors", "all,-bye", "-t", "un", "-max_socket", "500"});
    track.place(result.forked_placed, kForkedPerSecond, [this](int number) { return plan_of(number); });
    std::atomic<bool> stops = false;
    Killer killer(server().pid(), control_pid());
    std::thread registering([&] { registrants.run(stops); });
    std::thread killing([&] {
      nap(1000);
      killer.run(seconds_);
    });
    result.is_quiet = track.run(loaded_s * 1000 + 90000);
    killing.join();
    stops = true;
    registering.join();
    result.plain = caller.wait(60000);
    result.forked = judge(track.logs());
    result.missing = missing_registrations(registrants);
    result.dropped_at_others = kernel_drops(server_hex, false) - others_before;
    result.dropped = kernel_drops(server_hex, true);
    fmt::print("storm: {} s, {} workers killed one by one, {} control process, {} workers at once\n",
               seconds_, killer.killed(), killer.control_killed() ? 1 : 0, killer.at_once());
    return result;
  }

  // Until every kind of slot is at its level; what is not, when the longest timer has ended.
  std::string rest(const std::map<std::string, long>& before) {
    const std::int64_t began = now_ms();
    std::string changed;
    while (!(changed = difference(before, slots())).empty() && now_ms() - began < 80000) nap(500);
    return changed;
  }

  void print(const Outcomes& result, const Registrants& registrants) {
    fmt::print("  plain calls     {} of {} succeeded, {} retransmissions\n", result.plain.successful,
               result.plain_placed, result.plain.retransmissions);
    fmt::print("  forked calls    {} of {} answered, {} lost, {} second finals, {} legs left over\n",
               result.forked.answered, result.forked_placed, result.forked.lost, result.forked.second_finals,
               result.forked.left_over);
    fmt::print("  registrations   {} answered 200, {} refused, {} contacts missing\n",
               registrants.succeeded(), registrants.failed(),
               std::count(result.missing.begin(), result.missing.end(), ' '));
    fmt::print("  kernel dropped  {} datagrams at the server, {} at the others\n", result.dropped,
               result.dropped_at_others);
    std::map<std::string, long> core = statistics("core");
    fmt::print("  recovered       {} events, {} datagrams; {} set aside\n", core["core:recovered_events"],
               core["core:recovered_datagrams"], core["core:quarantined"]);
  }

  void nothing_is_lost_in_a_storm_of_kills() {
    if (Server::is_peer()) return;
    expect_deaths();
    serve(kWorkers, {"-A", "LATE_2XX=\"terminate\"", "-A", fmt::format("T1={}", is_long_ ? 500 : 100)},
          "test/call/race.cfg");
    RaceTrack track(server().address(), kLines);
    for (int line = 0; line < kLines; ++line)
      register_line(RaceTrack::user_of(line), track.contacts_of(line));
    register_resting();
    const int callee_port = free_port();
    // An INVITE that comes again behind its 200 is no reason for a phone to give up the call.
    Sipp callee("test/call/sipp/uas.xml", server().address(), callee_port,
                {"-default_behaviors", "all,-abortunexp"});
    register_line("load", {fmt::format("<sip:load@127.0.0.1:{}>", callee_port)});
    Registrants registrants(server().address());
    registrants.run(true);
    CPPUNIT_ASSERT_EQUAL(static_cast<long>(kPhones), registrants.succeeded());
    const std::map<std::string, long> before = slots();

    const Outcomes result = storm(track, registrants);
    const long loaded = total(slots());
    const std::string changed = rest(before);
    print(result, registrants);
    fmt::print("  memory          {} slots before, {} right after, {} at rest{}\n", total(before), loaded,
               total(slots()), changed.empty() ? "" : " (" + changed + ")");
    CPPUNIT_ASSERT_EQUAL_MESSAGE(
        result.plain.text() + "\ncallee: " + callee.wait(0).text() + "\n" + log_text(),
        static_cast<long>(result.plain_placed), result.plain.successful);
    CPPUNIT_ASSERT_EQUAL_MESSAGE(result.plain.text(), 0L, result.plain.failed);
    CPPUNIT_ASSERT_MESSAGE("the calls did not come to rest\n" + log_text(), result.is_quiet);
    CPPUNIT_ASSERT_EQUAL_MESSAGE(result.forked.shown, 0, result.forked.lost);
    CPPUNIT_ASSERT_EQUAL_MESSAGE(result.forked.shown, 0, result.forked.second_finals);
    CPPUNIT_ASSERT_EQUAL_MESSAGE(result.forked.shown, 0, result.forked.left_over);
    CPPUNIT_ASSERT(registrants.all_answered());
    CPPUNIT_ASSERT_EQUAL(0L, registrants.failed());
    CPPUNIT_ASSERT_EQUAL(std::string(), result.missing);
    CPPUNIT_ASSERT_EQUAL(std::string(), changed);
  }

 private:
  static long total(const std::map<std::string, long>& slots) {
    long sum = 0;
    for (const auto& [name, value] : slots) sum += value;
    return sum;
  }

  int seconds_ = storm_seconds();
  bool is_long_ = seconds_ >= 30;
  std::mt19937 random_{2037070};
};

CPPUNIT_TEST_SUITE_REGISTRATION(StormTest);

}  // namespace
}  // namespace lockstep::harness
