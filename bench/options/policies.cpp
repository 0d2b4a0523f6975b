// SPDX-License-Identifier: BSL-1.0
// What the other policies cost per branch, and the options that only they have: see options.cpp.
#include <chrono>
#include <cstddef>
#include <functional>
#include <utility>

#include "fanout/algorithm/all.hpp"
#include "fanout/algorithm/at_most_errors.hpp"
#include "fanout/algorithm/each.hpp"
#include "fanout/algorithm/first.hpp"
#include "fanout/algorithm/first_success.hpp"
#include "fanout/algorithm/hedge.hpp"
#include "fanout/algorithm/merge.hpp"
#include "fanout/algorithm/quorum.hpp"
#include "fanout/algorithm/reduce.hpp"
#include "fanout/algorithm/settle.hpp"
#include "fanout/hedge_statistics.hpp"
#include "fanout/importance.hpp"
#include "fanout/latency.hpp"
#include "options/measure.hpp"

namespace bench::options {
namespace {

using namespace std::chrono_literals;

fanout::hedge_statistics& statistics() {
  static fanout::hedge_statistics counts;
  return counts;
}
fanout::latency_tracker& tracker() {
  static fanout::latency_tracker latencies;
  return latencies;
}

const bool registered = [] {
  measure_option("settle", [](auto r, auto f) { return fanout::settle<int>(r, f); });

  // Those that vote.
  const auto quorum = [](auto r, auto f) { return fanout::quorum<int>(n, r, f).drain(); };
  measure_option("quorum", quorum);
  measure_option("quorum, at_most_errors", [=](auto r, auto f) { return quorum(r, f).at_most_errors(0); });
  measure_option("quorum, keep_losers", [=](auto r, auto f) { return quorum(r, f).keep_losers(); });
  measure_option("quorum, on_deadline",
                 [=](auto r, auto f) { return quorum(r, f).deadline(1h, clock()).on_deadline(fanout::partial); });
  measure_option("at_most_errors", [](auto r, auto f) { return fanout::at_most_errors<int>(0, r, f); });
  measure_option("importance", [](auto r, auto f) {
    return fanout::all<int>(r, f).importance([](std::size_t) noexcept { return fanout::importance::required; });
  });
  measure_option<success_of_the_last>("first_success",
                                      [](auto r, auto f) { return fanout::first_success<int>(r, f).drain(); });

  // A hedge whose attempts all fail, but for the last.
  const auto hedge = [](auto r, auto f) { return fanout::hedge<int>(r, f).drain(); };
  measure_option<success_of_the_last>("hedge", hedge);
  measure_option<success_of_the_last>("hedge, after", [=](auto r, auto f) { return hedge(r, f).after(1h, clock()); });
  measure_option<success_of_the_last>("hedge, budget", [=](auto r, auto f) { return hedge(r, f).budget(budget()); });
  measure_option<success_of_the_last>("hedge, max_attempts",
                                      [=](auto r, auto f) { return hedge(r, f).max_attempts(n); });
  measure_option<success_of_the_last>("hedge, fatal", [=](auto r, auto f) {
    return hedge(r, f).fatal([](std::error_code e) noexcept { return e == std::errc::permission_denied; });
  });
  measure_option<success_of_the_last>("hedge, count_in",
                                      [=](auto r, auto f) { return hedge(r, f).count_in(statistics()); });
  measure_option<success_of_the_last>(
      "hedge, record_in", [=](auto r, auto f) { return hedge(r, f).after(1h, clock()).record_in(tracker()); });

  // Those that fold.
  const auto reduce = [](auto r, auto f) { return fanout::reduce<int>(r, f, 0L, std::plus<>()); };
  measure_option("reduce", reduce);
  measure_option("reduce, window(64)", [=](auto r, auto f) { return reduce(r, f).window(64); });
  measure_option("reduce_in_order",
                 [](auto r, auto f) { return fanout::reduce_in_order<int>(r, f, 0L, std::plus<>()); });
  measure_option("each", [](auto r, auto f) {
    return fanout::each<int>(r, f, [](std::size_t, auto result) { benchmark::DoNotOptimize(result); });
  });
  measure_option<one_item>("merge", [](auto r, auto f) {
    return fanout::merge<int>(r, f, [](int&& item) { benchmark::DoNotOptimize(item); });
  });
  return true;
}();

}  // namespace
}  // namespace bench::options
