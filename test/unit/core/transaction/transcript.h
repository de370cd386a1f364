// transcript.h: drives one transaction and writes down what went in and what came out, one event a line:
// "age event: action; action" or "age event: (why ignored)".
#pragma once

#include <cppunit/TestAssert.h>

#include <string>

#include "test/unit/core/transaction/printing.h"

namespace lockstep::transaction {

class Transcript {
 public:
  Transcript() = default;
  explicit Transcript(const Settings& settings) : settings_(settings) {}

  // At the present age.
  Transcript& create(Method method = Method::kInvite) { return take(Event::create(now_, method)); }
  Transcript& fork(int branches) {
    for (int i = 0; i < branches; ++i) take(Event::add_branch(now_, branch_index(state_.branches.size())));
    return *this;
  }
  Transcript& response(std::uint8_t branch, Status status) {
    return take(Event::response(now_, BranchIndex{branch}, status));
  }
  Transcript& cancel_response(std::uint8_t branch, Status status) {
    return take(Event::cancel_response(now_, BranchIndex{branch}, status));
  }
  Transcript& transport_error(std::uint8_t branch) {
    return take(Event::transport_error(now_, BranchIndex{branch}));
  }
  Transcript& cancel() { return take(Event::caller_cancel(now_)); }
  Transcript& ack() { return take(Event::ack(now_)); }
  Transcript& again() { return take(Event::request_retransmitted(now_)); }
  Transcript& arm() { return take(Event::arm_failure_route(now_, true)); }
  Transcript& verdict() { return take(Event::verdict(now_)); }
  Transcript& respond(Status status) { return take(Event::local_response(now_, status)); }

  Transcript& take(const Event& event) {
    const State before = state_;
    const Step result = step(state_, event, settings_);
    text_ += std::to_string(event.now.value) + " " + without_k(name_of(event.kind));
    if (event.branch != kNoBranch) text_ += " " + std::to_string(event.branch.value);
    if (event.status != 0) text_ += " " + std::to_string(event.status);
    text_ += ":";
    if (!result.actions.empty()) text_ += " " + to_text(result.actions, "; ");
    if (result.ignored != Why::kNone) text_ += std::string(" (") + without_k(name_of(result.ignored)) + ")";
    text_ += "\n";
    const bool consistent = result.ignored == Why::kNone ? !result.actions.empty() || !(before == state_)
                                                         : result.actions.empty();
    CPPUNIT_ASSERT_MESSAGE("neither ignored nor with an effect: " + text_, consistent);
    CPPUNIT_ASSERT_MESSAGE("lives without a deadline: " + text_,
                           is_ended(state_) || next_deadline(state_) != kNever);
    return *this;
  }

  // Lets time pass, firing every deadline up to `age`.
  Transcript& until(std::uint32_t age) {
    while (next_deadline(state_) <= AgeMs{age}) take(Event::timer(next_deadline(state_)));
    now_ = AgeMs{age};
    return *this;
  }
  // Fires every deadline until the transaction ends.
  Transcript& until_end() {
    while (!is_ended(state_)) until(next_deadline(state_).value);
    return *this;
  }

  // What was written since the last call, after a line break.
  std::string text() {
    const std::string text = "\n" + text_;
    text_.clear();
    return text;
  }
  // Leaves out what has been written so far.
  Transcript& skip() {
    text_.clear();
    return *this;
  }
  const State& state() const { return state_; }

 private:
  Settings settings_;
  State state_;
  AgeMs now_{};
  std::string text_;
};

}  // namespace lockstep::transaction
