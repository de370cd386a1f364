// script_context.h: the SIP side of one run of a script: the message, its edits, where it shall go, and
// the doors to transactions. One per event, in the worker that owns the call's entry; bytes that outlive
// a function call live in arena(). Functions and variables of modules static_cast to it (context_of).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/base/fixed_vector.h"
#include "core/base/peer_address.h"
#include "core/script/context.h"
#include "core/script/function.h"
#include "core/sip/edit.h"
#include "core/sip/message.h"
#include "core/worker/local_names.h"
#include "core/worker/process.h"

namespace lockstep::worker {

// One target of a request: branch 0 is the request itself, the others were added by the script.
struct Destination {
  std::string_view uri;              // Request-URI; empty in branch 0: as received.
  std::string_view next_hop;         // $du: URI of the next hop; empty: Route, then the Request-URI decide.
  std::string_view path;             // Route values to put on top (from Path), empty: none.
  std::string_view instance;         // +sip.instance of the contact, empty: unknown.
  std::string_view ruid;             // The registrar's own id of the contact.
  std::uint32_t flags = 0;           // Branch flags (setbflag).
  std::uint16_t q = 1000;            // 0..1000.
  std::uint16_t socket = kNoSocket;  // Forced socket to send from.
};

inline constexpr std::size_t kDestinationMax = 32;

// $avp values: newest first, as Kamailio keeps them. Names are compared as text.
struct Avp {
  std::string_view name;
  script::Value value;
  Avp* next = nullptr;
};

class ScriptContext;

// What scripts may do with transactions and replies. Implemented by the worker's engine; each call's
// effect is decided at once and becomes visible with the commit of the event. Return values are those of
// the script functions of the same name: > 0 done, < 0 not done, 0 ends the script.
class TransactionControl {
 public:
  virtual ~TransactionControl() = default;

  virtual int relay(ScriptContext& context) = 0;                                                 // t_relay
  virtual int new_transaction(ScriptContext& context) = 0;                                       // t_newtran
  virtual int reply(ScriptContext& context, std::uint16_t status, std::string_view reason) = 0;  // t_reply
  virtual int check(ScriptContext& context) = 0;          // t_check_trans, t_lookup_request
  virtual int lookup_cancel(ScriptContext& context) = 0;  // t_lookup_cancel: the INVITE of this CANCEL
  virtual int release(ScriptContext& context) = 0;        // t_release
  virtual int cancel_branches(ScriptContext& context, std::string_view which) = 0;
  virtual bool has_transaction(const ScriptContext& context) const = 0;
  virtual bool is_cancelled(const ScriptContext& context) const = 0;
  virtual bool is_expired(const ScriptContext& context) const = 0;  // Made-up 408 of the winning branch.
  // Status that would win now (failure_route), of the reply in hand, or last sent; 0: none yet.
  virtual std::uint16_t status(const ScriptContext& context) const = 0;
  // Any branch has answered provisionally / finally.
  virtual bool any_replied(const ScriptContext& context) const = 0;
  virtual std::uint32_t branch_count(const ScriptContext& context) const = 0;
  // Timer values of this transaction; 0 keeps what is.
  virtual int set_timers(ScriptContext& context, std::uint32_t fr_inv_ms, std::uint32_t fr_ms) = 0;

  // Without a transaction: one answer, one datagram. -1 where none can be routed.
  virtual int stateless_reply(ScriptContext& context, std::uint16_t status, std::string_view reason) = 0;
  virtual int stateless_forward(ScriptContext& context) = 0;
};

// What the last failed operation would be answered with (sl_reply_error).
struct LastError {
  std::uint16_t status = 500;
  std::string_view reason = "Server Internal Error";
};

class ScriptContext : public script::Context {
 public:
  ScriptContext(Arena& arena, script::ScriptState& state, Process& process_of, TransactionControl& control,
                const LocalNames& names, const sip::Message& msg, sip::EditList& edit_list)
      : script::Context(arena, state),
        process(process_of),
        transactions(control),
        local_names(names),
        message(msg),
        edits(edit_list) {}

  Process& process;
  TransactionControl& transactions;
  const LocalNames& local_names;

  // In failure_route: the request as it was received; in reply routes: the response.
  const sip::Message& message;
  sip::EditList& edits;  // Applied once, when the message is sent on.
  PeerAddress source{};
  std::uint16_t socket = 0;  // Index into local_names.sockets(): where the message came in.
  std::uint64_t now_ms = 0;

  // Requests: where to. target.uri empty: the Request-URI as received.
  Destination target;
  FixedVector<Destination, kDestinationMax - 1> branches;
  bool force_rport = false;
  std::string_view reply_lines;  // append_to_reply: whole header lines for replies made here.
  std::uint32_t flags = 0;       // setflag: message, then transaction flags.
  LastError last_error;
  std::uint32_t fr_timer_ms = 0;  // t_set_fr, for the transaction that is made; 0: tm's parameters.
  std::uint32_t fr_inv_timer_ms = 0;
  std::uint32_t late_2xx = 0;  // t_late_2xx: a transaction::LatePolicy plus 1; 0: tm's parameter.

  // Armed by t_on_branch, t_on_reply, t_on_failure; kNoRoute: not.
  script::RouteIndex on_branch = script::kNoRoute;
  script::RouteIndex on_reply = script::kNoRoute;
  script::RouteIndex on_failure = script::kNoRoute;

  Avp* avps = nullptr;  // Of the transaction, or of the message while there is none.
  // branch_route, onreply_route, failure_route: the branch in hand; -1 elsewhere.
  int branch_index = -1;

  // The Request-URI as it stands now.
  std::string_view request_uri() const {
    return target.uri.empty() ? message.request_uri_text() : target.uri;
  }
  // Parsed anew when it was rewritten; nullptr when it is no URI.
  const sip::Uri* parsed_request_uri();
  // A copy in the arena; false when the arena is full.
  bool set_request_uri(std::string_view uri);
  bool set_next_hop(std::string_view uri);

  // The first value of that name, nullptr if there is none.
  const Avp* find_avp(std::string_view name) const;
  // Puts a value in front; false when the arena is full.
  bool add_avp(std::string_view name, const script::Value& value);
  void remove_avps(std::string_view name);
  void remove_avp(const Avp& avp);

  // Record-Route values written by record_route() as text, for add_rr_param (module rr keeps it).
  std::string_view record_route_params;
  void* module_data = nullptr;  // Not used by the core: what functions of one module hand each other.

 private:
  std::string_view parsed_text_;
  std::optional<sip::Uri> parsed_uri_;
};

inline ScriptContext& context_of(script::Context& context) { return static_cast<ScriptContext&>(context); }

}  // namespace lockstep::worker
