// SPDX-License-Identifier: BSL-1.0
// expect: an initiator is called as f.branch. or f.branch, stop_token.: take the branch by value
#include "fanout/combine/all.hpp"
#include "fanout/issue.hpp"

void f() {
  auto issuer = fanout::issue<int>(1, fanout::combine::all, [](auto) noexcept {});
#ifdef FANOUT_EXPECT_OK
  issuer.start(0, [](auto branch) { branch({}, 1); });
#else
  issuer.start(0, [](auto& branch) { branch({}, 1); });
#endif
}
