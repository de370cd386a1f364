// late_test.cc: what lockstep was made for, with phones: both answer at once, under each policy; one branch
// cancelled by hand.
#include <fstream>

#include "test/call/call_test.h"

namespace lockstep::harness {
namespace {

class LateTest : public CallTest {
  CPPUNIT_TEST_SUITE(LateTest);
  CPPUNIT_TEST(terminate_ends_the_second_phone);
  CPPUNIT_TEST(drop_hides_the_second_phone);
  CPPUNIT_TEST(forward_relays_both);
  CPPUNIT_TEST(a_reply_route_cancels_the_others_or_its_own);
  CPPUNIT_TEST(one_branch_is_cancelled_by_command);
  CPPUNIT_TEST(a_whole_call_is_cancelled_by_command);
  CPPUNIT_TEST(commands_for_nothing_are_told_so);
  CPPUNIT_TEST(an_unknown_policy_lists_the_choices);
  CPPUNIT_TEST_SUITE_END();

  static void write(const std::string& path, const std::string& lines) {
    std::ofstream(path) << read_text("test/call/office.cfg") << "\n" << lines << "\n";
  }
  // The office's configuration with one parameter line more.
  void serve_with(const std::string& lines) {
    folder_ = make_temp_folder("lockstep-late-");
    write(folder_ + "/late.cfg", lines);
    serve(4, {}, folder_ + "/late.cfg");
  }
  // A has answered, B's 200 is on its way when its CANCEL comes: it answers all the same.
  const Transaction& answer_both() {
    auto [a, b, caller] = forked();
    a.answers({.final_after_ms = 30});
    b.answers({.final_after_ms = 60, .answers_cancel = false});
    second_ = &b;
    const Transaction& call = caller.invite(server().uri("bob"));
    LS_WAIT(call.final_status == 200 && a.count("ACK") > 0);
    return call;
  }
  static std::string binary() {
    const char* build = std::getenv("BUILD");
    return std::string(build == nullptr ? "build" : build) + "/lockstep";
  }

  Phone* second_ = nullptr;
  std::string folder_;

 public:
  void tearDown() override {
    CallTest::tearDown();
    remove_folder(folder_);
  }

  void terminate_ends_the_second_phone() {
    serve_with("modparam(\"tm\", \"late_2xx\", \"terminate\")");
    const Transaction& call = answer_both();
    Phone& b = *second_;
    LS_WAIT(b.count("ACK") > 0 && b.count("BYE") > 0);
    stage.settle(1200);
    CPPUNIT_ASSERT_EQUAL_MESSAGE(story(), 1, b.count("BYE"));
    CPPUNIT_ASSERT_EQUAL(std::string("SIP;cause=200;text=\"Call completed elsewhere\""),
                         b.last("BYE").get("Reason"));
    assert_order({"b ACK", "b BYE"});
    for (const Message& one : call.responses) {
      if (one.status() != 200) continue;
      CPPUNIT_ASSERT_EQUAL_MESSAGE(story(), call.final().get("To"), one.get("To"));
    }
  }

  void drop_hides_the_second_phone() {
    serve_with("modparam(\"tm\", \"late_2xx\", \"drop\")");
    const Transaction& call = answer_both();
    stage.settle(700);
    CPPUNIT_ASSERT_EQUAL_MESSAGE(story(), 1, call.count(200));
    CPPUNIT_ASSERT_EQUAL_MESSAGE(story(), 0, second_->count("ACK"));
  }

  void forward_relays_both() {
    serve_with("");
    const Transaction& call = answer_both();
    LS_WAIT(second_->count("ACK") > 0);
    CPPUNIT_ASSERT_MESSAGE(story(), call.count(200) >= 2);
    CPPUNIT_ASSERT_EQUAL_MESSAGE(story(), 0, second_->count("BYE"));
  }

  // 183 of one phone ends the others, 182 its own branch.
  void a_reply_route_cancels_the_others_or_its_own() {
    for (const int status : {183, 182}) {
      folder_ = make_temp_folder("lockstep-late-");
      std::string text = read_text("test/repro/repro.cfg");
      text.replace(text.rfind("\tt_relay();"), 0, "\tt_on_reply(\"CHOOSE\");\n");
      std::ofstream(folder_ + "/reply.cfg") << text << R"(
onreply_route[CHOOSE] {
  if (t_check_status("183")) t_cancel_branches("others");
  if (t_check_status("182")) t_cancel_branches("this");
}
)";
      serve(4, {}, folder_ + "/reply.cfg");
      auto [a, b, caller] = forked();
      a.answers({.final_status = 0});
      b.answers({.final_status = 0});
      const Transaction& call = caller.invite(server().uri("bob"));
      LS_WAIT(call.provisional_count(180) == 2);
      a.respond(status);
      Phone& gone = status == 183 ? b : a;
      Phone& stays = status == 183 ? a : b;
      LS_WAIT(gone.count("CANCEL") == 1 && gone.count("ACK") == 1);
      stays.respond(200);
      LS_WAIT(call.final_status == 200 && stays.count("ACK") == 1);
      CPPUNIT_ASSERT_EQUAL_MESSAGE(story(), 0, stays.count("CANCEL"));
      CallTest::tearDown();
      remove_folder(folder_);
    }
  }

  void one_branch_is_cancelled_by_command() {
    serve(4);
    Phone& a = registered("a", "bob", "0.9");
    Phone& b = registered("b", "bob", "0.8");
    Phone& caller = phone("caller", "alice");
    a.answers({.final_status = 0});
    b.answers({.final_status = 0});
    const Transaction& call = caller.invite(server().uri("bob"));
    LS_WAIT(a.count("INVITE") == 1 && b.count("INVITE") == 1 && call.provisional_count(180) == 2);
    const Outcome outcome =
        server().control({"rpc", "tm.cancel_branch", "s:" + call.request.get("Call-ID"), "1"});
    CPPUNIT_ASSERT_EQUAL_MESSAGE(outcome.output, 0, outcome.status);
    LS_WAIT(a.count("CANCEL") + b.count("CANCEL") == 1 && a.count("ACK") + b.count("ACK") == 1);
    CPPUNIT_ASSERT_EQUAL(0, call.final_status);
    Phone& other = a.count("CANCEL") == 0 ? a : b;
    other.respond(200);
    LS_WAIT(call.final_status == 200);
    LS_WAIT(other.count("ACK") == 1);
    CPPUNIT_ASSERT_EQUAL_MESSAGE(story(), 0, other.count("CANCEL"));
  }

  void a_whole_call_is_cancelled_by_command() {
    serve(2);
    auto [a, b, caller] = forked();
    a.answers({.final_status = 0});
    b.answers({.final_status = 0});
    const Transaction& call = caller.invite(server().uri("bob"));
    LS_WAIT(call.provisional_count(180) == 2);
    const Outcome outcome = server().control({"rpc", "tm.cancel", "s:" + call.request.get("Call-ID")});
    CPPUNIT_ASSERT_EQUAL_MESSAGE(outcome.output, 0, outcome.status);
    LS_WAIT(call.final_status == 487 && a.count("ACK") == 1 && b.count("ACK") == 1);
    CPPUNIT_ASSERT_EQUAL(1, a.count("CANCEL"));
    CPPUNIT_ASSERT_EQUAL(1, b.count("CANCEL"));
  }

  void commands_for_nothing_are_told_so() {
    serve(2);
    for (const Lines& command :
         {Lines{"rpc", "tm.cancel", "s:nobody@nowhere"},
          Lines{"rpc", "tm.cancel_branch", "s:nobody@nowhere", "0"},
          Lines{"rpc", "tm.cancel_branch", "s:nobody@nowhere"}, Lines{"rpc", "tm.cancel"}}) {
      const Outcome outcome = server().control(command);
      CPPUNIT_ASSERT_MESSAGE(outcome.output, outcome.status != 0);
      CPPUNIT_ASSERT_MESSAGE(outcome.output, outcome.output.find("expected") != std::string::npos ||
                                                 outcome.output.find("no such call") != std::string::npos);
    }
  }

  void an_unknown_policy_lists_the_choices() {
    folder_ = make_temp_folder("lockstep-late-");
    for (const auto& [line, choices] : std::vector<std::pair<std::string, std::string>>{
             {"modparam(\"tm\", \"late_2xx\", \"later\")", "one of \"forward\", \"terminate\", \"drop\""},
             {"modparam(\"tm\", \"cancelled_2xx\", \"drop\")",
              "one of \"forward\", \"terminate\" is expected"},
             {"modparam(\"tm\", \"cancel_holdoff\", -1)", "0 to 10000 milliseconds"}}) {
      write(folder_ + "/bad.cfg", line);
      const Outcome outcome = run_command({binary(), "-c", "-f", folder_ + "/bad.cfg", "-L",
                                           binary().substr(0, binary().rfind('/')) + "/modules"});
      CPPUNIT_ASSERT_EQUAL_MESSAGE(outcome.output, 255, outcome.status);
      CPPUNIT_ASSERT_MESSAGE(outcome.output, outcome.output.find(choices) != std::string::npos);
    }
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(LateTest);

}  // namespace
}  // namespace lockstep::harness
