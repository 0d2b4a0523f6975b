// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_BENCH_HARNESS_CHECK_HPP
#define FANOUT_BENCH_HARNESS_CHECK_HPP

#include "fanout/testing/check_strategy.hpp"
#include "harness/harness.hpp"

namespace fanout::bench {

/// Has the library check the strategy each time the program starts, which takes seconds. For `FANOUT_BENCH_CHECK(my::strategy);`, in
/// the place of FANOUT_BENCH_CHECKED.
template <refcount::strategy S>
bool check_at_start(const char* name) {
  return declare_checked<S>(name, [] {
    const testing::strategy_report report = testing::check_strategy<S>();
    return verdict_on_strategy{report.wrong(), refcount::single_threaded<S> ? "" : report.left_out()};
  });
}
template <template <class> class S>
bool check_at_start(const char* name) {
  return declare_checked<S>(name, [] {
    const testing::strategy_report report = testing::check_strategy<S>();
    return verdict_on_strategy{report.wrong(), refcount::single_threaded<S<std_platform>> ? "" : report.left_out()};
  });
}

}  // namespace fanout::bench

#define FANOUT_BENCH_CHECK(...) FANOUT_BENCH_ADD(check_at_start, __VA_ARGS__)

#endif
