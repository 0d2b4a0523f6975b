// SPDX-License-Identifier: BSL-1.0
// expect: a sink is called as sink.std::size_t index, fanout::result<T, E> what.
#include <cstddef>

#include "fanout/combine/each.hpp"
#include "fanout/issue.hpp"

void f() {
#ifdef FANOUT_EXPECT_OK
  auto policy = fanout::combine::each([](std::size_t, fanout::result<int>) {});
#else
  auto policy = fanout::combine::each([](fanout::result<int>) {});
#endif
  auto issuer = fanout::issue<int>(1, policy, [](auto) noexcept {});
  issuer.start(0, [](auto branch) { branch({}, 1); });
}
