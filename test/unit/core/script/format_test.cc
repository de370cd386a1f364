// format_test.cc: variables in texts, indices, inner names, transformations.
#include <cppunit/extensions/HelperMacros.h>

#include "test/unit/core/script/script_harness.h"

namespace lockstep::script::test {
namespace {

class FormatTest : public CPPUNIT_NS::TestFixture {
  CPPUNIT_TEST_SUITE(FormatTest);
  CPPUNIT_TEST(text_and_variables);
  CPPUNIT_TEST(indices_and_inner_names);
  CPPUNIT_TEST(language_variables);
  CPPUNIT_TEST(string_transformations);
  CPPUNIT_TEST(encodings);
  CPPUNIT_TEST(parameter_transformations);
  CPPUNIT_TEST(custom_parameters);
  CPPUNIT_TEST(full_arena_gives_null_and_is_counted);
  CPPUNIT_TEST(mistakes_in_formats);
  CPPUNIT_TEST_SUITE_END();

  std::string print(const std::string& format, const std::string& before = {}) {
    return ScriptHarness().run(before + "say(\"" + format + "\");");
  }
  void check(std::initializer_list<std::pair<const char*, const char*>> rows,
             const std::string& before = {}) {
    for (const auto& [format, expected] : rows) {
      CPPUNIT_ASSERT_EQUAL_MESSAGE(format, std::string(expected), print(format, before));
    }
  }

 public:
  void text_and_variables() {
    check({{"$rU", "bob"},
           {"<$rU>$sp.", "<bob>5060."},
           {"$$rU 100%", "$rU 100%"},
           {"$(rU)x", "bobx"},
           {"$nothing", "<null>"},
           {"$rU(home)", "bob(home)"},
           {"", ""}});
  }

  void indices_and_inner_names() {
    const std::string before = "$avp(a)=1; $avp(a)=2; $avp(a)=3; $var(i)=1; $avp(k-bob)=\"v\";";
    check({{"$avp(a)", "3"},
           {"$(avp(a)[0])", "3"},
           {"$(avp(a)[2])", "1"},
           {"$(avp(a)[-1])", "1"},
           {"$(avp(a)[*])", "3,2,1"},
           {"$(avp(a)[9])", "<null>"},
           {"$(avp(a)[$var(i)])", "2"},
           {"$avp(k-$rU)", "v"},
           {"$(avp($(rU{s.substr,0,1})))", "<null>"}},
          before);
  }

  void language_variables() {
    ScriptHarness harness;
    CPPUNIT_ASSERT_EQUAL(
        std::string("<null> 5 x5y"),
        harness.run("$var(i)=5; say(\"$def(NO) $def(YES) $_s(x$var(i)y)\");", "#!define YES 5"));
    CPPUNIT_ASSERT(harness.is_true("$TS > 1000000000 && strlen($Tf) > 10"));
    CPPUNIT_ASSERT(harness.is_true("$env(LOCKSTEP_NO_SUCH_NAME)==$null"));
    CPPUNIT_ASSERT(!harness.is_true("$var($rU)==1"));
  }

  void string_transformations() {
    check({{"$(ru{s.len})", "19"},
           {"$(ru{s.substr,0,3})", "sip"},
           {"$(var(t){s.substr,1,0})", ",b,c"},
           {"$(var(t){s.substr,1,9})", ",b,c"},
           {"$(var(t){s.substr,-2,1})", ","},
           {"$(var(t){s.substr,9,1})", "<null>"},
           {"$(var(t){s.select,1,,})", "b"},
           {"$(var(t){s.select,-1,,})", "c"},
           {"$(var(t){s.select,7,,})", ""},
           {"$(ru{s.select,1,:}{s.select,0,@})", "bob"},
           {"$(var(t){s.strip,2})|$(var(t){s.strip,9})", "b,c|"},
           {"$(var(t){s.striptail,2})|$(var(t){s.striptail,9})", "a,b|"},
           {"$(var(t){s.toupper})$(rm{s.tolower})", "A,B,Cinvite"},
           {"$(var(t){s.replace,b,zz})", "a,zz,c"},
           {"$(var(t){s.rm,b})", "a,,c"},
           {"$(var(t){s.after,,})|$(var(t){s.after,x})", "b,c|"},
           {"$(var(t){s.before,,})|$(var(t){s.before,x})", "a|a,b,c"},
           {"$(var(t){s.rafter,,})|$(var(t){s.rbefore,,})", "c|a,b"},
           {"$(var(t){s.count,,})", "2"},
           {"$(var(t){s.prefixes,2})", "a,a,"},
           {"$(var(n){s.numeric})|$(var(n){s.int})|$(var(z){s.int})", "00123||5"},
           {"[$(var(w){s.trim})][$(var(w){s.ltrim})][$(var(w){s.rtrim})]", "[ab c][ab c ][  ab c]"},
           {"$(nothing{s.len})$(nothing{val.n0})$(nothing{val.ne})", "<null>0"},
           {"$(rU{s.len}{s.len})", "1"},
           {"$(rU{s.substr,$var(one),1})", "o"},
           {"$(var(one){s.ftime,%Y})", "1970"}},
          "$var(t)=\"a,b,c\"; $var(n)=\"00a1-23\"; $var(w)=\"  ab c \"; $var(one)=1; $var(z)=\"05\";");
  }

  void encodings() {
    check({{"$(var(t){s.encode.hexa})", "612062"},
           {"$(var(t){s.encode.hexa}{s.decode.hexa})", "a b"},
           {"$(var(t){s.encode.base64})|$(rU{s.encode.base64})|$(ru{s.encode.base64}{s.decode.base64})",
            "YSBi|Ym9i|sip:bob@example.com"},
           {"$(sp{s.encode.base64})", "NTA2MA=="},
           {"$(var(u){s.escape.user})", "a%20b%40c;d=%22x%22%25&"},
           {"$(var(u){s.escape.param})", "a%20b%40c%3bd%3d%22x%22%25&"},
           {"$(var(u){s.urlencode.param})", "a%20b%40c%3bd%3d%22x%22%25%26"},
           {"$(var(u){s.escape.user}{s.unescape.user})", "a b@c;d=\"x\"%&"},
           {"$(var(u){s.escape.common})", "a b@c;d=\\\"x\\\"%&"},
           {"$(rU{s.decode.hexa})", "<null>"}},
          "$var(t)=\"a b\"; $var(u)=\"a b@c;d=\\\"x\\\"%&\";");
  }

  void parameter_transformations() {
    check({{"$(var(p){param.value,a})", "1"},
           {"$(var(p){param.value,B})", "2;3"},
           {"$(var(p){param.count})", "3"},
           {"$(var(p){param.name,1})", "b"},
           {"$(var(p){param.valueat,1})", "2;3"},
           {"$(var(p){param.name,-1})", "c"},
           {"$(var(p){param.in,c})$(var(p){param.in,z})", "10"},
           {"[$(var(p){param.value,zz})]", "[]"},
           {"$(var(q){param.value,y,,})", "2"}},
          "$var(p)=\"a=1;b=\\\"2;3\\\";c\"; $var(q)=\"x=1, y=2\";");
  }

  void custom_parameters() {
    ScriptHarness harness;
    CPPUNIT_ASSERT_EQUAL(
        std::string("10.0.0.9 5 y"),
        harness.run("say(\"$sel(cfg_get.pstn.gw_ip) $sel(cfg_get.pstn.count) \");"
                    "if (@cfg_get.pstn.gw_ip!=\"\") say(\"y\");",
                    "pstn.gw_ip = \"10.0.0.9\" desc \"gateway\"\npstn.count = 5 desc \"number\"\n"));
    CPPUNIT_ASSERT_EQUAL(std::string("gateway"),
                         harness.registry.custom_parameters().find("pstn", "gw_ip")->doc);
    harness.run("say(\"$sel(cfg_get.no.such)\");");
    CPPUNIT_ASSERT(harness.rendered.find("no parameter 'no.such' is set") != std::string::npos);
  }

  void full_arena_gives_null_and_is_counted() {
    ScriptHarness harness;
    CPPUNIT_ASSERT(
        harness.compile_text("request_route { $var(x)=\"0123456789abcdef\"; $var(i)=0; while ($var(i)<14) {"
                             " $var(i)=$var(i)+1; $var(x)=$var(x)+$var(x); } say(\"$(var(x){s.len})\"); }"));
    harness.run_route(RouteKind::kRequest, "");
    CPPUNIT_ASSERT(harness.state->arena_full_count() > 0);
  }

  void mistakes_in_formats() {
    const std::pair<const char*, const char*> kRows[] = {
        {"$(rU", "this variable is never closed"},
        {"$(rU[0])", "$rU takes no index"},
        {"$(rU(x))", "$rU takes no name in parentheses"},
        {"$avp", "$avp needs a name in parentheses"},
        {"$(rU{s.substr,1})", "needs 2 arguments"},
        {"$(rU{s.len,1})", "takes at most 0 arguments"},
        {"$rUhome", "write $(rU)home if $rU is meant"},
        {"$(avp(x)[y])", "an index is a number"},
        {"$(rU{s.len)", "'}' expected"},
    };
    for (const auto& [format, expected] : kRows) {
      const std::string rendered = print(format);
      const bool is_shown =
          rendered.find(expected) != std::string::npos ||
          (std::string_view(format) == "$(rU" && rendered.find("')' expected") != std::string::npos);
      CPPUNIT_ASSERT_MESSAGE(std::string(format) + ": " + rendered, is_shown);
    }
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(FormatTest);

}  // namespace
}  // namespace lockstep::script::test
