#include "test/harness/phone.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>

namespace lockstep::harness {
namespace {

constexpr int kT1Ms = 500;
constexpr int kT2Ms = 4000;

sockaddr_in socket_address(const Address& address) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(static_cast<std::uint16_t>(address.port));
  if (inet_pton(AF_INET, address.ip.c_str(), &out.sin_addr) != 1) {
    throw std::runtime_error("not an IPv4 address: " + address.ip);
  }
  return out;
}

// The kernel's receive time of a datagram.
std::int64_t time_of(const msghdr& header) {
  for (cmsghdr* c = CMSG_FIRSTHDR(const_cast<msghdr*>(&header)); c != nullptr;
       c = CMSG_NXTHDR(const_cast<msghdr*>(&header), c)) {
    if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPNS) {
      timespec when{};
      std::memcpy(&when, CMSG_DATA(c), sizeof when);
      return static_cast<std::int64_t>(when.tv_sec) * 1000000000 + when.tv_nsec;
    }
  }
  return 0;
}

}  // namespace

int Transaction::count(int status) const {
  return static_cast<int>(std::count_if(responses.begin(), responses.end(),
                                        [&](const Message& m) { return m.status() == status; }));
}

int Transaction::provisional_count(int status) const { return count(status); }

const Message& Transaction::final() const {
  for (const Message& response : responses) {
    if (response.status() >= 200) return response;
  }
  throw std::logic_error("no final response yet to " + request.start_line);
}

std::vector<int> Transaction::statuses() const {
  std::vector<int> all;
  for (const Message& response : responses) all.push_back(response.status());
  return all;
}

Phone::Phone(Stage& stage, std::string name, std::string user, Address proxy)
    : stage_(stage), name_(std::move(name)), user_(std::move(user)), proxy_(std::move(proxy)) {
  socket_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(socket_, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
  sockaddr_in local = socket_address({"127.0.0.1", 0});
  socklen_t length = sizeof local;
  if (socket_ < 0 || bind(socket_, reinterpret_cast<sockaddr*>(&local), sizeof local) != 0 ||
      getsockname(socket_, reinterpret_cast<sockaddr*>(&local), &length) != 0) {
    throw std::runtime_error("phone: cannot open a UDP socket on 127.0.0.1");
  }
  address_.port = ntohs(local.sin_port);
  register_call_id_ = new_token("register");
  stage_.attach(this);
}

Phone::~Phone() {
  *alive_ = false;
  stage_.detach(this);
  close(socket_);
}

std::string Phone::aor() const { return "sip:" + user_ + "@" + proxy_.ip; }
std::string Phone::contact_uri() const { return "sip:" + user_ + "@" + address_.text(); }

std::string Phone::new_token(const std::string& prefix) {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return prefix + "-" + name_ + "-" + std::to_string(address_.port) + "-" + std::to_string(++counter_) + "-" +
         std::to_string(now.tv_nsec);
}

void Phone::send_to(const Address& to, const std::string& bytes) {
  const sockaddr_in target = socket_address(to);
  sendto(socket_, bytes.data(), bytes.size(), 0, reinterpret_cast<const sockaddr*>(&target), sizeof target);
}

void Phone::send_raw(const std::string& bytes) { send_to(proxy_, bytes); }

Message Phone::new_request(const std::string& method, const std::string& uri) {
  Message request;
  request.start_line = method + " " + uri + " SIP/2.0";
  request.add("Via", "SIP/2.0/UDP " + address_.text() + ";rport;branch=z9hG4bK" + new_token("b"));
  request.add("Max-Forwards", "70");
  request.add("From", "\"" + name_ + "\" <" + aor() + ">;tag=" + new_token("f"));
  request.add("To", "<" + uri + ">");
  request.add("Call-ID", new_token("call") + "@127.0.0.1");
  request.add("CSeq", "1 " + method);
  return request;
}

Transaction& Phone::start(Message request, const Address& to) {
  transactions_.push_back(std::make_unique<Transaction>());
  Transaction& transaction = *transactions_.back();
  transaction.request = std::move(request);
  transaction.copies_sent = 1;
  send_to(to, transaction.request.text());
  if (retransmits) retransmit(transaction, to, kT1Ms);
  return transaction;
}

// Timers A and E: an INVITE is repeated until any response, another request until its final; both for 64*T1.
void Phone::retransmit(Transaction& transaction, const Address& to, int interval_ms) {
  stage_.after(interval_ms, [this, alive = alive_, &transaction, to, interval_ms] {
    if (!*alive || !retransmits || transaction.final_status != 0 || transaction.copies_sent >= 11) return;
    const bool is_invite = transaction.request.method() == "INVITE";
    if (is_invite && !transaction.responses.empty()) return;
    send_to(to, transaction.request.text());
    ++transaction.copies_sent;
    retransmit(transaction, to, is_invite ? interval_ms * 2 : std::min(interval_ms * 2, kT2Ms));
  });
}

Transaction& Phone::send_register(const std::vector<std::string>& contacts, int expires_header,
                                  const HeaderList& extra) {
  Message request = new_request("REGISTER", "sip:" + proxy_.ip);
  request.set("To", "<" + aor() + ">");
  request.set("Call-ID", register_call_id_);
  request.set("CSeq", std::to_string(++register_cseq_) + " REGISTER");
  for (const std::string& contact : contacts) request.add("Contact", contact);
  if (expires_header >= 0) request.add("Expires", std::to_string(expires_header));
  for (const auto& [name, value] : extra) request.set(name, value);
  return start(std::move(request), proxy_);
}

Transaction& Phone::register_contact(int expires_s, const std::string& q) {
  std::string contact = "<" + contact_uri() + ">;expires=" + std::to_string(expires_s);
  if (!q.empty()) contact += ";q=" + q;
  return send_register({contact});
}

Transaction& Phone::invite(const std::string& uri, const HeaderList& extra) {
  Message request = new_request("INVITE", uri);
  request.add("Contact", "<" + contact_uri() + ">");
  request.add("Content-Type", "application/sdp");
  request.body = sample_sdp(address_.ip, address_.port + 1);
  // They stand in place of what the phone would write itself; a name may come more than once.
  for (const auto& [name, value] : extra) request.remove(name);
  for (const auto& [name, value] : extra) request.add(name, value);
  return start(std::move(request), proxy_);
}

Transaction& Phone::cancel(const Transaction& invite, const HeaderList& extra) {
  // Section 9.1: same Request-URI, Call-ID, To, From, CSeq number, Route, and the top Via alone.
  Message request;
  request.start_line = "CANCEL " + invite.request.request_uri() + " SIP/2.0";
  request.add("Via", invite.request.get("Via"));
  request.add("Max-Forwards", "70");
  for (const std::string& route : invite.request.all("Route")) request.add("Route", route);
  for (const char* name : {"From", "To", "Call-ID"}) request.add(name, invite.request.get(name));
  request.add("CSeq", std::to_string(invite.request.cseq()) + " CANCEL");
  for (const auto& [name, value] : extra) request.set(name, value);
  return start(std::move(request), proxy_);
}

Transaction& Phone::request(const std::string& method, const std::string& uri, const std::string& body) {
  Message message = new_request(method, uri);
  message.body = body;
  return start(std::move(message), proxy_);
}

Dialog Phone::dialog_of(const Transaction& invite, std::size_t nth) const {
  std::vector<std::string> tags;
  for (const Message& response : invite.responses) {
    if (response.status() < 200 || response.status() > 299) continue;
    if (std::count(tags.begin(), tags.end(), response.to_tag()) > 0) continue;
    tags.push_back(response.to_tag());
    if (tags.size() != nth + 1) continue;
    Dialog dialog;
    dialog.call_id = response.call_id();
    dialog.local = invite.request.get("From");
    dialog.remote = response.get("To");
    dialog.remote_target = uri_in(response.get("Contact"));
    dialog.route_set = response.all("Record-Route");
    std::reverse(dialog.route_set.begin(), dialog.route_set.end());
    dialog.cseq = invite.request.cseq();
    return dialog;
  }
  throw std::logic_error("the INVITE has no such 2xx");
}

Address Phone::next_hop(const std::vector<std::string>& route_set, const std::string& target) const {
  const auto [host, port] = host_port_in(route_set.empty() ? target : uri_in(route_set.front()));
  return {host, port == 0 ? 5060 : port};
}

Transaction& Phone::send_in(Dialog& dialog, const std::string& method, const std::string& body) {
  Message message = new_request(method, dialog.remote_target);
  message.set("From", dialog.local);
  message.set("To", dialog.remote);
  message.set("Call-ID", dialog.call_id);
  message.set("CSeq", std::to_string(++dialog.cseq) + " " + method);
  for (const std::string& route : dialog.route_set) message.add("Route", route);
  if (method == "INVITE") {
    message.add("Contact", "<" + contact_uri() + ">");
    message.add("Content-Type", "application/sdp");
  }
  message.body = body;
  return start(std::move(message), next_hop(dialog.route_set, dialog.remote_target));
}

void Phone::send_ack(const Transaction& invite, const Message& response) {
  Message ack;
  const bool accepted = response.status() < 300;
  std::vector<std::string> routes;
  if (accepted) {  // Section 13.2.2.4: a request of its own within the new dialog.
    routes = response.all("Record-Route");
    std::reverse(routes.begin(), routes.end());
    if (!invite.request.to_tag().empty()) routes = invite.request.all("Route");
    ack.start_line = "ACK " + uri_in(response.get("Contact")) + " SIP/2.0";
    ack.add("Via", "SIP/2.0/UDP " + address_.text() + ";rport;branch=z9hG4bK" + new_token("ack"));
  } else {  // Section 17.1.1.3: part of the transaction.
    routes = invite.request.all("Route");
    ack.start_line = "ACK " + invite.request.request_uri() + " SIP/2.0";
    ack.add("Via", invite.request.get("Via"));
  }
  ack.add("Max-Forwards", "70");
  for (const std::string& route : routes) ack.add("Route", route);
  ack.add("From", invite.request.get("From"));
  ack.add("To", response.get("To"));
  ack.add("Call-ID", invite.request.call_id());
  ack.add("CSeq", std::to_string(invite.request.cseq()) + " ACK");
  const bool by_route = !routes.empty() && (accepted || !invite.request.to_tag().empty());
  send_to(accepted || by_route ? next_hop(routes, ack.request_uri()) : proxy_, ack.text());
}

void Phone::on_response(const Message& response) {
  for (const auto& transaction : transactions_) {
    if (transaction->request.branch() != response.branch() ||
        transaction->request.method() != response.method()) {
      continue;
    }
    transaction->responses.push_back(response);
    const int status = response.status();
    if (status >= 200 && transaction->final_status == 0) transaction->final_status = status;
    const bool acks = !muted && (status < 300 ? acks_2xx : acks_failures);
    if (status >= 200 && response.method() == "INVITE" && acks) {
      send_ack(*transaction, response);
    }
    return;
  }
}

void Phone::on_readable() {
  while (true) {
    std::array<char, 65536> buffer;
    std::array<char, 256> control;
    sockaddr_in from{};
    iovec vector{buffer.data(), buffer.size()};
    msghdr header{};
    header.msg_name = &from;
    header.msg_namelen = sizeof from;
    header.msg_iov = &vector;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    const ssize_t length = recvmsg(socket_, &header, MSG_DONTWAIT);
    if (length < 0) return;
    std::optional<Message> message =
        parse_message(std::string_view(buffer.data(), static_cast<std::size_t>(length)));
    if (!message) continue;
    stage_.log_.push_back({time_of(header), name_, *message, from});
    inbox_.push_back(*message);
    if (message->is_request()) {
      on_request(*message, from);
    } else {
      on_response(*message);
    }
  }
}

int Phone::count(const std::string& summary) const {
  return static_cast<int>(
      std::count_if(inbox_.begin(), inbox_.end(), [&](const Message& m) { return m.summary() == summary; }));
}

const Message& Phone::last(const std::string& summary) const {
  for (auto message = inbox_.rbegin(); message != inbox_.rend(); ++message) {
    if (message->summary() == summary) return *message;
  }
  throw std::logic_error(name_ + " received no " + summary);
}

std::string sample_sdp(const std::string& ip, int port) {
  return "v=0\r\no=- 1 1 IN IP4 " + ip + "\r\ns=-\r\nc=IN IP4 " + ip + "\r\nt=0 0\r\nm=audio " +
         std::to_string(port) + " RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n";
}

}  // namespace lockstep::harness
