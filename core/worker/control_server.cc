#include "core/worker/control_server.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <limits>
#include <utility>

#include "core/base/assert.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/worker/control_endpoints.h"
#include "core/worker/control_reply.h"
#include "core/worker/rpc_parse.h"

namespace lockstep::worker {

namespace {

constexpr std::size_t kReadBytes = 64 * 1024;
constexpr int kDatagramsPerRound = 32;
constexpr std::uint64_t kLastChanceMs = 500;

// JSON-RPC 2.0, section 5.1.
constexpr int kParseError = -32700;
constexpr int kInvalidRequest = -32600;

constexpr ReplyDeadlines kDeadlines{ControlServer::kOpenDeadlineMs, ControlServer::kStallDeadlineMs,
                                    ControlServer::kWaitDeadlineMs};

}  // namespace

ControlServer::ControlServer(const ControlSettings& settings, const RpcRegistry& registry, Clock clock)
    : settings_(settings),
      registry_(registry),
      clock_(clock ? std::move(clock) : Clock([] { return monotonic_ms(); })),
      endpoints_(std::make_unique<ControlEndpoints>(settings)) {}

ControlServer::~ControlServer() = default;

Result<bool, std::string> ControlServer::open() { return endpoints_->open(); }

void ControlServer::unlink_files() { endpoints_->unlink_files(); }

void ControlServer::close_descriptors() { endpoints_->close_descriptors(); }

void ControlServer::run(int stop_fd) {
  std::signal(SIGPIPE, SIG_IGN);
  while (step(1000, stop_fd)) {
  }
  // No further requests; the answers under way may leave.
  const std::uint64_t end_ms = clock_() + kLastChanceMs;
  close_descriptors();
  while (!jobs_.empty() && clock_() < end_ms) step(static_cast<int>(kLastChanceMs));
}

// The time until the nearest deadline, at most `timeout_ms`.
int ControlServer::next_timeout_ms(int timeout_ms) const {
  const std::uint64_t now_ms = clock_();
  std::uint64_t wake_ms = now_ms + static_cast<std::uint64_t>(std::max(timeout_ms, 0));
  if (partial_since_ms_ != 0) wake_ms = std::min(wake_ms, partial_since_ms_ + kPartialDeadlineMs);
  for (const auto& job : jobs_) wake_ms = std::min(wake_ms, job->wake_ms());
  return wake_ms <= now_ms ? 0 : static_cast<int>(wake_ms - now_ms);
}

bool ControlServer::step(int timeout_ms, int stop_fd) {
  std::vector<pollfd> waits;
  waits.push_back({stop_fd, POLLIN, 0});
  waits.push_back({endpoints_->fifo_fd(), POLLIN, 0});
  waits.push_back({endpoints_->datagram_fd(), POLLIN, 0});
  for (const auto& job : jobs_) waits.push_back({job->poll_fd(), job->poll_events(), 0});
  if (poll(waits.data(), waits.size(), next_timeout_ms(timeout_ms)) < 0 && errno != EINTR) return false;
  if (waits[0].revents != 0) return false;

  if ((waits[1].revents & POLLIN) != 0) read_fifo();
  if ((waits[2].revents & (POLLIN | POLLERR)) != 0) read_datagrams();
  if (partial_since_ms_ != 0 && clock_() >= partial_since_ms_ + kPartialDeadlineMs) {
    partial_since_ms_ = 0;
    if (const auto frame = framer_.abandon()) serve_fifo_message(*frame);
  }
  advance_jobs();
  return true;
}

void ControlServer::read_fifo() {
  static_assert(kReadBytes > RpcFramer::kRequestMaxBytes);
  std::array<char, kReadBytes> bytes;
  const ssize_t count = read(endpoints_->fifo_fd(), bytes.data(), bytes.size());
  if (count <= 0) return;
  framer_.push({bytes.data(), static_cast<std::size_t>(count)});
  take_messages();
  // A pipe that gave less than was asked for is empty.
  if (static_cast<std::size_t>(count) < bytes.size()) framer_.on_drained();
  partial_since_ms_ = framer_.is_partial() ? clock_() : 0;
}

void ControlServer::take_messages() {
  while (const auto frame = framer_.next()) serve_fifo_message(*frame);
}

void ControlServer::serve_fifo_message(const RpcFrame& frame) {
  const std::uint64_t not_json_before = counters_.not_json;
  RpcReturnPath back;
  auto reply = execute(frame, OutputBuffer::kDefaultBoundBytes, &back);
  // Broken text has no reliable end: the rest of its line (the `]` of a batch) is not the next request.
  if (counters_.not_json != not_json_before) framer_.skip_line();
  if (!is_acceptable_reply_name(settings_.fifo_reply_dir, back.reply_name)) {
    ++counters_.unanswerable;
    LS_LOG(kWarn, "jsonrpcs", "a request without a usable reply_name ({} bytes)", frame.text.size());
    return;
  }
  std::string path = settings_.fifo_reply_dir;
  if (!path.ends_with('/')) path += '/';
  path += back.reply_name;
  add_job(std::make_unique<FifoReplyJob>(std::move(reply), std::move(path), kDeadlines, clock_()));
}

void ControlServer::read_datagrams() {
  std::array<char, RpcFramer::kRequestMaxBytes + 1> bytes;
  for (int i = 0; i < kDatagramsPerRound; ++i) {
    sockaddr_storage peer{};
    socklen_t peer_bytes = sizeof(peer);
    const ssize_t count = recvfrom(endpoints_->datagram_fd(), bytes.data(), bytes.size(), MSG_DONTWAIT,
                                   reinterpret_cast<sockaddr*>(&peer), &peer_bytes);
    if (count < 0) return;
    if (count == 0) continue;
    serve_datagram({bytes.data(), static_cast<std::size_t>(count)}, peer, peer_bytes);
  }
}

void ControlServer::serve_datagram(std::string_view text, const sockaddr_storage& peer,
                                   socklen_t peer_bytes) {
  RpcFrame frame;
  frame.text = text;
  if (text.size() > RpcFramer::kRequestMaxBytes) frame.fault = RpcFrame::Fault::kTooLong;
  RpcReturnPath back;
  auto reply = execute(frame, DatagramReplyJob::kDatagramMaxBytes, &back);
  if (peer_bytes <= sizeof(sa_family_t)) {
    ++counters_.unanswerable;  // A socket without a name: the command was done, nobody can be told.
    return;
  }
  add_job(std::make_unique<DatagramReplyJob>(std::move(reply), endpoints_->datagram_fd(), peer, peer_bytes,
                                             kDeadlines, clock_()));
}

std::unique_ptr<RpcReply> ControlServer::execute(const RpcFrame& frame, std::size_t answer_max_bytes,
                                                 RpcReturnPath* back) {
  ++counters_.requests;
  const auto refuse = [&](int code, std::string_view text, RpcReturnPath path) {
    ++counters_.malformed;
    if (code == kParseError) ++counters_.not_json;
    auto reply = std::make_unique<RpcReply>(settings_.layout, path.id_json, answer_max_bytes);
    reply->fault(code, text);
    reply->finish();
    *back = std::move(path);
    return reply;
  };
  if (frame.fault == RpcFrame::Fault::kTooLong) {
    return refuse(kInvalidRequest, "Request too long: at most 8191 bytes", find_return_path(frame.text));
  }
  if (frame.fault == RpcFrame::Fault::kUnfinished) {
    return refuse(kParseError, "Parse error: the request does not end", find_return_path(frame.text));
  }
  auto parsed = parse_rpc_request(frame.text);
  if (!parsed) return refuse(parsed.error().code, parsed.error().text, parsed.error().back);

  auto reply = std::make_unique<RpcReply>(settings_.layout, parsed->back.id_json, answer_max_bytes);
  *back = std::move(parsed->back);
  if (const RpcSpec* const spec = registry_.find(parsed->request.method())) {
    spec->handler(parsed->request, *reply);
  } else {
    reply->fault(500, "Method Not Found");
  }
  reply->finish();
  return reply;
}

void ControlServer::add_job(std::unique_ptr<ReplyJob> job) {
  if (jobs_.size() >= kInFlightMax) {
    const auto stalest = std::min_element(jobs_.begin(), jobs_.end(), [](const auto& a, const auto& b) {
      return a->progress_ms() < b->progress_ms();
    });
    ++counters_.answers_dropped;
    LS_LOG(kWarn, "jsonrpcs", "an answer is dropped: {} clients do not take theirs", jobs_.size());
    jobs_.erase(stalest);
  }
  jobs_.push_back(std::move(job));
}

void ControlServer::advance_jobs() {
  // Every job, ready or not: they are few, and one that cannot move costs one failing system call.
  for (std::size_t i = 0; i < jobs_.size();) {
    const ReplyJob::Outcome outcome = jobs_[i]->advance(clock_());
    if (outcome == ReplyJob::Outcome::kPending) {
      ++i;
      continue;
    }
    ++(outcome == ReplyJob::Outcome::kSent ? counters_.answers_sent : counters_.answers_dropped);
    jobs_.erase(jobs_.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

}  // namespace lockstep::worker
