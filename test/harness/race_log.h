// race_log.h: what was on the wire of one raced call, and what must be true of it (ORDER.md section 2). The
// log holds what the caller and the two phones received, by the kernel's time stamps, and what they sent; it
// knows nothing of what the server says of itself. `faults_of` is a pure function over such a log, so that
// hand-made logs can show that it refuses what is wrong.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace lockstep::harness {

enum class Party : std::uint8_t { kCaller, kA, kB };

struct Packet {
  std::int64_t at_ns = 0;  // CLOCK_REALTIME: by the kernel if received, just before the send if sent.
  Party party = Party::kCaller;
  bool is_sent = false;  // By `party`; else received by it.
  int status = 0;        // 0: a request.
  std::string method;    // Of a response: the method in CSeq.
  std::string tag;       // In To.
  std::string via_branch;
  std::string reason;          // The Reason header, or empty.
  bool refuses_media = false;  // The body holds a media line of port 0.
};

struct CallLog {
  std::string call_id;
  std::vector<Packet> packets;
};

enum class Late : std::uint8_t { kForward, kTerminate, kDrop };

// What the server was configured to do.
struct RaceRules {
  Late late_2xx = Late::kForward;
  Late cancelled_2xx = Late::kForward;
  int cancel_holdoff_ms = 0;
};

// Everything that is wrong with the call, one sentence each. The log is put in order of time first.
std::vector<std::string> faults_of(CallLog log, const RaceRules& rules);

// 2xx dialogs that the phones made: (phone, To tag).
int answered_dialogs(const CallLog& log);
// The ticket's packet 12: a phone got a CANCEL after it had sent its 200.
bool was_cancelled_after_200(CallLog log);
int count_received(const CallLog& log, const std::string& method, Party party);
// The call as a table: milliseconds since its first packet, who, sent or received, what.
std::string table_of(CallLog log);

}  // namespace lockstep::harness
