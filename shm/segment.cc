#include "shm/segment.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#include <boost/interprocess/managed_external_buffer.hpp>
#include <boost/interprocess/mapped_region.hpp>
#include <boost/interprocess/shared_memory_object.hpp>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>

#include "core/base/hash.h"

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

std::uint64_t check_of(const SegmentHeader& header) {
  const char* const bytes = reinterpret_cast<const char*>(&header);
  return hash_bytes({bytes, offsetof(SegmentHeader, check)}, kLayoutNumber);
}

bool try_lock_segment(int descriptor) { return flock(descriptor, LOCK_EX | LOCK_NB) == 0; }

namespace {

bool is_in_use(const std::string& name) {
  const int descriptor = shm_open(name.c_str(), O_RDWR, 0);
  if (descriptor < 0) return false;
  const bool is_free = try_lock_segment(descriptor);
  close(descriptor);
  return !is_free;
}

}  // namespace

Result<std::unique_ptr<Segment>, std::string> Segment::create(const std::string& name, std::size_t bytes) {
  try {
    std::unique_ptr<Segment> segment(new Segment(name));
    Library& library = *segment->library_;
    if (is_in_use(name)) {
      return Failure{fmt::format("a living process has the shared-memory segment /dev/shm/{}", name)};
    }
    bip::shared_memory_object::remove(name.c_str());
    library.object =
        bip::shared_memory_object(bip::create_only, name.c_str(), bip::read_write, bip::permissions(0600));
    // Not refused: nobody else knows it yet.
    try_lock_segment(library.object.get_mapping_handle().handle);
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
    SegmentHeader& header = segment->header();
    std::memcpy(header.magic, kSegmentMagic, sizeof header.magic);
    header.layout = kLayoutNumber;
    header.bytes = bytes;
    library.buffer =
        bip::managed_external_buffer(bip::create_only, segment->base_ + kHeaderBytes, bytes - kHeaderBytes);
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

void* Segment::allocate_heritable(const char* name, std::size_t bytes, std::size_t alignment) {
  void* memory = allocate_named(name, bytes, alignment);
  if (memory == nullptr) return nullptr;
  SegmentHeader& head = header();
  LS_ASSERT(head.block_count < SegmentHeader::kBlockMax && std::strlen(name) < sizeof head.blocks[0].name);
  SegmentHeader::Block& block = head.blocks[head.block_count++];
  std::strcpy(block.name, name);
  block.offset = static_cast<std::uint64_t>(static_cast<char*>(memory) - base_);
  block.bytes = bytes;
  return memory;
}

void* Segment::find_named(const char* name) const {
  using Entry = bip::managed_external_buffer::handle_t;
  const Entry* found = library_->buffer.find<Entry>(name).first;
  return found == nullptr ? nullptr : library_->buffer.get_address_from_handle(*found);
}

std::size_t Segment::free_bytes() const { return library_->buffer.get_free_memory(); }

void Segment::seal(std::uint64_t binary) {
  header().binary = binary;
  header().check = check_of(header());
}

Result<bool, std::string> Segment::rename(const std::string& name) {
  if (std::rename(("/dev/shm/" + name_).c_str(), ("/dev/shm/" + name).c_str()) != 0) {
    return Failure{fmt::format("cannot put a new shared-memory segment in the place of /dev/shm/{}: {}", name,
                               std::strerror(errno))};
  }
  name_ = name;
  return true;
}

bool Segment::give_to(unsigned user, unsigned group) {
  return fchown(library_->object.get_mapping_handle().handle, user, group) == 0;
}

void Segment::remove() { bip::shared_memory_object::remove(name_.c_str()); }

}  // namespace lockstep::shm
