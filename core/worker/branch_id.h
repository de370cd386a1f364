// branch_id.h: the branch parameter of our own Via: which transaction, which branch of its fork, and a
// check value that only this server can make. A response is matched by it in one step, and one that was
// made up by somebody else is dropped (DESIGN: keyed Via branch).
//   z9hG4bKls SSSSSSSS GGGGGGGG BB CCCCCCCCCCCCCCCC    slot, generation, branch, check, in hexadecimal
//   z9hG4bKlx CCCCCCCCCCCCCCCC                          a request forwarded without a transaction
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace lockstep::worker {

struct BranchId {
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;
  std::uint8_t branch = 0;  // With one of the bits below where it is not of the branch's own request.
};
inline constexpr std::uint8_t kBranchNumber = 0x3f;
inline constexpr std::uint8_t kByeBranch = 0x40;  // The BYE of a late 2xx's dialog,
inline constexpr std::uint8_t kAckBranch = 0x80;  // and its ACK.

inline constexpr std::size_t kBranchTextBytes = 43;
inline constexpr std::size_t kStatelessBranchTextBytes = 25;

struct BranchText {
  char text[kBranchTextBytes];
  std::uint8_t size;
  std::string_view view() const { return {text, size}; }
};

BranchText branch_text(const BranchId& id, std::uint64_t secret);
// None: not ours, or not made by us.
std::optional<BranchId> parse_branch(std::string_view text, std::uint64_t secret);

// `identity`: a hash of what makes the request one, so that its retransmissions get the same branch
// (RFC 3261 16.11).
BranchText stateless_branch_text(std::uint64_t identity, std::uint64_t secret);
bool is_stateless_branch(std::string_view text);

// The To tag of responses made here: the same for all to one request (8.2.6.2, 16.7), and known again
// in the ACK to a stateless one, which is absorbed by it.
struct TagText {
  char text[18];
  std::string_view view() const { return {text, sizeof text}; }
};
TagText local_tag(std::string_view call_id, std::string_view from_tag, std::uint32_t cseq,
                  std::uint64_t secret);

}  // namespace lockstep::worker
