// options_test.cc: every letter of the command line, and what is said about wrong ones.
#include "core/worker/options.h"

#include <cppunit/extensions/HelperMacros.h>

namespace lockstep::worker {
namespace {

using Texts = std::vector<std::string>;
using Mode = Options::Mode;

Result<Options, std::string> parse(const Texts& words) {
  Texts all{"lockstep"};
  all.insert(all.end(), words.begin(), words.end());
  std::vector<char*> argv;
  for (std::string& word : all) argv.push_back(word.data());
  argv.push_back(nullptr);
  return parse_options(static_cast<int>(all.size()), argv.data());
}

Options good(const Texts& words) {
  const auto options = parse(words);
  CPPUNIT_ASSERT_MESSAGE(options ? std::string() : options.error(), options.ok());
  return *options;
}

std::string error(const Texts& words) {
  const auto options = parse(words);
  return options ? "none" : options.error();
}

class OptionsTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(OptionsTest);
  CPPUNIT_TEST(without_options_it_serves_in_the_background);
  CPPUNIT_TEST(letters_with_a_text);
  CPPUNIT_TEST(letters_that_come_several_times);
  CPPUNIT_TEST(letters_with_a_number);
  CPPUNIT_TEST(modes);
  CPPUNIT_TEST(foreground_and_logging);
  CPPUNIT_TEST(kamailios_memory_managers_are_accepted);
  CPPUNIT_TEST(mistakes_are_named);
  CPPUNIT_TEST(the_help_lists_the_letters);
  CPPUNIT_TEST_SUITE_END();

 public:
  void without_options_it_serves_in_the_background() {
    const Options options = good({});
    CPPUNIT_ASSERT(options.mode == Mode::kServe);
    CPPUNIT_ASSERT(!options.foreground && !options.log_stderror && !options.colour);
    CPPUNIT_ASSERT(options.config_file.empty() && options.listen.empty());
    CPPUNIT_ASSERT_EQUAL(0, options.children);
  }

  void letters_with_a_text() {
    const Options options =
        good({"-f", "a.cfg", "-P", "/run/x.pid", "-Y/run/x", "-w", "/tmp", "-u", "sip", "-g", "voice"});
    CPPUNIT_ASSERT((Texts{options.config_file, options.pid_file, options.run_dir, options.work_dir,
                          options.user, options.group}) ==
                   (Texts{"a.cfg", "/run/x.pid", "/run/x", "/tmp", "sip", "voice"}));
  }

  void letters_that_come_several_times() {
    const Options options =
        good({"-L", "/a:/b", "-L", "/c", "-A", "X", "-A", "Y=1", "-l", "udp:127.0.0.1:5060", "-l", "lo",
              "--loadmodule", "tm", "--modparam=tm:fr_timer:i:5", "--alias", "example.com"});
    CPPUNIT_ASSERT(options.module_dirs == (Texts{"/a:/b", "/c"}));
    CPPUNIT_ASSERT(options.defines == (Texts{"X", "Y=1"}));
    CPPUNIT_ASSERT(options.listen == (Texts{"udp:127.0.0.1:5060", "lo"}));
    CPPUNIT_ASSERT(options.load_modules == Texts{"tm"});
    CPPUNIT_ASSERT(options.module_params == Texts{"tm:fr_timer:i:5"});
    CPPUNIT_ASSERT(options.aliases == Texts{"example.com"});
  }

  void letters_with_a_number() {
    const Options options = good({"-n", "60", "-m", "16", "-M", "8", "--debug", "-5"});
    CPPUNIT_ASSERT_EQUAL(60, options.children);
    CPPUNIT_ASSERT_EQUAL(16, options.shm_mb);
    CPPUNIT_ASSERT_EQUAL(-5, options.extra_debug);
    CPPUNIT_ASSERT_EQUAL(3, good({"-ddd"}).extra_debug);
  }

  void modes() {
    CPPUNIT_ASSERT(good({"-c"}).mode == Mode::kCheck);
    CPPUNIT_ASSERT(good({"--cfg-print"}).mode == Mode::kPrintConfig);
    for (const char* word : {"-v", "-V", "--version"}) CPPUNIT_ASSERT(good({word}).mode == Mode::kVersion);
    for (const char* word : {"-h", "--help"}) CPPUNIT_ASSERT(good({word}).mode == Mode::kHelp);
  }

  void foreground_and_logging() {
    CPPUNIT_ASSERT(good({"-D"}).foreground);
    CPPUNIT_ASSERT(good({"-DD"}).foreground);
    CPPUNIT_ASSERT(!good({"-DDD"}).foreground);
    const Options options = good({"-DD", "-E", "-e"});
    CPPUNIT_ASSERT(options.foreground && options.log_stderror && options.colour);
  }

  void kamailios_memory_managers_are_accepted() {
    CPPUNIT_ASSERT(good({"-x", "fm", "-X", "fm", "--all-errors"}).mode == Mode::kServe);
  }

  void mistakes_are_named() {
    const struct {
      Texts words;
      const char* error;
    } rows[] = {
        {{"-n", "0"}, "-n takes 1 to 60 workers, not '0'"},
        {{"-n", "61"}, "-n takes 1 to 60 workers, not '61'"},
        {{"-n", "4x"}, "-n takes 1 to 60 workers, not '4x'"},
        {{"-m", "15"}, "-m takes 16 to 262144 megabytes, not '15'"},
        {{"-M", "much"}, "-M takes megabytes, not 'much'"},
        {{"--debug", "11"}, "--debug takes -5 to 10, not '11'"},
        {{"-Dx"}, "-Dx is unknown"},
        {{"-D", "extra"}, "'extra' is not an option; -h lists them"},
        {{"-n"}, "option '-n' is unknown or lacks its value; -h lists the options"},
        {{"--no-such"}, "option '--no-such' is unknown or lacks its value; -h lists the options"},
        {{"-c", "lockstep.cfg"}, "'lockstep.cfg' is not an option; -h lists them"},
    };
    for (const auto& row : rows) CPPUNIT_ASSERT_EQUAL(std::string(row.error), error(row.words));
  }

  void the_help_lists_the_letters() {
    const std::string help = help_text();
    for (const char c : std::string("fcALlnmMPYwugDEedvVh")) {
      CPPUNIT_ASSERT_MESSAGE(std::string(1, c), help.find(std::string(" -") + c) != std::string::npos);
    }
    CPPUNIT_ASSERT(version_text().find(kServerVersion) != std::string::npos);
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(OptionsTest);

}  // namespace
}  // namespace lockstep::worker
