// segment_test.cc: the segment and its root: names, bounds and errors told in one line; counters.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "shm/counters.h"
#include "shm/dead_segment.h"
#include "shm/shared_state.h"
#include "test/unit/shm/shm_fixture.h"

namespace lockstep::shm {
namespace {

std::string name_of(const char* what) { return fmt::format("lockstep-segment-test-{}-{}", what, getpid()); }

bool exists(const std::string& name) {
  const int fd = shm_open(name.c_str(), O_RDWR, 0);
  if (fd >= 0) close(fd);
  return fd >= 0;
}

class SegmentTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(SegmentTest);
  CPPUNIT_TEST(a_name_lives_until_it_is_removed);
  CPPUNIT_TEST(a_segment_that_was_left_is_replaced);
  CPPUNIT_TEST(what_a_dead_server_left_is_found_and_checked);
  CPPUNIT_TEST(what_a_living_process_has_is_not_taken);
  CPPUNIT_TEST(named_memory_is_zeroed_aligned_and_found);
  CPPUNIT_TEST(a_full_segment_gives_nothing);
  CPPUNIT_TEST(handles_turn_back_into_pointers);
  CPPUNIT_TEST(more_than_there_is_cannot_be_reserved);
  CPPUNIT_TEST(too_little_for_the_tables_says_how_to_mend_it);
  CPPUNIT_TEST(calls_with_the_same_id_share_an_entry);
  CPPUNIT_TEST(counters_are_named_once_and_add_up);
  CPPUNIT_TEST_SUITE_END();

 public:
  void a_name_lives_until_it_is_removed() {
    const auto segment = Segment::create(name_of("life"), 1 << 20);
    CPPUNIT_ASSERT(segment.ok());
    CPPUNIT_ASSERT(exists(name_of("life")));
    (*segment)->remove();
    CPPUNIT_ASSERT(!exists(name_of("life")));
    CPPUNIT_ASSERT((*segment)->allocate_named("still", 64, 64) != nullptr);
  }
  void a_segment_that_was_left_is_replaced() {
    {
      const auto left = Segment::create(name_of("left"), 1 << 20);
      static_cast<char*>((*left)->allocate_named("x", 64, 64))[0] = 'x';
      const auto second = Segment::create(name_of("left"), 1 << 20);
      CPPUNIT_ASSERT(!second.ok());
      CPPUNIT_ASSERT_EQUAL("a living process has the shared-memory segment /dev/shm/" + name_of("left"),
                           second.error());
    }
    const auto fresh = Segment::create(name_of("left"), 1 << 20);
    CPPUNIT_ASSERT(fresh.ok());
    CPPUNIT_ASSERT((*fresh)->find_named("x") == nullptr);
    (*fresh)->remove();
    CPPUNIT_ASSERT(!exists(name_of("left")));
  }
  void what_a_dead_server_left_is_found_and_checked() {
    const std::string name = name_of("dead");
    CPPUNIT_ASSERT(DeadSegment::find(name, 7, 0).segment == nullptr);
    {
      const auto segment = Segment::create(name + ".new", 1 << 20);
      auto* const memory = static_cast<char*>((*segment)->allocate_heritable("x", 64, 64));
      memory[63] = 'x';
      (*segment)->allocate_named("y", 64, 64);
      (*segment)->seal(7);
      CPPUNIT_ASSERT((*segment)->rename(name).ok());
      CPPUNIT_ASSERT(!exists(name + ".new"));
    }
    {
      const DeadSegment::Finding found = DeadSegment::find(name, 7, 0);
      CPPUNIT_ASSERT_EQUAL(std::string(), found.trouble);
      const auto* const memory = static_cast<const char*>(found.segment->find_block("x", 64));
      CPPUNIT_ASSERT(memory != nullptr && memory[63] == 'x');
      CPPUNIT_ASSERT(found.segment->find_block("x", 65) == nullptr);
      CPPUNIT_ASSERT(found.segment->find_block("y", 1) == nullptr);
      CPPUNIT_ASSERT(found.segment->at<char>(0) == nullptr);
      CPPUNIT_ASSERT(found.segment->at<char>((1 << 20) / kHandleUnitBytes - 1, 64) != nullptr);
      CPPUNIT_ASSERT(found.segment->at<char>((1 << 20) / kHandleUnitBytes - 1, 65) == nullptr);
      CPPUNIT_ASSERT(found.segment->at<char>(0xffffffff) == nullptr);
      CPPUNIT_ASSERT(DeadSegment::find(name, 7, 0).is_alive);  // One start takes it over, no other.
    }
    const DeadSegment::Finding other = DeadSegment::find(name, 8, 0);
    CPPUNIT_ASSERT(other.segment == nullptr);
    CPPUNIT_ASSERT_EQUAL(std::string("another binary made it"), other.trouble);
    shm_unlink(name.c_str());
  }
  // Not even of a server whose supervisor is dead: a worker of it is enough.
  void what_a_living_process_has_is_not_taken() {
    const std::string name = name_of("alive");
    pid_t child = 0;
    {
      const auto segment = Segment::create(name, 1 << 20);
      (*segment)->seal(7);
      child = fork();
      if (child == 0) {
        for (;;) pause();
      }
    }
    const bool is_alive = DeadSegment::find(name, 7, 20).is_alive;
    kill(child, SIGKILL);
    const bool is_found = DeadSegment::find(name, 7, 5000).segment != nullptr;
    waitpid(child, nullptr, 0);
    shm_unlink(name.c_str());
    CPPUNIT_ASSERT(is_alive && is_found);
  }
  void named_memory_is_zeroed_aligned_and_found() {
    const auto segment = Segment::create(name_of("named"), 1 << 20);
    (*segment)->remove();
    auto* memory = static_cast<char*>((*segment)->allocate_named("table", 10000, 4096));
    CPPUNIT_ASSERT(memory != nullptr);
    CPPUNIT_ASSERT_EQUAL(std::uintptr_t{0}, reinterpret_cast<std::uintptr_t>(memory) % 4096);
    for (std::size_t i = 0; i < 10000; ++i) CPPUNIT_ASSERT_EQUAL('\0', memory[i]);
    CPPUNIT_ASSERT((*segment)->find_named("table") == memory);
    CPPUNIT_ASSERT((*segment)->find_named("other") == nullptr);
  }
  void a_full_segment_gives_nothing() {
    const auto segment = Segment::create(name_of("full"), 1 << 20);
    (*segment)->remove();
    CPPUNIT_ASSERT((*segment)->allocate_named("big", 2 << 20, 64) == nullptr);
    CPPUNIT_ASSERT((*segment)->free_bytes() < (*segment)->size_bytes());
  }
  void handles_turn_back_into_pointers() {
    const auto segment = Segment::create(name_of("handles"), 1 << 20);
    (*segment)->remove();
    auto* memory = static_cast<std::uint64_t*>((*segment)->allocate_named("x", 640, 64));
    const Handle<std::uint64_t> handle = (*segment)->handle_of(memory + 8);
    CPPUNIT_ASSERT(static_cast<bool>(handle));
    CPPUNIT_ASSERT((*segment)->at(handle) == memory + 8);
  }
  // /dev/shm is asked for the memory at once, so that no call finds it missing later.
  void more_than_there_is_cannot_be_reserved() {
    const auto segment = Segment::create(name_of("huge"), std::size_t{1} << 50);
    CPPUNIT_ASSERT(!segment.ok());
    CPPUNIT_ASSERT(segment.error().find("-m") != std::string::npos ||
                   segment.error().find("/dev/shm") != std::string::npos);
    CPPUNIT_ASSERT(!exists(name_of("huge")));
  }
  void too_little_for_the_tables_says_how_to_mend_it() {
    const auto segment = Segment::create(name_of("little"), 8 << 20);
    (*segment)->remove();
    const auto state = make_shared_state(**segment, 4);
    CPPUNIT_ASSERT(!state.ok());
    CPPUNIT_ASSERT_EQUAL(
        std::string("8 MB of shared memory are too little for this configuration; give more with -m"),
        state.error());
  }
  void calls_with_the_same_id_share_an_entry() {
    const auto segment = Segment::create(name_of("state"), 24 << 20);
    (*segment)->remove();
    const auto made = make_shared_state(**segment, 2);
    CPPUNIT_ASSERT(made.ok());
    SharedState& state = **made;
    CPPUNIT_ASSERT_EQUAL(kLayoutNumber, state.layout);
    CPPUNIT_ASSERT(state.entry_of("a@x") == state.entry_of("a@x"));
    CPPUNIT_ASSERT(state.entry_of("a@x") < kEntryCount);
    CPPUNIT_ASSERT_EQUAL(7u, state.index_of(state.entry(7)));
    CPPUNIT_ASSERT(finish_shared_state(**segment, state).ok());
    CPPUNIT_ASSERT((*segment)->find_named("worker.3") == state.areas[3]);
  }
  void counters_are_named_once_and_add_up() {
    CounterNames names;
    const CounterId first = names.add("core", "rcv", "received");
    const CounterId second = names.add("core", "fwd", "forwarded");
    CPPUNIT_ASSERT(first.value != second.value);
    CPPUNIT_ASSERT_EQUAL(first.value, names.add("core", "rcv", "again").value);
    CPPUNIT_ASSERT(names.add("tm", "rcv", "").value != first.value);
    CPPUNIT_ASSERT_EQUAL(std::size_t{3}, names.all().size());
    CPPUNIT_ASSERT_EQUAL(std::string("received"), names.all()[0].doc);
    const auto block = std::make_unique<CounterBlock>();
    block->add(first);
    block->add(first, 5);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{6}, block->values[first.value].load());
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, block->values[second.value].load());
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(SegmentTest);

}  // namespace
}  // namespace lockstep::shm
