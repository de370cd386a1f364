// rpc_framing_test.cc: where requests begin and end in the byte stream of the FIFO.
#include "core/worker/rpc_framing.h"

#include <cppunit/TestFixture.h>
#include <cppunit/extensions/HelperMacros.h>

#include <string>
#include <string_view>
#include <vector>

namespace {

using lockstep::worker::RpcFrame;
using lockstep::worker::RpcFramer;

const char* name_of(RpcFrame::Fault fault) {
  switch (fault) {
    case RpcFrame::Fault::kNone:
      return "";
    case RpcFrame::Fault::kTooLong:
      return "too long: ";
    case RpcFrame::Fault::kUnfinished:
      return "unfinished: ";
    case RpcFrame::Fault::kNoObject:
      return "no object: ";
  }
  return "?";
}

// Every frame as text, separated by `|`. As the server does, broken text is followed by skip_line().
std::string frames_of(RpcFramer& framer, std::string_view bytes) {
  framer.push(bytes);
  std::string all;
  while (const auto frame = framer.next()) {
    if (!all.empty()) all += '|';
    all += name_of(frame->fault) + frame->text;
    if (frame->text.starts_with('[')) framer.skip_line();
  }
  framer.on_drained();
  return all;
}

}  // namespace

class RpcFramingTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(RpcFramingTest);
  CPPUNIT_TEST(a_request_ends_where_its_braces_balance);
  CPPUNIT_TEST(the_result_does_not_depend_on_how_bytes_arrive);
  CPPUNIT_TEST(a_length_of_8191_is_taken_and_8192_is_not);
  CPPUNIT_TEST(a_long_request_keeps_its_tail_and_spares_the_next);
  CPPUNIT_TEST(a_batch_does_not_spill_over);
  CPPUNIT_TEST(a_batch_without_a_line_end_is_forgotten_when_the_pipe_is_empty);
  CPPUNIT_TEST(an_unfinished_request_ends_where_the_next_begins);
  CPPUNIT_TEST(an_unfinished_request_can_be_abandoned);
  CPPUNIT_TEST(endless_text_is_given_up);
  CPPUNIT_TEST_SUITE_END();

  struct Case {
    const char* bytes;
    const char* frames;
  };

 public:
  void a_request_ends_where_its_braces_balance() {
    const std::vector<Case> cases = {
        {"", ""},
        {" \r\n\t", ""},
        {"{}", "{}"},
        {"{\"a\":1}\n", "{\"a\":1}"},
        {"{\"a\":1}{\"b\":2}", "{\"a\":1}|{\"b\":2}"},
        {"{\"a\":{\"b\":{}}}\n\n{\"c\":1}\n", "{\"a\":{\"b\":{}}}|{\"c\":1}"},
        {"{\n \"a\":\n 1\n}\n", "{\n \"a\":\n 1\n}"},
        {"{\"a\":\"}\"}", "{\"a\":\"}\"}"},
        {"{'a':'}'}", "{'a':'}'}"},
        {"{\"a\":\"'\"}", "{\"a\":\"'\"}"},
        {"{\"a\":\"\\\"}\"}", "{\"a\":\"\\\"}\"}"},
        {"{\"a\":\"\\\\\"}{}", "{\"a\":\"\\\\\"}|{}"},
        {"{\"a\":\"x\r\ny\"}", "{\"a\":\"x\r\ny\"}"},
        {"junk {\"a\":1}\n", "junk {\"a\":1}"},
        {"hello\n{}", "no object: hello\n|{}"},
        {"it's\n{}", "no object: it's\n|{}"},
        {"}\n{}", "no object: }\n|{}"},
        {"{\"a\":1", ""},
    };
    for (const Case& one : cases) {
      RpcFramer framer;
      CPPUNIT_ASSERT_EQUAL_MESSAGE(one.bytes, std::string(one.frames), frames_of(framer, one.bytes));
    }
  }

  void the_result_does_not_depend_on_how_bytes_arrive() {
    const std::string stream = "{\"a\":\"x\\\"}\"}\n{\"jsonrpc\":\"2.0\"}{\"b\":{}}\nword\n{\"c\":3}";
    RpcFramer whole;
    const std::string expected = frames_of(whole, stream);
    RpcFramer piecewise;
    std::string all;
    for (const char byte : stream) {
      const std::string frames = frames_of(piecewise, std::string_view(&byte, 1));
      if (!frames.empty() && !all.empty()) all += '|';
      all += frames;
    }
    CPPUNIT_ASSERT_EQUAL(expected, all);
    CPPUNIT_ASSERT(!piecewise.is_partial());
  }

  void a_length_of_8191_is_taken_and_8192_is_not() {
    for (const std::size_t bytes : {RpcFramer::kRequestMaxBytes, RpcFramer::kRequestMaxBytes + 1}) {
      RpcFramer framer;
      framer.push("{\"" + std::string(bytes - 4, 'x') + "\"}");
      const auto frame = framer.next();
      CPPUNIT_ASSERT(frame.has_value());
      CPPUNIT_ASSERT_EQUAL(bytes > RpcFramer::kRequestMaxBytes, frame->fault == RpcFrame::Fault::kTooLong);
    }
  }

  // kamctl writes reply_name behind the parameters, so the answer's way stands at the end.
  void a_long_request_keeps_its_tail_and_spares_the_next() {
    RpcFramer framer;
    framer.push("{\"params\":[\"" + std::string(100000, 'x') + "\"],\"reply_name\":\"r1\"}\n{\"next\":1}\n");
    const auto frame = framer.next();
    CPPUNIT_ASSERT(frame.has_value() && frame->fault == RpcFrame::Fault::kTooLong);
    CPPUNIT_ASSERT(frame->text.ends_with("\"reply_name\":\"r1\"}"));
    CPPUNIT_ASSERT(frame->text.size() < RpcFramer::kRequestMaxBytes + 3 * RpcFramer::kTailBytes);
    CPPUNIT_ASSERT_EQUAL(std::string("{\"next\":1}"), frames_of(framer, ""));
  }

  void a_batch_does_not_spill_over() {
    RpcFramer framer;
    CPPUNIT_ASSERT_EQUAL(std::string("[{\"a\":1}|{\"c\":3}"),
                         frames_of(framer, "[{\"a\":1},{\"b\":2}]\n{\"c\":3}\n"));
    CPPUNIT_ASSERT(!framer.is_partial());
  }

  void a_batch_without_a_line_end_is_forgotten_when_the_pipe_is_empty() {
    RpcFramer framer;
    CPPUNIT_ASSERT_EQUAL(std::string("[{\"a\":1}"), frames_of(framer, "[{\"a\":1},{\"b\":2}]"));
    CPPUNIT_ASSERT_EQUAL(std::string("{\"c\":3}"), frames_of(framer, "{\"c\":3}"));
  }

  // kamctl with a quotation mark in an argument: its request never closes.
  void an_unfinished_request_ends_where_the_next_begins() {
    RpcFramer framer;
    CPPUNIT_ASSERT_EQUAL(
        std::string("unfinished: {\"params\":[\"a\"b\"],\"reply_name\":\"r1\"}\n|{ \"jsonrpc\": \"2.0\"}"),
        frames_of(framer, "{\"params\":[\"a\"b\"],\"reply_name\":\"r1\"}\n{ \"jsonrpc\": \"2.0\"}\n"));
  }

  void an_unfinished_request_can_be_abandoned() {
    RpcFramer framer;
    CPPUNIT_ASSERT_EQUAL(std::string(), frames_of(framer, "{\"reply_name\":\"r1\", {"));
    CPPUNIT_ASSERT(framer.is_partial());
    const auto frame = framer.abandon();
    CPPUNIT_ASSERT(frame.has_value() && frame->fault == RpcFrame::Fault::kUnfinished);
    CPPUNIT_ASSERT_EQUAL(std::string("{\"reply_name\":\"r1\", {"), frame->text);
    CPPUNIT_ASSERT(!framer.is_partial());
    CPPUNIT_ASSERT_EQUAL(std::string("{}"), frames_of(framer, "{}"));
  }

  void endless_text_is_given_up() {
    RpcFramer framer;
    std::size_t frames = 0;
    for (int i = 0; i < 200; ++i) {
      framer.push("{" + std::string(16000, 'x'));
      while (framer.next()) ++frames;
    }
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, frames);
    CPPUNIT_ASSERT_EQUAL(std::string("{}"), frames_of(framer, "\n{}"));
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(RpcFramingTest);
