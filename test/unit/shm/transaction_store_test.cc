// transaction_store_test.cc: what a decision writes is nothing before its commit and everything after it,
// for one record and for many; branches beyond the record live in chunks.
#include "shm/transaction_store.h"

#include <set>

#include "test/unit/shm/shm_fixture.h"

namespace lockstep::shm {
namespace {

using test::ShmFixture;

class TransactionStoreTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(TransactionStoreTest);
  CPPUNIT_TEST(a_transaction_is_invisible_before_its_commit);
  CPPUNIT_TEST(a_decision_that_never_was_leaves_the_copy_in_force);
  CPPUNIT_TEST(one_commit_flips_several_records);
  CPPUNIT_TEST(copies_alternate);
  CPPUNIT_TEST(up_to_32_branches_are_kept_in_chunks);
  CPPUNIT_TEST(chunks_of_a_decision_that_never_was_are_forgotten);
  CPPUNIT_TEST(every_slot_is_visited_once);
  CPPUNIT_TEST(a_removed_transaction_gives_all_back);
  CPPUNIT_TEST(a_slot_taken_again_has_another_generation);
  CPPUNIT_TEST(without_slots_nothing_is_made);
  CPPUNIT_TEST_SUITE_END();

  struct World : ShmFixture {
    World() : store(*segment, slabs[0]) {}
    // Makes, fills with `branches` branches and writes with `stamp`, not committed.
    TransactionView create(std::uint64_t key, std::size_t branches, std::uint64_t stamp) {
      Entry at = entry();
      TransactionRecord* made = store.try_create(at, 5, key);
      LS_ASSERT(made != nullptr);
      TransactionView view;
      view.record = made;
      view.handle = store.handle_of(*made);
      add_branches(view, branches);
      store.write(view, at.consumed(), stamp);
      return view;
    }
    void add_branches(TransactionView& view, std::size_t count) {
      for (std::size_t i = 0; i < count; ++i) {
        const std::size_t branch = view.branch_refs.size();
        CPPUNIT_ASSERT(store.try_add_branch(view));
        view.state.branches.push_back(transaction::Branch{});
        view.state.branches[branch].final_status = static_cast<transaction::Status>(200 + branch);
        view.branch_refs[branch].request = {static_cast<std::uint32_t>(1000 + branch), 1};
        store.target(*view.record, branch).flags = static_cast<std::uint32_t>(branch);
      }
    }
    TransactionView load(std::uint64_t key) {
      Entry at = entry();
      TransactionRecord* found = store.find(at, key);
      CPPUNIT_ASSERT(found != nullptr);
      TransactionView view;
      store.load(*found, at.consumed(), view);
      return view;
    }
    std::size_t listed() {
      std::size_t count = 0;
      Entry at = entry();
      store.for_each(at, [&count](TransactionRecord&) { ++count; });
      return count;
    }
    bool finds(std::uint64_t key) {
      Entry at = entry();
      return store.find(at, key) != nullptr;
    }
    TransactionStore store;
  };

 public:
  void a_transaction_is_invisible_before_its_commit() {
    World on;
    const TransactionView view = on.create(7, 1, 1);
    Entry entry = on.entry();
    CPPUNIT_ASSERT(!on.finds(7));
    CPPUNIT_ASSERT(on.store.find(entry, view.handle, view.record->generation) == nullptr);
    CPPUNIT_ASSERT(!on.store.is_committed(*view.record, 0));
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, on.listed());  // Listed, so that recovery finds it.
    entry.commit(1);
    CPPUNIT_ASSERT(on.store.find(entry, 7) == view.record);
    CPPUNIT_ASSERT(on.store.find(entry, view.handle, view.record->generation) == view.record);
    CPPUNIT_ASSERT(on.store.find(entry, view.handle, view.record->generation + 1) == nullptr);
    CPPUNIT_ASSERT(on.store.find(entry, 8) == nullptr);
  }
  void a_decision_that_never_was_leaves_the_copy_in_force() {
    World on;
    on.create(7, 1, 1);
    on.entry().commit(1);
    TransactionView view = on.load(7);
    view.refs.flags = 99;
    view.state.branches[0].final_status = 486;
    on.store.write(view, 1, 2);
    CPPUNIT_ASSERT_EQUAL(0u, on.load(7).refs.flags);
    CPPUNIT_ASSERT_EQUAL(200, static_cast<int>(on.load(7).state.branches[0].final_status));
    on.entry().commit(2);
    CPPUNIT_ASSERT_EQUAL(99u, on.load(7).refs.flags);
    CPPUNIT_ASSERT_EQUAL(486, static_cast<int>(on.load(7).state.branches[0].final_status));
  }
  void one_commit_flips_several_records() {
    World on;
    for (const std::uint64_t key : {1, 2, 3}) on.create(key, 9, 1);
    CPPUNIT_ASSERT(!on.finds(1) && !on.finds(2) && !on.finds(3));
    on.entry().commit(1);
    for (const std::uint64_t key : {1, 2, 3}) {
      TransactionView view = on.load(key);
      view.refs.flags = 5;
      view.state.branches[8].final_status = 603;
      on.store.write(view, 1, 2);
    }
    for (const std::uint64_t key : {1, 2, 3}) {
      CPPUNIT_ASSERT_EQUAL(0u, on.load(key).refs.flags);
      CPPUNIT_ASSERT_EQUAL(208, static_cast<int>(on.load(key).state.branches[8].final_status));
    }
    on.entry().commit(2);
    for (const std::uint64_t key : {1, 2, 3}) {
      CPPUNIT_ASSERT_EQUAL(5u, on.load(key).refs.flags);
      CPPUNIT_ASSERT_EQUAL(603, static_cast<int>(on.load(key).state.branches[8].final_status));
    }
  }
  void copies_alternate() {
    World on;
    on.create(7, 3, 1);
    on.entry().commit(1);
    for (std::uint32_t stamp = 2; stamp < 10; ++stamp) {
      TransactionView view = on.load(7);
      CPPUNIT_ASSERT_EQUAL(stamp == 2 ? 0u : stamp - 1, view.refs.flags);
      view.refs.flags = stamp;
      on.store.write(view, stamp - 1, stamp);
      on.entry().commit(stamp);
    }
    CPPUNIT_ASSERT_EQUAL(9u, on.load(7).refs.flags);
  }
  void up_to_32_branches_are_kept_in_chunks() {
    World on;
    on.create(7, transaction::kBranchMax, 1);
    on.entry().commit(1);
    const TransactionView loaded = on.load(7);
    CPPUNIT_ASSERT_EQUAL(transaction::kBranchMax, loaded.state.branches.size());
    for (std::size_t i = 0; i < transaction::kBranchMax; ++i) {
      CPPUNIT_ASSERT_EQUAL(200 + static_cast<int>(i),
                           static_cast<int>(loaded.state.branches[i].final_status));
      CPPUNIT_ASSERT_EQUAL(static_cast<std::uint32_t>(1000 + i), loaded.branch_refs[i].request.slot);
      CPPUNIT_ASSERT_EQUAL(static_cast<std::uint32_t>(i), on.store.target(*loaded.record, i).flags);
    }
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{5}, on.slabs[0].figures(SlabKind::kBranches).live);
  }
  // A later try takes the chunk anew instead of one that the sweep has given to somebody else.
  void chunks_of_a_decision_that_never_was_are_forgotten() {
    World on;
    on.create(7, 3, 1);
    on.entry().commit(1);
    TransactionView view = on.load(7);
    on.add_branches(view, 6);
    CPPUNIT_ASSERT(view.record->chunks[1] != 0);
    on.store.forget_unused_chunks(*view.record, 1);
    CPPUNIT_ASSERT(view.record->chunks[0] != 0);
    CPPUNIT_ASSERT_EQUAL(0u, view.record->chunks[1]);
  }
  void every_slot_is_visited_once() {
    World on;
    TransactionView view = on.create(7, 3, 1);
    view.refs.request = {501, 1};
    view.refs.last_response = {502, 1};
    view.refs.script = {503, 1};
    view.refs.caller_reason = {504, 1};
    view.branch_refs[1] = {.request = {601, 1}, .final = {602, 1}, .cancel = {603, 1}};
    on.store.write(view, 0, 1);
    on.entry().commit(1);
    std::multiset<std::uint32_t> visited;
    on.store.for_each_slot(*view.record, 1, [&](SlotHandle slot) { visited.insert(slot.value); });
    const std::multiset<std::uint32_t> wanted{
        view.handle, view.record->chunks[0], 501, 502, 503, 504, 601, 602, 603, 1000, 1002};
    CPPUNIT_ASSERT(wanted == visited);
  }
  void a_removed_transaction_gives_all_back() {
    World on;
    for (const std::uint64_t key : {1, 2, 3}) on.create(key, 20, 1);
    on.entry().commit(1);
    for (const std::uint64_t key : {2, 3, 1}) {
      Entry entry = on.entry();
      on.store.remove(entry, *on.store.find(entry, key));
      CPPUNIT_ASSERT(!on.finds(key));
    }
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, on.listed());
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, on.slabs[0].figures(SlabKind::kTransaction).live);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, on.slabs[0].figures(SlabKind::kBranches).live);
  }
  // So a response to the old one, or its timer, never finds the new one.
  void a_slot_taken_again_has_another_generation() {
    World on;
    const TransactionView old = on.create(1, 1, 1);
    const std::uint32_t generation = old.record->generation;
    Entry entry = on.entry();
    entry.commit(1);
    on.store.remove(entry, *old.record);
    const TransactionView fresh = on.create(2, 1, 2);
    entry.commit(2);
    CPPUNIT_ASSERT_EQUAL(old.handle, fresh.handle);
    CPPUNIT_ASSERT(on.store.find(entry, old.handle, generation) == nullptr);
    CPPUNIT_ASSERT(on.store.find(entry, fresh.handle, fresh.record->generation) == fresh.record);
  }
  void without_slots_nothing_is_made() {
    World on;
    TransactionView view = on.create(7, 2, 1);
    while (on.slabs[0].try_take(SlabKind::kBranches)) {
    }
    CPPUNIT_ASSERT(!on.store.try_add_branch(view));
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, view.branch_refs.size());
    while (on.slabs[0].try_take(SlabKind::kTransaction)) {
    }
    Entry entry = on.entry();
    CPPUNIT_ASSERT(on.store.try_create(entry, 5, 8) == nullptr);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, on.listed());
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(TransactionStoreTest);

}  // namespace
}  // namespace lockstep::shm
