// torture_invalid.cc: RFC 4475 sections 3.1.2 and 3.3, and our own for each fault that these miss.
#include "test/unit/core/sip/sip_test.h"
#include "test/unit/core/sip/torture_messages.h"

namespace lockstep::sip {
namespace {

// A sound request with one text replaced.
TortureMessage changed(std::string name, std::string_view from, std::string_view to, Fault fault) {
  std::string text =
      lines({"INVITE sip:user@example.com SIP/2.0", "Via: SIP/2.0/UDP 192.0.2.15;branch=z9hG4bKkdjuw",
             "Max-Forwards: 70", "From: \"J. Caller\" <sip:caller@example.net>;tag=242etr",
             "To: sip:j.user@example.com", "Call-ID: invut.0ha0isndaksdj", "CSeq: 8 INVITE",
             "Contact: <sip:caller@host5.example.net>", "Content-Length: 5", "", "hello"});
  const std::size_t at = text.find(from);
  CPPUNIT_ASSERT_MESSAGE(name, at != std::string::npos);
  text.replace(at, from.size(), to);
  return {std::move(name), text, fault};
}

std::vector<TortureMessage> start_line_faults() {
  const std::string_view line = "INVITE sip:user@example.com SIP/2.0";
  return {
      changed("ltgtruri", line, "INVITE <sip:user@example.com> SIP/2.0", Fault::kBadRequestUri),
      changed("lwsruri", line, "INVITE sip:user@example.com; lr SIP/2.0", Fault::kBadRequestUri),
      changed("lwsstart", line, "INVITE  sip:user@example.com  SIP/2.0", Fault::kBadRequestUri),
      changed("trws", line, "INVITE sip:user@example.com SIP/2.0  ", Fault::kBadRequestLine),
      changed("badvers", line, "INVITE sip:user@example.com SIP/7.0", Fault::kBadVersion),
      changed("method with a slash", line, "IN/VITE sip:user@example.com SIP/2.0", Fault::kBadMethod),
      changed("no Request-URI scheme", line, "INVITE user@example.com SIP/2.0", Fault::kBadRequestUri),
      changed("http", line, "GET / HTTP/1.1", Fault::kUnreadable),
      changed("no version", line, "INVITE sip:user@example.com", Fault::kUnreadable),
      changed("a word", line, "hello", Fault::kUnreadable),
      changed("bigcode", line, "SIP/2.0 4294967301 better not break the receiver", Fault::kBadStatusLine),
      changed("status 099", line, "SIP/2.0 099 x", Fault::kBadStatusLine),
      changed("status 700", line, "SIP/2.0 700 x", Fault::kBadStatusLine),
      changed("status of two digits", line, "SIP/2.0 20 x", Fault::kBadStatusLine),
      changed("no status", line, "SIP/2.0", Fault::kBadStatusLine),
      changed("response of version 3", line, "SIP/3.0 200 OK", Fault::kBadVersion),
  };
}

std::vector<TortureMessage> section_faults() {
  const std::string_view length = "Content-Length: 5\r\n";
  std::string many;
  for (int i = 0; i < 300; ++i) many += "X: y\r\n";
  return {
      changed("clerr", length, "Content-Length: 9999\r\n", Fault::kContentLengthTooLarge),
      changed("ncl", length, "Content-Length: -999\r\n", Fault::kBadContentLength),
      changed("Content-Length beyond 2^32", length, "l: 4294967301\r\n", Fault::kBadContentLength),
      changed("empty Content-Length", length, "Content-Length:\r\n", Fault::kBadContentLength),
      changed("mcl01", length, "Content-Length: 5\r\nContent-Length: 3\r\n", Fault::kMultipleContentLength),
      changed("badinv01 header without a name", length, ": x\r\nl: 5\r\n", Fault::kBadHeaderLine),
      changed("line without a colon", length, "nothing here\r\nl: 5\r\n", Fault::kBadHeaderLine),
      changed("space in a header name", length, "X Y: z\r\nl: 5\r\n", Fault::kBadHeaderLine),
      changed("no empty line", "\r\n\r\nhello\r\n", "\r\n", Fault::kHeadersNotEnded),
      changed("too many headers", length, many, Fault::kTooManyHeaders),
      changed("too large", "hello", std::string(kMessageBytesMax, 'x'), Fault::kMessageTooLarge),
  };
}

std::vector<TortureMessage> header_faults() {
  const std::string_view via = "Via: SIP/2.0/UDP 192.0.2.15;branch=z9hG4bKkdjuw\r\n";
  const std::string_view from = "From: \"J. Caller\" <sip:caller@example.net>;tag=242etr\r\n";
  const std::string_view to = "To: sip:j.user@example.com\r\n";
  const std::string_view call_id = "Call-ID: invut.0ha0isndaksdj\r\n";
  const std::string_view cseq = "CSeq: 8 INVITE\r\n";
  const std::string_view hops = "Max-Forwards: 70\r\n";
  return {
      changed("missing Via", via, "", Fault::kMissingVia),
      changed("Via with a stray semicolon list", via, "Via: ;;,;,,\r\n", Fault::kBadVia),
      changed("empty Via", via, "Via:\r\n", Fault::kBadVia),
      changed("insuf", from, "", Fault::kMissingFrom),
      changed("quotbal in From", from, "From: \"J. Caller <sip:caller@example.net>;tag=242etr\r\n",
              Fault::kBadFrom),
      changed("baddn", from, "From: Bell, Alexander <sip:a.g.bell@example.com>;tag=43\r\n", Fault::kBadFrom),
      changed("multi01 From", from, "f: <sip:a@b>\r\nFrom: <sip:a@b>\r\n", Fault::kMultipleFrom),
      changed("missing To", to, "", Fault::kMissingTo),
      changed("quotbal", to, "To: \"Mr. J. User <sip:j.user@example.com>\r\n", Fault::kBadTo),
      changed("badaspec", to, "To: \"Watson, Thomas\" < sip:t.watson@example.org >\r\n", Fault::kBadTo),
      changed("multi01 To", to, "To: <sip:a@b>\r\nTo: <sip:a@c>\r\n", Fault::kMultipleTo),
      changed("missing Call-ID", call_id, "", Fault::kMissingCallId),
      changed("empty Call-ID", call_id, "Call-ID:\r\n", Fault::kBadCallId),
      changed("space in Call-ID", call_id, "Call-ID: a b\r\n", Fault::kBadCallId),
      changed("multi01 Call-ID", call_id, "Call-ID: a\r\ni: a\r\n", Fault::kMultipleCallId),
      changed("missing CSeq", cseq, "", Fault::kMissingCSeq),
      changed("scalar02", cseq, "CSeq: 36893488147419103232 INVITE\r\n", Fault::kBadCSeq),
      changed("CSeq of 2^31", cseq, "CSeq: 2147483648 INVITE\r\n", Fault::kBadCSeq),
      changed("CSeq without method", cseq, "CSeq: 8\r\n", Fault::kBadCSeq),
      changed("CSeq without number", cseq, "CSeq: INVITE\r\n", Fault::kBadCSeq),
      changed("multi01 CSeq", cseq, "CSeq: 8 INVITE\r\nCSeq: 59 INVITE\r\n", Fault::kMultipleCSeq),
      changed("mismatch01", cseq, "CSeq: 8 NOTIFY\r\n", Fault::kCSeqMethodMismatch),
      changed("mismatch by case", cseq, "CSeq: 8 invite\r\n", Fault::kCSeqMethodMismatch),
      changed("scalar02 Max-Forwards", hops, "Max-Forwards: 300\r\n", Fault::kBadMaxForwards),
      changed("negative Max-Forwards", hops, "Max-Forwards: -1\r\n", Fault::kBadMaxForwards),
      changed("multi01 Max-Forwards", hops, "Max-Forwards: 1\r\nMax-Forwards: 2\r\n",
              Fault::kMultipleMaxForwards),
  };
}

}  // namespace

std::vector<TortureMessage> invalid_torture_messages() {
  std::vector<TortureMessage> all = start_line_faults();
  for (const auto& part : {section_faults(), header_faults()})
    all.insert(all.end(), part.begin(), part.end());
  return all;
}

}  // namespace lockstep::sip
