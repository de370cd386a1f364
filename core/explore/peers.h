// peers.h: the caller and the phones of a scenario: one UDP socket that sends what the scenario says and
// takes down, in the kernel's order, what the proxy sends.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/base/peer_address.h"
#include "core/explore/scenario.h"

namespace lockstep::explore {

// A datagram that the proxy handed to the kernel.
struct Sent {
  enum class What { kUp, kRequest };  // A response to the caller, a request to a phone.
  What what = What::kUp;
  int status = 0;      // kUp.
  std::string method;  // kUp: of the CSeq; kRequest: its own.
  char branch = '-';   // Whose response goes up ('-': the proxy's own), or whom the request reaches.
  std::string tag;     // To tag.
  std::string bytes;
  std::size_t step = 0;  // Of the execution, in which it left.
  unsigned worker = 0;

  // "200 A", "200 cancel", "CANCEL B", "200 REGISTER B".
  std::string label() const;
  bool is_up(int wanted) const { return what == What::kUp && method == "INVITE" && status == wanted; }
  // The caller's own CANCEL, which met no transaction (16.10).
  bool is_forwarded_cancel() const {
    return what == What::kRequest && method == "CANCEL" && bytes.find("z9hG4bKinvite") != std::string::npos;
  }
  // The answer to a REGISTER.
  bool is_registered() const { return what == What::kUp && method == "REGISTER"; }
  bool is_request(std::string_view wanted) const { return what == What::kRequest && method == wanted; }
};

// What a 401 or 407 with that tag asks for.
std::string challenge_of(const std::string& tag);

inline constexpr const char* kCallId = "race@caller";
// Each phone registers under one of its own.
std::string call_id_of(const ScenarioDatagram& datagram);

class Peers {
 public:
  Peers();
  ~Peers();
  Peers(const Peers&) = delete;
  Peers& operator=(const Peers&) = delete;

  // Where all of them are: "127.0.0.1:PORT".
  const std::string& host() const { return host_; }
  // Whom the caller calls: the user of the INVITE's Request-URI.
  void set_callee(std::string user) { callee_ = std::move(user); }
  // Forgets the call.
  void reset();
  // Empty, or why it cannot be built (what it answers was never sent).
  std::string build(const ScenarioDatagram& datagram, std::string& bytes) const;
  void send(const PeerAddress& to, const std::string& bytes) const;
  // The phone has given its final: it will not answer a CANCEL with 487.
  void note_final(char branch) { answered_[branch] = true; }
  // What has come since the last call; waits for `at_least` so many, a second at most.
  std::vector<Sent> take(std::size_t at_least = 0);
  // As a phone or the caller answers by itself: CANCEL with 200 and 487, BYE with 200, a failure with ACK.
  std::vector<std::string> reactions(const Sent& to);

 private:
  std::string request(std::string_view method, char branch) const;
  std::string registration(const ScenarioDatagram& datagram) const;
  static std::string response(const std::string& request, int status, const std::string& tag,
                              const std::string& host);

  int socket_ = -1;
  std::string host_;
  std::string callee_ = "a";
  std::map<char, std::string> invites_;  // As they reached each phone.
  std::map<char, bool> answered_;        // By a final, of whatever kind.
  bool is_acknowledged_ = false;
};

}  // namespace lockstep::explore
