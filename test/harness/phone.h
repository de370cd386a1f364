// phone.h: a SIP phone over a real UDP socket on loopback, as far as calls need one: it registers, places
// and answers calls, retransmits as RFC 3261 section 17 and 13.3.1.4 say, follows Record-Route, and keeps all
// that it received. How it answers is a policy set by the test; what it does by itself can be switched off.
// Owned by a test, lives on one Stage, single-threaded.
#pragma once

#include <netinet/in.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "test/harness/message.h"
#include "test/harness/stage.h"

namespace lockstep::harness {

struct Address {
  std::string ip = "127.0.0.1";
  int port = 5060;
  std::string text() const { return ip + ":" + std::to_string(port); }
};

// Header fields that replace those a phone would write itself.
using HeaderList = std::vector<std::pair<std::string, std::string>>;

// What a phone does with an INVITE outside a dialog. Times count from its first copy that is not ignored.
struct Answer {
  int provisional_status = 180;  // 0: none.
  int provisional_after_ms = 0;
  int final_status = 200;  // 0: never answers by itself.
  int final_after_ms = 0;
  int ignored_copies = 0;      // So many INVITEs are dropped as if the network had lost them.
  bool answers_cancel = true;  // Else CANCEL is logged only.
  bool repeats_final = true;   // Retransmits its final until the ACK comes.
  bool record_routes = true;   // Copies Record-Route into its responses.
};

// A client transaction as the test sees it. Stays valid as long as its phone.
struct Transaction {
  Message request;
  std::vector<Message> responses;  // Every copy received, in order.
  int final_status = 0;            // Of the first final.
  int copies_sent = 0;

  int provisional_count(int status) const;
  int count(int status) const;
  const Message& final() const;  // REQUIRES: final_status != 0.
  std::vector<int> statuses() const;
};

struct Dialog {
  std::string call_id;
  std::string local;   // From value of requests we send, with our tag.
  std::string remote;  // To value, with theirs.
  std::string remote_target;
  std::vector<std::string> route_set;
  long cseq = 1;
};

class Phone {
 public:
  // Binds 127.0.0.1 on a port of its own. `name` is for the wire log; `user` and the proxy's host make the
  // address of record, sip:user@host.
  Phone(Stage& stage, std::string name, std::string user, Address proxy);
  ~Phone();
  Phone(const Phone&) = delete;
  Phone& operator=(const Phone&) = delete;

  const std::string& name() const { return name_; }
  std::string aor() const;
  std::string contact_uri() const;
  Address address() const { return address_; }
  int socket() const { return socket_; }

  // --- Registration. Contact values are given as they are to stand in the header.
  Transaction& send_register(const std::vector<std::string>& contacts, int expires_header = -1,
                             const HeaderList& extra = {});
  Transaction& register_contact(int expires_s = 3600, const std::string& q = "");
  Transaction& unregister() { return register_contact(0); }

  // --- Calls out. Requests outside a dialog go to the proxy.
  Transaction& invite(const std::string& uri, const HeaderList& extra = {});
  Transaction& cancel(const Transaction& invite, const HeaderList& extra = {});
  Transaction& request(const std::string& method, const std::string& uri, const std::string& body = "");
  // The dialog of the nth distinct To tag among the 2xx of an INVITE.
  Dialog dialog_of(const Transaction& invite, std::size_t nth = 0) const;
  // The dialog of the newest initial INVITE this phone answered with 2xx.
  Dialog answered_dialog() const;
  Transaction& send_in(Dialog& dialog, const std::string& method, const std::string& body = "");
  void send_ack(const Transaction& invite, const Message& response);

  // --- Calls in.
  void answers(Answer answer) { answer_ = answer; }
  // Sends a response to the newest INVITE received, whatever the policy says.
  void respond(int status, const std::string& reason = "");

  // --- Switches.
  bool acks_2xx = true;       // Sends ACK for every copy of a 2xx.
  bool acks_failures = true;  // Sends ACK for every copy of a non-2xx final.
  bool retransmits = true;    // Requests are repeated by timers A and E.
  bool muted = false;         // Receives and logs, sends nothing by itself.

  // --- What came.
  int count(const std::string& summary) const;            // "INVITE", "180 INVITE".
  const Message& last(const std::string& summary) const;  // REQUIRES: count(summary) > 0.
  const std::vector<Message>& inbox() const { return inbox_; }

  void send_raw(const std::string& bytes);  // To the proxy, as it is.
  void send_to(const Address& to, const std::string& bytes);

 private:
  friend class Stage;
  // The server side of one INVITE.
  struct Incoming {
    Message invite;
    sockaddr_in from{};
    std::string tag;
    int copies = 0;
    int final_status = 0;
    std::string last_response;
    bool acked = false;
  };

  void on_readable();
  void on_message(Message message, const sockaddr_in& from);
  void on_request(const Message& request, const sockaddr_in& from);
  void on_invite(const Message& request, const sockaddr_in& from);
  void on_cancel(const Message& request, const sockaddr_in& from);
  void on_ack(const Message& request);
  void on_response(const Message& response);
  void begin_answer(const std::shared_ptr<Incoming>& call);
  void respond_to(const std::shared_ptr<Incoming>& call, int status, const std::string& reason = "");
  void repeat_final(const std::shared_ptr<Incoming>& call, int interval_ms);
  Message make_response(const Message& request, int status, const std::string& tag) const;
  void send_response(const Message& request, const sockaddr_in& from, const std::string& bytes);
  Transaction& start(Message request, const Address& to);
  void retransmit(Transaction& transaction, const Address& to, int interval_ms);
  Message new_request(const std::string& method, const std::string& uri);
  Address next_hop(const std::vector<std::string>& route_set, const std::string& target) const;
  std::string new_token(const std::string& prefix);

  Stage& stage_;
  std::string name_;
  std::string user_;
  Address proxy_;
  Address address_;
  int socket_ = -1;
  Answer answer_;
  long counter_ = 0;
  long register_cseq_ = 0;
  std::string register_call_id_;
  std::vector<std::unique_ptr<Transaction>> transactions_;
  std::vector<std::shared_ptr<Incoming>> incoming_;
  std::vector<Message> inbox_;
  // Timers outlive a phone; they look here before they touch it.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

std::string sample_sdp(const std::string& ip, int port);
std::string standard_reason(int status);

}  // namespace lockstep::harness
