#include "core/worker/pid_file.h"

#include <fmt/core.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <string>

namespace lockstep::worker {
namespace {

// A process that has died keeps its number until its parent waits for it.
bool is_alive(pid_t pid) {
  if (kill(pid, 0) != 0 && errno != EPERM) return false;
  std::ifstream stat(fmt::format("/proc/{}/stat", pid));
  std::string line;
  if (!std::getline(stat, line)) return true;
  const std::size_t name_end = line.rfind(')');  // A name may hold anything.
  return name_end == std::string::npos || name_end + 2 >= line.size() || line[name_end + 2] != 'Z';
}

}  // namespace

Result<bool, std::string> PidFile::claim(const std::string& path) {
  std::ifstream old(path);
  pid_t pid = 0;
  if (old >> pid && pid > 0 && pid != getpid() && is_alive(pid)) {
    return Failure{
        fmt::format("already running with process id {} ({}); stop it first, or use another run directory "
                    "with -Y and -P",
                    pid, path)};
  }
  std::ofstream file(path, std::ios::app);
  if (!file) {
    return Failure{
        fmt::format("cannot write the PID file {}: {}; choose another with -P", path, std::strerror(errno))};
  }
  path_ = path;
  return true;
}

void PidFile::write(pid_t pid) {
  std::ofstream file(path_, std::ios::trunc);
  file << pid << '\n';
}

void PidFile::remove() {
  if (!path_.empty()) unlink(path_.c_str());
  path_.clear();
}

}  // namespace lockstep::worker
