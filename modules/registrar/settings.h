// settings.h: the registrar's parameters. Names and defaults are Kamailio's. Set before the fork, then
// constant.
#pragma once

#include <cstdint>
#include <string>

namespace lockstep::registrar {

struct Settings {
  std::int64_t default_expires_s = 3600;
  std::int64_t default_expires_range = 0;  // Percent by which the default may be shortened at random.
  std::int64_t expires_range = 0;          // The same for what phones ask for.
  std::int64_t min_expires_s = 60;         // 0: none.
  std::int64_t max_expires_s = 0;          // 0: none.
  std::int64_t default_q = -1;             // Thousandths; -1: none.
  std::int64_t max_contacts = 0;           // 0: no bound but the location service's own.
  std::int64_t retry_after_s = 0;          // 0: no Retry-After, but where memory ran out.
  std::int64_t path_mode = 2;  // 0 save, 1 save and return if supported, 2 refuse if not supported.
  std::int64_t contact_max_bytes = 512;
  std::int64_t branch_max = 12;  // The core's max_branches.
  bool append_branches = true;
  bool case_sensitive = false;
  bool method_filtering = false;
  bool use_path = false;
  bool path_use_received = false;
  bool path_check_local = false;
  std::string realm_prefix;
  std::string received_param = "received";  // Empty: not written.
};

}  // namespace lockstep::registrar
