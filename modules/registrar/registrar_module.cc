// registrar_module.cc: what scripts see of the registrar: functions, parameters, counters.
#include <fmt/core.h>

#include <charconv>
#include <deque>
#include <map>
#include <memory>
#include <string>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/sip/message_edit.h"
#include "core/worker/export_helpers.h"
#include "core/worker/module.h"
#include "modules/registrar/registrar.h"

namespace lockstep::registrar {
namespace {

using script::Arguments;
using script::Prepared;
using script::RouteKind;
using worker::DomainIndex;
using worker::Process;
using worker::ScriptContext;

constexpr script::RouteMask kSaveRoutes = RouteKind::kRequest | RouteKind::kFailure | RouteKind::kEvent;

// A table named in the script. The script may be compiled before or after the location service has started.
struct NamedDomain {
  std::string name;
  DomainIndex index{};
  bool is_known = false;
};

// "4", "0x04".
std::optional<std::uint32_t> parse_flags(std::string_view text) {
  int base = 10;
  if (text.starts_with("0x") || text.starts_with("0X")) {
    text.remove_prefix(2);
    base = 16;
  }
  std::uint32_t flags = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), flags, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return flags;
}

class RegistrarModule final : public worker::Module {
 public:
  RegistrarModule() { fill_exports(); }

  const script::ModuleExports& exports() const override { return exports_; }

  Result<bool, std::string> start(worker::ServerHost& host) override {
    registrar_.store = host.interfaces.find<worker::LocationStore>();
    if (registrar_.store == nullptr) {
      return Failure{std::string("needs module usrloc; load it before registrar")};
    }
    registrar_.store->set_case_sensitive(registrar_.settings.case_sensitive);
    registrar_.settings.branch_max = host.globals.max_branches;
    for (const auto& domain : domains_) {
      const auto made = registrar_.store->add_domain(domain->name);
      if (!made) return Failure{made.error()};
      domain->index = *made;
      domain->is_known = true;
    }
    if (!received_avp_.empty()) {
      std::size_t used = 0;
      auto variable = script::parse_variable(received_avp_, host.registry, used);
      if (!variable || used != received_avp_.size()) {
        return Failure{fmt::format("received_avp \"{}\" is no variable{}{}", received_avp_,
                                   variable ? "" : ": ", variable ? "" : variable.error().message)};
      }
      registrar_.received_variable = std::move(*variable);
    }
    for (const auto& [name, value] : zero_only_) {
      if (value != 0) LS_LOG(kWarn, "registrar", "{} {} is not served yet: it counts as 0", name, value);
    }
    add_counters(host);
    return true;
  }

  void start_process(Process& process) override {
    if (process.me.value != 1) return;
    const Settings& settings = registrar_.settings;
    const auto show = [&](shm::CounterId id, std::int64_t value) {
      process.counters.values[id.value].store(static_cast<std::uint64_t>(value), std::memory_order_relaxed);
    };
    show(shown_.default_expire, settings.default_expires_s);
    show(shown_.default_expires_range, settings.default_expires_range);
    show(shown_.expires_range, settings.expires_range);
    show(shown_.max_expires, settings.max_expires_s);
    show(shown_.max_contacts, settings.max_contacts);
  }

 private:
  void add_counters(worker::ServerHost& host) {
    const auto add = [&](const char* name, const char* doc) {
      return host.counters.add("registrar", name, doc);
    };
    registrar_.counters.accepted = add("accepted_regs", "REGISTER requests answered 200.");
    registrar_.counters.rejected = add("rejected_regs", "REGISTER requests refused.");
    registrar_.counters.refused_full =
        add("refused_full", "REGISTER requests refused for want of shared memory.");
    shown_.default_expire = add("default_expire", "The parameter default_expires.");
    shown_.default_expires_range = add("default_expires_range", "The parameter of that name.");
    shown_.expires_range = add("expires_range", "The parameter of that name.");
    shown_.max_expires = add("max_expires", "The parameter of that name.");
    shown_.max_contacts = add("max_contacts", "The parameter of that name.");
  }

  script::ParamSpec domain_param() {
    script::ParamSpec param = worker::literal_param("table");
    param.prepare = [this](std::string_view name) -> Result<Prepared, std::string> {
      for (const auto& domain : domains_) {
        if (domain->name == name) return Prepared(domain);
      }
      if (!worker::is_domain_name(name)) {
        return Failure{fmt::format(
            "\"{}\" is no name of a location table: letters, digits, '_', '-', '.', at most 63", name)};
      }
      auto domain = std::make_shared<NamedDomain>();
      domain->name = name;
      if (registrar_.store != nullptr) {
        const auto made = registrar_.store->add_domain(name);
        if (!made) return Failure{made.error()};
        domain->index = *made;
        domain->is_known = true;
      }
      domains_.push_back(domain);
      return Prepared(domain);
    };
    return param;
  }

  script::ParamSpec flags_param() {
    script::ParamSpec param = worker::format_param("flags");
    param.prepare = [](std::string_view text) -> Result<Prepared, std::string> {
      const std::optional<std::uint32_t> flags = parse_flags(text);
      if (!flags)
        return Failure{fmt::format("\"{}\" is no number; flags are decimal or 0x and hexadecimal", text)};
      return Prepared(std::make_shared<const std::uint32_t>(*flags));
    };
    return param;
  }

  // Runs `work(domain)` with the table of the first argument.
  template <typename Work>
  int with_domain(const Arguments& arguments, int failed, const Work& work) {
    const auto* domain = arguments.prepared<NamedDomain>(0);
    if (domain == nullptr || !domain->is_known) {
      LS_LOG(kErr, "registrar", "unknown location table \"{}\"", arguments.string(0));
      return failed;
    }
    return work(domain->index);
  }

  int save(ScriptContext& context, const Arguments& arguments) {
    std::uint32_t flags = 0;
    if (arguments.is_given(1)) {
      const auto* prepared = arguments.prepared<std::uint32_t>(1);
      const std::optional<std::uint32_t> parsed =
          prepared != nullptr ? *prepared : parse_flags(arguments.string(1));
      if (!parsed) {
        LS_LOG(kErr, "registrar", "save(): the flags are no number");
        return -1;
      }
      flags = *parsed;
    }
    const std::string_view uri = arguments.string(2);
    return with_domain(arguments, -1, [&](DomainIndex domain) {
      return registrar_.save(context, domain, flags, uri, wall_s());
    });
  }

  int add_sock_hdr(ScriptContext& context, const Arguments& arguments) {
    const auto& sockets = context.local_names.sockets();
    if (context.socket >= sockets.size()) return -1;
    const PeerAddress& address = sockets[context.socket].address;
    const auto value =
        worker::try_join(context, {"udp:", address.is_ipv6() ? "[" : "", ip_text(address).view(),
                                   address.is_ipv6() ? "]:" : ":",
                                   context.make_string(static_cast<std::int64_t>(address.port())).text()});
    if (!value) return -1;
    return worker::answer(
        sip::append_header(context.edits, context.message, arguments.string(0), *value, context.arena()));
  }

  void fill_functions() {
    using worker::format_param;
    using worker::make_function;
    auto& functions = exports_.functions;
    functions.push_back(make_function(
        "save", "Stores, refreshes or removes the contacts of a REGISTER and answers it.", kSaveRoutes,
        {domain_param(), flags_param(), format_param("uri")},
        [this](ScriptContext& context, const Arguments& arguments) { return save(context, arguments); }, 1));
    functions.push_back(make_function(
        "lookup", "Replaces the Request-URI by its contacts; further ones become branches.", kSaveRoutes,
        {domain_param(), format_param("uri")},
        [this](ScriptContext& context, const Arguments& arguments) {
          const std::string_view uri = arguments.string(1);
          return with_domain(arguments, -3, [&](DomainIndex domain) {
            return registrar_.lookup(context, domain, uri, wall_s());
          });
        },
        1));
    functions.push_back(make_function(
        "lookup_to_dset", "Adds the contacts as branches; the Request-URI stays.", kSaveRoutes,
        {domain_param(), format_param("uri")},
        [this](ScriptContext& context, const Arguments& arguments) {
          const std::string_view uri = arguments.string(1);
          return with_domain(arguments, -3, [&](DomainIndex domain) {
            return registrar_.lookup_to_branches(context, domain, uri, wall_s());
          });
        },
        1));
    functions.push_back(make_function("lookup_branches", "lookup() for the Request-URI and for each branch.",
                                      kSaveRoutes, {domain_param()},
                                      [this](ScriptContext& context, const Arguments& arguments) {
                                        return with_domain(arguments, -3, [&](DomainIndex domain) {
                                          return registrar_.lookup_branches(context, domain, wall_s());
                                        });
                                      }));
    functions.push_back(make_function(
        "registered", "True if the Request-URI, or the URI given, has contacts.", worker::kInMessage,
        {domain_param(), format_param("uri"), format_param("match_option"), format_param("match_action")},
        [this](ScriptContext& context, const Arguments& arguments) {
          const std::string_view uri = arguments.string(1);
          return with_domain(arguments, -1, [&](DomainIndex domain) {
            return registrar_.registered(context, domain, uri, wall_s());
          });
        },
        1));
    functions.push_back(make_function(
        "unregister", "Removes all contacts of an address of record, or the one with that ruid.",
        worker::kInMessage, {domain_param(), format_param("uri"), format_param("ruid")},
        [this](ScriptContext& context, const Arguments& arguments) {
          const std::string_view uri = arguments.string(1);
          const std::string_view ruid = arguments.string(2);
          if (uri.empty()) return -1;
          return with_domain(arguments, -2, [&](DomainIndex domain) {
            return registrar_.unregister(context, domain, uri, ruid, wall_s());
          });
        },
        2));
    functions.push_back(make_function(
        "reg_send_reply", "Sends the answer that save(table, \"0x02\") left out.", kSaveRoutes, {},
        [this](ScriptContext& context, const Arguments&) { return registrar_.send_reply(context); }));
    functions.push_back(make_function(
        "add_sock_hdr", "Adds a header with the socket that the request came in on.", kSaveRoutes,
        {format_param("name")}, [this](ScriptContext& context, const Arguments& arguments) {
          return add_sock_hdr(context, arguments);
        }));
  }

  void fill_parameters() {
    using worker::flag_parameter;
    using worker::int_parameter;
    using worker::string_parameter;
    Settings& settings = registrar_.settings;
    constexpr std::int64_t kMost = 0x7fffffff;
    auto& all = exports_.parameters;
    all.push_back(int_parameter("default_expires", "Seconds granted to contacts that ask for none.",
                                settings.default_expires_s, 1, kMost));
    all.push_back(int_parameter("default_expires_range",
                                "Percent by which the default is shortened at random.",
                                settings.default_expires_range, 0, 100));
    all.push_back(int_parameter("expires_range",
                                "Percent by which what phones ask for is shortened at random.",
                                settings.expires_range, 0, 100));
    all.push_back(int_parameter("min_expires",
                                "Shorter registrations are refused with 423; 0: none is too short.",
                                settings.min_expires_s, 0, kMost));
    all.push_back(int_parameter("max_expires",
                                "Longer registrations are shortened to this; 0: none is too long.",
                                settings.max_expires_s, 0, kMost));
    all.push_back(int_parameter("default_q", "q of contacts that have none, in thousandths; -1: none.",
                                settings.default_q, -1, 1000));
    all.push_back(int_parameter("max_contacts", "Most contacts of one address of record; 0: no such bound.",
                                settings.max_contacts, 0, kMost));
    all.push_back(int_parameter("retry_after", "Seconds in Retry-After of 503 responses; 0: not written.",
                                settings.retry_after_s, 0, kMost));
    all.push_back(int_parameter("path_mode",
                                "0 save Path, 1 return it too where supported, 2 refuse where not.",
                                settings.path_mode, 0, 2));
    all.push_back(int_parameter("contact_max_size", "Longest Contact URI, in bytes.",
                                settings.contact_max_bytes, 1, 3000));
    all.push_back(flag_parameter("append_branches", "lookup() adds all contacts, not only the first.",
                                 settings.append_branches));
    all.push_back(flag_parameter("case_sensitive", "Users differ by case.", settings.case_sensitive));
    all.push_back(flag_parameter("method_filtering",
                                 "lookup() leaves out contacts that do not allow the method.",
                                 settings.method_filtering));
    all.push_back(flag_parameter("use_path", "Path is stored and used (RFC 3327).", settings.use_path));
    all.push_back(flag_parameter("path_use_received",
                                 "The received parameter of the first Path URI is the phone's "
                                 "address.",
                                 settings.path_use_received));
    all.push_back(flag_parameter("path_check_local", "lookup() skips a first Path that is ourselves.",
                                 settings.path_check_local));
    all.push_back(string_parameter("realm_prefix", "Cut from the domain of addresses of record.",
                                   settings.realm_prefix));
    all.push_back(string_parameter("received_param",
                                   "The Contact parameter of 200 that tells the received address.",
                                   settings.received_param));
    all.push_back(string_parameter(
        "received_avp", "The variable that holds the address a REGISTER really came from.", received_avp_));
    for (const char* name : {"gruu_enabled", "outbound_mode", "regid_mode", "flow_timer", "sock_mode",
                             "lookup_filter_mode", "use_expired_contacts", "xavp_rcd_mask"}) {
      all.push_back(int_parameter(name, "Known, not served yet: only 0.", zero_only_[name], 0, kMost));
    }
    for (const char* name : {"sock_flag", "sock_hdr_name", "reg_callid_avp", "xavp_cfg", "xavp_rcd",
                             "event_callback", "aor_avp"}) {
      all.push_back(worker::unserved_parameter("registrar", name));
    }
  }

  void fill_exports() {
    exports_.name = "registrar";
    exports_.doc = "The registrar of RFC 3261 section 10, and lookup of contacts.";
    fill_functions();
    fill_parameters();
  }

  struct Shown {
    shm::CounterId default_expire, default_expires_range, expires_range, max_expires, max_contacts;
  };

  script::ModuleExports exports_;
  Registrar registrar_;
  Shown shown_;
  std::string received_avp_;
  std::map<std::string, std::int64_t> zero_only_;
  std::deque<std::shared_ptr<NamedDomain>> domains_;
};

}  // namespace
}  // namespace lockstep::registrar

LS_MODULE(lockstep::registrar::RegistrarModule)
