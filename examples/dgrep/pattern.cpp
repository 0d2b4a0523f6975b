// SPDX-License-Identifier: BSL-1.0
#include "pattern.hpp"

#include <re2/filtered_re2.h>
#include <re2/re2.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>
#include <utility>

#include "literals.hpp"
#include "runs.hpp"

namespace dgrep {

struct pattern::compiled {
  enum class way : std::uint8_t {
    nothing,
    everything,
    literals,  // one of them is a match
    filtered,  // a line that matches has one of them, or the runs; the expression decides
    expression
  };

  way how = way::nothing;
  bool whole_word = false;
  bool line_by_line = false;                            // it may tell a line from a text of many lines: \A and the like
  std::variant<std::monostate, literals, runs> wanted;  // not the first iff literals or filtered
  std::unique_ptr<RE2> expression;  // unless nothing; if whole_word, its first group is what may be coloured
  std::unique_ptr<RE2> within;      // iff whole_word: the same but for the begin of a line

  const char* candidate(const char* begin, const char* end) const noexcept;
  bool matches(line_view line) const;
  line_view search(const char* begin, const char* end) const;
};

namespace {

using re2::StringPiece;

// The expression searches at most this much at once, so that what a search costs does not depend on the buffer's size.
constexpr std::size_t most_at_once = std::size_t{1} << 16;

// The prefilter sleeps if more than half of this much text are lines that it lets through and the expression refuses:
// measured, it is worth its time even a little beyond that. Then a nap's length passes by it, and it gets another
// chance.
constexpr std::size_t trial = std::size_t{1} << 16;
constexpr std::size_t nap = std::size_t{1} << 20;
constexpr std::size_t dense = 2;

// Runs are searched for from this rarity on: less, as [0-9]{2}, is nearly everywhere. Measured, it may be low, because
// the prefilter sleeps where they are common after all.
constexpr double rare = 4;

const char* end_of_line(const char* at, const char* end) noexcept {
  const void* const newline = at != end ? std::memchr(at, '\n', static_cast<std::size_t>(end - at)) : nullptr;
  return newline != nullptr ? static_cast<const char*>(newline) : end;
}

const char* begin_of_line(const char* begin, const char* at) noexcept {
  const void* const newline = at != begin ? ::memrchr(begin, '\n', static_cast<std::size_t>(at - begin)) : nullptr;
  return newline != nullptr ? static_cast<const char*>(newline) + 1 : begin;
}

line_view line_around(const char* begin, const char* at, const char* end) noexcept {
  return {begin_of_line(begin, at), end_of_line(at, end)};
}

const char* after(line_view line, const char* end) noexcept { return line.end != end ? line.end + 1 : end; }

// One of the patterns.
struct one {
  std::string given;
  std::string text;  // without a (?i) at its begin
  bool fixed = false;
  bool caseless = false;
  std::optional<std::vector<std::string>> texts{};  // if nothing but these texts match
};

bool is_ascii(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

bool is_utf8(std::string_view text) noexcept {
  for (std::size_t i = 0; i != text.size();) {
    const auto byte = [&](std::size_t k) { return static_cast<unsigned char>(text[k]); };
    const unsigned first = byte(i++);
    if (first < 0x80) continue;
    const std::size_t more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
    if (first < 0xc2 || first > 0xf4 || text.size() - i < more) return false;
    // Not longer than it needs to be, no surrogates, nothing beyond U+10FFFF.
    if ((first == 0xe0 && byte(i) < 0xa0) || (first == 0xed && byte(i) > 0x9f) || (first == 0xf0 && byte(i) < 0x90) ||
        (first == 0xf4 && byte(i) > 0x8f))
      return false;
    for (std::size_t k = 0; k != more; ++k)
      if ((byte(i++) & 0xc0U) != 0x80) return false;
  }
  return true;
}

bool contains(std::string_view text, std::string_view part) noexcept { return text.find(part) != text.npos; }

std::string in_lower_case(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  return text;
}

// As it is shown in a message: on one line, and not endless.
std::string shown(std::string_view text) {
  constexpr std::size_t most = 120;
  constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (const char c : text.substr(0, most)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f) {
      out += c;
    } else {
      out += {'\\', 'x', digits[byte >> 4U], digits[byte & 15U]};
    }
  }
  return text.size() > most ? out + "..." : out;
}

std::string sentence(std::string_view text, const RE2& refused) {
  const std::string named = "the pattern '" + shown(text) + "' ";
  const auto unsupported = [&](std::string_view what) {
    return named + "uses " + std::string(what) +
           ", which a search in linear time cannot do: search for less, and let grep -P choose among the lines found";
  };
  const std::string& part = refused.error_arg();
  switch (refused.error_code()) {
    case RE2::ErrorBadPerlOp:
      if (part == "(?=" || part == "(?!") return unsupported("look-ahead");
      if (part == "(?<" && (contains(text, "(?<=") || contains(text, "(?<!"))) return unsupported("look-behind");
      if (part == "(?<") return named + "names a group as (?<name>...): write (?P<name>...), or (...) without a name";
      if (part == "(?P" && contains(text, "(?P=")) return unsupported("a back-reference");
      if (part == "(?P" && contains(text, "(?P>")) return unsupported("recursion");
      if (part == "(?>") return unsupported("an atomic group");
      if (part == "(?(") return unsupported("a condition");
      if (part == "(?R" || part == "(?&" || part == "(?0" || part == "(?1") return unsupported("recursion");
      break;
    case RE2::ErrorBadEscape:
      if (part.size() == 2 && ((part[1] >= '1' && part[1] <= '9') || part[1] == 'k' || part[1] == 'g'))
        return unsupported("a back-reference");
      if (part == "\\K") return unsupported("\\K");
      if (part == "\\Z") return named + "uses \\Z, which is not known here: write $ for the end of a line";
      break;
    case RE2::ErrorRepeatOp:
      if (!part.empty() && part.back() == '+') return unsupported("a possessive quantifier (" + shown(part) + ")");
      break;
    case RE2::ErrorPatternTooLarge:
      return named + "needs too much memory: make its repetitions smaller, or search for fewer patterns at once";
    default:
      break;
  }
  std::string why = refused.error();
  if (const std::size_t colon = why.find(": "); colon != why.npos && (part.empty() || part == text)) why.resize(colon);
  return named + "is not understood (" + shown(why) + "): correct it, or use -F to search for it as a text";
}

// The edge of a word to grep, and a '<' or '>' to RE2: it would silently find something else.
std::optional<std::string> unclear(const std::string& text) {
  if (contains(text, "\\Q")) return std::nullopt;
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {
    if (text[i] != '\\') continue;
    const char c = text[++i];
    if (c == '<' || c == '>')
      return "the pattern '" + shown(text) + "' has a \\" + c +
             ", which not all take for the edge of a word: write \\b for that, or " + c + " for the byte";
  }
  return std::nullopt;
}

RE2::Options options_for(bool utf8) {
  RE2::Options options;
  options.set_never_nl(true);
  options.set_log_errors(false);
  options.set_encoding(utf8 ? RE2::Options::EncodingUTF8 : RE2::Options::EncodingLatin1);
  options.set_max_mem(std::int64_t{64} << 20);
  return options;
}

std::string expression_of(const one& p, const RE2::Options& options) {
  if (p.fixed) return (p.caseless ? "(?i:" : "(?:") + RE2::QuoteMeta(p.text) + ")";
  const std::string begin = p.caseless ? "(?i:" : "(?:";
  std::string whole = begin + p.text + ")";
  // A \Q that nothing ends takes the bracket for a text.
  if (contains(p.text, "\\Q") && !RE2(whole, options).ok()) whole = begin + p.text + "\\E)";
  return whole;
}

// The texts that an expression without operators other than | stands for.
std::optional<std::vector<std::string>> texts_of(const std::string& expression) {
  std::vector<std::string> texts(1);
  for (std::size_t i = 0; i != expression.size(); ++i) {
    char c = expression[i];
    if (c == '|') {
      texts.emplace_back();
      continue;
    }
    if (std::strchr(".+*?()[]{}^$", c) != nullptr && c != '\0') return std::nullopt;
    if (c == '\\') {
      if (++i == expression.size()) return std::nullopt;
      c = expression[i];
      const auto byte = static_cast<unsigned char>(c);
      if (byte <= 0x20 || byte >= 0x7f || is_word_byte(c)) return std::nullopt;  // it is more than that byte
    }
    texts.back() += c;
  }
  return texts;
}

// Is there a (?flags) or (?flags:...) with this flag, or with `flag` behind `sign`?
bool has_flag(std::string_view expression, std::string_view sign, std::string_view flag = {}) noexcept {
  for (std::size_t at = expression.find("(?"); at != expression.npos; at = expression.find("(?", at + 2)) {
    const std::string_view flags = expression.substr(at + 2, expression.find_first_not_of("imsU-", at + 2) - at - 2);
    const std::size_t found = flags.find(sign);
    if (found != flags.npos && contains(flags.substr(found), flag)) return true;
  }
  return false;
}

// Does it speak of characters that have more than one byte?
bool needs_utf8(const one& p) noexcept {
  if (p.texts && (!p.caseless || is_ascii(p.text))) return false;
  if (!is_ascii(p.text)) return true;
  return !p.fixed && (contains(p.text, "\\p") || contains(p.text, "\\P") || contains(p.text, "\\x{"));
}

// Does case matter to some of them, or of their parts, and not to others?
bool is_case_mixed(const std::vector<one>& patterns) noexcept {
  return std::any_of(patterns.begin(), patterns.end(), [&](const one& p) {
    return p.caseless != patterns.front().caseless || (!p.fixed && has_flag(p.text, "i"));
  });
}

// Does it, or may it, tell the begin or the end of a text from that of a line, or take a '\n' for any byte?
bool sees_more_than_lines(const one& p) noexcept {
  if (p.fixed) return false;
  for (const char* const what : {"\\A", "\\z", "\\C"})
    if (contains(p.text, what)) return true;
  return has_flag(p.text, "-", "m");
}

// Texts of which each match of `expression` has one, in either case; none if there are none. Bytes are characters.
std::vector<std::string> required_by(const std::string& expression) {
  for (const int shortest : {3, 2}) {
    re2::FilteredRE2 filter(shortest);
    int id = 0;
    if (filter.Add(expression, options_for(false), &id) != RE2::NoError) return {};
    std::vector<std::string> atoms;
    filter.Compile(&atoms);
    if (atoms.empty()) continue;
    if (atoms.size() > 4 * literals::most) return {};

    // Some may be left out: of those that only occur together, the rarest will do. So the most common ones go first,
    // as long as the expression cannot match a text that has all those left out, and no other.
    std::vector<int> by_commonness, left_out, possible;
    for (std::size_t i = 0; i != atoms.size(); ++i) by_commonness.push_back(static_cast<int>(i));
    const auto atom = [&](int i) -> const std::string& { return atoms[static_cast<std::size_t>(i)]; };
    std::sort(by_commonness.begin(), by_commonness.end(),
              [&](int a, int b) { return std::pair(commonness(atom(b)), a) < std::pair(commonness(atom(a)), b); });
    filter.AllPotentials({}, &possible);
    if (!possible.empty()) continue;
    std::vector<std::string> kept;
    for (const int i : by_commonness) {
      left_out.push_back(i);
      filter.AllPotentials(left_out, &possible);
      if (possible.empty()) continue;
      left_out.pop_back();
      kept.push_back(atom(i));
    }
    return kept;
  }
  return {};
}

// What has another of them in it adds nothing.
void drop_redundant(std::vector<literal>& all) {
  const auto has = [](const literal& longer, const literal& part) {
    if (part.caseless) return contains(in_lower_case(longer.text), part.text);
    return !longer.caseless && contains(longer.text, part.text);
  };
  std::sort(all.begin(), all.end(), [](const literal& a, const literal& b) {
    if (a.text.size() != b.text.size()) return a.text.size() < b.text.size();
    if (a.caseless != b.caseless) return a.caseless;  // in which the same text is, too
    return a.text < b.text;
  });
  std::vector<literal> kept;
  for (literal& l : all)
    if (std::none_of(kept.begin(), kept.end(), [&](const literal& k) { return has(l, k); }))
      kept.push_back(std::move(l));
  all = std::move(kept);
}

literal literal_of(const std::string& text, bool caseless) { return {caseless ? in_lower_case(text) : text, caseless}; }

// The patterns themselves, if they are nothing but texts that can be compared byte by byte. Not if there are too many.
std::optional<std::vector<literal>> all_texts(const std::vector<one>& patterns, bool whole_word) {
  std::vector<literal> all;
  for (const one& p : patterns) {
    if (!p.texts || (p.caseless && !is_ascii(p.text))) return std::nullopt;
    for (const std::string& text : *p.texts) {
      if (text.empty() || text.size() > literals::longest || all.size() == 4 * literals::most) return std::nullopt;
      all.push_back(literal_of(text, p.caseless));
    }
  }
  // A word within a longer one is not found where that is.
  if (!whole_word) drop_redundant(all);
  if (all.size() > literals::most) return std::nullopt;
  return all;
}

// Texts of which each line that matches has one, or nothing if there are none or too many.
std::optional<std::vector<literal>> all_required(const std::vector<one>& patterns, bool utf8) {
  // In UTF-8, a letter may have cases of other lengths: k is also U+212A. It is left to the expression alone.
  if (utf8 || patterns.size() > 4 * literals::most) return std::nullopt;
  std::vector<literal> all;
  const auto add = [&all](std::string_view text, bool caseless) {
    if (text.size() < 2) return false;  // found too often to be worth it
    all.push_back(literal_of(std::string(rarest_part(text, literals::longest / 2)), caseless));
    return true;
  };
  for (const one& p : patterns) {
    if (p.texts && (!p.caseless || is_ascii(p.text))) {
      for (const std::string& text : *p.texts)
        if (!add(text, p.caseless)) return std::nullopt;
      continue;
    }
    // Without the (?i), under which RE2 takes a k or an s for one more letter each: what is required is searched in
    // either case, so an expression that matches fewer cases requires the same.
    const std::vector<std::string> atoms = required_by(p.fixed ? RE2::QuoteMeta(p.text) : p.text);
    if (atoms.empty()) return std::nullopt;
    for (const std::string& atom : atoms)
      if (!is_ascii(atom) || contains(atom, "\n") || !add(atom, true)) return std::nullopt;
  }
  drop_redundant(all);
  if (all.empty() || all.size() > literals::most) return std::nullopt;
  return all;
}

// Runs that each line that matches has, or none if there are none that are rare.
std::vector<byte_run> runs_required(const std::vector<one>& patterns, bool utf8) {
  if (utf8 || patterns.size() != 1 || patterns.front().fixed) return {};
  std::vector<byte_run> all = required_runs(patterns.front().text, patterns.front().caseless);
  if (rarity(all) < rare) all.clear();
  return all;
}

std::vector<one> split(const std::vector<std::string>& patterns, const pattern_options& options) {
  std::vector<one> all;
  for (const std::string& lines : patterns) {
    for (std::size_t begin = 0, end = 0; end != lines.npos; begin = end + 1) {
      end = lines.find('\n', begin);
      std::string given = lines.substr(begin, end == lines.npos ? end : end - begin);
      one p{given, std::move(given), options.fixed, options.ignore_case};
      if (!p.fixed && p.text.starts_with("(?i)")) {
        p.text.erase(0, 4);
        p.caseless = true;
      }
      if (p.fixed) {
        p.texts.emplace(1, p.text);
      } else {
        p.texts = texts_of(p.text);
      }
      all.push_back(std::move(p));
    }
  }
  return all;
}

}  // namespace

// A byte of the first line that may match; nullptr if there is none.
const char* pattern::compiled::candidate(const char* begin, const char* end) const noexcept {
  if (const auto* const l = std::get_if<literals>(&wanted)) return l->find(begin, end);
  if (const auto* const r = std::get_if<runs>(&wanted)) return r->find(begin, end);
  return begin;
}

bool pattern::compiled::matches(line_view line) const {
  const StringPiece text(line.begin, static_cast<std::size_t>(line.end - line.begin));
  return expression->Match(text, 0, text.size(), RE2::UNANCHORED, nullptr, 0);
}

// Finds a match in the whole text, and then its line: most lines are never looked at as such.
line_view pattern::compiled::search(const char* begin, const char* end) const {
  while (begin != end) {
    if (line_by_line) {
      const line_view line{begin, end_of_line(begin, end)};
      if (matches(line)) return line;
      begin = after(line, end);
      continue;
    }
    const char* const stop =
        static_cast<std::size_t>(end - begin) > most_at_once ? end_of_line(begin + most_at_once, end) : end;
    // Without the last '\n', behind which there would be one more line, with nothing in it.
    const char* const last = stop == end && stop[-1] == '\n' ? stop - 1 : stop;
    const StringPiece text(begin, static_cast<std::size_t>(last - begin));
    StringPiece match;
    if (expression->Match(text, 0, text.size(), RE2::UNANCHORED, &match, 1))
      return line_around(begin, match.data(), end);
    begin = stop != end ? stop + 1 : end;
  }
  return {};
}

std::variant<pattern, pattern::error> pattern::compile(const std::vector<std::string>& patterns,
                                                       const pattern_options& options) {
  auto made = std::make_unique<compiled>();
  const std::vector<one> all = split(patterns, options);
  if (all.empty()) return pattern(std::move(made));

  const bool wants_utf8 = std::any_of(all.begin(), all.end(), needs_utf8);
  const bool utf8 = wants_utf8 && std::all_of(all.begin(), all.end(), [](const one& p) { return is_utf8(p.text); });
  const RE2::Options re2_options = options_for(utf8);
  // RE2 takes what alternatives begin with out of them, and a|(?i:a) for a; but it leaves groups alone.
  const bool is_mixed = all.size() > 1 && is_case_mixed(all);
  std::string joined;
  for (const one& p : all) {
    if (!p.fixed) {
      if (auto text = unclear(p.given)) return error{*std::move(text)};
    }
    if (!p.texts) {
      const RE2 alone(p.text, re2_options);
      if (!alone.ok()) return error{sentence(p.given, alone)};
    }
    if (&p != &all.front()) joined += '|';
    joined += is_mixed ? "(" + expression_of(p, re2_options) + ")" : expression_of(p, re2_options);
  }

  made->whole_word = options.whole_word;
  made->line_by_line = std::any_of(all.begin(), all.end(), sees_more_than_lines);
  const auto make = [&](const std::string& whole) { return std::make_unique<RE2>(whole, re2_options); };
  if (options.whole_word) {
    made->expression = make("(?m:(?:^|\\W)(" + joined + ")(?:$|\\W))");
    made->within = make("(?m:\\W(" + joined + ")(?:$|\\W))");
  } else {
    made->expression = make("(?m:" + joined + ")");
  }
  for (const RE2* const r : {made->expression.get(), made->within.get()})
    if (r != nullptr && !r->ok()) return error{sentence(all.size() == 1 ? all.front().given : joined, *r)};

  const auto is_empty = [](const one& p) {
    return p.texts && std::find(p.texts->begin(), p.texts->end(), std::string()) != p.texts->end();
  };
  if (!options.whole_word && std::any_of(all.begin(), all.end(), is_empty)) {
    made->how = compiled::way::everything;
  } else if (auto texts = all_texts(all, options.whole_word)) {
    made->how = compiled::way::literals;
    made->wanted.emplace<literals>(*std::move(texts), options.whole_word, options.portable);
  } else if (auto required = all_required(all, utf8)) {
    made->how = compiled::way::filtered;
    made->wanted.emplace<literals>(*std::move(required), false, options.portable);
  } else if (const auto of_classes = runs_required(all, utf8); !of_classes.empty()) {
    made->how = compiled::way::filtered;
    made->wanted.emplace<runs>(of_classes, options.portable);
  } else {
    made->how = compiled::way::expression;
  }
  return pattern(std::move(made));
}

pattern::pattern(std::unique_ptr<compiled> c) noexcept : compiled_(std::move(c)) {}
pattern::~pattern() = default;
pattern::pattern(pattern&&) noexcept = default;
pattern& pattern::operator=(pattern&&) noexcept = default;

std::string_view pattern::match_in(std::string_view line, std::size_t from) const {
  const compiled& c = *compiled_;
  const StringPiece text(line.data(), line.size());
  for (; c.expression && from < line.size(); ++from) {
    StringPiece found[2];
    const int which = c.whole_word ? 1 : 0;
    const bool is_within = c.whole_word && from != 0;
    const RE2& expression = is_within ? *c.within : *c.expression;
    if (!expression.Match(text, is_within ? from - 1 : from, text.size(), RE2::UNANCHORED, found, which + 1)) break;
    if (!found[which].empty()) return {found[which].data(), found[which].size()};
    from = static_cast<std::size_t>(found[which].data() - line.data());
  }
  return line.substr(line.size());
}

line_view searcher::next(const char* begin, const char* end) {
  if (begin == end) return {};
  const pattern::compiled& c = *pattern_;
  switch (c.how) {
    case pattern::compiled::way::nothing:
      return {};
    case pattern::compiled::way::everything:
      return {begin, end_of_line(begin, end)};
    case pattern::compiled::way::expression:
      return c.search(begin, end);
    case pattern::compiled::way::filtered:
      return next_filtered(begin, end);
    case pattern::compiled::way::literals:
      if (const char* const hit = c.candidate(begin, end)) return line_around(begin, hit, end);
  }
  return {};
}

line_view searcher::next_filtered(const char* begin, const char* end) {
  const pattern::compiled& c = *pattern_;
  while (begin != end) {
    if (asleep_for_ != 0) {
      const char* const stop = static_cast<std::size_t>(end - begin) > asleep_for_
                                   ? after({begin, end_of_line(begin + asleep_for_, end)}, end)
                                   : end;
      const line_view line = c.search(begin, stop);
      const char* const at = line ? after(line, end) : stop;
      asleep_for_ -= std::min(asleep_for_, static_cast<std::size_t>(at - begin));
      if (line) return line;
      begin = at;
      continue;
    }
    const char* const hit = c.candidate(begin, end);
    const line_view line = hit != nullptr ? line_around(begin, hit, end) : line_view{end, end};
    const bool is_match = hit != nullptr && c.matches(line);
    searched_ += static_cast<std::size_t>(line.end - begin);
    if (!is_match) refused_ += line.text().size();
    if (searched_ >= trial) {
      if (refused_ > searched_ / dense) asleep_for_ = nap;
      searched_ = refused_ = 0;
    }
    if (is_match) return line;
    begin = after(line, end);
  }
  return {};
}

}  // namespace dgrep
