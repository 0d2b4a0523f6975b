// SPDX-License-Identifier: BSL-1.0
// expect: this is not a refcount strategy: see fanout/refcount/concept.hpp
#include <vector>

#include "fanout/algorithm/all.hpp"
#include "fanout/refcount/atomic.hpp"

struct counter {};

void f() {
  const std::vector<int> numbers{1, 2};
  auto start = [](int n, auto branch) { branch.set_value(n); };
  fanout::all<int>(numbers, start)
#ifdef FANOUT_EXPECT_OK
      .count_with<fanout::refcount::basic_atomic>()
#else
      .count_with<counter>()
#endif
      .then([](auto) noexcept {});
}
