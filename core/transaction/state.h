// state.h: all that a transaction remembers: its server part, its response context, its branches.
// Bounded and trivially copyable, so that the store keeps it twice and flips between the copies (O4). The
// store may keep `branches` apart from the rest, in chunks: each of the three records stands for itself.
// Message bytes are not here. The performer keeps, beside it: the last response of the server, and of each
// branch the request as it was sent, its stored final and its CANCEL.
#pragma once

#include <type_traits>

#include "core/base/fixed_vector.h"
#include "core/transaction/action.h"
#include "core/transaction/ids.h"

namespace lockstep::transaction {

// RFC 3261 figures 7 and 8; Accepted is RFC 6026's.
enum class ServerState : std::uint8_t {
  kInitial,     // Before kCreate.
  kTrying,      // Non-INVITE: no response yet.
  kProceeding,  // No final yet.
  kCompleted,   // A non-2xx final to INVITE, or any final to non-INVITE, was sent.
  kConfirmed,   // INVITE: the ACK came.
  kAccepted,    // INVITE: a 2xx was sent.
  kTerminated,
};

// Figures 5 and 6; Accepted is RFC 6026's.
enum class ClientState : std::uint8_t {
  kInitial,     // Before the request was forwarded.
  kCalling,     // INVITE: no response yet.
  kTrying,      // Non-INVITE: no response yet.
  kProceeding,  // A 1xx came.
  kCompleted,   // A non-2xx final to INVITE, or any final to non-INVITE, came.
  kAccepted,    // INVITE: a 2xx came.
  kTerminated,
};

// O8. `due` of the rule is passed within one step: what is due is in that step's actions.
enum class CancelState : std::uint8_t {
  kNone,
  kOwed,      // Wanted before the branch's first 1xx; due with that 1xx.
  kHeld,      // Due, but kept back for a moment in which a final makes it needless (O9).
  kSent,      // Repeated until an answer.
  kAnswered,  // A final to it came, or the final of its branch, which makes repeating it useless.
  kExpired,   // Its Timer F fired, or it could not be sent.
};

// O13: what became of a 2xx. Its repetitions share it.
enum class Disposition : std::uint8_t { kNone, kRelay, kTerminate, kDrop };

// The BYE that ends the dialog of a terminated 2xx (O14).
enum class ByeState : std::uint8_t { kNone, kSent, kAnswered, kExpired };

// The server transaction towards the caller.
struct Server {
  AgeMs retransmit_at = kNever;  // Timer G.
  AgeMs end_at = kNever;         // Timer H, I or L (INVITE), J (non-INVITE), whichever the state knows.
  DurationMs retransmit_interval{};
  Status last_status = 0;  // Of the last response, 0 before any.
  Method method = Method::kInvite;
  ServerState state = ServerState::kInitial;
  bool reliable = false;

  bool is_invite() const { return method == Method::kInvite; }
  // Still waits for its final response.
  bool is_open() const { return state == ServerState::kTrying || state == ServerState::kProceeding; }
  friend bool operator==(const Server&, const Server&) = default;
};

// The response context of 16.7.
struct Context {
  // Without a branch, and while a failure route runs, no machine has a timer: this one ends the wait.
  AgeMs guard_at = kNever;
  Status final_status = 0;               // Of the final that went up, 0 before it.
  BranchIndex final_branch = kNoBranch;  // Whose response that was; kNoBranch if made here.
  std::uint8_t first_counted = 0;        // Branches below it do not count for the best response.
  bool cancelled_by_caller = false;
  bool global_failure = false;  // A 6xx came.
  bool failure_route_armed = false;
  bool failure_route_running = false;
  bool leg_ended = false;  // A failure route ran since the last branch was added.
  bool ended = false;      // kEnd was given out.

  // O10: no new client transaction.
  bool is_closed() const { return final_status != 0 || cancelled_by_caller || global_failure; }
  friend bool operator==(const Context&, const Context&) = default;
};

// One client transaction, its CANCEL, and the dialog that its 2xx made. Where a fork further down answers a
// branch with a second 2xx of another To tag, that dialog gets an entry of its own behind the branches, a
// twin: it never forwards anything, and no Via of a request names it.
struct Branch {
  AgeMs retransmit_at = kNever;         // Timer A or E.
  AgeMs timeout_at = kNever;            // Timer B, C, D, M (INVITE), F, K; after a CANCEL the wait of 9.1.
  AgeMs cancel_retransmit_at = kNever;  // Timer E of the CANCEL, later of the BYE.
  AgeMs cancel_timeout_at = kNever;     // Timer F of the same; while the CANCEL is held: its end.
  DurationMs retransmit_interval{};
  DurationMs cancel_interval{};
  std::uint32_t to_tag_hash = 0;  // Of its 2xx.
  Status provisional_status = 0;  // The last 1xx, 0 before any.
  Status final_status = 0;        // 0 while pending.
  Status cancel_status = 0;       // The cause that goes with cancel_reason.
  ClientState state = ClientState::kInitial;
  CancelState cancel = CancelState::kNone;
  CancelReason cancel_reason = CancelReason::kNone;
  BranchIndex twin_of = kNoBranch;  // A twin: the branch whose second dialog this is.
  Disposition disposition : 4 = Disposition::kNone;
  ByeState bye : 4 = ByeState::kNone;
  bool reliable : 1 = false;
  bool final_made_up : 1 = false;  // final_status was decided here: there is no stored final.
  bool timed_out : 1 = false;      // By Timer B, C or F.
  bool cancel_has_left : 1 = false;  // It was repeated, or answered by a 1xx.
  std::uint8_t unused : 4 = 0;       // Equal branches have equal bytes.

  bool is_twin() const { return twin_of != kNoBranch; }
  bool has_provisional() const { return provisional_status != 0; }
  bool is_pending() const { return final_status == 0; }
  friend bool operator==(const Branch&, const Branch&) = default;
};

struct State {
  Server server;
  Context context;
  FixedVector<Branch, kBranchMax> branches;

  friend bool operator==(const State&, const State&) = default;
};

static_assert(std::is_trivially_copyable_v<State> && std::is_standard_layout_v<State>);
static_assert(sizeof(Branch) <= 40);
static_assert(sizeof(Server) + sizeof(Context) <= 48);

const char* name_of(ServerState state);
const char* name_of(ClientState state);
const char* name_of(CancelState state);
const char* name_of(Disposition disposition);
const char* name_of(ByeState state);

}  // namespace lockstep::transaction
