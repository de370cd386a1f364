// control_settings.h: how the control process listens. Filled by the parameters of module jsonrpcs (the names
// here are its parameters' names) and by the command line; constant after the fork.
#pragma once

#include <cstdint>
#include <string>

#include "core/worker/json_writer.h"

namespace lockstep::worker {

struct ControlSettings {
  // Bits of jsonrpcs' `transport`. HTTP is served by the script through jsonrpc_dispatch(), not here.
  static constexpr unsigned kTransportHttp = 1;
  static constexpr unsigned kTransportFifo = 2;
  static constexpr unsigned kTransportDatagram = 4;

  unsigned transport = kTransportFifo | kTransportDatagram;
  JsonLayout layout = JsonLayout::kPretty;  // pretty_format

  std::string run_dir = "/run/lockstep";  // Relative names below are under it.

  std::string fifo_name = "lockstep_rpc.fifo";  // Empty: no FIFO.
  unsigned fifo_mode = 0660;                    // 0 is read as 0600.
  std::string fifo_user;                        // Name or number; empty: unchanged.
  std::string fifo_group;
  std::string fifo_reply_dir = "/tmp/";

  // A path ("lockstep_rpc.sock", with or without "unix:"), or "udp:ADDRESS:PORT". Empty: none.
  std::string dgram_socket = "lockstep_rpc.sock";
  unsigned dgram_mode = 0660;
  std::string dgram_user;
  std::string dgram_group;

  // `name` under run_dir unless it is absolute.
  std::string path_of(const std::string& name) const {
    if (name.empty() || name.front() == '/') return name;
    return run_dir + (run_dir.ends_with('/') ? "" : "/") + name;
  }
};

}  // namespace lockstep::worker
