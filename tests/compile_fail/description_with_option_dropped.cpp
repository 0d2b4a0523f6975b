// SPDX-License-Identifier: BSL-1.0
// expect: nothing starts before .then
#include <array>
#include <utility>

#include "fanout/algorithm/settle.hpp"
#include "fanout/stop_token.hpp"

void f(fanout::inplace_stop_token token) {
  auto described = fanout::settle<int>(std::array{1, 2}, [](int n, auto branch) { branch({}, n); });
#ifdef FANOUT_EXPECT_OK
  std::move(described).stop_on(token).then([](auto) noexcept {});
#else
  std::move(described).stop_on(token);
#endif
}
