// SPDX-License-Identifier: BSL-1.0
// expect: this is not a combine policy: pass fanout::combine::all, settle, with.f. or one of your own
#include "fanout/combine/with.hpp"
#include "fanout/issue.hpp"

void f() {
  auto size = [](auto values) { return values.size(); };
#ifdef FANOUT_EXPECT_OK
  auto issuer = fanout::issue<int>(1, fanout::combine::with(size), [](auto) noexcept {});
#else
  auto issuer = fanout::issue<int>(1, size, [](auto) noexcept {});
#endif
  issuer.start(0, [](auto branch) { branch({}, 1); });
}
