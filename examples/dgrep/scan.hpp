// SPDX-License-Identifier: BSL-1.0
#ifndef DGREP_SCAN_HPP
#define DGREP_SCAN_HPP

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "line.hpp"
#include "pattern.hpp"
#include "source.hpp"
#include "time.hpp"

namespace dgrep {

/// What is looked for in each file.
struct query {
  const dgrep::pattern* pattern = nullptr;
  bool invert = false;                     // -v
  bool only_count = false;                 // no line is wanted, and none is made
  std::uint64_t most = ~std::uint64_t{0};  // -m: matching lines per file
  std::size_t before = 0, after = 0;       // -B, -A: at most most_context
  std::optional<instant> since, until;     // both included
  zone assumed_zone = zone::local();
  std::string time_format{};                     // --time-format
  std::int64_t reorder = 0;                      // --reorder: how far a line may be behind one before it
  instant now = after_all;                       // a time more than a day after it is none
  std::size_t block = std::size_t{512} << 10;    // bytes that are read at once: at most longest_line
  bool by_time = true;                           // else times are not even read, unless since or until need them
  std::size_t looked_at = std::size_t{1} << 20;  // bytes in which a file must have its first time
};

/// Lines longer than this are searched so far, and named.
inline constexpr std::size_t longest_line = std::size_t{1} << 20;

/// More lines of context than this are not given.
inline constexpr std::size_t most_context = std::size_t{1} << 28;

/// What is known of a file before it is searched.
struct file_facts {
  source::facts about;
  std::optional<instant> first;  // the first time in it; none: it has none, and belongs to when it was written
};

/// Looks for the first time in a file.
file_facts look_at(source from, const query& what);

/// Searches one file, block by block. What comes first in the file goes first: a line is ordered by the greatest time up to it.
class scan {
 public:
  struct findings {
    std::uint64_t matches = 0;    // lines
    std::uint64_t bytes = 0;      // of the file as it lies there
    std::uint64_t cut_lines = 0;  // longer than longest_line
    std::uint64_t first_cut = 0;  // the number of the first of them; 0: lines were not numbered
    bool has_nul = false;
  };

  scan(const query& what, source from, const file_facts& facts);

  struct stepped {
    bool done = false;
    instant bound = before_all;             // nothing below it will follow
    std::optional<dgrep::trouble> trouble;  // which has ended it; what came before it was searched
  };
  /// Searches the next block, and adds to `found`.
  stepped step(std::vector<line>& found);

  const findings& so_far() const noexcept { return findings_; }

 private:
  struct kept {
    std::string text;
    std::uint64_t number;
    instant time;
    bool cut;
  };

  void search(const char* begin, const char* end, bool cut, std::vector<line>& found);
  void count(const char* begin, const char* end);
  void take(std::string_view text, bool hit, bool cut, std::vector<line>& found);
  void put(std::string_view text, std::uint64_t number, instant time, bool cut, std::vector<line>& found);
  void release(instant up_to, std::vector<line>& found);
  void note_cut() noexcept;
  bool has_enough() const noexcept { return findings_.matches >= query_->most && after_ == 0; }
  static void seal(std::vector<line>& found, std::size_t from);

  const query* query_;
  source source_;
  searcher searcher_;
  time_reader times_;
  bool reads_times_;
  findings findings_;

  std::string rest_;       // of the block before: the head of a line whose end is still to come
  bool skipping_ = false;  // the rest of a line that was too long

  instant event_;                  // of the event that a line without a time belongs to
  instant at_;                     // the greatest so far
  instant group_ = before_all;     // what the last match was ordered by, and its context is
  std::uint64_t match_ = 0;        // its number
  std::uint64_t number_ = 0;       // of the newest line
  std::size_t after_ = 0;          // lines of context still to come
  std::deque<kept> before_;        // the newest lines that were not taken
  std::deque<std::string> texts_;  // of what was taken, until seal
  std::size_t block_;              // to be read next: less where much is found
  std::vector<line> waiting_;      // --reorder: what may not be next yet, each with memory of its own
  std::size_t sorted_ = 0;         // so many of them are in the order of time and number
  instant released_;               // nothing below it will be found any more
};

}  // namespace dgrep

#endif
