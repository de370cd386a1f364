// jsonrpcs_module_test.cc: from modparam values to the settings of the control plane.
#include "modules/jsonrpcs/jsonrpcs_module.h"

#include <cppunit/TestFixture.h>
#include <cppunit/extensions/HelperMacros.h>

#include <string>
#include <string_view>

namespace {

using lockstep::jsonrpcs::JsonrpcsModule;
using lockstep::script::Value;
using lockstep::worker::ControlSettings;
using lockstep::worker::JsonLayout;

}  // namespace

class JsonrpcsModuleTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(JsonrpcsModuleTest);
  CPPUNIT_TEST(what_is_not_named_keeps_its_default);
  CPPUNIT_TEST(every_parameter_reaches_its_setting);
  CPPUNIT_TEST(numbers_out_of_range_are_mistakes);
  CPPUNIT_TEST(a_relative_reply_directory_is_a_mistake);
  CPPUNIT_TEST_SUITE_END();

  static std::string set(JsonrpcsModule& module, std::string_view name, const Value& value) {
    for (const auto& parameter : module.exports().parameters) {
      if (parameter.name == name) return parameter.set(value);
    }
    return "unknown";
  }
  static void set_all(JsonrpcsModule& module) {
    for (const char* const name :
         {"fifo_name", "fifo_user", "fifo_group", "dgram_socket", "dgram_user", "dgram_group"}) {
      CPPUNIT_ASSERT_EQUAL(std::string(), set(module, name, Value::of_string(name)));
    }
    CPPUNIT_ASSERT_EQUAL(std::string(), set(module, "fifo_reply_dir", Value::of_string("/run/replies")));
    CPPUNIT_ASSERT_EQUAL(std::string(), set(module, "fifo_mode", Value::of_int(0600)));
    CPPUNIT_ASSERT_EQUAL(std::string(), set(module, "dgram_mode", Value::of_int(0666)));
    CPPUNIT_ASSERT_EQUAL(std::string(), set(module, "transport", Value::of_int(2)));
    CPPUNIT_ASSERT_EQUAL(std::string(), set(module, "pretty_format", Value::of_int(0)));
  }

 public:
  void what_is_not_named_keeps_its_default() {
    const JsonrpcsModule module;
    ControlSettings settings;
    settings.run_dir = "/tmp/x";
    settings.fifo_user = "from the command line";
    CPPUNIT_ASSERT(module.apply(settings).ok());
    CPPUNIT_ASSERT_EQUAL(std::string("/tmp/x/lockstep_rpc.fifo"), settings.path_of(settings.fifo_name));
    CPPUNIT_ASSERT_EQUAL(std::string("from the command line"), settings.fifo_user);
    CPPUNIT_ASSERT_EQUAL(6U, settings.transport);
    CPPUNIT_ASSERT(settings.layout == JsonLayout::kPretty);
  }

  void every_parameter_reaches_its_setting() {
    JsonrpcsModule module;
    set_all(module);
    set(module, "fifo_name", Value::of_string("/run/kamailio/kamailio_rpc.fifo"));  // The last one wins.
    ControlSettings settings;
    CPPUNIT_ASSERT(module.apply(settings).ok());
    CPPUNIT_ASSERT_EQUAL(std::string("/run/kamailio/kamailio_rpc.fifo"),
                         settings.path_of(settings.fifo_name));
    CPPUNIT_ASSERT_EQUAL(std::string("fifo_user"), settings.fifo_user);
    CPPUNIT_ASSERT_EQUAL(std::string("fifo_group"), settings.fifo_group);
    CPPUNIT_ASSERT_EQUAL(std::string("/run/replies/"), settings.fifo_reply_dir);
    CPPUNIT_ASSERT_EQUAL(0600U, settings.fifo_mode);
    CPPUNIT_ASSERT_EQUAL(std::string("dgram_socket"), settings.dgram_socket);
    CPPUNIT_ASSERT_EQUAL(std::string("dgram_user"), settings.dgram_user);
    CPPUNIT_ASSERT_EQUAL(std::string("dgram_group"), settings.dgram_group);
    CPPUNIT_ASSERT_EQUAL(0666U, settings.dgram_mode);
    CPPUNIT_ASSERT_EQUAL(2U, settings.transport);
    CPPUNIT_ASSERT(settings.layout == JsonLayout::kCompact);
  }

  void numbers_out_of_range_are_mistakes() {
    JsonrpcsModule module;
    CPPUNIT_ASSERT_EQUAL(std::string("must be from 0 to 15"), set(module, "transport", Value::of_int(16)));
    CPPUNIT_ASSERT_EQUAL(std::string("must be from 0 to 511"),
                         set(module, "fifo_mode", Value::of_int(01000)));
    CPPUNIT_ASSERT_EQUAL(std::string("must be from 0 to 1"), set(module, "pretty_format", Value::of_int(-1)));
  }

  void a_relative_reply_directory_is_a_mistake() {
    JsonrpcsModule module;
    CPPUNIT_ASSERT_EQUAL(std::string(), set(module, "fifo_reply_dir", Value::of_string("tmp")));
    ControlSettings settings;
    const auto applied = module.apply(settings);
    CPPUNIT_ASSERT(!applied.ok());
    CPPUNIT_ASSERT_EQUAL(std::string("jsonrpcs: fifo_reply_dir must be an absolute path, not 'tmp'"),
                         applied.error());
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(JsonrpcsModuleTest);
