#include "test/harness/race.h"

#include <arpa/inet.h>
#include <fmt/core.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <utility>

namespace lockstep::harness {
namespace {

constexpr std::int64_t kSilenceUs = 1200000;  // Longer than twice T1: what is repeated would show.
constexpr int kT1Ms = 500;
constexpr int kLongestRepetitionMs = 2000;  // A phone that nobody acknowledges gives up after three copies.
constexpr std::size_t kDatagramBytes = 8192;

std::int64_t clock_ns(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1000000000 + now.tv_nsec;
}
std::int64_t now_us() { return clock_ns(CLOCK_MONOTONIC) / 1000; }

std::string_view up_to(std::string_view text, std::string_view ends) {
  return text.substr(0, text.find_first_of(ends));
}

std::string_view parameter(std::string_view value, std::string_view name) {
  const auto at = value.find(name);
  return at == std::string_view::npos ? std::string_view() : up_to(value.substr(at + name.size()), ";,> \r");
}

std::string reason_phrase(int status) {
  if (status == 180) return "Ringing";
  return status == 487 ? "Request Terminated" : "OK";
}

const std::string kOffer =
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio 4000 RTP/AVP 0\r\n";

}  // namespace

struct RaceTrack::Datagram {
  std::string_view start;
  std::string_view body;
  std::vector<std::string_view> vias;  // Whole lines.
  std::vector<std::string_view> record_routes;
  std::string_view from, to, call_id, cseq, contact, reason;
  int number = -1;  // Of the call.

  explicit Datagram(std::string_view text);

  int status() const {
    int value = 0;
    if (start.rfind("SIP/2.0 ", 0) == 0)
      std::from_chars(start.data() + 8, start.data() + start.size(), value);
    return value;
  }
  std::string_view method() const { return cseq.substr(cseq.rfind(' ') + 1); }
  std::string_view to_tag() const { return parameter(to, ";tag="); }
  std::string_view branch() const { return vias.empty() ? vias_none() : parameter(vias.front(), ";branch="); }
  std::string_view contact_uri() const {
    const auto at = contact.find('<');
    return at == std::string_view::npos ? contact : up_to(contact.substr(at + 1), ">");
  }

 private:
  static std::string_view vias_none() { return {}; }
};

RaceTrack::Datagram::Datagram(std::string_view text) {
  const auto end = text.find("\r\n\r\n");
  if (end == std::string_view::npos) return;
  body = text.substr(end + 4);
  text = text.substr(0, end + 2);
  start = up_to(text, "\r");
  for (text.remove_prefix(start.size() + 2); !text.empty();) {
    const std::string_view line = text.substr(0, text.find("\r\n") + 2);
    text.remove_prefix(line.size());
    const auto colon = line.find(": ");
    if (colon == std::string_view::npos) continue;
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = line.substr(colon + 2, line.size() - colon - 4);
    if (name == "Via") vias.push_back(line);
    if (name == "Record-Route") record_routes.push_back(line);
    if (name == "From") from = value;
    if (name == "To") to = value;
    if (name == "Call-ID") call_id = value;
    if (name == "CSeq") cseq = value;
    if (name == "Contact") contact = value;
    if (name == "Reason") reason = value;
  }
  std::from_chars(call_id.data(), call_id.data() + call_id.size(), number);
}

RaceTrack::RaceTrack(Address server, int lines)
    : server_(std::move(server)), sockets_(static_cast<std::size_t>(lines)) {
  destination_.sin_family = AF_INET;
  destination_.sin_port = htons(static_cast<std::uint16_t>(server_.port));
  inet_pton(AF_INET, server_.ip.c_str(), &destination_.sin_addr);
  for (auto& line : sockets_) {
    for (Socket& one : line) {
      one.fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
      const int yes = 1;
      const int bytes = 8 << 20;
      setsockopt(one.fd, SOL_SOCKET, SO_TIMESTAMPNS, &yes, sizeof yes);
      // Force needs a privilege; without it the ordinary limit has to do.
      setsockopt(one.fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
      setsockopt(one.fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
      sockaddr_in local{};
      local.sin_family = AF_INET;
      local.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      socklen_t length = sizeof local;
      if (bind(one.fd, reinterpret_cast<sockaddr*>(&local), sizeof local) != 0 ||
          getsockname(one.fd, reinterpret_cast<sockaddr*>(&local), &length) != 0) {
        throw std::runtime_error("no UDP port for the race");
      }
      one.port = ntohs(local.sin_port);
    }
  }
}

RaceTrack::~RaceTrack() {
  for (const auto& line : sockets_) {
    for (const Socket& one : line) close(one.fd);
  }
}

std::vector<std::string> RaceTrack::contacts_of(int line) const {
  const auto& sockets = sockets_[static_cast<std::size_t>(line)];
  std::vector<std::string> both = {fmt::format("<sip:a@127.0.0.1:{}>", sockets[1].port),
                                   fmt::format("<sip:b@127.0.0.1:{}>", sockets[2].port)};
  // Either phone may be the first branch.
  if (line % 2 != 0) std::swap(both[0], both[1]);
  return both;
}

std::vector<CallLog> RaceTrack::logs() const {
  std::vector<CallLog> all;
  for (const Call& call : calls_) all.push_back(call.log);
  return all;
}

void RaceTrack::after(std::int64_t us, std::function<void()> action) {
  timers_.emplace(now_us() + us, std::move(action));
}

void RaceTrack::fire_timers() {
  while (!timers_.empty() && timers_.begin()->first <= now_us()) {
    const auto action = std::move(timers_.begin()->second);
    timers_.erase(timers_.begin());
    action();
  }
}

void RaceTrack::place(int calls, int per_second, const std::function<RacePlan(int)>& plan_of) {
  for (int i = 0; i < calls; ++i) {
    Call call;
    call.log.call_id = fmt::format("{}@race", i);
    call.plan = plan_of(i);
    call.line = i % lines();
    calls_.push_back(std::move(call));
    after(static_cast<std::int64_t>(i) * 1000000 / per_second, [this, i] { begin(i); });
  }
}

bool RaceTrack::run(int deadline_ms) {
  const std::int64_t deadline = now_us() + static_cast<std::int64_t>(deadline_ms) * 1000;
  last_packet_us_ = now_us();
  std::vector<pollfd> fds;
  for (const auto& line : sockets_) {
    for (const Socket& one : line) fds.push_back({one.fd, POLLIN, 0});
  }
  for (;;) {
    fire_timers();
    const std::int64_t now = now_us();
    if (now >= deadline) return false;
    if (timers_.empty() && now - last_packet_us_ >= kSilenceUs) return true;
    const std::int64_t wake = timers_.empty() ? last_packet_us_ + kSilenceUs : timers_.begin()->first;
    const std::int64_t wait_us = std::clamp<std::int64_t>(wake - now, 0, 100000);
    const timespec wait{0, wait_us * 1000};
    ppoll(fds.data(), fds.size(), &wait, nullptr);
    for (std::size_t i = 0; i < fds.size(); ++i) {
      if ((fds[i].revents & POLLIN) != 0) drain(static_cast<int>(i / 3), static_cast<Party>(i % 3));
    }
  }
}

// Timers that are due go first: a phone that reads for long must not answer late.
void RaceTrack::drain(int line, Party party) {
  const Socket& socket = sockets_[static_cast<std::size_t>(line)][static_cast<std::size_t>(party)];
  std::array<char, kDatagramBytes> bytes;
  alignas(cmsghdr) std::array<char, 128> control;
  for (;;) {
    iovec part{bytes.data(), bytes.size()};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    const ssize_t length = recvmsg(socket.fd, &header, 0);
    if (length < 0) return;
    std::int64_t at_ns = 0;
    for (cmsghdr* one = CMSG_FIRSTHDR(&header); one != nullptr; one = CMSG_NXTHDR(&header, one)) {
      if (one->cmsg_level != SOL_SOCKET || one->cmsg_type != SCM_TIMESTAMPNS) continue;
      const auto* stamp = reinterpret_cast<const timespec*>(CMSG_DATA(one));
      at_ns = static_cast<std::int64_t>(stamp->tv_sec) * 1000000000 + stamp->tv_nsec;
    }
    if (at_ns == 0) throw std::runtime_error("a datagram came without the kernel's time stamp");
    on_datagram(line, party, {bytes.data(), static_cast<std::size_t>(length)}, at_ns);
    fire_timers();
  }
}

void RaceTrack::on_datagram(int line, Party party, std::string_view bytes, std::int64_t at_ns) {
  last_packet_us_ = now_us();
  const Datagram datagram(bytes);
  const int number = datagram.number;
  if (number < 0 || number >= static_cast<int>(calls_.size())) return;
  Call& call = calls_[static_cast<std::size_t>(number)];
  if (call.line != line) throw std::runtime_error("a call went to another line: " + call.log.call_id);
  const int status = datagram.status();
  call.log.packets.push_back({at_ns, party, false, status, std::string(datagram.method()),
                              std::string(datagram.to_tag()), std::string(datagram.branch()),
                              std::string(datagram.reason),
                              datagram.body.find("\nm=audio 0 ") != std::string_view::npos});
  if (party == Party::kCaller) {
    if (status != 0) on_response(number, datagram);
    return;
  }
  const std::string_view method = datagram.method();
  if (method == "INVITE") on_invite(number, party, datagram);
  if (method == "CANCEL") on_cancel(number, party, datagram);
  if (method == "ACK") leg(number, party).acked.emplace_back(datagram.to_tag());
  if (method != "BYE") return;
  std::string text = "SIP/2.0 200 OK\r\n";
  for (const std::string_view via : datagram.vias) text += via;
  send(number, party,
       text + fmt::format("From: {}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {}\r\nContent-Length: 0\r\n\r\n",
                          datagram.from, datagram.to, datagram.call_id, datagram.cseq));
}

// --- The phones.

void RaceTrack::on_invite(int number, Party party, const Datagram& datagram) {
  Leg& mine = leg(number, party);
  if (mine.invited) return;
  mine.invited = true;
  for (const std::string_view via : datagram.vias) mine.head += via;
  for (const std::string_view route : datagram.record_routes) mine.head += route;
  mine.head += fmt::format("From: {}\r\n", datagram.from);
  mine.to = datagram.to;
  mine.tail = fmt::format("Call-ID: {}\r\nCSeq: {}\r\n", datagram.call_id, datagram.cseq);
  const RacePlan& plan = calls_[static_cast<std::size_t>(number)].plan;
  if (party == Party::kA || !plan.b_ring_us) respond(number, party, 180, party == Party::kA ? "a" : "b");
  if (party == Party::kA) schedule(number);
}

// Everything that the plan counts from T.
void RaceTrack::schedule(int number) {
  const RacePlan& plan = calls_[static_cast<std::size_t>(number)].plan;
  const int lead = plan.lead_us;
  after(lead, [this, number] { answer(number, Party::kA, "a"); });
  if (plan.b_ring_us) {
    after(lead + *plan.b_ring_us, [this, number] { respond(number, Party::kB, 180, "b"); });
  }
  if (plan.b_answer_us) {
    after(lead + *plan.b_answer_us, [this, number] { answer(number, Party::kB, "b"); });
  }
  if (plan.cancel_us) after(lead + *plan.cancel_us, [this, number] { cancel(number); });
  if (plan.repeat_invite_us) {
    after(lead + *plan.repeat_invite_us,
          [this, number] { send(number, Party::kCaller, calls_[static_cast<std::size_t>(number)].invite); });
  }
  if (plan.second_tag_us) {
    after(lead + *plan.second_tag_us, [this, number] {
      if (leg(number, Party::kA).final_status != 200) return;
      respond(number, Party::kA, 200, "other");
      repeat_final(number, Party::kA, 200, "other", kT1Ms);
    });
  }
}

void RaceTrack::answer(int number, Party party, const std::string& tag) {
  Leg& mine = leg(number, party);
  const RacePlan& plan = calls_[static_cast<std::size_t>(number)].plan;
  const bool heeds = party == Party::kA || plan.b_heeds_cancel;
  if (!mine.invited || mine.final_status != 0 || (mine.cancelled && heeds)) return;
  respond(number, party, 200, tag);
  repeat_final(number, party, 200, tag, kT1Ms);
  if (party == Party::kB && plan.repeat_200_us) {
    after(*plan.repeat_200_us, [this, number, tag] { respond(number, Party::kB, 200, tag); });
  }
}

void RaceTrack::on_cancel(int number, Party party, const Datagram& datagram) {
  Leg& mine = leg(number, party);
  const RacePlan& plan = calls_[static_cast<std::size_t>(number)].plan;
  const std::string tag = party == Party::kA ? "a" : "b";
  if (party == Party::kA || plan.b_answers_cancel) {
    std::string text = "SIP/2.0 200 OK\r\n";
    for (const std::string_view via : datagram.vias) text += via;
    send(number, party,
         text +
             fmt::format("From: {}\r\nTo: {};tag={}-{}\r\nCall-ID: {}\r\nCSeq: {}\r\n", datagram.from,
                         datagram.to, tag, number, datagram.call_id, datagram.cseq) +
             "Content-Length: 0\r\n\r\n");
  }
  if (std::exchange(mine.cancelled, true)) return;
  if (party == Party::kB && !plan.b_heeds_cancel) return;
  after(party == Party::kA ? 0 : plan.b_487_us, [this, number, party, tag] {
    if (leg(number, party).final_status != 0) return;
    respond(number, party, 487, tag);
    repeat_final(number, party, 487, tag, kT1Ms);
  });
}

void RaceTrack::respond(int number, Party party, int status, const std::string& tag) {
  Leg& mine = leg(number, party);
  if (!mine.invited) return;
  if (status < 200 && mine.final_status != 0) return;
  if (status >= 200) mine.final_status = status;
  const Socket& socket = sockets_[static_cast<std::size_t>(calls_[static_cast<std::size_t>(number)].line)]
                                 [static_cast<std::size_t>(party)];
  const std::string body = status == 200 ? kOffer : "";
  std::string text = fmt::format("SIP/2.0 {} {}\r\n", status, reason_phrase(status));
  text += mine.head + fmt::format("To: {};tag={}-{}\r\n", mine.to, tag, number) + mine.tail;
  text += fmt::format("Contact: <sip:phone@127.0.0.1:{}>\r\n", socket.port);
  if (!body.empty()) text += "Content-Type: application/sdp\r\n";
  send(number, party, text + fmt::format("Content-Length: {}\r\n\r\n", body.size()) + body);
}

// 13.3.1.4 and 17.2.1: a final is repeated until its ACK comes.
void RaceTrack::repeat_final(int number, Party party, int status, const std::string& tag, int interval_ms) {
  after(static_cast<std::int64_t>(interval_ms) * 1000, [=, this] {
    const std::vector<std::string>& acked = leg(number, party).acked;
    if (std::count(acked.begin(), acked.end(), fmt::format("{}-{}", tag, number)) > 0) return;
    respond(number, party, status, tag);
    if (interval_ms < kLongestRepetitionMs) repeat_final(number, party, status, tag, interval_ms * 2);
  });
}

// --- The caller.

std::string RaceTrack::request(int number, std::string_view method, const std::string& uri,
                               const std::string& to, const std::string& branch,
                               const std::string& more) const {
  const Call& call = calls_[static_cast<std::size_t>(number)];
  const int port = sockets_[static_cast<std::size_t>(call.line)][0].port;
  return fmt::format("{} {} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{};branch=z9hG4bKrace-{}-{}\r\n", method,
                     uri, port, number, branch) +
         more +
         fmt::format(
             "Max-Forwards: 70\r\nFrom: <sip:caller@race>;tag=caller-{}\r\nTo: {}\r\nCall-ID: {}\r\n"
             "CSeq: {} {}\r\nContact: <sip:caller@127.0.0.1:{}>\r\nContent-Length: 0\r\n\r\n",
             number, to, call.log.call_id, method == "BYE" ? 2 : 1, method, port);
}

void RaceTrack::begin(int number) {
  Call& call = calls_[static_cast<std::size_t>(number)];
  const std::string uri = "sip:" + user_of(call.line) + "@" + server_.ip;
  call.invite = request(number, "INVITE", uri, "<" + uri + ">", "invite", "");
  send(number, Party::kCaller, call.invite);
  repeat_request(
      number, call.invite, [](const Call& one) { return one.is_answered; }, kT1Ms);
}

void RaceTrack::cancel(int number) {
  const Call& call = calls_[static_cast<std::size_t>(number)];
  const std::string uri = "sip:" + user_of(call.line) + "@" + server_.ip;
  const std::string text = request(number, "CANCEL", uri, "<" + uri + ">", "invite", "");
  send(number, Party::kCaller, text);
  repeat_request(
      number, text, [](const Call& one) { return one.cancel_answered; }, kT1Ms);
}

void RaceTrack::repeat_request(int number, const std::string& bytes,
                               const std::function<bool(const Call&)>& is_over, int interval_ms) {
  after(static_cast<std::int64_t>(interval_ms) * 1000, [=, this] {
    if (is_over(calls_[static_cast<std::size_t>(number)])) return;
    send(number, Party::kCaller, bytes);
    if (interval_ms < 4 * kLongestRepetitionMs) repeat_request(number, bytes, is_over, interval_ms * 2);
  });
}

void RaceTrack::on_response(int number, const Datagram& datagram) {
  Call& call = calls_[static_cast<std::size_t>(number)];
  const std::string_view method = datagram.method();
  const int status = datagram.status();
  if (method == "CANCEL") call.cancel_answered = true;
  if (method == "BYE") {
    for (Dialog& dialog : call.dialogs) {
      dialog.bye_answered = dialog.bye_answered || dialog.tag == datagram.to_tag();
    }
  }
  if (method != "INVITE") return;
  call.is_answered = true;
  if (status < 200) return;
  call.has_final = true;
  if (status < 300) {
    on_2xx(number, datagram);
    return;
  }
  const std::string uri = "sip:" + user_of(call.line) + "@" + server_.ip;
  send(number, Party::kCaller, request(number, "ACK", uri, std::string(datagram.to), "invite", ""));
}

// Each copy of a 2xx gets its ACK (13.2.2.4); its dialog is ended a little later.
void RaceTrack::on_2xx(int number, const Datagram& datagram) {
  Call& call = calls_[static_cast<std::size_t>(number)];
  const std::string_view tag = datagram.to_tag();
  auto known = std::find_if(call.dialogs.begin(), call.dialogs.end(),
                            [&](const Dialog& dialog) { return dialog.tag == tag; });
  if (known == call.dialogs.end()) {
    std::string routes;
    for (auto line = datagram.record_routes.rbegin(); line != datagram.record_routes.rend(); ++line) {
      routes += line->substr(std::string_view("Record-").size());
    }
    const std::string uri(datagram.contact_uri());
    const std::string to(datagram.to);
    Dialog dialog;
    dialog.tag = tag;
    dialog.ack = request(number, "ACK", uri, to, "ack-" + dialog.tag, routes);
    dialog.bye = request(number, "BYE", uri, to, "bye-" + dialog.tag, routes);
    call.dialogs.push_back(std::move(dialog));
    known = call.dialogs.end() - 1;
    after(40000, [this, number, name = known->tag] { hang_up(number, name); });
  }
  send(number, Party::kCaller, known->ack);
}

void RaceTrack::hang_up(int number, const std::string& tag) {
  const auto is_over = [tag](const Call& call) {
    return std::any_of(call.dialogs.begin(), call.dialogs.end(),
                       [&](const Dialog& dialog) { return dialog.tag == tag && dialog.bye_answered; });
  };
  for (const Dialog& dialog : calls_[static_cast<std::size_t>(number)].dialogs) {
    if (dialog.tag != tag) continue;
    const std::string bye = dialog.bye;
    send(number, Party::kCaller, bye);
    repeat_request(number, bye, is_over, kT1Ms);
    return;
  }
}

void RaceTrack::send(int number, Party party, const std::string& bytes) {
  Call& call = calls_[static_cast<std::size_t>(number)];
  const Datagram datagram(bytes);
  call.log.packets.push_back({clock_ns(CLOCK_REALTIME), party, true, datagram.status(),
                              std::string(datagram.method()), std::string(datagram.to_tag()),
                              std::string(datagram.branch()), std::string(datagram.reason), false});
  const int fd = sockets_[static_cast<std::size_t>(call.line)][static_cast<std::size_t>(party)].fd;
  sendto(fd, bytes.data(), bytes.size(), 0, reinterpret_cast<const sockaddr*>(&destination_),
         sizeof destination_);
}

}  // namespace lockstep::harness
