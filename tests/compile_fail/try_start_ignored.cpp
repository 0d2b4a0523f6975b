// SPDX-License-Identifier: BSL-1.0
// expect: whether the initiator has run|a result that is dropped loses its value or its error
#include "fanout/combine/all.hpp"
#include "fanout/issue.hpp"

void f() {
  auto issuer = fanout::issue<int>(1, fanout::combine::all, [](auto) noexcept {});
#ifdef FANOUT_EXPECT_OK
  if (!issuer.try_start(0, [](auto branch) { branch({}, 1); })) return;
#else
  issuer.try_start(0, [](auto branch) { branch({}, 1); });
#endif
}
