// worker.h: one worker process: receive, admit, work, flush, release, and again. A replacement of a dead
// worker first makes true what the dead one had committed and takes over what it had not (recover()).
#pragma once

#include <memory>
#include <vector>

#include "core/net/event_loop.h"
#include "core/worker/engine.h"
#include "core/worker/module.h"
#include "core/worker/pacer.h"
#include "core/worker/receiver.h"

namespace lockstep::worker {

struct WorkerSettings {
  const EngineSettings* engine = nullptr;
  std::vector<int> sockets;  // This worker's own, by listening address.
  std::vector<Module*> modules;
  const std::vector<PeriodicTask>* tasks = nullptr;
  const std::map<shm::SlabKind, SlotKeeper>* keepers = nullptr;
  std::size_t variable_count = 0;  // $var slots of the script.
  std::vector<int> wake_fds;       // An eventfd of each worker, by WorkerId - 1; empty: no sharing.
  std::uint32_t share_from = shm::kReceiveBatchMax;  // Datagrams at once that make it call for help.
  int stop_fd = -1;                                  // Readable: end.
  std::uint32_t receive_pause_us = 0;                // Under load, see pacer.h.
  bool is_replacement = false;
};

class Worker {
 public:
  Worker(Process& process, const WorkerSettings& settings);

  // Runs until stop_fd is readable.
  void run();

  // What run() does before it waits for the first time: mends what a dead worker left, takes the reserve.
  void prepare();
  // Takes over everything that a dead worker of the same id held. Part of prepare(); public for tests.
  void recover();
  // One turn without the loop: receives from all sockets, fires timers, works, flushes (tests).
  void turn();
  // Works what lies in the run queue, as one that was woken for it does (tests).
  void help() { take_shared(); }

 private:
  void on_readable(std::size_t socket_index);
  void work_ready();
  void share_ready();
  void take_shared();
  void wake(std::size_t id) const;
  std::size_t find_idle() const;
  // Pauses if it must, fires what is due; returns the milliseconds until the loop must turn again.
  std::uint64_t before_wait();
  void pause();
  void fire_timers();
  void push_transport_error(const SendFailure& failure);
  void admit(shm::EventNode& node);
  // --- openser13.cc: the call is locked for the decision alone, and all else comes after it ---
  void work_unordered();
  void work_one(shm::EventNode& node);
  void mark_picked(std::uint32_t entry, const WishedCancels& wished);
  void lock(std::uint32_t entry);
  void unlock(std::uint32_t entry);

  Process& process_;
  const WorkerSettings& settings_;
  script::ScriptState script_state_;
  Outbox outbox_;
  TimerWheel wheel_;
  NodePool pool_;
  Engine engine_;
  Receiver receiver_;
  Pacer pacer_;
  std::uint32_t received_ = 0;              // Datagrams since the last wait.
  bool has_more_ = false;                   // The last batch was full.
  std::vector<std::uint32_t> ready_;        // Entries owned, not yet worked.
  std::vector<std::uint32_t> working_;      // Entries worked in this round.
  std::vector<shm::EventNode*> unordered_;  // openser13: events in hand, in no inbox.
};

}  // namespace lockstep::worker
