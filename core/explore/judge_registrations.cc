// judge_registrations.cc: what RFC 3261 10.3 and 16.5 promise: a REGISTER is answered once and in force from
// then on; who is registered when the INVITE is routed is called, nobody else. The bindings are kept once
// more here, in the order in which the workers had the lock of the address of record.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "core/explore/judge.h"

namespace lockstep::explore {
namespace {

using What = ScenarioDatagram::What;
constexpr std::size_t kNever = Delivery::kNever;

using Bound = std::map<char, std::size_t>;  // Phones, each with its last CSeq.

// False: older than what is in force (10.3 step 7).
bool work(const ScenarioDatagram& datagram, Bound& bound) {
  const auto at = bound.find(datagram.branch);
  if (at != bound.end() && at->second > datagram.line) return false;
  if (datagram.what == What::kRegister) bound[datagram.branch] = datagram.line;
  if (datagram.what == What::kUnregister) bound.erase(datagram.branch);
  return true;
}

std::set<char> phones_of(const Bound& bound) {
  std::set<char> phones;
  for (const auto& [phone, cseq] : bound) phones.insert(phone);
  return phones;
}

std::string text_of(const std::set<char>& phones) {
  return phones.empty() ? "nobody" : fmt::format("{}", fmt::join(phones, " "));
}

bool is_answer_to(const Sent& one, const ScenarioDatagram& datagram) {
  return one.is_registered() && one.branch == datagram.branch &&
         one.bytes.find(fmt::format("\r\nCSeq: {} REGISTER\r\n", datagram.line)) != std::string::npos;
}

}  // namespace

// I20 as well: after a death, too, each has one answer.
void Judge::check_answers() {
  for (const Delivery& one : play_.deliveries()) {
    if (!one.datagram.is_registration()) continue;
    const auto count = std::count_if(play_.wire().begin(), play_.wire().end(),
                                     [&one](const Sent& sent) { return is_answer_to(sent, one.datagram); });
    if (count != 1) fail("registrar", fmt::format("{} has {} answers", one.datagram.text(), count));
  }
}

// Of the delivery that `actor` has committed next after `step`; kNever: none.
std::size_t Judge::worked_in(std::size_t step, Actor actor) const {
  for (const Commit& commit : play_.commits()) {
    if (commit.step < step || play_.steps()[commit.step].actor != actor) continue;
    for (std::size_t i = 0; i < stamps_.size(); ++i) {
      const Delivery& one = play_.deliveries()[i];
      if (one.entry == commit.entry && one.first_stamp + 1 + stamps_[i] == commit.stamp) return i;
    }
    return kNever;
  }
  return kNever;
}

// Not after a death: what was worked twice has had the lock twice. Then the living tell what may be seen
// (I20).
void Judge::check_registrations() {
  const std::vector<PlayedStep>& steps = play_.steps();
  if (!play_.scenario().by_location) return;
  if (std::any_of(steps.begin(), steps.end(), [](const PlayedStep& one) { return one.is_death; })) return;
  Bound bound;
  for (const ScenarioDatagram& one : play_.scenario().setup) {
    if (one.is_registration()) static_cast<void>(work(one, bound));
  }
  for (std::size_t at = 0; at < steps.size(); ++at) {
    if (steps[at].what.point != Point::kLock) continue;
    const std::size_t delivery = worked_in(at, steps[at].actor);
    if (delivery == kNever) continue;
    const ScenarioDatagram& datagram = play_.deliveries()[delivery].datagram;
    if (datagram.is_registration()) check_status(datagram, work(datagram, bound) ? 200 : 500);
    if (datagram.what == What::kInvite) check_called(phones_of(bound));
  }
  std::set<char> now;
  for (const char one : play_.testbed().bindings()) {
    if (one != ' ') now.insert(static_cast<char>(one - 32));
  }
  if (now != phones_of(bound)) {
    fail("registrar",
         fmt::format("{} registered in the end, not {}", text_of(now), text_of(phones_of(bound))));
  }
}

void Judge::check_status(const ScenarioDatagram& datagram, int status) {
  for (const Sent& one : play_.wire()) {
    if (is_answer_to(one, datagram) && one.status != status)
      fail("registrar", fmt::format("{} is answered {}", datagram.text(), one.status));
  }
}

// An INVITE whose CANCEL was in hand goes to nobody.
void Judge::check_called(const std::set<char>& registered) {
  std::set<char> called;
  for (const Sent& one : play_.wire()) {
    if (one.is_request("INVITE")) called.insert(one.branch);
  }
  const auto& all = play_.deliveries();
  const bool may_be_withdrawn = std::any_of(
      all.begin(), all.end(), [](const Delivery& one) { return one.datagram.what == What::kCancel; });
  if (called == registered || (called.empty() && may_be_withdrawn)) return;
  fail("registrar", fmt::format("{} called where {} registered", text_of(called), text_of(registered)));
}

}  // namespace lockstep::explore
