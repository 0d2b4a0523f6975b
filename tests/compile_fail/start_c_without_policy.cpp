// SPDX-License-Identifier: BSL-1.0
// expect: this callback policy has no C function: use fanout::errno_callback or one of your own
#include "fanout/callback/errno_callback.hpp"
#include "fanout/combine/all.hpp"
#include "fanout/issue.hpp"

#ifdef FANOUT_EXPECT_OK
using policy = fanout::errno_callback;
#else
using policy = fanout::handler;
#endif

void f() {
  auto issuer = fanout::issue<int, policy>(1, fanout::combine::all, [](auto) noexcept {});
  issuer.start_c(0, [](int* out, auto, void*) { return *out = 1, 0; });
}
