// bad_input_test.cc: what a hostile or broken peer sends: answered where an answer can be routed, dropped
// where not, and without effect on anybody else.
#include "test/call/call_test.h"

namespace lockstep::harness {
namespace {

class BadInputTest : public CallTest {
  CPPUNIT_TEST_SUITE(BadInputTest);
  CPPUNIT_TEST(malformed_requests_get_400_with_the_fault_named);
  CPPUNIT_TEST(garbage_is_dropped_and_the_next_call_works);
  CPPUNIT_TEST(malformed_responses_are_dropped);
  CPPUNIT_TEST(malformed_ack_is_never_answered);
  CPPUNIT_TEST(random_damage_does_no_harm);
  CPPUNIT_TEST_SUITE_END();

 public:
  // A good request, one header of which is replaced or (empty) left out.
  static std::string request(Phone& from, const std::string& start_line, const std::string& name,
                             const std::string& value) {
    Message message;
    message.start_line = start_line;
    const std::string method = start_line.substr(0, start_line.find(' '));
    message.add("Via", "SIP/2.0/UDP " + from.address().text() + ";branch=z9hG4bKbad" + name);
    message.add("Max-Forwards", "70");
    message.add("From", "<sip:x@example.com>;tag=1");
    message.add("To", "<sip:bob@example.com>");
    message.add("Call-ID", "bad-" + name + "@" + from.address().text());
    message.add("CSeq", "1 " + method);
    message.add("Contact", "<" + from.contact_uri() + ">");
    if (!name.empty()) message.remove(name);
    if (!value.empty()) message.add(name, value);
    return message.text();
  }

  void malformed_requests_get_400_with_the_fault_named() {
    serve();
    if (Server::is_peer()) return;  // It answers some of these and drops others.
    const std::string line = "OPTIONS sip:" + server().host() + " SIP/2.0";
    const std::vector<std::pair<std::string, std::string>> faults = {{"CSeq", ""},
                                                                     {"CSeq", "none OPTIONS"},
                                                                     {"CSeq", "1 INVITE"},
                                                                     {"CSeq", "99999999999 OPTIONS"},
                                                                     {"From", ""},
                                                                     {"From", "<sip:x@"},
                                                                     {"To", ""},
                                                                     {"To", "\"open <sip:b@c>"},
                                                                     {"Max-Forwards", "abc"}};
    for (const auto& [name, value] : faults) {
      Phone& sender = phone("sender", "x");
      sender.send_raw(request(sender, line, name, value));
      const bool answered = stage.run_until([&] { return !sender.inbox().empty(); }, 2000);
      const std::string what = name + ": " + value;
      CPPUNIT_ASSERT_MESSAGE("no answer to " + what + "\n" + log_text(), answered);
      CPPUNIT_ASSERT_EQUAL_MESSAGE(what, 400, sender.inbox()[0].status());
      CPPUNIT_ASSERT_MESSAGE(what, !sender.inbox()[0].reason().empty());
      CPPUNIT_ASSERT_MESSAGE(what, sender.inbox()[0].reason() != "Bad Request");
    }
    Phone& sender = phone("sender", "x");
    std::string cut = request(sender, line, "", "");
    cut.replace(cut.find("Content-Length: 0"), 17, "Content-Length: 100");
    sender.send_raw(cut);
    LS_WAIT(!sender.inbox().empty());
    CPPUNIT_ASSERT_EQUAL(400, sender.inbox()[0].status());
  }

  void assert_still_serves() {
    Phone& a = registered("after", "after");
    Phone& caller = phone("caller", "alice");
    const Transaction& call = caller.invite(server().uri("after"));
    LS_WAIT(call.final_status == 200 && a.count("ACK") == 1);
  }

  void garbage_is_dropped_and_the_next_call_works() {
    serve();
    Phone& sender = phone("sender", "x");
    const std::string none_of_it[] = {"",
                                      std::string(1, '\0'),
                                      "\r\n\r\n",
                                      "\r\n\r\n\r\n\r\n",
                                      "hello",
                                      std::string(65000, 'A'),
                                      std::string(20000, '\n'),
                                      "INVITE",
                                      "INVITE sip:x SIP/2.0",
                                      "INVITE sip:x SIP/2.0\r\n\r\n",
                                      "SIP/2.0 200 OK\r\n\r\n",
                                      "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
                                      "INVITE sip:x SIP/2.0\r\n" + std::string(3000, 'a') + ": b\r\n\r\n"};
    for (const std::string& bytes : none_of_it) sender.send_raw(bytes);
    std::string many_headers = "OPTIONS sip:x SIP/2.0\r\n";
    for (int i = 0; i < 5000; ++i) many_headers += "a: b\r\n";
    sender.send_raw(many_headers + "\r\n");
    std::string many_vias = "OPTIONS sip:x SIP/2.0\r\n";
    for (int i = 0; i < 1500; ++i) many_vias += "Via: SIP/2.0/UDP 127.0.0.1:9;branch=z9\r\n";
    sender.send_raw(many_vias + "\r\n");
    assert_still_serves();
  }

  void malformed_responses_are_dropped() {
    serve();
    Phone& a = registered("a", "bob");
    Phone& caller = phone("caller", "alice");
    a.answers({.provisional_status = 0, .final_status = 0});
    const Transaction& call = caller.invite(server().uri("bob"));
    LS_WAIT(a.count("INVITE") >= 1);
    const std::string via = a.last("INVITE").get("Via");
    for (const char* start : {"SIP/2.0 999 Odd", "SIP/2.0 20 Short", "SIP/2.0 abc None", "SIP/9.9 200 OK"}) {
      a.send_raw(std::string(start) + "\r\nVia: " + via +
                 "\r\nCSeq: 1 INVITE\r\nCall-ID: " + call.request.call_id() + "\r\n\r\n");
    }
    stage.settle(200);
    CPPUNIT_ASSERT_EQUAL_MESSAGE(story(), 0, call.final_status);
    a.respond(200);
    LS_WAIT(call.final_status == 200);
  }

  void malformed_ack_is_never_answered() {  // Section 17.1.1.3: there is no response to ACK.
    serve();
    Phone& sender = phone("sender", "x");
    const std::string line = "ACK sip:" + server().host() + " SIP/2.0";
    for (const char* name : {"From", "To", "CSeq", "Max-Forwards", ""}) {
      sender.send_raw(request(sender, line, name, ""));
    }
    assert_still_serves();
    stage.settle(100);
    CPPUNIT_ASSERT_EQUAL_MESSAGE(story(), std::size_t{0}, sender.inbox().size());
  }

  // Each of 3000 copies of a good INVITE has a few bytes changed, by a fixed sequence.
  void random_damage_does_no_harm() {
    serve();
    Phone& sender = phone("sender", "x");
    sender.muted = true;
    const std::string good = request(sender, "INVITE sip:bob@" + server().host() + ";a=b?c=d SIP/2.0",
                                     "Subject", "\"q\", (c) <s:u>;x");
    unsigned random = 12345;
    const auto next = [&random](std::size_t bound) {
      random = random * 1103515245U + 12345U;
      return static_cast<std::size_t>(random >> 8) % bound;
    };
    for (int i = 0; i < 3000; ++i) {
      std::string bytes = good;
      const std::size_t changes = 1 + next(4);
      for (std::size_t k = 0; k < changes; ++k)
        bytes[next(bytes.size())] = "\0\r\n \t\"<>;:,@=%\xFF\\z9"[next(18)];
      if (next(8) == 0) bytes.resize(next(bytes.size()));
      sender.send_raw(bytes);
      if (i % 50 == 0) stage.settle(1);
    }
    assert_still_serves();
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(BadInputTest);

}  // namespace
}  // namespace lockstep::harness
