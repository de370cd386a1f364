// log_builder.h: order logs made by hand: events of one call as a worker would record them. The machine is
// stepped here, so what is recorded is what it decides.
#pragma once

#include <cstring>
#include <string>

#include "core/order/log.h"
#include "core/transaction/transaction.h"

namespace lockstep::test {

class LogBuilder {
 public:
  static constexpr std::uint32_t kEntry = 9;
  static constexpr std::uint32_t kHandle = 640;

  LogBuilder() {
    log.started_wall_us = 1'600'000'000'000'000;
    log.started_monotonic_us = 0;
    log.worker_count = 2;
    log.listen.push_back(*parse_address("127.0.0.1", 5060));
  }

  // A datagram begins event `stamp` at `ms`.
  order::Record& received(std::uint64_t stamp, std::uint64_t us, const std::string& bytes,
                          const std::string& host, std::uint8_t worker = 1) {
    return datagram(shm::LogKind::kReceived, stamp, us, bytes, host, worker);
  }
  order::Record& sent(std::uint64_t stamp, std::uint64_t us, const std::string& bytes,
                      const std::string& host, std::uint16_t branch = 0xffff,
                      shm::LogKind kind = shm::LogKind::kSent, std::uint8_t worker = 1) {
    order::Record& record = datagram(kind, stamp, us, bytes, host, worker);
    record.head.datagram.index = index_++;
    if (branch != 0xffff) {
      record.head.transaction = handle_;
      record.head.generation = 1;
      record.head.datagram.branch = branch;
    }
    return record;
  }
  order::Record& occasion(std::uint64_t stamp, std::uint64_t us) {
    order::Record& record = add(shm::LogKind::kOccasion, stamp, us, 1);
    record.head.transaction = handle_;
    record.head.generation = 1;
    return record;
  }
  // What follows is of another transaction.
  void begin_transaction() {
    ++handle_;
    state_ = {};
  }
  // One step of the transaction.
  order::Record& decided(std::uint64_t stamp, std::uint64_t us, const transaction::Event& event,
                         std::uint8_t worker = 1) {
    const transaction::Step step = transaction::step(state_, event, log.baseline);
    order::Record& record = add(shm::LogKind::kDecided, stamp, us, worker);
    record.head.transaction = handle_;
    record.head.generation = 1;
    shm::LogDecision& decision = record.head.decision;
    std::memcpy(decision.event, &event, sizeof event);
    decision.digest = shm::digest_of(step.actions);
    decision.ignored = static_cast<std::uint8_t>(step.ignored);
    decision.action_count = static_cast<std::uint8_t>(step.actions.size());
    for (std::size_t i = 0; i < step.actions.size() && i < shm::kLoggedActions; ++i) {
      decision.actions[i] = {static_cast<std::uint8_t>(step.actions[i].kind), step.actions[i].branch.value};
    }
    return record;
  }

  order::Log log;

 private:
  order::Record& add(shm::LogKind kind, std::uint64_t stamp, std::uint64_t us, std::uint8_t worker) {
    order::Record& record = log.records.emplace_back();
    record.head.kind = kind;
    record.head.entry = kEntry;
    record.head.stamp = stamp;
    record.head.time_us = us;
    record.head.worker = worker;
    return record;
  }
  order::Record& datagram(shm::LogKind kind, std::uint64_t stamp, std::uint64_t us, const std::string& bytes,
                          const std::string& host, std::uint8_t worker) {
    order::Record& record = add(kind, stamp, us, worker);
    record.head.datagram.peer = *parse_address(host, 5060);
    record.head.datagram.bytes = static_cast<std::uint32_t>(bytes.size());
    record.bytes = bytes;
    record.has_bytes = true;
    return record;
  }

  std::uint32_t handle_ = kHandle;
  transaction::State state_;
  std::uint16_t index_ = 0;
};

// `start`: start line; `via`: branch of the top Via; `to_tag` may be empty.
inline std::string sip_message(const std::string& start, const std::string& via, const std::string& cseq,
                               const std::string& to_tag = "", const std::string& body = "") {
  return start + "\r\nVia: SIP/2.0/UDP 127.0.0.9;branch=z9hG4bK" + via +
         "\r\nFrom: \"Alice A\" <sip:alice@example.org>;tag=a\r\nTo: <sip:bob@example.org>" +
         (to_tag.empty() ? "" : ";tag=" + to_tag) + "\r\nCall-ID: one@example.org\r\nCSeq: " + cseq +
         "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

// Two branches; the second answers 200 while the first rings; the first answers its CANCEL with 487.
inline LogBuilder forked_call() {
  namespace tx = transaction;
  LogBuilder b;
  const auto age = [](std::uint32_t ms) { return tx::AgeMs{ms}; };
  const std::string invite = "INVITE sip:bob@example.org SIP/2.0";
  b.received(1, 1000, sip_message(invite, "c", "1 INVITE"), "127.0.0.9");
  b.decided(1, 1100, tx::Event::create(age(0), tx::Method::kInvite));
  b.decided(1, 1100, tx::Event::add_branch(age(0), tx::BranchIndex{0}));
  b.decided(1, 1100, tx::Event::add_branch(age(0), tx::BranchIndex{1}));
  b.sent(1, 1200, sip_message("SIP/2.0 100 Trying", "c", "1 INVITE"), "127.0.0.9");
  b.sent(1, 1200, sip_message("INVITE sip:bob@127.0.0.2 SIP/2.0", "p0", "1 INVITE"), "127.0.0.2", 0);
  b.sent(1, 1200, sip_message("INVITE sip:bob@127.0.0.3 SIP/2.0", "p1", "1 INVITE"), "127.0.0.3", 1);
  b.received(2, 2000, sip_message("SIP/2.0 180 Ringing", "p0", "1 INVITE", "t0"), "127.0.0.2");
  b.decided(2, 2100, tx::Event::response(age(1), tx::BranchIndex{0}, 180, 1));
  b.sent(2, 2200, sip_message("SIP/2.0 180 Ringing", "c", "1 INVITE", "t0"), "127.0.0.9");
  b.received(3, 9000, sip_message("SIP/2.0 200 OK", "p1", "1 INVITE", "t1", "v=0\r\n"), "127.0.0.3", 2);
  b.decided(3, 9100, tx::Event::response(age(8), tx::BranchIndex{1}, 200, 2), 2);
  b.sent(3, 9200, sip_message("SIP/2.0 200 OK", "c", "1 INVITE", "t1", "v=0\r\n"), "127.0.0.9", 0xffff,
         shm::LogKind::kSent, 2);
  b.sent(3, 9200, sip_message("CANCEL sip:bob@127.0.0.2 SIP/2.0", "p0", "1 CANCEL"), "127.0.0.2", 0,
         shm::LogKind::kSent, 2);
  b.received(4, 9500, sip_message("SIP/2.0 200 OK", "p0", "1 CANCEL", "t0"), "127.0.0.2");
  b.decided(4, 9600, tx::Event::cancel_response(age(8), tx::BranchIndex{0}, 200));
  b.received(5, 9700, sip_message("SIP/2.0 487 Request Terminated", "p0", "1 INVITE", "t0"), "127.0.0.2");
  b.decided(5, 9800, tx::Event::response(age(8), tx::BranchIndex{0}, 487, 1));
  b.sent(5, 9900, sip_message("ACK sip:bob@127.0.0.2 SIP/2.0", "p0", "1 ACK", "t0"), "127.0.0.2");
  b.occasion(6, 60000);
  b.decided(6, 60000, tx::Event::timer(age(59)));
  return b;
}

}  // namespace lockstep::test
