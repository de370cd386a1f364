// globals.cc: reading global parameters by the table in global_table.cc.
#include "core/script/globals.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

namespace lockstep::script {
namespace {

// What a setting says, after its type was checked.
struct Given {
  std::int64_t number = 0;
  std::string text;
};

struct Setter {
  std::string_view name;
  void (*set)(Globals&, const Given&);
};

#define LS_INT(field) \
  [](Globals& globals, const Given& given) { globals.field = static_cast<int>(given.number); }
#define LS_BOOL(field) [](Globals& globals, const Given& given) { globals.field = given.number != 0; }
#define LS_TEXT(field) [](Globals& globals, const Given& given) { globals.field = given.text; }
void accept(Globals&, const Given&) {}
constexpr Setter kSetters[] = {{"memdbg", accept},
                               {"mem_dbg", accept},
                               {"memlog", accept},
                               {"mem_log", accept},
                               {"port", LS_INT(port)},
                               {"children", LS_INT(children)},
                               {"fork", LS_BOOL(fork)},
                               {"debug", LS_INT(debug)},
                               {"log_stderror", LS_BOOL(log_stderror)},
                               {"log_color", LS_BOOL(log_color)},
                               {"log_facility", LS_TEXT(log_facility)},
                               {"log_name", LS_TEXT(log_name)},
                               {"log_prefix", LS_TEXT(log_prefix)},
                               {"disable_tcp", LS_BOOL(disable_tcp)},
                               {"tcp_children", LS_INT(tcp_children)},
                               {"tcp_connection_lifetime", LS_INT(tcp_connection_lifetime_s)},
                               {"tcp_max_connections", LS_INT(tcp_max_connections)},
                               {"tcp_accept_no_cl", LS_BOOL(tcp_accept_no_cl)},
                               {"auto_aliases", LS_BOOL(auto_aliases)},
                               {"mhomed", LS_BOOL(mhomed)},
                               {"server_header", LS_TEXT(server_header)},
                               {"user_agent_header", LS_TEXT(user_agent_header)},
                               {"server_signature", LS_BOOL(server_signature)},
                               {"max_branches", LS_INT(max_branches)},
                               {"order_log", LS_INT(order_log_mb)},
                               {"receive_pause", LS_INT(receive_pause_us)},
                               {"max_while_loops", LS_INT(max_while_loops)},
                               {"force_rport", LS_BOOL(force_rport)},
                               {"tos", LS_INT(tos)},
                               {"dns", LS_BOOL(dns)},
                               {"rev_dns", LS_BOOL(rev_dns)},
                               {"mpath", LS_TEXT(mpath)},
                               {"workdir", LS_TEXT(workdir)},
                               {"wdir", LS_TEXT(workdir)},
                               {"rundir", LS_TEXT(rundir)},
                               {"run_dir", LS_TEXT(rundir)},
                               {"user", LS_TEXT(user)},
                               {"uid", LS_TEXT(user)},
                               {"group", LS_TEXT(group)},
                               {"gid", LS_TEXT(group)},
                               {"shm", LS_INT(shm_mb)},
                               {"shm_mem", LS_INT(shm_mb)},
                               {"shm_mem_size", LS_INT(shm_mb)},
                               {"advertised_address", LS_TEXT(advertised_address)},
                               {"advertised_port", LS_INT(advertised_port)}};
#undef LS_INT
#undef LS_BOOL
#undef LS_TEXT

constexpr std::string_view kFacilities[] = {
    "LOG_AUTH",   "LOG_AUTHPRIV", "LOG_CRON",   "LOG_DAEMON", "LOG_FTP",    "LOG_KERN",   "LOG_LOCAL0",
    "LOG_LOCAL1", "LOG_LOCAL2",   "LOG_LOCAL3", "LOG_LOCAL4", "LOG_LOCAL5", "LOG_LOCAL6", "LOG_LOCAL7",
    "LOG_LPR",    "LOG_MAIL",     "LOG_NEWS",   "LOG_SYSLOG", "LOG_USER",   "LOG_UUCP"};

class GlobalsReader {
 public:
  GlobalsReader(Registry& registry, Diagnostics& diagnostics)
      : registry_(registry), diagnostics_(diagnostics) {}

  Globals read(const ConfigTree& tree) {
    for (const ConfigItem& item : tree.items) {
      if (item.kind == ItemKind::kGlobal) read_global(item);
      if (item.kind == ItemKind::kCustom) read_custom(item);
      if (item.kind == ItemKind::kListen) append(globals_.listen, item.listen);
      if (item.kind == ItemKind::kAlias) append(globals_.alias, item.listen);
    }
    return std::move(globals_);
  }

 private:
  static void append(std::vector<ListenEntry>& all, const std::vector<ListenEntry>& more) {
    all.insert(all.end(), more.begin(), more.end());
  }

  void read_global(const ConfigItem& item) {
    const GlobalSpec* spec = find_global(item.name);
    if (spec == nullptr) {
      Suggestion suggestion(item.name);
      std::size_t count = 0;
      const GlobalSpec* table = global_table(count);
      for (std::size_t i = 0; i < count; ++i) suggestion.consider(table[i].name);
      diagnostics_.error(item.name_location, fmt::format("unknown global parameter '{}'", item.name),
                         suggestion.text());
      return;
    }
    Given given;
    if (!check_type(item, *spec, given)) return;
    if (!spec->served) {
      // Switching off what does not exist is no news (enable_sctp=no).
      const bool asks_nothing = given.number == 0 && item.name.starts_with("enable_");
      if (!asks_nothing && warned_.insert(item.name).second) {
        diagnostics_.warning(item.name_location,
                             fmt::format("'{}' is accepted but has no effect", item.name));
      }
      return;
    }
    if (item.name == "log_facility" && !is_facility(given.text)) {
      Suggestion suggestion(given.text);
      for (const std::string_view known : kFacilities) suggestion.consider(known);
      diagnostics_.error(item.settings[0].location, fmt::format("'{}' is no syslog facility", given.text),
                         suggestion.text());
      return;
    }
    for (const Setter& setter : kSetters) {
      if (setter.name == spec->name) setter.set(globals_, given);
    }
  }

  static bool is_facility(std::string_view name) {
    return std::find(std::begin(kFacilities), std::end(kFacilities), name) != std::end(kFacilities);
  }

  static bool as_bool(const Setting& setting, std::int64_t& value) {
    if (setting.kind == Setting::Kind::kNumber) {
      value = setting.number;
      return setting.number == 0 || setting.number == 1;
    }
    return setting.kind == Setting::Kind::kWord && parse_bool_word(setting.text, value);
  }

  bool fail(const ConfigItem& item, std::string_view wanted) {
    diagnostics_.error(item.settings[0].location, fmt::format("'{}' wants {}", item.name, wanted));
    return false;
  }

  bool check_type(const ConfigItem& item, const GlobalSpec& spec, Given& given) {
    const Setting& setting = item.settings[0];
    const bool is_number = setting.kind == Setting::Kind::kNumber;
    given.number = setting.number;
    given.text = is_number ? std::to_string(setting.number) : setting.text;
    switch (spec.type) {
      case GlobalSpec::Type::kInt:
        if (!is_number) return fail(item, "a number");
        if (spec.min != spec.max && (setting.number < spec.min || setting.number > spec.max)) {
          return fail(item, fmt::format("a number from {} to {}", spec.min, spec.max));
        }
        return true;
      case GlobalSpec::Type::kBool:
        return as_bool(setting, given.number) || fail(item, "yes or no");
      case GlobalSpec::Type::kBoolOrInt:
        return is_number || as_bool(setting, given.number) || fail(item, "yes, no or a number");
      case GlobalSpec::Type::kString:
        return setting.kind == Setting::Kind::kString || fail(item, "a text in quotes");
      case GlobalSpec::Type::kWord:
      case GlobalSpec::Type::kAny:
        return true;
    }
    return false;
  }

  void read_custom(const ConfigItem& item) {
    CustomParameters::Entry& entry = registry_.custom_parameters().add(item.group, item.name);
    const Setting& setting = item.settings[0];
    entry.doc = item.description;
    entry.text = setting.text;
    entry.is_int = setting.kind == Setting::Kind::kNumber;
    entry.integer = setting.number;
    std::int64_t value = 0;
    if (setting.kind == Setting::Kind::kWord && parse_bool_word(setting.text, value)) {
      entry.is_int = true;
      entry.integer = value;
      entry.text.clear();
    }
  }

  Registry& registry_;
  Diagnostics& diagnostics_;
  Globals globals_;
  std::set<std::string> warned_;
};

}  // namespace

bool has_global_setter(std::string_view name) {
  return std::any_of(std::begin(kSetters), std::end(kSetters),
                     [name](const Setter& setter) { return setter.name == name; });
}

bool parse_bool_word(std::string_view word, std::int64_t& value) {
  std::string low(word);
  for (char& c : low) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  static constexpr std::array<std::string_view, 4> kYes = {"yes", "true", "on", "enable"};
  static constexpr std::array<std::string_view, 4> kNo = {"no", "false", "off", "disable"};
  const bool is_yes = std::find(kYes.begin(), kYes.end(), low) != kYes.end();
  const bool is_no = std::find(kNo.begin(), kNo.end(), low) != kNo.end();
  value = is_yes ? 1 : 0;
  return is_yes || is_no;
}

Globals read_globals(const ConfigTree& tree, Registry& registry, Diagnostics& diagnostics) {
  return GlobalsReader(registry, diagnostics).read(tree);
}

}  // namespace lockstep::script
