// aside.h: what is needed to look at a state of shared memory as if a worker had died there: Watch says when
// something that matters changed, Aside lets a replacement work on what is there now and then puts everything
// back, so that the worker goes on.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>
#include <vector>

#include "test/process/stage.h"

namespace lockstep::test {

// The parts of shared memory by which a state is told from the next: everything but the bytes of messages,
// which nobody reads before one of these parts says that they are there.
class Watch {
 public:
  Watch(Stage& stage, const std::vector<std::string>& call_ids) {
    shm::SharedState& state = stage.state();
    shm::WorkerArea& area = state.area(shm::WorkerId{1});
    for (const std::string& call_id : call_ids) {
      entries_.push_back(state.entry_of(call_id));
      add(&state.entry(entries_.back()), sizeof(shm::EntryRecord));
    }
    constexpr std::size_t kItems = 12;
    // A few slots of the batch stand for all.
    add(area.batch.headers, 4 * sizeof area.batch.headers[0]);
    add(area.batch.buffers, 8 * sizeof area.batch.buffers[0]);
    add(&area.batch.count, 4 * sizeof area.batch.count);
    add(area.outbox.headers, kItems * sizeof area.outbox.headers[0]);
    add(area.outbox.items, kItems * sizeof area.outbox.items[0]);
    add(&area.outbox.count, sizeof area.outbox.count + sizeof area.outbox.next_to_send);
    for (std::size_t i = 0; i < 8; ++i) add(&area.buffers[i].node, sizeof(shm::EventNode));
    add(&state.area(shm::WorkerId{2}).buffers[0].node, sizeof(shm::EventNode));
    add(area.timer_nodes, 8 * sizeof area.timer_nodes[0]);
    add(state.slabs, 1024);  // Its lock and lists.
    constexpr std::size_t kPages = 10;
    add(stage.segment().find_named("slab.marks"), kPages * 256 * sizeof(shm::Mark));
    key_parts_ = parts_.size();
    stage.process().slabs.for_each_linked(shm::SlabKind::kTransaction, [&](shm::SlotHandle slot, shm::Mark) {
      add(stage.process().slabs.bytes(slot), shm::kTransactionSlotBytes);
    });
    add_stock(stage, shm::SlabKind::kTransaction);
    add_stock(stage, shm::SlabKind::kBranches);
  }

  enum class Change { kNone, kRecord, kKey };
  // What differs from the last call.
  Change look() {
    Change change = Change::kNone;
    std::size_t at = 0;
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      const std::span<const char> part = parts_[i];
      if (std::memcmp(part.data(), now_.data() + at, part.size()) != 0) {
        std::memcpy(now_.data() + at, part.data(), part.size());
        if (i < key_parts_) {
          change = Change::kKey;
        } else if (change == Change::kNone) {
          change = Change::kRecord;
        }
      }
      at += part.size();
    }
    return change;
  }
  const std::vector<std::uint32_t>& entries() const { return entries_; }

 private:
  void add(const void* memory, std::size_t bytes) {
    const char* const from = static_cast<const char*>(memory);
    parts_.emplace_back(from, bytes);
    now_.insert(now_.end(), from, from + bytes);
  }
  // The next two slots that the worker will take: taken and given back, they are on top of its stock.
  void add_stock(Stage& stage, shm::SlabKind kind) {
    shm::Slabs& slabs = stage.process().slabs;
    const shm::SlotHandle first = slabs.try_take(kind);
    const shm::SlotHandle second = slabs.try_take(kind);
    for (const shm::SlotHandle slot : {second, first}) {
      if (!slot) continue;
      add(slabs.bytes(slot), slabs.slot_bytes(slot));
      slabs.give(slot);
    }
  }

  std::vector<std::span<const char>> parts_;
  std::vector<char> now_;
  std::vector<std::uint32_t> entries_;
  std::size_t key_parts_ = 0;
};

// Keeps all of shared memory that one worker on few calls can change, and puts it back at the end.
class Aside {
 public:
  Aside(Stage& stage, const std::vector<std::uint32_t>& entries) {
    shm::SharedState& state = stage.state();
    char* const begin = stage.segment().base();
    char* const end = begin + stage.segment().size_bytes();
    char* at = begin;
    struct Hole {
      char* begin;
      char* end;
    };
    std::vector<Hole> holes;
    const auto hole = [&holes](void* memory, std::size_t bytes) {
      holes.push_back({static_cast<char*>(memory), static_cast<char*>(memory) + bytes});
    };
    hole(state.entries, sizeof(shm::EntryRecord) * shm::kEntryCount);
    hole(&state.area(shm::WorkerId{2}), sizeof(shm::WorkerArea));
    hole(state.area(shm::WorkerId{1}).overflow[2], sizeof(shm::WorkerArea::overflow[0]) * 30);
    std::sort(holes.begin(), holes.end(), [](const Hole& a, const Hole& b) { return a.begin < b.begin; });
    for (const Hole& each : holes) {
      keep(at, each.begin);
      at = each.end;
    }
    keep(at, end);
    char* const of_other = reinterpret_cast<char*>(&state.area(shm::WorkerId{2}).buffers[0]);
    keep(of_other, of_other + sizeof(shm::ReceiveBuffer));
    for (const std::uint32_t entry : entries) {
      char* const record = reinterpret_cast<char*>(&state.entry(entry));
      keep(record, record + sizeof(shm::EntryRecord));
    }
  }
  ~Aside() {
    for (const Kept& kept : kept_) std::memcpy(kept.at, kept.bytes.data(), kept.bytes.size());
  }
  Aside(const Aside&) = delete;
  Aside& operator=(const Aside&) = delete;

 private:
  struct Kept {
    char* at;
    std::vector<char> bytes;
  };
  void keep(char* begin, char* end) { kept_.push_back({begin, std::vector<char>(begin, end)}); }

  std::vector<Kept> kept_;
};

}  // namespace lockstep::test
