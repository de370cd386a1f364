// openser13_test.cc: whom an event wishes to cancel is known when the call is let go, however many steps the
// event took (ORDER.md section 4).
#include <cppunit/extensions/HelperMacros.h>

#include "test/unit/core/worker/engine_fixture.h"

namespace lockstep::test {
namespace {

constexpr const char* kScript = R"(
request_route {
  if (method == "CANCEL") {
    t_relay();
    if (uri =~ "twice") t_relay();
    exit;
  }
  if (uri =~ "fork") append_branch("sip:c@127.0.0.3:5062");
  if (uri =~ "serial") t_on_failure("next");
  t_relay();
  if (uri =~ "refused") {
    t_reply("486", "Busy Here");
    t_on_failure("next");
  }
}
failure_route[next] {
  seturi("sip:d@127.0.0.4:5064");
  t_relay();
  t_reply("486", "Busy Here");
}
)";

class Openser13Test : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(Openser13Test);
  CPPUNIT_TEST(a_2xx_wishes_to_cancel_the_others);
  CPPUNIT_TEST(what_a_failure_route_wishes_outlives_its_verdict);
  CPPUNIT_TEST(what_a_response_of_the_script_wishes_outlives_what_follows_it);
  CPPUNIT_TEST(a_cancel_that_is_relayed_twice_is_still_wished);
  CPPUNIT_TEST(the_next_event_begins_without_wishes);
  CPPUNIT_TEST_SUITE_END();

  static void be_old(EngineFixture& fixture) {
    fixture.tm().ordering = worker::Ordering::kOpenser13;
    fixture.tm().timers.cancels_apart = true;
  }
  // What an INVITE to that user causes.
  static std::vector<Sent> invite(EngineFixture& fixture, const std::string& user) {
    return fixture.receive(make_request("INVITE sip:" + user + "@127.0.0.2:5061", "i"));
  }
  static void assert_wished(transaction::BranchMask branches, const EngineFixture& fixture) {
    CPPUNIT_ASSERT_EQUAL(static_cast<unsigned>(branches), static_cast<unsigned>(fixture.wished().branches));
  }

 public:
  void a_2xx_wishes_to_cancel_the_others() {
    EngineFixture fixture(kScript);
    be_old(fixture);
    const std::vector<Sent> sent = invite(fixture, "fork");
    CPPUNIT_ASSERT_EQUAL(std::size_t{3}, sent.size());
    static_cast<void>(fixture.receive(make_response(sent[1], "200 OK"), "127.0.0.2", 5061));
    assert_wished(0b10, fixture);
  }

  void what_a_failure_route_wishes_outlives_its_verdict() {
    EngineFixture fixture(kScript);
    be_old(fixture);
    const std::vector<Sent> sent = invite(fixture, "serial");
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, sent.size());
    static_cast<void>(fixture.receive(make_response(sent[1], "404 Not Found"), "127.0.0.2", 5061));
    assert_wished(0b10, fixture);
  }

  void what_a_response_of_the_script_wishes_outlives_what_follows_it() {
    EngineFixture fixture(kScript);
    be_old(fixture);
    static_cast<void>(invite(fixture, "refused"));
    assert_wished(0b1, fixture);
  }

  void a_cancel_that_is_relayed_twice_is_still_wished() {
    EngineFixture fixture(kScript);
    be_old(fixture);
    static_cast<void>(invite(fixture, "fork-twice"));
    static_cast<void>(fixture.receive(make_request("CANCEL sip:fork-twice@127.0.0.2:5061", "i")));
    assert_wished(0b11, fixture);
  }

  void the_next_event_begins_without_wishes() {
    EngineFixture fixture(kScript);
    be_old(fixture);
    static_cast<void>(invite(fixture, "refused"));
    static_cast<void>(invite(fixture, "refused"));  // The same, again.
    assert_wished(0, fixture);
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(Openser13Test);

}  // namespace
}  // namespace lockstep::test
