// SPDX-License-Identifier: BSL-1.0
// expect: the outcome of the operation
#include <array>
#include <utility>

#include "fanout/algorithm/all.hpp"
#include "fanout/algorithm/future.hpp"

void f() {
  auto described = fanout::all<int>(std::array{1, 2}, [](int n, auto branch) { branch({}, n); });
#ifdef FANOUT_EXPECT_OK
  static_cast<void>(fanout::async(std::move(described)));
#else
  fanout::async(std::move(described));
#endif
}
