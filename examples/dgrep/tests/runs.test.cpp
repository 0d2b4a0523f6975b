// SPDX-License-Identifier: BSL-1.0
#include "../runs.hpp"

#include <re2/re2.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "../pattern.hpp"
#include "catch.hpp"

using namespace std::string_literals;
using dgrep::byte_run;
using dgrep::pattern;
using dgrep::pattern_options;
using dgrep::required_runs;
using dgrep::runs;

namespace {

// As one reads them: a byte alone, else how many are in the class; and how often.
std::string described(const std::vector<byte_run>& all) {
  std::string out;
  for (const byte_run& run : all) {
    std::size_t only = 0;
    while (only != 256 && !run.of[only]) ++only;
    out += (out.empty() ? ""s : " "s) +
           (run.of.count() == 1 ? std::string(1, static_cast<char>(only)) : std::to_string(run.of.count())) +
           (run.least == 1 ? ""s : "{" + std::to_string(run.least) + "}");
  }
  return out;
}

std::string derived(const std::string& expression, bool caseless = false) {
  return described(required_runs(expression, caseless));
}

const char* naive(const std::vector<byte_run>& all, const char* begin, const char* end) {
  for (const char* at = begin; at != end; ++at) {
    const char* next = at;
    const bool here = std::all_of(all.begin(), all.end(), [&](const byte_run& run) {
      for (std::size_t i = 0; i != run.least; ++i, ++next)
        if (next == end || !run.of[static_cast<unsigned char>(*next)]) return false;
      return true;
    });
    if (here) return at;
  }
  return nullptr;
}

// All three ways to search find the same; what they find.
const char* find(const std::vector<byte_run>& all, const char* begin, const char* end) {
  const char* const expected = naive(all, begin, end);
  for (const bool portable : {false, true}) {
    const char* const found = runs(all, portable).find(begin, end);
    if (found != expected)
      FAIL(described(all) << (portable ? " portable" : "") << " in " << end - begin << " bytes: at "
                          << (found != nullptr ? found - begin : -1) << " instead of "
                          << (expected != nullptr ? expected - begin : -1));
  }
  return expected;
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> all;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    all.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return all;
}

std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    out += byte >= 0x20 && byte < 0x7f ? std::string(1, c) : "<" + std::to_string(byte) + ">";
  }
  return out;
}

// Is found, with and without vectors, what RE2 alone finds line by line? How many lines that is.
std::size_t check(const std::string& expression, pattern_options o, const std::string& text) {
  RE2::Options options;
  options.set_case_sensitive(!o.ignore_case);
  options.set_log_errors(false);
  options.set_encoding(RE2::Options::EncodingLatin1);
  const RE2 alone(o.whole_word ? "(?:^|\\W)(?:" + expression + ")(?:$|\\W)" : expression, options);
  if (!alone.ok()) FAIL("RE2 does not take " << printable(expression));
  std::vector<std::string_view> expected;
  for (const std::string_view line : lines_of(text))
    if (RE2::PartialMatch(re2::StringPiece(line.data(), line.size()), alone)) expected.push_back(line);

  const bool has_flag = expression.starts_with("(?i)");
  const auto required = required_runs(has_flag ? expression.substr(4) : expression, o.ignore_case || has_flag);
  for (const std::string_view line : expected)
    if (!required.empty() && find(required, line.data(), line.data() + line.size()) == nullptr)
      FAIL(printable(expression) << " does not require " << described(required) << ": '" << printable(line) << "'");

  for (const bool portable : {false, true}) {
    o.portable = portable;
    auto made = pattern::compile({expression}, o);
    if (const auto* e = std::get_if<pattern::error>(&made)) FAIL(e->text);
    dgrep::searcher searcher(std::get<pattern>(made));
    std::vector<std::string_view> found;
    const char* const end = text.data() + text.size();
    for (const char* at = text.data(); at != end;) {
      const dgrep::line_view line = searcher.next(at, end);
      if (!line) break;
      found.push_back(line.text());
      at = line.end != end ? line.end + 1 : end;
    }
    const auto same = [](std::string_view a, std::string_view b) { return a.data() == b.data() && a == b; };
    const auto differ = std::mismatch(found.begin(), found.end(), expected.begin(), expected.end(), same);
    if (found.size() == expected.size() && differ.first == found.end()) continue;
    FAIL((o.ignore_case ? "-i " : "") << (o.whole_word ? "-w " : "") << (portable ? "portable " : "")
                                      << printable(expression) << " finds " << found.size() << " lines instead of "
                                      << expected.size() << "; '"
                                      << (differ.second != expected.end() ? printable(*differ.second) : "") << "'");
  }
  return expected.size();
}

std::mt19937 dice(1);
std::size_t any(std::size_t below) { return dice() % below; }
template <class T>
const T& one_of(const std::vector<T>& from) {
  return from[any(from.size())];
}

// A part of an expression, and how often it is there.
struct node {
  std::string text{};                             // unless it is a group
  std::string bytes{};                            // some that it matches; none: it is an edge
  std::string open{};                             // what a group begins with
  std::vector<std::vector<node>> alternatives{};  // of a group
  std::string quantifier{};
  std::size_t least = 1, most = 1;
};

const std::vector<node> atoms{{"q", "q"},
                              {"Z", "Z"},
                              {"#", "#"},
                              {"k", "k"},
                              {"\\.", "."},
                              {"-", "-"},
                              {"{", "{"},
                              {"}", "}"},
                              {"]", "]"},
                              {",", ","},
                              {"\\(", "("},
                              {"\\)", ")"},
                              {"\\[", "["},
                              {"\\|", "|"},
                              {"\\\\", "\\"},
                              {"\\t", "\t"},
                              {"\\x51", "Q"},
                              {"\\xe9", "\xe9"},
                              {"\xff", "\xff"},
                              {"[0-9]", "0459"},
                              {"\\d", "0189"},
                              {"\\w", "aZ_9"},
                              {"\\s", " \t"},
                              {"\\D", "x.\xe9"},
                              {"\\W", " .\xff"},
                              {"\\S", "x.#"},
                              {".", "q #\x80"},
                              {"[q-z]", "qsz"},
                              {"[A-F0-9]", "A0F9"},
                              {"[^q]", "Q #\xe9"},
                              {"[^0-9\\s]", "q.#"},
                              {"[]#]", "]#"},
                              {"[^]#]", "[q"},
                              {"[\\])(|]", "])(|"},
                              {"[(#]", "(#"},
                              {"[a\\d-]", "a5-"},
                              {"[[:digit:]#]", "07#"},
                              {"[^[:alpha:]]", "0 #"},
                              {"[[]", "["},
                              {"[k\\xe0-\\xef]", "k\xe9"},
                              {"\\b", ""},
                              {"\\B", ""},
                              {"^", ""},
                              {"$", ""}};

node random_node(unsigned depth);

std::vector<node> random_nodes(unsigned depth, std::size_t most) {
  std::vector<node> all;
  for (std::size_t n = 1 + any(most); n != 0; --n) all.push_back(random_node(depth));
  return all;
}

node random_node(unsigned depth) {
  node made;
  if (depth != 0 && any(4) == 0) {
    made.open = one_of<std::string>({"(", "(?:", "(?:", "(?P<n" + std::to_string(dice()) + ">", "(?i:", "(?s:"});
    for (std::size_t n = any(3) == 0 ? 2 : 1; n != 0; --n) made.alternatives.push_back(random_nodes(depth - 1, 3));
  } else {
    do made = one_of(atoms);
    while (made.bytes.empty() && any(4) != 0);
    if (made.bytes.empty()) return made;
  }
  const std::size_t a = any(4), b = a + any(3), many = 1 + any(12);
  constexpr auto endless = std::numeric_limits<std::size_t>::max();
  const auto times = [&](std::string text, std::size_t least, std::size_t most) {
    made.quantifier = std::move(text);
    made.least = least;
    made.most = most;
  };
  switch (any(12)) {
    case 0:
      times("*", 0, endless);
      break;
    case 1:
      times("+", 1, endless);
      break;
    case 2:
      times("?", 0, 1);
      break;
    case 3:
      times("{" + std::to_string(a) + "}", a, a);
      break;
    case 4:
      times("{" + std::to_string(a) + ",}", a, endless);
      break;
    case 5:
      times("{" + std::to_string(a) + "," + std::to_string(b) + "}", a, b);
      break;
    case 6:
    case 7:
      if (made.open.empty()) times("{" + std::to_string(many) + "}", many, many);
      break;
    default:
      break;
  }
  if (!made.quantifier.empty() && any(4) == 0) made.quantifier += '?';
  return made;
}

std::string text_of(const std::vector<node>& all) {
  std::string out;
  for (const node& n : all) {
    out += n.open + n.text;
    for (const auto& alternative : n.alternatives)
      out += (&alternative == &n.alternatives.front() ? "" : "|") + text_of(alternative);
    out += (n.open.empty() ? "" : ")") + n.quantifier;
  }
  return out;
}

// What it matches, as a rule: nobody looks at the edges.
std::string sample_of(const std::vector<node>& all) {
  std::string out;
  for (const node& n : all)
    for (std::size_t times = std::min(n.most, n.least + any(3)); times != 0; --times) {
      if (!n.alternatives.empty()) {
        out += sample_of(one_of(n.alternatives));
      } else if (!n.bytes.empty()) {
        out += n.bytes[any(n.bytes.size())];
      }
    }
  return out;
}

std::string nearly(std::string text) {
  const std::string others = "q0#.Z -\n\xe9"s + '\0';
  const auto at = text.begin() + static_cast<std::ptrdiff_t>(any(text.size() + 1));
  switch (any(6)) {
    case 0:
      text.insert(at, others[any(others.size())]);
      break;
    case 1:
      if (at != text.end()) text.erase(at);
      break;
    case 2:
      if (at != text.end()) *at = others[any(others.size())];
      break;
    case 3:
      for (char& c : text)
        if (((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '\xe9') c = static_cast<char>(c ^ 0x20);
      break;
    default:
      break;
  }
  return text;
}

}  // namespace

TEST_CASE("the runs that an expression requires are those that no match can lack", "[dgrep][runs]") {
  CHECK(derived("[q-z]{13}[0-9]{9}") == "10{13} 10{9}");
  CHECK(derived("[0-9a-f]{32}") == "16{32}");
  CHECK(derived("\\b[0-9a-f]{8}-[0-9a-f]{4}\\b") == "16{8} - 16{4}");
  CHECK(derived("^\\d\\d:\\d\\d$") == "10{2} : 10{2}");
  CHECK(derived("[0-9]{9,}") == "10{9}");
  CHECK(derived("x{0}") == "");
  CHECK(derived("x*") == "");
  CHECK(derived("#a?#b*#") == "#");
  SECTION("what may be longer has only its least at its ends") {
    CHECK(derived("~\\d{1,3}[.]") == "~ 10");
    CHECK(derived("[.]\\d{1,3}~") == "10 ~");
    CHECK(derived("\\d{1,3}\\.\\d{1,3}\\.\\d{1,3}") == "10 . 10");
    CHECK(derived("#\\d{2,}~~~") == "10{2} ~{3}");
    CHECK(derived("#\\d+?~") == "10 ~");
    CHECK(derived("(\\d{1,3}\\.){3}\\d") == "10 . 10");
    CHECK(derived("(#~){2,3}Z") == "# ~ # ~ Z");
  }
  SECTION("groups") {
    CHECK(derived("#(\\d~)#") == "# 10 ~ #");
    CHECK(derived("#(?:\\d~){2}#") == "# 10 ~ 10 ~ #");
    CHECK(derived("(?P<id>\\d)(~)") == "10 ~");
    CHECK(derived("#(a|b)##") == "#{2}");
    CHECK(derived("#(~~)?##") == "#{2}");
    CHECK(derived("#([|)]|\\)|\\|)##") == "#{2}");
    CHECK(derived("#((((((((((((((((((((((((a+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)#") == "");
  }
  SECTION("classes are what RE2 takes them for, without the end of a line") {
    CHECK(derived(".#") == "255 #");
    CHECK(derived("#[^a]") == "# 254");
    CHECK(derived("[\\s]{9}") == "4{9}");
    CHECK(derived("[^[:alpha:]]{9}[]\\]a-]") == "203{9} 3");
    CHECK(derived("#[[]#[(]#") == "# [ # ( #");
    CHECK(derived("[a-f]#k", true) == "12 # 2");
    CHECK(derived("\\xe9#") == "\xe9 #");
    CHECK(derived("\\xe9#", true) == "2 #");
    CHECK(derived("#{x}") == "# { x }");
  }
  SECTION("what is not understood requires nothing") {
    for (const char* const expression : {"#|~", "", "#\\Q~~\\E", "#(?i)~", "(?i:#)~", "(?s)#.", "#\\C", "#{02}",
                                         "#{1,x}", "#\\x{40}", "#\\pN", "#\\012", "[+-[:x:]]#", "#\\n#"})
      CHECK(derived(expression) == "");
  }
  SECTION("long ones are searched for in part") {
    CHECK(derived("#{1000}") == "#{64}");
    CHECK(derived("~{60}(b{60}){2}") == "~{60} b{4}");
  }
  SECTION("the rarer, the more bits") {
    CHECK(dgrep::rarity({}) == 0);
    CHECK(dgrep::rarity(required_runs("\\w+", false)) < 2);
    CHECK(dgrep::rarity(required_runs("[0-9]{2}", false)) < 4);
    CHECK(dgrep::rarity(required_runs("[0-9]{9}", false)) > 10);
    CHECK(dgrep::rarity(required_runs("[q-z]{13}[0-9]{9}", false)) > 20);
  }
}

TEST_CASE("runs are found wherever they are, and nothing outside is read", "[dgrep][runs]") {
  const std::vector<std::string> expressions{"[0-9]",
                                             "#",
                                             "[0-9]{2}",
                                             "[0-9]{31}",
                                             "[0-9]{32}",
                                             "[0-9]{33}",
                                             "[0-9]{64}",
                                             "[a-f]{3}",
                                             "[0-9]{9}[a-f]{3}",
                                             "[0-9]#[0-9]",
                                             "[0-9a-f]{4}-[0-9a-f]{4}",
                                             "[0-9]{40}#{24}",
                                             "#[0-9]{40}",
                                             "[^0-9]{40}#",
                                             "[a-f]{2}[0-9]{2}[a-f]{40}",
                                             "[^0-9]#{3}",
                                             "[\\x01\\x12\\x23\\x34\\x45\\x56\\x67\\x78\\x89\\x9b]{12}"};
  for (const std::string& expression : expressions) {
    const auto all = required_runs(expression, false);
    REQUIRE_FALSE(all.empty());
    std::string hit;
    for (const byte_run& run : all) {
      std::string members;
      for (std::size_t b = 0; b != run.of.size(); ++b)
        if (run.of[b]) members += static_cast<char>(b);
      for (std::size_t i = 0; i != run.least; ++i) hit += members[(i * 7 + 5) % members.size()];
    }
    for (std::size_t size = 0; size <= 260; ++size) {
      const bool at_an_edge = (size + 2) % 32 < 5;
      if (size > 70 && !at_an_edge && size % 7 != 0) continue;
      const std::unique_ptr<char[]> memory(new char[size]);
      char* const begin = memory.get();
      char* const end = begin + size;
      std::memset(begin, '\n', size);
      CHECK(find(all, begin, end) == nullptr);
      for (std::size_t at = 0; at + hit.size() <= size; ++at) {
        // Another one before it, but for one byte of it, and one more behind it, as far as there is room.
        std::memset(begin, '\n', size);
        std::memcpy(begin, hit.data(), std::min(at, hit.size() - 1));
        std::memcpy(begin + at, hit.data(), hit.size());
        std::memcpy(begin + at + hit.size(), hit.data(), std::min(size - at - hit.size(), hit.size()));
        const char* const found = find(all, begin, end);
        if (found == nullptr || found > begin + at) FAIL(expression << " is not found at " << at << " of " << size);
        // All but one byte of it, at the very end.
        std::memset(begin, '\n', size);
        std::memcpy(end - std::min(size, hit.size() - 1), hit.data(), std::min(size, hit.size() - 1));
        find(all, begin, end);
      }
      // Long runs with a few bytes between them.
      for (int i = 0; i != 20; ++i) {
        for (char* c = begin; c != end; ++c) *c = any(30) == 0 ? "#a-\n"[any(4)] : hit[any(hit.size())];
        find(all, begin, end);
      }
    }
  }
}

TEST_CASE("lines are found by runs if and only if they match", "[dgrep][runs]") {
#if defined(__OPTIMIZE__)
  constexpr std::size_t rounds = 6000;
#else
  constexpr std::size_t rounds = 1500;
#endif
  std::size_t filtered = 0, matching = 0, expressions = 0;
  for (std::size_t i = 0; i != rounds; ++i) {
    const auto nodes = random_nodes(2, 5);
    std::string expression = text_of(nodes);
    if (any(8) == 0) expression = one_of<std::string>({"(?i)", "(?s)", "(?U)", "a|"}) + expression;
    pattern_options o;
    o.ignore_case = any(4) == 0;
    o.whole_word = any(6) == 0;
    // Some are not for RE2: {0} after an edge, and what is too large.
    if (std::holds_alternative<pattern::error>(pattern::compile({expression}, o))) continue;
    std::string text;
    for (int k = 0; k != 12; ++k) {
      text += std::string(any(70), one_of<char>({' ', '.', 'q', '0', '#'}));
      for (std::size_t n = 1 + any(2); n != 0; --n) text += nearly(sample_of(nodes));
      if (any(3) != 0) text += one_of<std::string>({"\n", "\n\n", " \n", "0\n"});
    }
    ++expressions;
    if (dgrep::rarity(required_runs(expression, o.ignore_case)) > 4) ++filtered;
    matching += check(expression, o, text);
  }
  // They are about something.
  CHECK(expressions > rounds * 4 / 5);
  CHECK(filtered > expressions / 4);
  CHECK(matching > expressions * 2);
}

TEST_CASE("lines are found by runs where they are dense, and where they are rare again", "[dgrep][runs]") {
  std::string text;
  for (const std::size_t rarity : {1000U, 1U, 3U, 1000U, 1U, 2U}) {
    for (int i = 0; i != 5000; ++i) {
      text += "something happened " + std::to_string(i);
      if (any(rarity) == 0) text += " at 127.0.0.1:80 by 0123456789abcdef0123456789ABCDEF";
      if (any(50) == 0) text += " end";
      text += '\n';
    }
  }
  for (const std::string what : {"[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}", "[0-9a-f]{16}.* [e]nd$",
                                 "[0-9a-f]{32}", "[0-9a-f]{9,}[A-F]", "[0-9]{9,}[^a]"}) {
    CHECK(check(what, {}, text) < 30'000);
    pattern_options caseless;
    caseless.ignore_case = true;
    check(what, caseless, text);
  }
}
