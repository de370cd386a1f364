#include "core/worker/control_reply.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "core/base/log.h"

namespace lockstep::worker {

namespace {

constexpr std::size_t kLowWaterBytes = 64 * 1024;  // A pipe's usual capacity.
constexpr std::size_t kSliceBytes = 256 * 1024;    // Per round, so that other clients are served in between.
constexpr std::size_t kReplyPathMaxBytes = 127;    // Kamailio's bound, which clients know.

// A writer without bytes learns only from poll() that its reader has gone.
bool has_reader(int fd) {
  pollfd state{fd, 0, 0};
  return poll(&state, 1, 0) <= 0 || (state.revents & POLLERR) == 0;
}

}  // namespace

bool is_acceptable_reply_name(const std::string& reply_dir, const std::string& name) {
  return !name.empty() && name.find_first_of(std::string_view("./\\\0", 4)) == std::string::npos &&
         reply_dir.size() + name.size() <= kReplyPathMaxBytes;
}

FifoReplyJob::FifoReplyJob(std::unique_ptr<RpcReply> reply, std::string path, const ReplyDeadlines& deadlines,
                           std::uint64_t now_ms)
    : ReplyJob(std::move(reply), deadlines, now_ms), path_(std::move(path)) {}

FifoReplyJob::~FifoReplyJob() {
  if (fd_ >= 0) close(fd_);
}

short FifoReplyJob::poll_events() const { return is_blocked_ ? POLLOUT : 0; }

ReplyJob::Outcome FifoReplyJob::advance(std::uint64_t now_ms) {
  if (fd_ < 0) {
    const Outcome outcome = try_open(now_ms);
    if (outcome != Outcome::kPending || fd_ < 0) return outcome;
  }
  return write_slice(now_ms);
}

ReplyJob::Outcome FifoReplyJob::try_open(std::uint64_t now_ms) {
  struct stat named {};
  if (lstat(path_.c_str(), &named) != 0 || !S_ISFIFO(named.st_mode) || named.st_nlink != 1) {
    LS_LOG(kWarn, "jsonrpcs", "no answer to {}: it is no FIFO, or has several names", path_);
    return Outcome::kDropped;
  }
  const int fd = ::open(path_.c_str(), O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) {
    if (errno == ENXIO && now_ms < progress_ms_ + deadlines_.open_ms) {
      wake_ms_ = now_ms + kRetryMs;
      return Outcome::kPending;
    }
    LS_LOG(kWarn, "jsonrpcs", "no answer to {}: {}", path_,
           errno == ENXIO ? "nobody reads it" : "cannot open it");
    return Outcome::kDropped;
  }
  struct stat opened {};
  if (fstat(fd, &opened) != 0 || !S_ISFIFO(opened.st_mode) || opened.st_dev != named.st_dev ||
      opened.st_ino != named.st_ino) {
    close(fd);
    LS_LOG(kWarn, "jsonrpcs", "no answer to {}: it was exchanged meanwhile", path_);
    return Outcome::kDropped;
  }
  fd_ = fd;
  progress_ms_ = now_ms;
  return Outcome::kPending;
}

ReplyJob::Outcome FifoReplyJob::write_slice(std::uint64_t now_ms) {
  OutputBuffer& out = reply_->output();
  is_blocked_ = false;
  std::size_t written_bytes = 0;
  while (written_bytes < kSliceBytes) {
    if (!reply_->is_complete() && out.size() < kLowWaterBytes) reply_->pump(kLowWaterBytes);
    if (out.empty()) break;
    const std::string_view piece = out.front();
    const ssize_t count = write(fd_, piece.data(), piece.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) {
      is_blocked_ = true;
      break;
    }
    if (count < 0) return Outcome::kDropped;  // EPIPE: the reader has gone, which is its right.
    out.consume(static_cast<std::size_t>(count));
    reply_->set_committed();
    written_bytes += static_cast<std::size_t>(count);
    progress_ms_ = now_ms;
  }
  if (out.empty() && reply_->is_complete()) return Outcome::kSent;
  if (out.empty() && !has_reader(fd_)) return Outcome::kDropped;
  if (is_blocked_) {
    wake_ms_ = progress_ms_ + deadlines_.stall_ms;
  } else {
    // A step that waits is asked again soon; without one there is more to write at once.
    wake_ms_ = reply_->is_waiting() ? now_ms + kRetryMs : now_ms;
  }
  const std::uint64_t patience_ms = is_blocked_ ? deadlines_.stall_ms : deadlines_.wait_ms;
  if (now_ms >= progress_ms_ + patience_ms) {
    LS_LOG(kWarn, "jsonrpcs", "answer to {} given up: {}", path_,
           is_blocked_ ? "its reader takes nothing" : "the procedure has no result");
    return Outcome::kDropped;
  }
  return Outcome::kPending;
}

DatagramReplyJob::DatagramReplyJob(std::unique_ptr<RpcReply> reply, int fd, const sockaddr_storage& peer,
                                   socklen_t peer_bytes, const ReplyDeadlines& deadlines,
                                   std::uint64_t now_ms)
    : ReplyJob(std::move(reply), deadlines, now_ms), fd_(fd), peer_(peer), peer_bytes_(peer_bytes) {}

ReplyJob::Outcome DatagramReplyJob::advance(std::uint64_t now_ms) {
  if (!reply_->is_complete()) {
    reply_->pump(kDatagramMaxBytes + 1);
    if (!reply_->is_complete()) {
      wake_ms_ = reply_->is_waiting() ? now_ms + kRetryMs : now_ms;
      return now_ms >= progress_ms_ + deadlines_.wait_ms ? Outcome::kDropped : Outcome::kPending;
    }
    progress_ms_ = now_ms;
  }
  const std::string text = reply_->output().str();
  const ssize_t count = sendto(fd_, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                               reinterpret_cast<const sockaddr*>(&peer_), peer_bytes_);
  if (count >= 0) return Outcome::kSent;
  // The peer's queue is full. There is no event for it, so try again until the deadline.
  if ((errno == EAGAIN || errno == ENOBUFS || errno == EINTR) &&
      now_ms < progress_ms_ + deadlines_.stall_ms) {
    wake_ms_ = now_ms + kRetryMs;
    return Outcome::kPending;
  }
  return Outcome::kDropped;
}

}  // namespace lockstep::worker
