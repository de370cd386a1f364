// preprocessor_test.cc: directives, includes, defines.
#include "core/script/preprocessor.h"

#include <cppunit/extensions/HelperMacros.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace lockstep::script {
namespace {

struct Preprocessed {
  std::string text;  // Tokens separated by blanks.
  std::string mistakes;
};

Preprocessed preprocess_text(std::string text, const LoadOptions& options = {}, std::string name = "t.cfg") {
  auto sources = std::make_shared<SourceSet>();
  Diagnostics diagnostics(sources);
  sources->add(std::move(name), std::move(text));
  const TokenStream stream = preprocess(*sources, 0, options, diagnostics);
  Preprocessed out;
  for (const Token& token : stream.tokens) {
    if (token.kind == TokenKind::kEnd) break;
    if (!out.text.empty()) out.text += ' ';
    out.text +=
        token.kind == TokenKind::kString ? "'" + std::string(token.text) + "'" : std::string(token.raw);
  }
  out.mistakes = diagnostics.render();
  return out;
}

// A folder of its own, gone at the end.
class Folder {
 public:
  Folder() {
    char name[] = "/tmp/lockstep-script-XXXXXX";
    CPPUNIT_ASSERT(mkdtemp(name) != nullptr);
    path_ = name;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(path_ + "/" + name).parent_path());
    std::ofstream(path_ + "/" + name) << text;
    return path_ + "/" + name;
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

class PreprocessorTest : public CPPUNIT_NS::TestFixture {
  CPPUNIT_TEST_SUITE(PreprocessorTest);
  CPPUNIT_TEST(puts_defines_in_place_of_whole_words_only);
  CPPUNIT_TEST(keeps_first_value_and_trydef_yields);
  CPPUNIT_TEST(chooses_branches_and_skips_raw);
  CPPUNIT_TEST(command_line_defines_come_first);
  CPPUNIT_TEST(header_line_and_comments_ask_for_nothing);
  CPPUNIT_TEST(reports_unbalanced_conditions);
  CPPUNIT_TEST(includes_beside_the_including_file_and_imports_silently);
  CPPUNIT_TEST(current_directory_wins_over_the_including_folder);
  CPPUNIT_TEST(endless_include_is_stopped);
  CPPUNIT_TEST(substitutes_in_strings);
  CPPUNIT_TEST(byte_order_marks_of_editors_are_skipped);
  CPPUNIT_TEST_SUITE_END();

 public:
  void puts_defines_in_place_of_whole_words_only() {
    CPPUNIT_ASSERT_EQUAL(std::string("a = 5 ; XY 'X'"), preprocess_text("#!define X 5\na=X; XY \"X\"").text);
    CPPUNIT_ASSERT_EQUAL(std::string("1 + 2 z"),
                         preprocess_text("#!define B 1 \\\n + 2\n#!define A B # comment\nA z").text);
    CPPUNIT_ASSERT_EQUAL(std::string("A"), preprocess_text("#!define A B\n#!define B A\nA").text);
    CPPUNIT_ASSERT_EQUAL(std::string("udp : 127.0.0.1 : 5060"),
                         preprocess_text("#!define IP 127.0.0.1\nudp:IP:5060").text);
    CPPUNIT_ASSERT_EQUAL(std::string("x"), preprocess_text("#!define E\nx E").text);
  }

  void keeps_first_value_and_trydef_yields() {
    CPPUNIT_ASSERT_EQUAL(std::string("1"), preprocess_text("#!define A 1\n#!trydef A 2\nA").text);
    CPPUNIT_ASSERT_EQUAL(std::string("2"), preprocess_text("#!trydef A 2\nA").text);
    CPPUNIT_ASSERT_EQUAL(std::string("3"), preprocess_text("#!define A 1\n#!redefine A 3\nA").text);
    CPPUNIT_ASSERT_EQUAL(std::string("A"), preprocess_text("#!define A 1\n#!undef A\nA").text);
    const Preprocessed twice = preprocess_text("#!define A 1\n#!define A 2\nA");
    CPPUNIT_ASSERT_EQUAL(std::string("1"), twice.text);
    CPPUNIT_ASSERT(twice.mistakes.starts_with("t.cfg:2:1: warning: 'A' is defined already"));
  }

  void chooses_branches_and_skips_raw() {
    CPPUNIT_ASSERT_EQUAL(std::string("b d"), preprocess_text("#!ifdef X\na\n#!else\nb\n#!endif\n"
                                                             "#!ifndef X\nd\n#!else\ne\n#!endif")
                                                 .text);
    CPPUNIT_ASSERT_EQUAL(
        std::string("1 3 4 end"),
        preprocess_text("#!define A\n#!ifdef A\n1\n#!ifdef B\n2\n#!ifdef A\nx\n#!endif\n#!else\n3\n"
                        "#!endif\n4\n#!else\n5\n#!endif\nend")
            .text);
    // What does not lex does not matter in a branch that is not taken.
    const Preprocessed raw = preprocess_text("#!ifdef NO\nCREATE TABLE `x` \"unclosed /* \\ ' \n#!endif\nok");
    CPPUNIT_ASSERT_EQUAL(std::string("ok"), raw.text);
    CPPUNIT_ASSERT_EQUAL(std::string(), raw.mistakes);
    CPPUNIT_ASSERT_EQUAL(std::string("a"), preprocess_text("!!ifdef X\n!!else\na\n!!endif").text);
  }

  void command_line_defines_come_first() {
    LoadOptions options;
    options.defines = {parse_define_option("WITH_X"), parse_define_option("DBURL=\"sqlite:///x=y\"")};
    CPPUNIT_ASSERT_EQUAL(
        std::string("yes 'sqlite:///x=y'"),
        preprocess_text("#!ifdef WITH_X\nyes\n#!endif\n#!trydef DBURL 1\nDBURL", options).text);
  }

  void header_line_and_comments_ask_for_nothing() {
    const Preprocessed header = preprocess_text("#!KAMAILIO\n#!/usr/sbin/x\n#!MAXCOMPAT\n# plain\na");
    CPPUNIT_ASSERT_EQUAL(std::string("a"), header.text);
    CPPUNIT_ASSERT_EQUAL(std::string(), header.mistakes);
    const Preprocessed slip = preprocess_text("#!defin A 1\n");
    CPPUNIT_ASSERT_EQUAL(std::string("t.cfg:1:1: warning: unknown directive #!defin, taken as a comment\n"
                                     "    #!defin A 1\n"
                                     "    ^\n"
                                     "    did you mean 'define'?\n"),
                         slip.mistakes);
  }

  void reports_unbalanced_conditions() {
    CPPUNIT_ASSERT(preprocess_text("a\n#!ifdef X\nb")
                       .mistakes.starts_with("t.cfg:2:1: error: this condition is never closed"));
    CPPUNIT_ASSERT(
        preprocess_text("#!endif").mistakes.starts_with("t.cfg:1:1: error: #!endif without #!ifdef"));
    CPPUNIT_ASSERT(
        preprocess_text("#!else").mistakes.starts_with("t.cfg:1:1: error: #!else without #!ifdef"));
  }

  void includes_beside_the_including_file_and_imports_silently() {
    const Folder folder;
    folder.write("sub/one.cfg", "one\ninclude_file \"two.cfg\"\n");
    folder.write("sub/two.cfg", "two #!define X 7\n");
    const Preprocessed out = preprocess_text(
        "a include_file \"sub/one.cfg\" b\nimport_file \"missing.cfg\"\n#!import_file \"sub/two.cfg\"\nX", {},
        folder.path() + "/main.cfg");
    CPPUNIT_ASSERT_EQUAL(std::string(), out.mistakes);
    CPPUNIT_ASSERT_EQUAL(std::string("a one two b two 7"), out.text);
    const Preprocessed missing =
        preprocess_text("include_file \"missing.cfg\"", {}, folder.path() + "/main.cfg");
    CPPUNIT_ASSERT(missing.mistakes.find("error: cannot read the file 'missing.cfg'") != std::string::npos);
  }

  void current_directory_wins_over_the_including_folder() {
    const Folder folder;
    folder.write("etc/local.cfg", "beside");
    folder.write("cwd/local.cfg", "current");
    const std::filesystem::path before = std::filesystem::current_path();
    std::filesystem::current_path(folder.path() + "/cwd");
    const Preprocessed out =
        preprocess_text("include_file \"local.cfg\"", {}, folder.path() + "/etc/main.cfg");
    std::filesystem::current_path(before);
    CPPUNIT_ASSERT_EQUAL(std::string("current"), out.text);
  }

  void endless_include_is_stopped() {
    const Folder folder;
    const std::string path = folder.write("self.cfg", "include_file \"self.cfg\"\n");
    const Preprocessed out = preprocess_text("include_file \"self.cfg\"\n", {}, folder.path() + "/main.cfg");
    CPPUNIT_ASSERT(out.mistakes.find("files include each other more than 10 deep") != std::string::npos);
  }

  void substitutes_in_strings() {
    CPPUNIT_ASSERT_EQUAL(std::string("'ad' abc"), preprocess_text("#!subst \"/b(c)/d/\"\n\"abc\" abc").text);
    CPPUNIT_ASSERT_EQUAL(std::string("'10.0.0.1:5060' 10.0.0.1"),
                         preprocess_text("#!substdef \"!MY_IP!10.0.0.1!g\"\n\"MY_IP:5060\" MY_IP").text);
    CPPUNIT_ASSERT_EQUAL(std::string("'x x'"), preprocess_text("#!subst \"/O/x/gi\"\n\"o O\"").text);
    CPPUNIT_ASSERT_EQUAL(std::string("'<ab>'"),
                         preprocess_text("#!subst \"/(a)(b)/<\\1\\2>/\"\n\"ab\"").text);
  }

  void byte_order_marks_of_editors_are_skipped() {
    const Folder folder;
    folder.write("b.cfg",
                 "\xef\xbb\xbf"
                 "b=2\n");
    const std::string path =
        folder.write("a.cfg", "\xef\xbb\xbf#!KAMAILIO\na=1\ninclude_file \"b.cfg\"\nc?\n");
    Diagnostics diagnostics;
    const ConfigTree tree = load_file(path, {}, diagnostics);
    CPPUNIT_ASSERT_EQUAL_MESSAGE(diagnostics.render(), std::size_t{2}, tree.items.size());
    CPPUNIT_ASSERT_EQUAL(std::string("b"), tree.items[1].name);
    CPPUNIT_ASSERT_EQUAL(std::string("#!KAMAILIO"), std::string(tree.sources->line({0, 1, 1})));
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(PreprocessorTest);

}  // namespace
}  // namespace lockstep::script
