// SPDX-License-Identifier: BSL-1.0
#include "scan.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <memory>
#include <tuple>
#include <utility>

namespace dgrep {

namespace {

// One per thread, not one per file: thousands of files may be open, but only so many are being read.
char* buffer_of_this_thread(std::size_t size) {
  thread_local std::unique_ptr<char[]> memory;
  thread_local std::size_t has = 0;
  if (has < size) {
    memory = std::make_unique_for_overwrite<char[]>(size);
    has = size;
  }
  return memory.get();
}

const char* find_end_of_line(const char* begin, const char* end) noexcept {
  return static_cast<const char*>(std::memchr(begin, '\n', static_cast<std::size_t>(end - begin)));
}
const char* find_last_end_of_line(const char* begin, const char* end) noexcept {
  return static_cast<const char*>(memrchr(begin, '\n', static_cast<std::size_t>(end - begin)));
}

// Blocks grow from the first as long as little is found in them, and shrink where much is: what is found waits in memory.
constexpr std::size_t first_block = std::size_t{32} << 10, least_block = std::size_t{16} << 10;
constexpr std::size_t little = 256, much = 1024;  // lines

time_rules rules_of(const query& what, const source::facts& about) {
  constexpr instant a_day = 24 * 60 * 60 * a_second;
  time_rules rules;
  rules.assumed = what.assumed_zone;
  rules.written_by = about.written_at;
  rules.not_after = what.now > after_all - a_day ? after_all : what.now + a_day;
  rules.custom = what.time_format;
  return rules;
}

}  // namespace

file_facts look_at(source from, const query& what) {
  file_facts facts{from.about(), {}};
  if (!what.by_time && !what.since && !what.until) return facts;

  time_reader times(rules_of(what, facts.about));
  constexpr std::size_t piece = std::size_t{16} << 10;  // the first line, as a rule
  char* const buffer = buffer_of_this_thread(what.looked_at + piece);
  std::size_t filled = 0;
  for (const char* at = buffer;;) {
    std::size_t got = 0;
    const auto read = from.read(buffer + filled, piece, &got);
    filled += got;
    const char* const end = buffer + filled;
    // Damaged packed data is met again, and named, by whoever searches it.
    const bool last = got < piece || filled >= what.looked_at || std::holds_alternative<trouble>(read);
    while (at != end) {
      const char* const newline = find_end_of_line(at, end);
      if (newline == nullptr && !last) break;
      const char* const stop = newline != nullptr ? newline : end;
      facts.first = times.read({at, static_cast<std::size_t>(stop - at)});
      if (facts.first) return facts;
      at = newline != nullptr ? newline + 1 : end;
    }
    if (last) return facts;
  }
}

scan::scan(const query& what, source from, const file_facts& facts)
    : query_(&what),
      source_(std::move(from)),
      searcher_(*what.pattern),
      times_(rules_of(what, facts.about)),
      reads_times_(facts.first.has_value()),
      event_(facts.first.value_or(facts.about.written_at)),
      at_(event_),
      block_(std::min(first_block, what.block)),
      released_(at_ - what.reorder) {}

scan::stepped scan::step(std::vector<line>& found) {
  const std::size_t first_new = found.size();
  char* const begin = buffer_of_this_thread(longest_line + query_->block);
  std::memcpy(begin, rest_.data(), rest_.size());
  std::size_t got = 0;
  auto read = source_.read(begin + rest_.size(), block_, &got);
  findings_.bytes = source_.consumed();
  const char* const end = begin + rest_.size() + got;
  if (!findings_.has_nul) findings_.has_nul = std::memchr(begin + rest_.size(), '\0', got) != nullptr;

  stepped s;
  if (auto* t = std::get_if<trouble>(&read)) s.trouble = std::move(*t);
  const bool last = got < block_ || s.trouble;
  const char* from = begin;
  if (skipping_) {
    const char* const newline = find_end_of_line(from, end);
    skipping_ = newline == nullptr;
    from = skipping_ ? end : newline + 1;
  }
  // Only the line that the buffer begins with can be too long, since a block is shorter.
  if (static_cast<std::size_t>(end - from) > longest_line) {
    const char* const newline = find_end_of_line(from, end);
    if (static_cast<std::size_t>((newline != nullptr ? newline : end) - from) > longest_line) {
      if (!has_enough()) search(from, from + longest_line, true, found);
      skipping_ = newline == nullptr;
      from = skipping_ ? end : newline + 1;
    }
  }
  const char* const newline = from == end ? nullptr : find_last_end_of_line(from, end);
  const char* const whole = newline != nullptr ? newline + 1 : from;
  if (whole != from) search(from, whole, false, found);
  rest_.assign(whole, static_cast<std::size_t>(end - whole));
  if (last && whole != end && !has_enough()) search(whole, end, false, found);

  s.done = last || has_enough();
  instant next = at_ - query_->reorder;
  if (after_ != 0) next = std::min(next, group_);  // context is still to come
  if (query_->reorder != 0) {
    release(s.done ? after_all : next, found);
    s.bound = released_;
  } else {
    s.bound = next;
  }
  if (found.size() - first_new > much) {
    block_ = std::min(block_, std::max(block_ / 2, least_block));
  } else if (found.size() - first_new < little) {
    block_ = std::min(block_ * 2, query_->block);
  }
  seal(found, first_new);
  texts_.clear();
  return s;
}

// Whole lines; the last may lack its end, because it is the file's, or was cut.
void scan::search(const char* begin, const char* end, bool cut, std::vector<line>& found) {
  if (query_->only_count && !(query_->since || query_->until)) {
    if (cut) note_cut();  // which one, nobody has counted
    return count(begin, end);
  }
  line_view match = searcher_.next(begin, end);
  for (const char* at = begin; at != end && !has_enough();) {
    const char* const newline = find_end_of_line(at, end);
    const char* const stop = newline != nullptr ? newline : end;
    const std::string_view text(at, static_cast<std::size_t>(stop - at));
    const char* const next = newline != nullptr ? newline + 1 : end;
    ++number_;
    if (cut) note_cut();
    if (reads_times_) {
      if (const auto t = times_.read(text)) {
        event_ = *t;
        at_ = std::max(at_, *t);
      }
    }
    bool hit = match.begin == at;
    if (hit) match = next != end ? searcher_.next(next, end) : line_view();
    if (query_->invert) hit = !hit;
    if (hit && ((query_->since && event_ < *query_->since) || (query_->until && event_ > *query_->until))) hit = false;
    if (hit && findings_.matches >= query_->most) hit = false;  // it is context of one that was taken, perhaps
    take(text, hit, cut, found);
    at = next;
  }
}

void scan::count(const char* begin, const char* end) {
  std::uint64_t matches = 0;
  const char* at = begin;
  while (at != end && findings_.matches + matches < query_->most) {
    const line_view match = searcher_.next(at, end);
    if (query_->invert) {
      const char* const stop = match ? match.begin : end;
      matches += static_cast<std::uint64_t>(std::count(at, stop, '\n'));
      if (!match && stop[-1] != '\n') ++matches;
    } else if (match) {
      ++matches;
    }
    if (!match) break;
    at = match.end != end ? match.end + 1 : end;
  }
  findings_.matches = std::min(findings_.matches + matches, query_->most);
}

void scan::note_cut() noexcept {
  if (findings_.cut_lines++ == 0) findings_.first_cut = number_;
}

void scan::take(std::string_view text, bool hit, bool cut, std::vector<line>& found) {
  if (hit) {
    ++findings_.matches;
    if (query_->only_count) return;
    group_ = query_->reorder != 0 ? event_ : at_;
    match_ = number_;
    for (kept& k : before_) put(texts_.emplace_back(std::move(k.text)), k.number, k.time, k.cut, found);
    before_.clear();
    put(text, number_, event_, cut, found);
    after_ = query_->after;
  } else if (after_ != 0) {
    --after_;
    put(text, number_, event_, cut, found);
  } else if (query_->before != 0) {
    if (before_.size() == query_->before) before_.pop_front();
    before_.push_back({std::string(text), number_, event_, cut});
  }
}

void scan::put(std::string_view text, std::uint64_t number, instant time, bool cut, std::vector<line>& found) {
  line l;
  l.at = group_;
  l.number = number;
  l.text = text.data();
  l.size = static_cast<std::uint32_t>(text.size());
  l.match = match_;
  l.cut = cut;
  l.time = reads_times_ ? time : before_all;
  if (query_->reorder == 0) {
    found.push_back(std::move(l));
    return;
  }
  l.memory = std::make_unique_for_overwrite<char[]>(text.size());
  std::memcpy(l.memory.get(), text.data(), text.size());
  l.text = l.memory.get();
  waiting_.push_back(std::move(l));
}

void scan::release(instant up_to, std::vector<line>& found) {
  const auto earlier = [](const line& a, const line& b) { return std::tie(a.at, a.number) < std::tie(b.at, b.number); };
  const auto begin = waiting_.begin(), new_ones = begin + static_cast<std::ptrdiff_t>(sorted_), end = waiting_.end();
  std::sort(new_ones, end, earlier);
  if (new_ones != begin && new_ones != end && earlier(*new_ones, new_ones[-1])) {
    std::vector<line> merged;
    merged.reserve(waiting_.size());
    std::merge(std::move_iterator(begin), std::move_iterator(new_ones), std::move_iterator(new_ones),
               std::move_iterator(end), std::back_inserter(merged), earlier);
    waiting_ = std::move(merged);
  }
  auto it = waiting_.begin();
  for (; it != waiting_.end() && it->at <= up_to; ++it) {
    released_ = it->at = std::max(released_, it->at);  // too late for its place
    found.push_back(std::move(*it));
  }
  waiting_.erase(waiting_.begin(), it);
  sorted_ = waiting_.size();
  released_ = std::max(released_, up_to);
}

void scan::seal(std::vector<line>& found, std::size_t from) {
  if (from == found.size() || found[from].memory) return;
  std::size_t size = 0;
  for (std::size_t i = from; i != found.size(); ++i) size += found[i].size;
  auto memory = std::make_unique_for_overwrite<char[]>(size);
  char* to = memory.get();
  for (std::size_t i = from; i != found.size(); ++i) {
    std::memcpy(to, found[i].text, found[i].size);
    found[i].text = std::exchange(to, to + found[i].size);
  }
  found.back().memory = std::move(memory);
}

}  // namespace dgrep
