// dialog_test.cc: what follows an answered call: ACK, re-INVITE and BYE along the recorded route, from either
// side; and what every hop does to a request: Via, Max-Forwards, response routing (RFC 3261 sections 12, 16).
#include "test/call/call_test.h"

namespace lockstep::harness {
namespace {

class DialogTest : public CallTest {
  CPPUNIT_TEST_SUITE(DialogTest);
  CPPUNIT_TEST(proxy_records_its_route);
  CPPUNIT_TEST(caller_hangs_up);
  CPPUNIT_TEST(callee_hangs_up);
  CPPUNIT_TEST(reinvite_from_either_side);
  CPPUNIT_TEST(without_record_route_the_dialog_bypasses_the_proxy);
  CPPUNIT_TEST(via_is_added_and_taken_off);
  CPPUNIT_TEST(max_forwards_counts_down);
  CPPUNIT_TEST(too_many_hops_are_refused);
  CPPUNIT_TEST(bodies_and_unknown_headers_pass_unchanged);
  CPPUNIT_TEST(compact_forms_are_understood);
  CPPUNIT_TEST(message_is_relayed_and_answered);
  CPPUNIT_TEST(long_route_sets_are_followed);
  CPPUNIT_TEST(request_of_an_unknown_dialog_is_not_found);
  CPPUNIT_TEST(request_for_another_domain_is_relayed);
  CPPUNIT_TEST_SUITE_END();

 public:
  struct Talk {
    Phone& caller;
    Phone& callee;
    Transaction& invite;
  };

  Talk talk(std::vector<std::string> arguments = {}) {
    serve(2, std::move(arguments));
    Phone& callee = registered("a", "bob");
    Phone& caller = phone("caller", "alice");
    Transaction& invite = caller.invite(server().uri("bob"));
    LS_WAIT(invite.final_status == 200 && callee.count("ACK") == 1);
    return {caller, callee, invite};
  }

  void proxy_records_its_route() {
    Talk t = talk();
    const Lines routes = t.callee.last("INVITE").all("Record-Route");
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, routes.size());
    const std::string uri = uri_in(routes[0]);
    CPPUNIT_ASSERT_EQUAL(server().host(), host_port_in(uri).first);
    CPPUNIT_ASSERT_MESSAGE(uri, uri.find(";lr") != std::string::npos);
    CPPUNIT_ASSERT_EQUAL(joined(routes), joined(t.invite.final().all("Record-Route")));
  }

  void caller_hangs_up() {
    Talk t = talk();
    Dialog dialog = t.caller.dialog_of(t.invite);
    const Transaction& bye = t.caller.send_in(dialog, "BYE");
    LS_WAIT(bye.final_status == 200);
    const Message& seen = t.callee.last("BYE");
    CPPUNIT_ASSERT_EQUAL(t.callee.contact_uri(), seen.request_uri());
    CPPUNIT_ASSERT(!seen.has("Route"));
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, seen.all("Via").size());
    assert_seen(t.callee, {"INVITE", "ACK", "BYE"});
  }

  void callee_hangs_up() {
    Talk t = talk();
    Dialog dialog = t.callee.answered_dialog();
    const Transaction& bye = t.callee.send_in(dialog, "BYE");
    LS_WAIT(bye.final_status == 200);
    CPPUNIT_ASSERT_EQUAL(t.caller.contact_uri(), t.caller.last("BYE").request_uri());
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, t.caller.last("BYE").all("Via").size());
  }

  void reinvite_from_either_side() {
    Talk t = talk();
    Dialog from_caller = t.caller.dialog_of(t.invite);
    const Transaction& hold = t.caller.send_in(from_caller, "INVITE", sample_sdp("127.0.0.1", 9));
    LS_WAIT(hold.final_status == 200 && t.callee.count("ACK") == 2);
    Dialog from_callee = t.callee.answered_dialog();
    from_callee.cseq = 100;
    const Transaction& resume = t.callee.send_in(from_callee, "INVITE", sample_sdp("127.0.0.1", 11));
    LS_WAIT(resume.final_status == 200 && t.caller.count("ACK") == 1);
    const Transaction& bye = t.caller.send_in(from_caller, "BYE");
    LS_WAIT(bye.final_status == 200);
    assert_seen(t.callee, {"INVITE", "ACK", "INVITE", "ACK", "100 INVITE", "200 INVITE", "BYE"});
  }

  void without_record_route_the_dialog_bypasses_the_proxy() {
    Talk t = talk({"-A", "NO_RECORD_ROUTE=1"});
    Dialog dialog = t.caller.dialog_of(t.invite);
    const Transaction& bye = t.caller.send_in(dialog, "BYE");
    LS_WAIT(bye.final_status == 200);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, t.callee.last("BYE").all("Via").size());
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, t.callee.last("ACK").all("Via").size());
  }

  void via_is_added_and_taken_off() {
    Talk t = talk();
    const Lines at_callee = t.callee.last("INVITE").all("Via");
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, at_callee.size());
    CPPUNIT_ASSERT_EQUAL(std::string("z9hG4bK"), t.callee.last("INVITE").branch().substr(0, 7));
    CPPUNIT_ASSERT_EQUAL(server().host(), sent_by_in(at_callee[0]).first);
    // RFC 3581: the caller asked for rport, so the proxy filled it in.
    CPPUNIT_ASSERT_EQUAL(std::to_string(t.caller.address().port),
                         parameter_in(at_callee[1], "rport").value_or("none"));
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, t.invite.final().all("Via").size());
    CPPUNIT_ASSERT_EQUAL(t.invite.request.branch(), t.invite.final().branch());
  }

  void max_forwards_counts_down() {
    Talk t = talk();
    CPPUNIT_ASSERT_EQUAL(std::string("69"), t.callee.last("INVITE").get("Max-Forwards"));
  }

  void too_many_hops_are_refused() {
    serve();
    Phone& a = registered("a", "bob");
    Phone& caller = phone("caller", "alice");
    const Transaction& call = caller.invite(server().uri("bob"), {{"Max-Forwards", "0"}});
    LS_WAIT(call.final_status != 0);
    CPPUNIT_ASSERT_EQUAL(483, call.final_status);
    CPPUNIT_ASSERT_EQUAL(0, a.count("INVITE"));
  }

  void bodies_and_unknown_headers_pass_unchanged() {
    serve();
    Phone& a = registered("a", "bob");
    Phone& caller = phone("caller", "alice");
    const std::string odd = "a;b=\"c,d\\\"e\" <x@y>, \xC3\xA9";
    const Transaction& call = caller.invite(server().uri("bob"), {{"X-Odd", odd}, {"Subject", "one, two"}});
    LS_WAIT(call.final_status == 200);
    CPPUNIT_ASSERT_EQUAL(odd, a.last("INVITE").get("X-Odd"));
    CPPUNIT_ASSERT_EQUAL(std::string("one, two"), a.last("INVITE").get("Subject"));
    CPPUNIT_ASSERT_EQUAL(call.request.body, a.last("INVITE").body);
    CPPUNIT_ASSERT_EQUAL(std::to_string(call.request.body.size()), a.last("INVITE").get("Content-Length"));
    CPPUNIT_ASSERT_EQUAL(call.request.get("From"), a.last("INVITE").get("From"));
  }

  void compact_forms_are_understood() {
    if (Server::is_peer()) return;  // It drops a folded CSeq.
    serve();
    Phone& a = registered("a", "bob");
    Phone& caller = phone("caller", "alice");
    const std::string here = caller.address().text();
    caller.send_raw("INVITE " + server().uri("bob") + " SIP/2.0\r\nv: SIP/2.0/UDP " + here +
                    ";branch=z9hG4bKcompact1\r\nMax-Forwards: 70\r\nf: <sip:alice@" + server().host() +
                    ">;tag=1\r\nt:\r\n <" + server().uri("bob") + ">\r\ni: compact-1@" + here +
                    "\r\nCSeq: 1\r\n\tINVITE\r\nm: <sip:alice@" + here + ">\r\nl: 0\r\n\r\n");
    LS_WAIT(caller.count("200 INVITE") == 1);
    CPPUNIT_ASSERT_EQUAL(std::string("compact-1@" + here), a.last("INVITE").call_id());
    CPPUNIT_ASSERT_EQUAL(1L, a.last("INVITE").cseq());
  }

  void message_is_relayed_and_answered() {
    serve();
    Phone& a = registered("a", "bob");
    Phone& caller = phone("caller", "alice");
    const Transaction& message = caller.request("MESSAGE", server().uri("bob"), "hello");
    LS_WAIT(message.final_status == 200);
    stage.settle(600);
    assert_seen(a, {"MESSAGE"});
    CPPUNIT_ASSERT_EQUAL(std::string("hello"), a.last("MESSAGE").body);
  }

  void long_route_sets_are_followed() {
    Talk t = talk();
    Dialog dialog = t.caller.dialog_of(t.invite);
    dialog.route_set.resize(dialog.route_set.size() + 200, "<sip:" + t.callee.address().text() + ";lr>");
    const Transaction& bye = t.caller.send_in(dialog, "BYE");
    LS_WAIT(bye.final_status == 200);
    CPPUNIT_ASSERT_EQUAL(std::size_t{200}, t.callee.last("BYE").all("Route").size());
    // One that the phone made up itself is taken away by the script, line by line.
    const std::vector<std::pair<std::string, std::string>> made_up(200, {"Route", "<sip:198.51.100.1;lr>"});
    const Transaction& second = t.caller.invite(server().uri("bob"), made_up);
    LS_WAIT(second.final_status == 200);
    CPPUNIT_ASSERT(!t.callee.last("INVITE").has("Route"));
  }

  void request_of_an_unknown_dialog_is_not_found() {
    serve();
    Phone& caller = phone("caller", "alice");
    Dialog dialog;
    dialog.call_id = "never-seen";
    dialog.local = "<sip:alice@" + server().host() + ">;tag=1";
    dialog.remote = "<sip:bob@" + server().host() + ">;tag=2";
    dialog.remote_target = server().uri("bob");
    const Transaction& bye = caller.send_in(dialog, "BYE");
    LS_WAIT(bye.final_status != 0);
    CPPUNIT_ASSERT_EQUAL(404, bye.final_status);
  }

  void request_for_another_domain_is_relayed() {
    serve();
    Phone& gateway = phone("gateway", "gateway");
    Phone& caller = phone("caller", "alice");
    const std::string uri = "sip:+4930123456;phone-context=x@" + gateway.address().text() + ";user=phone";
    const Transaction& call = caller.invite(uri);
    LS_WAIT(call.final_status == 200 && gateway.count("ACK") == 1);
    CPPUNIT_ASSERT_EQUAL(uri, gateway.last("INVITE").request_uri());
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(DialogTest);

}  // namespace
}  // namespace lockstep::harness
