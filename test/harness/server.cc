#include "test/harness/server.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <stdexcept>

namespace lockstep::harness {
namespace {

// A loopback address of 127.0.0.0/8 that nobody else uses: from the process id and a counter, and tried.
Address own_address() {
  static int counter = 0;
  for (int attempt = 0; attempt < 64; ++attempt) {
    const int number = static_cast<int>(getpid()) * 16 + ++counter;
    Address address;
    address.ip = "127." + std::to_string(1 + (number >> 16 & 0x7F)) + "." +
                 std::to_string(number >> 8 & 0xFF) + "." + std::to_string(1 + (number & 0xFF) % 254);
    const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_in local{};
    local.sin_family = AF_INET;
    local.sin_port = htons(5060);
    inet_pton(AF_INET, address.ip.c_str(), &local.sin_addr);
    const bool is_free = bind(fd, reinterpret_cast<sockaddr*>(&local), sizeof local) == 0;
    close(fd);
    if (is_free) return address;
  }
  throw std::runtime_error("no free loopback address");
}

// The files of /dev/shm that a process has mapped: its segments, however they are named.
std::set<std::string> segments_of(pid_t pid) {
  std::set<std::string> files;
  std::istringstream maps(read_text("/proc/" + std::to_string(pid) + "/maps"));
  for (std::string line; std::getline(maps, line);) {
    const auto path = line.find("/dev/shm/");
    if (path != std::string::npos && line.find(" (deleted)") == std::string::npos) {
      files.insert(line.substr(path));
    }
  }
  return files;
}

// A child that outlives the test by a moment: if the test dies, it ends the servers the test has started.
// Each line of the pipe names one: "+PIDFILE" or "-PIDFILE".
int start_janitor() {
  std::array<int, 2> pipe_ends{};
  if (pipe2(pipe_ends.data(), O_CLOEXEC) != 0) return -1;
  const pid_t child = fork();
  if (child != 0) {
    close(pipe_ends[0]);
    return pipe_ends[1];
  }
  setsid();
  close(pipe_ends[1]);
  // Nobody may wait for this process because it still holds the test's output or a socket of it.
  const int null = open("/dev/null", O_RDWR);
  if (dup2(null, 1) < 0 || dup2(null, 2) < 0 || dup2(pipe_ends[0], 3) < 0) _exit(1);
  close_range(4, ~0U, 0);
  signal(SIGINT, SIG_IGN);
  signal(SIGTERM, SIG_IGN);
  std::set<std::string> running;
  FILE* lines = fdopen(3, "r");
  std::array<char, 4096> line;
  while (fgets(line.data(), line.size(), lines) != nullptr) {
    line[std::strcspn(line.data(), "\n")] = 0;
    if (line[0] == '+') running.insert(line.data() + 1);
    if (line[0] == '-') running.erase(line.data() + 1);
  }
  for (const std::string& pid_file : running) {
    const pid_t pid = std::atoi(read_text(pid_file).c_str());
    if (pid > 1) kill(pid, SIGTERM);
  }
  _exit(0);
}

void tell_janitor(char sign, const std::string& pid_file) {
  static const int pipe_end = start_janitor();
  const std::string line = sign + pid_file + "\n";
  if (write(pipe_end, line.data(), line.size()) < 0) return;
}

}  // namespace

Server::Server(ServerOptions options)
    : options_(std::move(options)),
      top_(std::filesystem::current_path()),
      run_folder_(make_temp_folder("server")),
      address_(own_address()) {
  options_.peer = options_.peer || is_peer();
}

Server::~Server() {
  if (started_) stop();
  remove_folder(run_folder_);
}

bool Server::is_peer() {
  const char* name = std::getenv("HARNESS_SERVER");
  return name != nullptr && std::string(name) == "kamailio";
}

std::string Server::pid_file() const { return run_folder_ + "/lockstep.pid"; }

pid_t Server::pid() const { return std::atoi(read_text(pid_file()).c_str()); }

std::string Server::log() const { return read_text(run_folder_ + "/log"); }

std::vector<std::string> Server::server_arguments() const {
  std::vector<std::string> all = {"-l", "udp:" + address_.text(), "-n", std::to_string(options_.children),
                                  "-E"};
  all.insert(all.end(), options_.arguments.begin(), options_.arguments.end());
  return all;
}

Outcome Server::try_start() {
  std::vector<std::string> command;
  const char* build = std::getenv("BUILD");
  const std::string output = std::filesystem::absolute(build != nullptr ? build : "build");
  if (options_.peer) {
    command = {"kamailio", "-f", options_.config, "-P", pid_file(), "-Y", run_folder_, "-m", "64",
               "-w",       top_};
  } else {
    command = {top_ + "/scripts/lockstepctl",
               "-c",
               (options_.config.front() == '/' ? "" : top_ + "/") + options_.config,
               "-r",
               run_folder_,
               "-b",
               options_.binary.empty() ? output + "/lockstep" : options_.binary,
               "start",
               "--",
               "-L",
               output + "/modules"};
  }
  const std::vector<std::string> more = server_arguments();
  command.insert(command.end(), more.begin(), more.end());
  tell_janitor('+', pid_file());
  // The daemon keeps stderr open: it must not be a file that run_command waits for or removes.
  Background starter(command, run_folder_ + "/log");
  Outcome outcome;
  outcome.status = starter.wait(30000);
  outcome.timed_out = outcome.status < 0;
  outcome.output = log();
  started_ = started_ || outcome.status == 0;
  return outcome;
}

void Server::start() {
  const Outcome outcome = try_start();
  if (outcome.status != 0) {
    throw std::runtime_error("the server did not start (status " + std::to_string(outcome.status) + "):\n" +
                             outcome.output);
  }
  Stage stage;
  Phone probe(stage, "probe", "probe", address_);
  probe.request("OPTIONS", "sip:" + address_.ip);
  if (!stage.run_until([&] { return !probe.inbox().empty(); }, 20000)) {
    throw std::runtime_error("the server does not answer OPTIONS:\n" + log());
  }
}

Outcome Server::control(const std::vector<std::string>& arguments, int deadline_ms) {
  std::vector<std::string> command = {top_ + "/scripts/lockstepctl", "-r", run_folder_};
  if (options_.peer) command = {"env", "RPCFIFOPATH=" + run_folder_ + "/kamailio_rpc.fifo", "kamctl"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return run_command(command, deadline_ms);
}

std::string Server::rpc(const std::string& method, const std::vector<std::string>& parameters) {
  std::vector<std::string> arguments = {"rpc", method};
  arguments.insert(arguments.end(), parameters.begin(), parameters.end());
  return control(arguments).output;
}

std::vector<pid_t> Server::worker_pids() {
  // One object per process; "PID" comes before "DSC" in each. Pretty or compact, one field at a time.
  const std::string text = rpc("core.psx");
  std::vector<pid_t> pids;
  for (auto at = text.find("\"PID\""); at != std::string::npos; at = text.find("\"PID\"", at + 1)) {
    const auto digit = text.find_first_of("0123456789", at);
    const auto next = text.find("\"PID\"", at + 1);
    const std::string object = text.substr(at, next == std::string::npos ? next : next - at);
    if (digit == std::string::npos) break;
    if (object.find("receiver") != std::string::npos || object.find("worker") != std::string::npos) {
      pids.push_back(std::atoi(text.c_str() + digit));
    }
  }
  return pids;
}

std::string Server::segment_file() const {
  const std::set<std::string> files = segments_of(pid());
  return files.empty() ? std::string() : *files.begin();
}

std::vector<pid_t> Server::kill_supervisor(bool all) {
  const pid_t supervisor = pid();
  const std::vector<pid_t> children = children_of(supervisor);
  kill(supervisor, SIGKILL);
  for (const pid_t child : children) {
    if (all) kill(child, SIGKILL);
  }
  wait_for_end(supervisor, 5000);
  return children;
}

std::vector<std::string> Server::stop() {
  std::vector<std::string> left;
  if (!started_) return left;
  const pid_t supervisor = pid();
  const std::set<std::string> segments = segments_of(supervisor);
  std::vector<pid_t> processes = children_of(supervisor);
  if (supervisor > 0) processes.push_back(supervisor);
  if (options_.peer) {
    if (supervisor > 0 && kill(supervisor, SIGTERM) == 0) wait_for_end(supervisor, 10000);
  } else {
    const Outcome outcome = control({"stop"});
    if (outcome.status != 0) left.push_back("lockstepctl stop: " + outcome.output);
  }
  for (const pid_t process : processes) {
    if (!process_exists(process)) continue;
    left.push_back("process " + std::to_string(process) + " " +
                   read_text("/proc/" + std::to_string(process) + "/comm"));
    kill(process, SIGKILL);
  }
  for (const auto& file : std::filesystem::directory_iterator(run_folder_)) {
    if (file.path().filename() != "log") left.push_back("file " + file.path().filename().string());
  }
  for (const std::string& file : segments) {
    if (std::filesystem::exists(file)) left.push_back("segment " + file);
  }
  tell_janitor('-', pid_file());
  started_ = false;
  return left;
}

std::vector<std::string> Server::complaints() const {
  std::vector<std::string> found;
  std::istringstream lines(log());
  for (std::string line; std::getline(lines, line);) {
    for (const char* sign :
         {"assert", "ASSERT", "signal 11", "signal 6", "died", "Sanitizer", "runtime error", "BUG"}) {
      if (line.find(sign) == std::string::npos) continue;
      found.push_back(line);
      break;
    }
  }
  return found;
}

}  // namespace lockstep::harness
