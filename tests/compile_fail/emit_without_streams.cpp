// SPDX-License-Identifier: BSL-1.0
// expect: only a branch of a policy that takes items emits: see fanout::merge
#include "fanout/combine/all.hpp"
#include "fanout/combine/merge.hpp"
#include "fanout/issue.hpp"

void f() {
#ifdef FANOUT_EXPECT_OK
  auto issuer = fanout::issue<void>(1, fanout::combine::merge<int>([](int) {}), [](auto) noexcept {});
#else
  auto issuer = fanout::issue<void>(1, fanout::combine::all, [](auto) noexcept {});
#endif
  issuer.start(0, [](auto branch) { static_cast<void>(branch.emit(1)); });
}
