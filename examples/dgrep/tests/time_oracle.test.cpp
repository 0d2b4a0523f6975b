// SPDX-License-Identifier: BSL-1.0
// The times that we read are those that Howard Hinnant's date library reads, for random times, for times with damaged
// digits, and for anything that is left of a line after it was damaged at random. Every run draws the same numbers.
#include "../time.hpp"

#include <date/date.h>
#include <stdlib.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "catch.hpp"

namespace {

using dgrep::a_second;
using dgrep::instant;
using dgrep::time_reader;
using dgrep::time_rules;
using dgrep::zone;

using library_time = date::sys_time<std::chrono::nanoseconds>;

constexpr instant a_day = 86'400 * a_second;
constexpr instant end_of_years = 9'214'646'400 * a_second;  // 2262-01-01T00:00:00Z

class dice {  // xorshift64
 public:
  explicit dice(std::uint64_t seed) noexcept : state_(seed) {}
  std::uint64_t below(std::uint64_t n) noexcept {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_ % n;
  }
  instant time(instant until) noexcept { return static_cast<instant>(below(static_cast<std::uint64_t>(until))); }

 private:
  std::uint64_t state_;
};

library_time of(instant t) { return library_time(std::chrono::nanoseconds(t)); }

std::string written(const char* format, instant t) { return date::format(format, of(t)); }

/// What the library reads at the head of `text`.
std::optional<instant> by_library(const char* format, const std::string& text) {
  std::istringstream in(text);
  library_time t;
  date::from_stream(in, format, t);
  if (in.fail()) return std::nullopt;
  return t.time_since_epoch().count();
}

time_rules in_utc() {
  time_rules rules;
  rules.assumed = zone::utc();
  rules.written_by = 1'700'000'000 * a_second;
  return rules;
}

std::string shown(std::optional<instant> t) { return t ? dgrep::to_string(*t) : "none"; }

/// Counts what does not agree, and shows the first few.
class verdict {
 public:
  void expect(const std::string& text, std::optional<instant> ours, std::optional<instant> theirs) {
    ++cases_;
    if (ours == theirs) return;
    if (++wrong_ <= 5) UNSCOPED_INFO("'" << text << "' is " << shown(ours) << ", and should be " << shown(theirs));
  }
  int cases() const noexcept { return cases_; }
  int wrong() const noexcept { return wrong_; }

 private:
  int cases_ = 0, wrong_ = 0;
};

struct offset {
  instant east;
  std::string text;
};

offset random_offset(dice& d, bool colon) {
  const auto minutes = static_cast<int>(d.below(2 * 840 + 1)) - 840;
  const int size = minutes < 0 ? -minutes : minutes;
  const auto two = [](int n) { return std::string(n < 10 ? "0" : "") + std::to_string(n); };
  return {60 * a_second * minutes, (minutes < 0 ? "-" : "+") + two(size / 60) + (colon ? ":" : "") + two(size % 60)};
}

/// Leaves so many digits of a fraction of nine at the end of `text`, and takes the rest off `t`.
void shorten(std::string& text, std::size_t digits, instant& t) {
  instant unit = a_second;
  for (std::size_t i = 0; i != digits; ++i) unit /= 10;
  t -= t % unit;
  text.resize(text.size() - (digits == 0 ? 10 : 9 - digits));
}

// ---- random times ---------------------------------------------------------------------------------------------------

TEST_CASE("60,000 random times in ISO 8601 are what the library reads", "[dgrep][time][oracle]") {
  dice d(1);
  verdict v;
  time_reader reader(in_utc());
  for (int i = 0; i != 60'000; ++i) {
    const bool colon = d.below(2) == 0;
    const offset there = random_offset(d, colon);
    instant t = d.time(end_of_years - 4 * a_day) + 2 * a_day;
    std::string text = written("%FT%T", t + there.east);
    shorten(text, d.below(10), t);
    const std::optional<instant> theirs = by_library(colon ? "%FT%T%Ez" : "%FT%T%z", text + there.text);
    if (d.below(2) == 0) text[10] = ' ';
    if (d.below(2) == 0 && text.size() > 19) text[19] = ',';
    text += there.text;
    switch (d.below(4)) {
      case 0:
        text = "[" + text + "] x";
        break;
      case 1:
        text = "<13>1 " + text + " host";
        break;
      case 2:
        text = "{\"msg\":\"x\",\"ts\":\"" + text + "\"}";
        break;
      default:
        break;
    }
    time_reader fresh(in_utc());
    v.expect(text, fresh.read(text), t);
    v.expect(text, theirs, t);
    if (text[0] != '{') v.expect(text, reader.read(text), theirs);
  }
  CHECK(v.wrong() == 0);
  CHECK(v.cases() >= 160'000);
}

/// A format as the library knows it: how it is written, with the zone in the same place if it has one, and read.
struct known_format {
  const char* before;
  const char* date;
  const char* behind;
  const char* read;  // of what is between before and behind
  bool has_fraction;
  const char* zone;         // what is in front of it, or nullptr
  std::size_t year, clock;  // where they are
};

constexpr known_format known_formats[] = {
    {"", "%Y-%m-%dT%T", " INFO x", "%Y-%m-%dT%T%z", true, "", 0, 11},
    {"", "%Y-%m-%d %T", " x", "%Y-%m-%d %T", true, nullptr, 0, 11},
    {"[", "%Y-%m-%d %T", "] x", "%Y-%m-%d %T %z", true, " ", 0, 11},
    {"", "%Y/%m/%d %T", " [error] x", "%Y/%m/%d %T", true, nullptr, 0, 11},
    {"", "%m/%d/%Y %T", " x", "%m/%d/%Y %T", true, nullptr, 6, 11},
    {"[", "%m/%d/%Y %T", "] x", "%m/%d/%Y %T %z", false, " ", 6, 11},
    {"::1 - [x] [", "%d/%b/%Y:%T", "] \"GET /\"", "%d/%b/%Y:%T %z", false, " ", 7, 12},
    {"[", "%a %b %d %T %Y", "] [core:notice] x", "%a %b %d %T %Y", false, nullptr, 20, 11},
    {"I", "%Y%m%d %T", " 1234 main.cc:7] x", "%Y%m%d %T", true, nullptr, 0, 9},
};

/// A line of that format, and its time.
std::string line_of(const known_format& f, dice& d, std::string& time, instant& t) {
  const offset there = f.zone != nullptr ? random_offset(d, false) : offset{0, ""};
  t = d.time(end_of_years - 4 * a_day) + 2 * a_day;
  if (!f.has_fraction) t -= t % a_second;
  time = f.has_fraction ? written(f.date, t + there.east)
                        : date::format(f.date, date::floor<std::chrono::seconds>(of(t + there.east)));
  if (f.zone != nullptr) time += f.zone + there.text;
  return f.before + time + f.behind;
}

TEST_CASE("90,000 random times in all formats with a year are what the library reads", "[dgrep][time][oracle]") {
  dice d(2);
  verdict v;
  for (const known_format& f : known_formats) {
    time_reader reader(in_utc());
    for (int i = 0; i != 10'000; ++i) {
      std::string time;
      instant t = 0;
      const std::string line = line_of(f, d, time, t);
      v.expect(line, reader.read(line), t);
      v.expect(line, by_library(f.read, time), t);
    }
  }
  CHECK(v.wrong() == 0);
  CHECK(v.cases() == 180'000);
}

TEST_CASE("50,000 epochs are what they were written from", "[dgrep][time][oracle]") {
  dice d(3);
  verdict v;
  time_reader reader(in_utc());
  const instant from = 1'000'000'000 * a_second;  // since when they have these many digits
  for (int i = 0; i != 50'000; ++i) {
    instant t = from + d.time(end_of_years - from);
    const std::size_t whole = 10 + 3 * d.below(4);
    const std::size_t digits = d.below(20 - whole);
    instant unit = 1;
    for (std::size_t n = whole + digits; n != 19; ++n) unit *= 10;
    t -= t % unit;
    std::string text = std::to_string(t).substr(0, whole + digits);
    if (digits != 0) text.insert(whole, ".");
    switch (d.below(3)) {
      case 0:
        text += " x";
        break;
      case 1:
        text = "[" + text + "]";
        break;
      default:
        text = "{\"x\":0.5,\"ts\":" + text + ",\"y\":[]}";
        break;
    }
    v.expect(text, time_reader(in_utc()).read(text), t);
  }
  CHECK(v.wrong() == 0);
}

TEST_CASE("50,000 times without a year are in the years that they were written in", "[dgrep][time][oracle]") {
  for (const char* format : {"%b %e %T", "%b %d %T", "I%m%d %T", "%a %b %e %T"}) {
    dice d(4);
    verdict v;
    const instant written_by = 1'700'000'000 * a_second;
    instant t = written_by - 300 * a_day;
    time_reader reader(in_utc());
    for (int i = 0; i != 12'500; ++i) {
      const std::string text = written(format, t) + " x";
      v.expect(text, reader.read(text), t);
      // mostly on, sometimes back, and never by half a year
      const instant step = d.time(d.below(50) == 0 ? 181 * a_day : 6 * a_day);
      t += d.below(4) == 0 && t > written_by + 400 * a_day ? -step : step;
      if (t > end_of_years - 400 * a_day) t = end_of_years - 400 * a_day;
    }
    CHECK(v.wrong() == 0);
    CHECK(v.cases() == 12'500);
  }
}

TEST_CASE("what is shown is what the library writes", "[dgrep][time][oracle]") {
  dice d(5);
  verdict v;
  int wrong = 0;
  for (int i = 0; i != 20'000; ++i) {
    const instant t = d.time(end_of_years) * (d.below(2) == 0 ? 1 : -1);
    if (dgrep::to_string(t) != written("%FT%TZ", t)) ++wrong;
    if (t >= 0) v.expect(dgrep::to_string(t), dgrep::parse_moment(dgrep::to_string(t), zone::local(), 0), t);
  }
  CHECK(wrong == 0);
  CHECK(v.wrong() == 0);
}

// ---- damaged times --------------------------------------------------------------------------------------------------

/// What the library reads, and the rules that are ours: years, zones, leap seconds.
std::optional<instant> by_library_and_rules(const known_format& f, std::string text) {
  const std::string year = text.substr(f.year, 4), second = text.substr(f.clock + 6, 2);
  if (year < "1970" || year > "2261") return std::nullopt;
  if (f.zone != nullptr && (text.substr(text.size() - 4, 2) > "23" || text.substr(text.size() - 2) > "59"))
    return std::nullopt;
  instant leap = 0;
  if (second == "60") {
    text.replace(f.clock + 6, 2, "59");
    if (f.has_fraction) text.replace(f.clock + 9, 9, "000000000");
    leap = a_second;
  }
  std::optional<instant> t = by_library(f.read, text);
  if (!t) return std::nullopt;
  *t += leap;
  if (*t < 0 || *t >= end_of_years) return std::nullopt;
  return t;
}

TEST_CASE("90,000 times with damaged digits are what the library reads, or none", "[dgrep][time][oracle]") {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  dice d(6);
  verdict v;
  int none = 0;
  for (const known_format& f : known_formats)
    for (int i = 0; i != 10'000; ++i) {
      std::string time;
      instant t = 0;
      line_of(f, d, time, t);
      for (std::uint64_t n = 1 + d.below(2); n != 0;) {
        char& c = time[d.below(time.size())];
        if (!is_digit(c)) continue;
        c = static_cast<char>('0' + d.below(10));
        --n;
      }
      if (d.below(10) == 0) time.replace(f.clock + 6, 2, "60");
      const std::optional<instant> theirs = by_library_and_rules(f, time);
      none += theirs ? 0 : 1;
      const std::string line = f.before + time + f.behind;
      v.expect(line, time_reader(in_utc()).read(line), theirs);
    }
  CHECK(v.wrong() == 0);
  CHECK(v.cases() == 90'000);
  CHECK(none > 10'000);
  CHECK(none < 60'000);
}

TEST_CASE("200,000 lines damaged at random have no time, or one that can be shown and read", "[dgrep][time][oracle]") {
  const std::string lines[] = {"[2016-12-19 16:31:46,143+01:00] INFO x",
                               "<165>1 2003-08-24T05:14:15.000003-07:00 host x",
                               "2016/12/19 18:02:24.289 [error] x",
                               "12/19/2016 11:02:24.5 PM +0100",
                               "<13>Jun  2 00:30:01.5 UTC host",
                               "h - - [10/Oct/2000:13:55:36 -0700] \"GET /\"",
                               "[Sun Dec 04 04:47:44.123456 2016] x",
                               "Sun Dec  4 04:47:44 CET 2016 +0100",
                               "I20230102 15:04:05.999999 1234 main.cc:7] x",
                               "E0229 15:04:05.999999 x",
                               "[1482170544.289] x",
                               R"({"x":[1.5,{}],"ts":1482170544.25e0,"time":"2016-12-19T18:02:24.289Z"})",
                               R"({"timestamp":1446249499322,"x":"\u00e9"})"};
  const std::string likely = "0123456789012345678901234567890123456789:.,-+/ TZ[]<>{}\"\\eE";
  dice d(7);
  verdict v;
  const zone zones[] = {zone::utc(), *zone::parse("-07:00"), zone::local()};
  time_rules rules = in_utc();
  std::vector<time_reader> warm;  // for each line one of each zone
  for (std::size_t i = 0; i != std::size(lines) * std::size(zones); ++i) {
    rules.assumed = zones[i % std::size(zones)];
    warm.emplace_back(rules);
  }
  rules.assumed = zone::utc();
  rules.custom = "%d.%m.%y %I:%M:%S.%N %p %z";
  time_reader custom(rules);
  int times = 0, out_of_range = 0;
  for (int i = 0; i != 200'000; ++i) {
    const std::size_t which = d.below(std::size(lines));
    std::string line = lines[which];
    for (std::uint64_t n = 1 + d.below(6); n != 0; --n) {
      const std::size_t at = d.below(line.size() + 1);
      const char c = d.below(4) == 0 ? static_cast<char>(d.below(256)) : likely[d.below(likely.size())];
      switch (d.below(8)) {
        case 0:
          line.insert(at, 1, c);
          break;
        case 1:
          line.erase(at, 1);
          break;
        case 2:
          if (d.below(4) == 0) line.resize(at);
          break;
        case 3:
          line.insert(at, line.substr(d.below(line.size() + 1), d.below(8)));
          break;
        default:
          if (at != line.size()) line[at] = c;
          break;
      }
    }
    line.shrink_to_fit();
    const std::optional<instant> alone = time_reader(in_utc()).read(line);
    for (std::size_t z = 0; z != std::size(zones); ++z) {
      const std::optional<instant> t = warm[which * std::size(zones) + z].read(line);
      if (!t) continue;
      ++times;
      if (*t < 0 || *t >= end_of_years) ++out_of_range;
      v.expect(line, time_reader(in_utc()).read(dgrep::to_string(*t)), t);
    }
    if (alone) v.expect(line, dgrep::parse_moment(dgrep::to_string(*alone), zone::local(), 0), alone);
    static_cast<void>(custom.read(line));
    static_cast<void>(dgrep::parse_moment(line, zone::utc(), d.time(end_of_years)));
    static_cast<void>(dgrep::parse_duration(line));
    static_cast<void>(dgrep::check_time_format(line));
  }
  CHECK(v.wrong() == 0);
  CHECK(times > 50'000);
  CHECK(out_of_range == 0);
}

// ---- real logs ------------------------------------------------------------------------------------------------------

TEST_CASE("real logs have as many times as are known", "[dgrep][time][data]") {
  const char* const folder = ::getenv("DGREP_DATA");
  if (folder == nullptr) {
    WARN("DGREP_DATA names no folder of real logs: nothing is checked");
    return;
  }
  struct known {
    const char* file;
    int lines, without;
    const char* format;
  };
  const known files[] = {{"elastic-examples/apache_access.log", 10'000, 0, "Apache access"},
                         {"elastic-examples/auth.log", 7'121, 0, "RFC 3164"},
                         {"elastic-examples/nginxplus_json.log", 500, 0, "JSON"},
                         {"elastic-examples/kafka0/kafkaServer-gc.log", 20'596, 19'799, "ISO 8601"},
                         {"elastic-examples/kafka0/controller.log.2016-12-19-18", 1'032, 229, "ISO 8601"},
                         {"elastic-examples/kafka0/server.log.2016-12-19-16", 537, 138, "ISO 8601"},
                         {"elastic-examples/kafka0/server.log.2016-12-19-20", 721, 15, "ISO 8601"},
                         {"elastic-examples/kafka0/state-change.log.2016-12-19-16", 5'307, 1'902, "ISO 8601"},
                         {"elastic-examples/kafka1/kafkaServer-gc.log", 13'872, 13'345, "ISO 8601"},
                         {"elastic-examples/kafka1/server.log.2016-12-19-19", 415, 138, "ISO 8601"},
                         {"elastic-examples/kafka1/server.log.2016-12-19-20", 456, 30, "ISO 8601"},
                         {"elastic-examples/kafka2/kafkaServer-gc.log", 17'635, 16'961, "ISO 8601"},
                         {"elastic-examples/kafka2/server.log.2016-12-19-16", 382, 138, "ISO 8601"},
                         {"elastic-examples/kafka2/state-change.log", 506, 0, "ISO 8601"},
                         {"s4-logs/CentOS7_boot.log", 617, 617, ""},
                         {"s4-logs/CentOS9_dnf.log", 1'174, 285, "ISO 8601"},
                         {"s4-logs/FreeBSD13.1_messages", 1'556, 0, "RFC 3164"},
                         {"s4-logs/MacOS12.6_system.log", 578, 284, "RFC 3164"},
                         {"s4-logs/OpenSUSE15_snapper.log", 642, 0, "ISO 8601"},
                         {"s4-logs/RancherOS-1.5.8_messages", 234, 3, "RFC 3164"},
                         {"s4-logs/Windows10Pro_Microsoft.NET_Framework_v4.0.30319_ngen.log", 2'350, 2, "mm/dd/yyyy"}};
  for (const known& k : files) {
    INFO(k.file);
    std::ifstream in(std::string(folder) + "/" + k.file, std::ios::binary);
    REQUIRE(in.is_open());
    time_reader reader(in_utc());
    int lines = 0, without = 0;
    for (std::string line; std::getline(in, line);) {
      ++lines;
      if (!reader.read(line)) ++without;
    }
    CHECK(lines == k.lines);
    CHECK(without == k.without);
    CHECK(reader.format() == k.format);
  }
}

}  // namespace
