// log.h: one line a call, one write() a line, formatted only when its level is enabled.
// Levels are Kamailio's: ALERT -5, BUG -4, CRIT -2, ERR -1, WARN 0, NOTICE 1, INFO 2, DBG 3.
// Shape: `<index>(<pid>) LEVEL: <prefix><module> [file:line]: text`, to stderr or syslog.
#pragma once

#include <fmt/core.h>

#include <string_view>

namespace lockstep {

enum class LogLevel : int {
  kAlert = -5,
  kBug = -4,
  kCrit = -2,
  kErr = -1,
  kWarn = 0,
  kNotice = 1,
  kInfo = 2,
  kDbg = 3
};

// Per process; set by main before the fork, changed by RPC corex.debug through `level`.
struct LogSettings {
  int level = 2;          // Messages above are dropped.
  bool to_stderr = true;  // Else syslog.
  bool colour = false;
  int facility = 128;                          // LOG_LOCAL0.
  int process_index = 0;                       // 0 supervisor, 1.. workers.
  const volatile int* shared_level = nullptr;  // If set, wins over `level`.
};

LogSettings& log_settings();
bool log_enabled(LogLevel level);
// Writes one line; cuts at 4 KiB. `module` is "core", a module's name, or "<script>".
void log_line(LogLevel level, std::string_view module, const char* file, int line, std::string_view text);
// Put before the text of each line of the message now worked (log_prefix); empty to clear.
void set_log_prefix(std::string_view prefix);

}  // namespace lockstep

#define LS_LOG(level, module, ...)                                                  \
  do {                                                                              \
    if (::lockstep::log_enabled(::lockstep::LogLevel::level)) {                     \
      ::lockstep::log_line(::lockstep::LogLevel::level, module, __FILE__, __LINE__, \
                           ::fmt::format(__VA_ARGS__));                             \
    }                                                                               \
  } while (false)
