// holder.cc: the file that server and tool have in common.
#include "test/repro/holder.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>

namespace lockstep::harness {
namespace {
constexpr std::size_t kBytes = sizeof(worker::PointWord) * worker::kPointWords;
}

Holder::Holder(const std::string& folder) {
  const std::string path = folder + "/points";
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0 || ftruncate(fd, kBytes) != 0) throw std::runtime_error("cannot make " + path);
  void* const words = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (words == MAP_FAILED) throw std::runtime_error("cannot map " + path);
  words_ = static_cast<worker::PointWord*>(words);
  setenv("LOCKSTEP_POINTS", path.c_str(), 1);
}

Holder::~Holder() {
  let_go_all();
  munmap(words_, kBytes);
}

void Holder::hold(unsigned worker, Point point) { words_[worker].hold |= worker::bit_of(point); }

void Holder::hold_all(Point point) {
  for (unsigned worker = 1; worker < worker::kPointWords; ++worker) hold(worker, point);
}

void Holder::let_go(unsigned worker) { words_[worker].hold = 0; }

void Holder::let_go_all() {
  for (unsigned worker = 1; worker < worker::kPointWords; ++worker) let_go(worker);
}

bool Holder::is_held(unsigned worker) const { return words_[worker].held != 0; }

unsigned Holder::held_worker() const {
  for (unsigned worker = 1; worker < worker::kPointWords; ++worker) {
    if (is_held(worker)) return worker;
  }
  return 0;
}

}  // namespace lockstep::harness
