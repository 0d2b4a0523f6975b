// SPDX-License-Identifier: BSL-1.0
// expect: an embedded operation cannot outlive its owner's memory
#include "fanout/combine/decided.hpp"
#include "fanout/combine/reduce.hpp"
#include "fanout/embedded.hpp"

void f() {
  auto sum = fanout::combine::reduce(0, [](int a, int b) { return a + b; });
#ifdef FANOUT_EXPECT_OK
  auto op = fanout::make_embedded<int, 4>(sum, [](auto) noexcept {});
#else
  auto op = fanout::make_embedded<int, 4>(fanout::combine::at_decided(sum), [](auto) noexcept {});
#endif
  auto issuer = op.issue();
}
