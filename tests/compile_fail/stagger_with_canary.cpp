// SPDX-License-Identifier: BSL-1.0
// expect: .canary says what is started first, and so does .stagger: choose one of them
#include <array>
#include <chrono>
#include <utility>

#include "fanout/algorithm/all.hpp"
#include "fanout/timer/manual.hpp"

void f(fanout::timer::manual_timer& timer) {
  auto described = fanout::all<int>(std::array{1, 2}, [](int n, auto branch) {
                     branch({}, n);
                   }).stagger(std::chrono::milliseconds(300), timer);
#ifdef FANOUT_EXPECT_OK
  std::move(described).then([](auto) noexcept {});
#else
  std::move(described).canary(1).then([](auto) noexcept {});
#endif
}
