// schedule_point.cc: the page of zeros, and the wait of a worker that is held.
#include "core/worker/schedule_point.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>

namespace lockstep::worker {
namespace {

constinit const PointWord kDormant{};

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

}  // namespace

SchedulePoints::SchedulePoints(shm::WorkerId me) : word_(&kDormant) {
  PointWord* const words = map_words();
  if (words == nullptr || me.value >= kPointWords) return;
  mapped_ = &words[me.value];
  word_ = mapped_;
}

void SchedulePoints::wait(Point point) const {
  const timespec nap{0, 50'000};
  while ((mapped_->hold.load(std::memory_order_acquire) & bit_of(point)) != 0) {
    mapped_->held.store(static_cast<std::uint32_t>(point), std::memory_order_release);
    nanosleep(&nap, nullptr);
  }
  mapped_->held.store(0, std::memory_order_release);
}

}  // namespace lockstep::worker
