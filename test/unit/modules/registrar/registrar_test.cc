// registrar_test.cc: REGISTER in, response and bindings out; lookup in, targets out. Over the real location
// service, with a TransactionControl that writes down what it is asked to send.
#include "modules/registrar/registrar.h"

#include <cppunit/extensions/HelperMacros.h>
#include <fmt/format.h>

#include "core/script/registry.h"
#include "test/unit/modules/usrloc/location_fixture.h"

namespace lockstep::registrar {
namespace {

using usrloc::FixtureOptions;
using usrloc::LocationFixture;
using worker::Destination;
using worker::ScriptContext;
using Lines = std::vector<std::string>;

class Recorder final : public worker::TransactionControl {
 public:
  int relay(ScriptContext&) override { return -1; }
  int new_transaction(ScriptContext&) override { return -1; }
  int reply(ScriptContext& context, std::uint16_t status, std::string_view reason) override {
    return note("stateful ", context, status, reason);
  }
  int check(ScriptContext&) override { return -1; }
  int lookup_cancel(ScriptContext&) override { return -1; }
  int release(ScriptContext&) override { return -1; }
  int cancel_branches(ScriptContext&, std::string_view) override { return -1; }
  bool has_transaction(const ScriptContext&) const override { return has; }
  bool is_cancelled(const ScriptContext&) const override { return false; }
  bool is_expired(const ScriptContext&) const override { return false; }
  std::uint16_t status(const ScriptContext&) const override { return 0; }
  bool any_replied(const ScriptContext&) const override { return false; }
  std::uint32_t branch_count(const ScriptContext&) const override { return 0; }
  int set_timers(ScriptContext&, std::uint32_t, std::uint32_t) override { return -1; }
  int stateless_reply(ScriptContext& context, std::uint16_t status, std::string_view reason) override {
    return note("", context, status, reason);
  }
  int stateless_forward(ScriptContext&) override { return -1; }

  bool has = false;
  std::string sent;

 private:
  int note(std::string_view how, ScriptContext& context, std::uint16_t status, std::string_view reason) {
    sent += fmt::format("{}{} {}\n{}", how, status, reason, context.reply_lines);
    return 1;
  }
};

// One message in the hands of a script.
struct Handled {
  Handled(LocationFixture& on, worker::LocalNames& names, std::string text)
      : bytes(std::move(text)), context(arena, state, on.process(), control, names, message, edits) {
    message.parse(bytes);
    context.socket = 0;
  }
  std::string bytes;
  Arena arena{256 * 1024};
  script::ScriptState state{0};
  Recorder control;
  sip::Message message;
  sip::EditList edits;
  ScriptContext context;
};

class RegistrarTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(RegistrarTest);
  CPPUNIT_TEST(all_bindings_are_listed);
  CPPUNIT_TEST(a_query_lists_and_changes_nothing);
  CPPUNIT_TEST(expiry_comes_from_contact_then_header_then_default);
  CPPUNIT_TEST(too_brief_an_interval_is_423);
  CPPUNIT_TEST(default_expires_below_the_minimum_is_raised);
  CPPUNIT_TEST(expires_range_shortens);
  CPPUNIT_TEST(star_needs_expires_zero_and_stands_alone);
  CPPUNIT_TEST(several_contacts_are_applied_all_or_none);
  CPPUNIT_TEST(return_values_of_save);
  CPPUNIT_TEST(cseq_rules);
  CPPUNIT_TEST(malformed_requests_are_named);
  CPPUNIT_TEST(too_many_contacts);
  CPPUNIT_TEST(a_full_memory_is_503_with_retry_after);
  CPPUNIT_TEST(require_of_something_unknown_is_420);
  CPPUNIT_TEST(path_modes);
  CPPUNIT_TEST(received_is_stored_and_told);
  CPPUNIT_TEST(path_use_received);
  CPPUNIT_TEST(no_reply_then_reg_send_reply);
  CPPUNIT_TEST(prepared_lines_join_the_scripts_reply);
  CPPUNIT_TEST(a_transaction_answers_statefully_and_keeps_the_scripts_lines);
  CPPUNIT_TEST(aor_text);
  CPPUNIT_TEST(lookup_forks_to_all_contacts_by_q);
  CPPUNIT_TEST(lookup_without_append_branches);
  CPPUNIT_TEST(lookup_is_bounded_by_max_branches);
  CPPUNIT_TEST(lookup_return_values);
  CPPUNIT_TEST(lookup_takes_the_way_by_path_received_and_socket);
  CPPUNIT_TEST(lookup_skips_a_path_to_ourselves);
  CPPUNIT_TEST(lookup_of_branches);
  CPPUNIT_TEST(registered_and_unregister);
  CPPUNIT_TEST_SUITE_END();

 public:
  void setUp() override { make({}); }
  void tearDown() override { on.reset(); }

  void make(FixtureOptions options) {
    on = std::make_unique<LocationFixture>(options);
    registrar = Registrar();
    registrar.store = &on->table;
    registrar.counters.accepted = on->names.add("registrar", "accepted_regs", "");
    registrar.counters.rejected = on->names.add("registrar", "rejected_regs", "");
    registrar.counters.refused_full = on->names.add("registrar", "refused_full", "");
    names.sockets().clear();
    names.sockets().push_back(
        {*parse_address("127.0.0.1", 5060), "udp:127.0.0.1:5060", "127.0.0.1", 5060, ""});
    now_s = 1000;
    next_cseq = 1;
  }

  static std::string request(std::string_view method, std::string_view uri, std::string_view to,
                             std::uint32_t cseq, std::string_view headers) {
    return fmt::format(
        "{0} {1} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.9:5061;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n"
        "From: <sip:x@y>;tag=1\r\nTo: {2}\r\nCall-ID: call\r\nCSeq: {3} {0}\r\n{4}Content-Length: 0\r\n\r\n",
        method, uri, to, cseq, headers);
  }
  std::unique_ptr<Handled> handled(std::string_view headers, std::uint32_t cseq = 0,
                                   std::string_view to = "<sip:bob@h>") {
    return std::make_unique<Handled>(
        *on, names, request("REGISTER", "sip:h", to, cseq == 0 ? next_cseq++ : cseq, headers));
  }
  // What save() answered: status line and extra lines; `result` is what it returned.
  std::string save(std::string_view headers, std::uint32_t cseq = 0, std::uint32_t flags = 0) {
    const auto run = handled(headers, cseq);
    result = registrar.save(run->context, on->location, flags, {}, now_s);
    return run->control.sent;
  }
  void assert_save(std::string_view expected, std::string_view headers, std::uint32_t cseq = 0) {
    CPPUNIT_ASSERT_EQUAL(std::string(expected), save(headers, cseq));
  }
  std::string bindings() { return fmt::format("{}", fmt::join(on->listed("bob", now_s), ", ")); }

  static std::string target_text(const Destination& to) {
    return fmt::format("{} hop={} path={} q={} flags={} socket={}", to.uri, to.next_hop, to.path, to.q,
                       to.flags, to.socket == worker::kNoSocket ? -1 : int{to.socket});
  }
  std::unique_ptr<Handled> invite(std::string_view uri = "sip:bob@h", std::string_view method = "INVITE",
                                  std::string_view to = "<sip:bob@h>") {
    return std::make_unique<Handled>(*on, names, request(method, uri, to, 1, ""));
  }
  Lines lookup(std::string_view uri = "sip:bob@h") {
    const auto run = invite(uri);
    result = registrar.lookup(run->context, on->location, {}, now_s);
    Lines lines;
    if (!run->context.target.uri.empty()) lines.push_back(target_text(run->context.target));
    for (const Destination& branch : run->context.branches) lines.push_back(target_text(branch));
    return lines;
  }
  static void assert_lines(const Lines& expected, const Lines& actual) {
    CPPUNIT_ASSERT_EQUAL(fmt::format("{}", fmt::join(expected, "\n")),
                         fmt::format("{}", fmt::join(actual, "\n")));
  }

  // 10.3 step 8: the response contains all current bindings, each with an expires parameter.
  void all_bindings_are_listed() {
    assert_save("200 OK\nContact: <sip:a@1.1.1.1>;expires=3600\r\n", "Contact: <sip:a@1.1.1.1>\r\n");
    now_s += 10;
    assert_save(
        "200 OK\nContact: "
        "<sip:b@2.2.2.2:5070;ob>;q=0.55;expires=100;+sip.instance=\"<urn:uuid:1>\";reg-id=2, "
        "<sip:a@1.1.1.1>;expires=3590\r\n",
        "Contact: \"Bob; B\" "
        "<sip:b@2.2.2.2:5070;ob>;q=0.55;expires=100;+sip.instance=\"<urn:uuid:1>\";reg-id=2\r\n");
    assert_save(
        "200 OK\nContact: <sip:c@3.3.3.3>;q=1;expires=60, <sip:b@2.2.2.2:5070;ob>;q=0.55;expires=100;"
        "+sip.instance=\"<urn:uuid:1>\";reg-id=2, <sip:d@h>;q=0.005;expires=60, "
        "<sip:a@1.1.1.1>;expires=3590\r\n",
        "Expires: 60\r\nm: sip:c@3.3.3.3;q=1.0, <sip:d@h>;q=0.005\r\n");
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{3}, on->counter("accepted_regs"));
  }

  void a_query_lists_and_changes_nothing() {
    assert_save("200 OK\n", "");
    CPPUNIT_ASSERT_EQUAL(4, result);
    save("Contact: <sip:a@h>;q=0.3\r\n");
    now_s += 600;
    assert_save("200 OK\nContact: <sip:a@h>;q=0.3;expires=3000\r\n", "");
    CPPUNIT_ASSERT_EQUAL(std::string("sip:a@h 2"), bindings());
  }

  void expiry_comes_from_contact_then_header_then_default() {
    registrar.settings.max_expires_s = 4000;
    assert_save("200 OK\nContact: <sip:a@h>;expires=200\r\n",
                "Expires: 300\r\nContact: <sip:a@h>;expires=200\r\n");
    assert_save("200 OK\nContact: <sip:a@h>;expires=300\r\n", "Expires: 300\r\nContact: <sip:a@h>\r\n");
    assert_save("200 OK\nContact: <sip:a@h>;expires=3600\r\n", "Contact: <sip:a@h>\r\n");
    assert_save("200 OK\nContact: <sip:a@h>;expires=4000\r\n", "Contact: <sip:a@h>;expires=99999\r\n");
    // "Malformed values SHOULD be treated as equivalent to 3600" (10.2.1.1).
    assert_save("200 OK\nContact: <sip:a@h>;expires=3600\r\n",
                "Expires: 70\r\nContact: <sip:a@h>;expires=soon\r\n");
    assert_save("200 OK\n", "Contact: <sip:a@h>;expires=0\r\n");
  }

  void too_brief_an_interval_is_423() {
    assert_save("423 Interval Too Brief\nMin-Expires: 60\r\n", "Contact: <sip:a@h>;expires=59\r\n");
    CPPUNIT_ASSERT_EQUAL(-1, result);
    assert_save("423 Interval Too Brief\nMin-Expires: 60\r\n",
                "Contact: <sip:b@h>, <sip:a@h>;expires=59\r\n");
    CPPUNIT_ASSERT_EQUAL(std::string(), bindings());
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, on->counter("rejected_regs"));
    // Only below one hour may it be refused (10.3 step 7).
    registrar.settings.min_expires_s = 7200;
    assert_save("200 OK\nContact: <sip:a@h>;expires=7200\r\n", "Contact: <sip:a@h>;expires=3600\r\n");
  }

  void default_expires_below_the_minimum_is_raised() {
    registrar.settings.default_expires_s = 10;
    assert_save("200 OK\nContact: <sip:a@h>;expires=60\r\n", "Contact: <sip:a@h>\r\n");
  }

  void expires_range_shortens() {
    registrar.settings.expires_range = 50;
    for (int i = 0; i < 20; ++i) {
      const std::string answer = save("Contact: <sip:a@h>;expires=1000\r\n");
      const int granted = std::atoi(answer.c_str() + answer.find("expires=") + 8);
      CPPUNIT_ASSERT(granted >= 500 && granted <= 1000);
    }
    CPPUNIT_ASSERT_EQUAL(std::string("200 OK\nContact: <sip:a@h>;expires=1000\r\n"),
                         save("Contact: <sip:a@h>;expires=1000\r\n", 0, kSaveExactExpires));
  }

  void star_needs_expires_zero_and_stands_alone() {
    save("Contact: <sip:a@h>, <sip:b@h>\r\n");
    assert_save("400 Contact * Needs Expires 0\n", "Contact: *\r\n");
    assert_save("400 Contact * Needs Expires 0\n", "Contact: *\r\nExpires: 10\r\n");
    assert_save("400 Contact * Must Stand Alone\n", "Contact: <sip:c@h>, *\r\nExpires: 0\r\n");
    CPPUNIT_ASSERT_EQUAL(std::string("sip:b@h 1, sip:a@h 1"), bindings());
    assert_save("200 OK\n", "Contact: *\r\nExpires: 0\r\n");
    CPPUNIT_ASSERT_EQUAL(3, result);
  }

  void several_contacts_are_applied_all_or_none() {
    save("Contact: <sip:a@h>\r\n");
    assert_save("400 Contact URI Is Malformed\n", "Contact: <sip:b@h>, <sip:c@>, <sip:a@h>;expires=0\r\n");
    assert_save("400 Contact Is No SIP URI\n", "Contact: <sip:b@h>, <mailto:a@h>\r\n");
    CPPUNIT_ASSERT_EQUAL(std::string("sip:a@h 1"), bindings());
    save("Contact: <sip:b@h>, <sip:a@h>;expires=0\r\n");
    CPPUNIT_ASSERT_EQUAL(std::string("sip:b@h 4"), bindings());
  }

  void return_values_of_save() {
    save("Contact: <sip:a@h>\r\n", 5);
    CPPUNIT_ASSERT_EQUAL(1, result);
    save("Contact: <sip:a@h>\r\n", 6);
    CPPUNIT_ASSERT_EQUAL(2, result);
    save("Contact: <sip:a@h>\r\n", 6);
    CPPUNIT_ASSERT_EQUAL(2, result);
    save("Contact: <sip:a@h>;expires=0\r\n", 7);
    CPPUNIT_ASSERT_EQUAL(3, result);
    save("", 8);
    CPPUNIT_ASSERT_EQUAL(4, result);
    const auto run = invite();
    CPPUNIT_ASSERT_EQUAL(-1, registrar.save(run->context, on->location, 0, {}, now_s));
    CPPUNIT_ASSERT_EQUAL(std::string(), run->control.sent);
  }

  void cseq_rules() {
    save("Contact: <sip:a@h>;expires=100\r\n", 10);
    // The same request again, for its answer was lost.
    assert_save("200 OK\nContact: <sip:a@h>;expires=100\r\n", "Contact: <sip:a@h>;expires=200\r\n", 10);
    assert_save("500 CSeq Is Not Higher\n", "Contact: <sip:a@h>;expires=0\r\n", 9);
    assert_save("500 CSeq Is Not Higher\n", "Contact: *\r\nExpires: 0\r\n", 9);
    CPPUNIT_ASSERT_EQUAL(std::string("sip:a@h 10"), bindings());
  }

  void malformed_requests_are_named() {
    assert_save("400 Contact URI Is Malformed\n", "Contact: <sip:>\r\n");
    assert_save("400 Contact URI Is Malformed\n", "Contact: <sip:x@[>\r\n");
    assert_save("400 Contact Is Malformed\n", "Contact: <sip:x@h\r\n");
    assert_save("400 Contact q Is Malformed\n", "Contact: <sip:x@h>;q=2\r\n");
    assert_save("400 Contact URI Too Long\n", fmt::format("Contact: <sip:{}@h>\r\n", std::string(600, 'x')));
    std::string many = "Contact: <sip:0@h>";
    for (int i = 1; i < 40; ++i) many += fmt::format(", <sip:{}@h>", i);
    assert_save("400 Too Many Contacts In Request\n", many + "\r\n");
    const auto no_user = handled("Contact: <sip:a@h>\r\n", 0, "<sip:h>");
    CPPUNIT_ASSERT_EQUAL(-1, registrar.save(no_user->context, on->location, 0, {}, now_s));
    CPPUNIT_ASSERT_EQUAL(std::string("400 To URI Has No User\n"), no_user->control.sent);
    const auto long_user =
        handled("Contact: <sip:a@h>\r\n", 0, fmt::format("<sip:{}@h>", std::string(300, 'u')));
    registrar.save(long_user->context, on->location, 0, {}, now_s);
    CPPUNIT_ASSERT_EQUAL(std::string("400 Address Of Record Too Long\n"), long_user->control.sent);
    CPPUNIT_ASSERT_EQUAL(std::uint16_t{400}, long_user->context.last_error.status);
  }

  void too_many_contacts() {
    registrar.settings.max_contacts = 1;
    save("Contact: <sip:a@h>\r\n");
    assert_save("503 Too Many Contacts\n", "Contact: <sip:b@h>\r\n");
    CPPUNIT_ASSERT_EQUAL(-2, result);
    registrar.settings.retry_after_s = 20;
    assert_save("503 Too Many Contacts\nRetry-After: 20\r\n", "Contact: <sip:b@h>\r\n");
    CPPUNIT_ASSERT_EQUAL(std::string("200 OK\nContact: <sip:b@h>;expires=3600\r\n"),
                         save("Contact: <sip:b@h>\r\n", 0, kSaveOneContact));
  }

  void a_full_memory_is_503_with_retry_after() {
    make({.segment_bytes = 1 << 20});
    std::string answer;
    for (int i = 0; i < 5000 && !answer.starts_with("503"); ++i) {
      const auto run = handled("Contact: <sip:a@h>\r\n", 0, fmt::format("<sip:u{}@h>", i));
      registrar.save(run->context, on->location, 0, {}, now_s);
      answer = run->control.sent;
    }
    CPPUNIT_ASSERT_EQUAL(std::string("503 Service Unavailable\nRetry-After: 30\r\n"), answer);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, on->counter("refused_full"));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, on->counter("rejected_regs"));
  }

  void require_of_something_unknown_is_420() {
    assert_save("420 Bad Extension\nUnsupported: foo, path\r\n",
                "Require: foo, path\r\nContact: <sip:a@h>\r\n");
    registrar.settings.use_path = true;
    assert_save("420 Bad Extension\nUnsupported: foo\r\n", "Require: foo, path\r\nContact: <sip:a@h>\r\n");
    assert_save("200 OK\nContact: <sip:a@h>;expires=3600\r\n", "Require: path\r\nContact: <sip:a@h>\r\n");
  }

  void path_modes() {  // RFC 3327 5.3.
    const std::string with =
        "Path: <sip:p1;lr>,\r\n <sip:p2;lr>\r\nPath: <sip:p3;lr>\r\nContact: <sip:a@h>\r\n";
    const std::string supported = "Supported: gruu, path\r\n";
    const std::string contact = "200 OK\nContact: <sip:a@h>;expires=3600\r\n";
    const std::string returned = contact + "Path: <sip:p1;lr>, <sip:p2;lr>, <sip:p3;lr>\r\n";
    assert_save(contact, with + supported);
    assert_lines({"sip:a@h hop= path= q=0 flags=0 socket=0"}, lookup());
    registrar.settings.use_path = true;
    assert_save("420 Bad Extension\nUnsupported: path\r\n", with);
    assert_save(returned, with + supported);
    registrar.settings.path_mode = 1;
    assert_save(contact, with);
    assert_save(returned, with + supported);
    registrar.settings.path_mode = 0;
    assert_save(contact, with + supported);
    assert_lines({"sip:a@h hop=sip:p1;lr path=<sip:p1;lr>, <sip:p2;lr>, <sip:p3;lr> q=0 flags=0 socket=0"},
                 lookup());
    assert_save("400 Path Is Malformed\n", "Path: <sip:@>\r\nContact: <sip:a@h>\r\n");
  }

  // received_avp as a variable of this test's own.
  void set_received(script::Value value) {
    received = value;
    exports.name = "test";
    script::VariableSpec spec;
    spec.name = "received_here";
    spec.get = [this](script::Context&, const script::VariableRef&) { return received; };
    exports.variables.push_back(std::move(spec));
    registry.add(exports);
    std::size_t used = 0;
    auto variable = script::parse_variable("$received_here", registry, used);
    CPPUNIT_ASSERT(variable.ok());
    registrar.received_variable = std::move(*variable);
  }

  void received_is_stored_and_told() {
    set_received(script::Value::of_string("sip:192.0.2.9:40000"));
    assert_save("200 OK\nContact: <sip:a@10.0.0.1>;expires=3600;received=\"sip:192.0.2.9:40000\"\r\n",
                "Contact: <sip:a@10.0.0.1>\r\n");
    assert_lines({"sip:a@10.0.0.1 hop=sip:192.0.2.9:40000 path= q=0 flags=0 socket=0"}, lookup());
    registrar.settings.received_param.clear();
    assert_save("200 OK\nContact: <sip:a@10.0.0.1>;expires=3600\r\n", "");
    registrar.settings.received_param = "received";
    for (const script::Value value : {script::Value::null(), script::Value::of_string("x\"\r\nEvil: 1")}) {
      received = value;
      assert_save("200 OK\nContact: <sip:a@10.0.0.1>;expires=3600\r\n", "Contact: <sip:a@10.0.0.1>\r\n");
    }
  }

  void path_use_received() {
    make({.table = {.bucket_bits = 4, .nat_flag = 64}});
    registrar.settings.use_path = true;
    registrar.settings.path_mode = 0;
    registrar.settings.path_use_received = true;
    assert_save("200 OK\nContact: <sip:a@h>;expires=3600;received=\"sip:9.9.9.9:1234;transport=udp\"\r\n",
                "Path: <sip:lb;lr;received=sip:9.9.9.9:1234%3btransport=udp>\r\nContact: <sip:a@h>\r\n");
    CPPUNIT_ASSERT(lookup()[0].ends_with("flags=64 socket=0"));
  }

  void no_reply_then_reg_send_reply() {
    const auto run = handled("Contact: <sip:a@h>\r\n");
    CPPUNIT_ASSERT_EQUAL(1, registrar.save(run->context, on->location, kSaveNoReply, {}, now_s));
    CPPUNIT_ASSERT_EQUAL(std::string(), run->control.sent);
    const auto other = handled("");
    CPPUNIT_ASSERT_EQUAL(-1, registrar.send_reply(other->context));
    CPPUNIT_ASSERT_EQUAL(1, registrar.send_reply(run->context));
    CPPUNIT_ASSERT_EQUAL(std::string("200 OK\nContact: <sip:a@h>;expires=3600\r\n"), run->control.sent);
    CPPUNIT_ASSERT_EQUAL(-1, registrar.send_reply(run->context));
  }

  void prepared_lines_join_the_scripts_reply() {
    const auto run = handled("Contact: <sip:a@h>\r\n");
    registrar.save(run->context, on->location, kSaveNoReply | kSavePrepareReply, {}, now_s);
    CPPUNIT_ASSERT_EQUAL(std::string("Contact: <sip:a@h>;expires=3600\r\n"),
                         std::string(run->context.reply_lines));
  }

  void a_transaction_answers_statefully_and_keeps_the_scripts_lines() {
    const auto run = handled("Contact: <sip:a@h>\r\n");
    run->control.has = true;
    run->context.reply_lines = "X: 1\r\n";
    registrar.save(run->context, on->location, 0, {}, now_s);
    CPPUNIT_ASSERT_EQUAL(std::string("stateful 200 OK\nX: 1\r\nContact: <sip:a@h>;expires=3600\r\n"),
                         run->control.sent);
    CPPUNIT_ASSERT_EQUAL(std::string("X: 1\r\n"), std::string(run->context.reply_lines));
  }

  void aor_text() {
    Arena arena(4096);
    Settings settings;
    const auto aor = [&](std::string_view uri, bool use_domain) {
      return std::string(build_aor(*sip::parse_uri(uri), use_domain, settings, arena).value_or("none"));
    };
    CPPUNIT_ASSERT_EQUAL(std::string("bob"), aor("sip:Bob:pw@Example.com;x=1", false));
    CPPUNIT_ASSERT_EQUAL(std::string("bob@example.com"), aor("sips:%42ob@Example.com:5070", true));
    CPPUNIT_ASSERT_EQUAL(std::string("a b"), aor("sip:a%20b@h", false));
    CPPUNIT_ASSERT_EQUAL(std::string("none"), aor("sip:h", false));
    CPPUNIT_ASSERT_EQUAL(std::string("+1201"), aor("tel:+1201", false));
    settings.case_sensitive = true;
    settings.realm_prefix = "sip.";
    CPPUNIT_ASSERT_EQUAL(std::string("Bob@example.com"), aor("sip:Bob@SIP.Example.com", true));
    CPPUNIT_ASSERT_EQUAL(5U, method_bits("INVITE, ACK"));
    CPPUNIT_ASSERT_EQUAL(16384U + 8, method_bits("BYE,FOO"));
  }

  void lookup_forks_to_all_contacts_by_q() {
    save("Contact: <sip:a@h>;q=0.2, <sip:b@h>, <sip:c@h>;q=0.9\r\n");
    usrloc::Request by_hand("bob", "rpc", 1, now_s);
    CPPUNIT_ASSERT(by_hand.add("mailto:bob@h", now_s + 1000, 1000).run(*on).ok());
    assert_lines({"sip:c@h hop= path= q=900 flags=0 socket=0", "sip:a@h hop= path= q=200 flags=0 socket=0",
                  "sip:b@h hop= path= q=0 flags=0 socket=0"},
                 lookup("sip:BOB@h"));
    CPPUNIT_ASSERT_EQUAL(1, result);
  }

  void lookup_without_append_branches() {
    registrar.settings.append_branches = false;
    save("Contact: <sip:a@h>;q=0.2, <sip:c@h>;q=0.9\r\n");
    assert_lines({"sip:c@h hop= path= q=900 flags=0 socket=0"}, lookup());
  }

  void lookup_is_bounded_by_max_branches() {
    for (int i = 0; i < 15; ++i) save(fmt::format("Contact: <sip:{}@h>\r\n", i));
    CPPUNIT_ASSERT_EQUAL(std::size_t{12}, lookup().size());
  }

  void lookup_return_values() {
    lookup();
    CPPUNIT_ASSERT_EQUAL(-1, result);
    lookup("sip:h");
    CPPUNIT_ASSERT_EQUAL(-1, result);
    lookup("foo");
    CPPUNIT_ASSERT_EQUAL(-3, result);
    save("Contact: <sip:a@h>;methods=\"MESSAGE\"\r\nAllow: INVITE\r\n");
    lookup();
    CPPUNIT_ASSERT_EQUAL(1, result);
    registrar.settings.method_filtering = true;
    CPPUNIT_ASSERT(lookup().empty());
    CPPUNIT_ASSERT_EQUAL(-2, result);
    const auto in_dialog = invite("sip:bob@h", "INVITE", "<sip:bob@h>;tag=9");
    CPPUNIT_ASSERT_EQUAL(1, registrar.lookup(in_dialog->context, on->location, {}, now_s));
    save("Contact: <sip:b@h>\r\nAllow: INVITE\r\nAllow: ACK\r\n");
    assert_lines({"sip:b@h hop= path= q=0 flags=0 socket=0"}, lookup());
    now_s += 4000;
    lookup();
    CPPUNIT_ASSERT_EQUAL(-1, result);
  }

  void lookup_takes_the_way_by_path_received_and_socket() {
    const auto run = handled("Contact: <sip:a@h>\r\n");
    run->context.target.flags = 6;
    run->context.socket = worker::kNoSocket;
    registrar.save(run->context, on->location, 0, {}, now_s);
    const auto call = invite();
    call->context.target.flags = 1;
    call->context.target.next_hop = "sip:old";
    CPPUNIT_ASSERT_EQUAL(1, registrar.lookup(call->context, on->location, "sip:bob@elsewhere", now_s));
    CPPUNIT_ASSERT_EQUAL(std::string("sip:a@h hop= path= q=0 flags=7 socket=-1"),
                         target_text(call->context.target));
    CPPUNIT_ASSERT_EQUAL(std::string("uloc-1000-1-1"), std::string(call->context.target.ruid));
  }

  void lookup_skips_a_path_to_ourselves() {
    registrar.settings.use_path = true;
    registrar.settings.path_mode = 0;
    registrar.settings.path_check_local = true;
    save("Path: <sip:127.0.0.1:5060;lr>, <sip:edge;lr>\r\nContact: <sip:a@h>\r\n");
    assert_lines({"sip:a@h hop=sip:edge;lr path=<sip:edge;lr> q=0 flags=0 socket=0"}, lookup());
    save("Path: <sip:127.0.0.1:5060;lr>\r\nContact: <sip:a@h>\r\n");
    assert_lines({"sip:a@h hop= path= q=0 flags=0 socket=0"}, lookup());
  }

  void lookup_of_branches() {
    save("Contact: <sip:a@h>, <sip:b@h>\r\n");
    const auto to_branches = invite();
    CPPUNIT_ASSERT_EQUAL(1, registrar.lookup_to_branches(to_branches->context, on->location, {}, now_s));
    CPPUNIT_ASSERT(to_branches->context.target.uri.empty());
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, to_branches->context.branches.size());
    const auto both = invite("sip:nobody@h");
    for (const std::string_view uri : {"sip:bob@h", "sip:else@h"}) {
      Destination branch;
      branch.uri = uri;
      both->context.branches.push_back(branch);
    }
    CPPUNIT_ASSERT_EQUAL(-1, registrar.lookup_branches(both->context, on->location, now_s));
    Lines uris;
    for (const Destination& branch : both->context.branches) uris.emplace_back(branch.uri);
    assert_lines({"sip:b@h", "sip:a@h", "sip:else@h"}, uris);
  }

  void registered_and_unregister() {
    const auto run = invite();
    CPPUNIT_ASSERT_EQUAL(-1, registrar.registered(run->context, on->location, {}, now_s));
    CPPUNIT_ASSERT_EQUAL(-3, registrar.unregister(run->context, on->location, "sip:bob@h", {}, now_s));
    save("Contact: <sip:a@h>, <sip:b@h>\r\n");
    CPPUNIT_ASSERT_EQUAL(1, registrar.registered(run->context, on->location, {}, now_s));
    CPPUNIT_ASSERT_EQUAL(1, registrar.registered(run->context, on->location, "sip:BOB@x", now_s));
    CPPUNIT_ASSERT_EQUAL(
        1, registrar.unregister(run->context, on->location, "sip:bob@h", "uloc-1000-1-2", now_s));
    CPPUNIT_ASSERT_EQUAL(std::string("sip:a@h 1"), bindings());
    CPPUNIT_ASSERT_EQUAL(-1, registrar.unregister(run->context, on->location, "sip:h", {}, now_s));
    CPPUNIT_ASSERT_EQUAL(1, registrar.unregister(run->context, on->location, "sip:bob@h", {}, now_s));
    CPPUNIT_ASSERT_EQUAL(std::string(), bindings());
  }

 private:
  std::unique_ptr<LocationFixture> on;
  Registrar registrar;
  worker::LocalNames names;
  script::ModuleExports exports;
  script::Registry registry;
  script::Value received;
  std::uint64_t now_s = 1000;
  std::uint32_t next_cseq = 1;
  int result = 0;
};

CPPUNIT_TEST_SUITE_REGISTRATION(RegistrarTest);

}  // namespace
}  // namespace lockstep::registrar
