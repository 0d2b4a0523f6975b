// SPDX-License-Identifier: BSL-1.0
// expect: .record_in.tracker. measures by the timer of .after.delay, timer.
#include <array>
#include <chrono>
#include <utility>

#include "fanout/algorithm/hedge.hpp"
#include "fanout/timer/manual.hpp"

void f(fanout::latency_tracker& latencies, fanout::timer::manual_timer& timer) {
  auto described =
      fanout::hedge<int>(std::array{1, 2}, [](int n, auto branch, auto) { branch({}, n); }).record_in(latencies);
#ifdef FANOUT_EXPECT_OK
  std::move(described).after(std::chrono::milliseconds(10), timer).then([](auto) noexcept {});
#else
  static_cast<void>(timer);
  std::move(described).then([](auto) noexcept {});
#endif
}
