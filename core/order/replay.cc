// Replay. Equal arguments give equal decisions, so the first difference is a difference of the binary or of
// the record.
#include "core/order/replay.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>

#include "core/order/call.h"
#include "core/order/wire.h"
#include "core/order/words.h"

namespace lockstep::order {
namespace {

namespace tx = transaction;
using Kind = tx::ActionKind;
using shm::LogKind;

// What an action puts on the wire, as far as the machine knows it.
struct Expected {
  enum class What : std::uint8_t { kResponse, kRequest, kCancel, kAck, kBye };
  What what = What::kResponse;
  tx::Status status = 0;  // 0: any.
  bool may_lack = false;  // The script may drop it (a 1xx in onreply_route), or there is nothing to send.
  std::string name;
};

// False: nothing of it is sent.
bool expect(const tx::Action& action, Expected& expected) {
  using What = Expected::What;
  expected.name = words_of(tx::name_of(action.kind));
  const auto set = [&expected](What what, tx::Status status, bool may_lack = false) {
    expected.what = what;
    expected.status = status;
    expected.may_lack = may_lack;
    return true;
  };
  if (action.kind == Kind::kRespondLocal || action.kind == Kind::kRespondBest) {
    return set(What::kResponse, action.status);
  }
  if (action.kind == Kind::kRelayResponse) {
    return set(What::kResponse, action.status, tx::is_provisional(action.status));
  }
  if (action.kind == Kind::kRetransmitResponse) return set(What::kResponse, 0, true);
  if (action.kind == Kind::kAnswerCancel) return set(What::kResponse, 200);
  if (action.kind == Kind::kForwardRequest) return set(What::kRequest, 0);
  if (action.kind == Kind::kRetransmitRequest) return set(What::kRequest, 0, true);
  if (action.kind == Kind::kCancelBranch || action.kind == Kind::kRetransmitCancel) {
    return set(What::kCancel, 0);
  }
  if (action.kind == Kind::kAckBranch) return set(What::kAck, 0);
  // A 2xx without a Contact that can be used has a dialog in which nothing can be sent.
  if (action.kind == Kind::kAckDialog) return set(What::kAck, 0, true);
  if (action.kind == Kind::kByeDialog || action.kind == Kind::kRetransmitBye) return set(What::kBye, 0, true);
  return false;  // Withdrawals, what is kept, what the script runs, the ends.
}

bool fits(const Expected& expected, const Wire& wire) {
  using What = Expected::What;
  switch (expected.what) {
    case What::kResponse:
      return wire.is_response && (expected.status == 0 || wire.status == expected.status);
    case What::kRequest:
      return !wire.is_response && wire.method != "CANCEL";
    case What::kCancel:
      return wire.is_request("CANCEL");
    case What::kAck:
      return wire.is_request("ACK");
    case What::kBye:
      return wire.is_request("BYE");
  }
  return false;
}

class Comparison {
 public:
  explicit Comparison(const Log& log) : log_(log) {}

  Replay run() {
    for (const Call& call : calls_of(log_)) {
      ++result_.calls;
      compare_call(call);
      if (!result_.departure.empty()) break;
    }
    return std::move(result_);
  }

 private:
  void compare_call(const Call& call) {
    std::map<std::uint64_t, std::vector<const Decision*>> by_stamp;
    const std::vector<Thread> threads = threads_of(log_, call);
    for (const Thread& thread : threads) {
      if (!thread.is_whole) {
        ++result_.incomplete;
        continue;
      }
      for (std::size_t i = 0; i < thread.decisions.size(); ++i) {
        const Decision& decision = thread.decisions[i];
        ++result_.decisions;
        if (!decision.is_same) return depart_at(call, i + 1, decision);
        by_stamp[decision.record->head.stamp].push_back(&decision);
      }
    }
    compare_wire(call, by_stamp);
  }

  void depart_at(const Call& call, std::size_t number, const Decision& decision) {
    const shm::LogDecision& recorded = decision.record->head.decision;
    Decision told = decision;
    Decision kept = decision;
    kept.step = {};
    kept.after = kept.before;
    kept.step.ignored = static_cast<tx::Why>(recorded.ignored);
    for (std::size_t i = 0; i < std::min<std::size_t>(recorded.action_count, shm::kLoggedActions); ++i) {
      tx::Action action;
      action.kind = static_cast<Kind>(recorded.actions[i].kind);
      action.branch = tx::BranchIndex{recorded.actions[i].branch};
      kept.step.actions.push_back(action);
    }
    result_.departure =
        fmt::format("call {}, decision {} ({}): recorded {} (digest {:016x}), now {} (digest {:016x})",
                    call.id, number, event_text(decision), actions_text(kept), recorded.digest,
                    actions_text(told), shm::digest_of(told.step.actions));
  }

  // Of each event, the datagrams in the order of its actions. Between them may stand what the script sent
  // without a transaction. The last event of the record may not have been flushed yet.
  void compare_wire(const Call& call, const std::map<std::uint64_t, std::vector<const Decision*>>& by_stamp) {
    const std::uint64_t last_stamp = call.records.back()->head.stamp;
    const Record* previous = nullptr;
    for (const Record* record : call.by_time) {
      if (record->head.kind < LogKind::kSent) continue;
      if (previous != nullptr && previous->head.stamp > record->head.stamp) {
        result_.departure = fmt::format("call {}: what event {} decided left after what event {} decided",
                                        call.id, record->head.stamp, previous->head.stamp);
        return;
      }
      previous = record;
    }
    for (const auto& [stamp, decisions] : by_stamp) {
      compare_event(call, stamp, decisions, stamp == last_stamp);
      if (!result_.departure.empty()) return;
    }
  }

  void compare_event(const Call& call, std::uint64_t stamp, const std::vector<const Decision*>& decisions,
                     bool may_be_unsent) {
    std::vector<Wire> sent;
    for (const Record* record : call.records) {
      if (record->head.stamp != stamp || record->head.kind < LogKind::kSent) continue;
      if (!record->has_bytes) {
        ++result_.unread;
        return;
      }
      sent.push_back(read_wire(record->bytes));
    }
    result_.datagrams += sent.size();
    std::size_t next = 0;
    for (const Decision* decision : decisions) {
      for (const tx::Action& action : decision->step.actions) {
        Expected expected;
        if (!expect(action, expected)) continue;
        std::size_t at = next;
        while (at < sent.size() && !fits(expected, sent[at])) ++at;
        if (at < sent.size()) {
          next = at + 1;
        } else if (!expected.may_lack && !may_be_unsent) {
          result_.departure = fmt::format(
              "call {}, event {}: '{}' was decided and is not on the wire in its "
              "place, which holds {}",
              call.id, stamp, expected.name, listed(sent));
          return;
        }
      }
    }
  }

  static std::string listed(const std::vector<Wire>& sent) {
    std::string text;
    for (const Wire& wire : sent) text += (text.empty() ? "" : ", ") + wire.summary();
    return text.empty() ? "nothing" : text;
  }

  const Log& log_;
  Replay result_;
};

}  // namespace

std::string Replay::text() const {
  std::string line = fmt::format("{}, {}, {}: ", counted(calls, "call"), counted(decisions, "decision"),
                                 counted(datagrams, "datagram"));
  line += is_identical() ? "identical" : "not identical\nfirst departure: " + departure;
  if (incomplete > 0) {
    line += fmt::format("\nnot compared: {} without a beginning, which has been overwritten",
                        counted(incomplete, "transaction"));
  }
  if (unread > 0) {
    line += fmt::format("\nnot compared: the wire of {}, whose messages have been overwritten",
                        counted(unread, "event"));
  }
  return printable(line + "\n");
}

Replay replay(const Log& log) { return Comparison(log).run(); }

}  // namespace lockstep::order
