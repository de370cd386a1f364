// textops_test.cc: a message in, a script, the message that leaves.
#include <cppunit/extensions/HelperMacros.h>

#include "test/unit/modules/script_fixture.h"

extern "C" lockstep::worker::Module* lockstep_module();

namespace lockstep::test {
namespace {

using Texts = std::vector<std::string>;

class TextopsTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(TextopsTest);
  CPPUNIT_TEST(methods_are_told_apart);
  CPPUNIT_TEST(a_response_has_the_method_of_its_cseq);
  CPPUNIT_TEST(header_lines_are_added);
  CPPUNIT_TEST(what_is_no_header_line_is_refused);
  CPPUNIT_TEST(header_fields_are_removed);
  CPPUNIT_TEST(header_fields_are_asked_for);
  CPPUNIT_TEST(answers_get_header_lines);
  CPPUNIT_TEST(texts_are_searched);
  CPPUNIT_TEST(texts_are_replaced);
  CPPUNIT_TEST(anchors_stay_with_lines);
  CPPUNIT_TEST(substitutions_have_groups_and_flags);
  CPPUNIT_TEST(substitutions_of_the_request_uri);
  CPPUNIT_TEST(wrong_expressions_are_mistakes);
  CPPUNIT_TEST(content_length_follows_the_body);
  CPPUNIT_TEST(bodies_are_set_and_asked_for);
  CPPUNIT_TEST(audio_on_hold_is_told);
  CPPUNIT_TEST(texts_are_compared);
  CPPUNIT_TEST(too_many_changes_are_refused);
  CPPUNIT_TEST_SUITE_END();

  static Outcome run(const std::string& script, std::string_view message = kInvite) {
    ScriptFixture fixture(lockstep_module(), script);
    CPPUNIT_ASSERT_MESSAGE(fixture.mistakes(), fixture.compiles());
    return fixture.run(message);
  }
  static void check(bool expected, const std::string& condition, std::string_view message = kInvite) {
    const Outcome outcome = run("if (" + condition + ") note(\"yes\");", message);
    CPPUNIT_ASSERT_EQUAL_MESSAGE(condition, expected, !outcome.notes.empty());
  }
  // The message as it leaves when `from` becomes `to` in kInvite.
  static void leaves(const std::string& script, const std::string& from, const std::string& to) {
    std::string expected(kInvite.substr(1));
    CPPUNIT_ASSERT_MESSAGE(from, expected.find(from) != std::string::npos);
    expected.replace(expected.find(from), from.size(), to);
    CPPUNIT_ASSERT_EQUAL_MESSAGE(script, expected, run(script).message);
  }
  static std::string with_header(const std::string& lines) {
    std::string message(kInvite);
    message.insert(message.find("Max-Forwards:"), lines);
    return message;
  }

 public:
  void methods_are_told_apart() {
    check(true, "is_method(\"INVITE\")");
    check(true, "is_method(\"ACK|INVITE\")");
    check(true, "is_method(\"invite\")");
    check(false, "is_method(\"ACK|BYE\")");
    CPPUNIT_ASSERT(run("$var(m) = \"INVITE\"; if (is_method(\"$var(m)|X\")) note(\"yes\");").notes ==
                   (Texts{"yes"}));
    std::string other(kInvite);
    for (std::size_t at = other.find("INVITE"); at != std::string::npos; at = other.find("INVITE")) {
      other.replace(at, 6, "PING");
    }
    check(true, "is_method(\"ACK|PING\")", other);
    check(false, "is_method(\"INVITE|PONG\")", other);
  }

  void a_response_has_the_method_of_its_cseq() {
    ScriptFixture fixture(lockstep_module(),
                          "request_route { exit; }\nreply_route { if (is_method(\"INVITE\")) note(\"yes\");\n"
                          "append_hf(\"X: y\\r\\n\"); remove_hf(\"Server\"); }\n");
    CPPUNIT_ASSERT_MESSAGE(fixture.mistakes(), fixture.compiles());
    const Outcome outcome = fixture.run(
        "SIP/2.0 180 Ringing\nVia: SIP/2.0/UDP 1.1.1.1;branch=z9hG4bK1\nServer: s\nCSeq: 1 INVITE\n\n",
        script::RouteKind::kCoreReply);
    CPPUNIT_ASSERT(outcome.notes == (Texts{"yes"}));
    CPPUNIT_ASSERT_EQUAL(
        std::string(
            "SIP/2.0 180 Ringing\nVia: SIP/2.0/UDP 1.1.1.1;branch=z9hG4bK1\nCSeq: 1 INVITE\nX: y\n\n"),
        outcome.message);
  }

  void header_lines_are_added() {
    leaves("append_hf(\"P-Hint: outbound\\r\\n\");", "Content-Length: 29\n",
           "Content-Length: 29\nP-Hint: outbound\n");
    leaves("append_hf(\"P-Hint: outbound\");", "Content-Length: 29\n",
           "Content-Length: 29\nP-Hint: outbound\n");
    leaves("append_hf(\"A: 1\\r\\nB: 2\\r\\n\");", "Content-Length: 29\n",
           "Content-Length: 29\nA: 1\nB: 2\n");
    leaves("append_hf(\"X: y\\r\\n\", \"Call-ID\");", "CSeq: 7", "X: y\nCSeq: 7");
    leaves("append_hf(\"X: y\\r\\n\", \"i\");", "CSeq: 7", "X: y\nCSeq: 7");
    leaves("append_hf(\"X: y\\r\\n\", \"Missing\");", "Content-Length: 29\n", "Content-Length: 29\nX: y\n");
    leaves("insert_hf(\"X: y\\r\\n\");", "Via:", "X: y\nVia:");
    leaves("insert_hf(\"X: y\\r\\n\", \"Call-ID\");", "Call-ID:", "X: y\nCall-ID:");
    leaves("append_urihf(\"CC: \", \"\\r\\n\");", "Content-Length: 29\n",
           "Content-Length: 29\nCC: sip:bob@example.com\n");
    const std::string dated = run("append_time_to_request();").message;
    CPPUNIT_ASSERT(dated.find("Content-Length: 29\nDate: ") != std::string::npos);
    CPPUNIT_ASSERT(dated.find(" GMT\n\n") != std::string::npos);
  }

  void what_is_no_header_line_is_refused() {
    for (const char* text : {"no colon\\r\\n", "X: y\\r\\n\\r\\nbody", "", "\\r\\n", "X y: z\\r\\n"}) {
      const Outcome outcome = run("if (!append_hf(\"" + std::string(text) +
                                  "\")) note(\"no\"); if (!append_to_reply(\"" + text + "\")) note(\"no\");");
      CPPUNIT_ASSERT_MESSAGE(text, outcome.notes == (Texts{"no", "no"}));
      CPPUNIT_ASSERT_EQUAL(std::string(kInvite.substr(1)), outcome.message);
    }
  }

  void header_fields_are_removed() {
    leaves("remove_hf(\"User-Agent\");", "User-Agent: phone/1.0\n", "");
    leaves("remove_hf(\"c\");", "Content-Type: application/sdp\n", "");
    leaves("$var(n) = \"User\"; remove_hf_pv(\"$var(n)-Agent\"); remove_hf_re_pv(\"^$var(n)-\");",
           "User-Agent: phone/1.0\n", "");
    leaves("remove_hf_re(\"^user-\");", "User-Agent: phone/1.0\n", "");
    leaves("remove_hf_exp(\"^Con\", \"^Content\");", "Contact: <sip:alice@10.1.1.1:5062>\n", "");
    leaves("if (!remove_hf(\"Missing\")) remove_hf_match(\"User-Agent\", \"in\", \"phone\");",
           "User-Agent: phone/1.0\n", "");
    leaves("remove_hf_match(\"User-Agent\", \"re\", \"^ph\"); remove_hf_match(\"Contact\", \"eq\", \"x\");",
           "User-Agent: phone/1.0\n", "");
    const std::string three = with_header("X-A: 1\nx-a: 2\nX-A: 3\n");
    const auto left = [&](const char* index) {
      const std::string message =
          run("remove_hf_idx(\"X-A\", \"" + std::string(index) + "\");", three).message;
      std::string values;
      for (const char* value : {"1", "2", "3"}) {
        const std::string line = std::string("-A: ") + value;
        const std::string lower = std::string("-a: ") + value;
        if (message.find(line) != std::string::npos || message.find(lower) != std::string::npos)
          values += value;
      }
      return values;
    };
    CPPUNIT_ASSERT_EQUAL(std::string("23"), left("0"));
    CPPUNIT_ASSERT_EQUAL(std::string("13"), left("1"));
    CPPUNIT_ASSERT_EQUAL(std::string("12"), left("-1"));
    CPPUNIT_ASSERT_EQUAL(std::string("123"), left("3"));
  }

  void header_fields_are_asked_for() {
    check(true, "is_present_hf(\"From\")");
    check(true, "is_present_hf(\"f\")");
    check(false, "is_present_hf(\"X-A\")");
    check(true, "is_present_hf_re(\"^user\")");
    check(false, "is_present_hf_re(\"^agent\")");
    check(true, "search_hf(\"From\", \"alice@\", \"a\")");
    check(false, "search_hf(\"From\", \"bob@\", \"a\")");
    const std::string message = with_header("X-A: one\nX-A: two\nPrivacy: header;id\n");
    check(true, "search_hf(\"X-A\", \"two\", \"a\")", message);
    check(false, "search_hf(\"X-A\", \"two\", \"f\")", message);
    check(true, "search_hf(\"X-A\", \"two\", \"l\")", message);
    check(true, "is_privacy(\"id\")", message);
    check(false, "is_privacy(\"user\")", message);
  }

  void answers_get_header_lines() {
    CPPUNIT_ASSERT_EQUAL(
        std::string("Foo: bar\nBar: 1\n"),
        run("append_to_reply(\"Foo: bar\\r\\n\"); append_to_reply(\"Bar: $rc\");").reply_lines);
    CPPUNIT_ASSERT(run("append_time();").reply_lines.starts_with("Date: "));
  }

  void texts_are_searched() {
    check(true, "search(\"PHONE\")");
    check(true, "search(\"^INVITE sip\")");
    check(true, "search(\"^call-id: call-1\")");
    check(false, "search(\"Max.*Contact\")");
    check(true, "search_body(\"^m=x\")");
    check(false, "search_body(\"INVITE\")");
    check(true, "search_str(\"abc\", \"B.\")");
    CPPUNIT_ASSERT(run("regex_substring(\"abc123\", \"([a-z]+)([0-9]+)\", \"2\", \"3\", \"$var(x)\"); "
                       "note(\"$var(x)\");")
                       .notes == (Texts{"123"}));
  }

  void texts_are_replaced() {
    leaves("replace(\"phone\", \"mobile\");", "phone", "mobile");
    leaves("replace(\"INVITE\", \"X\");", "7 INVITE", "7 X");  // Not in the start line.
    leaves("replace_hdrs(\"phone/[0-9.]+\", \"mobile\");", "phone/1.0", "mobile");
    leaves("search_append(\"phone\", \"-x\");", "phone", "phone-x");
    leaves("replace_str(\"10.1.1.1:5062;branch\", \"y\", \"f\");", "10.1.1.1:5062;branch", "y");
    const std::string all = run("replace_all(\"10\\.1\\.1\\.1\", \"H\");").message;
    CPPUNIT_ASSERT_EQUAL(std::string::npos, all.find("10.1.1.1"));
    check(false, "replace(\"no such text\", \"x\")");
    check(false, "replace_str(\"phone\", \"x\", \"z\")");
  }

  // "^" after the first match is a line's start only where a line starts.
  void anchors_stay_with_lines() {
    const std::string message = with_header("X-A: aaa\nX-B: aaa\n");
    const std::string one = run("replace_all(\"^X-\", \"Y-\");", message).message;
    CPPUNIT_ASSERT(one.find("Y-A: aaa\nY-B: aaa\n") != std::string::npos);
    CPPUNIT_ASSERT(run("subst_hf(\"X-A\", '/^a/b/g', \"a\");", message).message.find("X-A: baa\n") !=
                   std::string::npos);
    CPPUNIT_ASSERT(run("subst_hf(\"X-A\", '/a/b/g', \"a\");", message).message.find("X-A: bbb\n") !=
                   std::string::npos);
    CPPUNIT_ASSERT(run("subst_hf(\"X-A\", '/$/-end/', \"a\");", message).message.find("X-A: aaa-end\n") !=
                   std::string::npos);
  }

  void substitutions_have_groups_and_flags() {
    leaves("subst('/^User-Agent: (ph)(one)/X-\\2: \\1/');", "User-Agent: phone", "X-one: ph");
    leaves("subst('#phone/1#mobile/2#');", "phone/1", "mobile/2");
    leaves("subst('/phone\\/1/mobile\\/2/');", "phone/1", "mobile/2");
    leaves("subst('/PHONE/\\u/i');", "phone", "sip:bob@example.com");
    check(false, "subst('/PHONE/x/')");
    leaves("subst_hf(\"User-Agent\", '/^(.*)$/<\\0>/', \"a\");", "phone/1.0", "<phone/1.0>");
    leaves("$var(x) = \"mobile\"; subst('/phone/$var(x)/');", "phone", "mobile");
  }

  void substitutions_of_the_request_uri() {
    CPPUNIT_ASSERT_EQUAL(std::string("sip:9bob@example.com;orig=bob"),
                         run("subst_uri('/^sip:(.*)@(.*)$/sip:9\\1@\\2;orig=\\1/i');").uri);
    CPPUNIT_ASSERT_EQUAL(std::string("sip:b0b@example.com"), run("subst_user('/o/0/g');").uri);
    CPPUNIT_ASSERT_EQUAL(std::string("sip:bob@example.com"), run("subst_uri('/^sip:/no uri /');").uri);
    CPPUNIT_ASSERT_EQUAL(std::string("sip:bob@example.com"), run("subst_user('/x/y/');").uri);
  }

  void wrong_expressions_are_mistakes() {
    for (const char* call : {"search(\"(\")", "subst('/a/b')", "subst('/a/b/x')", "subst('abc')",
                             "subst('/(/b/')", "remove_hf_re(\"[\")", "is_method(\"\")"}) {
      ScriptFixture fixture(lockstep_module(), std::string(call) + ";");
      CPPUNIT_ASSERT_MESSAGE(call, !fixture.compiles());
    }
  }

  void content_length_follows_the_body() {
    const auto tail = [](const std::string& script) {
      const std::string message = run(script).message;
      return message.substr(message.find("Content-Length"));
    };
    CPPUNIT_ASSERT_EQUAL(std::string("Content-Length: 35\n\nv=0\nc=IN IP4 10.1.1.1\nm=xyzabcd\n"),
                         tail("replace_body(\"m=x\", \"m=xyzabcd\") ;"));
    CPPUNIT_ASSERT_EQUAL(std::string("Content-Length: 28\n\nv=0\nc=IN IP4 9.1.1.1\nm=x\n"),
                         tail("replace_body_all(\"10\", \"9\");"));
    CPPUNIT_ASSERT_EQUAL(std::string("Content-Length: 27\n\nv=0\nc=IN IP4 H\nm=longer\n"),
                         tail("replace_body(\"10.1.1.1\", \"H\"); subst_body('/m=x/m=longer/');"));
    CPPUNIT_ASSERT_EQUAL(std::string("Content-Length: 0\n\n"), tail("replace_body_atonce(\"^.+$\", \"\");"));
    CPPUNIT_ASSERT_EQUAL(std::string("Content-Length: 31\n\nv=0\nc=IN IP4 10.1.1.1 a\nm=x\n"),
                         tail("search_append_body(\"10.1.1.1\", \" a\");"));
  }

  void bodies_are_set_and_asked_for() {
    check(true, "has_body()");
    check(true, "has_body(\"application/sdp\")");
    check(false, "has_body(\"text/plain\")");
    const std::string set =
        run("replace_body(\"m=x\", \"zz\"); set_body(\"hello\", \"text/plain\");").message;
    CPPUNIT_ASSERT(set.ends_with("Content-Type: text/plain\nContent-Length: 5\n\nhello"));
    const std::string twice =
        run("set_body(\"a\", \"text/plain\"); set_body(\"hello\", \"text/html\");").message;
    CPPUNIT_ASSERT_MESSAGE(twice, twice.ends_with("Content-Type: text/html\nContent-Length: 5\n\nhello"));
    const std::string plain = "MESSAGE sip:a@b SIP/2.0\nCSeq: 1 MESSAGE\n\n";
    check(false, "has_body()", plain);
    const std::string made =
        run("set_body(\"a\", \"text/plain\"); set_body(\"hi\", \"text/html\");", plain).message;
    CPPUNIT_ASSERT_MESSAGE(made, made.ends_with("\n\nhi"));
    CPPUNIT_ASSERT(made.find("text/html") != std::string::npos &&
                   made.find("text/plain") == std::string::npos);
    CPPUNIT_ASSERT(made.find("Content-Length: 2\n") != std::string::npos &&
                   made.find("Content-Length: 1\n") == std::string::npos);
    check(false, "set_body(\"\", \"text/plain\")");
  }

  void audio_on_hold_is_told() {
    const auto hold = [](const std::string& sdp) {
      const std::string message = "INVITE sip:a@b SIP/2.0\nContent-Type: application/sdp; x=y\n\n" + sdp;
      return run("is_audio_on_hold(); note(\"$rc\");", message).notes.at(0);
    };
    CPPUNIT_ASSERT_EQUAL(std::string("-1"), hold("v=0\nc=IN IP4 1.1.1.1\nm=audio 1 RTP/AVP 0\na=sendrecv\n"));
    CPPUNIT_ASSERT_EQUAL(std::string("1"), hold("v=0\nc=IN IP4 0.0.0.0\nm=audio 1 RTP/AVP 0\n"));
    CPPUNIT_ASSERT_EQUAL(std::string("1"), hold("v=0\nm=audio 1 RTP/AVP 0\nc=IN IP4 0.0.0.0\n"));
    CPPUNIT_ASSERT_EQUAL(std::string("2"), hold("v=0\nc=IN IP4 1.1.1.1\nm=audio 1 RTP/AVP 0\na=sendonly\n"));
    CPPUNIT_ASSERT_EQUAL(std::string("-1"), hold("v=0\nc=IN IP4 1.1.1.1\nm=video 1 RTP/AVP 0\na=inactive\n"));
  }

  void texts_are_compared() {
    check(true, "cmp_str(\"a\", \"a\")");
    check(false, "cmp_str(\"a\", \"A\")");
    check(true, "cmp_istr(\"a\", \"A\")");
    check(true, "starts_with(\"+4930\", \"+49\")");
    check(false, "starts_with(\"+4930\", \"49\")");
    check(true, "ends_with(\"4930\", \"30\")");
    check(true, "str_find(\"4930\", \"93\")");
    check(false, "str_find(\"abc\", \"B\")");
    check(true, "str_ifind(\"abc\", \"B\")");
    check(true, "in_list(\"fi\", \"dk, fi,no\", \",\")");
    check(false, "in_list(\"f\", \"dk,fi,no\", \",\")");
    check(true, "in_list_prefix(\"final\", \"dk,fi,no\", \",\")");
    check(false, "in_list_prefix(\"x\", \"dk,,no\", \",\")");
  }

  void too_many_changes_are_refused() {
    const Outcome outcome =
        run("$var(n) = 0; while (append_hf(\"X: y\")) { $var(n) = $var(n) + 1;\n"
            "if (append_hf(\"X: y\")) $var(n) = $var(n) + 1; }\n"
            "note(\"$var(n)\");");
    CPPUNIT_ASSERT_EQUAL(std::to_string(sip::kEditMax), outcome.notes.at(0));
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(TextopsTest);

}  // namespace
}  // namespace lockstep::test
