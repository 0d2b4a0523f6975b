// SPDX-License-Identifier: BSL-1.0
#include "harness/options.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <regex>
#include <set>
#include <string_view>

#include "harness/builtin.hpp"
#include "harness/machine.hpp"

namespace fanout::bench {

const char* const help_text =
    R"(Races ways of counting, and of fanning out, against one another, in one process and interleaved.

  --contenders=LIST  names, or regular expressions over them; those to which ratios are always run
  --patterns=LIST    a family, a pattern, or family/pattern.
                     strategy, the count alone: block (each thread releases neighbours, one at a time), strided (every T-th),
                     batched (neighbours, 64 in one release), skewed (one thread has nine of ten);
                     operation, whole fan-outs: inline (in their start), deferred (later, same thread), cross (on one other thread),
                     all (on all threads at once), streaming (while others are started), bursty (64 at a time), skewed
  --threads=LIST     the issuing thread included, each pinned to a processor. Default: 1, 2, 4, … and all processors
  --branches=LIST    1 to 1000000. Default: 1,16,64,256,1024,65536,1000000; quick: 1,256
  --work=LIST        nanoseconds of work per branch before it completes. Default: 0; and, unless quick, 100,1000 with N = 1024 where
                     several threads complete at once (block, strided, all)
  --quick            5 repetitions instead of 9, and less of each
  --list             the contenders and the patterns, and ends
  --json=FILE        writes the results there, every repetition, in Google Benchmark's format
  --callgrind        one round of each on one thread, inside fanout_bench_measured, for valgrind to count; see instructions.py
  --benchmark_…      Google Benchmark's own, which win over the defaults here

A LIST has commas. Names are FAMILY/PATTERN/CONTENDER/n:BRANCHES/work:NS/threads:T, for --benchmark_filter, too.
)";

namespace {

std::vector<std::string> split(std::string_view list) {
  std::vector<std::string> parts;
  for (;;) {
    const std::size_t comma = list.find(',');
    parts.emplace_back(list.substr(0, comma));
    if (comma == std::string_view::npos) return parts;
    list.remove_prefix(comma + 1);
  }
}

template <class Number>
complaint numbers(std::string_view option, std::string_view list, Number least, Number most, std::string_view what,
                  std::vector<Number>& into) {
  into.clear();
  for (const std::string& part : split(list)) {
    Number value{};
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
    if (error != std::errc() || end != part.data() + part.size() || value < least || value > most)
      return std::string(option) + " takes " + std::string(what) + " from " + std::to_string(least) + " to " +
             std::to_string(most) + ", separated by commas, not '" + part + "'";
    if (std::find(into.begin(), into.end(), value) == into.end()) into.push_back(value);
  }
  return {};
}

std::string listed(const std::set<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

// By its name, also as reports show it.
bool is_named(const std::string& one, const entry& e) { return one == e.name || one == e.shown(); }
bool selects(const std::string& one, const entry& e) {
  return is_named(one, e) || std::regex_search(e.name, std::regex(one));
}
// A name is that contender's alone; otherwise it is a regular expression.
bool is_selected(const options& o, const std::vector<entry>& known, const entry& e) {
  if (o.contenders.empty() || e.name == yardstick) return true;
  if (e.in == family::strategy && e.name == strategy_yardstick) return true;
  return std::any_of(o.contenders.begin(), o.contenders.end(), [&](const std::string& one) {
    const bool is_name = std::any_of(known.begin(), known.end(), [&](const entry& k) { return is_named(one, k); });
    return is_name ? is_named(one, e) : selects(one, e);
  });
}

bool selects(const std::string& one, const pattern_info& p) {
  return one == p.name || one == name_of(p.of) || one == std::string(name_of(p.of)) + '/' + std::string(p.name);
}
bool is_selected(const options& o, const pattern_info& p) {
  return o.patterns.empty() ||
         std::any_of(o.patterns.begin(), o.patterns.end(), [&](const std::string& one) { return selects(one, p); });
}

}  // namespace

complaint parse(int argc, char** argv, options& into) {
  bool branches_given = false;
  for (std::size_t t = 1; t < processors(); t *= 2) into.threads.push_back(t);
  into.threads.push_back(processors());
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    const std::size_t equals = argument.find('=');
    const std::string_view key = argument.substr(0, equals);
    const std::string_view value = equals == std::string_view::npos ? "" : argument.substr(equals + 1);
    const bool takes_value = key == "--threads" || key == "--branches" || key == "--work" || key == "--contenders" ||
                             key == "--patterns" || key == "--json";
    if (takes_value && value.empty()) return std::string(key) + " needs a value, as in " + std::string(key) + "=…";
    complaint wrong;
    if (key == "--threads") {
      wrong = numbers<std::size_t>(key, value, 1, 4096, "numbers of threads", into.threads);
    } else if (key == "--branches") {
      wrong = numbers<std::size_t>(key, value, 1, most_branches, "numbers of branches", into.branches);
      branches_given = true;
    } else if (key == "--work") {
      wrong = numbers<std::uint64_t>(key, value, 0, 1'000'000, "nanoseconds", into.work);
    } else if (key == "--contenders") {
      into.contenders = split(value);
    } else if (key == "--patterns") {
      into.patterns = split(value);
    } else if (key == "--json") {
      into.json = value;
    } else if (argument == "--quick") {
      into.quick = true;
    } else if (argument == "--list") {
      into.list = true;
    } else if (argument == "--callgrind") {
      into.callgrind = true;
    } else if (argument == "--help" || argument == "-h") {
      into.help = true;
    } else if (argument.starts_with("--benchmark_") || argument.starts_with("--v=")) {
      into.benchmark.emplace_back(argument);
    } else {
      wrong = "'" + std::string(argument) + "' is no option of this program; --help lists them";
    }
    if (!wrong.empty()) return wrong;
  }
  if (!branches_given) {
    into.branches = into.quick ? std::vector<std::size_t>{1, 256}
                               : std::vector<std::size_t>{1, 16, 64, 256, 1024, 65536, 1'000'000};
  }
  return {};
}

complaint check(const options& o, const std::vector<entry>& known) {
  std::set<std::string> names;
  std::set<std::pair<family, std::string>> seen;
  for (const entry& e : known) {
    if (e.name.empty() || e.name.find_first_of("/ \"\n") != std::string::npos)
      return "a contender cannot be called '" + e.name +
             "': give it a name without slashes, spaces and quotes, with fanout::bench::add_strategy<S>(\"name\") or "
             "add_contender";
    if (!seen.emplace(e.in, e.name).second)
      return "two contenders are called '" + e.name + "': give one of them another name";
    names.insert(e.name);
  }
  for (const std::string& one : o.contenders) {
    if (one.empty()) return "--contenders has an empty name between its commas; leave it out, or write . for all";
    bool any = false;
    try {
      any = std::any_of(known.begin(), known.end(), [&](const entry& e) { return selects(one, e); });
    } catch (const std::regex_error&) {
      return "'" + one + "' is neither a contender nor a regular expression; the contenders are " + listed(names);
    }
    if (!any) return "no contender is called '" + one + "' or matches it; there are " + listed(names);
  }
  for (const std::string& one : o.patterns) {
    if (std::any_of(std::begin(patterns), std::end(patterns), [&](const pattern_info& p) { return selects(one, p); }))
      continue;
    std::set<std::string> there;
    for (const pattern_info& p : patterns) there.insert(std::string(name_of(p.of)) + '/' + std::string(p.name));
    return "no pattern is called '" + one + "'; there are " + listed(there);
  }
  const std::size_t most = *std::max_element(o.threads.begin(), o.threads.end());
  if (most > processors())
    return std::to_string(most) + " threads were asked for, but this process may use " + std::to_string(processors()) +
           " processor(s): each thread needs one of its own, so ask for at most " + std::to_string(processors());
  if (!o.json.empty()) {
    std::error_code error;
    if (!std::ofstream(o.json, std::ios::app)) error.assign(errno, std::generic_category());
    if (error)
      return "cannot write '" + o.json + "' (" + error.message() +
             "): name a file in a folder that exists and may be written to";
  }
  return {};
}

std::string planned::name() const { return benchmark_name(*who, what); }

// What work is for is how far apart the releases of several threads are.
static std::vector<std::uint64_t> works_of(const options& o, const pattern_info& p, std::size_t n) {
  if (!o.work.empty()) return o.work;
  const bool several = p.what == pattern::block || p.what == pattern::strided || p.what == pattern::all;
  if (o.quick || o.callgrind || !several || n != 1024) return {0};
  return {0, 100, 1000};
}

complaint plan(const options& o, const std::vector<entry>& known, std::vector<planned>& into) {
  for (const pattern_info& p : patterns) {
    if (!is_selected(o, p)) continue;
    std::set<std::size_t> threads;
    for (const std::size_t t : o.threads) {
      const std::size_t fixed = p.most_threads != 0 && t > p.most_threads ? p.most_threads : t;
      if (fixed >= p.least_threads) threads.insert(fixed);
    }
    for (const std::size_t n : o.branches) {
      for (const std::uint64_t ns : works_of(o, p, n)) {
        for (const std::size_t t : threads) {
          const setting s{p, n, ns, t};
          for (const entry& e : known) {
            if (e.in == p.of && e.fits(s) && is_selected(o, known, e)) into.push_back({&e, s});
          }
        }
      }
    }
  }
  if (into.empty())
    return "nothing is left to run: the patterns that were asked for need at least 2 threads; ask for more, or for "
           "others";
  return {};
}

}  // namespace fanout::bench
