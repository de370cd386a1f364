// shm_fixture.h: a small segment with slabs and doors to them for a few workers, an entry, and event nodes:
// for tests of shm/ alone.
#pragma once

#include <cppunit/extensions/HelperMacros.h>
#include <fmt/format.h>
#include <unistd.h>

#include <deque>
#include <memory>
#include <string>

#include "shm/entry.h"
#include "shm/segment.h"
#include "shm/slab.h"

namespace lockstep::test {

class ShmFixture {
 public:
  static constexpr shm::WorkerId kFirst{1};
  static constexpr shm::WorkerId kSecond{2};
  static constexpr std::size_t kNodes = 8;

  explicit ShmFixture(std::size_t bytes = 3 << 20) {
    static int number = 0;
    auto made = shm::Segment::create(fmt::format("lockstep-shm-test-{}-{}", getpid(), number++), bytes);
    LS_ASSERT(made.ok());
    segment = std::move(*made);
    segment->remove();  // The mapping lives on; nothing is left behind whatever happens.
    record = static_cast<shm::EntryRecord*>(segment->allocate_named("entry", sizeof(shm::EntryRecord), 64));
    nodes = static_cast<shm::EventNode*>(segment->allocate_named("nodes", kNodes * sizeof *nodes, 64));
    LS_ASSERT(record != nullptr && nodes != nullptr);
    directory = shm::Slabs::make(*segment);
    LS_ASSERT(directory != nullptr);
    for (std::uint8_t id = 1; id <= 3; ++id) slabs.emplace_back(*segment, *directory, shm::WorkerId{id});
  }

  shm::Entry entry() { return {*segment, *record}; }
  // Node i as its home has it before the push.
  shm::EventNode& claimed(std::size_t i) {
    nodes[i].state.store(shm::NodeState::kInUse);
    return nodes[i];
  }
  std::uint32_t handle(const shm::EventNode& node) const { return segment->handle_of(&node).value; }

  std::unique_ptr<shm::Segment> segment;
  shm::EntryRecord* record = nullptr;
  shm::EventNode* nodes = nullptr;
  shm::SlabDirectory* directory = nullptr;
  std::deque<shm::Slabs> slabs;
};

}  // namespace lockstep::test
