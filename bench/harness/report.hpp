// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_BENCH_HARNESS_REPORT_HPP
#define FANOUT_BENCH_HARNESS_REPORT_HPP

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "harness/allocations.hpp"
#include "harness/patterns.hpp"
#include "harness/registry.hpp"
#include "harness/watchdog.hpp"

namespace fanout::bench {

/// pre: not empty
inline double median(std::vector<double>& of) {
  const auto middle = of.begin() + static_cast<std::ptrdiff_t>(of.size() / 2);
  std::nth_element(of.begin(), middle, of.end());
  return of.size() % 2 != 0 ? *middle : (*middle + *std::max_element(of.begin(), middle)) / 2;
}

/// Times `Rounds(setting)`, which has `bool run()`, and reports for each benchmark
///
///   per_branch    seconds per branch. Where one thread does it all: of the processor's time, on average. Otherwise by the clock on
///                 the wall, since who sleeps in the meantime is no faster, and the median of the rounds: one in which the system
///                 takes a processor away from a spinning thread is a thousand times as long as the others
///   allocations   per round, and
///   bytes         asked for in them; counted in an untimed round, which is the second one, when heaps have grown
///   checked       1, or 0 for a strategy that nobody has vouched for
///   strategy      1 for what counts with a refcount strategy, the library's or somebody's; 0 for other contenders
///   own_threads   1 for what completes branches on threads of its own while they are issued: it makes no hand-over
///
/// A round whose result is wrong ends the benchmark as an error.
template <class Rounds>
void measure_rounds(::benchmark::State& state, const setting& s, const entry& e) {
  Rounds rounds(s);
  const std::string what = benchmark_name(e, s);
  const watchdog::on_duty guarded(what, std::chrono::nanoseconds(s.work_ns) * s.branches);
  bool right = rounds.run();

  // Google Benchmark comes here several times for each repetition; one count will do. One thread runs benchmarks.
  static std::map<std::string, allocated> counted;
  auto found = counted.find(what);
  if (found == counted.end()) {
    count_allocations();
    right = rounds.run() && right;
    found = counted.emplace(what, stop_counting()).first;
  }

  using clock = std::chrono::steady_clock;
  std::vector<double> took;  // seconds
  if (s.threads == 1) {
    while (state.KeepRunning()) {
      if (!right) break;
      watchdog::round_begins();
      right = rounds.run();
    }
  } else {
    constexpr std::size_t most_samples = 1 << 14, fewest_samples = 5;
    took.reserve(most_samples);
    const auto run_once = [&] {
      watchdog::round_begins();
      const clock::time_point start = clock::now();
      right = rounds.run();
      const clock::time_point end = clock::now();
      if (took.size() != most_samples) took.push_back(std::chrono::duration<double>(end - start).count());
    };
    while (state.KeepRunning()) {
      if (!right) break;
      run_once();
    }
    // Of one round or two there is no median; how many there are depends on how fast the contender is.
    while (right && took.size() < fewest_samples) run_once();
  }
  if (!right) {
    note_wrong_result();
    state.SkipWithError(s.arrival.of == family::strategy ? "not exactly one release was told that it was the last"
                                                         : "the sum of the results is wrong");
    return;
  }
  using ::benchmark::Counter;
  const auto n = static_cast<double>(s.branches);
  if (s.threads == 1) {
    state.counters["per_branch"] = Counter(n, Counter::kIsIterationInvariantRate | Counter::kInvert);
  } else {
    state.counters["per_branch"] = median(took) / n;
  }
  state.counters["allocations"] = static_cast<double>(found->second.count);
  state.counters["bytes"] = static_cast<double>(found->second.bytes);
  state.counters["checked"] = e.checked ? 1 : 0;
  state.counters["strategy"] = e.identity != nullptr ? 1 : 0;
  state.counters["own_threads"] = e.own_threads ? 1 : 0;
}

/// See `entry::count`.
template <class Rounds>
bool count_rounds(const setting& s) {
  Rounds rounds(s);
  bool right = true;
  // What happens once per process (symbols are looked up, the heap grows) has happened after these.
  for (int i = 0; i != 3; ++i) right = rounds.run() && right;
  return fanout_bench_measured([](void* what) { return static_cast<Rounds*>(what)->run(); }, &rounds) && right;
}

}  // namespace fanout::bench

#endif
