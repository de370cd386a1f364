// rpc_parse_test.cc: request texts, right and wrong, and what becomes of them.
#include "core/worker/rpc_parse.h"

#include <cppunit/TestFixture.h>
#include <cppunit/extensions/HelperMacros.h>

#include <fmt/core.h>

#include <string>
#include <string_view>
#include <vector>

namespace {

using lockstep::worker::RpcRequest;
using lockstep::worker::RpcValue;

const char* name_of(RpcValue::Kind kind) {
  switch (kind) {
    case RpcValue::Kind::kNull:
      return "null";
    case RpcValue::Kind::kBool:
      return "bool";
    case RpcValue::Kind::kInt:
      return "int";
    case RpcValue::Kind::kDouble:
      return "double";
    case RpcValue::Kind::kString:
      return "string";
    case RpcValue::Kind::kStructured:
      return "structured";
  }
  return "?";
}

// One line for a whole outcome: method(params) -> reply name, id; or the error.
std::string outcome_of(std::string_view text) {
  const auto parsed = lockstep::worker::parse_rpc_request(text);
  if (!parsed) {
    const auto& fault = parsed.error();
    return fmt::format("{} {} -> {} {}", fault.code, fault.text, fault.back.reply_name, fault.back.id_json);
  }
  std::string params;
  for (std::size_t i = 0; i < parsed->request.param_count(); ++i) {
    const RpcValue& value = parsed->request.param(i);
    params += fmt::format("{}{}:{}", i == 0 ? "" : " ", name_of(value.kind), value.text);
  }
  return fmt::format("{}({}) -> {} {}", parsed->request.method(), params, parsed->back.reply_name,
                     parsed->back.id_json);
}

RpcRequest request_with(const char* param) {
  const std::string text = fmt::format(R"({{"jsonrpc":"2.0","method":"m","params":[{}]}})", param);
  return lockstep::worker::parse_rpc_request(text)->request;
}

}  // namespace

class RpcParseTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(RpcParseTest);
  CPPUNIT_TEST(requests_and_their_outcomes);
  CPPUNIT_TEST(a_parameter_serves_as_every_type_it_can_be_read_as);
  CPPUNIT_TEST(an_absent_parameter_is_none);
  CPPUNIT_TEST_SUITE_END();

  struct Case {
    const char* text;
    const char* outcome;
  };

 public:
  void requests_and_their_outcomes() {
    const std::vector<Case> cases = {
        // kamctl's own text.
        {R"({"jsonrpc": "2.0", "method": "ul.lookup", "params": ["location", "1001"], )"
         R"("reply_name": "kr_7", "id": 7})",
         "ul.lookup(string:location string:1001) -> kr_7 7"},
        {R"({"jsonrpc":"2.0","method":"m","id":"x\"y"})", R"(m() ->  "x\"y")"},
        {R"({"jsonrpc":"2.0","method":"m","id":null})", "m() ->  null"},
        {R"({"jsonrpc":"2.0","method":"m","id":[1]})", "m() ->  null"},
        {R"({"jsonrpc":"2.0","method":"m","id":7.5})", "m() ->  7.5"},
        {R"({"jsonrpc":"2.0","method":"m","params":{"z":1,"a":"two"}})", "m(int:1 string:two) ->  "},
        {R"({"jsonrpc":"2.0","method":"m","params":[true,null,1.5,[1,2],{"a":1},-3]})",
         R"(m(bool:true null:null double:1.5 structured:[1,2] structured:{"a":1} int:-3) ->  )"},
        {R"({"jsonrpc":"2.0","method":"m","params":[]})", "m() ->  "},
        // Bare words that kamctl takes for numbers.
        {R"({"jsonrpc":"2.0","method":"m","params":[+4930123, 0049, nan, 0x10, inf, 1e3]})",
         "m(string:+4930123 string:0049 string:nan string:0x10 string:inf double:1000.0) ->  "},
        // kamctl's =CRLF= puts line ends into strings as they are.
        {"{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":[\"a\r\nb\"]}", "m(string:a\r\nb) ->  "},
        {R"({"jsonrpc":"2.0","method":"m","params":["\u00e9\t\\"]})", "m(string:\xC3\xA9\t\\) ->  "},
        // Mistakes.
        {R"(junk {"jsonrpc":"2.0","method":"m","reply_name":"r","id":3})", "-32700 Parse error -> r 3"},
        {R"({"jsonrpc":"2.0","method":"m","params":["a"b"],"reply_name":"r","id":"q"})",
         "-32700 Parse error -> r \"q\""},
        {R"({"jsonrpc":"2.0","method":"m","reply_name" : "r")", "-32700 Parse error -> r "},
        {R"([{"jsonrpc":"2.0","method":"m","reply_name":"r","id":1})", "-32700 Parse error -> r 1"},
        {R"([{"jsonrpc":"2.0","method":"m","id":1}])",
         "-32600 Invalid Request: batches are not served ->  1"},
        {R"({"jsonrpc":"1.0","method":"m","reply_name":"r","id":1})",
         "-32600 Invalid Request: jsonrpc must be \"2.0\" -> r 1"},
        {R"({"jsonrpc":2.0,"method":"m","reply_name":"r"})",
         "-32600 Invalid Request: jsonrpc must be \"2.0\" -> r "},
        {R"({"method":"m","reply_name":"r"})", "-32600 Invalid Request: jsonrpc must be \"2.0\" -> r "},
        {R"({"jsonrpc":"2.0","reply_name":"r","id":1})", "-32600 Invalid Request: no method -> r 1"},
        {R"({"jsonrpc":"2.0","method":7,"reply_name":"r"})", "-32600 Invalid Request: no method -> r "},
        {R"({"jsonrpc":"2.0","method":"m","params":7,"reply_name":"r"})",
         "-32602 Invalid params: an array or an object is expected -> r "},
        {"hello", "-32600 Invalid Request ->  "},
        {"", "-32700 Parse error ->  "},
        {"\xFF{\"reply_name\":\"r\"}", "-32700 Parse error -> r "},
    };
    for (const Case& one : cases) {
      CPPUNIT_ASSERT_EQUAL_MESSAGE(one.text, std::string(one.outcome), outcome_of(one.text));
    }
  }

  void a_parameter_serves_as_every_type_it_can_be_read_as() {
    struct Reading {
      const char* param;
      const char* as_string;
      const char* as_int;
      const char* as_double;
    };
    const std::vector<Reading> readings = {
        {"\"1001\"", "1001", "1001", "1001"},
        {"1001", "1001", "1001", "1001"},
        {"-5", "-5", "-5", "-5"},
        {"4294967295", "4294967295", "4294967295", "4294967295"},
        {"0.5", "0.5", "none", "0.5"},
        {"1e3", "1000.0", "1000", "1000"},
        {"\"0x1F\"", "0x1F", "31", "31"},
        {"\"abc\"", "abc", "none", "none"},
        {"\"\"", "", "none", "none"},
        {"\"12x\"", "12x", "none", "none"},
        {"null", "none", "none", "none"},
        {"[1]", "none", "none", "none"},
        {"true", "true", "1", "none"},
        {"\"-7\"", "-7", "-7", "-7"},
        {"18446744073709551615", "18446744073709551615", "none", "1.8446744073709552e+19"},
    };
    for (const Reading& reading : readings) {
      const RpcRequest request = request_with(reading.param);
      const auto text = request.string_param(0);
      const auto integer = request.int_param(0);
      const auto number = request.double_param(0);
      CPPUNIT_ASSERT_EQUAL_MESSAGE(reading.param, std::string(reading.as_string),
                                   std::string(text.value_or("none")));
      CPPUNIT_ASSERT_EQUAL_MESSAGE(reading.param, std::string(reading.as_int),
                                   integer ? fmt::format("{}", *integer) : std::string("none"));
      CPPUNIT_ASSERT_EQUAL_MESSAGE(reading.param, std::string(reading.as_double),
                                   number ? fmt::format("{}", *number) : std::string("none"));
    }
  }

  void an_absent_parameter_is_none() {
    const RpcRequest request = request_with("1");
    CPPUNIT_ASSERT(request.has_param(0));
    CPPUNIT_ASSERT(!request.has_param(1));
    CPPUNIT_ASSERT(!request.string_param(1) && !request.int_param(1) && !request.double_param(1));
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(RpcParseTest);
