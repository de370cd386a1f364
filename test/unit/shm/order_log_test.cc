// order_log_test.cc: what one worker writes into its ring is read by others whole, in order, or not at all.
#include "shm/order_log.h"

#include <cppunit/extensions/HelperMacros.h>
#include <fmt/core.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "shm/segment.h"
#include "shm/shared_state.h"

namespace lockstep::shm {
namespace {

namespace tx = transaction;

constexpr std::uint32_t kEntry = 7;

class OrderLogTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(OrderLogTest);
  CPPUNIT_TEST(each_worker_has_a_ring_of_the_size_asked_for);
  CPPUNIT_TEST(none_is_made_for_nothing);
  CPPUNIT_TEST(too_little_memory_says_what_to_change);
  CPPUNIT_TEST(an_event_is_invisible_until_it_is_published);
  CPPUNIT_TEST(a_decision_is_kept_with_its_event_its_actions_and_its_settings);
  CPPUNIT_TEST(what_is_forgotten_leaves_no_record);
  CPPUNIT_TEST(what_a_dead_worker_had_not_published_is_gone);
  CPPUNIT_TEST(an_overwritten_record_is_recognised);
  CPPUNIT_TEST(overwritten_bytes_are_recognised);
  CPPUNIT_TEST(a_message_does_not_run_over_the_end_of_the_ring);
  CPPUNIT_TEST(a_closed_log_writes_nothing);
  CPPUNIT_TEST(equal_lists_have_equal_digests_and_others_do_not);
  CPPUNIT_TEST(a_reader_beside_the_writer_never_sees_a_torn_record);
  CPPUNIT_TEST_SUITE_END();

 public:
  void setUp() override {
    static int number = 0;
    auto made = Segment::create(fmt::format("lockstep-log-test-{}-{}", getpid(), number++), 32 << 20);
    CPPUNIT_ASSERT(made.ok());
    segment_ = std::move(*made);
    segment_->remove();
    state_ = *make_shared_state(*segment_, 2);
  }

  OrderLogArea& area() {
    if (state_->order_logs[1] == nullptr) CPPUNIT_ASSERT(make_order_logs(*segment_, *state_, 1).ok());
    return *state_->order_logs[1];
  }
  OrderLogWriter writer() {
    OrderLogWriter made;
    made.open(&area());
    made.set_baseline(tx::Settings{});
    return made;
  }
  static EventNode& datagram(std::uint64_t number) {
    static EventNode node;
    node.kind = EventKind::kDatagram;
    node.number = number;
    node.received_us = 1000 + number;
    node.socket = 3;
    node.source = *parse_address("127.0.0.9", 5070);
    return node;
  }
  LogRecord record(std::uint64_t position) {
    LogRecord read{};
    CPPUNIT_ASSERT(read_record(area(), position, read));
    return read;
  }

  void each_worker_has_a_ring_of_the_size_asked_for() {
    CPPUNIT_ASSERT(make_order_logs(*segment_, *state_, 2).ok());
    for (int id = 1; id <= 2; ++id) {
      const OrderLogArea& made = *state_->order_logs[id];
      CPPUNIT_ASSERT_EQUAL(static_cast<std::uint32_t>(id), made.worker);
      CPPUNIT_ASSERT_EQUAL(4096u, made.record_capacity);
      CPPUNIT_ASSERT(made.byte_capacity > (1 << 20) && made.byte_capacity < (2 << 20));
      CPPUNIT_ASSERT(segment_->find_named(fmt::format("order_log.{}", id).c_str()) == &made);
    }
    CPPUNIT_ASSERT(state_->order_logs[3] == nullptr);  // The control process decides nothing.
  }
  void none_is_made_for_nothing() {
    CPPUNIT_ASSERT(make_order_logs(*segment_, *state_, 0).ok());
    CPPUNIT_ASSERT(state_->order_logs[1] == nullptr);
  }
  void too_little_memory_says_what_to_change() {
    const auto made = make_order_logs(*segment_, *state_, 512);
    CPPUNIT_ASSERT(!made.ok());
    CPPUNIT_ASSERT_EQUAL(
        std::string("no room for the order log (512 MiB for each worker); give more with -m, "
                    "or less with order_log"),
        made.error());
  }
  void an_event_is_invisible_until_it_is_published() {
    OrderLogWriter log = writer();
    log.begin(kEntry, datagram(5), "INVITE");
    LogRecord read{};
    CPPUNIT_ASSERT(!read_record(area(), 0, read));
    log.publish();
    CPPUNIT_ASSERT(read_record(area(), 0, read));
    CPPUNIT_ASSERT(read.kind == LogKind::kReceived);
    CPPUNIT_ASSERT_EQUAL(kEntry, read.entry);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{5}, read.stamp);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1005}, read.time_us);
    CPPUNIT_ASSERT_EQUAL(std::uint16_t{3}, read.socket);
    CPPUNIT_ASSERT_EQUAL(std::uint8_t{1}, read.worker);
    CPPUNIT_ASSERT(read.datagram.peer == datagram(5).source);
    std::string bytes;
    CPPUNIT_ASSERT(read_bytes(area(), read.datagram, bytes));
    CPPUNIT_ASSERT_EQUAL(std::string("INVITE"), bytes);
  }
  void a_decision_is_kept_with_its_event_its_actions_and_its_settings() {
    OrderLogWriter log = writer();
    tx::Settings other;
    other.fr_timer.value = 1234;
    tx::Step step;
    step.actions.push_back(tx::Action::relay_response(tx::BranchIndex{1}, 200));
    step.actions.push_back(
        tx::Action::cancel_branch(tx::BranchIndex{0}, tx::CancelReason::kCompletedElsewhere));
    const tx::Event event = tx::Event::response(tx::AgeMs{7}, tx::BranchIndex{1}, 200, 99);
    log.begin(kEntry, datagram(1), "x");
    log.decided(640, 3, event, step, tx::Settings{});
    log.decided(640, 3, event, step, other);
    log.decided(640, 3, event, step, other);
    log.publish();
    const LogRecord first = record(1);
    CPPUNIT_ASSERT(first.kind == LogKind::kDecided);
    CPPUNIT_ASSERT_EQUAL(640u, first.transaction);
    CPPUNIT_ASSERT_EQUAL(3u, first.generation);
    CPPUNIT_ASSERT(first.decision.get_event().kind == tx::EventKind::kResponse);
    CPPUNIT_ASSERT_EQUAL(99u, first.decision.get_event().to_tag_hash);
    CPPUNIT_ASSERT_EQUAL(std::uint8_t{2}, first.decision.action_count);
    CPPUNIT_ASSERT_EQUAL(static_cast<std::uint8_t>(tx::ActionKind::kCancelBranch),
                         first.decision.actions[1].kind);
    CPPUNIT_ASSERT_EQUAL(digest_of(step.actions), first.decision.digest);
    CPPUNIT_ASSERT_EQUAL(std::uint8_t{0}, first.decision.has_settings);
    CPPUNIT_ASSERT(record(2).kind == LogKind::kSettings);
    CPPUNIT_ASSERT_EQUAL(1234u, record(2).get_settings().fr_timer.value);
    CPPUNIT_ASSERT_EQUAL(std::uint8_t{1}, record(3).decision.has_settings);
    CPPUNIT_ASSERT(record(4).kind == LogKind::kDecided);  // The same settings are not told twice.
    CPPUNIT_ASSERT_EQUAL(std::uint8_t{2}, record(4).decision.step);
    CPPUNIT_ASSERT_EQUAL(32000u, LogRecord::settings_in(area().baseline).fr_timer.value);
  }
  void what_is_forgotten_leaves_no_record() {
    OrderLogWriter log = writer();
    log.begin(kEntry, datagram(1), "x");
    const std::uint64_t mark = log.mark();
    log.decided(640, 3, tx::Event::timer(tx::AgeMs{1}), tx::Step{}, tx::Settings{});
    log.forget_since(mark);
    log.publish();
    LogRecord read{};
    CPPUNIT_ASSERT(!read_record(area(), 1, read));
  }
  void what_a_dead_worker_had_not_published_is_gone() {
    OrderLogWriter dead = writer();
    dead.begin(kEntry, datagram(1), "first");
    dead.publish();
    dead.begin(kEntry, datagram(2), "never decided");
    OrderLogWriter replacement = writer();
    replacement.begin(kEntry, datagram(2), "again");
    replacement.publish();
    std::string bytes;
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, area().published.load());
    CPPUNIT_ASSERT(read_bytes(area(), record(1).datagram, bytes));
    CPPUNIT_ASSERT_EQUAL(std::string("again"), bytes);
    CPPUNIT_ASSERT(read_bytes(area(), record(0).datagram, bytes));
    CPPUNIT_ASSERT_EQUAL(std::string("first"), bytes);
  }
  void an_overwritten_record_is_recognised() {
    OrderLogWriter log = writer();
    const std::uint32_t capacity = area().record_capacity;
    for (std::uint32_t i = 0; i < capacity; ++i) log.begin(kEntry, datagram(i), "x");
    log.publish();
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, record(0).stamp);
    // The writer is about to overwrite the first place: nothing is published, and still it must not be read.
    log.begin(kEntry, datagram(capacity), "x");
    LogRecord read{};
    CPPUNIT_ASSERT(!read_record(area(), 0, read));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, oldest_record(area()));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, record(1).stamp);
  }
  void overwritten_bytes_are_recognised() {
    OrderLogWriter log = writer();
    log.begin(kEntry, datagram(1), "here");
    log.publish();
    const LogRecord first = record(0);
    const std::string large(60000, 'y');
    std::string bytes;
    for (std::uint64_t written = 0; written + 2 * large.size() < area().byte_capacity;
         written += large.size()) {
      log.begin(kEntry, datagram(2), large);
      CPPUNIT_ASSERT(read_bytes(area(), first.datagram, bytes));
    }
    log.begin(kEntry, datagram(2), large);
    log.begin(kEntry, datagram(2), large);
    CPPUNIT_ASSERT(!read_bytes(area(), first.datagram, bytes));
  }
  void a_message_does_not_run_over_the_end_of_the_ring() {
    OrderLogWriter log = writer();
    std::string bytes;
    for (std::uint64_t i = 0; i < 200; ++i) {
      const std::string text(10007 + 13 * i, static_cast<char>('a' + i % 26));
      log.begin(kEntry, datagram(i), text);
      log.publish();
      CPPUNIT_ASSERT(read_bytes(area(), record(i).datagram, bytes));
      CPPUNIT_ASSERT(bytes == text);
    }
  }
  void a_closed_log_writes_nothing() {
    OrderLogWriter log;
    log.open(nullptr);
    log.set_baseline(tx::Settings{});
    log.begin(kEntry, datagram(1), "x");
    log.decided(640, 3, tx::Event::timer(tx::AgeMs{1}), tx::Step{}, tx::Settings{});
    log.sent({}, datagram(1).source, "x");
    log.publish();
    CPPUNIT_ASSERT(!log.is_on());
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, area().published.load());
  }
  void equal_lists_have_equal_digests_and_others_do_not() {
    tx::ActionList one, same, status, order, shorter;
    for (tx::ActionList* list : {&one, &same}) {
      list->push_back(tx::Action::relay_response(tx::BranchIndex{0}, 200));
      list->push_back(tx::Action::cancel_branch(tx::BranchIndex{1}, tx::CancelReason::kCompletedElsewhere));
    }
    status.push_back(tx::Action::relay_response(tx::BranchIndex{0}, 202));
    status.push_back(one[1]);
    order.push_back(one[1]);
    order.push_back(one[0]);
    shorter.push_back(one[0]);
    CPPUNIT_ASSERT_EQUAL(digest_of(one), digest_of(same));
    CPPUNIT_ASSERT(digest_of(one) != digest_of(status));
    CPPUNIT_ASSERT(digest_of(one) != digest_of(order));
    CPPUNIT_ASSERT(digest_of(one) != digest_of(shorter));
    same[1].reason = tx::CancelReason::kCaller;
    CPPUNIT_ASSERT(digest_of(one) != digest_of(same));
  }
  // Stamp, time and text of a record agree, or the reader is told that they have gone.
  void a_reader_beside_the_writer_never_sees_a_torn_record() {
    OrderLogWriter log = writer();
    const OrderLogArea& shared = area();
    std::atomic<bool> ended{false};
    std::atomic<std::uint64_t> whole{0};
    std::atomic<std::uint64_t> torn{0};
    std::thread reader([&] {
      std::string bytes;
      LogRecord read{};
      while (!ended.load() || whole.load() == 0) {
        const std::uint64_t newest = shared.published.load(std::memory_order_acquire);
        // The places that are overwritten next, and one that is safe.
        for (const std::uint64_t position : {oldest_record(shared), newest / 2, newest - 1}) {
          if (newest == 0 || !read_record(shared, position, read)) continue;
          if (read.stamp != position || read.time_us != 1000 + position) ++torn;
          if (!read_bytes(shared, read.datagram, bytes)) continue;
          if (bytes != std::string(700, static_cast<char>(position))) ++torn;
          ++whole;
        }
      }
    });
    for (std::uint64_t i = 0; i < 60000; ++i) {
      log.begin(kEntry, datagram(i), std::string(700, static_cast<char>(i)));
      log.publish();
    }
    ended = true;
    reader.join();
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, torn.load());
    CPPUNIT_ASSERT(whole.load() > 0);
  }

 private:
  std::unique_ptr<Segment> segment_;
  SharedState* state_ = nullptr;
};

CPPUNIT_TEST_SUITE_REGISTRATION(OrderLogTest);

}  // namespace
}  // namespace lockstep::shm
