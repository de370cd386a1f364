// order_log.h: what happened to calls, in its order: a ring of each worker in the segment. Every event that
// a worker works, every decision of the machines, every datagram handed to the kernel is a record; message
// bytes lie in a second ring beside it. From it people see ladders and reasons, and replay() compares.
//
// One writer: the worker of that id. The records of one event become visible by one store, publish(), before
// Entry::commit: whoever sees a stamp that is not above `consumed` finds all of it, and a stamp above it was
// never decided. An event that a replacement works again begins again: of one stamp the last begin holds.
// What was sent is recorded after the kernel took it and before Outbox::next_to_send moves: a death in
// between makes a replacement record it again, under the same stamp and index, which tells.
//
// Readers are other processes and take no lock. Positions only grow; the writer tells what it is about to
// overwrite (`reserved_*`) before it does. So a reader copies first and asks then whether that place may have
// been overwritten meanwhile: what has gone is recognised, never shown wrongly.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/peer_address.h"
#include "core/base/result.h"
#include "core/transaction/transaction.h"
#include "shm/event_node.h"
#include "shm/handle.h"

namespace lockstep::shm {

class Segment;
struct SharedState;

enum class LogKind : std::uint8_t {
  kNone,
  kReceived,   // Begins an event: a datagram.
  kOccasion,   // Begins an event without a datagram: a timer, an error, a command (`index`: EventKind).
  kSetAside,   // An event that two workers died of was consumed without effect.
  kSettings,   // The settings of the following decisions of this event, where they are not the baseline.
  kDecided,    // One step of a machine.
  kSent,       // The kernel took the datagram.
  kRefused,    // The kernel refused it.
  kWithdrawn,  // It was decided and not handed to the kernel (O9, O10).
};

struct LogDatagram {
  PeerAddress peer;       // From whom, or to whom.
  std::uint64_t bytes_at;  // Position in the ring of bytes.
  std::uint32_t bytes;
  std::uint16_t branch;  // Of `transaction`; sent ones only.
  std::uint16_t index;   // Sent ones: place in the outbox, ascending within an event. kOccasion: EventKind.
};

struct LoggedAction {
  std::uint8_t kind;
  std::uint8_t branch;
};
inline constexpr std::size_t kLoggedActions = 8;
inline constexpr std::size_t kLoggedEventBytes = 32;
inline constexpr std::size_t kLoggedSettingsBytes = 64;

struct LogDecision {
  unsigned char event[kLoggedEventBytes];  // transaction::Event as it is.
  std::uint64_t digest;                    // Of the whole action list.
  std::uint8_t ignored;                    // transaction::Why.
  std::uint8_t action_count;
  std::uint8_t step;          // Within the event.
  std::uint8_t has_settings;  // 1: a kSettings of this event holds; 0: the baseline.
  LoggedAction actions[kLoggedActions];  // The first of them.

  transaction::Event get_event() const;
};

struct LogRecord {
  std::uint64_t stamp;    // Admission number within the entry.
  std::uint64_t time_us;  // CLOCK_MONOTONIC.
  std::uint32_t entry;
  LogKind kind;
  std::uint8_t worker;
  std::uint16_t socket;  // Index of the listening address.
  std::uint32_t transaction;
  std::uint32_t generation;
  union {
    LogDatagram datagram;
    LogDecision decision;
    unsigned char settings[kLoggedSettingsBytes];
  };

  bool begins_event() const {
    return kind == LogKind::kReceived || kind == LogKind::kOccasion || kind == LogKind::kSetAside;
  }
  bool has_datagram() const { return kind == LogKind::kReceived || kind >= LogKind::kSent; }
  transaction::Settings get_settings() const { return settings_in(settings); }
  static transaction::Settings settings_in(const unsigned char (&bytes)[kLoggedSettingsBytes]);
};
static_assert(sizeof(LogRecord) == 96);
static_assert(sizeof(transaction::Event) <= kLoggedEventBytes);
static_assert(sizeof(transaction::Settings) <= kLoggedSettingsBytes);

// The head of a named block `order_log.N`; records, then bytes follow it.
struct alignas(64) OrderLogArea {
  // Constant.
  std::uint32_t record_capacity;  // A power of two.
  std::uint32_t worker;
  std::uint64_t byte_capacity;
  unsigned char baseline[kLoggedSettingsBytes];  // transaction::Settings.
  // Read by others.
  alignas(64) std::atomic<std::uint64_t> published;  // Records below it are whole.
  std::atomic<std::uint64_t> reserved_records;  // Places of those below it less the capacity have gone.
  std::atomic<std::uint64_t> reserved_bytes;
  // Owner.
  std::uint64_t next_record;
  std::uint64_t next_byte;
  std::uint64_t next_offset;  // next_byte modulo byte_capacity.

  LogRecord* records() { return reinterpret_cast<LogRecord*>(this + 1); }
  const LogRecord* records() const { return reinterpret_cast<const LogRecord*>(this + 1); }
  char* bytes() { return reinterpret_cast<char*>(records() + record_capacity); }
  const char* bytes() const { return reinterpret_cast<const char*>(records() + record_capacity); }
};

// A name for the list: equal lists have equal ones, in this process and in any other.
std::uint64_t digest_of(const transaction::ActionList& actions);

// The worker's pen. Without an area (order_log=0) it writes nothing.
class OrderLogWriter {
 public:
  // Until open() every call returns at once. What a dead predecessor had not published is forgotten.
  void open(OrderLogArea* area);
  // The settings that most decisions are made under. Before the first decision.
  void set_baseline(const transaction::Settings& settings);

  // An event begins; `bytes` of a datagram.
  void begin(std::uint32_t entry, const EventNode& node, std::string_view bytes);
  // One step, made under `settings`.
  void decided(std::uint32_t transaction, std::uint32_t generation, const transaction::Event& event,
               const transaction::Step& step, const transaction::Settings& settings);
  void set_aside(std::uint32_t entry, const EventNode& node);
  // What was written since `mark` was never decided.
  std::uint64_t mark() const { return area_ == nullptr ? 0 : area_->next_record; }
  void forget_since(std::uint64_t mark);
  // What was written becomes visible. Called before Entry::commit.
  void publish();

  struct Sent {
    LogKind kind = LogKind::kSent;
    std::uint32_t entry = 0;
    std::uint64_t stamp = 0;
    std::uint64_t time_us = 0;
    std::uint32_t transaction = 0;
    std::uint32_t generation = 0;
    std::uint16_t branch = 0;
    std::uint16_t socket = 0;
    std::uint16_t index = 0;
  };
  // Visible with the next publish().
  void sent(const Sent& what, const PeerAddress& target, std::string_view bytes);

  bool is_on() const { return area_ != nullptr; }

 private:
  LogRecord& append(LogKind kind, std::uint32_t entry, std::uint64_t stamp, std::uint64_t time_us);
  void put_bytes(LogDatagram& datagram, std::string_view bytes);

  OrderLogArea* area_ = nullptr;
  transaction::Settings settings_;
  transaction::Settings baseline_;
  // Of the event in hand.
  std::uint32_t entry_ = 0;
  std::uint64_t stamp_ = 0;
  std::uint64_t decided_us_ = 0;
  std::uint8_t step_ = 0;
  bool has_settings_ = false;  // `settings_` are recorded.
};

// The reading side. A position is readable while it is not below oldest_record() and below `published`.
std::uint64_t oldest_record(const OrderLogArea& area);
// False: it has been overwritten, or is not published yet.
[[nodiscard]] bool read_record(const OrderLogArea& area, std::uint64_t position, LogRecord& record);
// False: the bytes have been overwritten.
[[nodiscard]] bool read_bytes(const OrderLogArea& area, const LogDatagram& datagram, std::string& bytes);

// A ring of `mebibytes` for each worker; none for 0. Before Slabs take the rest of the segment.
Result<bool, std::string> make_order_logs(Segment& segment, SharedState& state, std::uint32_t mebibytes);

}  // namespace lockstep::shm
