// rr_test.cc: Record-Route as written, and Route as followed: RFC 3261 16.4, 16.6, 16.12 and RFC 5658.
#include <cppunit/extensions/HelperMacros.h>

#include "core/worker/record_router.h"
#include "test/unit/modules/script_fixture.h"

extern "C" lockstep::worker::Module* lockstep_module();

namespace lockstep::test {
namespace {

using Texts = std::vector<std::string>;

// Every parameter that a test changes is set here for all: the module lives as long as the binary.
std::string settings(int double_rr = 1, int fromtag = 0, const std::string& more = {}) {
  return "modparam(\"rr\", \"enable_double_rr\", " + std::to_string(double_rr) + ")\n" +
         "modparam(\"rr\", \"append_fromtag\", " + std::to_string(fromtag) + ")\n" +
         "modparam(\"rr\", \"enable_full_lr\", 0)\nmodparam(\"rr\", \"add_username\", 0)\n" + more;
}

std::string in_dialog(const std::string& uri, const std::string& routes, const std::string& from_tag = "a1") {
  return "BYE " + uri + " SIP/2.0\n" + "Via: SIP/2.0/UDP 10.1.1.1:5062;branch=z9hG4bK1\n" + routes +
         "From: <sip:alice@example.com>;tag=" + from_tag + "\nTo: <sip:bob@example.com>;tag=b1\n" +
         "Call-ID: call-1\nCSeq: 8 BYE\nContent-Length: 0\n\n";
}

// The lines that begin with `name`, in order.
Texts lines(const std::string& message, const std::string& name) {
  Texts found;
  for (std::size_t at = 0; at < message.size();) {
    const std::size_t end = message.find('\n', at);
    const std::string line = message.substr(at, end - at);
    if (line.starts_with(name)) found.push_back(line);
    at = end == std::string::npos ? message.size() : end + 1;
  }
  return found;
}

class RrTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(RrTest);
  CPPUNIT_TEST(record_route_stands_on_top);
  CPPUNIT_TEST(record_route_has_the_forms_that_parameters_choose);
  CPPUNIT_TEST(a_second_record_route_is_refused);
  CPPUNIT_TEST(parameters_are_added_before_and_after);
  CPPUNIT_TEST(record_route_is_taken_back);
  CPPUNIT_TEST(a_preset_is_written_as_given);
  CPPUNIT_TEST(sockets_that_differ_get_two_values);
  CPPUNIT_TEST(a_stored_request_gets_its_second_value);
  CPPUNIT_TEST(our_own_route_is_removed);
  CPPUNIT_TEST(the_next_route_is_the_next_hop);
  CPPUNIT_TEST(a_foreign_route_is_followed);
  CPPUNIT_TEST(a_double_route_is_removed_and_names_the_socket);
  CPPUNIT_TEST(a_strict_router_ahead_gets_the_request_uri);
  CPPUNIT_TEST(what_a_strict_router_sent_is_put_right);
  CPPUNIT_TEST(between_strict_routers_only_one_uri_moves);
  CPPUNIT_TEST(a_double_value_from_a_strict_router_is_removed);
  CPPUNIT_TEST(without_route_it_is_false);
  CPPUNIT_TEST(a_preloaded_route_is_told_apart);
  CPPUNIT_TEST(a_contact_of_this_server_is_no_strict_routing);
  CPPUNIT_TEST(parameters_of_our_route_are_checked);
  CPPUNIT_TEST(direction_follows_from_ftag);
  CPPUNIT_TEST(wrong_route_sets_are_refused);
  CPPUNIT_TEST(a_long_route_set_is_followed);
  CPPUNIT_TEST_SUITE_END();

  static Outcome run(const std::string& script, std::string_view message,
                     const std::string& set = settings()) {
    ScriptFixture fixture(lockstep_module(), script, set);
    CPPUNIT_ASSERT_MESSAGE(fixture.mistakes(), fixture.compiles());
    fixture.add_socket("127.0.0.2", 5070, "second");
    return fixture.run(message);
  }
  // What one Record-Route looks like.
  static Texts record_routes(const std::string& script, const std::string& set = settings()) {
    return lines(run(script, kInvite, set).message, "Record-Route:");
  }

 public:
  void record_route_stands_on_top() {
    const Outcome fresh = run("record_route();", kInvite);
    CPPUNIT_ASSERT_EQUAL(std::string("Record-Route: <sip:127.0.0.1:5060;lr>\nVia:"),
                         fresh.message.substr(fresh.message.find('\n') + 1, 42));
    std::string message(kInvite);
    message.insert(message.find("From:"), "Record-Route: <sip:10.0.0.1;lr>\n");
    const Outcome outcome = run("record_route();", message);
    CPPUNIT_ASSERT(lines(outcome.message, "Record-Route:") ==
                   (Texts{"Record-Route: <sip:127.0.0.1:5060;lr>", "Record-Route: <sip:10.0.0.1;lr>"}));
  }

  void record_route_has_the_forms_that_parameters_choose() {
    CPPUNIT_ASSERT(record_routes("record_route();", settings(1, 1)) ==
                   (Texts{"Record-Route: <sip:127.0.0.1:5060;lr;ftag=a1>"}));
    CPPUNIT_ASSERT(
        record_routes("record_route();", settings(1, 0, "modparam(\"rr\", \"enable_full_lr\", 1)\n")) ==
        (Texts{"Record-Route: <sip:127.0.0.1:5060;lr=on>"}));
    CPPUNIT_ASSERT(
        record_routes("record_route();", settings(1, 0, "modparam(\"rr\", \"add_username\", 1)\n")) ==
        (Texts{"Record-Route: <sip:bob@127.0.0.1:5060;lr>"}));
    CPPUNIT_ASSERT(record_routes("record_route(\";x=y\");") ==
                   (Texts{"Record-Route: <sip:127.0.0.1:5060;lr;x=y>"}));
    CPPUNIT_ASSERT(record_routes("record_route();", settings(2)) ==
                   (Texts{"Record-Route: <sip:127.0.0.1:5060;r2=on;lr>",
                          "Record-Route: <sip:127.0.0.1:5060;r2=on;lr>"}));
    CPPUNIT_ASSERT(record_routes("seturi(\"sips:bob@example.com\"); record_route();") ==
                   (Texts{"Record-Route: <sips:127.0.0.1:5060;lr>"}));
    CPPUNIT_ASSERT(record_routes("record_route(\"x=y\");").empty());
  }

  void a_second_record_route_is_refused() {
    const Outcome outcome = run("record_route(); if (!record_route()) note(\"no\");", kInvite);
    CPPUNIT_ASSERT(outcome.notes == (Texts{"no"}));
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, lines(outcome.message, "Record-Route:").size());
  }

  void parameters_are_added_before_and_after() {
    CPPUNIT_ASSERT(record_routes("add_rr_param(\";nat=yes\"); record_route(); add_rr_param(\";x=1\");") ==
                   (Texts{"Record-Route: <sip:127.0.0.1:5060;lr;nat=yes;x=1>"}));
    CPPUNIT_ASSERT(record_routes("record_route(); add_rr_param(\";x=1\");", settings(2)) ==
                   (Texts{"Record-Route: <sip:127.0.0.1:5060;r2=on;lr;x=1>",
                          "Record-Route: <sip:127.0.0.1:5060;r2=on;lr;x=1>"}));
    CPPUNIT_ASSERT(record_routes("record_route(); add_rr_param(\"x=1\"); add_rr_param(\";x>\");") ==
                   (Texts{"Record-Route: <sip:127.0.0.1:5060;lr>"}));
  }

  void record_route_is_taken_back() {
    CPPUNIT_ASSERT(record_routes("record_route(); remove_record_route();").empty());
    CPPUNIT_ASSERT(record_routes("remove_record_route(); record_route();").size() == 1);
  }

  void a_preset_is_written_as_given() {
    CPPUNIT_ASSERT(record_routes("record_route_preset(\"1.2.3.4:5090\");") ==
                   (Texts{"Record-Route: <sip:1.2.3.4:5090;lr>"}));
    CPPUNIT_ASSERT(record_routes("record_route_preset(\"1.2.3.4;lr;r2=on\", \"10.0.0.1;lr;r2=on\");") ==
                   (Texts{"Record-Route: <sip:1.2.3.4;lr;r2=on>", "Record-Route: <sip:10.0.0.1;lr;r2=on>"}));
    CPPUNIT_ASSERT(record_routes("record_route_advertised_address(\"1.2.3.4:5080\");") ==
                   (Texts{"Record-Route: <sip:1.2.3.4:5080;lr>"}));
    CPPUNIT_ASSERT(record_routes("record_route_preset(\"no host\");").empty());
  }

  // The branch's socket completes what record_route() wrote: the outgoing side on top.
  void sockets_that_differ_get_two_values() {
    const auto branch = [](const std::string& script, std::uint16_t out, const std::string& set) {
      ScriptFixture fixture(lockstep_module(), script, set);
      CPPUNIT_ASSERT_MESSAGE(fixture.mistakes(), fixture.compiles());
      fixture.add_socket("127.0.0.2", 5070, "second");
      const auto* router = fixture.interfaces().find<worker::RecordRouter>();
      CPPUNIT_ASSERT(router != nullptr);
      fixture.inspect = [&](worker::ScriptContext& context) {
        CPPUNIT_ASSERT(router->complete(context.edits, context.message, fixture.names(), {0, out, false},
                                        context.arena()));
      };
      return lines(fixture.run(kInvite).message, "Record-Route:");
    };
    const Texts two{"Record-Route: <sip:127.0.0.2:5070;r2=on;lr;x=1>",
                    "Record-Route: <sip:127.0.0.1:5060;r2=on;lr;x=1>"};
    const Texts one{"Record-Route: <sip:127.0.0.1:5060;lr;x=1>"};
    const std::string script = "append_branch(); record_route(\";x=1\");";
    CPPUNIT_ASSERT(branch(script, 1, settings()) == two);
    CPPUNIT_ASSERT(branch(script, 1, settings(2)) == two);
    CPPUNIT_ASSERT(branch(script, 0, settings()) == one);
    CPPUNIT_ASSERT(branch(script, 1, settings(0)) == one);
    CPPUNIT_ASSERT(branch(script, worker::kNoSocket, settings()) == one);
    CPPUNIT_ASSERT(branch("force_rport();", 1, settings()).empty());
    CPPUNIT_ASSERT(branch("record_route_preset(\"1.2.3.4\");", 1, settings()).size() == 1);
  }

  // In a failure route the request route's value is in the bytes already.
  void a_stored_request_gets_its_second_value() {
    ScriptFixture fixture(lockstep_module(),
                          "request_route { exit; }\nfailure_route[F] {\n"
                          "if (!record_route()) note(\"there already\"); add_rr_param(\";x=1\"); }\n",
                          settings());
    CPPUNIT_ASSERT_MESSAGE(fixture.mistakes(), fixture.compiles());
    fixture.add_socket("127.0.0.2", 5070, "second");
    const auto* router = fixture.interfaces().find<worker::RecordRouter>();
    fixture.inspect = [&](worker::ScriptContext& context) {
      CPPUNIT_ASSERT(
          router->complete(context.edits, context.message, fixture.names(), {0, 1, true}, context.arena()));
    };
    std::string message(kInvite);
    message.insert(message.find("From:"), "Record-Route: <sip:127.0.0.1:5060;lr>\n");
    const Outcome outcome = fixture.run(message, script::RouteKind::kFailure, "F");
    CPPUNIT_ASSERT(outcome.notes == (Texts{"there already"}));
    CPPUNIT_ASSERT(lines(outcome.message, "Record-Route:") ==
                   (Texts{"Record-Route: <sip:127.0.0.2:5070;r2=on;lr>",
                          "Record-Route: <sip:127.0.0.1:5060;r2=on;lr;x=1>"}));
  }

  void our_own_route_is_removed() {
    const Outcome outcome = run("if (loose_route()) note(\"$rc\");",
                                in_dialog("sip:bob@10.2.2.2", "Route: <sip:127.0.0.1:5060;lr>\n"));
    CPPUNIT_ASSERT(outcome.notes == (Texts{"1"}));
    CPPUNIT_ASSERT(lines(outcome.message, "Route:").empty());
    CPPUNIT_ASSERT_EQUAL(std::string(), outcome.next_hop);
    CPPUNIT_ASSERT_EQUAL(std::string("sip:bob@10.2.2.2"), outcome.uri);
  }

  void the_next_route_is_the_next_hop() {
    const char* forms[] = {"Route: <sip:127.0.0.1;lr>, <sip:10.3.3.3:5080;lr>\n",
                           "Route: <sip:127.0.0.1;lr>\nRoute: <sip:10.3.3.3:5080;lr>\n",
                           "Route: <sip:example.com;lr>\nRoute: <sip:10.3.3.3:5080;lr>\n"};
    for (const char* form : forms) {
      const Outcome outcome = run("loose_route(); if (rr_next_hop_route()) note(\"$route_uri\");",
                                  in_dialog("sip:bob@10.2.2.2", form));
      CPPUNIT_ASSERT_EQUAL_MESSAGE(form, std::string("sip:10.3.3.3:5080;lr"), outcome.next_hop);
      CPPUNIT_ASSERT(lines(outcome.message, "Route:") == (Texts{"Route: <sip:10.3.3.3:5080;lr>"}));
      CPPUNIT_ASSERT_EQUAL(std::size_t{1}, outcome.notes.size());
    }
  }

  void a_foreign_route_is_followed() {
    const Outcome outcome =
        run("loose_route(); note(\"$rc\");", in_dialog("sip:bob@10.2.2.2", "Route: <sip:10.3.3.3;lr>\n"));
    CPPUNIT_ASSERT(outcome.notes == (Texts{"1"}));
    CPPUNIT_ASSERT_EQUAL(std::string("sip:10.3.3.3;lr"), outcome.next_hop);
    CPPUNIT_ASSERT(lines(outcome.message, "Route:") == (Texts{"Route: <sip:10.3.3.3;lr>"}));
  }

  void a_double_route_is_removed_and_names_the_socket() {
    const std::string routes = "Route: <sip:127.0.0.1:5060;r2=on;lr>, <sip:127.0.0.2:5070;r2=on;lr>\n";
    const Outcome outcome = run("loose_route();", in_dialog("sip:bob@10.2.2.2", routes));
    CPPUNIT_ASSERT(lines(outcome.message, "Route:").empty());
    CPPUNIT_ASSERT_EQUAL(std::uint16_t{1}, outcome.socket);
    const Outcome more =
        run("loose_route();", in_dialog("sip:bob@10.2.2.2", routes + "Route: <sip:10.3.3.3;lr>\n"));
    CPPUNIT_ASSERT_EQUAL(std::string("sip:10.3.3.3;lr"), more.next_hop);
  }

  // 16.6 step 6.
  void a_strict_router_ahead_gets_the_request_uri() {
    const Outcome outcome =
        run("loose_route();",
            in_dialog("sip:bob@10.2.2.2", "Route: <sip:127.0.0.1;lr>, <sip:10.3.3.3>, <sip:10.4.4.4;lr>\n"));
    CPPUNIT_ASSERT_EQUAL(std::string("sip:10.3.3.3"), outcome.uri);
    CPPUNIT_ASSERT_EQUAL(std::string(), outcome.next_hop);
    CPPUNIT_ASSERT(lines(outcome.message, "Route:") ==
                   (Texts{"Route: <sip:10.4.4.4;lr>", "Route: <sip:bob@10.2.2.2>"}));
  }

  // 16.4: the Request-URI is our Record-Route value, the last Route value is the target.
  void what_a_strict_router_sent_is_put_right() {
    const Outcome last =
        run("loose_route();", in_dialog("sip:127.0.0.1:5060;lr", "Route: <sip:bob@10.2.2.2;lr>\n"));
    CPPUNIT_ASSERT_EQUAL(std::string("sip:bob@10.2.2.2;lr"), last.uri);
    CPPUNIT_ASSERT(lines(last.message, "Route:").empty());
    const Outcome outcome =
        run("loose_route(); if (check_route_param(\"x=1\")) note(\"ours\");",
            in_dialog("sip:127.0.0.1:5060;lr;x=1", "Route: <sip:10.3.3.3;lr>\nRoute: <sip:bob@10.2.2.2>\n"));
    CPPUNIT_ASSERT_EQUAL(std::string("sip:bob@10.2.2.2"), outcome.uri);
    CPPUNIT_ASSERT_EQUAL(std::string("sip:10.3.3.3;lr"), outcome.next_hop);
    CPPUNIT_ASSERT(lines(outcome.message, "Route:") == (Texts{"Route: <sip:10.3.3.3;lr>"}));
    CPPUNIT_ASSERT(outcome.notes == (Texts{"ours"}));
  }

  void between_strict_routers_only_one_uri_moves() {
    const Outcome outcome = run(
        "loose_route();", in_dialog("sip:127.0.0.1:5060;lr", "Route: <sip:10.3.3.3>, <sip:bob@10.2.2.2>\n"));
    CPPUNIT_ASSERT_EQUAL(std::string("sip:10.3.3.3"), outcome.uri);
    CPPUNIT_ASSERT(lines(outcome.message, "Route:") == (Texts{"Route: <sip:bob@10.2.2.2>"}));
  }

  void a_double_value_from_a_strict_router_is_removed() {
    const Outcome outcome = run("loose_route();", in_dialog("sip:127.0.0.1:5060;r2=on;lr",
                                                            "Route: <sip:127.0.0.2:5070;r2=on;lr>, "
                                                            "<sip:10.3.3.3;lr>, <sip:bob@10.2.2.2>\n"));
    CPPUNIT_ASSERT_EQUAL(std::string("sip:bob@10.2.2.2"), outcome.uri);
    CPPUNIT_ASSERT_EQUAL(std::string("sip:10.3.3.3;lr"), outcome.next_hop);
    CPPUNIT_ASSERT_EQUAL(std::uint16_t{1}, outcome.socket);
    CPPUNIT_ASSERT(lines(outcome.message, "Route:") == (Texts{"Route: <sip:10.3.3.3;lr>"}));
  }

  void without_route_it_is_false() {
    const Outcome outcome = run("loose_route(); note(\"$rc\");", in_dialog("sip:bob@10.2.2.2", ""));
    CPPUNIT_ASSERT(outcome.notes == (Texts{"-1"}));
  }

  // "If the request is out-of-dialog and there is only our Route, it is removed and the function is false."
  void a_preloaded_route_is_told_apart() {
    std::string message(kInvite);
    message.insert(message.find("From:"), "Route: <sip:127.0.0.1;lr>\n");
    const Outcome own = run("loose_route(); note(\"$rc\");", message);
    CPPUNIT_ASSERT(own.notes == (Texts{"-3"}));
    CPPUNIT_ASSERT(lines(own.message, "Route:").empty());
    message.insert(message.find("From:"), "Route: <sip:10.3.3.3;lr>\n");
    CPPUNIT_ASSERT(run("loose_route(); note(\"$rc\");", message).notes == (Texts{"1"}));
    CPPUNIT_ASSERT(run("loose_route_preloaded(); note(\"$rc\");", message).notes == (Texts{"1"}));
    CPPUNIT_ASSERT(run("loose_route_preloaded(); note(\"$rc\");",
                       in_dialog("sip:bob@10.2.2.2", "Route: <sip:127.0.0.1;lr>\n"))
                       .notes == (Texts{"-1"}));
  }

  void a_contact_of_this_server_is_no_strict_routing() {
    const Outcome outcome =
        run("loose_route();", in_dialog("sip:app@127.0.0.1:5060", "Route: <sip:127.0.0.1:5060;lr>\n"));
    CPPUNIT_ASSERT_EQUAL(std::string("sip:app@127.0.0.1:5060"), outcome.uri);
    CPPUNIT_ASSERT(lines(outcome.message, "Route:").empty());
    const Outcome mode = run("loose_route_mode(1);",
                             in_dialog("sip:app@127.0.0.1:5060;lr", "Route: <sip:127.0.0.1:5060;lr>\n"));
    CPPUNIT_ASSERT_EQUAL(std::string("sip:app@127.0.0.1:5060;lr"), mode.uri);
  }

  void parameters_of_our_route_are_checked() {
    const auto found = [](const std::string& pattern, const std::string& before) {
      return !run(before + "if (check_route_param(\"" + pattern + "\")) note(\"yes\");",
                  in_dialog("sip:bob@10.2.2.2", "Route: <sip:127.0.0.1;lr;nat=yes>, <sip:10.3.3.3;lr;a=b>\n"))
                  .notes.empty();
    };
    CPPUNIT_ASSERT(found("nat=yes", "loose_route();"));
    CPPUNIT_ASSERT(found(";nat=yes", "loose_route();"));
    CPPUNIT_ASSERT(found(";lr", "loose_route();"));
    CPPUNIT_ASSERT(!found("a=b", "loose_route();"));
    CPPUNIT_ASSERT(!found("nat=no", "loose_route();"));
    CPPUNIT_ASSERT(!found("nat=yes", ""));
  }

  void direction_follows_from_ftag() {
    const std::string script =
        "loose_route(); if (is_direction(\"upstream\")) note(\"up\"); if (is_direction(\"downstream\")) "
        "note(\"down\");";
    const std::string routes = "Route: <sip:127.0.0.1;lr;ftag=a1>\n";
    CPPUNIT_ASSERT(run(script, in_dialog("sip:bob@10.2.2.2", routes, "a1")).notes == (Texts{"down"}));
    CPPUNIT_ASSERT(run(script, in_dialog("sip:bob@10.2.2.2", routes, "b9")).notes == (Texts{"up"}));
    CPPUNIT_ASSERT(run(script, in_dialog("sip:bob@10.2.2.2", "Route: <sip:127.0.0.1;lr>\n")).notes ==
                   (Texts{"down"}));
    // Upstream, the caller's tag is the one in To.
    const Outcome upstream =
        run("loose_route(); record_route();", in_dialog("sip:bob@10.2.2.2", routes, "b9"), settings(1, 1));
    CPPUNIT_ASSERT(lines(upstream.message, "Record-Route:") ==
                   (Texts{"Record-Route: <sip:127.0.0.1:5060;lr;ftag=b1>"}));
    ScriptFixture wrong(lockstep_module(), "is_direction(\"sideways\");", settings());
    CPPUNIT_ASSERT(!wrong.compiles());
  }

  void wrong_route_sets_are_refused() {
    CPPUNIT_ASSERT(
        run("loose_route(); note(\"$rc\");", in_dialog("sip:bob@10.2.2.2", "Route: <sip:>\n")).notes ==
        (Texts{"-1"}));
  }

  void a_long_route_set_is_followed() {
    std::string many = "Route: <sip:127.0.0.1:5060;lr>\n";
    for (int i = 0; i < 200; ++i) many += "Route: <sip:10.0.0.1;lr>\n";
    const Outcome loose = run("loose_route();", in_dialog("sip:bob@10.2.2.2", many));
    CPPUNIT_ASSERT_EQUAL(std::string("sip:10.0.0.1;lr"), loose.next_hop);
    CPPUNIT_ASSERT_EQUAL(std::size_t{200}, lines(loose.message, "Route:").size());
    // From a strict router the last value is the Request-URI.
    const Outcome strict =
        run("loose_route();", in_dialog("sip:127.0.0.1:5060;lr", many + "Route: <sip:bob@10.9.9.9>\n"));
    CPPUNIT_ASSERT_EQUAL(std::string("sip:bob@10.9.9.9"), strict.uri);
    // All on one line, as a proxy may fold them.
    std::string one = "Route: <sip:127.0.0.1:5060;lr>";
    for (int i = 0; i < 1000; ++i) one += ", <sip:10.0.0.1;lr>";
    CPPUNIT_ASSERT_EQUAL(std::string("sip:10.0.0.1;lr"),
                         run("loose_route();", in_dialog("sip:bob@10.2.2.2", one + "\n")).next_hop);
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(RrTest);

}  // namespace
}  // namespace lockstep::test
