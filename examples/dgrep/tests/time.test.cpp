// SPDX-License-Identifier: BSL-1.0
#include "../time.hpp"

#include <stdlib.h>
#include <time.h>

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "catch.hpp"

namespace {

using namespace std::string_literals;
using dgrep::a_second;
using dgrep::instant;
using dgrep::time_reader;
using dgrep::time_rules;
using dgrep::zone;

constexpr instant a_minute = 60 * a_second;
constexpr instant an_hour = 60 * a_minute;
constexpr instant a_day = 24 * an_hour;
constexpr instant christmas = 1'482'624'000 * a_second;  // 2016-12-25T00:00:00Z

time_rules in_utc(instant written_by = christmas) {
  time_rules rules;
  rules.assumed = zone::utc();
  rules.written_by = written_by;
  return rules;
}

std::string shown(std::optional<instant> t) { return t ? dgrep::to_string(*t) : "none"; }

/// The time of a line that is the only one of its file.
std::string only(std::string_view line, const time_rules& rules = in_utc()) {
  time_reader reader(rules);
  return shown(reader.read(line));
}

std::string format_of(std::string_view line, const time_rules& rules = in_utc()) {
  time_reader reader(rules);
  reader.read(line);
  return std::string(reader.format());
}

/// This machine's zone, for a test.
class local_zone {
 public:
  explicit local_zone(const char* name) {
    if (const char* old = ::getenv("TZ")) old_ = old;
    ::setenv("TZ", name, 1);
    ::tzset();
  }
  local_zone(const local_zone&) = delete;
  local_zone& operator=(const local_zone&) = delete;
  ~local_zone() {
    if (old_) ::setenv("TZ", old_->c_str(), 1);
    else ::unsetenv("TZ");
    ::tzset();
  }

 private:
  std::optional<std::string> old_;
};

// Where the machine has no zone files, every name is UTC.
bool has_zone_files() {
  const local_zone apia("Pacific/Apia");
  return zone::local().to_wall(christmas) != christmas;
}

time_rules in_local(instant written_by = christmas) {
  time_rules rules = in_utc(written_by);
  rules.assumed = zone::local();
  return rules;
}

// ---- formats --------------------------------------------------------------------------------------------------------

TEST_CASE("an ISO 8601 time is read with T or a space, with any fraction and any zone", "[dgrep][time]") {
  CHECK(only("2016-12-19T18:02:24Z") == "2016-12-19T18:02:24.000000000Z");
  CHECK(only("2016-12-19t18:02:24z up") == "2016-12-19T18:02:24.000000000Z");
  CHECK(only("2016-12-19 18:02:24") == "2016-12-19T18:02:24.000000000Z");
  CHECK(only("2016-12-19 18:02:24.2 x") == "2016-12-19T18:02:24.200000000Z");
  CHECK(only("2016-12-19 18:02:24,289 x") == "2016-12-19T18:02:24.289000000Z");
  CHECK(only("2016-12-19T18:02:24.123456789Z") == "2016-12-19T18:02:24.123456789Z");
  CHECK(only("2016-12-19T18:02:24.1234567899999999999999999Z") == "2016-12-19T18:02:24.123456789Z");
  CHECK(only("2016-12-19T18:02:24.000000000000000000001+01:00") == "2016-12-19T17:02:24.000000000Z");
  CHECK(only("2016-12-19T18:02:24+01:30") == "2016-12-19T16:32:24.000000000Z");
  CHECK(only("2016-12-19T18:02:24-0700 INFO") == "2016-12-20T01:02:24.000000000Z");
  CHECK(only("2016-12-19T18:02:24-07") == "2016-12-20T01:02:24.000000000Z");
  CHECK(only("2022-04-13 04:20:33-07 Mac-2358 softwareupdated[241]: x") == "2022-04-13T11:20:33.000000000Z");
  CHECK(only("2016-12-19 18:02:24 +0100 x") == "2016-12-19T17:02:24.000000000Z");
  CHECK(only("2016-12-19 18:02:24.5 -01:00 x") == "2016-12-19T19:02:24.500000000Z");
  CHECK(format_of("2016-12-19 18:02:24") == "ISO 8601");
}

TEST_CASE("UTC and GMT are zones by name, and no other name is", "[dgrep][time]") {
  time_rules rules = in_utc();
  rules.assumed = *zone::parse("+02:00");
  CHECK(only("2016-12-19 18:02:24 UTC [1] LOG:", rules) == "2016-12-19T18:02:24.000000000Z");
  CHECK(only("2016-12-19 18:02:24.289 GMT", rules) == "2016-12-19T18:02:24.289000000Z");
  CHECK(only("2016-12-19 18:02:24 CET x", rules) == "2016-12-19T16:02:24.000000000Z");
  CHECK(only("2016-12-19 18:02:24 UTCX", rules) == "2016-12-19T16:02:24.000000000Z");
  CHECK(only("2016-12-19 18:02:24 UTC+2", rules) == "none");
  CHECK(only("2016-12-19 18:02:24Zulu", rules) == "none");
  CHECK(only("2016-12-19 18:02:24CET", rules) == "none");
}

TEST_CASE("what follows a time is no zone if it only begins like one", "[dgrep][time]") {
  CHECK(only("2016-12-19 18:02:24,289 - main - INFO") == "2016-12-19T18:02:24.289000000Z");
  CHECK(only("2016-12-19 18:02:24 -7 degrees") == "2016-12-19T18:02:24.000000000Z");
  CHECK(only("2016-12-19 18:02:24 -07 degrees") == "2016-12-19T18:02:24.000000000Z");
  CHECK(only("2016-12-19 18:02:24 +12345") == "2016-12-19T18:02:24.000000000Z");
  CHECK(only("2016-12-19 18:02:24 -07:00x") == "2016-12-19T18:02:24.000000000Z");
  CHECK(only("2016-12-19 18:02:24 -07:0") == "2016-12-19T18:02:24.000000000Z");
  CHECK(only("2016-12-19 18:02:24 +2400") == "none");
  CHECK(only("2016-12-19 18:02:24 +01:60") == "none");
  CHECK(only("2016-12-19 18:02:24 -") == "2016-12-19T18:02:24.000000000Z");
  CHECK(only("2016-12-19 18:02:24-main") == "2016-12-19T18:02:24.000000000Z");
  CHECK(only("2016-12-19 18:02:24. The end") == "2016-12-19T18:02:24.000000000Z");
  CHECK(only("2016-12-19 18:02:24,INFO") == "2016-12-19T18:02:24.000000000Z");
  CHECK(only("2016-12-19 18:02:24+01: text") == "2016-12-19T17:02:24.000000000Z");
}

TEST_CASE("an ISO 8601 time may stand in a bracket or behind a priority", "[dgrep][time]") {
  CHECK(only("[2016-12-19 16:31:46,143] INFO KafkaConfig values:") == "2016-12-19T16:31:46.143000000Z");
  CHECK(only("[2016-12-19T16:31:46.143+01:00] x") == "2016-12-19T15:31:46.143000000Z");
  CHECK(only("<34>1 2003-10-11T22:14:15.003Z mymachine su - ID47 - x") == "2003-10-11T22:14:15.003000000Z");
  CHECK(only("<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 x") == "2003-08-24T12:14:15.000003000Z");
  CHECK(only("<191>2003-08-24T05:14:15Z x") == "2003-08-24T05:14:15.000000000Z");
  CHECK(only("<192>1 2003-10-11T22:14:15.003Z x") == "none");
  CHECK(only("<1234>1 2003-10-11T22:14:15.003Z x") == "none");
  CHECK(only("<>1 2003-10-11T22:14:15.003Z x") == "none");
  CHECK(only("<34>2 2003-10-11T22:14:15.003Z x") == "none");
  CHECK(only("<34>1 - mymachine") == "none");
}

TEST_CASE("the head of a line of a Java GC log is a time", "[dgrep][time]") {
  CHECK(only("2016-12-19T16:31:46.143+0000: 1.234: [GC (Allocation Failure)") == "2016-12-19T16:31:46.143000000Z");
}

TEST_CASE("a date with slashes begins with the year, or with the month", "[dgrep][time]") {
  CHECK(only("2016/12/19 18:02:24 [error] 7#7: *1") == "2016-12-19T18:02:24.000000000Z");
  CHECK(only("2016/12/19 18:02:24.289123 main.go:3: x") == "2016-12-19T18:02:24.289123000Z");
  CHECK(only("[2016/12/19 18:02:24] x") == "2016-12-19T18:02:24.000000000Z");
  CHECK(only("12/19/2016 18:02:24.951 [2025]: x") == "2016-12-19T18:02:24.951000000Z");
  CHECK(only("[12/19/2016 18:02:24 +0100]") == "2016-12-19T17:02:24.000000000Z");
  CHECK(only("19/12/2016 18:02:24") == "none");
  CHECK(only("2016/19/12 18:02:24") == "none");
  CHECK(only("2016/12-19 18:02:24") == "none");
  CHECK(only("12/19-2016 18:02:24") == "none");
  CHECK(format_of("2016/12/19 18:02:24") == "yyyy/mm/dd");
  CHECK(format_of("12/19/2016 18:02:24") == "mm/dd/yyyy");
}

TEST_CASE("an hour of twelve counts from twelve", "[dgrep][time]") {
  CHECK(only("12/19/2016 12:02:24 AM x") == "2016-12-19T00:02:24.000000000Z");
  CHECK(only("12/19/2016 01:02:24 AM") == "2016-12-19T01:02:24.000000000Z");
  CHECK(only("12/19/2016 12:02:24 PM") == "2016-12-19T12:02:24.000000000Z");
  CHECK(only("12/19/2016 11:02:24.5 PM") == "2016-12-19T23:02:24.500000000Z");
  CHECK(only("12/19/2016 13:02:24 PM") == "none");
  CHECK(only("12/19/2016 00:02:24 AM") == "none");
  CHECK(only("12/19/2016 11:02:24 PMX") == "2016-12-19T11:02:24.000000000Z");
}

TEST_CASE("an RFC 3164 time has its day padded or not, and a priority or none", "[dgrep][time]") {
  CHECK(only("Dec 19 18:02:24 host x") == "2016-12-19T18:02:24.000000000Z");
  CHECK(only("Jun  2 00:30:01 host") == "2016-06-02T00:30:01.000000000Z");
  CHECK(only("Jun 02 00:30:01 host") == "2016-06-02T00:30:01.000000000Z");
  CHECK(only("Jun 2 00:30:01 host") == "2016-06-02T00:30:01.000000000Z");
  CHECK(only("<13>Jun  2 00:30:01 host") == "2016-06-02T00:30:01.000000000Z");
  CHECK(only("Jun  2 00:30:01.711 host") == "2016-06-02T00:30:01.711000000Z");
  CHECK(only("Jun  2 00:30:01") == "2016-06-02T00:30:01.000000000Z");
  for (const char* bad :
       {"Jux  2 00:30:01 host", "Jun   2 00:30:01 host", "Jun  0 00:30:01 host", "Jun 31 00:30:01 host",
        "Feb 30 00:30:01 host", "Jun  2 24:30:01 host", "Jun  2 00:60:01 host", "Jun  2 00:30:61 host",
        "Jun  2 00:30:1 host", "Jun  2 00:30 host", "Jun  2 00.30.01 host", "jun  2 00:30:01 host",
        "<13Jun  2 00:30:01 host", "<999>Jun  2 00:30:01 host", "June 2 00:30:01 host", "Jun  2"}) {
    INFO(bad);
    CHECK(only(bad) == "none");
  }
  CHECK(format_of("Dec 19 18:02:24 host x") == "RFC 3164");
}

TEST_CASE("an access log's time is in a bracket among the first 256 bytes", "[dgrep][time]") {
  const std::string time = "[10/Oct/2000:13:55:36 -0700]";
  CHECK(only("127.0.0.1 - frank " + time + " \"GET / HTTP/1.0\" 200 1") == "2000-10-10T20:55:36.000000000Z");
  CHECK(only("[::1] - [who] " + time) == "2000-10-10T20:55:36.000000000Z");
  CHECK(only(std::string(255, 'x') + time) == "2000-10-10T20:55:36.000000000Z");
  CHECK(only(std::string(256, 'x') + time) == "none");
  CHECK(only(std::string(300, '[')) == "none");
  CHECK(only("h - - [10/Oct/2000:13:55:36.25] x") == "2000-10-10T13:55:36.250000000Z");
  CHECK(only("h - - [10/Oct/2000:13:55:36 -0700 x") == "none");
  CHECK(only("h - - [10/Oct/2000:13:55:36 -0700") == "none");
  CHECK(only("h - - [31/Sep/2000:13:55:36 -0700]") == "none");
  CHECK(format_of("h - - " + time) == "Apache access");
}

TEST_CASE("an Apache error log's time has its year last", "[dgrep][time]") {
  CHECK(only("[Sun Dec 04 04:47:44 2005] [notice] x") == "2005-12-04T04:47:44.000000000Z");
  CHECK(only("[Sun Dec 04 04:47:44.123456 2005] [core:notice] x") == "2005-12-04T04:47:44.123456000Z");
  CHECK(only("[Mon Dec 04 04:47:44 2005] x") == "none");  // it was a Sunday
  CHECK(only("[Sun Dec 04 04:47:44 2005 x") == "none");
  CHECK(only("[Sun Feb 30 04:47:44 2005] x") == "none");
  CHECK(format_of("[Sun Dec 04 04:47:44 2005] x") == "Apache error");
}

TEST_CASE("a time with a weekday may come without brackets, as other programs write it", "[dgrep][time]") {
  CHECK(only("Sun Dec  4 04:47:44 2005") == "2005-12-04T04:47:44.000000000Z");
  CHECK(only("Sun Dec  4 04:47:44 2005 +0100") == "2005-12-04T03:47:44.000000000Z");
  CHECK(only("Sun Dec  4 04:47:44 UTC 2005: begun") == "2005-12-04T04:47:44.000000000Z");
  CHECK(only("Sun Dec  4 04:47:44 CET 2005: begun") == "2005-12-04T04:47:44.000000000Z");
  CHECK(only("Tue Jun  2 00:30:16.711 [airport]/131") == "2016-06-02T00:30:16.711000000Z");
}

TEST_CASE("glog writes the month and the day, since lately the year, too", "[dgrep][time]") {
  CHECK(only("I0102 15:04:05.999999    1234 main.cc:7] x") == "2016-01-02T15:04:05.999999000Z");
  CHECK(only("I20230102 15:04:05.999999 1234 main.cc:7] x") == "2023-01-02T15:04:05.999999000Z");
  CHECK(only("X0102 15:04:05.999999 x") == "none");
  CHECK(only("\0"s + "0102 15:04:05.999999 x") == "none");
  CHECK(only("E1234 12:00:00 x") == "none");
  CHECK(only("I0102 15:04:05 x") == "none");
  CHECK(only("I0230 15:04:05.999999 x") == "none");
  CHECK(only("I20230229 15:04:05.999999 x") == "none");
  CHECK(format_of("I0102 15:04:05.999999 x") == "glog");
}

TEST_CASE("the digits of an epoch tell its unit", "[dgrep][time]") {
  CHECK(only("1482170544 x") == "2016-12-19T18:02:24.000000000Z");
  CHECK(only("1482170544.289 x") == "2016-12-19T18:02:24.289000000Z");
  CHECK(only("1482170544.2891234567890 x") == "2016-12-19T18:02:24.289123456Z");
  CHECK(only("1482170544289 x") == "2016-12-19T18:02:24.289000000Z");
  CHECK(only("1482170544289.5 x") == "2016-12-19T18:02:24.289500000Z");
  CHECK(only("1482170544289123 x") == "2016-12-19T18:02:24.289123000Z");
  CHECK(only("1482170544289123456") == "2016-12-19T18:02:24.289123456Z");
  CHECK(only("[1482170544.289] x") == "2016-12-19T18:02:24.289000000Z");
  CHECK(only("[1482170544]") == "2016-12-19T18:02:24.000000000Z");
  for (const char* bad : {"148217054 x", "14821705440 x", "0482170544 x", "9999999999 x", "9999999999999999999 x",
                          "14821705442891234567 x", "1482170544abc", "1482170544-1", "1482170544. x", "1482170544.1.2",
                          "148217054428912345678901234567890 x", "-1482170544", " 1482170544"}) {
    INFO(bad);
    CHECK(only(bad) == "none");
  }
  CHECK(format_of("1482170544 x") == "epoch");
}

// ---- JSON -----------------------------------------------------------------------------------------------------------

TEST_CASE("a JSON object has its time in ts, time, timestamp or @timestamp", "[dgrep][time]") {
  const std::string expected = "2016-12-19T18:02:24.289000000Z";
  CHECK(only(R"({"ts":"2016-12-19T18:02:24.289Z","msg":"x"})") == expected);
  CHECK(only(R"({"msg":"x", "time": "2016-12-19 19:02:24,289+01:00" })") == expected);
  CHECK(only(R"({"@timestamp":"2016/12/19 18:02:24.289"})") == expected);
  CHECK(only(R"({"timestamp":"12/19/2016 18:02:24.289"})") == expected);
  CHECK(only(R"({"time":"19/Dec/2016:19:02:24.289 +0100"})") == expected);
  CHECK(only(R"({"time":"[19/Dec/2016:19:02:24.289 +0100]"})") == expected);
  CHECK(only(R"({"time":"Dec 19 18:02:24.289"})") == expected);
  CHECK(only(R"({"time":"1482170544289"})") == expected);
  CHECK(only(R"({"ts":"2016\u002d12-19T18:02:24.289Z"})") == expected);
  CHECK(only("{\"ts\":\"2016-12-19T18:02:24.289Z\"}\r") == expected);
  CHECK(format_of(R"({"ts":"2016-12-19T18:02:24.289Z","msg":"x"})") == "JSON");
}

TEST_CASE("a number in a JSON object is an epoch, to its last digit", "[dgrep][time]") {
  CHECK(only(R"({"ts":1482170544})") == "2016-12-19T18:02:24.000000000Z");
  CHECK(only(R"({"load":1.5,"ts":1482170544.289123456,"x":2})") == "2016-12-19T18:02:24.289123456Z");
  CHECK(only(R"({"ts" : 1482170544289.123456 })") == "2016-12-19T18:02:24.289123456Z");
  CHECK(only(R"({"ts":1482170544289})") == "2016-12-19T18:02:24.289000000Z");
  CHECK(only(R"({"ts":1482170544289123})") == "2016-12-19T18:02:24.289123000Z");
  CHECK(only(R"({"ts":1482170544289123456})") == "2016-12-19T18:02:24.289123456Z");
  CHECK(only(R"({"ts":1.482170544289123456e+09})") == "2016-12-19T18:02:24.289123456Z");
  CHECK(only(R"({"ts":1.482170544E9})") == "2016-12-19T18:02:24.000000000Z");
  CHECK(only(R"({"ts":1482170544e0})") == "2016-12-19T18:02:24.000000000Z");
  CHECK(only(R"({"ts":1.5e9})") == "2017-07-14T02:40:00.000000000Z");
  for (const char* bad :
       {R"({"ts":0.25})", R"({"ts":-1482170544})", R"({"ts":-1482170544.5})", R"({"ts":12345})", R"({"ts":9999999999})",
        R"({"ts":9223372036854775808})", R"({"ts":1.5e300})", R"({"ts":1.5e-9})", R"({"ts":true})", R"({"ts":null})",
        R"({"ts":[1482170544]})", R"({"ts":{"ts":1482170544}})"}) {
    INFO(bad);
    CHECK(only(bad) == "none");
  }
}

TEST_CASE("the first key of a JSON object that holds a time counts, at the top level only", "[dgrep][time]") {
  CHECK(only(R"({"time":0.25,"ts":"no","timestamp":1482170544,"@timestamp":1482170545})") ==
        "2016-12-19T18:02:24.000000000Z");
  CHECK(only(R"({"a":{"ts":1482170544},"b":[{"time":1482170544}]})") == "none");
  CHECK(only(R"({"load_timestamp":1482170544,"TS":1482170544,"times":1482170544})") == "none");
}

// simdjson has no place for an integer of more than 64 bits
TEST_CASE("what is not JSON to its end has no time", "[dgrep][time]") {
  for (const char* bad :
       {"{", "{}", R"({"ts":1482170544)", R"({"ts":1482170544,)", R"({"ts":1482170544,"x":})", R"({"ts":1482170544} x)",
        R"({"ts":1482170544.5,"x":[1,2})", R"({"ts":01482170544})", "{\"ts\":1482170544,\"x\":\"\xff\"}",
        R"({ts:1482170544})", R"({"ts":1482170544,"id":123456789012345678901234567890})", R"({'ts':1482170544})",
        R"([{"ts":1482170544}])", "{{{{{{{{"}) {
    INFO(bad);
    CHECK(only(bad) == "none");
  }
  CHECK(only(std::string(100'000, '{')) == "none");
  CHECK(only("{\"x\":" + std::string(100'000, '[')) == "none");
}

TEST_CASE("a JSON line of any length up to 16 MiB is read, whatever lies behind it", "[dgrep][time]") {
  time_reader reader(in_utc());
  for (const unsigned size : {0U, 1U, 31U, 32U, 33U, 63U, 64U, 65U, 127U, 128U, 4095U, 4096U, 1'000'000U, 5U}) {
    const std::string line = "{\"x\":\"" + std::string(size, 'x') + "\",\"ts\":1482170544.5}";
    const std::string exact = line + "}}}\"\"";
    CHECK(shown(reader.read(std::string_view(exact).substr(0, line.size()))) == "2016-12-19T18:02:24.500000000Z");
  }
  CHECK(only("{\"ts\":1482170544,\"x\":\"" + std::string(16 * 1024 * 1024, 'x') + "\"}") == "none");
}

// ---- rules ----------------------------------------------------------------------------------------------------------

TEST_CASE("a day, an hour or a zone that cannot be makes no time", "[dgrep][time]") {
  for (const char* bad : {"2016-00-19 18:02:24",
                          "2016-13-19 18:02:24",
                          "2016-12-00 18:02:24",
                          "2016-12-32 18:02:24",
                          "2015-02-29 18:02:24",
                          "2100-02-29 18:02:24",
                          "2016-02-30 18:02:24",
                          "2016-04-31 18:02:24",
                          "2016-12-19 24:02:24",
                          "2016-12-19 18:60:24",
                          "2016-12-19 18:02:61",
                          "2016-12-19 18:02:99",
                          "2016-12-19 18:02",
                          "2016-12-19 18:02:2",
                          "2016-12-19 18:02:245",
                          "2016-12-19",
                          "2016-12-19x18:02:24",
                          "2016-12-19  8:02:24",
                          "2016-1-19 18:02:24",
                          "20161219 180224",
                          "2016-12-19 18:02:24+24:00",
                          "2016-12-19 18:02:24+01:60",
                          "2016-12-19 18:02:24+1",
                          "2016-12-19 18:02:24+010",
                          "2016-12-19 18:02:24+01:0",
                          "2016-12-19 18:02:24+01000",
                          "2016-12-19 18:02:24+01:000",
                          " 2016-12-19 18:02:24",
                          "((2016-12-19 18:02:24",
                          "[[2016-12-19 18:02:24",
                          "-016-12-19 18:02:24",
                          "2016-12-19 18:02:-4",
                          "",
                          "[",
                          "<",
                          "<1",
                          "<13>",
                          "<13>1",
                          "<13>1 ",
                          "{",
                          "\xEF\xBB\xBF",
                          "\xEF\xBB",
                          "I",
                          "J",
                          "1",
                          "Mon",
                          "Dec"}) {
    INFO(bad);
    CHECK(only(bad) == "none");
  }
  CHECK(only("2016-02-29 18:02:24") == "2016-02-29T18:02:24.000000000Z");
  CHECK(only("2000-02-29 18:02:24") == "2000-02-29T18:02:24.000000000Z");
  CHECK(only("2016-12-19 00:00:00") == "2016-12-19T00:00:00.000000000Z");
}

TEST_CASE("no prefix of a time is read beyond its end", "[dgrep][time]") {
  for (const std::string& line :
       {"[2016-12-19 16:31:46,143+01:00] x"s, "<165>1 2003-08-24T05:14:15.000003-07:00 x"s,
        "12/19/2016 11:02:24.5 PM +0100"s, "<13>Jun  2 00:30:01.5 UTC"s, "h - - [10/Oct/2000:13:55:36 -0700] x"s,
        "[Sun Dec 04 04:47:44.123456 2016] x"s, "Sun Dec  4 04:47:44 CET 2016 +0100"s, "I20230102 15:04:05.999999 x"s,
        "[1482170544.289] x"s, R"({"ts":1482170544.25,"time":"2016-12-19T18:02:24.289Z"})"s}) {
    time_reader warm(in_utc());
    for (std::size_t n = line.size() + 1; n-- != 0;) {
      const std::string exact(line, 0, n);  // so that a sanitizer sees the end
      const std::string fresh = only(exact);
      CHECK(shown(warm.read(exact)) == fresh);
      if (n == 0) CHECK(fresh == "none");
    }
  }
}

TEST_CASE("a leap second is the start of the next one", "[dgrep][time]") {
  CHECK(only("2016-12-31T23:59:60Z") == "2017-01-01T00:00:00.000000000Z");
  CHECK(only("2016-12-31T23:59:60.999Z") == "2017-01-01T00:00:00.000000000Z");
  CHECK(only("2017-01-01T05:29:60.5+05:30") == "2017-01-01T00:00:00.000000000Z");
  CHECK(only("Jun 30 23:59:60 host") == "2016-07-01T00:00:00.000000000Z");
  CHECK(only("2261-12-31T23:59:60Z") == "none");
}

TEST_CASE("times are from 1970 to 2261", "[dgrep][time]") {
  CHECK(only("1970-01-01T00:00:00Z") == "1970-01-01T00:00:00.000000000Z");
  CHECK(only("2261-12-31T23:59:59.999999999Z") == "2261-12-31T23:59:59.999999999Z");
  CHECK(only("2261-12-31T23:59:59-00:01") == "none");
  CHECK(only("2262-01-01T00:00:00Z") == "none");
  CHECK(only("9999-12-31T23:59:59Z") == "none");
  CHECK(only("1969-12-31T23:59:59Z") == "none");
  CHECK(only("1970-01-01T00:00:00+00:01") == "none");
  CHECK(only("0000-01-01T00:00:00Z") == "none");
  CHECK(only("9214646399 x") == "2261-12-31T23:59:59.000000000Z");
  CHECK(only("9214646400 x") == "none");
  CHECK(only("9214646399999999999") == "2261-12-31T23:59:59.999999999Z");
}

TEST_CASE("a time later than it may be is none, and the next one is not taken for its sake", "[dgrep][time]") {
  time_rules rules = in_utc();
  rules.not_after = christmas;
  time_reader reader(rules);
  CHECK(shown(reader.read("2016-12-25 00:00:00")) == "2016-12-25T00:00:00.000000000Z");
  CHECK(shown(reader.read("2016-12-25 00:00:00.000000001")) == "none");
  CHECK(shown(reader.read("2216-12-25 00:00:00 [10/Oct/2000:13:55:36 -0700]")) == "none");
  CHECK(shown(reader.read("2016-12-24 00:00:00")) == "2016-12-24T00:00:00.000000000Z");
  for (int i = 0; i != 200; ++i) CHECK_FALSE(reader.read("2216-12-25 00:00:00 [10/Oct/2000:13:55:36 -0700]"));
  CHECK(reader.format() == "ISO 8601");
}

TEST_CASE("a byte order mark is no part of the first line", "[dgrep][time]") {
  CHECK(only("\xEF\xBB\xBF"
             "2016-12-19 18:02:24") == "2016-12-19T18:02:24.000000000Z");
  time_reader reader(in_utc());
  CHECK_FALSE(reader.read(""));
  CHECK_FALSE(
      reader.read("\xEF\xBB\xBF"
                  "2016-12-19 18:02:24"));
}

// ---- finding the format ---------------------------------------------------------------------------------------------

TEST_CASE("a format is found out by the first line that has any", "[dgrep][time]") {
  time_reader reader(in_utc());
  CHECK(reader.format().empty());
  for (int i = 0; i != 1000; ++i) CHECK_FALSE(reader.read("Starting up ..."));
  CHECK(reader.format().empty());
  CHECK(reader.read("Dec 19 18:02:24 host x"));
  CHECK(reader.format() == "RFC 3164");
}

TEST_CASE("while a format is kept, a line of another has no time, until it is lost", "[dgrep][time]") {
  time_reader reader(in_utc());
  CHECK(reader.read("2016-12-19 18:02:24 x"));
  for (int i = 1; i != time_reader::misses_until_lost; ++i) CHECK_FALSE(reader.read("Dec 19 18:02:25 host x"));
  CHECK(reader.format() == "ISO 8601");
  CHECK(reader.read("Dec 19 18:02:25 host x"));
  CHECK(reader.format() == "RFC 3164");
}

TEST_CASE("misses count in a row only", "[dgrep][time]") {
  time_reader reader(in_utc());
  for (int round = 0; round != 10; ++round) {
    CHECK(reader.read("2016-12-19 18:02:24 x"));
    for (int i = 1; i != time_reader::misses_until_lost; ++i) CHECK_FALSE(reader.read("Dec 19 18:02:25 host x"));
  }
  CHECK(reader.format() == "ISO 8601");
}

TEST_CASE("the format before is not forgotten when another is found", "[dgrep][time]") {
  time_reader reader(in_utc());
  CHECK(reader.read("2016-12-19 18:02:24 x"));
  for (int i = 1; i != time_reader::misses_until_lost; ++i) CHECK_FALSE(reader.read("a number for each:"));
  CHECK(reader.read("1482170544 looks like a time"));
  CHECK(shown(reader.read("2016-12-19 18:02:25 x")) == "2016-12-19T18:02:25.000000000Z");
  CHECK(shown(reader.read("1482170545 x")) == "2016-12-19T18:02:25.000000000Z");
  CHECK(shown(reader.read("2016-12-19 18:02:26 x")) == "2016-12-19T18:02:26.000000000Z");
  CHECK(reader.format() == "ISO 8601");
}

TEST_CASE("after a long time without any, the format is still there", "[dgrep][time]") {
  time_reader reader(in_utc());
  CHECK(reader.read("Dec 19 18:02:24 host x"));
  for (int i = 0; i != 1000; ++i) CHECK_FALSE(reader.read("\tat java.lang.Thread.run(Thread.java:745)"));
  CHECK(reader.read("Dec 19 18:02:25 host x"));
  CHECK(reader.format() == "RFC 3164");
}

TEST_CASE("a reader can be moved", "[dgrep][time]") {
  time_reader reader(in_utc());
  CHECK(reader.read("Dec 19 18:02:24 host x"));
  time_reader other = std::move(reader);
  CHECK(other.read("Dec 19 18:02:25 host x"));
  reader = std::move(other);
  CHECK(reader.format() == "RFC 3164");
}

// ---- years ----------------------------------------------------------------------------------------------------------

TEST_CASE("the first time without a year is in the latest that it could have been written in", "[dgrep][time]") {
  CHECK(only("Dec 25 00:00:00 host") == "2016-12-25T00:00:00.000000000Z");
  CHECK(only("Dec 26 00:00:00 host") == "2016-12-26T00:00:00.000000000Z");  // a day later: clocks differ
  CHECK(only("Dec 26 00:00:01 host") == "2015-12-26T00:00:01.000000000Z");
  CHECK(only("Jan  1 00:00:00 host") == "2016-01-01T00:00:00.000000000Z");
  CHECK(only("Jan  1 00:00:00 host", in_utc(christmas + 6 * a_day)) == "2017-01-01T00:00:00.000000000Z");
  CHECK(only("I1226 00:00:01.5 x") == "2015-12-26T00:00:01.500000000Z");
  CHECK(only("Dec 31 23:59:59 host", in_utc(0)) == "none");  // there is no 1969
  CHECK(only("Jan  1 23:59:59 host", in_utc(0)) == "1970-01-01T23:59:59.000000000Z");
  CHECK(only("Jan  1 23:59:59 host", in_utc(dgrep::before_all)) == "none");
  CHECK(only("Dec 31 23:59:59 host", in_utc(dgrep::after_all - 1)) == "2261-12-31T23:59:59.000000000Z");
}

TEST_CASE("it may be New Year in the zone of the file and not yet in UTC", "[dgrep][time]") {
  time_rules rules = in_utc(christmas + 5 * a_day + 12 * an_hour);  // and a day
  rules.assumed = *zone::parse("+14:00");
  CHECK(only("Jan  1 02:00:00 host", rules) == "2016-12-31T12:00:00.000000000Z");
  CHECK(only("Jan  1 02:00:01 host", rules) == "2015-12-31T12:00:01.000000000Z");
}

TEST_CASE("without a word on when it was written, a file is being written now", "[dgrep][time]") {
  const instant now = static_cast<instant>(::time(nullptr)) * a_second;
  const std::optional<instant> t = time_reader(in_utc(dgrep::after_all)).read("Dec 19 18:02:24 host");
  REQUIRE(t);
  CHECK(*t <= now + a_day + a_minute);
  CHECK(*t >= now - 366 * a_day);
}

TEST_CASE("a time half a year before the last is of a new year, and one after it of the old", "[dgrep][time]") {
  time_reader reader(in_utc(christmas + 90 * a_day));
  CHECK(shown(reader.read("Dec 15 11:25:15 fink")) == "2016-12-15T11:25:15.000000000Z");
  CHECK(shown(reader.read("Dec 31 23:59:59 fink")) == "2016-12-31T23:59:59.000000000Z");
  CHECK(shown(reader.read("Jan  1 00:00:00 fink")) == "2017-01-01T00:00:00.000000000Z");
  CHECK(shown(reader.read("Dec 31 23:59:59 fink")) == "2016-12-31T23:59:59.000000000Z");  // a little late
  CHECK(shown(reader.read("Jan  1 00:00:01 fink")) == "2017-01-01T00:00:01.000000000Z");
  CHECK(shown(reader.read("Mar  2 08:00:00 fink")) == "2017-03-02T08:00:00.000000000Z");
  CHECK(shown(reader.read("Mar  1 08:00:00 fink")) == "2017-03-01T08:00:00.000000000Z");
}

TEST_CASE("years go on from file to file of many years", "[dgrep][time]") {
  time_reader reader(in_utc());
  CHECK(shown(reader.read("I0301 00:00:00.0")) == "2016-03-01T00:00:00.000000000Z");
  for (int year = 2016; year != 2030; ++year) {
    CHECK(shown(reader.read("I0801 00:00:00.0")) == std::to_string(year) + "-08-01T00:00:00.000000000Z");
    CHECK(shown(reader.read("I1201 00:00:00.0")) == std::to_string(year) + "-12-01T00:00:00.000000000Z");
    CHECK(shown(reader.read("I0401 00:00:00.0")) == std::to_string(year + 1) + "-04-01T00:00:00.000000000Z");
  }
}

TEST_CASE("a time with a year tells the year of those without", "[dgrep][time]") {
  time_reader reader(in_utc());
  CHECK(reader.read("I20090102 15:04:05.9"));
  CHECK(shown(reader.read("I0103 15:04:05.9")) == "2009-01-03T15:04:05.900000000Z");
  CHECK(reader.read("I20110102 15:04:05.9"));
  CHECK(shown(reader.read("I0103 15:04:05.9")) == "2011-01-03T15:04:05.900000000Z");  // the same minute, another year
}

TEST_CASE("the same minute again is of another year, if another format says so in between", "[dgrep][time]") {
  time_reader reader(in_utc());
  CHECK(reader.read("2009-01-02 15:04:05 x"));
  for (int i = 1; i != time_reader::misses_until_lost; ++i) CHECK_FALSE(reader.read("Jan  3 15:04:05 host"));
  CHECK(shown(reader.read("Jan  3 15:04:05 host")) == "2009-01-03T15:04:05.000000000Z");
  CHECK(reader.read("2011-01-02 15:04:05 x"));
  CHECK(shown(reader.read("Jan  3 15:04:05 host")) == "2011-01-03T15:04:05.000000000Z");
}

TEST_CASE("a time that was none does not tell the year", "[dgrep][time]") {
  time_rules rules = in_utc();
  rules.not_after = christmas;
  time_reader reader(rules);
  CHECK(reader.read("Nov 19 18:02:24 host"));
  CHECK_FALSE(reader.read("Feb  1 18:02:24 host"));  // of 2017
  CHECK(shown(reader.read("Nov 19 18:02:25 host")) == "2016-11-19T18:02:25.000000000Z");
}

TEST_CASE("February 29 is in a leap year nearby, or nowhere", "[dgrep][time]") {
  CHECK(only("Feb 29 12:00:00 host") == "2016-02-29T12:00:00.000000000Z");
  CHECK(only("Feb 29 12:00:00 host", in_utc(christmas + 3 * 365 * a_day)) == "2016-02-29T12:00:00.000000000Z");
  CHECK(only("Feb 29 12:00:00 host", in_utc(4'200'000'000 * a_second)) == "2096-02-29T12:00:00.000000000Z");
  CHECK(only("Feb 29 12:00:00 host", in_utc(0)) == "none");
  const auto after = [](const char* first, instant written_by) {
    time_reader reader(in_utc(written_by));
    CHECK(reader.read(first));
    return shown(reader.read("Feb 29 12:00:00 host"));
  };
  const instant end_of_2015 = christmas - 360 * a_day;
  CHECK(after("Dec 20 00:00:00 host", end_of_2015) == "2016-02-29T12:00:00.000000000Z");
  CHECK(after("Jun  1 00:00:00 host", end_of_2015) == "none");
  CHECK(after("Jun  1 00:00:00 host", christmas) == "2016-02-29T12:00:00.000000000Z");
  CHECK(after("Nov  1 00:00:00 host", christmas) == "none");  // nearer to March of 2017
}

// ---- zones ----------------------------------------------------------------------------------------------------------

TEST_CASE("a zone is local, UTC or a distance from it", "[dgrep][time]") {
  CHECK(zone::parse("local"));
  CHECK(zone::parse("utc")->to_utc(an_hour) == an_hour);
  CHECK(zone::parse("UTC")->to_utc(an_hour) == an_hour);
  CHECK(zone::parse("Z")->to_utc(an_hour) == an_hour);
  CHECK(zone::parse("+02:00")->to_utc(3 * an_hour) == an_hour);
  CHECK(zone::parse("-0730")->to_utc(0) == 7 * an_hour + 30 * a_minute);
  CHECK(zone::parse("+05")->to_utc(0) == -5 * an_hour);
  CHECK(zone::parse("+05")->to_wall(0) == 5 * an_hour);
  CHECK(zone::parse("-23:59")->to_utc(0) == a_day - a_minute);
  for (const char* bad : {"", "+", "+5", "05", "+24", "+05:60", "+05:", "+05:3", "+053", "+05300", "+05:30 ", "CET",
                          "Local", "Europe/Berlin", "--5"}) {
    INFO(bad);
    CHECK_FALSE(zone::parse(bad));
  }
}

TEST_CASE("the first and the last instant have no room for a zone, and nothing overflows", "[dgrep][time]") {
  for (const char* text : {"+23:59", "-23:59", "local"}) {
    const zone z = *zone::parse(text);
    CHECK(z.to_utc(dgrep::before_all) <= dgrep::before_all + a_day);
    CHECK(z.to_wall(dgrep::before_all) <= dgrep::before_all + a_day);
    CHECK(z.to_utc(dgrep::after_all) >= dgrep::after_all - a_day);
    CHECK(z.to_wall(dgrep::after_all) >= dgrep::after_all - a_day);
  }
}

TEST_CASE("a time without a zone is in the one that is assumed", "[dgrep][time]") {
  time_rules rules = in_utc();
  rules.assumed = *zone::parse("-07:00");
  CHECK(only("2016-12-19 18:02:24", rules) == "2016-12-20T01:02:24.000000000Z");
  CHECK(only("2016-12-19 18:02:24+01:00", rules) == "2016-12-19T17:02:24.000000000Z");
  CHECK(only("Dec 19 18:02:24 host", rules) == "2016-12-20T01:02:24.000000000Z");
  CHECK(only("Dec 31 23:00:00 host", rules) == "2016-01-01T06:00:00.000000000Z");  // late on New Year's Eve of 2015
  CHECK(only("[Mon Dec 19 18:02:24 2016]", rules) == "2016-12-20T01:02:24.000000000Z");
  CHECK(only("I1219 18:02:24.5", rules) == "2016-12-20T01:02:24.500000000Z");
  CHECK(only("1482170544", rules) == "2016-12-19T18:02:24.000000000Z");
  CHECK(only(R"({"ts":"2016-12-19 18:02:24"})", rules) == "2016-12-20T01:02:24.000000000Z");
}

TEST_CASE("local time follows the clocks when they are set", "[dgrep][time]") {
  for (const char* name : {"Europe/Berlin", "CET-1CEST,M3.5.0,M10.5.0/3"}) {
    if (name[0] == 'E' && !has_zone_files()) continue;
    INFO(name);
    const local_zone berlin(name);
    time_reader reader(in_local());
    CHECK(shown(reader.read("2016-03-27 01:59:59.999999999")) == "2016-03-27T00:59:59.999999999Z");
    CHECK(shown(reader.read("2016-03-27 03:00:00")) == "2016-03-27T01:00:00.000000000Z");
    CHECK(shown(reader.read("2016-03-27 02:00:00")) ==
          "2016-03-27T01:00:00.000000000Z");  // skipped: as far after the jump
    CHECK(shown(reader.read("2016-03-27 02:30:00")) == "2016-03-27T01:30:00.000000000Z");
    CHECK(shown(reader.read("2016-03-27 02:59:59")) == "2016-03-27T01:59:59.000000000Z");
    CHECK(shown(reader.read("2016-10-30 01:59:59")) == "2016-10-29T23:59:59.000000000Z");
    CHECK(shown(reader.read("2016-10-30 02:00:00")) == "2016-10-30T00:00:00.000000000Z");  // there twice: the earlier
    CHECK(shown(reader.read("2016-10-30 02:59:59")) == "2016-10-30T00:59:59.000000000Z");
    CHECK(shown(reader.read("2016-10-30 03:00:00")) == "2016-10-30T02:00:00.000000000Z");
    CHECK(shown(reader.read("2016-07-01 12:00:00")) == "2016-07-01T10:00:00.000000000Z");
    CHECK(shown(reader.read("2016-07-01 12:00:00Z")) == "2016-07-01T12:00:00.000000000Z");
    CHECK(shown(reader.read("2016-12-01 12:00:00")) == "2016-12-01T11:00:00.000000000Z");
    CHECK(only("Jul  1 12:00:00 host", in_local()) == "2016-07-01T10:00:00.000000000Z");
  }
}

TEST_CASE("the zone remembered is the zone asked, at every minute of a year", "[dgrep][time]") {
  for (const char* name : {"CET-1CEST,M3.5.0,M10.5.0/3", "EST5EDT,M3.2.0,M11.1.0", "<+0545>-5:45",
                           "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "UTC0"}) {
    const local_zone here(name);
    time_reader reader(in_local());
    const instant begin = 1'451'606'400 * a_second;  // 2016-01-01
    int wrong = 0;
    for (instant wall = begin; wall < begin + 366 * a_day; wall += 7 * a_minute) {
      std::string text = dgrep::to_string(wall);
      text.pop_back();
      const std::optional<instant> t = reader.read(text);
      if (!t || *t != zone::local().to_utc(wall)) ++wrong;
      // and what is shown then is what was read, unless it was skipped
      if (t && zone::local().to_wall(*t) != wall && zone::local().to_wall(*t - an_hour) != wall - an_hour) ++wrong;
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("clocks may be set by half an hour, by a day, or off the quarter", "[dgrep][time]") {
  if (!has_zone_files()) {
    WARN("this machine has no zone files: nothing is checked");
    return;
  }
  {
    const local_zone lord_howe("Australia/Lord_Howe");  // +10:30 and +11
    CHECK(only("2016-10-02 01:59:59", in_local()) == "2016-10-01T15:29:59.000000000Z");
    CHECK(only("2016-10-02 02:10:00", in_local()) == "2016-10-01T15:40:00.000000000Z");
    CHECK(only("2016-10-02 02:30:00", in_local()) == "2016-10-01T15:30:00.000000000Z");
  }
  {
    const local_zone apia("Pacific/Apia");  // had no 2011-12-30
    CHECK(only("2011-12-29 23:59:59", in_local()) == "2011-12-30T09:59:59.000000000Z");
    CHECK(only("2011-12-31 00:00:00", in_local()) == "2011-12-30T10:00:00.000000000Z");
  }
  {
    const local_zone monrovia("Africa/Monrovia");  // -0:44:30 until 1972
    time_reader reader(in_local());
    CHECK(shown(reader.read("1972-01-06 23:59:59")) == "1972-01-07T00:44:29.000000000Z");
    CHECK(shown(reader.read("1972-01-07 00:44:30")) == "1972-01-07T00:44:30.000000000Z");
    CHECK(shown(reader.read("1972-01-07 00:44:59")) == "1972-01-07T00:44:59.000000000Z");
  }
}

// ---- custom formats -------------------------------------------------------------------------------------------------

std::string custom(std::string_view format, std::string_view line) {
  CHECK_FALSE(dgrep::check_time_format(format));
  time_rules rules = in_utc();
  rules.custom = format;
  return only(line, rules);
}

TEST_CASE("a format of one's own is that of strptime", "[dgrep][time]") {
  CHECK(custom("%Y%m%d-%H%M%S", "20161219-180224 x") == "2016-12-19T18:02:24.000000000Z");
  CHECK(custom("%d.%m.%Y %H:%M", "19.12.2016 18:02 x") == "2016-12-19T18:02:00.000000000Z");
  CHECK(custom("at %F %T", "at 2016-12-19 18:02:24") == "2016-12-19T18:02:24.000000000Z");
  CHECK(custom("%d/%b/%y %I:%M:%S %p", "19/Dec/16 06:02:24 PM") == "2016-12-19T18:02:24.000000000Z");
  CHECK(custom("%FT%T%z", "2016-12-19T18:02:24+0100") == "2016-12-19T17:02:24.000000000Z");
  CHECK(custom("%F %T %z", "2016-12-19 18:02:24 -01:30 x") == "2016-12-19T19:32:24.000000000Z");
  CHECK(custom("%m-%d %H:%M:%S", "12-19 18:02:24") == "2016-12-19T18:02:24.000000000Z");
  CHECK(custom("%m-%d %H:%M:%S", "12-27 18:02:24") == "2015-12-27T18:02:24.000000000Z");
  CHECK(custom("%F %T", "2016-12-31 23:59:60") == "2017-01-01T00:00:00.000000000Z");
  CHECK(custom("100%% %F %T", "100% 2016-12-19 18:02:24") == "2016-12-19T18:02:24.000000000Z");
}

TEST_CASE("a format of one's own may have a fraction or an epoch", "[dgrep][time]") {
  CHECK(custom("%Y%m%d-%H%M%S.%L", "20161219-180224.289 x") == "2016-12-19T18:02:24.289000000Z");
  CHECK(custom("%Y%m%d%H%M%S%L", "20161219180224289") == "2016-12-19T18:02:24.289000000Z");
  CHECK(custom("%F %T,%f", "2016-12-19 18:02:24,289123 x") == "2016-12-19T18:02:24.289123000Z");
  CHECK(custom("%F %T.%N", "2016-12-19 18:02:24.289123456789 x") == "2016-12-19T18:02:24.289123456Z");
  CHECK(custom("%F %T.%N", "2016-12-19 18:02:24.2") == "2016-12-19T18:02:24.200000000Z");
  CHECK(custom("%F %I:%M:%S.%L %p", "2016-12-19 06:02:24.289 PM") == "2016-12-19T18:02:24.289000000Z");
  CHECK(custom("%L %F %T", "289 2016-12-19 18:02:24") == "2016-12-19T18:02:24.289000000Z");
  CHECK(custom("%F %T.%N%z", "2016-12-19 18:02:24.289+0100") == "2016-12-19T17:02:24.289000000Z");
  CHECK(custom("t=%s", "t=1482170544 x") == "2016-12-19T18:02:24.000000000Z");
  CHECK(custom("(%s.%L)", "(1482170544.289)") == "2016-12-19T18:02:24.289000000Z");
  CHECK(custom("%s%L", "1482170544289") == "2016-12-19T18:02:24.289000000Z");
  CHECK(custom("%F %T.%L", "2016-12-19 18:02:24.28 x") == "none");
  CHECK(custom("%F %T.%L", "2016-12-19 18:02:24.2891 x") == "none");
  CHECK(custom("%F %T.%f", "2016-12-19 18:02:24.289 x") == "none");
  CHECK(custom("%F %T.%N", "2016-12-19 18:02:24. x") == "none");
  CHECK(custom("%s", "14821705440 x") == "none");
  CHECK(custom("%s", "x") == "none");
}

TEST_CASE("what does not fit a format of one's own has no time, whatever it looks like", "[dgrep][time]") {
  const std::string format = "%d.%m.%Y %H:%M:%S";
  for (const char* bad : {"2016-12-19 18:02:24", "", "19.12.2016", "31.11.2016 18:02:24", "29.02.2015 18:02:24",
                          "19.12.2016 24:02:24", "19.12.2016 18:02:61", "19.12.2016 18:02:241", "19.12.1969 18:02:24",
                          "19.12.2262 18:02:24", "19.12.0016 18:02:24"}) {
    INFO(bad);
    CHECK(custom(format, bad) == "none");
  }
  CHECK(custom(format, "19.12.2016\0 18:02:24"s) == "none");
  CHECK(custom(format, std::string(10'000, ' ')) == "none");
  CHECK(custom(format, "19.12.2016 18:02:24" + std::string(10'000, 'x')) == "2016-12-19T18:02:24.000000000Z");
  time_rules rules = in_utc();
  rules.custom = format;
  CHECK(format_of("19.12.2016 18:02:24", rules) == format);
}

TEST_CASE("a format of one's own is refused if it makes no time", "[dgrep][time]") {
  const auto error = [](std::string_view format) { return dgrep::check_time_format(format).value_or(""); };
  CHECK(error("%H:%M:%S") ==
        "the time format '%H:%M:%S' holds no date: it needs a month and a day, as in %m and %d, or %s");
  CHECK(error("%F") == "the time format '%F' holds no time of day: it needs an hour, as in %H:%M:%S, or %s");
  CHECK(error("%F %T %Q") == "the time format '%F %T %Q' has %Q, which is not known");
  CHECK(error("%F %I:%M") ==
        "the time format '%F %I:%M' has an hour of twelve and nothing that says which half of the day: add %p, or use "
        "%H");
  for (const char* bad : {"", "x", "%", "%F %T %", "%Y %H", "%m %H", "%d %H", "%j %Y %H:%M", "%F %T.%L%f", "%s %s",
                          "%F %T\x01", "%", "%-", "%%", "%F %T %E"}) {
    INFO(bad);
    CHECK_FALSE(error(bad).empty());
  }
  CHECK_FALSE(error("%F %T\0"s).empty());
  CHECK_FALSE(error("%F %\0T"s).empty());
  for (const char* good :
       {"%F %T", "%c", "%x %X", "%s", "%a %b %e %H:%M:%S %Z %Y", "%D %r", "%-d.%-m. %k:%M", "%Ex %OH"})
    CHECK(error(good).empty());
  time_rules rules = in_utc();
  rules.custom = "%H";
  CHECK(only("12", rules) == "none");
}

// ---- moments and durations ------------------------------------------------------------------------------------------

std::string moment(std::string_view text, const zone& z = zone::utc()) {
  return shown(dgrep::parse_moment(text, z, 1'482'170'544 * a_second));  // 2016-12-19T18:02:24Z
}

TEST_CASE("a moment is so long ago, an hour of today, or what a log says", "[dgrep][time]") {
  CHECK(moment("2h") == "2016-12-19T16:02:24.000000000Z");
  CHECK(moment("90m") == "2016-12-19T16:32:24.000000000Z");
  CHECK(moment("3d") == "2016-12-16T18:02:24.000000000Z");
  CHECK(moment("1.5s") == "2016-12-19T18:02:22.500000000Z");
  CHECK(moment("12:30") == "2016-12-19T12:30:00.000000000Z");
  CHECK(moment("9:30") == "2016-12-19T09:30:00.000000000Z");
  CHECK(moment("23:30:15.5") == "2016-12-19T23:30:15.500000000Z");
  CHECK(moment("00:30", *zone::parse("+08:00")) == "2016-12-19T16:30:00.000000000Z");  // there it is the 20th
  CHECK(moment("2016-12-19T18:02:24.289Z") == "2016-12-19T18:02:24.289000000Z");
  CHECK(moment("2016-12-19 18:02:24", *zone::parse("+01:00")) == "2016-12-19T17:02:24.000000000Z");
  CHECK(moment("2016-12-19 18:02") == "2016-12-19T18:02:00.000000000Z");
  CHECK(moment("2016-12-19T18:02Z", *zone::parse("+01:00")) == "2016-12-19T18:02:00.000000000Z");
  CHECK(moment("2016-12-19T18:02+01:00") == "2016-12-19T17:02:00.000000000Z");
  CHECK(moment("2016-12-19", *zone::parse("+01:00")) == "2016-12-18T23:00:00.000000000Z");
  CHECK(moment("2016/12/19") == "2016-12-19T00:00:00.000000000Z");
  CHECK(moment("12/19/2016 18:02") == "2016-12-19T18:02:00.000000000Z");
  CHECK(moment("Dec 19 18:02:24") == "2016-12-19T18:02:24.000000000Z");
  CHECK(moment("Dec 21 18:02:24") == "2015-12-21T18:02:24.000000000Z");
  CHECK(moment("19/Dec/2016:18:02:24 +0100") == "2016-12-19T17:02:24.000000000Z");
  CHECK(moment("[19/Dec/2016:18:02:24 +0100]") == "2016-12-19T17:02:24.000000000Z");
  CHECK(moment("[2016-12-19 18:02:24,289]") == "2016-12-19T18:02:24.289000000Z");
  CHECK(moment("[Mon Dec 19 18:02:24 2016]") == "2016-12-19T18:02:24.000000000Z");
  CHECK(moment("1482170544") == "2016-12-19T18:02:24.000000000Z");
  CHECK(moment("300y") == "none");
  CHECK(moment("106751d") == "1724-09-10T18:02:24.000000000Z");
}

TEST_CASE("a moment is the whole text or none", "[dgrep][time]") {
  for (const char* bad : {"",
                          "now",
                          "h",
                          "-2h",
                          "2 h",
                          "5",
                          "12",
                          "12:",
                          "12:3",
                          "24:00",
                          "12:60",
                          "12:30:61",
                          "12:30x",
                          "12:30 PM",
                          ":30",
                          "2016-12-19 18:02:24 x",
                          "2016-12-19x",
                          "2016-13-19",
                          "2016-02-30",
                          "1969-12-31",
                          "2262-01-01",
                          "2016-12-19 24:00",
                          "2016-12",
                          "2016",
                          "[2016-12-19",
                          "2016-12-19 18:02:24]",
                          "x [19/Dec/2016:18:02:24 +0100] x",
                          "Dec 19",
                          R"({"ts":1482170544})",
                          "99999999999999999999d",
                          "2016-12-19T18:02+1"}) {
    INFO(bad);
    CHECK(moment(bad) == "none");
  }
}

TEST_CASE("a duration is a number and a unit", "[dgrep][time]") {
  using dgrep::parse_duration;
  CHECK(parse_duration("2s") == 2 * a_second);
  CHECK(parse_duration("2") == 2 * a_second);
  CHECK(parse_duration("0") == 0);
  CHECK(parse_duration("1.5m") == 90 * a_second);
  CHECK(parse_duration("200ms") == 200'000'000);
  CHECK(parse_duration("0.5us") == 500);
  CHECK(parse_duration("7ns") == 7);
  CHECK(parse_duration("2h") == 2 * an_hour);
  CHECK(parse_duration("3d") == 3 * a_day);
  CHECK(parse_duration("2w") == 14 * a_day);
  CHECK(parse_duration("0.000000001") == 1);
  CHECK(parse_duration("1.00000000001m") == a_minute);
  CHECK(parse_duration("9223372036854775807ns") == dgrep::after_all);
  CHECK(parse_duration("9223372036.854775807") == dgrep::after_all);
  for (const char* bad : {"",
                          "s",
                          ".",
                          ".5s",
                          "5.s",
                          "1.2.3s",
                          "1..2",
                          "-1s",
                          "+1s",
                          "1 s",
                          "1s ",
                          "1S",
                          "1y",
                          "1e3",
                          "1ms1",
                          "9223372036854775808ns",
                          "9223372036.854775808",
                          "9223372037",
                          "15251w",
                          "1000000000000000000000",
                          "0x10",
                          "1,5s"}) {
    INFO(bad);
    CHECK_FALSE(parse_duration(bad));
  }
}

TEST_CASE("any instant can be shown", "[dgrep][time]") {
  CHECK(dgrep::to_string(0) == "1970-01-01T00:00:00.000000000Z");
  CHECK(dgrep::to_string(-1) == "1969-12-31T23:59:59.999999999Z");
  CHECK(dgrep::to_string(-a_day) == "1969-12-31T00:00:00.000000000Z");
  CHECK(dgrep::to_string(1'482'170'544'289'000'000) == "2016-12-19T18:02:24.289000000Z");
  CHECK(dgrep::to_string(dgrep::before_all) == "1677-09-21T00:12:43.145224192Z");
  CHECK(dgrep::to_string(dgrep::after_all) == "2262-04-11T23:47:16.854775807Z");
}

}  // namespace
