// SPDX-License-Identifier: BSL-1.0
// expect: reduce needs branches that have values
#include "fanout/combine/reduce.hpp"
#include "fanout/issue.hpp"

void f() {
  auto policy = fanout::combine::reduce(0, [](int so_far, int value) { return so_far + value; });
#ifdef FANOUT_EXPECT_OK
  auto issuer = fanout::issue<int>(1, policy, [](auto) noexcept {});
#else
  auto issuer = fanout::issue<void>(1, policy, [](auto) noexcept {});
#endif
}
