// SPDX-License-Identifier: BSL-1.0
#ifndef DGREP_PATTERN_HPP
#define DGREP_PATTERN_HPP

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace dgrep {

struct pattern_options {
  bool fixed = false;        // -F: the patterns are texts, not expressions
  bool ignore_case = false;  // -i
  bool whole_word = false;   // -w: no ASCII letter, digit or _ before or after the match, as with grep
  bool portable = false;     // without vector instructions, as on a machine that has none: for tests
};

/// Where a line is: from its first byte to its '\n', which is not part of it and may be missing at the end of a file.
/// A '\r' before it is a byte like any other, as are NULs: `$` does not match before "\r\n".
struct line_view {
  const char* begin = nullptr;
  const char* end = nullptr;
  explicit operator bool() const noexcept { return begin != nullptr; }
  std::string_view text() const noexcept { return {begin, static_cast<std::size_t>(end - begin)}; }
};

/// What is searched for: a line matches if one of the patterns does, in the syntax of RE2, in linear time. Texts are
/// bytes; if a pattern speaks of characters beyond ASCII, in valid UTF-8, they are UTF-8 to all expressions. May be
/// used by any number of threads at once, each with a `searcher` of its own.
class pattern {
 public:
  struct error {
    std::string text;  // one sentence that names the pattern and says what to do
  };
  /// No patterns match no line; an empty one matches each. One with a '\n' is several, as with grep.
  static std::variant<pattern, error> compile(const std::vector<std::string>& patterns, const pattern_options& options);

  ~pattern();
  pattern(pattern&&) noexcept;
  pattern& operator=(pattern&&) noexcept;

  /// Where in `line` it matches next, at `from` or later, for colours; an empty view at its end if nowhere. Matches
  /// of no bytes do not count. `line`: the whole line, because what is before `from` decides about ^ and about words
  std::string_view match_in(std::string_view line, std::size_t from) const;

  struct compiled;
  const compiled& get() const noexcept { return *compiled_; }

 private:
  explicit pattern(std::unique_ptr<compiled> c) noexcept;
  std::unique_ptr<compiled> compiled_;
};

/// Searches buffers of whole lines. It learns how dense candidates are: one for each file, used by one thread at a time.
class searcher {
 public:
  /// What `p` holds must outlive it.
  explicit searcher(const pattern& p) noexcept : pattern_(&p.get()) {}

  /// The first line in [begin, end) that matches, or none. Reads nothing outside.
  /// pre: begin is the first byte of a line
  line_view next(const char* begin, const char* end);

 private:
  line_view next_filtered(const char* begin, const char* end);

  const pattern::compiled* pattern_;
  std::size_t searched_ = 0;  // bytes, since it was last decided how to search
  std::size_t refused_ = 0;   // bytes of the lines among them that the prefilter let through and the expression did not
  std::size_t asleep_for_ = 0;  // bytes until the prefilter is given another chance; 0: it is awake
};

}  // namespace dgrep

#endif
