// kex_module.cc: module kex: flags of branches, script flags, the next hop, and a few things more.
#include "core/base/log.h"
#include "core/worker/export_helpers.h"
#include "core/worker/module.h"
#include "core/worker/request_edit.h"

namespace lockstep::kex {
namespace {

using script::Arguments;
using worker::answer;
using worker::int_param;
using worker::make_function;
using worker::ScriptContext;

constexpr std::int64_t kFlagMax = 31;
// Script flags live as an AVP, so that they end with the request they belong to. No script can write this
// name.
constexpr std::string_view kScriptFlags = "\x01script-flags";

enum class Change : std::uint8_t { kSet, kReset, kTest };

int change(std::uint32_t& flags, std::int64_t flag, Change what) {
  if (flag < 0 || flag > kFlagMax) {
    LS_LOG(kErr, "kex", "flag {} is not between 0 and {}", flag, kFlagMax);
    return -1;
  }
  const std::uint32_t bit = std::uint32_t{1} << flag;
  if (what == Change::kTest) return answer((flags & bit) != 0);
  flags = what == Change::kSet ? flags | bit : flags & ~bit;
  return 1;
}

int change_branch_flag(ScriptContext& context, const Arguments& arguments, Change what) {
  std::uint32_t* flags = worker::branch_flags(context, arguments.is_given(1) ? arguments.integer(1) : 0);
  return flags == nullptr ? -1 : change(*flags, arguments.integer(0), what);
}

int change_script_flag(ScriptContext& context, const Arguments& arguments, Change what) {
  const worker::Avp* avp = context.find_avp(kScriptFlags);
  auto flags = static_cast<std::uint32_t>(avp == nullptr ? 0 : avp->value.to_int());
  const std::uint32_t before = flags;
  const int result = change(flags, arguments.integer(0), what);
  if (flags == before) return result;
  context.remove_avps(kScriptFlags);
  return context.add_avp(kScriptFlags, script::Value::of_int(flags)) ? result : -1;
}

int setdsturi(ScriptContext& context, const Arguments& arguments) {
  const std::string_view uri = arguments.string(0);
  if (!sip::parse_uri(uri).has_value()) {
    LS_LOG(kErr, "kex", "setdsturi: '{}' is no URI", uri);
    return -1;
  }
  return answer(context.set_next_hop(uri));
}

class KexModule : public worker::Module {
 public:
  KexModule() {
    exports_.name = "kex";
    exports_.doc = "Branch flags, script flags, next hop, log level of a process.";
    add_flags();
    add_others();
  }
  const script::ModuleExports& exports() const override { return exports_; }

 private:
  void add_flags() {
    const auto add = [this](const char* name, const char* doc, Change what, auto body, bool of_branch) {
      std::vector<script::ParamSpec> params{int_param("flag")};
      if (of_branch) params.push_back(int_param("branch"));
      exports_.functions.push_back(make_function(
          name, doc, worker::kInMessage, std::move(params),
          [what, body](ScriptContext& context, const Arguments& arguments) {
            return body(context, arguments, what);
          },
          1));
    };
    add("setbflag", "sets a flag (0..31) of a branch", Change::kSet, change_branch_flag, true);
    add("resetbflag", "clears a flag of a branch", Change::kReset, change_branch_flag, true);
    add("isbflagset", "whether a flag of a branch is set", Change::kTest, change_branch_flag, true);
    add("setsflag", "sets a script flag (0..31)", Change::kSet, change_script_flag, false);
    add("resetsflag", "clears a script flag", Change::kReset, change_script_flag, false);
    add("issflagset", "whether a script flag is set", Change::kTest, change_script_flag, false);
  }

  void add_others() {
    auto& list = exports_.functions;
    list.push_back(make_function("setdsturi", "sets the next hop ($du)", worker::kInRequest,
                                 {worker::format_param("uri")}, setdsturi));
    list.push_back(make_function("resetdsturi", "clears the next hop ($du)", worker::kInRequest, {},
                                 [](ScriptContext& context, const Arguments&) {
                                   context.target.next_hop = {};
                                   return 1;
                                 }));
    list.push_back(make_function(
        "isdsturiset", "whether a next hop ($du) is set", worker::kInMessage, {},
        [](ScriptContext& context, const Arguments&) { return answer(!context.target.next_hop.empty()); }));
    list.push_back(make_function(
        "km_append_branch", "adds a branch: a URI, default the Request-URI", worker::kInRequest,
        {worker::format_param("uri")},
        [](ScriptContext& context, const Arguments& arguments) {
          return answer(worker::append_branch(context, arguments.string(0), 1000));
        },
        0));
    list.push_back(make_function("is_myself", "whether a URI or host is this server's", script::kAnyRoute,
                                 {worker::format_param("uri")},
                                 [](ScriptContext& context, const Arguments& arguments) {
                                   return answer(context.local_names.is_local_text(arguments.string(0)));
                                 }));
    list.push_back(make_function("pv_printf", "writes a formatted text into a variable", script::kAnyRoute,
                                 {worker::variable_param("variable"), worker::format_param("text")},
                                 [](ScriptContext& context, const Arguments& arguments) {
                                   const std::string_view text = arguments.printed(1);
                                   return answer(
                                       arguments.variable(0).set(context, script::Value::of_string(text)));
                                 }));
    list.push_back(make_function(
        "setdebug", "sets the log level of this process", script::kAnyRoute, {int_param("level")},
        [this](ScriptContext&, const Arguments& arguments) { return setdebug(arguments.integer(0)); }));
    list.push_back(make_function("resetdebug", "the log level of the server again", script::kAnyRoute, {},
                                 [this](ScriptContext&, const Arguments&) { return resetdebug(); }));
  }

  int setdebug(std::int64_t level) {
    LogSettings& settings = log_settings();
    if (!is_level_own_) {
      is_level_own_ = true;
      server_level_ = settings.level;
      shared_level_ = settings.shared_level;
    }
    settings.shared_level = nullptr;
    settings.level = static_cast<int>(level < -5 ? -5 : level > 4 ? 4 : level);
    return 1;
  }
  int resetdebug() {
    if (!is_level_own_) return 1;
    is_level_own_ = false;
    log_settings().level = server_level_;
    log_settings().shared_level = shared_level_;
    return 1;
  }

  script::ModuleExports exports_;
  // This process has a level of its own; what it had before.
  bool is_level_own_ = false;
  int server_level_ = 0;
  const volatile int* shared_level_ = nullptr;
};

}  // namespace
}  // namespace lockstep::kex

LS_MODULE(lockstep::kex::KexModule)
