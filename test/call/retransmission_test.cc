// retransmission_test.cc: losses on either side of the proxy: what it absorbs, what it repeats, and what it
// passes on once more (RFC 3261 section 17, RFC 6026; ORDER.md O12, O17, I15 to I18).
#include "test/call/call_test.h"

namespace lockstep::harness {
namespace {

class RetransmissionTest : public CallTest {
  CPPUNIT_TEST_SUITE(RetransmissionTest);
  CPPUNIT_TEST(repeated_invite_is_absorbed_and_gets_the_last_provisional);
  CPPUNIT_TEST(repeated_invite_after_the_answer_causes_nothing);
  CPPUNIT_TEST(proxy_repeats_an_invite_that_was_lost);
  CPPUNIT_TEST(proxy_repeats_a_message_that_was_lost);
  CPPUNIT_TEST(proxy_repeats_a_cancel_that_was_lost);
  CPPUNIT_TEST(repeated_200_of_the_callee_reaches_the_caller);
  CPPUNIT_TEST(repeated_busy_is_acked_and_not_relayed);
  CPPUNIT_TEST(busy_is_repeated_until_the_caller_acks);
  CPPUNIT_TEST(repeated_bye_gets_its_answer_again);
  CPPUNIT_TEST(stray_response_goes_nowhere);
  CPPUNIT_TEST_SUITE_END();

 public:
  void repeated_invite_is_absorbed_and_gets_the_last_provisional() {
    serve();
    Phone& a = registered("a", "bob");
    Phone& caller = phone("caller", "alice");
    a.answers({.final_status = 0});
    const Transaction& call = caller.invite(server().uri("bob"));
    LS_WAIT(call.provisional_count(180) == 1);
    caller.send_raw(call.request.text());
    LS_WAIT(call.provisional_count(180) == 2);
    stage.settle(100);
    assert_seen(a, {"INVITE"});
    assert_seen(caller, {"100 INVITE", "180 INVITE", "180 INVITE"});
  }

  void repeated_invite_after_the_answer_causes_nothing() {  // RFC 6026 section 7.1, Accepted.
    serve();
    Phone& a = registered("a", "bob");
    Phone& caller = phone("caller", "alice");
    const Transaction& call = caller.invite(server().uri("bob"));
    LS_WAIT(call.final_status == 200 && a.count("ACK") == 1);
    caller.send_raw(call.request.text());
    stage.settle(300);
    assert_seen(a, {"INVITE", "ACK"});
    // Kamailio repeats the stored 200 there.
    if (!Server::is_peer()) assert_seen(caller, {"100 INVITE", "180 INVITE", "200 INVITE"});
  }

  void proxy_repeats_an_invite_that_was_lost() {
    serve();
    Phone& a = registered("a", "bob");
    Phone& caller = phone("caller", "alice");
    a.answers({.ignored_copies = 2});
    const Transaction& call = caller.invite(server().uri("bob"));
    LS_WAIT(call.final_status == 200 && a.count("ACK") == 1);
    assert_seen(a, {"INVITE", "INVITE", "INVITE", "ACK"});
    CPPUNIT_ASSERT_EQUAL(1, call.copies_sent);  // Its 100 spares the caller all that.
  }

  void proxy_repeats_a_message_that_was_lost() {
    serve();
    Phone& a = registered("a", "bob");
    Phone& caller = phone("caller", "alice");
    caller.retransmits = false;
    a.muted = true;
    const Transaction& message = caller.request("MESSAGE", server().uri("bob"), "hello");
    LS_WAIT(a.count("MESSAGE") == 1);
    a.muted = false;
    LS_WAIT(message.final_status == 200);
    assert_seen(a, {"MESSAGE", "MESSAGE"});
    CPPUNIT_ASSERT_EQUAL(1, message.count(200));
  }

  void proxy_repeats_a_cancel_that_was_lost() {
    serve();
    Phone& a = registered("a", "bob");
    Phone& caller = phone("caller", "alice");
    a.answers({.final_status = 0, .answers_cancel = false});
    const Transaction& call = caller.invite(server().uri("bob"));
    LS_WAIT(call.provisional_count(180) == 1);
    const Transaction& cancel = caller.cancel(call);
    LS_WAIT(cancel.final_status == 200 && a.count("CANCEL") == 1);
    a.answers({.final_status = 0});
    LS_WAIT(call.final_status == 487 && a.count("ACK") == 1);
    assert_seen(a, {"INVITE", "CANCEL", "CANCEL", "ACK"});
  }

  void repeated_200_of_the_callee_reaches_the_caller() {  // W24.
    serve(4);
    Phone& a = registered("a", "bob");
    Phone& caller = phone("caller", "alice");
    caller.acks_2xx = false;
    const Transaction& call = caller.invite(server().uri("bob"));
    LS_WAIT(call.count(200) == 2);
    caller.acks_2xx = true;
    LS_WAIT(a.count("ACK") == 1);
    CPPUNIT_ASSERT_EQUAL_MESSAGE(story(), std::string(), a.last("ACK").get("Record-Route"));
  }

  void repeated_busy_is_acked_and_not_relayed() {  // O17.
    serve();
    Phone& a = registered("a", "bob");
    Phone& caller = phone("caller", "alice");
    a.answers({.provisional_status = 0, .final_status = 486});
    const Transaction& call = caller.invite(server().uri("bob"));
    LS_WAIT(call.final_status == 486 && a.count("ACK") == 1);
    a.respond(486);
    a.respond(486);
    LS_WAIT(a.count("ACK") == 3);
    stage.settle(100);
    assert_seen(caller, {"100 INVITE", "486 INVITE"});
  }

  void busy_is_repeated_until_the_caller_acks() {  // I18, timer G.
    serve();
    Phone& a = registered("a", "bob");
    Phone& caller = phone("caller", "alice");
    a.answers({.provisional_status = 0, .final_status = 486});
    caller.acks_failures = false;
    const Transaction& call = caller.invite(server().uri("bob"));
    LS_WAIT(call.count(486) == 2);
    caller.acks_failures = true;
    LS_WAIT(call.count(486) == 3);
    stage.settle(2300);  // The next one would have come 2 s later.
    CPPUNIT_ASSERT_EQUAL_MESSAGE(story(), 3, call.count(486));
    assert_seen(a, {"INVITE", "ACK"});
  }

  void repeated_bye_gets_its_answer_again() {  // Section 17.2.2: Completed.
    serve();
    Phone& a = registered("a", "bob");
    Phone& caller = phone("caller", "alice");
    const Transaction& call = caller.invite(server().uri("bob"));
    LS_WAIT(call.final_status == 200 && a.count("ACK") == 1);
    Dialog dialog = caller.dialog_of(call);
    const Transaction& bye = caller.send_in(dialog, "BYE");
    LS_WAIT(bye.count(200) == 1);
    caller.send_raw(bye.request.text());
    LS_WAIT(bye.count(200) == 2);
    CPPUNIT_ASSERT_EQUAL_MESSAGE(story(), 1, a.count("BYE"));
  }

  void stray_response_goes_nowhere() {  // O12: no transaction, no forwarding.
    serve();
    Phone& a = registered("a", "bob");
    Phone& caller = phone("caller", "alice");
    a.send_raw("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP " + server().host() + ";branch=z9hG4bKstray\r\n" +
               "Via: SIP/2.0/UDP " + caller.address().text() + ";branch=z9hG4bKother\r\n" +
               "From: <sip:x@y>;tag=1\r\nTo: <sip:z@y>;tag=2\r\nCall-ID: stray\r\nCSeq: 1 INVITE\r\n" +
               "Content-Length: 0\r\n\r\n");
    const Transaction& probe = caller.request("OPTIONS", "sip:" + server().host());
    LS_WAIT(probe.final_status == 200);
    stage.settle(100);
    // Kamailio forwards it statelessly.
    if (!Server::is_peer()) assert_seen(caller, {"200 OPTIONS"});
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(RetransmissionTest);

}  // namespace
}  // namespace lockstep::harness
