// receiver_test.cc: what the steps of receiving declare (schedule_point.h) is what they touch.
#include "core/worker/receiver.h"

#include <cppunit/extensions/HelperMacros.h>
#include <unistd.h>

#include <cstring>
#include <utility>
#include <vector>

#include "core/base/schedule_point.h"
#include "test/unit/core/net/own_socket.h"
#include "test/unit/modules/fake_transactions.h"

namespace lockstep::worker {
namespace {

using test::shared_world;

std::vector<std::pair<Point, PointResource>> reached;
const shm::ReceiveBatch* watched = nullptr;
shm::ReceiveBatch as_it_was;
bool has_changed = false;

void note_point(Point next, PointResource resource) {
  reached.emplace_back(next, resource);
  if (watched != nullptr) {
    has_changed = has_changed || std::memcmp(watched, &as_it_was, sizeof as_it_was) != 0;
    if (next == Point::kReceive) watched = nullptr;  // Now it may.
  }
}

class ReceiverTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(ReceiverTest);
  CPPUNIT_TEST(each_look_at_a_node_names_it);
  CPPUNIT_TEST(the_batch_changes_in_the_receive_step_alone);
  CPPUNIT_TEST_SUITE_END();

  Process& process() { return shared_world().process(); }

 public:
  void tearDown() override {
    arm_points(nullptr);
    reached.clear();
    watched = nullptr;
  }

  void each_look_at_a_node_names_it() {
    NodePool pool(process());
    arm_points(note_point);
    std::vector<shm::EventNode*> taken;
    for (int i = 0; i < 3; ++i) {
      taken.push_back(&pool.try_take_buffer()->node);
      CPPUNIT_ASSERT(reached.back() == std::pair(Point::kTakeNode, resource_of(taken.back())));
      taken.push_back(pool.try_take_timer_node());
      CPPUNIT_ASSERT(reached.back() == std::pair(Point::kTakeNode, resource_of(taken.back())));
    }
    for (shm::EventNode* node : taken) node->state.store(shm::NodeState::kFree);
  }

  void the_batch_changes_in_the_receive_step_alone() {
    shm::CounterNames names;
    const EngineCounters counters(names);
    NodePool pool(process());
    Receiver receiver(process(), pool, counters, [](std::uint32_t) {});
    std::vector<shm::EventNode*> events;
    receiver.bypass_inbox([&events](shm::EventNode& node) { events.push_back(&node); });
    const int socket = test::open_own_udp();
    sockaddr_in address{};
    socklen_t length = sizeof address;
    CPPUNIT_ASSERT_EQUAL(0, getsockname(socket, reinterpret_cast<sockaddr*>(&address), &length));
    shm::ReceiveBatch& batch = process().state.area(process().me).batch;
    arm_points(note_point);
    for (int round = 0; round < 3; ++round) {
      CPPUNIT_ASSERT_EQUAL(
          ssize_t{5}, sendto(socket, "hello", 5, 0, reinterpret_cast<sockaddr*>(&address), sizeof address));
      std::memcpy(static_cast<void*>(&as_it_was), &batch, sizeof batch);
      watched = &batch;
      has_changed = false;
      CPPUNIT_ASSERT_EQUAL(1u, receiver.receive(socket, 0));
      CPPUNIT_ASSERT(!has_changed);
      CPPUNIT_ASSERT(watched == nullptr);
    }
    CPPUNIT_ASSERT_EQUAL(std::size_t{3}, events.size());
    close(socket);
    for (shm::ReceiveBuffer& buffer : process().state.area(process().me).buffers)
      buffer.node.state.store(shm::NodeState::kFree);
    std::memset(static_cast<void*>(&batch), 0, sizeof batch);
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(ReceiverTest);

}  // namespace
}  // namespace lockstep::worker
