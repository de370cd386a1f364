#include "shm/shared_state.h"

#include <fmt/core.h>
#include <sys/random.h>

#include "core/base/clock.h"
#include "core/base/hash.h"

namespace lockstep::shm {
namespace {

std::uint64_t random_word() {
  std::uint64_t word = 0;
  const ssize_t got = getrandom(&word, sizeof word, 0);
  LS_ASSERT(got == sizeof word);
  return word;
}

Failure<std::string> too_little(const Segment& segment) {
  return Failure{
      fmt::format("{} MB of shared memory are too little for this configuration; give more with -m",
                  segment.size_bytes() >> 20)};
}

}  // namespace

std::uint32_t SharedState::entry_of(std::string_view call_id) const {
  return static_cast<std::uint32_t>(hash_bytes(call_id, hash_seed)) & (kEntryCount - 1);
}

Result<SharedState*, std::string> make_shared_state(Segment& segment, std::uint32_t worker_count) {
  LS_ASSERT(worker_count > 0 && worker_count < kWorkerMax);
  auto* state = static_cast<SharedState*>(segment.allocate_heritable("state", sizeof(SharedState), 64));
  if (state == nullptr) return too_little(segment);
  state->layout = kLayoutNumber;
  state->worker_count = worker_count;
  state->hash_seed = random_word();
  state->branch_secret = random_word();
  state->started_wall_s = wall_s();
  state->started_wall_us = wall_us();
  state->started_monotonic_us = monotonic_us();
  state->entries =
      static_cast<EntryRecord*>(segment.allocate_named("entries", sizeof(EntryRecord) * kEntryCount, 64));
  if (state->entries == nullptr) return too_little(segment);
  state->run_queue = static_cast<RunQueue*>(segment.allocate_named("run_queue", sizeof(RunQueue), 64));
  if (state->run_queue == nullptr) return too_little(segment);
  for (std::uint32_t id = 1; id <= worker_count + 1; ++id) {
    const std::string name = fmt::format("worker.{}", id);
    state->areas[id] =
        static_cast<WorkerArea*>(segment.allocate_named(name.c_str(), sizeof(WorkerArea), 4096));
    if (state->areas[id] == nullptr) return too_little(segment);
  }
  return state;
}

Result<SlabDirectory*, std::string> finish_shared_state(Segment& segment, SharedState& state) {
  state.slabs = Slabs::make(segment);
  if (state.slabs == nullptr) return too_little(segment);
  return state.slabs;
}

}  // namespace lockstep::shm
