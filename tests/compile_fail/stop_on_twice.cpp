// SPDX-License-Identifier: BSL-1.0
// expect: stop_on was given a token already, which this one would replace: use a linked_stop_source
#include <array>
#include <utility>

#include "fanout/algorithm/all.hpp"
#include "fanout/stop_token.hpp"

void f(fanout::inplace_stop_token one, fanout::inplace_stop_token other) {
  auto described = fanout::all<int>(std::array{1}, [](int n, auto branch) { branch({}, n); });
#ifdef FANOUT_EXPECT_OK
  static_cast<void>(other);
  std::move(described).stop_on(one).then([](auto) noexcept {});
#else
  std::move(described).stop_on(one).stop_on(other).then([](auto) noexcept {});
#endif
}
