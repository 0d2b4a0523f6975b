// SPDX-License-Identifier: BSL-1.0
// expect: the branch can now be completed only through this context
#include "fanout/callback/errno_callback.hpp"
#include "fanout/combine/all.hpp"
#include "fanout/issue.hpp"

void f() {
  auto issuer = fanout::issue<int, fanout::errno_callback>(1, fanout::combine::all, [](auto) noexcept {});
  issuer.start(0, [](auto branch) {
#ifdef FANOUT_EXPECT_OK
    const auto door = branch.release();
    door.callback(0, door.context);
#else
    branch.release();
#endif
  });
}
