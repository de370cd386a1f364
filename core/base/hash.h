// hash.h: seeded hashing of bytes from the wire, so that nobody can choose colliding keys.
#pragma once

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstdint>
#include <string_view>

namespace lockstep {

// REQUIRES: `seed` is random per start of the server.
inline std::uint64_t hash_bytes(std::string_view bytes, std::uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

}  // namespace lockstep
