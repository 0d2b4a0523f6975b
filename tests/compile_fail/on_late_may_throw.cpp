// SPDX-License-Identifier: BSL-1.0
// expect: on_late.f.: f must be noexcept
#include <array>

#include "fanout/algorithm/quorum.hpp"

void f() {
#ifdef FANOUT_EXPECT_OK
  const auto close = [](int) noexcept {};
#else
  const auto close = [](int) {};
#endif
  fanout::quorum<int>(1, std::array{1, 2}, [](int n, auto branch, auto) { branch({}, n); })
      .on_late(close)
      .then([](auto) noexcept {});
}
