// maxfwd_module.cc: module maxfwd: Max-Forwards of a request (RFC 3261 16.3 step 3, 16.6 step 3).
// A second call in one route finds what the first one wrote in the list of edits and changes nothing.
#include "core/base/log.h"
#include "core/sip/message_edit.h"
#include "core/sip/text.h"
#include "core/worker/export_helpers.h"
#include "core/worker/module.h"

namespace lockstep::maxfwd {
namespace {

using script::Arguments;
using worker::ScriptContext;

constexpr std::string_view kName = "Max-Forwards:";

// What an earlier call of this route wrote; none if there was none.
std::optional<std::uint32_t> written_hops(const ScriptContext& context) {
  const sip::HeaderField* field = context.message.first(sip::HeaderId::kMaxForwards);
  const std::uint32_t offset =
      field == nullptr ? context.message.headers_end() : context.message.offset_of(field->value);
  for (const sip::Edit& edit : context.edits.edits()) {
    if (edit.offset != offset) continue;
    std::string_view text = edit.text;
    if (field == nullptr) {
      if (!sip::starts_with_nocase(text, kName)) continue;
      text.remove_prefix(kName.size());
    } else if (edit.removed_bytes != field->value.size()) {
      continue;
    }
    if (const auto hops = sip::parse_number(sip::trim(text), 255); hops.has_value()) return hops;
  }
  return std::nullopt;
}

class MaxfwdModule : public worker::Module {
 public:
  MaxfwdModule() {
    exports_.name = "maxfwd";
    exports_.doc = "Max-Forwards: checks, decrements, adds.";
    for (const char* name : {"maxfwd_process", "mf_process_maxfwd_header", "process_maxfwd"}) {
      exports_.functions.push_back(
          worker::make_function(name, "2: added with this value, 1: decremented, -1: it was 0, -2: error",
                                worker::kInRequestRouteOnly, {worker::int_param("max_value")},
                                [this](ScriptContext& context, const Arguments& arguments) {
                                  return process(context, arguments);
                                }));
    }
    for (const char* name : {"is_maxfwd_lt", "maxfwd_at_least", "mf_lowlimit"}) {
      exports_.functions.push_back(
          worker::make_function(name, "1: less than this value, -1: not, -2: no such header, -3: error",
                                worker::kInMessage, {worker::int_param("max_value")}, is_less));
    }
    exports_.parameters.push_back(
        worker::int_parameter("max_limit", "the most that leaves here, 1..256", max_limit_, 1, 256));
  }
  const script::ModuleExports& exports() const override { return exports_; }

 private:
  int process(ScriptContext& context, const Arguments& arguments) const {
    if (!context.message.is_request()) return -2;
    const sip::HeaderField* field = context.message.first(sip::HeaderId::kMaxForwards);
    if (written_hops(context).has_value()) return field == nullptr ? 2 : 1;
    std::uint32_t hops = 0;
    if (field == nullptr) {
      const std::optional<std::int64_t> given = arguments.try_integer(0);
      if (!given.has_value() || *given < 1 || *given > 255) {
        LS_LOG(kErr, "maxfwd", "max_value must be from 1 to 255");
        return -2;
      }
      hops = static_cast<std::uint32_t>(*given);
    } else {
      const std::optional<std::uint32_t> received = context.message.max_forwards();
      if (!received.has_value()) return -2;
      if (*received == 0) return -1;
      hops = *received - 1;
      if (hops > static_cast<std::uint32_t>(max_limit_)) hops = static_cast<std::uint32_t>(max_limit_);
    }
    if (!sip::set_max_forwards(context.edits, context.message, hops, context.arena())) return -2;
    return field == nullptr ? 2 : 1;
  }

  static int is_less(ScriptContext& context, const Arguments& arguments) {
    const std::optional<std::int64_t> limit = arguments.try_integer(0);
    if (!limit.has_value()) return -3;
    std::optional<std::uint32_t> hops = written_hops(context);
    if (!hops.has_value()) {
      if (!context.message.has(sip::HeaderId::kMaxForwards)) return -2;
      hops = context.message.max_forwards();
      if (!hops.has_value()) return -3;
    }
    return worker::answer(*hops < *limit);
  }

  std::int64_t max_limit_ = 70;
  script::ModuleExports exports_;
};

}  // namespace
}  // namespace lockstep::maxfwd

LS_MODULE(lockstep::maxfwd::MaxfwdModule)
