// SPDX-License-Identifier: BSL-1.0
#include "reference.hpp"

#include <algorithm>
#include <deque>

namespace reference {

namespace {

std::vector<std::string_view> split(std::string_view content) {
  std::vector<std::string_view> lines;
  for (std::size_t begin = 0; begin != content.size();) {
    const std::size_t end = std::min(content.find('\n', begin), content.size());
    lines.push_back(content.substr(begin, end - begin));
    begin = std::min(end + 1, content.size());
  }
  return lines;
}

}  // namespace

file search(const dgrep::query& what, const std::function<bool(std::string_view)>& hits, std::string_view content,
            instant written_at) {
  constexpr instant a_day = 86'400 * dgrep::a_second;
  dgrep::time_rules rules;
  rules.assumed = what.assumed_zone;
  rules.written_by = written_at;
  rules.not_after = what.now == dgrep::after_all ? dgrep::after_all : what.now + a_day;
  rules.custom = what.time_format;

  file out;
  if (what.by_time || what.since || what.until) {
    dgrep::time_reader times(rules);
    for (const std::string_view text : split(content.substr(0, what.looked_at))) {
      out.first = times.read(text);
      if (out.first) break;
    }
  }

  dgrep::time_reader times(rules);
  instant event = out.first.value_or(written_at), greatest = event;
  instant key = 0;
  bool late = false;
  std::size_t after = 0;
  std::deque<line> before;
  const bool is_numbered = !what.only_count || what.since || what.until;
  std::uint64_t number = 0;
  for (std::string_view text : split(content)) {
    if (out.matches >= what.most && after == 0) break;
    ++number;
    const bool cut = text.size() > dgrep::longest_line;
    if (cut) {
      text = text.substr(0, dgrep::longest_line);
      if (out.cut_lines++ == 0 && is_numbered) out.first_cut = number;
    }
    if (out.first) {
      if (const auto t = times.read(text)) {
        event = *t;
        greatest = std::max(greatest, event);
      }
    }
    const bool hit = out.matches < what.most && hits(text) != what.invert && (!what.since || event >= *what.since) &&
                     (!what.until || event <= *what.until);
    line l{0, false, number, text, hit, cut, out.first ? event : dgrep::before_all};
    if (hit) {
      ++out.matches;
      if (what.only_count) continue;
      key = what.reorder != 0 ? event : greatest;
      late = what.reorder != 0 && event < greatest - what.reorder;
      before.push_back(l);
      for (line& b : before) {
        b.key = key, b.late = late;
        out.lines.push_back(b);
      }
      before.clear();
      after = what.after;
    } else if (after != 0) {
      --after;
      l.key = key, l.late = late;
      out.lines.push_back(l);
    } else {
      before.push_back(l);
      if (before.size() > what.before) before.pop_front();
    }
  }
  return out;
}

}  // namespace reference
