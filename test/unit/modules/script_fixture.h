// script_fixture.h: a script, a message in, and what came of it: for tests of modules and of the core's
// functions, without sockets and without the engine. The script is compiled by the real compiler with the
// core's exports, one module and the fixture's own function note("text"); transactions are a fake that
// records what it is asked.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/log.h"
#include "core/script/config_file.h"
#include "core/script/program.h"
#include "core/sip/edit.h"
#include "core/worker/core_exports.h"
#include "core/worker/export_helpers.h"
#include "core/worker/module.h"
#include "core/worker/script_context.h"
#include "test/unit/modules/fake_transactions.h"

namespace lockstep::test {

// What one run left behind, as plain values.
struct Outcome {
  int code = 0;  // What the route returned.
  script::Control control = script::Control::kNone;
  std::vector<std::string> notes;  // Texts given to note().
  std::vector<std::string> calls;  // Of the transactions.
  std::string message;             // With the edits applied, LF line ends.
  std::string uri;                 // Request-URI as it stands; empty in responses.
  std::string next_hop;
  std::vector<std::string> branches;
  std::string reply_lines;
  std::uint16_t socket = worker::kNoSocket;
  std::uint32_t flags = 0;
  bool force_rport = false;

  bool message_has(std::string_view line) const { return message.find(line) != std::string::npos; }
};

class ScriptFixture {
 public:
  // `script`: statements of the request route, or, when it holds "route", whole blocks. `settings`: lines
  // before it, such as modparams. `module`: nullptr for the core alone.
  ScriptFixture(worker::Module* module, const std::string& script, const std::string& settings = {})
      : module_(module) {
    log_settings().level = -6;  // What a test provokes need not be read.
    add_socket("127.0.0.1", 5060, "first");
    names_.add_alias("example.com", 0);
    worker::add_core(registry_);
    probe_.name = "probe";
    probe_.functions.push_back(worker::make_function(
        "note", "keeps a text for the test", script::kAnyRoute, {worker::format_param("text")},
        [this](worker::ScriptContext&, const script::Arguments& arguments) {
          outcome_.notes.emplace_back(arguments.printed(0));
          return 1;
        }));
    registry_.add(probe_);
    compile(script, settings);
  }

  bool compiles() const { return program_ != nullptr; }
  // The rendered diagnostics, warnings included.
  std::string mistakes() const { return diagnostics_.render(); }
  FakeTransactions& transactions() { return transactions_; }
  worker::Interfaces& interfaces() { return interfaces_; }
  worker::LocalNames& names() { return names_; }
  shm::CounterNames& counters() { return counters_; }
  void add_socket(std::string_view host, std::uint16_t port, std::string name) {
    worker::ListenSocket socket;
    socket.address = *parse_address(host, port);
    socket.name = "udp:" + std::string(host) + ":" + std::to_string(port);
    socket.host = host;
    socket.port = port;
    socket.socket_name = std::move(name);
    names_.sockets().push_back(std::move(socket));
  }
  // Called before the script runs: where it came from, its AVPs and so on.
  std::function<void(worker::ScriptContext&)> prepare;
  // Called after it, while the context lives.
  std::function<void(worker::ScriptContext&)> inspect;

  // REQUIRES: compiles(). The kind's block without a name, or the one named.
  Outcome run(std::string_view raw_message, script::RouteKind kind = script::RouteKind::kRequest,
              std::string_view route = {}) {
    LS_ASSERT(compiles());
    const std::string bytes = sip_text(raw_message);
    message_.parse(bytes);
    arena_.reset();
    edits_.clear();
    outcome_ = {};
    transactions_.calls.clear();
    script::ScriptState state(registry_.variable_count());
    worker::ScriptContext context(arena_, state, shared_world().process(), transactions_, names_, message_,
                                  edits_);
    context.source = *parse_address("10.1.1.1", 5062);
    context.socket = 0;
    if (prepare) prepare(context);
    const script::RouteIndex index = program_->find_route(kind, route);
    LS_ASSERT(index != script::kNoRoute);
    outcome_.code = program_->run(index, context);
    if (inspect) inspect(context);
    collect(context);
    return outcome_;
  }

 private:
  class Loader : public script::ModuleLoader {
   public:
    explicit Loader(worker::Module* module) : module_(module) {}
    Result<const script::ModuleExports*, std::string> load(std::string_view,
                                                           const script::Location&) override {
      if (module_ == nullptr) return Failure<std::string>{"no module in this test"};
      return &module_->exports();
    }

   private:
    worker::Module* module_;
  };

  void compile(const std::string& script, const std::string& settings) {
    std::string text = module_ == nullptr ? "" : "loadmodule \"" + module_->exports().name + ".so\"\n";
    text += settings + "\n";
    text += script.find("route {") != std::string::npos || script.find("route[") != std::string::npos
                ? script
                : "request_route {\n" + script + "\n}\n";
    const script::ConfigTree tree = script::load_text("test.cfg", text, {}, diagnostics_);
    globals_ = script::read_globals(tree, registry_, diagnostics_);
    Loader loader(module_);
    program_ = script::compile(tree, registry_, loader, diagnostics_);
    if (program_ == nullptr || module_ == nullptr) return;
    worker::ServerHost host{*shared_world().segment,
                            *shared_world().state,
                            counters_,
                            rpc_,
                            registry_,
                            globals_,
                            control_,
                            interfaces_,
                            names_,
                            tasks_,
                            keepers_};
    const auto started = module_->start(host);
    if (!started.ok()) {
      diagnostics_.error({}, started.error());
      program_ = nullptr;
    }
  }

  void collect(worker::ScriptContext& context) {
    outcome_.control = context.control();
    outcome_.calls = transactions_.calls;
    std::string out(sip::gathered_size(message_.bytes(), edits_), '\0');
    out.resize(sip::gather(message_.bytes(), edits_, std::span<char>(out.data(), out.size())));
    outcome_.message = without_cr(out);
    if (message_.is_request()) outcome_.uri = context.request_uri();
    outcome_.next_hop = context.target.next_hop;
    for (const worker::Destination& branch : context.branches) outcome_.branches.emplace_back(branch.uri);
    outcome_.reply_lines = without_cr(context.reply_lines);
    outcome_.socket = context.target.socket;
    outcome_.flags = context.flags;
    outcome_.force_rport = context.force_rport;
  }

  worker::Module* module_;
  script::Registry registry_;
  script::ModuleExports probe_;
  script::Diagnostics diagnostics_;
  script::Globals globals_;
  std::unique_ptr<script::Program> program_;
  shm::CounterNames counters_;
  worker::RpcRegistry rpc_;
  worker::ControlSettings control_;
  worker::Interfaces interfaces_;
  worker::LocalNames names_;
  std::vector<worker::PeriodicTask> tasks_;
  std::map<shm::SlabKind, worker::SlotKeeper> keepers_;
  FakeTransactions transactions_;
  Arena arena_{std::size_t{256} << 10};
  sip::EditList edits_;
  sip::Message message_;
  Outcome outcome_;
};

// An INVITE outside a dialog, and one inside, as tests need them again and again.
inline constexpr std::string_view kInvite = R"(
INVITE sip:bob@example.com SIP/2.0
Via: SIP/2.0/UDP 10.1.1.1:5062;branch=z9hG4bK1
From: "Alice A" <sip:alice@example.com>;tag=a1
To: <sip:bob@example.com>
Call-ID: call-1@10.1.1.1
CSeq: 7 INVITE
Max-Forwards: 70
Contact: <sip:alice@10.1.1.1:5062>
User-Agent: phone/1.0
Content-Type: application/sdp
Content-Length: 29

v=0
c=IN IP4 10.1.1.1
m=x
)";

}  // namespace lockstep::test
