// The parameters of tm: those that are served set TmSettings, those that Kamailio has beside them are known.
#include <string_view>
#include <vector>

#include "core/worker/export_helpers.h"
#include "modules/tm/tm_module.h"

namespace lockstep::tm {
namespace {

using script::ParameterSpec;
using script::Value;

ParameterSpec duration(std::string name, std::string doc, transaction::DurationMs& target) {
  ParameterSpec spec;
  spec.name = std::move(name);
  spec.doc = std::move(doc);
  spec.set = [&target](const Value& value) -> std::string {
    const std::int64_t ms = value.to_int();
    if (ms < 1 || ms > 86400000) return "1 to 86400000 milliseconds are expected";
    target.value = static_cast<std::uint32_t>(ms);
    return {};
  };
  return spec;
}

// One of `choices`; the text names them all where it is none.
ParameterSpec policy(std::string name, std::string doc, std::vector<transaction::LatePolicy> choices,
                     transaction::LatePolicy& target) {
  ParameterSpec spec;
  spec.name = std::move(name);
  spec.type = ParameterSpec::Type::kString;
  spec.doc = std::move(doc);
  spec.set = [choices = std::move(choices), &target](const Value& value) -> std::string {
    std::string names;
    for (const transaction::LatePolicy choice : choices) {
      if (value.text() == policy_name(choice)) {
        target = choice;
        return {};
      }
      names += (names.empty() ? "\"" : ", \"") + std::string(policy_name(choice)) + "\"";
    }
    return "one of " + names + " is expected";
  };
  return spec;
}

ParameterSpec avp_name(std::string name, std::string doc, std::string& target) {
  ParameterSpec spec;
  spec.name = std::move(name);
  spec.type = ParameterSpec::Type::kString;
  spec.doc = std::move(doc);
  spec.set = [&target](const Value& value) -> std::string {
    std::string_view text = value.text();
    if (text.substr(0, 5) == "$avp(" && text.back() == ')') text = text.substr(5, text.size() - 6);
    if (text.substr(0, 2) == "i:" || text.substr(0, 2) == "s:") text.remove_prefix(2);
    if (text.empty()) return "a name is expected";
    target = text;
    return {};
  };
  return spec;
}

}  // namespace

void TmModule::add_parameters() {
  auto& parameters = exports_.parameters;
  parameters.push_back(
      duration("fr_timer", "Without any response to a branch: 408 (ms).", settings_.timers.fr_timer));
  parameters.push_back(
      duration("fr_inv_timer", "Without a final after a 1xx to INVITE (ms).", settings_.timers.fr_inv_timer));
  parameters.push_back(
      duration("retr_timer1", "T1, the first retransmission interval (ms).", settings_.timers.t1));
  parameters.push_back(
      duration("retr_timer2", "T2, the longest retransmission interval (ms).", settings_.timers.t2));
  ParameterSpec mode;
  mode.name = "failure_reply_mode";
  mode.doc = "1 to 3: only the last leg of serial forking counts for the best response.";
  mode.set = [this](const Value& value) -> std::string {
    if (value.to_int() < 0 || value.to_int() > 3) return "0 to 3 is expected";
    settings_.timers.failure_reply_mode = static_cast<std::uint8_t>(value.to_int());
    return {};
  };
  parameters.push_back(mode);
  parameters.push_back(
      worker::flag_parameter("auto_inv_100", "100 at once for INVITE.", settings_.timers.respond_100));
  parameters.push_back(
      worker::string_parameter("auto_inv_100_reason", "Its reason phrase.", settings_.trying_reason));
  parameters.push_back(worker::flag_parameter("local_cancel_reason", "Reason in CANCELs made here.",
                                              settings_.reason_in_cancel));
  using transaction::LatePolicy;
  parameters.push_back(policy("late_2xx", "What becomes of a 2xx after the one that was relayed.",
                              {LatePolicy::kForward, LatePolicy::kTerminate, LatePolicy::kDrop},
                              settings_.timers.late_2xx));
  parameters.push_back(policy("cancelled_2xx", "What becomes of a 2xx against the caller's CANCEL.",
                              {LatePolicy::kForward, LatePolicy::kTerminate},
                              settings_.timers.cancelled_2xx));
  ParameterSpec holdoff;
  holdoff.name = "cancel_holdoff";
  holdoff.doc = "How long a CANCEL waits for a final that makes it needless (ms).";
  holdoff.set = [this](const Value& value) -> std::string {
    if (value.to_int() < 0 || value.to_int() > 10000) return "0 to 10000 milliseconds are expected";
    settings_.timers.cancel_holdoff.value = static_cast<std::uint32_t>(value.to_int());
    return {};
  };
  parameters.push_back(holdoff);
  ParameterSpec ordering;
  ordering.name = "ordering";
  ordering.type = ParameterSpec::Type::kString;
  ordering.doc = "strict; or openser13, which shows how calls went wrong without an order.";
  ordering.set = [this](const Value& value) -> std::string {
    const bool is_old = value.text() == "openser13";
    if (!is_old && value.text() != "strict") return "one of \"strict\", \"openser13\" is expected";
    settings_.timers.cancels_apart = is_old;
    settings_.ordering = is_old ? worker::Ordering::kOpenser13 : worker::Ordering::kStrict;
    return {};
  };
  parameters.push_back(ordering);
  parameters.push_back(avp_name("contacts_avp", "Where t_load_contacts keeps what is left.", contacts_avp_));
  add_unserved_parameters();
}

void TmModule::add_unserved_parameters() {
  auto& parameters = exports_.parameters;
  using Type = ParameterSpec::Type;
  for (const char* name : {"wt_timer",
                           "delete_timer",
                           "max_inv_lifetime",
                           "max_noninv_lifetime",
                           "noisy_ctimer",
                           "restart_fr_on_each_reply",
                           "auto_inv_100_retransmit",
                           "unix_tx_timeout",
                           "aggregate_challenges",
                           "reparse_invite",
                           "blst_503",
                           "blst_503_def_timeout",
                           "blst_503_min_timeout",
                           "blst_503_max_timeout",
                           "blst_methods_add",
                           "blst_methods_lookup",
                           "cancel_b_method",
                           "reparse_on_dns_failover",
                           "relay_100",
                           "pass_provisional_replies",
                           "default_code",
                           "disable_6xx_block",
                           "unmatched_cancel",
                           "ruri_matching",
                           "via1_matching",
                           "callid_matching",
                           "cancel_b_flows",
                           "prio",
                           "faked_reply_prio",
                           "remap_503_500",
                           "failure_exec_mode",
                           "dns_reuse_rcv_socket",
                           "reply_relay_mode",
                           "enable_uac_fr",
                           "e2e_cancel_reason",
                           "exec_time_check",
                           "headers_mode",
                           "rich_redirect",
                           "local_ack_mode",
                           "wait_timer"}) {
    parameters.push_back(worker::unserved_parameter("tm", name, Type::kInt));
  }
  for (const char* name : {"ac_extra_hdrs", "default_reason", "fr_timer_avp", "fr_inv_timer_avp",
                           "contact_flows_avp", "ulattrs_xavp", "event_callback", "on_sl_reply",
                           "xavp_contact", "tw_append", "cancel_reason_template"}) {
    parameters.push_back(worker::unserved_parameter("tm", name, Type::kString));
  }
}

}  // namespace lockstep::tm
