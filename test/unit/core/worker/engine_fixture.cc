#include "test/unit/core/worker/engine_fixture.h"

#include <cppunit/extensions/HelperMacros.h>
#include <unistd.h>

#include <cstring>

#include "core/base/log.h"
#include "core/worker/core_exports.h"
#include "core/worker/export_helpers.h"
#include "test/unit/core/net/own_socket.h"

namespace lockstep::test {
namespace {

constexpr shm::WorkerId kMe{1};

class OneModule final : public script::ModuleLoader {
 public:
  explicit OneModule(const script::ModuleExports& exports) : exports_(exports) {}
  Result<const script::ModuleExports*, std::string> load(std::string_view, const script::Location&) override {
    return &exports_;
  }

 private:
  const script::ModuleExports& exports_;
};

std::string with_crlf(const std::string& lines) {
  std::string text;
  for (const char c : lines) text += c == '\n' ? std::string("\r\n") : std::string(1, c);
  return text;
}

std::string without_crs(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    if (c != '\r') text += c;
  }
  return text;
}

// All header lines of that name, each with its line end.
std::string lines_of(const std::string& text, const std::string& name) {
  std::string found;
  for (std::size_t at = text.find('\n') + 1; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    const std::string line = text.substr(at, end - at + 1);
    if (line == "\n") break;
    if (line.starts_with(name + ": ")) found += line;
    at = end + 1;
  }
  return found;
}

std::vector<std::string> lines_of(const std::vector<Sent>& all) {
  std::vector<std::string> lines;
  for (const Sent& sent : all) lines.push_back(sent.line());
  return lines;
}

}  // namespace

std::string Sent::line() const {
  const std::string first = text.substr(0, text.find('\n'));
  const bool is_response = first.starts_with("SIP/2.0 ");
  const std::string what = is_response ? first.substr(8) : first.substr(0, first.rfind(' '));
  return what + " > " + to;
}

std::string Sent::header(std::string_view name) const {
  const std::string line = lines_of(text, std::string(name));
  if (line.empty()) return {};
  return line.substr(name.size() + 2, line.find('\n') - name.size() - 2);
}

std::string Sent::method_of_cseq() const {
  const std::string cseq = header("CSeq");
  return cseq.substr(cseq.find(' ') + 1);
}

EngineFixture::EngineFixture(const std::string& script, std::size_t segment_bytes,
                             std::uint32_t worker_count) {
  log_settings().level = -6;
  auto made = shm::Segment::create("lockstep-engine-test-" + std::to_string(getpid()), segment_bytes);
  CPPUNIT_ASSERT_MESSAGE(made ? std::string() : made.error(), made.ok());
  segment_ = std::move(*made);
  segment_->remove();
  const auto state = shm::make_shared_state(*segment_, worker_count);
  CPPUNIT_ASSERT_MESSAGE(state ? std::string() : state.error(), state.ok());
  state_ = *state;
  const auto directory = shm::finish_shared_state(*segment_, *state_);
  CPPUNIT_ASSERT_MESSAGE(directory ? std::string() : directory.error(), directory.ok());
  state_->slabs = *directory;
  slabs_ = std::make_unique<shm::Slabs>(*segment_, **directory, kMe);
  process_ = std::make_unique<worker::Process>(
      worker::Process{kMe, *segment_, *state_, *slabs_, state_->area(kMe).counters});
  worker::ListenSocket socket;
  socket.address = *parse_address("127.0.0.1", 5060);
  socket.name = "udp:127.0.0.1:5060";
  socket.host = "127.0.0.1";
  names_.sockets().push_back(socket);
  counters_ = std::make_unique<worker::EngineCounters>(names_of_counters_);
  compile(script);
  open_socket_ = open_own_udp();
  sockets_.push_back(open_socket_);
  outbox_ = std::make_unique<worker::Outbox>(*process_, sockets_);
  wheel_ = std::make_unique<worker::TimerWheel>(monotonic_ms());
  pool_ = std::make_unique<worker::NodePool>(*process_);
  engine_ = std::make_unique<worker::Engine>(*process_, settings_, *script_state_, *outbox_, *wheel_);
  engine_->on_send_failure([this](const worker::SendFailure& failure) { failures_.push_back(failure); });
  engine_->flush();  // Takes the reserve.
}

EngineFixture::~EngineFixture() {
  if (open_socket_ >= 0) close(open_socket_);
}

void EngineFixture::add_functions() {
  using script::Arguments;
  using worker::ScriptContext;
  module_.name = "calls";
  const auto add = [this](const char* name, std::vector<script::ParamSpec> params, auto body) {
    module_.functions.push_back(
        worker::make_function(name, "", script::kAnyRoute, std::move(params), std::move(body)));
  };
  const auto code_and_reason = [] {
    return std::vector{worker::int_param("code"), worker::format_param("reason")};
  };
  const auto route = [](script::RouteKind kind) {
    script::ParamSpec param;
    param.type = script::ParamType::kRoute;
    param.name = "route";
    param.route_kind = kind;
    return std::vector{param};
  };
  add("t_relay", {}, [](ScriptContext& c, const Arguments&) { return c.transactions.relay(c); });
  add("t_newtran", {}, [](ScriptContext& c, const Arguments&) { return c.transactions.new_transaction(c); });
  add("t_check_trans", {}, [](ScriptContext& c, const Arguments&) { return c.transactions.check(c); });
  add("t_release", {}, [](ScriptContext& c, const Arguments&) { return c.transactions.release(c); });
  add("t_reply", code_and_reason(), [](ScriptContext& c, const Arguments& a) {
    return c.transactions.reply(c, static_cast<std::uint16_t>(a.integer(0)), a.string(1));
  });
  add("sl_send_reply", code_and_reason(), [](ScriptContext& c, const Arguments& a) {
    return c.transactions.stateless_reply(c, static_cast<std::uint16_t>(a.integer(0)), a.string(1));
  });
  add("t_on_failure", route(script::RouteKind::kFailure), [](ScriptContext& c, const Arguments& a) {
    c.on_failure = a.route(0);
    return 1;
  });
  add("t_on_branch", route(script::RouteKind::kBranch), [](ScriptContext& c, const Arguments& a) {
    c.on_branch = a.route(0);
    return 1;
  });
  add("t_on_reply", route(script::RouteKind::kOnReply), [](ScriptContext& c, const Arguments& a) {
    c.on_reply = a.route(0);
    return 1;
  });
}

void EngineFixture::compile(const std::string& script) {
  worker::add_core(registry_);
  add_functions();
  const std::string text = "loadmodule \"calls.so\"\n" + script;
  const script::ConfigTree tree = script::load_text("engine.cfg", text, {}, diagnostics_);
  OneModule loader(module_);
  program_ = script::compile(tree, registry_, loader, diagnostics_);
  CPPUNIT_ASSERT_MESSAGE(diagnostics_.render(), program_ != nullptr);
  script_state_ = std::make_unique<script::ScriptState>(registry_.variable_count());
  settings_.program = program_.get();
  settings_.names = &names_;
  settings_.tm = &tm_;
  settings_.counters = counters_.get();
  settings_.request_route = program_->find_route(script::RouteKind::kRequest);
  settings_.reply_route = program_->find_route(script::RouteKind::kCoreReply);
  settings_.server_header = "lockstep";
}

std::vector<Sent> EngineFixture::receive(const std::string& message, std::string_view source_host,
                                         std::uint16_t source_port) {
  return work(make_node(message, source_host, source_port));
}

std::vector<Sent> EngineFixture::receive_together(const std::vector<std::string>& messages) {
  for (std::size_t i = 0; i + 1 < messages.size(); ++i) {
    shm::EventNode& node = make_node(messages[i], "127.0.0.1", 5070);
    static_cast<void>(shm::Entry(*segment_, state_->entry(node.entry)).admit(node, kMe));
  }
  shm::EventNode& last = make_node(messages.back(), "127.0.0.1", 5070);
  return messages.size() == 1 ? work(last) : work_more(last);
}

std::vector<Sent> EngineFixture::receive_in_turn(const std::vector<std::string>& messages) {
  shm::EventNode* last = nullptr;
  for (const std::string& message : messages) {
    last = &make_node(message, "127.0.0.1", 5070);
    static_cast<void>(shm::Entry(*segment_, state_->entry(last->entry)).admit(*last, kMe));
    engine_->work(last->entry);
  }
  return work_owned(*last);
}

shm::EventNode& EngineFixture::make_node(const std::string& message, std::string_view source_host,
                                         std::uint16_t source_port) {
  return fill_node(*pool_, *state_, message, source_host, source_port);
}

shm::EventNode& EngineFixture::fill_node(worker::NodePool& pool, shm::SharedState& state,
                                         const std::string& message, std::string_view source_host,
                                         std::uint16_t source_port) {
  const std::string bytes = with_crlf(message);
  shm::ReceiveBuffer* buffer = pool.try_take_buffer();
  CPPUNIT_ASSERT(buffer != nullptr && bytes.size() <= shm::kReceiveBytes);
  std::memcpy(buffer->bytes, bytes.data(), bytes.size());
  shm::EventNode& node = buffer->node;
  node.kind = shm::EventKind::kDatagram;
  node.socket = 0;
  node.length = static_cast<std::uint32_t>(bytes.size());
  node.received_ms = monotonic_ms();
  node.source = *parse_address(source_host, source_port);
  node.entry = state.entry_of(sip::quick_call_id(bytes).value_or(std::string_view()));
  return node;
}

std::vector<Sent> EngineFixture::work(shm::EventNode& node) {
  CPPUNIT_ASSERT(shm::Entry(*segment_, state_->entry(node.entry)).admit(node, kMe));
  return work_owned(node);
}

std::vector<Sent> EngineFixture::work_more(shm::EventNode& node) {
  CPPUNIT_ASSERT(!shm::Entry(*segment_, state_->entry(node.entry)).admit(node, kMe));
  return work_owned(node);
}

std::vector<Sent> EngineFixture::work_owned(shm::EventNode& node) {
  shm::Entry entry(*segment_, state_->entry(node.entry));
  engine_->work(node.entry);
  std::vector<Sent> sent = take_outbox();
  engine_->flush();
  CPPUNIT_ASSERT(entry.try_release(kMe));
  CPPUNIT_ASSERT(node.state.load() == shm::NodeState::kFree);
  return sent;
}

// What is in force and not handed to the kernel yet.
std::vector<Sent> EngineFixture::take_outbox() { return outbox_of(kMe); }

std::vector<Sent> EngineFixture::outbox_of(shm::WorkerId id) const {
  std::vector<Sent> all;
  const shm::Outbox& outbox = state_->area(id).outbox;
  for (std::uint32_t i = outbox.next_to_send.load(); i < outbox.count.load(); ++i) {
    CPPUNIT_ASSERT(outbox.items[i].stamp <= state_->entry(outbox.items[i].entry).consumed.load());
    if (outbox.items[i].withdrawn != 0) continue;
    Sent sent;
    sent.text = without_crs({static_cast<const char*>(outbox.parts[i].iov_base), outbox.parts[i].iov_len});
    sent.to = std::string(ip_text(outbox.targets[i]).view()) + ":" + std::to_string(outbox.targets[i].port());
    all.push_back(sent);
  }
  return all;
}

std::vector<std::string> EngineFixture::lines(const std::string& message, std::string_view source_host,
                                              std::uint16_t source_port) {
  return lines_of(receive(message, source_host, source_port));
}

// Transactions are made older instead of waiting; the wheel is stepped past, by their own armed deadlines.
std::vector<Sent> EngineFixture::pass(std::uint64_t ms) {
  std::vector<shm::TransactionRecord*> all;
  slabs_->for_each_linked(shm::SlabKind::kTransaction, [&](shm::SlotHandle slot, shm::Mark) {
    all.push_back(segment_->at(shm::Handle<shm::TransactionRecord>{slot.value}));
  });
  std::vector<Sent> sent;
  for (shm::TransactionRecord* record : all) {
    record->born_ms -= ms;
    if (record->armed_at_ms == shm::kNoStamp) continue;
    record->armed_at_ms -= ms;
    if (record->armed_at_ms > monotonic_ms()) continue;
    shm::EventNode* node = pool_->try_take_timer_node();
    CPPUNIT_ASSERT(node != nullptr);
    node->kind = shm::EventKind::kTimer;
    node->transaction = segment_->handle_of(record).value;
    node->generation = record->generation;
    node->armed_at_ms = record->armed_at_ms;
    node->entry = record->entry;
    for (const Sent& one : work(*node)) sent.push_back(one);
  }
  return sent;
}

std::vector<std::string> EngineFixture::pass_ms(std::uint64_t ms) { return lines_of(pass(ms)); }

std::uint64_t EngineFixture::counter(std::string_view group, std::string_view name) const {
  const auto& all = names_of_counters_.all();
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].group != group || all[i].name != name) continue;
    std::uint64_t sum = 0;
    for (std::uint32_t id = 1; id <= state_->worker_count; ++id) {
      sum += state_->areas[id]->counters.values[i].load();
    }
    return sum;
  }
  CPPUNIT_FAIL("no counter " + std::string(group) + "." + std::string(name));
  return 0;
}

std::uint64_t EngineFixture::live_messages() const {
  std::uint64_t count = 0;
  for (const shm::SlabKind kind : {shm::SlabKind::kMessage512, shm::SlabKind::kMessage1K,
                                   shm::SlabKind::kMessage2K, shm::SlabKind::kMessage4K}) {
    count += live(kind);
  }
  return count - worker::Engine::kReserveSlots;
}

void EngineFixture::refuse_sending(bool refuse) { sockets_[0] = refuse ? -1 : open_socket_; }

std::vector<std::string> EngineFixture::report(const worker::SendFailure& failure) {
  shm::EventNode* node = pool_->try_take_timer_node();
  CPPUNIT_ASSERT(node != nullptr);
  node->kind = shm::EventKind::kTransportError;
  node->transaction = failure.origin.transaction;
  node->generation = failure.origin.generation;
  node->branch = failure.origin.branch;
  node->what = static_cast<std::uint16_t>(failure.origin.kind);
  node->entry = failure.entry;
  return lines_of(work(*node));
}

std::string make_request(const std::string& what, const std::string& branch, int cseq,
                         const std::string& to_tag, const std::string& more_lines) {
  return what + " SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK-" + branch +
         "\nFrom: <sip:alice@example.com>;tag=a1\nTo: <sip:bob@example.com>" +
         (to_tag.empty() ? "" : ";tag=" + to_tag) + "\nCall-ID: call-1\nCSeq: " + std::to_string(cseq) + " " +
         what.substr(0, what.find(' ')) + "\nMax-Forwards: 70\nContact: <sip:alice@127.0.0.1:5070>\n" +
         more_lines + "Content-Length: 0\n\n";
}

std::string make_response(const Sent& request, const std::string& status, const std::string& to_tag,
                          const std::string& more_lines) {
  std::string to = lines_of(request.text, "To");
  to.pop_back();
  if (to.find(";tag=") == std::string::npos && !to_tag.empty()) to += ";tag=" + to_tag;
  return "SIP/2.0 " + status + "\n" + lines_of(request.text, "Via") + lines_of(request.text, "From") + to +
         "\n" + lines_of(request.text, "Call-ID") + lines_of(request.text, "CSeq") + more_lines +
         "Content-Length: 0\n\n";
}

}  // namespace lockstep::test
