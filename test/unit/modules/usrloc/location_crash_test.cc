// location_crash_test.cc: a process dies inside an update, at any instruction: its replacement must find the
// bindings as they were before or as they are afterwards, no slot lost, no lock held, the counters true. And
// several processes at once: whatever they do, the table stays sound.
#include <cppunit/extensions/HelperMacros.h>
#include <signal.h>
#include <sys/wait.h>

#include <cstring>
#include <functional>
#include <map>

#include "test/unit/modules/usrloc/location_fixture.h"
#include "test/unit/shm/stepper.h"

namespace lockstep::usrloc {
namespace {

using test::Stepper;
using Action = std::function<void(LocationFixture&)>;

constexpr std::uint64_t kNow = 100;

// Small and the same each time, so that it can be made anew for every death.
std::unique_ptr<LocationFixture> make_stage() {
  auto on = std::make_unique<LocationFixture>(
      FixtureOptions{.segment_bytes = 1 << 20, .worker_count = 2, .table = {.bucket_bits = 1}});
  Request("bob", "c", 1).add("sip:a@h", 900).add("sip:b@h", 900).add("sip:c@h", 150).run(*on, 2).ok();
  Request("eve", "c", 1).add("sip:e@h", 900).run(*on, 2).ok();
  return on;
}

std::string all_of(LocationFixture& on, std::uint64_t now_s) {
  std::string text;
  for (const char* aor : {"bob", "eve", "new"}) {
    text += fmt::format("{}: {}\n", aor, fmt::join(on.listed(aor, now_s), ", "));
  }
  return text;
}

// What a death at this instruction leaves is what shared memory holds now: the stopped child need not die.
// The stage is used for recovery and checks and put back as it was, so that the child goes on as if nothing
// had been.
class Aside {
 public:
  explicit Aside(LocationFixture& on)
      : on_(on),
        bytes_(on.segment->base(), on.segment->base() + on.segment->size_bytes()),
        table_(on.table) {}
  ~Aside() {
    std::memcpy(on_.segment->base(), bytes_.data(), bytes_.size());
    on_.table = table_;
  }
  Aside(const Aside&) = delete;
  Aside& operator=(const Aside&) = delete;

 private:
  LocationFixture& on_;
  std::vector<char> bytes_;
  LocationTable table_;
};

bool is_locked(LocationFixture& on) { return on.table.audit(on.process(2)).ends_with("is locked"); }

class LocationCrashTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(LocationCrashTest);
  CPPUNIT_TEST(death_while_adding_an_aor);
  CPPUNIT_TEST(death_while_refreshing);
  CPPUNIT_TEST(death_in_a_request_that_adds_refreshes_and_removes);
  CPPUNIT_TEST(death_while_removing_an_aor);
  CPPUNIT_TEST(death_while_expiring);
  CPPUNIT_TEST(death_in_the_recovery);
  CPPUNIT_TEST(death_of_all_and_the_next_server_takes_over);
  CPPUNIT_TEST(processes_at_once);
  CPPUNIT_TEST(processes_at_once_some_dying);
  CPPUNIT_TEST_SUITE_END();

  // Looks at every third instruction under the lock, and at some of the others. `recovery`: what happens
  // after the death, until the stage should be sound.
  void kill_everywhere(
      const Action& action, std::uint64_t now_s,
      const Action& recovery = [](LocationFixture& on) { on.recover(1); }) {
    const std::unique_ptr<LocationFixture> on = make_stage();
    const std::string before = all_of(*on, now_s);
    std::map<std::string, int> states;
    Stepper child([] {}, [&] { action(*on); });
    for (std::uint64_t steps = 1; child.step(); ++steps) {
      if (steps % 3 != 0 || (steps % 300 != 0 && !is_locked(*on))) continue;
      const Aside aside(*on);
      recovery(*on);
      CPPUNIT_ASSERT_EQUAL(std::string(), on->table.audit(on->process(2)));
      ++states[all_of(*on, now_s)];
      assert_counts(*on);
      assert_usable(*on, now_s);
    }
    const std::string after = all_of(*on, now_s);
    for (const auto& [state, count] : states) {
      CPPUNIT_ASSERT_MESSAGE(fmt::format("{} times\n{}", count, state), state == before || state == after);
    }
    // Else the deaths were all on one side of the commit, and proved little.
    CPPUNIT_ASSERT(states[before] > 10 && states[after] > 10);
  }

  static void assert_counts(LocationFixture& on) {
    const std::uint64_t contacts = on.linked_slots(shm::SlabKind::kContact512);
    const std::uint64_t aors = on.linked_slots(shm::SlabKind::kAor);
    CPPUNIT_ASSERT_EQUAL(contacts, on.counter("location_contacts"));
    CPPUNIT_ASSERT_EQUAL(aors, on.counter("location_users"));
    CPPUNIT_ASSERT_EQUAL(aors, on.counter("registered_users"));
    // Every slot is linked, free, or in somebody's stock or spare place: held by a process that lives.
    CPPUNIT_ASSERT(on.slabs[0].figures(shm::SlabKind::kContact512).live <= contacts + 2);
    CPPUNIT_ASSERT_EQUAL(aors, on.slabs[0].figures(shm::SlabKind::kAor).live);
  }

  static void assert_usable(LocationFixture& on, std::uint64_t now_s) {
    CPPUNIT_ASSERT(Request("bob", "z", 1, now_s).add("sip:z@h", 999).add("sip:a@h", 999).run(on, 1).ok());
    CPPUNIT_ASSERT(Request("new", "z", 1, now_s).add("sip:z@h", 999).run(on, 2).ok());
    CPPUNIT_ASSERT_EQUAL(std::string(), on.table.audit(on.process(2)));
  }

 public:
  void death_while_adding_an_aor() {
    kill_everywhere([](LocationFixture& on) { Request("new", "c", 1).add("sip:n@h").run(on).ok(); }, kNow);
  }
  void death_while_refreshing() {
    kill_everywhere([](LocationFixture& on) { Request("bob", "c", 2).add("sip:b@h").run(on).ok(); }, kNow);
  }
  void death_in_a_request_that_adds_refreshes_and_removes() {
    kill_everywhere(
        [](LocationFixture& on) {
          Request("bob", "c", 2, 160)
              .add("sip:n@h")
              .remove("sip:a@h")
              .add("sip:b@h")
              .add("sip:m@h")
              .run(on)
              .ok();
        },
        160);
  }
  void death_while_removing_an_aor() {
    kill_everywhere([](LocationFixture& on) { Request("bob", "c", 2).remove_all().run(on).ok(); }, kNow);
  }
  void death_while_expiring() {
    kill_everywhere(
        [](LocationFixture& on) {
          for (std::uint32_t i = 0; i < on.table.bucket_count(); ++i)
            on.table.expire_bucket(on.process(), i, 160);
        },
        kNow);
  }

  // The replacement dies too, and its replacement begins again.
  void death_in_the_recovery() {
    const std::unique_ptr<LocationFixture> on = make_stage();
    const std::string before = all_of(*on, kNow);
    std::map<std::string, int> states;
    Stepper worker(
        [] {}, [&] { Request("bob", "c", 2).add("sip:n@h").remove("sip:a@h").add("sip:b@h").run(*on).ok(); });
    for (std::uint64_t steps = 1; worker.step(); ++steps) {
      if (steps % 256 != 0 || !is_locked(*on)) continue;
      const Aside first_death(*on);
      Stepper replacement([] {}, [&] { on->table.recover(on->process(1)); });
      for (std::uint64_t recovery_steps = 1; replacement.step(); ++recovery_steps) {
        if (recovery_steps % 41 != 0) continue;
        const Aside second_death(*on);
        on->recover(1);
        CPPUNIT_ASSERT_EQUAL(std::string(), on->table.audit(on->process(2)));
        ++states[all_of(*on, kNow)];
        assert_counts(*on);
      }
    }
    const std::string after = all_of(*on, kNow);
    CPPUNIT_ASSERT(states[before] > 10 && states[after] > 10);
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, states.size());
  }

  // The next server's table holds what this one's held before or after, whatever was under way.
  void death_of_all_and_the_next_server_takes_over() {
    const std::vector<Action> actions = {
        [](LocationFixture& on) { Request("new", "c", 1, 160).add("sip:n@h").run(on).ok(); },
        [](LocationFixture& on) {
          Request("bob", "c", 2, 160).add("sip:n@h").remove("sip:a@h").add("sip:b@h").run(on).ok();
        },
        [](LocationFixture& on) { Request("bob", "c", 2, 160).remove_all().run(on).ok(); }};
    for (const Action& action : actions) {
      const std::unique_ptr<LocationFixture> on = make_stage();
      const std::string before = all_of(*on, 160);
      std::map<std::string, int> states;
      Stepper child([] {}, [&] { action(*on); });
      for (std::uint64_t steps = 1; child.step(); ++steps) {
        if (steps % 7 != 0 || !is_locked(*on)) continue;
        const std::unique_ptr<shm::DeadSegment> left = on->left();
        CPPUNIT_ASSERT(left != nullptr);
        LocationFixture next({.segment_bytes = 1 << 20, .worker_count = 3, .table = {.bucket_bits = 3}});
        const auto taken = next.table.take_over(next.process(), {*left, {}, 160});
        CPPUNIT_ASSERT(taken.ok());
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, taken->damaged);
        CPPUNIT_ASSERT_EQUAL(taken->contacts, next.counter("location_contacts"));
        CPPUNIT_ASSERT_EQUAL(std::string(), next.table.audit(next.process(2)));
        ++states[all_of(next, 160)];
        assert_usable(next, 160);
      }
      const std::string after = all_of(*on, 160);
      CPPUNIT_ASSERT_EQUAL(std::size_t{2}, states.size());
      CPPUNIT_ASSERT(states[before] > 5 && states[after] > 5);
    }
  }

  void processes_at_once() { stress(0); }
  void processes_at_once_some_dying() { stress(60); }

 private:
  // A worker's life: some of everything, on few AORs, so that they meet.
  static void work(LocationFixture& on, std::size_t id, std::uint32_t seed, std::uint32_t turns) {
    std::uint32_t random = seed * 2654435761U + 1;
    const auto pick = [&random](std::uint32_t count) {
      random = random * 1664525U + 1013904223U;
      return (random >> 16) % count;
    };
    for (std::uint32_t turn = 0; turn < turns; ++turn) {
      const std::string aor = fmt::format("user{}", pick(6));
      const std::string call_id = fmt::format("c{}-{}", id, seed);
      const std::uint64_t now_s = 100 + turn / 8;
      Request request(aor, call_id, turn, now_s);
      switch (pick(6)) {
        case 0:
          request.remove_all();
          break;
        case 1:
          request.remove(fmt::format("sip:{}@h", pick(5)));
          break;
        case 2:
          on.table.expire_bucket(on.process(id), pick(on.table.bucket_count()), now_s);
          break;
        case 3:
          on.arena.reset();
          LS_ASSERT(on.table.find(on.process(id), on.location, aor, now_s, on.arena).ok());
          break;
        default:
          request.add(fmt::format("sip:{}@h", pick(5)), now_s + 1 + pick(40));
          break;
      }
      static_cast<void>(request.run(on, id).ok());
    }
  }

  static pid_t start(LocationFixture& on, std::size_t id, std::uint32_t seed, std::uint32_t turns,
                     bool recovers) {
    const pid_t child = fork();
    CPPUNIT_ASSERT(child >= 0);
    if (child != 0) return child;
    if (recovers) on.recover(id);
    work(on, id, seed, turns);
    _exit(0);
  }

  // Four processes; `deaths` times one of them is killed somewhere and replaced.
  void stress(std::uint32_t deaths) {
    LocationFixture on({.segment_bytes = 2 << 20, .worker_count = 4, .table = {.bucket_bits = 2}});
    constexpr std::uint32_t kTurns = 20000;
    std::map<pid_t, std::size_t> children;
    for (std::size_t id = 1; id <= 4; ++id)
      children[start(on, id, static_cast<std::uint32_t>(id), kTurns, false)] = id;
    for (std::uint32_t death = 0; death < deaths && !children.empty(); ++death) {
      work(on, 5, 1000 + death, 50 + death * 37 % 400);  // Meanwhile, another process; and time passes.
      const auto victim = std::next(children.begin(), death % static_cast<std::uint32_t>(children.size()));
      const std::size_t id = victim->second;
      kill(victim->first, SIGKILL);
      int status = 0;
      waitpid(victim->first, &status, 0);
      children.erase(victim);
      const bool has_more = death + 1 < deaths;
      children[start(on, id, 100 + death, has_more ? kTurns : 100, true)] = id;
    }
    for (const auto& [pid, id] : children) {
      int status = 0;
      waitpid(pid, &status, 0);
      CPPUNIT_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    // What the others left in their stocks and spare places comes back to them as it would to replacements.
    for (std::size_t id = 1; id <= 4; ++id) on.recover(id);
    CPPUNIT_ASSERT_EQUAL(std::string(), on.table.audit(on.process(1)));
    assert_counts(on);
    for (std::size_t id = 1; id <= 4; ++id) {
      for (int user = 0; user < 6; ++user) {
        CPPUNIT_ASSERT(on.listed(fmt::format("user{}", user), 0, id).size() <= 5);
      }
    }
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(LocationCrashTest);

}  // namespace
}  // namespace lockstep::usrloc
