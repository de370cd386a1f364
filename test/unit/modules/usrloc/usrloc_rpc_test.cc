// usrloc_rpc_test.cc: the ul.* procedures: whole answers, as operators' scripts read them.
#include "modules/usrloc/usrloc_rpc.h"

#include <cppunit/extensions/HelperMacros.h>

#include "test/unit/modules/usrloc/location_fixture.h"

namespace lockstep::usrloc {
namespace {

using worker::JsonLayout;
using worker::RpcReply;
using worker::RpcRequest;
using worker::RpcValue;

RpcValue text(std::string_view value) { return {RpcValue::Kind::kString, std::string(value), 0, 0}; }
RpcValue number(double value) {
  RpcValue made{RpcValue::Kind::kDouble, fmt::format("{}", value), static_cast<std::int64_t>(value), value};
  if (static_cast<double>(made.integer) == value) made.kind = RpcValue::Kind::kInt;
  return made;
}

class UsrlocRpcTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(UsrlocRpcTest);
  CPPUNIT_TEST(an_added_contact_is_shown_with_all_its_members);
  CPPUNIT_TEST(a_registered_contact_is_shown_with_socket_and_times);
  CPPUNIT_TEST(dump_lists_tables_aors_and_statistics);
  CPPUNIT_TEST(a_long_dump_is_streamed_and_complete);
  CPPUNIT_TEST(unknown_tables_and_aors);
  CPPUNIT_TEST(missing_or_wrong_parameters);
  CPPUNIT_TEST(removal);
  CPPUNIT_TEST(aor_text_without_and_with_domain);
  CPPUNIT_TEST_SUITE_END();

 public:
  void setUp() override { make({}); }
  void tearDown() override {
    registry.reset();
    rpc.reset();
    on.reset();
  }

  void make(const TableSettings& settings) {
    FixtureOptions options;
    options.table = settings;
    options.table.bucket_bits = 4;
    on = std::make_unique<LocationFixture>(options);
    names.sockets().clear();
    names.sockets().push_back(
        {*parse_address("127.0.0.1", 5060), "udp:127.0.0.1:5060", "127.0.0.1", 5060, ""});
    rpc = std::make_unique<UsrlocRpc>(on->table, names);
    registry = std::make_unique<worker::RpcRegistry>();
    rpc->add_to(*registry);
    rpc->set_process(on->process(5));
  }

  // The value of "result", or of "error", as JSON in one line.
  std::string call(std::string_view method, std::vector<RpcValue> params) {
    RpcReply reply(JsonLayout::kCompact, "");
    const worker::RpcSpec* spec = registry->find(method);
    CPPUNIT_ASSERT(spec != nullptr);
    spec->handler(RpcRequest(std::string(method), std::move(params)), reply);
    reply.finish();
    std::string all;
    while (true) {
      reply.pump(1024);
      all += reply.output().str();
      reply.output().clear();
      if (reply.is_complete()) break;
    }
    CPPUNIT_ASSERT_MESSAGE(all, all.starts_with("{\"jsonrpc\":\"2.0\",") && all.ends_with("}"));
    return all.substr(17, all.size() - 18);
  }

  std::string add(std::string_view aor, std::string_view uri, double expires, double q = 1) {
    return call("ul.add", {text("location"), text(aor), text(uri), number(expires), number(q), text("."),
                           number(0), number(3), number(4294967295)});
  }

  static std::string without_times(std::string json) {
    for (const char* key : {"\"Last-Keepalive\":", "\"Last-Modified\":", "\"HashID\":"}) {
      for (std::size_t at = json.find(key); at != std::string::npos; at = json.find(key, at + 1)) {
        const std::size_t begin = at + std::string_view(key).size();
        json.replace(begin, json.find_first_not_of("0123456789", begin) - begin, "N");
      }
    }
    return json;
  }

  void an_added_contact_is_shown_with_all_its_members() {
    CPPUNIT_ASSERT_EQUAL(std::string("\"result\":{}"), add("Bob@example.com", "sip:b@h", 0));
    CPPUNIT_ASSERT_EQUAL(
        std::string(
            "\"result\":{\"AoR\":\"bob\",\"Contacts\":[{\"Contact\":{\"Address\":\"sip:b@h\",\"Expires\":"
            "\"permanent\",\"Q\":1,\"Call-ID\":\"dfjrewr12386fd6-343@kamailio.rpc\",\"CSeq\":1,\"User-"
            "Agent\":"
            "\"lockstep RPC\",\"Received\":\"[not set]\",\"Path\":\"[not "
            "set]\",\"State\":"
            "\"CS_NEW\",\"Flags\":0,\"CFlags\":3,\"Socket\":\"[not set]\",\"Methods\":4294967295,\"Ruid\":"
            "\"uloc-1000-5-1\",\"Instance\":\"[not set]\",\"Reg-Id\":0,\"Server-Id\":0,\"Tcpconn-Id\":-1,"
            "\"Keepalive\":0,\"Last-Keepalive\":N,\"KA-Roundtrip\":0,\"Last-Modified\":N}}]}"),
        without_times(call("ul.lookup", {text("location"), text("bob")})));
  }

  void a_registered_contact_is_shown_with_socket_and_times() {
    worker::Binding binding;
    binding.uri = "sip:b@h";
    binding.expires_s = 200;  // Long ago.
    binding.q = 500;
    binding.socket = 0;
    binding.received = "sip:192.0.2.1:99";
    binding.path = "<sip:p;lr>";
    binding.instance = "<urn:1>";
    binding.methods = 5;
    Request("1001", "call", 3, 150).add(binding).run(*on).ok();
    CPPUNIT_ASSERT_EQUAL(
        std::string(
            "\"result\":{\"AoR\":\"1001\",\"Contacts\":[{\"Contact\":{\"Address\":\"sip:b@h\",\"Expires\":"
            "\"expired\","
            "\"Q\":0.500000,\"Call-ID\":\"call\",\"CSeq\":3,\"User-Agent\":\"n/"
            "a\",\"Received\":\"sip:192.0.2.1:99\","
            "\"Path\":\"<sip:p;lr>\",\"State\":\"CS_NEW\",\"Flags\":0,\"CFlags\":0,\"Socket\":\"udp:127.0.0."
            "1:5060\","
            "\"Methods\":5,\"Ruid\":\"uloc-1000-1-1\",\"Instance\":\"<urn:1>\",\"Reg-Id\":0,\"Server-Id\":0,"
            "\"Tcpconn-Id\":-1,\"Keepalive\":0,\"Last-Keepalive\":150,\"KA-Roundtrip\":0,\"Last-Modified\":"
            "150}}]}"),
        call("ul.lookup", {text("location"), number(1001)}));
  }

  void dump_lists_tables_aors_and_statistics() {
    CPPUNIT_ASSERT(on->table.add_domain("aliases").ok());
    add("bob", "sip:b@h", 0);
    CPPUNIT_ASSERT_EQUAL(
        std::string(
            "\"result\":{\"Domains\":[{\"Domain\":{\"Domain\":\"location\",\"Size\":16,\"AoRs\":[{\"AoR\":"
            "\"bob\"}],\"Stats\":{\"Records\":1,\"Max-Slots\":1}}},{\"Domain\":{\"Domain\":\"aliases\","
            "\"Size\":16,\"AoRs\":[],\"Stats\":{\"Records\":0,\"Max-Slots\":0}}}]}"),
        call("ul.dump", {text("brief")}));
    const std::string info = without_times(call("ul.lookup", {text("location"), text("bob")})).substr(9);
    const std::size_t contacts = info.find("\"Contacts\"");
    CPPUNIT_ASSERT_EQUAL(
        "\"result\":{\"Domains\":[{\"Domain\":{\"Domain\":\"location\",\"Size\":16,\"AoRs\":[{\"Info\":" +
            info.substr(0, contacts) + "\"HashID\":N," + info.substr(contacts) +
            "}],\"Stats\":{\"Records\":1,\"Max-Slots\":1}}},{\"Domain\":{\"Domain\":\"aliases\",\"Size\":16,"
            "\"AoRs\":[],\"Stats\":{\"Records\":0,\"Max-Slots\":0}}}]}",
        without_times(call("ul.dump", {})));
  }

  void a_long_dump_is_streamed_and_complete() {
    for (int i = 0; i < 1500; ++i) {
      CPPUNIT_ASSERT_EQUAL(std::string("\"result\":{}"), add(fmt::format("user{}", i), "sip:a@h", 0));
    }
    const std::string all = call("ul.dump", {});
    for (int i = 0; i < 1500; ++i) {
      CPPUNIT_ASSERT(all.find(fmt::format("\"AoR\":\"user{}\"", i)) != std::string::npos);
    }
    CPPUNIT_ASSERT(all.find("\"Records\":1500") != std::string::npos);
  }

  void unknown_tables_and_aors() {
    const std::string no_table = "\"error\":{\"code\":500,\"message\":\"Domain table not found\"}";
    CPPUNIT_ASSERT_EQUAL(no_table, call("ul.lookup", {text("nope"), text("bob")}));
    CPPUNIT_ASSERT_EQUAL(no_table, call("ul.rm", {text("nope"), text("bob")}));
    CPPUNIT_ASSERT_EQUAL(
        std::string("\"error\":{\"code\":500,\"message\":\"AOR not found in location table\"}"),
        call("ul.lookup", {text("location"), text("bob")}));
    CPPUNIT_ASSERT_EQUAL(std::string("\"result\":{}"), call("ul.rm", {text("location"), text("bob")}));
    CPPUNIT_ASSERT_EQUAL(std::string("\"error\":{\"code\":404,\"message\":\"AOR not found\"}"),
                         call("ul.rm_contact", {text("location"), text("bob"), text("sip:b@h")}));
    CPPUNIT_ASSERT_EQUAL(std::string("\"result\":{}"), call("ul.flush", {}));
  }

  void missing_or_wrong_parameters() {
    const std::string few = "\"error\":{\"code\":500,\"message\":\"Not enough parameters or wrong format\"}";
    CPPUNIT_ASSERT_EQUAL(few, call("ul.add", {text("location"), text("bob"), text("sip:b@h")}));
    CPPUNIT_ASSERT_EQUAL(few, call("ul.rm_contact", {text("location"), text("bob")}));
    CPPUNIT_ASSERT_EQUAL(
        std::string(
            "\"error\":{\"code\":500,\"message\":\"Not enough parameters (table and AOR to lookup)\"}"),
        call("ul.rm", {text("location")}));
    CPPUNIT_ASSERT_EQUAL(std::string("\"error\":{\"code\":500,\"message\":\"Bad value of q\"}"),
                         add("bob", "sip:b@h", 0, 1.5));
    CPPUNIT_ASSERT_EQUAL(std::string("\"error\":{\"code\":500,\"message\":\"Bad value of expires\"}"),
                         add("bob", "sip:b@h", -5));
    CPPUNIT_ASSERT_EQUAL(std::string("\"error\":{\"code\":500,\"message\":\"Contact is no URI\"}"),
                         add("bob", "not a uri", 0));
    CPPUNIT_ASSERT_EQUAL(std::string("\"error\":{\"code\":500,\"message\":\"AOR is empty or too long\"}"),
                         add(std::string(300, 'x'), "sip:b@h", 0));
  }

  void removal() {
    add("bob", "sip:a@h", 0);
    add("bob", "sip:b@h", 0);
    CPPUNIT_ASSERT_EQUAL(std::string("\"error\":{\"code\":404,\"message\":\"Contact not found\"}"),
                         call("ul.rm_contact", {text("location"), text("bob"), text("sip:c@h")}));
    CPPUNIT_ASSERT_EQUAL(std::string("\"result\":{}"),
                         call("ul.rm_contact", {text("location"), text("bob"), text("sip:a@H")}));
    CPPUNIT_ASSERT_EQUAL(std::string("sip:b@h 1"), fmt::format("{}", fmt::join(on->listed(), ",")));
    CPPUNIT_ASSERT_EQUAL(std::string("\"result\":{}"), call("ul.rm", {text("location"), text("bob")}));
    CPPUNIT_ASSERT(on->listed().empty());
  }

  void aor_text_without_and_with_domain() {
    CPPUNIT_ASSERT_EQUAL(std::string("bob"), *rpc->aor_of("Bob@Example.com"));
    make({.use_domain = true});
    CPPUNIT_ASSERT_EQUAL(std::string("bob@example.com"), *rpc->aor_of("Bob@Example.com"));
    CPPUNIT_ASSERT_EQUAL(std::string("\"error\":{\"code\":500,\"message\":\"Domain missing in AOR\"}"),
                         call("ul.lookup", {text("location"), text("bob")}));
    on->table.set_case_sensitive(true);
    CPPUNIT_ASSERT_EQUAL(std::string("Bob@example.com"), *rpc->aor_of("Bob@example.com"));
  }

 private:
  std::unique_ptr<LocationFixture> on;
  worker::LocalNames names;
  std::unique_ptr<UsrlocRpc> rpc;
  std::unique_ptr<worker::RpcRegistry> registry;
};

CPPUNIT_TEST_SUITE_REGISTRATION(UsrlocRpcTest);

}  // namespace
}  // namespace lockstep::usrloc
