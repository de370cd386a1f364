#include "shm/dead_segment.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/base/clock.h"
#include "shm/segment.h"

namespace lockstep::shm {
namespace {

constexpr int kLookEveryMs = 5;

// Is the name still that of the file? Another start may have put a new one in its place meanwhile.
bool is_named(int descriptor, const std::string& name) {
  struct stat mine {};
  struct stat now {};
  return fstat(descriptor, &mine) == 0 && stat(("/dev/shm/" + name).c_str(), &now) == 0 &&
         mine.st_ino == now.st_ino && mine.st_dev == now.st_dev;
}

std::string trouble_with(const SegmentHeader& header, std::size_t size, std::uint64_t binary) {
  if (std::memcmp(header.magic, kSegmentMagic, sizeof header.magic) != 0) return "it is none of lockstep's";
  if (header.layout != kLayoutNumber) {
    return fmt::format("it has layout {}, this binary has {}", header.layout, kLayoutNumber);
  }
  if (header.bytes != size)
    return fmt::format("it is torn: {} of its {} bytes are there", size, header.bytes);
  if (header.block_count > SegmentHeader::kBlockMax || header.check != check_of(header)) {
    return "it is torn: its first page is not whole";
  }
  if (binary == 0 || header.binary != binary) return "another binary made it";
  return {};
}

}  // namespace

DeadSegment::Finding DeadSegment::find(const std::string& name, std::uint64_t binary, std::uint64_t wait_ms) {
  Finding finding;
  const std::uint64_t deadline = monotonic_ms() + wait_ms;
  for (;;) {
    const int descriptor = shm_open(name.c_str(), O_RDWR, 0);
    if (descriptor < 0) {
      if (errno != ENOENT) finding.trouble = fmt::format("it cannot be opened: {}", std::strerror(errno));
      return finding;
    }
    const bool is_locked = try_lock_segment(descriptor);
    if (!is_locked || !is_named(descriptor, name)) {
      close(descriptor);
      finding.is_alive = !is_locked && monotonic_ms() >= deadline;
      if (finding.is_alive) return finding;
      poll(nullptr, 0, kLookEveryMs);
      continue;
    }
    struct stat facts {};
    const std::size_t size = fstat(descriptor, &facts) == 0 ? static_cast<std::size_t>(facts.st_size) : 0;
    void* const base = size > kHeaderBytes ? mmap(nullptr, size, PROT_READ | PROT_WRITE,
                                                  MAP_PRIVATE | MAP_NORESERVE, descriptor, 0)
                                           : MAP_FAILED;
    if (base == MAP_FAILED) {
      close(descriptor);
      finding.trouble = fmt::format("it is torn: {} bytes are there", size);
      return finding;
    }
    finding.segment.reset(new DeadSegment(descriptor, static_cast<char*>(base), size));
    finding.trouble = trouble_with(*static_cast<const SegmentHeader*>(base), size, binary);
    if (!finding.trouble.empty()) finding.segment.reset();
    return finding;
  }
}

DeadSegment::~DeadSegment() {
  munmap(base_, size_);
  close(descriptor_);
}

void* DeadSegment::inside(std::size_t offset, std::size_t bytes) const {
  if (offset < kHeaderBytes || offset > size_ || bytes > size_ - offset) return nullptr;
  return base_ + offset;
}

void* DeadSegment::find_block(const char* name, std::size_t bytes) const {
  const auto& header = *reinterpret_cast<const SegmentHeader*>(base_);
  for (std::size_t i = 0; i < header.block_count; ++i) {
    const SegmentHeader::Block& block = header.blocks[i];
    if (std::strncmp(block.name, name, sizeof block.name) != 0) continue;
    return block.bytes < bytes ? nullptr : inside(block.offset, block.bytes);
  }
  return nullptr;
}

}  // namespace lockstep::shm
