// receiver.h: takes datagrams from the kernel into shared buffers and admits each to its call's entry.
// Batches live in the segment, where the kernel itself notes what it delivered (worker_area.h), so a
// death between the kernel and the inbox loses nothing: recover() admits what was received and is not in.
#pragma once

#include <functional>

#include "core/worker/engine_counters.h"
#include "core/worker/node_pool.h"
#include "core/worker/process.h"

namespace lockstep::worker {

class Receiver {
 public:
  // `owned` is told of each entry that this worker came to own by an admission.
  Receiver(Process& process, NodePool& pool, const EngineCounters& counters,
           std::function<void(std::uint32_t entry)> owned);

  // From now on nothing is admitted: whoever is named here gets each event (openser13).
  void bypass_inbox(std::function<void(shm::EventNode&)> take) { bypass_ = std::move(take); }

  // One batch from the socket: how many datagrams; kReceiveBatchMax: there may be more.
  std::uint32_t receive(int socket, std::uint16_t socket_index);
  // The dead predecessor's batch. Returns how many datagrams were admitted. One that kAttemptsMax workers
  // died of before it was in goes to `set_aside`; after a death in there, once more.
  using SetAside = std::function<void(const shm::EventNode& node, std::string_view bytes)>;
  std::size_t recover(const SetAside& set_aside);

 private:
  std::uint32_t find_buffers();
  void prepare(std::uint32_t slot);
  void renew_batch(std::uint32_t offered);
  void stamp_batch();
  void admit_batch(std::uint32_t count);
  shm::ReceiveBuffer& buffer_of(std::uint32_t slot) const;
  std::string bytes_of(std::uint32_t slot) const;
  bool admit(std::uint32_t slot);
  bool admit_large(shm::EventNode& node, std::uint32_t slot, std::uint32_t length);
  void forget_large(shm::EventNode& node);
  void admit_node(shm::EventNode& node, std::string_view bytes);

  Process& process_;
  NodePool& pool_;
  const EngineCounters& counters_;
  std::function<void(std::uint32_t)> owned_;
  std::function<void(shm::EventNode&)> bypass_;
  shm::WorkerArea& area_;
  shm::ReceiveBatch& batch_;
  std::uint32_t unready_ = shm::kReceiveBatchMax;    // Slots from it on are ready for the kernel.
  std::uint32_t found_[shm::kReceiveBatchMax] = {};  // Buffers on their way into the batch.
};

}  // namespace lockstep::worker
