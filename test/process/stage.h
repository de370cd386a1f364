// stage.h: real workers on a real segment and real UDP sockets, without modules, configuration file and
// supervisor: the script is compiled from text, tests fork and kill the workers themselves.
#pragma once

#include <fmt/format.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/net/udp_socket.h"
#include "core/worker/assembly.h"
#include "core/worker/core_exports.h"
#include "core/worker/export_helpers.h"
#include "test/process/peer.h"

namespace lockstep::test {

struct StageOptions {
  std::uint32_t worker_count = 1;
  std::size_t slab_bytes = 3 << 20;
  std::uint32_t order_log_mb = 1;  // For each worker.
  std::string script;
  transaction::Settings timers{};
  bool shares_work = false;
  std::string quarantine_dir{};
  int deaths = 1000;  // So many workers die of die(), then it does nothing.
};

// What slots_in_use() says of so many workers at rest: each keeps a reserve for when memory is full.
inline std::string reserve_of(std::size_t workers) {
  return fmt::format("messages_2k={} ", worker::Engine::kReserveSlots * workers);
}

class Stage {
 public:
  explicit Stage(const StageOptions& options) {
    log_settings().level = -6;  // What a test provokes need not be read.
    void* const shared =
        mmap(nullptr, sizeof *deaths_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    LS_ASSERT(shared != MAP_FAILED);
    deaths_ = new (shared) std::atomic<int>(options.deaths);
    add_functions();
    compile(options.script);
    open_sockets(options);
    make_memory(options);
    parts_.default_tm.timers = options.timers;
    parts_.engine.quarantine_dir = options.quarantine_dir;
    for (std::uint32_t id = 1; id <= options.worker_count; ++id) make_worker_parts(id);
  }
  ~Stage() {
    for (const std::vector<int>& of_worker : sockets_) {
      for (const int fd : of_worker) close(fd);
    }
    for (const int fd : wake_fds_) close(fd);
    munmap(deaths_, sizeof *deaths_);
    close(stop_pipe_[0]);
    if (stop_pipe_[1] >= 0) close(stop_pipe_[1]);
  }
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  std::uint16_t port() const { return port_; }
  shm::Segment& segment() { return *segment_; }
  shm::SharedState& state() { return *state_; }
  worker::Process& process(std::uint32_t id = 1) { return processes_[id - 1]; }
  worker::WorkerSettings& settings(std::uint32_t id = 1) { return settings_[id - 1]; }
  int socket(std::uint32_t id = 1) const { return sockets_[id - 1][0]; }
  std::unique_ptr<worker::Worker> make_worker(std::uint32_t id = 1) {
    return std::make_unique<worker::Worker>(process(id), settings(id));
  }
  std::uint64_t counter(shm::CounterId worker::EngineCounters::*which) {
    std::uint64_t sum = 0;
    for (std::uint32_t id = 1; id <= state_->worker_count; ++id) {
      sum += state_->areas[id]->counters.values[(parts_.counters.get()->*which).value].load();
    }
    return sum;
  }
  // Tells running workers to end.
  void stop() {
    close(stop_pipe_[1]);
    stop_pipe_[1] = -1;
  }

  // In a forked worker: else the pipe stays open as long as it lives.
  void keep_only_stop_reader() { stop(); }

  // I19: what is not at rest, empty when all is. `me` reads the slabs; nothing is changed.
  std::string unrest() {
    std::string text;
    for (std::uint32_t i = 0; i < shm::kEntryCount; ++i) {
      const shm::EntryRecord& entry = state_->entry(i);
      if (entry.word.load() != 0) text += fmt::format("entry {}: word {:x}\n", i, entry.word.load());
      if (entry.work_head != 0) text += fmt::format("entry {}: work list\n", i);
      if (entry.take_intent.load() != 0) text += fmt::format("entry {}: take intent\n", i);
    }
    for (std::uint32_t id = 1; id <= state_->worker_count; ++id) text += unrest_of(*state_->areas[id], id);
    return text;
  }
  // "kind=live" of each kind with slots in use.
  std::string slots_in_use() {
    std::string text;
    for (std::size_t kind = 0; kind < shm::kSlabKindCount; ++kind) {
      const shm::SlabFigures figures = process().slabs.figures(static_cast<shm::SlabKind>(kind));
      if (figures.live != 0) text += fmt::format("{}={} ", figures.name, figures.live);
    }
    return text;
  }

 private:
  std::string unrest_of(const shm::WorkerArea& area, std::uint32_t id) {
    std::string text;
    if (area.outbox.count.load() != 0) text += fmt::format("worker {}: outbox\n", id);
    for (std::uint32_t i = 0; i < shm::kReceivePoolSize; ++i) {
      const shm::EventNode& node = area.buffers[i].node;
      if (node.state.load() == shm::NodeState::kFree) continue;
      const std::uint32_t handle = segment_->handle_of(&node).value;
      bool is_offered = false;
      for (const std::uint32_t buffer : area.batch.buffers) is_offered = is_offered || buffer == handle;
      if (!is_offered) text += fmt::format("worker {}: buffer {} is not free\n", id, i);
    }
    for (std::uint32_t i = 0; i < shm::kTimerNodeMax; ++i) {
      if (area.timer_nodes[i].state.load() != shm::NodeState::kFree)
        text += fmt::format("worker {}: timer node {} is not free\n", id, i);
    }
    return text;
  }

  void add_functions() {
    worker::add_core(configuration_.registry);
    probe_.name = "probe";
    probe_.functions.push_back(worker::make_function(
        "answer", "answers without state", worker::kInRequest, {worker::int_param("code")},
        [](worker::ScriptContext& context, const script::Arguments& arguments) {
          return context.transactions.stateless_reply(context,
                                                      static_cast<std::uint16_t>(arguments.integer(0)), "OK");
        }));
    probe_.functions.push_back(
        worker::make_function("relay", "relays with state", worker::kInRequest, {},
                              [](worker::ScriptContext& context, const script::Arguments&) {
                                return context.transactions.relay(context);
                              }));
    probe_.functions.push_back(worker::make_function(
        "add_branch", "one more target", worker::kInRequest, {worker::format_param("uri")},
        [](worker::ScriptContext& context, const script::Arguments& arguments) {
          worker::Destination more;
          more.uri = context.arena().copy(arguments.printed(0));
          context.branches.push_back(more);
          return 1;
        }));
    probe_.functions.push_back(
        worker::make_function("die", "ends the worker at once", worker::kInRequest, {},
                              [this](worker::ScriptContext&, const script::Arguments&) {
                                if (deaths_->fetch_sub(1) > 0) kill(getpid(), SIGKILL);
                                return 1;
                              }));
    configuration_.registry.add(probe_);
  }

  void compile(const std::string& text) {
    script::Diagnostics diagnostics;
    const script::ConfigTree tree = script::load_text("test.cfg", text, {}, diagnostics);
    script::Registry& registry = configuration_.registry;
    configuration_.loader = std::make_unique<worker::SharedObjectLoader>(std::vector<std::string>());
    configuration_.globals = script::read_globals(tree, registry, diagnostics);
    configuration_.program = script::compile(tree, registry, *configuration_.loader, diagnostics);
    if (configuration_.program == nullptr) fmt::print(stderr, "{}\n", diagnostics.render());
    LS_ASSERT(configuration_.program != nullptr);
  }

  void open_sockets(const StageOptions& options) {
    for (std::uint32_t id = 1; id <= options.worker_count; ++id) {
      const int fd = id == 1 ? open_own_shared_udp() : *net::open_udp(*parse_address("127.0.0.1", port_));
      sockets_.push_back({fd});
      port_ = port_of(fd);
      if (options.shares_work) wake_fds_.push_back(eventfd(0, EFD_NONBLOCK));
    }
    worker::ListenSocket socket;
    socket.address = *parse_address("127.0.0.1", port_);
    socket.host = "127.0.0.1";
    socket.port = port_;
    socket.name = fmt::format("udp:127.0.0.1:{}", port_);
    names_.sockets().push_back(socket);
    LS_ASSERT(pipe(stop_pipe_) == 0);
  }

  void make_memory(const StageOptions& options) {
    static int number = 0;
    const auto made = parts_.make_memory(
        {.name = fmt::format("lockstep-process-test-{}-{}", getpid(), number++),
         .bytes = worker::segment_bytes_for(options.worker_count, options.order_log_mb, options.slab_bytes),
         .worker_count = options.worker_count,
         .order_log_mb = options.order_log_mb});
    LS_ASSERT(made.ok());
    segment_ = parts_.segment.get();
    segment_->remove();  // The mapping lives on; nothing is left behind whatever happens.
    state_ = parts_.state;
    LS_ASSERT(parts_.start_modules(configuration_, names_).ok());
  }

  void make_worker_parts(std::uint32_t id) {
    const shm::WorkerId me{static_cast<std::uint8_t>(id)};
    slabs_.emplace_back(*segment_, *state_->slabs, me);
    processes_.push_back({me, *segment_, *state_, slabs_.back(), state_->area(me).counters});
    worker::WorkerSettings& settings = settings_.emplace_back(parts_.worker_settings(configuration_));
    settings.sockets = sockets_[id - 1];
    settings.stop_fd = stop_pipe_[0];
    settings.wake_fds = wake_fds_;
    settings.share_from = 10;
  }

  std::atomic<int>* deaths_ = nullptr;  // Shared with the workers.
  script::ModuleExports probe_;
  worker::Configuration configuration_;
  std::vector<std::vector<int>> sockets_;
  std::vector<int> wake_fds_;
  int stop_pipe_[2] = {-1, -1};
  std::uint16_t port_ = 0;
  worker::LocalNames names_;
  worker::Assembly parts_;
  shm::Segment* segment_ = nullptr;  // Of parts_, as is the next.
  shm::SharedState* state_ = nullptr;
  std::deque<shm::Slabs> slabs_;
  std::deque<worker::Process> processes_;
  std::deque<worker::WorkerSettings> settings_;
};

}  // namespace lockstep::test
