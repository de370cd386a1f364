// default_config.h: what is served when there is no configuration file: registrar and forking proxy on
// loopback, with the modules of this build.
#pragma once

#include <string_view>

namespace lockstep::worker {

inline constexpr std::string_view kDefaultConfig = R"(#!KAMAILIO
debug=2
log_stderror=no
listen=udp:127.0.0.1:5060
disable_tcp=yes
auto_aliases=no
alias="localhost"
children=2

loadmodule "jsonrpcs.so"
loadmodule "kex.so"
loadmodule "corex.so"
loadmodule "tm.so"
loadmodule "tmx.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "xlog.so"
loadmodule "sanity.so"

modparam("jsonrpcs", "pretty_format", 1)
modparam("registrar", "use_path", 1)

request_route {
  if (!mf_process_maxfwd_header("10")) {
    sl_send_reply("483", "Too Many Hops");
    exit;
  }
  if (!sanity_check()) exit;
  if (is_method("CANCEL")) {
    if (t_check_trans()) t_relay();
    exit;
  }
  if (has_totag()) {
    if (loose_route()) {
      if (!t_relay()) sl_reply_error();
      exit;
    }
    if (is_method("ACK")) exit;
    sl_send_reply("404", "Not Here");
    exit;
  }
  if (is_method("OPTIONS") && uri==myself && $rU==$null) {
    sl_send_reply("200", "OK");
    exit;
  }
  if (is_method("REGISTER")) {
    if (!save("location")) sl_reply_error();
    exit;
  }
  if (is_method("INVITE|SUBSCRIBE")) record_route();
  if (uri!=myself) {
    sl_send_reply("403", "Not Relaying");
    exit;
  }
  if (!lookup("location")) {
    t_newtran();
    send_reply("404", "Not Found");
    exit;
  }
  if (!t_relay()) sl_reply_error();
}
)";

}  // namespace lockstep::worker
