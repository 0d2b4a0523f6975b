// SPDX-License-Identifier: BSL-1.0
// expect: add .retry\(backoff\), which makes it
#include <array>
#include <system_error>
#include <utility>

#include "fanout/algorithm/all.hpp"
#include "fanout/timer/manual.hpp"

void f(fanout::timer::manual_timer& timer) {
  auto described = fanout::all<int>(std::array{1}, [](int n, auto branch) {
                     branch({}, n);
                   }).retry_if([](const std::error_code&) noexcept { return true; });
#ifdef FANOUT_EXPECT_OK
  std::move(described).retry(fanout::exponential_backoff(), timer).then([](auto) noexcept {});
#else
  static_cast<void>(timer);
  std::move(described).then([](auto) noexcept {});
#endif
}
