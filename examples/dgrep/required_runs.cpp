// SPDX-License-Identifier: BSL-1.0
// What runs an expression requires: required_runs and rarity of runs.hpp.
#include "runs.hpp"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <bitset>
#include <cmath>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "literals.hpp"

namespace dgrep {
namespace {

using byte_class = std::bitset<256>;

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

// Which share of the bytes in log files each is.
const std::array<double, 256>& shares() {
  static const auto all = [] {
    std::array<double, 256> made{};
    for (std::size_t b = 0; b != made.size(); ++b) {
      // What it says of three is 12 log2 of how many there are in 1 MiB, for each.
      const std::string three(3, static_cast<char>(b));
      made[b] = std::exp2(commonness(three) / 36.0 - 20);
    }
    return made;
  }();
  return all;
}

double rarity_of(const byte_run& run) {
  double share = 0;
  for (std::size_t b = 0; b != run.of.size(); ++b)
    if (run.of[b]) share += shares()[b];
  // Bytes of one class like to be neighbours: one more says half as much as the first.
  return -std::log2(std::min(share, 1.0)) * (static_cast<double>(run.least) + 1) / 2;
}

constexpr std::size_t none = std::string_view::npos;

// Behind the class in brackets that begins at `at`; none: it is not understood.
std::size_t end_of_class(std::string_view text, std::size_t at) noexcept {
  std::size_t i = at + 1;
  if (i < text.size() && text[i] == '^') ++i;
  for (bool first = true; i < text.size(); first = false) {
    if (text[i] == ']' && !first) return i + 1;
    if (text[i] == '\\') {
      i += 2;
    } else if (const std::size_t end = text.find(":]", i + 2); text.substr(i, 2) == "[:" && end != none) {
      if (text[i - 1] == '-') return none;  // the end of a range?
      i = end + 2;
    } else {
      ++i;
    }
  }
  return none;
}

// Behind the byte, class, escape or group that begins at `at`; none: it is not understood.
std::size_t end_of_atom(std::string_view text, std::size_t at) noexcept {
  if (text[at] == '[') return end_of_class(text, at);
  if (text[at] == '(') {
    for (std::size_t i = at + 1; i < text.size(); i = end_of_atom(text, i))
      if (text[i] == ')') return i + 1;
    return none;
  }
  if (text[at] != '\\') return at + 1;
  if (at + 1 == text.size()) return none;
  const char c = text[at + 1];
  if (c == 'x') return text.size() - at >= 4 && text[at + 2] != '{' ? at + 4 : none;
  return is_digit(c) || std::string_view("pPQEC").find(c) != none ? none : at + 2;
}

bool has_alternatives(std::string_view text) noexcept {
  for (std::size_t at = 0; at < text.size(); at = end_of_atom(text, at))
    if (text[at] == '|') return true;
  return false;
}

struct counts {
  std::size_t least = 1, most = 1;
};
constexpr std::size_t unbounded = none;

bool is_quantifier(std::string_view text, std::size_t at) noexcept {
  if (at >= text.size()) return false;
  if (text[at] == '{') return at + 1 < text.size() && is_digit(text[at + 1]);  // else it is the byte
  return text[at] == '*' || text[at] == '+' || text[at] == '?';
}

std::optional<std::size_t> number(std::string_view text, std::size_t& at) noexcept {
  const std::size_t begin = at;
  std::size_t n = 0;
  while (at < text.size() && is_digit(text[at]) && at - begin < 5)
    n = n * 10 + static_cast<std::size_t>(text[at++] - '0');
  // With a zero before it, {02} is a text.
  if (at == begin || (text[begin] == '0' && at - begin != 1)) return std::nullopt;
  return n;
}

// How often the atom before `at` is repeated; then `at` is behind that. nullopt: it is not understood.
std::optional<counts> quantifier(std::string_view text, std::size_t& at) noexcept {
  if (!is_quantifier(text, at)) return counts{};
  counts c;
  switch (text[at++]) {
    case '*':
      c = {0, unbounded};
      break;
    case '+':
      c = {1, unbounded};
      break;
    case '?':
      c = {0, 1};
      break;
    default: {
      const auto least = number(text, at);
      if (!least) return std::nullopt;
      c = {*least, *least};
      if (at < text.size() && text[at] == ',') {
        ++at;
        if (at < text.size() && text[at] == '}') {
          c.most = unbounded;
        } else if (const auto most = number(text, at)) {
          c.most = *most;
        } else {
          return std::nullopt;
        }
      }
      if (at == text.size() || text[at++] != '}') return std::nullopt;
    }
  }
  if (at < text.size() && text[at] == '?') ++at;  // it matches the same lines
  if (is_quantifier(text, at)) return std::nullopt;
  return c;
}

// Walks through an expression and collects runs. What may be repeated more often than it must be ends the runs before
// it with as many as must be, and begins those behind it with as many: in a\d{1,3}b there are a\d and \db, but no a\db.
class collector {
 public:
  explicit collector(bool caseless) : caseless_(caseless) {}

  /// Adds what each match of `text` has, from its begin to its end. false: it is not understood.
  bool walk(std::string_view text) {
    for (std::size_t at = 0; at != text.size();) {
      // Groups of groups are walked through again and again.
      if (++steps_ > 4096) return false;
      const std::size_t end = end_of_atom(text, at);
      if (end == none || text[at] == '|') return false;
      const std::string_view atom = text.substr(at, end - at);
      at = end;
      const auto times = quantifier(text, at);
      if (!times) return false;
      if (is_edge(atom)) continue;
      if (!(atom.front() == '(' ? group(atom.substr(1, atom.size() - 2), *times) : bytes(atom, *times))) return false;
    }
    return true;
  }

  std::vector<byte_run> rarest() {
    finish();
    return std::move(rarest_);
  }

 private:
  static bool is_edge(std::string_view atom) noexcept {
    for (const std::string_view edge : {"^", "$", "\\b", "\\B", "\\A", "\\z"})
      if (atom == edge) return true;
    return false;
  }

  bool group(std::string_view text, const counts& times) {
    if (text.starts_with("?:")) {
      text.remove_prefix(2);
    } else if (text.starts_with("?P<")) {
      text.remove_prefix(std::min(text.find('>'), text.size() - 1) + 1);
    } else if (text.starts_with("?")) {
      return false;  // flags, which may change what is behind them
    }
    if (has_alternatives(text)) {
      finish();
      return true;
    }
    return repeat(times, [&] {
      for (std::size_t i = 0; i != times.least; ++i)
        if (!walk(text)) return false;
      return true;
    });
  }

  bool bytes(std::string_view atom, const counts& times) {
    const byte_class& of = class_of(atom);
    if (of.none()) return false;
    return repeat(times, [&] {
      append(of, times.least);
      return true;
    });
  }

  template <class F>
  bool repeat(const counts& times, F add_least) {
    if (!add_least()) return false;
    if (times.most == times.least) return true;
    finish();
    return add_least();
  }

  void append(const byte_class& of, std::size_t number) {
    while (number != 0) {
      if (size_ == runs::longest) finish();
      const std::size_t some = std::min(number, runs::longest - size_);
      if (current_.empty() || current_.back().of != of) current_.push_back({of, 0});
      current_.back().least += some;
      size_ += some;
      number -= some;
    }
  }

  // What follows is not known to be right behind.
  void finish() {
    if (const double r = rarity(current_); r > rarity_) {
      rarest_ = current_;
      rarity_ = r;
    }
    current_.clear();
    size_ = 0;
  }

  // RE2 itself is asked, so that there is no second opinion on what \s is, or the other case of a byte.
  const byte_class& class_of(std::string_view atom) {
    const auto [at, is_new] = known_.try_emplace(std::string(atom));
    if (!is_new) return at->second;
    RE2::Options options;
    options.set_log_errors(false);
    options.set_encoding(RE2::Options::EncodingLatin1);
    const RE2 one((caseless_ ? "(?i:" : "(?:") + at->first + ")", options);
    for (std::size_t b = 0; one.ok() && b != at->second.size(); ++b) {
      const char c = static_cast<char>(b);
      at->second[b] = c != '\n' && RE2::FullMatch(re2::StringPiece(&c, 1), one);
    }
    return at->second;
  }

  bool caseless_;
  std::size_t steps_ = 0;
  std::map<std::string, byte_class> known_;
  std::vector<byte_run> current_, rarest_;
  std::size_t size_ = 0;  // of current_, in bytes
  double rarity_ = 0;     // of rarest_
};

}  // namespace

std::vector<byte_run> required_runs(const std::string& expression, bool caseless) {
  collector c(caseless);
  if (expression.find("\\Q") != none || has_alternatives(expression) || !c.walk(expression)) return {};
  return c.rarest();
}

double rarity(const std::vector<byte_run>& all) {
  double sum = 0;
  for (const byte_run& run : all) sum += rarity_of(run);
  return sum;
}

}  // namespace dgrep
