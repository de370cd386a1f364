// log_test.cc: which lines are written, and their shape, read back through a pipe that stands for stderr.
#include <cppunit/extensions/HelperMacros.h>
#include <fcntl.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "core/base/log.h"

namespace lockstep {
namespace {

// Puts a pipe in the place of stderr, and everything back at its end.
class CapturedStderr {
 public:
  CapturedStderr() : saved_(dup(STDERR_FILENO)) {
    CPPUNIT_ASSERT_EQUAL(0, pipe2(ends_, O_NONBLOCK));
    dup2(ends_[1], STDERR_FILENO);
    close(ends_[1]);
  }
  ~CapturedStderr() {
    dup2(saved_, STDERR_FILENO);
    close(saved_);
    close(ends_[0]);
  }
  CapturedStderr(const CapturedStderr&) = delete;
  CapturedStderr& operator=(const CapturedStderr&) = delete;

  std::string taken() {
    char bytes[16384];
    const ssize_t size = read(ends_[0], bytes, sizeof bytes);
    return size <= 0 ? std::string() : std::string(bytes, static_cast<std::size_t>(size));
  }

 private:
  int saved_;
  int ends_[2] = {-1, -1};
};

// What stands behind the process id, which is not the same twice.
std::string behind_pid(const std::string& line) {
  const auto end = line.find(')');
  return end == std::string::npos ? line : line.substr(end + 2);
}

class LogTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(LogTest);
  CPPUNIT_TEST(levels_above_the_limit_are_not_written);
  CPPUNIT_TEST(the_shared_level_wins);
  CPPUNIT_TEST(nothing_is_formatted_that_is_not_written);
  CPPUNIT_TEST(a_line_has_its_shape);
  CPPUNIT_TEST(a_prefix_stands_before_the_module);
  CPPUNIT_TEST(a_long_line_is_cut);
  CPPUNIT_TEST(colour_ends_before_the_line_does);
  CPPUNIT_TEST_SUITE_END();

 public:
  void setUp() override {
    saved_ = log_settings();
    log_settings() = LogSettings{};
  }
  void tearDown() override {
    log_settings() = saved_;
    set_log_prefix({});
  }

  void levels_above_the_limit_are_not_written() {
    struct Row {
      int limit;
      std::vector<const char*> written;
    };
    const Row rows[] = {{-6, {}},
                        {-1, {"ALERT", "BUG", "CRITICAL", "ERROR"}},
                        {1, {"ALERT", "BUG", "CRITICAL", "ERROR", "WARNING", "NOTICE"}},
                        {3, {"ALERT", "BUG", "CRITICAL", "ERROR", "WARNING", "NOTICE", "INFO", "DEBUG"}}};
    for (const Row& row : rows) {
      log_settings().level = row.limit;
      CapturedStderr captured;
      for (const LogLevel level : {LogLevel::kAlert, LogLevel::kBug, LogLevel::kCrit, LogLevel::kErr,
                                   LogLevel::kWarn, LogLevel::kNotice, LogLevel::kInfo, LogLevel::kDbg}) {
        if (log_enabled(level)) log_line(level, "m", "f.cc", 1, "x");
      }
      std::string expected, got = captured.taken(), names;
      for (const char* name : row.written) expected += std::string(name) + "\n";
      for (std::size_t at = 0; at < got.size();) {
        const std::size_t end = got.find('\n', at);
        const std::string rest = behind_pid(got.substr(at, end - at));
        names += rest.substr(0, rest.find(':')) + "\n";
        at = end + 1;
      }
      CPPUNIT_ASSERT_EQUAL(expected, names);
    }
  }

  void the_shared_level_wins() {
    volatile int shared = 3;
    log_settings().level = -5;
    log_settings().shared_level = &shared;
    CPPUNIT_ASSERT(log_enabled(LogLevel::kDbg));
    shared = 0;
    CPPUNIT_ASSERT(!log_enabled(LogLevel::kInfo));
    CPPUNIT_ASSERT(log_enabled(LogLevel::kWarn));
  }

  void nothing_is_formatted_that_is_not_written() {
    log_settings().level = 0;
    int formatted = 0;
    const auto argument = [&formatted] { return ++formatted; };
    CapturedStderr captured;
    LS_LOG(kDbg, "core", "{}", argument());
    CPPUNIT_ASSERT_EQUAL(0, formatted);
    LS_LOG(kErr, "core", "{}", argument());
    CPPUNIT_ASSERT_EQUAL(1, formatted);
    CPPUNIT_ASSERT(!captured.taken().empty());
  }

  void a_line_has_its_shape() {
    log_settings().process_index = 7;
    CapturedStderr captured;
    log_line(LogLevel::kNotice, "tm", "modules/tm/tm_module.cc", 42, "text\n\n");
    CPPUNIT_ASSERT_EQUAL(" 7(" + std::to_string(getpid()) + ") NOTICE: tm [tm_module.cc:42]: text\n",
                         captured.taken());
  }

  void a_prefix_stands_before_the_module() {
    set_log_prefix("{call-1} ");
    CapturedStderr captured;
    log_line(LogLevel::kErr, "core", "a.cc", 1, "text");
    CPPUNIT_ASSERT_EQUAL(std::string("ERROR: {call-1} core [a.cc:1]: text\n"), behind_pid(captured.taken()));
    set_log_prefix({});
    log_line(LogLevel::kErr, "core", "a.cc", 1, "text");
    CPPUNIT_ASSERT_EQUAL(std::string("ERROR: core [a.cc:1]: text\n"), behind_pid(captured.taken()));
  }

  void a_long_line_is_cut() {
    CapturedStderr captured;
    log_line(LogLevel::kErr, "core", "a.cc", 1, std::string(10000, 'x'));
    const std::string line = captured.taken();
    CPPUNIT_ASSERT_EQUAL(std::size_t{4097}, line.size());
    CPPUNIT_ASSERT_EQUAL('\n', line.back());
  }

  void colour_ends_before_the_line_does() {
    log_settings().colour = true;
    CapturedStderr captured;
    log_line(LogLevel::kErr, "core", "a.cc", 1, "text");
    const std::string line = captured.taken();
    CPPUNIT_ASSERT(line.starts_with("\033[31m"));
    CPPUNIT_ASSERT(line.ends_with("text\033[0m\n"));
  }

 private:
  LogSettings saved_;
};
CPPUNIT_TEST_SUITE_REGISTRATION(LogTest);

}  // namespace
}  // namespace lockstep
