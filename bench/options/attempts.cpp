// SPDX-License-Identifier: BSL-1.0
// What the options about attempts cost per branch: see options.cpp. No attempt fails, or times out.
#include <chrono>
#include <system_error>

#include "fanout/algorithm/all.hpp"
#include "fanout/algorithm/attempt_counts.hpp"
#include "fanout/backoff.hpp"
#include "options/measure.hpp"

namespace bench::options {
namespace {

using namespace std::chrono_literals;

fanout::attempt_counts& counts() {
  static fanout::attempt_counts attempts;
  return attempts;
}

const bool registered = [] {
  const fanout::exponential_backoff backoff;
  const auto retry = [=](auto r, auto f) { return fanout::all<int>(r, f).retry(backoff, clock()); };
  measure_option("timeout", [](auto r, auto f) { return fanout::all<int>(r, f).timeout(1h, clock()).drain(); });
  measure_option("retry", retry);
  measure_option("retry, budget",
                 [=](auto r, auto f) { return fanout::all<int>(r, f).retry(backoff, budget(), clock()); });
  measure_option("retry, retry_if", [=](auto r, auto f) {
    return retry(r, f).retry_if([](std::error_code e) noexcept { return e == std::errc::timed_out; });
  });
  measure_option("cancel_with", [](auto r, auto f) { return fanout::all<int>(r, f).cancel_with([](int) noexcept {}); });
  measure_option("count_attempts", [](auto r, auto f) { return fanout::all<int>(r, f).count_attempts(counts()); });
  measure_option("timeout, retry", [=](auto r, auto f) { return retry(r, f).timeout(1h, clock()).drain(); });
  return true;
}();

}  // namespace
}  // namespace bench::options
