#include "shm/segment.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/mman.h>

#include <boost/interprocess/managed_external_buffer.hpp>
#include <boost/interprocess/mapped_region.hpp>
#include <boost/interprocess/shared_memory_object.hpp>
#include <cerrno>
#include <cstring>

namespace lockstep::shm {

namespace bip = boost::interprocess;

// managed_external_buffer takes no mutex at all, unlike managed_shared_memory, whose mutex would be
// left locked by a process that dies in it.
struct Segment::Library {
  bip::shared_memory_object object;
  bip::mapped_region region;
  bip::managed_external_buffer buffer;
};

Segment::Segment(std::string name) : name_(std::move(name)), library_(std::make_unique<Library>()) {}
Segment::~Segment() = default;

Result<std::unique_ptr<Segment>, std::string> Segment::create(const std::string& name, std::size_t bytes) {
  try {
    std::unique_ptr<Segment> segment(new Segment(name));
    Library& library = *segment->library_;
    bip::shared_memory_object::remove(name.c_str());
    library.object =
        bip::shared_memory_object(bip::create_only, name.c_str(), bip::read_write, bip::permissions(0600));
    library.object.truncate(static_cast<bip::offset_t>(bytes));
    // Without this, a full /dev/shm would be found out by SIGBUS in the middle of a call.
    const int error =
        posix_fallocate(library.object.get_mapping_handle().handle, 0, static_cast<off_t>(bytes));
    if (error != 0) {
      bip::shared_memory_object::remove(name.c_str());
      return Failure{
          fmt::format("cannot reserve {} MB of shared memory: {}; give less with -m, or enlarge /dev/shm",
                      bytes >> 20, std::strerror(error))};
    }
    library.region = bip::mapped_region(library.object, bip::read_write);
    segment->base_ = static_cast<char*>(library.region.get_address());
    segment->size_ = bytes;
    library.buffer = bip::managed_external_buffer(bip::create_only, segment->base_, bytes);
    return segment;
  } catch (const bip::interprocess_exception& problem) {
    return Failure{
        fmt::format("cannot make the shared-memory segment /dev/shm/{}: {}", name, problem.what())};
  }
}

// A kernel before 5.14 does not know the advice and maps page by page, as they are touched.
void Segment::map_now() const { madvise(base_, size_, MADV_POPULATE_WRITE); }

void* Segment::allocate_named(const char* name, std::size_t bytes, std::size_t alignment) {
  void* memory = library_->buffer.allocate_aligned(bytes, alignment, std::nothrow);
  if (memory == nullptr) return nullptr;
  std::memset(memory, 0, bytes);
  // The directory of names: tools that attach later find each table by it.
  using Entry = bip::managed_external_buffer::handle_t;
  if (library_->buffer.construct<Entry>(
          name, std::nothrow)(library_->buffer.get_handle_from_address(memory)) == nullptr) {
    return nullptr;
  }
  return memory;
}

void* Segment::find_named(const char* name) const {
  using Entry = bip::managed_external_buffer::handle_t;
  const Entry* found = library_->buffer.find<Entry>(name).first;
  return found == nullptr ? nullptr : library_->buffer.get_address_from_handle(*found);
}

std::size_t Segment::free_bytes() const { return library_->buffer.get_free_memory(); }

void Segment::remove() { bip::shared_memory_object::remove(name_.c_str()); }

}  // namespace lockstep::shm
