// SPDX-License-Identifier: BSL-1.0
// expect: a built-in array would be copied as a pointer: pass std::ref
#include <functional>

#include "fanout/algorithm/all.hpp"

int numbers[] = {1, 2, 3};

void f() {
  auto initiator = [](int n, auto branch) { branch({}, n); };
#ifdef FANOUT_EXPECT_OK
  fanout::all<int>(std::ref(numbers), initiator).then([](auto) noexcept {});
#else
  fanout::all<int>(numbers, initiator).then([](auto) noexcept {});
#endif
}
