// replay_test.cc: what is read is what holds; a file gives back what was written, or says what is wrong; a
// replay finds the first departure.
#include "core/order/replay.h"

#include <cppunit/extensions/HelperMacros.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <sstream>

#include "core/order/call.h"
#include "core/order/record_file.h"
#include "shm/attached_segment.h"
#include "shm/segment.h"
#include "shm/shared_state.h"
#include "test/unit/core/order/log_builder.h"

namespace lockstep::order {
namespace {

namespace tx = transaction;
using shm::LogKind;
using test::forked_call;
using test::LogBuilder;

class ReplayTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(ReplayTest);
  CPPUNIT_TEST(a_good_record_replays_identically);
  CPPUNIT_TEST(another_event_is_a_departure);
  CPPUNIT_TEST(another_digest_is_a_departure);
  CPPUNIT_TEST(other_settings_are_a_departure);
  CPPUNIT_TEST(a_wire_in_another_order_is_a_departure);
  CPPUNIT_TEST(a_missing_datagram_is_a_departure_but_not_of_the_last_event);
  CPPUNIT_TEST(a_transaction_without_its_beginning_is_not_compared);
  CPPUNIT_TEST(an_event_that_is_missing_in_the_middle_is_noticed);
  CPPUNIT_TEST(an_event_whose_messages_have_gone_is_not_compared);
  CPPUNIT_TEST(one_call_of_many_keeps_the_numbers_of_its_events);
  CPPUNIT_TEST(of_two_attempts_the_last_one_holds);
  CPPUNIT_TEST(a_datagram_recorded_twice_is_one);
  CPPUNIT_TEST(an_event_set_aside_supersedes_its_attempts);
  CPPUNIT_TEST(a_timer_belongs_to_the_call_of_its_transaction);
  CPPUNIT_TEST(calls_of_one_entry_are_kept_apart);
  CPPUNIT_TEST(a_file_gives_back_what_was_written);
  CPPUNIT_TEST(a_file_cut_anywhere_says_so_and_gives_what_is_whole);
  CPPUNIT_TEST(a_damaged_file_is_found_out);
  CPPUNIT_TEST(another_layout_is_refused_with_both_numbers);
  CPPUNIT_TEST(a_running_server_is_read);
  CPPUNIT_TEST(what_was_published_and_never_committed_is_not_shown);
  CPPUNIT_TEST(no_server_and_no_log_are_told);
  CPPUNIT_TEST_SUITE_END();

 public:
  void tearDown() override { std::remove(path().c_str()); }
  static std::string path() { return "/tmp/lockstep-record-test-" + std::to_string(getpid()); }
  static std::string text_of(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    std::ostringstream all;
    all << in.rdbuf();
    return std::move(all).str();
  }
  static void write_text(const std::string& text) { std::ofstream(path(), std::ios::binary) << text; }
  static void assert_has(const std::string& text, const std::string& part) {
    CPPUNIT_ASSERT_MESSAGE("lacks: " + part + "\n" + text, text.find(part) != std::string::npos);
  }
  static Record& first_of(Log& log, LogKind kind, std::uint64_t stamp) {
    for (Record& record : log.records) {
      if (record.head.kind == kind && record.head.stamp == stamp) return record;
    }
    CPPUNIT_FAIL("no such record");
    return log.records.front();
  }

  void a_good_record_replays_identically() {
    const Replay result = replay(forked_call().log);
    CPPUNIT_ASSERT_EQUAL(std::string("1 call, 8 decisions, 7 datagrams: identical\n"), result.text());
  }
  void another_event_is_a_departure() {
    LogBuilder b = forked_call();
    const tx::Event other = tx::Event::response(tx::AgeMs{8}, tx::BranchIndex{1}, 486, 2);
    std::memcpy(first_of(b.log, LogKind::kDecided, 3).head.decision.event, &other, sizeof other);
    const Replay result = replay(b.log);
    CPPUNIT_ASSERT(!result.is_identical());
    assert_has(result.departure,
               "call one@example.org, decision 5 (response 486 of branch 1): recorded relay "
               "response of branch 1, cancel branch 0 (digest ");
    assert_has(result.departure, "now ack branch 1, store final of branch 1 (digest ");
  }
  void another_digest_is_a_departure() {
    LogBuilder b = forked_call();
    first_of(b.log, LogKind::kDecided, 5).head.decision.digest ^= 1;
    assert_has(replay(b.log).departure, "decision 7 (response 487 of branch 0)");
  }
  void other_settings_are_a_departure() {
    LogBuilder b = forked_call();
    b.log.baseline.respond_100 = false;
    assert_has(replay(b.log).departure, "decision 1 (create): recorded respond local");
  }
  void a_wire_in_another_order_is_a_departure() {
    LogBuilder b = forked_call();
    Record& first = first_of(b.log, LogKind::kSent, 3);
    Record& second = *(&first + 1);
    std::swap(first.bytes, second.bytes);
    assert_has(replay(b.log).departure,
               "event 3: 'cancel branch' was decided and is not on the wire in its "
               "place, which holds CANCEL, 200 INVITE");
  }
  void a_missing_datagram_is_a_departure_but_not_of_the_last_event() {
    LogBuilder b = forked_call();
    std::erase_if(b.log.records,
                  [](const Record& r) { return r.head.stamp == 5 && r.head.kind == LogKind::kSent; });
    assert_has(replay(b.log).departure, "event 5: 'ack branch' was decided");
    std::erase_if(b.log.records, [](const Record& r) { return r.head.stamp == 6; });
    CPPUNIT_ASSERT_EQUAL(std::string(), replay(b.log).departure);
  }
  void a_transaction_without_its_beginning_is_not_compared() {
    LogBuilder b = forked_call();
    std::erase_if(b.log.records, [](const Record& r) { return r.head.stamp == 1; });
    const Replay result = replay(b.log);
    CPPUNIT_ASSERT(result.is_identical());
    assert_has(result.text(), "not compared: 1 transaction without a beginning, which has been overwritten");
  }
  // The rings of two workers do not turn over at the same time: an event in the middle may be the one that
  // has gone.
  void an_event_that_is_missing_in_the_middle_is_noticed() {
    LogBuilder b = forked_call();
    std::erase_if(b.log.records, [](const Record& r) { return r.head.stamp == 3; });
    const Replay result = replay(b.log);
    CPPUNIT_ASSERT_EQUAL(std::string(), result.departure);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, result.incomplete);
    LogBuilder half = forked_call();  // Where a ring begins, an event may have lost its front alone.
    std::erase_if(half.log.records,
                  [](const Record& r) { return r.head.stamp == 3 && r.head.kind != LogKind::kSent; });
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, replay(half.log).incomplete);
  }
  // Bytes turn over before records do, and what goes to the caller names no transaction.
  void an_event_whose_messages_have_gone_is_not_compared() {
    LogBuilder b = forked_call();
    for (Record& record : b.log.records) {
      if (record.head.stamp != 3) continue;
      record.has_bytes = false;
      record.bytes.clear();
    }
    const std::vector<Call> calls = calls_of(b.log);
    CPPUNIT_ASSERT_EQUAL(b.log.records.size(), calls.at(0).records.size());
    CPPUNIT_ASSERT(!is_whole(b.log, calls[0], threads_of(b.log, calls[0])));
    const Replay result = replay(b.log);
    CPPUNIT_ASSERT_EQUAL(std::string(), result.departure);
    assert_has(result.text(), "not compared: the wire of 1 event, whose messages have been overwritten");
  }
  void one_call_of_many_keeps_the_numbers_of_its_events() {
    LogBuilder b = forked_call();
    b.received(8, 80000, "OPTIONS sip:x SIP/2.0\r\nCall-ID: two@example.org\r\n\r\n", "127.0.0.9");
    b.occasion(9, 90000);
    b.decided(9, 90000, tx::Event::timer(tx::AgeMs{89}));
    b.received(7, 70000, "OPTIONS sip:x SIP/2.0\r\nCall-ID: two@example.org\r\n\r\n", "127.0.0.9");
    b.log.records = settled(b.log.records);
    const Log one = only(b.log, calls_of(b.log).at(0));
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, calls_of(one).size());
    const Replay result = replay(one);
    CPPUNIT_ASSERT_EQUAL(std::string(), result.departure);
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, result.incomplete);
    for (const Record& record : one.records) {
      CPPUNIT_ASSERT(record.bytes.find("two@example.org") == std::string::npos);
    }
  }
  // A worker died between publish and commit; its replacement decided the event again, otherwise.
  void of_two_attempts_the_last_one_holds() {
    LogBuilder b;
    b.received(1, 10, "first", "127.0.0.9");
    b.decided(1, 11, tx::Event::create(tx::AgeMs{0}, tx::Method::kInvite));
    b.received(1, 10, "again", "127.0.0.9");
    b.sent(1, 30, "answer", "127.0.0.9");
    const std::vector<Record> held = settled(b.log.records);
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, held.size());
    CPPUNIT_ASSERT_EQUAL(std::string("again"), held[0].bytes);
    CPPUNIT_ASSERT_EQUAL(std::string("answer"), held[1].bytes);
  }
  void a_datagram_recorded_twice_is_one() {
    LogBuilder b;
    b.received(1, 10, "in", "127.0.0.9");
    b.sent(1, 20, "out", "127.0.0.9");
    b.sent(1, 20, "other", "127.0.0.9");
    Record again = b.log.records[1];
    b.log.records.push_back(again);
    CPPUNIT_ASSERT_EQUAL(std::size_t{3}, settled(b.log.records).size());
  }
  void an_event_set_aside_supersedes_its_attempts() {
    LogBuilder b;
    b.received(1, 10, "in", "127.0.0.9");
    b.decided(1, 11, tx::Event::create(tx::AgeMs{0}, tx::Method::kInvite));
    b.received(2, 12, "next", "127.0.0.9");
    b.log.records.push_back(b.log.records[0]);
    b.log.records.back().head.kind = LogKind::kSetAside;
    const std::vector<Record> held = settled(b.log.records);
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, held.size());
    CPPUNIT_ASSERT(held[0].head.kind == LogKind::kSetAside);
  }
  void a_timer_belongs_to_the_call_of_its_transaction() {
    const LogBuilder b = forked_call();
    const std::vector<Call> calls = calls_of(b.log);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, calls.size());
    CPPUNIT_ASSERT_EQUAL(b.log.records.size(), calls[0].records.size());
  }
  void calls_of_one_entry_are_kept_apart() {
    LogBuilder b = forked_call();
    b.received(7, 70000, "OPTIONS sip:x SIP/2.0\r\nCall-ID: two@example.org\r\n\r\n", "127.0.0.9");
    const std::vector<Call> calls = calls_of(b.log);
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, calls.size());
    CPPUNIT_ASSERT_EQUAL(std::string("two@example.org"), calls[1].id);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, calls[1].records.size());
  }
  void a_file_gives_back_what_was_written() {
    LogBuilder b = forked_call();
    b.log.baseline.t1.value = 400;
    CPPUNIT_ASSERT(write_file(b.log, path()).ok());
    const auto read = read_file(path());
    CPPUNIT_ASSERT_MESSAGE(read.ok() ? "" : read.error(), read.ok());
    CPPUNIT_ASSERT_EQUAL(b.log.records.size(), read->records.size());
    CPPUNIT_ASSERT_EQUAL(400u, read->baseline.t1.value);
    CPPUNIT_ASSERT(read->listen == b.log.listen);
    CPPUNIT_ASSERT(read->remarks.empty());
    for (std::size_t i = 0; i < b.log.records.size(); ++i) {
      CPPUNIT_ASSERT_EQUAL(b.log.records[i].bytes, read->records[i].bytes);
      CPPUNIT_ASSERT(std::memcmp(&b.log.records[i].head, &read->records[i].head, sizeof(shm::LogRecord)) ==
                     0);
    }
  }
  void a_file_cut_anywhere_says_so_and_gives_what_is_whole() {
    CPPUNIT_ASSERT(write_file(forked_call().log, path()).ok());
    const std::string whole = text_of(path());
    bool has_shown_part = false;
    for (std::size_t size = 0; size < whole.size(); size += 97) {
      write_text(whole.substr(0, size));
      const auto read = read_file(path());
      if (!read) {
        assert_has(read.error(), size < 8 ? "is no recording" : "is cut short");
        continue;
      }
      CPPUNIT_ASSERT_EQUAL(std::size_t{1}, read->remarks.size());
      assert_has(read->remarks[0], "is cut short: what follows is made of the first ");
      has_shown_part = has_shown_part || read->records.size() > 5;
    }
    CPPUNIT_ASSERT(has_shown_part);
  }
  void a_damaged_file_is_found_out() {
    CPPUNIT_ASSERT(write_file(forked_call().log, path()).ok());
    std::string text = text_of(path());
    text[text.find("180 Ringing")] = '2';
    write_text(text);
    const auto read = read_file(path());
    CPPUNIT_ASSERT(read.ok());
    assert_has(read->remarks.at(0), "is damaged");
  }
  void another_layout_is_refused_with_both_numbers() {
    CPPUNIT_ASSERT(write_file(forked_call().log, path()).ok());
    std::string text = text_of(path());
    text[8] = 77;
    write_text(text);
    const auto read = read_file(path());
    CPPUNIT_ASSERT(!read.ok());
    assert_has(read.error(), "has layout 77 ");
    assert_has(read.error(), "this binary reads " + std::to_string(shm::kLayoutNumber));
    CPPUNIT_ASSERT(read.error().find('\n') == std::string::npos);
  }

  // A segment as a server has it; the run directory is a name that nobody else uses.
  struct Server {
    Server() {
      auto made = shm::Segment::create(shm::segment_name_of(run_dir), 24 << 20);
      CPPUNIT_ASSERT(made.ok());
      segment = std::move(*made);
      state = *shm::make_shared_state(*segment, 2);
    }
    ~Server() { segment->remove(); }
    std::string run_dir = "/nowhere/lockstep-order-test-" + std::to_string(getpid());
    std::unique_ptr<shm::Segment> segment;
    shm::SharedState* state = nullptr;
  };
  static void begin(shm::OrderLogWriter& log, std::uint32_t entry, std::uint64_t stamp) {
    static shm::EventNode node;
    node.kind = shm::EventKind::kDatagram;
    node.number = stamp;
    log.begin(entry, node, test::sip_message("OPTIONS sip:x SIP/2.0", "x", "1 OPTIONS"));
    log.publish();
  }

  void a_running_server_is_read() {
    Server server;
    CPPUNIT_ASSERT(shm::make_order_logs(*server.segment, *server.state, 1).ok());
    for (int id = 1; id <= 2; ++id) {
      shm::OrderLogWriter log;
      log.open(server.state->order_logs[id]);
      log.set_baseline(tx::Settings{});
      begin(log, 5, static_cast<std::uint64_t>(3 - id));
    }
    server.state->entry(5).consumed.store(2);
    const auto read = read_live(server.run_dir);
    CPPUNIT_ASSERT_MESSAGE(read.ok() ? "" : read.error(), read.ok());
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, read->records.size());
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, read->records[0].head.stamp);
    CPPUNIT_ASSERT_EQUAL(std::uint8_t{2}, read->records[0].head.worker);
    CPPUNIT_ASSERT(!read->has_lost());
  }
  void what_was_published_and_never_committed_is_not_shown() {
    Server server;
    CPPUNIT_ASSERT(shm::make_order_logs(*server.segment, *server.state, 1).ok());
    shm::OrderLogWriter log;
    log.open(server.state->order_logs[1]);
    log.set_baseline(tx::Settings{});
    begin(log, 5, 1);
    CPPUNIT_ASSERT(read_live(server.run_dir)->records.empty());
    server.state->entry(5).consumed.store(1);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, read_live(server.run_dir)->records.size());
  }
  void no_server_and_no_log_are_told() {
    const auto nobody = read_live("/nowhere/lockstep-nobody");
    CPPUNIT_ASSERT(!nobody.ok());
    assert_has(nobody.error(), "no server of /nowhere/lockstep-nobody can be asked");
    Server server;
    const auto silent = read_live(server.run_dir);
    CPPUNIT_ASSERT(!silent.ok());
    assert_has(silent.error(), "keeps no order log (order_log=0)");
    server.state->layout = 77;
    assert_has(read_live(server.run_dir).error(), "has layout 77, this binary reads ");
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ReplayTest);

}  // namespace
}  // namespace lockstep::order
