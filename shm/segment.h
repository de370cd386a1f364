// segment.h: the one shared-memory segment: made, mapped and named by Boost.Interprocess before the
// fork, at an address that all workers inherit. Used at start and stop only: nothing here is on the hot
// path, and nothing is allocated from it after the fork (see shm/README.md: why not the library's locks).
// Owner: the supervisor. Workers hold a reference; only the supervisor removes the name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "core/base/result.h"
#include "shm/handle.h"

namespace lockstep::shm {

// Raised whenever the bytes of any shared record change their meaning; other numbers are refused.
inline constexpr std::uint32_t kLayoutNumber = 3;

// The first page, before the library's part: what a later server asks before it believes the rest.
struct SegmentHeader {
  // A table that outlives its server: where it is.
  struct Block {
    char name[32];
    std::uint64_t offset;
    std::uint64_t bytes;
  };
  static constexpr std::size_t kBlockMax = 8;

  char magic[8];
  std::uint32_t layout;  // kLayoutNumber.
  std::uint32_t block_count;
  std::uint64_t bytes;   // Of the segment.
  std::uint64_t binary;  // hash_file() of the program that made it.
  Block blocks[kBlockMax];
  std::uint64_t check;  // check_of(*this), written when all is made; another value: torn.
};
inline constexpr std::size_t kHeaderBytes = 4096;
static_assert(sizeof(SegmentHeader) <= kHeaderBytes);
inline constexpr char kSegmentMagic[8] = {'l', 'o', 'c', 'k', 's', 't', 'e', 'p'};

std::uint64_t check_of(const SegmentHeader& header);
// Takes the lock that every process of a server holds on its segment, by its descriptor, until it ends;
// false: one does.
bool try_lock_segment(int descriptor);

class Segment {
 public:
  // Makes and reserves `bytes` under `name` (no slash), replacing one that a dead server left; children
  // inherit its lock. Error: one line that says what failed and how to mend it.
  static Result<std::unique_ptr<Segment>, std::string> create(const std::string& name, std::size_t bytes);
  ~Segment();
  Segment(const Segment&) = delete;
  Segment& operator=(const Segment&) = delete;

  // Zeroed memory for start-up structures, published under a name; nullptr when the segment is full.
  void* allocate_named(const char* name, std::size_t bytes, std::size_t alignment);
  // As allocate_named; a server that comes after this one's death finds it (dead_segment.h).
  // REQUIRES: at most SegmentHeader::kBlockMax of them.
  void* allocate_heritable(const char* name, std::size_t bytes, std::size_t alignment);
  // What allocate_named published under that name; nullptr: nothing.
  void* find_named(const char* name) const;
  // What is left for allocate_named, in bytes (an estimate by the library).
  std::size_t free_bytes() const;
  std::size_t size_bytes() const { return size_; }

  template <typename T>
  T* at(Handle<T> handle) const {
    return reinterpret_cast<T*>(base_ + static_cast<std::size_t>(handle.value) * kHandleUnitBytes);
  }
  template <typename T>
  Handle<T> handle_of(const T* object) const {
    const auto offset = reinterpret_cast<const char*>(object) - base_;
    return Handle<T>{static_cast<std::uint32_t>(static_cast<std::size_t>(offset) / kHandleUnitBytes)};
  }
  char* base() const { return base_; }

  // Maps every page into this process now, so that no request waits for it later. Each process maps its own.
  void map_now() const;

  // All tables are made: from here on the segment may be taken over. `binary`: hash_file() of the program.
  void seal(std::uint64_t binary);
  // Gives it another name, in place of a segment that has it. Error: one line.
  Result<bool, std::string> rename(const std::string& name);
  // To whom the server becomes: only the owner may remove the name. False: not permitted.
  bool give_to(unsigned user, unsigned group);
  // Removes the name; memory lives until the last process unmaps it.
  void remove();

 private:
  struct Library;
  explicit Segment(std::string name);
  SegmentHeader& header() const { return *reinterpret_cast<SegmentHeader*>(base_); }

  std::string name_;
  std::unique_ptr<Library> library_;
  char* base_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace lockstep::shm
