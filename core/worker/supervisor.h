// supervisor.h: the main process after start: forks workers and the control process, replaces whichever
// dies, ends them in order. It touches no SIP and no call; it keeps every socket open, so that the kernel's
// spreading of peers over workers never changes. When it is killed itself, its end of the stop pipe closes
// and the children end as if it had told them to; one that cannot is ended by a signal of the kernel's soon
// after.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/worker/process.h"

namespace lockstep::worker {

struct SupervisorSettings {
  std::uint32_t worker_count = 1;
  // Run in the child; they return when its stop_fd becomes readable.
  std::function<void(shm::WorkerId me, int stop_fd, bool is_replacement)> worker_main;
  std::function<void(shm::WorkerId me, int stop_fd)> control_main;
  std::function<void()> on_reload = nullptr;  // SIGHUP.
};

class Supervisor {
 public:
  Supervisor(shm::SharedState& state, const SupervisorSettings& settings);
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  // Forks everything and waits until all are ready. False: a child died before it was.
  bool start();
  // Watches until SIGTERM or SIGINT, then ends all children. Returns the exit status.
  int run();

 private:
  struct Child {
    pid_t pid = 0;
    shm::WorkerId id;
    std::uint64_t last_death_ms = 0;
    std::uint64_t restart_at_ms = 0;  // Not 0: dead, and to be replaced then.
  };

  void fork_child(Child& child, bool is_replacement);
  static void end_with(pid_t supervisor);
  [[noreturn]] void child_main(const Child& child, pid_t supervisor, bool is_replacement);
  void reap();
  void restart_due();
  void stop_children();

  shm::SharedState& state_;
  const SupervisorSettings& settings_;
  std::vector<Child> children_;
  int signal_fd_ = -1;
  int stop_pipe_[2] = {-1, -1};  // Children hold the read end; closing the write end stops them.
};

}  // namespace lockstep::worker
