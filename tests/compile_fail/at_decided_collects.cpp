// SPDX-License-Identifier: BSL-1.0
// expect: only a policy that votes or folds can be delivered at decided
#include "fanout/combine/decided.hpp"
#include "fanout/combine/quorum.hpp"
#include "fanout/combine/with.hpp"
#include "fanout/issue.hpp"

void f() {
#ifdef FANOUT_EXPECT_OK
  auto policy = fanout::combine::quorum(1);
#else
  auto policy = fanout::combine::with([](auto) { return 1; });
#endif
  auto issuer = fanout::issue<int>(1, fanout::combine::at_decided(policy), [](auto) noexcept {});
  issuer.start(0, [](auto branch) { branch({}, 1); });
}
