// location_table_test.cc: what an update does to the bindings of an AOR (RFC 3261 10.3 steps 6 and 7), what a
// find returns, and the bounds.
#include <cppunit/extensions/HelperMacros.h>

#include "test/unit/modules/usrloc/location_fixture.h"

namespace lockstep::usrloc {
namespace {

using shm::SlabKind;
using worker::Binding;
using worker::LocationError;
using worker::RemoveOutcome;
using Lines = std::vector<std::string>;

std::string error_number(LocationError error) { return fmt::format("error {}", static_cast<int>(error)); }

Lines reached;
void note_point(Point next, PointResource resource) {
  reached.push_back(fmt::format("{}{}", name_of(next), resource == 0 ? "" : " of something"));
}

void assert_lines(const Lines& expected, const Lines& actual) {
  CPPUNIT_ASSERT_EQUAL(fmt::format("{}", fmt::join(expected, "\n")),
                       fmt::format("{}", fmt::join(actual, "\n")));
}

class LocationTableTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(LocationTableTest);
  CPPUNIT_TEST(a_binding_comes_back_as_it_was_given);
  CPPUNIT_TEST(a_refresh_takes_the_place_of_the_old_binding);
  CPPUNIT_TEST(equal_uris_are_one_binding);
  CPPUNIT_TEST(matching_modes);
  CPPUNIT_TEST(a_cseq_that_is_not_higher_changes_nothing_at_all);
  CPPUNIT_TEST(another_call_id_needs_no_higher_cseq);
  CPPUNIT_TEST(a_repetition_changes_nothing);
  CPPUNIT_TEST(the_last_contact_takes_its_aor_along);
  CPPUNIT_TEST(star_removes_all_or_none);
  CPPUNIT_TEST(too_many_contacts_are_refused_as_a_whole);
  CPPUNIT_TEST(one_contact_mode_removes_the_others);
  CPPUNIT_TEST(equal_contacts_of_one_request_count_once);
  CPPUNIT_TEST(highest_q_first_then_the_newest);
  CPPUNIT_TEST(desc_time_order_ignores_q);
  CPPUNIT_TEST(expired_bindings_are_not_found_and_go_with_the_next_update);
  CPPUNIT_TEST(the_sweep_removes_what_expired);
  CPPUNIT_TEST(tables_are_separate);
  CPPUNIT_TEST(table_names_are_checked_and_bounded);
  CPPUNIT_TEST(long_texts_take_larger_slots);
  CPPUNIT_TEST(what_does_not_fit_is_refused);
  CPPUNIT_TEST(a_full_arena_changes_nothing);
  CPPUNIT_TEST(full_slabs_refuse_new_contacts_and_let_refreshes_pass);
  CPPUNIT_TEST(removal_by_ruid_and_by_uri);
  CPPUNIT_TEST(a_bucket_is_copied_in_pieces);
  CPPUNIT_TEST(counters_add_up_over_processes);
  CPPUNIT_TEST(a_change_stands_between_the_points_of_its_lock);
  CPPUNIT_TEST_SUITE_END();

 public:
  void tearDown() override {
    arm_points(nullptr);
    fixture.reset();
  }

  LocationFixture& make(const FixtureOptions& options = {}) {
    fixture = std::make_unique<LocationFixture>(options);
    return *fixture;
  }
  void assert_sound() { CPPUNIT_ASSERT_EQUAL(std::string(), fixture->table.audit(fixture->process())); }

  // What a stepped worker can be held or killed at; a REGISTER that changes nothing only looks.
  void a_change_stands_between_the_points_of_its_lock() {
    LocationFixture& on = make();
    Binding given;
    given.uri = "sip:bob@192.0.2.1";
    CPPUNIT_ASSERT_EQUAL(std::string("inserted 1 updated 0 removed 0 unchanged 0"),
                         Request("bob", "call-1", 9).add(given).outcome(on));
    reached.clear();
    arm_points(note_point);
    CPPUNIT_ASSERT_EQUAL(std::string("inserted 0 updated 1 removed 0 unchanged 0"),
                         Request("bob", "call-1", 10).add(given).outcome(on));
    assert_lines({"lock of something", "bind", "bind", "bind", "unlock of something"}, reached);
    reached.clear();
    CPPUNIT_ASSERT(on.table.find(on.process(2), on.location, "bob", 100, on.arena).ok());
    assert_lines({"lock of something", "unlock of something"}, reached);
  }

  void a_binding_comes_back_as_it_was_given() {
    LocationFixture& on = make();
    Binding given;
    given.uri = "sip:bob@192.0.2.1:5062;transport=udp";
    given.user_agent = "phone/1";
    given.received = "sip:198.51.100.7:40000";
    given.path = "<sip:edge;lr>";
    given.instance = "<urn:uuid:1>";
    given.expires_s = 777;
    given.flags = 1;
    given.cflags = 2;
    given.methods = 5;
    given.reg_id = 3;
    given.q = 700;
    given.socket = 4;
    CPPUNIT_ASSERT_EQUAL(std::string("inserted 1 updated 0 removed 0 unchanged 0"),
                         Request("bob", "call-1", 9).add(given).outcome(on));
    const auto found = on.table.find(on.process(2), on.location, "bob", 100, on.arena);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, found->size());
    const Binding& got = (*found)[0];
    CPPUNIT_ASSERT_EQUAL(
        std::string(
            "sip:bob@192.0.2.1:5062;transport=udp call-1 phone/1 sip:198.51.100.7:40000 <sip:edge;lr> "
            "<urn:uuid:1> uloc-1000-1-1 777 100 9 1 2 5 3 700 4"),
        fmt::format("{} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {}", got.uri, got.call_id, got.user_agent,
                    got.received, got.path, got.instance, got.ruid, got.expires_s, got.modified_s, got.cseq,
                    got.flags, got.cflags, got.methods, got.reg_id, got.q, got.socket));
    assert_sound();
  }

  void a_refresh_takes_the_place_of_the_old_binding() {
    LocationFixture& on = make();
    Request("bob", "c", 1).add("sip:a@h").add("sip:b@h").run(on).ok();
    for (std::uint32_t cseq = 2; cseq < 50; ++cseq) {
      const auto result = Request("bob", "c", cseq).add("sip:a@h").run(on);
      CPPUNIT_ASSERT(result.ok() && result->updated == 1 && result->bindings.size() == 2);
      CPPUNIT_ASSERT_EQUAL(std::string("uloc-1000-1-1"), std::string(result->bindings[1].ruid));
    }
    assert_lines({"sip:b@h 1", "sip:a@h 49"}, on.listed());
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, on.linked_slots(SlabKind::kContact512));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, on.linked_slots(SlabKind::kAor));
    assert_sound();
  }

  void equal_uris_are_one_binding() {  // RFC 3261 19.1.4.
    LocationFixture& on = make();
    Request("bob", "c", 1).add("sip:%61lice@Example.COM:5060;Transport=UDP;x=1").run(on).ok();
    CPPUNIT_ASSERT_EQUAL(std::string("inserted 0 updated 1 removed 0 unchanged 0"),
                         Request("bob", "c", 2).add("sip:alice@example.com:5060;transport=udp").outcome(on));
    CPPUNIT_ASSERT_EQUAL(std::string("inserted 1 updated 0 removed 0 unchanged 0"),
                         Request("bob", "c", 3).add("sip:alice@example.com;transport=udp").outcome(on));
  }

  void matching_modes() {
    const auto second = [&](Matching matching, std::string_view uri, std::string_view call_id,
                            std::string_view path) {
      LocationFixture& on = make({.table = {.bucket_bits = 4, .matching = matching}});
      Request("bob", "c1", 1).add("sip:a@h").run(on).ok();
      Binding binding;
      binding.uri = uri;
      binding.path = path;
      return Request("bob", call_id, 2).add(binding).run(on)->updated;
    };
    CPPUNIT_ASSERT_EQUAL(1, int{second(Matching::kContact, "sip:a@h", "c2", "<sip:p>")});
    CPPUNIT_ASSERT_EQUAL(0, int{second(Matching::kContactCallId, "sip:a@h", "c2", "")});
    CPPUNIT_ASSERT_EQUAL(1, int{second(Matching::kContactCallId, "sip:a@h", "c1", "<sip:p>")});
    CPPUNIT_ASSERT_EQUAL(0, int{second(Matching::kContactPath, "sip:a@h", "c1", "<sip:p>")});
    CPPUNIT_ASSERT_EQUAL(1, int{second(Matching::kContactPath, "sip:a@h", "c2", "")});
    CPPUNIT_ASSERT_EQUAL(1, int{second(Matching::kCallId, "sip:b@h", "c1", "<sip:p>")});
    CPPUNIT_ASSERT_EQUAL(0, int{second(Matching::kCallId, "sip:a@h", "c2", "")});
  }

  // 10.3 step 7: "if not higher, the update MUST be aborted and the request fail".
  void a_cseq_that_is_not_higher_changes_nothing_at_all() {
    LocationFixture& on = make();
    Request("bob", "c", 5).add("sip:a@h").run(on).ok();
    CPPUNIT_ASSERT_EQUAL(error_number(LocationError::kOutOfOrder),
                         Request("bob", "c", 4).add("sip:new@h").add("sip:a@h").outcome(on));
    CPPUNIT_ASSERT_EQUAL(error_number(LocationError::kOutOfOrder),
                         Request("bob", "c", 4).add("sip:new@h").remove("sip:a@h").outcome(on));
    assert_lines({"sip:a@h 5"}, on.listed());
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, on.linked_slots(SlabKind::kContact512));
    assert_sound();
  }

  void another_call_id_needs_no_higher_cseq() {
    LocationFixture& on = make();
    Request("bob", "c1", 500).add("sip:a@h").run(on).ok();
    CPPUNIT_ASSERT_EQUAL(std::string("inserted 0 updated 1 removed 0 unchanged 0"),
                         Request("bob", "c2", 1).add("sip:a@h").outcome(on));
  }

  void a_repetition_changes_nothing() {
    LocationFixture& on = make();
    Request("bob", "c", 5).add("sip:a@h", 1000).run(on).ok();
    const auto again = Request("bob", "c", 5, 110).add("sip:a@h", 1010).run(on);
    CPPUNIT_ASSERT(again.ok() && again->unchanged == 1 && again->updated == 0);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1000}, again->bindings[0].expires_s);
    assert_sound();
  }

  void the_last_contact_takes_its_aor_along() {
    LocationFixture& on = make();
    Request("bob", "c", 1).add("sip:a@h").add("sip:b@h").run(on).ok();
    CPPUNIT_ASSERT_EQUAL(std::string("inserted 0 updated 0 removed 1 unchanged 0"),
                         Request("bob", "c", 2).remove("sip:a@h").outcome(on));
    assert_lines({"sip:b@h 1"}, on.listed());
    CPPUNIT_ASSERT_EQUAL(std::string("inserted 0 updated 0 removed 1 unchanged 0"),
                         Request("bob", "c", 3).remove("sip:b@h").remove("sip:unknown@h").outcome(on));
    assert_lines({}, on.listed());
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0},
                         on.linked_slots(SlabKind::kContact512) + on.linked_slots(SlabKind::kAor));
    assert_sound();
  }

  void star_removes_all_or_none() {
    LocationFixture& on = make();
    Request("bob", "c1", 5).add("sip:a@h").run(on).ok();
    Request("bob", "c2", 9).add("sip:b@h").run(on).ok();
    CPPUNIT_ASSERT_EQUAL(error_number(LocationError::kOutOfOrder),
                         Request("bob", "c2", 9).remove_all().outcome(on));
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, on.listed().size());
    CPPUNIT_ASSERT_EQUAL(std::string("inserted 0 updated 0 removed 2 unchanged 0"),
                         Request("bob", "c2", 10).remove_all().outcome(on));
    CPPUNIT_ASSERT_EQUAL(std::string("inserted 0 updated 0 removed 0 unchanged 0"),
                         Request("bob", "c2", 10).remove_all().outcome(on));
    assert_lines({}, on.listed());
    assert_sound();
  }

  void too_many_contacts_are_refused_as_a_whole() {
    LocationFixture& on = make();
    Request("bob", "c", 1).add("sip:a@h").run(on).ok();
    CPPUNIT_ASSERT_EQUAL(error_number(LocationError::kTooManyContacts),
                         Request("bob", "c", 2).add("sip:b@h").add("sip:c@h").at_most(2).outcome(on));
    assert_lines({"sip:a@h 1"}, on.listed());
    CPPUNIT_ASSERT_EQUAL(
        std::string("inserted 2 updated 0 removed 1 unchanged 0"),
        Request("bob", "c", 3).add("sip:b@h").add("sip:c@h").remove("sip:a@h").at_most(2).outcome(on));
    // The bound was lowered: what is there may still be refreshed.
    CPPUNIT_ASSERT_EQUAL(std::string("inserted 0 updated 1 removed 0 unchanged 0"),
                         Request("bob", "c", 4).add("sip:b@h").at_most(1).outcome(on));
    for (std::size_t i = 2; i < worker::kBindingMax; ++i) {
      CPPUNIT_ASSERT(Request("bob", "d", 1).add(fmt::format("sip:x{}@h", i)).run(on).ok());
    }
    CPPUNIT_ASSERT_EQUAL(error_number(LocationError::kTooManyContacts),
                         Request("bob", "d", 1).add("sip:last@h").outcome(on));
    assert_sound();
  }

  void one_contact_mode_removes_the_others() {
    LocationFixture& on = make();
    Request("bob", "c", 1).add("sip:a@h").add("sip:b@h").run(on).ok();
    CPPUNIT_ASSERT_EQUAL(std::string("inserted 1 updated 0 removed 2 unchanged 0"),
                         Request("bob", "c", 2).add("sip:c@h").remove_others().at_most(1).outcome(on));
    CPPUNIT_ASSERT_EQUAL(std::string("inserted 0 updated 0 removed 0 unchanged 1"),
                         Request("bob", "c", 2).add("sip:c@h").remove_others().outcome(on));
    assert_lines({"sip:c@h 2"}, on.listed());
    assert_sound();
  }

  void equal_contacts_of_one_request_count_once() {
    LocationFixture& on = make();
    CPPUNIT_ASSERT_EQUAL(std::string("inserted 1 updated 0 removed 0 unchanged 0"),
                         Request("bob", "c", 1).add("sip:a@h", 500).add("sip:a@H", 600).outcome(on));
    assert_lines({"sip:a@H 1"}, on.listed());
    CPPUNIT_ASSERT_EQUAL(std::string("inserted 0 updated 1 removed 0 unchanged 0"),
                         Request("bob", "c", 2).add("sip:a@h", 500).add("sip:a@h", 700).outcome(on));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, on.linked_slots(SlabKind::kContact512));
    CPPUNIT_ASSERT_EQUAL(std::string("inserted 0 updated 0 removed 1 unchanged 0"),
                         Request("bob", "c", 3).add("sip:a@h").remove("sip:a@h").outcome(on));
    assert_lines({}, on.listed());
    assert_sound();
  }

  void highest_q_first_then_the_newest() {
    LocationFixture& on = make();
    Request("bob", "c", 1, 100).add("sip:low@h", 1000, 100).add("sip:none@h").run(on).ok();
    Request("bob", "c", 2, 101).add("sip:top@h", 1000, 1000).run(on).ok();
    Request("bob", "c", 3, 102).add("sip:newlow@h", 1000, 100).run(on).ok();
    Request("bob", "c", 4, 103).add("sip:none@h").run(on).ok();
    assert_lines({"sip:top@h 2", "sip:newlow@h 3", "sip:low@h 1", "sip:none@h 4"}, on.listed("bob", 103));
  }

  void desc_time_order_ignores_q() {
    LocationFixture& on = make({.table = {.bucket_bits = 4, .newest_first = true}});
    Request("bob", "c", 1, 100).add("sip:top@h", 1000, 1000).run(on).ok();
    Request("bob", "c", 2, 101).add("sip:low@h", 1000, 100).run(on).ok();
    assert_lines({"sip:low@h 2", "sip:top@h 1"}, on.listed("bob", 103));
  }

  void expired_bindings_are_not_found_and_go_with_the_next_update() {
    LocationFixture& on = make();
    Request("bob", "c", 5, 100).add("sip:a@h", 160).add("sip:b@h", 200).run(on).ok();
    assert_lines({"sip:b@h 5", "sip:a@h 5"}, on.listed("bob", 159));
    assert_lines({"sip:b@h 5"}, on.listed("bob", 160));
    // What expired is no binding any more: neither its CSeq nor its place counts.
    CPPUNIT_ASSERT_EQUAL(std::string("inserted 1 updated 0 removed 0 unchanged 0"),
                         Request("bob", "c", 5, 170).add("sip:a@h", 900).at_most(2).outcome(on));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, on.linked_slots(SlabKind::kContact512));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, on.counter("location_expires"));
    assert_sound();
  }

  void the_sweep_removes_what_expired() {
    LocationFixture& on = make({.table = {.bucket_bits = 1}});
    for (int i = 0; i < 20; ++i) {
      Request(fmt::format("user{}", i), "c", 1)
          .add("sip:a@h", i % 2 == 0 ? 150 : 900)
          .add("sip:b@h", 150)
          .run(on)
          .ok();
    }
    Request("forever", "c", 1).add("sip:a@h", 0).run(on).ok();
    CPPUNIT_ASSERT_EQUAL(
        0U, on.table.expire_bucket(on.process(), 0, 149) + on.table.expire_bucket(on.process(), 1, 149));
    CPPUNIT_ASSERT_EQUAL(
        30U, on.table.expire_bucket(on.process(), 0, 150) + on.table.expire_bucket(on.process(2), 1, 150));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{11}, on.linked_slots(SlabKind::kAor));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{11}, on.linked_slots(SlabKind::kContact512));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{30}, on.counter("location_expires"));
    assert_lines({"sip:a@h 1"}, on.listed("forever", 1ULL << 40));
    assert_sound();
  }

  void tables_are_separate() {
    LocationFixture& on = make();
    const worker::DomainIndex aliases = *on.table.add_domain("aliases");
    Request("bob", "c", 1).add("sip:a@h").run(on).ok();
    Request("bob", "c", 1).add("sip:b@h").in(aliases).run(on).ok();
    assert_lines({"sip:a@h 1"}, on.listed());
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, on.counter("aliases_contacts"));
    CPPUNIT_ASSERT(on.table.find_domain("aliases") == aliases);
    CPPUNIT_ASSERT(!on.table.find_domain("Aliases").has_value());
  }

  void table_names_are_checked_and_bounded() {
    LocationFixture& on = make();
    CPPUNIT_ASSERT(*on.table.add_domain("location") == on.location);
    CPPUNIT_ASSERT(!on.table.add_domain("").ok());
    CPPUNIT_ASSERT(!on.table.add_domain("a b").ok());
    for (std::size_t i = 1; i < worker::kDomainMax; ++i)
      CPPUNIT_ASSERT(on.table.add_domain(fmt::format("t{}", i)).ok());
    CPPUNIT_ASSERT(!on.table.add_domain("onemore").ok());
  }

  void long_texts_take_larger_slots() {
    LocationFixture& on = make();
    const std::string path(700, 'p');
    const std::string long_path(3000, 'p');
    Binding binding;
    binding.uri = "sip:a@h";
    binding.path = path;
    CPPUNIT_ASSERT(Request("bob", "c", 1).add(binding).run(on).ok());
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, on.linked_slots(SlabKind::kContact1K));
    binding.path = long_path;
    binding.user_agent = long_path;  // Cut: it only informs.
    const auto result = Request("bob", "c", 2).add(binding).run(on);
    CPPUNIT_ASSERT(result.ok());
    CPPUNIT_ASSERT_EQUAL(std::size_t{128}, result->bindings[0].user_agent.size());
    CPPUNIT_ASSERT_EQUAL(long_path, std::string(result->bindings[0].path));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, on.linked_slots(SlabKind::kContact4K));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, on.linked_slots(SlabKind::kContact1K));
    assert_sound();
  }

  void what_does_not_fit_is_refused() {
    LocationFixture& on = make();
    const std::string huge(4096, 'x');
    Binding binding;
    binding.uri = "sip:a@h";
    binding.path = huge;
    CPPUNIT_ASSERT_EQUAL(error_number(LocationError::kBindingTooLarge),
                         Request("bob", "c", 1).add("sip:b@h").add(binding).outcome(on));
    const std::string name(worker::kAorBytesMax, 'n');
    CPPUNIT_ASSERT(Request(name, "c", 1).add("sip:a@h").run(on).ok());
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, on.listed(name).size());
    CPPUNIT_ASSERT_EQUAL(error_number(LocationError::kBadAor),
                         Request(name + "n", "c", 1).add("sip:a@h").outcome(on));
    CPPUNIT_ASSERT_EQUAL(error_number(LocationError::kBadAor),
                         Request("", "c", 1).add("sip:a@h").outcome(on));
    assert_sound();
  }

  void a_full_arena_changes_nothing() {
    LocationFixture& on = make();
    Request("bob", "c", 1).add("sip:a@h").run(on).ok();
    Arena small(200);
    const auto result = Request("bob", "c", 2).add("sip:a@h").add("sip:b@h").run(on, 1, small);
    CPPUNIT_ASSERT(!result.ok() && result.error() == LocationError::kArenaFull);
    assert_lines({"sip:a@h 1"}, on.listed());
    small.reset();
    CPPUNIT_ASSERT(!on.table.find(on.process(), on.location, "bob", 100, small).ok());
    assert_sound();
  }

  void full_slabs_refuse_new_contacts_and_let_refreshes_pass() {
    LocationFixture& on = make({.segment_bytes = 1 << 20});
    std::uint32_t count = 0;
    std::string refusal;
    for (; refusal.empty() && count < 5000; ++count) {
      const std::string outcome = Request(fmt::format("user{}", count), "c", 1).add("sip:a@h").outcome(on);
      if (!outcome.starts_with("inserted 1")) refusal = outcome;
    }
    CPPUNIT_ASSERT_EQUAL(error_number(LocationError::kFull), refusal);
    --count;  // The last was refused.
    for (std::uint32_t i = 0; i < count; ++i) {
      CPPUNIT_ASSERT_EQUAL(std::string("inserted 0 updated 1 removed 0 unchanged 0"),
                           Request(fmt::format("user{}", i), "c", 2).add("sip:a@h").outcome(on));
    }
    assert_sound();
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{count}, on.counter("location_contacts"));
    Request("user0", "c", 3).remove_all().run(on).ok();
    CPPUNIT_ASSERT_EQUAL(std::string("inserted 1 updated 0 removed 0 unchanged 0"),
                         Request("late", "c", 1).add("sip:a@h").outcome(on));
    assert_sound();
  }

  void removal_by_ruid_and_by_uri() {
    LocationFixture& on = make();
    Request("bob", "c", 1).add("sip:a@h").add("sip:b@h").add("sip:c@h").run(on).ok();
    const auto remove = [&](std::string_view aor, std::string_view ruid) {
      return on.table.remove(on.process(), on.location, aor, ruid, 100);
    };
    CPPUNIT_ASSERT(remove("bob", "uloc-1000-1-9") == RemoveOutcome::kNoBinding);
    CPPUNIT_ASSERT(remove("bob", "uloc-1000-1-2") == RemoveOutcome::kRemoved);
    assert_lines({"sip:c@h 1", "sip:a@h 1"}, on.listed());
    CPPUNIT_ASSERT(on.table.remove_contact(on.process(), on.location, "bob", "sip:A@h", 100) ==
                   RemoveOutcome::kNoBinding);
    CPPUNIT_ASSERT(on.table.remove_contact(on.process(), on.location, "bob", "sip:a@H", 100) ==
                   RemoveOutcome::kRemoved);
    CPPUNIT_ASSERT(remove("bob", "") == RemoveOutcome::kRemoved);
    CPPUNIT_ASSERT(remove("bob", "") == RemoveOutcome::kNoAor);
    assert_sound();
  }

  void a_bucket_is_copied_in_pieces() {
    LocationFixture& on = make({.table = {.bucket_bits = 1}});
    for (int i = 0; i < 40; ++i) Request(fmt::format("user{}", i), "c", 1).add("sip:a@h").run(on).ok();
    std::set<std::string> seen;
    for (std::uint32_t bucket = 0; bucket < on.table.bucket_count(); ++bucket) {
      std::uint32_t skip = 0;
      for (bool has_more = true; has_more;) {
        std::array<AorCopy, 3> copies;
        std::size_t count = 0;
        on.arena.reset();
        has_more = on.table.copy_bucket(on.process(), bucket, on.location, skip, on.arena, copies, count);
        for (std::size_t i = 0; i < count; ++i)
          CPPUNIT_ASSERT(seen.insert(std::string(copies[i].name)).second);
        skip += static_cast<std::uint32_t>(count);
        CPPUNIT_ASSERT(!has_more || count == copies.size());
      }
    }
    CPPUNIT_ASSERT_EQUAL(std::size_t{40}, seen.size());
  }

  void counters_add_up_over_processes() {
    LocationFixture& on = make();
    Request("bob", "c", 1).add("sip:a@h").add("sip:b@h").run(on, 1).ok();
    Request("eve", "c", 1).add("sip:a@h").run(on, 2).ok();
    Request("bob", "c", 2).remove_all().run(on, 3).ok();
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, on.counter("location_users"));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, on.counter("registered_users"));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, on.counter("location_contacts"));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, on.counter("location_expires"));
  }

 private:
  std::unique_ptr<LocationFixture> fixture;
};

CPPUNIT_TEST_SUITE_REGISTRATION(LocationTableTest);

}  // namespace
}  // namespace lockstep::usrloc
