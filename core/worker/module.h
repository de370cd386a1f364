// module.h: what a module is to the server. A module is a shared object NAME.so with one class derived
// from Module; it exports what scripts may name, and meets the server at fixed moments of its life:
//   loaded (main, before modparams) -> start (main, before the fork) -> take_over (if a server was killed)
//   -> start_process (each process)
//   -> tasks, functions, RPC ... -> recover (the replacement of a dead worker, before its first event).
// A module never includes another module's files: it asks Interfaces for what another provides.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <typeindex>
#include <vector>

#include "core/base/result.h"
#include "core/script/globals.h"
#include "core/script/registry.h"
#include "core/worker/control_settings.h"
#include "core/worker/local_names.h"
#include "core/worker/process.h"
#include "core/worker/rpc.h"
#include "shm/dead_segment.h"

namespace lockstep::worker {

// Abstract classes that one part provides and others use, found by type. Filled before the fork.
class Interfaces {
 public:
  template <typename T>
  void provide(T& implementation) {
    entries_[std::type_index(typeid(T))] = &implementation;
  }
  // nullptr: nobody provides it (the module that would is not loaded).
  template <typename T>
  T* find() const {
    const auto found = entries_.find(std::type_index(typeid(T)));
    return found == entries_.end() ? nullptr : static_cast<T*>(found->second);
  }

 private:
  std::map<std::type_index, void*> entries_;
};

// Work that comes round: small slices, never waiting.
struct PeriodicTask {
  std::uint32_t period_ms = 1000;
  // Each worker runs it; a task that divides work uses process.me (1..worker_count) as its share.
  std::function<void(Process&)> run;
};

// What a server that was killed has left (shm/dead_segment.h).
struct Estate {
  const shm::DeadSegment& segment;
  std::vector<std::uint16_t> sockets;  // By its listening addresses: ours of the same address, or kNoSocket.
  std::uint64_t now_s = 0;             // wall_s().
};

// Decides over a slab slot during recovery: the mark it shall have; mark_held(me) frees it.
using SlotKeeper = std::function<shm::Mark(Process&, shm::SlotHandle, shm::Mark)>;

// All that a module may use and fill while the server starts.
struct ServerHost {
  shm::Segment& segment;  // allocate_named: the module's own tables.
  shm::SharedState& state;
  shm::CounterNames& counters;
  RpcRegistry& rpc;
  script::Registry& registry;  // To compile formats and variables named in parameters.
  const script::Globals& globals;
  ControlSettings& control;
  Interfaces& interfaces;
  LocalNames& local_names;
  std::vector<PeriodicTask>& tasks;
  std::map<shm::SlabKind, SlotKeeper>& keepers;
};

class Module {
 public:
  virtual ~Module() = default;

  // Valid and constant for the module's life.
  virtual const script::ModuleExports& exports() const = 0;
  // After all modparams, in order of loading, before the fork. Error: one line for the operator.
  virtual Result<bool, std::string> start(ServerHost& host) {
    static_cast<void>(host);
    return true;
  }
  // Before the fork, when slots can be taken, with worker 1's doors: takes over what outlives a server.
  // Returns one line that says what; empty: nothing. What is left stays as it was.
  virtual std::string take_over(Process& process, const Estate& estate) {
    static_cast<void>(process);
    static_cast<void>(estate);
    return {};
  }
  // After the fork, in each worker and in the control process.
  virtual void start_process(Process& process) { static_cast<void>(process); }
  // In the replacement of a dead worker, before the slabs are swept: mend locks left held.
  virtual void recover(Process& process) { static_cast<void>(process); }
};

}  // namespace lockstep::worker

// Every module has exactly one of these, in its .cc. `Class` needs a default constructor.
#define LS_MODULE(Class)                                     \
  extern "C" ::lockstep::worker::Module* lockstep_module();  \
  extern "C" ::lockstep::worker::Module* lockstep_module() { \
    static Class module;                                     \
    return &module;                                          \
  }
