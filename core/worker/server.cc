#include "core/worker/server.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <grp.h>
#include <pwd.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstring>

#include "core/base/clock.h"
#include "core/base/file_hash.h"
#include "core/base/log.h"
#include "core/net/udp_socket.h"
#include "core/worker/assembly.h"
#include "core/worker/command_post.h"
#include "core/worker/configuration.h"
#include "core/worker/control_server.h"
#include "core/worker/core_rpc.h"
#include "core/worker/listen.h"
#include "core/worker/live_view.h"
#include "core/worker/pid_file.h"
#include "core/worker/point_holder.h"
#include "core/worker/supervisor.h"
#include "core/worker/worker.h"
#include "shm/attached_segment.h"
#include "shm/dead_segment.h"

namespace lockstep::worker {
namespace {

constexpr int kFailed = 255;
constexpr int kDefaultShmMb = 128;
constexpr std::uint64_t kOldServerWaitMs = 8000;  // Longer than the children of a killed supervisor may take.

// Everything of one server, in the order of its making.
class Server {
 public:
  Server(const Options& options, std::unique_ptr<Configuration> configuration)
      : options_(options), configuration_(std::move(configuration)), globals_(configuration_->globals) {}

  int run();

 private:
  bool open_sockets();
  bool make_memory();
  bool start_modules();
  void take_over();
  bool publish_memory();
  bool open_control();
  bool drop_privileges();
  bool prepare_run_dir();
  void complete_engine_settings();
  void set_up_log();
  void worker_main(shm::WorkerId me, int stop_fd, bool is_replacement);
  void control_main(shm::WorkerId me, int stop_fd);
  int serve(int report_fd);
  void announce(pid_t pid) const;
  void tell_first_steps() const;
  void clean_up();
  void give_memory_up();
  void tell_estate() const;
  bool fail(const std::string& text) {
    std::fprintf(stderr, "lockstep: %s\n", text.c_str());
    return false;
  }

  const Options& options_;
  std::unique_ptr<Configuration> configuration_;
  script::Globals& globals_;
  LocalNames names_;
  std::vector<std::vector<int>> sockets_;  // [worker][listening address]
  std::vector<int> wake_fds_;              // An eventfd of each worker.
  std::string run_dir_;
  std::string segment_name_;
  PidFile pid_file_;
  shm::DeadSegment::Finding dead_;
  std::vector<std::string> inherited_;  // What modules say of it.
  std::uint64_t binary_ = 0;
  Assembly parts_;
  CommandPost command_post_;
  std::unique_ptr<LiveView> view_;
  std::unique_ptr<ControlServer> control_;
};

bool Server::open_sockets() {
  std::vector<std::string> warnings;
  const auto resolved = resolve_listen(globals_, names_, warnings);
  for (const std::string& warning : warnings)
    std::fprintf(stderr, "lockstep: warning: %s\n", warning.c_str());
  if (!resolved) return fail(resolved.error());
  for (const ListenSocket& socket : names_.sockets()) {
    if (const auto is_free = net::check_free(socket.address); !is_free) return fail(is_free.error());
  }
  sockets_.resize(static_cast<std::size_t>(globals_.children));
  for (int i = 0; i < globals_.children; ++i) wake_fds_.push_back(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  command_post_.set_wake_fds(wake_fds_);
  for (std::vector<int>& of_worker : sockets_) {
    for (const ListenSocket& socket : names_.sockets()) {
      const auto fd = net::open_udp(socket.address);
      if (!fd) return fail(fd.error());
      of_worker.push_back(*fd);
    }
  }
  return true;
}

bool Server::prepare_run_dir() {
  run_dir_ = globals_.rundir;
  if (run_dir_.empty()) {
    run_dir_ = "/run/lockstep";
    mkdir(run_dir_.c_str(), 0770);
    if (access(run_dir_.c_str(), W_OK) != 0) run_dir_ = fmt::format("/tmp/lockstep-{}", getuid());
  }
  if (mkdir(run_dir_.c_str(), 0770) != 0 && errno != EEXIST) {
    return fail(fmt::format("cannot make the run directory {}: {}; choose another with -Y", run_dir_,
                            strerror(errno)));
  }
  if (access(run_dir_.c_str(), W_OK) != 0) {
    return fail(fmt::format("cannot write to the run directory {}; choose another with -Y", run_dir_));
  }
  char resolved[4096];
  if (realpath(run_dir_.c_str(), resolved) != nullptr) run_dir_ = resolved;
  const auto claimed =
      pid_file_.claim(options_.pid_file.empty() ? run_dir_ + "/lockstep.pid" : options_.pid_file);
  if (!claimed) return fail(claimed.error());
  segment_name_ = shm::segment_name_of(run_dir_);
  binary_ = hash_file("/proc/self/exe");
  dead_ = shm::DeadSegment::find(segment_name_, binary_, kOldServerWaitMs);
  if (dead_.is_alive) {
    return fail(
        fmt::format("a process of another server still lives in the run directory {}; end it, or choose "
                    "another with -Y",
                    run_dir_));
  }
  return true;
}

bool Server::make_memory() {
  const int mb = globals_.shm_mb > 0 ? globals_.shm_mb : kDefaultShmMb;
  // The order log comes on top: what is given with -m stays for calls.
  const int log_mb = globals_.order_log_mb * globals_.children;
  // Under its own name only when it holds all that the dead one's held: until then that one stays.
  const auto made = parts_.make_memory({.name = segment_name_ + ".new",
                                        .bytes = static_cast<std::size_t>(mb + log_mb) << 20,
                                        .worker_count = static_cast<std::uint32_t>(globals_.children),
                                        .order_log_mb = static_cast<std::uint32_t>(globals_.order_log_mb)});
  if (!made) return fail(made.error());
  shm::SharedState& state = *parts_.state;
  for (const ListenSocket& socket : names_.sockets()) {
    if (state.listen_count < shm::kListenMax) state.listen[state.listen_count++] = socket.address;
  }
  state.log_level = globals_.debug;
  return true;
}

bool Server::start_modules() {
  parts_.control.run_dir = run_dir_;
  parts_.interfaces.provide(command_post_);
  const auto started = parts_.start_modules(*configuration_, names_);
  if (!started) return fail(started.error());
  take_over();
  view_ = std::make_unique<LiveView>(*parts_.segment, *parts_.state, parts_.counter_names, names_,
                                     *configuration_->loader, getpid());
  register_core_rpc(parts_.rpc, *view_);
  return true;
}

void Server::take_over() {
  if (dead_.segment == nullptr) return;
  Estate estate{*dead_.segment, {}, wall_s()};
  const auto* old =
      static_cast<const shm::SharedState*>(dead_.segment->find_block("state", sizeof(shm::SharedState)));
  const std::size_t count = old == nullptr ? 0 : std::min<std::size_t>(old->listen_count, shm::kListenMax);
  for (std::size_t i = 0; i < count; ++i) {
    std::uint16_t ours = kNoSocket;
    for (std::size_t j = 0; j < names_.sockets().size(); ++j) {
      if (names_.sockets()[j].address == old->listen[i]) ours = static_cast<std::uint16_t>(j);
    }
    estate.sockets.push_back(ours);
  }
  constexpr shm::WorkerId kFirst{1};
  shm::Slabs slabs(*parts_.segment, *parts_.state->slabs, kFirst);
  Process process{kFirst, *parts_.segment, *parts_.state, slabs, parts_.state->area(kFirst).counters};
  for (const SharedObjectLoader::Loaded& loaded : configuration_->loader->loaded()) {
    if (std::string told = loaded.module->take_over(process, estate); !told.empty())
      inherited_.push_back(told);
  }
}

// The last step that can fail before anybody is served. From here on a death leaves the new segment.
bool Server::publish_memory() {
  parts_.segment->seal(binary_);
  const auto renamed = parts_.segment->rename(segment_name_);
  if (!renamed) return fail(renamed.error());
  dead_.segment.reset();
  return true;
}

// What was taken over is kept for the next start, whatever becomes of this one.
void Server::give_memory_up() {
  if (parts_.segment != nullptr && (inherited_.empty() || dead_.segment != nullptr)) parts_.segment->remove();
}

void Server::tell_estate() const {
  if (!dead_.trouble.empty()) {
    LS_LOG(kWarn, "core", "nothing is taken over from the segment that a dead server left: {}",
           dead_.trouble);
  }
  for (const std::string& line : inherited_) LS_LOG(kNotice, "core", "{}", line);
}

bool Server::open_control() {
  // With -u and -g the files belong to whom the server becomes.
  if (parts_.control.fifo_user.empty()) parts_.control.fifo_user = globals_.user;
  if (parts_.control.fifo_group.empty()) parts_.control.fifo_group = globals_.group;
  if (parts_.control.dgram_user.empty()) parts_.control.dgram_user = globals_.user;
  if (parts_.control.dgram_group.empty()) parts_.control.dgram_group = globals_.group;
  control_ = std::make_unique<ControlServer>(parts_.control, parts_.rpc);
  const auto opened = control_->open();
  if (!opened) return fail(opened.error());
  return true;
}

bool Server::drop_privileges() {
  if (globals_.group.empty() && globals_.user.empty()) return true;
  gid_t gid = getgid();
  uid_t uid = getuid();
  if (!globals_.user.empty()) {
    const passwd* user = getpwnam(globals_.user.c_str());
    if (user == nullptr) return fail(fmt::format("-u: there is no user '{}'", globals_.user));
    uid = user->pw_uid;
    gid = user->pw_gid;
  }
  if (!globals_.group.empty()) {
    const group* found = getgrnam(globals_.group.c_str());
    if (found == nullptr) return fail(fmt::format("-g: there is no group '{}'", globals_.group));
    gid = found->gr_gid;
  }
  if (chown(run_dir_.c_str(), uid, gid) != 0 || !parts_.segment->give_to(uid, gid) ||
      !pid_file_.give_to(uid, gid) || setgroups(0, nullptr) != 0 ||
      setgid(gid) != 0 || setuid(uid) != 0) {
    return fail(fmt::format("cannot become {}:{}: {}; start as root to use -u and -g", globals_.user,
                            globals_.group, strerror(errno)));
  }
  return true;
}

std::string header_value(const std::string& line, std::string_view name) {
  if (line.size() > name.size() && strncasecmp(line.c_str(), name.data(), name.size()) == 0) {
    const std::size_t start = line.find_first_not_of(" \t:", name.size());
    return start == std::string::npos ? std::string() : line.substr(start);
  }
  return line;
}

void Server::complete_engine_settings() {
  const std::string ourselves = fmt::format("lockstep ({})", kServerVersion);
  if (globals_.server_signature) {
    parts_.engine.server_header =
        globals_.server_header.empty() ? ourselves : header_value(globals_.server_header, "Server");
    parts_.engine.user_agent_line =
        fmt::format("User-Agent: {}\r\n", globals_.user_agent_header.empty()
                                              ? ourselves
                                              : header_value(globals_.user_agent_header, "User-Agent"));
  }
  parts_.engine.quarantine_dir = run_dir_;
  names_.set_multihomed(globals_.mhomed);
}

int facility_number(const std::string& name) {
  static constexpr std::pair<std::string_view, int> kFacilities[] = {
      {"LOG_AUTH", LOG_AUTH},     {"LOG_AUTHPRIV", LOG_AUTHPRIV}, {"LOG_CRON", LOG_CRON},
      {"LOG_DAEMON", LOG_DAEMON}, {"LOG_FTP", LOG_FTP},           {"LOG_KERN", LOG_KERN},
      {"LOG_LPR", LOG_LPR},       {"LOG_MAIL", LOG_MAIL},         {"LOG_NEWS", LOG_NEWS},
      {"LOG_SYSLOG", LOG_SYSLOG}, {"LOG_USER", LOG_USER},         {"LOG_UUCP", LOG_UUCP},
      {"LOG_LOCAL0", LOG_LOCAL0}, {"LOG_LOCAL1", LOG_LOCAL1},     {"LOG_LOCAL2", LOG_LOCAL2},
      {"LOG_LOCAL3", LOG_LOCAL3}, {"LOG_LOCAL4", LOG_LOCAL4},     {"LOG_LOCAL5", LOG_LOCAL5},
      {"LOG_LOCAL6", LOG_LOCAL6}, {"LOG_LOCAL7", LOG_LOCAL7}};
  for (const auto& [known, number] : kFacilities) {
    if (name == known) return number;
  }
  return LOG_DAEMON;
}

void Server::set_up_log() {
  static std::string ident;
  ident = globals_.log_name.empty() ? "lockstep" : globals_.log_name;
  openlog(ident.c_str(), LOG_PID | LOG_NDELAY, facility_number(globals_.log_facility));
  LogSettings& log = log_settings();
  log.level = globals_.debug;
  log.to_stderr = globals_.log_stderror;
  log.facility = facility_number(globals_.log_facility);
  log.shared_level = &parts_.state->log_level;
  log.colour = globals_.log_color.value_or(false) && std::getenv("NO_COLOR") == nullptr;
}

void Server::worker_main(shm::WorkerId me, int stop_fd, bool is_replacement) {
  control_->close_descriptors();
  for (std::size_t i = 0; i < sockets_.size(); ++i) {
    if (i + 1 == me.value) continue;
    for (const int fd : sockets_[i]) close(fd);
  }
  hold_points_if_asked(me);
  // That takes some 60 ms for 192 MiB. Calls wait for a replacement: it maps what it touches.
  if (!is_replacement) parts_.segment->map_now();
  shm::Slabs slabs(*parts_.segment, *parts_.state->slabs, me);
  Process process{me, *parts_.segment, *parts_.state, slabs, parts_.state->area(me).counters};
  WorkerSettings settings = parts_.worker_settings(*configuration_);
  for (Module* module : settings.modules) module->start_process(process);
  settings.sockets = sockets_[me.value - 1u];
  settings.wake_fds = wake_fds_;
  settings.stop_fd = stop_fd;
  settings.receive_pause_us = static_cast<std::uint32_t>(globals_.receive_pause_us);
  settings.is_replacement = is_replacement;
  const auto worker = std::make_unique<Worker>(process, settings);
  worker->run();
}

void Server::control_main(shm::WorkerId me, int stop_fd) {
  for (const std::vector<int>& of_worker : sockets_) {
    for (const int fd : of_worker) close(fd);
  }
  shm::Slabs slabs(*parts_.segment, *parts_.state->slabs, me);
  Process process{me, *parts_.segment, *parts_.state, slabs, parts_.state->area(me).counters};
  if (parts_.state->area(me).restarts.load(std::memory_order_relaxed) > 0) {
    slabs.recover_lock();
    command_post_.recover(process);
    for (const auto& loaded : configuration_->loader->loaded()) loaded.module->recover(process);
    slabs.sweep([&](shm::SlotHandle slot, shm::Mark mark) {
      const auto keeper = parts_.keepers.find(slabs.kind_of(slot));
      return keeper != parts_.keepers.end() ? keeper->second(process, slot, mark) : mark;
    });
  }
  for (const auto& loaded : configuration_->loader->loaded()) loaded.module->start_process(process);
  parts_.state->area(me).ready.store(1, std::memory_order_release);
  control_->run(stop_fd);
  // The supervisor was killed: nobody else will.
  if (parts_.state->stopping.load(std::memory_order_acquire) == 0) control_->unlink_files();
}

// One line: what is served where, by whom.
void Server::announce(pid_t pid) const {
  std::string where;
  for (const ListenSocket& socket : names_.sockets()) where += (where.empty() ? "" : ", ") + socket.name;
  const bool is_built_in = configuration_->file == kBuiltInName;
  fmt::print("lockstep {} serves {} with {} worker{}, PID {} ({}, run directory {})\n", kServerVersion, where,
             globals_.children, globals_.children == 1 ? "" : "s", pid,
             is_built_in ? "built-in configuration; etc/lockstep.cfg is an example" : configuration_->file,
             run_dir_);
  std::fflush(stdout);
}

void Server::tell_first_steps() const {
  const std::string& host = names_.sockets().front().host;
  const std::uint16_t port = names_.sockets().front().port;
  std::printf("  control      scripts/lockstepctl -r %s status\n", run_dir_.c_str());
  std::printf(
      "  first call   register two phones as sip:alice@%s:%u and sip:bob@%s:%u (no password),\n"
      "               then let alice call sip:bob@%s:%u; Ctrl-C ends the server\n",
      host.c_str(), port, host.c_str(), port, host.c_str(), port);
  std::fflush(stdout);
}

int Server::serve(int report_fd) {
  parts_.state->started_wall_s = static_cast<std::uint64_t>(std::time(nullptr));
  view_->set_supervisor(getpid());
  pid_file_.write(getpid());
  SupervisorSettings settings;
  settings.worker_count = static_cast<std::uint32_t>(globals_.children);
  settings.worker_main = [this](shm::WorkerId me, int stop_fd, bool is_replacement) {
    worker_main(me, stop_fd, is_replacement);
  };
  settings.control_main = [this](shm::WorkerId me, int stop_fd) { control_main(me, stop_fd); };
  settings.on_reload = [] { LS_LOG(kWarn, "core", "SIGHUP: reloading is not served yet; restart instead"); };
  Supervisor supervisor(*parts_.state, settings);
  const bool started = supervisor.start();
  if (report_fd >= 0) {
    const char status = started ? 0 : 1;
    [[maybe_unused]] const ssize_t written = write(report_fd, &status, 1);
    close(report_fd);
    const int null = open("/dev/null", O_RDWR);
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    if (!globals_.log_stderror) dup2(null, STDERR_FILENO);
    close(null);
  } else if (started) {
    announce(getpid());
    tell_first_steps();
  }
  if (!started) {
    control_->unlink_files();
    give_memory_up();
    pid_file_.remove();
    return kFailed;
  }
  const int status = supervisor.run();
  clean_up();
  return status;
}

void Server::clean_up() {
  control_->unlink_files();
  parts_.segment->remove();
  pid_file_.remove();
}

int Server::run() {
  umask(0007);
  if (!prepare_run_dir() || !open_sockets() || !make_memory() || !start_modules() || !open_control() ||
      !publish_memory() || !drop_privileges()) {
    if (control_ != nullptr) control_->unlink_files();
    give_memory_up();
    pid_file_.remove();
    return kFailed;
  }
  complete_engine_settings();
  const bool foreground = options_.foreground || !globals_.fork;
  set_up_log();
  tell_estate();
  if (!globals_.workdir.empty() && chdir(globals_.workdir.c_str()) != 0) {
    fail(fmt::format("cannot change to the work directory {}: {}", globals_.workdir, strerror(errno)));
  }
  if (foreground) return serve(-1);
  // The starting process waits for the word of the daemon and exits with its status.
  int report[2];
  if (pipe(report) != 0) return kFailed;
  const pid_t daemon = fork();
  if (daemon == 0) {
    close(report[0]);
    setsid();
    return serve(report[1]);
  }
  close(report[1]);
  char status = 1;
  const bool told = daemon > 0 && read(report[0], &status, 1) == 1;
  // The files belong to the daemon now.
  pid_file_.disown();
  if (told && status == 0) {
    announce(daemon);
    return 0;
  }
  fail("the server did not start; its log says why");
  return kFailed;
}

}  // namespace

int run_server(const Options& options) {
  std::string report;
  if (options.mode == Options::Mode::kPrintConfig) {
    const std::string text = print_configuration(options, report);
    std::fputs(report.c_str(), stderr);
    std::fputs(text.c_str(), stdout);
    return text.empty() ? kFailed : 0;
  }
  std::unique_ptr<Configuration> configuration = load_configuration(options, report);
  std::fputs(report.c_str(), stderr);
  if (configuration == nullptr) return kFailed;
  if (options.mode == Options::Mode::kCheck) {
    LocalNames names;
    std::vector<std::string> warnings;
    const auto listens = resolve_listen(configuration->globals, names, warnings);
    for (const std::string& warning : warnings) std::fprintf(stderr, "warning: %s\n", warning.c_str());
    if (!listens) {
      std::fprintf(stderr, "error: %s\n", listens.error().c_str());
      return kFailed;
    }
    std::fprintf(stderr, "%s: config file ok, exiting...\n", configuration->file.c_str());
    return 0;
  }
  Server server(options, std::move(configuration));
  return server.run();
}

}  // namespace lockstep::worker
