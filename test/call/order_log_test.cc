// order_log_test.cc: what happened to a call, asked of the running server by lockstepctl: ladder, reasons,
// list, page, capture, recording; and recorded calls decided again by the same binary.
#include <signal.h>

#include <fstream>

#include "test/call/call_test.h"

namespace lockstep::harness {
namespace {

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

#define LS_HAS(text, part) \
  CPPUNIT_ASSERT_MESSAGE(std::string("lacks: ") + (part) + "\n" + (text), has(text, part))

class OrderLogCallTest : public CallTest {
  CPPUNIT_TEST_SUITE(OrderLogCallTest);
  CPPUNIT_TEST(a_forked_call_is_shown_in_its_order);
  CPPUNIT_TEST(the_reasons_of_a_call_are_told);
  CPPUNIT_TEST(a_page_stands_alone_and_can_be_redacted);
  CPPUNIT_TEST(a_capture_carries_the_decisions);
  CPPUNIT_TEST(a_recording_is_shown_and_replayed_elsewhere);
  CPPUNIT_TEST(two_hundred_forked_calls_replay_identically);
  CPPUNIT_TEST(an_unknown_call_and_no_log_are_told_in_one_line);
  CPPUNIT_TEST(wrong_usage_is_told_and_help_is_no_mistake);
  CPPUNIT_TEST(a_call_that_a_killed_worker_began_is_whole_in_the_log);
  CPPUNIT_TEST_SUITE_END();

 public:
  void setUp() override { folder_ = make_temp_folder("lockstep-order-"); }
  void tearDown() override {
    remove_folder(folder_);
    CallTest::tearDown();
  }

  // Alice calls bob's two phones; the one that registered last, branch 0, answers. Returns the Call-ID.
  std::string place_call() {
    auto [a, b, caller] = forked();
    a.answers({.final_status = 0});
    b.answers({.final_after_ms = 60});
    const Transaction& call = caller.invite(server().uri("bob"));
    LS_WAIT(call.final_status == 200 && a.count("ACK") == 1 && b.count("ACK") == 1);
    Dialog dialog = caller.dialog_of(call);
    const Transaction& bye = caller.send_in(dialog, "BYE");
    LS_WAIT(bye.final_status == 200);
    return call.request.get("Call-ID");
  }
  // The records of what was sent follow its sending.
  std::string asked(const std::vector<std::string>& arguments, const std::string& until = "") {
    Outcome outcome;
    LS_WAIT((outcome = server().control(arguments), until.empty() || has(outcome.output, until)));
    CPPUNIT_ASSERT_EQUAL_MESSAGE(outcome.output, 0, outcome.status);
    return outcome.output;
  }
  std::string file(const std::string& name) { return folder_ + "/" + name; }

  void a_forked_call_is_shown_in_its_order() {
    serve(2);
    const std::string id = place_call();
    const std::string ladder = asked({"ladder", id}, "200 BYE");
    std::size_t at = 0;
    for (const char* line : {"INVITE", "create", "100 INVITE", "INVITE", "180 INVITE", "200 INVITE", "CANCEL",
                             "200 CANCEL", "487 INVITE", "ACK", "BYE", "200 BYE"}) {
      at = ladder.find(line, at);
      CPPUNIT_ASSERT_MESSAGE(std::string("not in its place: ") + line + "\n" + ladder,
                             at != std::string::npos);
      ++at;
    }
    LS_HAS(ladder, "relay response 200 of branch 0, cancel branch 1");
    const std::string calls = asked({"calls"});
    LS_HAS(calls, id);
    LS_HAS(calls, "alice");
    CPPUNIT_ASSERT_MESSAGE(calls, !has(calls, "REGISTER"));
    LS_HAS(asked({"calls", "--all"}), "REGISTER");
  }

  void the_reasons_of_a_call_are_told() {
    serve(2);
    const std::string id = place_call();
    const std::string why = asked({"why", id}, "its CANCEL was answered");
    LS_HAS(why, "Branch 0 won: its 200 was the first 2xx that was decided on");
    LS_HAS(why, "CANCEL was decided at +");
    LS_HAS(why, "answered 487 at +");
  }

  void a_page_stands_alone_and_can_be_redacted() {
    serve(2);
    const std::string id = place_call();
    asked({"ladder", id}, "200 BYE");
    asked({"ladder", id, "--html", file("ladder.html")});
    const std::string page = read_text(file("ladder.html"));
    LS_HAS(page, "<!DOCTYPE html>");
    LS_HAS(page, "sip:bob@");
    for (const char* foreign : {"src=", "href=", "@import", "url(", "<script"}) {
      CPPUNIT_ASSERT_MESSAGE(foreign, !has(page, foreign));
    }
    asked({"ladder", id, "--redact", "--html", file("redacted.html")});
    const std::string redacted = read_text(file("redacted.html"));
    LS_HAS(redacted, "sip:user");
    CPPUNIT_ASSERT_MESSAGE(redacted, !has(redacted, "bob") && !has(redacted, "alice"));
  }

  void a_capture_carries_the_decisions() {
    serve(2);
    const std::string id = place_call();
    asked({"ladder", id}, "200 BYE");
    asked({"ladder", id, "--pcap", file("ladder.pcapng")});
    LS_HAS(read_text(file("ladder.pcapng")), "cancel branch 1");
    if (run_command({"tshark", "-v"}).status != 0) return;  // Without it the bytes above must do.
    const Outcome read =
        run_command({"tshark", "-r", file("ladder.pcapng"), "-d", "udp.port==5060,sip", "-T", "fields", "-e",
                     "sip.CSeq.method", "-e", "ip.checksum.status", "-e", "frame.comment"});
    CPPUNIT_ASSERT_EQUAL_MESSAGE(read.output, 0, read.status);
    LS_HAS(read.output, "CANCEL");
    LS_HAS(read.output, "relay response 200");
  }

  void a_recording_is_shown_and_replayed_elsewhere() {
    serve(2);
    const std::string id = place_call();
    const std::string live = asked({"ladder", id}, "200 BYE");
    asked({"record", file("one.order"), id});
    asked({"record", file("all.order")});
    CPPUNIT_ASSERT_EQUAL(live, asked({"ladder", id, "--from", file("one.order")}));
    const std::string one = asked({"replay", file("one.order")});
    LS_HAS(one, "1 call, ");
    LS_HAS(one, ": identical");
    LS_HAS(asked({"replay", file("all.order")}), ": identical");
    const std::string bytes = read_text(file("one.order"));
    std::ofstream(file("short.order"), std::ios::binary) << bytes.substr(0, bytes.size() / 2);
    const Outcome cut = server().control({"ladder", id, "--from", file("short.order")});
    CPPUNIT_ASSERT_EQUAL_MESSAGE(cut.output, 0, cut.status);
    LS_HAS(cut.output, "is cut short: what follows is made of the first");
    std::ofstream(file("foreign.order"), std::ios::binary) << "something else";
    const Outcome foreign = server().control({"replay", file("foreign.order")});
    CPPUNIT_ASSERT_EQUAL_MESSAGE(foreign.output, 255, foreign.status);
    LS_HAS(foreign.output, "is no recording of lockstep");
  }

  // Both phones answer at once, so that 200s cross CANCELs in every way there is.
  void two_hundred_forked_calls_replay_identically() {
    constexpr int kCalls = 200;
    serve(4, {"-A", "ORDER_LOG=8"});
    auto [a, b, caller] = forked();
    for (int i = 0; i < kCalls; ++i) {
      a.answers({.final_after_ms = i % 5});
      b.answers({.final_after_ms = i % 3});
      const Transaction& call = caller.invite(server().uri("bob"));
      LS_WAIT(call.final_status == 200 && a.count("ACK") > i && b.count("ACK") > i);
    }
    asked({"record", file("many.order")});
    const std::string text = asked({"replay", file("many.order")});
    LS_HAS(text, ": identical");
    CPPUNIT_ASSERT_MESSAGE(text, !has(text, "not compared"));
    CPPUNIT_ASSERT_MESSAGE(text, std::stoi(text) >= kCalls);
  }

  void an_unknown_call_and_no_log_are_told_in_one_line() {
    serve(2);
    const Outcome unknown = server().control({"why", "nobody@nowhere"});
    CPPUNIT_ASSERT_EQUAL(1, unknown.status);
    LS_HAS(unknown.output, "call nobody@nowhere is not in the log, which holds");
    CPPUNIT_ASSERT_EQUAL(std::size_t{unknown.output.size() - 1}, unknown.output.find('\n'));
    server().stop();
    const Outcome gone = server().control({"calls"});
    CPPUNIT_ASSERT_EQUAL(3, gone.status);
    LS_HAS(gone.output, "can be asked");
  }
  void wrong_usage_is_told_and_help_is_no_mistake() {
    serve(2);
    for (const char* option : {"-h", "--help"}) {
      const Outcome help = server().control({"ladder", option});
      CPPUNIT_ASSERT_EQUAL(0, help.status);
      LS_HAS(help.output, "usage: lockstep ladder CALL-ID");
    }
    const Outcome foreign = server().control({"why", "one@nowhere", "--html", file("why.html")});
    CPPUNIT_ASSERT_EQUAL(2, foreign.status);
    LS_HAS(foreign.output, "'--html' is no option of why");
    const Outcome few = server().control({"ladder"});
    CPPUNIT_ASSERT_EQUAL(2, few.status);
    LS_HAS(few.output, "ladder lacks an argument");
    const Outcome many = server().control({"replay", "a", "b"});
    CPPUNIT_ASSERT_EQUAL(2, many.status);
    LS_HAS(many.output, "'b' is too much for replay");
  }

  void a_call_that_a_killed_worker_began_is_whole_in_the_log() {
    serve(2);
    expect_deaths();
    Phone& a = registered("a", "bob");
    Phone& caller = phone("caller", "alice");
    a.answers({.final_status = 0});
    const Transaction& call = caller.invite(server().uri("bob"));
    LS_WAIT(call.provisional_count(180) >= 1);
    for (const pid_t pid : server().worker_pids()) kill(pid, SIGKILL);
    a.respond(200);
    LS_WAIT(call.final_status == 200 && a.count("ACK") == 1);
    const std::string id = call.request.get("Call-ID");
    const std::string ladder = asked({"ladder", id}, "ACK");
    LS_HAS(ladder, "create");
    LS_HAS(ladder, "200 INVITE");
    asked({"record", file("killed.order"), id});
    LS_HAS(asked({"replay", file("killed.order")}), ": identical");
  }

 private:
  std::string folder_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(OrderLogCallTest);

}  // namespace
}  // namespace lockstep::harness
