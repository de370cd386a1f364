// rpc_reply_test.cc: answers compared whole, in both layouts. The pretty texts are those of Kamailio 5.6.3.
#include <cppunit/TestFixture.h>
#include <cppunit/extensions/HelperMacros.h>

#include <functional>
#include <limits>
#include <string>
#include <utility>

#include "core/worker/rpc.h"

namespace {

using lockstep::worker::JsonLayout;
using lockstep::worker::RpcRegistry;
using lockstep::worker::RpcReply;
using lockstep::worker::RpcRequest;
using lockstep::worker::StreamState;

using Write = std::function<void(RpcReply&)>;

std::string text_of(JsonLayout layout, const Write& write, std::string id = "7") {
  RpcReply reply(layout, std::move(id));
  write(reply);
  reply.finish();
  while (!reply.is_complete()) reply.pump(std::numeric_limits<std::size_t>::max());
  return reply.output().str();
}

std::string pretty(const Write& write) { return text_of(JsonLayout::kPretty, write); }
std::string compact(const Write& write) { return text_of(JsonLayout::kCompact, write); }

void write_brief_dump(RpcReply& reply) {
  reply.begin_struct();
  reply.begin_array("Domains");
  reply.begin_struct();
  reply.begin_struct("Domain");
  reply.add("Domain", "location");
  reply.add("Size", 1024);
  reply.begin_array("AoRs");
  for (const char* const aor : {"1002", "1001"}) {
    reply.begin_struct();
    reply.add("AoR", aor);
    reply.end();
  }
  reply.end();
  reply.begin_struct("Stats");
  reply.add("Records", 2);
  reply.add("Max-Slots", 1);
  reply.end();
  reply.end();
  reply.end();
  reply.end();
  reply.end();
}

}  // namespace

class RpcReplyTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(RpcReplyTest);
  CPPUNIT_TEST(a_single_value);
  CPPUNIT_TEST(an_answer_without_values_is_an_empty_struct);
  CPPUNIT_TEST(nested_structs_and_arrays);
  CPPUNIT_TEST(arrays_of_values_stand_on_one_line);
  CPPUNIT_TEST(strings_are_escaped_and_always_valid);
  CPPUNIT_TEST(numbers);
  CPPUNIT_TEST(a_fault_replaces_what_was_written);
  CPPUNIT_TEST(an_absent_id_is_left_out);
  CPPUNIT_TEST(open_containers_are_closed_at_the_end);
  CPPUNIT_TEST(a_stream_is_pumped_no_further_than_asked);
  CPPUNIT_TEST(a_stream_may_wait);
  CPPUNIT_TEST(a_fault_in_a_stream);
  CPPUNIT_TEST(too_large_an_answer_is_a_fault);
  CPPUNIT_TEST(the_registry_is_sorted_and_keeps_the_first_of_a_name);
  CPPUNIT_TEST_SUITE_END();

 public:
  void a_single_value() {
    const Write write = [](RpcReply& reply) { reply.add("kamailio 5.6.3 (x86_64/linux) "); };
    CPPUNIT_ASSERT_EQUAL(std::string("{\n\t\"jsonrpc\":\t\"2.0\",\n\t\"result\":\t\"kamailio 5.6.3 "
                                     "(x86_64/linux) \",\n\t\"id\":\t7\n}"),
                         pretty(write));
    CPPUNIT_ASSERT_EQUAL(std::string(R"({"jsonrpc":"2.0","result":"kamailio 5.6.3 (x86_64/linux) ","id":7})"),
                         compact(write));
  }

  void an_answer_without_values_is_an_empty_struct() {
    const Write nothing = [](RpcReply&) {};
    CPPUNIT_ASSERT_EQUAL(std::string("{\n\t\"jsonrpc\":\t\"2.0\",\n\t\"result\":\t{\n\t},\n\t\"id\":\t7\n}"),
                         pretty(nothing));
    CPPUNIT_ASSERT_EQUAL(std::string(R"({"jsonrpc":"2.0","result":{},"id":7})"), compact(nothing));
  }

  void nested_structs_and_arrays() {
    CPPUNIT_ASSERT_EQUAL(std::string("{\n"
                                     "\t\"jsonrpc\":\t\"2.0\",\n"
                                     "\t\"result\":\t{\n"
                                     "\t\t\"Domains\":\t[{\n"
                                     "\t\t\t\t\"Domain\":\t{\n"
                                     "\t\t\t\t\t\"Domain\":\t\"location\",\n"
                                     "\t\t\t\t\t\"Size\":\t1024,\n"
                                     "\t\t\t\t\t\"AoRs\":\t[{\n"
                                     "\t\t\t\t\t\t\t\"AoR\":\t\"1002\"\n"
                                     "\t\t\t\t\t\t}, {\n"
                                     "\t\t\t\t\t\t\t\"AoR\":\t\"1001\"\n"
                                     "\t\t\t\t\t\t}],\n"
                                     "\t\t\t\t\t\"Stats\":\t{\n"
                                     "\t\t\t\t\t\t\"Records\":\t2,\n"
                                     "\t\t\t\t\t\t\"Max-Slots\":\t1\n"
                                     "\t\t\t\t\t}\n"
                                     "\t\t\t\t}\n"
                                     "\t\t\t}]\n"
                                     "\t},\n"
                                     "\t\"id\":\t7\n"
                                     "}"),
                         pretty(write_brief_dump));
    CPPUNIT_ASSERT_EQUAL(
        std::string(
            R"({"jsonrpc":"2.0","result":{"Domains":[{"Domain":{"Domain":"location","Size":1024,)"
            R"("AoRs":[{"AoR":"1002"},{"AoR":"1001"}],"Stats":{"Records":2,"Max-Slots":1}}}]},"id":7})"),
        compact(write_brief_dump));
  }

  void arrays_of_values_stand_on_one_line() {
    const Write write = [](RpcReply& reply) {
      reply.begin_array();
      reply.add(4936);
      reply.add("main process - attendant");
      reply.add_null();
      reply.begin_array();
      reply.end();
      reply.end();
    };
    CPPUNIT_ASSERT_EQUAL(
        std::string("{\n\t\"jsonrpc\":\t\"2.0\",\n\t\"result\":\t[4936, \"main process - attendant\","
                    " null, []],\n\t\"id\":\t7\n}"),
        pretty(write));
    CPPUNIT_ASSERT_EQUAL(
        std::string(R"({"jsonrpc":"2.0","result":[4936,"main process - attendant",null,[]],"id":7})"),
        compact(write));
  }

  void strings_are_escaped_and_always_valid() {
    // Quotes, control bytes, UTF-8 kept, Latin-1 and a cut sequence read byte by byte.
    const Write write = [](RpcReply& reply) { reply.add("\"\\\n\t\x01 \xC3\xA9 \xE9 \xF0\x9F\x98"); };
    CPPUNIT_ASSERT_EQUAL(std::string("{\"jsonrpc\":\"2.0\",\"result\":\"\\\"\\\\\\n\\t\\u0001 \xC3\xA9 "
                                     "\\u00e9 \\u00f0\\u009f\\u0098\",\"id\":7}"),
                         compact(write));
  }

  void numbers() {
    const Write write = [](RpcReply& reply) {
      reply.begin_array();
      for (const double number : {1.0, 0.5, 0.05, -2.0, 1e-9, 4294967295.5}) reply.add(number);
      reply.add(std::numeric_limits<double>::quiet_NaN());
      reply.add(std::numeric_limits<std::int64_t>::min());
      reply.add(std::numeric_limits<std::uint64_t>::max());
      reply.end();
    };
    CPPUNIT_ASSERT_EQUAL(
        std::string(R"({"jsonrpc":"2.0","result":[1,0.500000,0.050000,-2,1.000000e-09,)"
                    R"(4.294967e+09,null,-9223372036854775808,18446744073709551615],"id":7})"),
        compact(write));
  }

  void a_fault_replaces_what_was_written() {
    const Write write = [](RpcReply& reply) {
      reply.begin_struct();
      reply.add("a", 1);
      reply.fault(404, "AOR not found");
      reply.add("b", 2);
      reply.end();
      reply.fault(500, "a second one");
    };
    CPPUNIT_ASSERT_EQUAL(std::string("{\n\t\"jsonrpc\":\t\"2.0\",\n\t\"error\":\t{\n\t\t\"code\":\t404,\n"
                                     "\t\t\"message\":\t\"AOR not found\"\n\t},\n\t\"id\":\t7\n}"),
                         pretty(write));
  }

  void an_absent_id_is_left_out() {
    CPPUNIT_ASSERT_EQUAL(std::string(R"({"jsonrpc":"2.0","result":1})"),
                         text_of(
                             JsonLayout::kCompact, [](RpcReply& reply) { reply.add(1); }, ""));
    CPPUNIT_ASSERT_EQUAL(std::string(R"({"jsonrpc":"2.0","result":1,"id":"x"})"),
                         text_of(
                             JsonLayout::kCompact, [](RpcReply& reply) { reply.add(1); }, "\"x\""));
  }

  void open_containers_are_closed_at_the_end() {
    const Write write = [](RpcReply& reply) {
      reply.begin_struct();
      reply.begin_array("list");
      reply.add(1);
    };
    CPPUNIT_ASSERT_EQUAL(std::string(R"({"jsonrpc":"2.0","result":{"list":[1]},"id":7})"), compact(write));
  }

  void a_stream_is_pumped_no_further_than_asked() {
    RpcReply reply(JsonLayout::kCompact, "");
    reply.begin_array();
    reply.stream([i = 0](RpcReply& r) mutable {
      r.add(std::string(1000, 'x'));
      return ++i < 50 ? StreamState::kMore : StreamState::kDone;
    });
    reply.finish();
    CPPUNIT_ASSERT(!reply.is_complete());
    std::string all;
    std::size_t rounds = 0;
    while (!reply.is_complete() || !reply.output().empty()) {
      if (!reply.is_complete()) reply.pump(4000);
      CPPUNIT_ASSERT(reply.output().size() < 6000);
      all += reply.output().str();
      reply.output().clear();
      CPPUNIT_ASSERT(++rounds < 100);
    }
    std::string expected = R"({"jsonrpc":"2.0","result":[)";
    for (int i = 0; i < 50; ++i) expected += (i == 0 ? "\"" : ",\"") + std::string(1000, 'x') + "\"";
    CPPUNIT_ASSERT_EQUAL(expected + "]}", all);
  }

  void a_stream_may_wait() {
    RpcReply reply(JsonLayout::kCompact, "");
    bool has_come = false;
    reply.stream([&has_come](RpcReply& r) {
      if (!has_come) return StreamState::kWait;
      r.add("200 OK");
      return StreamState::kDone;
    });
    reply.finish();
    reply.pump(1000);
    CPPUNIT_ASSERT(reply.is_waiting() && !reply.is_complete());
    has_come = true;
    reply.pump(1000);
    CPPUNIT_ASSERT(!reply.is_waiting() && reply.is_complete());
    CPPUNIT_ASSERT_EQUAL(std::string(R"({"jsonrpc":"2.0","result":"200 OK"})"), reply.output().str());
  }

  void a_fault_in_a_stream() {
    const auto faulty = [](RpcReply& reply) {
      reply.begin_array();
      reply.add(1);
      reply.stream([](RpcReply& r) {
        r.fault(500, "gone");
        return StreamState::kDone;
      });
    };
    CPPUNIT_ASSERT_EQUAL(std::string(R"({"jsonrpc":"2.0","error":{"code":500,"message":"gone"},"id":7})"),
                         compact(faulty));
    RpcReply committed(JsonLayout::kCompact, "");
    faulty(committed);
    committed.finish();
    committed.set_committed();  // Its first bytes have left: only the closing brackets can follow.
    committed.pump(1000);
    CPPUNIT_ASSERT_EQUAL(std::string(R"({"jsonrpc":"2.0","result":[1]})"), committed.output().str());
  }

  void too_large_an_answer_is_a_fault() {
    RpcReply reply(JsonLayout::kCompact, "", 1000);
    reply.begin_array();
    for (int i = 0; i < 100; ++i) reply.add("0123456789");
    reply.finish();
    CPPUNIT_ASSERT_EQUAL(
        std::string(R"({"jsonrpc":"2.0","error":{"code":500,"message":"Answer too large"}})"),
        reply.output().str());
  }

  void the_registry_is_sorted_and_keeps_the_first_of_a_name() {
    RpcRegistry registry;
    const auto nothing = [](const RpcRequest&, RpcReply&) {};
    CPPUNIT_ASSERT(registry.add({"ul.dump", "first", nothing}));
    CPPUNIT_ASSERT(registry.add({"core.ps", "", nothing}));
    CPPUNIT_ASSERT(!registry.add({"ul.dump", "second", nothing}));
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, registry.size());
    CPPUNIT_ASSERT_EQUAL(std::string("core.ps"), registry.list()[0]->name);
    CPPUNIT_ASSERT_EQUAL(std::string("first"), registry.find("ul.dump")->doc);
    CPPUNIT_ASSERT(registry.find("ul.dum") == nullptr);
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(RpcReplyTest);
