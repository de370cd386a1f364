// base_test.cc: Result, FixedVector, Arena and the hash: bounds are told, never overrun.
#include <cppunit/extensions/HelperMacros.h>

#include <cstdint>
#include <string>

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/fixed_vector.h"
#include "core/base/hash.h"
#include "core/base/result.h"

namespace lockstep {
namespace {

enum class Fault { kNone, kOdd };

Result<int, Fault> half_of(int number) {
  if (number % 2 != 0) return Failure{Fault::kOdd};
  return number / 2;
}

class BaseTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(BaseTest);
  CPPUNIT_TEST(a_result_is_a_value_or_a_reason);
  CPPUNIT_TEST(a_result_tells_value_and_error_of_one_type_apart);
  CPPUNIT_TEST(a_fixed_vector_tells_when_it_is_full);
  CPPUNIT_TEST(a_resized_vector_has_fresh_elements);
  CPPUNIT_TEST(vectors_are_compared_by_what_they_hold);
  CPPUNIT_TEST(an_arena_aligns_and_tells_when_it_is_full);
  CPPUNIT_TEST(an_arena_is_reset_as_a_whole);
  CPPUNIT_TEST(an_arena_takes_bytes_at_its_end_back);
  CPPUNIT_TEST(the_hash_depends_on_bytes_and_seed);
  CPPUNIT_TEST(monotonic_time_does_not_go_back);
  CPPUNIT_TEST_SUITE_END();

 public:
  void a_result_is_a_value_or_a_reason() {
    const Result<int, Fault> good = half_of(8);
    CPPUNIT_ASSERT(good.ok() && static_cast<bool>(good));
    CPPUNIT_ASSERT_EQUAL(4, *good);
    const Result<int, Fault> bad = half_of(7);
    CPPUNIT_ASSERT(!bad.ok());
    CPPUNIT_ASSERT(bad.error() == Fault::kOdd);
  }

  void a_result_tells_value_and_error_of_one_type_apart() {
    const Result<std::string, std::string> value(std::string("same"));
    const Result<std::string, std::string> error(Failure{std::string("same")});
    CPPUNIT_ASSERT(value.ok());
    CPPUNIT_ASSERT(!error.ok());
    CPPUNIT_ASSERT_EQUAL(std::string("same"), error.error());
    CPPUNIT_ASSERT_EQUAL(std::size_t{4}, value->size());
  }

  void a_fixed_vector_tells_when_it_is_full() {
    FixedVector<int, 3> numbers;
    CPPUNIT_ASSERT(numbers.empty());
    for (int i = 0; i < 3; ++i) CPPUNIT_ASSERT(numbers.try_push_back(i));
    CPPUNIT_ASSERT(numbers.full());
    CPPUNIT_ASSERT(!numbers.try_push_back(3));
    CPPUNIT_ASSERT_EQUAL(std::size_t{3}, numbers.size());
    CPPUNIT_ASSERT_EQUAL(2, numbers.back());
    numbers.pop_back();
    CPPUNIT_ASSERT(numbers.try_push_back(9));
    CPPUNIT_ASSERT_EQUAL(9, numbers[2]);
  }

  void a_resized_vector_has_fresh_elements() {
    FixedVector<int, 4> numbers;
    for (int i = 1; i < 5; ++i) numbers.push_back(i);
    numbers.resize(1);
    numbers.resize(4);
    int sum = 0;
    for (const int number : numbers) sum += number;
    CPPUNIT_ASSERT_EQUAL(1, sum);
  }

  void vectors_are_compared_by_what_they_hold() {
    FixedVector<int, 4> a, b;
    a.push_back(1);
    a.push_back(2);
    a.pop_back();
    b.push_back(1);
    CPPUNIT_ASSERT(a == b);
    b.push_back(2);
    CPPUNIT_ASSERT(!(a == b));
  }

  void an_arena_aligns_and_tells_when_it_is_full() {
    Arena arena(64);
    CPPUNIT_ASSERT(arena.allocate(1, 1) != nullptr);
    void* const aligned = arena.allocate(8, 8);
    CPPUNIT_ASSERT_EQUAL(std::uintptr_t{0}, reinterpret_cast<std::uintptr_t>(aligned) % 8);
    CPPUNIT_ASSERT_EQUAL(std::size_t{16}, arena.used_bytes());
    CPPUNIT_ASSERT(arena.allocate(49, 1) == nullptr);
    CPPUNIT_ASSERT(arena.allocate(SIZE_MAX, 1) == nullptr);
    CPPUNIT_ASSERT(arena.copy(std::string(49, 'x')).empty());
    CPPUNIT_ASSERT(arena.allocate(48, 1) != nullptr);
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, arena.free_bytes());
    CPPUNIT_ASSERT(arena.copy("").empty());
  }

  void an_arena_is_reset_as_a_whole() {
    Arena arena(16);
    std::string text = "bytes of a call";
    const std::string_view copy = arena.copy(text);
    text.assign(text.size(), '-');
    CPPUNIT_ASSERT(copy == "bytes of a call");
    arena.reset();
    CPPUNIT_ASSERT_EQUAL(std::size_t{16}, arena.free_bytes());
    CPPUNIT_ASSERT(arena.copy("0123456789abcdef").size() == 16);
  }

  void an_arena_takes_bytes_at_its_end_back() {
    Arena arena(32);
    char* const bytes = arena.make_array<char>(32);
    CPPUNIT_ASSERT(bytes != nullptr);
    arena.shrink_to(bytes + 5);
    CPPUNIT_ASSERT_EQUAL(std::size_t{27}, arena.free_bytes());
    CPPUNIT_ASSERT(arena.make_array<char>(1) == bytes + 5);
  }

  void the_hash_depends_on_bytes_and_seed() {
    CPPUNIT_ASSERT(hash_bytes("call", 1) == hash_bytes(std::string("call"), 1));
    CPPUNIT_ASSERT(hash_bytes("call", 1) != hash_bytes("call", 2));
    CPPUNIT_ASSERT(hash_bytes("call", 1) != hash_bytes("calm", 1));
  }

  void monotonic_time_does_not_go_back() {
    const std::uint64_t first = monotonic_ms();
    CPPUNIT_ASSERT(monotonic_ms() >= first);
    CPPUNIT_ASSERT(wall_s() > 1'600'000'000);
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(BaseTest);

}  // namespace
}  // namespace lockstep
