// engine_limit_test.cc: time, bad input and full memory: what one engine does at the edges, and that it gives
// back all that it took (I19).
#include <cppunit/extensions/HelperMacros.h>

#include "test/unit/core/worker/engine_fixture.h"

namespace lockstep::test {
namespace {

using Texts = std::vector<std::string>;

constexpr const char* kScript = R"(
request_route {
  if (method == "CANCEL") { if (t_check_trans()) t_relay(); exit; }
  if (method == "ACK") { t_relay(); exit; }
  if (uri =~ "fork") append_branch("sip:c@127.0.0.3:5062");
  if (uri =~ "twice") { sl_send_reply("404", "First"); sl_send_reply("500", "Second"); exit; }
  if (uri =~ "trying") { sl_send_reply("100", "Soon"); sl_send_reply("200", "OK"); exit; }
  if (uri =~ "local") { t_newtran(); t_reply("404", "Not Here"); t_reply("500", "Second"); exit; }
  if (uri =~ "silent") { t_newtran(); exit; }
  if (uri =~ "nowhere") { if (!t_relay()) sl_send_reply("478", "No Such Place"); exit; }
  if (uri =~ "stateless") { forward(); exit; }
  if (uri =~ "wide") {
    append_branch("sip:c1@127.0.0.3:5061"); append_branch("sip:c2@127.0.0.3:5062");
    append_branch("sip:c3@127.0.0.3:5063"); append_branch("sip:c4@127.0.0.3:5064");
    append_branch("sip:c5@127.0.0.3:5065"); append_branch("sip:c6@127.0.0.3:5066");
    append_branch("sip:c7@127.0.0.3:5067"); append_branch("sip:c8@127.0.0.3:5068");
  }
  if (uri =~ "branchy") { append_branch("sip:c@127.0.0.3:5062"); t_on_branch("only_c"); }
  if (uri =~ "serial") t_on_failure("next");
  if (uri =~ "quiet") t_on_reply("no_183");
  t_relay();
}
branch_route[only_c] { if (!(uri =~ "sip:c@")) drop; }
failure_route[next] { seturi("sip:d@127.0.0.4:5064"); t_relay(); }
onreply_route[no_183] { if (status == "183") drop; }
reply_route { if (status == "199") drop; }
)";

std::string show(const Texts& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}
#define SAME_LINES(expected, got) CPPUNIT_ASSERT_EQUAL(show(expected), show(got))

class EngineLimitTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(EngineLimitTest);
  CPPUNIT_TEST(an_unanswered_invite_is_repeated_and_times_out);
  CPPUNIT_TEST(a_failure_is_repeated_until_the_ack);
  CPPUNIT_TEST(an_answered_call_leaves_nothing_behind);
  CPPUNIT_TEST(a_wide_fork_is_cancelled_in_order_and_leaves_nothing);
  CPPUNIT_TEST(more_branches_than_the_bound_are_left_out);
  CPPUNIT_TEST(a_response_to_a_stateless_request_follows_its_vias);
  CPPUNIT_TEST(an_ignored_cancel_ends_in_a_timeout);
  CPPUNIT_TEST(a_late_response_is_dropped_and_counted);
  CPPUNIT_TEST(a_made_up_branch_is_dropped_and_counted);
  CPPUNIT_TEST(a_response_of_another_method_is_dropped);
  CPPUNIT_TEST(a_malformed_request_is_answered_with_its_fault);
  CPPUNIT_TEST(what_cannot_be_answered_is_dropped_and_counted);
  CPPUNIT_TEST(one_event_gets_one_final);
  CPPUNIT_TEST(a_local_final_is_kept_by_its_transaction);
  CPPUNIT_TEST(a_request_that_nobody_answers_is_given_up);
  CPPUNIT_TEST(no_destination_is_the_scripts_to_answer);
  CPPUNIT_TEST(a_branch_route_may_drop_a_branch);
  CPPUNIT_TEST(reply_routes_may_drop_provisionals);
  CPPUNIT_TEST(the_ack_to_a_stateless_answer_is_absorbed);
  CPPUNIT_TEST(without_a_transaction_slot_503_tells_when_to_come_back);
  CPPUNIT_TEST(without_message_slots_every_caller_is_told);
  CPPUNIT_TEST(a_failure_route_without_memory_lets_the_failure_up);
  CPPUNIT_TEST(a_call_in_progress_is_answered_with_memory_full);
  CPPUNIT_TEST(a_wide_fork_is_answered_with_memory_full);
  CPPUNIT_TEST(with_memory_full_no_200_comes_without_its_cancels);
  CPPUNIT_TEST(a_final_without_memory_goes_up_with_its_repetition);
  CPPUNIT_TEST(a_branch_that_cannot_be_sent_to_fails);
  CPPUNIT_TEST_SUITE_END();

  static std::string invite(const std::string& user = "b", const std::string& branch = "i") {
    return make_request("INVITE sip:" + user + "@127.0.0.2:5061", branch);
  }
  static void is_empty(const EngineFixture& fixture) {
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, fixture.live_transactions());
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, fixture.live_messages());
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, fixture.live(shm::SlabKind::kBranches));
    CPPUNIT_ASSERT_EQUAL(fixture.counter("tmx", "created"), fixture.counter("tmx", "freed"));
  }
  // Takes every slot of these kinds.
  static std::vector<shm::SlotHandle> exhaust(EngineFixture& fixture, std::vector<shm::SlabKind> kinds) {
    std::vector<shm::SlotHandle> taken;
    for (const shm::SlabKind kind : kinds) {
      while (const shm::SlotHandle slot = fixture.slabs().try_take(kind)) taken.push_back(slot);
    }
    return taken;
  }
  static std::vector<shm::SlotHandle> exhaust_messages(EngineFixture& fixture) {
    using shm::SlabKind;
    return exhaust(fixture, {SlabKind::kMessage512, SlabKind::kMessage1K, SlabKind::kMessage2K,
                             SlabKind::kMessage4K, SlabKind::kMessage16K, SlabKind::kMessage64K});
  }

 public:
  // Timers A and B (17.1.1.2), then G, H (17.2.1).
  void an_unanswered_invite_is_repeated_and_times_out() {
    EngineFixture fixture(kScript);
    static_cast<void>(fixture.receive(invite()));
    const Texts again{"INVITE sip:b@127.0.0.2:5061 > 127.0.0.2:5061"};
    SAME_LINES(Texts{}, fixture.pass_ms(300));
    SAME_LINES(again, fixture.pass_ms(250));
    SAME_LINES(Texts{}, fixture.pass_ms(700));
    SAME_LINES(again, fixture.pass_ms(350));
    const Texts late = fixture.pass_ms(31'000);
    CPPUNIT_ASSERT(!late.empty());
    CPPUNIT_ASSERT_EQUAL(std::string("408 Request Timeout > 127.0.0.1:5070"), late.back());
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, fixture.counter("tmx", "local_408"));
    for (int i = 0; i < 4; ++i) static_cast<void>(fixture.pass(33'000));
    is_empty(fixture);
  }

  void a_failure_is_repeated_until_the_ack() {
    EngineFixture fixture(kScript);
    const Sent out = fixture.receive(invite()).at(1);
    static_cast<void>(fixture.receive(make_response(out, "486 Busy Here")));
    SAME_LINES(Texts{"486 Busy Here > 127.0.0.1:5070"}, fixture.pass_ms(550));
    SAME_LINES(Texts{"486 Busy Here > 127.0.0.1:5070"}, fixture.pass_ms(1050));
    static_cast<void>(fixture.receive(make_request("ACK sip:b@127.0.0.2:5061", "i", 1, "b1")));
    SAME_LINES(Texts{}, fixture.pass_ms(3000));
    SAME_LINES(Texts{}, fixture.pass_ms(40'000));
    static_cast<void>(fixture.pass(40'000));
    is_empty(fixture);
  }

  // O12: 64*T1 of Accepted on both sides, then nothing.
  void an_answered_call_leaves_nothing_behind() {
    EngineFixture fixture(kScript);
    const std::vector<Sent> out = fixture.receive(invite("fork"));
    static_cast<void>(fixture.receive(make_response(out.at(1), "180 Ringing", "b1")));
    static_cast<void>(fixture.receive(make_response(out.at(2), "180 Ringing", "c1")));
    const std::vector<Sent> sent = fixture.receive(make_response(out[1], "200 OK", "b1"));
    static_cast<void>(fixture.receive(make_response(sent.at(1), "200 OK", "c1")));
    static_cast<void>(fixture.receive(make_response(out[2], "487 Request Terminated", "c1")));
    SAME_LINES(Texts{}, fixture.pass_ms(31'000));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, fixture.live_transactions());
    SAME_LINES(Texts{}, fixture.pass_ms(2'000));
    static_cast<void>(fixture.pass(33'000));
    is_empty(fixture);
  }

  // O7, and branches beyond those that a transaction holds itself.
  void a_wide_fork_is_cancelled_in_order_and_leaves_nothing() {
    EngineFixture fixture(kScript);
    const std::vector<Sent> out = fixture.receive(invite("wide"));
    CPPUNIT_ASSERT_EQUAL(std::size_t{10}, out.size());
    for (std::size_t i = out.size(); i-- > 1;) {
      static_cast<void>(fixture.receive(make_response(out[i], "180 Ringing", "t" + std::to_string(i))));
    }
    Texts expected{"200 OK > 127.0.0.1:5070"};
    for (std::size_t i = 1; i < out.size(); ++i) {
      if (i != 5) expected.push_back("CANCEL" + out[i].line().substr(6));
    }
    SAME_LINES(expected, fixture.lines(make_response(out[5], "200 OK", "t5")));
    for (std::size_t i = 1; i < out.size(); ++i) {
      if (i == 5) continue;
      SAME_LINES(Texts{"ACK" + out[i].line().substr(6)},
                 fixture.lines(make_response(out[i], "487 Gone", "t" + std::to_string(i))));
    }
    for (int i = 0; i < 3; ++i) static_cast<void>(fixture.pass(70'000));
    is_empty(fixture);
  }

  void more_branches_than_the_bound_are_left_out() {
    EngineFixture fixture(kScript);
    fixture.settings().branch_max = 4;
    CPPUNIT_ASSERT_EQUAL(std::size_t{5}, fixture.receive(invite("wide")).size());
  }

  // 16.11.
  void a_response_to_a_stateless_request_follows_its_vias() {
    EngineFixture fixture(kScript);
    const std::vector<Sent> out =
        fixture.receive(make_request("OPTIONS sip:stateless@127.0.0.2:5061", "o"), "127.0.0.9", 5099);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, out.size());
    CPPUNIT_ASSERT_EQUAL(std::string("OPTIONS sip:stateless@127.0.0.2:5061 > 127.0.0.2:5061"), out[0].line());
    is_empty(fixture);
    // The sender was seen at another address than it wrote: `received` tells where to (18.2.2).
    SAME_LINES(Texts{"200 OK > 127.0.0.9:5070"}, fixture.lines(make_response(out[0], "200 OK")));
  }

  void an_ignored_cancel_ends_in_a_timeout() {
    EngineFixture fixture(kScript);
    const Sent out = fixture.receive(invite()).at(1);
    static_cast<void>(fixture.receive(make_response(out, "180 Ringing")));
    static_cast<void>(fixture.receive(make_request("CANCEL sip:b@127.0.0.2:5061", "i")));
    SAME_LINES(Texts{"CANCEL sip:b@127.0.0.2:5061 > 127.0.0.2:5061"}, fixture.pass_ms(550));
    Texts all;
    for (int i = 0; i < 70; ++i) {
      for (const std::string& line : fixture.pass_ms(1'000)) all.push_back(line);
    }
    int finals = 0;
    for (const std::string& line : all) {
      const bool is_final =
          line == "408 Request Timeout > 127.0.0.1:5070" || line == "487 Request Terminated > 127.0.0.1:5070";
      if (is_final) ++finals;
      CPPUNIT_ASSERT_MESSAGE(line, is_final || line == "CANCEL sip:b@127.0.0.2:5061 > 127.0.0.2:5061");
    }
    CPPUNIT_ASSERT(finals > 0);
    for (int i = 0; i < 3; ++i) static_cast<void>(fixture.pass(64'000));
    is_empty(fixture);
  }

  // O12, window W11: dropped, never forwarded.
  void a_late_response_is_dropped_and_counted() {
    EngineFixture fixture(kScript);
    const Sent out = fixture.receive(invite()).at(1);
    static_cast<void>(fixture.receive(make_response(out, "200 OK")));
    for (int i = 0; i < 3; ++i) static_cast<void>(fixture.pass(33'000));
    is_empty(fixture);
    for (const char* status : {"180 Ringing", "200 OK", "487 Request Terminated"}) {
      SAME_LINES(Texts{}, fixture.lines(make_response(out, status)));
    }
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{3}, fixture.counter("core", "stray_replies"));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{3}, fixture.counter("core", "drop_replies"));
  }

  void a_made_up_branch_is_dropped_and_counted() {
    EngineFixture fixture(kScript);
    Sent out = fixture.receive(invite()).at(1);
    const std::size_t at = out.text.find("branch=z9hG4bKls") + 16;
    out.text[at + 17] = out.text[at + 17] == '0' ? '1' : '0';  // Another branch of the same call.
    SAME_LINES(Texts{}, fixture.lines(make_response(out, "200 OK")));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, fixture.counter("core", "stray_replies"));
  }

  void a_response_of_another_method_is_dropped() {
    EngineFixture fixture(kScript);
    Sent out = fixture.receive(invite()).at(1);
    out.text.replace(out.text.find("1 INVITE"), 8, "1 NOTIFY");
    SAME_LINES(Texts{}, fixture.lines(make_response(out, "200 OK")));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, fixture.counter("core", "stray_replies"));
  }

  void a_malformed_request_is_answered_with_its_fault() {
    EngineFixture fixture(kScript);
    const auto damaged = [](const std::string& part, const std::string& by) {
      std::string text = invite();
      return text.replace(text.find(part), part.size(), by);
    };
    SAME_LINES(Texts{"400 Bad CSeq > 127.0.0.1:5070"}, fixture.lines(damaged("CSeq: 1 ", "CSeq: x ")));
    SAME_LINES(Texts{"400 CSeq Method Mismatch > 127.0.0.1:5070"},
               fixture.lines(damaged("CSeq: 1 INVITE", "CSeq: 1 BYE")));
    SAME_LINES(Texts{"400 Missing To > 127.0.0.1:5070"}, fixture.lines(damaged("To: ", "X-To: ")));
    SAME_LINES(Texts{"505 SIP Version Not Supported > 127.0.0.1:5070"},
               fixture.lines(damaged(" SIP/2.0\n", " SIP/3.0\n")));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{4}, fixture.counter("core", "err_requests"));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, fixture.counter("faults", "bad_cseq"));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, fixture.counter("core", "drop_requests"));
    is_empty(fixture);
  }

  void what_cannot_be_answered_is_dropped_and_counted() {
    EngineFixture fixture(kScript);
    std::string text = invite();
    text.replace(text.find("Via: "), 5, "X-Via: ");
    SAME_LINES(Texts{}, fixture.lines(text));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, fixture.counter("core", "drop_requests"));
    std::string ack = make_request("ACK sip:b@127.0.0.2", "i");
    ack.replace(ack.find("CSeq: 1 "), 8, "CSeq: x ");
    SAME_LINES(Texts{}, fixture.lines(ack));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, fixture.counter("core", "drop_requests"));
    SAME_LINES(Texts{}, fixture.lines("\n\n"));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, fixture.counter("core", "keepalives"));
    SAME_LINES(Texts{}, fixture.lines("GET / HTTP/1.1\nHost: x\n\n"));
    SAME_LINES(Texts{}, fixture.lines(std::string("\x00\xff\x01 garbage", 11)));
    SAME_LINES(Texts{}, fixture.lines("SIP/2.0 200 OK\nCall-ID: call-1\n\n"));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, fixture.counter("core", "err_replies"));
    is_empty(fixture);
  }

  void one_event_gets_one_final() {
    EngineFixture fixture(kScript);
    SAME_LINES(Texts{"404 First > 127.0.0.1:5070"}, fixture.lines(invite("twice")));
    SAME_LINES(Texts{"404 First > 127.0.0.1:5070"}, fixture.lines(invite("twice")));
    SAME_LINES((Texts{"100 Soon > 127.0.0.1:5070", "200 OK > 127.0.0.1:5070"}),
               fixture.lines(invite("trying")));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, fixture.counter("sl", "404_replies"));
    is_empty(fixture);
  }

  void a_local_final_is_kept_by_its_transaction() {
    EngineFixture fixture(kScript);
    const std::vector<Sent> sent = fixture.receive(invite("local"));
    CPPUNIT_ASSERT_EQUAL(std::string("404 Not Here > 127.0.0.1:5070"), sent.back().line());
    SAME_LINES(Texts{"404 Not Here > 127.0.0.1:5070"}, fixture.lines(invite("local")));
    const std::string to = sent.back().header("To");
    const std::string tag = to.substr(to.find(";tag=") + 5);
    SAME_LINES(Texts{}, fixture.lines(make_request("ACK sip:local@127.0.0.2:5061", "i", 1, tag)));
    for (int i = 0; i < 3; ++i) SAME_LINES(Texts{}, fixture.pass_ms(33'000));
    is_empty(fixture);
  }

  void a_request_that_nobody_answers_is_given_up() {
    EngineFixture fixture(kScript);
    static_cast<void>(fixture.receive(make_request("OPTIONS sip:silent@127.0.0.2", "o")));
    is_empty(fixture);
  }

  void no_destination_is_the_scripts_to_answer() {
    EngineFixture fixture(kScript);
    const std::string message = make_request("INVITE sip:nowhere@no-such.invalid", "i");
    SAME_LINES(Texts{"478 No Such Place > 127.0.0.1:5070"}, fixture.lines(message));
    is_empty(fixture);
  }

  void a_branch_route_may_drop_a_branch() {
    EngineFixture fixture(kScript);
    SAME_LINES((Texts{"100 trying -- your call is important to us > 127.0.0.1:5070",
                      "INVITE sip:c@127.0.0.3:5062 > 127.0.0.3:5062"}),
               fixture.lines(invite("branchy")));
  }

  void reply_routes_may_drop_provisionals() {
    EngineFixture fixture(kScript);
    const Sent out = fixture.receive(invite("quiet")).at(1);
    SAME_LINES(Texts{}, fixture.lines(make_response(out, "183 Session Progress")));
    SAME_LINES(Texts{}, fixture.lines(make_response(out, "199 Early Dialog Terminated")));
    SAME_LINES(Texts{"180 Ringing > 127.0.0.1:5070"}, fixture.lines(make_response(out, "180 Ringing")));
    // The dropped 183 was a 1xx all the same: no repetition after it.
    SAME_LINES(Texts{}, fixture.pass_ms(600));
  }

  void the_ack_to_a_stateless_answer_is_absorbed() {
    EngineFixture fixture(kScript);
    const std::string to = fixture.receive(invite("twice")).at(0).header("To");
    const std::string tag = to.substr(to.find(";tag=") + 5);
    SAME_LINES(Texts{}, fixture.lines(make_request("ACK sip:twice@127.0.0.2:5061", "i", 1, tag)));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, fixture.counter("sl", "received_ACKs"));
  }

  void without_a_transaction_slot_503_tells_when_to_come_back() {
    EngineFixture fixture(kScript);
    const std::vector<shm::SlotHandle> taken = exhaust(fixture, {shm::SlabKind::kTransaction});
    for (int i = 0; i < 3; ++i) {
      const std::vector<Sent> sent = fixture.receive(invite("b", "i" + std::to_string(i)));
      CPPUNIT_ASSERT_EQUAL(std::size_t{1}, sent.size());
      CPPUNIT_ASSERT_EQUAL(std::string("503 Service Unavailable > 127.0.0.1:5070"), sent[0].line());
      CPPUNIT_ASSERT_EQUAL(std::string("10"), sent[0].header("Retry-After"));
    }
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{3}, fixture.counter("core", "refused_full"));
    for (const shm::SlotHandle slot : taken) fixture.slabs().give(slot);
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, fixture.receive(invite("b", "j")).size());
  }

  // The reserve is for answers: new calls do not eat it up.
  void without_message_slots_every_caller_is_told() {
    EngineFixture fixture(kScript);
    static_cast<void>(fixture.receive(invite("fork")));  // Transactions have their first page now.
    const std::vector<shm::SlotHandle> taken = exhaust_messages(fixture);
    for (int i = 0; i < 20; ++i) {
      SAME_LINES(Texts{"503 Service Unavailable > 127.0.0.1:5070"},
                 fixture.lines(invite("fork", "i" + std::to_string(i))));
    }
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, fixture.live_transactions());
    for (const shm::SlotHandle slot : taken) fixture.slabs().give(slot);
    CPPUNIT_ASSERT_EQUAL(std::size_t{3}, fixture.receive(invite("fork", "j")).size());
  }

  void a_failure_route_without_memory_lets_the_failure_up() {
    EngineFixture fixture(kScript);
    const Sent out = fixture.receive(invite("serial")).at(1);
    const std::vector<shm::SlotHandle> taken = exhaust_messages(fixture);
    SAME_LINES((Texts{"ACK sip:serial@127.0.0.2:5061 > 127.0.0.2:5061", "486 Busy Here > 127.0.0.1:5070"}),
               fixture.lines(make_response(out, "486 Busy Here")));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, fixture.counter("core", "refused_full"));
  }

  // Window W15.
  void a_call_in_progress_is_answered_with_memory_full() {
    EngineFixture fixture(kScript);
    const std::vector<Sent> out = fixture.receive(invite("fork"));
    const std::vector<shm::SlotHandle> taken = exhaust_messages(fixture);
    static_cast<void>(fixture.receive(make_response(out.at(2), "180 Ringing", "c1")));
    SAME_LINES((Texts{"200 OK > 127.0.0.1:5070", "CANCEL sip:c@127.0.0.3:5062 > 127.0.0.3:5062"}),
               fixture.lines(make_response(out.at(1), "200 OK", "b1")));
    SAME_LINES(Texts{"ACK sip:c@127.0.0.3:5062 > 127.0.0.3:5062"},
               fixture.lines(make_response(out.at(2), "487 Request Terminated", "c1")));
  }

  // W15: never a 200 without the CANCELs that it causes; what cannot be done is left for its repetition.
  void a_wide_fork_is_answered_with_memory_full() {
    EngineFixture fixture(kScript);
    const std::vector<Sent> out = fixture.receive(invite("wide"));
    const std::vector<shm::SlotHandle> taken = exhaust_messages(fixture);
    for (std::size_t i = 2; i < out.size(); ++i) {
      static_cast<void>(fixture.receive(make_response(out.at(i), "180 Ringing", "r" + std::to_string(i))));
    }
    const Texts sent = fixture.lines(make_response(out.at(1), "200 OK", "b1"));
    CPPUNIT_ASSERT_EQUAL(out.size() - 1, sent.size());
    CPPUNIT_ASSERT_EQUAL(std::string("200 OK > 127.0.0.1:5070"), sent.at(0));
    for (std::size_t i = 1; i < sent.size(); ++i) CPPUNIT_ASSERT(sent.at(i).starts_with("CANCEL "));
  }

  void with_memory_full_no_200_comes_without_its_cancels() {
    EngineFixture fixture(kScript);
    std::vector<std::vector<Sent>> calls;
    for (int i = 0; i < 40; ++i) calls.push_back(fixture.receive(invite("fork", "c" + std::to_string(i))));
    std::vector<shm::SlotHandle> taken;
    std::size_t answered = 0;
    std::vector<std::size_t> left;
    for (std::size_t i = 0; i < calls.size(); ++i) {
      // What one call gives back, others have taken before the next.
      for (const shm::SlotHandle slot : exhaust_messages(fixture)) taken.push_back(slot);
      static_cast<void>(fixture.receive(make_response(calls[i].at(2), "180 Ringing", "c1")));
      const Texts sent = fixture.lines(make_response(calls[i].at(1), "200 OK", "b1"));
      CPPUNIT_ASSERT_EQUAL(sent.empty() ? std::size_t{0} : std::size_t{2}, sent.size());
      answered += sent.size() / 2;
      if (sent.empty()) left.push_back(i);
    }
    CPPUNIT_ASSERT_EQUAL(calls.size(), answered + left.size());
    CPPUNIT_ASSERT(answered >= 4 && !left.empty());
    CPPUNIT_ASSERT(fixture.counter("core", "refused_full") >= left.size());
    for (const shm::SlotHandle slot : taken) fixture.slabs().give(slot);
    for (const std::size_t i : left) {
      static_cast<void>(fixture.receive(make_response(calls[i].at(2), "180 Ringing", "c1")));
      SAME_LINES((Texts{"200 OK > 127.0.0.1:5070", "CANCEL sip:c@127.0.0.3:5062 > 127.0.0.3:5062"}),
                 fixture.lines(make_response(calls[i].at(1), "200 OK", "b1")));
    }
  }

  // A final for which there is no memory is made with its repetition; the 180 before it does not go up again.
  void a_final_without_memory_goes_up_with_its_repetition() {
    EngineFixture fixture(kScript);
    const std::vector<Sent> out = fixture.receive(invite("fork"));
    static_cast<void>(fixture.receive(make_response(out.at(1), "180 Ringing", "b1")));
    const std::vector<shm::SlotHandle> taken = exhaust_messages(fixture);
    const auto challenge = [](const Sent& request, const char* tag) {
      std::string text = make_response(request, "401 Unauthorized", tag);
      return text.insert(text.find('\n') + 1,
                         "WWW-Authenticate: Digest realm=\"" + std::string(1200, 'x') + "\"\r\n");
    };
    static_cast<void>(fixture.receive(challenge(out.at(1), "b1")));
    // Both challenges in one response are more than any slot of the reserve holds.
    SAME_LINES(Texts{"ACK sip:c@127.0.0.3:5062 > 127.0.0.3:5062"},
               fixture.lines(challenge(out.at(2), "c1")));
    SAME_LINES(Texts{"401 Unauthorized > 127.0.0.1:5070"}, fixture.pass_ms(600));
    SAME_LINES(Texts{"401 Unauthorized > 127.0.0.1:5070"}, fixture.lines(invite("fork")));
    for (const shm::SlotHandle slot : taken) fixture.slabs().give(slot);
    for (int i = 0; i < 4; ++i) static_cast<void>(fixture.pass(33'000));
    is_empty(fixture);
  }

  // 16.9: as if 503 had come; alone it goes up as 500 (16.7 step 6).
  void a_branch_that_cannot_be_sent_to_fails() {
    EngineFixture fixture(kScript);
    fixture.refuse_sending(true);
    static_cast<void>(fixture.receive(invite()));
    fixture.refuse_sending(false);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, fixture.counter("core", "send_errors"));
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, fixture.failures().size());
    const Texts up = fixture.report(fixture.failures()[0]);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, up.size());
    CPPUNIT_ASSERT_MESSAGE(up[0], up[0].starts_with("500 ") || up[0].starts_with("503 "));
    // Told again, it is no news.
    SAME_LINES(Texts{}, fixture.report(fixture.failures()[0]));
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(EngineLimitTest);

}  // namespace
}  // namespace lockstep::test
