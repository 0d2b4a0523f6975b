// SPDX-License-Identifier: BSL-1.0
// expect: a C out-parameter must exist before the call, so its type must be default constructible
#include "fanout/callback/errno_callback.hpp"
#include "fanout/combine/all.hpp"
#include "fanout/issue.hpp"

struct value {
#ifdef FANOUT_EXPECT_OK
  value() noexcept : x(0) {}
#endif
  explicit value(int i) noexcept : x(i) {}
  int x;
};

void f() {
  auto issuer = fanout::issue<value, fanout::errno_callback>(1, fanout::combine::all, [](auto) noexcept {});
  issuer.start_c(0, [](value*, auto, void*) { return 0; });
}
