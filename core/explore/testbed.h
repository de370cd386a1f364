// testbed.h: a whole server for the explorer: the real configuration, segment, sockets and worker processes
// of this binary. Only three things are taken over: who runs, what time it is, and the random seeds. Between
// two executions everything is put back: the pages of the segment that were ever written are copied from the
// state after the start, the workers begin anew.
#pragma once

#include <sys/types.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/explore/access_log.h"
#include "core/explore/step_page.h"
#include "core/worker/assembly.h"
#include "core/worker/command_post.h"
#include "core/worker/configuration.h"
#include "core/worker/location.h"
#include "shm/shared_state.h"

namespace lockstep::explore {

struct TestbedOptions {
  std::string config;                    // Text of a configuration.
  std::vector<std::string> module_dirs;  // As -L.
  std::uint32_t workers = 2;
  int cpu = 0;  // Explorer and workers share it: a hand-over then costs no wake-up of another.
};

using ArenaImage = std::map<std::size_t, std::vector<char>>;  // Pages by number.

class Testbed {
 public:
  // Error: what is wrong, ready to print.
  static Result<std::unique_ptr<Testbed>, std::string> create(const TestbedOptions& options);
  ~Testbed();
  Testbed(const Testbed&) = delete;
  Testbed& operator=(const Testbed&) = delete;

  // Puts everything back to the state after the start.
  void reset();
  std::uint32_t worker_count() const { return static_cast<std::uint32_t>(sockets_.size()); }

  // --- one worker; each returns false if it did not come back (why_lost tells) ---
  // A command, to its end.
  [[nodiscard]] bool run(std::uint32_t worker, Command command);
  // A command, to its first point, or its end.
  [[nodiscard]] bool begin(std::uint32_t worker, Command command);
  // The step before which it stands.
  [[nodiscard]] bool step(std::uint32_t worker);
  // What it has touched since the explorer looked last; nullptr: this build is not instrumented.
  AccessLog* accesses_of(std::uint32_t worker) { return logs_ == nullptr ? nullptr : &logs_[worker]; }
  const Seat& seat(std::uint32_t worker) const { return page_->seats[worker]; }
  std::string why_lost(std::uint32_t worker);
  // SIGKILL, where it stands; another process takes its place and knows nothing yet.
  void kill_and_replace(std::uint32_t worker);

  // Takes every slot for messages, from the pool and from the workers' stocks, as calls that are not here do;
  // and gives them back.
  void fill_memory();
  void empty_memory();
  // The control process posts a command to the call, in one step.
  void post(const worker::CallCommand& command);
  // Grows with each datagram that is delivered into its socket while nobody reads it.
  std::uint32_t bytes_waiting(std::uint32_t worker) const;
  // Whether a datagram lies in its socket.
  bool has_data(std::uint32_t worker) const;
  // openser13: a worker waits at kOwn while another has the call.
  bool is_unordered() const { return parts_.engine.tm->ordering == worker::Ordering::kOpenser13; }
  // Where its socket listens.
  const PeerAddress& address_of(std::uint32_t worker) const { return addresses_[worker - 1]; }
  // What kReceive of this worker names.
  PointResource receive_resource(std::uint32_t worker);

  std::uint64_t now_us() const { return page_->clock_us; }
  void tick() { page_->clock_us = page_->clock_us + 1; }
  void advance_ms(std::uint64_t ms) { page_->clock_us = page_->clock_us + ms * 1000; }
  shm::SharedState& state() { return *state_; }
  shm::Segment& segment() { return *segment_; }
  const worker::EngineCounters& counters() const { return *parts_.counters; }
  // Of all pages that were ever written; equal states have equal ones.
  std::uint64_t hash() const;
  std::size_t written_pages() const;
  // The pages that were ever written, as they are now.
  ArenaImage image() const;
  // What came first of what has come out otherwise than then; empty: all is the same, figures for people
  // apart.
  std::string difference(const ArenaImage& image) const;
  // Of that page then; nullptr: it was never written, neither then nor since.
  const char* page_in(const ArenaImage& image, std::size_t page) const;
  std::size_t page_count() const;
  // The phones that are registered, "b a", as lookup() finds them; or why that cannot be told.
  std::string bindings();
  // What is not at rest (I19), a line each; empty: everything is, and the slabs hold what they held at first.
  std::string unrest();

 private:
  Testbed() = default;
  std::string prepare(const TestbedOptions& options);
  std::string open_sockets(const TestbedOptions& options);
  std::string make_memory();
  std::string start_modules();
  void note_written(const void* first, std::size_t bytes);
  void fork_worker(std::uint32_t worker);
  [[noreturn]] void be_worker(std::uint32_t worker);
  void guard_pages();
  std::string slots_in_use();
  std::string location_unrest();
  std::string unrest_of(std::uint32_t worker);

  std::unique_ptr<worker::Configuration> configuration_;
  worker::LocalNames names_;
  std::vector<int> sockets_;
  std::vector<int> wake_fds_;
  std::vector<PeerAddress> addresses_;
  worker::Assembly parts_;
  shm::Segment* segment_ = nullptr;  // Of parts_, as is the next.
  shm::SharedState* state_ = nullptr;
  worker::LocationStore* location_ = nullptr;  // nullptr: no module keeps bindings.
  worker::CommandPost command_post_;
  StepPage* page_ = nullptr;
  AccessLog* logs_ = nullptr;  // By WorkerId.
  char* pristine_ = nullptr;   // The segment after the start.
  std::vector<pid_t> pids_;    // By WorkerId - 1.
  std::string slots_at_first_;
  std::vector<std::pair<shm::WorkerId, shm::SlotHandle>> filled_;  // And whose stock they come from.
  int cpu_ = 0;
};

}  // namespace lockstep::explore
