#include "core/base/log.h"

#include <fmt/format.h>
#include <syslog.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string>

namespace lockstep {
namespace {

constexpr std::size_t kLineMax = 4096;

struct LevelName {
  const char* name;
  const char* colour;
  int syslog_priority;
};

LevelName level_name(LogLevel level) {
  switch (level) {
    case LogLevel::kAlert:
      return {"ALERT", "\033[1;31m", LOG_ALERT};
    case LogLevel::kBug:
      return {"BUG", "\033[1;31m", LOG_CRIT};
    case LogLevel::kCrit:
      return {"CRITICAL", "\033[1;31m", LOG_CRIT};
    case LogLevel::kErr:
      return {"ERROR", "\033[31m", LOG_ERR};
    case LogLevel::kWarn:
      return {"WARNING", "\033[33m", LOG_WARNING};
    case LogLevel::kNotice:
      return {"NOTICE", "\033[36m", LOG_NOTICE};
    case LogLevel::kInfo:
      return {"INFO", "", LOG_INFO};
    case LogLevel::kDbg:
      return {"DEBUG", "\033[2m", LOG_DEBUG};
  }
  return {"INFO", "", LOG_INFO};
}

std::string& prefix() {
  static std::string text;
  return text;
}

const char* base_name(const char* path) {
  const char* slash = std::strrchr(path, '/');
  return slash == nullptr ? path : slash + 1;
}

}  // namespace

LogSettings& log_settings() {
  static LogSettings settings;
  return settings;
}

bool log_enabled(LogLevel level) {
  const LogSettings& settings = log_settings();
  const int limit = settings.shared_level != nullptr ? *settings.shared_level : settings.level;
  return static_cast<int>(level) <= limit;
}

void set_log_prefix(std::string_view text) { prefix().assign(text); }

void log_line(LogLevel level, std::string_view module, const char* file, int line, std::string_view text) {
  const LogSettings& settings = log_settings();
  const LevelName name = level_name(level);
  while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  fmt::memory_buffer out;
  auto to = std::back_inserter(out);
  if (settings.to_stderr) {
    const bool colour = settings.colour && name.colour[0] != '\0';
    fmt::format_to(to, "{}{:2d}({}) {}: {}{} [{}:{}]: {}{}", colour ? name.colour : "",
                   settings.process_index, getpid(), name.name, prefix(), module, base_name(file), line, text,
                   colour ? "\033[0m" : "");
    if (out.size() > kLineMax) out.resize(kLineMax);
    out.push_back('\n');
    // A log line that cannot be written is lost; there is nobody to tell.
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, out.data(), out.size());
    return;
  }
  fmt::format_to(to, "{}: {}{} [{}:{}]: {}", name.name, prefix(), module, base_name(file), line, text);
  syslog(settings.facility | name.syslog_priority, "%.*s", static_cast<int>(std::min(out.size(), kLineMax)),
         out.data());
}

}  // namespace lockstep
