#include "test/harness/sipp.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>

namespace lockstep::harness {
namespace {

std::vector<std::string> fields_of(const std::string& line) {
  std::vector<std::string> fields;
  std::istringstream in(line);
  for (std::string field; std::getline(in, field, ';');) fields.push_back(field);
  return fields;
}

}  // namespace

int free_port() {
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in local{};
  local.sin_family = AF_INET;
  local.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof local;
  int port = 0;
  if (bind(fd, reinterpret_cast<sockaddr*>(&local), length) == 0 &&
      getsockname(fd, reinterpret_cast<sockaddr*>(&local), &length) == 0) {
    port = ntohs(local.sin_port);
  }
  close(fd);
  return port;
}

std::string SippResult::text() const {
  return "exit status " + std::to_string(exit_status) + ", successful " + std::to_string(successful) +
         ", failed " + std::to_string(failed) + ", retransmissions " + std::to_string(retransmissions) +
         (errors.empty() ? "" : "\n" + errors);
}

Sipp::Sipp(const std::string& scenario, const Address& server, int port, std::vector<std::string> arguments)
    : folder_(make_temp_folder("sipp")) {
  std::vector<std::string> command = {"sipp",
                                      server.text(),
                                      "-sf",
                                      std::filesystem::absolute(scenario),
                                      "-i",
                                      "127.0.0.1",
                                      "-p",
                                      std::to_string(port),
                                      "-nostdin",
                                      "-trace_stat",
                                      "-stf",
                                      "stat.csv",
                                      "-fd",
                                      "1",
                                      "-trace_err",
                                      "-error_file",
                                      "errors",
                                      "-cp",
                                      std::to_string(free_port())};
  command.insert(command.end(), arguments.begin(), arguments.end());
  process_ = std::make_unique<Background>(command, folder_ + "/screen", folder_);
}

Sipp::~Sipp() {
  process_.reset();
  remove_folder(folder_);
}

SippResult Sipp::wait(int deadline_ms) {
  const int status = process_->wait(deadline_ms);
  SippResult result = so_far();
  result.exit_status = status;
  result.errors = read_text(folder_ + "/errors").substr(0, 2000);
  return result;
}

SippResult Sipp::so_far() const {
  std::istringstream lines(read_text(folder_ + "/stat.csv"));
  std::string names_line;
  std::string last_line;
  std::getline(lines, names_line);
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty()) last_line = line;
  }
  const std::vector<std::string> names = fields_of(names_line);
  const std::vector<std::string> values = fields_of(last_line);
  SippResult result;
  for (std::size_t i = 0; i < names.size() && i < values.size(); ++i) {
    const long value = std::atol(values[i].c_str());
    if (names[i] == "SuccessfulCall(C)") result.successful = value;
    if (names[i] == "FailedCall(C)") result.failed = value;
    if (names[i] == "Retransmissions(C)") result.retransmissions = value;
  }
  return result;
}

}  // namespace lockstep::harness
