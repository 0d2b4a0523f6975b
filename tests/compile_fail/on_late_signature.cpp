// SPDX-License-Identifier: BSL-1.0
// expect: on_late.f. calls f.value. or f.index, value.
#include <array>

#include "fanout/algorithm/quorum.hpp"

void f() {
#ifdef FANOUT_EXPECT_OK
  const auto close = [](int) noexcept {};
#else
  const auto close = [](const char*) noexcept {};
#endif
  fanout::quorum<int>(1, std::array{1, 2}, [](int n, auto branch, auto) { branch({}, n); })
      .on_late(close)
      .then([](auto) noexcept {});
}
