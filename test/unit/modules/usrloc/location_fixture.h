// location_fixture.h: a location table on a real, small segment, with a Process for each id, and short ways
// to write updates down. Forked children may use it as the parent does.
#pragma once

#include <fmt/format.h>
#include <unistd.h>

#include <deque>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "modules/usrloc/location_table.h"
#include "shm/shared_state.h"

namespace lockstep::usrloc {

struct FixtureOptions {
  std::size_t segment_bytes = 3 << 20;
  std::uint32_t worker_count = 4;
  TableSettings table{.bucket_bits = 4};
};

class LocationFixture {
 public:
  explicit LocationFixture(const FixtureOptions& options = {}) {
    static int number = 0;
    auto made = shm::Segment::create(fmt::format("lockstep-location-test-{}-{}", getpid(), number++),
                                     options.segment_bytes);
    LS_ASSERT(made.ok());
    segment = std::move(*made);
    segment->remove();  // The mapping lives on; nothing is left behind whatever happens.
    state = static_cast<shm::SharedState*>(segment->allocate_named("state", sizeof(shm::SharedState), 64));
    LS_ASSERT(state != nullptr);
    state->worker_count = options.worker_count;
    state->hash_seed = 42;
    const std::uint32_t process_count = options.worker_count + 1;
    blocks = static_cast<shm::CounterBlock*>(
        segment->allocate_named("counters", (process_count + 1) * sizeof(shm::CounterBlock), 64));
    LS_ASSERT(blocks != nullptr);
    auto ready = table.make(*segment, process_count, state->hash_seed, 0x1000, options.table, names);
    LS_ASSERT(ready.ok());
    location = *table.add_domain("location");
    state->slabs = shm::Slabs::make(*segment);
    LS_ASSERT(state->slabs != nullptr);
    for (std::uint32_t id = 1; id <= process_count; ++id) {
      const shm::WorkerId me{static_cast<std::uint8_t>(id)};
      slabs.emplace_back(*segment, *state->slabs, me);
      processes.push_back({me, *segment, *state, slabs.back(), blocks[id]});
    }
    segment->seal(kBinary);
  }

  static constexpr std::uint64_t kBinary = 1;

  // What a later server finds if all processes die now.
  std::unique_ptr<shm::DeadSegment> left() const {
    const std::string name = fmt::format("lockstep-location-left-{}", getpid());
    std::ofstream("/dev/shm/" + name, std::ios::binary)
        .write(segment->base(), static_cast<std::streamsize>(segment->size_bytes()));
    auto found = shm::DeadSegment::find(name, kBinary, 0);
    unlink(("/dev/shm/" + name).c_str());
    return std::move(found.segment);
  }

  worker::Process& process(std::size_t id = 1) { return processes[id - 1]; }

  // As the worker does it, in the replacement of the dead process `id`.
  void recover(std::size_t id) {
    worker::Process& mine = process(id);
    mine.slabs.recover_lock();
    table.recover(mine);
    mine.slabs.sweep([](shm::SlotHandle, shm::Mark mark) { return mark; });
  }

  std::uint64_t counter(std::string_view name) const {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < names.all().size(); ++i) {
      if (names.all()[i].name != name) continue;
      for (std::size_t id = 1; id <= processes.size(); ++id) sum += blocks[id].values[i].load();
    }
    return sum;
  }

  // Slots in use beside the spare ones that processes keep.
  std::uint64_t linked_slots(shm::SlabKind kind) {
    std::uint64_t count = 0;
    process().slabs.for_each_linked(kind, [&](shm::SlotHandle, shm::Mark) { ++count; });
    return count;
  }

  // "uri cseq" of each contact in force, in order.
  std::vector<std::string> listed(std::string_view aor = "bob", std::uint64_t now_s = 100,
                                  std::size_t id = 1) {
    arena.reset();
    auto found = table.find(process(id), location, aor, now_s, arena);
    LS_ASSERT(found.ok());
    std::vector<std::string> lines;
    for (const worker::Binding& binding : *found)
      lines.push_back(fmt::format("{} {}", binding.uri, binding.cseq));
    return lines;
  }

  std::unique_ptr<shm::Segment> segment;
  shm::SharedState* state = nullptr;
  shm::CounterBlock* blocks = nullptr;
  shm::CounterNames names;
  LocationTable table;
  worker::DomainIndex location{};
  std::deque<shm::Slabs> slabs;
  std::deque<worker::Process> processes;
  Arena arena{256 * 1024};
};

// One request, written as Request("bob", "call-1", 7).add("sip:a@h").remove("sip:b@h").
class Request {
 public:
  Request(std::string_view aor, std::string_view call_id, std::uint32_t cseq, std::uint64_t now_s = 100) {
    update_.aor = aor;
    update_.call_id = call_id;
    update_.cseq = cseq;
    update_.now_s = now_s;
  }
  Request& add(std::string_view uri, std::uint64_t expires_s = 1000, std::int16_t q = worker::kQUnspecified) {
    worker::BindingChange change;
    change.binding.uri = uri;
    change.binding.expires_s = expires_s;
    change.binding.q = q;
    return add(change.binding);
  }
  Request& add(const worker::Binding& binding) {
    changes_.push_back({binding, false});
    return *this;
  }
  Request& remove(std::string_view uri) {
    worker::BindingChange change;
    change.binding.uri = uri;
    change.is_removal = true;
    changes_.push_back(change);
    return *this;
  }
  Request& remove_all() {
    update_.remove_all = true;
    return *this;
  }
  Request& remove_others() {
    update_.remove_others = true;
    return *this;
  }
  Request& at_most(std::uint32_t contacts) {
    update_.contact_max = contacts;
    return *this;
  }
  Request& in(worker::DomainIndex domain) {
    update_.domain = domain;
    return *this;
  }

  Result<worker::UpdateOutcome, worker::LocationError> run(LocationFixture& on, std::size_t id = 1) {
    on.arena.reset();
    return run(on, id, on.arena);
  }
  Result<worker::UpdateOutcome, worker::LocationError> run(LocationFixture& on, std::size_t id,
                                                           Arena& arena) {
    update_.changes = changes_;
    return on.table.update(on.process(id), update_, arena);
  }
  // "inserted 1 updated 0 removed 0 unchanged 0", or the error's number.
  std::string outcome(LocationFixture& on, std::size_t id = 1) {
    const auto result = run(on, id);
    if (!result) return fmt::format("error {}", static_cast<int>(result.error()));
    return fmt::format("inserted {} updated {} removed {} unchanged {}", result->inserted, result->updated,
                       result->removed, result->unchanged);
  }

 private:
  worker::BindingUpdate update_;
  std::vector<worker::BindingChange> changes_;
};

}  // namespace lockstep::usrloc
