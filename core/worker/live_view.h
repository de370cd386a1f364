// live_view.h: the running server as the control process shows it: processes, memory, sockets, counters.
// Reads the segment; writes only the log level.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/worker/local_names.h"
#include "core/worker/module_loader.h"
#include "core/worker/process.h"
#include "core/worker/server_view.h"

namespace lockstep::worker {

class LiveView final : public ServerView {
 public:
  LiveView(shm::Segment& segment, shm::SharedState& state, const shm::CounterNames& counters,
           const LocalNames& names, const SharedObjectLoader& loader, pid_t supervisor)
      : segment_(segment),
        state_(state),
        counters_(counters),
        names_(names),
        loader_(loader),
        supervisor_(supervisor) {}
  // The supervisor of a daemon has its number only after the fork.
  void set_supervisor(pid_t pid) { supervisor_ = pid; }

  std::string version() const override;
  std::time_t started_at() const override { return static_cast<std::time_t>(state_.started_wall_s); }
  std::vector<ProcessInfo> processes() const override;
  MemoryInfo memory() const override;
  std::vector<SocketInfo> sockets() const override;
  std::vector<AliasInfo> aliases() const override;
  std::vector<std::string> modules() const override;
  std::vector<StatisticInfo> statistics() const override;
  void reset_statistic(std::string_view group, std::string_view name) override;
  int log_level() const override { return state_.log_level; }
  void set_log_level(int level) override { state_.log_level = level; }

 private:
  std::uint64_t sum(std::size_t counter) const;
  shm::Slabs slabs() const;

  shm::Segment& segment_;
  shm::SharedState& state_;
  const shm::CounterNames& counters_;
  const LocalNames& names_;
  const SharedObjectLoader& loader_;
  pid_t supervisor_;
  std::map<std::string, std::uint64_t> zero_;  // Sums at the last reset, by "group:name".
};

}  // namespace lockstep::worker
