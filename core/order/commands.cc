// The commands: arguments, the log, and the one function that draws what was asked for.
#include "core/order/commands.h"

#include <fmt/core.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "core/order/record_file.h"
#include "core/order/redaction.h"
#include "core/order/render.h"
#include "core/order/replay.h"
#include "core/order/words.h"

namespace lockstep::order {
namespace {

constexpr int kFailed = 255;
constexpr int kDeparted = 1;
constexpr int kWrongUsage = 2;

struct Arguments {
  std::string command;
  std::string run_dir;
  std::string from;  // A recorded file instead of the running server.
  std::string html;
  std::string pcap;
  bool redact = false;
  bool all = false;
  std::vector<std::string> words;
};

int fail(const std::string& text) {
  std::fprintf(stderr, "lockstep: %s\n", text.c_str());
  return kFailed;
}

constexpr const char* kUsage =
    "usage: lockstep ladder CALL-ID [--html FILE] [--pcap FILE] [--redact]   arrows and decisions in time\n"
    "       lockstep why CALL-ID [--redact]       who won, and what became of every CANCEL\n"
    "       lockstep calls [--all]                recent calls; --all: also what is no INVITE\n"
    "       lockstep record FILE [CALL-ID] [--redact]   the order log, or one call of it, into a file\n"
    "       lockstep replay FILE                  0: this binary decides the same; 1: where it does not\n"
    "All but replay take -Y RUNDIR (of the server) or --from FILE (a recording). --redact puts stand-ins\n"
    "for users, names and addresses in bodies; Call-IDs and addresses in headers stay.\n";

struct Command {
  std::string_view name;
  std::size_t words_min;
  std::size_t words_max;
  std::string_view options;
};
constexpr Command kCommands[] = {{"ladder", 1, 1, " -Y --from --html --pcap --redact "},
                                 {"why", 1, 1, " -Y --from --redact "},
                                 {"calls", 0, 0, " -Y --from --all "},
                                 {"record", 1, 2, " -Y --from --redact "},
                                 {"replay", 1, 1, " "}};

const Command* find_command(std::string_view name) {
  for (const Command& command : kCommands) {
    if (command.name == name) return &command;
  }
  return nullptr;
}

bool is_option(const std::string& word) {
  return word == "-Y" || (word.size() > 2 && word.starts_with("--"));
}

// Empty: fine; else what is wrong.
std::string parse(int argc, char** argv, const Command& command, Arguments& arguments) {
  arguments.command = argv[1];
  struct Option {
    const char* name;
    std::string Arguments::*member;
  };
  static constexpr Option kOptions[] = {{"-Y", &Arguments::run_dir},
                                        {"--from", &Arguments::from},
                                        {"--html", &Arguments::html},
                                        {"--pcap", &Arguments::pcap}};
  for (int i = 2; i < argc; ++i) {
    const std::string word = argv[i];
    if (is_option(word) && command.options.find(" " + word + " ") == std::string_view::npos) {
      return fmt::format("'{}' is no option of {}", word, command.name);
    }
    const Option* found = nullptr;
    for (const Option& option : kOptions) {
      if (word == option.name) found = &option;
    }
    if (found != nullptr) {
      if (i + 1 >= argc) return word + " takes a value";
      arguments.*found->member = argv[++i];
    } else if (word == "--redact") {
      arguments.redact = true;
    } else if (word == "--all") {
      arguments.all = true;
    } else {
      arguments.words.push_back(word);
    }
  }
  if (arguments.words.size() < command.words_min) return fmt::format("{} lacks an argument", command.name);
  if (arguments.words.size() > command.words_max) {
    return fmt::format("'{}' is too much for {}", arguments.words[command.words_max], command.name);
  }
  return {};
}

std::string default_run_dir() {
  return access("/run/lockstep", R_OK) == 0 ? "/run/lockstep" : fmt::format("/tmp/lockstep-{}", getuid());
}

Result<Log, std::string> read_log(const Arguments& arguments) {
  if (!arguments.from.empty()) return read_file(arguments.from);
  return read_live(arguments.run_dir.empty() ? default_run_dir() : arguments.run_dir);
}

std::size_t terminal_columns() {
  if (const char* given = std::getenv("COLUMNS"); given != nullptr && std::atoi(given) > 0) {
    return static_cast<std::size_t>(std::atoi(given));
  }
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 100;
}

// Prose in lines that fit; what is continued is indented. A Call-ID stays behind its title, to be copied.
std::string wrapped(const std::string& text, std::size_t columns) {
  std::string result;
  std::size_t line_begin = 0;
  std::size_t last_space = std::string::npos;
  for (const char c : text) {
    result += c;
    if (c == '\n') {
      line_begin = result.size();
      last_space = std::string::npos;
      continue;
    }
    if (result.size() - line_begin > columns && last_space != std::string::npos) {
      result.replace(last_space, 1, "\n    ");
      line_begin = last_space + 1;
      last_space = std::string::npos;
    }
    if (c == ' ' && result.size() - line_begin > sizeof "Call-ID") last_space = result.size() - 1;
  }
  return result;
}

bool write_text(const std::string& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << text;
  out.flush();
  return static_cast<bool>(out);
}

const Call* find_call(const std::vector<Call>& calls, const std::string& id) {
  for (const Call& call : calls) {
    if (call.id == id || printable(call.id) == id) return &call;
  }
  return nullptr;
}

int unknown_call(const Log& log, const std::vector<Call>& calls, const std::string& id) {
  std::string text =
      fmt::format("call {} is not in the log, which holds {}", id, counted(calls.size(), "call"));
  if (log.has_lost()) text += "; older ones have been overwritten (raise order_log to keep more)";
  if (!calls.empty()) text += fmt::format("; the newest is {}", calls.back().id);
  std::fprintf(stderr, "lockstep: %s\n", printable(text).c_str());
  return kDeparted;
}

int show_call(const Arguments& arguments, const Log& whole, const Call& found) {
  Log log = only(whole, found);
  if (arguments.redact) Redaction().apply(log);
  const std::vector<Call> calls = calls_of(log);
  const Call* call = calls.empty() ? nullptr : &calls.front();
  if (call == nullptr) return fail("nothing is left of that call");
  const Scene scene = make_scene(log, *call);
  if (arguments.command == "why") {
    std::fputs(wrapped(why_text(log, *call, scene), terminal_columns()).c_str(), stdout);
    return 0;
  }
  if (!arguments.html.empty() &&
      !write_text(arguments.html, ladder_page(scene, why_text(log, *call, scene)))) {
    return fail("cannot write " + arguments.html);
  }
  if (!arguments.pcap.empty() && !write_text(arguments.pcap, capture_of(log, scene))) {
    return fail("cannot write " + arguments.pcap);
  }
  if (arguments.html.empty() && arguments.pcap.empty()) {
    std::fputs(ladder_text(scene, terminal_columns()).c_str(), stdout);
  }
  return 0;
}

int run_record(const Arguments& arguments, const Log& log, const std::vector<Call>& calls) {
  const std::string& path = arguments.words[0];
  Log chosen = log;
  if (arguments.words.size() > 1) {
    const Call* call = find_call(calls, arguments.words[1]);
    if (call == nullptr) return unknown_call(log, calls, arguments.words[1]);
    chosen = only(log, *call);
  }
  if (arguments.redact) Redaction().apply(chosen);
  const auto written = write_file(chosen, path);
  if (!written) return fail(written.error());
  std::printf("%s: %s of %s\n", path.c_str(), counted(chosen.records.size(), "record").c_str(),
              counted(calls_of(chosen).size(), "call").c_str());
  return 0;
}

int run_replay(const Arguments& arguments) {
  const auto log = read_file(arguments.words[0]);
  if (!log) return fail(log.error());
  for (const std::string& remark : log->remarks) std::fprintf(stderr, "lockstep: %s\n", remark.c_str());
  const Replay result = replay(*log);
  std::fputs(result.text().c_str(), stdout);
  return result.is_identical() && log->remarks.empty() ? 0 : kDeparted;
}

}  // namespace

bool is_command(int argc, char** argv) { return argc > 1 && find_command(argv[1]) != nullptr; }

int run_command(int argc, char** argv) {
  for (int i = 2; i < argc; ++i) {
    if (std::string_view(argv[i]) != "-h" && std::string_view(argv[i]) != "--help") continue;
    std::fputs(kUsage, stdout);
    return 0;
  }
  const Command& command = *find_command(argv[1]);
  Arguments arguments;
  if (const std::string problem = parse(argc, argv, command, arguments); !problem.empty()) {
    std::fputs(kUsage, stderr);
    fail(problem);
    return kWrongUsage;
  }
  if (command.name == "replay") return run_replay(arguments);
  const auto log = read_log(arguments);
  if (!log) return fail(log.error());
  const std::vector<Call> calls = calls_of(*log);
  if (command.name == "record") return run_record(arguments, *log, calls);
  if (command.name == "calls") {
    for (const std::string& remark : log->remarks) std::printf("! %s\n", remark.c_str());
    std::fputs(call_list(*log, calls, arguments.all).c_str(), stdout);
    return 0;
  }
  const Call* call = find_call(calls, arguments.words[0]);
  return call == nullptr ? unknown_call(*log, calls, arguments.words[0]) : show_call(arguments, *log, *call);
}

}  // namespace lockstep::order
