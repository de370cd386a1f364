// outbox.h: the door to the wire. Decided datagrams are written into the worker's outbox in the segment,
// come into force with the commit of their event, and are handed to the kernel in that order (O5).
// One per worker; the shared part outlives it (shm/worker_area.h).
#pragma once

#include <functional>
#include <vector>

#include "core/base/peer_address.h"
#include "core/worker/process.h"
#include "shm/transaction_record.h"

namespace lockstep::worker {

// What a datagram is to its transaction.
enum class SendKind : std::uint8_t {
  kOther,
  kRequest,  // The request of a branch, for the first time.
  kRepeatedRequest,
  kCancel,  // The CANCEL of a branch, for the first time.
  kRepeatedCancel,
  kBye,  // The BYE of a late 2xx's dialog.
};

// Whom to tell when the kernel refuses the datagram. transaction 0: nobody.
struct SendOrigin {
  std::uint32_t transaction = 0;
  std::uint32_t generation = 0;
  std::uint16_t branch = 0;
  SendKind kind = SendKind::kOther;
};

struct SendFailure {
  std::uint32_t entry = 0;
  SendOrigin origin;
  int error = 0;
};

class Outbox {
 public:
  // `sockets`: this worker's own, by listening address.
  Outbox(Process& process, const std::vector<int>& sockets);

  // At least `count` more datagrams fit.
  bool has_room(std::size_t count) const { return count_ + count <= shm::kOutboxMax; }
  bool empty() const { return count_ == 0; }

  // Appends a datagram of the event `stamp` of `entry`. `free_after_send`: its slot is given back then.
  // REQUIRES: has_room(1).
  void add(std::uint32_t entry, std::uint64_t stamp, shm::MessageRef message, const PeerAddress& target,
           std::uint16_t socket, SendOrigin origin, bool free_after_send);
  // What was appended since `mark` was never decided: forget it. The slots are the caller's again.
  std::uint32_t mark() const { return count_; }
  void forget_since(std::uint32_t mark) { count_ = mark; }
  // The branches of the transaction whose request, and whose CANCEL or its repetition, is in here, not yet
  // handed to the kernel and not withdrawn; bit i is branch i.
  struct Unsent {
    std::uint32_t requests = 0;
    std::uint32_t cancels = 0;
  };
  Unsent unsent(std::uint32_t transaction, std::uint32_t generation) const;
  // The decision `stamp` takes it back: it will not be sent once that is committed (O9, O10). False: it is
  // not in here.
  bool withdraw(const SendOrigin& origin, std::uint64_t stamp);
  // Last step before the commit: from now on a replacement of this worker looks at the new datagrams.
  void publish() { shared_.count.store(count_, std::memory_order_release); }

  // Hands everything to the kernel in order and empties the outbox. What the kernel refuses is skipped
  // and reported; a full socket buffer is waited for, briefly.
  void flush(const std::function<void(const SendFailure&)>& on_failure);

  // Recovery: keeps what is in force and was not sent, drops the rest, and sends it.
  // Returns how many datagrams were sent.
  std::size_t recover();

  std::uint64_t sent() const { return sent_; }

 private:
  // Into the order log: what became of items `first` to before `end`, handed over at `time_us`.
  void record(shm::LogKind kind, std::uint32_t first, std::uint32_t end, std::uint64_t time_us);
  void send_run(std::uint32_t first, std::uint32_t end, int socket,
                const std::function<void(const SendFailure&)>& on_failure);

  Process& process_;
  const std::vector<int>& sockets_;
  shm::Outbox& shared_;
  std::uint32_t count_ = 0;
  std::uint64_t sent_ = 0;
};

}  // namespace lockstep::worker
