// judge.cc: the race as caller and phones saw it, each rule by itself.
#include "core/explore/judge.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <map>
#include <numeric>

namespace lockstep::explore {
namespace {

using transaction::LatePolicy;
using What = ScenarioDatagram::What;
constexpr std::size_t kNever = Delivery::kNever;
constexpr std::uint64_t kLifeMs = 32000;  // 64*T1: no transaction ends before.

std::string line_of(const std::string& message, std::string_view name) {
  const std::size_t at = message.find(fmt::format("\r\n{}: ", name));
  if (at == std::string::npos) return {};
  return message.substr(at + 2, message.find("\r\n", at + 2) - at - 2);
}

std::string uri_of(const std::string& request) {
  const std::size_t at = request.find(' ') + 1;
  return request.substr(at, request.find(' ', at) - at);
}

// Of I7, what differs; empty: nothing.
std::string difference(const std::string& invite, const std::string& cancel) {
  if (uri_of(invite) != uri_of(cancel)) return "Request-URI";
  for (const char* name : {"Via", "From", "To", "Call-ID", "Route"}) {
    if (line_of(invite, name) != line_of(cancel, name)) return name;
  }
  const std::string cseq = line_of(invite, "CSeq");
  return line_of(cancel, "CSeq") == cseq.substr(0, cseq.find(" INVITE")) + " CANCEL" ? "" : "CSeq";
}

bool is_heard(const shm::LogRecord& record) {
  if (record.kind != shm::LogKind::kDecided) return false;
  // Ignored: its transaction, or Timer B or M its branch, had ended just before.
  const bool is_ignored = record.decision.ignored != static_cast<std::uint8_t>(transaction::Why::kNone);
  return !is_ignored && record.decision.get_event().kind == transaction::EventKind::kResponse;
}

bool is_response(const ScenarioDatagram& datagram, char branch, int from, int to) {
  return datagram.what == What::kResponse && datagram.branch == branch && datagram.status >= from &&
         datagram.status <= to;
}

// The call is decided, one way or the other.
bool closes(const ScenarioDatagram& one) {
  if (one.what == What::kCancel) return true;
  return one.what == What::kResponse && ((one.status >= 200 && one.status < 300) || one.status >= 600);
}

}  // namespace

bool Judge::is_up(const Sent& one, char branch, int from, int to) const {
  return one.what == Sent::What::kUp && one.method == "INVITE" && one.status >= from && one.status <= to &&
         (branch == 0 || one.branch == branch);
}

// Which datagram got which number is read from the log of who worked it; at which step that was committed,
// from the schedule: commits of one call follow each other. A REGISTER has an entry, and numbers, of its own.
void Judge::read_commits() {
  commit_steps_.clear();
  for (const Commit& commit : play_.commits()) {
    if (commit.entry == play_.entry_index()) commit_steps_.push_back(commit.step);
  }
  const std::vector<Delivery>& deliveries = play_.deliveries();
  stamps_.assign(deliveries.size(), kNever);
  shm::SharedState& state = play_.testbed().state();
  // After a death the same event may be there twice.
  std::set<std::pair<std::uint32_t, std::uint64_t>> told;
  std::set<std::pair<std::uint32_t, std::uint64_t>> heard;  // Responses that a transaction took note of.
  for (std::uint32_t worker = 1; worker <= state.worker_count; ++worker) {
    const shm::OrderLogArea& log = *state.order_logs[worker];
    for (std::uint64_t at = 0; at < log.published.load(); ++at) {
      shm::LogRecord record;
      std::string bytes;
      if (!shm::read_record(log, at, record)) continue;
      if (is_heard(record)) heard.insert({record.entry, record.stamp});
      if (record.kind != shm::LogKind::kReceived) continue;
      if (told.contains({record.entry, record.stamp}) || !shm::read_bytes(log, record.datagram, bytes))
        continue;
      for (std::size_t i = 0; i < deliveries.size(); ++i) {
        const Delivery& one = deliveries[i];
        if (stamps_[i] != kNever || one.entry != record.entry || record.stamp <= one.first_stamp ||
            one.bytes != bytes)
          continue;
        stamps_[i] = record.stamp - one.first_stamp - 1;
        told.insert({record.entry, record.stamp});
        break;
      }
    }
  }
  // O12: where time goes on, what is in hand may outlive its transaction.
  strays_.assign(deliveries.size(), false);
  const auto& clock = play_.scenario().clock_ms;
  const bool may_outlive = std::accumulate(clock.begin(), clock.end(), std::uint64_t{0}) >= kLifeMs;
  for (std::size_t i = 0; i < deliveries.size() && may_outlive; ++i) {
    const Delivery& one = deliveries[i];
    if (one.datagram.what != What::kResponse || stamps_[i] == kNever) continue;
    strays_[i] = !heard.contains({one.entry, stamps_[i] + one.first_stamp + 1});
  }
}

// Which step must come before which: orders that cannot be told apart are judged alike, whichever was played.
void Judge::order_steps() {
  const std::vector<PlayedStep>& steps = play_.steps();
  clocks_.assign(steps.size(), {});
  numbers_.assign(steps.size(), 0);
  std::array<std::uint32_t, kActorMax> count{};
  for (std::size_t at = 0; at < steps.size(); ++at) {
    auto& clock = clocks_[at];
    numbers_[at] = ++count[steps[at].actor];
    for (std::size_t i = 0; i < at; ++i) {
      const bool is_after =
          steps[i].actor == steps[at].actor || !is_independent(steps[i].what, steps[at].what);
      if (!is_after || clock[steps[i].actor] >= numbers_[i]) continue;
      for (std::size_t actor = 0; actor < kActorMax; ++actor)
        clock[actor] = std::max(clock[actor], clocks_[i][actor]);
    }
    clock[steps[at].actor] = numbers_[at];
  }
}

bool Judge::must_precede(std::size_t first, std::size_t second) const {
  if (second == kNever) return true;
  if (first >= clocks_.size() || second >= clocks_.size()) return false;
  return clocks_[second][play_.steps()[first].actor] >= numbers_[first];
}

std::size_t Judge::committed(std::size_t delivery) const {
  const std::size_t stamp = stamps_[delivery];
  return stamp < commit_steps_.size() ? commit_steps_[stamp] : kNever;
}

std::size_t Judge::first_committed(char branch, int from, int to) const {
  std::size_t first = kNever;
  for (std::size_t i = 0; i < stamps_.size(); ++i) {
    if (strays_[i]) continue;
    if (is_response(play_.deliveries()[i].datagram, branch, from, to)) first = std::min(first, committed(i));
  }
  return first;
}

bool Judge::was_ringing(char branch) const {
  return std::any_of(play_.scenario().setup.begin(), play_.scenario().setup.end(),
                     [branch](const ScenarioDatagram& one) { return is_response(one, branch, 100, 199); });
}

bool Judge::was_final(char branch) const {
  return std::any_of(play_.scenario().setup.begin(), play_.scenario().setup.end(),
                     [branch](const ScenarioDatagram& one) { return is_response(one, branch, 200, 699); });
}

bool Judge::was_closed() const {
  return std::any_of(play_.scenario().setup.begin(), play_.scenario().setup.end(), closes);
}

// I1: nothing leaves while its decision is not in force.
void Judge::check_commits() {
  std::set<Actor> deciding;
  const std::vector<PlayedStep>& steps = play_.steps();
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (steps[i].what.point == Point::kDecide) deciding.insert(steps[i].actor);
    if (steps[i].what.point == Point::kCommit || steps[i].is_death) deciding.erase(steps[i].actor);
    if (steps[i].what.point != Point::kSend || !deciding.contains(steps[i].actor)) continue;
    fail("I1", fmt::format("worker {} sends before it commits", letter_of(steps[i].actor)));
  }
}

void Judge::check_upstream() {
  bool final_up = false;
  bool success_up = false;
  std::set<std::string> failures;
  std::size_t last_number = 0;
  std::map<char, bool> answered;
  std::set<std::string> dialogs;
  for (const Sent& one : play_.setup_wire()) {
    if (!is_up(one, 0, 200, 699)) continue;
    final_up = true;
    if (one.status >= 300) failures.insert(one.bytes);
    if (one.status >= 300) continue;
    success_up = true;
    answered[one.branch] = true;
    dialogs.insert(one.tag);
  }
  for (std::size_t i = 0; i < play_.race_wire(); ++i) {
    const Sent& one = play_.wire()[i];
    if (!is_up(one, 0, 100, 699)) continue;
    if (one.status < 200) {
      if (final_up) fail("I3", fmt::format("{} went up after a final", one.label()));
      if (answered[one.branch])
        fail("W21", fmt::format("{} overtaken by the 200 of {}", one.label(), one.branch));
      continue;
    }
    if (one.status >= 300) {
      failures.insert(one.bytes);  // One that is repeated has the same bytes.
      if (success_up || failures.size() > 1)
        fail("I2", fmt::format("{} went up after another final", one.label()));
    } else {
      success_up = true;
      answered[one.branch] = true;
      const bool is_first = dialogs.insert(one.tag).second;
      if (!is_first) continue;  // A repetition may come at any time.
      std::size_t number = kNever;
      for (std::size_t d = 0; d < stamps_.size(); ++d) {
        const ScenarioDatagram& datagram = play_.deliveries()[d].datagram;
        const bool is_it = is_response(datagram, one.branch, 200, 299) && datagram.to_tag() == one.tag;
        if (is_it) number = std::min(number, stamps_[d]);
      }
      if (number != kNever && number < last_number) {
        fail("W2", fmt::format("{} left after a later 200", one.label()));
      }
      if (number != kNever) last_number = number;
    }
    final_up = true;
  }
  if (policies_.late_2xx != LatePolicy::kForward && dialogs.size() > 1) {
    fail("I4", fmt::format("{} dialogs went up", dialogs.size()));
  }
}

// I3. The proxy's own 100 answers an INVITE, a new one or again; a phone's has no tag either.
void Judge::check_trying() {
  const auto& all = play_.deliveries();
  const auto asked = std::count_if(all.begin(), all.end(),
                                   [](const Delivery& one) { return one.datagram.what == What::kInvite; });
  const auto& wire = play_.wire();
  const auto end = wire.begin() + static_cast<std::ptrdiff_t>(play_.race_wire());
  const auto told = std::count_if(wire.begin(), end, [](const Sent& one) { return one.is_up(100); });
  if (told > asked) fail("I3", "a 100 was relayed");
}

// I13, 16.7 step 7: a challenge that goes up brings those of the other branches, so that one retry will do.
void Judge::check_challenges() {
  for (std::size_t i = 0; i < play_.race_wire(); ++i) {
    const Sent& one = play_.wire()[i];
    if (!one.is_up(401) && !one.is_up(407)) continue;
    for (std::size_t d = 0; d < stamps_.size(); ++d) {
      const ScenarioDatagram& other = play_.deliveries()[d].datagram;
      const bool asks = other.what == What::kResponse && (other.status == 401 || other.status == 407);
      if (!asks || committed(d) > one.step || strays_[d]) continue;
      if (one.bytes.find(challenge_of(other.to_tag())) != std::string::npos) continue;
      fail("I13", fmt::format("{} went up without the challenge of {}", one.label(), other.branch));
    }
  }
}

// At which step its sender last looked before it left; kNever: it did not.
std::size_t Judge::last_look(const Sent& cancel) const {
  const std::vector<PlayedStep>& steps = play_.steps();
  const shm::EntryRecord& entry = play_.entry();
  std::size_t looked = kNever;
  for (std::size_t i = 0; i < cancel.step; ++i) {
    const bool is_look = steps[i].actor == cancel.worker && steps[i].what.point == Point::kPeek;
    if (is_look && steps[i].what.resource != resource_of(&entry) && looked == kNever) looked = i;
    if (steps[i].actor == cancel.worker && steps[i].what.point == Point::kRelease) looked = kNever;
  }
  return looked;
}

// I6, O9: no CANCEL to a phone whose final somebody had taken from the kernel when its sender last looked.
// What comes after the look cannot be told from what comes after the CANCEL.
void Judge::check_look_ahead(const Sent& cancel) {
  const std::size_t looked = last_look(cancel);
  for (const Delivery& delivery : play_.deliveries()) {
    if (looked == kNever || !is_response(delivery.datagram, cancel.branch, 200, 699)) continue;
    if (delivery.received >= looked) continue;
    fail("I6", fmt::format("CANCEL {} though {} was in hand", cancel.branch, delivery.datagram.text()));
  }
}

// I9: a 2xx that goes up behind its branch's CANCEL came too late to stop it, and is wanted.
void Judge::check_late_success() {
  std::map<char, const Sent*> cancels;
  bool success_up = false;
  for (const Sent& one : play_.setup_wire()) success_up = success_up || is_up(one, 0, 200, 299);
  for (std::size_t i = 0; i < play_.race_wire(); ++i) {
    const Sent& one = play_.wire()[i];
    if (one.is_request("CANCEL") && !one.is_forwarded_cancel()) cancels.insert({one.branch, &one});
    if (!is_up(one, 0, 200, 299)) continue;
    const bool is_first = !success_up;
    success_up = true;
    const auto cancel = cancels.find(one.branch);
    if (cancel == cancels.end() || !policies_.is_strict) continue;
    if (!is_first && policies_.late_2xx != transaction::LatePolicy::kForward)
      fail("I9", fmt::format("{} was cancelled, and goes up as a second 2xx", one.label()));
    const std::size_t looked = last_look(*cancel->second);
    bool is_known = first_committed(one.branch, 200, 299) < cancel->second->step;
    for (const Delivery& delivery : play_.deliveries()) {
      if (looked == kNever || !is_response(delivery.datagram, one.branch, 200, 299)) continue;
      is_known = is_known || delivery.received < looked;
    }
    if (is_known) fail("I9", fmt::format("{} was in hand when its CANCEL left", one.label()));
  }
}

void Judge::check_cancels() {
  std::map<char, std::string> first;
  std::map<char, std::string> invites;
  for (const std::vector<Sent>* wire : {&play_.setup_wire(), &play_.wire()}) {
    for (const Sent& one : *wire) {
      if (one.is_request("INVITE")) invites[one.branch] = one.bytes;
    }
  }
  for (std::size_t i = 0; i < play_.race_wire(); ++i) {
    const Sent& one = play_.wire()[i];
    if (!one.is_request("CANCEL") || one.is_forwarded_cancel()) continue;
    const auto [known, is_new] = first.insert({one.branch, one.bytes});
    if (!is_new && (play_.scenario().clock_ms.empty() || known->second != one.bytes)) {
      fail("I7", fmt::format("two CANCELs to {}", one.branch));
    }
    if (!was_ringing(one.branch) && !must_precede(first_committed(one.branch, 100, 199), one.step)) {
      fail("I5", fmt::format("CANCEL {} before a 1xx of it", one.branch));
    }
    const std::size_t final_at = was_final(one.branch) ? 0 : first_committed(one.branch, 200, 699);
    if (is_new && policies_.is_strict) check_look_ahead(one);
    if (is_new && !must_precede(one.step, final_at)) {
      fail("I6", fmt::format("CANCEL {} though its final was decided on before", one.branch));
      fail("W4", fmt::format("CANCEL {} to a phone that has answered", one.branch));
    }
    if (invites.contains(one.branch)) {
      const std::string differs = difference(invites[one.branch], one.bytes);
      if (!differs.empty()) fail("I7", fmt::format("CANCEL {} has another {}", one.branch, differs));
    }
  }
}

// O6: what a 2xx causes comes after it.
void Judge::check_cancel_order() {
  bool success_up = false;
  for (const Sent& one : play_.setup_wire()) success_up = success_up || is_up(one, 0, 200, 299);
  for (std::size_t i = 0; i < play_.race_wire(); ++i) {
    const Sent& one = play_.wire()[i];
    if (is_up(one, 0, 200, 299)) success_up = true;
    const bool by_success = one.is_request("CANCEL") && one.bytes.find("cause=200") != std::string::npos;
    if (by_success && !success_up)
      fail("W5", fmt::format("CANCEL {} before the 200 that caused it", one.branch));
  }
}

// I8: who rings when the call is decided hears of it.
void Judge::check_duty() {
  std::size_t closed = was_closed() ? 0 : kNever;
  bool by_caller = false;
  for (std::size_t i = 0; i < stamps_.size(); ++i) {
    const ScenarioDatagram& one = play_.deliveries()[i].datagram;
    if (!closes(one) || committed(i) >= closed) continue;
    closed = committed(i);
    by_caller = one.what == What::kCancel;
  }
  if (closed == kNever) return;
  for (unsigned i = 0; i < play_.scenario().branches; ++i) {
    const char branch = static_cast<char>('A' + i);
    const bool rings = was_ringing(branch) || first_committed(branch, 100, 199) != kNever;
    if (!rings || was_final(branch) || first_committed(branch, 200, 699) != kNever) continue;
    bool is_told =
        std::any_of(play_.setup_wire().begin(), play_.setup_wire().end(),
                    [branch](const Sent& one) { return one.is_request("CANCEL") && one.branch == branch; });
    for (std::size_t at = 0; at < play_.race_wire(); ++at) {
      is_told = is_told || (play_.wire()[at].is_request("CANCEL") && play_.wire()[at].branch == branch);
    }
    if (is_told) continue;
    fail("I8", fmt::format("{} rings and is never cancelled", branch));
    if (!was_ringing(branch)) fail(by_caller ? "W8" : "W1", fmt::format("the CANCEL to {} is lost", branch));
  }
}

// O10: nobody is called once the call is decided.
void Judge::check_invites() {
  std::size_t cancelled = kNever;
  for (std::size_t i = 0; i < stamps_.size(); ++i) {
    if (play_.deliveries()[i].datagram.what == What::kCancel) cancelled = std::min(cancelled, committed(i));
  }
  bool final_up = false;
  // A repetition (Timer A) calls nobody anew; its 1xx is answered by the CANCEL.
  std::set<std::string> called;
  for (const Sent& one : play_.setup_wire()) {
    if (one.is_request("INVITE")) called.insert(one.bytes);
  }
  for (std::size_t i = 0; i < play_.race_wire(); ++i) {
    const Sent& one = play_.wire()[i];
    if (is_up(one, 0, 200, 699) || one.label() == "200 cancel") final_up = true;
    if (!one.is_request("INVITE")) continue;
    if (!called.insert(one.bytes).second && !play_.scenario().clock_ms.empty()) continue;
    // A CANCEL that came before its INVITE was known cancels nothing.
    const bool is_late = final_up && cancelled != kNever;
    if (is_late) fail("W3", fmt::format("INVITE {} after the call was over", one.branch));
  }
}

void Judge::check_acks() {
  std::string winner;
  for (const Sent& one : play_.setup_wire()) {
    if (is_up(one, 0, 200, 299) && winner.empty()) winner = one.tag;
  }
  for (std::size_t i = 0; i < play_.race_wire() && winner.empty(); ++i) {
    if (is_up(play_.wire()[i], 0, 200, 299)) winner = play_.wire()[i].tag;
  }
  // Before a 2xx went up, the caller's CANCEL decides; after it, the policy for late ones.
  const bool ends = (winner.empty() ? policies_.cancelled_2xx : policies_.late_2xx) == LatePolicy::kTerminate;
  std::map<std::string, std::pair<int, int>> acks;  // By tag: owed, sent.
  for (std::size_t i = 0; i < stamps_.size(); ++i) {
    const ScenarioDatagram& one = play_.deliveries()[i].datagram;
    if (stamps_[i] == kNever || strays_[i]) continue;
    if (one.what == What::kAck) ++acks[one.to_tag()].first;
    if (one.what != What::kResponse || one.status < 200) continue;
    const auto relays_it = [&](const Sent& sent) {
      return is_up(sent, 0, 200, 299) && sent.tag == one.to_tag();
    };
    const bool is_relayed = std::any_of(play_.wire().begin(), play_.wire().end(), relays_it) ||
                            std::any_of(play_.setup_wire().begin(), play_.setup_wire().end(), relays_it);
    if (one.status >= 300 || (ends && !is_relayed)) {
      ++acks[one.to_tag()].first;
    }
  }
  for (std::size_t i = 0; i < play_.race_wire(); ++i) {
    if (play_.wire()[i].is_request("ACK")) ++acks[play_.wire()[i].tag].second;
  }
  for (const auto& [tag, counts] : acks) {
    if (counts.first != counts.second) {
      fail("I11",
           fmt::format("{} ACKs where {} are owed, to the dialog {}", counts.second, counts.first, tag));
    }
  }
}

// I10, and who else is ended.
void Judge::check_dialogs() {
  std::map<std::string, bool> acked;
  std::map<std::string, int> ended;
  std::set<std::string> up;
  for (const Sent& one : play_.setup_wire()) {
    if (is_up(one, 0, 200, 299)) up.insert(one.tag);
  }
  for (std::size_t i = 0; i < play_.race_wire(); ++i) {
    const Sent& one = play_.wire()[i];
    if (is_up(one, 0, 200, 299)) up.insert(one.tag);
    if (one.is_request("ACK")) acked[one.tag] = true;
    if (!one.is_request("BYE")) continue;
    const bool is_callers = one.bytes.find("z9hG4bKbye") != std::string::npos;
    if (!acked[one.tag]) {
      fail(is_callers ? "W21" : "I10", fmt::format("BYE {} before its ACK", one.branch));
    }
    if (is_callers) continue;
    if (++ended[one.tag] > 1 && play_.scenario().clock_ms.empty())
      fail("I10", fmt::format("two BYEs to {}", one.branch));
    if (up.contains(one.tag)) fail("I10", fmt::format("{} was relayed and is ended", one.branch));
  }
  for (std::size_t i = 0; i < stamps_.size(); ++i) {
    const ScenarioDatagram& one = play_.deliveries()[i].datagram;
    if (one.what != What::kResponse || one.status < 200 || one.status >= 300 || stamps_[i] == kNever ||
        strays_[i])
      continue;
    const bool is_up_or_ended = up.contains(one.to_tag()) || ended[one.to_tag()] > 0;
    if (is_up_or_ended || policies_.late_2xx == LatePolicy::kDrop) continue;
    fail("I4", fmt::format("nothing became of {}", one.text()));
  }
}

// Packets 9 to 13: both have answered, then 200 of one, CANCEL to the other, 200 of the other.
void Judge::check_ticket() {
  const std::vector<Sent>& wire = play_.wire();
  for (std::size_t i = 0; i < play_.race_wire(); ++i) {
    if (!is_up(wire[i], 0, 200, 299)) continue;
    for (std::size_t j = i + 1; j < play_.race_wire(); ++j) {
      if (!wire[j].is_request("CANCEL") || wire[j].branch == wire[i].branch) continue;
      const bool had_answered = !must_precede(wire[j].step, first_committed(wire[j].branch, 200, 299));
      for (std::size_t k = j + 1; k < play_.race_wire() && had_answered; ++k) {
        if (is_up(wire[k], wire[j].branch, 200, 299)) fail("ticket", "packets 9 to 13");
      }
    }
  }
}

Violations Judge::judge_race() {
  found_.clear();
  if (!play_.problem().empty()) {
    fail("I20", play_.problem());
    return found_;
  }
  read_commits();
  order_steps();
  check_commits();
  check_upstream();
  check_trying();
  check_challenges();
  check_cancels();
  check_late_success();
  check_cancel_order();
  check_duty();
  check_invites();
  check_acks();
  check_dialogs();
  check_ticket();
  check_answers();
  check_registrations();
  return found_;
}

}  // namespace lockstep::explore
