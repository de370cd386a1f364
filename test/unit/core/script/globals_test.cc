// globals_test.cc: global and custom parameters, listen, alias, modules and their parameters, printing.
#include "core/script/globals.h"

#include <cppunit/extensions/HelperMacros.h>

#include <set>

#include "test/unit/core/script/script_harness.h"

namespace lockstep::script::test {
namespace {

std::string shown(const std::vector<ListenEntry>& entries) {
  std::string out;
  for (const ListenEntry& entry : entries) {
    if (!out.empty()) out += ' ';
    out += entry.protocol + "|" + entry.host + "|" + std::to_string(entry.port);
    if (!entry.advertise_host.empty())
      out += ">" + entry.advertise_host + "|" + std::to_string(entry.advertise_port);
    if (!entry.name.empty()) out += "#" + entry.name;
  }
  return out;
}

class GlobalsTest : public CPPUNIT_NS::TestFixture {
  CPPUNIT_TEST_SUITE(GlobalsTest);
  CPPUNIT_TEST(served_parameters_are_read);
  CPPUNIT_TEST(booleans_in_every_spelling);
  CPPUNIT_TEST(listen_in_every_form);
  CPPUNIT_TEST(unserved_warn_once);
  CPPUNIT_TEST(values_out_of_range_are_mistakes);
  CPPUNIT_TEST(every_served_name_has_an_effect_or_is_ignored_on_purpose);
  CPPUNIT_TEST(modules_load_in_order_and_parameters_follow);
  CPPUNIT_TEST(wrong_parameter_values_are_mistakes);
  CPPUNIT_TEST(printed_tree_reads_back_as_the_same_tree);
  CPPUNIT_TEST_SUITE_END();

  // Needs no semicolons and no request_route.
  Globals read(const std::string& text, std::string* rendered = nullptr) {
    ScriptHarness harness;
    harness.compile_text(text);
    if (rendered != nullptr)
      *rendered = harness.rendered;
    else
      CPPUNIT_ASSERT_EQUAL(std::string(), harness.rendered);
    return harness.globals;
  }

 public:
  void served_parameters_are_read() {
    const Globals globals = read(
        "debug=-1 log_stderror=yes memdbg=5 memlog=5\nlog_facility=LOG_LOCAL3\nlog_prefix=\"{$ci} \"\n"
        "fork=no;children=3\nport=5070\ndisable_tcp=yes\nauto_aliases=no\nmhomed=1\nmax_branches=16\n"
        "server_header=\"Server: x\"\nuser_agent_header=\"User-Agent: y\"\nserver_signature=no\n"
        "tcp_connection_lifetime=3605\ntcp_max_connections=2048\nenable_sctp=no\nworkdir=\"/var\" "
        "user=kamailio\n"
        "mpath=\"/usr/lib\"\nlog_name=\"sbc\"\n");
    CPPUNIT_ASSERT_EQUAL(-1, globals.debug);
    CPPUNIT_ASSERT(globals.log_stderror && !globals.fork && globals.disable_tcp && !globals.auto_aliases);
    CPPUNIT_ASSERT(globals.mhomed && !globals.server_signature);
    CPPUNIT_ASSERT_EQUAL(3, globals.children);
    CPPUNIT_ASSERT_EQUAL(5070, globals.port);
    CPPUNIT_ASSERT_EQUAL(16, globals.max_branches);
    CPPUNIT_ASSERT_EQUAL(3605, globals.tcp_connection_lifetime_s);
    CPPUNIT_ASSERT_EQUAL(std::string("LOG_LOCAL3"), globals.log_facility);
    CPPUNIT_ASSERT_EQUAL(std::string("{$ci} "), globals.log_prefix);
    CPPUNIT_ASSERT_EQUAL(std::string("Server: x"), globals.server_header);
    CPPUNIT_ASSERT_EQUAL(std::string("kamailio"), globals.user);
    CPPUNIT_ASSERT_EQUAL(std::string("/usr/lib"), globals.mpath);
  }

  void booleans_in_every_spelling() {
    for (const char* word : {"yes", "true", "on", "enable", "1", "YES"})
      CPPUNIT_ASSERT(read("mhomed=" + std::string(word)).mhomed);
    for (const char* word : {"no", "false", "off", "disable", "0"})
      CPPUNIT_ASSERT(!read("fork=" + std::string(word)).fork);
  }

  void listen_in_every_form() {
    const Globals globals = read(
        "#!define MY_IP 10.0.0.1\n"
        "listen=udp:127.0.0.1:5060\nlisten=127.0.0.1\nlisten=UDP:MY_IP:5061 advertise 203.0.113.7:5062\n"
        "listen=udp:[2001:db8::1]:5060 tcp:eth0:5080\nlisten=\"udp:1.2.3.4:5060\"\n"
        "listen=udp:* listen=udp:sip-1.example.com:5060 name \"s1\"\nlisten=2001:db8::2\n"
        "alias=example.com www.example.com:5060 udp:\"a.b\"\nalias=\"c.d\"\nport=5060\n"
        "listen=udp:10.0.0.2:5060 advertise sip.example.com name \"s2\"");
    CPPUNIT_ASSERT_EQUAL(std::string("udp|127.0.0.1|5060 |127.0.0.1|0 udp|10.0.0.1|5061>203.0.113.7|5062 "
                                     "udp|[2001:db8::1]|5060 tcp|eth0|5080 udp|1.2.3.4|5060 udp|*|0 "
                                     "udp|sip-1.example.com|5060#s1 |[2001:db8::2]|0 "
                                     "udp|10.0.0.2|5060>sip.example.com|0#s2"),
                         shown(globals.listen));
    CPPUNIT_ASSERT_EQUAL(std::string("|example.com|0 |www.example.com|5060 udp|a.b|0 |c.d|0"),
                         shown(globals.alias));
  }

  void unserved_warn_once() {
    std::string rendered;
    read("enable_tls=yes\nenable_tls=yes\n", &rendered);
    CPPUNIT_ASSERT_EQUAL(std::string("t.cfg:1:1: warning: 'enable_tls' is accepted but has no effect\n"
                                     "    enable_tls=yes\n"
                                     "    ^\n"),
                         rendered);
  }

  void values_out_of_range_are_mistakes() {
    const std::pair<const char*, const char*> kRows[] = {
        {"port=70000", "'port' wants a number from 1 to 65535"},
        {"max_branches=32", "'max_branches' wants a number from 1 to 31"},
        {"fork=maybe", "'fork' wants yes or no"},
        {"log_prefix=abc", "'log_prefix' wants a text in quotes"},
        {"log_facility=LOG_LOCAL9", "'LOG_LOCAL9' is no syslog facility"},
        {"children=", "a value expected before the end of the file"},
        {"children=\nport=99999", "a value expected before 'port'"},
        {"children=\nport=99999", "'port' wants a number from 1"},
    };
    for (const auto& [text, expected] : kRows) {
      std::string rendered;
      read(text, &rendered);
      CPPUNIT_ASSERT_MESSAGE(rendered, rendered.find(expected) != std::string::npos);
    }
  }

  void every_served_name_has_an_effect_or_is_ignored_on_purpose() {
    std::size_t count = 0;
    const GlobalSpec* table = global_table(count);
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < count; ++i) {
      CPPUNIT_ASSERT_MESSAGE(std::string(table[i].name), names.insert(table[i].name).second);
      CPPUNIT_ASSERT_MESSAGE(std::string(table[i].name),
                             !table[i].served || has_global_setter(table[i].name));
    }
    CPPUNIT_ASSERT(find_global("no_such") == nullptr);
  }

  void modules_load_in_order_and_parameters_follow() {
    ScriptHarness harness;
    CPPUNIT_ASSERT(
        harness.compile_text("modparam(\"tm|sl\", \"fr_timer\", 30000)\n"
                             "modparam(\"T.\", \"text\", \"a\" \"b\")\nmodparam(\"tm\", \"any\", yes)\n"
                             "modparam(\"tm\", \"any\", \"x\") modparam(\"tm\", \"fr_timer\", \"-7\")\n"
                             "modparam(\"tm\", \"text\", 5)\nmodparam(\"tm\", \"any\", FLAG)\n"
                             "flags FLAG:9\nloadmodule \"tm.so\"\nloadmodule(\"tm\")\n"));
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, harness.loader.loaded.size());
    const std::vector<std::string> expected = {"fr_timer=30000", "text='ab'", "any=1", "any='x'",
                                               "fr_timer=-7",    "text='5'",  "any=9"};
    // The second loadmodule gave the same module, which is then set once more for each line.
    std::vector<std::string> once;
    for (std::size_t i = 0; i < harness.parameters_set.size(); ++i) {
      if (i == 0 || harness.parameters_set[i] != harness.parameters_set[i - 1])
        once.push_back(harness.parameters_set[i]);
    }
    CPPUNIT_ASSERT(expected == once);
  }

  void wrong_parameter_values_are_mistakes() {
    ScriptHarness harness;
    CPPUNIT_ASSERT(
        !harness.compile_text("loadmodule \"tm\"\nmodparam(\"tm\", \"fr_timer\", \"abc\")\n"
                              "modparam(\"tm\", \"fr_timer\", DBURL)\nmodparam(\"tm\", \"fr_timer\", 13)\n"));
    CPPUNIT_ASSERT_EQUAL(
        std::string("t.cfg:2:28: error: parameter 'fr_timer' wants a number\n"
                    "    modparam(\"tm\", \"fr_timer\", \"abc\")\n"
                    "                               ^\n"
                    "t.cfg:3:28: error: 'DBURL' is neither a number nor a text, and it is not defined\n"
                    "    modparam(\"tm\", \"fr_timer\", DBURL)\n"
                    "                               ^\n"
                    "    put it in quotes, or give it a value with #!define\n"
                    "t.cfg:4:28: error: tm.fr_timer: 13 is refused\n"
                    "    modparam(\"tm\", \"fr_timer\", 13)\n"
                    "                               ^\n"),
        harness.rendered);
  }

  void printed_tree_reads_back_as_the_same_tree() {
    Diagnostics diagnostics;
    const ConfigTree tree = load_text(
        "t.cfg",
        "#!define X 5\ndebug=X\nlisten=udp:[::1]:5060 advertise a.b:5061 name \"n\"\nalias=a.b\n"
        "pstn.ip = \"x\" desc \"d\"\nflags A:1, B\nloadmodule \"tm.so\"\nmodparam(\"tm\", \"a\", "
        "\"q\\\"\\\\.\\n\")\n"
        "route[A:b-c] { if (uri==myself && !(src_ip==10.0.0.0/8 || $var(x)+1*2<3)) exit; else { drop; } }\n"
        "request_route { while (defined $avp(x)) { $var(i) = -$var(i) + strlen(\"a\"); break; }\n"
        "switch ($rU) { case \"a\": case -1: f(,\"x\",$rU); case /\"^r\": return -1; default: "
        "route($var(x)); route(A:b-c); }\n"
        "return (int)$var(x) mod 2; }\nevent_route[tm:local-request] { $avp(x) = "
        "selval(1,@cfg_get.pstn.ip,2); }\n",
        {}, diagnostics);
    CPPUNIT_ASSERT_EQUAL(std::string(), diagnostics.render());
    const std::string printed = print_tree(tree);
    Diagnostics second;
    CPPUNIT_ASSERT_EQUAL(printed, print_tree(load_text("t.cfg", printed, {}, second)));
    CPPUNIT_ASSERT_EQUAL(std::string(), second.render());
    CPPUNIT_ASSERT(printed.find("debug=5\n") != std::string::npos);
    CPPUNIT_ASSERT(printed.find("    if ((uri == myself) && !((src_ip == 10.0.0.0/8) || "
                                "(($var(x) + (1 * 2)) < 3))) {\n        exit;\n    } else {\n") !=
                   std::string::npos);
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(GlobalsTest);

}  // namespace
}  // namespace lockstep::script::test
