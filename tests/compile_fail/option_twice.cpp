// SPDX-License-Identifier: BSL-1.0
// expect: this option has been given already
#include <array>
#include <utility>

#include "fanout/algorithm/all.hpp"

void f() {
  auto described = fanout::all<int>(std::array{1, 2}, [](int n, auto branch) { branch({}, n); }).window(2);
#ifdef FANOUT_EXPECT_OK
  std::move(described).then([](auto) noexcept {});
#else
  std::move(described).window(3).then([](auto) noexcept {});
#endif
}
