#include "test/harness/stage.h"

#include <poll.h>
#include <time.h>

#include <algorithm>

#include "test/harness/phone.h"

namespace lockstep::harness {

std::int64_t now_ms() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1000000;
}

void Stage::attach(Phone* phone) { phones_.push_back(phone); }
void Stage::detach(Phone* phone) { std::erase(phones_, phone); }

void Stage::after(int ms, std::function<void()> action) { timers_.emplace(now_ms() + ms, std::move(action)); }

void Stage::run_once(std::int64_t until_ms) {
  std::int64_t wake_ms = until_ms;
  if (!timers_.empty()) wake_ms = std::min(wake_ms, timers_.begin()->first);
  std::vector<pollfd> fds;
  fds.reserve(phones_.size());
  for (const Phone* phone : phones_) fds.push_back({phone->socket(), POLLIN, 0});
  const std::int64_t wait_ms = std::clamp<std::int64_t>(wake_ms - now_ms(), 0, 1000);
  poll(fds.data(), fds.size(), static_cast<int>(wait_ms));
  // A handler may add or remove phones: work on a copy.
  const std::vector<Phone*> phones = phones_;
  for (std::size_t i = 0; i < fds.size(); ++i) {
    if ((fds[i].revents & POLLIN) != 0 && std::count(phones_.begin(), phones_.end(), phones[i]) > 0) {
      phones[i]->on_readable();
    }
  }
  while (!timers_.empty() && timers_.begin()->first <= now_ms()) {
    const auto action = std::move(timers_.begin()->second);
    timers_.erase(timers_.begin());
    action();
  }
}

bool Stage::run_until(const std::function<bool()>& condition, int deadline_ms) {
  const std::int64_t deadline = now_ms() + deadline_ms;
  while (!condition()) {
    if (now_ms() >= deadline) return false;
    run_once(deadline);
  }
  return true;
}

void Stage::settle(int ms) {
  run_until([] { return false; }, ms);
}

std::vector<Received> Stage::received() const {
  std::vector<Received> sorted = log_;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Received& a, const Received& b) { return a.at_ns < b.at_ns; });
  return sorted;
}

std::vector<std::string> Stage::wire() const {
  std::vector<std::string> lines;
  for (const Received& one : received()) {
    if (one.message.method() != "REGISTER") lines.push_back(one.phone + " " + one.message.summary());
  }
  return lines;
}

std::vector<std::string> seen_by(const std::vector<std::string>& wire, const std::string& phone) {
  std::vector<std::string> lines;
  for (const std::string& line : wire) {
    if (line.rfind(phone + " ", 0) == 0) lines.push_back(line.substr(phone.size() + 1));
  }
  return lines;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

}  // namespace lockstep::harness
