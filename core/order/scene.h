// scene.h: a call as a sequence of rows between lanes, in the order of time: what every drawing of it needs.
// Lanes are the caller, lockstep, and each branch of the first fork; peers that are none of them follow.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/order/call.h"
#include "core/order/wire.h"

namespace lockstep::order {

struct Lane {
  std::string title;    // "caller", "lockstep", "branch 0".
  std::string detail;   // User and address.
  PeerAddress address;  // Of lockstep: unset.
};
inline constexpr std::size_t kCallerLane = 0;
inline constexpr std::size_t kOwnLane = 1;

enum class RowKind : std::uint8_t {
  kReceived,
  kSent,
  kRefused,
  kWithdrawn,
  kDecision,
  kTimer,  // A decision that time made.
  kNote,
};

struct Row {
  RowKind kind = RowKind::kNote;
  std::uint64_t time_us = 0;
  std::uint8_t worker = 0;
  std::size_t lane = 0;            // The peer's; of decisions: kOwnLane.
  Wire wire;                       // Messages.
  std::string text;                // Decisions and notes.
  std::string mark;                // "late: branch 1 had answered", "repeated", ...; empty: nothing special.
  const Record* record = nullptr;  // nullptr: a note.

  bool is_message() const { return kind <= RowKind::kWithdrawn; }
  // "INVITE", "200 INVITE"; "lost" where the bytes have been overwritten.
  std::string label() const;
};

struct Scene {
  std::string call_id;
  std::uint64_t start_us = 0;
  std::uint64_t start_wall_us = 0;
  std::vector<Lane> lanes;
  std::vector<Row> rows;
  std::vector<std::string> remarks;  // What is missing.
};

Scene make_scene(const Log& log, const Call& call);

// "+12.345" for the time since the beginning, in milliseconds.
std::string since(const Scene& scene, std::uint64_t time_us);

}  // namespace lockstep::order
