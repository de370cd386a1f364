// repro_test.cc: `make repro` shows what it promises: the ticket's sequence in openser13, none of it in
// strict.
#include "test/call/call_test.h"

namespace lockstep::harness {
namespace {

class ReproTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(ReproTest);
  CPPUNIT_TEST(the_ticket_and_its_cure);
  CPPUNIT_TEST_SUITE_END();

 public:
  void the_ticket_and_its_cure() {
    const char* const build = std::getenv("BUILD");
    const std::string program = std::string(build == nullptr ? "build" : build) + "/test/repro";
    const Outcome outcome = run_command({program}, 60000);
    CPPUNIT_ASSERT_EQUAL_MESSAGE(outcome.output, 0, outcome.status);
    // Packets 9 to 19, direction and message, as the ticket has them.
    const Lines sequence = {
        "A       proxy   200 INVITE", "B       proxy   200 INVITE", "proxy   SBC     200 INVITE",
        "proxy   B       CANCEL",     "proxy   SBC     200 INVITE", "B       proxy   200 CANCEL",
        "SBC     proxy   ACK",        "proxy   A       ACK",        "B       proxy   200 INVITE",
        "proxy   SBC     200 INVITE", "SBC     proxy   ACK"};
    std::size_t at = 0;
    int packet = 9;
    for (const std::string& line : sequence) {
      at = outcome.output.find(
          "\n" + std::string(packet < 10 ? "       " : "      ") + std::to_string(packet) + "  ", at);
      CPPUNIT_ASSERT_MESSAGE(outcome.output, at != std::string::npos);
      const std::string row = outcome.output.substr(at + 1, outcome.output.find('\n', at + 1) - at - 1);
      CPPUNIT_ASSERT_MESSAGE(row + ", not " + line + "\n" + outcome.output,
                             row.find(line) != std::string::npos);
      ++at;
      ++packet;
    }
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(ReproTest);

}  // namespace
}  // namespace lockstep::harness
