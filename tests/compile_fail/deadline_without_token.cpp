// SPDX-License-Identifier: BSL-1.0
// expect: one branch that ignores stop would keep this operation from ever being delivered
#include <array>
#include <chrono>

#include "fanout/algorithm/all.hpp"
#include "fanout/combine/decided.hpp"
#include "fanout/timer/manual.hpp"

void f(fanout::timer::manual_timer& clock) {
  auto described = fanout::all<int>(std::array{1, 2}, [](int n, auto branch) {
                     branch({}, n);
                   }).deadline(std::chrono::milliseconds(1), clock);
#ifdef FANOUT_EXPECT_OK
  std::move(described).deliver_at(fanout::decided).then([](auto) noexcept {});
#else
  std::move(described).then([](auto) noexcept {});
#endif
}
