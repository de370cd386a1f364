// globals.h: the global parameters (debug=2, listen=udp:127.0.0.1:5060, ...). One table knows every
// name; those that are served land in Globals, those known but not served yet warn once each, others
// are mistakes with a suggestion. Command-line options are applied by main on top of the result.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/script/diagnostics.h"
#include "core/script/registry.h"
#include "core/script/tree.h"

namespace lockstep::script {

struct Globals {
  std::vector<ListenEntry> listen;  // Empty: every local address.
  std::vector<ListenEntry> alias;   // protocol "" and port 0: any.
  int port = 5060;
  int children = 8;
  bool fork = true;
  int debug = 2;
  bool log_stderror = false;
  std::optional<bool> log_color;
  std::string log_facility = "LOG_DAEMON";
  std::string log_name;    // "" means the program's name.
  std::string log_prefix;  // A format, compiled by its user with Format::parse.
  bool disable_tcp = false;
  int tcp_children = 0;  // 0: as children.
  int tcp_connection_lifetime_s = 120;
  int tcp_max_connections = 2048;
  bool tcp_accept_no_cl = false;
  bool auto_aliases = true;
  bool mhomed = false;
  std::string server_header;  // "" means the default; a whole header line otherwise.
  std::string user_agent_header;
  bool server_signature = true;
  int receive_pause_us = 4000;
  int order_log_mb = 4;
  int max_branches = 12;
  int max_while_loops = 100;
  bool force_rport = false;
  int tos = 0;
  bool dns = false;  // Via with names: accepted, off.
  bool rev_dns = false;
  std::string mpath;  // The last one; the loader saw each in order.
  std::string workdir;
  std::string rundir;
  std::string user;
  std::string group;
  int shm_mb = 0;  // 0: default of the server.
  std::string advertised_address;
  int advertised_port = 0;
};

struct GlobalSpec {
  enum class Type : std::uint8_t { kInt, kBool, kString, kWord, kBoolOrInt, kAny };
  std::string_view name;
  Type type = Type::kInt;
  bool served = false;
  std::string_view doc;
  std::int64_t min = 0;  // kInt only.
  std::int64_t max = 0;
};

const GlobalSpec* find_global(std::string_view name);
// The whole table, for lists and man pages.
const GlobalSpec* global_table(std::size_t& count);

// Whether read_globals does something with that name; true for all served ones.
bool has_global_setter(std::string_view name);

// yes true on enable, no false off disable, in any case. False if it is none of them.
bool parse_bool_word(std::string_view word, std::int64_t& value);

// Reads all kGlobal, kListen, kAlias and kCustom items. Custom parameters go to the registry, so this comes
// before compile(), which resolves $sel(cfg_get.group.name) to them.
Globals read_globals(const ConfigTree& tree, Registry& registry, Diagnostics& diagnostics);

}  // namespace lockstep::script
