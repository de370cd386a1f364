// xlog_module.cc: module xlog: log lines written by the script. A text is formatted only when its level is
// enabled, so that debug lines cost nothing in service.
#include "core/base/log.h"
#include "core/sip/text.h"
#include "core/worker/export_helpers.h"
#include "core/worker/module.h"

namespace lockstep::xlog {
namespace {

using script::Arguments;
using worker::ScriptContext;

LogLevel level_of(std::int64_t number) {
  if (number <= -5) return LogLevel::kAlert;
  if (number == -4) return LogLevel::kBug;
  if (number <= -2) return LogLevel::kCrit;
  return static_cast<LogLevel>(number > 3 ? 3 : number);
}

// "L_INFO" and the like: the letter behind "L_" decides, as in Kamailio; or a number.
std::optional<LogLevel> parse_level(std::string_view text) {
  if (const auto number = script::parse_decimal(text); number.has_value()) return level_of(*number);
  if (text.size() < 3 || !sip::starts_with_nocase(text, "L_")) return std::nullopt;
  switch (sip::lower(text[2])) {
    case 'a':
      return LogLevel::kAlert;
    case 'b':
      return LogLevel::kBug;
    case 'c':
      return LogLevel::kCrit;
    case 'e':
      return LogLevel::kErr;
    case 'w':
      return LogLevel::kWarn;
    case 'n':
      return LogLevel::kNotice;
    case 'i':
      return LogLevel::kInfo;
    case 'd':
      return LogLevel::kDbg;
    default:
      return std::nullopt;
  }
}

script::ParamSpec level_param() {
  script::ParamSpec param = worker::format_param("level");
  param.prepare = [](std::string_view text) -> Result<script::Prepared, std::string> {
    const std::optional<LogLevel> level = parse_level(text);
    if (!level.has_value()) return Failure<std::string>{"a level is expected: L_ALERT .. L_DBG, or -5 .. 3"};
    return script::Prepared(std::make_shared<const LogLevel>(*level));
  };
  return param;
}

LogLevel level_argument(const Arguments& arguments, std::size_t i) {
  if (const auto* prepared = arguments.prepared<LogLevel>(i); prepared != nullptr) return *prepared;
  return parse_level(arguments.string(i)).value_or(LogLevel::kErr);
}

class XlogModule : public worker::Module {
 public:
  XlogModule() {
    exports_.name = "xlog";
    exports_.doc = "Log lines from the script, with variables.";
    for (const char* name : {"xlog", "xlogl"}) {
      add(name, {worker::format_param("text")}, 1);
      add(name, {level_param(), worker::format_param("text")}, 2);
      add(name, {worker::literal_param("facility"), level_param(), worker::format_param("text")}, 3);
    }
    add("xlogm", {level_param(), worker::format_param("text")}, 2);
    add_fixed("xdbg", LogLevel::kDbg);
    add_fixed("xdbgl", LogLevel::kDbg);
    add_fixed("xinfo", LogLevel::kInfo);
    add_fixed("xnotice", LogLevel::kNotice);
    add_fixed("xwarn", LogLevel::kWarn);
    add_fixed("xerr", LogLevel::kErr);
    add_fixed("xbug", LogLevel::kBug);
    add_fixed("xcrit", LogLevel::kCrit);
    add_fixed("xalert", LogLevel::kAlert);
    exports_.parameters = {
        worker::int_parameter("buf_size", "bytes of the longest text", buf_size_, 1, 65536),
        worker::string_parameter("prefix", "stands before each text; default \"<script>: \"", prefix_),
        worker::unserved_parameter("xlog", "force_color"),
        worker::unserved_parameter("xlog", "long_format"),
        worker::unserved_parameter("xlog", "prefix_mode"),
        worker::unserved_parameter("xlog", "log_facility"),
        worker::unserved_parameter("xlog", "log_colors"),
        worker::unserved_parameter("xlog", "methods_filter"),
    };
  }
  const script::ModuleExports& exports() const override { return exports_; }

 private:
  void add(const char* name, std::vector<script::ParamSpec> params, std::size_t count) {
    exports_.functions.push_back(worker::make_function(
        name, "logs a text: [[facility,] level,] text; the level is L_ERR when none is given",
        script::kAnyRoute, std::move(params), [this, count](ScriptContext&, const Arguments& arguments) {
          const LogLevel level = count == 1 ? LogLevel::kErr : level_argument(arguments, count - 2);
          return write(level, arguments, count - 1);
        }));
  }
  void add_fixed(const char* name, LogLevel level) {
    exports_.functions.push_back(worker::make_function(
        name, "logs a text at the level in its name", script::kAnyRoute, {worker::format_param("text")},
        [this, level](ScriptContext&, const Arguments& arguments) { return write(level, arguments, 0); }));
  }

  int write(LogLevel level, const Arguments& arguments, std::size_t text) const {
    if (!log_enabled(level)) return 1;
    const std::string_view printed = arguments.printed(text).substr(0, static_cast<std::size_t>(buf_size_));
    // The usual prefix is what the log puts there anyway.
    const std::string_view name = prefix_.empty() ? std::string_view("<script>") : std::string_view(prefix_);
    const std::size_t end = name.find_last_not_of(": ");
    log_line(level, end == std::string_view::npos ? name : name.substr(0, end + 1), "script", 0, printed);
    return 1;
  }

  std::int64_t buf_size_ = 4096;
  std::string prefix_ = "<script>: ";
  script::ModuleExports exports_;
};

}  // namespace
}  // namespace lockstep::xlog

LS_MODULE(lockstep::xlog::XlogModule)
