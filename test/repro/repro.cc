// repro.cc: `make repro`: OpenSER bug 2037070 on the real server, four workers, the ticket's SBC and its two
// phones. First with ordering openser13: workers are held at named points, so that the ticket's sequence
// comes every time; then strict, with each policy. Prints the packet table of the ticket from A's 200 on,
// what became of each phone, and writes the ladders as HTML. Exit 1: something else happened than what is
// promised.
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <memory>

#include "core/order/scene.h"
#include "test/harness/phone.h"
#include "test/harness/server.h"
#include "test/repro/holder.h"

namespace lockstep::harness {
namespace {

struct Case {
  std::string name;  // Of the HTML file.
  std::string title;
  std::vector<std::string> defines;
  bool is_old = false;  // openser13.
};

struct Verdict {
  bool was_cancelled = false;      // B, though it had answered.
  bool was_relayed_after = false;  // B's 200, after B's CANCEL.
  bool leaked = false;             // B's leg: answered, never acknowledged.
  bool was_ended = false;          // B got BYE.
  int dialogs_at_caller = 0;
};

// The call of the ticket on one server.
class Ticket {
 public:
  Ticket(const Case& what, Holder& holder, const std::string& folder)
      : what_(what), holder_(holder), folder_(folder), server_(options_of(what)) {}

  Verdict run() {
    server_.start();
    sbc_ = std::make_unique<Phone>(stage_, "SBC", "sbc", server_.address());
    sbc_->acks_2xx = false;  // The ticket's SBC knows one dialog alone: it acknowledges A for every 200.
    a_ = phone_on_worker("A", 0);
    b_ = phone_on_worker("B", worker_a_);
    const Transaction& call = sbc_->invite(server_.uri("office"));
    need(stage_.run_until([&] { return call.provisional_count(180) == 2; }), "both phones ring");
    answer();
    // The ticket's SBC acknowledges 50 ms later, once for all that came, and again for each copy after that.
    need(stage_.run_until([&] { return call.final_status == 200; }), "a 200 at the SBC");
    stage_.settle(50);
    sbc_->send_ack(call, first_200(call));
    std::size_t acked = call.responses.size();
    for (const std::int64_t end = now_ms() + 700; now_ms() < end;) {
      stage_.settle(5);
      for (; acked < call.responses.size(); ++acked) {
        if (call.responses[acked].status() == 200) sbc_->send_ack(call, first_200(call));
      }
    }
    id_ = call.request.get("Call-ID");
    print_table();
    return judge(call);
  }

  void write_ladder() {
    const std::string file = folder_ + "/" + what_.name + ".html";
    const auto written = server_.control({"ladder", id_, "--html", file});
    need(written.status == 0, written.output);
    fmt::print("  ladder: {}\n\n", file);
  }

 private:
  static ServerOptions options_of(const Case& what) {
    ServerOptions options;
    options.config = "test/repro/repro.cfg";
    options.children = 4;
    for (const std::string& define : what.defines) {
      options.arguments.push_back("-A");
      options.arguments.push_back(define);
    }
    return options;
  }
  static void need(bool came, const std::string& text) {
    if (!came) throw std::runtime_error("this did not come: " + text);
  }
  static const Message& first_200(const Transaction& call) {
    for (const Message& response : call.responses) {
      if (response.status() == 200) return response;
    }
    throw std::runtime_error("the SBC got no 200");
  }

  // A registered phone whose datagrams reach another worker than `not_this`. Which one a source address
  // reaches is the kernel's choice: tried with OPTIONS.
  std::unique_ptr<Phone> phone_on_worker(const std::string& name, unsigned not_this) {
    for (int attempt = 0; attempt < 40; ++attempt) {
      auto one = std::make_unique<Phone>(stage_, name, "office", server_.address());
      holder_.hold_all(Point::kDecide);
      const Transaction& probe = one->request("OPTIONS", server_.uri("office"));
      unsigned worker = 0;
      need(stage_.run_until([&] { return (worker = holder_.held_worker()) != 0; }), "a worker takes OPTIONS");
      holder_.let_go_all();
      need(stage_.run_until([&] { return probe.final_status == 200; }), "200 to OPTIONS");
      if (worker == not_this) continue;
      const Transaction& registration = one->register_contact();
      need(stage_.run_until([&] { return registration.final_status == 200; }), name + " registers");
      one->answers({.provisional_status = 180, .final_status = 0});
      (not_this == 0 ? worker_a_ : worker_b_) = worker;
      return one;
    }
    throw std::runtime_error("all addresses reach one worker");
  }

  void wait_held(unsigned worker, bool held) {
    for (int i = 0; i < 20000 && holder_.is_held(worker) != held; ++i) usleep(100);
    need(holder_.is_held(worker) == held, held ? "the worker is held" : "the worker goes on");
  }

  // Packets 9 and 10. openser13: each worker decides under the call's lock, and sends after it.
  void answer() {
    if (!what_.is_old) {
      a_->respond(200);
      usleep(900);  // As in the ticket: 0.9 ms.
      b_->respond(200);
      return;
    }
    holder_.hold(worker_a_, Point::kSend);
    holder_.hold(worker_b_, Point::kSend);
    a_->respond(200);
    wait_held(worker_a_, true);
    b_->respond(200);
    wait_held(worker_b_, true);
    holder_.let_go(worker_a_);
    wait_held(worker_a_, false);
    usleep(1000);
    holder_.let_go(worker_b_);
    wait_held(worker_b_, false);
  }

  std::string name_at(const PeerAddress& peer) const {
    for (const Phone* one : {sbc_.get(), a_.get(), b_.get()}) {
      if (one->address().port == peer.port()) return one->name();
    }
    return "?";
  }

  void print_table() {
    const auto log = order::read_live(server_.run_folder());
    need(log.ok(), log.ok() ? "" : log.error());
    for (const order::Call& call : order::calls_of(*log)) {
      if (call.id == id_) print_scene(order::make_scene(*log, call));
    }
  }

  void print_scene(const order::Scene& scene) {
    fmt::print("  packet  time (s)   from    to      message            worker\n");
    int number = 9;
    std::uint64_t start = 0;
    for (const order::Row& row : scene.rows) {
      if (!row.is_message() || number > 19) continue;
      const bool came_in = row.kind == order::RowKind::kReceived;
      if (start == 0 && !(came_in && row.label() == "200 INVITE")) continue;
      if (start == 0) start = row.time_us;
      const std::string peer = name_at(row.record->head.datagram.peer);
      const bool is_unsent = row.kind == order::RowKind::kWithdrawn;
      fmt::print("  {:>6}  {:8.6f}   {:<7} {:<7} {:<18} {}{}\n", number++,
                 static_cast<double>(row.time_us - start) / 1e6, came_in ? peer : "proxy",
                 came_in ? "proxy" : peer, row.label(), row.worker,
                 is_unsent ? "  withdrawn, never sent" : "");
    }
  }

  Verdict judge(const Transaction& call) {
    Verdict outcome;
    std::int64_t cancelled_at = 0;
    std::string b_tag;
    std::vector<std::string> tags;
    for (const Received& one : stage_.received()) {
      const std::string what = one.message.summary();
      if (one.phone == "B" && what == "CANCEL") cancelled_at = one.at_ns;
      if (one.phone != "SBC" || what != "200 INVITE") continue;
      const std::string tag = one.message.to_tag();
      if (std::find(tags.begin(), tags.end(), tag) == tags.end()) tags.push_back(tag);
      const bool is_bs = tag != first_200(call).to_tag();
      if (is_bs && cancelled_at != 0 && one.at_ns > cancelled_at) outcome.was_relayed_after = true;
    }
    outcome.dialogs_at_caller = static_cast<int>(tags.size());
    outcome.was_cancelled = cancelled_at != 0;  // B answers before anybody may cancel it here.
    outcome.leaked = b_->count("ACK") == 0;
    outcome.was_ended = b_->count("BYE") > 0;
    return outcome;
  }

  Case what_;
  Holder& holder_;
  std::string folder_;
  std::string id_;
  Stage stage_;
  Server server_;
  std::unique_ptr<Phone> sbc_, a_, b_;
  unsigned worker_a_ = 0;
  unsigned worker_b_ = 0;
};

void print_verdict(const Verdict& outcome) {
  fmt::print("  cancelled though it had answered: {}\n", outcome.was_cancelled ? "B" : "nobody");
  fmt::print("  relayed after its CANCEL:         {}\n", outcome.was_relayed_after ? "B's 200" : "nothing");
  fmt::print("  200 dialogs at the SBC:           {}\n", outcome.dialogs_at_caller);
  fmt::print("  B's leg:                          {}\n",
             outcome.leaked      ? "leaked: answered, never acknowledged"
             : outcome.was_ended ? "acknowledged and ended by the proxy"
                                 : "acknowledged");
}

bool is_as_promised(const Case& what, const Verdict& outcome) {
  if (what.is_old) return outcome.was_cancelled && outcome.was_relayed_after && outcome.leaked;
  if (outcome.was_cancelled || outcome.was_relayed_after) return false;
  if (what.name == "strict-terminate") return outcome.was_ended && outcome.dialogs_at_caller == 1;
  return outcome.dialogs_at_caller == (what.name == "strict-forward" ? 2 : 1);
}

int repro() {
  const char* const build = std::getenv("BUILD");
  const std::string folder =
      std::filesystem::absolute(std::string(build == nullptr ? "build" : build) + "/repro").string();
  std::filesystem::create_directories(folder);
  Holder holder(folder);
  bool all = true;
  for (const Case& what : {Case{"openser13", "openser13: the ticket's packets 9 to 19", {"OPENSER13"}, true},
                           Case{"strict-forward", "strict, late_2xx forward", {}, false},
                           Case{"strict-terminate", "strict, late_2xx terminate", {"TERMINATE"}, false},
                           Case{"strict-drop", "strict, late_2xx drop", {"DROP"}, false}}) {
    fmt::print("{}\n", what.title);
    Ticket ticket(what, holder, folder);
    const Verdict outcome = ticket.run();
    print_verdict(outcome);
    ticket.write_ladder();
    if (is_as_promised(what, outcome)) continue;
    fmt::print("  NOT AS PROMISED\n\n");
    all = false;
  }
  return all ? 0 : 1;
}

}  // namespace
}  // namespace lockstep::harness

int main() {
  try {
    return lockstep::harness::repro();
  } catch (const std::exception& problem) {
    fmt::print(stderr, "repro: {}\n", problem.what());
    return 1;
  }
}
