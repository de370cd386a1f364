#include "core/worker/supervisor.h"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <exception>

#include "core/base/clock.h"
#include "core/base/log.h"

namespace lockstep::worker {
namespace {

constexpr std::uint64_t kReadyWaitMs = 20000;
constexpr std::uint64_t kStopWaitMs = 5000;
constexpr std::uint64_t kRapidDeathMs = 100;  // Dies again within this: the next one waits.
constexpr std::uint64_t kRestartPauseMs = 50;
constexpr unsigned kOrphanEndS = 3;  // For a child to end in order when the supervisor was killed.

sigset_t watched_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGCHLD, SIGUSR1}) sigaddset(&set, signal);
  return set;
}

}  // namespace

Supervisor::Supervisor(shm::SharedState& state, const SupervisorSettings& settings)
    : state_(state), settings_(settings) {
  const sigset_t set = watched_signals();
  sigprocmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
  signal_fd_ = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  LS_ASSERT(signal_fd_ >= 0);
  LS_ASSERT(pipe(stop_pipe_) == 0);
  for (std::uint32_t i = 1; i <= settings.worker_count + 1; ++i) {
    children_.push_back(Child{0, shm::WorkerId{static_cast<std::uint8_t>(i)}, 0, 0});
  }
}

Supervisor::~Supervisor() {
  close(signal_fd_);
  close(stop_pipe_[0]);
  if (stop_pipe_[1] >= 0) close(stop_pipe_[1]);
}

void Supervisor::fork_child(Child& child, bool is_replacement) {
  state_.area(child.id).ready.store(0, std::memory_order_relaxed);
  child.restart_at_ms = 0;
  const pid_t me = getpid();
  const pid_t pid = fork();
  if (pid == 0) child_main(child, me, is_replacement);
  if (pid < 0) {
    LS_LOG(kCrit, "core", "cannot fork a process; trying again");
    child.pid = 0;
    child.restart_at_ms = monotonic_ms() + 1000;
    return;
  }
  child.pid = pid;
  state_.area(child.id).pid.store(pid, std::memory_order_release);
}

// The stop pipe tells a child to end; this sees to it that it does: one that waits for a lock of a process
// that died as well would wait for ever, with nobody left to replace that one. Costs nothing until then.
void Supervisor::end_with(pid_t supervisor) {
  struct sigaction action {};
  action.sa_handler = [](int) { alarm(kOrphanEndS); };
  action.sa_flags = SA_RESTART;
  sigaction(SIGUSR2, &action, nullptr);
  prctl(PR_SET_PDEATHSIG, SIGUSR2);
  if (getppid() != supervisor) alarm(kOrphanEndS);  // Killed before it could be asked for.
}

void Supervisor::child_main(const Child& child, pid_t supervisor, bool is_replacement) {
  close(signal_fd_);
  close(stop_pipe_[1]);
  end_with(supervisor);
  // Ctrl-C reaches the whole group; the supervisor alone decides when children end.
  signal(SIGINT, SIG_IGN);
  signal(SIGHUP, SIG_IGN);
  signal(SIGUSR1, SIG_IGN);
  const sigset_t set = watched_signals();
  sigprocmask(SIG_UNBLOCK, &set, nullptr);
  log_settings().process_index = child.id.value;
  try {
    if (child.id.value <= settings_.worker_count) {
      settings_.worker_main(child.id, stop_pipe_[0], is_replacement);
    } else {
      settings_.control_main(child.id, stop_pipe_[0]);
    }
  } catch (const std::exception& problem) {
    LS_LOG(kCrit, "core", "{}", problem.what());
    _exit(1);
  }
  _exit(0);
}

bool Supervisor::start() {
  for (Child& child : children_) fork_child(child, false);
  const std::uint64_t deadline = monotonic_ms() + kReadyWaitMs;
  for (;;) {
    std::size_t ready = 0;
    for (const Child& child : children_) ready += state_.area(child.id).ready.load(std::memory_order_acquire);
    if (ready == children_.size()) return true;
    for (const Child& child : children_) {
      int status = 0;
      if (child.pid > 0 && waitpid(child.pid, &status, WNOHANG) == child.pid) {
        LS_LOG(kCrit, "core", "process {} ended while starting", child.pid);
        for (Child& other : children_) {
          if (other.pid == child.pid) other.pid = 0;
        }
        stop_children();
        return false;
      }
    }
    if (monotonic_ms() > deadline) {
      LS_LOG(kCrit, "core", "workers were not ready within {} s", kReadyWaitMs / 1000);
      stop_children();
      return false;
    }
    poll(nullptr, 0, 2);
  }
}

int Supervisor::run() {
  for (;;) {
    pollfd entry{signal_fd_, POLLIN, 0};
    bool waits_for_restart = false;
    for (const Child& child : children_) waits_for_restart = waits_for_restart || child.restart_at_ms != 0;
    poll(&entry, 1, waits_for_restart ? 10 : 1000);
    signalfd_siginfo info{};
    while (read(signal_fd_, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
      switch (info.ssi_signo) {
        case SIGTERM:
        case SIGINT:
          LS_LOG(kNotice, "core", "stopping on signal {}", info.ssi_signo);
          stop_children();
          return 0;
        case SIGHUP:
          if (settings_.on_reload) settings_.on_reload();
          break;
        default:
          break;
      }
    }
    reap();
    restart_due();
  }
}

// Whatever ends without being told to is replaced, however it ended.
void Supervisor::reap() {
  int status = 0;
  for (pid_t pid = waitpid(-1, &status, WNOHANG); pid > 0; pid = waitpid(-1, &status, WNOHANG)) {
    for (Child& child : children_) {
      if (child.pid != pid) continue;
      const std::uint64_t now = monotonic_ms();
      if (WIFSIGNALED(status)) {
        LS_LOG(kCrit, "core", "process {} died of signal {}; replaced", pid, WTERMSIG(status));
      } else {
        LS_LOG(kCrit, "core", "process {} ended with status {}; replaced", pid, WEXITSTATUS(status));
      }
      child.pid = 0;
      child.restart_at_ms = now - child.last_death_ms < kRapidDeathMs ? now + kRestartPauseMs : now;
      child.last_death_ms = now;
      state_.area(child.id).restarts.fetch_add(1, std::memory_order_relaxed);
    }
  }
}

void Supervisor::restart_due() {
  const std::uint64_t now = monotonic_ms();
  for (Child& child : children_) {
    if (child.restart_at_ms != 0 && child.restart_at_ms <= now) fork_child(child, true);
  }
}

void Supervisor::stop_children() {
  state_.stopping.store(1, std::memory_order_release);
  if (stop_pipe_[1] >= 0) close(stop_pipe_[1]);
  stop_pipe_[1] = -1;
  const std::uint64_t deadline = monotonic_ms() + kStopWaitMs;
  for (;;) {
    bool any = false;
    for (Child& child : children_) {
      if (child.pid == 0) continue;
      int status = 0;
      if (waitpid(child.pid, &status, WNOHANG) == child.pid) {
        child.pid = 0;
      } else {
        any = true;
      }
    }
    if (!any) return;
    if (monotonic_ms() > deadline) {
      for (Child& child : children_) {
        if (child.pid == 0) continue;
        LS_LOG(kWarn, "core", "process {} did not end in time; killed", child.pid);
        kill(child.pid, SIGKILL);
        waitpid(child.pid, nullptr, 0);
        child.pid = 0;
      }
      return;
    }
    poll(nullptr, 0, 2);
  }
}

}  // namespace lockstep::worker
