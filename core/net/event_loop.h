// event_loop.h: one libevent base of one process: made after the fork, never shared.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

namespace lockstep::net {

class EventLoop {
 public:
  EventLoop();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Called whenever `fd` is readable, for as long as the loop lives.
  void on_readable(int fd, std::function<void()> call);
  // Called on the signal; the handler runs in the loop, not in signal context.
  void on_signal(int signal, std::function<void()> call);
  // Called every `period_ms`.
  void every(unsigned period_ms, std::function<void()> call);

  // Waits and calls, until stopped. `before_wait` is called each time before the loop waits and says how
  // many milliseconds it may wait at most.
  void run(const std::function<std::uint64_t()>& before_wait = {});
  void stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lockstep::net
