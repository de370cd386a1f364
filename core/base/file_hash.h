// file_hash.h: what tells one build of a program from another: a hash of the whole file.
#pragma once

#include <cstdint>
#include <string>

namespace lockstep {

// 0: it cannot be read.
std::uint64_t hash_file(const std::string& path);

}  // namespace lockstep
