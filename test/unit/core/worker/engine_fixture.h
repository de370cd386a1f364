// engine_fixture.h: one engine on a segment of its own: events are pushed by hand through the call's entry,
// and what was decided is read from the outbox before it is flushed into sockets that lead to nobody.
// The script speaks to the engine through functions of a module of the fixture, under tm's and sl's names.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.h"
#include "core/script/program.h"
#include "core/worker/engine.h"
#include "core/worker/node_pool.h"

namespace lockstep::test {

// One datagram of the outbox.
struct Sent {
  std::string text;  // LF line ends.
  std::string to;    // "127.0.0.2:5060"

  // "INVITE sip:bob@127.0.0.2 > 127.0.0.2:5060", "180 Ringing > 127.0.0.1:5070".
  std::string line() const;
  std::string method_of_cseq() const;
  // The value of the first header of that name; "" if there is none.
  std::string header(std::string_view name) const;
};

class EngineFixture {
 public:
  explicit EngineFixture(const std::string& script, std::size_t segment_bytes = std::size_t{24} << 20,
                         std::uint32_t worker_count = 1);
  virtual ~EngineFixture();

  // A datagram from `source`, LF line ends; worked at once. Returns what it caused, and flushes.
  std::vector<Sent> receive(const std::string& message, std::string_view source_host = "127.0.0.1",
                            std::uint16_t source_port = 5070);
  // Datagrams of one call that are in the inbox together before the first is worked.
  std::vector<Sent> receive_together(const std::vector<std::string>& messages);
  // Each comes when the one before it is decided, and nothing of it was handed to the kernel yet.
  std::vector<Sent> receive_in_turn(const std::vector<std::string>& messages);
  // As receive(), the lines only.
  std::vector<std::string> lines(const std::string& message, std::string_view source_host = "127.0.0.1",
                                 std::uint16_t source_port = 5070);
  // Lets time pass for every transaction and fires what is due then.
  std::vector<std::string> pass_ms(std::uint64_t ms);
  std::vector<Sent> pass(std::uint64_t ms);

  std::uint64_t counter(std::string_view group, std::string_view name) const;
  std::uint64_t live(shm::SlabKind kind) const { return slabs_->figures(kind).live; }
  // Live message slots, the engine's reserve not counted, and transactions.
  std::uint64_t live_messages() const;
  std::uint64_t live_transactions() const { return live(shm::SlabKind::kTransaction); }
  shm::Slabs& slabs() { return *slabs_; }
  worker::TmSettings& tm() { return tm_; }
  worker::EngineSettings& settings() { return settings_; }
  const std::vector<worker::SendFailure>& failures() const { return failures_; }
  // openser13: of the last event.
  const worker::WishedCancels& wished() const { return engine_->wished(); }
  // The kernel refuses what is sent from now on (true), or takes it again.
  void refuse_sending(bool refuse);
  // The branch of the fault is told to the engine, as the worker does it.
  std::vector<std::string> report(const worker::SendFailure& failure);

 protected:
  shm::Segment& segment() { return *segment_; }
  shm::SharedState& state() { return *state_; }
  const std::vector<int>& sockets() const { return sockets_; }
  std::size_t variable_count() const { return registry_.variable_count(); }
  // Fills a node of `pool` with the datagram; its entry is set, it is not admitted.
  static shm::EventNode& fill_node(worker::NodePool& pool, shm::SharedState& state,
                                   const std::string& message, std::string_view source_host,
                                   std::uint16_t source_port);
  // What lies in a worker's outbox, decided and neither sent nor withdrawn.
  std::vector<Sent> outbox_of(shm::WorkerId id) const;

 private:
  void compile(const std::string& script);
  void add_functions();
  shm::EventNode& make_node(const std::string& message, std::string_view source_host,
                            std::uint16_t source_port);
  std::vector<Sent> work(shm::EventNode& node);
  std::vector<Sent> work_more(shm::EventNode& node);
  std::vector<Sent> work_owned(shm::EventNode& node);
  std::vector<Sent> take_outbox();

  std::unique_ptr<shm::Segment> segment_;
  shm::SharedState* state_ = nullptr;
  std::unique_ptr<shm::Slabs> slabs_;
  std::unique_ptr<worker::Process> process_;
  script::Registry registry_;
  script::ModuleExports module_;
  script::Diagnostics diagnostics_;
  std::unique_ptr<script::Program> program_;
  shm::CounterNames names_of_counters_;
  std::unique_ptr<worker::EngineCounters> counters_;
  worker::LocalNames names_;
  worker::TmSettings tm_;
  worker::EngineSettings settings_;
  std::unique_ptr<script::ScriptState> script_state_;
  std::vector<int> sockets_;
  int open_socket_ = -1;
  std::unique_ptr<worker::Outbox> outbox_;
  std::unique_ptr<worker::TimerWheel> wheel_;
  std::unique_ptr<worker::NodePool> pool_;
  std::unique_ptr<worker::Engine> engine_;
  std::vector<worker::SendFailure> failures_;
};

// Messages of one call, as the fixture's callers and callees write them.
// `what`: method and Request-URI. Caller: 127.0.0.1:5070, branch z9hG4bK-<branch>.
std::string make_request(const std::string& what, const std::string& branch, int cseq = 1,
                         const std::string& to_tag = {}, const std::string& more_lines = {});
// The response of a callee to a request that it received: Via, From, To, Call-ID and CSeq copied.
std::string make_response(const Sent& request, const std::string& status, const std::string& to_tag = "b1",
                          const std::string& more_lines = {});

}  // namespace lockstep::test
