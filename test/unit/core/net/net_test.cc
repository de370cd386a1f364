// net_test.cc: UDP sockets of one group on loopback, batches through them, and the event loop.
#include <cppunit/extensions/HelperMacros.h>
#include <signal.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "core/net/event_loop.h"
#include "core/net/udp_socket.h"

namespace lockstep::net {
namespace {

// The port that the kernel chose.
PeerAddress bound_address(int fd) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  CPPUNIT_ASSERT_EQUAL(0, getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length));
  return from_sockaddr(reinterpret_cast<const sockaddr*>(&address), length);
}

class NetTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(NetTest);
  CPPUNIT_TEST(a_port_in_use_is_told_with_its_remedy);
  CPPUNIT_TEST(workers_share_a_port);
  CPPUNIT_TEST(an_address_of_another_host_is_refused);
  CPPUNIT_TEST(a_batch_goes_out_and_comes_in_in_order);
  CPPUNIT_TEST(nothing_received_is_no_wait);
  CPPUNIT_TEST(the_loop_calls_for_readable_descriptors_until_stopped);
  CPPUNIT_TEST(the_loop_calls_for_signals_and_periods);
  CPPUNIT_TEST_SUITE_END();

  std::vector<int> open_;
  int open(const PeerAddress& address) {
    const auto fd = open_udp(address);
    CPPUNIT_ASSERT_MESSAGE(fd ? std::string() : fd.error(), fd.ok());
    open_.push_back(*fd);
    return *fd;
  }

 public:
  void tearDown() override {
    for (const int fd : open_) close(fd);
    open_.clear();
  }

  void a_port_in_use_is_told_with_its_remedy() {
    const PeerAddress address = bound_address(open(*parse_address("127.0.0.1", 0)));
    const auto free = check_free(address);
    CPPUNIT_ASSERT(!free.ok());
    CPPUNIT_ASSERT_EQUAL("udp:127.0.0.1:" + std::to_string(address.port()) +
                             " is in use by another process; stop that one (ss -lunp shows it) or listen "
                             "elsewhere",
                         free.error());
    close(open_.back());
    open_.clear();
    CPPUNIT_ASSERT(check_free(address).ok());
  }

  void workers_share_a_port() {
    const PeerAddress address = bound_address(open(*parse_address("127.0.0.1", 0)));
    CPPUNIT_ASSERT(bound_address(open(address)) == address);
  }

  void an_address_of_another_host_is_refused() {
    const auto fd = open_udp(*parse_address("192.0.2.1", 5060));
    CPPUNIT_ASSERT(!fd.ok());
    CPPUNIT_ASSERT_EQUAL(
        std::string("udp:192.0.2.1:5060 is not an address of this host (ip address shows them)"), fd.error());
  }

  void a_batch_goes_out_and_comes_in_in_order() {
    const int from = open(*parse_address("127.0.0.1", 0));
    const int to = open(*parse_address("127.0.0.2", 0));
    PeerAddress target = bound_address(to);
    std::string texts[3] = {"first", "second one", "third"};
    iovec parts[3];
    mmsghdr headers[3] = {};
    for (int i = 0; i < 3; ++i) {
      parts[i] = {texts[i].data(), texts[i].size()};
      headers[i].msg_hdr.msg_name = target.bytes;
      headers[i].msg_hdr.msg_namelen = target.length;
      headers[i].msg_hdr.msg_iov = &parts[i];
      headers[i].msg_hdr.msg_iovlen = 1;
    }
    CPPUNIT_ASSERT_EQUAL(3, send_batch(from, headers, 3));
    char rooms[4][64];
    PeerAddress sources[4] = {};
    iovec in_parts[4];
    mmsghdr in[4] = {};
    for (int i = 0; i < 4; ++i) {
      in_parts[i] = {rooms[i], sizeof rooms[i]};
      in[i].msg_hdr.msg_name = sources[i].bytes;
      in[i].msg_hdr.msg_namelen = sizeof sources[i].bytes;
      in[i].msg_hdr.msg_iov = &in_parts[i];
      in[i].msg_hdr.msg_iovlen = 1;
    }
    CPPUNIT_ASSERT_EQUAL(3, receive_batch(to, in, 4));
    for (int i = 0; i < 3; ++i) {
      CPPUNIT_ASSERT_EQUAL(texts[i], std::string(rooms[i], in[i].msg_len));
      sources[i].length = in[i].msg_hdr.msg_namelen;
      CPPUNIT_ASSERT(sources[i] == bound_address(from));
    }
    CPPUNIT_ASSERT(wait_writable(from, 0));
  }

  void nothing_received_is_no_wait() {
    const int fd = open(*parse_address("127.0.0.1", 0));
    char room[16];
    iovec part{room, sizeof room};
    mmsghdr header{};
    header.msg_hdr.msg_iov = &part;
    header.msg_hdr.msg_iovlen = 1;
    CPPUNIT_ASSERT_EQUAL(-1, receive_batch(fd, &header, 1));
    CPPUNIT_ASSERT(errno == EAGAIN || errno == EWOULDBLOCK);
  }

  void the_loop_calls_for_readable_descriptors_until_stopped() {
    int ends[2];
    CPPUNIT_ASSERT_EQUAL(0, pipe(ends));
    open_ = {ends[0], ends[1]};
    CPPUNIT_ASSERT_EQUAL(ssize_t{3}, write(ends[1], "abc", 3));
    EventLoop loop;
    std::string read_bytes;
    loop.on_readable(ends[0], [&] {
      char byte = 0;
      CPPUNIT_ASSERT_EQUAL(ssize_t{1}, read(ends[0], &byte, 1));
      read_bytes += byte;
      if (read_bytes.size() == 3) loop.stop();
    });
    loop.run();
    CPPUNIT_ASSERT_EQUAL(std::string("abc"), read_bytes);
  }

  void the_loop_calls_for_signals_and_periods() {
    EventLoop loop;
    int signals = 0;
    int periods = 0;
    loop.on_signal(SIGUSR1, [&] { ++signals; });
    loop.every(1, [&] {
      if (++periods == 1) raise(SIGUSR1);
      if (signals == 1 && periods > 2) loop.stop();
    });
    loop.run();
    CPPUNIT_ASSERT_EQUAL(1, signals);
    CPPUNIT_ASSERT(periods > 2);
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(NetTest);

}  // namespace
}  // namespace lockstep::net
