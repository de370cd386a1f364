// point_holder.cc: the shared file, and the wait of a worker that is held.
#include "core/worker/point_holder.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>

namespace lockstep::worker {
namespace {

PointWord* word = nullptr;  // Of this process.

PointWord* map_words() {
  const char* const path = std::getenv("LOCKSTEP_POINTS");
  if (path == nullptr) return nullptr;
  const int fd = open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return nullptr;
  void* const words =
      mmap(nullptr, sizeof(PointWord) * kPointWords, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  return words == MAP_FAILED ? nullptr : static_cast<PointWord*>(words);
}

void wait_while_held(Point next, PointResource) {
  const timespec nap{0, 50'000};
  if ((word->hold.load(std::memory_order_acquire) & bit_of(next)) == 0) return;
  while ((word->hold.load(std::memory_order_acquire) & bit_of(next)) != 0) {
    word->held.store(bit_of(next), std::memory_order_release);
    nanosleep(&nap, nullptr);
  }
  word->held.store(0, std::memory_order_release);
}

}  // namespace

void hold_points_if_asked(shm::WorkerId me) {
  PointWord* const words = me.value < kPointWords ? map_words() : nullptr;
  if (words == nullptr) return seal_points();
  word = &words[me.value];
  arm_points(wait_while_held);
}

}  // namespace lockstep::worker
