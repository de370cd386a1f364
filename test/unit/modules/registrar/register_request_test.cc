// register_request_test.cc: which contacts a REGISTER may name: those that a request can reach.
#include "modules/registrar/register_request.h"

#include <cppunit/extensions/HelperMacros.h>
#include <fmt/format.h>

namespace lockstep::registrar {
namespace {

class RegisterRequestTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(RegisterRequestTest);
  CPPUNIT_TEST(uris_that_are_not_sip_are_refused);
  CPPUNIT_TEST(addresses_that_nobody_has_are_refused);
  CPPUNIT_TEST(names_and_addresses_of_hosts_are_taken);
  CPPUNIT_TEST(an_address_behind_nat_or_path_is_not_looked_at);
  CPPUNIT_TEST(what_is_removed_need_not_be_reachable);
  CPPUNIT_TEST_SUITE_END();

  // "400 Reason", or how many contacts are asked for.
  std::string read(const std::string& contact) {
    Arena arena(16 * 1024);
    sip::Message message;
    const std::string bytes = fmt::format(
        "REGISTER sip:h SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.9;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n"
        "From: <sip:x@y>;tag=1\r\nTo: <sip:bob@h>\r\nCall-ID: call\r\nCSeq: 1 REGISTER\r\n{}"
        "Contact: {}\r\nContent-Length: 0\r\n\r\n",
        path_, contact);
    message.parse(bytes);
    const auto request = read_register(message, settings_, around_, arena);
    if (!request) return fmt::format("{} {}", request.error().status, request.error().reason);
    return std::to_string(request->changes.size());
  }
  void assert_refused(std::string_view reason, const std::string& contact) {
    CPPUNIT_ASSERT_EQUAL_MESSAGE(contact, fmt::format("400 {}", reason), read(contact));
  }
  void assert_taken(const std::string& contact) {
    CPPUNIT_ASSERT_EQUAL_MESSAGE(contact, std::string("1"), read(contact));
  }

 public:
  void uris_that_are_not_sip_are_refused() {
    for (const char* uri : {"mailto:bob@h", "tel:+4989123", "http://h/bob", "urn:service:sos"}) {
      assert_refused("Contact Is No SIP URI", fmt::format("<{}>", uri));
    }
    assert_refused("Contact Is No SIP URI", "<sip:a@1.1.1.1>, <mailto:a@h>");
    settings_.use_path = true;
    settings_.path_mode = 0;
    path_ = "Path: <sip:10.0.0.1;lr>\r\n";
    assert_refused("Contact Is No SIP URI", "<tel:+4989123>");
  }

  void addresses_that_nobody_has_are_refused() {
    for (const char* host : {"0.0.0.0", "[::]", "0.1.2.3"}) {
      assert_refused("Contact Address Is Unspecified", fmt::format("<sip:a@{}:5060>", host));
    }
    for (const char* host : {"224.0.1.75", "239.255.255.255", "[ff02::1]"}) {
      assert_refused("Contact Address Is Multicast", fmt::format("<sip:a@{}>", host));
    }
    assert_refused("Contact Address Is Broadcast", "<sip:255.255.255.255>");
    assert_refused("Contact URI Is Malformed", "<sip:a@1.1.1.1:0>");
  }

  void names_and_addresses_of_hosts_are_taken() {
    for (const char* uri : {"sip:a@phone.example.com", "sips:a@[2001:db8::1]:5061", "sip:127.0.0.1",
                            "SIP:a@223.255.255.255:65535", "sip:a@255.255.255.254", "sip:a@1.0.0.0"}) {
      assert_taken(fmt::format("<{}>", uri));
    }
  }

  // Requests go to `received`, or along the Path.
  void an_address_behind_nat_or_path_is_not_looked_at() {
    around_.received = "sip:192.0.2.7:1024";
    assert_taken("<sip:a@0.0.0.0:5060>");
    around_.received = {};
    assert_refused("Contact Address Is Unspecified", "<sip:a@0.0.0.0:5060>");
    settings_.use_path = true;
    settings_.path_mode = 0;
    path_ = "Path: <sip:10.0.0.1;lr>\r\n";
    assert_taken("<sip:a@0.0.0.0:5060>");
  }

  void what_is_removed_need_not_be_reachable() {
    assert_taken("<mailto:bob@h>;expires=0");
    assert_taken("<sip:a@0.0.0.0>;expires=0");
  }

 private:
  Settings settings_;
  Surroundings around_;
  std::string path_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(RegisterRequestTest);

}  // namespace
}  // namespace lockstep::registrar
