// SPDX-License-Identifier: BSL-1.0
#include "../pattern.hpp"

#include <re2/re2.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <variant>
#include <vector>

#include "catch.hpp"

using namespace std::string_literals;
using dgrep::line_view;
using dgrep::pattern;
using dgrep::pattern_options;
using dgrep::searcher;

namespace {

pattern compiled(const std::vector<std::string>& patterns, const pattern_options& options = {}) {
  auto made = pattern::compile(patterns, options);
  if (const auto* e = std::get_if<pattern::error>(&made)) FAIL("not compiled: " << e->text);
  return std::get<pattern>(std::move(made));
}

std::string refusal(const std::string& text, const pattern_options& options = {}) {
  auto made = pattern::compile({text}, options);
  const auto* const e = std::get_if<pattern::error>(&made);
  return e != nullptr ? e->text : "taken";
}

// The begins of the lines that match, each checked to be one.
std::vector<std::size_t> found_in(const char* begin, const char* end, searcher& s) {
  std::vector<std::size_t> all;
  for (const char* at = begin; at != end;) {
    const line_view line = s.next(at, end);
    if (!line) break;
    const bool is_line = line.begin >= at && line.end >= line.begin && line.end <= end &&
                         (line.begin == begin || line.begin[-1] == '\n') && line.begin != end &&
                         (line.end == end || *line.end == '\n') && std::find(line.begin, line.end, '\n') == line.end;
    if (!is_line) FAIL("not a line: from " << line.begin - begin << " to " << line.end - begin);
    all.push_back(static_cast<std::size_t>(line.begin - begin));
    at = line.end != end ? line.end + 1 : end;
  }
  return all;
}

std::vector<std::size_t> found_in(std::string_view text, const pattern& p) {
  searcher s(p);
  return found_in(text.data(), text.data() + text.size(), s);
}

// In buffers of whole lines, as from a file, with one searcher.
std::vector<std::size_t> found_in_parts(std::string_view text, const pattern& p, std::size_t part) {
  searcher s(p);
  std::vector<std::size_t> all;
  for (std::size_t begin = 0; begin != text.size();) {
    std::size_t end = std::min(begin + part, text.size());
    if (end != text.size()) end = std::min(text.find('\n', end - 1), text.size() - 1) + 1;
    for (const std::size_t at : found_in(text.data() + begin, text.data() + end, s)) all.push_back(begin + at);
    begin = end;
  }
  return all;
}

// What is to be found: each line is matched on its own, with each pattern on its own.
class reference {
 public:
  reference(const std::vector<std::string>& patterns, const pattern_options& o) {
    for (const std::string& p : patterns) {
      RE2::Options options;
      options.set_case_sensitive(!o.ignore_case);
      options.set_log_errors(false);
      const bool ascii = std::all_of(p.begin(), p.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
      options.set_encoding(ascii && p.find("\\p") == p.npos ? RE2::Options::EncodingLatin1
                                                            : RE2::Options::EncodingUTF8);
      std::string whole = o.fixed ? RE2::QuoteMeta(p) : p;
      if (!o.fixed && p == "\\Qa.b") whole += "\\E";
      if (o.whole_word) whole = "(?:^|\\W)(?:" + whole + ")(?:$|\\W)";
      all_.push_back(std::make_unique<RE2>(whole, options));
      if (!all_.back()->ok()) FAIL("the reference does not take " << whole);
    }
  }
  bool matches(std::string_view line) const {
    return std::any_of(all_.begin(), all_.end(), [&](const auto& r) {
      return RE2::PartialMatch(re2::StringPiece(line.data(), line.size()), *r);
    });
  }
  std::vector<std::size_t> found_in(std::string_view text) const {
    std::vector<std::size_t> all;
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = std::min(text.find('\n', begin), text.size());
      if (matches(text.substr(begin, end - begin))) all.push_back(begin);
      begin = end + 1;
    }
    return all;
  }

 private:
  std::vector<std::unique_ptr<RE2>> all_;
};

std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '\n' ? "\\n"s : c == '\0' ? "\\0"s : std::string(1, c);
  return out;
}

std::string described(const std::vector<std::string>& patterns, const pattern_options& o) {
  std::string out = (o.fixed ? "-F "s : ""s) + (o.ignore_case ? "-i " : "") + (o.whole_word ? "-w " : "") +
                    (o.portable ? "portable " : "");
  for (const std::string& p : patterns) out += "'" + printable(p) + "' ";
  return out;
}

void check(const std::vector<std::string>& patterns, pattern_options o, const std::vector<std::string>& texts) {
  const reference expected(patterns, o);
  for (const bool portable : {false, true}) {
    o.portable = portable;
    const pattern p = compiled(patterns, o);
    for (const std::string& text : texts) {
      const auto all = expected.found_in(text);
      for (const std::size_t part : {text.size(), std::size_t{1}, std::size_t{100}}) {
        const auto found = found_in_parts(text, p, part);
        if (found == all) continue;
        const auto& longer = found.size() < all.size() ? all : found;
        const auto differ = std::mismatch(found.begin(), found.end(), all.begin(), all.end());
        const std::size_t at =
            longer[std::min(static_cast<std::size_t>(differ.first - found.begin()), longer.size() - 1)];
        FAIL(described(patterns, o) << "finds " << found.size() << " lines instead of " << all.size()
                                    << ", the first at " << at << ": '"
                                    << printable(text.substr(at, text.find('\n', at) - at)) << "'");
      }
    }
  }
}

std::vector<pattern_options> all_options() {
  std::vector<pattern_options> all;
  for (unsigned bits = 0; bits != 8; ++bits) {
    pattern_options o;
    o.fixed = (bits & 1U) != 0;
    o.ignore_case = (bits & 2U) != 0;
    o.whole_word = (bits & 4U) != 0;
    all.push_back(o);
  }
  return all;
}

template <class T>
const T& one_of(const std::vector<T>& from, std::mt19937& random) {
  return from[random() % from.size()];
}

std::vector<std::string> random_texts(std::size_t number, std::size_t most_words, std::mt19937& random) {
  const std::vector<std::string> words{
      "a", "b",   "ab",    "abc", "foo", "Foo",    "FOO", "bar",    "foobar", "Error", "error:", "fail",
      "x", "_",   " ",     " ",   "-",   ".",      "\n",  "\n",     "\n\n",   "\r\n",  "\0"s,    "\xff",
      "é", "É",   "größe", "k",   "K",   "\u212a", "s",   "\u017f", "disk",   "DISK",  "12",     "007",
      "(", "a.b", "a|b",   "^",   "\t",  "needle", "Ned", "reboot", "\\"};
  std::vector<std::string> all;
  for (std::size_t i = 0; i != number; ++i) {
    std::string text;
    for (std::size_t n = random() % (most_words + 1); n != 0; --n) text += one_of(words, random);
    all.push_back(std::move(text));
  }
  return all;
}

const std::vector<std::vector<std::string>> various{
    {"foo"},
    {"a"},
    {"A"},
    {"."},
    {""},
    {"ab", "foo"},
    {"foo", "bar", "error"},
    {"needle"},
    {"foo|bar"},
    {"foo|"},
    {"a|b|c"},
    {"a\\.b"},
    {"a.b"},
    {"^"},
    {"$"},
    {"^$"},
    {"^foo"},
    {"foo$"},
    {"^foo$"},
    {"^$|foo"},
    {"a*"},
    {"fo+"},
    {"[a-c]+x"},
    {"[^a]"},
    {"[^a]b"},
    {"\\s"},
    {"\\sfoo"},
    {"foo\\s"},
    {"foo\\W"},
    {"\\W\\W"},
    {"\\bfoo\\b"},
    {"\\Bfoo"},
    {"(?s)a.b"},
    {"(?s)foo.*bar"},
    {"foo.*bar"},
    {"error.*(fail|disk|reboot)"},
    {"(?i)error.*(fail|disk|reboot)"},
    {"(?i)disk"},
    {"(?i:disk)s"},
    {"(?i)foo|(?-i)bar"},
    {"(foo|bar)+x?"},
    {"(?:err|Err)or"},
    {"[Ee]rror"},
    {"\\d{2,}"},
    {"x{0}"},
    {"foo", "^$"},
    {"foo.*", "b[a]r"},
    {"foo.*", ""},
    {"foo.*", "x"},
    {"\\x00"},
    {"\\r"},
    {"\\r$"},
    {"\\n"},
    {"a\\n*b"},
    {"\\Qa.b"},
    {"\\Qa|b\\E|foo"},
    {"\\Afoo"},
    {"foo\\z"},
    {"\\Afoo\\z"},
    {"(?-m)^foo"},
    {"(?-m:foo$)"},
    {"a\\C"},
    {"(?U)a+b"},
    {"("},
    {"\\"},
    {"["},
    {"a.b", "a|b"},
    {"(a)(b)?"},
    {"disk", "k", "s"},
    {"(?i)foobar", "foo"},
    {"(?i)foobar|x", "foo.*a"},
    {"fo+", "(?i)fo+"},
    {"[k]", "(?i:k)"},
    {"1|2|foo|bar|needle|reboot|fail|disk|x"},
};

}  // namespace

TEST_CASE("a line is found if and only if it matches on its own, whatever the options", "[dgrep][pattern]") {
  std::mt19937 random(1);
  const std::vector<std::string> texts = random_texts(400, 60, random);
  for (const auto& patterns : various) {
    for (const pattern_options& o : all_options()) {
      const bool is_expression = refusal(patterns.front()) == "taken";
      if (o.fixed || is_expression) check(patterns, o, texts);
    }
  }
}

TEST_CASE("characters beyond ASCII are found as such", "[dgrep][pattern]") {
  std::mt19937 random(2);
  const std::vector<std::string> texts = random_texts(500, 60, random);
  for (const std::vector<std::string>& patterns : std::vector<std::vector<std::string>>{{"é"},
                                                                                        {"größe"},
                                                                                        {"GRÖSSE|É"},
                                                                                        {"é*disk"},
                                                                                        {"é|disk"},
                                                                                        {"gr.ße"},
                                                                                        {"gr[öo]ße"},
                                                                                        {"é+", "größe"},
                                                                                        {"^é$"},
                                                                                        {"\\p{Lu}"},
                                                                                        {"\\pLx"},
                                                                                        {"(?i)É.*k"}}) {
    for (const bool ignore_case : {false, true}) {
      pattern_options o;
      o.ignore_case = ignore_case;
      check(patterns, o, texts);
      if (patterns.front().find_first_of("*.[+\\(") != std::string::npos) continue;
      o.fixed = true;
      check(patterns, o, texts);
    }
  }
  SECTION("U+212A is a k in either case, but only to a pattern that is UTF-8") {
    pattern_options o;
    o.ignore_case = true;
    CHECK(found_in("dis\u212a\n", compiled({"disk"}, o)).empty());
    CHECK(found_in("dis\u212a\n", compiled({"disk", "é"}, o)).size() == 1);
    CHECK(found_in("dis\u212a\n", compiled({"é*disk"}, o)).size() == 1);
  }
  SECTION("U+0130 is no i to the prefilter") {
    CHECK(found_in("\u0130stanbul\n", compiled({"\u0130stanbul.*"})).size() == 1);
    CHECK(found_in("\u0130stanbul\n", compiled({"(?i)\u0130stanbul.*"})).size() == 1);
    CHECK(found_in("\u0130stanbul\n", compiled({"\\x{130}stanbul.*"})).size() == 1);
  }
  SECTION("a pattern that is not UTF-8 is bytes") {
    CHECK(found_in("a\xff\n\xff\xfe\nb\n", compiled({"\xff"})) == std::vector<std::size_t>{0, 3});
    CHECK(found_in("a\xff\n\xff\xfe\nb\n", compiled({"^\xff."})) == std::vector<std::size_t>{3});
    pattern_options o;
    o.ignore_case = true;
    CHECK(found_in("\xc9"
                   "foo\n\xe9"
                   "FOO\n",
                   compiled({"\xe9"
                             "foo.*"},
                            o))
              .size() == 2);
    CHECK(found_in("a\xffz\n\xc3\xa9\n", compiled({"\xff[a-z]", "é"})) == std::vector<std::size_t>{0, 4});
  }
}

TEST_CASE("an expression made at random finds what it matches line by line", "[dgrep][pattern]") {
  std::mt19937 random(3);
  const std::vector<std::string> pieces{
      "foo",  "bar", "err",   "or",     "a",   "b",           "k",      "s",        "disk",    "[ab]",
      "[^a]", ".",   "\\d",   "\\s",    "\\w", "^",           "$",      "\\b",      "Foo",     "DISK",
      "E",    "x",   "[E-e]", "[^F-f]", "\\B", "[[:upper:]]", "(?i:k)", "(?i:err)", "(?i:dis)"};
  const std::vector<std::string> repeats{"", "", "", "", "*", "+", "?", "{2}", "{1,3}", "*?"};
  const std::vector<std::string> texts = random_texts(60, 60, random);
  const auto expression = [&](const auto& self, int depth) -> std::string {
    std::string out;
    for (std::size_t n = 1 + random() % 3; n != 0; --n) {
      const unsigned kind = static_cast<unsigned>(random() % 8);
      if (depth != 0 && kind == 0) {
        out += "(" + self(self, depth - 1) + "|" + self(self, depth - 1) + ")" + one_of(repeats, random);
      } else if (depth != 0 && kind == 1) {
        out += (random() % 2 == 0 ? "(?i:" : "(?:") + self(self, depth - 1) + ")" + one_of(repeats, random);
      } else if (kind == 2) {
        out += ".*";
      } else {
        const std::string& piece = one_of(pieces, random);
        const bool is_edge = piece == "^" || piece == "$" || piece == "\\b" || piece == "\\B";
        out += is_edge ? piece : "(?:" + piece + ")" + one_of(repeats, random);
      }
    }
    return out;
  };
  for (int i = 0; i != 2000; ++i) {
    std::vector<std::string> patterns;
    for (std::size_t n = 1 + random() % 2; n != 0; --n) patterns.push_back(expression(expression, 2));
    pattern_options o;
    o.ignore_case = random() % 3 == 0;
    o.whole_word = random() % 4 == 0;
    check(patterns, o, texts);
  }
}

TEST_CASE("several patterns are given by several lines, and no pattern finds nothing", "[dgrep][pattern]") {
  const std::string text = "one\ntwo\n\nthree";
  CHECK(found_in(text, compiled({})).empty());
  CHECK(found_in(text, compiled({""})) == std::vector<std::size_t>{0, 4, 8, 9});
  CHECK(found_in(text, compiled({"one\nthree"})) == std::vector<std::size_t>{0, 9});
  CHECK(found_in(text, compiled({"o.e\nthr.*"})) == std::vector<std::size_t>{0, 9});
  CHECK(found_in(text, compiled({"one\n"})).size() == 4);
  pattern_options fixed;
  fixed.fixed = true;
  CHECK(found_in(text, compiled({"one\nthree"}, fixed)) == std::vector<std::size_t>{0, 9});
  CHECK(found_in("", compiled({""})).empty());
  CHECK(found_in("\n", compiled({"^$"})).size() == 1);
  CHECK(found_in("\n\n", compiled({"^$"})).size() == 2);
  CHECK(found_in("a\n", compiled({"^$"})).empty());
  CHECK(found_in("a\n\n", compiled({"^$"})) == std::vector<std::size_t>{2});
  CHECK(found_in("a\r\nb\n", compiled({"a$"})).empty());
  CHECK(found_in("a\r\nb\n", compiled({"a\r$"})).size() == 1);
}

TEST_CASE("nothing outside of a buffer is read, and a match at its edges is found", "[dgrep][pattern]") {
  // Between two pages that cannot be read.
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  void* const map = ::mmap(nullptr, 3 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  REQUIRE(map != MAP_FAILED);
  char* const memory = static_cast<char*>(map) + page;
  REQUIRE(::mprotect(memory, page, PROT_READ | PROT_WRITE) == 0);

  struct sample {
    std::vector<std::string> patterns;
    pattern_options options;
    std::string hit;
  };
  std::vector<std::string> many;
  for (char a = 'a'; a <= 'z'; ++a) many.push_back(std::string("q") + a + a + "z");
  for (char a = 'a'; a <= 'z'; ++a) many.push_back(std::string("v") + a + "w");
  pattern_options plain, caseless, word;
  caseless.ignore_case = true;
  word.whole_word = true;
  const std::vector<sample> samples{{{"z"}, plain, "z"},
                                    {{"z"}, caseless, "Z"},
                                    {{"zq"}, plain, "zq"},
                                    {{"zqxj"}, plain, "zqxj"},
                                    {{"zqxj"}, caseless, "ZqXj"},
                                    {{"zqxj"}, word, "zqxj"},
                                    {{"z", "q"}, plain, "q"},
                                    {{"zq", "xj"}, plain, "xj"},
                                    {{"zqx", "jvw", "wvj"}, plain, "wvj"},
                                    {{"zqx", "jvw"}, caseless, "jVW"},
                                    {many, plain, "qzzz"},
                                    {{"zqx.*", "jvw+"}, plain, "jvw"},
                                    {{"zqx.?"}, plain, "zqx"},
                                    {{"z[q]*"}, plain, "z"},
                                    {{"^z|q$"}, plain, "z"},
                                    {{std::string(40, 'z')}, plain, std::string(40, 'z')},
                                    {{"eeeezqxj", "aaaajvw"}, plain, "eeeezqxj"}};
  for (const sample& s : samples) {
    for (const bool portable : {false, true}) {
      pattern_options o = s.options;
      o.portable = portable;
      const pattern p = compiled(s.patterns, o);
      const reference expected(s.patterns, o);
      for (std::size_t size = 0; size <= 200; ++size) {
        for (char* const begin : {memory, memory + page - size}) {
          char* const end = begin + size;
          searcher nothing(p);
          std::memset(begin, '.', size);
          if (!found_in(begin, end, nothing).empty()) FAIL("found what is not there");
          if (size < s.hit.size()) continue;
          // A part of it before the begin, and another behind the end.
          for (std::size_t part = 1; part < s.hit.size(); ++part) {
            std::memset(begin, '.', size);
            std::memcpy(begin, s.hit.data() + part, s.hit.size() - part);
            std::memcpy(end - part, s.hit.data(), part);
            searcher each(p);
            if (found_in(begin, end, each) != expected.found_in({begin, size}))
              FAIL(described(s.patterns, o) << "with a part at the edges of " << size);
          }
          const bool everywhere = size < 70 || size % 32 < 2;
          for (std::size_t at = 0; at + s.hit.size() <= size; at += everywhere || at + 40 > size ? 1 : 7) {
            // A line of its own with what is found, if there is room for its ends.
            std::memset(begin, '.', size);
            std::memcpy(begin + at, s.hit.data(), s.hit.size());
            const std::size_t behind = at + s.hit.size();
            if (at != 0) begin[at - 1] = '\n';
            if (behind != size) begin[behind] = '\n';
            searcher each(p);
            if (found_in(begin, end, each) != std::vector<std::size_t>{at})
              FAIL(described(s.patterns, o) << "at " << at << " of " << size);
          }
        }
      }
    }
  }
  ::munmap(map, 3 * page);
}

TEST_CASE("a word is not a part of a longer one", "[dgrep][pattern]") {
  pattern_options word;
  word.whole_word = true;
  const pattern p = compiled({"foo"}, word);
  CHECK(found_in("foo\n", p).size() == 1);
  CHECK(found_in("foobar\nbarfoo\nfoo_\n0foo\n", p).empty());
  CHECK(found_in("foobar foo\n", p).size() == 1);
  CHECK(found_in("foofoo-foo\n", p).size() == 1);
  CHECK(found_in("a.foo.b\n", p).size() == 1);
  // A shorter match of the same expression may be a word where the longest is not, and the other way round.
  CHECK(found_in("foobar\n", compiled({"foo|foobar"}, word)).size() == 1);
  CHECK(found_in("foo-bars\n", compiled({"foo.*bar|foo"}, word)).size() == 1);
  CHECK(found_in("xfoo foo\n", compiled({"fo+"}, word)).size() == 1);
}

TEST_CASE("many literals, long ones and those within one another are found", "[dgrep][pattern]") {
  std::mt19937 random(4);
  for (const std::size_t number : {2U, 7U, 8U, 9U, 40U, 64U, 65U, 300U}) {
    for (const std::size_t longest : {1U, 2U, 3U, 9U, 64U, 100U}) {
      std::vector<std::string> patterns;
      for (std::size_t i = 0; i != number; ++i) {
        std::string text;
        for (std::size_t n = 1 + random() % longest; n != 0; --n) text += static_cast<char>('a' + random() % 4);
        patterns.push_back(std::move(text));
      }
      std::vector<std::string> texts;
      for (int i = 0; i != 4; ++i) {
        std::string text;
        for (std::size_t n = random() % 2000; n != 0; --n) text += "abcdABCD- \n"[random() % 11];
        for (int k = 0; k != 3; ++k) text.insert(random() % (text.size() + 1), one_of(patterns, random));
        texts.push_back(std::move(text));
      }
      for (const pattern_options& o : all_options()) check(patterns, o, texts);
    }
  }
}

TEST_CASE("lines are found where candidates are dense, and where they are rare again", "[dgrep][pattern]") {
  std::mt19937 random(5);
  std::string text;
  for (const unsigned rarity : {1000U, 1U, 3U, 1000U, 1U}) {
    for (int i = 0; i != 20000; ++i) {
      if (random() % rarity == 0) text += "INFO the needle is blunt ";
      text += "something happened in a haystack";
      if (random() % (rarity == 3 ? 500 : 3) == 0) text += "7777";
      text += '\n';
    }
  }
  for (const std::string what : {"needle.*7{4}", "(?i)NEEDLE.*7{4}", "^INFO.*[0-9]+$", "blunt.*7{4}", "needle"})
    check({what}, {}, {text});
}

TEST_CASE("threads may share a pattern", "[dgrep][pattern]") {
  std::mt19937 random(6);
  const std::string text = random_texts(1, 20'000, random).front() + random_texts(1, 20'000, random).front();
  for (const std::string what : {"error.*(fail|disk)", "foo|bar|disk", "[a-c]+x", "needle"}) {
    const pattern p = compiled({what});
    const auto expected = found_in(text, p);
    std::vector<std::thread> threads;
    std::atomic<int> differ{0};
    for (int i = 0; i != 4; ++i)
      threads.emplace_back([&] {
        for (int k = 0; k != 5; ++k)
          if (found_in_parts(text, p, 1000) != expected) ++differ;
      });
    for (std::thread& t : threads) t.join();
    CHECK(differ == 0);
  }
}

TEST_CASE("a line longer than all else is searched as one", "[dgrep][pattern]") {
  const std::string longer(300'000, 'x');
  const std::string text = "a\n" + longer + "needle" + longer + "end\nneedle\n" + longer;
  const std::size_t second = 2, third = 2 + 2 * longer.size() + 6 + 4;
  for (const std::string what : {"needle", "needl[e]", "n[e]+d", "(?i)needle|foo"})
    CHECK(found_in(text, compiled({what})) == std::vector<std::size_t>{second, third});
  CHECK(found_in(text, compiled({"^x.*d$"})) == std::vector<std::size_t>{second});
  CHECK(found_in(text, compiled({"^x+$"})) == std::vector<std::size_t>{third + 7});
}

TEST_CASE("what is coloured is the match, and with words nothing around it", "[dgrep][pattern]") {
  const auto all = [](const pattern& p, std::string_view line) {
    std::string out;
    for (std::size_t from = 0;;) {
      const std::string_view m = p.match_in(line, from);
      if (m.empty()) {
        CHECK(m.data() == line.data() + line.size());
        return out;
      }
      const auto at = static_cast<std::size_t>(m.data() - line.data());
      if (at < from) return out + "and goes back";
      out += std::to_string(at) + ":" + std::string(m) + " ";
      from = at + m.size();
    }
  };
  CHECK(all(compiled({"foo"}), "foo a foofoo") == "0:foo 6:foo 9:foo ");
  CHECK(all(compiled({"^foo"}), "foofoo") == "0:foo ");
  CHECK(all(compiled({"o*"}), "foo o") == "1:oo 4:o ");
  CHECK(all(compiled({""}), "foo").empty());
  CHECK(all(compiled({}), "foo").empty());
  CHECK(all(compiled({"\\bfoo"}), "foofoo foo") == "0:foo 7:foo ");
  CHECK(all(compiled({"foo$"}), "foo foo") == "4:foo ");
  pattern_options word;
  word.whole_word = true;
  CHECK(all(compiled({"foo"}, word), "foo foo,foo foox xfoo foo") == "0:foo 4:foo 8:foo 22:foo ");
  CHECK(all(compiled({"x"}, word), "x x") == "0:x 2:x ");
  CHECK(all(compiled({"-?x"}, word), "-x x") == "0:-x 3:x ");
  CHECK(all(compiled({"(a)(b)"}, word), "ab abc ab") == "0:ab 7:ab ");
  const pattern p = compiled({"foo"}, word);
  const std::string_view line = "a foo";
  CHECK(p.match_in(line, 2) == "foo");
  CHECK(p.match_in(line, 3).empty());
  CHECK(p.match_in(line, 5).empty());
  CHECK(p.match_in(line, 9).empty());
}

TEST_CASE("what linear time does not allow is refused with a sentence", "[dgrep][pattern]") {
  const auto says = [](const std::string& text, const std::string& what) {
    const std::string said = refusal(text);
    INFO(said);
    return said.find("'" + text + "'") != said.npos && said.find(what) != said.npos && said.find(": ") != said.npos &&
           said.find('\n') == said.npos;
  };
  CHECK(says("a(?=b)", "look-ahead"));
  CHECK(says("a(?!b)", "look-ahead"));
  CHECK(says("(?<=a)b", "look-behind"));
  CHECK(says("(?<!a)b", "look-behind"));
  CHECK(says("(a)\\1", "back-reference"));
  CHECK(says("(?P<x>a)(?P=x)", "back-reference"));
  CHECK(says("(a)\\k<x>", "back-reference"));
  CHECK(says("(?>a)b", "atomic group"));
  CHECK(says("a++", "possessive"));
  CHECK(says("a{2}+", "possessive"));
  CHECK(says("(?(1)a)", "condition"));
  CHECK(says("a\\Kb", "\\K"));
  CHECK(says("(?<x>a)", "(?P<name>"));
  CHECK(says("a\\Z", "$"));
  CHECK(says("\\<a", "\\b"));
  CHECK(says("(a|b\\>)", "\\b"));
  CHECK(refusal("\\\\<a") == "taken");
  CHECK(refusal("\\Q\\<a\\E") == "taken");
  CHECK(says("a(b", "not understood"));
  CHECK(says("a)b", "not understood"));
  CHECK(says("[a", "-F"));
  CHECK(says("a**", "not understood"));
  CHECK(says("*a", "not understood"));
  CHECK(says("a\\", "not understood"));
  CHECK(says("a{1001}", "not understood"));
  CHECK(says("((a{100}){100}){100}", "not understood"));
  CHECK(says("(\\pL{900}é)(\\pL{900}é)(\\pL{900}é)(\\pL{900}é)(\\pL{900}é)(\\pL{900}é)(\\pL{900}é)(\\pL{900}é)",
             "memory"));
  CHECK(refusal("(?i)a(?=b)").find("'(?i)a(?=b)'") != std::string::npos);
  CHECK(refusal("a(\x01").find("a(\\x01") != std::string::npos);
  SECTION("a pattern cannot reach out of its brackets") {
    CHECK(refusal("a)|(b") != "taken");
    auto two = pattern::compile({"(a", "b)"}, {});
    CHECK(std::holds_alternative<pattern::error>(two));
    auto open_quote = pattern::compile({"\\Qa|", "b"}, {});
    REQUIRE(std::holds_alternative<pattern>(open_quote));
    CHECK(found_in("a|\nb\na\n", std::get<pattern>(open_quote)) == std::vector<std::size_t>{0, 3});
  }
  SECTION("as a text, each of them is taken") {
    pattern_options fixed;
    fixed.fixed = true;
    for (const std::string text : {"a(?=b)", "(a)\\1", "a++", "[a", "\\"}) {
      CHECK(refusal(text, fixed) == "taken");
      CHECK(found_in("x" + text + "y\n", compiled({text}, fixed)).size() == 1);
    }
  }
}

TEST_CASE("grep finds the same lines in real logs", "[dgrep][pattern]") {
  const char* const folder = std::getenv("DGREP_DATA");
  if (folder == nullptr) {
    WARN("skipped: DGREP_DATA names no folder with logs");
    return;
  }
  struct query {
    std::string flags;
    std::string text;
  };
  const std::vector<query> queries{{"-E", "INFO"},
                                   {"-E", "error|fail"},
                                   {"-Ei", "error|fail"},
                                   {"-Ew", "error|fail"},
                                   {"-Eiw", "error"},
                                   {"-F", "[main]"},
                                   {"-F", "."},
                                   {"-Fw", "to"},
                                   {"-Fi", "ExCeption"},
                                   {"-E", "^$"},
                                   {"-E", "^"},
                                   {"-E", "[0-9]{5,}$"},
                                   {"-E", "^[^ ]+ [0-9]"},
                                   {"-E", "(failed|refused|invalid).*from"},
                                   {"-Ei", "exception: [a-z ]+$"},
                                   {"-E", "[q-z]{7}"},
                                   {"-Ew", "[0-9]+"},
                                   {"-Ew", "a|of"},
                                   {"-E", "x.*y.*z"},
                                   {"-Ei", "kernel.*usb|systemd.*start"},
                                   {"-Fw", ""},
                                   {"-E", "a|b|c|d|e|f|g|h|i|j"}};
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    const std::string path = entry.path().string();
    if (!entry.is_regular_file() || path.ends_with(".gz") || path.ends_with(".bz2") || path.find('\'') != path.npos)
      continue;
    ++files;
    std::ifstream in(path, std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    for (const query& q : queries) {
      const std::string command = "LC_ALL=C grep -ab " + q.flags + " -e '" + q.text + "' '" + path + "' | cut -d: -f1";
      std::vector<std::size_t> expected;
      std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(command.c_str(), "r"), ::pclose);
      REQUIRE(pipe != nullptr);
      for (char line[64]; std::fgets(line, sizeof line, pipe.get()) != nullptr;)
        expected.push_back(std::strtoull(line, nullptr, 10));
      pattern_options o;
      o.fixed = q.flags.find('F') != q.flags.npos;
      o.ignore_case = q.flags.find('i') != q.flags.npos;
      o.whole_word = q.flags.find('w') != q.flags.npos;
      for (const bool portable : {false, true}) {
        o.portable = portable;
        if (found_in_parts(text, compiled({q.text}, o), 100'000) != expected)
          FAIL(described({q.text}, o) << "in " << path << ": grep finds " << expected.size());
      }
    }
  }
  CHECK(files != 0);
}
