// edit_test.cc: the edit list against naive string editing, and the edits of a proxy on a message.
#include "core/sip/edit.h"

#include <algorithm>
#include <array>
#include <random>
#include <vector>

#include "core/sip/message_edit.h"
#include "test/unit/core/sip/sip_test.h"

namespace lockstep::sip {
namespace {

std::string gathered(std::string_view bytes, const EditList& edits) {
  std::string out(gathered_size(bytes, edits), '\0');
  const std::size_t size = gather(bytes, edits, out);
  CPPUNIT_ASSERT_EQUAL(out.size(), size);
  return out;
}

std::string gathered(const Message& message, const EditList& edits) {
  return gathered(message.bytes(), edits);
}

// The oracle: one cell per byte, with the texts that stand before it and whether it was removed.
class NaiveText {
 public:
  explicit NaiveText(std::string_view bytes)
      : bytes_(bytes), before_(bytes.size() + 1), removed_(bytes.size()) {}
  void insert(std::size_t offset, std::string_view text) { before_[offset] += text; }
  void remove(std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) removed_[i] = true;
  }
  bool is_removed(std::size_t begin, std::size_t end) const {
    for (std::size_t i = begin; i < end; ++i) {
      if (!removed_[i]) return false;
    }
    return true;
  }
  std::string text() const {
    std::string result;
    for (std::size_t i = 0; i < bytes_.size(); ++i) {
      result += before_[i];
      if (!removed_[i]) result += bytes_[i];
    }
    return result + before_[bytes_.size()];
  }

 private:
  std::string bytes_;
  std::vector<std::string> before_;
  std::vector<bool> removed_;
};

// A message with these header lines.
Parsed request(std::initializer_list<std::string_view> headers, std::string_view body = {}) {
  return Parsed("OPTIONS sip:a SIP/2.0\r\n" + lines(headers) + "\r\n" + str(body));
}

// The header lines after an edit, without start line, empty line and body.
std::string headers_after(const Message& message, const EditList& edits) {
  const std::string text = gathered(message, edits);
  const std::size_t begin = text.find("\r\n") + 2;
  return text.substr(begin, text.find("\r\n\r\n") + 2 - begin);
}

}  // namespace

class EditTest : public CPPUNIT_NS::TestFixture {
  CPPUNIT_TEST_SUITE(EditTest);
  CPPUNIT_TEST(gather_equals_naive_editing);
  CPPUNIT_TEST(inserts_at_one_offset_keep_their_order);
  CPPUNIT_TEST(overlapping_removals_remove_each_byte_once);
  CPPUNIT_TEST(a_full_list_refuses_and_stays);
  CPPUNIT_TEST(too_small_a_place_gives_zero);
  CPPUNIT_TEST(any_order_of_removed_values_leaves_a_clean_list);
  CPPUNIT_TEST(lines_are_inserted_where_they_belong);
  CPPUNIT_TEST(fields_are_removed_whole);
  CPPUNIT_TEST(fields_that_stand_together_are_one_edit);
  CPPUNIT_TEST(request_uri_and_max_forwards_are_set);
  CPPUNIT_TEST(a_body_is_replaced_with_its_headers);
  CPPUNIT_TEST(the_top_via_is_completed);
  CPPUNIT_TEST(a_full_arena_changes_nothing);
  CPPUNIT_TEST_SUITE_END();

  void gather_equals_naive_editing() {
    std::mt19937 random(20370);
    const std::string_view bytes = "0123456789abcdefghijklmnopqrstuvwxyz";
    const std::vector<std::string> texts = {"A", "BC", "<DEF>", ""};
    const auto below = [&random](std::size_t bound) { return std::size_t{random()} % bound; };
    for (int round = 0; round < 2000; ++round) {
      EditList edits;
      NaiveText naive(bytes);
      for (std::size_t n = below(20); n > 0; --n) {
        const std::size_t begin = below(bytes.size() + 1);
        const std::size_t end = begin + below(bytes.size() + 1 - begin);
        const std::string& text = texts[below(texts.size())];
        const std::size_t kind = below(3);
        if (kind == 0) CPPUNIT_ASSERT(edits.insert(begin, text));
        if (kind == 1) CPPUNIT_ASSERT(edits.remove(begin, end));
        if (kind == 2) CPPUNIT_ASSERT(edits.replace(begin, end, text));
        if (kind != 1) naive.insert(begin, text);
        if (kind != 0) naive.remove(begin, end);
        CPPUNIT_ASSERT_EQUAL(naive.is_removed(begin, end), edits.is_removed(begin, end));
      }
      const EditList copied(edits);
      CPPUNIT_ASSERT_EQUAL(naive.text(), gathered(bytes, copied));
    }
  }

  void inserts_at_one_offset_keep_their_order() {
    EditList edits;
    CPPUNIT_ASSERT(edits.insert(3, "one") && edits.insert(0, "zero") && edits.insert(3, "two") &&
                   edits.remove(2, 4) && edits.insert(3, "three"));
    CPPUNIT_ASSERT_EQUAL(str("zeroabonetwothreee"), gathered("abcde", edits));
  }

  void overlapping_removals_remove_each_byte_once() {
    EditList edits;
    CPPUNIT_ASSERT(edits.remove(1, 4) && edits.remove(3, 6) && edits.remove(1, 2) &&
                   edits.replace(6, 7, "X"));
    CPPUNIT_ASSERT_EQUAL(str("0X7"), gathered("01234567", edits));
    CPPUNIT_ASSERT(edits.is_removed(1, 7));
    CPPUNIT_ASSERT(!edits.is_removed(0, 7));
  }

  void a_full_list_refuses_and_stays() {
    EditList edits;
    for (std::size_t i = 0; i < kEditMax; ++i) CPPUNIT_ASSERT(edits.insert(0, "x"));
    CPPUNIT_ASSERT(!edits.has_room(1));
    CPPUNIT_ASSERT(!edits.insert(0, "y") && !edits.remove(0, 1) && !edits.replace(0, 1, "z"));
    CPPUNIT_ASSERT_EQUAL(std::string(kEditMax, 'x') + "ab", gathered("ab", edits));
    edits.clear();
    CPPUNIT_ASSERT(edits.empty());
    CPPUNIT_ASSERT_EQUAL(str("ab"), gathered("ab", edits));
  }

  void too_small_a_place_gives_zero() {
    EditList edits;
    std::array<char, 4> out;
    CPPUNIT_ASSERT(edits.insert(1, "xyz"));
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, gather("ab", edits, out));
    CPPUNIT_ASSERT_EQUAL(std::size_t{4}, gather("a", edits, out));
  }

  // All orders of removing any of four values on two lines.
  void any_order_of_removed_values_leaves_a_clean_list() {
    const Parsed message = request({"Route: <sip:a,x>, <sip:b>;p=\",\" ,<sip:c>", "X: y", "Route: <sip:d>"});
    std::vector<HeaderValue> values;
    for (const HeaderValue& value : message->values(HeaderId::kRoute)) values.push_back(value);
    std::vector<std::size_t> order = {0, 1, 2, 3};
    do {
      EditList edits;
      std::vector<bool> is_gone(4);
      for (std::size_t i : order) {
        CPPUNIT_ASSERT(remove_value(edits, *message, values[i]));
        is_gone[i] = true;
        std::string kept;
        for (std::size_t k = 0; k < 4; ++k) {
          if (!is_gone[k]) kept += str(values[k].text) + "\n";
        }
        const Parsed after(gathered(*message, edits));
        std::string left;
        for (const HeaderValue& value : after->values(HeaderId::kRoute)) left += str(value.text) + "\n";
        CPPUNIT_ASSERT_EQUAL(kept, left);
        const std::size_t lines_left =
            (is_gone[0] && is_gone[1] && is_gone[2] ? 0u : 1u) + (is_gone[3] ? 0u : 1u);
        CPPUNIT_ASSERT_EQUAL(lines_left, after->count(HeaderId::kRoute));
        for (const HeaderField& field : after->fields(HeaderId::kRoute)) {
          CPPUNIT_ASSERT(field.value.front() != ',' && field.value.back() != ',');
        }
      }
      CPPUNIT_ASSERT_EQUAL(str("X: y\r\n"), headers_after(*message, edits));
    } while (std::next_permutation(order.begin(), order.end()));
  }

  void lines_are_inserted_where_they_belong() {
    const Parsed message = request({"X: 1", "Via: a", "Via: b", "Y: 2"}, "body");
    EditList edits;
    Arena arena(256);
    CPPUNIT_ASSERT(remove_first_value(edits, *message, HeaderId::kVia));
    CPPUNIT_ASSERT(insert_before_first(edits, *message, HeaderId::kVia, "Via: new\r\n"));
    CPPUNIT_ASSERT(insert_before_first(edits, *message, HeaderId::kRecordRoute, "Record-Route: r\r\n"));
    CPPUNIT_ASSERT(insert_after_last(edits, *message, HeaderId::kVia, "V: last\r\n"));
    CPPUNIT_ASSERT(append_line(edits, *message, "Z: 3\r\n"));
    CPPUNIT_ASSERT(append_header(edits, *message, "W", "4", arena));
    CPPUNIT_ASSERT_EQUAL(lines({"OPTIONS sip:a SIP/2.0", "Record-Route: r", "X: 1", "Via: new", "Via: b",
                                "V: last", "Y: 2", "Z: 3", "W: 4", ""}) +
                             "body",
                         gathered(*message, edits));
  }

  void fields_are_removed_whole() {
    const Parsed message = request({"X: 1", "Route: <a>,", " <b>", "x: 2", "Route: <c>", "Y: 2"});
    EditList edits;
    CPPUNIT_ASSERT(remove_all_fields(edits, *message, HeaderId::kRoute));
    CPPUNIT_ASSERT(remove_field(edits, *message, *message->first("Y")));
    CPPUNIT_ASSERT_EQUAL(lines({"X: 1", "x: 2"}), headers_after(*message, edits));
  }

  // A route set may be longer than the list of edits.
  void fields_that_stand_together_are_one_edit() {
    std::string headers;
    for (int i = 0; i <= 200; ++i) headers += i == 150 ? "X: 1\r\n" : "Route: <sip:a;lr>\r\n";
    const Parsed message("OPTIONS sip:a SIP/2.0\r\n" + headers + "\r\n");
    EditList edits;
    for (const HeaderField& field : message->fields(HeaderId::kRoute))
      CPPUNIT_ASSERT(remove_field(edits, *message, field));
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, edits.size());
    CPPUNIT_ASSERT_EQUAL(lines({"X: 1"}), headers_after(*message, edits));
    const HeaderField& last = message->fields()[200];
    CPPUNIT_ASSERT(edits.is_removed(last.line_begin, last.line_end));
    // What is put between them survives, before and afterwards.
    edits.clear();
    const HeaderField& first = message->fields()[0];
    const HeaderField& second = message->fields()[1];
    CPPUNIT_ASSERT(edits.remove(first.line_begin, first.line_end));
    CPPUNIT_ASSERT(edits.insert(second.line_begin, "Y: 2\r\n"));
    CPPUNIT_ASSERT(edits.remove(second.line_begin, second.line_end));
    CPPUNIT_ASSERT(edits.remove(message->fields()[2].line_begin, message->fields()[2].line_end));
    CPPUNIT_ASSERT(edits.insert(second.line_end, "Z: 3\r\n"));
    CPPUNIT_ASSERT(headers_after(*message, edits).starts_with("Y: 2\r\nZ: 3\r\nRoute: <sip:a;lr>"));
  }

  void request_uri_and_max_forwards_are_set() {
    Arena arena(256);
    const Parsed with = request({"Max-Forwards:   70  ", "X: 1"});
    EditList edits;
    CPPUNIT_ASSERT(replace_request_uri(edits, *with, "sip:b@c"));
    CPPUNIT_ASSERT(set_max_forwards(edits, *with, 69, arena));
    CPPUNIT_ASSERT_EQUAL(lines({"OPTIONS sip:b@c SIP/2.0", "Max-Forwards:   69  ", "X: 1", ""}),
                         gathered(*with, edits));
    const Parsed without = request({"X: 1"});
    edits.clear();
    CPPUNIT_ASSERT(set_max_forwards(edits, *without, 70, arena));
    CPPUNIT_ASSERT_EQUAL(lines({"X: 1", "Max-Forwards: 70"}), headers_after(*without, edits));
    const Parsed empty = request({"Max-Forwards:", "X: 1"});
    edits.clear();
    CPPUNIT_ASSERT(set_max_forwards(edits, *empty, 5, arena));
    CPPUNIT_ASSERT_EQUAL(lines({"Max-Forwards:5", "X: 1"}), headers_after(*empty, edits));
  }

  void a_body_is_replaced_with_its_headers() {
    Arena arena(256);
    const Parsed with = request({"c: text/plain", "l: 3", "X: 1"}, "old");
    EditList edits;
    CPPUNIT_ASSERT(replace_body(edits, *with, "newer", "application/sdp", arena));
    CPPUNIT_ASSERT_EQUAL(lines({"OPTIONS sip:a SIP/2.0", "c: application/sdp", "l: 5", "X: 1", ""}) + "newer",
                         gathered(*with, edits));
    const Parsed without = request({"X: 1"});
    edits.clear();
    CPPUNIT_ASSERT(replace_body(edits, *without, "v=0", "application/sdp", arena));
    CPPUNIT_ASSERT_EQUAL(
        lines({"OPTIONS sip:a SIP/2.0", "X: 1", "Content-Type: application/sdp", "Content-Length: 3", ""}) +
            "v=0",
        gathered(*without, edits));
    edits.clear();
    CPPUNIT_ASSERT(replace_body(edits, *with, "", "", arena));
    CPPUNIT_ASSERT_EQUAL(lines({"OPTIONS sip:a SIP/2.0", "c: text/plain", "l: 0", "X: 1", ""}),
                         gathered(*with, edits));
  }

  static std::string completed(std::string_view via, bool force_rport = false) {
    Arena arena(256);
    const Parsed message = request({"Via: " + str(via)});
    EditList edits;
    CPPUNIT_ASSERT(complete_top_via(edits, *message, {"10.0.0.9", 1025}, force_rport, arena));
    return headers_after(*message, edits);
  }

  void the_top_via_is_completed() {
    CPPUNIT_ASSERT_EQUAL(lines({"Via: SIP/2.0/UDP 10.0.0.9:7;branch=b"}),
                         completed("SIP/2.0/UDP 10.0.0.9:7;branch=b"));
    CPPUNIT_ASSERT_EQUAL(lines({"Via: SIP/2.0/UDP h;branch=b;received=10.0.0.9"}),
                         completed("SIP/2.0/UDP h;branch=b"));
    CPPUNIT_ASSERT_EQUAL(lines({"Via: SIP/2.0/UDP h;rport=1025;branch=b;received=10.0.0.9"}),
                         completed("SIP/2.0/UDP h;rport;branch=b"));
    CPPUNIT_ASSERT_EQUAL(
        lines({"Via: SIP/2.0/UDP 10.0.0.9;rport=1025;received=10.0.0.9, SIP/2.0/UDP g;rport"}),
        completed("SIP/2.0/UDP 10.0.0.9;rport = 5, SIP/2.0/UDP g;rport"));
    CPPUNIT_ASSERT_EQUAL(lines({"Via: SIP/2.0/UDP h;received=10.0.0.9;rport=1025"}),
                         completed("SIP/2.0/UDP h;received=6.6.6.6;rport=666"));
    CPPUNIT_ASSERT_EQUAL(lines({"Via: SIP/2.0/UDP 10.0.0.9;rport=1025;received=10.0.0.9"}),
                         completed("SIP/2.0/UDP 10.0.0.9", true));
    CPPUNIT_ASSERT_EQUAL(lines({"Via: no via at all"}), completed("no via at all"));
  }

  void a_full_arena_changes_nothing() {
    Arena arena(4);
    const Parsed message = request({"Via: SIP/2.0/UDP h"}, "x");
    EditList edits;
    CPPUNIT_ASSERT(!complete_top_via(edits, *message, {"10.0.0.9", 1025}, false, arena));
    CPPUNIT_ASSERT(!append_header(edits, *message, "Name", "value", arena));
    CPPUNIT_ASSERT(!set_max_forwards(edits, *message, 70, arena));
    CPPUNIT_ASSERT(!replace_body(edits, *message, "b", "", arena));
    CPPUNIT_ASSERT(edits.empty());
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(EditTest);

}  // namespace lockstep::sip
