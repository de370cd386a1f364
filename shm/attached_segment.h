// attached_segment.h: the segment of a running server, as a tool sees it: read, never written.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "core/base/result.h"

namespace lockstep::shm {

// A server's segment is named after its run directory (an absolute path): a restart finds what a dead server
// left, tools find what runs, and two servers never share one.
std::string segment_name_of(const std::string& run_dir);

class AttachedSegment {
 public:
  // Error: one line. Whether the layout is ours is for the caller to ask of "state".
  static Result<std::unique_ptr<AttachedSegment>, std::string> open(const std::string& name);
  ~AttachedSegment();
  AttachedSegment(const AttachedSegment&) = delete;
  AttachedSegment& operator=(const AttachedSegment&) = delete;

  // What Segment::allocate_named published under that name, at least `bytes` long; nullptr: nothing.
  const void* find_named(const char* name, std::size_t bytes) const;

 private:
  struct Library;
  AttachedSegment();

  std::unique_ptr<Library> library_;
};

}  // namespace lockstep::shm
