// run_queue_test.cc: the queue of handed-over entries, and a worker that dies at any instruction inside it:
// nobody may wait for the dead, and what others put in must come out.
#include "shm/run_queue.h"

#include <cppunit/extensions/HelperMacros.h>
#include <sys/mman.h>

#include <array>
#include <cstring>
#include <functional>
#include <map>
#include <new>
#include <string>

#include "test/unit/shm/stepper.h"

namespace lockstep::test {
namespace {

constexpr shm::WorkerId kDying{1};
constexpr shm::WorkerId kOther{2};

// The queue alone in memory that a child shares.
class SharedQueue {
 public:
  SharedQueue() {
    void* const memory =
        mmap(nullptr, sizeof(shm::RunQueue), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    LS_ASSERT(memory != MAP_FAILED);
    queue_ = new (memory) shm::RunQueue{};
  }
  ~SharedQueue() { munmap(queue_, sizeof(shm::RunQueue)); }
  SharedQueue(const SharedQueue&) = delete;
  SharedQueue& operator=(const SharedQueue&) = delete;

  shm::RunQueue* operator->() { return queue_; }

  // "7 8 ", taken out.
  std::string drained() {
    std::string text;
    for (std::uint32_t entry = 0; queue_->try_pop(entry, kOther);) text += std::to_string(entry) + ' ';
    return text;
  }

 private:
  shm::RunQueue* queue_ = nullptr;
};

// The queue as it is now, put back at the end.
class Aside {
 public:
  explicit Aside(SharedQueue& queue) : queue_(queue) {
    std::memcpy(bytes_.data(), static_cast<const void*>(queue.operator->()), bytes_.size());
  }
  ~Aside() { std::memcpy(static_cast<void*>(queue_.operator->()), bytes_.data(), bytes_.size()); }
  Aside(const Aside&) = delete;
  Aside& operator=(const Aside&) = delete;

 private:
  SharedQueue& queue_;
  std::array<char, sizeof(shm::RunQueue)> bytes_;
};

class RunQueueTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(RunQueueTest);
  CPPUNIT_TEST(entries_come_out_in_the_order_they_went_in);
  CPPUNIT_TEST(a_full_queue_refuses);
  CPPUNIT_TEST(death_while_pushing);
  CPPUNIT_TEST(death_while_popping);
  CPPUNIT_TEST(death_in_the_recovery);
  CPPUNIT_TEST(a_replacement_without_the_lock_changes_nothing);
  CPPUNIT_TEST_SUITE_END();

  using Outcomes = std::map<std::string, unsigned>;

  // What comes out after a death at each instruction of `action`, and how often.
  static Outcomes die_everywhere(SharedQueue& queue, const std::function<void()>& action,
                                 unsigned& deaths_with_lock) {
    Outcomes outcomes;
    Stepper child([] {}, action);
    while (child.step()) {
      const Aside aside(queue);
      if (queue->lock.is_held_by(kDying)) ++deaths_with_lock;
      queue->recover(kDying);
      CPPUNIT_ASSERT(!queue->lock.is_held_by(kDying));
      CPPUNIT_ASSERT(queue->try_push(9, kOther));
      ++outcomes[queue.drained()];
      CPPUNIT_ASSERT_EQUAL(0U, queue->count.load());
    }
    return outcomes;
  }

  static void assert_only(const Outcomes& outcomes, const std::string& before, const std::string& after) {
    for (const auto& [outcome, count] : outcomes) {
      CPPUNIT_ASSERT_MESSAGE(outcome + "after " + std::to_string(count) + " deaths",
                             outcome == before || outcome == after);
    }
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, outcomes.size());
  }

 public:
  void entries_come_out_in_the_order_they_went_in() {
    SharedQueue queue;
    for (std::uint32_t entry = 1; entry <= 4; ++entry) CPPUNIT_ASSERT(queue->try_push(entry, kDying));
    CPPUNIT_ASSERT_EQUAL(std::string("1 2 3 4 "), queue.drained());
    std::uint32_t none = 0;
    CPPUNIT_ASSERT(!queue->try_pop(none, kDying));
  }

  void a_full_queue_refuses() {
    SharedQueue queue;
    std::uint32_t entry = 0;
    // Not from slot 0 on: the end of the array is in the middle.
    CPPUNIT_ASSERT(queue->try_push(0, kDying) && queue->try_pop(entry, kDying));
    for (std::uint32_t i = 0; i < shm::kRunQueueMax; ++i) CPPUNIT_ASSERT(queue->try_push(i, kDying));
    CPPUNIT_ASSERT(!queue->try_push(1, kDying));
    for (std::uint32_t i = 0; i < shm::kRunQueueMax; ++i) {
      CPPUNIT_ASSERT(queue->try_pop(entry, kOther));
      CPPUNIT_ASSERT_EQUAL(i, entry);
    }
  }

  // The entry is in or not; recovery queues what is kQueued once more, so that "not" loses nothing.
  void death_while_pushing() {
    SharedQueue queue;
    CPPUNIT_ASSERT(queue->try_push(7, kOther));
    unsigned with_lock = 0;
    const Outcomes outcomes = die_everywhere(
        queue, [&] { static_cast<void>(queue->try_push(8, kDying)); }, with_lock);
    assert_only(outcomes, "7 9 ", "7 8 9 ");
    CPPUNIT_ASSERT(with_lock > 5);
  }

  // An entry may come out again, or stand behind where nothing is left; taking it is the compare-and-swap
  // of its owner.
  void death_while_popping() {
    SharedQueue queue;
    CPPUNIT_ASSERT(queue->try_push(7, kOther) && queue->try_push(8, kOther));
    unsigned with_lock = 0;
    const Outcomes outcomes = die_everywhere(
        queue,
        [&] {
          std::uint32_t entry = 0;
          static_cast<void>(queue->try_pop(entry, kDying));
        },
        with_lock);
    for (const auto& [outcome, count] : outcomes) {
      CPPUNIT_ASSERT_MESSAGE(outcome, outcome.find("8 ") != std::string::npos);
      CPPUNIT_ASSERT_MESSAGE(outcome, outcome.find("9 ") != std::string::npos);
    }
    CPPUNIT_ASSERT(outcomes.contains("7 8 9 ") && outcomes.contains("8 9 "));
    CPPUNIT_ASSERT(with_lock > 5);
  }

  void death_in_the_recovery() {
    SharedQueue queue;
    CPPUNIT_ASSERT(queue->try_push(7, kOther));
    queue->lock.lock(kDying);
    unsigned with_lock = 0;
    const Outcomes outcomes = die_everywhere(
        queue, [&] { queue->recover(kDying); }, with_lock);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, outcomes.size());
    CPPUNIT_ASSERT(outcomes.contains("7 9 "));
    CPPUNIT_ASSERT(with_lock > 5);
  }

  void a_replacement_without_the_lock_changes_nothing() {
    SharedQueue queue;
    CPPUNIT_ASSERT(queue->try_push(7, kOther));
    queue->lock.lock(kOther);
    queue->recover(kDying);
    CPPUNIT_ASSERT(queue->lock.is_held_by(kOther));
    queue->lock.unlock();
    CPPUNIT_ASSERT_EQUAL(std::string("7 "), queue.drained());
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(RunQueueTest);

}  // namespace
}  // namespace lockstep::test
