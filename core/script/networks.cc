// networks.cc: address and network literals in conditions.
#include <arpa/inet.h>

#include <bit>
#include <charconv>
#include <cstring>

#include "core/script/code.h"

namespace lockstep::script {
namespace {

// Text of an address to bytes; nothing is allocated.
bool parse_address(std::string_view text, std::array<std::uint8_t, 16>& bytes, std::uint8_t& byte_count) {
  if (text.size() >= 2 && text.front() == '[' && text.back() == ']') text = text.substr(1, text.size() - 2);
  std::array<char, INET6_ADDRSTRLEN> copy{};
  if (text.empty() || text.size() >= copy.size()) return false;
  std::memcpy(copy.data(), text.data(), text.size());
  const bool is_v6 = text.find(':') != std::string_view::npos;
  byte_count = is_v6 ? 16 : 4;
  return inet_pton(is_v6 ? AF_INET6 : AF_INET, copy.data(), bytes.data()) == 1;
}

// 255.255.0.0 -> 16; false if ones follow zeros.
bool mask_to_bits(const std::array<std::uint8_t, 16>& mask, std::uint8_t& bits) {
  const std::uint32_t word = static_cast<std::uint32_t>(mask[0]) << 24 |
                             static_cast<std::uint32_t>(mask[1]) << 16 |
                             static_cast<std::uint32_t>(mask[2]) << 8 | mask[3];
  bits = static_cast<std::uint8_t>(std::countl_one(word));
  return bits == 32 || word << bits == 0;
}

}  // namespace

bool parse_network(std::string_view text, Network& network) {
  const std::size_t slash = text.find('/');
  if (!parse_address(text.substr(0, slash), network.bytes, network.byte_count)) return false;
  network.prefix_bits = static_cast<std::uint8_t>(network.byte_count * 8);
  if (slash == std::string_view::npos) return true;
  const std::string_view mask = text.substr(slash + 1);
  if (mask.find('.') != std::string_view::npos) {
    std::array<std::uint8_t, 16> bytes{};
    std::uint8_t byte_count = 0;
    return network.byte_count == 4 && parse_address(mask, bytes, byte_count) &&
           mask_to_bits(bytes, network.prefix_bits);
  }
  unsigned bits = 0;
  const auto [stop, error] = std::from_chars(mask.data(), mask.data() + mask.size(), bits);
  if (error != std::errc{} || stop != mask.data() + mask.size() || bits > network.prefix_bits) return false;
  network.prefix_bits = static_cast<std::uint8_t>(bits);
  return true;
}

bool network_contains(const Network& network, std::string_view address) {
  std::array<std::uint8_t, 16> bytes{};
  std::uint8_t byte_count = 0;
  if (!parse_address(address, bytes, byte_count) || byte_count != network.byte_count) return false;
  const std::size_t whole = network.prefix_bits / 8u;
  if (std::memcmp(bytes.data(), network.bytes.data(), whole) != 0) return false;
  const unsigned rest = network.prefix_bits % 8u;
  if (rest == 0) return true;
  const auto mask = static_cast<std::uint8_t>(0xff << (8 - rest));
  return ((bytes[whole] ^ network.bytes[whole]) & mask) == 0;
}

}  // namespace lockstep::script
