// fake_transactions.h: what script tests need around a script: shared memory of one worker, made once per
// test binary, and transactions that only record what they are asked. Used by script_fixture.h.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/worker/process.h"
#include "core/worker/script_context.h"

namespace lockstep::test {

// LF to CRLF; a first empty line (of a raw literal) goes.
inline std::string sip_text(std::string_view lines) {
  if (lines.starts_with('\n')) lines.remove_prefix(1);
  std::string text;
  for (const char c : lines) {
    if (c == '\n') text += '\r';
    text += c;
  }
  return text;
}
inline std::string without_cr(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c != '\r') result += c;
  }
  return result;
}

// A segment with the tables of one worker; made once per test binary.
struct SharedWorld {
  SharedWorld() {
    auto made = shm::Segment::create("lockstep-test-" + std::to_string(getpid()), std::size_t{64} << 20);
    LS_ASSERT(made.ok());
    segment = std::move(*made);
    segment->remove();  // The name is not needed, and so does not outlive a test that crashes.
    auto root = shm::make_shared_state(*segment, 1);
    LS_ASSERT(root.ok());
    state = *root;
  }
  // Modules make their tables before the slabs get the rest, so this comes after start().
  worker::Process& process() {
    if (!slabs) {
      const auto directory = shm::finish_shared_state(*segment, *state);
      LS_ASSERT(directory.ok());
      state->slabs = *directory;
      slabs = std::make_unique<shm::Slabs>(*segment, **directory, shm::WorkerId{1});
      process_of = std::make_unique<worker::Process>(worker::Process{
          shm::WorkerId{1}, *segment, *state, *slabs, state->area(shm::WorkerId{1}).counters});
    }
    return *process_of;
  }
  std::unique_ptr<shm::Segment> segment;
  shm::SharedState* state = nullptr;
  std::unique_ptr<shm::Slabs> slabs;
  std::unique_ptr<worker::Process> process_of;
};
inline SharedWorld& shared_world() {
  static SharedWorld world;
  return world;
}

// Records each call as one line; answers with the members below.
class FakeTransactions : public worker::TransactionControl {
 public:
  std::vector<std::string> calls;
  int result = 1;
  bool has = false;
  bool cancelled = false;
  std::uint16_t winning_status = 0;

  int relay(worker::ScriptContext&) override { return note("relay"); }
  int new_transaction(worker::ScriptContext&) override { return note("new"); }
  int reply(worker::ScriptContext& context, std::uint16_t status, std::string_view reason) override {
    return note("reply", context, status, reason);
  }
  int check(worker::ScriptContext&) override { return note("check"); }
  int lookup_cancel(worker::ScriptContext&) override { return note("lookup_cancel"); }
  int release(worker::ScriptContext&) override { return note("release"); }
  int cancel_branches(worker::ScriptContext&, std::string_view which) override {
    return note("cancel_branches " + std::string(which));
  }
  bool has_transaction(const worker::ScriptContext&) const override { return has; }
  bool is_cancelled(const worker::ScriptContext&) const override { return cancelled; }
  bool is_expired(const worker::ScriptContext&) const override { return false; }
  std::uint16_t status(const worker::ScriptContext&) const override { return winning_status; }
  bool any_replied(const worker::ScriptContext&) const override { return winning_status != 0; }
  std::uint32_t branch_count(const worker::ScriptContext&) const override { return 0; }
  int set_timers(worker::ScriptContext&, std::uint32_t inv_ms, std::uint32_t ms) override {
    return note("set_timers " + std::to_string(inv_ms) + " " + std::to_string(ms));
  }
  int stateless_reply(worker::ScriptContext& context, std::uint16_t status,
                      std::string_view reason) override {
    return note("stateless_reply", context, status, reason);
  }
  int stateless_forward(worker::ScriptContext& context) override {
    return note("forward " + std::string(context.target.next_hop));
  }

 private:
  int note(std::string line) {
    calls.push_back(std::move(line));
    return result;
  }
  int note(const char* what, worker::ScriptContext& context, std::uint16_t status, std::string_view reason) {
    std::string line = std::string(what) + " " + std::to_string(status) + " " + std::string(reason);
    if (!context.reply_lines.empty()) line += " | " + without_cr(context.reply_lines);
    return note(std::move(line));
  }
};

}  // namespace lockstep::test
