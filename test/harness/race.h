// race.h: a light-weight track for thousands of forked calls: a caller and two phones, A and B, for each
// line, on UDP sockets whose datagrams the kernel stamps, with timers finer than a millisecond. When each
// party does what is the call's plan, counted from the moment T at which A answers. Everybody behaves as
// RFC 3261 asks unless the plan says otherwise: finals are repeated until acknowledged, requests until
// answered, each 2xx is acknowledged and its dialog ended by the caller. Owned by a test, single-threaded.
#pragma once

#include <netinet/in.h>

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "test/harness/phone.h"
#include "test/harness/race_log.h"

namespace lockstep::harness {

// Times are in microseconds. Those from T may be negative.
struct RacePlan {
  int lead_us = 15000;                  // From A's INVITE to T.
  std::optional<int> b_ring_us;         // B's 180 from T; none: at once.
  std::optional<int> b_answer_us;       // B's 200 from T.
  std::optional<int> second_tag_us;     // A answers again from T, with another To tag.
  std::optional<int> repeat_200_us;     // B repeats its 200 so long after the first, whatever has come.
  std::optional<int> cancel_us;         // The caller's CANCEL from T.
  std::optional<int> repeat_invite_us;  // The caller's INVITE once more from T.
  bool b_answers_cancel = true;         // 200 to CANCEL; else B says nothing to it.
  bool b_heeds_cancel = true;           // 487 to INVITE after a CANCEL.
  int b_487_us = 0;                     // From B's first CANCEL.
};

class RaceTrack {
 public:
  // `lines` sets of three sockets: the server spreads their addresses over its workers.
  RaceTrack(Address server, int lines);
  ~RaceTrack();
  RaceTrack(const RaceTrack&) = delete;
  RaceTrack& operator=(const RaceTrack&) = delete;

  int lines() const { return static_cast<int>(sockets_.size()); }
  static std::string user_of(int line) { return "line" + std::to_string(line); }
  // Contact values of A and B of that line, to be registered for its user.
  std::vector<std::string> contacts_of(int line) const;

  // Calls that begin evenly, `per_second` of them.
  void place(int calls, int per_second, const std::function<RacePlan(int)>& plan_of);
  // Until nobody has anything to do and nothing has come for longer than T1; false at the deadline.
  bool run(int deadline_ms);
  std::vector<CallLog> logs() const;

 private:
  struct Socket {
    int fd = -1;
    int port = 0;
  };
  struct Datagram;     // A received message, by its header lines.
  struct Leg {         // A phone's side of a call.
    std::string head;  // Of responses, up to and without To.
    std::string to;
    std::string tail;
    bool invited = false;
    bool cancelled = false;
    int final_status = 0;
    std::vector<std::string> acked;  // To tags.
  };
  struct Dialog {  // The caller's side of a 2xx.
    std::string tag;
    std::string ack;
    std::string bye;
    bool bye_answered = false;
  };
  struct Call {
    CallLog log;
    RacePlan plan;
    int line = 0;
    bool is_answered = false;  // By any response.
    bool has_final = false;
    bool cancel_answered = false;
    std::string invite;
    std::vector<Dialog> dialogs;
    std::array<Leg, 2> legs;
  };

  void after(std::int64_t us, std::function<void()> action);
  void fire_timers();
  void drain(int line, Party party);
  void on_datagram(int line, Party party, std::string_view bytes, std::int64_t at_ns);
  void on_invite(int number, Party party, const Datagram& datagram);
  void on_cancel(int number, Party party, const Datagram& datagram);
  void on_response(int number, const Datagram& datagram);
  void on_2xx(int number, const Datagram& datagram);
  void schedule(int number);
  void begin(int number);
  void cancel(int number);
  void hang_up(int number, const std::string& tag);
  void respond(int number, Party party, int status, const std::string& tag);
  void answer(int number, Party party, const std::string& tag);
  void repeat_final(int number, Party party, int status, const std::string& tag, int interval_ms);
  void repeat_request(int number, const std::string& bytes, const std::function<bool(const Call&)>& is_over,
                      int interval_ms);
  std::string request(int number, std::string_view method, const std::string& uri, const std::string& to,
                      const std::string& branch, const std::string& more) const;
  void send(int number, Party party, const std::string& bytes);
  Leg& leg(int number, Party party) {
    return calls_[static_cast<std::size_t>(number)].legs[party == Party::kA ? 0 : 1];
  }

  Address server_;
  sockaddr_in destination_{};
  std::vector<std::array<Socket, 3>> sockets_;  // By line and party.
  std::vector<Call> calls_;
  std::multimap<std::int64_t, std::function<void()>> timers_;
  std::int64_t last_packet_us_ = 0;
};

}  // namespace lockstep::harness
