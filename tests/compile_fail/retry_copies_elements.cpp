// SPDX-License-Identifier: BSL-1.0
// expect: its elements must be copyable, or lie in the range
#include <array>
#include <memory>
#include <ranges>

#include "fanout/algorithm/all.hpp"
#include "fanout/timer/manual.hpp"

void f(fanout::timer::manual_timer& timer) {
#ifdef FANOUT_EXPECT_OK
  const auto make = [](int n) { return std::make_shared<int>(n); };
#else
  const auto make = [](int n) { return std::make_unique<int>(n); };
#endif
  fanout::all<int>(std::views::iota(0, 3) | std::views::transform(make), [](auto p, auto branch) { branch({}, *p); })
      .retry(fanout::exponential_backoff(), timer)
      .then([](auto) noexcept {});
}
