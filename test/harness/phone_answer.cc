// phone_answer.cc: the server side of a Phone: what it does with requests (phone.h).
#include <arpa/inet.h>
#include <sys/socket.h>

#include <algorithm>

#include "test/harness/phone.h"

namespace lockstep::harness {
namespace {
constexpr int kT1Ms = 500;
constexpr int kT2Ms = 4000;
}  // namespace

std::string standard_reason(int status) {
  switch (status) {
    case 100:
      return "Trying";
    case 180:
      return "Ringing";
    case 183:
      return "Session Progress";
    case 200:
      return "OK";
    case 302:
      return "Moved Temporarily";
    case 404:
      return "Not Found";
    case 408:
      return "Request Timeout";
    case 481:
      return "Call/Transaction Does Not Exist";
    case 486:
      return "Busy Here";
    case 487:
      return "Request Terminated";
    case 503:
      return "Service Unavailable";
    case 600:
      return "Busy Everywhere";
    case 603:
      return "Decline";
    default:
      return "Status " + std::to_string(status);
  }
}

Message Phone::make_response(const Message& request, int status, const std::string& tag) const {
  Message response;
  response.start_line = "SIP/2.0 " + std::to_string(status) + " " + standard_reason(status);
  for (const std::string& via : request.all("Via")) response.add("Via", via);
  response.add("From", request.get("From"));
  std::string to = request.get("To");
  if (request.to_tag().empty() && status > 100) to += ";tag=" + tag;
  response.add("To", to);
  response.add("Call-ID", request.call_id());
  response.add("CSeq", request.get("CSeq"));
  return response;
}

// Section 18.2.2 with RFC 3581: to `received` or the sent-by host, at rport or the sent-by port.
void Phone::send_response(const Message& request, const sockaddr_in& from, const std::string& bytes) {
  const std::string via = request.get("Via");
  auto [host, port] = sent_by_in(via);
  if (const auto received = parameter_in(via, "received")) host = *received;
  if (const auto rport = parameter_in(via, "rport")) {
    port = rport->empty() ? ntohs(from.sin_port) : std::stoi(*rport);
  }
  send_to({host, port == 0 ? 5060 : port}, bytes);
}

void Phone::on_request(const Message& request, const sockaddr_in& from) {
  const std::string method = request.method();
  if (method == "INVITE") return on_invite(request, from);
  if (method == "ACK") return on_ack(request);
  if (method == "CANCEL") return on_cancel(request, from);
  if (muted) return;
  Message response = make_response(request, 200, new_token("t"));
  if (method == "BYE") {
    const bool ours =
        std::any_of(incoming_.begin(), incoming_.end(),
                    [&](const auto& call) { return call->invite.call_id() == request.call_id(); }) ||
        std::any_of(transactions_.begin(), transactions_.end(), [&](const auto& transaction) {
          return transaction->request.call_id() == request.call_id();
        });
    if (!ours) response = make_response(request, 481, new_token("t"));
  }
  send_response(request, from, response.text());
}

void Phone::on_invite(const Message& request, const sockaddr_in& from) {
  for (const auto& call : incoming_) {
    if (call->invite.branch() != request.branch()) continue;
    ++call->copies;
    if (call->copies == answer_.ignored_copies + 1) return begin_answer(call);
    if (!call->last_response.empty() && !muted) send_response(call->invite, call->from, call->last_response);
    return;
  }
  auto call = std::make_shared<Incoming>();
  call->invite = request;
  call->from = from;
  call->copies = 1;
  call->tag = new_token("t");
  incoming_.push_back(call);
  if (muted || answer_.ignored_copies > 0) return;
  if (!request.to_tag().empty()) return respond_to(call, 200);  // Re-INVITE.
  begin_answer(call);
}

void Phone::begin_answer(const std::shared_ptr<Incoming>& call) {
  const auto later = [this, call](int ms, int status) {
    if (status == 0) return;
    const auto act = [this, call, status] {
      if (call->final_status == 0 && !muted) respond_to(call, status);
    };
    if (ms == 0) return act();
    stage_.after(ms, [alive = alive_, act] {
      if (*alive) act();
    });
  };
  later(answer_.provisional_after_ms, answer_.provisional_status);
  later(answer_.final_after_ms, answer_.final_status);
}

void Phone::respond(int status, const std::string& reason) {
  if (incoming_.empty()) throw std::logic_error(name_ + " has no INVITE to respond to");
  respond_to(incoming_.back(), status, reason);
}

void Phone::respond_to(const std::shared_ptr<Incoming>& call, int status, const std::string& reason) {
  Message response = make_response(call->invite, status, call->tag);
  if (!reason.empty()) response.start_line = "SIP/2.0 " + std::to_string(status) + " " + reason;
  if (status > 100 && status < 300) {
    if (answer_.record_routes) {
      for (const std::string& route : call->invite.all("Record-Route")) response.add("Record-Route", route);
    }
    response.add("Contact", "<" + contact_uri() + ">");
  }
  if (status / 100 == 2) {
    response.add("Content-Type", "application/sdp");
    response.body = sample_sdp(address_.ip, address_.port + 1);
  }
  call->last_response = response.text();
  send_response(call->invite, call->from, call->last_response);
  if (status >= 200) {
    call->final_status = status;
    if (answer_.repeats_final) repeat_final(call, kT1Ms);
  }
}

// Section 13.3.1.4 for 2xx, timer G for the others: until the ACK, at most 64*T1.
void Phone::repeat_final(const std::shared_ptr<Incoming>& call, int interval_ms) {
  stage_.after(interval_ms, [this, alive = alive_, call, interval_ms] {
    if (!*alive || call->acked || muted || interval_ms > 16 * kT2Ms) return;
    send_response(call->invite, call->from, call->last_response);
    repeat_final(call, std::min(interval_ms * 2, kT2Ms));
  });
}

void Phone::on_ack(const Message& request) {
  for (const auto& call : incoming_) {
    if (call->invite.call_id() == request.call_id() && call->invite.cseq() == request.cseq()) {
      call->acked = true;
    }
  }
}

void Phone::on_cancel(const Message& request, const sockaddr_in& from) {
  if (muted || !answer_.answers_cancel) return;
  for (const auto& call : incoming_) {
    if (call->invite.branch() != request.branch()) continue;
    send_response(request, from, make_response(request, 200, call->tag).text());
    if (call->final_status == 0) respond_to(call, 487);
    return;
  }
  send_response(request, from, make_response(request, 481, new_token("t")).text());
}

Dialog Phone::answered_dialog() const {
  for (auto call = incoming_.rbegin(); call != incoming_.rend(); ++call) {
    const Message& invite = (*call)->invite;
    // A re-INVITE records no route: the dialog is that of the INVITE which began it.
    if ((*call)->final_status / 100 != 2 || !invite.to_tag().empty()) continue;
    Dialog dialog;
    dialog.call_id = invite.call_id();
    dialog.local = invite.get("To") + ";tag=" + (*call)->tag;
    dialog.remote = invite.get("From");
    dialog.remote_target = uri_in(invite.get("Contact"));
    dialog.route_set = invite.all("Record-Route");
    return dialog;
  }
  throw std::logic_error(name_ + " has answered no call");
}

}  // namespace lockstep::harness
