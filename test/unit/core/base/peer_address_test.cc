// peer_address_test.cc: addresses of both families, as text and as the kernel's bytes.
#include <arpa/inet.h>
#include <cppunit/extensions/HelperMacros.h>

#include <string>

#include "core/base/peer_address.h"

namespace lockstep {
namespace {

// "text port family" of a parsed host, "none" if it is no address.
std::string read(std::string_view host, std::uint16_t port = 5060) {
  const auto address = parse_address(host, port);
  if (!address.has_value()) return "none";
  return std::string(ip_text(*address).view()) + " " + std::to_string(address->port()) +
         (address->is_ipv6() ? " v6" : " v4");
}

class PeerAddressTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(PeerAddressTest);
  CPPUNIT_TEST(ipv4_and_ipv6_are_read_and_written);
  CPPUNIT_TEST(names_and_damaged_addresses_are_none);
  CPPUNIT_TEST(the_bytes_are_those_of_the_kernel);
  CPPUNIT_TEST(a_port_is_set_in_either_family);
  CPPUNIT_TEST(equality_is_of_address_and_port);
  CPPUNIT_TEST(hosts_are_compared_without_the_port);
  CPPUNIT_TEST(wildcard_and_multicast_are_known);
  CPPUNIT_TEST(no_address_is_nothing_special);
  CPPUNIT_TEST_SUITE_END();

 public:
  void ipv4_and_ipv6_are_read_and_written() {
    CPPUNIT_ASSERT_EQUAL(std::string("127.0.0.1 5060 v4"), read("127.0.0.1"));
    CPPUNIT_ASSERT_EQUAL(std::string("255.255.255.255 65535 v4"), read("255.255.255.255", 65535));
    CPPUNIT_ASSERT_EQUAL(std::string("::1 5061 v6"), read("[::1]", 5061));
    CPPUNIT_ASSERT_EQUAL(std::string("2001:db8::10 5060 v6"), read("2001:DB8:0:0:0::10"));
    CPPUNIT_ASSERT_EQUAL(std::string("::ffff:192.0.2.1 5060 v6"), read("[::FFFF:192.0.2.1]"));
    CPPUNIT_ASSERT_EQUAL(std::string("2001:db8:1111:2222:3333:4444:5555:6666 0 v6"),
                         read("2001:db8:1111:2222:3333:4444:5555:6666", 0));
  }

  void names_and_damaged_addresses_are_none() {
    for (const char* host : {"", "example.com", "127.0.0", "127.0.0.256", "127.0.0.1 ", "[]", "[::1", "::1]",
                             "1:2:3:4:5:6:7:8:9", "[127.0.0.1", "fe80::1%lo"}) {
      CPPUNIT_ASSERT_EQUAL_MESSAGE(host, std::string("none"), read(host));
    }
    CPPUNIT_ASSERT_EQUAL(std::string("none"), read(std::string(400, '1')));
    CPPUNIT_ASSERT_EQUAL(std::string("none"), read(std::string_view("127.0.0.1\0x", 11)));
  }

  void the_bytes_are_those_of_the_kernel() {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(5070);
    CPPUNIT_ASSERT_EQUAL(1, inet_pton(AF_INET6, "2001:db8::5", &v6.sin6_addr));
    const PeerAddress address = from_sockaddr(reinterpret_cast<const sockaddr*>(&v6), sizeof v6);
    CPPUNIT_ASSERT(address == *parse_address("2001:db8::5", 5070));
    CPPUNIT_ASSERT(!from_sockaddr(reinterpret_cast<const sockaddr*>(&v6), 4).is_set());
    CPPUNIT_ASSERT(!from_sockaddr(reinterpret_cast<const sockaddr*>(&v6), 64).is_set());
  }

  void a_port_is_set_in_either_family() {
    for (const char* host : {"192.0.2.1", "2001:db8::1"}) {
      PeerAddress address = *parse_address(host, 5060);
      address.set_port(40000);
      CPPUNIT_ASSERT(address == *parse_address(host, 40000));
    }
  }

  void equality_is_of_address_and_port() {
    const PeerAddress address = *parse_address("192.0.2.1", 5060);
    CPPUNIT_ASSERT(address == *parse_address("192.0.2.1", 5060));
    CPPUNIT_ASSERT(!(address == *parse_address("192.0.2.1", 5061)));
    CPPUNIT_ASSERT(!(address == *parse_address("192.0.2.2", 5060)));
    CPPUNIT_ASSERT(!(address == *parse_address("::ffff:192.0.2.1", 5060)));
  }

  void hosts_are_compared_without_the_port() {
    CPPUNIT_ASSERT(same_host(*parse_address("192.0.2.1", 1), *parse_address("192.0.2.1", 2)));
    CPPUNIT_ASSERT(same_host(*parse_address("::1", 1), *parse_address("[0::1]", 2)));
    CPPUNIT_ASSERT(!same_host(*parse_address("::1", 1), *parse_address("::2", 1)));
    CPPUNIT_ASSERT(!same_host(*parse_address("127.0.0.1", 1), *parse_address("::1", 1)));
  }

  void wildcard_and_multicast_are_known() {
    CPPUNIT_ASSERT(is_wildcard(*parse_address("0.0.0.0", 5060)));
    CPPUNIT_ASSERT(is_wildcard(*parse_address("::", 5060)));
    CPPUNIT_ASSERT(!is_wildcard(*parse_address("127.0.0.1", 5060)));
    CPPUNIT_ASSERT(is_multicast(*parse_address("224.0.1.75", 5060)));
    CPPUNIT_ASSERT(is_multicast(*parse_address("ff02::1", 5060)));
    CPPUNIT_ASSERT(!is_multicast(*parse_address("223.255.255.255", 5060)));
  }

  void no_address_is_nothing_special() {
    const PeerAddress none{};
    CPPUNIT_ASSERT(!none.is_set());
    CPPUNIT_ASSERT(ip_text(none).view().empty());
    CPPUNIT_ASSERT(!is_wildcard(none) && !is_multicast(none) && !same_host(none, none));
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(PeerAddressTest);

}  // namespace
}  // namespace lockstep
