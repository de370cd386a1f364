// listen_test.cc: what is listened on and what counts as ourselves, from the forms operators write.
#include "core/worker/listen.h"

#include <cppunit/extensions/HelperMacros.h>

namespace lockstep::worker {
namespace {

using Texts = std::vector<std::string>;

// "protocol host port advertised-host advertised-port", or the mistake.
std::string parsed(std::string_view text) {
  const auto entry = parse_listen(text);
  if (!entry) return entry.error();
  return entry->protocol + " " + entry->host + " " + std::to_string(entry->port) + " " +
         entry->advertise_host + " " + std::to_string(entry->advertise_port);
}

script::ListenEntry entry(std::string_view text) {
  const auto made = parse_listen(text);
  CPPUNIT_ASSERT(made.ok());
  return *made;
}

LocalNames loopback_names() {
  script::Globals globals;
  globals.auto_aliases = false;
  globals.listen = {entry("udp:127.0.0.1:5060"), entry("udp:127.0.0.2:5070/sip.example.com:5080"),
                    entry("udp:[::1]:5060")};
  globals.alias = {entry("Example.COM"), entry("pbx.example.org:5090"), entry("[2001:db8::1]:5060")};
  LocalNames names;
  Texts warnings;
  const auto done = resolve_listen(globals, names, warnings);
  CPPUNIT_ASSERT_MESSAGE(done ? std::string() : done.error(), done.ok());
  return names;
}

class ListenTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(ListenTest);
  CPPUNIT_TEST(forms_are_read);
  CPPUNIT_TEST(mistakes_are_named);
  CPPUNIT_TEST(sockets_get_their_names_and_what_is_advertised);
  CPPUNIT_TEST(globals_give_port_and_advertised_address);
  CPPUNIT_TEST(an_address_named_twice_is_one_socket);
  CPPUNIT_TEST(an_interface_stands_for_its_addresses);
  CPPUNIT_TEST(other_transports_are_told_and_left_out);
  CPPUNIT_TEST(what_is_no_address_is_an_error);
  CPPUNIT_TEST(ourselves_are_sockets_advertised_names_and_aliases);
  CPPUNIT_TEST(a_subject_is_a_uri_a_host_or_both_with_port);
  CPPUNIT_TEST(a_socket_of_the_family_is_chosen);
  CPPUNIT_TEST_SUITE_END();

 public:
  void forms_are_read() {
    const struct {
      const char* text;
      const char* parsed;
    } rows[] = {
        {"udp:127.0.0.1:5060", "udp 127.0.0.1 5060  0"},
        {"127.0.0.1", " 127.0.0.1 0  0"},
        {"UDP:eth0:5070", "udp eth0 5070  0"},
        {"eth0", " eth0 0  0"},
        {"udp:0.0.0.0/203.0.113.5:5090", "udp 0.0.0.0 0 203.0.113.5 5090"},
        {"udp:10.0.0.1:5060/sip.example.com", "udp 10.0.0.1 5060 sip.example.com 0"},
        {"tls:10.0.0.1:5061", "tls 10.0.0.1 5061  0"},
    };
    for (const auto& row : rows) CPPUNIT_ASSERT_EQUAL(std::string(row.parsed), parsed(row.text));
  }

  void mistakes_are_named() {
    CPPUNIT_ASSERT_EQUAL(std::string("'udp:' is no [udp:]ADDRESS[:PORT]"), parsed("udp:"));
    CPPUNIT_ASSERT_EQUAL(std::string("'127.0.0.1:70000' is no [udp:]ADDRESS[:PORT]"),
                         parsed("127.0.0.1:70000"));
    CPPUNIT_ASSERT_EQUAL(std::string("'127.0.0.1:x' is no [udp:]ADDRESS[:PORT]"), parsed("127.0.0.1:x"));
    CPPUNIT_ASSERT_EQUAL(std::string("'udp:10.0.0.1/:5': what is advertised is no host:port"),
                         parsed("udp:10.0.0.1/:5"));
  }

  void sockets_get_their_names_and_what_is_advertised() {
    const LocalNames names = loopback_names();
    Texts lines;
    for (const ListenSocket& socket : names.sockets()) {
      lines.push_back(socket.name + " " + socket.host + " " + std::to_string(socket.port));
    }
    CPPUNIT_ASSERT(lines == (Texts{"udp:127.0.0.1:5060 127.0.0.1 5060",
                                   "udp:127.0.0.2:5070 sip.example.com 5080", "udp:[::1]:5060 ::1 5060"}));
  }

  void globals_give_port_and_advertised_address() {
    script::Globals globals;
    globals.auto_aliases = false;
    globals.port = 5099;
    globals.advertised_address = "203.0.113.9";
    globals.advertised_port = 5055;
    globals.listen = {entry("127.0.0.1"), entry("127.0.0.2:5061/sip.example.com")};
    LocalNames names;
    Texts warnings;
    CPPUNIT_ASSERT(resolve_listen(globals, names, warnings).ok());
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, names.sockets().size());
    CPPUNIT_ASSERT_EQUAL(std::string("udp:127.0.0.1:5099"), names.sockets()[0].name);
    CPPUNIT_ASSERT_EQUAL(std::string("203.0.113.9"), names.sockets()[0].host);
    CPPUNIT_ASSERT_EQUAL(5055, int{names.sockets()[0].port});
    CPPUNIT_ASSERT_EQUAL(std::string("sip.example.com"), names.sockets()[1].host);
  }

  void an_address_named_twice_is_one_socket() {
    script::Globals globals;
    globals.auto_aliases = false;
    globals.listen = {entry("udp:127.0.0.1:5060"), entry("127.0.0.1"), entry("127.0.0.1:5061")};
    LocalNames names;
    Texts warnings;
    CPPUNIT_ASSERT(resolve_listen(globals, names, warnings).ok());
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, names.sockets().size());
  }

  void an_interface_stands_for_its_addresses() {
    script::Globals globals;
    globals.auto_aliases = false;
    globals.listen = {entry("lo:5062")};
    LocalNames names;
    Texts warnings;
    CPPUNIT_ASSERT(resolve_listen(globals, names, warnings).ok());
    CPPUNIT_ASSERT(names.find_socket("127.0.0.1", 5062) != kNoSocket);
  }

  void other_transports_are_told_and_left_out() {
    script::Globals globals;
    globals.auto_aliases = false;
    globals.listen = {entry("tls:127.0.0.1:5061")};
    LocalNames names;
    Texts warnings;
    const auto done = resolve_listen(globals, names, warnings);
    CPPUNIT_ASSERT(warnings == Texts{"listen=tls:127.0.0.1: tls is not served yet, UDP only"});
    CPPUNIT_ASSERT(!done.ok());
    CPPUNIT_ASSERT_EQUAL(std::string("no UDP address to listen on; give listen=udp:ADDRESS:PORT"),
                         done.error());
  }

  void what_is_no_address_is_an_error() {
    script::Globals globals;
    globals.listen = {entry("udp:no-such-interface.invalid:5060")};
    LocalNames names;
    Texts warnings;
    const auto done = resolve_listen(globals, names, warnings);
    CPPUNIT_ASSERT(!done.ok());
    CPPUNIT_ASSERT_EQUAL(std::string("listen: 'no-such-interface.invalid' is neither an address, nor an "
                                     "interface, nor a name of this host"),
                         done.error());
  }

  void ourselves_are_sockets_advertised_names_and_aliases() {
    const LocalNames names = loopback_names();
    const struct {
      const char* host;
      std::uint16_t port;
      bool is_local;
    } rows[] = {
        {"127.0.0.1", 0, true},           {"127.0.0.1", 5060, true},
        {"127.0.0.1", 5061, false},       {"127.0.0.2", 5070, true},
        {"127.0.0.2", 0, false},          {"SIP.example.com", 5080, true},
        {"sip.example.com", 5070, false}, {"[::1]", 5060, true},
        {"0:0:0:0:0:0:0:1", 0, true},     {"example.com", 0, true},
        {"EXAMPLE.com", 6000, true},      {"sub.example.com", 0, false},
        {"pbx.example.org", 5090, true},  {"pbx.example.org", 5060, false},
        {"[2001:DB8::1]", 5060, true},    {"2001:db8::1", 5070, false},
        {"192.0.2.1", 5060, false},       {"", 0, false},
    };
    for (const auto& row : rows) {
      const std::string text = std::string(row.host) + ":" + std::to_string(row.port);
      CPPUNIT_ASSERT_EQUAL_MESSAGE(text, row.is_local, names.is_local(row.host, row.port));
    }
  }

  void a_subject_is_a_uri_a_host_or_both_with_port() {
    const LocalNames names = loopback_names();
    for (const char* text : {"sip:bob@example.com", "sip:127.0.0.1", "sips:example.com:5061",
                             "127.0.0.1:5060", "[::1]:5060", "example.com", "::1"}) {
      CPPUNIT_ASSERT_MESSAGE(text, names.is_local_text(text));
    }
    for (const char* text : {"tel:+4912345", "sip:bob@192.0.2.1", "127.0.0.1:5061", "nothing here", ""}) {
      CPPUNIT_ASSERT_MESSAGE(text, !names.is_local_text(text));
    }
  }

  void a_socket_of_the_family_is_chosen() {
    const LocalNames names = loopback_names();
    const PeerAddress v4 = *parse_address("192.0.2.1", 5060);
    const PeerAddress v6 = *parse_address("2001:db8::1", 5060);
    CPPUNIT_ASSERT_EQUAL(1, int{names.socket_for(v4, 1)});
    CPPUNIT_ASSERT_EQUAL(0, int{names.socket_for(v4, 2)});
    CPPUNIT_ASSERT_EQUAL(0, int{names.socket_for(v4, kNoSocket)});
    CPPUNIT_ASSERT_EQUAL(2, int{names.socket_for(v6, 0)});
    LocalNames none;
    CPPUNIT_ASSERT_EQUAL(int{kNoSocket}, int{none.socket_for(v4, 0)});
    CPPUNIT_ASSERT_EQUAL(1, int{names.find_socket("127.0.0.2", 5070)});
    CPPUNIT_ASSERT_EQUAL(int{kNoSocket}, int{names.find_socket("127.0.0.2", 5060)});
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(ListenTest);

}  // namespace
}  // namespace lockstep::worker
