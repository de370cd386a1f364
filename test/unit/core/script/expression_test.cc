// expression_test.cc: operators, types and literals. Expected values without another remark are those that
// Kamailio 5.6.3 was seen to give.
#include <cppunit/extensions/HelperMacros.h>

#include "test/unit/core/script/script_harness.h"

namespace lockstep::script::test {
namespace {

struct Row {
  const char* expression;
  const char* value;
};

class ExpressionTest : public CPPUNIT_NS::TestFixture {
  CPPUNIT_TEST_SUITE(ExpressionTest);
  CPPUNIT_TEST(arithmetic_and_precedence);
  CPPUNIT_TEST(joining_and_adding_go_by_the_left_side);
  CPPUNIT_TEST(equality_goes_by_the_left_side);
  CPPUNIT_TEST(null_is_compared_as_undefined);
  CPPUNIT_TEST(truth);
  CPPUNIT_TEST(named_operators_and_casts);
  CPPUNIT_TEST(regular_expressions);
  CPPUNIT_TEST(core_keywords);
  CPPUNIT_TEST(address_literals);
  CPPUNIT_TEST(myself);
  CPPUNIT_TEST(logic_stops_early);
  CPPUNIT_TEST(division_by_zero_fails_the_statement);
  CPPUNIT_TEST(texts_where_numbers_are_wanted_are_mistakes);
  CPPUNIT_TEST(nesting_is_bounded);
  CPPUNIT_TEST_SUITE_END();

  void check(const Row& row) {
    CPPUNIT_ASSERT_EQUAL_MESSAGE(row.expression, std::string(row.value),
                                 ScriptHarness().value_of(row.expression));
  }

 public:
  void arithmetic_and_precedence() {
    const Row kRows[] = {
        {"1+2*3", "7"},
        {"(1+2)*3", "9"},
        {"10-3-2", "5"},
        {"7/2", "3"},
        {"7 mod 4", "3"},
        {"7 % 4", "3"},
        {"-2+5", "3"},
        {"-2*3+1", "-5"},
        {"1+2<<3", "24"},
        {"2<<1==4", "2"},
        {"1|2==2", "1"},
        {"6&3|8^1", "11"},
        {"3<4==1", "1"},
        {"1==1<2", "1"},
        {"!0+1", "2"},
        {"1||0&&0", "1"},
        {" ~ 2", "-3"},
        {"16>>2", "4"},
        {"1<<64", "0"},
        {"0x10+010+101b", "29"},
        {"5 -7", "-2"},
        {"3000000000", "3000000000"},
        {"9223372036854775807+1", "-9223372036854775808"},
        {"(-9223372036854775807-1)/-1", "-9223372036854775808"},
    };
    for (const Row& row : kRows) check(row);
  }

  void joining_and_adding_go_by_the_left_side() {
    const Row kRows[] = {
        {"\"a\"+1", "'a1'"},
        {"\"1\"+2", "'12'"},
        {"$sp+\"1\"", "5061"},
        {"$sp+$rU", "5060"},
        {"$nothing+\"x\"", "'x'"},
        {"$nothing+1+1", "'11'"},
        {"1+$nothing", "1"},
        {"\"x\"+$nothing", "'x'"},
        {"\"a\" \"b\" \"c\"", "'abc'"},
        {"\"a\"+\"b\"+\"c\"", "'abc'"},
    };
    for (const Row& row : kRows) check(row);
  }

  void equality_goes_by_the_left_side() {
    const Row kRows[] = {
        {"\"5\"==5", "1"},       {"\"05\"==5", "0"}, {"5==\"05\"", "1"},    {"$sp==\"5060\"", "1"},
        {"$sp==\"05060\"", "1"}, {"$rU==0", "0"},    {"0==$rU", "1"},       {"$rU!=\"BOB\"", "1"},
        {"\"a\"==\"a\"", "1"},   {"1!=2", "1"},      {"$rU==\"bob\"", "1"},
    };
    for (const Row& row : kRows) check(row);
  }

  void null_is_compared_as_undefined() {
    const Row kRows[] = {
        {"$nothing==\"\"", "1"},     {"$nothing==0", "1"},        {"0==$nothing", "1"},
        {"\"\"==$nothing", "1"},     {"$nothing==\"0\"", "0"},    {"$nothing!=1", "1"},
        {"$nothing==$nothing", "1"}, {"$nothing<1", "1"},         {"$nothing==$null", "1"},
        {"$nothing!=$null", "0"},    {"$rU==$null", "0"},         {"$null!=$rU", "1"},
        {"defined $nothing", "0"},   {"defined $rU", "1"},        {"!defined $nothing", "1"},
        {"strlen($nothing)", "0"},   {"strempty($nothing)", "1"}, {"$null", "null"},
    };
    for (const Row& row : kRows) check(row);
  }

  // `if` is true above zero only; text that is no number is 0.
  void truth() {
    ScriptHarness harness;
    for (const char* condition : {"1", "\"05\"", "!\"abc\"", "!\"\"", "!$nothing", "not $nothing", "1 && 2",
                                  "0 || 3", "not 0 and not (0 or 0)", "-1 || 0"}) {
      CPPUNIT_ASSERT_MESSAGE(condition, harness.is_true(condition));
    }
    for (const char* condition : {"0", "-1", "\"0\"", "\"\"", "\"abc\"", "$nothing", "$rU", "!5", "1 && 0"}) {
      CPPUNIT_ASSERT_MESSAGE(condition, !harness.is_true(condition));
    }
  }

  void named_operators_and_casts() {
    const Row kRows[] = {
        {"\"abc\" eq \"abc\"", "1"},
        {"\"a\" ne \"b\"", "1"},
        {"$sp ieq 5060", "1"},
        {"$sp ine 1", "1"},
        {"(int)\"12\"+3", "15"},
        {"(str)12+3", "'123'"},
        {"strlen(\"abc\")+1", "4"},
        {"strlen($sp)", "4"},
        {"strempty(\"\")", "1"},
        {"strempty(\"a\")", "0"},
        {"selval(1==1,\"y\",\"n\")", "'y'"},
        {"selval($nothing,1,2)", "2"},
    };
    for (const Row& row : kRows) check(row);
  }

  void regular_expressions() {
    ScriptHarness harness;
    CPPUNIT_ASSERT(harness.is_true("$rU=~\"^B.B$\""));
    CPPUNIT_ASSERT(harness.is_true("$rU!~\"^a\""));
    CPPUNIT_ASSERT(harness.is_true("$nothing=~\"^$\""));
    CPPUNIT_ASSERT(harness.is_true("$sp=~\"^50[0-9]+$\""));
    CPPUNIT_ASSERT(harness.is_true("\"+4930\"=~\"^(\\+|00)[1-9]\""));
    CPPUNIT_ASSERT(harness.is_true("\"a\\nb\"=~\"a.b\""));
    CPPUNIT_ASSERT(!harness.is_true("\"a\\n\"=~\"a$\""));
    CPPUNIT_ASSERT(harness.is_true("$rU=~$rU"));
    CPPUNIT_ASSERT(harness.is_true("$rU=~\"^b\" + \"ob\""));
  }

  void core_keywords() {
    ScriptHarness harness;
    for (const char* condition :
         {"method==INVITE", "method==\"invite\"", "INVITE==method", "method!=ACK", "method=~\"^inv\"",
          "method=~INV", "status==404", "status=~\"[345][0-9][0-9]\"", "proto==UDP", "src_port==5060",
          "src_port<6000", "msg:len<max_len", "msg:len >= 700", "uri==\"SIP:bob@here.test\"",
          "from_uri=~\"far\""}) {
      CPPUNIT_ASSERT_MESSAGE(condition, harness.is_true(condition));
    }
    CPPUNIT_ASSERT(!harness.is_true("method==OPTIONS"));
  }

  void address_literals() {
    ScriptHarness harness;
    for (const char* condition :
         {"src_ip==10.1.2.3", "src_ip==10.0.0.0/8", "src_ip==10.1.0.0/255.255.0.0", "src_ip!=10.1.2.4",
          "src_ip!=192.168.0.0/16", "src_ip==\"10.1.2.3\"", "src_ip==\"10.0.0.0/8\"", "10.1.2.3==src_ip",
          "dst_ip==2001:db8::7", "dst_ip==[2001:db8::7]", "dst_ip==2001:db8::/32", "dst_ip!=10.0.0.0/8",
          "src_ip==10.1.2.2/31", "src_ip=~\"^10\\.\"", "$si==10.1.2.3", "src_ip==0.0.0.0/0"}) {
      CPPUNIT_ASSERT_MESSAGE(condition, harness.is_true(condition));
    }
    CPPUNIT_ASSERT(!harness.is_true("src_ip==10.1.2.3/33 || 1") && harness.error_count == 1);
  }

  void myself() {
    ScriptHarness harness;
    CPPUNIT_ASSERT(harness.is_true("uri==myself"));
    CPPUNIT_ASSERT(harness.is_true("myself==uri"));
    CPPUNIT_ASSERT(harness.is_true("from_uri!=myself"));
    CPPUNIT_ASSERT(harness.is_true("src_ip!=myself"));
    CPPUNIT_ASSERT(!harness.is_true("myself") && harness.error_count == 1);
  }

  void logic_stops_early() {
    ScriptHarness harness;
    CPPUNIT_ASSERT_EQUAL(std::string("r"), harness.run("if (returns(1) || returns(1)) {}"));
    CPPUNIT_ASSERT_EQUAL(std::string("r"), harness.run("if (returns(-1) && returns(1)) {}"));
    // A function that returns 0 ends the script in the middle of an expression.
    CPPUNIT_ASSERT_EQUAL(std::string("r"), harness.run("if (returns(0) || returns(1)) {} say(\"after\");"));
    CPPUNIT_ASSERT(harness.last_control == Control::kExit);
  }

  void division_by_zero_fails_the_statement() {
    ScriptHarness harness;
    CPPUNIT_ASSERT_EQUAL(
        std::string("else 5"),
        harness.run("$var(q)=5; $var(q)=7/$nothing; if (7 mod $nothing) {} else say(\"else $var(q)\");"));
    CPPUNIT_ASSERT_EQUAL(std::string("yes"), harness.run("if (1 || 7/$nothing) say(\"yes\");"));
  }

  void texts_where_numbers_are_wanted_are_mistakes() {
    ScriptHarness harness;
    CPPUNIT_ASSERT(!harness.is_true("$rU > \"abc\""));
    CPPUNIT_ASSERT_EQUAL(std::string("t.cfg:2:11: error: '>' wants numbers, and this text is none\n"
                                     "    if ($rU > \"abc\") { say(\"yes\"); }\n"
                                     "              ^\n"),
                         harness.rendered);
    CPPUNIT_ASSERT(harness.is_true("$sp > \"10\""));
  }

  void nesting_is_bounded() {
    ScriptHarness harness;
    CPPUNIT_ASSERT(!harness.is_true(std::string(200, '(') + "1" + std::string(200, ')')));
    CPPUNIT_ASSERT(harness.rendered.find("nested too deeply") != std::string::npos);
    CPPUNIT_ASSERT(!harness.is_true(std::string(5000, '!') + "1"));
    std::string chain = "1";
    for (int i = 0; i < 900; ++i) chain += "+1";
    CPPUNIT_ASSERT_EQUAL(std::string("901"), harness.value_of(chain));
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(ExpressionTest);

}  // namespace
}  // namespace lockstep::script::test
