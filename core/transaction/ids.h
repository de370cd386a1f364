// ids.h: the small typed values that the transaction machines speak in.
// Two integers in one signature are two types: an age is not a duration, and a branch is not a status.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>

namespace lockstep::transaction {

// Most branches that one request may be forked to in its life, serial legs included.
inline constexpr std::size_t kBranchMax = 32;

// A length of time in milliseconds.
struct DurationMs {
  std::uint32_t value = 0;
  friend constexpr auto operator<=>(DurationMs, DurationMs) = default;
};

// A point in time: milliseconds since the transaction was born. It arrives in every event; the machines
// read no clock.
struct AgeMs {
  std::uint32_t value = 0;
  friend constexpr auto operator<=>(AgeMs, AgeMs) = default;
};

// A deadline that is not set. It is later than every age.
inline constexpr AgeMs kNever{0xFFFFFFFFU};

// Saturates just below kNever, so that a deadline that was set is always a deadline.
constexpr AgeMs operator+(AgeMs age, DurationMs duration) {
  constexpr std::uint32_t kLatest = kNever.value - 1U;
  if (age.value >= kLatest || duration.value > kLatest - age.value) return AgeMs{kLatest};
  return AgeMs{age.value + duration.value};
}

constexpr DurationMs doubled(DurationMs duration, DurationMs limit) {
  const std::uint32_t twice = duration.value > 0x7FFFFFFFU ? 0xFFFFFFFFU : duration.value * 2U;
  return DurationMs{twice < limit.value ? twice : limit.value};
}

// Which branch of a fork: its place in State::branches, constant for the life of the transaction.
struct BranchIndex {
  std::uint8_t value = 0;
  friend constexpr auto operator<=>(BranchIndex, BranchIndex) = default;
};

inline constexpr BranchIndex kNoBranch{0xFF};

constexpr BranchIndex branch_index(std::size_t position) {
  return BranchIndex{static_cast<std::uint8_t>(position)};
}

// A set of branches: bit i is branch i.
using BranchMask = std::uint32_t;
static_assert(kBranchMax <= 32, "BranchMask has one bit for each branch");

constexpr BranchMask mask_of(BranchIndex branch) { return BranchMask{1} << branch.value; }

// A SIP status code, 100 to 699; 0 stands for none yet.
using Status = std::uint16_t;

constexpr bool is_status(Status status) { return status >= 100 && status <= 699; }
constexpr bool is_provisional(Status status) { return status >= 100 && status <= 199; }
constexpr bool is_success(Status status) { return status >= 200 && status <= 299; }
constexpr bool is_failure(Status status) { return status >= 300 && status <= 699; }
constexpr bool is_global_failure(Status status) { return status >= 600 && status <= 699; }

// O13: what becomes of a 2xx that follows the one that was relayed.
enum class LatePolicy : std::uint8_t {
  kForward,    // It is relayed, as RFC 3261 16.7 asks.
  kTerminate,  // ACK and BYE are sent in its dialog (O14); the caller sees nothing of it.
  kDrop,       // It is absorbed.
};

enum class Method : std::uint8_t {
  kInvite,     // RFC 3261 figures 5 and 7.
  kNonInvite,  // Figures 6 and 8. Never ACK or CANCEL: those have no transaction of their own here.
};

}  // namespace lockstep::transaction
