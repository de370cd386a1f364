// server_view.h: what the control process may ask of the running server, for the core.* and stats.*
// procedures. Implemented where the segment and the process table are known; called only in the control
// process.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>
#include <vector>

namespace lockstep::worker {

struct ProcessInfo {
  int index = 0;
  pid_t pid = 0;
  int rank = 0;                // Kamailio's: 0 main, 1.. UDP workers, -2 control.
  std::string description;     // "udp receiver child=0 sock=127.0.0.1:5060"
  std::uint64_t restarts = 0;  // How often a process in this place died and was replaced.
};

struct MemoryInfo {
  std::uint64_t total_bytes = 0;
  std::uint64_t used_bytes = 0;       // By objects that live now.
  std::uint64_t real_used_bytes = 0;  // With the overhead of slabs.
  std::uint64_t max_used_bytes = 0;
  std::uint64_t fragments = 1;
};

struct SocketInfo {
  std::string proto;  // "udp"
  std::string name;   // As written in `listen`.
  std::string address;
  std::uint16_t port = 0;
  std::string socket_name;  // Empty if it has none.
  std::string advertise;    // "address:port", empty if none.
};

struct AliasInfo {
  std::string proto;  // Empty means any.
  std::string address;
  std::uint16_t port = 0;  // 0 means any.
};

// A value of group:name. Refusals (a bound was reached) have "refused" in their name: lockstepctl status
// shows those that are not zero.
struct StatisticInfo {
  std::string group;
  std::string name;
  std::uint64_t value = 0;
  bool is_resettable = true;  // False for gauges, such as transactions in use.
};

class ServerView {
 public:
  virtual ~ServerView() = default;

  virtual std::string version() const = 0;  // "0.1.0"
  virtual std::time_t started_at() const = 0;
  virtual std::vector<ProcessInfo> processes() const = 0;
  virtual MemoryInfo memory() const = 0;
  virtual std::vector<SocketInfo> sockets() const = 0;
  virtual std::vector<AliasInfo> aliases() const = 0;
  virtual std::vector<std::string> modules() const = 0;       // In loading order, "tm" not "tm.so".
  virtual std::vector<StatisticInfo> statistics() const = 0;  // Any order.
  // REQUIRES: the pair came from statistics() and is resettable.
  virtual void reset_statistic(std::string_view group, std::string_view name) = 0;
  // The level of all processes.
  virtual int log_level() const = 0;
  virtual void set_log_level(int level) = 0;
};

}  // namespace lockstep::worker
