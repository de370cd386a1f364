// render_test.cc: one forked call, drawn in every way; and what is said when a part of it is gone.
#include "core/order/render.h"

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>

#include "core/order/redaction.h"
#include "core/order/words.h"
#include "test/unit/core/order/log_builder.h"

namespace lockstep::order {
namespace {

using test::forked_call;
using test::LogBuilder;
using test::sip_message;
namespace tx = transaction;

class RenderTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(RenderTest);
  CPPUNIT_TEST(a_forked_call_as_a_ladder);
  CPPUNIT_TEST(a_narrow_terminal_cuts_labels_and_wraps_decisions);
  CPPUNIT_TEST(the_reasons_of_a_forked_call);
  CPPUNIT_TEST(a_cancel_to_a_phone_that_had_answered_is_late);
  CPPUNIT_TEST(a_withdrawn_cancel_is_shown_and_told);
  CPPUNIT_TEST(a_late_2xx_is_told_by_its_policy_and_its_repetition_as_one);
  CPPUNIT_TEST(a_cancel_that_is_held_is_told);
  CPPUNIT_TEST(timers_have_names_and_a_single_branch_has_no_number);
  CPPUNIT_TEST(a_later_invite_of_the_dialog_is_not_late);
  CPPUNIT_TEST(an_invite_that_is_tried_again_has_the_same_lanes);
  CPPUNIT_TEST(the_list_tells_how_the_last_attempt_ended);
  CPPUNIT_TEST(a_call_without_its_beginning_says_so);
  CPPUNIT_TEST(messages_that_are_gone_leave_their_place);
  CPPUNIT_TEST(the_list_tells_who_called_whom_and_how_it_ended);
  CPPUNIT_TEST(what_came_from_the_wire_does_not_steer_a_terminal);
  CPPUNIT_TEST(a_page_has_a_lane_for_each_worker_and_folds_bodies);
  CPPUNIT_TEST(a_page_escapes_what_came_from_the_wire);
  CPPUNIT_TEST(a_capture_is_made_of_whole_blocks);
  CPPUNIT_TEST(redaction_is_consistent_and_keeps_the_message_whole);
  CPPUNIT_TEST(redaction_leaves_nobody);
  CPPUNIT_TEST_SUITE_END();

 public:
  static Scene scene_of(const Log& log) { return make_scene(log, calls_of(log).at(0)); }
  static std::string why_of(const Log& log) {
    const std::vector<Call> calls = calls_of(log);
    return why_text(log, calls[0], make_scene(log, calls[0]));
  }
  static void assert_has(const std::string& text, const std::string& part) {
    CPPUNIT_ASSERT_MESSAGE("lacks: " + part + "\n" + text, text.find(part) != std::string::npos);
  }

  void a_forked_call_as_a_ladder() {
    const std::string expected = R"(Call-ID one@example.org
  caller: alice 127.0.0.9:5060
  branch 0: bob 127.0.0.2:5060
  branch 1: bob 127.0.0.3:5060

        ms  w  caller           lockstep          branch 0          branch 1
     0.000  1     |-----INVITE----->|                 |                 |
     0.100  1  * create: respond local 100
     0.100  1  * add branch 0: forward request of branch 0
     0.100  1  * add branch 1: forward request of branch 1
     0.200  1     |<--100 INVITE----|                 |                 |
     0.200  1     |                 |-----INVITE----->|                 |
     0.200  1     |                 |-----INVITE----------------------->|
     1.000  1     |                 |<--180 INVITE----|                 |
     1.100  1  * response 180 of branch 0: relay response 180 of branch 0
     1.200  1     |<--180 INVITE----|                 |                 |
     8.000  2     |                 |<--200 INVITE----------------------|
     8.100  2  * response 200 of branch 1: relay response 200 of branch 1,
                 cancel branch 0 (completed elsewhere)
     8.200  2     |<--200 INVITE----|                 |                 |
     8.200  2     |                 |-----CANCEL----->|                 |
     8.500  1     |                 |<--200 CANCEL----|                 |
     8.600  1  * cancel response 200 of branch 0: noted
     8.700  1     |                 |<--487 INVITE----|                 |
     8.800  1  * response 487 of branch 0: ack branch 0
     8.900  1     |                 |-------ACK------>|                 |
    59.000  1  ~ timer: ignored, not due
)";
    CPPUNIT_ASSERT_EQUAL(expected, ladder_text(scene_of(forked_call().log), 80));
  }
  void a_narrow_terminal_cuts_labels_and_wraps_decisions() {
    const std::string text = ladder_text(scene_of(forked_call().log), 10);
    assert_has(text, "|<--200----|");
    assert_has(text, "|<-200 INVITE---------|");
    std::size_t longest = 0;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = text.find('\n', at);
      longest = std::max(longest, end - at);
      at = end + 1;
    }
    CPPUNIT_ASSERT(longest <= 60);  // Less is no terminal.
  }
  void the_reasons_of_a_forked_call() {
    CPPUNIT_ASSERT_EQUAL(
        std::string(
            "Call-ID one@example.org\n"
            "The INVITE, 2 branches.\n"
            "Branch 1 won: its 200 was the first 2xx that was decided on, at +8.100 ms.\n"
            "Branch 0 was added at +0.100 ms; first 1xx (180) at +1.100 ms; CANCEL was decided at +8.100 "
            "ms (completed elsewhere); its CANCEL was answered 200 at +8.600 ms; "
            "answered 487 at +8.700 ms, decided on at +8.800 ms.\n"
            "Branch 1 was added at +0.100 ms; answered 200 at +8.000 ms, decided on at +8.100 ms.\n"),
        why_of(forked_call().log));
  }
  // The answer of branch 0 had arrived while the 200 of branch 1 was being decided.
  void a_cancel_to_a_phone_that_had_answered_is_late() {
    LogBuilder b = forked_call();
    for (Record& record : b.log.records) {
      if (record.head.stamp == 5 && record.head.kind == shm::LogKind::kReceived) record.head.time_us = 9150;
    }
    assert_has(ladder_text(scene_of(b.log), 100), "late: branch 0 had answered");
    assert_has(why_of(b.log), "that CANCEL left at +8.200 ms, when its answer had arrived: too late");
  }
  void a_withdrawn_cancel_is_shown_and_told() {
    LogBuilder b = forked_call();
    for (Record& record : b.log.records) {
      const bool is_cancel = record.bytes.starts_with("CANCEL");
      if (is_cancel) record.head.kind = shm::LogKind::kWithdrawn;
    }
    const std::string ladder = ladder_text(scene_of(b.log), 120);
    assert_has(ladder, "CANCEL");
    assert_has(ladder, "withdrawn before it was sent");
    assert_has(why_of(b.log), "its CANCEL was withdrawn at +8.200 ms, before it was sent");
    assert_has(ladder_page(scene_of(b.log), ""), "arrow right cancel off");
  }
  // Both ring; branch 1 answers, and then branch 0 as well, twice.
  static LogBuilder call_answered_twice(const tx::Settings& settings) {
    LogBuilder b;
    b.log.baseline = settings;
    const std::string ok = sip_message("SIP/2.0 200 OK", "p0", "1 INVITE", "t0");
    b.received(1, 1000, sip_message("INVITE sip:bob@example.org SIP/2.0", "c", "1 INVITE"), "127.0.0.9");
    b.decided(1, 1100, tx::Event::create(tx::AgeMs{0}, tx::Method::kInvite));
    for (std::uint8_t i = 0; i < 2; ++i) {
      b.decided(1, 1100, tx::Event::add_branch(tx::AgeMs{0}, tx::BranchIndex{i}));
    }
    b.received(2, 2000, sip_message("SIP/2.0 180 Ringing", "p0", "1 INVITE", "t0"), "127.0.0.2");
    b.decided(2, 2000, tx::Event::response(tx::AgeMs{1}, tx::BranchIndex{0}, 180, 1));
    b.received(3, 3000, sip_message("SIP/2.0 200 OK", "p1", "1 INVITE", "t1"), "127.0.0.3");
    b.decided(3, 3000, tx::Event::response(tx::AgeMs{2}, tx::BranchIndex{1}, 200, 2));
    b.received(4, 4000, ok, "127.0.0.2");
    b.decided(4, 4000, tx::Event::response(tx::AgeMs{3}, tx::BranchIndex{0}, 200, 1));
    b.received(5, 9000, ok, "127.0.0.2");
    b.decided(5, 9000, tx::Event::response(tx::AgeMs{8}, tx::BranchIndex{0}, 200, 1));
    b.occasion(6, 40000000);
    b.decided(6, 40000000, tx::Event::timer(tx::AgeMs{40000}));
    return b;
  }
  void a_late_2xx_is_told_by_its_policy_and_its_repetition_as_one() {
    tx::Settings settings;
    const std::string forwarded = why_of(call_answered_twice(settings).log);
    assert_has(forwarded, "Branch 0 answered 200 too, at +3.000 ms: relayed.\n");
    assert_has(forwarded, "Branch 0's 200 came again at +8.000 ms: relayed again.\n");
    settings.late_2xx = tx::LatePolicy::kTerminate;
    const std::string ended = why_of(call_answered_twice(settings).log);
    assert_has(ended, "at +3.000 ms: acknowledged here, and that leg ended with BYE.\n");
    assert_has(ended, "came again at +8.000 ms: acknowledged again.\n");
    settings.late_2xx = tx::LatePolicy::kDrop;
    const std::string dropped = why_of(call_answered_twice(settings).log);
    assert_has(dropped, "at +3.000 ms: dropped.\n");
    assert_has(dropped, "came again at +8.000 ms: dropped again.\n");
  }
  void a_cancel_that_is_held_is_told() {
    tx::Settings settings;
    settings.cancel_holdoff = tx::DurationMs{30};
    const LogBuilder b = call_answered_twice(settings);
    assert_has(ladder_text(scene_of(b.log), 160), "hold cancel of branch 0 (completed elsewhere)");
    assert_has(why_of(b.log), "its CANCEL was held from +2.000 ms on (completed elsewhere), for a final");
  }
  void timers_have_names_and_a_single_branch_has_no_number() {
    const LogBuilder b = call_answered_twice({});
    assert_has(ladder_text(scene_of(b.log), 120), "~ timer M of branch 1: ");
    const Decision told = threads_of(b.log, calls_of(b.log)[0])[0].decisions[3];
    CPPUNIT_ASSERT_EQUAL(std::string("response 180 of branch 0"), event_text(told));
    CPPUNIT_ASSERT_EQUAL(std::string("response 180"), event_text(told, Naming::kNoBranches));
    CPPUNIT_ASSERT_EQUAL(std::string("relay response 180"), actions_text(told, Naming::kNoBranches));
  }
  // The caller puts on hold and gives that up; then it is put on hold.
  void a_later_invite_of_the_dialog_is_not_late() {
    LogBuilder b = forked_call();
    b.received(7, 70000, sip_message("INVITE sip:b@127.0.0.3 SIP/2.0", "c2", "2 INVITE", "t1"), "127.0.0.9");
    b.sent(7, 70100, sip_message("INVITE sip:b@127.0.0.3 SIP/2.0", "p2", "2 INVITE", "t1"), "127.0.0.3");
    b.sent(7, 70200, sip_message("CANCEL sip:b@127.0.0.3 SIP/2.0", "p2", "2 CANCEL", "t1"), "127.0.0.3");
    b.received(8, 80000, sip_message("INVITE sip:b@127.0.0.3 SIP/2.0", "c3", "3 INVITE", "t1"), "127.0.0.9");
    b.sent(8, 80100, sip_message("INVITE sip:b@127.0.0.3 SIP/2.0", "p3", "3 INVITE", "t1"), "127.0.0.3");
    b.received(9, 90000, sip_message("SIP/2.0 200 OK", "p3", "3 INVITE", "t1"), "127.0.0.3");
    b.sent(9, 90100, sip_message("SIP/2.0 200 OK", "c3", "3 INVITE", "t1"), "127.0.0.9");
    const std::string ladder = ladder_text(scene_of(b.log), 120);
    CPPUNIT_ASSERT_MESSAGE(ladder, ladder.find("late") == std::string::npos);
  }
  // Refused with 401, then tried again.
  static LogBuilder call_with_credentials() {
    LogBuilder b;
    for (std::uint32_t i = 0; i < 2; ++i) {
      const std::string n = std::to_string(i + 1), c = "c" + n, p = "p" + n, cseq = n + " INVITE";
      const std::string final_line = i == 0 ? "SIP/2.0 401 Unauthorized" : "SIP/2.0 200 OK";
      const std::uint64_t stamp = 1 + i * 2, us = 1000 + i * 10000;
      if (i == 1) b.begin_transaction();
      b.received(stamp, us, sip_message("INVITE sip:bob@example.org SIP/2.0", c, cseq), "127.0.0.9");
      b.decided(stamp, us, tx::Event::create(tx::AgeMs{0}, tx::Method::kInvite));
      b.decided(stamp, us, tx::Event::add_branch(tx::AgeMs{0}, tx::BranchIndex{0}));
      b.sent(stamp, us, sip_message("INVITE sip:bob@127.0.0.2 SIP/2.0", p, cseq), "127.0.0.2", 0);
      b.received(stamp + 1, us + 500, sip_message(final_line, p, cseq, "t" + n), "127.0.0.2");
      const tx::Status status = i == 0 ? 401 : 200;
      b.decided(stamp + 1, us + 500, tx::Event::response(tx::AgeMs{1}, tx::BranchIndex{0}, status, i + 1));
    }
    return b;
  }
  void an_invite_that_is_tried_again_has_the_same_lanes() {
    CPPUNIT_ASSERT_EQUAL(std::size_t{3}, scene_of(call_with_credentials().log).lanes.size());
  }
  void the_list_tells_how_the_last_attempt_ended() {
    const LogBuilder b = call_with_credentials();
    assert_has(call_list(b.log, calls_of(b.log), false), "       200  one@example.org\n");
  }
  void a_call_without_its_beginning_says_so() {
    LogBuilder b = forked_call();
    std::erase_if(b.log.records, [](const Record& record) { return record.head.stamp == 1; });
    b.log.whole_since_us = 1500;
    const std::string ladder = ladder_text(scene_of(b.log), 100);
    assert_has(ladder, "! a part of this call has been overwritten");
    assert_has(ladder, "response 200 of branch 1: relay response of branch 1, cancel branch 0");
    assert_has(why_of(b.log), "The beginning of a transaction has been overwritten");
    const std::vector<Call> calls = calls_of(b.log);
    assert_has(call_list(b.log, calls, true), "(a part of it has been overwritten)");
  }
  void messages_that_are_gone_leave_their_place() {
    LogBuilder b = forked_call();
    b.log.records.front().has_bytes = false;
    b.log.records.front().bytes.clear();
    const std::string ladder = ladder_text(scene_of(b.log), 100);
    assert_has(ladder, "(overwritten)");
    assert_has(capture_of(b.log, scene_of(b.log)), "a message from caller has been overwritten");
    assert_has(ladder, "! a part of this call has been overwritten");
  }
  void the_list_tells_who_called_whom_and_how_it_ended() {
    const LogBuilder b = forked_call();
    const std::string list = call_list(b.log, calls_of(b.log), false);
    const std::string line = list.substr(list.find('\n') + 1);
    assert_has(line,
               "INVITE    alice                    bob                       2       200  one@example.org\n");
    CPPUNIT_ASSERT_EQUAL(std::string("no calls yet\n"), call_list(b.log, {}, false));
  }
  void what_came_from_the_wire_does_not_steer_a_terminal() {
    LogBuilder b;
    b.received(1, 1000,
               "INVITE sip:b@x SIP/2.0\r\nVia: SIP/2.0/UDP x;branch=z9hG4bKx\r\nFrom: <sip:a@x>;tag=1\r\n"
               "Call-ID: \x1b[31m\x7f\xc2\x9b@\xc3\xa9\r\nCSeq: 1 INVITE\r\n\r\n",
               "127.0.0.9");
    const std::string shown = ".[31m...@\xc3\xa9\n";
    assert_has(call_list(b.log, calls_of(b.log), false), shown);
    assert_has(ladder_text(scene_of(b.log), 80), "Call-ID " + shown);
    assert_has(why_of(b.log), "Call-ID " + shown);
  }
  void a_page_has_a_lane_for_each_worker_and_folds_bodies() {
    const std::string page = ladder_page(scene_of(forked_call().log), "Call-ID x\nBranch 1 won.\n");
    assert_has(page, "<b>lockstep</b><span>worker 1</span>");
    assert_has(page, "<b>lockstep</b><span>worker 2</span>");
    assert_has(page, "--lanes:5;");
    assert_has(page, "<p>Branch 1 won.</p>");
    assert_has(page, "<details class=\"b\"><summary>body, 4 bytes</summary><pre>v=0\n</pre>");
    CPPUNIT_ASSERT(page.find("src=") == std::string::npos && page.find("href=") == std::string::npos);
  }
  void a_page_escapes_what_came_from_the_wire() {
    LogBuilder b;
    b.received(1, 1000,
               "INVITE sip:<script>alert(1)</script>@x SIP/2.0\r\nVia: SIP/2.0/UDP x;branch=z9hG4bKx\r\n"
               "From: <sip:\"&@x>;tag=1\r\nCall-ID: <b>@x\r\nCSeq: 1 INVITE\r\n\r\n",
               "127.0.0.9");
    const std::string page = ladder_page(scene_of(b.log), "");
    CPPUNIT_ASSERT(page.find("<script") == std::string::npos && page.find("<b>@x") == std::string::npos);
    assert_has(page, "&lt;script&gt;");
  }
  void a_capture_is_made_of_whole_blocks() {
    const LogBuilder b = forked_call();
    const std::string capture = capture_of(b.log, scene_of(b.log));
    std::vector<std::uint32_t> types;
    for (std::size_t at = 0; at < capture.size();) {
      std::uint32_t type = 0, length = 0, again = 0;
      CPPUNIT_ASSERT(capture.size() - at >= 12);
      std::memcpy(&type, capture.data() + at, 4);
      std::memcpy(&length, capture.data() + at + 4, 4);
      CPPUNIT_ASSERT(length % 4 == 0 && length <= capture.size() - at);
      std::memcpy(&again, capture.data() + at + length - 4, 4);
      CPPUNIT_ASSERT_EQUAL(length, again);
      types.push_back(type);
      at += length;
    }
    CPPUNIT_ASSERT_EQUAL(std::uint32_t{0x0A0D0D0A}, types[0]);
    CPPUNIT_ASSERT_EQUAL(std::uint32_t{1}, types[1]);
    CPPUNIT_ASSERT_EQUAL(std::ptrdiff_t{12}, std::count(types.begin(), types.end(), 6u));
    assert_has(capture, "+8.100 ms worker 2: response 200 of branch 1: relay response 200 of branch 1");
  }
  void redaction_is_consistent_and_keeps_the_message_whole() {
    Redaction redaction;
    const std::string sdp = "v=0\r\no=alice 1 1 IN IP4 10.1.2.3\r\ns=Alice calls\r\nc=IN IP4 10.1.2.3\r\n";
    const std::string once = redaction.redacted(
        "INVITE sip:bob@example.org SIP/2.0\r\nFrom: \"Alice A\" <sip:alice@example.org>;tag=a\r\n"
        "To: Bob B <sip:bob@example.org>\r\nX-Called: bob\r\nContent-Length: " +
        std::to_string(sdp.size()) + "\r\n\r\n" + sdp);
    const std::string body = "v=0\r\no=user2 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\n";
    CPPUNIT_ASSERT_EQUAL(
        std::string(
            "INVITE sip:user1@example.org SIP/2.0\r\nFrom: \"Name 1\" <sip:user2@example.org>;tag=a\r\n"
            "To: \"Name 2\" <sip:user1@example.org>\r\nX-Called: user1\r\nContent-Length: ") +
            std::to_string(body.size()) + "\r\n\r\n" + body,
        once);
  }
  void redaction_leaves_nobody() {
    LogBuilder b = forked_call();
    Redaction().apply(b.log);
    const Scene scene = scene_of(b.log);
    for (const std::string& text :
         {ladder_page(scene, why_of(b.log)), ladder_text(scene, 100), capture_of(b.log, scene)}) {
      for (const char* name : {"alice", "Alice", "bob"}) CPPUNIT_ASSERT(text.find(name) == std::string::npos);
    }
    assert_has(ladder_text(scene, 80), "response 200 of branch 1");
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(RenderTest);

}  // namespace
}  // namespace lockstep::order
