#include "core/worker/options.h"

#include <fmt/core.h>
#include <getopt.h>

#include <charconv>
#include <string_view>

namespace lockstep::worker {
namespace {

enum LongOption { kCfgPrint = 256, kLoadModule, kModParam, kAlias, kDebug, kAllErrors };

const option kLongOptions[] = {{"cfg-print", no_argument, nullptr, kCfgPrint},
                               {"loadmodule", required_argument, nullptr, kLoadModule},
                               {"modparam", required_argument, nullptr, kModParam},
                               {"alias", required_argument, nullptr, kAlias},
                               {"debug", required_argument, nullptr, kDebug},
                               {"all-errors", no_argument, nullptr, kAllErrors},
                               {"version", no_argument, nullptr, 'v'},
                               {"help", no_argument, nullptr, 'h'},
                               {nullptr, 0, nullptr, 0}};

bool to_number(std::string_view text, int& number, int min, int max) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number >= min && number <= max;
}

struct TextOption {
  int letter;
  std::string Options::*member;
};
constexpr TextOption kTextOptions[] = {{'f', &Options::config_file}, {'P', &Options::pid_file},
                                       {'Y', &Options::run_dir},     {'w', &Options::work_dir},
                                       {'u', &Options::user},        {'g', &Options::group}};

struct ListOption {
  int letter;
  std::vector<std::string> Options::*member;
};
constexpr ListOption kListOptions[] = {{'L', &Options::module_dirs},
                                       {'A', &Options::defines},
                                       {'l', &Options::listen},
                                       {kLoadModule, &Options::load_modules},
                                       {kModParam, &Options::module_params},
                                       {kAlias, &Options::aliases}};

struct ModeOption {
  int letter;
  Options::Mode mode;
};
constexpr ModeOption kModeOptions[] = {{'c', Options::Mode::kCheck},
                                       {'v', Options::Mode::kVersion},
                                       {'V', Options::Mode::kVersion},
                                       {'h', Options::Mode::kHelp},
                                       {kCfgPrint, Options::Mode::kPrintConfig}};

// Options with a number or a meaning of their own; an empty string: fine, else what is wrong.
std::string apply_other(Options& options, int letter, const std::string& value) {
  int ignored = 0;
  switch (letter) {
    case 'n':
      if (to_number(value, options.children, 1, 60)) return {};
      return fmt::format("-n takes 1 to 60 workers, not '{}'", value);
    case 'm':
      if (to_number(value, options.shm_mb, 16, 262144)) return {};
      return fmt::format("-m takes 16 to 262144 megabytes, not '{}'", value);
    case 'M':  // Private memory is not divided into pools here; the letter is known.
      if (to_number(value, ignored, 1, 262144)) return {};
      return fmt::format("-M takes megabytes, not '{}'", value);
    case 'D':
      if (!value.empty() && value != "D" && value != "DD") return fmt::format("-D{} is unknown", value);
      options.foreground = value != "DD";  // -DDD: daemonize, the default.
      return {};
    case 'E': options.log_stderror = true; return {};
    case 'e': options.colour = true; return {};
    case 'd': ++options.extra_debug; return {};
    case kDebug:
      if (to_number(value, options.extra_debug, -5, 10)) return {};
      return fmt::format("--debug takes -5 to 10, not '{}'", value);
    default: return {};  // -x, -X: memory managers of Kamailio; --all-errors: always so.
  }
}

std::string apply(Options& options, int letter, const std::string& value) {
  for (const TextOption& option : kTextOptions) {
    if (option.letter == letter) options.*option.member = value;
  }
  for (const ListOption& option : kListOptions) {
    if (option.letter == letter) (options.*option.member).push_back(value);
  }
  for (const ModeOption& option : kModeOptions) {
    if (option.letter == letter) options.mode = option.mode;
  }
  return apply_other(options, letter, value);
}

}  // namespace

Result<Options, std::string> parse_options(int argc, char** argv) {
  Options options;
  opterr = 0;
  optind = 0;  // To glibc: forget an earlier command line, the place within a word included.
  for (;;) {
    const int letter =
        getopt_long(argc, argv, "f:cL:A:l:n:m:M:P:Y:w:u:g:D::EedvVhx:X:", kLongOptions, nullptr);
    if (letter == -1) break;
    if (letter == '?') {
      return Failure{fmt::format("option '{}' is unknown or lacks its value; -h lists the options",
                                 argv[optind > 1 ? optind - 1 : 1])};
    }
    const std::string problem = apply(options, letter, optarg == nullptr ? "" : optarg);
    if (!problem.empty()) return Failure{problem};
  }
  if (optind < argc) return Failure{fmt::format("'{}' is not an option; -h lists them", argv[optind])};
  return options;
}

std::string version_text() {
  return fmt::format(
      "version: lockstep {} (x86_64/linux)\nflags: USE_UDP, SHM_POSIX, PCRE2_JIT, ROBUST_ENTRIES\n"
      "compiled with g++ {}\n",
      kServerVersion, __VERSION__);
}

std::string help_text() {
  return fmt::format(
      "lockstep {}: stateful SIP proxy and registrar\n"
      "usage: lockstep [options]\n"
      "  -f FILE       configuration (default /etc/lockstep/lockstep.cfg, else a built-in one on loopback)\n"
      "  -c            check the configuration and exit: 0 sound, 255 with mistakes\n"
      "  --cfg-print   print the configuration after includes and conditions\n"
      "  -A NAME[=V]   as #!define NAME V\n"
      "  -L PATH       where modules are; several with ':'\n"
      "  --loadmodule NAME, --modparam MODULE:NAME:i|s:VALUE\n"
      "  -l LISTEN     [udp:]ADDRESS[:PORT][/ADVERTISED[:PORT]]; replaces `listen` of the file\n"
      "  --alias HOST[:PORT]\n"
      "  -n CHILDREN   workers              -m MB  shared memory       -M MB  accepted\n"
      "  -P FILE       PID file             -Y DIR run directory       -w DIR work directory\n"
      "  -u USER -g GROUP                   after the sockets are open\n"
      "  -D, -DD       stay in the foreground\n"
      "  -E            log to stderr        -e     in colour           -d     one level more\n"
      "  -v, -V        version              -h     this\n"
      "or: lockstep ladder, why, calls, record, replay: what happened to calls; each tells its usage\n",
      kServerVersion);
}

}  // namespace lockstep::worker
