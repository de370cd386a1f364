// assembly_test.cc: what the workers of a server are given comes from its configuration, and from what
// modules provide.
#include "core/worker/assembly.h"

#include <cppunit/extensions/HelperMacros.h>
#include <sys/mman.h>
#include <unistd.h>

namespace lockstep::worker {
namespace {

class AssemblyTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(AssemblyTest);
  CPPUNIT_TEST(engines_are_told_what_the_configuration_says);
  CPPUNIT_TEST(what_somebody_provides_comes_before_the_default);
  CPPUNIT_TEST(workers_get_what_the_modules_left);
  CPPUNIT_TEST(too_little_memory_is_told);
  CPPUNIT_TEST_SUITE_END();

  static std::unique_ptr<Configuration> configuration_of(std::string_view text) {
    const int file = memfd_create("assembly.cfg", 0);
    CPPUNIT_ASSERT_EQUAL(static_cast<ssize_t>(text.size()), write(file, text.data(), text.size()));
    Options options;
    options.config_file = "/proc/self/fd/" + std::to_string(file);
    std::string report;
    auto configuration = load_configuration(options, report);
    close(file);
    CPPUNIT_ASSERT_MESSAGE(report, configuration != nullptr);
    return configuration;
  }
  static Result<bool, std::string> make_memory(Assembly& parts, std::size_t bytes) {
    auto made = parts.make_memory({.name = "lockstep-assembly-test-" + std::to_string(getpid()),
                                   .bytes = bytes,
                                   .worker_count = 2,
                                   .order_log_mb = 1});
    if (parts.segment != nullptr) parts.segment->remove();
    return made;
  }
  static void make(Assembly& parts, Configuration& configuration, LocalNames& names) {
    CPPUNIT_ASSERT(make_memory(parts, segment_bytes_for(2, 1, std::size_t{2} << 20)).ok());
    const auto started = parts.start_modules(configuration, names);
    CPPUNIT_ASSERT_MESSAGE(started ? std::string() : started.error(), started.ok());
  }

 public:
  void engines_are_told_what_the_configuration_says() {
    const auto configuration =
        configuration_of("max_branches=5\nforce_rport=yes\nlog_prefix=\"x\"\nrequest_route { exit; }\n");
    LocalNames names;
    Assembly parts;
    make(parts, *configuration, names);
    CPPUNIT_ASSERT_EQUAL(5u, parts.engine.branch_max);
    CPPUNIT_ASSERT(parts.engine.force_rport);
    CPPUNIT_ASSERT(parts.engine.log_prefix == &*configuration->log_prefix);
    CPPUNIT_ASSERT(parts.engine.request_route != script::kNoRoute);
    CPPUNIT_ASSERT(parts.engine.reply_route == script::kNoRoute);
    CPPUNIT_ASSERT(parts.engine.names == &names);
    CPPUNIT_ASSERT(parts.engine.tm == &parts.default_tm);
    CPPUNIT_ASSERT(parts.engine.record_router == nullptr);
  }

  void what_somebody_provides_comes_before_the_default() {
    const auto configuration = configuration_of("request_route { exit; }\n");
    LocalNames names;
    Assembly parts;
    TmSettings provided;
    parts.interfaces.provide(provided);
    make(parts, *configuration, names);
    CPPUNIT_ASSERT(parts.engine.tm == &provided);
  }

  void workers_get_what_the_modules_left() {
    const auto configuration = configuration_of("request_route { $var(a) = 1; $var(b) = 2; }\n");
    LocalNames names;
    Assembly parts;
    parts.tasks.emplace_back();
    make(parts, *configuration, names);
    const WorkerSettings settings = parts.worker_settings(*configuration);
    CPPUNIT_ASSERT(settings.engine == &parts.engine);
    CPPUNIT_ASSERT(settings.tasks == &parts.tasks && settings.keepers == &parts.keepers);
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, settings.variable_count);
    CPPUNIT_ASSERT(settings.modules.empty() && settings.sockets.empty() && settings.wake_fds.empty());
  }

  void too_little_memory_is_told() {
    Assembly parts;
    const auto made = make_memory(parts, std::size_t{1} << 20);
    CPPUNIT_ASSERT(!made.ok());
    CPPUNIT_ASSERT(!made.error().empty());
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(AssemblyTest);

}  // namespace
}  // namespace lockstep::worker
