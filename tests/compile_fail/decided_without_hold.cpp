// SPDX-License-Identifier: BSL-1.0
// expect: delivery at decided needs a refcount strategy with try_hold and release_hold: use refcount::atomic
#include <vector>

#include "fanout/algorithm/first_success.hpp"
#include "fanout/refcount/peek.hpp"

void f() {
  const std::vector<int> numbers{1, 2};
  auto start = [](int n, auto branch) { branch.set_value(n); };
  fanout::first_success<int>(numbers, start)
      .deliver_at(fanout::decided)
#ifndef FANOUT_EXPECT_OK
      .count_with<fanout::refcount::peek>()
#endif
      .then([](auto) noexcept {});
}
