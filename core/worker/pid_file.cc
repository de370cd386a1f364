#include "core/worker/pid_file.h"

#include <fmt/core.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <string_view>

namespace lockstep::worker {
namespace {

// The name of the program that a process runs, empty: not known.
std::string program_of(const std::string& process) {
  char path[4096];
  const ssize_t length = readlink(("/proc/" + process + "/exe").c_str(), path, sizeof path);
  std::string name(path, length > 0 ? static_cast<std::size_t>(length) : 0);
  constexpr std::string_view kDeleted = " (deleted)";
  if (name.ends_with(kDeleted)) name.resize(name.size() - kDeleted.size());
  return name.substr(name.rfind('/') + 1);
}

// Numbers are given out again: a process that is known to run something else, or has ended and nobody has
// asked how, is not the server.
bool is_server(pid_t pid) {
  if (kill(pid, 0) != 0 && errno != EPERM) return false;
  const std::string id = std::to_string(pid);
  std::ifstream stat("/proc/" + id + "/stat");
  std::string line;
  std::getline(stat, line);
  const std::size_t name_end = line.rfind(") ");
  if (name_end != std::string::npos && line.compare(name_end + 2, 1, "Z") == 0) return false;
  const std::string program = program_of(id);
  return program.empty() || program == program_of("self");
}

}  // namespace

Result<bool, std::string> PidFile::claim(const std::string& path) {
  std::ifstream old(path);
  pid_t pid = 0;
  if (old >> pid && pid > 0 && pid != getpid() && is_server(pid)) {
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

bool PidFile::give_to(uid_t user, gid_t group) const { return chown(path_.c_str(), user, group) == 0; }

void PidFile::write(pid_t pid) {
  std::ofstream file(path_, std::ios::trunc);
  file << pid << '\n';
}

void PidFile::remove() {
  if (!path_.empty()) unlink(path_.c_str());
  path_.clear();
}

}  // namespace lockstep::worker
