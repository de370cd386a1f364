// lexer_test.cc: tokens of every kind, escapes, comments.
#include "core/script/lexer.h"

#include <cppunit/extensions/HelperMacros.h>
#include <fmt/core.h>

#include <deque>
#include <string>
#include <utility>

namespace lockstep::script {
namespace {

std::string_view label_of(TokenKind kind) {
  static constexpr std::pair<TokenKind, std::string_view> kLabels[] = {
      {TokenKind::kIdentifier, "word:"}, {TokenKind::kString, "string:"}, {TokenKind::kVariable, "variable:"},
      {TokenKind::kSelect, "select:"},   {TokenKind::kIpv4, "ipv4:"},     {TokenKind::kIpv6, "ipv6:"}};
  for (const auto& [labelled, label] : kLabels) {
    if (labelled == kind) return label;
  }
  return {};
}

// "kind:text" of all tokens, separated by blanks.
std::string lex(std::string_view text, std::string* mistakes = nullptr) {
  Diagnostics diagnostics;
  std::deque<std::string> storage;
  LexerOutput output{storage, diagnostics};
  Cursor cursor(text, 0);
  std::string out;
  for (;;) {
    const Token token = scan_token(cursor, output);
    if (token.kind == TokenKind::kEnd) break;
    if (!out.empty()) out += ' ';
    if (token.kind == TokenKind::kNumber) {
      out += fmt::format("number:{}", token.number);
    } else {
      out += label_of(token.kind);
      out += token.text;
    }
  }
  if (mistakes != nullptr) *mistakes = diagnostics.render();
  return out;
}

class LexerTest : public CPPUNIT_NS::TestFixture {
  CPPUNIT_TEST_SUITE(LexerTest);
  CPPUNIT_TEST(knows_every_kind_of_token);
  CPPUNIT_TEST(resolves_escapes_and_keeps_other_backslashes);
  CPPUNIT_TEST(skips_comments_and_nests_block_comments);
  CPPUNIT_TEST(takes_a_variable_up_to_its_closing_parenthesis);
  CPPUNIT_TEST(tells_addresses_from_numbers_and_words);
  CPPUNIT_TEST(counts_lines_and_columns);
  CPPUNIT_TEST(reports_what_is_never_closed);
  CPPUNIT_TEST_SUITE_END();

 public:
  void knows_every_kind_of_token() {
    const struct {
      const char* text;
      const char* tokens;
    } kRows[] = {
        {"route[RELAY]", "word:route [ word:RELAY ]"},
        {"debug=-1", "word:debug = - number:1"},
        {"0x1F 017 101b 10 0", "number:31 number:15 number:5 number:10 number:0"},
        {"404handler", "word:404handler"},
        {"\"a\" 'b'", "string:a string:b"},
        {"== != =~ !~ = ! < <= << > >= >> && & || | ^ ~", "== != =~ !~ = ! < <= << > >= >> && & || | ^ ~"},
        {"+-*/(){}[],;:.%", "+ - * / ( ) { } [ ] , ; : . %"},
        {"@cfg_get.pstn.gw_ip==\"\"", "select:@cfg_get.pstn.gw_ip == string:"},
        {"$var(x)=$rc+1", "variable:$var(x) = variable:$rc + number:1"},
        {"msg:len>=max_len", "word:msg : word:len >= word:max_len"},
        {"event_route[tm:local-request]", "word:event_route [ word:tm : word:local - word:request ]"},
        {"", ""},
    };
    for (const auto& row : kRows) CPPUNIT_ASSERT_EQUAL(std::string(row.tokens), lex(row.text));
  }

  void resolves_escapes_and_keeps_other_backslashes() {
    CPPUNIT_ASSERT_EQUAL(std::string("string:a\nb\tc\"d\\e"), lex(R"("a\nb\tc\"d\\e")"));
    CPPUNIT_ASSERT_EQUAL(std::string("string:AA\a\r!"), lex(R"("\x41\101\a\r\x21")"));
    CPPUNIT_ASSERT_EQUAL(std::string("string:^(\\+|00)\\.\\d\\1"), lex(R"("^(\+|00)\.\d\1")"));
    CPPUNIT_ASSERT_EQUAL(std::string("string:ab"), lex("\"a\\\nb\""));
    CPPUNIT_ASSERT_EQUAL(std::string("string:a\nb"), lex("\"a\nb\""));
    CPPUNIT_ASSERT_EQUAL(std::string("string:a\\n"), lex(R"('a\n')"));
    CPPUNIT_ASSERT_EQUAL(std::string("string:a#b//c/*d"), lex("\"a#b//c/*d\""));
  }

  void skips_comments_and_nests_block_comments() {
    CPPUNIT_ASSERT_EQUAL(std::string("word:a word:b"), lex("a # x \"y\nb // z"));
    CPPUNIT_ASSERT_EQUAL(std::string("word:a word:b"), lex("a /* x /* y */ z */ b"));
    CPPUNIT_ASSERT_EQUAL(std::string("word:a"), lex("a #"));
  }

  void takes_a_variable_up_to_its_closing_parenthesis() {
    CPPUNIT_ASSERT_EQUAL(std::string("variable:$sht(a=>$(hdr(x)[0])) )"), lex("$sht(a=>$(hdr(x)[0])))"));
    CPPUNIT_ASSERT_EQUAL(std::string("variable:$(ru{s.select,1,:}) word:x"), lex("$(ru{s.select,1,:}) x"));
    CPPUNIT_ASSERT_EQUAL(std::string("variable:$? variable:$T_branch_idx ;"), lex("$? $T_branch_idx;"));
  }

  void tells_addresses_from_numbers_and_words() {
    CPPUNIT_ASSERT_EQUAL(std::string("ipv4:10.0.0.0 / number:8"), lex("10.0.0.0/8"));
    CPPUNIT_ASSERT_EQUAL(std::string("word:udp : ipv4:127.0.0.1 : number:5060"), lex("udp:127.0.0.1:5060"));
    CPPUNIT_ASSERT_EQUAL(std::string("[ ipv6:2001:db8::1 ] : number:5060"), lex("[2001:db8::1]:5060"));
    CPPUNIT_ASSERT_EQUAL(std::string("ipv6:::1"), lex("::1"));
    CPPUNIT_ASSERT_EQUAL(std::string("word:case number:1 : word:f ( )"), lex("case 1:f()"));
    CPPUNIT_ASSERT_EQUAL(std::string("number:300 . number:1 . number:1 . number:1"), lex("300.1.1.1"));
    CPPUNIT_ASSERT_EQUAL(std::string("word:bad : word:add"), lex("bad:add"));
  }

  void counts_lines_and_columns() {
    Diagnostics diagnostics;
    std::deque<std::string> storage;
    LexerOutput output{storage, diagnostics};
    Cursor cursor("a\n  /* x\n */ bc", 3);
    scan_token(cursor, output);
    const Token token = scan_token(cursor, output);
    CPPUNIT_ASSERT_EQUAL(3u, token.location.file);
    CPPUNIT_ASSERT_EQUAL(3u, token.location.line);
    CPPUNIT_ASSERT_EQUAL(5u, token.location.column);
    CPPUNIT_ASSERT(token.space_before);
  }

  void reports_what_is_never_closed() {
    std::string mistakes;
    lex("\"abc", &mistakes);
    CPPUNIT_ASSERT_EQUAL(std::string("error: this string is never closed\n"), mistakes);
    lex("/* abc", &mistakes);
    CPPUNIT_ASSERT_EQUAL(std::string("error: this comment is never closed\n"
                                     "    block comments nest: each /* needs its own */\n"),
                         mistakes);
    lex("$var(x\n", &mistakes);
    CPPUNIT_ASSERT_EQUAL(std::string("error: this variable is never closed; a ')' is missing\n"), mistakes);
    lex("99999999999999999999", &mistakes);
    CPPUNIT_ASSERT_EQUAL(std::string("error: the number 99999999999999999999 is too large\n"), mistakes);
    lex("a \\ b", &mistakes);
    CPPUNIT_ASSERT_EQUAL(std::string("error: '\\' has no meaning here\n"), mistakes);
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(LexerTest);

}  // namespace
}  // namespace lockstep::script
