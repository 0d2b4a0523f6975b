// SPDX-License-Identifier: BSL-1.0
// expect: on_late.f. over branches without values calls f.index. or f.., and f must be noexcept
#include <array>

#include "fanout/algorithm/quorum.hpp"

void f() {
#ifdef FANOUT_EXPECT_OK
  const auto count = []() noexcept {};
#else
  const auto count = [](const char*) noexcept {};
#endif
  fanout::quorum<void>(1, std::array{1, 2}, [](int, auto branch, auto) { branch.set_value(); })
      .on_late(count)
      .then([](auto) noexcept {});
}
