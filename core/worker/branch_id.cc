#include "core/worker/branch_id.h"

#include <cstring>

#include "core/base/hash.h"

namespace lockstep::worker {
namespace {

constexpr std::string_view kPrefix = "z9hG4bKls";
constexpr std::string_view kStatelessPrefix = "z9hG4bKlx";
constexpr std::size_t kIdentityBytes = 18;  // Slot, generation, branch in hexadecimal.
constexpr std::size_t kCheckBytes = 16;

void put_hex(char* out, std::uint64_t value, std::size_t digits) {
  static constexpr char kDigits[] = "0123456789abcdef";
  for (std::size_t i = digits; i-- > 0;) {
    out[i] = kDigits[value & 15];
    value >>= 4;
  }
}

bool get_hex(std::string_view text, std::uint64_t& value) {
  value = 0;
  for (const char c : text) {
    std::uint64_t digit = 0;
    if (c >= '0' && c <= '9') {
      digit = static_cast<std::uint64_t>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      digit = static_cast<std::uint64_t>(c - 'a' + 10);
    } else {
      return false;
    }
    value = value << 4 | digit;
  }
  return true;
}

}  // namespace

BranchText branch_text(const BranchId& id, std::uint64_t secret) {
  BranchText result;
  std::memcpy(result.text, kPrefix.data(), kPrefix.size());
  char* at = result.text + kPrefix.size();
  put_hex(at, id.slot, 8);
  put_hex(at + 8, id.generation, 8);
  put_hex(at + 16, id.branch, 2);
  put_hex(at + kIdentityBytes, hash_bytes({at, kIdentityBytes}, secret), kCheckBytes);
  result.size = kBranchTextBytes;
  return result;
}

std::optional<BranchId> parse_branch(std::string_view text, std::uint64_t secret) {
  if (text.size() != kBranchTextBytes || text.substr(0, kPrefix.size()) != kPrefix) return std::nullopt;
  const std::string_view identity = text.substr(kPrefix.size(), kIdentityBytes);
  std::uint64_t slot = 0, generation = 0, branch = 0, check = 0;
  if (!get_hex(identity.substr(0, 8), slot) || !get_hex(identity.substr(8, 8), generation) ||
      !get_hex(identity.substr(16, 2), branch) ||
      !get_hex(text.substr(kPrefix.size() + kIdentityBytes), check)) {
    return std::nullopt;
  }
  if (hash_bytes(identity, secret) != check) return std::nullopt;
  return BranchId{static_cast<std::uint32_t>(slot), static_cast<std::uint32_t>(generation),
                  static_cast<std::uint8_t>(branch)};
}

BranchText stateless_branch_text(std::uint64_t identity, std::uint64_t secret) {
  BranchText result;
  std::memcpy(result.text, kStatelessPrefix.data(), kStatelessPrefix.size());
  char raw[8];
  std::memcpy(raw, &identity, sizeof raw);
  put_hex(result.text + kStatelessPrefix.size(), hash_bytes({raw, sizeof raw}, secret), kCheckBytes);
  result.size = kStatelessBranchTextBytes;
  return result;
}

bool is_stateless_branch(std::string_view text) {
  return text.size() == kStatelessBranchTextBytes &&
         text.substr(0, kStatelessPrefix.size()) == kStatelessPrefix;
}

TagText local_tag(std::string_view call_id, std::string_view from_tag, std::uint32_t cseq,
                  std::uint64_t secret) {
  std::uint64_t hash = hash_bytes(call_id, secret);
  hash = hash_bytes(from_tag, hash ^ cseq);
  TagText result;
  result.text[0] = 'l';
  result.text[1] = 's';
  put_hex(result.text + 2, hash, 16);
  return result;
}

}  // namespace lockstep::worker
