#include "core/base/file_hash.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/hash.h"

namespace lockstep {

std::uint64_t hash_file(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  struct stat facts {};
  std::uint64_t hash = 0;
  if (fstat(file, &facts) == 0 && facts.st_size > 0) {
    const auto size = static_cast<std::size_t>(facts.st_size);
    void* const bytes = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
    if (bytes != MAP_FAILED) {
      hash = hash_bytes({static_cast<const char*>(bytes), size}, 0);
      munmap(bytes, size);
    }
  }
  close(file);
  return hash;
}

}  // namespace lockstep
