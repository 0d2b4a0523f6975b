// SPDX-License-Identifier: BSL-1.0
// expect: discards qualifiers|is an lvalue, but function has rvalue ref-qualifier|expects an rvalue
#include <array>
#include <utility>

#include "fanout/algorithm/all.hpp"

void f() {
  auto described = fanout::all<int>(std::array{1, 2}, [](int n, auto branch) { branch({}, n); });
#ifdef FANOUT_EXPECT_OK
  std::move(described).then([](auto) noexcept {});
#else
  described.then([](auto) noexcept {});
#endif
}
