// Why a call went as it did, in prose. Every sentence is read from the states that the machines passed
// through, not guessed from messages.
#include <fmt/core.h>

#include <algorithm>
#include <set>

#include "core/order/render.h"
#include "core/order/words.h"

namespace lockstep::order {
namespace {

namespace tx = transaction;
using shm::LogKind;

class Explanation {
 public:
  Explanation(const Log& log, const Call& call, const Scene& scene) : log_(log), call_(call), scene_(scene) {}

  std::string text() {
    say("Call-ID {}", call_.id);
    for (const std::string& remark : scene_.remarks) say("! {}", remark);
    bool has_invite = false;
    for (const Thread& thread : threads_of(log_, call_)) {
      if (!thread.is_whole) {
        say("The beginning of a transaction has been overwritten: why it went so cannot be told; its ladder "
            "shows what is left.");
      } else if (thread.is_invite()) {
        explain(thread, has_invite);
        has_invite = true;
      }
    }
    if (!has_invite) say("No INVITE of this call was worked in a transaction: there is nobody who won.");
    return std::move(out_);
  }

 private:
  template <typename... Arguments>
  void say(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    out_ += fmt::format(format, std::forward<Arguments>(arguments)...) + "\n";
  }
  std::string at(const Decision& decision) const {
    return "+" + since(scene_, decision.record->head.time_us) + " ms";
  }
  std::string at(const Record& record) const { return "+" + since(scene_, record.head.time_us) + " ms"; }

  void explain(const Thread& thread, bool is_further) {
    if (is_further) say("");
    const tx::State& end = thread.decisions.back().after;
    dialogs_.clear();
    say("{} INVITE, {} branch{}.", is_further ? "A further" : "The", end.branches.size(),
        end.branches.size() == 1 ? "" : "es");
    explain_final(thread);
    for (std::size_t i = 0; i < end.branches.size(); ++i) explain_branch(thread, i);
  }

  // The decision in which the context became final, and what went up before and after it.
  void explain_final(const Thread& thread) {
    for (const Decision& decision : thread.decisions) {
      const tx::Context& before = decision.before.context;
      const tx::Context& after = decision.after.context;
      if (!before.cancelled_by_caller && after.cancelled_by_caller) {
        say("The caller cancelled at {}: answered 200 at once; its INVITE gets its final when every branch "
            "has one.",
            at(decision));
      }
      if (!before.global_failure && after.global_failure) {
        say("A 6xx came from branch {} at {}: the others are cancelled, the 6xx goes up when they are final.",
            decision.event.branch.value, at(decision));
      }
      if (before.final_status == 0 && after.final_status != 0) explain_winner(decision);
      explain_success(decision, before.final_status);
    }
    if (thread.decisions.back().after.context.final_status == 0) say("No final response has gone up.");
  }

  void explain_winner(const Decision& decision) {
    const tx::Context& context = decision.after.context;
    const tx::Status status = context.final_status;
    if (context.final_branch == tx::kNoBranch) {
      say("{} went up at {}: made here ({}).", status, at(decision), event_text(decision));
    } else if (tx::is_success(status)) {
      say("Branch {} won: its {} was the first 2xx that was decided on, at {}.", context.final_branch.value,
          status, at(decision));
    } else {
      say("Branch {} decided the call: at {} every branch was final and its {} was the best (16.7 step 6){}.",
          context.final_branch.value, at(decision),
          decision.after.branches[context.final_branch.value].final_status,
          decision.event.kind == tx::EventKind::kTimer ? "; time had ended the last one" : "");
    }
  }

  // A 2xx after the final, or again: each dialog that it makes has one disposition (O13).
  void explain_success(const Decision& decision, tx::Status final_before) {
    const tx::Event& event = decision.event;
    if (event.kind != tx::EventKind::kResponse || !tx::is_success(event.status)) return;
    const bool is_new = dialogs_.insert({event.branch.value, event.to_tag_hash}).second;
    if (!is_new) {
      say("Branch {}'s {} came again at {}: {}.", event.branch.value, event.status, at(decision),
          disposition_text(decision, true));
    } else if (final_before != 0) {
      say("Branch {} answered {} {}, at {}: {}.", event.branch.value, event.status,
          tx::is_success(final_before) ? "too" : fmt::format("after that {}", final_before), at(decision),
          disposition_text(decision, false));
    }
  }

  static tx::Disposition disposition_of(const Decision& decision) {
    const auto& branches = decision.after.branches;
    for (const tx::Branch& twin : branches) {
      if (twin.twin_of == decision.event.branch && twin.to_tag_hash == decision.event.to_tag_hash) {
        return twin.disposition;
      }
    }
    const std::size_t index = decision.event.branch.value;
    return index < branches.size() ? branches[index].disposition : tx::Disposition::kNone;
  }

  static std::string disposition_text(const Decision& decision, bool again) {
    switch (disposition_of(decision)) {
      case tx::Disposition::kRelay:
        return again ? "relayed again" : "relayed";
      case tx::Disposition::kTerminate:
        return again ? "acknowledged again" : "acknowledged here, and that leg ended with BYE";
      case tx::Disposition::kDrop:
        return again ? "dropped again" : "dropped";
      case tx::Disposition::kNone:
        break;
    }
    return actions_text(decision);
  }

  void explain_branch(const Thread& thread, std::size_t i) {
    const tx::Branch& end = thread.decisions.back().after.branches[i];
    std::string line = fmt::format("Branch {}", i);
    for (const Decision& decision : thread.decisions) {
      const bool was = i < decision.before.branches.size();
      if (i >= decision.after.branches.size()) continue;
      const tx::Branch before = was ? decision.before.branches[i] : tx::Branch{};
      const tx::Branch& after = decision.after.branches[i];
      if (!was) line += fmt::format(" was added at {}", at(decision));
      if (before.provisional_status == 0 && after.provisional_status != 0) {
        line += fmt::format("; first 1xx ({}) at {}", after.provisional_status, at(decision));
      }
      if (before.cancel != after.cancel) line += "; " + cancel_text(after, before, decision);
      if (before.final_status == 0 && after.final_status != 0) line += "; " + end_text(after, decision, i);
    }
    for (const Row& row : scene_.rows) {
      if (row.kind == RowKind::kSent && row.wire.is_request("CANCEL") && row.mark.starts_with("late") &&
          key_of(*row.record) == thread.key && row.record->head.datagram.branch == i) {
        line +=
            fmt::format("; that CANCEL left at {}, when its answer had arrived: too late", at(*row.record));
      }
      if (row.kind == RowKind::kWithdrawn && row.record != nullptr && key_of(*row.record) == thread.key &&
          row.record->head.datagram.branch == i) {
        line += fmt::format("; its {} was withdrawn at {}, before it was sent", row.label(), at(*row.record));
      }
    }
    if (end.cancel == tx::CancelState::kSent) line += "; that CANCEL has no answer yet";
    if (end.final_status == 0) line += "; has no final yet";
    say("{}.", line);
  }

  std::string cancel_text(const tx::Branch& after, const tx::Branch& before, const Decision& decision) {
    const std::string cause = reason_text(after.cancel_reason);
    if (after.cancel == tx::CancelState::kOwed) {
      return fmt::format("a CANCEL was owed from {} on ({}), and held back until its first 1xx (9.1)",
                         at(decision), cause);
    }
    if (after.cancel == tx::CancelState::kHeld) {
      return fmt::format("its CANCEL was held from {} on ({}), for a final that makes it needless (O9)",
                         at(decision), cause);
    }
    if (after.cancel == tx::CancelState::kSent) {
      return fmt::format("CANCEL was decided at {} ({}{})", at(decision), cause,
                         before.cancel == tx::CancelState::kOwed ? ", owed before" : "");
    }
    if (after.cancel == tx::CancelState::kAnswered && decision.event.kind == tx::EventKind::kCancelResponse) {
      return fmt::format("its CANCEL was answered {} at {}", decision.event.status, at(decision));
    }
    if (after.cancel == tx::CancelState::kAnswered) {
      return fmt::format("its CANCEL ended at {} ({})", at(decision), event_text(decision));
    }
    if (after.cancel == tx::CancelState::kExpired) {
      return fmt::format("its CANCEL went unanswered until {}", at(decision));
    }
    if (after.cancel == tx::CancelState::kNone) {
      return fmt::format("no CANCEL was needed any more at {}", at(decision));
    }
    return words_of(tx::name_of(after.cancel));
  }

  std::string end_text(const tx::Branch& branch, const Decision& decision, std::size_t i) {
    if (branch.timed_out) {
      return fmt::format("timed out at {}: counts as {}", at(decision), branch.final_status);
    }
    if (branch.final_made_up && branch.disposition == tx::Disposition::kTerminate) {
      return fmt::format("answered {} at {}, against the caller's CANCEL: {}; counts as {}",
                         decision.event.status, at(decision), disposition_text(decision, false),
                         branch.final_status);
    }
    if (branch.final_made_up) {
      return fmt::format("given up at {} ({}): counts as {}", at(decision), event_text(decision),
                         branch.final_status);
    }
    // When it reached us, beside when it was decided on: between them lies what the proxy took.
    for (const Record* record : call_.records) {
      if (record->head.kind == LogKind::kReceived && record->head.stamp == decision.record->head.stamp) {
        return fmt::format("answered {} at {}, decided on at {}", branch.final_status, at(*record),
                           at(decision));
      }
    }
    return fmt::format("answered {} at {} (branch {})", branch.final_status, at(decision), i);
  }

  const Log& log_;
  const Call& call_;
  const Scene& scene_;
  std::set<std::pair<std::size_t, std::uint32_t>> dialogs_;  // Of the INVITE in hand: branch and To tag.
  std::string out_;
};

}  // namespace

std::string why_text(const Log& log, const Call& call, const Scene& scene) {
  return printable(Explanation(log, call, scene).text());
}

}  // namespace lockstep::order
