// rpc_core_test.cc: the procedures of the core over a server whose facts are fixed; answers compared whole.
#include <cppunit/TestFixture.h>
#include <cppunit/extensions/HelperMacros.h>

#include <ctime>
#include <limits>
#include <string>
#include <vector>

#include "core/worker/core_rpc.h"
#include "core/worker/rpc_parse.h"

namespace {

using namespace lockstep::worker;

class FakeServer final : public ServerView {
 public:
  std::string version() const override { return "1.2.3"; }
  std::time_t started_at() const override { return std::time(nullptr) - 100; }
  std::vector<ProcessInfo> processes() const override {
    return {{.index = 0, .pid = 10, .rank = 0, .description = "main process - attendant", .restarts = 0},
            {.index = 1, .pid = 11, .rank = 1, .description = "udp receiver child=0", .restarts = 2}};
  }
  MemoryInfo memory() const override {
    return {.total_bytes = 64 << 20,
            .used_bytes = 3 << 20,
            .real_used_bytes = 4 << 20,
            .max_used_bytes = 5 << 20,
            .fragments = 1};
  }
  std::vector<SocketInfo> sockets() const override {
    return {{.proto = "udp",
             .name = "localhost",
             .address = "127.0.0.1",
             .port = 5060,
             .socket_name = "",
             .advertise = "192.0.2.1:5060"}};
  }
  std::vector<AliasInfo> aliases() const override {
    return {{.proto = "udp", .address = "localhost", .port = 5060},
            {.proto = "", .address = "example.org", .port = 0}};
  }
  std::vector<std::string> modules() const override { return {"jsonrpcs", "tm"}; }
  std::vector<StatisticInfo> statistics() const override {
    return {{.group = "tmx", .name = "inuse_transactions", .value = 3, .is_resettable = false},
            {.group = "core", .name = "rcv_requests", .value = requests},
            {.group = "core", .name = "bad_msg_hdr", .value = 1}};
  }
  void reset_statistic(std::string_view group, std::string_view name) override {
    resets += std::string(group) + ":" + std::string(name) + " ";
    if (name == "rcv_requests") requests = 0;
  }
  int log_level() const override { return level; }
  void set_log_level(int value) override { level = value; }

  std::uint64_t requests = 7;
  std::string resets;
  int level = 2;
};

}  // namespace

class CoreRpcTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(CoreRpcTest);
  CPPUNIT_TEST(answers);
  CPPUNIT_TEST(uptime_has_three_members);
  CPPUNIT_TEST(list_methods_and_help_know_everything);
  CPPUNIT_TEST(the_log_level_is_shown_and_set);
  CPPUNIT_TEST(statistics_are_selected_sorted_and_shown);
  CPPUNIT_TEST(resetting_spares_gauges);
  CPPUNIT_TEST_SUITE_END();

  FakeServer server_;
  RpcRegistry registry_;

  // The text of "result", or "CODE message".
  std::string call(const std::string& method, const std::string& params = "") {
    const auto parsed =
        parse_rpc_request(R"({"jsonrpc":"2.0","method":")" + method + R"(","params":[)" + params + "]}");
    const RpcSpec* const spec = registry_.find(method);
    CPPUNIT_ASSERT_MESSAGE(method, spec != nullptr);
    RpcReply reply(JsonLayout::kCompact, "");
    spec->handler(parsed->request, reply);
    reply.finish();
    const std::string text = reply.output().str();
    const std::string head =
        reply.is_fault() ? R"({"jsonrpc":"2.0","error":)" : R"({"jsonrpc":"2.0","result":)";
    CPPUNIT_ASSERT(text.starts_with(head));
    return text.substr(head.size(), text.size() - head.size() - 1);
  }

  static std::string fault(int code, const std::string& text) {
    return "{\"code\":" + std::to_string(code) + ",\"message\":\"" + text + "\"}";
  }

 public:
  void setUp() override { register_core_rpc(registry_, server_); }

  void answers() {
    struct Case {
      const char* method;
      const char* params;
      const char* result;
    };
    const std::vector<Case> cases = {
        {"core.ps", "", R"([10,"main process - attendant",11,"udp receiver child=0"])"},
        {"core.psx", "",
         R"([{"IDX":0,"PID":10,"DSC":"main process - attendant"},)"
         R"({"IDX":1,"PID":11,"DSC":"udp receiver child=0"}])"},
        {"core.psa", "",
         R"([{"index":0,"pid":10,"status":1,"rank":0,"description":"main process - attendant","restarts":0},)"
         R"({"index":1,"pid":11,"status":1,"rank":1,"description":"udp receiver child=0","restarts":2}])"},
        {"core.shmmem", "",
         R"({"total":67108864,"free":62914560,"used":3145728,)"
         R"("real_used":4194304,"max_used":5242880,"fragments":1})"},
        {"core.shmmem", "\"m\"",
         R"({"total":64,"free":60,"used":3,"real_used":4,"max_used":5,"fragments":1})"},
        {"core.modules", "", R"(["tm","jsonrpcs"])"},
        {"core.echo", R"("a",5,1.5,"k\"x",null,[1])", R"(["a",5,1.5,"k\"x",null,[1]])"},
        {"jsonrpc.echo", "", "[]"},
        {"core.sockets_list", "",
         R"([{"socket":{"proto":"udp","address":"127.0.0.1","port":"5060","advertise":"192.0.2.1:5060",)"
         R"("mcast":"no","mhomed":"no","virtual":"no"}}])"},
        {"core.aliases_list", "",
         R"({"myself_callbacks":"no","aliases":[{"alias":{"proto":"udp","address":"localhost","port":5060}},)"
         R"({"alias":{"proto":"*","address":"example.org","port":0}}]})"},
        {"corex.list_sockets", "",
         R"([{"PROTO":"udp","NAME":"localhost","ADDRLIST":{"ADDR":"127.0.0.1"},"PORT":"5060","MCAST":"no",)"
         R"("MHOMED":"no","VIRTUAL":"no","SOCKNAME":"-","ADVERTISE":"192.0.2.1:5060"}])"},
        {"corex.list_aliases", "",
         R"([{"PROTO":"udp","ADDR":"localhost","PORT":5060},{"PROTO":"*","ADDR":"example.org","PORT":0}])"},
        {"system.methodHelp", "\"core.version\"", "\"The version of the server.\""},
    };
    for (const Case& one : cases) {
      CPPUNIT_ASSERT_EQUAL_MESSAGE(one.method, std::string(one.result), call(one.method, one.params));
    }
    CPPUNIT_ASSERT(call("core.version").starts_with("\"lockstep 1.2.3 ("));
    CPPUNIT_ASSERT(
        call("core.info").starts_with(R"({"version":"lockstep 1.2.3","id":"unknown","compiler":"gcc )"));
    CPPUNIT_ASSERT_EQUAL(fault(500, "invalid unit, expected one of b, k, m, g"),
                         call("core.shmmem", "\"x\""));
  }

  void uptime_has_three_members() {
    const std::string text = call("core.uptime");
    CPPUNIT_ASSERT(text.starts_with("{\"now\":\""));
    CPPUNIT_ASSERT(text.find("\",\"up_since\":\"") != std::string::npos);
    CPPUNIT_ASSERT(text.find("\",\"uptime\":10") != std::string::npos);  // 100 s, give or take a tick.
  }

  void list_methods_and_help_know_everything() {
    for (const RpcSpec* const spec : registry_.list()) {
      CPPUNIT_ASSERT(call("system.listMethods").find('"' + spec->name + '"') != std::string::npos);
      CPPUNIT_ASSERT(spec->doc.size() > 10 && spec->doc.find('\n') == std::string::npos);
    }
    CPPUNIT_ASSERT_EQUAL(fault(400, "command not found"), call("system.methodHelp", "\"x\""));
    CPPUNIT_ASSERT_EQUAL(fault(400, "Method Name Expected"), call("system.methodHelp"));
  }

  void the_log_level_is_shown_and_set() {
    CPPUNIT_ASSERT_EQUAL(std::string(R"({"debug":2})"), call("corex.debug"));
    CPPUNIT_ASSERT_EQUAL(std::string(R"({"old":2,"new":3})"), call("corex.debug", "3"));
    CPPUNIT_ASSERT_EQUAL(std::string(R"({"old":3,"new":-1})"), call("corex.debug", "\"-1\""));
    const std::string refused = fault(400, "the level must be a number from -5 (alert) to 3 (debug)");
    CPPUNIT_ASSERT_EQUAL(refused, call("corex.debug", "\"abc\""));
    CPPUNIT_ASSERT_EQUAL(refused, call("corex.debug", "99"));
    CPPUNIT_ASSERT_EQUAL(-1, server_.level);
  }

  void statistics_are_selected_sorted_and_shown() {
    const std::string get = "stats.get_statistics";
    CPPUNIT_ASSERT_EQUAL(
        std::string(R"(["core:bad_msg_hdr = 1","core:rcv_requests = 7","tmx:inuse_transactions = 3"])"),
        call(get, "\"all\""));
    CPPUNIT_ASSERT_EQUAL(std::string(R"(["tmx:inuse_transactions = 3","core:rcv_requests = 7"])"),
                         call(get, R"("tmx:","rcv_requests")"));
    CPPUNIT_ASSERT_EQUAL(std::string(R"(["core:bad_msg_hdr = 1"])"), call(get, R"("core:bad_msg_hdr")"));
    CPPUNIT_ASSERT_EQUAL(std::string("[]"), call(get, R"("nosuch","no:",7)"));
    CPPUNIT_ASSERT_EQUAL(fault(400, "Please provide which stats to retrieve"), call(get));
    CPPUNIT_ASSERT_EQUAL(std::string(R"({"core.bad_msg_hdr":"1","core.rcv_requests":"7"})"),
                         call("stats.fetch", "\"core:\""));
    CPPUNIT_ASSERT_EQUAL(std::string(R"({"tmx.inuse_transactions":3})"), call("stats.fetchn", "\"tmx:\""));
  }

  void resetting_spares_gauges() {
    CPPUNIT_ASSERT_EQUAL(std::string("{}"), call("stats.reset_statistics", "\"all\""));
    CPPUNIT_ASSERT_EQUAL(std::string("core:bad_msg_hdr core:rcv_requests "), server_.resets);
    server_.requests = 9;
    CPPUNIT_ASSERT_EQUAL(std::string(R"(["core:rcv_requests = 9"])"),
                         call("stats.clear_statistics", R"("rcv_requests","tmx:")"));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, server_.requests);
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(CoreRpcTest);
