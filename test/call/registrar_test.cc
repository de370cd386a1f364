// registrar_test.cc: REGISTER as RFC 3261 section 10 wants it, seen from outside: what the 200 lists and who
// rings afterwards.
#include "test/call/call_test.h"

#include <cstdlib>

namespace lockstep::harness {
namespace {

int expires_of(const std::string& contact) {
  return std::atoi(parameter_in(contact, "expires").value_or("-1").c_str());
}

class RegistrarTest : public CallTest {
  CPPUNIT_TEST_SUITE(RegistrarTest);
  CPPUNIT_TEST(registration_is_listed_with_its_expiry);
  CPPUNIT_TEST(contacts_of_several_phones_are_listed);
  CPPUNIT_TEST(several_contacts_in_one_request);
  CPPUNIT_TEST(query_lists_without_change);
  CPPUNIT_TEST(refresh_replaces_the_expiry);
  CPPUNIT_TEST(stale_cseq_changes_nothing);
  CPPUNIT_TEST(expires_zero_removes_one_contact);
  CPPUNIT_TEST(star_removes_all_contacts);
  CPPUNIT_TEST(star_with_a_lifetime_is_a_bad_request);
  CPPUNIT_TEST(contact_expires_by_itself);
  CPPUNIT_TEST(too_short_a_lifetime_is_refused);
  CPPUNIT_TEST(too_long_a_lifetime_is_cut);
  CPPUNIT_TEST(contacts_beyond_the_limit_are_refused);
  CPPUNIT_TEST(registrations_are_seen_by_every_worker);
  CPPUNIT_TEST(path_is_used_as_route);
  CPPUNIT_TEST_SUITE_END();

 public:
  // Sends, waits, and returns the Contacts of a 200.
  Lines contacts_after(const Transaction& registration) {
    LS_WAIT(registration.final_status != 0);
    CPPUNIT_ASSERT_EQUAL_MESSAGE(log_text(), 200, registration.final_status);
    return registration.final().all("Contact");
  }

  void registration_is_listed_with_its_expiry() {
    serve();
    Phone& a = phone("a", "bob");
    const Lines contacts = contacts_after(a.register_contact(600, "0.7"));
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, contacts.size());
    CPPUNIT_ASSERT_EQUAL(a.contact_uri(), uri_in(contacts[0]));
    CPPUNIT_ASSERT(expires_of(contacts[0]) > 590 && expires_of(contacts[0]) <= 600);
    CPPUNIT_ASSERT_EQUAL(0.7, std::atof(parameter_in(contacts[0], "q").value_or("").c_str()));
  }

  void contacts_of_several_phones_are_listed() {
    serve();
    Phone& a = registered("a", "bob");
    Phone& b = phone("b", "bob");
    const Lines contacts = contacts_after(b.register_contact());
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, contacts.size());
    const bool has_a = uri_in(contacts[0]) == a.contact_uri() || uri_in(contacts[1]) == a.contact_uri();
    const bool has_b = uri_in(contacts[0]) == b.contact_uri() || uri_in(contacts[1]) == b.contact_uri();
    CPPUNIT_ASSERT(has_a && has_b);
  }

  void several_contacts_in_one_request() {
    serve();
    Phone& a = phone("a", "bob");
    Phone& b = phone("b", "bob");
    Phone& caller = phone("caller", "alice");
    const std::string values = "\"Bob, desk\" <" + a.contact_uri() + ">;q=0.5, <" + b.contact_uri() + ">";
    const Lines contacts = contacts_after(a.send_register({values}, 300));
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, contacts.size());
    a.answers({.final_status = 0});
    caller.invite(server().uri("bob"));
    LS_WAIT(a.count("INVITE") == 1 && b.count("INVITE") == 1);
  }

  void query_lists_without_change() {
    serve();
    Phone& a = registered("a", "bob");
    const Lines contacts = contacts_after(a.send_register({}));
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, contacts.size());
    CPPUNIT_ASSERT_EQUAL(a.contact_uri(), uri_in(contacts[0]));
  }

  void refresh_replaces_the_expiry() {
    serve();
    Phone& a = phone("a", "bob");
    contacts_after(a.register_contact(100));
    const Lines contacts = contacts_after(a.register_contact(1000));
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, contacts.size());
    CPPUNIT_ASSERT(expires_of(contacts[0]) > 990);
  }

  void stale_cseq_changes_nothing() {  // Section 10.3 step 7.
    serve();
    Phone& a = phone("a", "bob");
    const std::string contact = "<" + a.contact_uri() + ">;expires=";
    contacts_after(a.send_register({contact + "1000"}, -1, {{"CSeq", "100 REGISTER"}}));
    const Transaction& stale = a.send_register({contact + "0"}, -1, {{"CSeq", "99 REGISTER"}});
    LS_WAIT(stale.final_status != 0);
    const Lines contacts = contacts_after(a.send_register({}, -1, {{"CSeq", "101 REGISTER"}}));
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, contacts.size());
  }

  void expires_zero_removes_one_contact() {
    serve();
    auto [a, b, caller] = forked();
    contacts_after(a.unregister());
    const Lines contacts = contacts_after(b.send_register({}));
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, contacts.size());
    CPPUNIT_ASSERT_EQUAL(b.contact_uri(), uri_in(contacts[0]));
    const Transaction& call = caller.invite(server().uri("bob"));
    LS_WAIT(call.final_status == 200);
    CPPUNIT_ASSERT_EQUAL(0, a.count("INVITE"));
  }

  void star_removes_all_contacts() {
    serve();
    Phone& a = registered("a", "bob");
    registered("b", "bob");
    Phone& caller = phone("caller", "alice");
    const Lines contacts = contacts_after(a.send_register({"*"}, 0));
    CPPUNIT_ASSERT(contacts.empty());
    const Transaction& call = caller.invite(server().uri("bob"));
    LS_WAIT(call.final_status != 0);
    CPPUNIT_ASSERT_EQUAL(404, call.final_status);
  }

  void star_with_a_lifetime_is_a_bad_request() {
    serve();
    Phone& a = registered("a", "bob");
    const Transaction& bad = a.send_register({"*"}, 60);
    LS_WAIT(bad.final_status != 0);
    CPPUNIT_ASSERT_EQUAL(400, bad.final_status);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, contacts_after(a.send_register({})).size());
  }

  void contact_expires_by_itself() {
    serve();
    Phone& a = phone("a", "bob");
    Phone& b = registered("b", "bob");
    Phone& caller = phone("caller", "alice");
    contacts_after(a.register_contact(1));
    const auto is_gone = [&] {
      const Transaction& query = b.send_register({});
      stage.run_until([&] { return query.final_status != 0; });
      return query.final_status == 200 && query.final().all("Contact").size() == 1;
    };
    for (int attempt = 0; attempt < 40 && !is_gone(); ++attempt) stage.settle(200);
    CPPUNIT_ASSERT(is_gone());
    const Transaction& call = caller.invite(server().uri("bob"));
    LS_WAIT(call.final_status == 200);
    CPPUNIT_ASSERT_EQUAL(0, a.count("INVITE"));
  }

  void too_short_a_lifetime_is_refused() {  // Section 10.3 step 7: 423 with Min-Expires.
    serve(2, {"-A", "MIN_EXPIRES=60"});
    Phone& a = phone("a", "bob");
    const Transaction& brief = a.register_contact(10);
    LS_WAIT(brief.final_status != 0);
    // Kamailio lengthens instead; both are known to phones.
    if (Server::is_peer()) return;
    CPPUNIT_ASSERT_EQUAL(423, brief.final_status);
    CPPUNIT_ASSERT_EQUAL(std::string("60"), brief.final().get("Min-Expires"));
  }

  void too_long_a_lifetime_is_cut() {
    serve();
    Phone& a = phone("a", "bob");
    const Lines contacts = contacts_after(a.register_contact(100000));
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, contacts.size());
    CPPUNIT_ASSERT(expires_of(contacts[0]) > 3500 && expires_of(contacts[0]) <= 3600);
  }

  void contacts_beyond_the_limit_are_refused() {
    serve(2, {"-A", "MAX_CONTACTS=1"});
    registered("a", "bob");
    Phone& b = phone("b", "bob");
    const Transaction& second = b.register_contact();
    LS_WAIT(second.final_status != 0);
    CPPUNIT_ASSERT_EQUAL(503, second.final_status);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, contacts_after(b.send_register({})).size());
  }

  void registrations_are_seen_by_every_worker() {
    serve(4);
    Phone& caller = phone("caller", "alice");
    for (int i = 0; i < 8; ++i) {
      const std::string user = "user" + std::to_string(i);
      Phone& one = registered(user, user);
      const Transaction& call = caller.invite(server().uri(user));
      LS_WAIT(call.final_status == 200 && one.count("ACK") == 1);
    }
  }

  void path_is_used_as_route() {  // RFC 3327.
    serve();
    Phone& edge = phone("edge", "edge");
    Phone& a = phone("a", "bob");
    Phone& caller = phone("caller", "alice");
    const std::string path = "<sip:" + edge.address().text() + ";lr>";
    contacts_after(
        a.send_register({"<" + a.contact_uri() + ">"}, 300, {{"Path", path}, {"Supported", "path"}}));
    caller.invite(server().uri("bob"));
    LS_WAIT(edge.count("INVITE") == 1);
    CPPUNIT_ASSERT_EQUAL(a.contact_uri(), edge.last("INVITE").request_uri());
    CPPUNIT_ASSERT_EQUAL(path, edge.last("INVITE").get("Route"));
    CPPUNIT_ASSERT_EQUAL(0, a.count("INVITE"));
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(RegistrarTest);

}  // namespace
}  // namespace lockstep::harness
