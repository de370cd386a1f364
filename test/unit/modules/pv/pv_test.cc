// pv_test.cc: every variable and transformation once, what can be written, and indices.
#include <cppunit/extensions/HelperMacros.h>
#include <unistd.h>

#include "test/unit/modules/script_fixture.h"

extern "C" lockstep::worker::Module* lockstep_module();

namespace lockstep::test {
namespace {

using Texts = std::vector<std::string>;

constexpr std::string_view kRequest = R"(
INVITE sip:bob:pw@example.com:5070;transport=tcp;x=1?h=2 SIP/2.0
Via: SIP/2.0/UDP 10.1.1.1:5062;branch=z9hG4bK1
Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK0
From: "Alice A" <sip:alice@a.example.com>;tag=a1
To: <sip:bob@b.example.com>;tag=b1
Call-ID: call-1
CSeq: 7 INVITE
Max-Forwards: 70
X-List: a, "b,c"
X-List: d
Contact: <sip:alice@10.1.1.1:5062>
User-Agent: phone/1.0
P-Asserted-Identity: "P" <sip:p@x>
P-Preferred-Identity: <sip:pp@x>
Remote-Party-ID: <sip:r@x>;party=calling
Diversion: <sip:d@x>;reason=no-answer;privacy=off;counter=2
Proxy-Authorization: Digest username="carol@dom", realm="re", uri="sip:u"
Content-Type: text/plain
Content-Length: 7

line 1
)";

struct Row {
  const char* text;
  const char* value;
};

class PvTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(PvTest);
  CPPUNIT_TEST(variables_of_a_request);
  CPPUNIT_TEST(variables_of_a_response);
  CPPUNIT_TEST(what_is_not_there_is_null);
  CPPUNIT_TEST(headers_have_indices);
  CPPUNIT_TEST(the_request_uri_is_written_by_parts);
  CPPUNIT_TEST(the_next_hop_is_written);
  CPPUNIT_TEST(wrong_values_are_refused);
  CPPUNIT_TEST(branches_are_written);
  CPPUNIT_TEST(flags_are_written);
  CPPUNIT_TEST(sockets_are_forced);
  CPPUNIT_TEST(avps_are_a_stack);
  CPPUNIT_TEST(avps_are_replaced_by_index);
  CPPUNIT_TEST(statistics_are_summed);
  CPPUNIT_TEST(uris_are_taken_apart);
  CPPUNIT_TEST(addresses_and_lines_are_taken_apart);
  CPPUNIT_TEST(null_has_stand_ins);
  CPPUNIT_TEST(functions_ask_for_values);
  CPPUNIT_TEST_SUITE_END();

  static Outcome run(const std::string& script, std::string_view message = kRequest) {
    ScriptFixture fixture(lockstep_module(), script);
    CPPUNIT_ASSERT_MESSAGE(fixture.mistakes(), fixture.compiles());
    return fixture.run(message);
  }
  template <std::size_t kCount>
  static void check(const Row (&rows)[kCount], const std::string& before = {}) {
    std::string script = before + "\n";
    for (const Row& row : rows) script += "note(\"" + std::string(row.text) + "\");\n";
    const Outcome outcome = run(script);
    CPPUNIT_ASSERT_EQUAL(kCount, outcome.notes.size());
    for (std::size_t i = 0; i < kCount; ++i) {
      CPPUNIT_ASSERT_EQUAL_MESSAGE(rows[i].text, std::string(rows[i].value), outcome.notes[i]);
    }
  }

 public:
  void variables_of_a_request() {
    const Row rows[] = {
        {"$ru", "sip:bob:pw@example.com:5070;transport=tcp;x=1?h=2"},
        {"$rU $rd $rp $rP $rz", "bob example.com 5070 TCP sip"},
        {"$ou", "sip:bob:pw@example.com:5070;transport=tcp;x=1?h=2"},
        {"$oU $od $op $oP", "bob example.com 5070 TCP"},
        {"$rm $rv $mt", "INVITE SIP/2.0 1"},
        {"$fu $fU $fd $fn $ft", "sip:alice@a.example.com alice a.example.com \"Alice A\" a1"},
        {"$tu $tU $td $tt", "sip:bob@b.example.com bob b.example.com b1"},
        {"$ci $cs $csb", "call-1 7 7 INVITE"},
        {"$ct", "<sip:alice@10.1.1.1:5062>"},
        {"$cT $cl $bs", "text/plain 7 7"},
        {"$ua", "phone/1.0"},
        {"$ai $pu $re", "sip:p@x sip:pp@x sip:r@x"},
        {"$di $dir $dip $dic", "sip:d@x no-answer off 2"},
        {"$au $aU $ad $ar $adu", "carol carol@dom dom re sip:u"},
        {"$hdr(User-Agent) $hdr(user-agent) $hdrc(Via) $hdrc(X)", "phone/1.0 phone/1.0 2 0"},
        {"$si $sp $su $sut", "10.1.1.1 5062 sip:10.1.1.1:5062 sip:10.1.1.1:5062;transport=udp"},
        {"$pr $proto $af", "udp udp 2"},
        {"$Ri $Rp $Rn $RAi $RAp", "127.0.0.1 5060 first 127.0.0.1 5060"},
        {"$Ru $RAut", "sip:127.0.0.1:5060 sip:127.0.0.1:5060;transport=udp"},
        {"$nh(u) $nh(d) $nh(p)", "sip:bob:pw@example.com:5070;transport=tcp;x=1?h=2 example.com 5070"},
        {"$msg(body_len) $msg(fline_len)", "7 64"},
    };
    check(rows);
    const Outcome outcome =
        run("note(\"$pp\"); note(\"$rb\"); note(\"$ml\"); note(\"$(mb{s.len})\"); note(\"$msg(len)\");");
    CPPUNIT_ASSERT_EQUAL(std::to_string(getpid()), outcome.notes[0]);
    const std::string bytes = std::to_string(sip_text(kRequest).size() - 1);
    CPPUNIT_ASSERT_EQUAL(std::string("line 1\r"), outcome.notes[1]);
    CPPUNIT_ASSERT_EQUAL(bytes, outcome.notes[2]);
    CPPUNIT_ASSERT_EQUAL(bytes, outcome.notes[3]);
    CPPUNIT_ASSERT_EQUAL(bytes, outcome.notes[4]);
  }

  void variables_of_a_response() {
    ScriptFixture fixture(lockstep_module(),
                          "request_route { exit; }\nreply_route { note(\"$rs $rr $rm $mt $cs $tt\");\n"
                          "note(\"$ru $rU $ou $nh(u) $ds\"); if ($rs == 180) note(\"number\");\n"
                          "if ($rs =~ \"^1\") note(\"text\"); $rU = \"x\"; }\n");
    CPPUNIT_ASSERT_MESSAGE(fixture.mistakes(), fixture.compiles());
    const Outcome outcome = fixture.run(
        "SIP/2.0 180 Still Ringing\nVia: SIP/2.0/UDP 1.1.1.1;branch=z9hG4bK1\nTo: <sip:a@b>;tag=t\nCSeq: 1 "
        "INVITE\n\n",
        script::RouteKind::kCoreReply);
    CPPUNIT_ASSERT(outcome.notes == (Texts{"180 Still Ringing INVITE 2 1 t",
                                           "<null> <null> <null> <null> <null>", "number", "text"}));
  }

  void what_is_not_there_is_null() {
    const std::string message =
        "OPTIONS sip:example.com SIP/2.0\nVia: SIP/2.0/UDP 1.1.1.1;branch=z9hG4bK1\n\n";
    const Outcome outcome =
        run("note(\"$rU $du $dd $dp $dP $rs $rr $fu $fn $ft $tU $tt $ci $cs $ct $cT $cl $rb $ua $ai $di $au "
            "$ar $adu $br\");\n"
            "note(\"$hdr(X) $(hdr(X)[1]) $(hdr(X)[*]) $avp(x) $(avp(x)[*]) $branch(uri) $fs $stat(none) "
            "$msg(x)\");\n"
            "note(\"$rp $bs\"); if ($rU == $null) note(\"null\");",
            message);
    std::string nulls = "<null>";
    for (int i = 1; i < 25; ++i) nulls += " <null>";
    CPPUNIT_ASSERT_EQUAL(nulls, outcome.notes[0]);
    CPPUNIT_ASSERT_EQUAL(nulls.substr(0, 9 * 7 - 1), outcome.notes[1]);
    CPPUNIT_ASSERT_EQUAL(std::string("5060 0"), outcome.notes[2]);
    CPPUNIT_ASSERT_EQUAL(std::string("null"), outcome.notes[3]);
  }

  void headers_have_indices() {
    const Row rows[] = {
        {"$(hdr(X-List)[0])", "a, \"b,c\""},
        {"$(hdr(X-List)[1])", "d"},
        {"$(hdr(X-List)[-1])", "d"},
        {"$(hdr(X-List)[2])", "<null>"},
        {"$(hdr(X-List)[*])", "a, \"b,c\", d"},
        {"$(hfl(X-List)[1])", "\"b,c\""},
        {"$(hfl(X-List)[-1])", "d"},
        {"$(hfl(X-List)[3])", "<null>"},
        {"$(hdr(v)[1])", "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK0"},
    };
    check(rows);
  }

  void the_request_uri_is_written_by_parts() {
    CPPUNIT_ASSERT_EQUAL(std::string("sip:x@y"), run("$ru = \"sip:x@y\";").uri);
    CPPUNIT_ASSERT_EQUAL(std::string("sip:carol:pw@example.com:5070;transport=tcp;x=1?h=2"),
                         run("$rU = \"carol\";").uri);
    CPPUNIT_ASSERT_EQUAL(std::string("sip:12:pw@example.com:5070;transport=tcp;x=1?h=2"),
                         run("$rU = 12;").uri);
    CPPUNIT_ASSERT_EQUAL(std::string("sip:example.com:5070;transport=tcp;x=1?h=2"), run("$rU = $null;").uri);
    CPPUNIT_ASSERT_EQUAL(std::string("sip:bob:pw@h:5070;transport=tcp;x=1?h=2"), run("$rd = \"h\";").uri);
    CPPUNIT_ASSERT_EQUAL(std::string("sip:bob:pw@example.com:99;transport=tcp;x=1?h=2"),
                         run("$rp = 99;").uri);
    CPPUNIT_ASSERT_EQUAL(std::string("sip:bob:pw@example.com;transport=tcp;x=1?h=2"),
                         run("$rp = $null;").uri);
    CPPUNIT_ASSERT(run("$ru = \"sip:x@y:1\"; note(\"$ru $rU $rd $rp $ou\");").notes ==
                   (Texts{"sip:x@y:1 x y 1 sip:bob:pw@example.com:5070;transport=tcp;x=1?h=2"}));
  }

  void the_next_hop_is_written() {
    const Outcome outcome =
        run("$du = \"sip:10.0.0.9:5080;transport=udp\"; note(\"$du $dd $dp $dP $nh(d)\"); $dd = "
            "\"10.0.0.8\"; $dp = 1;");
    CPPUNIT_ASSERT(outcome.notes == (Texts{"sip:10.0.0.9:5080;transport=udp 10.0.0.9 5080 UDP 10.0.0.9"}));
    CPPUNIT_ASSERT_EQUAL(std::string("sip:10.0.0.8:1;transport=udp"), outcome.next_hop);
    CPPUNIT_ASSERT_EQUAL(std::string(), run("$du = \"sip:a\"; $du = $null;").next_hop);
  }

  void wrong_values_are_refused() {
    const std::string uri = "sip:bob:pw@example.com:5070;transport=tcp;x=1?h=2";
    for (const char* statement :
         {"$ru = \"no uri\"", "$ru = $null", "$rd = $null", "$rd = \"a b\"", "$rp = 70000", "$rU = \"a b\"",
          "$du = \"no uri\"", "$fs = \"udp:9.9.9.9:5060\"", "$dd = \"x\""}) {
      const Outcome outcome = run(std::string(statement) + ";");
      CPPUNIT_ASSERT_EQUAL_MESSAGE(statement, uri, outcome.uri);
      CPPUNIT_ASSERT_EQUAL(std::string(), outcome.next_hop);
      CPPUNIT_ASSERT_EQUAL(worker::kNoSocket, outcome.socket);
    }
    ScriptFixture fixture(lockstep_module(), "$fu = \"sip:a@b\";");
    CPPUNIT_ASSERT(!fixture.compiles());
  }

  void branches_are_written() {
    const Outcome outcome =
        run("$br = \"sip:a@b\"; $br = \"sip:c@d\"; $(branch(dst_uri)[1]) = \"sip:10.0.0.9\"; $(branch(q)[1]) "
            "= \"0.25\";\n"
            "$(branch(flags)[-1]) = 5; $(branch(uri)[0]) = \"sip:x@y\"; $rq = \"0.5\";\n"
            "note(\"$br $branch(count) $(branch(uri)[1]) $(branch(dst_uri)[1]) $(branch(q)[1]) "
            "$(branch(flags)[1])\");\n"
            "note(\"$bR\"); $ru = \"sip:r@s\"; note(\"$ds\"); note(\"$(branch(uri)[2])\");");
    CPPUNIT_ASSERT(outcome.notes ==
                   (Texts{"sip:x@y 2 sip:c@d sip:10.0.0.9 0.25 5", "sip:x@y, sip:c@d",
                          "Contact: <sip:r@s>;q=0.5, <sip:x@y>;q=1, <sip:c@d>;q=0.25", "<null>"}));
    CPPUNIT_ASSERT(run("$br = \"sip:a@b\"; $br = $null;").branches.empty());
  }

  void flags_are_written() {
    const Outcome outcome =
        run("setflag(4); note(\"$mf $mF\"); $mf = 3; $bf = 255; note(\"$bf $bF\"); $bf = -1;");
    CPPUNIT_ASSERT(outcome.notes == (Texts{"16 00000010", "255 000000FF"}));
    CPPUNIT_ASSERT_EQUAL(3U, outcome.flags);
  }

  void sockets_are_forced() {
    const Outcome outcome = run(
        "$fs = \"udp:127.0.0.1:5060\"; note(\"$fs $fsn\"); $fs = $null; note(\"$fs\"); $fsn = \"first\";");
    CPPUNIT_ASSERT(outcome.notes == (Texts{"udp:127.0.0.1:5060 first", "<null>"}));
    CPPUNIT_ASSERT_EQUAL(std::uint16_t{0}, outcome.socket);
  }

  void avps_are_a_stack() {
    const Outcome outcome =
        run("$avp(x) = 1; $avp(s:x) = \"two\"; note(\"$avp(x) $(avp(x)[0]) $(avp(x)[1]) $(avp(x)[-1]) "
            "$(avp(x)[*])\");\n"
            "$avp(i:10) = 5; note(\"$avp(i:10) $avp(10)\"); $avp(x) = $null; note(\"$avp(x)\");\n"
            "$avp(x) = $avp(x) + 1; note(\"$(avp(x)[*])\"); $(avp(x)[*]) = $null; note(\"$avp(x)\");\n"
            "$var(n) = \"y\"; $avp($var(n)) = 7; note(\"$avp(y)\");");
    CPPUNIT_ASSERT(outcome.notes == (Texts{"two two 1 1 two, 1", "5 <null>", "1", "2, 1", "<null>", "7"}));
  }

  void avps_are_replaced_by_index() {
    const Outcome outcome =
        run("$avp(x) = 1; $avp(x) = 2; $avp(x) = 3; $(avp(x)[1]) = \"b\"; note(\"$(avp(x)[*])\");\n"
            "$(avp(x)[-1]) = $null; note(\"$(avp(x)[*])\"); $(avp(x)[*]) = $(avp(x)[1]); "
            "note(\"$(avp(x)[*])\");\n"
            "$(avp(z)[0]) = 9; note(\"$avp(z)\");");
    CPPUNIT_ASSERT(outcome.notes == (Texts{"3, b, 1", "3, b", "b", "9"}));
  }

  void statistics_are_summed() {
    ScriptFixture fixture(lockstep_module(), "note(\"$stat(hits) $stat(test:hits) $stat(other:hits)\");");
    CPPUNIT_ASSERT_MESSAGE(fixture.mistakes(), fixture.compiles());
    const shm::CounterId id = fixture.counters().add("test", "hits", "of this test");
    shm::SharedState& state = *shared_world().state;
    state.area(shm::WorkerId{1}).counters.add(id, 3);
    state.area(shm::WorkerId{2}).counters.add(id, 4);
    CPPUNIT_ASSERT(fixture.run(kRequest).notes == (Texts{"7 7 <null>"}));
  }

  void uris_are_taken_apart() {
    const Row rows[] = {
        {"$(ru{uri.user}) $(ru{uri.passwd}) $(ru{uri.host}) $(ru{uri.port})", "bob pw example.com 5070"},
        {"$(ru{uri.scheme}) $(ru{uri.params}) $(ru{uri.headers})", "sip transport=tcp;x=1 h=2"},
        {"$(ru{uri.param,x}) $(ru{uri.transport})$(ru{uri.maddr})$(ru{uri.lr})", "1 tcp"},
        {"$(ru{uri.saor}) $(ru{uri.duri}) $(ru{uri.suri})",
         "sip:bob@example.com sip:example.com:5070 sip:bob@example.com:5070"},
        {"$(ru{uri.tosocket})", "tcp:example.com:5070"},
        {"$(fu{uri.host}{s.len})", "13"},
        {"[$(ua{uri.host})]", "[]"},
        {"$(var(lr){uri.lr}) $(var(lr){uri.r2}) $(var(lr){uri.uparam})", "lr on phone"},
    };
    check(rows, "$var(lr) = \"sip:a@b;lr;r2=on;user=phone\";");
  }

  void addresses_and_lines_are_taken_apart() {
    const Row rows[] = {
        {"$(hdr(From){nameaddr.name}) $(hdr(From){nameaddr.uri})", "Alice A sip:alice@a.example.com"},
        {"$(hdr(From){nameaddr.len})", "35"},
        {"$(hdr(From){tobody.tag}) $(hdr(From){tobody.user}) $(hdr(From){tobody.host})",
         "a1 alice a.example.com"},
        {"$(hdr(From){tobody.params}) $(hdr(From){tobody.uri})", "tag=a1 sip:alice@a.example.com"},
        {"$(var(t){line.count}) $(var(t){line.at,1}) $(var(t){line.at,-1}) $(var(t){line.sw,b})",
         "3 bc d bc"},
        {"[$(var(t){line.at,9})$(var(t){line.sw,x})]", "[]"},
    };
    check(rows, "$var(t) = \"a\\r\\nbc\\r\\nd\";");
  }

  void null_has_stand_ins() {
    const Row rows[] = {
        {"$(avp(none){val.n0})", "0"},
        {"[$(avp(none){val.ne})$(avp(none){val.json})]", "[]"},
        {"$(var(j){val.json}) $(cs{val.n0})", "a\\\"b\\\\c\\u0009 7"},
    };
    check(rows, "$var(j) = \"a\\\"b\\\\c\\t\";");
  }

  void functions_ask_for_values() {
    const Outcome outcome =
        run("if (pv_isset(\"$rU\")) note(\"a\"); if (!pv_isset(\"$avp(x)\")) note(\"b\"); $avp(x) = \"5\";\n"
            "if (is_int(\"$avp(x)\")) note(\"c\"); if (not_empty(\"$avp(x)\")) note(\"d\");\n"
            "if (typeof(\"$avp(x)\", \"str\")) note(\"e\"); if (!typeof(\"$avp(x)\", \"int\")) note(\"f\");\n"
            "pv_unset(\"$avp(x)\"); if (typeof(\"$avp(x)\", \"null\")) note(\"g\"); if "
            "(!not_empty(\"$avp(x)\")) note(\"h\");");
    CPPUNIT_ASSERT(outcome.notes == (Texts{"a", "b", "c", "d", "e", "f", "g", "h"}));
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(PvTest);

}  // namespace
}  // namespace lockstep::test
