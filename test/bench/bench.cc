// bench.cc: `make bench`: lockstep beside Debian's kamailio, same script, same SIPp scenarios, in turn.
// It prints the CPU time that all processes of each server spend on a plain call and on a REGISTER (from
// /proc/PID/task/*/schedstat, nanoseconds), medians of the rounds with their spread, failed calls by number
// of workers, and beside them what a bare relay of as many datagrams costs. Ratios are what counts: machines
// differ. Environment: BENCH_ROUNDS 3, BENCH_CALLS 4000, BENCH_RATE 500, BENCH_ONLY lockstep|kamailio.
#include <fmt/core.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "test/bench/bare_relay.h"
#include "test/harness/server.h"
#include "test/harness/sipp.h"
#include "test/harness/stage.h"

namespace lockstep::bench {
namespace {

using harness::Phone;
using harness::Server;
using harness::ServerOptions;
using harness::Sipp;
using harness::SippResult;
using harness::Stage;

int setting(const char* name, int otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::atoi(text) : otherwise;
}

struct Load {
  int calls = setting("BENCH_CALLS", 4000);
  int rate = setting("BENCH_RATE", 500);
  int rounds = setting("BENCH_ROUNDS", 3);
};

// CPU time so far of a server's processes: the supervisor and all below it.
struct Cpu {
  double ns = 0;          // By the scheduler, exact.
  double user_ticks = 0;  // By the clock tick: only good for the share of one in both.
  double system_ticks = 0;

  void add(pid_t pid) {
    const std::string folder = "/proc/" + std::to_string(pid);
    std::error_code gone;
    for (const auto& task : std::filesystem::directory_iterator(folder + "/task", gone)) {
      std::istringstream stat(harness::read_text(task.path().string() + "/schedstat"));
      double on_cpu = 0;
      if (stat >> on_cpu) ns += on_cpu;
    }
    const std::string stat = harness::read_text(folder + "/stat");
    const auto name_end = stat.rfind(')');
    if (name_end != std::string::npos) {
      std::istringstream fields(stat.substr(name_end + 2));
      std::string skipped;
      for (int field = 3; field < 14; ++field) fields >> skipped;
      double user = 0;
      double system = 0;
      if (fields >> user >> system) {
        user_ticks += user;
        system_ticks += system;
      }
    }
    for (const pid_t child : harness::children_of(pid)) add(child);
  }
};

Cpu cpu_of(const Server& server) {
  Cpu cpu;
  cpu.add(server.pid());
  return cpu;
}

struct Sample {
  double us_per_unit = 0;
  double user_share = 0;
  long failed = 0;
};

Sample make_sample(const Cpu& before, const Cpu& after, int units, long failed) {
  const double user = after.user_ticks - before.user_ticks;
  const double system = after.system_ticks - before.system_ticks;
  return {(after.ns - before.ns) / 1000 / units, user / std::max(1.0, user + system), failed};
}

std::unique_ptr<Server> start_server(bool peer, int children) {
  ServerOptions options;
  options.config = "test/bench/bench.cfg";
  options.children = children;
  options.peer = peer;
  // With its default 64 MB the peer runs out of memory at this rate: that is not what is measured here.
  if (peer) options.arguments = {"-x", "fm", "-X", "fm", "-m", "512"};
  auto server = std::make_unique<Server>(options);
  server->start();
  return server;
}

Sample measure_calls(Server& server, const Load& load) {
  Stage stage;
  const int callee_port = harness::free_port();
  Sipp callee("test/call/sipp/uas.xml", server.address(), callee_port, {});
  Phone client(stage, "registrar", "load", server.address());
  const auto& registration =
      client.send_register({"<sip:load@127.0.0.1:" + std::to_string(callee_port) + ">"}, 3600);
  stage.run_until([&] { return registration.final_status != 0; });
  const Cpu before = cpu_of(server);
  Sipp caller(
      "test/call/sipp/uac.xml", server.address(), harness::free_port(),
      {"-s", "load", "-m", std::to_string(load.calls), "-r", std::to_string(load.rate), "-l", "4000"});
  const SippResult result = caller.wait(load.calls * 1000 / load.rate + 60000);
  return make_sample(before, cpu_of(server), load.calls, load.calls - result.successful);
}

Sample measure_registers(Server& server, const Load& load) {
  const Cpu before = cpu_of(server);
  Sipp phones("test/bench/register.xml", server.address(), harness::free_port(),
              {"-m", std::to_string(load.calls), "-r", std::to_string(2 * load.rate), "-l", "4000"});
  const SippResult result = phones.wait(load.calls * 1000 / load.rate + 60000);
  return make_sample(before, cpu_of(server), 2 * load.calls, load.calls - result.successful);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0 : values[values.size() / 2];
}

struct Series {
  std::vector<double> peer;
  std::vector<double> ours;
  double peer_user = 0;  // Share of the CPU time in user space, of the last round.
  double our_user = 0;
  long peer_failed = 0;
  long our_failed = 0;

  void add(bool is_peer, const Sample& sample) {
    (is_peer ? peer : ours).push_back(sample.us_per_unit);
    (is_peer ? peer_failed : our_failed) += sample.failed;
    (is_peer ? peer_user : our_user) = sample.user_share;
  }
};

void print_row(const char* name, const Series& series, const std::string& floor) {
  std::string ratio = "-";
  if (!series.peer.empty() && !series.ours.empty()) {
    double low = 1e9;
    double high = 0;
    for (std::size_t i = 0; i < std::min(series.peer.size(), series.ours.size()); ++i) {
      const double one = series.ours[i] / series.peer[i];
      low = std::min(low, one);
      high = std::max(high, one);
    }
    ratio = fmt::format("{:.2f} ({:.2f}..{:.2f})", median(series.ours) / median(series.peer), low, high);
  }
  fmt::print("{:<20} {:>8.1f} us {:>8.1f} us   {:<20} {}\n", name, median(series.peer), median(series.ours),
             ratio, floor);
  fmt::print("{:<20} {:>10.0f}% {:>10.0f}%\n", "  in user space", 100 * series.peer_user,
             100 * series.our_user);
}

struct Bench {
  Load load;
  bool with_peer = true;
  bool with_ours = true;
  Series calls;
  Series registers;

  void run_rounds() {
    for (int round = 0; round < load.rounds; ++round) {
      for (const bool peer : {true, false}) {
        if (peer ? !with_peer : !with_ours) continue;
        const std::unique_ptr<Server> server = start_server(peer, 2);
        calls.add(peer, measure_calls(*server, load));
        registers.add(peer, measure_registers(*server, load));
        fmt::print(stderr, "round {} {}: {:.1f} us a call, {:.1f} us a REGISTER\n", round + 1,
                   peer ? "kamailio" : "lockstep", (peer ? calls.peer : calls.ours).back(),
                   (peer ? registers.peer : registers.ours).back());
      }
    }
  }

  // Failed calls with 1, 2 and 4 workers, as text; the sum goes to `total`.
  std::string failures(bool peer, long& total) {
    std::string text;
    for (const int children : {1, 2, 4}) {
      const std::unique_ptr<Server> server = start_server(peer, children);
      const Sample sample = measure_calls(*server, load);
      text += fmt::format("{}{}", text.empty() ? "" : " / ", sample.failed);
      total += sample.failed;
    }
    return text;
  }

  int report() {
    const double relay = measure_bare_relay(load.calls, load.rate);
    fmt::print(
        "\nCPU time, all processes, children 2, {} rounds of {} calls at {}/s and {} REGISTERs at {}/s\n",
        load.rounds, load.calls, load.rate, 2 * load.calls, 4 * load.rate);
    fmt::print("{:<20} {:>11} {:>11}   {:<20} {}\n", "", "kamailio", "lockstep", "ratio (spread)",
               "bare relay");
    print_row("a plain call", calls, relay < 0 ? "lost datagrams" : fmt::format("{:.1f} us", relay));
    print_row("a REGISTER", registers, "");
    long peer_failed = 0;
    long our_failed = calls.our_failed + registers.our_failed;
    if (with_peer)
      fmt::print("failed of {} calls with 1 / 2 / 4 workers: kamailio {}\n", load.calls,
                 failures(true, peer_failed));
    if (with_ours)
      fmt::print("failed of {} calls with 1 / 2 / 4 workers: lockstep {}\n", load.calls,
                 failures(false, our_failed));
    if (our_failed > 0) fmt::print("lockstep failed {} calls or registrations\n", our_failed);
    const bool too_slow = with_peer && with_ours && median(calls.ours) > 0.5 * median(calls.peer);
    if (too_slow) fmt::print("lockstep takes more than half of kamailio's CPU time per call\n");
    return our_failed > 0 || too_slow ? 1 : 0;
  }
};

}  // namespace
}  // namespace lockstep::bench

int main() {
  setvbuf(stdout, nullptr, _IOLBF, 0);
  lockstep::bench::Bench bench;
  const std::string only = std::getenv("BENCH_ONLY") != nullptr ? std::getenv("BENCH_ONLY") : "";
  bench.with_peer = only != "lockstep";
  bench.with_ours = only != "kamailio";
  try {
    bench.run_rounds();
    return bench.report();
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench: {}\n", error.what());
    return 1;
  }
}
