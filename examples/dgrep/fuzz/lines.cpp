// SPDX-License-Identifier: BSL-1.0
// What `scan` finds in a file, step by step, whatever the blocks, is what the reference finds, and it keeps its promises.
#include <re2/re2.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "pattern.hpp"
#include "reference.hpp"
#include "scan.hpp"
#include "scenario.hpp"

namespace {

using namespace dgrep;
using namespace scenario;

// ---- patterns

struct kind_of_pattern {
  std::vector<std::string> given;
  bool ignore_case = false, whole_word = false;
  bool utf8 = false;
};
const kind_of_pattern kinds_of_pattern[] = {
    {{""}},  // everything
    {{}},    // nothing
    // literals
    {{"x"}},
    {{"ERROR"}},
    {{"error"}, true},
    {{"ERROR", "WARN", "x1", "42"}},
    {{"ERROR", "fail", "ab", "bar", "foo", "0Z", "log", "WARN", "a_", "\r", "x ab", "42x", "OO"}, true},
    {{"ab", "log"}, false, true},
    // filtered
    {{"ERR[A-Z]+ .*4"}},
    {{"foo.*bar"}, true},
    {{"fail(ed|ure)? x", "WARN[^x]*42"}},
    {{"(?i)warn[0-9 ]", "ERROR"}},
    // expressions
    {{"[a-f][0-9]"}},
    {{"[a-z]+"}, false, true},
    {{"^a|b$"}},
    {{"^$"}},
    {{"\\Aab|x\\z"}},
    {{"\\x00"}},
    {{"[\xc3\xa9-\xc3\xbc]x|\xc3\xa9$"}, false, false, true},
    {{".{3}"}, false, false, false},
};

constexpr std::size_t first_filtered = 8, first_expression = 12;

class matcher {
 public:
  explicit matcher(const kind_of_pattern& k) {
    for (const bool portable : {false, true}) {
      auto made = pattern::compile(k.given, {false, k.ignore_case, k.whole_word, portable});
      if (!std::holds_alternative<pattern>(made)) wrong("a pattern is not understood");
      patterns_.push_back(std::make_unique<pattern>(std::move(std::get<pattern>(made))));
    }
    RE2::Options options;
    options.set_encoding(k.utf8 ? RE2::Options::EncodingUTF8 : RE2::Options::EncodingLatin1);
    options.set_case_sensitive(!k.ignore_case);
    for (const std::string& one : k.given) {
      expressions_.push_back(std::make_unique<RE2>(k.whole_word ? "(?:^|\\W)(?:" + one + ")(?:\\W|$)" : one, options));
    }
  }
  const pattern& get(bool portable) const { return *patterns_[portable ? 1 : 0]; }
  bool hits(std::string_view line) const {
    return std::any_of(expressions_.begin(), expressions_.end(), [&](const auto& e) {
      return e->Match({line.data(), line.size()}, 0, line.size(), RE2::UNANCHORED, nullptr, 0);
    });
  }

 private:
  std::vector<std::unique_ptr<pattern>> patterns_;
  std::vector<std::unique_ptr<RE2>> expressions_;
};

const matcher& matcher_of(std::size_t kind) {
  static std::unique_ptr<matcher> made[std::size(kinds_of_pattern)];
  if (!made[kind]) made[kind] = std::make_unique<matcher>(kinds_of_pattern[kind]);
  return *made[kind];
}

// ---- content

void add_piece(std::string& to, int b, instant& clock) {
  using std::string_view_literals::operator""sv;
  constexpr std::string_view pieces[] = {"\n"sv,       "\n"sv,  "\n"sv,  " "sv, "ERROR"sv, "WARN"sv, "error"sv,
                                         "fail"sv,     "foo"sv, "bar"sv, "x"sv, "ab"sv,    "42"sv,   "a"sv,
                                         "\xc3\xa9"sv, "\r"sv,  "\0"sv,  "_"sv, "log"sv,   "\xff"sv};
  constexpr instant steps[] = {0, 0, 1, 3, 1000, 5000, -1, -3, -1000, -2500, -4000, 1'000'000'000};
  const auto kind = static_cast<std::size_t>(b % 32);
  if (kind < std::size(pieces)) {
    for (int i = 0; i <= b / 32; i += 3) to += pieces[kind];
    return;
  }
  const instant step = steps[kind - std::size(pieces)] * a_millisecond;
  if (!to.empty() && to.back() != '\n') to += '\n';
  to += stamp(clock + step) + " ";
  if (step < 100 * a_day) clock += step;
}

std::string read_content(fuzz::bytes& in, bool raw, int size, bool may_sleep) {
  std::string content;
  if (raw) {
    content = rest_of(in);
  } else {
    instant clock = noon;
    std::vector<int> pieces;
    while (!in.empty()) pieces.push_back(in.next());
    const int repeats = size < 240 ? 1 + size / 30 : 1;
    for (int i = 0; i != repeats; ++i) {
      for (const int b : pieces) add_piece(content, b, clock);
    }
  }
  if ((size >= 253 || (size >= 250 && may_sleep)) && !content.empty()) {
    const std::size_t at = content.size() / 2;
    if (size >= 253) {  // a line as long as they may be, or a little longer or shorter
      const std::size_t more[] = {0, 2, longest_line};
      content.insert(at, longest_line - 1 + more[size - 253], 'y');
    } else {  // for the prefilter to fall asleep and wake up
      const std::string once = content + std::string(200, '-') + '\n';
      while (content.size() < (std::size_t{1} << 20) + 200'000) content += once;
    }
  } else if (size >= 240 && !content.empty()) {
    const std::string once = content + std::string(200, '-');
    while (content.size() < 100'000) content += once;
  }
  // Not packed by mistake.
  if (!content.empty() && std::string_view("\x1f\x28"
                                           "BPQRSTUVWXYZ[\\]^_")
                                  .find(content[0]) != std::string_view::npos)
    content.insert(0, 1, '\n');
  return content;
}

// ---- comparison

std::string shown(const reference::line& l) {
  return std::to_string(l.number) + " " + dgrep::to_string(l.key) + " " + scenario::shown(l.text) +
         (l.matches ? " matches" : " context") + (l.cut ? " cut" : "") + (l.late ? " late" : "");
}
std::string shown(const line& l) {
  return std::to_string(l.number) + " " + dgrep::to_string(l.at) + " " + scenario::shown(l.view()) +
         (l.matches() ? " matches" : " context") + (l.cut ? " cut" : "");
}

void compare(const query& what, const std::vector<line>& found, std::vector<reference::line> expected) {
  if (what.reorder != 0) {
    std::sort(expected.begin(), expected.end(),
              [](const auto& a, const auto& b) { return std::tie(a.key, a.number) < std::tie(b.key, b.number); });
  }
  const auto differ = [&](std::size_t i) {
    wrong("line " + std::to_string(i) + " of those found is " + (i < found.size() ? shown(found[i]) : "missing") +
          ", and should be " + (i < expected.size() ? shown(expected[i]) : "none"));
  };
  const auto is_same = [](const line& l, const reference::line& e) {
    return l.number == e.number && l.matches() == e.matches && l.cut == e.cut && l.time == e.time && l.view() == e.text;
  };
  if (std::none_of(expected.begin(), expected.end(), [](const auto& e) { return e.late; })) {
    for (std::size_t i = 0; i != std::max(found.size(), expected.size()); ++i) {
      if (i >= found.size() || i >= expected.size() || found[i].at != expected[i].key ||
          !is_same(found[i], expected[i]))
        differ(i);
    }
    return;
  }
  // What is late comes when it can; the others are where they belong.
  std::vector<const line*> by_number, in_time;
  for (const line& l : found) by_number.push_back(&l);
  const auto number = [](const line* a, const line* b) { return a->number < b->number; };
  std::sort(by_number.begin(), by_number.end(), number);
  std::vector<reference::line> all = expected;
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.number < b.number; });
  if (all.size() != by_number.size()) wrong(std::to_string(all.size() - by_number.size()) + " lines are missing");
  std::vector<std::uint64_t> late;
  for (std::size_t i = 0; i != all.size(); ++i) {
    if (!is_same(*by_number[i], all[i]) || by_number[i]->at < all[i].key)
      wrong("found is " + shown(*by_number[i]) + ", and should be " + shown(all[i]));
    if (all[i].late) late.push_back(all[i].number);
  }
  for (const line& l : found) {
    if (!std::binary_search(late.begin(), late.end(), l.number)) in_time.push_back(&l);
  }
  std::erase_if(expected, [](const auto& e) { return e.late; });
  for (std::size_t i = 0; i != expected.size(); ++i) {
    if (in_time[i]->at != expected[i].key || in_time[i]->number != expected[i].number)
      wrong("in time is " + shown(*in_time[i]) + ", and should be " + shown(expected[i]));
  }
}

void run(const query& what, const matcher& m, const std::string& content, bool pack) {
  const std::string file = pack ? packed(content) : content;
  const instant written_at = noon - 7 * a_second;
  const std::string path = memory_file(file, written_at);
  const auto hits = [&m](std::string_view line) { return m.hits(line); };
  const reference::file expected = reference::search(what, hits, content, written_at);

  const auto open = [&path] {
    auto opened = source::open(path);
    if (std::holds_alternative<trouble>(opened)) wrong("it cannot be opened: " + std::get<trouble>(opened).text);
    return std::get<source>(std::move(opened));
  };
  const file_facts facts = look_at(open(), what);
  if (facts.first != expected.first)
    wrong("its first time is " + scenario::shown(facts.first) + ", and should be " + scenario::shown(expected.first));
  if (facts.about.written_at != written_at) wrong("it is said to be written at another time");

  scan search(what, open(), facts);
  std::vector<line> found;
  instant bound = facts.first.value_or(written_at) - what.reorder,
          last = before_all;  // as run.cpp says before it begins
  std::size_t read = 0, steps = 0;
  for (bool done = false; !done;) {
    if (steps++ > content.size()) wrong("it has no end");
    const std::size_t known = found.size();
    const scan::stepped s = search.step(found);
    if (!pack) read = search.so_far().bytes;  // how much at once is its own business
    if (s.trouble) wrong("there is trouble: " + s.trouble->text);
    for (std::size_t i = known; i != found.size(); ++i) {
      say("finds " + shown(found[i]));
      if (found[i].at < bound)
        wrong("nothing below " + dgrep::to_string(bound) + " was to follow, but so does " + shown(found[i]));
      if (found[i].at < last) wrong("out of order is " + shown(found[i]));
      last = found[i].at;
    }
    say("steps to " + std::to_string(read) + ", bound " + dgrep::to_string(s.bound) + (s.done ? ", done" : ""));
    done = s.done;
    if (!done && s.bound < bound) wrong("the bound falls to " + dgrep::to_string(s.bound));
    bound = s.bound;
    if (read > content.size()) wrong("it has counted more bytes than there are");
    if (!pack && search.so_far().has_nul != (content.find('\0') < read)) wrong("it is wrong about NULs");
  }
  const scan::findings& f = search.so_far();
  if (expected.matches < what.most && f.has_nul != (content.find('\0') != content.npos))
    wrong("it is wrong about NULs");
  if (f.matches != expected.matches)
    wrong(std::to_string(f.matches) + " lines match, and " + std::to_string(expected.matches) + " should");
  if (f.cut_lines != expected.cut_lines || f.first_cut != expected.first_cut)
    wrong(std::to_string(f.cut_lines) + " lines are cut, the first is " + std::to_string(f.first_cut) +
          "; and should be " + std::to_string(expected.cut_lines) + " and " + std::to_string(expected.first_cut));
  compare(what, found, expected.lines);
}

}  // namespace

void fuzz::play(const std::uint8_t* data, std::size_t size) {
  const playing now(data, size);
  fuzz::bytes in(data, size);
  query what;
  const auto kind = static_cast<std::size_t>(in.next()) % std::size(kinds_of_pattern);
  const matcher& m = matcher_of(kind);
  const int flags = in.next();
  what.pattern = &m.get((flags & 1) != 0);
  what.invert = (flags & 2) != 0;
  what.only_count = (flags & 12) == 12;
  const bool pack = (flags & 48) == 48, raw = (flags & 64) != 0;
  what.by_time = (flags & 128) == 0;
  const int block = in.next();
  what.block = static_cast<std::size_t>(block < 250 ? block + 1 : (block - 249) * 50);
  const int context = in.next();
  what.before = static_cast<std::size_t>(context % 4);
  what.after = static_cast<std::size_t>(context / 4 % 4);
  if (context / 16 < 8) what.most = static_cast<std::uint64_t>(context / 16);
  if (context % 16 == 15) what.before = 200, what.after = 100;
  const instant limits[] = {noon, noon + a_millisecond, noon + 3 * a_second, noon - a_second};
  const int times = in.next();
  if ((times & 1) != 0) what.since = limits[times / 2 % 4];
  if ((times & 8) != 0) what.until = limits[times / 16 % 4];
  if (times >= 128 + 64) what.reorder = 2 * a_second;
  what.assumed_zone = zone::utc();
  what.now = noon + 5 * a_day;
  const int how_large = in.next();
  const std::string content = read_content(in, raw, how_large, kind >= first_filtered && kind < first_expression);
  if (how_large >= 240) what.block *= 4096;  // what was not searched yet is copied with each
  what.block = std::max(what.block, content.size() / 500 + 1);
  say("pattern " + std::to_string(kind) + ", block " + std::to_string(what.block) + ", -B " +
      std::to_string(what.before) + " -A " + std::to_string(what.after) + ", -m " + std::to_string(what.most) +
      (what.invert ? ", -v" : "") + (what.only_count ? ", -c" : "") + (pack ? ", packed" : "") +
      (what.by_time ? "" : ", not by time") + (what.reorder != 0 ? ", reorder 2 s" : "") + ", since " +
      scenario::shown(what.since) + ", until " + scenario::shown(what.until));
  say("content " + shown(std::string_view(content)));
  run(what, m, content, pack);
}
