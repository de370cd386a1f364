#include "core/net/event_loop.h"

#include <event2/event.h>

#include <deque>

#include "core/base/assert.h"
#include "core/base/clock.h"

namespace lockstep::net {

struct EventLoop::State {
  struct Watch {
    ::event* handle = nullptr;
    std::function<void()> call;
  };
  event_base* base = nullptr;
  std::deque<Watch> watches;  // Stable addresses: libevent holds pointers to them.
  std::uint64_t wake_at_ms = 0;

  Watch& add(int fd, short what, std::function<void()> call) {
    Watch& watch = watches.emplace_back();
    watch.call = std::move(call);
    watch.handle = event_new(
        base, fd, what, [](evutil_socket_t, short, void* argument) { static_cast<Watch*>(argument)->call(); },
        &watch);
    LS_ASSERT(watch.handle != nullptr);
    return watch;
  }

  // Lets `wake` be pending at the right time. One that is pending earlier stays: waking too early once costs
  // less than arming anew each turn.
  void wake_within(::event* wake, std::uint64_t at_most_ms) {
    const std::uint64_t now = monotonic_ms();
    const std::uint64_t wanted = now + at_most_ms;
    if (wake_at_ms > now && wake_at_ms <= wanted) return;
    wake_at_ms = wanted;
    const timeval wait{static_cast<time_t>(at_most_ms / 1000),
                       static_cast<suseconds_t>(at_most_ms % 1000) * 1000};
    event_add(wake, &wait);
  }
};

EventLoop::EventLoop() : state_(std::make_unique<State>()) {
  event_config* config = event_config_new();
  // Single-threaded by construction: no locks, and the coarse clock for timers.
  event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
  event_config_set_flag(config, EVENT_BASE_FLAG_NO_CACHE_TIME);
  state_->base = event_base_new_with_config(config);
  event_config_free(config);
  LS_ASSERT(state_->base != nullptr);
}

EventLoop::~EventLoop() {
  for (State::Watch& watch : state_->watches) event_free(watch.handle);
  event_base_free(state_->base);
}

void EventLoop::on_readable(int fd, std::function<void()> call) {
  event_add(state_->add(fd, EV_READ | EV_PERSIST, std::move(call)).handle, nullptr);
}

void EventLoop::on_signal(int signal, std::function<void()> call) {
  event_add(state_->add(signal, EV_SIGNAL | EV_PERSIST, std::move(call)).handle, nullptr);
}

void EventLoop::every(unsigned period_ms, std::function<void()> call) {
  const timeval period{period_ms / 1000, static_cast<suseconds_t>(period_ms % 1000) * 1000};
  event_add(state_->add(-1, EV_PERSIST, std::move(call)).handle, &period);
}

void EventLoop::run(const std::function<std::uint64_t()>& before_wait) {
  State::Watch& wake = state_->add(-1, 0, [] {});
  while (event_base_got_break(state_->base) == 0) {
    if (before_wait) state_->wake_within(wake.handle, before_wait());
    if (event_base_loop(state_->base, EVLOOP_ONCE) != 0) return;
  }
}

void EventLoop::stop() { event_base_loopbreak(state_->base); }

}  // namespace lockstep::net
