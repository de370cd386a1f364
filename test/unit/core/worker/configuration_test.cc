// configuration_test.cc: file and command line as one, all mistakes in one report; modules found by name; the
// PID file.
#include "core/worker/configuration.h"

#include <cppunit/extensions/HelperMacros.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "core/base/log.h"
#include "core/worker/default_config.h"
#include "core/worker/pid_file.h"

namespace lockstep::worker {
namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// A folder that goes with the test.
class Folder {
 public:
  Folder() {
    char name[] = "/tmp/lockstep-configuration-XXXXXX";
    CPPUNIT_ASSERT(mkdtemp(name) != nullptr);
    path_ = name;
  }
  ~Folder() {
    for (const std::string& file : files_) unlink(file.c_str());
    rmdir(path_.c_str());
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string file(const std::string& name) {
    files_.push_back(path_ + "/" + name);
    return files_.back();
  }
  std::string write(const std::string& name, std::string_view text) {
    const std::string path = file(name);
    std::ofstream(path) << text;
    return path;
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  std::vector<std::string> files_;
};

// The modules beside this test binary, as the Makefile puts them.
std::string module_folder() {
  char path[4096];
  const ssize_t size = readlink("/proc/self/exe", path, sizeof path);
  CPPUNIT_ASSERT(size > 0);
  const std::string program(path, static_cast<std::size_t>(size));
  return program.substr(0, program.rfind('/')) + "/../modules";
}

bool has_module(const std::string& name) {
  return access((module_folder() + "/" + name + ".so").c_str(), R_OK) == 0;
}

std::string text_of(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

class ConfigurationTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(ConfigurationTest);
  CPPUNIT_TEST(the_default_compiles_or_names_each_module_that_is_not_built);
  CPPUNIT_TEST(the_command_line_wins_over_the_file);
  CPPUNIT_TEST(a_define_of_the_command_line_is_seen_by_the_file);
  CPPUNIT_TEST(all_mistakes_are_in_one_report);
  CPPUNIT_TEST(a_missing_file_is_told);
  CPPUNIT_TEST(an_empty_file_is_a_mistake);
  CPPUNIT_TEST(a_file_without_request_route_is_warned_of);
  CPPUNIT_TEST(modules_of_the_command_line_stand_before_the_file);
  CPPUNIT_TEST(a_wrong_modparam_of_the_command_line_is_told);
  CPPUNIT_TEST(wrong_addresses_of_the_command_line_are_told);
  CPPUNIT_TEST(the_printed_configuration_is_what_remains);
  CPPUNIT_TEST(module_names_are_taken_as_scripts_write_them);
  CPPUNIT_TEST(paths_are_split);
  CPPUNIT_TEST(what_is_no_module_is_refused);
  CPPUNIT_TEST(a_living_server_keeps_its_pid_file);
  CPPUNIT_TEST(another_program_is_no_server);
  CPPUNIT_TEST(a_stale_pid_file_is_replaced);
  CPPUNIT_TEST(a_dead_server_that_nobody_has_waited_for_is_none);
  CPPUNIT_TEST(a_pid_file_that_cannot_be_written_is_told);
  CPPUNIT_TEST_SUITE_END();

 public:
  void setUp() override { log_settings().level = -6; }

  void the_default_compiles_or_names_each_module_that_is_not_built() {
    Folder folder;
    Options options;
    options.config_file = folder.write("default.cfg", kDefaultConfig);
    options.module_dirs = {module_folder()};
    std::string report;
    const auto configuration = load_configuration(options, report);
    if (configuration != nullptr) {
      CPPUNIT_ASSERT_EQUAL(std::string(), report);
      CPPUNIT_ASSERT(configuration->program->find_route(script::RouteKind::kRequest) != script::kNoRoute);
      CPPUNIT_ASSERT_EQUAL(2, configuration->globals.children);
      CPPUNIT_ASSERT_EQUAL(std::size_t{15}, configuration->loader->loaded().size());
      return;
    }
    bool is_complete = true;
    for (const char* name : {"jsonrpcs", "kex", "corex", "tm", "tmx", "sl", "rr", "pv", "maxfwd", "usrloc",
                             "registrar", "textops", "siputils", "xlog", "sanity"}) {
      const bool is_named = contains(report, std::string("there is no module '") + name + "'");
      CPPUNIT_ASSERT_EQUAL_MESSAGE(report, !has_module(name), is_named);
      is_complete = is_complete && has_module(name);
    }
    CPPUNIT_ASSERT_MESSAGE(report, !is_complete);
  }

  void the_command_line_wins_over_the_file() {
    Folder folder;
    Options options;
    options.config_file =
        folder.write("a.cfg", "children=4\ndebug=1\nlisten=udp:127.0.0.1:5060\nrequest_route { exit; }\n");
    options.children = 3;
    options.shm_mb = 33;
    options.listen = {"udp:127.0.0.2:5070", "127.0.0.3"};
    options.aliases = {"example.com:5060"};
    options.user = "sip";
    options.run_dir = "/run/here";
    options.extra_debug = 2;
    options.log_stderror = true;
    std::string report;
    const auto configuration = load_configuration(options, report);
    CPPUNIT_ASSERT_MESSAGE(report, configuration != nullptr);
    const script::Globals& globals = configuration->globals;
    CPPUNIT_ASSERT_EQUAL(3, globals.children);
    CPPUNIT_ASSERT_EQUAL(33, globals.shm_mb);
    CPPUNIT_ASSERT_EQUAL(3, globals.debug);
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, globals.listen.size());
    CPPUNIT_ASSERT_EQUAL(std::string("127.0.0.2"), globals.listen[0].host);
    CPPUNIT_ASSERT_EQUAL(std::string("example.com"), globals.alias.at(0).host);
    CPPUNIT_ASSERT_EQUAL(std::string("sip"), globals.user);
    CPPUNIT_ASSERT_EQUAL(std::string("/run/here"), globals.rundir);
    CPPUNIT_ASSERT(globals.log_stderror);
    CPPUNIT_ASSERT_EQUAL(options.config_file, configuration->file);
  }

  void a_define_of_the_command_line_is_seen_by_the_file() {
    Folder folder;
    Options options;
    options.config_file = folder.write(
        "a.cfg", "#!ifdef MANY\nchildren=N\n#!else\nchildren=1\n#!endif\nrequest_route { exit; }\n");
    std::string report;
    CPPUNIT_ASSERT_EQUAL(1, load_configuration(options, report)->globals.children);
    options.defines = {"MANY", "N=7"};
    CPPUNIT_ASSERT_EQUAL(7, load_configuration(options, report)->globals.children);
  }

  void all_mistakes_are_in_one_report() {
    Folder folder;
    Options options;
    options.config_file = folder.write(
        "a.cfg",
        "childen=4\nrequest_route {\n  no_such_function();\n  route(MISSING);\n  append_brunch();\n}\n");
    std::string report;
    CPPUNIT_ASSERT(load_configuration(options, report) == nullptr);
    for (const char* part : {"a.cfg:1:", "childen", "a.cfg:3:", "no_such_function", "a.cfg:4:", "MISSING",
                             "a.cfg:5:", "append_branch"}) {
      CPPUNIT_ASSERT_MESSAGE(std::string(part) + " is not in:\n" + report, contains(report, part));
    }
  }

  void a_missing_file_is_told() {
    Options options;
    options.config_file = "/no/such/lockstep.cfg";
    std::string report;
    CPPUNIT_ASSERT(load_configuration(options, report) == nullptr);
    CPPUNIT_ASSERT_MESSAGE(report, contains(report, "/no/such/lockstep.cfg"));
  }

  void an_empty_file_is_a_mistake() {
    Folder folder;
    for (const char* text : {"", "\n\n", "# nothing\n", "#!KAMAILIO\n#!define X 1\n", "\xef\xbb\xbf"}) {
      Options options;
      options.config_file = folder.write("a.cfg", text);
      std::string report;
      CPPUNIT_ASSERT_MESSAGE(text, load_configuration(options, report) == nullptr);
      CPPUNIT_ASSERT_EQUAL(
          options.config_file +
              ": error: this configuration is empty\n    it needs a request_route at least\n",
          report);
    }
  }

  void a_file_without_request_route_is_warned_of() {
    Folder folder;
    Options options;
    options.config_file = folder.write("a.cfg", "debug=1\nreply_route { exit; }\n");
    std::string report;
    CPPUNIT_ASSERT(load_configuration(options, report) != nullptr);
    CPPUNIT_ASSERT_EQUAL(
        options.config_file + ": warning: there is no request_route: every request will be dropped\n",
        report);
  }

  void modules_of_the_command_line_stand_before_the_file() {
    Folder folder;
    Options options;
    options.config_file = folder.write("a \"b\".cfg", "children=5\nrequest_route { exit; }\n");
    options.module_dirs = {folder.path()};
    options.load_modules = {"no_such_module"};
    std::string report;
    CPPUNIT_ASSERT(load_configuration(options, report) == nullptr);
    CPPUNIT_ASSERT_MESSAGE(report, contains(report, "there is no module 'no_such_module'"));
    CPPUNIT_ASSERT_MESSAGE(report, contains(report, "command line:1:"));
    // The file itself was read all the same: its odd name is quoted rightly.
    CPPUNIT_ASSERT_MESSAGE(report, !contains(report, "a \\\"b"));
  }

  void a_wrong_modparam_of_the_command_line_is_told() {
    Folder folder;
    for (const char* param : {"tm", "tm:fr_timer:5", "tm:fr_timer:x:5", ""}) {
      Options options;
      options.config_file = folder.write("a.cfg", "request_route { exit; }\n");
      options.module_params = {param};
      std::string report;
      CPPUNIT_ASSERT(load_configuration(options, report) == nullptr);
      CPPUNIT_ASSERT_MESSAGE(
          report,
          contains(report, std::string("--modparam takes MODULE:NAME:i|s:VALUE, not '") + param + "'"));
    }
  }

  void wrong_addresses_of_the_command_line_are_told() {
    Folder folder;
    Options options;
    options.config_file = folder.write("a.cfg", "request_route { exit; }\n");
    options.listen = {"udp:127.0.0.1:99999"};
    std::string report;
    CPPUNIT_ASSERT(load_configuration(options, report) == nullptr);
    CPPUNIT_ASSERT_EQUAL(std::string("-l: 'udp:127.0.0.1:99999' is no [udp:]ADDRESS[:PORT]\n"), report);
  }

  void the_printed_configuration_is_what_remains() {
    Folder folder;
    Options options;
    options.config_file = folder.write(
        "a.cfg", "#!ifdef X\nchildren=4\n#!endif\n#!define Y 6\ndebug=Y\nrequest_route { exit; }\n");
    std::string report;
    const std::string text = print_configuration(options, report);
    CPPUNIT_ASSERT_EQUAL(std::string(), report);
    CPPUNIT_ASSERT_MESSAGE(text, !contains(text, "children"));
    CPPUNIT_ASSERT_MESSAGE(text, contains(text, "6") && contains(text, "exit"));
    options.config_file = folder.write("b.cfg", "request_route {\n");
    CPPUNIT_ASSERT_EQUAL(std::string(), print_configuration(options, report));
    CPPUNIT_ASSERT(!report.empty());
  }

  void module_names_are_taken_as_scripts_write_them() {
    for (const char* written : {"tm", "tm.so", "tm/tm.so", "/usr/lib/kamailio/modules/tm.so"}) {
      CPPUNIT_ASSERT_EQUAL(std::string("tm"), module_name(written));
    }
    CPPUNIT_ASSERT_EQUAL(std::string(".so"), module_name(".so"));
  }

  void paths_are_split() {
    CPPUNIT_ASSERT(split_path(":/a::/b:") == (std::vector<std::string>{"/a", "/b"}));
    CPPUNIT_ASSERT(split_path("").empty());
  }

  void what_is_no_module_is_refused() {
    Folder folder;
    folder.write("broken.so", "not an object");
    SharedObjectLoader loader({folder.path()});
    CPPUNIT_ASSERT(loader.available() == std::vector<std::string>{"broken"});
    const auto broken = loader.load("broken.so", {});
    CPPUNIT_ASSERT(!broken.ok());
    CPPUNIT_ASSERT(contains(broken.error(), "cannot load module 'broken'"));
    const auto missing = loader.load("brokn", {});
    CPPUNIT_ASSERT(!missing.ok());
    CPPUNIT_ASSERT_EQUAL(std::string("there is no module 'brokn'; did you mean 'broken'?"), missing.error());
    loader.set_module_path(folder.path() + ":/no/such/folder");
    CPPUNIT_ASSERT(loader.foreign_paths() == (std::vector<std::string>{folder.path(), "/no/such/folder"}));
  }

  void a_living_server_keeps_its_pid_file() {
    const pid_t child = fork();
    if (child == 0) {
      for (;;) pause();
    }
    const std::string id = std::to_string(child);
    Folder folder;
    const std::string path = folder.write("x.pid", id + "\n");
    PidFile file;
    const auto claimed = file.claim(path);
    kill(child, SIGKILL);
    // Ended, and nobody has asked how: not waited for on purpose.
    siginfo_t ended{};
    CPPUNIT_ASSERT_EQUAL(0, waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT));
    PidFile later;
    const bool is_free = later.claim(folder.write("y.pid", id)).ok();
    CPPUNIT_ASSERT_EQUAL(child, waitpid(child, nullptr, 0));
    CPPUNIT_ASSERT(!claimed.ok());
    CPPUNIT_ASSERT_MESSAGE(claimed.error(),
                           contains(claimed.error(), "already running with process id " + id));
    file.remove();
    CPPUNIT_ASSERT_EQUAL(id + "\n", text_of(path));
    CPPUNIT_ASSERT(is_free);
  }

  // A dead server's number, given to somebody else.
  void another_program_is_no_server() {
    int closed_by_exec[2];
    CPPUNIT_ASSERT_EQUAL(0, pipe2(closed_by_exec, O_CLOEXEC));
    const pid_t child = fork();
    if (child == 0) {
      execlp("sleep", "sleep", "60", nullptr);
      _exit(1);
    }
    close(closed_by_exec[1]);
    char none = 0;
    CPPUNIT_ASSERT_EQUAL(ssize_t{0}, read(closed_by_exec[0], &none, 1));  // When the child's end is gone.
    close(closed_by_exec[0]);
    const std::string id = std::to_string(child);
    char program[256] = {};
    const bool runs = readlink(("/proc/" + id + "/exe").c_str(), program, sizeof program - 1) > 0;
    Folder folder;
    PidFile file;
    const bool is_free = file.claim(folder.write("x.pid", id)).ok();
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    CPPUNIT_ASSERT_MESSAGE(program, runs && contains(program, "sleep"));
    CPPUNIT_ASSERT(is_free);
  }

  void a_stale_pid_file_is_replaced() {
    const pid_t child = fork();
    if (child == 0) _exit(0);
    CPPUNIT_ASSERT_EQUAL(child, waitpid(child, nullptr, 0));
    Folder folder;
    for (const std::string& old : {std::to_string(child), std::string("no number"), std::string("-1"),
                                   std::to_string(getpid()), std::string()}) {
      const std::string path = folder.write("x.pid", old);
      PidFile file;
      CPPUNIT_ASSERT_MESSAGE(old, file.claim(path).ok());
      file.write(12345);
      CPPUNIT_ASSERT_EQUAL(std::string("12345\n"), text_of(path));
      file.remove();
      CPPUNIT_ASSERT(access(path.c_str(), F_OK) != 0);
    }
    PidFile kept;
    const std::string path = folder.file("y.pid");
    CPPUNIT_ASSERT(kept.claim(path).ok());
    kept.write(1);
    kept.disown();
    kept.remove();
    CPPUNIT_ASSERT_EQUAL(std::string("1\n"), text_of(path));
  }

  // In a container the first process may take its time to wait for what was killed.
  void a_dead_server_that_nobody_has_waited_for_is_none() {
    const pid_t child = fork();
    if (child == 0) _exit(0);
    siginfo_t info;
    CPPUNIT_ASSERT_EQUAL(0, waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT));
    Folder folder;
    PidFile file;
    const auto claimed = file.claim(folder.write("x.pid", std::to_string(child)));
    CPPUNIT_ASSERT_EQUAL(child, waitpid(child, nullptr, 0));
    CPPUNIT_ASSERT_MESSAGE(claimed.ok() ? "" : claimed.error(), claimed.ok());
  }

  void a_pid_file_that_cannot_be_written_is_told() {
    PidFile file;
    const auto claimed = file.claim("/no/such/folder/x.pid");
    CPPUNIT_ASSERT(!claimed.ok());
    CPPUNIT_ASSERT_EQUAL(std::string("cannot write the PID file /no/such/folder/x.pid: No such file or "
                                     "directory; choose another with -P"),
                         claimed.error());
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(ConfigurationTest);

}  // namespace
}  // namespace lockstep::worker
