// judge_decisions.cc: the commits in their order, under the books of OrderChecker; what they decided against
// what left (I1); and what is left over in the end (I12, I19, I20).
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>

#include "core/explore/judge.h"
#include "core/explore/order_checker.h"
#include "core/order/call.h"
#include "core/worker/branch_id.h"

namespace lockstep::explore {
namespace {

namespace tx = transaction;
using tx::ActionKind;

// Which phone a branch is, by the Via of the request that reached it.
using Letters = std::map<std::tuple<std::uint32_t, std::uint32_t, unsigned>, char>;

struct Committed {
  const order::Decision* decision;
  bool is_invite;
  const Letters* letters;
  std::uint64_t stamp() const { return decision->record->head.stamp; }
};

void read_letters(const std::vector<Sent>& wire, std::uint64_t secret, Letters& letters) {
  for (const Sent& one : wire) {
    const std::size_t at = one.bytes.find(";branch=") + 8;
    const std::string_view text =
        std::string_view(one.bytes).substr(at, one.bytes.find_first_of(";\r", at) - at);
    const auto id = one.is_request("INVITE") ? worker::parse_branch(text, secret) : std::nullopt;
    if (id) letters.insert({{id->slot, id->generation, id->branch}, one.branch});
  }
}

// One whose request was withdrawn reached nobody.
char letter(const Committed& committed, tx::BranchIndex branch) {
  const order::Decision& decision = *committed.decision;
  const auto& branches = decision.after.branches;
  if (branch.value < branches.size() && branches[branch.value].is_twin())
    branch = branches[branch.value].twin_of;
  if (branch == tx::kNoBranch) return '-';
  const shm::LogRecord& record = decision.record->head;
  const auto found = committed.letters->find({record.transaction, record.generation, branch.value});
  return found != committed.letters->end() ? found->second : static_cast<char>('A' + branch.value);
}

void take_back(std::vector<std::string>& labels, const std::string& label) {
  for (std::size_t i = labels.size(); i-- > 0;) {
    if (labels[i] != label) continue;
    labels.erase(labels.begin() + static_cast<std::ptrdiff_t>(i));
    return;
  }
}

// What the action puts on the wire, appended; withdrawals take back.
void label(const Committed& committed, const tx::Action& action, std::vector<std::string>& labels) {
  const char to = letter(committed, action.branch);
  const auto add = [&labels](std::string text) { labels.push_back(std::move(text)); };
  switch (action.kind) {
    case ActionKind::kRespondLocal:
      return add(fmt::format("{} -", action.status));
    case ActionKind::kRelayResponse:
    case ActionKind::kRespondBest:
      return add(committed.is_invite ? fmt::format("{} {}", action.status, to)
                                     : fmt::format("{} BYE", action.status));
    case ActionKind::kRetransmitResponse:
      return add(fmt::format("{} *", committed.decision->after.server.last_status));
    case ActionKind::kAnswerCancel:
      return add("200 cancel");
    case ActionKind::kForwardRequest:
    case ActionKind::kRetransmitRequest:
      return add(fmt::format("{} {}", committed.is_invite ? "INVITE" : "BYE", to));
    case ActionKind::kCancelBranch:
    case ActionKind::kRetransmitCancel:
      return add(fmt::format("CANCEL {}", to));
    case ActionKind::kWithdrawRequest:
      return take_back(labels, fmt::format("INVITE {}", to));
    case ActionKind::kWithdrawCancel:
      return take_back(labels, fmt::format("CANCEL {}", to));
    case ActionKind::kAckDialog:
    case ActionKind::kAckBranch:
      return add(fmt::format("ACK {}", to));
    case ActionKind::kByeDialog:
    case ActionKind::kRetransmitBye:
      return add(fmt::format("BYE {}", to));
    case ActionKind::kByeEnded:
    case ActionKind::kStoreFinal:
    case ActionKind::kRunFailureRoute:
    case ActionKind::kEnd:
      return;
  }
}

bool fits(const std::string& decided, const std::string& seen) {
  if (decided.ends_with('*')) return seen.starts_with(decided.substr(0, decided.size() - 1));
  return decided == seen;
}

}  // namespace

order::Log log_of(Play& play) {
  shm::SharedState& state = play.testbed().state();
  std::vector<const shm::OrderLogArea*> rings;
  for (std::uint32_t worker = 1; worker <= state.worker_count; ++worker)
    rings.push_back(state.order_logs[worker]);
  return order::read_rings(state, state.entries, rings);
}

// I1. What the script sends without a transaction (the caller's ACK, answers to REGISTER) is no decision.
void Judge::check_wire(const std::vector<std::string>& decided) {
  std::vector<std::string> seen;
  for (std::size_t i = 0; i < play_.race_wire(); ++i) {
    const Sent& one = play_.wire()[i];
    if (one.is_request("ACK") && one.bytes.find("z9hG4bKack") != std::string::npos) continue;
    if (one.is_forwarded_cancel() || one.is_registered()) continue;
    seen.push_back(one.label());
  }
  bool is_same = seen.size() == decided.size();
  for (std::size_t i = 0; is_same && i < seen.size(); ++i) is_same = fits(decided[i], seen[i]);
  if (!is_same)
    fail("I1", fmt::format("decided: {}; on the wire: {}", fmt::join(decided, "; "), fmt::join(seen, "; ")));
}

// I15, O12: a response that meets no transaction is nothing that goes up.
void Judge::check_strays(const std::vector<std::string>& decided, const std::set<std::uint64_t>& stamps) {
  for (std::size_t i = 0; i < stamps_.size(); ++i) {
    const ScenarioDatagram& stray = play_.deliveries()[i].datagram;
    if (stray.what != ScenarioDatagram::What::kResponse || stamps_[i] == Delivery::kNever) continue;
    if (stamps.contains(play_.first_stamp() + 1 + stamps_[i])) continue;
    const std::string label = fmt::format("{} {}", stray.status, stray.branch);
    const auto sent = std::count_if(play_.wire().begin(),
                                    play_.wire().begin() + static_cast<std::ptrdiff_t>(play_.race_wire()),
                                    [&label](const Sent& one) { return one.label() == label; });
    const auto wanted = std::count_if(decided.begin(), decided.end(),
                                      [&label](const std::string& one) { return fits(one, label); });
    if (sent > wanted) fail("I15", fmt::format("{} met no transaction and went up", label));
  }
}

Violations Judge::judge_decisions() {
  found_.clear();
  const order::Log log = log_of(play_);
  Letters letters;
  const std::uint64_t secret = play_.testbed().state().branch_secret;
  read_letters(play_.setup_wire(), secret, letters);
  read_letters(play_.wire(), secret, letters);
  std::vector<Committed> all;
  std::vector<std::vector<order::Thread>> kept;
  for (const order::Call& call : order::calls_of(log)) {
    kept.push_back(order::threads_of(log, call));
    for (const order::Thread& thread : kept.back()) {
      if (!thread.is_whole) fail("I19", "the order log lacks the beginning of a transaction");
      tx::OrderChecker checker(log.baseline);
      for (const order::Decision& decision : thread.decisions) {
        if (!decision.is_same) fail("O3", "a recorded decision is not what the machines decide");
        all.push_back({&decision, thread.is_invite(), &letters});
        if (!policies_.is_strict) continue;
        const std::string broken = checker.observe(decision.event, decision.step.actions);
        if (!broken.empty()) fail(broken.substr(0, broken.find(':')), broken.substr(broken.find(':') + 2));
      }
    }
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const Committed& a, const Committed& b) { return a.stamp() < b.stamp(); });
  std::vector<std::string> decided;
  std::set<std::uint64_t> stamps;
  for (const Committed& one : all) {
    stamps.insert(one.stamp());
    if (one.stamp() <= play_.first_stamp()) continue;
    for (const tx::Action& action : one.decision->step.actions) label(one, action, decided);
  }
  check_wire(decided);
  check_strays(decided, stamps);
  return found_;
}

Violations Judge::judge_effects() {
  found_.clear();
  read_commits();
  const order::Log log = log_of(play_);
  std::size_t events = 0;
  std::map<std::uint32_t, std::uint64_t> firsts;  // By entry: where the race begins.
  for (const Delivery& one : play_.deliveries()) firsts[one.entry] = one.first_stamp;
  for (const order::Record& record : log.records) {
    const auto first = firsts.find(record.head.entry);
    const bool is_of_race = first != firsts.end() && record.head.stamp > first->second;
    if (record.head.kind == shm::LogKind::kReceived && is_of_race) ++events;
  }
  for (std::size_t i = 0; i < stamps_.size(); ++i) {
    if (stamps_[i] == Delivery::kNever)
      fail("I20", fmt::format("{} had no effect", play_.deliveries()[i].datagram.text()));
  }
  if (events > stamps_.size())
    fail("I20", fmt::format("{} datagrams had {} effects", stamps_.size(), events));
  return found_;
}

Violations Judge::judge_rest() {
  found_.clear();
  if (!play_.problem().empty()) fail("I19", play_.problem());
  std::string unrest = play_.testbed().unrest();
  for (std::size_t at = 0; at < unrest.size(); at = unrest.find('\n', at) + 1) {
    fail("I19", unrest.substr(at, unrest.find('\n', at) - at));
  }
  std::set<std::string> failures;  // One that is repeated has the same bytes.
  bool success = false;
  for (const std::vector<Sent>* wire : {&play_.setup_wire(), &play_.wire()}) {
    for (const Sent& one : *wire) {
      if (!is_up(one, 0, 200, 699)) continue;
      success = success || one.status < 300;
      if (one.status < 300) continue;
      if (failures.insert(one.bytes); failures.size() > 1) fail("I12", "the caller got two finals");
      if (success) fail("I2", fmt::format("{} went up after a 2xx", one.label()));
    }
  }
  if (!success && failures.empty()) fail("I12", "the caller got no final");
  return found_;
}

}  // namespace lockstep::explore
