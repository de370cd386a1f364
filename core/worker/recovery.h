// recovery.h: what the replacement of a dead worker does before its first event. Made of the same steps
// as normal work, so that a death in the middle of it is recovered from in the same way.
//   1 owned entries: takes finished,   4 nodes that belong nowhere are freed
//     decided events dropped           5 slots: what transactions reach is theirs, the rest is free
//   2 decided, unsent datagrams sent   6 its received, not admitted batch is admitted
//   3 half-made transactions undone    7 the timer wheel is made anew
// REQUIRES: the pool lock is mended (Slabs::recover_lock), modules have recovered.
#pragma once

#include <cstdint>
#include <map>
#include <unordered_set>
#include <vector>

#include "core/worker/engine.h"
#include "core/worker/module.h"
#include "core/worker/outbox.h"
#include "core/worker/receiver.h"

namespace lockstep::worker {

class Recovery {
 public:
  Recovery(Process& process, Engine& engine, Outbox& outbox, Receiver& receiver,
           const EngineCounters& counters, std::string quarantine_dir);

  // Returns the entries that this worker now owns and must work.
  std::vector<std::uint32_t> run(const std::map<shm::SlabKind, SlotKeeper>& keepers);

 private:
  void take_over_entries();
  void mend_transactions(std::uint32_t index);
  void remove_gone(std::uint32_t index);
  void sweep_slots(const std::map<shm::SlabKind, SlotKeeper>& keepers);
  void free_stray_nodes();
  void free_if_stray(shm::EventNode& node);
  void leave_large(shm::EventNode& node);
  void set_aside(std::uint32_t index);
  void quarantine(shm::Entry& entry, shm::EventNode& node);
  void quarantine_unadmitted(const shm::EventNode& node, std::string_view bytes);
  std::string keep(const std::string& name, std::string_view bytes) const;
  void tell_set_aside(const shm::EventNode& node, const std::string& file);
  void rebuild_wheel();

  Process& process_;
  Engine& engine_;
  Outbox& outbox_;
  Receiver& receiver_;
  const EngineCounters& counters_;
  std::string quarantine_dir_;
  std::vector<std::uint32_t> owned_;
  std::unordered_set<std::uint32_t> gone_;    // Transactions undone or ended, still listed.
  std::unordered_set<std::uint32_t> listed_;  // Nodes in the work lists of owned entries.
};

}  // namespace lockstep::worker
