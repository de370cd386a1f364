// engine.h: works the events of calls: matches, runs the script, lets the machines decide, commits, and
// puts what was decided into the outbox. The only place where state meets the world, and always in this
// order: decide, commit, wire (ORDER.md O3 to O5). One per worker; its caller owns the entry.
//
// One event is one decision: everything that happens while it is worked (script, several steps of the
// machine, messages built) becomes true by one store, Entry::commit, at its end. Dying before it leaves
// nothing but slots to sweep; dying after it leaves datagrams in the outbox to send.
//   engine.cc            the loop, begin and commit, timers
//   engine_requests.cc   requests: matching, request_route
//   engine_responses.cc  responses: matching, reply routes
//   engine_relay.cc      t_relay: transaction, branches, messages to forward
//   engine_ahead.cc      what is in hand already when a decision is made
//   engine_perform.cc    actions of the machines into messages
//   engine_dialog.cc     ACK and BYE of a 2xx that nobody wants
//   engine_control.cc    what scripts may ask (TransactionControl)
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/base/arena.h"
#include "core/script/program.h"
#include "core/sip/builder.h"
#include "core/sip/edit.h"
#include "core/sip/message.h"
#include "core/transaction/transaction.h"
#include "core/worker/branch_id.h"
#include "core/worker/engine_counters.h"
#include "core/worker/local_names.h"
#include "core/worker/outbox.h"
#include "core/worker/record_router.h"
#include "core/worker/script_context.h"
#include "core/worker/timer_wheel.h"
#include "core/worker/tm_settings.h"
#include "shm/entry.h"
#include "shm/transaction_store.h"

namespace lockstep::worker {

// What all engines of a server share; constant after the fork.
struct EngineSettings {
  const script::Program* program = nullptr;
  const LocalNames* names = nullptr;
  const TmSettings* tm = nullptr;
  const EngineCounters* counters = nullptr;
  script::RouteIndex request_route = script::kNoRoute;
  script::RouteIndex reply_route = script::kNoRoute;
  const RecordRouter* record_router = nullptr;  // nullptr: module rr is not loaded.
  const script::Format* log_prefix = nullptr;   // nullptr: none.
  std::string server_header;                    // Value of Server in responses made here; empty: none.
  std::string user_agent_line;                  // "User-Agent: ...CRLF" for requests made here; empty: none.
  std::uint32_t branch_max = 12;
  bool force_rport = false;
  std::string quarantine_dir;  // Where a datagram that killed two workers is put.
};

// openser13: whom an event wished to cancel, in all its steps.
struct WishedCancels {
  std::uint32_t transaction = 0;
  std::uint32_t generation = 0;
  transaction::BranchMask branches = 0;
  transaction::BranchMask had_provisional = 0;  // When they were picked.
};

class Engine final : public TransactionControl {
 public:
  // Message slots that are kept for calls in progress and refused callers when memory is full.
  static constexpr std::size_t kReserveSlots = 16;

  Engine(Process& process, const EngineSettings& settings, script::ScriptState& script_state, Outbox& outbox,
         TimerWheel& wheel);

  // Works all events of an entry that this worker owns, until its inbox is empty. What they decided
  // is in the outbox; the caller flushes, then releases the entry.
  void work(std::uint32_t entry_index);
  // The one event, which is in no inbox (openser13). REQUIRES: the caller owns the entry.
  void work_alone(std::uint32_t entry_index, shm::EventNode& node);
  // Whom the last event wished to cancel; and what they look like now. REQUIRES: the caller owns the entry.
  const WishedCancels& wished() const { return wished_; }
  void pick_cancels(std::uint32_t entry_index, WishedCancels& wished);
  // Flushes the outbox and gives back the slots that waited for it. `on_failure` hears of branches whose
  // datagram the kernel refused.
  void flush();
  void on_send_failure(std::function<void(const SendFailure&)> call) { on_send_failure_ = std::move(call); }
  // Called before a decision that may cancel: it is to admit what has arrived and was not received yet (O9).
  void on_look_ahead(std::function<void()> call) { receive_more_ = std::move(call); }
  // Arms the wheel for a transaction whose timers a dead worker held.
  void rearm(std::uint32_t entry_index, shm::TransactionRecord& record);

  shm::TransactionStore& store() { return store_; }

  // TransactionControl.
  int relay(ScriptContext& context) override;
  int new_transaction(ScriptContext& context) override;
  int reply(ScriptContext& context, std::uint16_t status, std::string_view reason) override;
  int check(ScriptContext& context) override;
  int lookup_cancel(ScriptContext& context) override;
  int release(ScriptContext& context) override;
  int cancel_branches(ScriptContext& context, std::string_view which) override;
  bool has_transaction(const ScriptContext& context) const override;
  bool is_cancelled(const ScriptContext& context) const override;
  bool is_expired(const ScriptContext& context) const override;
  std::uint16_t status(const ScriptContext& context) const override;
  bool any_replied(const ScriptContext& context) const override;
  std::uint32_t branch_count(const ScriptContext& context) const override;
  int set_timers(ScriptContext& context, std::uint32_t fr_inv_ms, std::uint32_t fr_ms) override;
  int stateless_reply(ScriptContext& context, std::uint16_t status, std::string_view reason) override;
  int stateless_forward(ScriptContext& context) override;

 private:
  // What the view of this event is to the message in hand.
  enum class Role : std::uint8_t {
    kNone,          // No transaction.
    kRequest,       // The message is the request of the transaction.
    kCancelTarget,  // The message is a CANCEL, the view its INVITE's transaction.
    kResponse,      // The message is a response of one of its branches.
    kTimer,         // No message.
  };

  // --- engine.cc ---
  void work_event(shm::EventNode& node);
  void begin(shm::EventNode& node);
  void commit();
  void abandon_transaction();
  void on_timer();
  bool load_named();
  void on_transport_error();
  void on_command();
  void fire_due_timers();
  void arm(shm::TransactionRecord& record);
  void drop_everything_of(const shm::TransactionView& view);
  void release_unneeded();
  void fill_reserve();
  bool has_memory_to_act(bool may_cancel);
  transaction::AgeMs age() const;
  transaction::Settings timer_settings() const;
  void count(shm::CounterId id, std::uint64_t amount = 1) { process_.counters.add(id, amount); }

  // --- engine_requests.cc ---
  // Its bytes; nothing if the event is no datagram.
  std::string_view datagram_of(const shm::EventNode& node) const;
  void on_datagram();
  void on_request();
  void on_ack(shm::TransactionRecord* record);
  void reject(sip::Fault fault);
  std::uint64_t request_key(const sip::Message& message, sip::Method method) const;
  void run_request_route();
  void keep_script(ScriptContext& context);
  void prepare_log_prefix(ScriptContext& context);

  // --- engine_responses.cc ---
  void on_response();
  bool run_reply_route();
  bool run_onreply_route(std::uint8_t branch);
  void forward_stateless_response();
  void load_context(ScriptContext& context);

  // --- engine_relay.cc ---
  bool create_transaction(ScriptContext& context);
  bool store_request(ScriptContext& context);
  int add_branch(ScriptContext& context, const Destination& destination);
  bool run_branch_route(ScriptContext& context, std::uint8_t branch);
  shm::MessageRef build_branch_request(ScriptContext& context, const Destination& destination,
                                       std::uint16_t socket, std::string_view via_branch);
  bool resolve(ScriptContext& context, const Destination& destination, PeerAddress& address);
  void refuse_full(ScriptContext& context);
  void log_full(std::string_view what);

  // --- engine_ahead.cc ---
  // Completes the event with what was seen ahead of it (O9, O10), and makes the room that it may need.
  void look_ahead(transaction::Event& event);
  void find_finals_in_hand(transaction::Event& event);
  void find_finals_received(const shm::WorkerArea& area, transaction::Event& event);
  bool is_final_in_hand(std::string_view bytes, std::uint8_t& branch);
  void make_room_for_twin(transaction::Event& event);
  void place_twin(const transaction::Event& event);

  // --- engine_dialog.cc ---
  void ack_dialog(std::uint8_t branch);
  void bye_dialog(std::uint8_t branch);
  void send_bye(std::uint8_t branch, shm::MessageRef message);
  void tell_end_of_dialog(const transaction::Action& action);
  std::size_t build_in_dialog(std::uint8_t branch, std::string_view method, std::string_view lines);
  PeerAddress dialog_target(std::uint8_t branch, std::string_view request);

  // --- engine_perform.cc ---
  void apply(transaction::Event event);
  void note_wishes(transaction::BranchMask before);
  void withdraw(std::uint8_t branch, SendKind kind);
  void perform(const transaction::Action& action);
  void leave_to_repetition(transaction::Status status);
  void repeat_response();
  void respond_local(transaction::Status status, std::string_view reason, std::string_view extra_lines);
  void relay_response(const transaction::Action& action);
  void respond_best(const transaction::Action& action);
  void answer_cancel();
  void cancel_branch(const transaction::Action& action);
  void repeat_cancel(std::uint8_t branch);
  void ack_branch(std::uint8_t branch);
  void store_final(std::uint8_t branch);
  void run_failure_route(const transaction::Action& action);
  bool take_copy_if_unordered(shm::MessageRef& message);
  void send_upstream(shm::MessageRef message, bool free_after_send);
  void send_branch(std::uint8_t branch, shm::MessageRef message, SendKind kind);
  void count_final(transaction::Status status);

  // --- messages (engine_perform.cc) ---
  // The reserve is for what calls in progress and refused callers must still be told; what makes a call
  // larger leaves it alone.
  enum class Reserve : bool { kLeave, kUse };
  static constexpr std::size_t kReserveBytes = 2048;  // Each slot of the reserve has at least so many.
  // A slot of the event with room for `bytes`; slot 0: no memory. Given back if the event is abandoned.
  shm::MessageRef try_take(std::size_t bytes, Reserve reserve = Reserve::kUse);
  std::span<char> span_of(shm::MessageRef message) const;
  std::string_view view_of(shm::MessageRef message) const;
  // The transaction keeps `fresh` in `place`; what stood there is given back after the flush.
  void keep(shm::MessageRef& place, shm::MessageRef fresh);
  void drop(shm::MessageRef& place) { keep(place, shm::MessageRef{}); }
  shm::MessageRef gather_upstream();
  // The request of the transaction, parsed: the message in hand or the stored one.
  const sip::Message& request();
  sip::ResponseSpec response_spec(const sip::Message& message, transaction::Status status) const;
  shm::MessageRef build_local(const sip::Message& message, const sip::ResponseSpec& spec);
  bool send_stateless(const sip::Message& message, const sip::ResponseSpec& spec);
  PeerAddress reply_target(const sip::Message& message, bool force_rport) const;
  void count_stateless(std::uint16_t status);

  Process& process_;
  const EngineSettings& settings_;
  script::ScriptState& script_state_;
  Outbox& outbox_;
  TimerWheel& wheel_;
  shm::TransactionStore store_;
  Arena arena_;
  Arena inner_arena_;  // For edits made while messages are gathered, apart from the script's.

  // The event in hand.
  shm::EventNode* node_ = nullptr;
  shm::EntryRecord* entry_ = nullptr;
  std::uint32_t entry_index_ = 0;
  std::uint64_t stamp_ = 0;
  std::uint64_t consumed_ = 0;
  std::uint64_t now_ms_ = 0;
  std::uint32_t created_outbox_ = 0;  // Where outbox_ and taken_ stood when the transaction was made.
  std::size_t created_taken_ = 0;
  std::uint64_t created_log_ = 0;
  Role role_ = Role::kNone;
  bool view_active_ = false;
  bool looked_ahead_ = false;
  WishedCancels wished_;
  bool relay_dropped_ = false;  // onreply_route dropped this 1xx.
  bool answered_ = false;       // A final went out without a transaction: no second one follows.
  bool stored_parsed_ = false;
  bool via_completed_ = false;
  bool force_rport_ = false;
  std::string_view reply_reason_;  // Of the response that the script asked for.
  std::string_view reply_lines_;
  shm::TransactionView view_;
  sip::Message message_;
  sip::Message stored_message_;
  sip::Message peeked_;  // Of an event behind the one in hand.
  transaction::BranchMask finals_in_work_ = 0;  // Whose final is the event in hand; what was due comes first.
  sip::EditList edits_;
  sip::EditList failure_edits_;
  std::vector<std::uint32_t> taken_;    // Slots taken by this event, not yet placed.
  std::vector<std::uint32_t> linked_;   // Slots that the transaction keeps from this event on.
  std::vector<std::uint32_t> dropped_;  // Slots that it no longer needs after the commit.
  std::vector<std::uint32_t> free_after_flush_;
  std::vector<std::uint32_t> reserve_;  // Message slots for answers when memory is full.
  std::function<void(const SendFailure&)> on_send_failure_;
  std::function<void()> receive_more_;
  mutable TagText tag_{};        // Of the response being built.
  bool too_many_edits_ = false;  // Why the last request could not be built, if not for lack of memory.
  std::uint64_t full_logged_ms_ = 0;
  std::vector<char> scratch_;
};

}  // namespace lockstep::worker
