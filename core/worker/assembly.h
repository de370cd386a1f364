// assembly.h: what all workers of one server are given, put together in the one order that works: the memory,
// then the modules, which reserve their tables in it, then what the engines are told. Before the fork, by the
// process that forks; its children use all of it and change none of it. Used by the server, the explorer and
// tests of whole workers: each has its own sockets, names and sizes, and adds what is its own.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/worker/configuration.h"
#include "core/worker/engine.h"
#include "core/worker/engine_counters.h"
#include "core/worker/module.h"
#include "core/worker/tm_settings.h"
#include "core/worker/worker.h"
#include "shm/shared_state.h"

namespace lockstep::worker {

struct MemoryPlan {
  std::string name;  // Of the segment.
  std::size_t bytes = 0;
  std::uint32_t worker_count = 1;
  std::uint32_t order_log_mb = 0;  // For each worker.
};
// How large a segment must be for these to fit, beside `slab_bytes` for slabs and what modules reserve.
std::size_t segment_bytes_for(std::uint32_t worker_count, std::uint32_t order_log_mb, std::size_t slab_bytes);

struct Assembly {
  Assembly() = default;
  Assembly(const Assembly&) = delete;  // `engine` points into it.
  Assembly& operator=(const Assembly&) = delete;

  // First: the segment, its root, the order logs. Error: one line for the operator.
  Result<bool, std::string> make_memory(const MemoryPlan& plan);
  // Then, with what the caller provides in `interfaces`: every module is started, the slabs get what is left
  // of the segment, and `engine` is filled as far as the configuration says. Error: one line, as above.
  // REQUIRES: make_memory(); configuration and names outlive the workers.
  Result<bool, std::string> start_modules(Configuration& configuration, LocalNames& names);
  // Of any worker; the caller adds its sockets and how it is woken and stopped. REQUIRES: start_modules().
  WorkerSettings worker_settings(const Configuration& configuration) const;

  std::unique_ptr<shm::Segment> segment;
  shm::SharedState* state = nullptr;
  shm::CounterNames counter_names;
  std::unique_ptr<EngineCounters> counters;
  RpcRegistry rpc;
  ControlSettings control;
  Interfaces interfaces;
  std::vector<PeriodicTask> tasks;
  std::map<shm::SlabKind, SlotKeeper> keepers;
  TmSettings default_tm;  // Where no module provides others.
  EngineSettings engine;

 private:
  void tell_engine(const Configuration& configuration, const LocalNames& names);
};

}  // namespace lockstep::worker
