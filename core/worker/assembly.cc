// assembly.cc: the memory, the modules in it, and what engines and workers are told of both.
#include "core/worker/assembly.h"

#include <fmt/core.h>

namespace lockstep::worker {

std::size_t segment_bytes_for(std::uint32_t worker_count, std::uint32_t order_log_mb,
                              std::size_t slab_bytes) {
  constexpr std::size_t kSmallTables = 1 << 20;
  return sizeof(shm::SharedState) + sizeof(shm::EntryRecord) * shm::kEntryCount +
         sizeof(shm::WorkerArea) * (worker_count + 1) + (std::size_t{worker_count} * order_log_mb << 20) +
         kSmallTables + slab_bytes;
}

Result<bool, std::string> Assembly::make_memory(const MemoryPlan& plan) {
  auto made = shm::Segment::create(plan.name, plan.bytes);
  if (!made) return Failure{made.error()};
  segment = std::move(*made);
  const auto root = shm::make_shared_state(*segment, plan.worker_count);
  if (!root) return Failure{root.error()};
  state = *root;
  const auto logs = shm::make_order_logs(*segment, *state, plan.order_log_mb);
  if (!logs) return Failure{logs.error()};
  return true;
}

Result<bool, std::string> Assembly::start_modules(Configuration& configuration, LocalNames& names) {
  LS_ASSERT(state != nullptr);
  counters = std::make_unique<EngineCounters>(counter_names);
  ServerHost host{
      *segment,   *state, counter_names, rpc,    configuration.registry, configuration.globals, control,
      interfaces, names,  tasks,         keepers};
  for (const SharedObjectLoader::Loaded& loaded : configuration.loader->loaded()) {
    const auto started = loaded.module->start(host);
    if (!started) return Failure{fmt::format("module {}: {}", loaded.name, started.error())};
  }
  const auto finished = shm::finish_shared_state(*segment, *state);
  if (!finished) return Failure{finished.error()};
  tell_engine(configuration, names);
  return true;
}

void Assembly::tell_engine(const Configuration& configuration, const LocalNames& names) {
  engine.program = configuration.program.get();
  engine.names = &names;
  const TmSettings* tm = interfaces.find<TmSettings>();
  engine.tm = tm != nullptr ? tm : &default_tm;
  engine.counters = counters.get();
  engine.record_router = interfaces.find<RecordRouter>();
  engine.request_route = configuration.program->find_route(script::RouteKind::kRequest);
  engine.reply_route = configuration.program->find_route(script::RouteKind::kCoreReply);
  if (configuration.log_prefix.has_value()) engine.log_prefix = &*configuration.log_prefix;
  engine.branch_max = static_cast<std::uint32_t>(configuration.globals.max_branches);
  engine.force_rport = configuration.globals.force_rport;
}

WorkerSettings Assembly::worker_settings(const Configuration& configuration) const {
  LS_ASSERT(engine.program != nullptr);
  WorkerSettings settings;
  settings.engine = &engine;
  for (const SharedObjectLoader::Loaded& loaded : configuration.loader->loaded()) {
    settings.modules.push_back(loaded.module);
  }
  settings.tasks = &tasks;
  settings.keepers = &keepers;
  settings.variable_count = configuration.registry.variable_count();
  return settings;
}

}  // namespace lockstep::worker
