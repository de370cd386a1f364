// fork_test.cc: one call to an address of record with several contacts: who rings, who wins, who is
// cancelled, and what the caller is told (RFC 3261 sections 9, 16.7; ORDER.md O5 to O11, O16, O17).
#include "test/call/call_test.h"

namespace lockstep::harness {
namespace {

class ForkTest : public CallTest {
  CPPUNIT_TEST_SUITE(ForkTest);
  CPPUNIT_TEST(first_answer_wins_and_the_other_is_cancelled);
  CPPUNIT_TEST(first_answer_wins_with_one_worker);
  CPPUNIT_TEST(first_answer_wins_with_four_workers);
  CPPUNIT_TEST(cancel_of_the_loser_belongs_to_its_invite);
  CPPUNIT_TEST(all_busy_gives_one_busy);
  CPPUNIT_TEST(best_response_prefers_the_lowest_class);
  CPPUNIT_TEST(lone_503_is_sent_as_500);
  CPPUNIT_TEST(nobody_picks_up);
  CPPUNIT_TEST(nobody_is_there);
  CPPUNIT_TEST(caller_cancels_while_phones_ring);
  CPPUNIT_TEST(caller_cancels_before_any_phone_rings);
  CPPUNIT_TEST(caller_cancels_with_four_workers);
  CPPUNIT_TEST(decline_ends_the_call_everywhere);
  CPPUNIT_TEST(both_answers_reach_the_caller);
  CPPUNIT_TEST(unknown_user_is_not_found);
  CPPUNIT_TEST(branch_and_reply_routes_edit_what_passes);
  CPPUNIT_TEST_SUITE_END();

 public:
  void first_answer_wins_and_the_other_is_cancelled() { first_answer_wins(2); }
  void first_answer_wins_with_one_worker() { first_answer_wins(1); }
  void first_answer_wins_with_four_workers() { first_answer_wins(4); }

  void first_answer_wins(int children) {
    serve(children);
    auto [a, b, caller] = forked();
    a.answers({.final_after_ms = 100});
    b.answers({.final_status = 0});
    Transaction& call = caller.invite(server().uri("bob"));
    LS_WAIT(call.final_status != 0 && b.count("ACK") == 1 && a.count("ACK") == 1);
    Dialog dialog = caller.dialog_of(call);
    const Transaction& bye = caller.send_in(dialog, "BYE");
    LS_WAIT(bye.final_status != 0);
    CPPUNIT_ASSERT_EQUAL(200, bye.final_status);
    stage.settle(100);
    assert_seen(caller, {"100 INVITE", "180 INVITE", "180 INVITE", "200 INVITE", "200 BYE"});
    assert_seen(a, {"INVITE", "ACK", "BYE"});
    assert_seen(b, {"INVITE", "CANCEL", "ACK"});
    assert_order(
        {"caller 100 INVITE", "a INVITE", "caller 180 INVITE", "caller 200 INVITE", "b CANCEL", "b ACK"});
  }

  void cancel_of_the_loser_belongs_to_its_invite() {
    serve();
    auto [a, b, caller] = forked();
    a.answers({.final_after_ms = 50});
    b.answers({.final_status = 0});
    caller.invite(server().uri("bob"));
    LS_WAIT(b.count("ACK") == 1);
    const Message& invite = b.last("INVITE");
    const Message& cancel = b.last("CANCEL");
    const Message& ack = b.last("ACK");
    CPPUNIT_ASSERT_EQUAL(invite.request_uri(), cancel.request_uri());
    CPPUNIT_ASSERT_EQUAL(joined({invite.get("Via")}), joined(cancel.all("Via")));
    CPPUNIT_ASSERT_EQUAL(joined({invite.get("Via")}), joined(ack.all("Via")));
    for (const char* name : {"Call-ID", "From", "To", "Route"}) {
      CPPUNIT_ASSERT_EQUAL(invite.get(name), cancel.get(name));
    }
    CPPUNIT_ASSERT_EQUAL(invite.cseq(), cancel.cseq());
    CPPUNIT_ASSERT_EQUAL(invite.cseq(), ack.cseq());
    CPPUNIT_ASSERT_EQUAL(std::string("CANCEL"), cancel.method());
    CPPUNIT_ASSERT(!ack.to_tag().empty());
    CPPUNIT_ASSERT_EQUAL(std::string("SIP;cause=200;text=\"Call completed elsewhere\""),
                         cancel.get("Reason"));
  }

  void all_busy_gives_one_busy() {
    serve();
    auto [a, b, caller] = forked();
    a.answers({.provisional_status = 0, .final_status = 486});
    b.answers({.final_status = 486, .final_after_ms = 100});
    const Transaction& call = caller.invite(server().uri("bob"));
    LS_WAIT(call.final_status != 0 && a.count("ACK") == 1 && b.count("ACK") == 1);
    stage.settle(700);  // Longer than T1: an ACK that was not taken would show as a repeated 486.
    assert_seen(caller, {"100 INVITE", "180 INVITE", "486 INVITE"});
    assert_seen(a, {"INVITE", "ACK"});
    assert_seen(b, {"INVITE", "ACK"});
    CPPUNIT_ASSERT_EQUAL(std::string("Busy Here"), call.final().reason());
  }

  void best_response_prefers_the_lowest_class() {
    serve();
    auto [a, b, caller] = forked();
    a.answers({.provisional_status = 0, .final_status = 503});
    b.answers({.provisional_status = 0, .final_status = 486, .final_after_ms = 100});
    const Transaction& call = caller.invite(server().uri("bob"));
    LS_WAIT(call.final_status != 0);
    CPPUNIT_ASSERT_EQUAL(486, call.final_status);
  }

  void lone_503_is_sent_as_500() {  // Section 16.7 step 6.
    serve();
    Phone& a = registered("a", "bob");
    Phone& caller = phone("caller", "alice");
    a.answers({.provisional_status = 0, .final_status = 503});
    const Transaction& call = caller.invite(server().uri("bob"));
    LS_WAIT(call.final_status != 0);
    CPPUNIT_ASSERT_EQUAL(500, call.final_status);
  }

  void nobody_picks_up() {
    serve(2, {"-A", "FR_INV_TIMER=1000"});
    auto [a, b, caller] = forked();
    a.answers({.final_status = 0});
    b.answers({.final_status = 0});
    const Transaction& call = caller.invite(server().uri("bob"));
    LS_WAIT(call.final_status != 0 && a.count("ACK") == 1 && b.count("ACK") == 1);
    stage.settle(200);
    // Section 16.8: CANCEL and wait; the 487 that follow are the branches' own, or 408 stands for them.
    CPPUNIT_ASSERT_MESSAGE(story(), call.final_status == 408 || call.final_status == 487);
    CPPUNIT_ASSERT_EQUAL(1, call.count(call.final_status));
    assert_seen(a, {"INVITE", "CANCEL", "ACK"});
    assert_seen(b, {"INVITE", "CANCEL", "ACK"});
  }

  void nobody_is_there() {
    serve(2, {"-A", "FR_TIMER=1200"});
    Phone& a = registered("a", "bob");
    Phone& caller = phone("caller", "alice");
    a.muted = true;
    const Transaction& call = caller.invite(server().uri("bob"));
    LS_WAIT(call.final_status != 0);
    stage.settle(200);
    assert_seen(caller, {"100 INVITE", "408 INVITE"});
    CPPUNIT_ASSERT_MESSAGE(story(), a.count("INVITE") >= 2);  // Timer A had repeated it.
    CPPUNIT_ASSERT_EQUAL(0, a.count("CANCEL"));               // Section 9.1: never before a provisional.
  }

  void caller_cancels_while_phones_ring() { caller_cancels(2); }
  void caller_cancels_with_four_workers() { caller_cancels(4); }

  void caller_cancels(int children) {
    serve(children);
    auto [a, b, caller] = forked();
    a.answers({.final_status = 0});
    b.answers({.final_status = 0});
    const Transaction& call = caller.invite(server().uri("bob"));
    LS_WAIT(call.provisional_count(180) == 2);
    const Transaction& cancel = caller.cancel(call, {{"Reason", "SIP;cause=487;text=\"Changed my mind\""}});
    LS_WAIT(call.final_status != 0 && a.count("ACK") == 1 && b.count("ACK") == 1);
    stage.settle(100);
    CPPUNIT_ASSERT_EQUAL(200, cancel.final_status);
    assert_seen(caller, {"100 INVITE", "180 INVITE", "180 INVITE", "200 CANCEL", "487 INVITE"});
    assert_seen(a, {"INVITE", "CANCEL", "ACK"});
    assert_seen(b, {"INVITE", "CANCEL", "ACK"});
    CPPUNIT_ASSERT_EQUAL(std::string("SIP;cause=487;text=\"Changed my mind\""),
                         a.last("CANCEL").get("Reason"));
  }

  void caller_cancels_before_any_phone_rings() {  // O8: the CANCEL is owed until the first provisional.
    serve();
    Phone& a = registered("a", "bob");
    Phone& caller = phone("caller", "alice");
    a.answers({.provisional_status = 0, .final_status = 0});
    const Transaction& call = caller.invite(server().uri("bob"));
    LS_WAIT(a.count("INVITE") >= 1);
    const Transaction& cancel = caller.cancel(call);
    LS_WAIT(cancel.final_status != 0);
    CPPUNIT_ASSERT_EQUAL(200, cancel.final_status);
    stage.settle(200);
    CPPUNIT_ASSERT_EQUAL_MESSAGE(story(), 0, a.count("CANCEL"));
    CPPUNIT_ASSERT_EQUAL_MESSAGE(story(), 0, call.final_status);
    a.respond(180);
    LS_WAIT(a.count("CANCEL") == 1 && call.final_status != 0);
    CPPUNIT_ASSERT_EQUAL(487, call.final_status);
    LS_WAIT(a.count("ACK") == 1);
  }

  void decline_ends_the_call_everywhere() {
    serve();
    auto [a, b, caller] = forked();
    a.answers({.final_status = 603, .final_after_ms = 100});
    b.answers({.final_status = 0});
    const Transaction& call = caller.invite(server().uri("bob"));
    LS_WAIT(call.final_status != 0 && a.count("ACK") == 1 && b.count("ACK") == 1);
    stage.settle(100);
    assert_seen(caller, {"100 INVITE", "180 INVITE", "180 INVITE", "603 INVITE"});
    assert_seen(a, {"INVITE", "ACK"});
    assert_seen(b, {"INVITE", "CANCEL", "ACK"});
  }

  void both_answers_reach_the_caller() {  // Section 16.7 step 5: every 2xx is relayed.
    serve();
    auto [a, b, caller] = forked();
    // b has its 200 under way when a's is decided: it ignores the CANCEL.
    a.answers({.final_after_ms = 100});
    b.answers({.final_after_ms = 150, .answers_cancel = false});
    Transaction& call = caller.invite(server().uri("bob"));
    LS_WAIT(call.count(200) == 2 && a.count("ACK") == 1 && b.count("ACK") == 1);
    Dialog loser = caller.dialog_of(call, 1);
    const Transaction& bye = caller.send_in(loser, "BYE");
    LS_WAIT(bye.final_status != 0);
    assert_seen(a, {"INVITE", "ACK"});
    CPPUNIT_ASSERT_EQUAL_MESSAGE(story(), 1, b.count("BYE"));
  }

  void unknown_user_is_not_found() {
    serve();
    Phone& caller = phone("caller", "alice");
    const Transaction& call = caller.invite(server().uri("nobody"));
    LS_WAIT(call.final_status != 0);
    stage.settle(700);  // The ACK has to stop the repetition of the 404.
    CPPUNIT_ASSERT_EQUAL_MESSAGE(story(), 404, call.final_status);
    CPPUNIT_ASSERT_EQUAL_MESSAGE(story(), 1, call.count(404));
  }

  void branch_and_reply_routes_edit_what_passes() {
    serve();
    Phone& a = registered("a", "bob");
    Phone& caller = phone("caller", "alice");
    const Transaction& call = caller.invite(server().uri("bob"));
    LS_WAIT(call.final_status == 200);
    CPPUNIT_ASSERT_EQUAL(std::string("bob"), a.last("INVITE").get("X-Branch-User"));
    CPPUNIT_ASSERT_EQUAL(std::string("200"), call.final().get("X-Reply"));
    CPPUNIT_ASSERT_EQUAL(a.contact_uri(), a.last("INVITE").request_uri());
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ForkTest);

// Contacts in groups by q value, one after the other (t_load_contacts, t_next_contacts).
class SerialForkTest : public CallTest {
  CPPUNIT_TEST_SUITE(SerialForkTest);
  CPPUNIT_TEST(next_contact_rings_when_the_first_is_busy);
  CPPUNIT_TEST(last_failure_reaches_the_caller);
  CPPUNIT_TEST(next_contact_rings_when_the_first_does_not_answer);
  CPPUNIT_TEST(caller_cancels_and_nobody_else_rings);
  CPPUNIT_TEST_SUITE_END();

 public:
  void next_contact_rings_when_the_first_is_busy() {
    serve(2, {"-A", "SERIAL=1"});
    Phone& a = registered("a", "bob", "1.0");
    Phone& b = registered("b", "bob", "0.5");
    Phone& caller = phone("caller", "alice");
    a.answers({.final_status = 486, .final_after_ms = 50});
    const Transaction& call = caller.invite(server().uri("bob"));
    LS_WAIT(call.final_status != 0 && b.count("ACK") == 1 && a.count("ACK") == 1);
    stage.settle(100);
    assert_seen(caller, {"100 INVITE", "180 INVITE", "180 INVITE", "200 INVITE"});
    assert_seen(a, {"INVITE", "ACK"});
    assert_seen(b, {"INVITE", "ACK"});
    assert_order({"a INVITE", "a ACK", "caller 200 INVITE"});
    assert_order({"a INVITE", "b INVITE"});
  }

  void last_failure_reaches_the_caller() {
    serve(2, {"-A", "SERIAL=1"});
    Phone& a = registered("a", "bob", "1.0");
    Phone& b = registered("b", "bob", "0.5");
    Phone& caller = phone("caller", "alice");
    a.answers({.provisional_status = 0, .final_status = 404});
    b.answers({.provisional_status = 0, .final_status = 486});
    const Transaction& call = caller.invite(server().uri("bob"));
    LS_WAIT(call.final_status != 0 && b.count("ACK") == 1);
    stage.settle(100);
    assert_seen(caller, {"100 INVITE", "486 INVITE"});  // failure_reply_mode 3: the last group's.
  }

  void next_contact_rings_when_the_first_does_not_answer() {
    serve(2, {"-A", "SERIAL=1", "-A", "FR_INV_TIMER=1000"});
    Phone& a = registered("a", "bob", "1.0");
    Phone& b = registered("b", "bob", "0.5");
    Phone& caller = phone("caller", "alice");
    a.answers({.final_status = 0});
    const Transaction& call = caller.invite(server().uri("bob"));
    LS_WAIT(call.final_status != 0 && a.count("ACK") == 1 && b.count("ACK") == 1);
    CPPUNIT_ASSERT_EQUAL(200, call.final_status);
    assert_seen(a, {"INVITE", "CANCEL", "ACK"});
  }

  void caller_cancels_and_nobody_else_rings() {  // O10.
    serve(2, {"-A", "SERIAL=1"});
    Phone& a = registered("a", "bob", "1.0");
    Phone& b = registered("b", "bob", "0.5");
    Phone& caller = phone("caller", "alice");
    a.answers({.final_status = 0});
    const Transaction& call = caller.invite(server().uri("bob"));
    LS_WAIT(call.provisional_count(180) == 1);
    caller.cancel(call);
    LS_WAIT(call.final_status != 0);
    stage.settle(200);
    CPPUNIT_ASSERT_EQUAL(487, call.final_status);
    assert_seen(a, {"INVITE", "CANCEL", "ACK"});
    assert_seen(b, {});
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(SerialForkTest);

}  // namespace
}  // namespace lockstep::harness
