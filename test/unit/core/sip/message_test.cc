// message_test.cc: the index, values on demand, faults, and the torture messages as a whole.
#include "core/sip/message.h"

#include <vector>

#include "test/unit/core/sip/sip_test.h"
#include "test/unit/core/sip/torture_messages.h"

namespace lockstep::sip {

class MessageTest : public CPPUNIT_NS::TestFixture {
  CPPUNIT_TEST_SUITE(MessageTest);
  CPPUNIT_TEST(a_request_gives_its_values);
  CPPUNIT_TEST(a_response_gives_its_values);
  CPPUNIT_TEST(wsinv_gives_its_values);
  CPPUNIT_TEST(valid_torture_messages_have_no_fault);
  CPPUNIT_TEST(invalid_torture_messages_have_their_fault);
  CPPUNIT_TEST(faulty_requests_can_be_answered_when_the_top_via_is_usable);
  CPPUNIT_TEST(every_truncation_is_survived);
  CPPUNIT_TEST(keep_alives_are_no_messages);
  CPPUNIT_TEST(the_body_follows_content_length);
  CPPUNIT_TEST(values_run_across_lines_and_commas);
  CPPUNIT_TEST(fields_are_found_by_id_and_by_name);
  CPPUNIT_TEST(tokens_compare_without_case);
  CPPUNIT_TEST(a_message_object_is_reusable);
  CPPUNIT_TEST(missing_values_are_none);
  CPPUNIT_TEST(quick_call_id_agrees_with_the_full_parse);
  CPPUNIT_TEST(quick_call_id_looks_at_the_header_section_only);
  CPPUNIT_TEST_SUITE_END();

  void a_request_gives_its_values() {
    const Parsed message(plain_invite());
    CPPUNIT_ASSERT_EQUAL(str("none"), fault_or_none(validate(*message)));
    CPPUNIT_ASSERT(message->is_request());
    CPPUNIT_ASSERT(message->method() == Method::kInvite);
    CPPUNIT_ASSERT_EQUAL(str("sip:bob@biloxi.example.com"), str(message->request_uri_text()));
    CPPUNIT_ASSERT_EQUAL(str("bob"), str(message->request_uri()->user));
    CPPUNIT_ASSERT_EQUAL(str("client.atlanta.example.com"), str(message->top_via()->host));
    CPPUNIT_ASSERT_EQUAL(str("\"Alice, A.\""), str(message->from()->display));
    CPPUNIT_ASSERT_EQUAL(str("alice"), str(message->from_uri()->user));
    CPPUNIT_ASSERT_EQUAL(str("9fxced76sl"), str(message->from_tag()));
    CPPUNIT_ASSERT_EQUAL(str("Bob"), str(message->to()->display));
    CPPUNIT_ASSERT_EQUAL(str("biloxi.example.com"), str(message->to_uri()->host));
    CPPUNIT_ASSERT_EQUAL(str(""), str(message->to_tag()));
    CPPUNIT_ASSERT_EQUAL(str("3848276298220188511@atlanta.example.com"), str(message->call_id()));
    CPPUNIT_ASSERT_EQUAL(31862u, message->cseq()->number);
    CPPUNIT_ASSERT(message->cseq()->method == Method::kInvite);
    CPPUNIT_ASSERT_EQUAL(70u, message->max_forwards().value());
    CPPUNIT_ASSERT_EQUAL(str("text/plain"), str(message->content_type()));
    CPPUNIT_ASSERT_EQUAL(str("hey\r\n"), str(message->body()));
    CPPUNIT_ASSERT_EQUAL(std::size_t{13 - 1}, message->fields().size());
    CPPUNIT_ASSERT_EQUAL(str("\r\n"), str(message->bytes().substr(message->headers_end(), 2)));
    CPPUNIT_ASSERT_EQUAL(str("Via: SIP"), str(message->bytes().substr(message->headers_begin(), 8)));
  }

  void a_response_gives_its_values() {
    const Parsed message(lines({"SIP/2.0 183 Session  Progress", "v: SIP/2.0/UDP a", "f: <sip:a@b>;tag=1",
                                "t: <sip:c@d>;tag=2", "i: x", "CSeq: 1 UPDATE", "x: 90", "Expires: 7", ""}));
    CPPUNIT_ASSERT_EQUAL(str("none"), fault_or_none(validate(*message)));
    CPPUNIT_ASSERT(message->is_response());
    CPPUNIT_ASSERT_EQUAL(183, int{message->status()});
    CPPUNIT_ASSERT_EQUAL(str("Session  Progress"), str(message->reason()));
    CPPUNIT_ASSERT(message->method() == Method::kUpdate);
    CPPUNIT_ASSERT_EQUAL(str("UPDATE"), str(message->method_text()));
    CPPUNIT_ASSERT(message->request_uri() == nullptr);
    CPPUNIT_ASSERT_EQUAL(str("2"), str(message->to_tag()));
    CPPUNIT_ASSERT_EQUAL(str("90"), str(message->value(HeaderId::kSessionExpires)));
    CPPUNIT_ASSERT_EQUAL(7u, message->expires().value());
  }

  void wsinv_gives_its_values() {
    const Parsed message(valid_torture_messages().front().bytes);
    std::vector<std::string> vias;
    for (const HeaderValue& value : message->values(HeaderId::kVia))
      vias.push_back(str(parse_via(value.text)->host));
    CPPUNIT_ASSERT((vias == std::vector<std::string>{"192.0.2.2", "spindle.example.com", "192.168.255.111"}));
    CPPUNIT_ASSERT_EQUAL(9u, message->cseq()->number);
    CPPUNIT_ASSERT_EQUAL(68u, message->max_forwards().value());
    CPPUNIT_ASSERT_EQUAL(str("1918181833n"), str(message->to_tag()));
    CPPUNIT_ASSERT_EQUAL(str("98asjd8"), str(message->from_tag()));
    CPPUNIT_ASSERT_EQUAL(str(""), str(message->first(HeaderId::kSubject)->value));
    CPPUNIT_ASSERT_EQUAL(std::size_t{150}, message->body().size());
    const auto contact = message->first_value(HeaderId::kContact);
    CPPUNIT_ASSERT_EQUAL(330, int{parse_name_addr(contact->text)->q().value()});
    CPPUNIT_ASSERT_EQUAL(str("newfangled value\r\n continued newfangled value"),
                         str(message->first("NEWFANGLEDHEADER")->value));
  }

  void valid_torture_messages_have_no_fault() {
    for (const TortureMessage& torture : valid_torture_messages()) {
      CPPUNIT_ASSERT_EQUAL_MESSAGE(torture.name, str("none"),
                                   fault_or_none(validate(*Parsed(torture.bytes))));
    }
  }

  void invalid_torture_messages_have_their_fault() {
    for (const TortureMessage& torture : invalid_torture_messages()) {
      const Parsed message(torture.bytes);
      const auto fault =
          message->result().kind == MessageKind::kGarbage ? message->result().fault : validate(*message);
      CPPUNIT_ASSERT_EQUAL_MESSAGE(torture.name, fault_or_none(torture.fault), fault_or_none(fault));
    }
  }

  void faulty_requests_can_be_answered_when_the_top_via_is_usable() {
    for (const TortureMessage& torture : invalid_torture_messages()) {
      const Parsed message(torture.bytes);
      const bool is_request = torture.bytes.find("HTTP") == std::string::npos && message->is_request();
      const bool has_via = torture.fault != Fault::kMissingVia && torture.fault != Fault::kBadVia;
      CPPUNIT_ASSERT_EQUAL_MESSAGE(torture.name, is_request && has_via, can_answer(*message));
    }
  }

  // Any prefix must parse without reading beyond its end (run under a sanitizer), and only the whole is
  // sound.
  void every_truncation_is_survived() {
    const std::string whole = plain_invite();
    std::size_t sound = 0;
    for (std::size_t size = 0; size <= whole.size(); ++size) {
      const std::unique_ptr<char[]> exact(new char[size + 1]);
      whole.copy(exact.get(), size);
      Message message;
      const ParseResult result = message.parse(std::string_view(exact.get(), size));
      if (result.kind == MessageKind::kRequest && !validate(message)) ++sound;
      quick_call_id(std::string_view(exact.get(), size));
    }
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, sound);
  }

  void keep_alives_are_no_messages() {
    for (std::string_view text : {"", "\r\n", "\r\n\r\n", "\n\n"}) {
      Message message;
      const ParseResult result = message.parse(text);
      CPPUNIT_ASSERT(result.kind == MessageKind::kKeepAlive);
      CPPUNIT_ASSERT(result.ok());
    }
  }

  void the_body_follows_content_length() {
    const std::string head = "OPTIONS sip:a SIP/2.0\r\n";
    const Parsed cut(head + "l: 3\r\n\r\nabcdef");
    CPPUNIT_ASSERT_EQUAL(str("abc"), str(cut->body()));
    CPPUNIT_ASSERT_EQUAL(head + "l: 3\r\n\r\nabc", str(cut->bytes()));
    CPPUNIT_ASSERT_EQUAL(str("abcdef"), str(Parsed(head + "\r\nabcdef")->body()));
    CPPUNIT_ASSERT_EQUAL(str(" \tx"), str(Parsed(head + "a: b\r\n\r\n \tx")->body()));
    CPPUNIT_ASSERT_EQUAL(str(""), str(Parsed(head + "l: 0\r\n\r\nabc")->body()));
    const Parsed large(head + "l: 7\r\n\r\nabcdef");
    CPPUNIT_ASSERT_EQUAL(str("Content-Length Too Large"), fault_or_none(large->result().fault));
    CPPUNIT_ASSERT_EQUAL(str("abcdef"), str(large->body()));
  }

  void values_run_across_lines_and_commas() {
    const Parsed message(lines({"OPTIONS sip:a SIP/2.0", "Route: <sip:a,b>, \"x, y\" <sip:c>;p=\",\"",
                                "Route:", "X: y", "route:", " <sip:d>", " , <sip:e>", ""}));
    std::vector<std::string> routes;
    for (const HeaderValue& value : message->values(HeaderId::kRoute)) {
      routes.push_back(std::to_string(value.field) + str(value.text));
      CPPUNIT_ASSERT_EQUAL(str(value.text),
                           str(message->bytes().substr(message->offset_of(value.text), value.text.size())));
    }
    CPPUNIT_ASSERT((routes == std::vector<std::string>{"0<sip:a,b>", "0\"x, y\" <sip:c>;p=\",\"", "3<sip:d>",
                                                       "3<sip:e>"}));
    CPPUNIT_ASSERT_EQUAL(str("<sip:a,b>"), str(message->first_value(HeaderId::kRoute)->text));
    CPPUNIT_ASSERT_EQUAL(str("<sip:e>"), str(message->last_value(HeaderId::kRoute)->text));
    CPPUNIT_ASSERT(message->values(HeaderId::kContact).empty());
    CPPUNIT_ASSERT(!message->first_value(HeaderId::kPath));
  }

  void fields_are_found_by_id_and_by_name() {
    const Parsed message(
        lines({"OPTIONS sip:a SIP/2.0", "X-A: 1", "v: 2", "x-b: 3", "VIA: 4", "X-a: 5", ""}));
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, message->count(HeaderId::kVia));
    CPPUNIT_ASSERT_EQUAL(str("2"), str(message->first("Via")->value));
    CPPUNIT_ASSERT_EQUAL(str("2"), str(message->first("V")->value));
    CPPUNIT_ASSERT_EQUAL(str("3"), str(message->first("X-B")->value));
    CPPUNIT_ASSERT_EQUAL(str("1"), str(message->first("x-A")->value));
    CPPUNIT_ASSERT(message->first("x-c") == nullptr);
    std::string all;
    for (const HeaderField& field : message->fields(HeaderId::kOther)) all += field.value;
    CPPUNIT_ASSERT_EQUAL(str("135"), all);
    const HeaderField& last = message->fields().back();
    CPPUNIT_ASSERT_EQUAL(str("X-a: 5\r\n"),
                         str(message->bytes().substr(last.line_begin, last.line_end - last.line_begin)));
  }

  void tokens_compare_without_case() {
    const Parsed message(lines({"OPTIONS sip:a SIP/2.0", "k: 100rel, Path", "Supported: timer", ""}));
    CPPUNIT_ASSERT(message->has_token(HeaderId::kSupported, "path"));
    CPPUNIT_ASSERT(message->has_token(HeaderId::kSupported, "TIMER"));
    CPPUNIT_ASSERT(!message->has_token(HeaderId::kSupported, "100"));
    CPPUNIT_ASSERT(!message->has_token(HeaderId::kRequire, "path"));
  }

  void a_message_object_is_reusable() {
    const std::string first = plain_invite();
    const std::string second = lines({"SIP/2.0 200 OK", "f: <sip:z@z>", ""});
    Message message;
    message.parse(first);
    CPPUNIT_ASSERT(message.from() != nullptr && message.top_via() != nullptr &&
                   message.request_uri() != nullptr);
    message.parse(second);
    CPPUNIT_ASSERT_EQUAL(str("sip:z@z"), str(message.from()->uri));
    CPPUNIT_ASSERT(message.top_via() == nullptr);
    CPPUNIT_ASSERT(message.request_uri() == nullptr);
    CPPUNIT_ASSERT(message.cseq() == nullptr);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, message.fields().size());
    message.parse("\r\n");
    CPPUNIT_ASSERT(message.fields().empty() && message.bytes().empty());
  }

  void missing_values_are_none() {
    const Parsed message(lines({"OPTIONS sip:a SIP/2.0", "Expires: soon", ""}));
    CPPUNIT_ASSERT(message->from() == nullptr && message->to() == nullptr && message->from_uri() == nullptr);
    CPPUNIT_ASSERT(!message->max_forwards() && !message->expires());
    CPPUNIT_ASSERT(message->call_id().empty() && message->from_tag().empty());
    CPPUNIT_ASSERT(!parse_cseq("1INVITE") && !parse_cseq("") && !parse_cseq("1 A B") && !parse_cseq("1 "));
    CPPUNIT_ASSERT_EQUAL(2147483647u, parse_cseq("2147483647 ACK")->number);
  }

  void quick_call_id_agrees_with_the_full_parse() {
    std::vector<TortureMessage> all = valid_torture_messages();
    all.push_back({"folded",
                   "A sip:a SIP/2.0\r\nCall-Info: x\r\ncall-ID \t:\r\n  abc@x \r\n\t\r\nCSeq: 1\r\n\r\n",
                   {}});
    all.push_back({"compact", "A sip:a SIP/2.0\r\nI\t: q\n\n", {}});
    all.push_back({"last", "A sip:a SIP/2.0\ni:q", {}});
    all.push_back({"in front",
                   "\r\nA sip:a SIP/2.0\r\nIdentity: z\r\nContact: c\r\nCall-ID: y\r\ni: second\r\n\r\n",
                   {}});
    for (const TortureMessage& torture : all) {
      // Every alignment against the 16-byte steps.
      for (std::size_t shift = 0; shift < 17; ++shift) {
        const std::string text = std::string(shift, '\n') + torture.bytes;
        const auto quick = quick_call_id(text);
        CPPUNIT_ASSERT_MESSAGE(torture.name, quick.has_value());
        const Parsed message(torture.bytes);
        CPPUNIT_ASSERT_EQUAL_MESSAGE(torture.name, str(message->call_id()), str(*quick));
      }
    }
  }

  void quick_call_id_looks_at_the_header_section_only() {
    CPPUNIT_ASSERT(!quick_call_id(""));
    CPPUNIT_ASSERT(!quick_call_id("\r\n\r\n"));
    CPPUNIT_ASSERT(!quick_call_id("Call-ID: x\r\n"));
    CPPUNIT_ASSERT(
        !quick_call_id("A sip:a SIP/2.0\r\nX: Call-ID: x\r\nY: y\r\n i: z\r\n\r\nCall-ID: body\r\n"));
    CPPUNIT_ASSERT(!quick_call_id("A sip:a SIP/2.0\r\nCall-ID:\r\n\r\nCall-ID: body\r\n"));
    CPPUNIT_ASSERT(!quick_call_id("A sip:a SIP/2.0\r\nCall-ID x\r\nCall-IDs: 1\r\n"));
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(MessageTest);

}  // namespace lockstep::sip
