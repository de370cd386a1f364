// main.cc: the runner of every CppUnit binary. Without arguments it runs all registered suites; each
// argument selects the tests whose full name (Suite::method) contains it. `-l` lists the names, `-v`
// names each test as it starts. Its last line is `NAME: N passed, N failed`, which scripts/run_tests adds
// up; a test that crashes the process is named and counted by a signal handler.
#include <cppunit/Exception.h>
#include <cppunit/SourceLine.h>
#include <cppunit/Test.h>
#include <cppunit/TestFailure.h>
#include <cppunit/TestListener.h>
#include <cppunit/TestResult.h>
#include <cppunit/extensions/TestFactoryRegistry.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace {

// What the signal handler needs, readable without locks or allocation.
struct Progress {
  pid_t runner = 0;
  char test_name[256] = {};
  char program[64] = {};
  unsigned passed = 0;
  unsigned failed = 0;
};
Progress progress;

void on_crash(int signal_number) {
  // A child that a test forked dies by its signal as it would without us.
  if (getpid() == progress.runner) {
    char text[512];
    const int length = snprintf(
        text, sizeof text, "\n%s: CRASHED by signal %d in %s\n%s: %u passed, %u failed\n", progress.program,
        signal_number, progress.test_name, progress.program, progress.passed, progress.failed + 1);
    if (length > 0 && write(STDOUT_FILENO, text, static_cast<size_t>(length)) < 0) _exit(98);
  }
  signal(signal_number, SIG_DFL);
  raise(signal_number);
}

// Suite::method, without the namespaces before them.
std::string short_name(const std::string& name) {
  const auto method = name.rfind("::");
  if (method == std::string::npos || method == 0) return name;
  const auto suite = name.rfind("::", method - 1);
  return suite == std::string::npos ? name : name.substr(suite + 2);
}

class Listener : public CppUnit::TestListener {
 public:
  explicit Listener(bool verbose) : verbose_(verbose) {}

  void startTest(CppUnit::Test* test) override {
    current_failed_ = false;
    snprintf(progress.test_name, sizeof progress.test_name, "%s", short_name(test->getName()).c_str());
    if (verbose_) {
      printf("  %s\n", progress.test_name);
      fflush(stdout);
    }
  }

  void addFailure(const CppUnit::TestFailure& failure) override {
    current_failed_ = true;
    const CppUnit::SourceLine line = failure.sourceLine();
    const CppUnit::Exception* exception = failure.thrownException();
    printf("\nFAILED %s\n", short_name(failure.failedTestName()).c_str());
    if (line.isValid()) printf("  at %s:%d\n", line.fileName().c_str(), line.lineNumber());
    if (exception != nullptr) {
      printf("  %s\n", exception->message().shortDescription().c_str());
      printf("%s\n", exception->message().details().c_str());
    }
    fflush(stdout);
  }

  void endTest(CppUnit::Test*) override {
    if (current_failed_) {
      ++progress.failed;
    } else {
      ++progress.passed;
    }
  }

 private:
  bool verbose_;
  bool current_failed_ = false;
};

void collect_leaves(CppUnit::Test* test, std::vector<CppUnit::Test*>& leaves) {
  if (test->getChildTestCount() == 0) {
    if (test->countTestCases() > 0) leaves.push_back(test);
    return;
  }
  for (int i = 0; i < test->getChildTestCount(); ++i) collect_leaves(test->getChildTestAt(i), leaves);
}

bool is_selected(const std::string& name, const std::vector<std::string>& filters) {
  if (filters.empty()) return true;
  for (const std::string& filter : filters) {
    if (name.find(filter) != std::string::npos) return true;
  }
  return false;
}

void watch_for_crashes(const char* program) {
  const char* slash = strrchr(program, '/');
  snprintf(progress.program, sizeof progress.program, "%s", slash != nullptr ? slash + 1 : program);
  progress.runner = getpid();
  for (const int number : {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL}) signal(number, on_crash);
}

}  // namespace

int main(int argc, char** argv) {
  watch_for_crashes(argv[0]);
  bool verbose = false;
  bool list_only = false;
  std::vector<std::string> filters;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "-v") {
      verbose = true;
    } else if (argument == "-l") {
      list_only = true;
    } else {
      filters.emplace_back(argument);
    }
  }
  const std::unique_ptr<CppUnit::Test> all(CppUnit::TestFactoryRegistry::getRegistry().makeTest());
  std::vector<CppUnit::Test*> leaves;
  collect_leaves(all.get(), leaves);
  CppUnit::TestResult result;
  Listener listener(verbose);
  result.addListener(&listener);
  for (CppUnit::Test* test : leaves) {
    if (!is_selected(test->getName(), filters)) continue;
    if (list_only) {
      printf("%s\n", short_name(test->getName()).c_str());
    } else {
      test->run(&result);
    }
  }
  fflush(stdout);
  if (list_only) return 0;
  printf("%s: %u passed, %u failed\n", progress.program, progress.passed, progress.failed);
  return progress.failed == 0 ? 0 : 1;
}
