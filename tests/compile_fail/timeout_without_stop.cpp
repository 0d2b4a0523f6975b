// SPDX-License-Identifier: BSL-1.0
// expect: one branch that ignores stop would keep this operation from ever being delivered
#include <array>
#include <chrono>
#include <utility>

#include "fanout/algorithm/all.hpp"
#include "fanout/timer/manual.hpp"

void f(fanout::timer::manual_timer& timer) {
  using namespace std::chrono_literals;
  auto described = fanout::all<int>(std::array{1}, [](int n, auto branch) { branch({}, n); }).timeout(10ms, timer);
#ifdef FANOUT_EXPECT_OK
  std::move(described).cancel_with([](int) noexcept {}).then([](auto) noexcept {});
#else
  std::move(described).then([](auto) noexcept {});
#endif
}
