// peers.cc: messages of caller and phones.
#include "core/explore/peers.h"

#include <fmt/core.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/assert.h"
#include "core/net/udp_socket.h"

namespace lockstep::explore {
namespace {

using What = ScenarioDatagram::What;

constexpr int kDeliveryMs = 1000;

std::string header_of(const std::string& message, std::string_view name) {
  std::size_t at = message.find(fmt::format("\r\n{}: ", name));
  if (at == std::string::npos) return {};
  at += name.size() + 4;
  return message.substr(at, message.find("\r\n", at) - at);
}

std::string tag_of(const std::string& message) {
  const std::string to = header_of(message, "To");
  const std::size_t at = to.find(";tag=");
  return at == std::string::npos ? std::string() : to.substr(at + 5);
}

std::string own_tag(char branch) { return std::string(1, static_cast<char>(branch + 32)); }

// "a", "a2", "b": whose tag; a tag of the proxy is long.
char branch_of_tag(const std::string& tag) {
  if (tag.empty() || tag.size() > 3 || tag[0] < 'a' || tag[0] > 'd') return '-';
  return static_cast<char>(tag[0] - 32);
}

const char* reason_of(int status) {
  switch (status) {
    case 100:
      return "Trying";
    case 180:
      return "Ringing";
    case 200:
      return "OK";
    case 401:
      return "Unauthorized";
    case 407:
      return "Proxy Authentication Required";
    case 486:
      return "Busy Here";
    case 487:
      return "Request Terminated";
    case 503:
      return "Service Unavailable";
    case 603:
      return "Decline";
    default:
      return "Status";
  }
}

}  // namespace

std::string challenge_of(const std::string& tag) {
  return fmt::format("Digest realm=\"{}\", nonce=\"1\"", tag);
}

std::string call_id_of(const ScenarioDatagram& datagram) {
  return datagram.is_registration() ? own_tag(datagram.branch) + "@phone" : kCallId;
}

std::string Sent::label() const {
  if (what == What::kRequest) return fmt::format("{} {}", method, branch);
  if (method == "CANCEL") return fmt::format("{} cancel", status);
  if (method == "REGISTER") return fmt::format("{} REGISTER {}", status, branch);
  if (method != "INVITE") return fmt::format("{} {}", status, method);
  return fmt::format("{} {}", status, branch);
}

Peers::Peers() {
  const auto fd = net::open_udp(*parse_address("127.0.0.1", 0));
  LS_ASSERT(fd.ok());
  socket_ = *fd;
  const int bytes = 1 << 20;
  setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  sockaddr_in address{};
  socklen_t length = sizeof address;
  getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &length);
  host_ = fmt::format("127.0.0.1:{}", ntohs(address.sin_port));
}

Peers::~Peers() { close(socket_); }

void Peers::reset() {
  static_cast<void>(take());
  invites_.clear();
  answered_.clear();
  is_acknowledged_ = false;
}

std::string Peers::request(std::string_view method, char branch) const {
  const bool in_dialog = branch != 0;
  const std::string target = in_dialog ? own_tag(branch) : callee_;
  const char* const via = in_dialog ? (method == "ACK" ? "ack" : "bye") : "invite";
  return fmt::format(
      "{0} sip:{1}@{2} SIP/2.0\r\nVia: SIP/2.0/UDP {2};branch=z9hG4bK{3}\r\nMax-Forwards: 70\r\n"
      "From: <sip:caller@{2}>;tag=caller\r\nTo: <sip:office@{2}>{4}\r\nCall-ID: {5}\r\nCSeq: {6} {0}\r\n"
      "Contact: <sip:caller@{2}>\r\nContent-Length: 0\r\n\r\n",
      method, target, host_, via, in_dialog ? ";tag=" + own_tag(branch) : "", kCallId,
      method == "BYE" ? 2 : 1);
}

// CSeq and Via branch are the line: later ones of a phone are newer, and no two are the same.
std::string Peers::registration(const ScenarioDatagram& datagram) const {
  const std::string user = own_tag(datagram.branch);
  const bool is_end = datagram.what == What::kUnregister;
  return fmt::format(
      "REGISTER sip:{0} SIP/2.0\r\nVia: SIP/2.0/UDP {0};branch=z9hG4bKregister{1}\r\nMax-Forwards: 70\r\n"
      "From: <sip:office@{0}>;tag={2}\r\nTo: <sip:office@{0}>\r\nCall-ID: {3}\r\nCSeq: {1} REGISTER\r\n"
      "Contact: <sip:{2}@{0}>{4}\r\nContent-Length: 0\r\n\r\n",
      host_, datagram.line, user, call_id_of(datagram), is_end ? ";expires=0" : "");
}

std::string Peers::response(const std::string& request, int status, const std::string& tag,
                            const std::string& host) {
  std::string text = fmt::format("SIP/2.0 {} {}\r\n", status, reason_of(status));
  std::size_t at = request.find("\r\n") + 2;
  for (std::size_t end = request.find("\r\n", at); end != at; end = request.find("\r\n", at)) {
    const std::string line = request.substr(at, end - at);
    const bool is_to = line.starts_with("To: ");
    if (is_to && !tag.empty() && line.find(";tag=") == std::string::npos) {
      text += line + ";tag=" + tag + "\r\n";
    } else if (is_to || line.starts_with("Via: ") || line.starts_with("From: ") ||
               line.starts_with("Call-ID: ") || line.starts_with("CSeq: ")) {
      text += line + "\r\n";
    }
    at = end + 2;
  }
  const std::string user = tag.empty() ? "phone" : tag;
  if (status == 401) text += fmt::format("WWW-Authenticate: {}\r\n", challenge_of(tag));
  if (status == 407) text += fmt::format("Proxy-Authenticate: {}\r\n", challenge_of(tag));
  return text + fmt::format("Contact: <sip:{}@{}>\r\nContent-Length: 0\r\n\r\n", user, host);
}

std::string Peers::build(const ScenarioDatagram& datagram, std::string& bytes) const {
  const char branch = datagram.branch;
  const auto answer = [&](const std::map<char, std::string>& requests, const char* what) -> std::string {
    const auto found = requests.find(branch);
    if (found == requests.end()) return fmt::format("{} was not sent {} by then", branch, what);
    bytes = response(found->second, datagram.status, datagram.status == 100 ? "" : datagram.to_tag(), host_);
    return {};
  };
  switch (datagram.what) {
    case What::kInvite:
      bytes = request("INVITE", 0);
      return {};
    case What::kCancel:
      bytes = request("CANCEL", 0);
      return {};
    case What::kAck:
      bytes = request("ACK", branch);
      return {};
    case What::kBye:
      bytes = request("BYE", branch);
      return {};
    case What::kRegister:
    case What::kUnregister:
      bytes = registration(datagram);
      return {};
    case What::kResponse:
      return answer(invites_, "an INVITE");
    case What::kCancelResponse: {
      // The phone's CANCEL is not there yet: it has the INVITE's Via, so that its answer can be told.
      const auto invite = invites_.find(branch);
      if (invite == invites_.end()) return fmt::format("{} was not sent an INVITE by then", branch);
      bytes = response(invite->second, datagram.status, own_tag(branch), host_);
      const std::size_t at = bytes.find(" INVITE\r\n", bytes.find("CSeq: "));
      bytes.replace(at, 9, " CANCEL\r\n");
      return {};
    }
  }
  return {};
}

void Peers::send(const PeerAddress& to, const std::string& bytes) const {
  const ssize_t sent =
      sendto(socket_, bytes.data(), bytes.size(), 0, reinterpret_cast<const sockaddr*>(to.bytes), to.length);
  LS_ASSERT(sent == static_cast<ssize_t>(bytes.size()));
}

// On a busy machine the kernel may deliver over the loopback a little later than it has sent.
std::vector<Sent> Peers::take(std::size_t at_least) {
  std::vector<Sent> all;
  char buffer[4096];
  for (bool has_waited = false;;) {
    const ssize_t got = recv(socket_, buffer, sizeof buffer, MSG_DONTWAIT);
    if (got < 0 && has_waited) return all;
    if (got < 0) {
      pollfd waiting{socket_, POLLIN, 0};
      all.size() < at_least ? poll(&waiting, 1, kDeliveryMs) : sched_yield();
      has_waited = true;
      continue;
    }
    Sent one;
    one.bytes.assign(buffer, static_cast<std::size_t>(got));
    one.tag = tag_of(one.bytes);
    if (one.bytes.starts_with("SIP/2.0 ")) {
      one.status = std::atoi(one.bytes.c_str() + 8);
      const std::string cseq = header_of(one.bytes, "CSeq");
      one.method = cseq.substr(cseq.find(' ') + 1);
      one.branch = branch_of_tag(one.tag);
      if (one.method == "REGISTER") one.branch = static_cast<char>(header_of(one.bytes, "Call-ID")[0] - 32);
    } else {
      one.what = Sent::What::kRequest;
      one.method = one.bytes.substr(0, one.bytes.find(' '));
      const std::size_t user = one.bytes.find("sip:") + 4;
      one.branch = static_cast<char>(one.bytes[user] - 32);
      if (one.method == "INVITE") invites_[one.branch] = one.bytes;
    }
    all.push_back(std::move(one));
  }
}

std::vector<std::string> Peers::reactions(const Sent& to) {
  std::vector<std::string> answers;
  if (to.what == Sent::What::kRequest) {
    if (to.method == "BYE") answers.push_back(response(to.bytes, 200, own_tag(to.branch), host_));
    if (to.method == "CANCEL" && !invites_.contains(to.branch)) {
      answers.push_back(response(to.bytes, 481, own_tag(to.branch), host_));
    } else if (to.method == "CANCEL") {
      answers.push_back(response(to.bytes, 200, own_tag(to.branch), host_));
      if (!answered_[to.branch]) {
        answered_[to.branch] = true;
        answers.push_back(response(invites_[to.branch], 487, own_tag(to.branch), host_));
      }
    }
    return answers;
  }
  if (to.method == "INVITE" && to.status >= 300 && !is_acknowledged_) {
    is_acknowledged_ = true;
    std::string ack = request("ACK", 0);
    const std::string line = "To: " + header_of(ack, "To");
    ack.replace(ack.find(line), line.size(), line + ";tag=" + to.tag);
    answers.push_back(ack);
  }
  return answers;
}

}  // namespace lockstep::explore
