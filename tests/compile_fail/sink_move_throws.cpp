// SPDX-License-Identifier: BSL-1.0
// expect: what was const is copied when it is captured
#include <vector>

#include "fanout/algorithm/each.hpp"

void f() {
#ifdef FANOUT_EXPECT_OK
  std::vector<int> weights{1, 2};
#else
  const std::vector<int> weights{1, 2};
#endif
  auto initiator = [](int n, auto branch) { branch({}, n); };
  auto sink = [weights](std::size_t, fanout::result<int>) {};
  fanout::each<int>(std::vector{1, 2}, initiator, std::move(sink)).then([](auto) noexcept {});
}
