// points.cc: what schedule points cost while they sleep: how many a call passes, what each takes, and what
// the call takes. In one process: a real worker on a real segment and real sockets, turn by turn.
#include <fmt/core.h>

#include <algorithm>
#include <ctime>

#include "core/base/schedule_point.h"
#include "test/process/stage.h"

namespace lockstep::test {
namespace {

constexpr int kCalls = 2000;
constexpr int kRounds = 5;

std::uint64_t passed = 0;
void count_point(Point, PointResource) { ++passed; }

double cpu_ns() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

// INVITE, 180, 200, ACK, BYE, 200 between a caller and a phone, through one worker.
class Calls {
 public:
  Calls() : stage_({.slab_bytes = 64 << 20, .script = "request_route { relay(); }\n"}) {
    worker_ = stage_.make_worker();
  }

  void run_one(int number) {
    request("INVITE", 1, number);
    const std::string invite = from_proxy(phone_, "INVITE");
    respond(invite, "180 Ringing");
    respond(invite, "200 OK");
    request("ACK", 1, number);
    request("BYE", 2, number);
    respond(from_proxy(phone_, "BYE"), "200 OK");
    static_cast<void>(caller_.take());
    static_cast<void>(phone_.take());
  }

 private:
  void turn(const Peer& from, const std::string& bytes) {
    from.send(stage_.port(), bytes);
    worker_->turn();
  }
  void request(const char* method, int cseq, int number) {
    turn(caller_,
         fmt::format("{0} sip:a@127.0.0.1:{1} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{2};branch=z9hG4bK{0}{3}"
                     "\r\nFrom: <sip:c@x>;tag=1\r\nTo: <sip:a@x>{4}\r\nCall-ID: call{3}\r\nCSeq: {5} {0}\r\n"
                     "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
                     method, phone_.port(), caller_.port(), number,
                     std::string_view(method) == "INVITE" ? "" : ";tag=2", cseq));
  }
  static std::string from_proxy(const Peer& peer, std::string_view method) {
    for (const std::string& message : peer.take()) {
      if (message.starts_with(method)) return message;
    }
    throw std::runtime_error(fmt::format("no {} came", method));
  }
  void respond(const std::string& request, const char* status) {
    std::string text = fmt::format("SIP/2.0 {}\r\n", status);
    std::size_t at = request.find("\r\n") + 2;
    for (std::size_t end = request.find("\r\n", at); end != at; end = request.find("\r\n", at)) {
      const std::string line = request.substr(at, end - at);
      const bool is_kept = line.starts_with("Via:") || line.starts_with("From:") ||
                           line.starts_with("Call-ID:") || line.starts_with("CSeq:");
      if (is_kept) text += line + "\r\n";
      if (line.starts_with("To:"))
        text += line + (line.find(";tag=") == std::string::npos ? ";tag=2\r\n" : "\r\n");
      at = end + 2;
    }
    turn(phone_, text + "Content-Length: 0\r\n\r\n");
  }

  Peer caller_, phone_;
  Stage stage_;
  std::unique_ptr<worker::Worker> worker_;
};

int points() {
  Calls calls;
  int number = 0;
  for (int i = 0; i < 50; ++i) calls.run_one(number++);
  arm_points(count_point);
  calls.run_one(number++);
  arm_points(nullptr);
  const std::uint64_t a_call = passed;
  double call_ns = 1e18;
  double point_ns = 1e18;
  for (int round = 0; round < kRounds; ++round) {
    const double start = cpu_ns();
    for (int i = 0; i < kCalls; ++i) calls.run_one(number++);
    const double between = cpu_ns();
    constexpr int kPoints = 20'000'000;
    for (int i = 0; i < kPoints; ++i) reach(Point::kDecide);
    call_ns = std::min(call_ns, (between - start) / kCalls);
    point_ns = std::min(point_ns, (cpu_ns() - between) / kPoints);
  }
  const double share = static_cast<double>(a_call) * point_ns / call_ns * 100;
  fmt::print(
      "schedule points: a plain call passes {}; {:.2f} ns each while dormant, {:.0f} ns of {:.0f}: {:.2f} "
      "%\n",
      a_call, point_ns, static_cast<double>(a_call) * point_ns, call_ns, share);
  return 0;
}

}  // namespace
}  // namespace lockstep::test

int main() {
  try {
    return lockstep::test::points();
  } catch (const std::exception& problem) {
    fmt::print(stderr, "points: {}\n", problem.what());
    return 1;
  }
}
