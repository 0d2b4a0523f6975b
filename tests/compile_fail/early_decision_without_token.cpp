// SPDX-License-Identifier: BSL-1.0
// expect: one branch that ignores stop would keep this operation from ever being delivered
#include <array>

#include "fanout/algorithm/quorum.hpp"

void f() {
#ifdef FANOUT_EXPECT_OK
  fanout::quorum<int>(1, std::array{1, 2}, [](int n, auto branch, auto) { branch({}, n); }).then([](auto) noexcept {});
  fanout::quorum<int>(1, std::array{1, 2}, [](int n, auto branch) { branch({}, n); }).drain().then([](auto) noexcept {
  });
#else
  fanout::quorum<int>(1, std::array{1, 2}, [](int n, auto branch) { branch({}, n); }).then([](auto) noexcept {});
#endif
}
