#include "test/harness/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "test/harness/stage.h"

namespace lockstep::harness {
namespace {

pid_t spawn(const std::vector<std::string>& arguments, const std::string& log_file,
            const std::string& folder) {
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const pid_t pid = fork();
  if (pid != 0) return pid;
  const int log = open(log_file.c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
  const int null = open("/dev/null", O_RDONLY);
  if (log < 0 || null < 0 || dup2(null, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0) _exit(126);
  close(log);
  close(null);
  if (!folder.empty() && chdir(folder.c_str()) != 0) _exit(126);
  // The runner's handlers name the test that crashed; a child of it is not that test.
  for (const int number : {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL}) signal(number, SIG_DFL);
  execvp(argv[0], argv.data());
  _exit(127);
}

int status_of(int raw) { return WIFEXITED(raw) ? WEXITSTATUS(raw) : 128 + WTERMSIG(raw); }

}  // namespace

Background::Background(const std::vector<std::string>& arguments, const std::string& log_file,
                       const std::string& folder)
    : pid_(spawn(arguments, log_file, folder)) {}

Background::~Background() {
  if (!is_running()) return;
  terminate(SIGTERM);
  if (wait(3000) < 0) {
    terminate(SIGKILL);
    wait(3000);
  }
}

bool Background::is_running() { return pid_ > 0 && status_ < 0 && wait(0) < 0; }

void Background::terminate(int signal_number) {
  if (pid_ > 0 && status_ < 0) kill(pid_, signal_number);
}

int Background::wait(int deadline_ms) {
  if (pid_ <= 0 || status_ >= 0 || !wait_for_end(pid_, deadline_ms)) return status_;
  int raw = 0;
  if (waitpid(pid_, &raw, 0) == pid_) status_ = status_of(raw);
  return status_;
}

Outcome run_command(const std::vector<std::string>& arguments, int deadline_ms, const std::string& folder) {
  const std::string scratch = make_temp_folder("run");
  const std::string log = scratch + "/output";
  Outcome outcome;
  {
    Background process(arguments, log, folder);
    outcome.status = process.wait(deadline_ms);
    outcome.timed_out = outcome.status < 0;
  }
  outcome.output = read_text(log);
  remove_folder(scratch);
  return outcome;
}

bool wait_for_end(pid_t pid, int deadline_ms) {
  const int process = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (process < 0) return errno == ESRCH;
  const std::int64_t deadline = now_ms() + deadline_ms;
  int ready = 0;
  do {
    pollfd wanted{process, POLLIN, 0};
    ready = poll(&wanted, 1, static_cast<int>(std::max<std::int64_t>(deadline - now_ms(), 0)));
  } while (ready < 0 && errno == EINTR);
  close(process);
  return ready > 0;
}

bool process_exists(pid_t pid) {
  const std::string stat = read_text("/proc/" + std::to_string(pid) + "/stat");
  const auto after_name = stat.rfind(')');
  return after_name != std::string::npos && stat[after_name + 2] != 'Z' && stat[after_name + 2] != 'X';
}

std::vector<pid_t> children_of(pid_t pid) {
  const std::string id = std::to_string(pid);
  std::istringstream list(read_text("/proc/" + id + "/task/" + id + "/children"));
  std::vector<pid_t> children;
  for (pid_t child = 0; list >> child;) children.push_back(child);
  return children;
}

std::string read_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::string make_temp_folder(const std::string& prefix) {
  const char* base = std::getenv("TMPDIR");
  std::string path = std::string(base != nullptr ? base : "/tmp") + "/lockstep-" + prefix + "-XXXXXX";
  if (mkdtemp(path.data()) == nullptr) throw std::runtime_error("cannot make a folder like " + path);
  return path;
}

void remove_folder(const std::string& path) {
  std::error_code ignored;
  std::filesystem::remove_all(path, ignored);
}

}  // namespace lockstep::harness
