// A view of another server's segment. Mapped copy-on-write: the library may note in its tables that it was
// asked, and the server must not see that; pages that are only read stay the server's own.
#include "shm/attached_segment.h"

#include <fmt/core.h>

#include <boost/interprocess/managed_external_buffer.hpp>
#include <boost/interprocess/mapped_region.hpp>
#include <boost/interprocess/shared_memory_object.hpp>
#include <cstring>

#include "shm/segment.h"

namespace lockstep::shm {

namespace bip = boost::interprocess;

struct AttachedSegment::Library {
  bip::shared_memory_object object;
  bip::mapped_region region;
  bip::managed_external_buffer buffer;
};

AttachedSegment::AttachedSegment() : library_(std::make_unique<Library>()) {}
AttachedSegment::~AttachedSegment() = default;

std::string segment_name_of(const std::string& run_dir) {
  std::uint64_t hash = 1469598103934665603u;
  for (const char c : run_dir) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  return fmt::format("lockstep-{:016x}", hash);
}

Result<std::unique_ptr<AttachedSegment>, std::string> AttachedSegment::open(const std::string& name) {
  try {
    std::unique_ptr<AttachedSegment> segment(new AttachedSegment);
    Library& library = *segment->library_;
    library.object = bip::shared_memory_object(bip::open_only, name.c_str(), bip::read_only);
    bip::offset_t size = 0;
    if (!library.object.get_size(size) || static_cast<std::size_t>(size) <= kHeaderBytes) {
      return Failure{fmt::format("/dev/shm/{} is empty: no server has filled it", name)};
    }
    library.region = bip::mapped_region(library.object, bip::copy_on_write);
    char* const base = static_cast<char*>(library.region.get_address());
    // Without its own first page the library cannot even be asked.
    if (std::memcmp(base, kSegmentMagic, sizeof kSegmentMagic) != 0) {
      return Failure{fmt::format("/dev/shm/{} has another layout than this binary reads", name)};
    }
    library.buffer = bip::managed_external_buffer(bip::open_only, base + kHeaderBytes,
                                                  static_cast<std::size_t>(size) - kHeaderBytes);
    return segment;
  } catch (const bip::interprocess_exception& problem) {
    return Failure{fmt::format("/dev/shm/{}: {}", name, problem.what())};
  }
}

const void* AttachedSegment::find_named(const char* name, std::size_t bytes) const {
  using Entry = bip::managed_external_buffer::handle_t;
  const Entry* found = library_->buffer.find<Entry>(name).first;
  if (found == nullptr || *found <= 0) return nullptr;
  const std::size_t at = kHeaderBytes + static_cast<std::size_t>(*found);
  if (at > library_->region.get_size() || bytes > library_->region.get_size() - at) return nullptr;
  return static_cast<const char*>(library_->region.get_address()) + at;
}

}  // namespace lockstep::shm
