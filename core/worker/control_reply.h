// control_reply.h: one answer on its way to its client, and how long it may take.
// The client is not trusted to open, to read or to stay: each step is non-blocking and each wait has a
// deadline.
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "core/worker/rpc.h"

namespace lockstep::worker {

// Milliseconds; the reasons stand beside the constants of ControlServer.
struct ReplyDeadlines {
  std::uint64_t open_ms;
  std::uint64_t stall_ms;
  std::uint64_t wait_ms;
};

class ReplyJob {
 public:
  enum class Outcome : std::uint8_t { kPending, kSent, kDropped };

  ReplyJob(std::unique_ptr<RpcReply> reply, const ReplyDeadlines& deadlines, std::uint64_t now_ms)
      : reply_(std::move(reply)), deadlines_(deadlines), progress_ms_(now_ms) {}
  virtual ~ReplyJob() = default;
  ReplyJob(const ReplyJob&) = delete;
  ReplyJob& operator=(const ReplyJob&) = delete;

  // Does what can be done now without waiting, at most a slice.
  virtual Outcome advance(std::uint64_t now_ms) = 0;
  // The descriptor whose readiness it waits for and the poll() events; -1: only time matters.
  virtual int poll_fd() const = 0;
  virtual short poll_events() const = 0;
  // When advance() is due at the latest.
  std::uint64_t wake_ms() const { return wake_ms_; }
  // When the client last took something: the job without progress for longest gives way when too many wait.
  std::uint64_t progress_ms() const { return progress_ms_; }

 protected:
  static constexpr std::uint64_t kRetryMs = 20;

  std::unique_ptr<RpcReply> reply_;
  const ReplyDeadlines deadlines_;
  std::uint64_t progress_ms_;
  std::uint64_t wake_ms_ = 0;
};

// Reply names become file names in a directory that others may write to: a bare name only.
bool is_acceptable_reply_name(const std::string& reply_dir, const std::string& name);

// To a FIFO that the client made in the reply directory.
class FifoReplyJob final : public ReplyJob {
 public:
  // REQUIRES: the name in `path` is acceptable.
  FifoReplyJob(std::unique_ptr<RpcReply> reply, std::string path, const ReplyDeadlines& deadlines,
               std::uint64_t now_ms);
  ~FifoReplyJob() override;

  Outcome advance(std::uint64_t now_ms) override;
  int poll_fd() const override { return fd_; }
  short poll_events() const override;

 private:
  Outcome try_open(std::uint64_t now_ms);
  Outcome write_slice(std::uint64_t now_ms);

  std::string path_;
  int fd_ = -1;
  bool is_blocked_ = false;  // The pipe is full.
};

// To the peer of a datagram, as one datagram.
class DatagramReplyJob final : public ReplyJob {
 public:
  static constexpr std::size_t kDatagramMaxBytes = 65456;

  // `fd` belongs to the server. REQUIRES: the reply was made with kDatagramMaxBytes as its bound.
  DatagramReplyJob(std::unique_ptr<RpcReply> reply, int fd, const sockaddr_storage& peer,
                   socklen_t peer_bytes, const ReplyDeadlines& deadlines, std::uint64_t now_ms);

  Outcome advance(std::uint64_t now_ms) override;
  int poll_fd() const override { return -1; }
  short poll_events() const override { return 0; }

 private:
  const int fd_;
  const sockaddr_storage peer_;
  const socklen_t peer_bytes_;
};

}  // namespace lockstep::worker
