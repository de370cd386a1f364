// control_server.h: the control process's loop: requests from the FIFO and the datagram socket, answers to
// reply FIFOs and datagram peers. Nothing a client does stalls another client or a worker: every descriptor
// is non-blocking, every answer has a deadline, everything in flight is bounded. open() belongs to the
// supervisor, before the fork, so that a mistake stops the start and the descriptors survive the death of the
// control process; run() belongs to the control process; unlink_files() to the supervisor when it stops. A
// worker calls close_descriptors() after the fork.
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/worker/control_settings.h"
#include "core/worker/rpc.h"
#include "core/worker/rpc_framing.h"

namespace lockstep::worker {

class ControlEndpoints;
class ReplyJob;
struct RpcReturnPath;

struct ControlCounters {
  std::uint64_t requests = 0;
  std::uint64_t malformed = 0;     // Answered by an error if a reply name or a peer was known.
  std::uint64_t not_json = 0;      // Those of them whose very text is broken.
  std::uint64_t unanswerable = 0;  // No usable reply name.
  std::uint64_t answers_sent = 0;
  std::uint64_t answers_dropped = 0;  // No reader, reader gone, or reader too slow.
};

class ControlServer {
 public:
  static constexpr std::size_t kInFlightMax = 32;
  static constexpr std::uint64_t kOpenDeadlineMs = 2000;     // For the client to open its reply FIFO.
  static constexpr std::uint64_t kStallDeadlineMs = 5000;    // Without a byte taken by the client.
  static constexpr std::uint64_t kWaitDeadlineMs = 60000;    // For a stream step that waits.
  static constexpr std::uint64_t kPartialDeadlineMs = 2000;  // For the rest of a half-written request.

  using Clock = std::function<std::uint64_t()>;  // Milliseconds, monotonic.

  // Both references must outlive the server. An empty clock is monotonic_ms().
  ControlServer(const ControlSettings& settings, const RpcRegistry& registry, Clock clock = {});
  ~ControlServer();
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

  // Creates FIFO and socket, with mode and owner. The error is one line for the operator, with the way out.
  [[nodiscard]] Result<bool, std::string> open();
  // Removes FIFO and socket file; only those that open() made and that are still the same file.
  void unlink_files();
  void close_descriptors();

  // Serves until `stop_fd` is readable or its other end is closed. REQUIRES: open() succeeded.
  // ENSURES: the descriptors are closed. Ignores SIGPIPE in this process. What is in flight then gets one
  // last chance to leave (at most 500 ms).
  void run(int stop_fd);

  // One round: waits at most `timeout_ms` (less if a deadline is nearer), then serves everything that is
  // ready. False as soon as `stop_fd` (-1: none) has something to read or is closed.
  bool step(int timeout_ms, int stop_fd = -1);

  std::size_t in_flight() const { return jobs_.size(); }
  const ControlCounters& counters() const { return counters_; }

 private:
  void read_fifo();
  void read_datagrams();
  void take_messages();
  void serve_fifo_message(const RpcFrame& frame);
  void serve_datagram(std::string_view text, const sockaddr_storage& peer, socklen_t peer_bytes);
  // The answer, complete or streaming, and in `back` where it belongs.
  std::unique_ptr<RpcReply> execute(const RpcFrame& frame, std::size_t answer_max_bytes, RpcReturnPath* back);
  void add_job(std::unique_ptr<ReplyJob> job);
  void advance_jobs();
  int next_timeout_ms(int timeout_ms) const;

  const ControlSettings& settings_;
  const RpcRegistry& registry_;
  Clock clock_;
  std::unique_ptr<ControlEndpoints> endpoints_;
  RpcFramer framer_;
  std::uint64_t partial_since_ms_ =
      0;  // When bytes last arrived for the half-read request; 0: there is none.
  std::vector<std::unique_ptr<ReplyJob>> jobs_;
  ControlCounters counters_;
};

}  // namespace lockstep::worker
