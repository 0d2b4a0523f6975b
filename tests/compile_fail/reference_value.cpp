// SPDX-License-Identifier: BSL-1.0
// expect: a branch.s value cannot be a reference: use a pointer or std::reference_wrapper
#include "fanout/combine/all.hpp"
#include "fanout/issue.hpp"

int x = 0;

void f() {
#ifdef FANOUT_EXPECT_OK
  auto issuer = fanout::issue<int*>(1, fanout::combine::all, [](auto) noexcept {});
  issuer.start(0, [](auto branch) { branch({}, &x); });
#else
  auto issuer = fanout::issue<int&>(1, fanout::combine::all, [](auto) noexcept {});
  issuer.start(0, [](auto branch) { branch({}, x); });
#endif
}
