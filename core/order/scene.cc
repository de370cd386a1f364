// Lanes and rows of a call.
#include "core/order/scene.h"

#include <fmt/core.h>

#include <map>
#include <set>

#include "core/order/words.h"
#include "shm/event_node.h"

namespace lockstep::order {
namespace {

namespace tx = transaction;
using shm::LogKind;

std::string address_text(const PeerAddress& address) {
  if (!address.is_set()) return "unknown";
  const IpText ip = ip_text(address);
  return address.is_ipv6() ? fmt::format("[{}]:{}", ip.view(), address.port())
                           : fmt::format("{}:{}", ip.view(), address.port());
}

std::string user_of(std::string_view uri) {
  const std::size_t colon = uri.find(':');
  const std::size_t at = uri.find('@');
  if (colon == std::string_view::npos || at == std::string_view::npos || at < colon) return {};
  return std::string(uri.substr(colon + 1, at - colon - 1));
}

// Which lane a message belongs to: by its Via branch, as requests made it known; by the dialog's tags; by the
// branch that it was sent for; by address.
class Lanes {
 public:
  explicit Lanes(std::vector<Lane>& lanes) : lanes_(lanes) {
    lanes_.push_back({"caller", "", {}});
    lanes_.push_back({"lockstep", "", {}});
  }

  std::size_t of(const Record& record, const Wire& wire) {
    const PeerAddress& peer = record.head.datagram.peer;
    if (wire.is_response) {
      const auto known = vias_.find(wire.via_branch);
      const std::size_t lane = known != vias_.end() ? known->second : by_address(peer);
      if (record.head.kind == LogKind::kReceived && !wire.to_tag.empty() && wire.status > 100) {
        tags_.emplace(wire.to_tag, lane);
      }
      return lane;
    }
    const auto known = vias_.find(wire.via_branch);
    const std::size_t lane = known != vias_.end() ? known->second : of_request(record, wire);
    if (!wire.via_branch.empty()) vias_.emplace(wire.via_branch, lane);
    return lane;
  }

 private:
  std::size_t of_request(const Record& record, const Wire& wire) {
    const PeerAddress& peer = record.head.datagram.peer;
    if (record.head.kind == LogKind::kReceived) {
      if (!lanes_[kCallerLane].address.is_set()) {
        lanes_[kCallerLane].address = peer;
        lanes_[kCallerLane].detail = detail(wire.from_user, peer);
        tags_.emplace(wire.from_tag, kCallerLane);
        return kCallerLane;
      }
      return by_tag(wire.from_tag, peer);
    }
    if (!wire.to_tag.empty()) return by_tag(wire.to_tag, peer);
    if (const TransactionKey key = key_of(record)) {
      const auto [place, is_new] =
          branches_.emplace(std::pair{key, record.head.datagram.branch}, lanes_.size());
      if (is_new) {
        place->second = of_branch({fmt::format("branch {}", record.head.datagram.branch),
                                   detail(user_of(wire.request_uri), peer), peer});
      }
      return place->second;
    }
    return by_address(peer);
  }
  // An INVITE that is tried again, with credentials, goes to the same phones.
  std::size_t of_branch(Lane lane) {
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
      if (lanes_[i].title == lane.title && lanes_[i].address == lane.address) return i;
    }
    lanes_.push_back(std::move(lane));
    return lanes_.size() - 1;
  }
  std::size_t by_tag(const std::string& tag, const PeerAddress& peer) {
    const auto known = tags_.find(tag);
    return known != tags_.end() && !tag.empty() ? known->second : by_address(peer);
  }
  std::size_t by_address(const PeerAddress& peer) {
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
      if (lanes_[i].address == peer) return i;
    }
    lanes_.push_back({"peer", address_text(peer), peer});
    return lanes_.size() - 1;
  }
  static std::string detail(const std::string& user, const PeerAddress& peer) {
    return user.empty() ? address_text(peer) : user + " " + address_text(peer);
  }

  std::vector<Lane>& lanes_;
  std::map<std::string, std::size_t> vias_;
  std::map<std::string, std::size_t> tags_;
  std::map<std::pair<TransactionKey, std::uint16_t>, std::size_t> branches_;
};

RowKind row_kind(LogKind kind) {
  if (kind == LogKind::kReceived) return RowKind::kReceived;
  if (kind == LogKind::kRefused) return RowKind::kRefused;
  return kind == LogKind::kWithdrawn ? RowKind::kWithdrawn : RowKind::kSent;
}

class Painter {
 public:
  Painter(const Log& log, const Call& call) : log_(log), call_(call), lanes_(scene_.lanes) {}

  Scene paint() {
    scene_.call_id = call_.id;
    scene_.start_us = call_.start_us();
    scene_.start_wall_us = log_.wall_us(scene_.start_us);
    scene_.remarks = log_.remarks;
    const std::vector<Thread> threads = threads_of(log_, call_);
    if (!is_whole(log_, call_, threads)) {
      scene_.remarks.push_back(
          "a part of this call has been overwritten (the ring has turned over; raise order_log): "
          "what is left of it is shown");
    }
    for (const Thread& thread : threads) {
      if (&thread != &threads.front()) {
        labels_[thread.key] = method_of(thread) + " ";
        if (thread.is_whole && thread.decisions.back().after.branches.size() < 2) single_.insert(thread.key);
      }
      for (const Decision& decision : thread.decisions) decisions_[decision.record] = &decision;
    }
    for (const Record* record : call_.by_time) add(*record);
    return std::move(scene_);
  }

 private:
  void add(const Record& record) {
    if (record.head.has_datagram()) {
      add_message(record);
    } else if (record.head.kind == LogKind::kDecided) {
      add_decision(record);
    } else if (record.head.kind == LogKind::kSetAside) {
      add_row(record, RowKind::kNote, "an event that two workers died of was set aside");
    }
  }

  Row& add_row(const Record& record, RowKind kind, std::string text) {
    Row row;
    row.kind = kind;
    row.time_us = record.head.time_us;
    row.worker = record.head.worker;
    row.lane = kOwnLane;
    row.text = std::move(text);
    row.record = &record;
    scene_.rows.push_back(std::move(row));
    return scene_.rows.back();
  }

  // Of the request that began the transaction.
  std::string method_of(const Thread& thread) const {
    const Record& first = *thread.decisions.front().record;
    for (const Record* record : call_.records) {
      if (record->head.kind == LogKind::kReceived && record->head.stamp == first.head.stamp &&
          record->has_bytes && thread.is_whole) {
        return read_wire(record->bytes).method;
      }
    }
    return "further";
  }

  void add_message(const Record& record) {
    Row& row = add_row(record, row_kind(record.head.kind), {});
    if (record.has_bytes) row.wire = read_wire(record.bytes);
    row.lane = lanes_.of(record, row.wire);
    row.mark = mark_of(row);
  }

  // What a reader should not have to look for.
  std::string mark_of(const Row& row) {
    const Wire& wire = row.wire;
    if (row.kind == RowKind::kWithdrawn) return "withdrawn before it was sent";
    if (row.kind == RowKind::kRefused) return "refused by the kernel";
    const bool is_sent = row.kind == RowKind::kSent;
    const std::string direction = is_sent ? "> " : "< ";
    const std::string identity = direction + wire.via_branch + " " + wire.summary() + " " + wire.to_tag;
    if (wire.is_sip && !seen_.insert(identity).second) return "again";
    if (is_sent && wire.is_request("CANCEL")) {
      cancelled_.insert(wire.via_branch);
      if (answered_.contains(wire.via_branch)) return fmt::format("late: {} had answered", title(row.lane));
    }
    if (wire.is_final() && wire.method == "INVITE") {
      if (!is_sent) {
        answered_.insert(wire.via_branch);
        if (cancelled_.contains(wire.via_branch) && wire.status < 300) return "late: was cancelled already";
      } else if (row.lane == kCallerLane && wire.status < 300 && !relayed_.insert(wire.via_branch).second) {
        return "late: another 2xx went up before";
      }
    }
    return {};
  }
  const std::string& title(std::size_t lane) const { return scene_.lanes[lane].title; }

  void add_decision(const Record& record) {
    const Decision& decision = *decisions_.at(&record);
    const bool is_timer = decision.event.kind == tx::EventKind::kTimer;
    const TransactionKey key = key_of(record);
    const Naming naming = single_.contains(key) ? Naming::kNoBranches : Naming::kBranches;
    Row& row = add_row(record, is_timer ? RowKind::kTimer : RowKind::kDecision,
                       labels_[key] + event_text(decision, naming) + ": " + actions_text(decision, naming));
    if (!decision.is_same) row.mark = "this binary decides otherwise";
  }

  const Log& log_;
  const Call& call_;
  Scene scene_;
  Lanes lanes_;
  std::map<const Record*, const Decision*> decisions_;
  std::map<TransactionKey, std::string> labels_;  // Of all transactions but the first.
  std::set<TransactionKey> single_;               // Those of them that have one branch.
  std::set<std::string> seen_;
  // By Via branch, which is another for each INVITE of a dialog.
  std::set<std::string> cancelled_;
  std::set<std::string> answered_;
  std::set<std::string> relayed_;
};

}  // namespace

std::string Row::label() const {
  if (record != nullptr && !record->has_bytes) return "(overwritten)";
  return wire.summary();
}

Scene make_scene(const Log& log, const Call& call) { return Painter(log, call).paint(); }

std::string since(const Scene& scene, std::uint64_t time_us) {
  const std::uint64_t us = time_us > scene.start_us ? time_us - scene.start_us : 0;
  return fmt::format("{}.{:03}", us / 1000, us % 1000);
}

}  // namespace lockstep::order
