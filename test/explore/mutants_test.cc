// mutants_test.cc: each invariant, broken on purpose, is seen by the explorer; and the shipped server has
// nothing in it that could be broken.
#include <cppunit/extensions/HelperMacros.h>
#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <string>

namespace lockstep::test {
namespace {

constexpr int kInvariants = 20;

std::string build_folder() {
  const char* const folder = std::getenv("BUILD");
  return folder != nullptr ? folder : "build";
}

// What it prints; its exit status.
std::string output_of(const std::string& command, int& status) {
  std::string text;
  FILE* const pipe = popen((command + " 2>&1").c_str(), "r");
  CPPUNIT_ASSERT(pipe != nullptr);
  char buffer[4096];
  for (std::size_t got = fread(buffer, 1, sizeof buffer, pipe); got != 0;) {
    text.append(buffer, got);
    got = fread(buffer, 1, sizeof buffer, pipe);
  }
  const int ended = pclose(pipe);
  status = WIFEXITED(ended) ? WEXITSTATUS(ended) : 255;
  return text;
}

std::string run_of(const std::string& binary) {
  return "timeout 300 " + build_folder() + binary + " explore --mutations test/explore/scenarios/*.scenario" +
         " --cpus 2 -L " + build_folder() + "/modules";
}

class MutantsTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(MutantsTest);
  CPPUNIT_TEST(all_are_caught);
  CPPUNIT_TEST(the_shipped_server_has_none);
  CPPUNIT_TEST_SUITE_END();

 public:
  void all_are_caught() {
    int status = 0;
    const std::string table = output_of(run_of("/mutants/lockstep"), status);
    CPPUNIT_ASSERT_EQUAL_MESSAGE(table, 0, status);
    std::map<std::string, int> caught;
    std::istringstream lines(table);
    for (std::string line; std::getline(lines, line);) {
      std::istringstream words(line);
      std::string invariant, mutation, scenario, policy;
      int executions = 0;
      if (words >> invariant >> mutation >> scenario >> policy >> executions && executions > 0) {
        ++caught[invariant];
      }
    }
    for (int i = 1; i <= kInvariants; ++i) {
      CPPUNIT_ASSERT_MESSAGE("I" + std::to_string(i) + " in\n" + table, caught["I" + std::to_string(i)] > 0);
    }
  }

  void the_shipped_server_has_none() {
    int status = 0;
    const std::string text = output_of(run_of("/lockstep"), status);
    CPPUNIT_ASSERT_EQUAL_MESSAGE(text, 2, status);
    CPPUNIT_ASSERT_MESSAGE(text, text.find("has no mutations") != std::string::npos);
    std::ifstream stream(build_folder() + "/lockstep", std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
    CPPUNIT_ASSERT(bytes.find("set_mutation") != std::string::npos);
    CPPUNIT_ASSERT(bytes.find("active_mutation") == std::string::npos);
    CPPUNIT_ASSERT(bytes.find("wire-reversed") == std::string::npos);
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(MutantsTest);

}  // namespace
}  // namespace lockstep::test
