// SPDX-License-Identifier: BSL-1.0
#include "time.hpp"

#include <simdjson.h>
#include <time.h>

#include <array>
#include <charconv>
#include <chrono>
#include <cstring>
#include <utility>
#include <vector>

namespace dgrep {
namespace {

constexpr instant a_minute = 60 * a_second;
constexpr instant an_hour = 60 * a_minute;
constexpr instant a_day = 24 * an_hour;
constexpr instant half_a_year = 365 * a_day / 2;
constexpr int first_year = 1970;
constexpr int last_year = 2261;                             // int64 ends in April of the next
constexpr instant end_of_years = 9'214'646'400 * a_second;  // 2262-01-01T00:00:00Z

constexpr std::size_t access_reach = 256;               // the bytes of a line in which Apache's bracket may begin
constexpr std::size_t custom_reach = 512;               // the bytes of a line that a custom format may take
constexpr std::size_t longest_json = 16 * 1024 * 1024;  // a longer line is not looked into

instant plus(instant a, instant b) noexcept {
  if (b > 0 && a > after_all - b) return after_all;
  if (b < 0 && a < before_all - b) return before_all;
  return a + b;
}

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
bool is_word(char c) noexcept { return is_digit(c) || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }
bool at_word(const char* p, const char* end) noexcept { return p != end && is_word(*p); }
bool at_digit(const char* p, const char* end) noexcept { return p != end && is_digit(*p); }
bool is_one_of(char c, std::string_view these) noexcept { return these.find(c) != std::string_view::npos; }

// -1: not digits. The same for all that follow which return an int.
int two_digits(const char* p) noexcept {
  const auto tens = static_cast<unsigned>(p[0] - '0');
  const auto ones = static_cast<unsigned>(p[1] - '0');
  return tens < 10 && ones < 10 ? static_cast<int>(10 * tens + ones) : -1;
}

int four_digits(const char* p) noexcept {
  const int high = two_digits(p), low = two_digits(p + 2);
  return high >= 0 && low >= 0 ? 100 * high + low : -1;
}

// As in "Dec  9", too.
int day_of_month(const char* p) noexcept { return p[0] == ' ' && is_digit(p[1]) ? p[1] - '0' : two_digits(p); }

bool has_letters(const char* p, std::string_view three) noexcept { return std::memcmp(p, three.data(), 3) == 0; }

// The place of the next three letters among names of three.
int by_name(const char* p, std::string_view names) noexcept {
  for (std::size_t i = 0; i != names.size(); i += 3)
    if (has_letters(p, names.substr(i, 3))) return static_cast<int>(i / 3);
  return -1;
}

int month_by_name(const char* p) noexcept {  // 0: none
  return by_name(p, "JanFebMarAprMayJunJulAugSepOctNovDec") + 1;
}
int weekday_by_name(const char* p) noexcept { return by_name(p, "SunMonTueWedThuFriSat"); }

// The start of that day, if there is such a day.
bool midnight(int year, int month, int day, instant& wall) noexcept {
  if (year < first_year || year > last_year || month < 1 || month > 12 || day < 1) return false;
  const std::chrono::year_month_day date{std::chrono::year{year}, std::chrono::month{static_cast<unsigned>(month)},
                                         std::chrono::day{static_cast<unsigned>(day)}};
  if (!date.ok()) return false;
  wall = std::chrono::sys_days{date}.time_since_epoch().count() * a_day;
  return true;
}

// "18:02", since midnight; negative if it is none. pre: five characters
instant hour_and_minute(const char* p) noexcept {
  const int hour = two_digits(p), minute = two_digits(p + 3);
  if (hour < 0 || hour > 23 || p[2] != ':' || minute < 0 || minute > 59) return -1;
  return hour * an_hour + minute * a_minute;
}

// Digits of a fraction of `unit`; what is less than a nanosecond is dropped.
instant read_fraction(const char*& p, const char* end, instant unit) noexcept {
  instant value = 0;
  for (; at_digit(p, end); ++p) value += (*p - '0') * (unit /= 10);
  return value;
}

// ":24", ":24.289", ":24,289"
bool read_seconds(const char*& p, const char* end, instant& value) noexcept {
  if (end - p < 3 || *p != ':') return false;
  const int second = two_digits(p + 1);
  if (second < 0 || second > 60) return false;
  p += 3;
  value = second * a_second;
  if (end - p >= 2 && (*p == '.' || *p == ',') && is_digit(p[1])) {
    const instant fraction = read_fraction(++p, end, a_second);
    if (second != 60) value += fraction;
  }
  return !at_digit(p, end);
}

struct clock_reading {
  instant wall = 0;  // since midnight, or since 1970, as far as it is known
  instant east = 0;
  bool has_zone = false;
};

// "+02:00", "+0200", "+02". pre: at a sign
bool read_offset(const char*& p, const char* end, instant& east) noexcept {
  if (end - p < 3) return false;
  const bool west = *p == '-';
  const int hours = two_digits(p + 1);
  if (hours < 0 || hours > 23) return false;
  const char* at = p + 3;
  if (end - at >= 2 && *at == ':' && is_digit(at[1])) ++at;
  int minutes = 0;
  if (at_digit(at, end)) {
    if (end - at < 2) return false;
    minutes = two_digits(at);
    if (minutes < 0 || minutes > 59) return false;
    at += 2;
  }
  if (at_digit(at, end)) return false;
  east = (hours * an_hour + minutes * a_minute) * (west ? -1 : 1);
  p = at;
  return true;
}

// A zone, if one follows. False if what follows cannot stand behind a time, or looks like a zone and is none: rather no
// time than a wrong one.
bool read_zone(const char*& p, const char* end, clock_reading& r) noexcept {
  if (p == end) return true;
  if (*p == 'Z' || *p == 'z') {
    r.has_zone = true;
    ++p;
  } else if ((*p == '+' || *p == '-') && at_digit(p + 1, end)) {
    if (!read_offset(p, end, r.east)) return false;
    r.has_zone = true;
  } else if (*p == ' ' && end - p >= 4) {
    const char* at = p + 1;
    if (*at == '+' || *at == '-') {  // might be any number: only with minutes
      const std::ptrdiff_t size = end - at >= 6 && at[3] == ':' ? 6 : 5;
      if (end - at < size || two_digits(at + 1) < 0 || two_digits(at + size - 2) < 0 || at_word(at + size, end))
        return true;
      r.has_zone = true;
      p = at;
      return read_offset(p, end, r.east);
    } else if (has_letters(at, "UTC") || has_letters(at, "GMT")) {
      at += 3;
      if (at_word(at, end)) return true;
      if (at != end && (*at == '+' || *at == '-') && at_digit(at + 1, end)) return false;
      r.has_zone = true;
      p = at;
    }
    return true;
  }
  return !at_word(p, end);
}

// "<13>"
bool skip_priority(const char*& p, const char* end) noexcept {
  int value = 0;
  const char* at = p + 1;
  for (; at_digit(at, end) && at - p <= 3; ++at) value = 10 * value + (*at - '0');
  if (at == p + 1 || value > 191 || at == end || *at != '>') return false;
  p = at + 1;
  return true;
}

// ---- epochs ---------------------------------------------------------------------------------------------------------

bool read_epoch(const char*& p, const char* end, instant& t) noexcept {
  std::uint64_t value = 0;
  const char* const begin = p;
  for (; at_digit(p, end); ++p) {
    if (p - begin == 19) return false;
    value = 10 * value + static_cast<std::uint64_t>(*p - '0');
  }
  instant unit = 0;
  switch (p - begin) {
    case 10:
      unit = a_second;
      break;
    case 13:
      unit = a_second / 1'000;
      break;
    case 16:
      unit = a_second / 1'000'000;
      break;
    case 19:
      unit = 1;
      break;
    default:
      return false;
  }
  if (*begin == '0' || value >= static_cast<std::uint64_t>(end_of_years / unit)) return false;
  t = static_cast<instant>(value) * unit;
  if (end - p >= 2 && *p == '.' && is_digit(p[1])) t += read_fraction(++p, end, unit);
  return true;
}

// Of a log line: a longer word that begins with digits is none.
bool read_epoch_word(const char*& p, const char* end, instant& t) noexcept {
  if (p != end && *p == '[') ++p;
  if (!read_epoch(p, end, t)) return false;
  return p == end || *p == ' ' || *p == '\t' || *p == '\r' || *p == ']' || *p == ',' || *p == ';' || *p == ':' ||
         *p == '|';
}

// A number as JSON has it, which was checked already. A double could not hold all its digits.
bool read_json_number(std::string_view text, instant& t) noexcept {
  while (!text.empty() && !is_digit(text.back())) text.remove_suffix(1);
  const std::size_t e = text.find_first_of("eE");
  if (e == std::string_view::npos) {
    const char* p = text.data();
    return read_epoch(p, p + text.size(), t) && p == text.data() + text.size();
  }
  // 1.482170544e+09: the point moves to the right
  std::string_view exponent = text.substr(e + 1);
  if (exponent.starts_with('+')) exponent.remove_prefix(1);
  int places = 0;
  const auto [stop, bad] = std::from_chars(exponent.data(), exponent.data() + exponent.size(), places);
  if (bad != std::errc() || stop != exponent.data() + exponent.size() || places < 0 || places > 20) return false;
  const std::size_t point = text.substr(0, e).find('.');
  const std::string_view whole = text.substr(0, point < e ? point : e);
  const std::string_view fraction = point < e ? text.substr(point + 1, e - point - 1) : std::string_view();
  std::array<char, 96> digits;
  if (whole.size() + fraction.size() + 22 > digits.size()) return false;
  char* to = digits.data();
  for (const char c : whole) *to++ = c;
  for (std::size_t i = 0; i != static_cast<std::size_t>(places); ++i) *to++ = i < fraction.size() ? fraction[i] : '0';
  if (fraction.size() > static_cast<std::size_t>(places)) {
    *to++ = '.';
    for (const char c : fraction.substr(static_cast<std::size_t>(places))) *to++ = c;
  }
  const char* p = digits.data();
  return read_epoch(p, to, t) && p == to;
}

// ---- custom formats -------------------------------------------------------------------------------------------------

// A --time-format. strptime does the work, except for %L, %f, %N and %s, which it does not have or lets overflow. Their
// digits are taken out of the text, and they out of the format. A mark takes both places: the whole is still one call,
// as strptime keeps what it knows of a morning or an afternoon only until it returns.
class custom_format {
 public:
  explicit custom_format(std::string_view text) : text_(text) {
    error_ = scan(text);
    if (!error_.empty()) error_ = "the time format '" + text_ + "' " + error_;
  }

  const std::string& text() const noexcept { return text_; }
  const std::string& error() const noexcept { return error_; }
  bool has_year() const noexcept { return has_year_; }

  struct reading {
    std::tm fields{};
    instant fraction = 0;
    instant epoch = -1;  // by %s, which settles it
    bool has_zone = false;
  };

  bool read(const char* p, const char* end, reading& r) const {
    std::array<char, custom_reach> copy;
    const std::size_t given = static_cast<std::size_t>(end - p);
    std::size_t size = given < copy.size() ? given : copy.size() - 1;
    if (size != 0) std::memcpy(copy.data(), p, size);
    copy[size] = '\0';
    for (const own& part : own_) {
      std::tm ignored = blank();
      const char* const at = ::strptime(copy.data(), part.before.c_str(), &ignored);
      if (at == nullptr) return false;
      const char* stop = at;
      if (!take(part.letter, stop, copy.data() + size, r)) return false;
      // `at` is in front of at least one digit
      const auto mark = static_cast<std::size_t>(at - copy.data());
      const auto digits = static_cast<std::size_t>(stop - at);
      std::memmove(copy.data() + mark + 1, copy.data() + mark + digits, size - mark - digits + 1);
      copy[mark] = the_mark;
      size -= digits - 1;
    }
    r.fields = blank();
    const char* const stop = ::strptime(copy.data(), whole_.c_str(), &r.fields);
    if (stop == nullptr) return false;
    if (stop != copy.data() && (is_digit(stop[-1]) || stop[-1] == the_mark) && is_digit(*stop)) return false;
    r.has_zone = has_zone_;
    return true;
  }

 private:
  struct own {
    char letter;
    std::string before;
  };
  static constexpr char the_mark = '\x01';

  static std::tm blank() noexcept {
    std::tm fields{};
    fields.tm_year = 72;  // a leap year
    fields.tm_mday = 1;
    return fields;
  }

  static bool take(char letter, const char*& p, const char* end, reading& r) noexcept {
    const char* const begin = p;
    while (at_digit(p, end) && p - begin < (letter == 's' ? 10 : letter == 'L' ? 3 : letter == 'f' ? 6 : 9)) ++p;
    if (p == begin || (letter == 'L' && p - begin != 3) || (letter == 'f' && p - begin != 6)) return false;
    const char* from = begin;
    if (letter != 's') {
      r.fraction = read_fraction(from, p, a_second);
      if (letter == 'N')
        while (at_digit(p, end)) ++p;
      return true;
    }
    instant seconds = 0;
    for (; from != p; ++from) seconds = 10 * seconds + (*from - '0');
    if (seconds >= end_of_years / a_second) return false;
    r.epoch = seconds * a_second;
    return true;
  }

  // Returns what is wrong.
  std::string scan(std::string_view text) {
    bool month = false, day = false, hour = false, half_day = false, afternoon = false, epoch = false, fraction = false;
    for (std::size_t i = 0; i != text.size(); ++i) {
      if (text[i] == the_mark || text[i] == '\0') return "holds a control character";
      whole_ += text[i];
      if (text[i] != '%') continue;
      for (++i; i != text.size() && is_one_of(text[i], "-_0^#EO"); ++i) whole_ += text[i];
      if (i == text.size()) return "ends in the middle of a '%': write %% for one that stands for itself";
      const char c = text[i];
      if (c == 'L' || c == 'f' || c == 'N' || c == 's') {
        bool& seen = c == 's' ? epoch : fraction;
        if (seen) return c == 's' ? "has %s twice" : "has more than one of %L, %f and %N";
        seen = true;
        whole_.erase(whole_.rfind('%'));
        own_.push_back({c, whole_});
        whole_ += the_mark;
        continue;
      }
      if (!is_one_of(c, "%aAbBcCdDeFgGhHIjklmMnprRStTuUVwWxXyYzZ"))
        return std::string("has %") + c + ", which is not known";
      whole_ += c;
      month = month || is_one_of(c, "mbBhDFcx");
      day = day || is_one_of(c, "deDFcx");
      has_year_ = has_year_ || is_one_of(c, "yYDFcx");
      hour = hour || is_one_of(c, "HkIlTRrcX");
      half_day = half_day || c == 'I' || c == 'l';
      afternoon = afternoon || c == 'p';
      has_zone_ = has_zone_ || c == 'z';
    }
    if (epoch) return {};
    if (!month || !day) return "holds no date: it needs a month and a day, as in %m and %d, or %s";
    if (!hour) return "holds no time of day: it needs an hour, as in %H:%M:%S, or %s";
    if (half_day && !afternoon)
      return "has an hour of twelve and nothing that says which half of the day: add %p, or use %H";
    return {};
  }

  std::string text_, whole_, error_;
  std::vector<own> own_;
  bool has_year_ = false, has_zone_ = false;
};

// ---- formats --------------------------------------------------------------------------------------------------------

enum class kind : unsigned char { none, iso, ymd, mdy, syslog, apache_error, glog, epoch, json, access, custom };
constexpr std::size_t kinds = 11;

// The order in which they are tried. The last is the only one that looks into a line, and so the likeliest to be
// mistaken.
constexpr kind in_order[] = {kind::iso,  kind::ymd,   kind::mdy,  kind::syslog, kind::apache_error,
                             kind::glog, kind::epoch, kind::json, kind::access};

constexpr std::string_view names[kinds] = {
    "",     "ISO 8601", "yyyy/mm/dd", "mm/dd/yyyy",    "RFC 3164", "Apache error",
    "glog", "epoch",    "JSON",       "Apache access", ""};

// A zone with a memory: local time is a matter of some hundred nanoseconds, and the same for a quarter of an hour.
class cached_zone {
 public:
  explicit cached_zone(zone z) noexcept : zone_(z) {}

  instant to_utc(instant wall) noexcept {
    if (wall >= from_ && wall < until_) return wall - east_;
    constexpr instant quarter = 15 * a_minute;
    const instant from = wall - wall % quarter;  // not negative
    const instant last = from + quarter - 1;
    const instant east = from - zone_.to_utc(from);
    if (last - zone_.to_utc(last) != east) return zone_.to_utc(wall);  // clocks are set in this one
    from_ = from;
    until_ = from + quarter;
    east_ = east;
    return wall - east_;
  }

 private:
  zone zone_;
  instant from_ = 0, until_ = 0, east_ = 0;
};

// What the lines of one file are read by: all formats, and what a format remembers from line to line.
class parser {
 public:
  explicit parser(const time_rules& rules)
      : zone_(rules.assumed), newest_(plus(rules.written_by == after_all ? now() : rules.written_by, a_day)) {
    if (!rules.custom.empty()) custom_.emplace(rules.custom);
  }

  const std::optional<custom_format>& custom() const noexcept { return custom_; }

  // Whether there is a time of that kind at `p`, which goes behind it; behind the line, if that is read as a whole.
  bool read(kind k, const char*& p, const char* end, instant& t) {
    switch (k) {
      case kind::iso:
        return read_iso(p, end, t);
      case kind::ymd:
        return read_slashed<kind::ymd>(p, end, t);
      case kind::mdy:
        return read_slashed<kind::mdy>(p, end, t);
      case kind::syslog:
        return read_syslog(p, end, t);
      case kind::apache_error:
        return read_apache_error(p, end, t);
      case kind::glog:
        return read_glog(p, end, t);
      case kind::epoch:
        return read_epoch_word(p, end, t);
      case kind::json:
        return read_json(p, end, t);
      case kind::access:
        return read_access(p, end, t);
      case kind::custom:
        return read_custom(p, end, t);
      case kind::none:
        break;
    }
    return false;
  }

  // Of an access log, behind the bracket.
  bool read_access_at(const char*& p, const char* end, instant& t) noexcept {
    constexpr std::size_t length = 17;  // "19/Dec/2016:18:02"
    if (end - p < static_cast<std::ptrdiff_t>(length + 3)) return false;
    minute& m = minutes_[static_cast<std::size_t>(kind::access)];
    if (!m.is(p, length)) {
      if (p[2] != '/' || p[6] != '/' || p[11] != ':') return false;
      const instant in_day = hour_and_minute(p + 12);
      instant wall = 0;
      if (in_day < 0 || !midnight(four_digits(p + 7), month_by_name(p + 3), two_digits(p), wall)) return false;
      m.set(p, length, wall + in_day);
    }
    p += length;
    return read_rest(p, end, m.wall, t);
  }

  // What the year of a time without one goes by.
  void saw(instant t) noexcept { last_ = t; }

 private:
  // The last text down to the minute and what it came to. Most lines are of the same minute as the one before.
  struct minute {
    char text[20];
    unsigned char size = 0;
    std::int8_t month = 0, day = 0;  // of a text without a year
    instant in_day = 0;
    instant wall = -1;  // -1: not known yet

    bool is(const char* p, std::size_t n) const noexcept { return size == n && std::memcmp(text, p, n) == 0; }
    void set(const char* p, std::size_t n, instant w) noexcept {
      std::memcpy(text, p, n);
      size = static_cast<unsigned char>(n);
      wall = w;
    }
  };

  static instant now() noexcept {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
        .count();
  }

  instant to_utc(const clock_reading& r) noexcept { return r.has_zone ? r.wall - r.east : zone_.to_utc(r.wall); }

  // What comes behind the minute, of times with a year.
  bool read_rest(const char*& p, const char* end, instant wall, instant& t) noexcept {
    clock_reading r;
    if (!read_seconds(p, end, r.wall) || !read_zone(p, end, r)) return false;
    r.wall += wall;
    t = to_utc(r);
    return true;
  }

  static void skip_bracket(const char*& p, const char* end) noexcept {
    if (p != end && *p == '[') ++p;
  }

  bool read_iso(const char*& p, const char* end, instant& t) noexcept {
    if (p != end && *p == '<') {
      if (!skip_priority(p, end)) return false;
      if (end - p >= 2 && p[0] == '1' && p[1] == ' ') p += 2;
    } else {
      skip_bracket(p, end);
    }
    constexpr std::size_t length = 16;  // "2016-12-19T18:02"
    if (end - p < static_cast<std::ptrdiff_t>(length + 3)) return false;
    minute& m = minutes_[static_cast<std::size_t>(kind::iso)];
    if (!m.is(p, length)) {
      if (p[4] != '-' || p[7] != '-' || (p[10] != 'T' && p[10] != ' ' && p[10] != 't')) return false;
      const instant in_day = hour_and_minute(p + 11);
      instant wall = 0;
      if (in_day < 0 || !midnight(four_digits(p), two_digits(p + 5), two_digits(p + 8), wall)) return false;
      m.set(p, length, wall + in_day);
    }
    p += length;
    return read_rest(p, end, m.wall, t);
  }

  template <kind Order>
  bool read_slashed(const char*& p, const char* end, instant& t) noexcept {
    skip_bracket(p, end);
    constexpr std::size_t length = 16;  // "2016/12/19 18:02", "12/19/2016 18:02"
    constexpr std::size_t month = Order == kind::ymd ? 5 : 0;
    constexpr std::size_t day = month + 3;
    if (end - p < static_cast<std::ptrdiff_t>(length + 3)) return false;
    minute& m = minutes_[static_cast<std::size_t>(Order)];
    if (!m.is(p, length)) {
      if (p[day - 1] != '/' || p[Order == kind::ymd ? 4 : 5] != '/' || p[10] != ' ') return false;
      const instant in_day = hour_and_minute(p + 11);
      instant wall = 0;
      const int year = four_digits(p + (Order == kind::ymd ? 0 : 6));
      if (in_day < 0 || !midnight(year, two_digits(p + month), two_digits(p + day), wall)) return false;
      m.set(p, length, wall + in_day);
      m.in_day = in_day;
    }
    p += length;
    clock_reading r;
    if (!read_seconds(p, end, r.wall)) return false;
    r.wall += m.wall;
    // " PM"
    if (end - p >= 3 && p[0] == ' ' && (p[1] == 'A' || p[1] == 'P') && p[2] == 'M' && !at_word(p + 3, end)) {
      const instant hour = m.in_day / an_hour;
      if (hour == 0 || hour > 12) return false;
      if (p[1] == 'A' && hour == 12) r.wall -= 12 * an_hour;
      if (p[1] == 'P' && hour != 12) r.wall += 12 * an_hour;
      p += 3;
    }
    if (!read_zone(p, end, r)) return false;
    t = to_utc(r);
    return true;
  }

  bool read_syslog(const char*& p, const char* end, instant& t) noexcept {
    if (p != end && *p == '<' && !skip_priority(p, end)) return false;
    if (end - p < 14) return false;
    const std::size_t length = p[5] == ' ' ? 11 : 12;  // "Dec 9 18:02", "Dec  9 18:02"
    if (end - p < static_cast<std::ptrdiff_t>(length + 3)) return false;
    minute& m = minutes_[static_cast<std::size_t>(kind::syslog)];
    if (!m.is(p, length)) {
      const int month = month_by_name(p);
      const int day = length == 11 ? (is_digit(p[4]) ? p[4] - '0' : -1) : day_of_month(p + 4);
      const instant in_day = hour_and_minute(p + length - 5);
      if (month < 1 || p[3] != ' ' || p[length - 6] != ' ' || in_day < 0) return false;
      if (!set_without_year(m, p, length, month, day, in_day)) return false;
    }
    p += length;
    return read_rest_without_year(p, end, m, t);
  }

  bool read_glog(const char*& p, const char* end, instant& t) noexcept {
    if (end - p < 15 || !is_one_of(*p, "IWEFD")) return false;
    ++p;
    const std::size_t date = p[4] == ' ' ? 4 : 8;  // "1219", "20161219"
    const std::size_t length = date + 6;
    if (end - p < static_cast<std::ptrdiff_t>(length + 5) || p[length + 3] != '.' || !is_digit(p[length + 4]))
      return false;
    minute& m = minutes_[static_cast<std::size_t>(kind::glog)];
    if (!m.is(p, length)) {
      const instant in_day = hour_and_minute(p + date + 1);
      if (p[date] != ' ' || in_day < 0) return false;
      const int month = two_digits(p + date - 4), day = two_digits(p + date - 2);
      if (date == 4) {
        if (!set_without_year(m, p, length, month, day, in_day)) return false;
      } else {
        instant wall = 0;
        if (!midnight(four_digits(p), month, day, wall)) return false;
        m.set(p, length, wall + in_day);
      }
    }
    p += length;
    return date == 4 ? read_rest_without_year(p, end, m, t) : read_rest(p, end, m.wall, t);
  }

  bool read_apache_error(const char*& p, const char* end, instant& t) noexcept {
    const bool in_brackets = p != end && *p == '[';
    if (in_brackets) ++p;
    if (end - p < 19 || p[3] != ' ' || p[7] != ' ' || p[10] != ' ') return false;  // "Mon Dec 19 18:02:24"
    const int weekday = weekday_by_name(p), month = month_by_name(p + 4), day = day_of_month(p + 8);
    const instant in_day = hour_and_minute(p + 11);
    if (weekday < 0 || month < 1 || in_day < 0) return false;
    p += 16;
    clock_reading r;
    if (!read_seconds(p, end, r.wall) || at_word(p, end)) return false;
    r.wall += in_day;
    // " 2016", or as `date` writes it " CET 2016"
    const char* at = p;
    if (end - at >= 2 && at[0] == ' ' && at[1] >= 'A' && at[1] <= 'Z')
      for (++at; at != end && *at >= 'A' && *at <= 'Z';) ++at;
    if (end - at >= 5 && *at == ' ' && four_digits(at + 1) >= 0 && !at_word(at + 5, end)) {
      instant wall = 0;
      if (!midnight(four_digits(at + 1), month, day, wall)) return false;
      if ((wall / a_day + 4) % 7 != weekday) return false;  // 1970 began on a Thursday
      r.has_zone = at - p == 4 && (has_letters(p + 1, "UTC") || has_letters(p + 1, "GMT"));
      r.wall += wall;
      p = at + 5;
      if (!r.has_zone && !read_zone(p, end, r)) return false;
      t = to_utc(r);
    } else {
      minute m;
      if (!read_zone(p, end, r) || !set_without_year(m, p, 0, month, day, 0) || !find_year(m, r, t)) return false;
    }
    return !in_brackets || (p != end && *p == ']');
  }

  bool read_access(const char*& p, const char* end, instant& t) noexcept {
    const char* const reach = static_cast<std::size_t>(end - p) > access_reach ? p + access_reach : end;
    while (p != reach) {
      p = static_cast<const char*>(std::memchr(p, '[', static_cast<std::size_t>(reach - p)));
      if (p == nullptr) return false;
      const char* at = ++p;
      if (read_access_at(at, end, t) && at != end && *at == ']') {
        p = at;
        return true;
      }
    }
    return false;
  }

  // ---- years

  static bool set_without_year(minute& m, const char* p, std::size_t n, int month, int day, instant in_day) noexcept {
    instant ignored = 0;
    if (!midnight(2000, month, day, ignored)) return false;  // not in a leap year either
    m.set(p, n, -1);
    m.month = static_cast<std::int8_t>(month);
    m.day = static_cast<std::int8_t>(day);
    m.in_day = in_day;
    return true;
  }

  bool read_rest_without_year(const char*& p, const char* end, minute& m, instant& t) noexcept {
    clock_reading r;
    if (!read_seconds(p, end, r.wall) || !read_zone(p, end, r)) return false;
    if (m.wall >= 0 && last_ != before_all) {
      clock_reading with_year = r;
      with_year.wall += m.wall;
      t = to_utc(with_year);
      if (is_near(t)) return true;
    }
    r.wall += m.in_day;
    const instant since_midnight = r.wall;
    if (!find_year(m, r, t)) return false;
    m.wall = r.wall - since_midnight + m.in_day;
    return true;
  }

  bool is_near(instant t) const noexcept { return t - last_ <= half_a_year && last_ - t <= half_a_year; }

  // r.wall: since midnight; then, as of that year.
  bool find_year(const minute& m, clock_reading& r, instant& t) noexcept {
    const clock_reading of_day = r;
    const auto try_year = [&](int year) {
      instant wall = 0;
      if (!midnight(year, m.month, m.day, wall)) return false;
      r = of_day;
      r.wall += wall;
      t = to_utc(r);
      return true;
    };
    if (last_ == before_all) {
      for (int year = year_of(newest_) + 1; year >= first_year; --year)  // it may be New Year there and not here
        if (try_year(year) && t <= newest_) return true;
      return false;
    }
    const int year = year_of(last_);
    const bool is_day = try_year(year);
    if (is_day && is_near(t)) return true;
    if (is_day) return try_year(t < last_ ? year + 1 : year - 1);
    return (try_year(year + 1) && is_near(t)) || (try_year(year - 1) && is_near(t));  // February 29
  }

  static int year_of(instant t) noexcept {
    const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{t / a_day}}};
    const int year = static_cast<int>(date.year());
    return year < last_year ? year : last_year;
  }

  // ---- JSON

  struct json_parsers {
    simdjson::dom::parser whole{longest_json};
    simdjson::ondemand::parser numbers{longest_json};
    std::vector<char> text;
    kind of_texts = kind::iso;
  };

  bool read_json(const char*& p, const char* end, instant& t) {
    if (p == end || *p != '{') return false;
    const auto size = static_cast<std::size_t>(end - p);
    if (size > longest_json) return false;
    if (!json_) json_ = std::make_unique<json_parsers>();
    json_parsers& j = *json_;
    if (j.text.size() < size + simdjson::SIMDJSON_PADDING) j.text.resize(size + simdjson::SIMDJSON_PADDING);
    std::memcpy(j.text.data(), p, size);
    // The whole line is checked: half of an object is none, even if the half with the time is there.
    simdjson::dom::object fields;
    if (j.whole.parse(j.text.data(), size, false).get(fields) != simdjson::SUCCESS) return false;
    std::size_t index = 0;
    for (const auto [key, value] : fields) {
      if ((key == "ts" || key == "time" || key == "timestamp" || key == "@timestamp") &&
          read_json_value(value, index, size, t)) {
        p = end;
        return true;
      }
      ++index;
    }
    return false;
  }

  bool read_json_value(simdjson::dom::element value, std::size_t index, std::size_t size, instant& t) {
    std::string_view text;
    if (value.get(text) == simdjson::SUCCESS) return read_json_text(text, t);
    std::int64_t number = 0;
    if (value.get(number) == simdjson::SUCCESS) {
      std::array<char, 24> digits;
      const char* const end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
      const char* p = digits.data();
      return read_epoch(p, end, t) && p == end;
    }
    if (!value.is_double()) return false;
    // A double has not all the digits: back to the text
    simdjson::ondemand::document document;
    simdjson::ondemand::object fields;
    const simdjson::padded_string_view whole(json_->text.data(), size, json_->text.size());
    if (json_->numbers.iterate(whole).get(document) != simdjson::SUCCESS) return false;
    if (document.get_object().get(fields) != simdjson::SUCCESS) return false;
    for (auto field : fields) {
      if (index-- != 0) continue;
      simdjson::ondemand::value number_value;
      if (field.value().get(number_value) != simdjson::SUCCESS) return false;
      return read_json_number(number_value.raw_json_token(), t);
    }
    return false;
  }

  bool read_json_text(std::string_view text, instant& t) {
    const char* p = text.data();
    const char* const end = p + text.size();
    if (read(json_->of_texts, p, end, t)) return true;
    for (const kind k : in_order) {
      if (k == kind::json || k == json_->of_texts) continue;
      p = text.data();
      if (k == kind::access ? read_access_at(p, end, t) : read(k, p, end, t)) {
        if (k != kind::access) json_->of_texts = k;
        return true;
      }
    }
    return false;
  }

  // ---- custom

  bool read_custom(const char*& p, const char* end, instant& t) {
    custom_format::reading found;
    if (!custom_->error().empty() || !custom_->read(p, end, found)) return false;
    p = end;
    if (found.epoch >= 0) {
      t = found.epoch + found.fraction;
      return true;
    }
    const std::tm& f = found.fields;
    const bool is_time = f.tm_hour >= 0 && f.tm_hour <= 23 && f.tm_min >= 0 && f.tm_min <= 59 && f.tm_sec >= 0 &&
                         f.tm_sec <= 60 && f.tm_gmtoff > -24 * 3600 && f.tm_gmtoff < 24 * 3600;
    if (!is_time) return false;
    clock_reading r;
    r.has_zone = found.has_zone;
    r.east = f.tm_gmtoff * a_second;
    r.wall = f.tm_hour * an_hour + f.tm_min * a_minute + f.tm_sec * a_second + (f.tm_sec == 60 ? 0 : found.fraction);
    if (custom_->has_year()) {
      instant wall = 0;
      if (!midnight(f.tm_year + 1900, f.tm_mon + 1, f.tm_mday, wall)) return false;
      r.wall += wall;
      t = to_utc(r);
      return true;
    }
    minute m;
    return set_without_year(m, "", 0, f.tm_mon + 1, f.tm_mday, 0) && find_year(m, r, t);
  }

  cached_zone zone_;
  instant newest_;             // that the first time without a year can be
  instant last_ = before_all;  // time read
  std::array<minute, kinds> minutes_;
  std::unique_ptr<json_parsers> json_;
  std::optional<custom_format> custom_;
};

// What a clock here is ahead of UTC, at a time in seconds.
std::int64_t local_offset(std::int64_t utc) noexcept {
  const auto t = static_cast<std::time_t>(utc);
  std::tm fields{};
  return ::localtime_r(&t, &fields) != nullptr ? fields.tm_gmtoff : 0;
}

// In whole seconds, and those that are left.
std::pair<std::int64_t, instant> split(instant t) noexcept {
  std::int64_t seconds = t / a_second;
  instant rest = t % a_second;
  if (rest < 0) {
    --seconds;
    rest += a_second;
  }
  return {seconds, rest};
}

}  // namespace

// ---- zone -----------------------------------------------------------------------------------------------------------

std::optional<zone> zone::parse(std::string_view text) {
  if (text == "local") return local();
  if (text == "utc" || text == "UTC" || text == "Z" || text == "z") return utc();
  if (!text.starts_with('+') && !text.starts_with('-')) return std::nullopt;
  const char* p = text.data();
  instant east = 0;
  if (!read_offset(p, p + text.size(), east) || p != text.data() + text.size()) return std::nullopt;
  return zone(static_cast<std::int32_t>(east / a_second));
}

instant zone::to_utc(instant wall) const noexcept {
  if (!is_local_) return plus(wall, -east_ * a_second);
  const std::int64_t shown = split(wall).first;
  // Clocks are set at most once from the day before to the day after. A time that fits both sides is there twice, and
  // the first time is before they are set; one that fits neither is skipped, and what it says is by the clock before.
  const std::int64_t before = local_offset(shown - 24 * 3600);
  const std::int64_t after = local_offset(shown + 24 * 3600);
  const bool is_after =
      before != after && local_offset(shown - before) != before && local_offset(shown - after) == after;
  return plus(wall, -(is_after ? after : before) * a_second);
}

instant zone::to_wall(instant utc) const noexcept {
  return plus(utc, (is_local_ ? local_offset(split(utc).first) : east_) * a_second);
}

// ---- time_reader ----------------------------------------------------------------------------------------------------

struct time_reader::state {
  explicit state(const time_rules& rules) : parse(rules), not_after(rules.not_after) {}

  // Of a line whose format is `k`.
  bool fits(kind k, std::string_view line, instant& t) {
    const char* p = line.data();
    return parse.read(k, p, line.data() + line.size(), t);
  }

  std::optional<instant> taken(instant t) noexcept {
    misses = 0;
    if (t < 0 || t >= end_of_years || t > not_after) return std::nullopt;  // the format is right all the same
    parse.saw(t);
    return t;
  }

  std::optional<instant> read(std::string_view line) {
    if (is_first) {
      is_first = false;
      if (line.starts_with("\xEF\xBB\xBF")) line.remove_prefix(3);  // byte order mark
    }
    instant t = 0;
    if (current != kind::none) {
      if (fits(current, line, t)) return taken(t);
      if (previous != kind::none && fits(previous, line, t)) {
        std::swap(current, previous);
        return taken(t);
      }
      if (misses < misses_until_lost) ++misses;
      if (misses < misses_until_lost) return std::nullopt;
    }
    if (parse.custom()) {
      if (current == kind::custom || !fits(kind::custom, line, t)) return std::nullopt;
      current = kind::custom;
      return taken(t);
    }
    for (const kind k : in_order) {
      if (k == current || k == previous || !fits(k, line, t)) continue;
      previous = std::exchange(current, k);
      return taken(t);
    }
    return std::nullopt;
  }

  parser parse;
  instant not_after;
  kind current = kind::none;
  kind previous = kind::none;
  int misses = 0;  // in a row
  bool is_first = true;
};

time_reader::time_reader(const time_rules& rules) : state_(std::make_unique<state>(rules)) {}
time_reader::~time_reader() = default;
time_reader::time_reader(time_reader&&) noexcept = default;
time_reader& time_reader::operator=(time_reader&&) noexcept = default;

std::optional<instant> time_reader::read(std::string_view line) { return state_->read(line); }

std::string_view time_reader::format() const noexcept {
  return state_->current == kind::custom ? std::string_view(state_->parse.custom()->text())
                                         : names[static_cast<std::size_t>(state_->current)];
}

// ---- from and to text -----------------------------------------------------------------------------------------------

std::optional<std::string> check_time_format(std::string_view text) {
  const custom_format format(text);
  if (format.error().empty()) return std::nullopt;
  return format.error();
}

std::optional<instant> parse_moment(std::string_view text, const zone& z, instant now) {
  if (!text.empty() && is_one_of(text.back(), "smhdw")) {
    const std::optional<std::int64_t> ago = parse_duration(text);
    if (!ago) return std::nullopt;
    return plus(now, -*ago);
  }
  std::string full(text);
  if (full.size() > 1 && full[1] == ':') full.insert(0, 1, '0');
  if (full.size() >= 5 && full[2] == ':') {  // "12:30"
    const char* p = full.data();
    const char* const end = p + full.size();
    const instant in_day = hour_and_minute(p);
    instant seconds = 0;
    p += 5;
    if (in_day < 0 || (p != end && !read_seconds(p, end, seconds)) || p != end) return std::nullopt;
    const instant wall = z.to_wall(now);
    const instant day = wall - (wall % a_day + a_day) % a_day;
    return z.to_utc(plus(day, in_day + seconds));
  }
  const auto whole = [&](std::string_view what) -> std::optional<instant> {
    time_rules rules;
    rules.assumed = z;
    rules.written_by = now;
    parser parse(rules);
    const char* const end = what.data() + what.size();
    const auto is_good = [&](const char* p, instant t) {
      if (p != end && *p == ']' && what.front() == '[') ++p;
      return p == end && t >= 0 && t < end_of_years;
    };
    for (const kind k : in_order) {
      if (k == kind::json) continue;
      const char* p = what.data();
      instant t = 0;
      if (parse.read(k, p, end, t) && is_good(p, t)) return t;
    }
    const char* p = what.data();
    instant t = 0;
    if (parse.read_access_at(p, end, t) && is_good(p, t)) return t;
    return std::nullopt;
  };
  if (const std::optional<instant> t = whole(full)) return t;
  // "2016-12-19", "2016-12-19 18:02", "2016-12-19T18:02Z"
  if (full.size() == 10) full += " 00:00:00";
  else if (full.size() >= 16 && (full.size() == 16 || full[16] != ':')) full.insert(16, ":00");
  return whole(full);
}

std::optional<std::int64_t> parse_duration(std::string_view text) {
  std::size_t n = 0;
  while (n != text.size() && (is_digit(text[n]) || text[n] == '.')) ++n;
  const std::string_view number = text.substr(0, n), unit_name = text.substr(n);
  constexpr std::pair<std::string_view, std::int64_t> units[] = {
      {"", a_second},  {"s", a_second}, {"ms", a_second / 1'000}, {"us", a_second / 1'000'000},
      {"ns", 1},       {"m", a_minute}, {"h", an_hour},           {"d", a_day},
      {"w", 7 * a_day}};
  std::int64_t unit = 0;
  for (const auto& [name, value] : units)
    if (name == unit_name) unit = value;
  if (unit == 0 || number.empty() || !is_digit(number.front()) || !is_digit(number.back())) return std::nullopt;
  const char* p = number.data();
  const char* const end = p + number.size();
  std::int64_t whole = 0;
  const std::from_chars_result read = std::from_chars(p, end, whole);
  if (read.ec != std::errc()) return std::nullopt;
  p = read.ptr;
  instant fraction = 0;
  if (p != end) fraction = read_fraction(++p, end, unit);
  if (p != end || whole > (after_all - fraction) / unit) return std::nullopt;
  return whole * unit + fraction;
}

std::string to_string(instant t) {
  const auto [seconds, fraction] = split(t);
  const std::int64_t day = (seconds - ((seconds % 86400) + 86400) % 86400) / 86400;
  const std::int64_t in_day = seconds - day * 86400;
  const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{day}}};
  std::string text(30, '0');
  const auto put = [&](std::size_t from, std::size_t to, std::int64_t value, char behind) {
    for (std::size_t i = to; i != from; value /= 10) text[--i] = static_cast<char>('0' + value % 10);
    text[to] = behind;
  };
  put(0, 4, static_cast<int>(date.year()), '-');
  put(5, 7, static_cast<unsigned>(date.month()), '-');
  put(8, 10, static_cast<unsigned>(date.day()), 'T');
  put(11, 13, in_day / 3600, ':');
  put(14, 16, in_day / 60 % 60, ':');
  put(17, 19, in_day % 60, '.');
  put(20, 29, fraction, 'Z');
  return text;
}

}  // namespace dgrep
