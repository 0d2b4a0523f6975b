// SPDX-License-Identifier: BSL-1.0
// The library against the hand-written C, as `mode/contender/N`. What is timed is one whole fan-out, from making the
// operation to the end of its completion; every fan-out's result is verified.
#include <benchmark/benchmark.h>

#include <cstddef>
#include <optional>
#include <string>

#include "figures/contenders.hpp"
#include "figures/other_thread.hpp"

namespace bench {
namespace {

void measure(benchmark::State& state, const contender& c) {
  pin_to(0);
  const auto n = static_cast<std::size_t>(state.range(0));
  std::optional<other_thread> other;
  if (c.when == mode::cross) other.emplace();

  for ([[maybe_unused]] auto once : state) {
    const int expected = next_expected_sum(n);
    c.issue(n);
    if (other) {
      other->run(c.complete);
    } else if (c.complete) {
      c.complete();
    }
    if (sum != expected) {
      state.SkipWithError("the sum of the results is wrong");
      return;
    }
  }
  // Seconds per branch.
  state.counters["per_branch"] = benchmark::Counter(
      static_cast<double>(n), benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

const bool registered = [] {
  for (const contender& c : contenders()) {
    if (c.when == mode::cross && processors() < 2) continue;
    const std::string name = std::string(name_of(c.when)) + '/' + std::string(c.name);
    auto* const family =
        benchmark::RegisterBenchmark(name.c_str(), [&c](benchmark::State& state) { measure(state, c); });
    for (const std::size_t n : sizes) family->Arg(static_cast<std::int64_t>(n));
  }
  benchmark::AddCustomContext("fanout_compiler", FANOUT_BENCH_COMPILER);
  benchmark::AddCustomContext("fanout_flags", FANOUT_BENCH_FLAGS);
  return true;
}();

}  // namespace
}  // namespace bench
