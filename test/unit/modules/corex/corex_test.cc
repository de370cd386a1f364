// corex_test.cc: sockets by address and name, extended flags, branches.
#include <cppunit/extensions/HelperMacros.h>

#include "test/unit/modules/script_fixture.h"

extern "C" lockstep::worker::Module* lockstep_module();

namespace lockstep::test {
namespace {

using Texts = std::vector<std::string>;

class CorexTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(CorexTest);
  CPPUNIT_TEST(extended_flags_are_0_to_63);
  CPPUNIT_TEST(sockets_are_chosen_by_address_or_name);
  CPPUNIT_TEST(the_source_can_be_set);
  CPPUNIT_TEST(the_route_has_a_name);
  CPPUNIT_TEST_SUITE_END();

  static Outcome run(const std::string& script) {
    ScriptFixture fixture(lockstep_module(), script);
    CPPUNIT_ASSERT_MESSAGE(fixture.mistakes(), fixture.compiles());
    fixture.add_socket("127.0.0.2", 5070, "second");
    return fixture.run(kInvite);
  }

 public:
  void extended_flags_are_0_to_63() {
    const Outcome outcome =
        run("setxflag(63); setxflag(0); resetxflag(0); if (isxflagset(63)) note(\"63\");\n"
            "if (isxflagset(0)) note(\"0\"); if (!setxflag(64)) note(\"no\"); if (!is_faked_msg()) "
            "note(\"real\");");
    CPPUNIT_ASSERT(outcome.notes == (Texts{"63", "no", "real"}));
  }

  void sockets_are_chosen_by_address_or_name() {
    CPPUNIT_ASSERT_EQUAL(std::uint16_t{1}, run("set_send_socket(\"udp:127.0.0.2:5070\");").socket);
    CPPUNIT_ASSERT_EQUAL(std::uint16_t{1}, run("set_send_socket_name(\"second\");").socket);
    CPPUNIT_ASSERT(run("if (!set_send_socket(\"udp:127.0.0.3:5070\")) note(\"no\");\n"
                       "if (!set_send_socket_name(\"third\")) note(\"no\"); if (is_socket_name(\"first\")) "
                       "note(\"yes\");")
                       .notes == (Texts{"no", "no", "yes"}));
    CPPUNIT_ASSERT(run("set_recv_socket(\"udp:127.0.0.2:5070\"); if (dst_ip==127.0.0.2) note(\"second\");\n"
                       "set_recv_socket_name(\"first\"); if (dst_port==5060) note(\"first\");")
                       .notes == (Texts{"second", "first"}));
  }

  void the_source_can_be_set() {
    CPPUNIT_ASSERT(run("set_source_address(\"udp:10.9.9.9:5080\"); if (src_ip==10.9.9.9) note(\"$rc\");\n"
                       "if (!set_source_address(\"nowhere\")) note(\"no\");")
                       .notes == (Texts{"1", "no"}));
  }

  void the_route_has_a_name() {
    CPPUNIT_ASSERT(run("request_route { note(\"$cfg(route)\"); route(R); }\n"
                       "route[R] { note(\"$cfg(route) $cfg(line)\"); append_branch(\"sip:a@b\"); }")
                       .notes == (Texts{"DEFAULT_ROUTE", "R <null>"}));
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(CorexTest);

}  // namespace
}  // namespace lockstep::test
