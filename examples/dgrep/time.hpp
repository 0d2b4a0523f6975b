// SPDX-License-Identifier: BSL-1.0
#ifndef DGREP_TIME_HPP
#define DGREP_TIME_HPP

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace dgrep {

/// Nanoseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
using instant = std::int64_t;
inline constexpr instant before_all = std::numeric_limits<instant>::min();
inline constexpr instant after_all = std::numeric_limits<instant>::max();
inline constexpr instant a_second = 1'000'000'000;

/// What a time without a zone is taken to be in: a fixed distance from UTC, or this machine's local time.
class zone {
 public:
  /// "local", "utc", "Z", "+02:00", "-0730", "+05".
  [[nodiscard]] static std::optional<zone> parse(std::string_view text);
  static zone utc() noexcept { return zone(0); }
  static zone local() noexcept { return zone(); }

  /// `wall`: what a clock in the zone shows, as if that were UTC. A time that occurs twice is the earlier one, one that
  /// is skipped is as far after the jump as it says.
  instant to_utc(instant wall) const noexcept;

  /// What a clock in the zone shows then, as if that were UTC.
  instant to_wall(instant utc) const noexcept;

 private:
  zone() noexcept : is_local_(true) {}
  explicit zone(std::int32_t east) noexcept : east_(east) {}
  std::int32_t east_ = 0;  // seconds
  bool is_local_ = false;
};

/// What times are understood by, for one file.
struct time_rules {
  zone assumed = zone::local();    // of times that name none
  instant written_by = after_all;  // when the file was last written, which a time without a year is counted back from;
                                   // after_all: it is being written now
  instant not_after = after_all;   // a time after this is none: a clock gone wrong must not hold up everybody else
  std::string custom{};            // as check_time_format says; empty: the format is found out
};

/// What is wrong with a --time-format, as a sentence; nothing if it will do. It is what strptime takes, and %L, %f or
/// %N for the digits of a fraction: three, six, or up to nine, further ones ignored. It needs a month, a day and an
/// hour, or %s. %Z is read over, not understood. It must fit from the first byte of a line.
std::optional<std::string> check_time_format(std::string_view text);

/// Reads the times at the heads of the lines of one file, in order. These formats are known, and tried in this order:
///
///   ISO 8601       2016-12-19T18:02:24.289+01:00, 2016-12-19 18:02:24,289; also after "[", "<13>" and "<13>1 "
///   yyyy/mm/dd     2016/12/19 18:02:24.289; also after "["
///   mm/dd/yyyy     12/19/2016 18:02:24, 12/19/2016 06:02:24 PM: the order of the United States; also after "["
///   RFC 3164       Dec 19 18:02:24; also after "<13>"
///   Apache error   [Mon Dec 19 18:02:24.289 2016]; also without brackets, and without a year
///   glog           I1219 18:02:24.289000, I20161219 18:02:24.289000
///   epoch          1482170544, with 10, 13, 16 or 19 digits: s, ms, µs or ns, and a fraction; also after "["
///   JSON           an object's first "ts", "time", "timestamp" or "@timestamp" that is one of these or such a number
///   Apache access  [19/Dec/2016:18:02:24 +0100], from byte 0 to 255 of the line
///
/// The first that fits a line is kept, and no other is tried until `misses_until_lost` lines in a row have not had it.
/// The one before it is kept too, as some files mix two.
///
/// A zone is Z, +hh:mm, +hhmm or +hh, or after a space UTC, GMT, +hh:mm or +hhmm. A fraction is to the nanosecond, what
/// is beyond it dropped. A leap second (:60) is the start of the next one. A day, an hour or a zone that cannot be
/// makes no time, and neither does one before 1970 or after 2261.
class time_reader {
 public:
  static constexpr int misses_until_lost = 50;

  explicit time_reader(const time_rules& rules);
  ~time_reader();
  time_reader(time_reader&&) noexcept;
  time_reader& operator=(time_reader&&) noexcept;

  /// The time of this line, without its '\n'; nullopt if it has none. Lines are given once each, in the order of the
  /// file: a time without a year is in the one that brings it within half a year of the time before it, and the first
  /// is in the latest year that it could have been written in.
  std::optional<instant> read(std::string_view line);

  /// The format in use, for messages, as named above, or the one that was given; empty as long as there is none.
  std::string_view format() const noexcept;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

/// A moment as --since and --until take it: what a log may say, also to the minute or the day only; "2h", "90m", "3d"
/// (so long before `now`); "12:30" or "12:30:45" (today, in `z`).
std::optional<instant> parse_moment(std::string_view text, const zone& z, instant now);

/// "2s", "1.5m", "200ms", "3d", "2w", also us, ns and h; no unit: seconds.
std::optional<std::int64_t> parse_duration(std::string_view text);

/// "2016-12-19T18:02:24.289000000Z"
std::string to_string(instant t);

}  // namespace dgrep

#endif
