// SPDX-License-Identifier: BSL-1.0
// Whatever a line is, its time is one that can be, is what Howard Hinnant's date library reads there, and the same when it is
// read again; and what was written is read back, in each format.
#include <date/date.h>
#include <stdlib.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "scenario.hpp"
#include "time.hpp"

namespace {

using namespace dgrep;
using namespace scenario;

using library_time = date::sys_time<std::chrono::nanoseconds>;

/// A copy that ends where its memory ends.
class exact {
 public:
  explicit exact(std::string_view text) : memory_(new char[text.size()]), size_(text.size()) {
    if (size_ != 0) std::memcpy(memory_.get(), text.data(), size_);
  }
  std::string_view view() const noexcept { return {memory_.get(), size_}; }

 private:
  std::unique_ptr<char[]> memory_;
  std::size_t size_;
};

// ---- what the library says

std::string written(const char* format, instant t) {
  return date::format(format, library_time(std::chrono::nanoseconds(t)));
}
std::string written_in_seconds(const char* format, instant t) {
  return date::format(format, date::floor<std::chrono::seconds>(library_time(std::chrono::nanoseconds(t))));
}
std::optional<instant> by_library(const char* format, const std::string& text) {
  std::istringstream in(text);
  date::sys_seconds t;
  date::from_stream(in, format, t);
  if (in.fail() || t < date::sys_days() || t >= date::sys_seconds(std::chrono::seconds(end_of_years / a_second)))
    return std::nullopt;
  return t.time_since_epoch().count() * a_second;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
/// d: a digit, a: a letter, T: one of "Tt ", e: a digit or a space
bool has_shape(std::string_view text, std::string_view shape) {
  if (text.size() < shape.size()) return false;
  for (std::size_t i = 0; i != shape.size(); ++i) {
    const char c = text[i];
    switch (shape[i]) {
      case 'd':
        if (!is_digit(c)) return false;
        break;
      case 'a':
        if (!is_letter(c)) return false;
        break;
      case 'e':
        if (!is_digit(c) && c != ' ') return false;
        break;
      case 'T':
        if (c != 'T' && c != 't' && c != ' ') return false;
        break;
      default:
        if (c != shape[i]) return false;
    }
  }
  return true;
}

/// What there is to say about a line: nothing, or that it has this time, or none.
struct opinion {
  bool is_sure = false;
  std::optional<instant> t{};
};

instant take_fraction(std::string_view& text) {
  if (text.size() < 2 || (text[0] != '.' && text[0] != ',') || !is_digit(text[1])) return 0;
  text.remove_prefix(1);
  std::string digits;
  while (!text.empty() && is_digit(text[0])) {
    digits += text[0];
    text.remove_prefix(1);
  }
  digits.resize(9, '0');
  return std::stoll(digits);
}

/// How far it is east, if there is a zone that is clearly one, or clearly none. It is taken off.
std::optional<instant> take_zone(std::string_view& text) {
  const std::string_view behind = !text.empty() && text[0] == ' ' ? text.substr(1) : text;
  const bool spaced = behind.size() != text.size();
  std::size_t size = 0;
  instant east = 0;
  if (!spaced && !text.empty() && (text[0] == 'Z' || text[0] == 'z')) {
    size = 1;
  } else if (spaced && (behind.starts_with("UTC") || behind.starts_with("GMT"))) {
    size = 3;
  } else if (!behind.empty() && (behind[0] == '+' || behind[0] == '-')) {
    const bool colon = has_shape(behind.substr(1), "dd:dd"), whole = has_shape(behind.substr(1), "dddd");
    if (!colon && !whole && (spaced || !has_shape(behind.substr(1), "dd"))) return std::nullopt;
    size = colon ? 6 : whole ? 5 : 3;
    const int hours = std::stoi(std::string(behind.substr(1, 2)));
    const int minutes = size == 3 ? 0 : std::stoi(std::string(behind.substr(size - 2, 2)));
    if (hours > 23 || minutes > 59) return std::nullopt;
    east = (hours * 60 + minutes) * 60 * a_second * (behind[0] == '-' ? -1 : 1);
  } else if (!text.empty() && (is_digit(text[0]) || is_letter(text[0]) || text[0] == ':')) {
    return std::nullopt;
  } else {
    return 0;
  }
  text = behind.substr(size);
  if (!text.empty() && (is_digit(text[0]) || is_letter(text[0]) || std::string_view("+-:").find(text[0]) != text.npos))
    return std::nullopt;
  return east;
}

/// Of a date and a time as the library reads them with `format`, and what stands behind them.
opinion of(const char* format, std::string text, std::size_t seconds, std::string_view behind) {
  const bool leap = text.compare(seconds, 2, "60") == 0;
  if (leap) text.replace(seconds, 2, "59");
  std::optional<instant> t = by_library(format, text);
  if (!t) return {true, std::nullopt};
  const instant fraction = take_fraction(behind);
  *t += leap ? a_second : fraction;
  if (behind.starts_with(" AM") || behind.starts_with(" PM")) return {};
  const std::optional<instant> east = take_zone(behind);
  if (!east) return {};
  *t -= *east;
  return {true, *t >= 0 && *t < end_of_years ? t : std::nullopt};
}

/// Of a line whose times are in UTC unless it says otherwise; `format`: in which a reader has found one, empty if none.
opinion by_library(std::string_view line, std::string_view format) {
  if (line.starts_with("\xEF\xBB\xBF")) line.remove_prefix(3);
  const std::string_view inner = line.starts_with('[') ? line.substr(1) : line;
  if (has_shape(inner, "dddd-dd-ddTdd:dd:dd")) {
    std::string text(inner.substr(0, 19));
    text[10] = ' ';
    return of("%Y-%m-%d %H:%M:%S", text, 17, inner.substr(19));
  }
  if (has_shape(inner, "dddd/dd/dd dd:dd:dd"))
    return of("%Y/%m/%d %H:%M:%S", std::string(inner.substr(0, 19)), 17, inner.substr(19));
  if (has_shape(inner, "dd/dd/dddd dd:dd:dd"))
    return of("%m/%d/%Y %H:%M:%S", std::string(inner.substr(0, 19)), 17, inner.substr(19));
  if ((has_shape(inner, "dd/aaa/dddd:dd:dd:dd +dddd]") || has_shape(inner, "dd/aaa/dddd:dd:dd:dd -dddd]")) &&
      format == "Apache access" && line.starts_with('['))
    return of("%d/%b/%Y:%H:%M:%S", std::string(inner.substr(0, 20)), 18, inner.substr(20));
  if (has_shape(line, "[aaa aaa dd dd:dd:dd dddd]"))
    return of("%a %b %d %H:%M:%S %Y", std::string(inner.substr(0, 24)), 17, {});
  if (has_shape(line, "adddddddd dd:dd:dd.d") && std::string_view("IWEFD").find(line[0]) != line.npos)
    return of("%Y%m%d %H:%M:%S", std::string(line.substr(1, 17)), 15, line.substr(18));
  if (format == "ISO 8601" && !line.starts_with('<')) wrong("a time is seen in " + shown(line));
  return {};
}

// ---- any lines

const std::vector<zone>& zones() {
  static const std::vector<zone> all = [] {
    ::setenv("TZ", "Europe/Berlin", 1);
    ::tzset();
    return std::vector<zone>{zone::utc(), *zone::parse("-07:00"), *zone::parse("+0530"), zone::local()};
  }();
  return all;
}

time_rules in_utc() {
  time_rules rules;
  rules.assumed = zone::utc();
  rules.written_by = 1'700'000'000 * a_second;
  return rules;
}

constexpr const char* custom_formats[] = {"%Y-%m-%d %H:%M:%S.%N",
                                          "%d.%m.%y %I:%M:%S.%L %p %z",
                                          "%b %d %H:%M:%S.%f",
                                          "x%s.%N",
                                          "%a %d %b %Y %T %Z",
                                          "%D %r",
                                          "%s",
                                          "%e%B%H%M"};

void check_time(std::string_view line, instant t, instant not_after) {
  if (t < 0 || t >= end_of_years || t > not_after)
    wrong(shown(line) + " is " + dgrep::to_string(t) + ", which cannot be");
  const std::string again = dgrep::to_string(t);
  if (time_reader(in_utc()).read(again) != t) wrong(again + " is read otherwise than it is written");
  if (parse_moment(again, zone::local(), 0) != t) wrong(again + " is another moment than it is written as");
}

std::optional<std::int64_t> duration_of(std::string_view text) {
  const std::size_t n = std::min(text.find_first_not_of("0123456789."), text.size());
  const std::string_view number = text.substr(0, n), unit = text.substr(n);
  constexpr std::pair<std::string_view, std::int64_t> units[] = {
      {"ns", 1},       {"us", 1'000},        {"ms", a_millisecond},  {"s", a_second},
      {"", a_second},  {"m", 60 * a_second}, {"h", 3600 * a_second}, {"d", a_day},
      {"w", 7 * a_day}};
  const auto* const known = std::find_if(std::begin(units), std::end(units), [&](auto& u) { return u.first == unit; });
  if (known == std::end(units) || number.empty() || !is_digit(number.front()) || !is_digit(number.back()) ||
      std::count(number.begin(), number.end(), '.') > 1)
    return std::nullopt;
  const std::size_t point = std::min(number.find('.'), number.size());
  __extension__ using wide = __int128;
  wide whole = 0;
  for (const char c : number.substr(0, point)) whole = std::min<wide>(whole * 10 + (c - '0'), after_all);
  std::int64_t place = known->second;
  wide t = whole * place;
  if (point != number.size()) {
    for (const char c : number.substr(point + 1)) t += (c - '0') * (place /= 10);
  }
  if (t > after_all) return std::nullopt;
  return static_cast<std::int64_t>(t);
}

void check_arguments(std::string_view text, const zone& z, instant now) {
  const exact e(text);
  const std::optional<std::int64_t> duration = parse_duration(e.view());
  if (duration != duration_of(text)) wrong(shown(text) + " is another duration");
  const std::optional<instant> moment = parse_moment(e.view(), z, now);
  if (duration && !text.empty() && is_letter(text.back()) && moment != now - *duration)
    wrong(shown(text) + " is another moment");
  static_cast<void>(check_time_format(e.view()));
  if (const std::optional<zone> parsed = zone::parse(e.view())) {
    if (parsed->to_wall(parsed->to_utc(now)) != now && text != "local") wrong(shown(text) + " does not lead back");
  }
}

void check_line(std::string_view line, time_reader& reader, time_reader& twin, const time_rules& rules) {
  const exact e(line), other(line);
  const std::optional<instant> t = reader.read(e.view());
  say(shown(line) + " is " + shown(t));
  if (twin.read(other.view()) != t || twin.format() != reader.format()) wrong(shown(line) + " is read in two ways");
  if (t) check_time(line, *t, rules.not_after);
  check_arguments(line, rules.assumed, noon);
  // What was read before has no say but in the year.
  time_reader alone(rules);
  const std::optional<instant> without = alone.read(e.view());
  constexpr std::string_view have_years[] = {"ISO 8601", "yyyy/mm/dd", "mm/dd/yyyy", "epoch", "Apache access"};
  if (t && without && t != without && alone.format() == reader.format() &&
      std::find(std::begin(have_years), std::end(have_years), alone.format()) != std::end(have_years))
    wrong(shown(line) + " is " + shown(t) + ", and alone " + shown(without));

  time_reader fresh(in_utc());
  const std::optional<instant> ours = fresh.read(e.view());
  if (ours) check_time(line, *ours, after_all);
  const opinion theirs = by_library(line, fresh.format());
  if (theirs.is_sure && theirs.t != ours)
    wrong(shown(line) + " is " + shown(ours) + ", and should be " + shown(theirs.t));
}

// Of one that has a time, with some bytes other than they were.
std::string damaged(fuzz::bytes& in) {
  static const std::string lines[] = {"2016-12-19 16:31:46,143+01:00 INFO x",
                                      "[2016-12-19T16:31:46Z] x",
                                      "<165>1 2003-08-24T05:14:15.000003-07:00 host",
                                      "2016/12/19 18:02:24.289 [error] x",
                                      "12/19/2016 11:02:24.5 PM +0100",
                                      "<13>Jun  2 00:30:01.5 UTC host",
                                      "Feb 29 23:59:60 host",
                                      "h - - [10/Oct/2000:13:55:36 -0700] \"GET /\"",
                                      "[10/Oct/2000:13:55:36 +0000]",
                                      "[Sun Dec 04 04:47:44.123456 2016] x",
                                      "[Sun Dec 04 04:47:44 2016] x",
                                      "Sun Dec  4 04:47:44 CET 2016 +0100",
                                      "I20230102 15:04:05.999999 1234 main.cc:7] x",
                                      "E0229 15:04:05.999999 x",
                                      "[1482170544.289] x",
                                      "1482170544289",
                                      R"({"x":[1.5,{}],"ts":1482170544.25e0,"time":"2016-12-19T18:02:24.289Z"})",
                                      R"({"timestamp":1446249499322,"x":"\u00e9"})",
                                      "2016-12-19 18:02:24.123456789",
                                      "19.12.16 06:02:24.289 PM +0100",
                                      "x1482170544.25",
                                      "Mon 19 Dec 2016 18:02:24 CET",
                                      "12/19/16 06:02:24 PM",
                                      "2016-12-31T23:59:60.5Z x",
                                      "2016/12/31 23:59:60,25 x",
                                      "2261-12-31 23:59:59.999999999-00:01",
                                      "1970-01-01T00:00:00+00:01",
                                      "2016-10-30 02:59:59.9 x",
                                      "2016-10-30 03:00:00 x",
                                      "2016/03/27 01:59:59 x",
                                      "2016/03/27 02:00:00 x",
                                      "12:30:45",
                                      "1.5h",
                                      "2016-12-19T18:02"};
  static const std::string likely = "0123456789:.,-+/ TZ[]<>{}\"\\eEzPAM\n";
  std::string line = lines[static_cast<std::size_t>(in.next()) % std::size(lines)];
  for (int n = in.below(5); n != 0; --n) {
    const auto at = static_cast<std::size_t>(in.next()) % (line.size() + 1);
    const int how = in.next();
    const char c = how >= 224 ? static_cast<char>(in.next()) : likely[static_cast<std::size_t>(how) % likely.size()];
    switch (how % 7) {
      case 0:
        line.insert(at, 1, c);
        break;
      case 1:
        line.erase(at, 1);
        break;
      case 2:
        if (how % 2 != 0) line.resize(at);
        break;
      case 3:
        line.insert(at, line.substr(0, static_cast<std::size_t>(how) / 7));
        break;
      default:
        if (at != line.size()) line[at] = c;
    }
  }
  return line;
}

void play_lines(fuzz::bytes& in, bool any) {
  time_rules rules = in_utc();
  const int how = in.next();
  rules.assumed = zones()[static_cast<std::size_t>(how % 4)];
  if ((how & 4) != 0) rules.not_after = 1'500'000'000 * a_second;
  if ((how & 8) != 0) rules.written_by = 1'456'789'012 * a_second;  // 2016-02-29
  if ((how & 48) == 48) rules.custom = custom_formats[static_cast<std::size_t>(how / 64 + (how & 4))];
  std::string text, rest = any ? rest_of(in) : std::string();
  if ((how & 48) == 32 && any) {  // it brings its own
    rules.custom = rest.substr(0, rest.find('\n'));
    rest.erase(0, rules.custom.size() + 1);
  }
  time_reader reader(rules), twin(rules);
  if (any) {
    for (std::size_t begin = 0; begin < rest.size();) {
      const std::size_t end = std::min(rest.find('\n', begin), rest.size());
      check_line(std::string_view(rest).substr(begin, end - begin), reader, twin, rules);
      begin = end + 1;
    }
  }
  while (!in.empty()) check_line(damaged(in), reader, twin, rules);
}

// ---- round trips

struct way_to_write {
  const char* before;
  const char* date;
  const char* behind;
  bool has_fraction, has_year;
  const char* zone;  // what is in front of it; nullptr: it has none
  const char* custom = nullptr;
};
constexpr way_to_write ways[] = {
    {"", "%Y-%m-%dT%T", " INFO x", true, true, ""},
    {"[", "%Y-%m-%d %T", "] x", true, true, nullptr},
    {"<13>1 ", "%Y-%m-%dT%T", " x", true, true, ""},
    {"{\"a\":[],\"@timestamp\":\"", "%Y-%m-%d %T", "\"}", true, true, ""},
    {"", "%Y/%m/%d %T", " [error]", true, true, nullptr},
    {"", "%m/%d/%Y %T", " x", true, true, " "},
    {"", "%m/%d/%Y %I:%M:%S %p", " x", false, true, " "},
    {"::1 - [x] [", "%d/%b/%Y:%T", "] \"GET /\"", false, true, " "},
    {"[", "%a %b %d %T %Y", "] [core:notice] x", false, true, nullptr},
    {"I", "%Y%m%d %T", " 1234 main.cc:7] x", true, true, nullptr},
    {"<13>", "%b %e %T", " host", true, false, nullptr},
    {"", "%b %d %T", " host", true, false, " "},
    {"W", "%m%d %T", " 1234 main.cc:7] x", true, false, nullptr},
    {"[", "%a %b %e %T", "] x", true, false, nullptr},
    {"", "%d.%m.%Y %T", " x", true, true, " ", "%d.%m.%Y %H:%M:%S.%N %z"},
    {"at ", "%b %d %T", " x", true, false, nullptr, "at %b %d %T.%N"},
    {"", "%p %I:%M:%S %F", " x", false, true, nullptr, "%p %I:%M:%S %F"},
};

void play_round_trip(fuzz::bytes& in) {
  const auto which = static_cast<std::size_t>(in.next()) % (std::size(ways) + 2);
  std::uint64_t drawn = 0;
  for (int i = 0; i != 8; ++i) drawn = drawn << 8U | static_cast<unsigned>(in.next());
  instant t = static_cast<instant>(drawn % static_cast<std::uint64_t>(end_of_years - 8 * a_day)) + 4 * a_day;
  const int digits = 1 + in.below(9);
  instant unit = a_second;
  for (int i = 0; i != digits; ++i) unit /= 10;
  time_rules rules = in_utc();
  const auto assumed = static_cast<std::size_t>(in.next() % 4);
  rules.assumed = zones()[assumed];
  std::string line;
  if (which >= std::size(ways)) {
    t = std::max(t, 1'000'000'000 * a_second);
    t -= t % unit;
    const std::size_t whole = std::max<std::size_t>(10, static_cast<std::size_t>(10 + digits - 1) / 3 * 3 + 1);
    line = std::to_string(t).substr(0, std::min<std::size_t>(19, 10 + static_cast<std::size_t>(digits)));
    line.resize(std::max(whole, line.size()), '0');
    if (line.size() > whole) line.insert(whole, ".");
    line = which == std::size(ways) ? "[" + line + "] x" : "{\"a\":1.5,\"time\":" + line + "}";
    if (time_reader(rules).read(exact(line).view()) != t) wrong(shown(line) + " should be " + shown(t));
    return;
  }
  const way_to_write& w = ways[which];
  t -= t % (w.has_fraction ? unit : a_second);
  const int minutes = (in.next() * 256 + in.next()) % (2 * 840 + 1) - 840, written_later = in.next();
  if (w.custom != nullptr) rules.custom = w.custom;
  // The first without a year is in the latest that it can be in.
  if (!w.has_year) rules.written_by = t + std::min(written_later * a_day, end_of_years - t);
  const instant wall = w.zone != nullptr ? t + minutes * 60 * a_second : zones()[assumed].to_wall(t);
  if (w.has_fraction) {
    line = written(w.date, wall);
    line.resize(line.size() - static_cast<std::size_t>(9 - digits));
  } else {
    line = written_in_seconds(w.date, wall);
  }
  if (w.zone != nullptr) {
    const int size = minutes < 0 ? -minutes : minutes;
    const auto two = [](int n) { return std::string(n < 10 ? "0" : "") + std::to_string(n); };
    line += w.zone + std::string(minutes < 0 ? "-" : "+") + two(size / 60) + (written_later % 2 != 0 ? ":" : "") +
            two(size % 60);
  }
  line = w.before + line + w.behind;
  time_reader reader(rules);
  const std::optional<instant> read = reader.read(exact(line).view());
  say(shown(line) + " is " + shown(read));
  if (read == t) return;
  // A clock that was put back shows an hour twice.
  const bool is_twice =
      read && w.zone == nullptr && assumed == 3 && *read < t && zones()[assumed].to_wall(*read) == wall;
  if (!is_twice) wrong(shown(line) + " is " + shown(read) + ", and should be " + shown(t));
}

}  // namespace

void fuzz::play(const std::uint8_t* data, std::size_t size) {
  const playing now(data, size);
  fuzz::bytes in(data, size);
  const int what = in.below(4);
  if (what < 2) return play_lines(in, what == 0);
  do play_round_trip(in);
  while (!in.empty());
}
