// SPDX-License-Identifier: BSL-1.0
// expect: one branch that ignores stop would keep this operation from ever being delivered
#include <array>
#include <cstddef>
#include <utility>

#include "fanout/algorithm/each.hpp"

void f() {
  auto described = fanout::each<int>(
      std::array{1, 2}, [](int n, auto branch) { branch({}, n); },
      [](std::size_t, auto) { return fanout::verdict::decided; });
#ifdef FANOUT_EXPECT_OK
  std::move(described).drain().then([](auto) noexcept {});
#else
  std::move(described).then([](auto) noexcept {});
#endif
}
