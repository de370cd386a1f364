// rr_module.h: module rr: staying in the path of a dialog (Record-Route, RFC 3261 16.6 step 4, RFC 5658) and
// following a route set (16.4, 16.12). Nothing is kept between calls: what record_route() wrote is an edit of
// the message, what loose_route() took away is a removed span of it, and later functions look at those.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/worker/module.h"
#include "core/worker/record_router.h"
#include "core/worker/script_context.h"

namespace lockstep::rr {

struct RrSettings {
  bool enable_full_lr = false;
  bool append_fromtag = true;
  std::int64_t enable_double_rr = 1;  // 0 never, 1 where sockets differ, 2 always.
  bool add_username = false;
  bool enable_socket_mismatch_warning = true;
  bool force_send_socket = false;
  bool ignore_sips = false;
  std::string custom_user_avp;  // "$avp(name)".
};

// --- record_route.cc: writing ---
int record_route(worker::ScriptContext& context, const RrSettings& settings, std::string_view params);
// The texts stand behind "sip:"; `inbound` empty: one value.
int record_route_preset(worker::ScriptContext& context, const RrSettings& settings, std::string_view outbound,
                        std::string_view inbound);
int add_rr_param(worker::ScriptContext& context, std::string_view param);
int remove_record_route(worker::ScriptContext& context);
bool complete_record_route(sip::EditList& edits, const sip::Message& message, const worker::LocalNames& names,
                           const worker::RecordRouter::Branch& branch, std::int64_t enable_double_rr,
                           Arena& arena);

// --- loose_route.cc: following ---
enum class LooseMode : std::uint8_t { kFull, kLooseOnly, kPreloadedOnly };
// Kamailio's results: 1 done, -1 no route or an error, -3 preloaded and no route left but ours.
int loose_route(worker::ScriptContext& context, const RrSettings& settings, LooseMode mode);
bool has_next_hop_route(worker::ScriptContext& context);
// The parameters of our own Route value that loose_route() took away, with the semicolon before them: value
// 0, and value 1 of a double Record-Route. none: there is none.
std::optional<std::string_view> routed_params(worker::ScriptContext& context, std::size_t number);
// True when the request flows from the callee to the caller, as ftag tells; false too when nothing tells.
bool is_upstream(worker::ScriptContext& context);

class RrModule : public worker::Module, public worker::RecordRouter {
 public:
  RrModule();
  const script::ModuleExports& exports() const override { return exports_; }
  Result<bool, std::string> start(worker::ServerHost& host) override;
  bool complete(sip::EditList& edits, const sip::Message& message, const worker::LocalNames& names,
                const Branch& branch, Arena& arena) const override;

 private:
  void add_functions();
  void add_parameters();

  RrSettings settings_;
  script::ModuleExports exports_;
};

}  // namespace lockstep::rr
