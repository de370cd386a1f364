#include "test/harness/baresip.h"

#include <arpa/inet.h>
#include <fmt/core.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <stdexcept>

#include "test/harness/sipp.h"
#include "test/harness/stage.h"

namespace lockstep::harness {
namespace {

constexpr const char* kModules = "/usr/lib/baresip/modules";

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

bool is_free(int type, int port) {
  const int fd = ::socket(AF_INET, type | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(port);
  const bool bound = bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  close(fd);
  return bound;
}

// baresip listens on its port by UDP and TCP, and on the next one for TLS.
int free_sip_port() {
  for (int attempt = 0; attempt < 64; ++attempt) {
    const int port = free_port();
    if (port < 65000 && is_free(SOCK_STREAM, port) && is_free(SOCK_STREAM, port + 1)) return port;
  }
  throw std::runtime_error("no free port for baresip");
}

std::string value_of(const std::string& json, const std::string& name) {
  const std::string key = "\"" + name + "\":\"";
  const auto at = json.find(key);
  if (at == std::string::npos) return "";
  const auto begin = at + key.size();
  return json.substr(begin, json.find('"', begin) - begin);
}

}  // namespace

bool Baresip::is_installed() { return access("/usr/bin/baresip", X_OK) == 0 && access(kModules, R_OK) == 0; }

Baresip::Baresip(const std::string& user, const Address& server, bool answers)
    : folder_(make_temp_folder("baresip")) {
  const int sip_port = free_sip_port();
  int control_port = free_sip_port();
  while (std::abs(control_port - sip_port) < 2) control_port = free_sip_port();
  write_configuration(user, server, answers, sip_port, control_port);
  const std::vector<std::string> command_line = {"/usr/bin/baresip", "-f", folder_, "-t", "120"};
  process_ = std::make_unique<Background>(command_line, folder_ + "/log");
  connect_to(control_port);
}

Baresip::~Baresip() {
  if (control_ >= 0) close(control_);
  process_.reset();
  remove_folder(folder_);
}

// The aubridge module is a sound device that exists only inside the process.
void Baresip::write_configuration(const std::string& user, const Address& server, bool answers, int sip_port,
                                  int control_port) const {
  std::ofstream(folder_ + "/config") << fmt::format(
      "sip_listen 127.0.0.1:{}\nnet_interface 127.0.0.1\nctrl_tcp_listen 127.0.0.1:{}\nmodule_path {}\n"
      "module g711.so\nmodule aubridge.so\nmodule_app account.so\nmodule_app menu.so\n"
      "module_app ctrl_tcp.so\n"
      "audio_player aubridge,call\naudio_source aubridge,call\naudio_alert aubridge,bell\n",
      sip_port, control_port, kModules);
  std::ofstream(folder_ + "/accounts")
      << fmt::format("<sip:{}@{};transport=udp>;auth_pass=none;answermode={};regint=3600\n", user, server.ip,
                     answers ? "auto" : "manual");
  std::ofstream(folder_ + "/contacts") << "";
}

void Baresip::connect_to(int control_port) {
  const sockaddr_in address = loopback(control_port);
  const std::int64_t deadline = now_ms() + 10000;
  while (process_->is_running() && now_ms() < deadline) {
    control_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(control_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return;
    close(control_);
    control_ = -1;
    // Its end is waited for: it opens the port whenever it is ready, and tells nobody.
    process_->wait(20);
  }
  throw std::runtime_error("baresip does not open its control port:\n" + log());
}

bool Baresip::is_registered() const { return log().find("200 OK") != std::string::npos; }

std::string Baresip::log() const { return read_text(folder_ + "/log"); }

Baresip::Call Baresip::call(const std::string& call_id) const {
  const auto known = calls_.find(call_id);
  return known == calls_.end() ? Call() : known->second;
}

std::string Baresip::story() const {
  std::string text;
  for (const auto& [id, call] : calls_) {
    text +=
        fmt::format("  {}{}{}\n", id, call.established ? " established" : "", call.closed ? " closed" : "");
  }
  return text;
}

// Commands and events are JSON objects, each as a netstring: "5:hello,".
void Baresip::command(const std::string& name, const std::string& parameters) {
  const std::string json = fmt::format(R"({{"command":"{}","params":"{}"}})", name, parameters);
  const std::string text = fmt::format("{}:{},", json.size(), json);
  if (::send(control_, text.data(), text.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(text.size())) {
    throw std::runtime_error("baresip takes no command:\n" + log());
  }
}

void Baresip::read_events() {
  std::array<char, 16384> bytes;
  const ssize_t length = recv(control_, bytes.data(), bytes.size(), MSG_DONTWAIT);
  if (length <= 0) throw std::runtime_error("baresip ended:\n" + log());
  unread_.append(bytes.data(), static_cast<std::size_t>(length));
  for (auto colon = unread_.find(':'); colon != std::string::npos; colon = unread_.find(':')) {
    std::size_t size = 0;
    std::from_chars(unread_.data(), unread_.data() + colon, size);
    if (unread_.size() < colon + size + 2) return;
    on_event(unread_.substr(colon + 1, size));
    unread_.erase(0, colon + size + 2);
  }
}

void Baresip::on_event(const std::string& text) {
  const std::string id = value_of(text, "id");
  if (id.empty()) return;
  const std::string type = value_of(text, "type");
  if (type == "CALL_ESTABLISHED") calls_[id].established = true;
  if (type == "CALL_CLOSED") calls_[id].closed = true;
}

bool Baresip::run_until(const std::vector<Baresip*>& all, const std::function<bool()>& condition,
                        int deadline_ms) {
  const std::int64_t deadline = now_ms() + deadline_ms;
  std::vector<pollfd> fds;
  for (const Baresip* one : all) fds.push_back({one->control_, POLLIN, 0});
  while (!condition()) {
    const std::int64_t left_ms = deadline - now_ms();
    if (left_ms <= 0) return false;
    // What stands in a log wakes nobody: it is looked at now and then.
    poll(fds.data(), fds.size(), static_cast<int>(std::min<std::int64_t>(left_ms, 50)));
    for (std::size_t i = 0; i < fds.size(); ++i) {
      if (fds[i].revents != 0) all[i]->read_events();
    }
  }
  return true;
}

}  // namespace lockstep::harness
