// baresip_test.cc: real phones: two baresips under one address of record answer every call at once, a third
// one calls. Under `terminate` one call stands and the other leg is ended, each time (ORDER.md O14).
#include <fmt/core.h>

#include <algorithm>

#include "test/call/call_test.h"
#include "test/harness/baresip.h"

namespace lockstep::harness {
namespace {

constexpr int kCalls = 20;

class BaresipTest : public CallTest {
  CPPUNIT_TEST_SUITE(BaresipTest);
  CPPUNIT_TEST(of_two_phones_that_answer_at_once_one_call_stands);
  CPPUNIT_TEST_SUITE_END();

 public:
  void of_two_phones_that_answer_at_once_one_call_stands() {
    if (!Baresip::is_installed()) {
      fmt::print("skipped: {}: baresip-core is not installed\n", __func__);
      return;
    }
    serve(4, {"-A", "LATE_2XX=\"terminate\""}, "test/call/race.cfg");
    Baresip a("bob", server().address(), true);
    Baresip b("bob", server().address(), true);
    Baresip caller("alice", server().address(), false);
    const std::vector<Baresip*> all = {&a, &b, &caller};
    const auto wait = [&](const char* what, const std::function<bool()>& condition) {
      const bool came = Baresip::run_until(all, condition, 10000);
      CPPUNIT_ASSERT_MESSAGE(
          fmt::format("never came: {}\na:\n{}b:\n{}caller:\n{}", what, a.story(), b.story(), caller.story()) +
              log_text(),
          came);
    };
    wait("three registrations",
         [&] { return std::all_of(all.begin(), all.end(), [](auto* one) { return one->is_registered(); }); });
    int both = 0;
    for (int i = 0; i < kCalls; ++i) {
      std::string id;
      caller.dial(server().uri("bob"));
      wait("the caller's call", [&] {
        for (const auto& [name, call] : caller.calls()) {
          if (call.stands()) id = name;
        }
        return !id.empty();
      });
      wait("one standing leg and one that is ended", [&] {
        return (a.call(id).stands() && b.call(id).closed) || (b.call(id).stands() && a.call(id).closed);
      });
      both += a.call(id).established && b.call(id).established ? 1 : 0;
      CPPUNIT_ASSERT_MESSAGE("the caller's call was ended too", caller.call(id).stands());
      caller.hang_up();
      wait("the end of the call",
           [&] { return a.call(id).closed && b.call(id).closed && caller.call(id).closed; });
    }
    CPPUNIT_ASSERT_EQUAL(static_cast<std::size_t>(kCalls), caller.calls().size());
    fmt::print("baresip: both phones answered in {} of {} calls\n", both, kCalls);
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(BaresipTest);

}  // namespace
}  // namespace lockstep::harness
