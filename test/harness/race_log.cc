#include "test/harness/race_log.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace lockstep::harness {
namespace {

constexpr std::int64_t kMs = 1000000;
// Far less than T1 apart, two copies of a CANCEL are no retransmission, however late the first one left.
constexpr std::int64_t kNoRetransmission = 100 * kMs;
// What ends a repetition may lie in a socket while a worker waits for the processor: the first copy, T1
// later, is excused; whoever goes on repeating is caught by the second, 3 T1 later.
constexpr std::int64_t kCrossing = 900 * kMs;

const char* name_of(Party party) {
  switch (party) {
    case Party::kCaller:
      return "caller";
    case Party::kA:
      return "A";
    case Party::kB:
      return "B";
  }
  return "?";
}

bool is_2xx(const Packet& packet) {
  return packet.method == "INVITE" && packet.status >= 200 && packet.status < 300;
}
bool is_failure(const Packet& packet) { return packet.method == "INVITE" && packet.status >= 300; }

void sort_by_time(CallLog& log) {
  std::stable_sort(log.packets.begin(), log.packets.end(),
                   [](const Packet& a, const Packet& b) { return a.at_ns < b.at_ns; });
}

// When a CANCEL came to a phone that had sent its 200 before; 0: never. The log is in order of time.
std::int64_t cancelled_after_200_ns(const CallLog& log, Party party) {
  bool has_answered = false;
  for (const Packet& packet : log.packets) {
    if (packet.party != party) continue;
    has_answered = has_answered || (packet.is_sent && is_2xx(packet));
    if (has_answered && !packet.is_sent && packet.method == "CANCEL") return packet.at_ns;
  }
  return 0;
}

// One call under examination: each rule is a member, faults are gathered.
class Examination {
 public:
  Examination(const CallLog& log, const RaceRules& rules) : log_(log), rules_(rules) {
    for (const Packet& packet : log_.packets) {
      if (packet.party != Party::kCaller) continue;
      if (packet.is_sent && packet.method == "CANCEL") caller_cancelled_ = true;
      if (packet.is_sent || !is_2xx(packet)) continue;
      if (first_2xx_ns_ == 0) first_2xx_ns_ = packet.at_ns;
      relayed_.insert(packet.tag);
    }
  }

  std::vector<std::string> run() {
    for (const Party party : {Party::kA, Party::kB}) {
      check_invite(party);
      check_cancel(party);
      check_failures(party);
      if (rules_.cancel_holdoff_ms > 0) check_holdoff(party);
    }
    check_dialogs();
    check_caller();
    return std::move(faults_);
  }

 private:
  template <typename... Arguments>
  void fault(fmt::format_string<Arguments...> text, Arguments&&... arguments) {
    faults_.push_back(fmt::format(text, std::forward<Arguments>(arguments)...));
  }

  // I16: no INVITE is repeated after a response of its branch, whatever the caller repeats.
  void check_invite(Party party) {
    std::int64_t response_ns = 0;
    std::set<std::string> branches;
    for (const Packet& packet : log_.packets) {
      if (packet.party != party || packet.method != "INVITE") continue;
      if (packet.is_sent && response_ns == 0) response_ns = packet.at_ns;
      if (packet.is_sent) continue;
      branches.insert(packet.via_branch);
      if (response_ns != 0 && packet.at_ns - response_ns > kCrossing) {
        fault("{} got an INVITE long after it had answered one", name_of(party));
      }
    }
    if (branches.size() != 1) fault("{} got {} INVITE transactions", name_of(party), branches.size());
  }

  // O6, O8, I5, I7: who rings is cancelled once, after the 200, and after a 1xx of its own.
  void check_cancel(Party party) {
    bool rang = false;
    bool answered = false;
    std::int64_t final_ns = 0;
    std::int64_t cancel_answered_ns = 0;
    std::int64_t last_cancel_ns = 0;
    std::string invite_branch;
    std::set<std::string> branches;
    for (const Packet& packet : log_.packets) {
      if (packet.party != party) continue;
      if (packet.is_sent && packet.method == "INVITE") {
        rang = rang || (packet.status > 0 && packet.status < 200);
        answered = answered || is_2xx(packet);
        if (packet.status >= 200 && final_ns == 0) final_ns = packet.at_ns;
      }
      if (packet.is_sent && packet.method == "CANCEL" && cancel_answered_ns == 0) {
        cancel_answered_ns = packet.at_ns;
      }
      if (packet.is_sent || packet.status != 0) continue;
      if (packet.method == "INVITE") invite_branch = packet.via_branch;
      if (packet.method != "CANCEL") continue;
      branches.insert(packet.via_branch);
      if (!rang) fault("{} got a CANCEL before it had sent any 1xx", name_of(party));
      if (packet.via_branch != invite_branch) fault("{} got a CANCEL of another branch", name_of(party));
      if (last_cancel_ns != 0 && packet.at_ns - last_cancel_ns < kNoRetransmission) {
        fault("{} got two CANCELs closer than a retransmission", name_of(party));
      }
      if (cancel_answered_ns != 0 && packet.at_ns - cancel_answered_ns > kCrossing) {
        fault("{} got a CANCEL after it had answered one", name_of(party));
      }
      if (final_ns != 0 && packet.at_ns - final_ns > kCrossing) {
        fault("{} got a CANCEL long after its final", name_of(party));
      }
      if (packet.reason.find("cause=200") != std::string::npos) check_cause(party, packet);
      if (packet.reason.empty() && !caller_cancelled_)
        fault("{} got a CANCEL without Reason", name_of(party));
      last_cancel_ns = packet.at_ns;
    }
    if (branches.size() > 1) fault("{} got {} CANCEL transactions", name_of(party), branches.size());
    if (rang && !answered && branches.empty()) fault("{} rings on: no CANCEL came", name_of(party));
  }

  void check_cause(Party party, const Packet& cancel) {
    if (first_2xx_ns_ == 0) {
      fault("{} was cancelled for a 200 that never reached the caller", name_of(party));
    } else if (cancel.at_ns < first_2xx_ns_) {
      fault("{} was cancelled {:.3f} ms before the caller got the 200", name_of(party),
            static_cast<double>(first_2xx_ns_ - cancel.at_ns) / 1e6);
    }
  }

  // O9: no CANCEL comes to a phone that has sent its 200, where that left within the holdoff of the first
  // and the server took it up within the holdoff, as the ACK shows. A worker that is not given the processor
  // for so long leaves the 200 in its socket, and whoever holds the CANCEL cannot know of it.
  void check_holdoff(Party party) {
    const std::int64_t holdoff_ns = rules_.cancel_holdoff_ms * kMs;
    const std::int64_t cancelled_ns = cancelled_after_200_ns(log_, party);
    if (cancelled_ns == 0) return;
    std::int64_t first_200_ns = 0;
    std::int64_t own_200_ns = 0;
    std::int64_t ack_ns = 0;
    for (const Packet& packet : log_.packets) {
      const bool is_own = packet.party == party;
      if (packet.is_sent && is_2xx(packet)) {
        if (first_200_ns == 0) first_200_ns = packet.at_ns;
        if (is_own && own_200_ns == 0) own_200_ns = packet.at_ns;
      }
      if (is_own && !packet.is_sent && packet.method == "ACK" && ack_ns == 0) ack_ns = packet.at_ns;
    }
    if (own_200_ns - first_200_ns > holdoff_ns * 3 / 4) return;
    if (ack_ns != 0 && ack_ns - own_200_ns > holdoff_ns) return;
    fault("{} got a CANCEL {:.3f} ms after it had answered", name_of(party),
          static_cast<double>(cancelled_ns - own_200_ns) / 1e6);
  }

  // O17: each copy of a non-2xx final is acknowledged.
  void check_failures(Party party) {
    std::map<std::string, int> unanswered;
    for (const Packet& packet : log_.packets) {
      if (packet.party != party) continue;
      if (packet.is_sent && is_failure(packet)) ++unanswered[packet.tag];
      if (!packet.is_sent && packet.method == "ACK" && unanswered.count(packet.tag) > 0) {
        --unanswered[packet.tag];
      }
    }
    for (const auto& [tag, count] : unanswered) {
      if (count > 0) fault("{} waits for the ACK of {} non-2xx finals", name_of(party), count);
    }
  }

  struct Dialog {
    int copies = 0;  // Of its 2xx.
    int acks = 0;
    int refusals = 0;  // ACKs that refuse the offered media.
    bool bye_before_ack = false;
    std::set<std::string> bye_branches;
    bool bye_has_reason = true;
  };

  std::map<std::pair<Party, std::string>, Dialog> dialogs() const {
    std::map<std::pair<Party, std::string>, Dialog> found;
    for (const Packet& packet : log_.packets) {
      if (packet.party == Party::kCaller) continue;
      const auto key = std::make_pair(packet.party, packet.tag);
      if (packet.is_sent && is_2xx(packet)) ++found[key].copies;
      const auto one = found.find(key);
      if (one == found.end() || packet.is_sent || packet.status != 0) continue;
      Dialog& dialog = one->second;
      if (packet.method == "ACK") {
        ++dialog.acks;
        dialog.refusals += packet.refuses_media ? 1 : 0;
      }
      if (packet.method != "BYE") continue;
      dialog.bye_before_ack = dialog.bye_before_ack || dialog.acks == 0;
      dialog.bye_branches.insert(packet.via_branch);
      dialog.bye_has_reason = dialog.bye_has_reason && packet.reason.rfind("SIP;cause=", 0) == 0;
    }
    return found;
  }

  // O13, O14: each 2xx dialog has one disposition, and it is the configured one.
  void check_dialogs() {
    for (const auto& [key, dialog] : dialogs()) {
      const char* who = name_of(key.first);
      if (dialog.bye_before_ack) fault("{} got BYE before ACK in {}", who, key.second);
      if (relayed_.count(key.second) > 0) {
        if (dialog.acks < dialog.copies) {
          fault("{} sent {} 200s in {}, got {} ACKs", who, dialog.copies, key.second, dialog.acks);
        }
        if (dialog.bye_branches.size() != 1) {
          fault("{} got {} BYEs in the relayed {}", who, dialog.bye_branches.size(), key.second);
        }
        continue;
      }
      check_loser(who, key.second, dialog);
    }
  }

  void check_loser(const char* who, const std::string& tag, const Dialog& dialog) {
    const bool may_end = rules_.late_2xx == Late::kTerminate ||
                         (caller_cancelled_ && rules_.cancelled_2xx == Late::kTerminate);
    if (may_end) {
      if (dialog.acks != dialog.copies) {
        fault("{} sent {} 200s in the ended {}, got {} ACKs", who, dialog.copies, tag, dialog.acks);
      }
      if (dialog.refusals != dialog.acks) fault("{} got an ACK that does not refuse its offer", who);
      if (dialog.bye_branches.size() != 1) {
        fault("{} leaks: {} BYE transactions in {}", who, dialog.bye_branches.size(), tag);
      }
      if (!dialog.bye_has_reason) fault("{} got a BYE without Reason", who);
      return;
    }
    if (rules_.late_2xx == Late::kForward) {
      fault("{}'s 200 ({}) never reached the caller", who, tag);
    } else if (dialog.acks > 0 || !dialog.bye_branches.empty()) {
      fault("{}'s dropped 200 ({}) was acknowledged or ended", who, tag);
    }
  }

  // I2, I3, I12, I13: what the caller is told.
  void check_caller() {
    std::set<std::string> failures;
    bool has_final = false;
    bool cancel_answered = false;
    int byes = 0;
    for (const Packet& packet : log_.packets) {
      if (packet.party != Party::kCaller) continue;
      if (packet.is_sent && packet.method == "BYE") ++byes;
      if (packet.is_sent) continue;
      if (packet.method == "CANCEL" && packet.status == 200) cancel_answered = true;
      if (packet.method == "BYE" && packet.status != 200) fault("a BYE was answered {}", packet.status);
      if (packet.method == "BYE" && packet.status == 200) byes = 0;
      if (packet.method != "INVITE") continue;
      if (packet.status < 200 && has_final) fault("the caller got {} after a final", packet.status);
      has_final = has_final || packet.status >= 200;
      if (is_failure(packet)) failures.insert(fmt::format("{} {}", packet.status, packet.tag));
    }
    if (!has_final) fault("the caller got no final");
    if (failures.size() + (relayed_.empty() ? 0 : 1) > 1) {
      fault("the caller got {} failures and {} 200s", failures.size(), relayed_.size());
    }
    if (!caller_cancelled_ && !failures.empty()) fault("the call failed: {}", *failures.begin());
    if (caller_cancelled_ && !cancel_answered) fault("the caller's CANCEL was not answered 200");
    if (rules_.late_2xx != Late::kForward && relayed_.size() > 1) {
      fault("the caller got {} dialogs", relayed_.size());
    }
    if (byes > 0) fault("the caller's BYE was not answered");
  }

  const CallLog& log_;
  const RaceRules& rules_;
  bool caller_cancelled_ = false;
  std::int64_t first_2xx_ns_ = 0;  // At the caller.
  std::set<std::string> relayed_;  // To tags of the 2xx that the caller got.
  std::vector<std::string> faults_;
};

}  // namespace

std::vector<std::string> faults_of(CallLog log, const RaceRules& rules) {
  sort_by_time(log);
  return Examination(log, rules).run();
}

int answered_dialogs(const CallLog& log) {
  std::set<std::pair<Party, std::string>> found;
  for (const Packet& packet : log.packets) {
    if (packet.is_sent && is_2xx(packet)) found.insert({packet.party, packet.tag});
  }
  return static_cast<int>(found.size());
}

bool was_cancelled_after_200(CallLog log) {
  sort_by_time(log);
  return cancelled_after_200_ns(log, Party::kA) != 0 || cancelled_after_200_ns(log, Party::kB) != 0;
}

int count_received(const CallLog& log, const std::string& method, Party party) {
  return static_cast<int>(std::count_if(log.packets.begin(), log.packets.end(), [&](const Packet& packet) {
    return !packet.is_sent && packet.party == party && packet.status == 0 && packet.method == method;
  }));
}

std::string table_of(CallLog log) {
  sort_by_time(log);
  std::string text = log.call_id + "\n";
  for (const Packet& packet : log.packets) {
    const std::string what =
        packet.status == 0 ? packet.method : fmt::format("{} {}", packet.status, packet.method);
    text +=
        fmt::format("  {:12.3f}  {:6} {:3} {:11} {} {}\n",
                    static_cast<double>(packet.at_ns - log.packets.front().at_ns) / 1e6,
                    name_of(packet.party), packet.is_sent ? "out" : "in", what, packet.tag, packet.reason);
  }
  return text;
}

}  // namespace lockstep::harness
