// machine.h: the inputs of the five machines that a transaction is composed of, and what they answer.
// response_context.cc turns an Event into these inputs and is the machines' transaction user (TU); nobody
// outside this folder and its tests calls a machine.
// Each machine changes its record in place, appends actions, and says why if it ignored the input.
#pragma once

#include "core/transaction/action.h"
#include "core/transaction/event.h"
#include "core/transaction/settings.h"
#include "core/transaction/state.h"

namespace lockstep::transaction {

// ---- server machines (figures 7 and 8)

enum class ServerInputKind : std::uint8_t {
  kRequest,          // The request that begins the transaction.
  kRequestRepeated,  // It came again.
  kAck,              // The ACK to a non-2xx final.
  kProvisional,      // From the TU: `response` is a 1xx.
  kSuccess,          // From the TU: `response` is a 2xx, the first of its branch.
  kSuccessRepeated,  // From the TU: `response` is a further 2xx of a branch.
  kFailure,          // From the TU: `response` is a 3xx to 6xx.
  kTimerRetransmit,  // Timer G.
  kTimerEnd,         // Timer H, I, J or L.
  kTransportError,   // A response could not be sent.
  kAbandon,          // From the TU: no final will come.
};
inline constexpr std::size_t kServerInputKindCount = 11;

struct ServerInput {
  ServerInputKind kind;
  AgeMs now{};
  Action response{};  // The action that sends the TU's response.
};

// ---- client machines (figures 5 and 6)

enum class ClientInputKind : std::uint8_t {
  kStart,            // The TU forwards the request.
  kTrying,           // 100.
  kProvisional,      // 101 to 199.
  kSuccess,          // 2xx.
  kFailure,          // 3xx to 6xx.
  kTimerRetransmit,  // Timer A or E.
  kTimerTimeout,     // Timer B, C, D, F, K or M, or the wait after a CANCEL.
  kTransportError,   // The request or an ACK could not be sent.
};
inline constexpr std::size_t kClientInputKindCount = 8;

struct ClientInput {
  ClientInputKind kind;
  AgeMs now{};
  Status status = 0;
};

// What a client machine passes to its TU.
enum class Pass : std::uint8_t {
  kNothing,
  kTrying,           // The first 100: not relayed, but an owed CANCEL may go now.
  kProvisional,      // A 101 to 199.
  kSuccess,          // The first 2xx of the branch.
  kSuccessRepeated,  // A further 2xx of the branch, the same or of another dialog.
  kFailure,          // The first non-2xx final.
  kTimeout,          // No final came in time; the machine has given up.
  kTimerC,           // Timer C: the TU is to cancel the branch.
  kTransportError,   // The request cannot be sent; the machine has given up.
};

struct ClientResult {
  Pass pass = Pass::kNothing;
  Why ignored = Why::kNone;
  friend bool operator==(const ClientResult&, const ClientResult&) = default;
};

// ---- CANCEL machine (O8)

enum class CancelInputKind : std::uint8_t {
  kWanted,             // The TU wants the branch cancelled.
  kProvisional,        // A 1xx of the branch.
  kFinal,              // The final of the branch, made up or not.
  kAnswerProvisional,  // A 1xx to the CANCEL.
  kAnswerFinal,        // A final to the CANCEL.
  kTimerRetransmit,    // Timer E of the CANCEL.
  kTimerTimeout,       // Timer F of the CANCEL.
  kTransportError,     // The CANCEL could not be sent.
};
inline constexpr std::size_t kCancelInputKindCount = 8;

struct CancelInput {
  CancelInputKind kind;
  AgeMs now{};
  CancelReason reason = CancelReason::kNone;  // kWanted.
  Status status = 0;                          // kWanted: the cause that goes with the reason.
  DurationMs hold{};                          // kWanted, kProvisional: keep the CANCEL back for so long (O9).
  // The final of the branch is in hand, and will be worked within so long; 0: it is not.
  DurationMs in_hand_for{};
  bool unsent = false;                        // kFinal: the kernel has not seen the CANCEL yet.
};

// ---- BYE machine (O14)

enum class ByeInputKind : std::uint8_t {
  kWanted,             // The TU wants the dialog acknowledged and ended.
  kAnswerProvisional,  // A 1xx to the BYE.
  kAnswerFinal,        // A final to the BYE, `status`.
  kTimerRetransmit,    // Timer E of the BYE.
  kTimerTimeout,       // Timer F of the BYE.
  kTransportError,     // The BYE could not be sent.
};
inline constexpr std::size_t kByeInputKindCount = 6;

struct ByeInput {
  ByeInputKind kind;
  AgeMs now{};
  Status status = 0;
};

const char* name_of(ServerInputKind kind);
const char* name_of(ClientInputKind kind);
const char* name_of(Pass pass);
const char* name_of(CancelInputKind kind);
const char* name_of(ByeInputKind kind);

}  // namespace lockstep::transaction
