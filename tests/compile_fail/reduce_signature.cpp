// SPDX-License-Identifier: BSL-1.0
// expect: reduce.init, f. calls f.init, value., as std::accumulate does, or f.so_far&, value.
#include "fanout/combine/reduce.hpp"
#include "fanout/issue.hpp"

void f() {
#ifdef FANOUT_EXPECT_OK
  auto policy = fanout::combine::reduce(0, [](int so_far, int value) { return so_far + value; });
#else
  auto policy = fanout::combine::reduce(0, [](int so_far, const char*) { return so_far; });
#endif
  auto issuer = fanout::issue<int>(1, policy, [](auto) noexcept {});
  issuer.start(0, [](auto branch) { branch({}, 1); });
}
