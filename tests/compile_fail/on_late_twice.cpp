// SPDX-License-Identifier: BSL-1.0
// expect: on_late was given a function already, which this one would replace
#include <array>
#include <utility>

#include "fanout/algorithm/quorum.hpp"

void f() {
  auto described = fanout::quorum<int>(1, std::array{1, 2}, [](int n, auto branch, auto) {
                     branch({}, n);
                   }).on_late([](int) noexcept {});
#ifdef FANOUT_EXPECT_OK
  std::move(described).then([](auto) noexcept {});
#else
  std::move(described).on_late([](int) noexcept {}).then([](auto) noexcept {});
#endif
}
