// SPDX-License-Identifier: BSL-1.0
// What a search of several hosts shows is what the reference sorts, from the first line on, however it ends.
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "../tests/files.hpp"
#include "reference.hpp"
#include "run.hpp"
#include "scenario.hpp"

namespace {

using namespace dgrep;
using namespace scenario;

struct log {
  std::size_t host;
  std::string host_name, name, content;
  instant written_at;
  instant clock = noon;
  int lines = 0;
};

/// A line as it is shown.
struct shown_line {
  std::string host, name;
  std::uint64_t number;
  std::string text;
  bool matches;
  instant at;
  friend bool operator==(const shown_line&, const shown_line&) = default;
  auto place() const { return std::tie(host, name, number); }
};
std::string shown(const shown_line& l) {
  return l.host + "/" + l.name + ":" + std::to_string(l.number) + " of " + dgrep::to_string(l.at) + " " +
         scenario::shown(l.text) + (l.matches ? "" : " context");
}

const pattern& wanted() {
  static const pattern p = std::get<pattern>(pattern::compile({"HIT"}, {}));
  return p;
}
bool is_wanted(std::string_view line) { return line.find("HIT") != std::string_view::npos; }

void write(const temporary_folder& folder, const log& l) {
  const std::string name = l.host_name + "/" + l.name;
  folder.write(name, l.content);
  const timespec t{l.written_at / a_second, l.written_at % a_second};
  const timespec times[2] = {t, t};
  if (::utimensat(AT_FDCWD, folder.at(name).c_str(), times, 0) != 0) wrong("a file cannot be given a time");
}

void add_line(log& l, int kind) {
  constexpr instant steps[] = {0, 1, 2, 7, -1, -4};
  std::string text = (kind % 2 != 0 ? "HIT " : "no ") + std::to_string(l.lines++);
  kind /= 2;
  if (kind == 6) text = "  at " + text;
  else if (kind == 7) text = "2096-01-01T00:00:00.000Z " + text;
  else text = stamp(l.clock += steps[kind] * a_millisecond) + " " + text;
  l.content += text + '\n';
}

enum class end_of_search { none, enough, stop };

struct search_plan {
  job what;
  std::size_t threads = 1;
  end_of_search how = end_of_search::none;
  std::size_t after = 0;  // lines; 0 with stop: from the beginning
};

/// All that there is to be shown. False: --reorder does not promise all of the order.
bool expect(const search_plan& plan, const std::vector<log>& logs, std::vector<shown_line>& lines,
            std::uint64_t& matches) {
  bool is_sure = true;
  struct place {
    instant key;
    std::size_t log, line;
    auto tie() const { return std::tie(key, log, line); }
  };
  std::vector<place> places;
  std::vector<shown_line> all;
  for (std::size_t i = 0; i != logs.size(); ++i) {
    const reference::file f = reference::search(plan.what.what, is_wanted, logs[i].content, logs[i].written_at);
    matches += f.matches;
    for (const reference::line& l : f.lines) {
      places.push_back({l.key, i, all.size()});
      all.push_back({logs[i].host_name, logs[i].name, l.number, std::string(l.text), l.matches, l.key});
      if (l.late) is_sure = false;
    }
  }
  std::sort(places.begin(), places.end(), [](const place& a, const place& b) { return a.tie() < b.tie(); });
  for (const place& p : places) lines.push_back(std::move(all[p.line]));
  return is_sure;
}

void compare(const std::vector<shown_line>& lines, const std::vector<shown_line>& expected, std::size_t size) {
  for (std::size_t i = 0; i != std::max(lines.size(), size); ++i) {
    if (i < lines.size() && i < size && lines[i] == expected[i]) continue;
    wrong("line " + std::to_string(i) + " is " + (i < lines.size() ? shown(lines[i]) : "missing") + ", and should be " +
          (i < size ? shown(expected[i]) : "none"));
  }
}

void run(search_plan& plan, const std::vector<log>& logs) {
  std::vector<shown_line> expected, lines;
  std::uint64_t matches = 0;
  const bool is_sure = expect(plan, logs, expected, matches);

  fanout::inplace_stop_source stop;
  if (plan.how == end_of_search::stop && plan.after == 0) stop.request_stop();
  pool threads(plan.threads);
  search s(plan.what, threads, stop.get_token(), [](const search&) {});
  s.list();
  if (!stop.stop_requested() && s.files().size() != logs.size()) wrong("it lists other files");
  s.merge([&](const file& f, line&& l) {
    lines.push_back({plan.what.hosts[f.host].name, f.name, l.number, std::string(l.view()), l.matches(), l.at});
    say("shows " + shown(lines.back()));
    if (lines.size() != plan.after) return true;
    if (plan.how == end_of_search::stop) stop.request_stop();
    return plan.how != end_of_search::enough;
  });
  if (!s.broken().empty()) wrong("it is broken: " + s.broken());
  if (s.is_stuck()) wrong("a thread has not come back");
  const bool ends_early = plan.how != end_of_search::none && plan.after <= expected.size();
  for (const auto& f : s.files()) {
    const progress how = f->ended();
    if (how != progress::complete && (!ends_early || how != progress::stopped))
      wrong("the search of " + f->name + " has failed: " + f->why);
  }
  if (!ends_early && s.matches() != matches) wrong("it has counted " + std::to_string(s.matches()) + " matches");

  const std::size_t size = ends_early ? plan.after : expected.size();
  if (is_sure) return compare(lines, expected, size);
  if (lines.size() != size) wrong(std::to_string(lines.size()) + " lines are shown, not " + std::to_string(size));
  for (std::size_t i = 1; i < lines.size(); ++i) {
    if (lines[i].at < lines[i - 1].at) wrong("out of order is " + shown(lines[i]));
  }
  if (ends_early) return;
  const auto by_place = [](const shown_line& a, const shown_line& b) { return a.place() < b.place(); };
  std::sort(lines.begin(), lines.end(), by_place);
  std::sort(expected.begin(), expected.end(), by_place);
  for (std::size_t i = 0; i != size; ++i) lines[i].at = expected[i].at;
  compare(lines, expected, size);
}

}  // namespace

void fuzz::play(const std::uint8_t* data, std::size_t size) {
  const playing now(data, size);
  fuzz::bytes in(data, size);
  static const temporary_folder folder;
  search_plan plan;
  query& what = plan.what.what;
  what.pattern = &wanted();
  what.assumed_zone = zone::utc();
  what.now = noon + a_day;

  const int hosts = 1 + in.below(4);
  const int files = in.next();
  std::vector<log> logs;
  for (int h = 0; h != hosts; ++h) {
    const std::string name = std::string(1, static_cast<char>('d' - h));  // the order is that of the arguments
    std::filesystem::remove_all(folder.at(name));
    std::filesystem::create_directory(folder.at(name));
    plan.what.hosts.push_back({name, folder.at(name)});
    for (int k = 0; k != (files >> (2 * h)) % 4; ++k) {
      log l;
      l.host = static_cast<std::size_t>(h), l.host_name = name, l.name = std::to_string(k);
      l.written_at = noon + (h + k) * a_millisecond;
      l.clock = noon + h * a_millisecond;
      logs.push_back(std::move(l));
    }
  }
  what.block = static_cast<std::size_t>(1 + in.below(200));
  const int shape = in.next();
  plan.what.buffered = static_cast<std::size_t>(1 + shape % 8);
  plan.threads = static_cast<std::size_t>(1 + shape / 8 % 3);
  const int context = in.next();
  what.before = static_cast<std::size_t>(context % 4);
  what.after = static_cast<std::size_t>(context / 4 % 4);
  if (context / 16 >= 12) what.most = static_cast<std::uint64_t>(context / 16 - 11);
  const int reorder = in.below(6);
  if (reorder >= 4) what.reorder = (reorder - 3) * 3 * a_millisecond;
  const int end = in.next();
  if (end % 3 != 0) {
    plan.how = end % 3 == 1 ? end_of_search::enough : end_of_search::stop;
    plan.after = static_cast<std::size_t>(end / 3);
    if (plan.after == 0 && plan.how == end_of_search::enough) plan.after = 1;
  }
  const int repeats = 1 + in.below(8);
  std::vector<int> what_is_written;
  while (!in.empty()) what_is_written.push_back(in.next());
  if (!logs.empty()) {
    const auto n = static_cast<int>(logs.size());
    for (int i = 0; i != repeats; ++i) {
      for (const int b : what_is_written) add_line(logs[static_cast<std::size_t>((b + i) % n)], b / n % 16);
    }
  }
  for (log& l : logs) {
    if (l.lines % 2 != 0) l.content.pop_back();  // a last line without its end
    write(folder, l);
    say(l.host_name + "/" + l.name + " has " + std::to_string(l.lines) + " lines:\n" + l.content);
  }
  say("block " + std::to_string(what.block) + ", buffered " + std::to_string(plan.what.buffered) + ", threads " +
      std::to_string(plan.threads) + ", -B " + std::to_string(what.before) + " -A " + std::to_string(what.after) +
      ", -m " + std::to_string(what.most) + ", reorder " + std::to_string(what.reorder) +
      (plan.how == end_of_search::none     ? std::string()
       : plan.how == end_of_search::enough ? ", enough after " + std::to_string(plan.after)
                                           : ", stop after " + std::to_string(plan.after)));
  run(plan, logs);
}
