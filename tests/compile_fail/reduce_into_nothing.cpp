// SPDX-License-Identifier: BSL-1.0
// expect: an f that returns nothing takes what it adds to by reference
#include "fanout/combine/reduce.hpp"
#include "fanout/issue.hpp"

void f() {
#ifdef FANOUT_EXPECT_OK
  auto policy = fanout::combine::reduce(0, [](int& so_far, int value) { so_far += value; });
#else
  auto policy = fanout::combine::reduce(0, [](int&& so_far, int value) { so_far += value; });
#endif
  auto issuer = fanout::issue<int>(1, policy, [](auto) noexcept {});
  issuer.start(0, [](auto branch) { branch({}, 1); });
}
