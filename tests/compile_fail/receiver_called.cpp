// SPDX-License-Identifier: BSL-1.0
// expect: no match for call to|no matching function for call to object
#include "fanout/callback/receiver.hpp"
#include "fanout/combine/all.hpp"
#include "fanout/issue.hpp"

void f() {
  auto issuer = fanout::issue<int, fanout::receiver>(1, fanout::combine::all, [](auto) noexcept {});
#ifdef FANOUT_EXPECT_OK
  issuer.start(0, [](auto branch) { branch.set_value(1); });
#else
  issuer.start(0, [](auto branch) { branch(0, 1); });
#endif
}
