// testbed.cc: building the server, forking and stepping its workers.
#include "core/explore/testbed.h"

#include <fmt/core.h>
#include <linux/sock_diag.h>
#include <malloc.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>

#include "core/base/clock.h"
#include "core/base/hash.h"
#include "core/base/log.h"
#include "core/explore/arena_names.h"
#include "core/net/udp_socket.h"
#include "core/worker/listen.h"

namespace lockstep::explore {
namespace {

constexpr unsigned kPatienceMs = 20000;
constexpr std::size_t kSlabBytes = 4 << 20;
constexpr std::uint32_t kOrderLogMb = 1;
constexpr std::uint64_t kStartUs = 1'000'000'000;
constexpr std::size_t kBindingsBytes = 64 << 10;

// Of the worker process: whose first write to a page is noted here.
StepPage* noting = nullptr;
char* arena = nullptr;
std::size_t arena_bytes = 0;

// A page is read-only until somebody writes to it; then it belongs to what is put back, for good.
void note_write(int signal, siginfo_t* info, void*) {
  const char* const at = static_cast<char*>(info->si_addr);
  if (at < arena || at >= arena + arena_bytes) {
    std::signal(signal, SIG_DFL);
    return;
  }
  const std::size_t index = static_cast<std::size_t>(at - arena) / kPageBytes;
  noting->written[index].store(1, std::memory_order_relaxed);
  mprotect(arena + index * kPageBytes, kPageBytes, PROT_READ | PROT_WRITE);
}

void pin_to(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<unsigned>(cpu), &set);
  sched_setaffinity(0, sizeof set, &set);
}

constexpr std::size_t kAccessLogsBytes = (kSeatMax + 1) * sizeof(AccessLog);

AccessLog* make_access_logs() {
  void* const memory =
      mmap(nullptr, kAccessLogsBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  LS_ASSERT(memory != MAP_FAILED);
  return static_cast<AccessLog*>(memory);
}

PeerAddress address_of_socket(int fd) {
  sockaddr_in address{};
  socklen_t length = sizeof address;
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length);
  return from_sockaddr(reinterpret_cast<sockaddr*>(&address), length);
}

}  // namespace

Result<std::unique_ptr<Testbed>, std::string> Testbed::create(const TestbedOptions& options) {
  std::unique_ptr<Testbed> testbed(new Testbed());
  if (const std::string problem = testbed->prepare(options); !problem.empty()) return Failure{problem};
  return testbed;
}

std::string Testbed::prepare(const TestbedOptions& options) {
  cpu_ = options.cpu;
  pin_to(cpu_);
  page_ = make_step_page();
  page_->clock_us = kStartUs;
  set_virtual_clock(&page_->clock_us);
  if (const std::string problem = open_sockets(options); !problem.empty()) return problem;
  if (const std::string problem = make_memory(); !problem.empty()) return problem;
  if (const std::string problem = start_modules(); !problem.empty()) return problem;
  arena = segment_->base();
  arena_bytes = segment_->size_bytes();
  if (arena_bytes > kArenaPageMax * kPageBytes) return "the segment is too large to be explored\n";
  // Workers have no business with it, and forking them need not copy its page table.
  void* const copy = mmap(nullptr, arena_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  LS_ASSERT(copy != MAP_FAILED);
  pristine_ = static_cast<char*>(copy);
  std::memcpy(pristine_, arena, arena_bytes);
  madvise(pristine_, arena_bytes, MADV_DONTFORK);
  if (lockstep_watch_accesses != nullptr) logs_ = make_access_logs();
  pids_.resize(worker_count());
  for (std::uint32_t worker = 1; worker <= worker_count(); ++worker) {
    fork_worker(worker);
    // It waits for its first command at once.
    if (!hand_over(page_->seats[worker], kPatienceMs)) return why_lost(worker) + "\n";
  }
  return {};
}

std::string Testbed::open_sockets(const TestbedOptions& options) {
  const int config = memfd_create("scenario.cfg", 0);
  const ssize_t written = write(config, options.config.data(), options.config.size());
  LS_ASSERT(written == static_cast<ssize_t>(options.config.size()));
  for (std::uint32_t worker = 1; worker <= options.workers; ++worker) {
    const auto fd = net::open_udp(*parse_address("127.0.0.1", 0));
    if (!fd) return fd.error() + "\n";
    sockets_.push_back(*fd);
    addresses_.push_back(address_of_socket(*fd));
    wake_fds_.push_back(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  }
  worker::Options arguments;
  arguments.config_file = fmt::format("/proc/self/fd/{}", config);
  arguments.module_dirs = options.module_dirs;
  arguments.listen = {fmt::format("udp:127.0.0.1:{}", addresses_[0].port())};
  arguments.children = static_cast<int>(options.workers);
  std::string report;
  configuration_ = worker::load_configuration(arguments, report);
  close(config);
  if (configuration_ == nullptr) return report;
  std::vector<std::string> warnings;
  const auto resolved = worker::resolve_listen(configuration_->globals, names_, warnings);
  return resolved ? std::string() : resolved.error() + "\n";
}

std::string Testbed::make_memory() {
  const std::uint32_t workers = worker_count();
  const auto made = parts_.make_memory({.name = fmt::format("lockstep-explore-{}", getpid()),
                                        .bytes = worker::segment_bytes_for(workers, kOrderLogMb, kSlabBytes),
                                        .worker_count = workers,
                                        .order_log_mb = kOrderLogMb});
  if (parts_.segment == nullptr) return made.error() + "\n";
  segment_ = parts_.segment.get();
  segment_->remove();  // The mapping lives on; nothing is left behind whatever happens.
  if (!made) return made.error() + "\n";
  state_ = parts_.state;
  state_->hash_seed = 0x6c6f636b73746570;
  state_->branch_secret = 0x657870656c6f7265;
  return {};
}

std::string Testbed::start_modules() {
  parts_.interfaces.provide(command_post_);
  const auto started = parts_.start_modules(*configuration_, names_);
  if (!started) return started.error() + "\n";
  parts_.engine.quarantine_dir = "/dev/null";
  location_ = parts_.interfaces.find<worker::LocationStore>();
  return {};
}

Testbed::~Testbed() {
  for (const pid_t pid : pids_) {
    if (pid <= 0) continue;
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
  }
  for (const int fd : sockets_) close(fd);
  for (const int fd : wake_fds_) close(fd);
  if (pristine_ != nullptr) munmap(pristine_, arena_bytes);
  if (page_ != nullptr) munmap(page_, sizeof *page_);
  if (logs_ != nullptr) munmap(logs_, kAccessLogsBytes);
  set_virtual_clock(nullptr);
}

// ---- the workers ----

void Testbed::fork_worker(std::uint32_t worker) {
  Seat& seat = page_->seats[worker];
  seat.turn.store(0, std::memory_order_relaxed);
  seat.standing = Standing::kIdle;
  seat.command = Command::kNone;
  const pid_t explorer = getpid();
  const pid_t pid = fork();
  LS_ASSERT(pid >= 0);
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != explorer) _exit(1);
    be_worker(worker);
  }
  pids_[worker - 1] = pid;
}

void Testbed::guard_pages() {
  noting = page_;
  mprotect(arena, arena_bytes, PROT_READ);
  const std::size_t pages = arena_bytes / kPageBytes;
  for (std::size_t first = 0; first < pages;) {
    if (page_->written[first].load(std::memory_order_relaxed) == 0) {
      ++first;
      continue;
    }
    std::size_t end = first + 1;
    while (end < pages && page_->written[end].load(std::memory_order_relaxed) != 0) ++end;
    mprotect(arena + first * kPageBytes, (end - first) * kPageBytes, PROT_READ | PROT_WRITE);
    first = end;
  }
  struct sigaction action {};
  action.sa_sigaction = note_write;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGSEGV, &action, nullptr);
}

void Testbed::be_worker(std::uint32_t worker) {
  // Memory that a worker gives back is what the next one takes: no page faults in every execution.
  mallopt(M_MMAP_THRESHOLD, 64 << 20);
  mallopt(M_TRIM_THRESHOLD, 512 << 20);
  log_settings().process_index = static_cast<int>(worker);
  log_settings().level = static_cast<int>(LogLevel::kCrit);  // What is provoked here need not be read.
  guard_pages();
  install_stepping(*page_, worker);
  if (logs_ != nullptr) lockstep_watch_accesses(&logs_[worker], arena, arena_bytes);
  const shm::WorkerId me{static_cast<std::uint8_t>(worker)};
  shm::Slabs slabs(*segment_, *state_->slabs, me);
  std::unique_ptr<worker::Process> process;
  std::unique_ptr<worker::Worker> body;
  worker::WorkerSettings settings = parts_.worker_settings(*configuration_);
  settings.sockets = {sockets_[worker - 1]};
  settings.wake_fds = wake_fds_;
  const auto renew = [&] {
    body.reset();
    process.reset(new worker::Process{me, *segment_, *state_, slabs, state_->area(me).counters});
    for (worker::Module* module : settings.modules) module->start_process(*process);
    body = std::make_unique<worker::Worker>(*process, settings);
  };
  for (;;) {
    switch (next_command(page_->seats[worker])) {
      case Command::kRenew:
        renew();
        body->prepare();
        break;
      case Command::kTurn:
        body->turn();
        break;
      case Command::kHelp:
        body->help();
        break;
      case Command::kRecover:
        renew();
        body->recover();
        break;
      case Command::kNone:
        break;
    }
  }
}

bool Testbed::begin(std::uint32_t worker, Command command) {
  page_->seats[worker].command = command;
  page_->is_stepped.store(1, std::memory_order_relaxed);
  return hand_over(page_->seats[worker], kPatienceMs);
}

bool Testbed::step(std::uint32_t worker) {
  page_->is_stepped.store(1, std::memory_order_relaxed);
  return hand_over(page_->seats[worker], kPatienceMs);
}

bool Testbed::run(std::uint32_t worker, Command command) {
  page_->seats[worker].command = command;
  page_->is_stepped.store(0, std::memory_order_relaxed);
  return hand_over(page_->seats[worker], kPatienceMs);
}

std::string Testbed::why_lost(std::uint32_t worker) {
  int status = 0;
  if (waitpid(pids_[worker - 1], &status, WNOHANG) != pids_[worker - 1]) {
    return fmt::format("worker {} does not come back: it waits for something that will not come", worker);
  }
  pids_[worker - 1] = 0;
  return WIFSIGNALED(status) ? fmt::format("worker {} died of signal {}", worker, WTERMSIG(status))
                             : fmt::format("worker {} ended with status {}", worker, WEXITSTATUS(status));
}

void Testbed::kill_and_replace(std::uint32_t worker) {
  pid_t& pid = pids_[worker - 1];
  if (pid > 0) {
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
  }
  fork_worker(worker);
  const bool stands = hand_over(page_->seats[worker], kPatienceMs);
  LS_ASSERT(stands);
}

// ---- the arena ----

void Testbed::reset() {
  filled_.clear();
  const std::size_t pages = arena_bytes / kPageBytes;
  for (std::size_t i = 0; i < pages; ++i) {
    if (page_->written[i].load(std::memory_order_relaxed) == 0) continue;
    std::memcpy(arena + i * kPageBytes, pristine_ + i * kPageBytes, kPageBytes);
  }
  page_->clock_us = kStartUs;
  char scrap[2048];
  for (const int fd : sockets_) {
    while (recv(fd, scrap, sizeof scrap, MSG_DONTWAIT) >= 0) {
    }
  }
  for (std::uint32_t worker = 1; worker <= worker_count(); ++worker) {
    // One that stands at a point of a broken-off execution cannot be told anything.
    if (seat(worker).standing != Standing::kIdle || pids_[worker - 1] == 0) kill_and_replace(worker);
    LS_ASSERT(run(worker, Command::kRenew));
  }
  if (slots_at_first_.empty()) slots_at_first_ = slots_in_use();
}

std::uint64_t Testbed::hash() const {
  std::uint64_t sum = 0;
  const std::size_t pages = arena_bytes / kPageBytes;
  for (std::size_t i = 0; i < pages; ++i) {
    if (page_->written[i].load(std::memory_order_relaxed) == 0) continue;
    const std::string_view bytes(arena + i * kPageBytes, kPageBytes);
    // A page that is as it was counts for nothing: it may have been written in another execution only.
    if (std::memcmp(bytes.data(), pristine_ + i * kPageBytes, kPageBytes) == 0) continue;
    sum ^= hash_bytes(bytes, i + 1);
  }
  return sum;
}

std::size_t Testbed::written_pages() const {
  std::size_t count = 0;
  for (const auto& page : page_->written) count += page.load(std::memory_order_relaxed);
  return count;
}

std::size_t Testbed::page_count() const { return arena_bytes / kPageBytes; }

ArenaImage Testbed::image() const {
  ArenaImage image;
  for (std::size_t i = 0; i < page_count(); ++i) {
    if (page_->written[i].load(std::memory_order_relaxed) == 0) continue;
    image[i].assign(arena + i * kPageBytes, arena + (i + 1) * kPageBytes);
  }
  return image;
}

std::string Testbed::difference(const ArenaImage& image) const {
  for (std::size_t page = 0; page < page_count(); ++page) {
    const char* const now = arena + page * kPageBytes;
    const char* const then = page_in(image, page);
    if (then == nullptr || std::memcmp(now, then, kPageBytes) == 0) continue;
    for (std::size_t i = 0; i < kPageBytes; ++i) {
      if (now[i] == then[i]) continue;
      const ArenaName name = name_in_arena(*segment_, *state_, now + i);
      if (name.field != "lists.peak") return fmt::format("{} has come out otherwise", name.full);
    }
  }
  return {};
}

const char* Testbed::page_in(const ArenaImage& image, std::size_t page) const {
  if (page_->written[page].load(std::memory_order_relaxed) == 0) return nullptr;
  const auto found = image.find(page);
  return found != image.end() ? found->second.data() : pristine_ + page * kPageBytes;
}

// What this process writes no guard notes.
void Testbed::note_written(const void* first, std::size_t bytes) {
  const auto offset = static_cast<std::size_t>(static_cast<const char*>(first) - arena);
  for (std::size_t page = offset / kPageBytes; page <= (offset + bytes - 1) / kPageBytes; ++page) {
    page_->written[page].store(1, std::memory_order_relaxed);
  }
}

void Testbed::post(const worker::CallCommand& command) {
  const shm::WorkerId me{static_cast<std::uint8_t>(state_->worker_count + 1)};
  shm::WorkerArea& area = state_->area(me);
  shm::Slabs slabs(*segment_, *state_->slabs, me);
  worker::Process process{me, *segment_, *state_, slabs, area.counters};
  note_written(&area.timer_nodes[0], sizeof area.timer_nodes[0]);
  note_written(&area.receive_cursor, 2 * sizeof area.receive_cursor);
  note_written(state_->run_queue, sizeof(shm::RunQueue) - sizeof state_->run_queue->entries + 64);
  note_written(&state_->entry(command.entry), sizeof(shm::EntryRecord));
  const bool is_posted = command_post_.post(process, command);
  LS_ASSERT(is_posted);
}

void Testbed::fill_memory() {
  // The directory and, to the end of the segment, the pages.
  note_written(state_->slabs,
               static_cast<std::size_t>(arena + arena_bytes - reinterpret_cast<const char*>(state_->slabs)));
  for (std::uint32_t worker = 1; worker <= worker_count(); ++worker) {
    shm::Slabs slabs(*segment_, *state_->slabs, shm::WorkerId{static_cast<std::uint8_t>(worker)});
    for (const shm::SlabKind kind :
         {shm::SlabKind::kMessage512, shm::SlabKind::kMessage1K, shm::SlabKind::kMessage2K,
          shm::SlabKind::kMessage4K, shm::SlabKind::kMessage16K, shm::SlabKind::kMessage64K}) {
      for (shm::SlotHandle slot = slabs.try_take(kind); slot; slot = slabs.try_take(kind)) {
        slabs.set_mark(slot, shm::mark_linked(slot.value));  // No sweep of a worker's replacement frees it.
        filled_.emplace_back(slabs.me(), slot);
      }
    }
  }
}

void Testbed::empty_memory() {
  for (const auto& [worker, slot] : filled_) {
    shm::Slabs slabs(*segment_, *state_->slabs, worker);
    slabs.set_mark(slot, shm::mark_held(worker));
    slabs.give(slot);
  }
  filled_.clear();
}

std::uint32_t Testbed::bytes_waiting(std::uint32_t worker) const {
  std::uint32_t figures[SK_MEMINFO_VARS] = {};
  socklen_t length = sizeof figures;
  const int got = getsockopt(sockets_[worker - 1], SOL_SOCKET, SO_MEMINFO, figures, &length);
  LS_ASSERT(got == 0);
  return figures[SK_MEMINFO_RMEM_ALLOC];
}

bool Testbed::has_data(std::uint32_t worker) const {
  int bytes = 0;
  return ioctl(sockets_[worker - 1], FIONREAD, &bytes) == 0 && bytes > 0;
}

PointResource Testbed::receive_resource(std::uint32_t worker) {
  return resource_of(&state_->areas[worker]->batch);
}

std::string Testbed::slots_in_use() {
  std::string text;
  shm::Slabs slabs(*segment_, *state_->slabs, shm::WorkerId{1});
  for (std::size_t i = 0; i < shm::kSlabKindCount; ++i) {
    const shm::SlabFigures figures = slabs.figures(static_cast<shm::SlabKind>(i));
    const bool is_location = static_cast<shm::SlabKind>(i) >= shm::SlabKind::kAor;
    if (figures.live != 0 && !is_location) text += fmt::format("{}={} ", figures.name, figures.live);
  }
  return text;
}

// Bindings may change; what they do not use must be free, but for the slot that each worker keeps.
std::string Testbed::location_unrest() {
  if (location_ == nullptr) return {};
  shm::Slabs slabs(*segment_, *state_->slabs, shm::WorkerId{1});
  worker::Process process{shm::WorkerId{1}, *segment_, *state_, slabs, state_->areas[1]->counters};
  std::string text = location_->audit(process);
  if (!text.empty()) return fmt::format("location: {}\n", text);
  for (const shm::SlabKind kind : {shm::SlabKind::kAor, shm::SlabKind::kContact512, shm::SlabKind::kContact1K,
                                   shm::SlabKind::kContact4K}) {
    std::uint64_t linked = 0;
    slabs.for_each_linked(kind, [&linked](shm::SlotHandle, shm::Mark) { ++linked; });
    const shm::SlabFigures figures = slabs.figures(kind);
    const std::uint64_t kept = kind == shm::SlabKind::kAor ? 0 : worker_count();
    if (figures.live <= linked + kept) continue;
    text += fmt::format("location: {} {} in use, {} of them linked\n", figures.live, figures.name, linked);
  }
  return text;
}

std::string Testbed::bindings() {
  if (location_ == nullptr) return {};
  if (const std::string unrest = location_unrest(); !unrest.empty())
    return unrest.substr(0, unrest.find('\n'));
  shm::Slabs slabs(*segment_, *state_->slabs, shm::WorkerId{1});
  worker::Process process{shm::WorkerId{1}, *segment_, *state_, slabs, state_->areas[1]->counters};
  Arena arena(kBindingsBytes);
  const auto found = location_->find(process, *location_->find_domain("location"), "office", wall_s(), arena);
  if (!found) return "cannot be read";
  std::string text;
  for (const worker::Binding& one : *found) {
    text += (text.empty() ? "" : " ") + std::string(one.uri.substr(4, one.uri.find('@') - 4));
  }
  return text;
}

std::string Testbed::unrest_of(std::uint32_t worker) {
  std::string text;
  const shm::WorkerArea& area = *state_->areas[worker];
  if (area.outbox.count.load() != 0) text += fmt::format("worker {}: its outbox is not empty\n", worker);
  // Those beyond the first pages were never touched; the pool begins at its front.
  for (std::uint32_t i = 0; i < 2 * shm::kReceiveBatchMax; ++i) {
    const shm::EventNode& node = area.buffers[i].node;
    if (node.state.load() == shm::NodeState::kFree) continue;
    const std::uint32_t handle = segment_->handle_of(&node).value;
    bool is_offered = false;
    for (const std::uint32_t buffer : area.batch.buffers) is_offered = is_offered || buffer == handle;
    if (!is_offered) text += fmt::format("worker {}: receive buffer {} is not free\n", worker, i);
  }
  for (std::uint32_t i = 0; i < 64; ++i) {
    if (area.timer_nodes[i].state.load() == shm::NodeState::kFree) continue;
    text += fmt::format("worker {}: event node {} is not free\n", worker, i);
  }
  return text;
}

std::string Testbed::unrest() {
  std::string text;
  for (std::size_t i = 0; i < shm::kEntryCount; ++i) {
    const std::size_t page = (reinterpret_cast<char*>(&state_->entries[i]) - arena) / kPageBytes;
    if (page_->written[page].load(std::memory_order_relaxed) == 0) {
      i |= kPageBytes / sizeof(shm::EntryRecord) - 1;  // None of this page was ever written.
      continue;
    }
    const shm::EntryRecord& entry = state_->entries[i];
    if (entry.word.load() >> 56 != 0) text += fmt::format("entry {}: owned\n", i);
    if (static_cast<std::uint32_t>(entry.word.load()) != 0) text += fmt::format("entry {}: inbox\n", i);
    if (entry.work_head != 0) text += fmt::format("entry {}: events not worked\n", i);
    if (entry.take_intent.load() != 0) text += fmt::format("entry {}: a take was begun\n", i);
    if (entry.transactions != 0) text += fmt::format("entry {}: a transaction lives\n", i);
  }
  for (std::uint32_t worker = 1; worker <= worker_count(); ++worker) text += unrest_of(worker);
  const std::string slots = slots_in_use();  // With the reserve of each worker.
  if (slots != slots_at_first_) text += fmt::format("slots in use: {}\n", slots);
  return text + location_unrest();
}

}  // namespace lockstep::explore
