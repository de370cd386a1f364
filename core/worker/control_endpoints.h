// control_endpoints.h: the files through which clients reach the control process: FIFO and datagram socket.
// Made by the supervisor before the fork, as descriptors that outlive any one control process; never takes
// over something that is not ours: a regular file, a symlink, or a FIFO that another process is serving.
#pragma once

#include <sys/stat.h>

#include <string>

#include "core/base/result.h"
#include "core/worker/control_settings.h"

namespace lockstep::worker {

class ControlEndpoints {
 public:
  // REQUIRES: `settings` outlives this object.
  explicit ControlEndpoints(const ControlSettings& settings) : settings_(settings) {}
  ~ControlEndpoints() { close_descriptors(); }
  ControlEndpoints(const ControlEndpoints&) = delete;
  ControlEndpoints& operator=(const ControlEndpoints&) = delete;

  // On failure nothing is left behind, and the error is one line for the operator.
  Result<bool, std::string> open();
  void close_descriptors();
  void unlink_files();

  int fifo_fd() const { return fifo_.fd; }          // -1: not served.
  int datagram_fd() const { return datagram_.fd; }  // -1: not served.

 private:
  struct Endpoint {
    int fd = -1;
    std::string path;  // Empty if it has no file.
    dev_t device = 0;
    ino_t inode = 0;
  };

  // Each returns an empty text, or what went wrong.
  std::string open_fifo();
  std::string open_unix_datagram(const std::string& path);
  std::string open_udp(const std::string& address_and_port);
  static void unlink_own(Endpoint& endpoint);

  const ControlSettings& settings_;
  Endpoint fifo_;
  Endpoint datagram_;
};

}  // namespace lockstep::worker
