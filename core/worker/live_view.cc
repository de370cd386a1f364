#include "core/worker/live_view.h"

#include <fmt/core.h>
#include <unistd.h>

#include "core/worker/options.h"

namespace lockstep::worker {

std::string LiveView::version() const { return kServerVersion; }

shm::Slabs LiveView::slabs() const {
  return shm::Slabs(segment_, *state_.slabs,
                    shm::WorkerId{static_cast<std::uint8_t>(state_.worker_count + 1)});
}

std::vector<ProcessInfo> LiveView::processes() const {
  std::vector<ProcessInfo> list;
  list.push_back({0, supervisor_, 0, "main process - attendant", 0});
  const std::string socket = names_.sockets().empty() ? ""
                             : names_.sockets().front().address.is_set()
                                 ? names_.sockets().front().name.substr(4)
                                 : "";
  for (std::uint32_t id = 1; id <= state_.worker_count + 1; ++id) {
    const shm::WorkerArea& area = *state_.areas[id];
    ProcessInfo info;
    info.index = static_cast<int>(id);
    info.pid = area.pid.load(std::memory_order_acquire);
    info.restarts = area.restarts.load(std::memory_order_relaxed);
    if (id <= state_.worker_count) {
      info.rank = static_cast<int>(id);
      info.description = fmt::format("udp receiver child={} sock={}", id - 1, socket);
    } else {
      info.rank = -2;
      info.description = "JSONRPCS FIFO";
    }
    list.push_back(info);
  }
  return list;
}

MemoryInfo LiveView::memory() const {
  const shm::Slabs view = slabs();
  MemoryInfo info;
  info.total_bytes = view.total_bytes();
  info.real_used_bytes = view.used_bytes();
  std::uint64_t peak = 0;
  for (std::size_t i = 0; i < shm::kSlabKindCount; ++i) {
    const shm::SlabFigures figures = view.figures(static_cast<shm::SlabKind>(i));
    info.used_bytes += figures.live * figures.slot_bytes;
    peak += figures.peak * figures.slot_bytes;
    info.fragments += figures.live;
  }
  info.max_used_bytes = peak;
  return info;
}

std::vector<SocketInfo> LiveView::sockets() const {
  std::vector<SocketInfo> list;
  for (const ListenSocket& socket : names_.sockets()) {
    const std::string ip(ip_text(socket.address).view());
    const bool is_advertised = socket.host != ip || socket.port != socket.address.port();
    list.push_back({"udp", ip, ip, socket.address.port(), socket.socket_name,
                    is_advertised ? fmt::format("{}:{}", socket.host, socket.port) : ""});
  }
  return list;
}

std::vector<AliasInfo> LiveView::aliases() const {
  std::vector<AliasInfo> list;
  for (const Alias& alias : names_.aliases()) list.push_back({"", alias.host, alias.port});
  return list;
}

std::vector<std::string> LiveView::modules() const {
  std::vector<std::string> names;
  for (const SharedObjectLoader::Loaded& loaded : loader_.loaded()) names.push_back(loaded.name);
  return names;
}

std::uint64_t LiveView::sum(std::size_t counter) const {
  std::uint64_t total = 0;
  for (std::uint32_t id = 1; id <= state_.worker_count + 1; ++id) {
    total += state_.areas[id]->counters.values[counter].load(std::memory_order_relaxed);
  }
  return total;
}

std::vector<StatisticInfo> LiveView::statistics() const {
  std::vector<StatisticInfo> list;
  const auto& names = counters_.all();
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto zero = zero_.find(names[i].group + ":" + names[i].name);
    const std::uint64_t total = sum(i);
    list.push_back({names[i].group, names[i].name, zero == zero_.end() ? total : total - zero->second, true});
  }
  const MemoryInfo info = memory();
  const auto gauge = [&list](std::string group, std::string name, std::uint64_t value) {
    list.push_back({std::move(group), std::move(name), value, false});
  };
  gauge("shmem", "total_size", info.total_bytes);
  gauge("shmem", "used_size", info.used_bytes);
  gauge("shmem", "real_used_size", info.real_used_bytes);
  gauge("shmem", "max_used_size", info.max_used_bytes);
  gauge("shmem", "free_size", info.total_bytes - info.real_used_bytes);
  gauge("shmem", "fragments", info.fragments);
  const shm::Slabs view = slabs();
  for (std::size_t i = 0; i < shm::kSlabKindCount; ++i) {
    const shm::SlabFigures figures = view.figures(static_cast<shm::SlabKind>(i));
    const std::string kind(figures.name);
    gauge("slabs", kind + "_live", figures.live);
    gauge("slabs", kind + "_peak", figures.peak);
    gauge("slabs", kind + "_capacity", figures.capacity);
    gauge("slabs", kind + "_refused", figures.refusals);
  }
  const std::uint64_t live = view.figures(shm::SlabKind::kTransaction).live;
  gauge("tmx", "active_transactions", live);
  gauge("tmx", "inuse_transactions", live);
  return list;
}

void LiveView::reset_statistic(std::string_view group, std::string_view name) {
  const auto& names = counters_.all();
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i].group == group && names[i].name == name)
      zero_[names[i].group + ":" + names[i].name] = sum(i);
  }
}

}  // namespace lockstep::worker
