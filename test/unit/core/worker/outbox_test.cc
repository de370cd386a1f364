// outbox_test.cc: datagrams leave in the order in which they were decided, each from its socket; what the
// kernel refuses is told; after a death only what was decided is sent (O4, O5). And the event nodes' pool.
#include "core/worker/outbox.h"

#include <cppunit/extensions/HelperMacros.h>
#include <unistd.h>

#include <cstring>

#include "core/worker/node_pool.h"
#include "test/unit/core/net/own_socket.h"
#include "test/unit/modules/fake_transactions.h"

namespace lockstep::worker {
namespace {

using Texts = std::vector<std::string>;
using test::shared_world;

constexpr std::uint32_t kEntry = 77;

class OutboxTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(OutboxTest);
  CPPUNIT_TEST(datagrams_leave_in_order_from_their_sockets);
  CPPUNIT_TEST(room_is_bounded);
  CPPUNIT_TEST(what_is_forgotten_is_not_sent);
  CPPUNIT_TEST(what_the_kernel_refuses_is_told_and_skipped);
  CPPUNIT_TEST(recovery_sends_what_was_decided_and_not_sent);
  CPPUNIT_TEST(nodes_are_taken_once_and_come_home_by_their_state);
  CPPUNIT_TEST_SUITE_END();

  Process& process() { return shared_world().process(); }
  shm::MessageRef message(const std::string& text) {
    const shm::SlotHandle slot = process().slabs.try_take_message(text.size());
    CPPUNIT_ASSERT(static_cast<bool>(slot));
    std::memcpy(process().slabs.bytes(slot), text.data(), text.size());
    return {slot.value, static_cast<std::uint32_t>(text.size())};
  }
  void add(Outbox& outbox, const std::string& text, std::uint16_t socket, std::uint64_t stamp = 1,
           SendOrigin origin = {}) {
    outbox.add(kEntry, stamp, message(text), target_, socket, origin, true);
  }
  // "text port-index" of what arrived, in order.
  Texts arrived() {
    Texts texts;
    char bytes[256];
    sockaddr_in from{};
    for (;;) {
      socklen_t length = sizeof from;
      const ssize_t size =
          recvfrom(receiver_, bytes, sizeof bytes, MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&from), &length);
      if (size < 0) return texts;
      const bool is_first = ntohs(from.sin_port) == address_of(sockets_[0]).port();
      texts.push_back(std::string(bytes, static_cast<std::size_t>(size)) + (is_first ? " 0" : " 1"));
    }
  }
  static PeerAddress address_of(int fd) {
    sockaddr_in address{};
    socklen_t length = sizeof address;
    CPPUNIT_ASSERT_EQUAL(0, getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length));
    return from_sockaddr(reinterpret_cast<const sockaddr*>(&address), length);
  }

 public:
  void setUp() override {
    sockets_ = {test::open_own_udp(), test::open_own_udp()};
    receiver_ = test::open_own_udp();
    target_ = address_of(receiver_);
    process().state.entry(kEntry).consumed.store(1);
  }
  void tearDown() override {
    for (const int fd : sockets_) close(fd);
    close(receiver_);
  }

  void datagrams_leave_in_order_from_their_sockets() {
    Outbox outbox(process(), sockets_);
    CPPUNIT_ASSERT(outbox.empty());
    const std::uint64_t live = process().slabs.figures(shm::SlabKind::kMessage512).live;
    const char* const texts[] = {"a", "b", "c", "d", "e"};
    const std::uint16_t sockets[] = {0, 0, 1, 0, 1};
    for (int i = 0; i < 5; ++i) add(outbox, texts[i], sockets[i]);
    outbox.publish();
    CPPUNIT_ASSERT(arrived().empty());
    outbox.flush({});
    CPPUNIT_ASSERT(arrived() == (Texts{"a 0", "b 0", "c 1", "d 0", "e 1"}));
    CPPUNIT_ASSERT(outbox.empty());
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{5}, outbox.sent());
    CPPUNIT_ASSERT_EQUAL(live, process().slabs.figures(shm::SlabKind::kMessage512).live);
    outbox.flush({});
    CPPUNIT_ASSERT(arrived().empty());
  }

  void room_is_bounded() {
    Outbox outbox(process(), sockets_);
    CPPUNIT_ASSERT(outbox.has_room(shm::kOutboxMax));
    add(outbox, "a", 0);
    CPPUNIT_ASSERT(!outbox.has_room(shm::kOutboxMax));
    CPPUNIT_ASSERT(outbox.has_room(shm::kOutboxMax - 1));
    outbox.flush({});
    CPPUNIT_ASSERT(outbox.has_room(shm::kOutboxMax));
  }

  void what_is_forgotten_is_not_sent() {
    Outbox outbox(process(), sockets_);
    add(outbox, "kept", 0);
    const std::uint32_t mark = outbox.mark();
    const shm::MessageRef never = message("never");
    outbox.add(kEntry, 1, never, target_, 0, {}, true);
    outbox.forget_since(mark);
    process().slabs.give(shm::SlotHandle{never.slot});
    add(outbox, "after", 0);
    outbox.publish();
    outbox.flush({});
    CPPUNIT_ASSERT(arrived() == (Texts{"kept 0", "after 0"}));
  }

  void what_the_kernel_refuses_is_told_and_skipped() {
    Outbox outbox(process(), sockets_);
    const PeerAddress good = target_;
    add(outbox, "first", 0);
    target_ = *parse_address("::1", 5060);  // Not of this socket's family.
    add(outbox, "refused", 0, 1, {12, 3, 2});
    target_ = good;
    add(outbox, "last", 0);
    outbox.publish();
    std::vector<SendFailure> failures;
    outbox.flush([&](const SendFailure& failure) { failures.push_back(failure); });
    CPPUNIT_ASSERT(arrived() == (Texts{"first 0", "last 0"}));
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, failures.size());
    CPPUNIT_ASSERT_EQUAL(kEntry, failures[0].entry);
    CPPUNIT_ASSERT_EQUAL(12u, failures[0].origin.transaction);
    CPPUNIT_ASSERT_EQUAL(3u, failures[0].origin.generation);
    CPPUNIT_ASSERT_EQUAL(2, int{failures[0].origin.branch});
    CPPUNIT_ASSERT(failures[0].error != 0);
  }

  void recovery_sends_what_was_decided_and_not_sent() {
    {
      Outbox dead(process(), sockets_);
      add(dead, "sent before the death", 0, 1);
      add(dead, "decided", 1, 1);
      add(dead, "not decided", 0, 2);
      dead.publish();
      add(dead, "not even published", 0, 1);
      // The kernel's note of a datagram that it has taken.
      process().state.area(process().me).outbox.headers[0].msg_len = 21;
    }
    Outbox outbox(process(), sockets_);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, outbox.recover());
    CPPUNIT_ASSERT(arrived() == Texts{"decided 1"});
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, outbox.recover());
    CPPUNIT_ASSERT(outbox.empty() && arrived().empty());
  }

  void nodes_are_taken_once_and_come_home_by_their_state() {
    NodePool pool(process());
    std::vector<shm::ReceiveBuffer*> taken;
    while (shm::ReceiveBuffer* buffer = pool.try_take_buffer()) {
      CPPUNIT_ASSERT(buffer->node.state.load() == shm::NodeState::kInUse);
      CPPUNIT_ASSERT_EQUAL(process().me.value, buffer->node.home);
      taken.push_back(buffer);
    }
    CPPUNIT_ASSERT_EQUAL(std::size_t{shm::kReceivePoolSize}, taken.size());
    taken[100]->node.state.store(shm::NodeState::kFree);
    CPPUNIT_ASSERT(pool.try_take_buffer() == taken[100]);
    CPPUNIT_ASSERT(pool.try_take_buffer() == nullptr);
    shm::EventNode* timer = pool.try_take_timer_node();
    CPPUNIT_ASSERT(timer != nullptr && timer->large == 0);
    for (shm::ReceiveBuffer* buffer : taken) buffer->node.state.store(shm::NodeState::kFree);
    timer->state.store(shm::NodeState::kFree);
  }

 private:
  std::vector<int> sockets_;
  int receiver_ = -1;
  PeerAddress target_{};
};
CPPUNIT_TEST_SUITE_REGISTRATION(OutboxTest);

}  // namespace
}  // namespace lockstep::worker
