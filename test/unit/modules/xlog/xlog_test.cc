// xlog_test.cc: the lines that xlog writes, read back from standard error.
#include <cppunit/extensions/HelperMacros.h>
#include <fcntl.h>
#include <unistd.h>

#include "test/unit/modules/script_fixture.h"

extern "C" lockstep::worker::Module* lockstep_module();

namespace lockstep::test {
namespace {

// Standard error while it lives, as text.
class CapturedLog {
 public:
  CapturedLog() : file_(std::tmpfile()), saved_(dup(STDERR_FILENO)) { dup2(fileno(file_), STDERR_FILENO); }
  ~CapturedLog() {
    dup2(saved_, STDERR_FILENO);
    close(saved_);
    std::fclose(file_);
  }
  CapturedLog(const CapturedLog&) = delete;
  CapturedLog& operator=(const CapturedLog&) = delete;

  std::string text() const {
    std::string all(65536, '\0');
    const ssize_t size = pread(fileno(file_), all.data(), all.size(), 0);
    all.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return all;
  }

 private:
  std::FILE* file_;
  int saved_;
};

// What the statements log at level `enabled`: each line from its level on, so without index and pid.
std::vector<std::string> logged(const std::string& script, int enabled, const std::string& settings) {
  ScriptFixture fixture(lockstep_module(), script, settings);
  CPPUNIT_ASSERT_MESSAGE(fixture.mistakes(), fixture.compiles());
  std::string all;
  {
    const CapturedLog log;
    log_settings().level = enabled;
    fixture.run(kInvite);
    log_settings().level = -6;
    all = log.text();
  }
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < all.size();) {
    const std::size_t end = all.find('\n', at);
    const std::string line = all.substr(at, end - at);
    lines.push_back(line.substr(line.find(") ") + 2));
    at = end + 1;
  }
  return lines;
}

using Lines = std::vector<std::string>;
const std::string kDefaults =
    "modparam(\"xlog\", \"prefix\", \"<script>: \")\nmodparam(\"xlog\", \"buf_size\", 4096)\n";

class XlogTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(XlogTest);
  CPPUNIT_TEST(levels_are_chosen_by_argument_or_name);
  CPPUNIT_TEST(what_is_not_enabled_is_not_written);
  CPPUNIT_TEST(prefix_and_size_are_parameters);
  CPPUNIT_TEST(a_wrong_level_is_a_mistake);
  CPPUNIT_TEST_SUITE_END();

 public:
  void levels_are_chosen_by_argument_or_name() {
    const Lines lines = logged(
        "xlog(\"a\\n\"); xlog(\"L_INFO\", \"b $rc\\n\"); xlog(\"1\", \"c\"); xlog(\"LOG_LOCAL3\", "
        "\"L_WARN\", \"d\");\n"
        "$var(l) = 2; xlog(\"$var(l)\", \"e\"); xdbg(\"f\"); xnotice(\"g\"); xcrit(\"h\"); xalert(\"i\"); "
        "xerr(\"j\");",
        3, kDefaults);
    CPPUNIT_ASSERT(lines == (Lines{"ERROR: <script> [script:0]: a", "INFO: <script> [script:0]: b 1",
                                   "NOTICE: <script> [script:0]: c", "WARNING: <script> [script:0]: d",
                                   "INFO: <script> [script:0]: e", "DEBUG: <script> [script:0]: f",
                                   "NOTICE: <script> [script:0]: g", "CRITICAL: <script> [script:0]: h",
                                   "ALERT: <script> [script:0]: i", "ERROR: <script> [script:0]: j"}));
  }

  void what_is_not_enabled_is_not_written() {
    CPPUNIT_ASSERT(logged("xdbg(\"a\"); xinfo(\"b\"); xwarn(\"c\");", 0, kDefaults) ==
                   (Lines{"WARNING: <script> [script:0]: c"}));
  }

  void prefix_and_size_are_parameters() {
    CPPUNIT_ASSERT(
        logged("xlog(\"abcdef\");", 3,
               "modparam(\"xlog\", \"prefix\", \"mine: \")\nmodparam(\"xlog\", \"buf_size\", 3)\n") ==
        (Lines{"ERROR: mine [script:0]: abc"}));
  }

  void a_wrong_level_is_a_mistake() {
    ScriptFixture fixture(lockstep_module(), "xlog(\"L_LOUD\", \"text\");", kDefaults);
    CPPUNIT_ASSERT(!fixture.compiles());
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(XlogTest);

}  // namespace
}  // namespace lockstep::test
