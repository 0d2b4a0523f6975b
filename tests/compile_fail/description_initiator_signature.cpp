// SPDX-License-Identifier: BSL-1.0
// expect: an initiator is called as f.element, branch. or f.element, branch, stop_token.
#include <array>

#include "fanout/algorithm/all.hpp"

void f() {
#ifdef FANOUT_EXPECT_OK
  fanout::all<int>(std::array{1, 2}, [](int n, auto branch) { branch({}, n); }).then([](auto) noexcept {});
#else
  fanout::all<int>(std::array{1, 2}, [](auto branch) { branch({}, 1); }).then([](auto) noexcept {});
#endif
}
