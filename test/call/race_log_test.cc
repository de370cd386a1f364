// race_log_test.cc: the judge of the races before the court: hand-made logs, each with one thing wrong that
// it must name, and the right ones, at which it must find nothing.
#include <sstream>

#include "test/call/call_test.h"
#include "test/harness/race_log.h"

namespace lockstep::harness {
namespace {

// "11.5 B in CANCEL branch=ib reason=R": milliseconds, who, direction, what, and what else it holds.
Packet packet_of(const std::string& line) {
  std::istringstream words(line);
  double at_ms = 0;
  std::string party, direction, word;
  Packet packet;
  words >> at_ms >> party >> direction;
  packet.at_ns = static_cast<std::int64_t>(at_ms * 1e6);
  packet.party = party == "A" ? Party::kA : party == "B" ? Party::kB : Party::kCaller;
  packet.is_sent = direction == "out";
  while (words >> word) {
    const auto equals = word.find('=');
    const std::string value = equals == std::string::npos ? "" : word.substr(equals + 1);
    if (word.rfind("tag=", 0) == 0) {
      packet.tag = value;
    } else if (word.rfind("branch=", 0) == 0) {
      packet.via_branch = value;
    } else if (word.rfind("reason=", 0) == 0) {
      packet.reason = value;
    } else if (word == "refuses") {
      packet.refuses_media = true;
    } else if (word[0] >= '0' && word[0] <= '9') {
      packet.status = std::stoi(word);
    } else {
      packet.method = word;
    }
  }
  return packet;
}

const std::string kReason = " reason=SIP;cause=200;text=elsewhere";

// Both ring, A answers, the caller hears of it, and A's dialog is ended by the caller.
Lines winner() {
  return {"0 caller out INVITE",       "1 A in INVITE branch=ia",
          "1 B in INVITE branch=ib",   "2 A out 180 INVITE",
          "2 B out 180 INVITE",        "3 caller in 180 INVITE",
          "10 A out 200 INVITE tag=a", "11 caller in 200 INVITE tag=a",
          "13 caller out ACK tag=a",   "14 A in ACK tag=a",
          "40 caller out BYE tag=a",   "41 A in BYE tag=a branch=bye-a",
          "42 A out 200 BYE tag=a",    "43 caller in 200 BYE tag=a"};
}

Lines operator+(Lines lines, const Lines& more) {
  lines.insert(lines.end(), more.begin(), more.end());
  return lines;
}

// B is cancelled.
Lines cancelled() {
  return winner() + Lines{"11.5 B in CANCEL branch=ib" + kReason, "12 B out 200 CANCEL",
                          "12 B out 487 INVITE tag=b", "12.5 B in ACK tag=b branch=ib"};
}

// B's answer comes too late, is acknowledged and ended.
Lines ended() {
  return winner() + Lines{"10.5 B out 200 INVITE tag=b", "12 B in ACK tag=b refuses",
                          "12.1 B in BYE tag=b branch=bye-b" + kReason, "12.2 B out 200 BYE tag=b"};
}

// The caller takes both dialogs.
Lines forwarded() {
  return winner() + Lines{"10.5 B out 200 INVITE tag=b", "12 caller in 200 INVITE tag=b",
                          "13 caller out ACK tag=b",     "14 B in ACK tag=b",
                          "40 caller out BYE tag=b",     "41 B in BYE tag=b branch=bye-b",
                          "44 caller in 200 BYE tag=b"};
}

// The caller gives up before anybody answers.
Lines given_up() {
  return {"0 caller out INVITE",       "1 A in INVITE branch=ia",
          "1 B in INVITE branch=ib",   "2 A out 180 INVITE",
          "2 B out 180 INVITE",        "10 caller out CANCEL",
          "11 caller in 200 CANCEL",   "11 A in CANCEL branch=ia",
          "11 B in CANCEL branch=ib",  "12 A out 487 INVITE tag=a",
          "12 B out 487 INVITE tag=b", "13 A in ACK tag=a",
          "13 B in ACK tag=b",         "14 caller in 487 INVITE tag=a",
          "15 caller out ACK tag=a"};
}

// Without the one line that begins so.
Lines without(Lines lines, const std::string& beginning) {
  const auto gone =
      std::erase_if(lines, [&](const std::string& line) { return line.rfind(beginning, 0) == 0; });
  CPPUNIT_ASSERT_EQUAL_MESSAGE(beginning, std::size_t{1}, static_cast<std::size_t>(gone));
  return lines;
}

constexpr RaceRules kForward{};
constexpr RaceRules kTerminate{.late_2xx = Late::kTerminate, .cancelled_2xx = Late::kTerminate};
constexpr RaceRules kDrop{.late_2xx = Late::kDrop};
constexpr RaceRules kHoldoff{.late_2xx = Late::kTerminate, .cancel_holdoff_ms = 20};

void assert_faults(const Lines& expected, const Lines& lines, const RaceRules& rules = kForward) {
  CallLog log;
  for (const std::string& line : lines) log.packets.push_back(packet_of(line));
  CPPUNIT_ASSERT_EQUAL_MESSAGE(table_of(log), joined(expected), joined(faults_of(log, rules)));
}

class RaceLogTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(RaceLogTest);
  CPPUNIT_TEST(finds_nothing_wrong_with_right_calls);
  CPPUNIT_TEST(one_invite_transaction);
  CPPUNIT_TEST(who_rings_is_cancelled);
  CPPUNIT_TEST(one_cancel_transaction);
  CPPUNIT_TEST(cancel_follows_what_causes_it);
  CPPUNIT_TEST(cancel_follows_a_provisional_and_precedes_the_final);
  CPPUNIT_TEST(holdoff_spares_who_has_answered);
  CPPUNIT_TEST(failures_are_acknowledged);
  CPPUNIT_TEST(a_dialog_is_acknowledged_then_ended);
  CPPUNIT_TEST(terminate_leaks_no_leg);
  CPPUNIT_TEST(every_200_has_the_disposition_of_the_policy);
  CPPUNIT_TEST(the_caller_hears_one_final);
  CPPUNIT_TEST(the_caller_is_answered);
  CPPUNIT_TEST_SUITE_END();

 public:
  void finds_nothing_wrong_with_right_calls() {
    assert_faults({}, cancelled());
    assert_faults({}, forwarded());
    assert_faults({}, ended(), kTerminate);
    assert_faults({}, ended(), kHoldoff);
    assert_faults({}, winner() + Lines{"10.5 B out 200 INVITE tag=b"}, kDrop);
    assert_faults({}, given_up());
    assert_faults({}, given_up(), kTerminate);
  }

  void one_invite_transaction() {  // I15, I16.
    assert_faults({"A got 2 INVITE transactions"}, cancelled() + Lines{"3 A in INVITE branch=again"});
    assert_faults({"A got an INVITE long after it had answered one"},
                  cancelled() + Lines{"1503 A in INVITE branch=ia"});
  }

  void who_rings_is_cancelled() {  // O8, W1.
    assert_faults({"B rings on: no CANCEL came"}, winner());
    assert_faults({}, without(winner(), "2 B out 180"));
  }

  void one_cancel_transaction() {  // O8, I7, W10.
    assert_faults({"B got two CANCELs closer than a retransmission"},
                  cancelled() + Lines{"11.6 B in CANCEL branch=ib" + kReason});
    assert_faults({"B got a CANCEL of another branch", "B got 2 CANCEL transactions"},
                  without(without(cancelled(), "12 B out 200"), "12 B out 487") +
                      Lines{"511.6 B in CANCEL branch=other" + kReason});
    assert_faults({"B got a CANCEL after it had answered one", "B got a CANCEL long after its final"},
                  cancelled() + Lines{"1511.6 B in CANCEL branch=ib" + kReason});
  }

  void cancel_follows_what_causes_it() {  // O6, O16, W5.
    const Lines early = without(cancelled(), "11.5 B in CANCEL");
    assert_faults({"B was cancelled 0.500 ms before the caller got the 200"},
                  early + Lines{"10.5 B in CANCEL branch=ib" + kReason});
    assert_faults({"B got a CANCEL without Reason"}, early + Lines{"11.5 B in CANCEL branch=ib"});
    assert_faults({"A was cancelled for a 200 that never reached the caller"},
                  without(given_up(), "11 A in CANCEL") + Lines{"11 A in CANCEL branch=ia" + kReason});
  }

  void cancel_follows_a_provisional_and_precedes_the_final() {  // I5, I6.
    assert_faults({"B got a CANCEL before it had sent any 1xx"}, without(cancelled(), "2 B out 180"));
    assert_faults({"B got a CANCEL long after its final"},
                  forwarded() + Lines{"1600 B in CANCEL branch=ib" + kReason});
  }

  void holdoff_spares_who_has_answered() {  // O9, W4, the ticket's packet 12.
    const Lines packet_12 = ended() + Lines{"11.5 B in CANCEL branch=ib" + kReason};
    assert_faults({"B got a CANCEL 1.000 ms after it had answered"}, packet_12, kHoldoff);
    assert_faults({}, packet_12, kTerminate);
    // The server was not given the processor: it took the 200 up 30 ms after it came.
    assert_faults({},
                  without(without(packet_12, "12 B in ACK"), "12.1 B in BYE") +
                      Lines{"40.5 B in ACK tag=b refuses", "41 B in BYE tag=b branch=bye-b" + kReason},
                  kHoldoff);
  }

  void failures_are_acknowledged() {  // O17, W12, W25.
    assert_faults({"B waits for the ACK of 1 non-2xx finals"}, without(cancelled(), "12.5 B in ACK"));
    assert_faults({"B waits for the ACK of 1 non-2xx finals"},
                  cancelled() + Lines{"512 B out 487 INVITE tag=b"});
  }

  void a_dialog_is_acknowledged_then_ended() {  // O1, O14, W21.
    assert_faults({"A got BYE before ACK in a"},
                  without(cancelled(), "14 A in ACK") + Lines{"41.5 A in ACK tag=a"});
    assert_faults({"B got BYE before ACK in b"},
                  without(ended(), "12 B in ACK") + Lines{"12.3 B in ACK tag=b refuses"}, kTerminate);
    assert_faults({"A sent 2 200s in a, got 1 ACKs"}, cancelled() + Lines{"510 A out 200 INVITE tag=a"});
    assert_faults({"A got 0 BYEs in the relayed a"}, without(cancelled(), "41 A in BYE"));
  }

  void terminate_leaks_no_leg() {  // O14, I10, W26.
    assert_faults({"B got BYE before ACK in b", "B sent 1 200s in the ended b, got 0 ACKs"},
                  without(ended(), "12 B in ACK"), kTerminate);
    assert_faults({"B sent 2 200s in the ended b, got 1 ACKs"}, ended() + Lines{"13 B out 200 INVITE tag=b"},
                  kTerminate);
    assert_faults({"B leaks: 0 BYE transactions in b"}, without(ended(), "12.1 B in BYE"), kTerminate);
    assert_faults({"B leaks: 2 BYE transactions in b"},
                  ended() + Lines{"13 B in BYE tag=b branch=more" + kReason}, kTerminate);
    assert_faults({"B got a BYE without Reason"},
                  without(ended(), "12.1 B in BYE") + Lines{"12.1 B in BYE tag=b branch=bye-b"}, kTerminate);
    assert_faults({"B got an ACK that does not refuse its offer"},
                  without(ended(), "12 B in ACK") + Lines{"12 B in ACK tag=b"}, kTerminate);
  }

  void every_200_has_the_disposition_of_the_policy() {  // O13, I4.
    assert_faults({"B's 200 (b) never reached the caller"}, ended());
    assert_faults({"B's dropped 200 (b) was acknowledged or ended"}, ended(), kDrop);
    assert_faults({"the caller got 2 dialogs"}, forwarded(), kDrop);
    assert_faults({"the caller got 2 dialogs"}, forwarded(), kTerminate);
  }

  void the_caller_hears_one_final() {  // O11, I2, I3, W6, W23.
    assert_faults({"the caller got 2 failures and 0 200s"},
                  given_up() + Lines{"16 caller in 487 INVITE tag=b"});
    assert_faults({"the caller got 1 failures and 1 200s", "the call failed: 487 b"},
                  cancelled() + Lines{"16 caller in 487 INVITE tag=b"});
    assert_faults({"the caller got 180 after a final"}, cancelled() + Lines{"11.1 caller in 180 INVITE"});
  }

  void the_caller_is_answered() {
    assert_faults({"the caller got no final"}, without(given_up(), "14 caller in 487"));
    assert_faults({"the caller's CANCEL was not answered 200"}, without(given_up(), "11 caller in 200"));
    assert_faults({"the caller's BYE was not answered"}, without(cancelled(), "43 caller in 200"));
    assert_faults({"a BYE was answered 481", "the caller's BYE was not answered"},
                  without(cancelled(), "43 caller in 200") + Lines{"43 caller in 481 BYE tag=a"});
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(RaceLogTest);

}  // namespace
}  // namespace lockstep::harness
