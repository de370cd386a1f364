// script_store_test.cc: what a script keeps from one route of a transaction to the next comes back as it was.
#include "core/worker/script_store.h"

#include <cppunit/extensions/HelperMacros.h>

#include "test/unit/modules/script_fixture.h"

namespace lockstep::test {
namespace {

using script::Value;
using worker::ScriptContext;

// "name=value" of each AVP, newest first; strings in quotes.
std::string avps_of(ScriptContext& context) {
  std::string text;
  for (const worker::Avp* avp = context.avps; avp != nullptr; avp = avp->next) {
    text += std::string(avp->name) + "=";
    text += avp->value.is_string() ? "'" + std::string(avp->value.text()) + "' "
                                   : std::to_string(avp->value.to_int()) + " ";
  }
  return text;
}

// Runs `fill`, stores, empties the context, loads, and runs `check`.
void round_trip(const std::function<void(ScriptContext&)>& fill,
                const std::function<void(ScriptContext&)>& check) {
  ScriptFixture fixture(nullptr, "exit;");
  fixture.inspect = [&](ScriptContext& context) {
    fill(context);
    // Room after the end must stay untouched.
    std::string bytes(worker::script_bytes(context) + 8, '#');
    worker::store_script(context, {bytes.data(), bytes.size() - 8});
    CPPUNIT_ASSERT_EQUAL(std::string("########"), bytes.substr(bytes.size() - 8));
    context.avps = nullptr;
    context.target = {};
    const std::string stored = bytes.substr(0, bytes.size() - 8);
    worker::load_script(context, stored);
    bytes.assign(bytes.size(), '-');
    check(context);
  };
  static_cast<void>(fixture.run(kInvite));
}

class ScriptStoreTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(ScriptStoreTest);
  CPPUNIT_TEST(nothing_needs_no_bytes);
  CPPUNIT_TEST(avps_keep_their_order_and_type);
  CPPUNIT_TEST(the_target_comes_back);
  CPPUNIT_TEST(a_target_alone_is_kept);
  CPPUNIT_TEST_SUITE_END();

 public:
  void nothing_needs_no_bytes() {
    ScriptFixture fixture(nullptr, "exit;");
    fixture.inspect = [](ScriptContext& context) {
      CPPUNIT_ASSERT_EQUAL(std::size_t{0}, worker::script_bytes(context));
      worker::load_script(context, {});
      CPPUNIT_ASSERT(context.avps == nullptr && context.target.uri.empty());
    };
    static_cast<void>(fixture.run(kInvite));
  }

  void avps_keep_their_order_and_type() {
    round_trip(
        [](ScriptContext& context) {
          CPPUNIT_ASSERT(context.add_avp("a", Value::of_string("first")));
          CPPUNIT_ASSERT(context.add_avp("n", Value::of_int(-5)));
          CPPUNIT_ASSERT(context.add_avp("a", Value::of_string("")));
          CPPUNIT_ASSERT(context.add_avp("big", Value::of_int(INT64_MAX)));
          CPPUNIT_ASSERT(context.add_avp("a", Value::of_string(std::string_view("x\0y\n", 4))));
        },
        [](ScriptContext& context) {
          CPPUNIT_ASSERT_EQUAL(std::string("a='") + std::string("x\0y\n", 4) +
                                   "' big=9223372036854775807 a='' n=-5 a='first' ",
                               avps_of(context));
        });
  }

  void the_target_comes_back() {
    round_trip(
        [](ScriptContext& context) {
          CPPUNIT_ASSERT(context.set_request_uri("sip:new@10.0.0.1"));
          CPPUNIT_ASSERT(context.set_next_hop("sip:10.0.0.9;lr"));
          CPPUNIT_ASSERT(context.add_avp("a", Value::of_int(1)));
        },
        [](ScriptContext& context) {
          CPPUNIT_ASSERT(context.target.uri == "sip:new@10.0.0.1");
          CPPUNIT_ASSERT(context.target.next_hop == "sip:10.0.0.9;lr");
          CPPUNIT_ASSERT_EQUAL(std::string("a=1 "), avps_of(context));
        });
  }

  void a_target_alone_is_kept() {
    round_trip([](ScriptContext& context) { CPPUNIT_ASSERT(context.set_next_hop("sip:10.0.0.9")); },
               [](ScriptContext& context) {
                 CPPUNIT_ASSERT(context.target.uri.empty());
                 CPPUNIT_ASSERT(context.target.next_hop == "sip:10.0.0.9");
                 CPPUNIT_ASSERT(context.avps == nullptr);
               });
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(ScriptStoreTest);

}  // namespace
}  // namespace lockstep::test
